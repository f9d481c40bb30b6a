namespace Nabla;

/// <summary>Element type of a tensor.</summary>
public enum DType : byte
{
    /// <summary>IEEE 754 binary32 (<see cref="float"/>).</summary>
    F32,
    /// <summary>IEEE 754 binary64 (<see cref="double"/>).</summary>
    F64,
    /// <summary>Two's complement 32-bit integer (<see cref="int"/>).</summary>
    I32,
    /// <summary>Two's complement 64-bit integer (<see cref="long"/>).</summary>
    I64,
    /// <summary>One byte, 0 or 1 (<see cref="bool"/>).</summary>
    Bool,
}

/// <summary>Facts about element types: size, printed name, promotion.</summary>
public static class DTypes
{
    /// <summary>All element types, in the order of <see cref="DType"/>.</summary>
    public static IReadOnlyList<DType> All { get; } = [DType.F32, DType.F64, DType.I32, DType.I64, DType.Bool];

    extension(DType dtype)
    {
        /// <summary>Bytes per element.</summary>
        public int Size => dtype switch
        {
            DType.F32 or DType.I32 => 4,
            DType.F64 or DType.I64 => 8,
            _ => 1,
        };

        /// <summary>True for f32 and f64, the types that carry derivatives.</summary>
        public bool IsFloat => dtype is DType.F32 or DType.F64;

        /// <summary>True for i32 and i64.</summary>
        public bool IsInteger => dtype is DType.I32 or DType.I64;

        /// <summary>The name used in shapes, IR and files: <c>f32 f64 i32 i64 bool</c>.</summary>
        public string Name => dtype switch
        {
            DType.F32 => "f32",
            DType.F64 => "f64",
            DType.I32 => "i32",
            DType.I64 => "i64",
            _ => "bool",
        };

        /// <summary>Unit roundoff u: 2⁻²⁴ for f32, 2⁻⁵³ for f64, 0 for the exact types.</summary>
        public double UnitRoundoff => dtype switch
        {
            DType.F32 => 1.0 / (1 << 24),
            DType.F64 => 1.0 / (1L << 53),
            _ => 0,
        };
    }

    /// <summary>The element type that stores <typeparamref name="T"/>.</summary>
    /// <exception cref="DTypeException">NB0201: <typeparamref name="T"/> is not one of the five element types.</exception>
    public static DType Of<T>() =>
        typeof(T) == typeof(float) ? DType.F32 :
        typeof(T) == typeof(double) ? DType.F64 :
        typeof(T) == typeof(int) ? DType.I32 :
        typeof(T) == typeof(long) ? DType.I64 :
        typeof(T) == typeof(bool) ? DType.Bool :
        throw TensorErrors.NotAnElementType(typeof(T));

    /// <summary>Parses a printed name such as <c>f32</c>.</summary>
    /// <exception cref="DTypeException">NB0202: the name is unknown.</exception>
    public static DType Parse(string name)
    {
        foreach (DType dtype in All)
            if (dtype.Name == name) return dtype;
        throw TensorErrors.UnknownDType(name);
    }

    /// <summary>
    /// The type in which a binary operation on <paramref name="a"/> and <paramref name="b"/> is computed:
    /// bool &lt; i32 &lt; i64 &lt; f32 &lt; f64; the larger of the two. An integer never turns f32 into f64.
    /// </summary>
    public static DType Promote(DType a, DType b) => Rank(a) >= Rank(b) ? a : b;

    private static int Rank(DType dtype) => dtype switch
    {
        DType.Bool => 0,
        DType.I32 => 1,
        DType.I64 => 2,
        DType.F32 => 3,
        _ => 4,
    };
}
