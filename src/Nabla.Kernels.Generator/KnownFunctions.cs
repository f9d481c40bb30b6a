namespace Nabla.Kernels.Generator;

/// <summary>
/// Library methods that have a translation, by their C# names: of <c>MathF</c>, <c>Math</c>, <c>XMath</c>, and the static members of generic numbers.
/// </summary>
internal static class KnownFunctions
{
    // C# name → name in OpenCL C; CUDA C has the same with an f for f32.
    private static readonly Dictionary<string, string> Floating = new()
    {
        ["Sqrt"] = "sqrt",
        ["Cbrt"] = "cbrt",
        ["Exp"] = "exp",
        ["Exp2"] = "exp2",
        ["ExpM1"] = "expm1",
        ["Log"] = "log",
        ["Log2"] = "log2",
        ["Log10"] = "log10",
        ["LogP1"] = "log1p",
        ["Sin"] = "sin",
        ["Cos"] = "cos",
        ["Tan"] = "tan",
        ["Asin"] = "asin",
        ["Acos"] = "acos",
        ["Atan"] = "atan",
        ["Atan2"] = "atan2",
        ["Sinh"] = "sinh",
        ["Cosh"] = "cosh",
        ["Tanh"] = "tanh",
        ["Asinh"] = "asinh",
        ["Acosh"] = "acosh",
        ["Atanh"] = "atanh",
        ["Pow"] = "pow",
        ["Floor"] = "floor",
        ["Ceiling"] = "ceil",
        ["Truncate"] = "trunc",
        ["Round"] = "rint",
        ["Abs"] = "fabs",
        ["CopySign"] = "copysign",
        ["FusedMultiplyAdd"] = "fma",
        ["ScaleB"] = "ldexp",
        ["Rem"] = "fmod",
        ["Hypot"] = "hypot",
    };

    /// <summary>True for a name of C's library that a local of the same name would hide.</summary>
    public static bool IsFunction(string name) => Floating.ContainsValue(name) || name.EndsWith("f", StringComparison.Ordinal) && Floating.ContainsValue(name.Substring(0, name.Length - 1));

    /// <summary>The function on floats in OpenCL C; null if there is none.</summary>
    public static string? Float(string name) => Floating.TryGetValue(name, out string? function) ? function : null;

    /// <summary>
    /// Functions of our own prelude, which have C#'s meaning where C's differs or is open; they exist for each number type, with its name at the end.
    /// </summary>
    public static string? Prelude(string name) => name switch
    {
        "Max" => "nabla_max",
        "Min" => "nabla_min",
        "MaxNumber" => "nabla_max_number",
        "MinNumber" => "nabla_min_number",
        "IsNegative" => "nabla_is_negative",
        "IsFinite" => "nabla_is_finite",
        "IsNaN" => "nabla_is_nan",
        "IsInfinity" => "nabla_is_infinity",
        "Sign" => "nabla_sign",
        _ => null,
    };

    /// <summary>Reading the bits of a number as another type: the OpenCL function; CUDA's are in the prelude under the same name.</summary>
    public static string? Bits(string name) => name switch
    {
        "SingleToInt32Bits" or "FloatAsInt" => "as_int",
        "Int32BitsToSingle" or "IntAsFloat" => "as_float",
        "SingleToUInt32Bits" => "as_uint",
        "UInt32BitsToSingle" => "as_float",
        "DoubleToInt64Bits" => "as_long",
        "Int64BitsToDouble" => "as_double",
        "DoubleToUInt64Bits" => "as_ulong",
        "UInt64BitsToDouble" => "as_double",
        _ => null,
    };
}
