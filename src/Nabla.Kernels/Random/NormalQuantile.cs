using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// Standard normal numbers from uniform bits by the inverse distribution function, x = Φ⁻¹(p), where p is the midpoint of one of
/// 2²⁴ (f32) or 2⁵³ (f64) equal cells of (0, 1): never 0 or 1, so x is always finite.
/// </summary>
/// <remarks>
/// Source: Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37 (1988): PPND16 with its
/// three rational approximations in r = 0.180625 − q² for |q| = |p − ½| ≤ 0.425 and in r = √(−ln min(p, 1 − p)) outside.
/// q and min(p, 1 − p) = ½ − |q| are exact.
/// </remarks>
internal static class NormalQuantile
{
    /// <summary>Normals from the upper 24 bits of each word.</summary>
    public static Vector512<float> FromWords(Vector512<uint> words)
    {
        (Vector512<ulong> low, Vector512<ulong> high) = Vector512.Widen(words >> 8);
        return Vector512.Narrow(FromBits(low, 1 << 23, 1.0 / (1 << 24)), FromBits(high, 1 << 23, 1.0 / (1 << 24)));
    }

    /// <summary>Normals from 53 bits each.</summary>
    public static Vector512<double> FromBits(Vector512<ulong> bits) => FromBits(bits, 1L << 52, 1.0 / (1L << 53));

    private static Vector512<double> FromBits(Vector512<ulong> bits, long half, double cell)
    {
        Vector512<double> q = (Vector512.ConvertToDouble(bits.AsInt64() - Vector512.Create(half)) + Vector512.Create(0.5)) * cell;
        return At(q, Vector512.Create(0.5) - Vector512.Abs(q));
    }

    /// <summary>Φ⁻¹(½ + q), where <paramref name="tail"/> is the smaller of ½ + q and ½ − q; positive, and exact however small.</summary>
    public static Vector512<double> At(Vector512<double> q, Vector512<double> tail)
    {
        Vector512<double> five = Vector512.Create(5.0);
        Vector512<double> isCentral = Vector512.LessThanOrEqual(Vector512.Abs(q), Vector512.Create(0.425));
        Vector512<double> r = Vector512.Sqrt(-Vector512.Log(tail));
        Fraction outer = Middle(r - Vector512.Create(1.6));
        // Three times in 10¹¹ random numbers, and never for f32.
        if (Vector512.GreaterThanAny(r, five)) outer = Fraction.Select(Vector512.GreaterThan(r, five), Far(r - five), outer);
        Fraction central = Central(Vector512.FusedMultiplyAdd(-q, q, Vector512.Create(0.180625)));
        // One division serves both: it costs as much as a polynomial.
        outer = outer with { Above = Vector512.CopySign(outer.Above, q) };
        Fraction chosen = Fraction.Select(isCentral, central with { Above = q * central.Above }, outer);
        return chosen.Above / chosen.Below;
    }

    private readonly record struct Fraction(Vector512<double> Above, Vector512<double> Below)
    {
        public static Fraction Select(Vector512<double> mask, Fraction a, Fraction b) =>
            new(Vector512.ConditionalSelect(mask, a.Above, b.Above), Vector512.ConditionalSelect(mask, a.Below, b.Below));
    }

    private static Fraction Central(Vector512<double> r) => Ratio(r,
        [2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4, 4.5921953931549871457e+4,
            1.3731693765509461125e+4, 1.9715909503065514427e+3, 1.3314166789178437745e+2, 3.3871328727963666080],
        [5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4, 2.1213794301586595867e+4,
            5.3941960214247511077e+3, 6.8718700749205790830e+2, 4.2313330701600911252e+1, 1]);

    private static Fraction Middle(Vector512<double> r) => Ratio(r,
        [7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258,
            3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734],
        [1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
            6.89767334985100004550e-1, 1.67638483018380384940, 2.05319162663775882187, 1]);

    private static Fraction Far(Vector512<double> r) => Ratio(r,
        [2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
            2.96560571828504891230e-1, 1.78482653991729133580, 5.46378491116411436990, 6.65790464350110377720],
        [2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
            1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1]);

    // Horner's rule, highest coefficients first.
    private static Fraction Ratio(Vector512<double> r, ReadOnlySpan<double> above, ReadOnlySpan<double> below)
    {
        Vector512<double> a = Vector512.Create(above[0]), b = Vector512.Create(below[0]);
        for (int i = 1; i < above.Length; i++)
        {
            a = Vector512.FusedMultiplyAdd(a, r, Vector512.Create(above[i]));
            b = Vector512.FusedMultiplyAdd(b, r, Vector512.Create(below[i]));
        }
        return new(a, b);
    }
}
