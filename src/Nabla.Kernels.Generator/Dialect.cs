using Microsoft.CodeAnalysis;

namespace Nabla.Kernels.Generator;

/// <summary>Where a view points.</summary>
internal enum Space
{
    /// <summary>Memory of the device.</summary>
    Global,
    /// <summary>Memory of a group.</summary>
    Shared,
    /// <summary>Memory of a work-item.</summary>
    Local,
}

/// <summary>What differs between the two C languages.</summary>
internal abstract class Dialect
{
    public static readonly Dialect OpenCl = new OpenClDialect();
    public static readonly Dialect Cuda = new CudaDialect();

    /// <summary>The name of a number type; null if it is not one.</summary>
    public abstract string? Scalar(SpecialType type);

    /// <summary>The suffix of 64-bit integer literals.</summary>
    public abstract string LongSuffix { get; }

    /// <summary>What stands before the type of a pointer to such memory, with a blank after it.</summary>
    public abstract string Qualifier(Space space);

    /// <summary>What stands before an array declared in such memory.</summary>
    public abstract string ArrayQualifier(Space space);

    /// <summary>How a helper function starts.</summary>
    public abstract string FunctionStart { get; }

    /// <summary>How a kernel starts; with the groups that a multiprocessor should have room for, if that was said.</summary>
    public abstract string KernelStart(int x, int y, int z, int? atOnce);

    /// <summary>Index properties of Grid and Group by their C# names.</summary>
    public abstract string Index(string type, string property);

    public abstract string Barrier { get; }

    /// <summary>What stands before a loop over so many lanes of vectors.</summary>
    public abstract string LanesPragma(int count);

    /// <summary>A conversion with C#'s meaning: floats become integers toward zero, saturating, NaN as 0.</summary>
    public abstract string ToInteger(string type, string expression);

    /// <summary>The name in this language of a function that has one name for f32 and f64 in OpenCL.</summary>
    public abstract string Math(string name, bool single);

    /// <summary>The name of the string that an [Intrinsic] gives for this language.</summary>
    public abstract string IntrinsicProperty { get; }

    private sealed class OpenClDialect : Dialect
    {
        public override string? Scalar(SpecialType type) => type switch
        {
            SpecialType.System_Single => "float",
            SpecialType.System_Double => "double",
            SpecialType.System_Int32 => "int",
            SpecialType.System_UInt32 => "uint",
            SpecialType.System_Int64 => "long",
            SpecialType.System_UInt64 => "ulong",
            SpecialType.System_Byte => "uchar",
            SpecialType.System_SByte => "char",
            SpecialType.System_Int16 => "short",
            SpecialType.System_UInt16 => "ushort",
            SpecialType.System_Boolean => "bool",
            _ => null,
        };

        public override string LongSuffix => "L";

        public override string Qualifier(Space space) => space switch
        {
            Space.Global => "__global ",
            Space.Shared => "__local ",
            _ => "",
        };

        public override string ArrayQualifier(Space space) => space == Space.Shared ? "__local " : "";

        public override string FunctionStart => "static inline ";

        public override string KernelStart(int x, int y, int z, int? atOnce) => $"__kernel __attribute__((reqd_work_group_size({x}, {y}, {z})))\nvoid ";

        public override string Index(string type, string property) => (type, property) switch
        {
            ("Grid", "IdxX") => "(int)get_group_id(0)",
            ("Grid", "IdxY") => "(int)get_group_id(1)",
            ("Grid", "IdxZ") => "(int)get_group_id(2)",
            ("Grid", "DimX") => "(int)get_num_groups(0)",
            ("Grid", "DimY") => "(int)get_num_groups(1)",
            ("Grid", "DimZ") => "(int)get_num_groups(2)",
            ("Group", "IdxX") => "(int)get_local_id(0)",
            ("Group", "IdxY") => "(int)get_local_id(1)",
            ("Group", "IdxZ") => "(int)get_local_id(2)",
            ("Group", "DimX") => "(int)get_local_size(0)",
            ("Group", "DimY") => "(int)get_local_size(1)",
            ("Group", "DimZ") => "(int)get_local_size(2)",
            _ => $"nabla_{type.ToLowerInvariant()}_{property.ToLowerInvariant()}()",
        };

        public override string LanesPragma(int count) =>
            $"#pragma clang loop vectorize(enable) vectorize_width({System.Math.Min(count, 16)}) interleave_count({System.Math.Max(count / 16, 1)})";

        public override string Barrier => "barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)";

        public override string ToInteger(string type, string expression) => $"convert_{type}_sat_rtz({expression})";

        public override string Math(string name, bool single) => name;

        public override string IntrinsicProperty => "OpenCl";
    }

    private sealed class CudaDialect : Dialect
    {
        public override string? Scalar(SpecialType type) => type switch
        {
            SpecialType.System_Single => "float",
            SpecialType.System_Double => "double",
            SpecialType.System_Int32 => "int",
            SpecialType.System_UInt32 => "unsigned int",
            SpecialType.System_Int64 => "long long",
            SpecialType.System_UInt64 => "unsigned long long",
            SpecialType.System_Byte => "unsigned char",
            SpecialType.System_SByte => "signed char",
            SpecialType.System_Int16 => "short",
            SpecialType.System_UInt16 => "unsigned short",
            SpecialType.System_Boolean => "bool",
            _ => null,
        };

        public override string LongSuffix => "LL";

        public override string Qualifier(Space space) => "";

        public override string ArrayQualifier(Space space) => space == Space.Shared ? "__shared__ __align__(16) " : "__align__(16) ";

        public override string FunctionStart => "static __device__ __forceinline__ ";

        public override string KernelStart(int x, int y, int z, int? atOnce) => $"extern \"C\" __global__ void __launch_bounds__({x * y * z}{(atOnce is null ? "" : $", {atOnce}")}) ";

        public override string Index(string type, string property) => (type, property) switch
        {
            ("Grid", "IdxX") => "(int)blockIdx.x",
            ("Grid", "IdxY") => "(int)blockIdx.y",
            ("Grid", "IdxZ") => "(int)blockIdx.z",
            ("Grid", "DimX") => "(int)gridDim.x",
            ("Grid", "DimY") => "(int)gridDim.y",
            ("Grid", "DimZ") => "(int)gridDim.z",
            ("Group", "IdxX") => "(int)threadIdx.x",
            ("Group", "IdxY") => "(int)threadIdx.y",
            ("Group", "IdxZ") => "(int)threadIdx.z",
            ("Group", "DimX") => "(int)blockDim.x",
            ("Group", "DimY") => "(int)blockDim.y",
            ("Group", "DimZ") => "(int)blockDim.z",
            _ => $"nabla_{type.ToLowerInvariant()}_{property.ToLowerInvariant()}()",
        };

        public override string LanesPragma(int count) => "#pragma unroll";

        public override string Barrier => "__syncthreads()";

        public override string ToInteger(string type, string expression) => $"nabla_to_{type.Replace(" ", "_")}({expression})";

        public override string Math(string name, bool single) => single ? name + "f" : name;

        public override string IntrinsicProperty => "Cuda";
    }
}
