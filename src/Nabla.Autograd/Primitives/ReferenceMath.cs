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

    /// <summary>
    /// Error function: the all-positive series e^(−x²)·2x/√π·Σ (2x²)ᵏ/(2k+1)!! up to |x| = 1 (Abramowitz and Stegun, 7.1.6), beyond it 1 − erfc, which
    /// loses nothing.
    /// </summary>
    public static double Erf(double x)
    {
        if (double.IsNaN(x)) return x;
        if (Math.Abs(x) > 1) return Math.Sign(x) * (1 - Erfc(Math.Abs(x)));
        double term = x, sum = x;
        for (int k = 1; Math.Abs(term) > Math.Abs(sum) * 1e-18; k++) sum += term *= 2 * x * x / (2 * k + 1);
        return 2 / Math.Sqrt(Math.PI) * ExpMinusSquare(x) * sum;
    }

    /// <summary>
    /// 1 − erf(x) for x ≥ 0, with small relative error: 1 − erf up to 1/2, beyond it the continued fraction (Abramowitz and Stegun, 7.1.14), which
    /// converges like e^(−2x√(2k)).
    /// </summary>
    public static double Erfc(double x)
    {
        if (x <= 0.5) return 1 - Erf(x);
        double fraction = 0;
        for (int k = 20 + (int)(220 / (x * x)); k >= 1; k--) fraction = k / 2.0 / (x + fraction);
        return ExpMinusSquare(x) / Math.Sqrt(Math.PI) / (x + fraction);
    }

    // e^(−x²) with the rounding of x² made good: it would be multiplied by x².
    private static double ExpMinusSquare(double x)
    {
        double square = x * x;
        return double.IsInfinity(square) ? 0 : Math.Exp(-square) * (1 - Math.FusedMultiplyAdd(x, x, -square));
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
