using Nabla.Kernels;
using static Nabla.Tests.Kernels.LinalgSamples;
using static Nabla.Tests.Kernels.MatrixSamples;

namespace Nabla.Tests.Kernels;

[Collection(nameof(ProcessSettings))]
public sealed class SymmetricEigenTests : IDisposable
{
    private readonly int _threads = Workers.Count;

    public void Dispose() => (Workers.Count, GemmConfig.Path) = (_threads, GemmConfig.Best);

    private static (double[] Values, double[] Vectors) Decompose(DenseTensor a)
    {
        (DenseTensor w, DenseTensor v) = (Stale(a.DType, Shape.Create(a.Shape.Dims[..^1])).On(a.Device), Stale(a.DType, a.Shape).On(a.Device));
        Linalg.SymmetricEigen(a, w, v);
        return (w.ToDoubles(), v.ToDoubles());
    }

    private static double[] Values(DenseTensor a)
    {
        DenseTensor w = Stale(a.DType, Shape.Create(a.Shape.Dims[..^1])).On(a.Device);
        Linalg.SymmetricEigen(a, w, null);
        return w.ToDoubles();
    }

    // ‖A − V·diag(w)·Vᵀ‖₁ / (‖A‖₁·n·ulp), after scaling A to a largest element near 1.
    private static double Ratio(double[] a, double[] w, double[] v, int n, DType dtype)
    {
        double scale = n == 0 ? 1 : Math.Max(a.Max(Math.Abs), double.Epsilon);
        if (a.All(x => x == 0)) return w.All(x => x == 0) ? 0 : double.PositiveInfinity;
        double[] scaled = Array.ConvertAll(a, x => x / scale), left = [.. v.Select((x, i) => x * (w[i % n] / scale))];
        return Distance(scaled, Product(left, Transposed(v, n, n), n, n, n), n, n) / (Norm1(scaled, n, n) * n * 2 * dtype.UnitRoundoff);
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Residual_and_orthogonality_stay_below_the_bounds_of_LAPACK_for_all_sizes_and_spectra(DType dtype) => CheckResiduals(Device.Cpu, dtype, Sizes);

    internal static void CheckResiduals(Device device, DType dtype, int[] sizes)
    {
        foreach (int n in sizes)
            foreach (Spectrum spectrum in Enum.GetValues<Spectrum>())
            {
                DenseTensor a = From(dtype, Symmetric(dtype, n, spectrum, n), [n, n]).On(device);
                (double[] w, double[] v) = Decompose(a);
                string which = $"{dtype.Name} n = {n} {spectrum}";
                if (n == 0) continue;
                double residual = Ratio(a.ToDoubles(), w, v, n, dtype), loss = LossOfOrthogonality(v, n, n) / (n * 2 * dtype.UnitRoundoff);
                Assert.True(residual < 60 && loss < 60, $"{which}: {residual}, {loss}");
                Assert.True(w.SequenceEqual(w.Order()), which);
                double[] alone = Values(a);
                double largest = w.Max(Math.Abs);
                for (int i = 0; i < n; i++)
                    Assert.True(Math.Abs(alone[i] - w[i]) <= 60 * 2 * dtype.UnitRoundoff * largest, $"{which}: {alone[i]} {w[i]}");
            }
    }

    [Fact]
    public void Known_eigenvalues_are_found()
    {
        // The second difference matrix has the eigenvalues 2 − 2·cos(πk/(n + 1)).
        const int n = 100;
        var a = new double[n * n];
        for (int i = 0; i < n; i++)
        {
            a[i * n + i] = 2;
            if (i > 0) a[i * n + i - 1] = a[(i - 1) * n + i] = -1;
        }
        double[] w = Values(Tensor.From(a, [n, n]));
        for (int k = 1; k <= n; k++) Assert.Equal(2 - 2 * Math.Cos(Math.PI * k / (n + 1)), w[k - 1], 1e-14 * n);
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void A_large_matrix_has_the_same_bits_for_one_and_more_threads_with_every_instruction_set(DType dtype)
    {
        const int n = 380;
        DenseTensor a = From(dtype, Symmetric(dtype, n, Spectrum.Even, 5), [n, n]);
        foreach (GemmPath path in Enum.GetValues<GemmPath>().Where(path => path <= GemmConfig.Best))
        {
            GemmConfig.Path = path;
            Workers.Count = 1;
            (double[] w, double[] v) = Decompose(a);
            Assert.True(LossOfOrthogonality(v, n, n) < 60 * n * 2 * dtype.UnitRoundoff, path.ToString());
            Assert.True(Ratio(a.ToDoubles(), w, v, n, dtype) < 60, path.ToString());
            Workers.Count = 2;
            (double[] w2, double[] v2) = Decompose(a);
            Assert.Equal(w, w2);
            Assert.Equal(v, v2);
        }
    }

    [Fact]
    public void Only_the_lower_triangle_is_read_and_any_strides_will_do() => CheckLowerAndStrides(Device.Cpu, 40);

    internal static void CheckLowerAndStrides(Device device, int n)
    {
        double[] full = Symmetric(DType.F64, n, Spectrum.Even, 1), lower = [.. full], frame = new double[2 * n * n + 5];
        for (int i = 0; i < n; i++)
            for (int j = i + 1; j < n; j++) lower[i * n + j] = double.NaN;
        for (int i = 0; i < n * n; i++) frame[5 + 2 * i] = full[i];
        (double[] w, double[] v) = Decompose(Tensor.From(full, [n, n]).On(device));
        foreach (DenseTensor other in new[] { Tensor.From(lower, [n, n]).On(device), Tensor.From(frame).On(device).View(new Layout([n, n], [2, 2 * n], 5)) })
        {
            (double[] w2, double[] v2) = Decompose(other);
            Assert.Equal(w, w2);
            Assert.Equal(v, v2);
        }
    }

    [Fact]
    public void Each_entry_of_a_batch_is_decomposed_as_if_it_were_alone() => CheckBatch(Device.Cpu, 17);

    internal static void CheckBatch(Device device, int n)
    {
        const int batch = 30;
        double[][] matrices = [.. Enumerable.Range(0, batch).Select(i => Symmetric(DType.F32, n, Spectrum.Even, i))];
        (double[] w, double[] v) = Decompose(From(DType.F32, [.. matrices.SelectMany(x => x)], [5, 6, n, n]).On(device));
        for (int i = 0; i < batch; i++)
        {
            (double[] one, double[] vectors) = Decompose(From(DType.F32, matrices[i], [n, n]).On(device));
            Assert.Equal(one, w[(i * n)..((i + 1) * n)]);
            Assert.Equal(vectors, v[(i * n * n)..((i + 1) * n * n)]);
        }
    }

    [Fact]
    public void The_sign_of_an_eigenvector_is_fixed_even_when_elements_tie() => CheckSign(Device.Cpu);

    internal static void CheckSign(Device device)
    {
        (_, double[] v) = Decompose(Tensor.From([0.0, 1, 1, 0], [2, 2]).On(device));
        double half = Math.Sqrt(0.5);
        double[] expected = [half, half, -half, half];
        for (int i = 0; i < 4; i++) Assert.Equal(expected[i], v[i], 4e-16);
    }

    [Fact]
    public void Very_large_and_very_small_elements_are_scaled() => CheckScale(Device.Cpu);

    internal static void CheckScale(Device device)
    {
        foreach ((DType dtype, double[] sizes) in new[] { (DType.F32, new[] { 8e37, 1e-30, 1e-41 }), (DType.F64, [4e307, 1e-300, 1e-317]) })
            foreach (double size in sizes)
            {
                double[] w = Values(From(dtype, [size, 2 * size, 2 * size, size], [2, 2]).On(device)), expected = [-size, 3 * size];
                for (int i = 0; i < 2; i++) Assert.True(Math.Abs(w[i] - expected[i]) <= Math.Max(16 * dtype.UnitRoundoff * size, dtype == DType.F32 ? 4e-45 : 2e-323), $"{dtype.Name} {size}: {w[i]}");
            }
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void An_element_that_is_not_finite_is_refused_with_the_batch_entry(double bad)
    {
        CheckNotFinite(Device.Cpu, bad);
        Assert.Equal("NB0125", Assert.Throws<ShapeException>(() => Decompose(Tensor.Zeros([2, 3]))).Code);
        Assert.Equal("NB0210", Assert.Throws<DTypeException>(() => Decompose(Tensor.From([1], [1, 1]))).Code);
    }

    internal static void CheckNotFinite(Device device, double bad)
    {
        double[] good = Symmetric(DType.F64, 5, Spectrum.Even, 1), wrong = [.. good];
        wrong[3 * 5 + 2] = bad;
        var error = Assert.Throws<NumericException>(() => Decompose(Tensor.From([.. good, .. good, .. wrong], [3, 5, 5]).On(device)));
        Assert.Equal("NB0610", error.Code);
        Assert.Contains("eigh: needs finite elements: f64[3,5,5], batch index 2 ", error.Message);
    }
}
