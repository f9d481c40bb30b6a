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
    // The coefficients of the three numerators and denominators, by the names of the source; B0, D0 and F0 are 1.
    private const double A0 = 3.3871328727963666080, A1 = 1.3314166789178437745e+2, A2 = 1.9715909503065514427e+3, A3 = 1.3731693765509461125e+4,
        A4 = 4.5921953931549871457e+4, A5 = 6.7265770927008700853e+4, A6 = 3.3430575583588128105e+4, A7 = 2.5090809287301226727e+3;
    private const double B1 = 4.2313330701600911252e+1, B2 = 6.8718700749205790830e+2, B3 = 5.3941960214247511077e+3, B4 = 2.1213794301586595867e+4,
        B5 = 3.9307895800092710610e+4, B6 = 2.8729085735721942674e+4, B7 = 5.2264952788528545610e+3;
    private const double C0 = 1.42343711074968357734, C1 = 4.63033784615654529590, C2 = 5.76949722146069140550, C3 = 3.64784832476320460504,
        C4 = 1.27045825245236838258, C5 = 2.41780725177450611770e-1, C6 = 2.27238449892691845833e-2, C7 = 7.74545014278341407640e-4;
    private const double D1 = 2.05319162663775882187, D2 = 1.67638483018380384940, D3 = 6.89767334985100004550e-1, D4 = 1.48103976427480074590e-1,
        D5 = 1.51986665636164571966e-2, D6 = 5.47593808499534494600e-4, D7 = 1.05075007164441684324e-9;
    private const double E0 = 6.65790464350110377720, E1 = 5.46378491116411436990, E2 = 1.78482653991729133580, E3 = 2.96560571828504891230e-1,
        E4 = 2.65321895265761230930e-2, E5 = 1.24266094738807843860e-3, E6 = 2.71155556874348757815e-5, E7 = 2.01033439929228813265e-7;
    private const double F1 = 5.99832206555887937690e-1, F2 = 1.36929880922735805310e-1, F3 = 1.48753612908506148525e-2, F4 = 7.86869131145613259100e-4,
        F5 = 1.84631831751005468180e-5, F6 = 1.42151175831644588870e-7, F7 = 2.04426310338993978564e-15;

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

    private static Fraction Central(Vector512<double> r) =>
        Ratio(r, [A7, A6, A5, A4, A3, A2, A1, A0], [B7, B6, B5, B4, B3, B2, B1, 1]);

    private static Fraction Middle(Vector512<double> r) =>
        Ratio(r, [C7, C6, C5, C4, C3, C2, C1, C0], [D7, D6, D5, D4, D3, D2, D1, 1]);

    private static Fraction Far(Vector512<double> r) =>
        Ratio(r, [E7, E6, E5, E4, E3, E2, E1, E0], [F7, F6, F5, F4, F3, F2, F1, 1]);

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

    /// <summary>The same for one number, as devices compute it; ±∞ where <paramref name="tail"/> is 0, NaN where it is negative or NaN.</summary>
    public static double One(double q, double tail)
    {
        if (Math.Abs(q) <= 0.425) return q * CentralRatio(Math.FusedMultiplyAdd(-q, q, 0.180625));
        if (!(tail >= 0)) return double.NaN;
        if (tail == 0) return q < 0 ? double.NegativeInfinity : double.PositiveInfinity;
        double r = Math.Sqrt(-Math.Log(tail)), size = r <= 5 ? MiddleRatio(r - 1.6) : FarRatio(r - 5);
        return q < 0 ? -size : size;
    }

    private static double CentralRatio(double r)
    {
        double above = A7, below = B7;
        above = Math.FusedMultiplyAdd(above, r, A6);
        above = Math.FusedMultiplyAdd(above, r, A5);
        above = Math.FusedMultiplyAdd(above, r, A4);
        above = Math.FusedMultiplyAdd(above, r, A3);
        above = Math.FusedMultiplyAdd(above, r, A2);
        above = Math.FusedMultiplyAdd(above, r, A1);
        above = Math.FusedMultiplyAdd(above, r, A0);
        below = Math.FusedMultiplyAdd(below, r, B6);
        below = Math.FusedMultiplyAdd(below, r, B5);
        below = Math.FusedMultiplyAdd(below, r, B4);
        below = Math.FusedMultiplyAdd(below, r, B3);
        below = Math.FusedMultiplyAdd(below, r, B2);
        below = Math.FusedMultiplyAdd(below, r, B1);
        below = Math.FusedMultiplyAdd(below, r, 1.0);
        return above / below;
    }

    private static double MiddleRatio(double r)
    {
        double above = C7, below = D7;
        above = Math.FusedMultiplyAdd(above, r, C6);
        above = Math.FusedMultiplyAdd(above, r, C5);
        above = Math.FusedMultiplyAdd(above, r, C4);
        above = Math.FusedMultiplyAdd(above, r, C3);
        above = Math.FusedMultiplyAdd(above, r, C2);
        above = Math.FusedMultiplyAdd(above, r, C1);
        above = Math.FusedMultiplyAdd(above, r, C0);
        below = Math.FusedMultiplyAdd(below, r, D6);
        below = Math.FusedMultiplyAdd(below, r, D5);
        below = Math.FusedMultiplyAdd(below, r, D4);
        below = Math.FusedMultiplyAdd(below, r, D3);
        below = Math.FusedMultiplyAdd(below, r, D2);
        below = Math.FusedMultiplyAdd(below, r, D1);
        below = Math.FusedMultiplyAdd(below, r, 1.0);
        return above / below;
    }

    private static double FarRatio(double r)
    {
        double above = E7, below = F7;
        above = Math.FusedMultiplyAdd(above, r, E6);
        above = Math.FusedMultiplyAdd(above, r, E5);
        above = Math.FusedMultiplyAdd(above, r, E4);
        above = Math.FusedMultiplyAdd(above, r, E3);
        above = Math.FusedMultiplyAdd(above, r, E2);
        above = Math.FusedMultiplyAdd(above, r, E1);
        above = Math.FusedMultiplyAdd(above, r, E0);
        below = Math.FusedMultiplyAdd(below, r, F6);
        below = Math.FusedMultiplyAdd(below, r, F5);
        below = Math.FusedMultiplyAdd(below, r, F4);
        below = Math.FusedMultiplyAdd(below, r, F3);
        below = Math.FusedMultiplyAdd(below, r, F2);
        below = Math.FusedMultiplyAdd(below, r, F1);
        below = Math.FusedMultiplyAdd(below, r, 1.0);
        return above / below;
    }
}
