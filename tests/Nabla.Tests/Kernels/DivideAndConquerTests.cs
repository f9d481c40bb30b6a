using Nabla.Kernels;

namespace Nabla.Tests.Kernels;

[Collection(nameof(ProcessSettings))]
public sealed unsafe class DivideAndConquerTests : IDisposable
{
    private const double Roundoff = 1.1102230246251565e-16;

    // Independent of n; the rotations of a block of 32 rows alone lose a third of it.
    private const double Bound = 100 * Roundoff;

    private readonly int _threads = Workers.Count;

    public void Dispose() => Workers.Count = _threads;

    /// <summary>Tridiagonal matrices that are hard in different ways: what deflates, what clusters, what is graded, what couples with either sign.</summary>
    public enum Kind
    {
        SecondDifference,
        Clement,
        Random,
        GluedWilkinson,
        Constant,
        Uncoupled,
        Zero,
        Graded,
        TinyCoupling,
        EqualHalves,
    }

    private static (double[] Diagonal, double[] Neighbours) Sample(Kind kind, int n)
    {
        var random = new Random(n);
        double[] d = [.. Enumerable.Range(0, n).Select(i => kind switch
        {
            Kind.SecondDifference => 2,
            Kind.Random => 2 * random.NextDouble() - 1,
            Kind.GluedWilkinson => Math.Abs((i % 21) - 10) / 10.0,
            Kind.Constant or Kind.EqualHalves => 0.75,
            Kind.Uncoupled => Math.Cos(i),
            Kind.Graded => Math.Pow(2, -0.5 * i),
            Kind.TinyCoupling => i % 3,
            _ => 0,
        })];
        double[] e = [.. Enumerable.Range(0, Math.Max(0, n - 1)).Select(i => kind switch
        {
            Kind.SecondDifference => -1,
            Kind.Clement => Math.Sqrt((i + 1.0) * (n - 1 - i)) / n,
            Kind.Random => 2 * random.NextDouble() - 1,
            Kind.GluedWilkinson => i % 21 == 20 ? 1e-14 : 0.1,
            Kind.Graded => -Math.Pow(2, -0.5 * i - 1),
            Kind.TinyCoupling => i % 2 == 0 ? 1e-300 : -1e-9,
            Kind.EqualHalves => i == n / 2 - 1 ? -0.5 : 0.25,
            _ => 0,
        })];
        return (d, e);
    }

    private static (double[] Values, double[] Rows) Run(double[] d, double[] e)
    {
        int n = d.Length, stride = n + 3;
        double[] values = [.. d], neighbours = [.. e, 0], rows = new double[n * stride], result = new double[n * n];
        Array.Fill(rows, double.NaN);
        using var work = new Workspace<double>(DividedTridiagonal.ScratchElements(n));
        fixed (double* pd = values, pe = neighbours, pr = rows)
            Assert.True(DividedTridiagonal.Run(pd, pe, n, pr, stride, work.Take(DividedTridiagonal.ScratchElements(n))));
        for (int i = 0; i < n; i++) Array.Copy(rows, i * stride, result, i * n, n);
        return (values, result);
    }

