using Nabla.Autograd;

namespace Nabla.Proof;

/// <summary>How far results are from what they should be.</summary>
internal static class Closeness
{
    /// <summary>
    /// The distance of a result from the exact value in units in the last place of its element type at the exact value. No floor: it counts in subnormals
    /// and zeros too. NaN is at distance 0 from NaN; infinities must be equal; a zero must have the sign of the exact zero.
    /// </summary>
    public static double Ulps(double actual, double exact, DType dtype)
    {
        double rounded = dtype == DType.F32 ? (float)exact : exact;
        if (double.IsNaN(actual) || double.IsNaN(rounded)) return double.IsNaN(actual) == double.IsNaN(rounded) ? 0 : double.PositiveInfinity;
        if (double.IsInfinity(actual) || double.IsInfinity(rounded)) return actual == rounded ? 0 : double.PositiveInfinity;
        if (!dtype.IsFloat) return Math.Abs(actual - exact);
        if (exact == 0 && actual == 0) return double.IsNegative(exact) == double.IsNegative(actual) ? 0 : double.PositiveInfinity;
        (int lowest, int digits) = dtype == DType.F32 ? (-126, 23) : (-1022, 52);
        int exponent = Math.Max(exact == 0 ? lowest : Math.ILogB(exact), lowest);
        return Math.ScaleB(Math.Abs(actual - exact), digits - exponent);
    }

    /// <summary>The bound of a tolerance, in the units in which <see cref="Error"/> measures it.</summary>
    public static double Bound(Tolerance tolerance) => Math.Max(tolerance.UlpBound, Math.Max(tolerance.TermFactor, tolerance.NormFactor));

    /// <summary>
    /// The largest error over the elements of an output: in ulp; or in units of u·Σ|terms|; or of u·max|result|, as the tolerance says.
    /// </summary>
    /// <param name="actual">The output.</param>
    /// <param name="exact">What it should be, in double precision.</param>
    /// <param name="terms">The sums of absolute terms, for tolerances that need them.</param>
    /// <param name="tolerance">The kind of bound.</param>
    public static double Error(DenseTensor actual, double[] exact, double[] terms, Tolerance tolerance)
    {
        double[] values = actual.ToDoubles();
        double u = actual.DType.UnitRoundoff, worst = 0;
        double norm = exact.Length == 0 ? 0 : exact.Max(Math.Abs);
        for (int i = 0; i < values.Length; i++)
        {
            double error = tolerance switch
            {
                { TermFactor: > 0 } => Ratio(values[i], exact[i], u * terms[i], actual.DType),
                { NormFactor: > 0 } => Ratio(values[i], exact[i], u * norm, actual.DType),
                { UlpBound: > 0 } => InUlps(values[i], exact[i], actual.DType),
                _ => Ulps(values[i], Rounded(exact[i], actual.DType), actual.DType),
            };
            worst = Math.Max(worst, double.IsNaN(error) ? double.PositiveInfinity : error);
        }
        return worst;
    }

    /// <summary>True if two tensors have the same type and the same bits, any NaN being equal to any other.</summary>
    public static bool SameBits(Tensor a, Tensor b)
    {
        if (a.Aval != b.Aval) return false;
        double[] x = a.ToDoubles(), y = b.ToDoubles();
        for (int i = 0; i < x.Length; i++)
            if (BitConverter.DoubleToInt64Bits(x[i]) != BitConverter.DoubleToInt64Bits(y[i]) && !(double.IsNaN(x[i]) && double.IsNaN(y[i]))) return false;
        return true;
    }

    /// <summary>
    /// max|a − b| over all elements of all pairs, relative to max|b| plus <paramref name="floor"/>. Types and shapes must be equal.
    /// </summary>
    public static double Relative(IReadOnlyList<double[]> a, IReadOnlyList<double[]> b, double floor = 0)
    {
        double difference = 0, scale = floor;
        for (int k = 0; k < a.Count; k++)
            for (int i = 0; i < a[k].Length; i++)
            {
                double gap = a[k][i] == b[k][i] ? 0 : Math.Abs(a[k][i] - b[k][i]);
                difference = Math.Max(difference, double.IsNaN(gap) ? double.PositiveInfinity : gap);
                scale = Math.Max(scale, Math.Max(Math.Abs(a[k][i]), Math.Abs(b[k][i])));
            }
        return difference == 0 ? 0 : difference / scale;
    }

    /// <summary>The same for tensors.</summary>
    public static double Relative(Tensor[] a, Tensor[] b, double floor = 0) =>
        Relative(Array.ConvertAll(a, t => t.ToDoubles()), Array.ConvertAll(b, t => t.ToDoubles()), floor);

    // In f64 the reference is rounded as well: where the function is not correctly rounded, its last unit is not the truth.
    private static double InUlps(double actual, double exact, DType dtype)
    {
        double ulps = Ulps(actual, exact, dtype);
        return double.IsInfinity(ulps) ? ulps : Math.Max(0, ulps - (dtype == DType.F64 ? 1 : 1e-7));
    }

    // What overflows in the element type must do so.
    private static double Ratio(double actual, double exact, double unit, DType dtype)
    {
        if (double.IsInfinity(Rounded(exact, dtype))) exact = Rounded(exact, dtype);
        if (actual == exact || (double.IsNaN(actual) && double.IsNaN(exact))) return 0;
        return unit > 0 ? Math.Abs(actual - exact) / unit : double.PositiveInfinity;
    }

    private static double Rounded(double x, DType dtype) => dtype == DType.F32 ? (float)x : x;
}
