using System.Globalization;
using Microsoft.CodeAnalysis.CSharp;

namespace Nabla.Kernels.Generator;

/// <summary>Names of C#, in C.</summary>
internal static class Identifiers
{
    // Words of OpenCL C and CUDA C++ that C# does not have, macros, and names that our texts use themselves. Words of C# come here with an @.
    private static readonly HashSet<string> Words = [.. (
        "auto register restrict inline signed unsigned union typedef asm template typename delete friend mutable export and or not xor bitand bitor compl "
        + "and_eq or_eq xor_eq not_eq constexpr noexcept nullptr thread_local wchar_t decltype concept requires half quad complex imaginary kernel global local constant "
        + "generic pipe uchar uint ulong ushort size_t ptrdiff_t event_t sampler_t image2d_t self min max abs INFINITY NAN NULL EOF HUGE_VALF MAXFLOAT "
        + "threadIdx blockIdx blockDim gridDim warpSize as_int as_uint as_float as_long as_ulong as_double barrier").Split(' ')];

    /// <summary>The name; another one if it means something in C, or has letters beyond ASCII.</summary>
    public static string InC(string name)
    {
        if (Words.Contains(name) || KnownFunctions.IsFunction(name) || SyntaxFacts.GetKeywordKind(name) != SyntaxKind.None) return name + "_";
        return name.All(c => c < 128) ? name : string.Concat(name.Select(c => c < 128 ? c.ToString() : "u" + ((int)c).ToString("x4", CultureInfo.InvariantCulture)));
    }
}
