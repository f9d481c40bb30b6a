namespace Nabla.Kernels;

/// <summary>
/// The gamma function's logarithm and its derivatives, in double precision; f32 goes through it. Arguments in [1, 3] use polynomials (for log Γ divided
/// by (x − 1)(x − 2), for ψ on [1, 2] divided by x less its zero, so that small results stay relatively accurate); others are brought there by
/// the recurrence, or are large enough for Stirling's series (Abramowitz and Stegun, 6.1.40, 6.3.18, 6.4.11); negative ones are reflected (6.1.17, 6.3.7).
/// Devices run the same code.
/// </summary>
internal static class Gamma
{
    // Terms of the series.
    private const int Terms = 8;

    /// <summary>log |Γ(x)|; +∞ at 0, −1, −2, … and at ±∞.</summary>
    public static double Log(double x)
    {
        if (double.IsNaN(x)) return x;
        if (x > 0) return LogOfPositive(x);
        if (x == Math.Floor(x)) return double.PositiveInfinity;
        double sine = Math.Abs(Math.Sin(Math.PI * (x - Math.Round(x))));
        return x > -1 ? -Math.Log(sine / Math.PI) - LogOfOnePlus(-x) : Math.Log(Math.PI / (-x * sine)) - LogOfPositive(-x);
    }

    /// <summary>ψ(x) = d log Γ(x)/dx; −∞ at +0, +∞ at −0, NaN at −1, −2, …</summary>
    public static double Digamma(double x)
    {
        if (x > 0) return DigammaOfPositive(x);
        if (x == 0) return -1 / x;
        if (x == Math.Floor(x) || double.IsNaN(x)) return double.NaN;
        return DigammaOfPositive(1 - x) - Math.PI / Math.Tan(Math.PI * (x - Math.Round(x)));
    }

    /// <summary>The n-th derivative of ψ, n ≥ 1; at 0, −1, −2, … +∞ for odd n and NaN for even n.</summary>
    public static double Polygamma(int n, double x)
    {
        if (x > 0) return OfPositive(n, x);
        if (double.IsNaN(x) || double.IsInfinity(x)) return double.NaN;
        bool odd = n % 2 != 0;
        if (x == Math.Floor(x)) return odd ? double.PositiveInfinity : double.NaN;
        // π dⁿ/dxⁿ cot πx = (−1)ⁿψ⁽ⁿ⁾(1 − x) − ψ⁽ⁿ⁾(x) has period 1 and a parity, so it is taken at the distance to the next integer.
        double r = x - Math.Round(x), near = Math.Abs(r);
        double periodic = (odd ? -1 : 1) * OfPositive(n, 1 - near) - OfPositive(n, near);
        if (r < 0 && !odd) periodic = -periodic;
        return (odd ? -1 : 1) * OfPositive(n, 1 - x) - periodic;
    }

    private static double LogOfPositive(double x)
    {
        if (x < 1) return LogOfOnePlus(x) - Math.Log(x);
        if (x <= 2) return (x - 1) * (x - 2) * LogGamma(2 * x - 3) + 0.0;
        if (x < 13)
        {
            double product = 1;
            while (x > 3)
            {
                x -= 1;
                product *= x;
            }
            return Math.Log(product) + (x - 1) * (x - 2) * LogGammaAboveTwo(2 * x - 5);
        }
        double z = 1 / (x * x);
        return (x - 0.5) * (Math.Log(x) - 1) + (0.41893853320467274178 + Stirling(z) / x);
    }

    // Σ B₂ⱼ/(2j(2j − 1)) zʲ⁻¹.
    private static double Stirling(double z)
    {
        double sum = 0;
        for (int j = Terms; j > 0; j--) sum = sum * z + Bernoulli(j) / (2 * j * (2 * j - 1));
        return sum;
    }

    // log Γ(1 + x) for 0 ≤ x ≤ 1.
    private static double LogOfOnePlus(double x) => x * (x - 1) * LogGamma(2 * x - 1);

    private static double DigammaOfPositive(double x)
    {
        if (x < 1) return (x - 0.46163214496836236 + 1.5522348162858677e-17) * DigammaByZero(2 * x - 1) - 1 / x;
        if (x <= 2) return (x - 1.4616321449683622 - 9.549995429965697e-17) * DigammaByZero(2 * x - 3);
        double sum = 0;
        if (x < 12)
        {
            while (x > 3)
            {
                x -= 1;
                sum += 1 / x;
            }
            return sum + DigammaAboveTwo(2 * x - 5);
        }
        double z = 1 / (x * x);
        for (int j = Terms; j > 0; j--) sum = (sum + Bernoulli(j) / (2 * j)) * z;
        return Math.Log(x) - (0.5 / x + sum);
    }

    // (−1)ⁿ⁺¹ n! Σₖ (x + k)⁻ⁿ⁻¹: terms up to 16 + n one by one, the rest by the Euler–Maclaurin formula.
    private static double OfPositive(int n, double x)
    {
        int s = n + 1;
        double sum = 0, factorial = 1;
        for (int i = 2; i <= n; i++) factorial *= i;
        for (; x < 16 + n; x++) sum += Math.Pow(x, -s);
        double power = Math.Pow(x, -n), term = power * s / (2 * x) / x, rest = 0;
        for (int j = 1; j <= Terms; j++)
        {
            // B₂ⱼ/(2j)! · s(s + 1)…(s + 2j − 2) · x^(−s − 2j + 1).
            rest += Bernoulli(j) * term;
            term *= (s + 2 * j - 1.0) * (s + 2 * j) / ((2 * j + 1.0) * (2 * j + 2)) / x / x;
        }
        sum += power / n + power / x / 2 + rest;
        return (n % 2 == 0 ? -factorial : factorial) * sum;
    }

