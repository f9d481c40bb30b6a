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

    /// <summary>The spectra that LAPACK's tests of symmetric eigenvalues use.</summary>
    public enum Spectrum
    {
        Zero,
        Identity,
        Even,
        Geometric,
        Clustered,
        NearUnderflow,
        NearOverflow,
    }

    /// <summary>A symmetric positive definite matrix: H·D·Hᵀ with geometrically spaced eigenvalues and H a product of reflections.</summary>
    public static double[] PositiveDefinite(DType dtype, int n, Kind kind, int seed)
    {
        double[] a = Symmetric(SingularValues(dtype, n, kind, out double scale), kind == Kind.Diagonal ? 0 : 3, seed);
        return Array.ConvertAll(a, x => x * scale);
    }

    /// <summary>A general matrix with the singular values of its kind: reflections from the left and others from the right.</summary>
    public static double[] General(DType dtype, int rows, int columns, Kind kind, int seed)
    {
        var a = new double[rows * columns];
        double[] values = SingularValues(dtype, Math.Min(rows, columns), kind, out double scale);
        for (int i = 0; i < values.Length; i++) a[i * columns + i] = values[i];
        var random = new Random(seed);
        for (int reflection = 0; reflection < 3 && kind != Kind.Diagonal; reflection++)
        {
            ReflectLeft(a, rows, columns, Direction(rows, random));
            a = Transposed(a, rows, columns);
            ReflectLeft(a, columns, rows, Direction(columns, random));
            a = Transposed(a, columns, rows);
        }
        return Array.ConvertAll(a, x => x * scale);
    }

    /// <summary>Matrices of all sizes and kinds, square, tall and wide, each with its name.</summary>
    public static IEnumerable<(DenseTensor Matrix, string Name)> GeneralMatrices(DType dtype)
    {
        foreach (int m in Sizes)
        {
            foreach (Kind kind in Enum.GetValues<Kind>()) yield return Named(m, m, kind, m);
            foreach (int n in Sizes)
                if (m != n && m * n < 3000) yield return Named(m, n, Kind.Cond2, m + n);
        }
        yield return Named(129, 65, Kind.CondEps, 1);
        yield return Named(65, 129, Kind.CondEps, 1);

        (DenseTensor, string) Named(int m, int n, Kind kind, int seed) =>
            (MatrixSamples.From(dtype, General(dtype, m, n, kind, seed), [m, n]), $"{dtype.Name} {m} x {n} {kind}");
    }

    /// <summary>A symmetric matrix of a spectrum; eigenvalues of both signs where it has them.</summary>
    public static double[] Symmetric(DType dtype, int n, Spectrum spectrum, int seed)
    {
        double eps = dtype.UnitRoundoff, tiny = dtype == DType.F32 ? 1e-34 : 1e-300, huge = dtype == DType.F32 ? 1e34 : 1e300;
        double[] values = [.. Enumerable.Range(0, n).Select(i => (i % 2 == 0 ? 1 : -1) * spectrum switch
        {
            Spectrum.Zero => 0,
            Spectrum.Identity => i % 2 == 0 ? 1 : -1,
            Spectrum.Geometric => Math.Pow(eps, (double)i / Math.Max(1, n - 1)),
            Spectrum.Clustered => i == 0 ? 1 : 2 * eps,
            _ => 1 - i / (n + 1.0),
        })];
        double scale = spectrum switch { Spectrum.NearUnderflow => tiny, Spectrum.NearOverflow => huge, _ => 1 };
        return Array.ConvertAll(Symmetric(values, spectrum is Spectrum.Zero or Spectrum.Identity ? 0 : 3, seed), x => x * scale);
    }

    /// <summary>A symmetric matrix with given eigenvalues, turned by some random reflections.</summary>
    public static double[] Symmetric(double[] eigenvalues, int reflections, int seed)
    {
        int n = eigenvalues.Length;
        var a = new double[n * n];
        for (int i = 0; i < n; i++) a[i * n + i] = eigenvalues[i];
        var random = new Random(seed);
        for (int reflection = 0; reflection < reflections; reflection++) Reflect(a, n, random);
        return a;
    }

    /// <summary>x·y for row-major x [m, k] and y [k, n], with compensated sums.</summary>
    public static double[] Product(double[] x, double[] y, int m, int k, int n)
    {
        var z = new double[m * n];
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++) z[i * n + j] = MatrixSamples.Dot(x, i * k, 1, y, j, n, k).Sum;
        return z;
    }

    /// <summary>The transpose of a row-major matrix.</summary>
    public static double[] Transposed(double[] x, int rows, int columns)
    {
        var y = new double[x.Length];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++) y[j * rows + i] = x[i * columns + j];
        return y;
    }

    /// <summary>‖I − XᵀX‖₁ for x [m, n] with orthonormal columns.</summary>
    public static double LossOfOrthogonality(double[] x, int m, int n)
    {
        double[] product = Product(Transposed(x, m, n), x, n, m, n);
        for (int i = 0; i < n; i++) product[i * n + i] -= 1;
        return Norm1(product, n, n);
    }

    /// <summary>‖x − y‖₁.</summary>
    public static double Distance(double[] x, double[] y, int rows, int columns) => Norm1([.. x.Zip(y, (a, b) => a - b)], rows, columns);

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

    private static double[] SingularValues(DType dtype, int n, Kind kind, out double scale)
    {
        double eps = dtype.UnitRoundoff, tiny = dtype == DType.F32 ? 1e-34 : 1e-300, huge = dtype == DType.F32 ? 1e34 : 1e300;
        double cond = kind switch { Kind.CondRootOfEps => Math.Sqrt(0.1 / eps), Kind.CondEps => 0.1 / eps, _ => 2 };
        scale = kind switch { Kind.NearUnderflow => tiny, Kind.NearOverflow => huge, _ => 1 };
        return [.. Enumerable.Range(0, n).Select(i => n == 1 ? 1 : Math.Pow(cond, -(double)i / (n - 1)))];
    }

    private static double[] Direction(int n, Random random)
    {
        double[] v = [.. Enumerable.Range(0, n).Select(_ => 2 * random.NextDouble() - 1)];
        double length = Math.Sqrt(v.Sum(x => x * x));
        return Array.ConvertAll(v, x => x / length);
    }

    // A := (I − 2vvᵀ)·A.
    private static void ReflectLeft(double[] a, int rows, int columns, double[] v)
    {
        for (int j = 0; j < columns; j++)
        {
            double inner = 0;
            for (int i = 0; i < rows; i++) inner += v[i] * a[i * columns + j];
            for (int i = 0; i < rows; i++) a[i * columns + j] -= 2 * inner * v[i];
        }
    }

    // A := (I − 2vvᵀ)·A·(I − 2vvᵀ), kept exactly symmetric.
    private static void Reflect(double[] a, int n, Random random)
    {
        double[] v = Direction(n, random), w = new double[n];
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
