using Nabla.Kernels;
using static Nabla.Tests.Kernels.LinalgSamples;
using static Nabla.Tests.Kernels.MatrixSamples;

namespace Nabla.Tests.Kernels;

[Collection(nameof(ProcessSettings))]
public sealed class CholeskyTests : IDisposable
{
    private readonly int _threads = Workers.Count;

    public void Dispose() => Workers.Count = _threads;

    private static DenseTensor Factor(DenseTensor a)
    {
        DenseTensor l = Stale(a.DType, a.Shape).On(a.Device);
        Linalg.Cholesky(a, l);
        return l;
    }

    // ‖L·Lᵀ − A‖₁ / (n·‖A‖₁·eps)
    private static double Ratio(double[] a, double[] l, int n, DType dtype)
    {
        var residual = new double[n * n];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                residual[i * n + j] = Dot(l, i * n, 1, l, j * n, 1, n).Sum - a[i * n + j];
        return n == 0 ? 0 : Norm1(residual, n, n) / Norm1(a, n, n) / (n * dtype.UnitRoundoff);
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void The_residual_is_below_the_bound_of_LAPACK_for_all_sizes_and_kinds(DType dtype) => CheckResiduals(Device.Cpu, dtype, Sizes);

    internal static void CheckResiduals(Device device, DType dtype, int[] sizes)
    {
        foreach (int n in sizes)
            foreach (Kind kind in Enum.GetValues<Kind>())
            {
                DenseTensor a = From(dtype, PositiveDefinite(dtype, n, kind, n), [n, n]).On(device);
                double[] l = Factor(a).ToDoubles();
                double ratio = Ratio(a.ToDoubles(), l, n, dtype);
                Assert.True(ratio < 30, $"{dtype.Name} n = {n} {kind}: {ratio}");
                for (int i = 0; i < n; i++)
                    for (int j = i + 1; j < n; j++) Assert.Equal(0, l[i * n + j]);
            }
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void A_large_matrix_has_a_small_residual_and_the_same_bits_for_one_and_more_threads(DType dtype)
    {
        const int n = 400;
        DenseTensor a = From(dtype, PositiveDefinite(dtype, n, Kind.Cond2, 5), [n, n]);
        Workers.Count = 1;
        double[] alone = Factor(a).ToDoubles();
        Assert.True(Ratio(a.ToDoubles(), alone, n, dtype) < 30);
        Workers.Count = 3;
        Assert.Equal(alone, Factor(a).ToDoubles());
    }

    internal static void CheckLarge(Device device, DType dtype, int n)
    {
        DenseTensor a = From(dtype, PositiveDefinite(dtype, n, Kind.Cond2, 4), [n, n]).On(device);
        double ratio = Ratio(a.ToDoubles(), Factor(a).ToDoubles(), n, dtype);
        Assert.True(ratio < 30, $"{dtype.Name} n = {n}: {ratio}");
    }

    [Fact]
    public void Only_the_lower_triangle_is_read_and_any_strides_will_do() => CheckLowerAndStrides(Device.Cpu, 70);

    internal static void CheckLowerAndStrides(Device device, int n)
    {
        double[] full = PositiveDefinite(DType.F64, n, Kind.Cond2, 1), lower = [.. full], frame = new double[2 * n * n + 5];
        for (int i = 0; i < n; i++)
            for (int j = i + 1; j < n; j++) lower[i * n + j] = double.NaN;
        double[] expected = Factor(From(DType.F64, full, [n, n]).On(device)).ToDoubles();
        Assert.Equal(expected, Factor(From(DType.F64, lower, [n, n]).On(device)).ToDoubles());
        for (int i = 0; i < n * n; i++) frame[5 + 2 * i] = full[i];
        DenseTensor spread = From(DType.F64, frame, [frame.Length]).On(device).View(new Layout([n, n], [2, 2 * n], 5));
        Assert.Equal(expected, Factor(spread).ToDoubles());
    }

    [Fact]
    public void Each_entry_of_a_batch_is_factored_as_if_it_were_alone() => CheckBatch(Device.Cpu, 33);

    internal static void CheckBatch(Device device, int n, int triples = 2)
    {
        int batch = 3 * triples;
        double[][] matrices = [.. Enumerable.Range(0, batch).Select(i => PositiveDefinite(DType.F32, n, Kind.Cond2, i))];
        double[] together = Factor(From(DType.F32, [.. matrices.SelectMany(x => x)], [triples, 3, n, n]).On(device)).ToDoubles();
        for (int i = 0; i < batch; i++)
            Assert.Equal(Factor(From(DType.F32, matrices[i], [n, n]).On(device)).ToDoubles(), together[(i * n * n)..((i + 1) * n * n)]);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(129)]
    public void A_zero_row_is_named_with_its_batch_entry(int n) => CheckZeroRows(Device.Cpu, n);

    internal static void CheckZeroRows(Device device, int n)
    {
        foreach (int row in new[] { 0, n / 2, n - 1 }.Concat(n > 64 ? [32, 63, 64] : []))
        {
            double[] good = PositiveDefinite(DType.F64, n, Kind.Cond2, 1), bad = [.. good];
            for (int i = 0; i < n; i++) bad[row * n + i] = bad[i * n + row] = 0;
            DenseTensor a = From(DType.F64, [.. good, .. bad, .. good], [3, n, n]).On(device);
            var error = Assert.Throws<NumericException>(() => Factor(a));
            Assert.Equal("NB0601", error.Code);
            Assert.Contains($"f64[3,{n},{n}], batch index 1, row {row};", error.Message);
        }
    }

    [Fact]
    public void Indefinite_matrices_and_those_with_NaN_or_infinity_are_refused()
    {
        CheckIndefinite(Device.Cpu);
        Assert.Equal("NB0125", Assert.Throws<ShapeException>(() => Factor(Tensor.Zeros([2, 3]))).Code);
        Assert.Equal("NB0210", Assert.Throws<DTypeException>(() => Linalg.Cholesky(Tensor.From([1], [1, 1]), Tensor.From([1], [1, 1]))).Code);
    }

    internal static void CheckIndefinite(Device device)
    {
        foreach (double bad in new[] { -1, double.NaN, double.PositiveInfinity })
        {
            double[] a = PositiveDefinite(DType.F32, 40, Kind.Cond2, 2);
            a[35 * 40 + 35] = bad;
            var error = Assert.Throws<NumericException>(() => Factor(From(DType.F32, a, [40, 40]).On(device)));
            Assert.Contains("row 35;", error.Message);
        }
    }
}
