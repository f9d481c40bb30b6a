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
    /// Error function: the all-positive series e^(−x²)·2x/√π·Σ (2x²)ᵏ/(2k+1)!! up to |x| = 3, beyond it the continued fraction of erfc
    /// (Abramowitz and Stegun, 7.1.6 and 7.1.14).
    /// </summary>
    public static double Erf(double x)
    {
        double a = Math.Abs(x);
        if (double.IsNaN(x)) return x;
        if (a > 6) return Math.Sign(x);
        if (a > 3)
        {
            double fraction = 0;
            for (int k = 60; k >= 1; k--) fraction = k / 2.0 / (a + fraction);
            return Math.Sign(x) * (1 - Math.Exp(-a * a) / Math.Sqrt(Math.PI) / (a + fraction));
        }
        double term = x, sum = x;
        for (int k = 1; Math.Abs(term) > Math.Abs(sum) * 1e-18; k++) sum += term *= 2 * x * x / (2 * k + 1);
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