    public static TheoryData<Kind, int> Cases()
    {
        var cases = new TheoryData<Kind, int>();
        foreach (Kind kind in Enum.GetValues<Kind>())
            foreach (int n in new[] { 1, 2, 32, 33, 64, 65, 100, 131, 257, 600 }) cases.Add(kind, n);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Rows_are_orthonormal_eigenvectors(Kind kind, int n)
    {
        (double[] d, double[] e) = Sample(kind, n);
        (double[] values, double[] rows) = Run(d, e);
        double norm = Math.Max(d.Max(Math.Abs), n > 1 ? e.Max(Math.Abs) : 0), worst = 0, loss = LossOfOrthogonality(rows, n);
        for (int j = 0; j < n; j++)
        {
            ReadOnlySpan<double> x = rows.AsSpan(j * n, n);
            for (int i = 0; i < n; i++)
            {
                double product = d[i] * x[i] + (i > 0 ? e[i - 1] * x[i - 1] : 0) + (i + 1 < n ? e[i] * x[i + 1] : 0);
                worst = Math.Max(worst, Math.Abs(product - values[j] * x[i]));
            }
        }
        Assert.True(worst <= Bound * norm, $"residual {worst / (Roundoff * norm)} u");
        Assert.True(loss <= Bound, $"orthogonality {loss / Roundoff} u");
    }

    [Fact]
    public void Known_eigenvalues_are_found()
    {
        const int n = 600;
        (double[] values, _) = Run(Sample(Kind.SecondDifference, n).Diagonal, Sample(Kind.SecondDifference, n).Neighbours);
        Array.Sort(values);
        for (int k = 1; k <= n; k++) Assert.Equal(2 - 2 * Math.Cos(Math.PI * k / (n + 1)), values[k - 1], 4e-15);
        (values, _) = Run(Sample(Kind.Clement, n).Diagonal, Sample(Kind.Clement, n).Neighbours);
        Array.Sort(values);
        for (int k = 0; k < n; k++) Assert.Equal((2.0 * k - (n - 1)) / n, values[k], 4e-15);
    }

    private static (double[] Values, double[] Left, double[] Right) RunBidiagonal(double[] d, double[] e)
    {
        int n = d.Length, stride = n + 3, rightStride = n + 1;
        double[] values = [.. d], neighbours = [.. e, 0], left = new double[n * stride], right = new double[n * rightStride];
        Array.Fill(left, double.NaN);
        Array.Fill(right, double.NaN);
        using var work = new Workspace<double>(DividedBidiagonal.ScratchElements(n));
        fixed (double* pd = values, pe = neighbours, pl = left, pr = right)
            Assert.True(DividedBidiagonal.Run(pd, pe, n, pl, stride, pr, rightStride, work.Take(DividedBidiagonal.ScratchElements(n))));
        return (values, Dense(left, n, stride), Dense(right, n, rightStride));
    }

    private static double[] Dense(double[] rows, int n, int stride) => [.. Enumerable.Range(0, n).SelectMany(i => rows.AsSpan(i * stride, n).ToArray())];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Rows_are_orthonormal_singular_vectors(Kind kind, int n)
    {
        (double[] d, double[] e) = Sample(kind, n);
        (double[] values, double[] left, double[] right) = RunBidiagonal(d, e);
        double norm = Math.Max(d.Max(Math.Abs), n > 1 ? e.Max(Math.Abs) : 0), worst = 0;
        for (int j = 0; j < n; j++)
        {
            ReadOnlySpan<double> x = left.AsSpan(j * n, n), y = right.AsSpan(j * n, n);
            Assert.True(values[j] >= 0);
            for (int i = 0; i < n; i++)
            {
                worst = Math.Max(worst, Math.Abs(d[i] * y[i] + (i + 1 < n ? e[i] * y[i + 1] : 0) - values[j] * x[i]));
                worst = Math.Max(worst, Math.Abs(d[i] * x[i] + (i > 0 ? e[i - 1] * x[i - 1] : 0) - values[j] * y[i]));
            }
        }
        Assert.True(worst <= Bound * norm, $"residual {worst / (Roundoff * norm)} u");
        foreach (double[] rows in new[] { left, right })
            Assert.True(LossOfOrthogonality(rows, n) <= Bound, $"orthogonality {LossOfOrthogonality(rows, n) / Roundoff} u");
    }

    // The largest |xⱼ·xₖ − δⱼₖ|.
    private static double LossOfOrthogonality(double[] rows, int n)
    {
        double loss = 0;
        for (int j = 0; j < n; j++)
            for (int k = 0; k <= j; k++)
            {
                double dot = 0;
                for (int i = 0; i < n; i++) dot += rows[j * n + i] * rows[k * n + i];
                loss = Math.Max(loss, Math.Abs(dot - (j == k ? 1 : 0)));
            }
        return loss;
    }

    [Fact]
    public void Singular_values_are_roots_of_eigenvalues()
    {
        // 1 on the diagonal and beside it: BᵀB is the second difference matrix up to signs and one corner.
        const int n = 500;
        (double[] values, _, _) = RunBidiagonal([.. Enumerable.Repeat(1.0, n)], [.. Enumerable.Repeat(1.0, n - 1)]);
        Array.Sort(values);
        for (int k = 1; k <= n; k++) Assert.Equal(2 * Math.Cos(Math.PI * (n + 1 - k) / (2 * n + 1)), values[k - 1], 4e-15);
    }

    [Fact]
    public void The_bits_do_not_depend_on_the_number_of_threads()
    {
        (double[] d, double[] e) = Sample(Kind.Random, 700);
        Workers.Count = 1;
        (double[] values, double[] rows) = Run(d, e);
        Workers.Count = 3;
        (double[] values3, double[] rows3) = Run(d, e);
        Assert.Equal(values, values3);
        Assert.Equal(rows, rows3);
        (double[] singular3, double[] left3, double[] right3) = RunBidiagonal(d, e);
        Workers.Count = 1;
        (double[] singular, double[] left, double[] right) = RunBidiagonal(d, e);
        Assert.Equal(singular, singular3);
        Assert.Equal(left, left3);
        Assert.Equal(right, right3);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(3, 1e-8)]
    [InlineData(9, 1e-20)]
    [InlineData(70, 1e-3)]
    [InlineData(301, 1e-12)]
    public void Roots_of_the_secular_equation_interlace_and_make_it_vanish(int count, double least)
    {
        var random = new Random(count);
        // Gaps and weights spread over many orders of magnitude.
        double[] poles = new double[count], weights = new double[count], differences = new double[count];
        for (int j = 0; j < count; j++)
        {
            poles[j] = (j == 0 ? -0.3 : poles[j - 1]) + Math.Pow(Math.Max(least, 1e-13), random.NextDouble());
            weights[j] = Math.Pow(least, 2 * random.NextDouble());
        }
        double previous = double.NegativeInfinity;
        for (int i = 0; i < count; i++)
        {
            double root;
            fixed (double* p = poles, w = weights, x = differences) root = SecularEquation.Solve(p, w, count, i, x);
            double f = 1, size = 1, conditioning = 0;
            for (int j = 0; j < count; j++)
            {
                Assert.True(j <= i ? differences[j] < 0 : differences[j] > 0, $"root {i} lies on the wrong side of pole {j}");
                double term = weights[j] / differences[j], shift = Math.Min(Math.Abs(differences[i]), i + 1 < count ? differences[i + 1] : double.MaxValue);
                (f, size, conditioning) = (f + term, size + Math.Abs(term), conditioning + Math.Abs(term / differences[j]) * shift);
            }
            Assert.True(Math.Abs(f) <= 16 * Roundoff * (size + conditioning), $"f of root {i}: {f / Roundoff} u, terms {size}");
            Assert.True(root >= previous && root >= poles[i]);
            previous = root;
        }
    }
}
