namespace Nabla.Autograd;

/// <summary>Special functions in double precision, by other methods than the kernels': the oracle of the contract tests.</summary>
internal static class ReferenceSpecial
{
    private const double EulerGamma = 0.57721566490153286;

    /// <summary>B₂, B₄, …, B₁₆.</summary>
    private static readonly double[] Bernoulli = [1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6, -3617.0 / 510];

    /// <summary>ζ(k) − 1 = ζ(k, 2) for k = 0, 1, …; the first two are not used.</summary>
    private static readonly double[] ZetaLessOne = [0, 0, .. Enumerable.Range(2, 50).Select(k => Hurwitz(k, 2))];

    /// <summary>erfc x for any x, with small relative error.</summary>
    public static double Erfc(double x) => x < 0 ? 2 - Erfc(-x) : x > 30 ? 0 : ReferenceMath.Erfc(x);

    /// <summary>Φ(x) = ½ erfc(w) with w = −x/√2, and the factor e^(w² − x²/2) for the rounding of w.</summary>
    public static double NormalCdf(double x)
    {
        if (x > 0) return 1 - NormalCdf(-x);
        if (x < -40 || double.IsNaN(x)) return double.IsNaN(x) ? x : 0;
        double w = -x * Math.Sqrt(0.5), square = x * x / 2;
        double lost = square - w * w + (Math.FusedMultiplyAdd(x, x / 2, -square) - Math.FusedMultiplyAdd(w, w, -w * w));
        return 0.5 * Erfc(w) * Math.Exp(-lost);
    }

    /// <summary>erf⁻¹ y by Newton's method on erf below ½, on log erfc above, where the equations are well conditioned.</summary>
    public static double ErfInv(double y)
    {
        if (y < 0) return -ErfInv(-y);
        return y <= 0.5 ? InverseNearZero(y) : InverseOfErfc(1 - y);
    }

    /// <summary>Φ⁻¹(p).</summary>
    public static double NormalQuantile(double p)
    {
        if (p >= 0.25 && p <= 0.75) return Math.Sqrt(2) * ErfInv(2 * (p - 0.5));
        return p < 0.5 ? -Math.Sqrt(2) * InverseOfErfc(2 * p) : Math.Sqrt(2) * InverseOfErfc(2 * (1 - p));
    }

    /// <summary>sinh x = (t + t/(t + 1))/2 with t = eˣ − 1; above 1 the sum of halves that overflows only where sinh does.</summary>
    public static double Sinh(double x)
    {
        double t = ReferenceMath.Expm1(Math.Abs(x));
        return Math.CopySign(t < 1 ? (t + t / (t + 1)) / 2 : Math.Sinh(Math.Abs(x)), x);
    }

    /// <summary>log |Γ(x)| by the series around 2, 6.1.33 of Abramowitz and Stegun, with the recurrence; Stirling's series above 30.</summary>
    public static double LogGamma(double x)
    {
        if (double.IsNaN(x)) return x;
        if (x <= 0) return x == Math.Floor(x) ? double.PositiveInfinity : -Math.Log(Math.Abs(Math.Sin(Math.PI * Distance(x))) / Math.PI) - LogGamma(1 - x);
        if (x < 0.5) return LogGamma(1 + x) - Math.Log(x);
        if (x < 1.5) return Series(x - 1) - Math.Log(x);
        if (x <= 2.5) return Series(x - 2);
        if (x < 30) return LogGamma(x - 1) + Math.Log(x - 1);
        double sum = 0;
        for (int j = 1; j <= Bernoulli.Length; j++) sum += Bernoulli[j - 1] / (2 * j * (2 * j - 1)) * Math.Pow(x, 1 - 2 * j);
        return (x - 0.5) * (Math.Log(x) - 1) + (0.5 * Math.Log(2 * Math.PI) - 0.5 + sum);

        // log Γ(2 + z).
        static double Series(double z)
        {
            double sum = 0;
            for (int k = ZetaLessOne.Length - 1; k >= 2; k--) sum += Math.Pow(-z, k) * ZetaLessOne[k] / k;
            return z * (1 - EulerGamma) + sum;
        }
    }

