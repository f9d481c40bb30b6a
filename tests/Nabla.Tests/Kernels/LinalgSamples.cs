namespace Nabla.Tests.Kernels;

/// <summary>Test matrices with prescribed singular values, after LAPACK's test suite (LAPACK Working Note 41).</summary>
internal static class LinalgSamples
{
    public static readonly int[] Sizes = [0, 1, 2, 3, 5, 10, 50, 63, 64, 65, 127, 129];

    /// <summary>The kinds of matrix that LAPACK's tests of linear equations use.</summary>
    public enum Kind
    {
        Diagonal,
        Cond2,
        CondRootOfEps,
        CondEps,
        NearUnderflow,
        NearOverflow,
    }

    /// <summary>A symmetric positive definite matrix: H·D·Hᵀ with geometrically spaced eigenvalues and H a product of reflections.</summary>
    public static double[] PositiveDefinite(DType dtype, int n, Kind kind, int seed)
    {
        double eps = dtype.UnitRoundoff, tiny = dtype == DType.F32 ? 1e-34 : 1e-300, huge = dtype == DType.F32 ? 1e34 : 1e300;
        double cond = kind switch { Kind.CondRootOfEps => Math.Sqrt(0.1 / eps), Kind.CondEps => 0.1 / eps, _ => 2 };
        double scale = kind switch { Kind.NearUnderflow => tiny, Kind.NearOverflow => huge, _ => 1 };
        var a = new double[n * n];
        for (int i = 0; i < n; i++) a[i * n + i] = n == 1 ? 1 : Math.Pow(cond, -(double)i / (n - 1));
        var random = new Random(seed);
        for (int reflection = 0; reflection < 3 && kind != Kind.Diagonal; reflection++) Reflect(a, n, random);
        for (int i = 0; i < a.Length; i++) a[i] *= scale;
        return a;
    }

    /// <summary>max over columns of Σ |x|.</summary>
    public static double Norm1(double[] x, int rows, int columns)
    {
        double norm = 0;
        for (int j = 0; j < columns; j++)
        {
            double sum = 0;
            for (int i = 0; i < rows; i++) sum += Math.Abs(x[i * columns + j]);
            if (!(sum <= norm)) norm = sum;
        }
        return norm;
    }

    // A := (I − 2vvᵀ)·A·(I − 2vvᵀ), kept exactly symmetric.
    private static void Reflect(double[] a, int n, Random random)
    {
        double[] v = [.. Enumerable.Range(0, n).Select(_ => 2 * random.NextDouble() - 1)];
        double length = Math.Sqrt(v.Sum(x => x * x));
        v = Array.ConvertAll(v, x => x / length);
        var w = new double[n];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) w[i] += a[i * n + j] * v[j];
        double inner = 0;
        for (int i = 0; i < n; i++) inner += v[i] * w[i];
        for (int i = 0; i < n; i++)
            for (int j = 0; j <= i; j++)
            {
                a[i * n + j] += 4 * inner * v[i] * v[j] - 2 * (v[i] * w[j] + w[i] * v[j]);
                a[j * n + i] = a[i * n + j];
            }
    }
}
