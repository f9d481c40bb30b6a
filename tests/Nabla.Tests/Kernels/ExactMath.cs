using System.Numerics;

namespace Nabla.Tests.Kernels;

/// <summary>
/// Elementary functions in fixed-point arithmetic with <see cref="Bits"/> fractional bits: far more than f64 results need, even for
/// arguments of 1e-30 and results near 1e-320. Series after argument reduction; slow and simple, because tests trust it.
/// </summary>
internal static class ExactMath
{
    private const int Bits = 1400;

    private static readonly BigInteger One = BigInteger.One << Bits;
    private static readonly BigInteger LogTwo = 2 * AtanhSeries(One / 3);
    private static readonly BigInteger Pi = 16 * AtanSeries(One / 5) - 4 * AtanSeries(One / 239);
    private static readonly BigInteger RootOfPi = Sqrt(Pi);

    public static (double High, double Low) Exp(double x) =>
        x < -1000 ? (0, 0) : x > 1000 ? (double.PositiveInfinity, 0) : Split(Exp(Of(x)));

    public static (double High, double Low) ExpM1(double x) =>
        x < -1000 ? (-1, 0) : x > 1000 ? (double.PositiveInfinity, 0) : Split(Exp(Of(x)) - One);

    public static (double High, double Low) Log(double x) => x < 0 ? (double.NaN, 0) : Split(Log(Of(x)));

    public static (double High, double Low) Log1P(double x) => x < -1 ? (double.NaN, 0) : Split(Log(One + Of(x)));

    public static (double High, double Low) Sqrt(double x) => x < 0 ? (double.NaN, 0) : Split(Sqrt(Of(x)));

    public static (double High, double Low) Rsqrt(double x) => x < 0 ? (double.NaN, 0) : Split(Divide(One, Sqrt(Of(x))));

    public static (double High, double Low) Reciprocal(double x) => Split(Divide(One, Of(x)));

    public static (double High, double Low) Square(double x) => Split(Multiply(Of(x), Of(x)));

    public static (double High, double Low) Sin(double x) => Split(Sin(Of(x)));

    public static (double High, double Low) Cos(double x) => Split(Sin(Of(x) + Pi / 2));

    public static (double High, double Low) Tanh(double x)
    {
        if (Math.Abs(x) > 400) return (Math.Sign(x), 0);
        BigInteger e = Exp(2 * Of(x));
        return Split(Divide(e - One, e + One));
    }

    public static (double High, double Low) Logistic(double x) =>
        x < -1000 ? (0, 0) : x > 1000 ? (1, 0) : Split(Divide(One, One + Exp(-Of(x))));

    public static (double High, double Low) Erf(double x) => Math.Abs(x) > 12 ? (Math.Sign(x), 0) : Split(Erf(Of(x)));

    public static (double High, double Low) Erfc(double x) => x > 30 ? (0, 0) : x < -12 ? (2, 0) : Split(One - Erf(Of(x)));

    public static (double High, double Low) Pow(double a, double b)
    {
        BigInteger exponent = Multiply(Of(b), Log(Of(a)));
        return BigInteger.Abs(exponent) >> Bits > 900 ? (exponent.Sign > 0 ? double.PositiveInfinity : 0, 0) : Split(Exp(exponent));
    }

    public static (double High, double Low) Atan2(double a, double b)
    {
        BigInteger y = Of(a), x = Of(b);
        if (BigInteger.Abs(y) <= BigInteger.Abs(x))
            return Split(Atan(Divide(y, x)) + (x.Sign > 0 ? 0 : y.Sign >= 0 ? Pi : -Pi));
        return Split((y.Sign > 0 ? Pi / 2 : -Pi / 2) - Atan(Divide(x, y)));
    }

    private static BigInteger Of(double x)
    {
        int exponent = x == 0 ? 0 : Math.Max(Math.ILogB(x), -1022) - 52;
        var mantissa = new BigInteger(Math.ScaleB(x, -exponent));
        return exponent + Bits >= 0 ? mantissa << (exponent + Bits) : mantissa >> -(exponent + Bits);
    }

    private static (double High, double Low) Split(BigInteger value)
    {
        double high = Nearest(value);
        return double.IsInfinity(high) ? (high, 0) : (high, Nearest(value - Of(high)));
    }

    private static double Nearest(BigInteger value)
    {
        int excess = Math.Max(0, (int)BigInteger.Abs(value).GetBitLength() - 62);
        return Math.ScaleB((double)(long)(value >> excess), excess - Bits);
    }

    private static BigInteger Multiply(BigInteger a, BigInteger b) => (a * b) >> Bits;

    private static BigInteger Divide(BigInteger a, BigInteger b) => (a << Bits) / b;

    // Newton's method from above.
    private static BigInteger Sqrt(BigInteger x)
    {
        BigInteger radicand = x << Bits, root = Of(Math.Sqrt(Nearest(x)) * (1 + 1e-12)) + 1;
        while (true)
        {
            BigInteger next = (root + radicand / root) >> 1;
            if (next >= root) return root;
            root = next;
        }
    }

    private static BigInteger Exp(BigInteger x)
    {
        BigInteger k = (x / LogTwo), r = (x - k * LogTwo) >> 16, term = One, sum = One;
        for (int n = 1; !term.IsZero; n++) sum += term = Multiply(term, r) / n;
        for (int i = 0; i < 16; i++) sum = Multiply(sum, sum);
        return k.Sign >= 0 ? sum << (int)k : sum >> (int)-k;
    }

    // Halley's method from the double-precision logarithm of the leading bits: each step cubes the error, so two leave 1e-140.
    private static BigInteger Log(BigInteger x)
    {
        int shift = (int)x.GetBitLength() - 1 - Bits;
        BigInteger m = shift >= 0 ? x >> shift : x << -shift;
        BigInteger y = Of(Math.Log(Nearest(m)));
        for (int i = 0; i < 2; i++)
        {
            BigInteger e = Exp(y);
            y += 2 * Divide(m - e, m + e);
        }
        return y + shift * LogTwo;
    }

    private static BigInteger Sin(BigInteger x)
    {
        BigInteger r = x % (2 * Pi), square = Multiply(r, r), term = r, sum = r;
        for (int n = 1; !term.IsZero && term != -1; n++) sum += term = -Multiply(term, square) / (2 * n * (2 * n + 1));
        return sum;
    }

    private static BigInteger Erf(BigInteger x)
    {
        BigInteger square = Multiply(x, x), power = x, sum = x;
        for (int n = 1; !power.IsZero && power != -1; n++) sum += (power = -Multiply(power, square) / n) / (2 * n + 1);
        return Divide(2 * sum, RootOfPi);
    }

    // Halving the angle eight times first.
    private static BigInteger Atan(BigInteger x)
    {
        for (int i = 0; i < 8; i++) x = Divide(x, One + Sqrt(One + Multiply(x, x)));
        return AtanSeries(x) << 8;
    }

    private static BigInteger AtanSeries(BigInteger x) => OddSeries(x, -1);

    private static BigInteger AtanhSeries(BigInteger x) => OddSeries(x, 1);

    private static BigInteger OddSeries(BigInteger x, int sign)
    {
        BigInteger square = Multiply(x, x), power = x, sum = x;
        for (int n = 1; !power.IsZero && power != -1; n++)
        {
            power = sign * Multiply(power, square);
            sum += power / (2 * n + 1);
        }
        return sum;
    }
}
