namespace Nabla.Autograd;

/// <summary>Double-precision functions that .NET lacks, written for belief rather than speed: the oracle of the contract tests.</summary>
internal static class ReferenceMath
{
    /// <summary>eˣ − 1: Taylor series below 1/2, where the subtraction would cancel.</summary>
    public static double Expm1(double x)
    {
        if (Math.Abs(x) >= 0.5 || double.IsNaN(x)) return Math.Exp(x) - 1;
        double term = x, sum = x;
        for (int k = 2; Math.Abs(term) > Math.Abs(sum) * 1e-18; k++) sum += term *= x / k;
        return sum;
    }

    /// <summary>log(1 + x), with the rounding of 1 + x divided out (Kahan's device).</summary>
    public static double Log1p(double x)
    {
        double u = 1 + x;
        if (u == 1 || double.IsPositiveInfinity(u)) return double.IsPositiveInfinity(u) ? u : x;
        return Math.Log(u) * (x / (u - 1));
    }

    /// <summary>Error function: the power series, in decimals up to |x| = 3, where it still cancels little; beyond it 1 − erfc.</summary>
    public static double Erf(double x)
    {
        double a = Math.Abs(x);
        if (double.IsNaN(x)) return x;
        if (a < 0.04) return x * (2 / Math.Sqrt(Math.PI)) * (1 - x * x * (1.0 / 3 - x * x * (0.1 - x * x * (1.0 / 42 - x * x / 216))));
        return Math.CopySign(a <= 3 ? (double)ErfSeries(a) : 1 - Erfc(a), x);
    }

    /// <summary>
    /// 1 − erf(x) for x ≥ 0, with small relative error: beyond 3 by the continued fraction (Abramowitz and Stegun, 7.1.14).
    /// </summary>
    public static double Erfc(double x)
    {
        if (x < 0.04) return 1 - Erf(x);
        if (x <= 3) return (double)(1 - ErfSeries(x));
        double square = x * x, fraction = 0;
        if (double.IsInfinity(square)) return 0;
        for (int k = 60; k >= 1; k--) fraction = k / 2.0 / (x + fraction);
        // The rounding of x² would be multiplied by x²: it is made good.
        return Math.Exp(-square) * (1 - Math.FusedMultiplyAdd(x, x, -square)) / Math.Sqrt(Math.PI) / (x + fraction);
    }

    // 2/√π Σ (−1)ᵏ x²ᵏ⁺¹/(k!(2k + 1)) to 24 digits, for x in [0.04, 3]. A cast from double would keep 15 digits only.
    private static decimal ErfSeries(double x)
    {
        decimal exact = (decimal)(long)Math.ScaleB(x, 58) / (1L << 58), square = exact * exact, power = exact, sum = exact;
        for (int k = 1; Math.Abs(power) > 1e-27m; k++) sum += (power *= -square / k) / (2 * k + 1);
        return 1.1283791670955125738961589031m * sum;
    }
}

/// <summary>A sum whose rounding errors are added up beside it, so that its error does not grow with the number of terms (Neumaier 1974).</summary>
internal struct ReferenceSum
{
    private double _sum, _lost;

    /// <summary>The sum of what was added.</summary>
    public readonly double Value => double.IsFinite(_sum) ? _sum + _lost : _sum;

    /// <summary>Adds a term.</summary>
    public void Add(double term)
    {
        double sum = _sum + term;
        _lost += Math.Abs(_sum) >= Math.Abs(term) ? _sum - sum + term : term - sum + _sum;
        _sum = sum;
    }
}