    /// <summary>ψ(x) by the derivative of the same series, likewise.</summary>
    public static double Digamma(double x)
    {
        if (x == 0) return -1 / x;
        if (double.IsNaN(x) || (x < 0 && x == Math.Floor(x))) return double.NaN;
        if (x < 0) return Digamma(1 - x) - Math.PI / Math.Tan(Math.PI * Distance(x));
        if (x < 1.5) return Digamma(x + 1) - 1 / x;
        double sum = 0;
        if (x <= 2.5)
        {
            for (int k = ZetaLessOne.Length - 1; k >= 2; k--) sum -= Math.Pow(2 - x, k - 1) * ZetaLessOne[k];
            return 1 - EulerGamma + sum;
        }
        if (x < 30) return Digamma(x - 1) + 1 / (x - 1);
        for (int j = 1; j <= Bernoulli.Length; j++) sum += Bernoulli[j - 1] / (2 * j) * Math.Pow(x, -2 * j);
        return Math.Log(x) - (0.5 / x + sum);
    }

    /// <summary>ψ⁽ⁿ⁾(x) = (−1)ⁿ⁺¹ n! ζ(n + 1, x) for x > 0, by the recurrence below.</summary>
    public static double Polygamma(int n, double x)
    {
        if (double.IsNaN(x) || double.IsNegativeInfinity(x)) return double.NaN;
        double factorial = Enumerable.Range(1, n).Aggregate(1.0, (p, i) => p * i), sign = n % 2 == 0 ? -1 : 1;
        if (x <= 0 && x == Math.Floor(x)) return n % 2 == 0 ? double.NaN : double.PositiveInfinity;
        double sum = 0;
        for (; x < 0; x++) sum += Math.Pow(x, -n - 1);
        return sign * factorial * (sum + Hurwitz(n + 1, x));
    }

    // Σ (x + k)⁻ˢ for x > 0: terms below 40 one by one, the rest by the Euler–Maclaurin formula.
    private static double Hurwitz(int s, double x)
    {
        double head = 0, factor = s;
        for (; x < 40; x++) head += Math.Pow(x, -s);
        double rest = Math.Pow(x, 1 - s) / (s - 1) + Math.Pow(x, -s) / 2;
        for (int j = 1; j <= Bernoulli.Length; j++)
        {
            rest += Bernoulli[j - 1] * factor * Math.Pow(x, 1 - s - 2 * j) / Enumerable.Range(1, 2 * j).Aggregate(1.0, (p, i) => p * i);
            factor *= (s + 2 * j - 1.0) * (s + 2 * j);
        }
        return head + rest;
    }

    // From the nearest integer, with sign.
    private static double Distance(double x) => x - Math.Round(x);

    private static double InverseNearZero(double y)
    {
        double w = y * Math.Sqrt(Math.PI) / 2;
        for (int i = 0; i < 8; i++) w -= (ReferenceMath.Erf(w) - y) * Math.Sqrt(Math.PI) / 2 * Math.Exp(w * w);
        return w;
    }

    // w with erfc w = c < ½, by the continued fraction erfc w = e^(−w²)/√π/(w + K(w)); d log erfc/dw = −2(w + K).
    private static double InverseOfErfc(double c)
    {
        if (c <= 0 || double.IsNaN(c)) return c == 0 ? double.PositiveInfinity : double.NaN;
        double w = Math.Sqrt(-Math.Log(c));
        for (int i = 0; i < 30; i++)
        {
            double fraction = 0;
            for (int k = 800; k >= 1; k--) fraction = k / 2.0 / (w + fraction);
            w += (-w * w - Math.Log(Math.Sqrt(Math.PI) * (w + fraction)) - Math.Log(c)) / (2 * (w + fraction));
        }
        return w;
    }
}
