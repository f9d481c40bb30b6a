namespace Nabla.Kernels;

/// <summary>Roots of unity, each element right to about one unit in the last place of a double.</summary>
internal static class Roots
{
    /// <summary>
    /// e^(−2πik/n) as (real, imaginary). The angle is reduced to an eighth of a turn in integers, where sine and cosine of the rounded angle are as good as
    /// those of the exact one, and points that mirror each other have the same digits.
    /// </summary>
    public static (double Real, double Imaginary) Of(long k, long n)
    {
        k = (k % n + n) % n;
        // Turned by quarters first: 4k = quarter·n + rest, and e^(−2πik/n) = (−i)^quarter · e^(−2πi·rest/(4n)).
        (long quarter, long rest) = Math.DivRem(4 * k, n);
        bool beyond = 2 * rest > n;
        double angle = Math.PI / 2 * (beyond ? n - rest : rest) / n;
        (double sine, double cosine) = Math.SinCos(angle);
        if (beyond) (sine, cosine) = (cosine, sine);
        return quarter switch
        {
            0 => (cosine, -sine),
            1 => (-sine, -cosine),
            2 => (-cosine, sine),
            _ => (sine, cosine),
        };
    }
}