    // B₂ⱼ, j = 1 … Terms.
    private static double Bernoulli(int j)
    {
        if (j == 1) return 1.0 / 6;
        if (j == 2 || j == 4) return -1.0 / 30;
        if (j == 3) return 1.0 / 42;
        if (j == 5) return 5.0 / 66;
        if (j == 6) return -691.0 / 2730;
        return j == 7 ? 7.0 / 6 : -3617.0 / 510;
    }

    // Coefficients in t = 2x − 3 on [1, 2] and t = 2x − 5 on [2, 3], highest power first: interpolation at Chebyshev points in 60-digit arithmetic; relative
    // errors are below 2⁻⁵⁸.
    private static double LogGamma(double t)
    {
        double sum = 1.21703582193855907e-12;
        sum = sum * t - 3.80080858206406275e-12;
        sum = sum * t + 4.89218582612528544e-12;
        sum = sum * t - 1.54104790695602226e-11;
        sum = sum * t + 6.61569131645145797e-11;
        sum = sum * t - 2.08713110054528231e-10;
        sum = sum * t + 6.35301760084575122e-10;
        sum = sum * t - 2.01698956582689074e-9;
        sum = sum * t + 6.44804375252190111e-9;
        sum = sum * t - 2.06209953646285681e-8;
        sum = sum * t + 6.62292611200516462e-8;
        sum = sum * t - 2.138632494418463e-7;
        sum = sum * t + 6.9484607899472725e-7;
        sum = sum * t - 2.2742474054826674e-6;
        sum = sum * t + 7.51139115432792854e-6;
        sum = sum * t - 0.0000250943286698183438;
        sum = sum * t + 0.0000851009038226653908;
        sum = sum * t - 0.000294550701519559534;
        sum = sum * t + 0.00104981866444911971;
        sum = sum * t - 0.00391356093762618669;
        sum = sum * t + 0.0157278502686412354;
        sum = sum * t - 0.0729799479571530433;
        sum = sum * t + 0.483128950540980889;
        return sum;
    }

    private static double LogGammaAboveTwo(double t)
    {
        double sum = -3.76473962252561804e-14;
        sum = sum * t + 1.97859055770463757e-13;
        sum = sum * t - 8.73356556481932536e-13;
        sum = sum * t + 4.62269694279764138e-12;
        sum = sum * t - 2.48779427724284337e-11;
        sum = sum * t + 1.32728629990587262e-10;
        sum = sum * t - 7.11436862446229408e-10;
        sum = sum * t + 3.8384530335407203e-9;
        sum = sum * t - 2.08639244777758613e-8;
        sum = sum * t + 1.14450329345506217e-7;
        sum = sum * t - 6.35174131405509005e-7;
        sum = sum * t + 3.57896308436370383e-6;
        sum = sum * t - 0.0000205824908366868606;
        sum = sum * t + 0.000121816093059293865;
        sum = sum * t - 0.000752346065879148475;
        sum = sum * t + 0.00497628857618579482;
        sum = sum * t - 0.0373317870772497145;
        sum = sum * t + 0.37957716063055888;
        return sum;
    }

    private static double DigammaByZero(double t)
    {
        double sum = 2.83270666802175879e-11;
        sum = sum * t - 8.49813723018609614e-11;
        sum = sum * t + 9.20643449917799156e-11;
        sum = sum * t - 2.76196353303177129e-10;
        sum = sum * t + 1.23580724339848321e-9;
        sum = sum * t - 3.70750726471223879e-9;
        sum = sum * t + 1.05426876240279943e-8;
        sum = sum * t - 3.16302026895533384e-8;
        sum = sum * t + 9.54205097268890694e-8;
        sum = sum * t - 2.86315275846934023e-7;
        sum = sum * t + 8.58912735303337974e-7;
        sum = sum * t - 2.5780943630530802e-6;
        sum = sum * t + 7.74123222350405662e-6;
        sum = sum * t - 0.0000232582423944525707;
        sum = sum * t + 0.0000699501887395050618;
        sum = sum * t - 0.000210748411404586368;
        sum = sum * t + 0.000636888030325720044;
        sum = sum * t - 0.00193506666485900975;
        sum = sum * t + 0.00593679527830564885;
        sum = sum * t - 0.0185506153817351144;
        sum = sum * t + 0.0601356210601967458;
        sum = sum * t - 0.2118137106407303;
        sum = sum * t + 0.95105587603183288;
        return sum;
    }

    private static double DigammaAboveTwo(double t)
    {
        double sum = 6.30784289954187095e-13;
        sum = sum * t - 3.15667477344404335e-12;
        sum = sum * t + 1.29642405166818338e-11;
        sum = sum * t - 6.49457107797728016e-11;
        sum = sum * t + 3.30932195811118451e-10;
        sum = sum * t - 1.66094545336763739e-9;
        sum = sum * t + 8.34419494920103472e-9;
        sum = sum * t - 4.20430161265375827e-8;
        sum = sum * t + 2.12550516312630708e-7;
        sum = sum * t - 1.07984105467116425e-6;
        sum = sum * t + 5.52647003199791007e-6;
        sum = sum * t - 0.0000286025630553775397;
        sum = sum * t + 0.000150669056919366838;
        sum = sum * t - 0.00081707291538626212;
        sum = sum * t + 0.00466470518369271992;
        sum = sum * t - 0.0295255064552157696;
        sum = sum * t + 0.245178878050117433;
        sum = sum * t + 0.703156640645243186;
        return sum;
    }
}
