using Nabla.Kernels;
using static Nabla.Tests.Kernels.LinalgSamples;
using static Nabla.Tests.Kernels.MatrixSamples;

namespace Nabla.Tests.Kernels;

[Collection(nameof(ProcessSettings))]
public sealed class LuTests : IDisposable
{
    private readonly int _threads = Workers.Count;

    public void Dispose() => Workers.Count = _threads;

    private static (double[] Lu, int[] Permutation) Factor(DenseTensor a)
    {
        (DenseTensor lu, DenseTensor p) = (Stale(a.DType, a.Shape).On(a.Device), Permutations(a).On(a.Device));
        Linalg.Lu(a, lu, p);
        return (lu.ToDoubles(), p.ToArray<int>());
    }

    private static DenseTensor Permutations(DenseTensor a)
    {
        Shape shape = Shape.Create(a.Shape.Dims[..^1]);
        return Tensor.From(new int[shape.Count], shape);
    }

    private static double[] Solve(DenseTensor a, DenseTensor b)
    {
        DenseTensor x = Stale(b.DType, b.Shape).On(b.Device);
        Linalg.Solve(a, b, x);
        return x.ToDoubles();
    }

    private static (double Sign, double Log) SlogDet(double[] a, int n, Device? device = null)
    {
        device ??= Device.Cpu;
        (DenseTensor sign, DenseTensor log) = (Stale(DType.F64, []).On(device), Stale(DType.F64, []).On(device));
        Linalg.SlogDet(Tensor.From(a, [n, n]).On(device), sign, log);
        return (sign.ToDouble(), log.ToDouble());
    }

    // ‖L·U − P·A‖₁ / (n·‖A‖₁·eps), after scaling.
    private static double FactorRatio(double[] a, double[] lu, int[] permutation, int n, DType dtype)
    {
        double scale = a.Max(Math.Abs);
        var permuted = new double[n * n];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) permuted[i * n + j] = a[permutation[i] * n + j] / scale;
        double[] l = [.. lu.Select((x, at) => at / n > at % n ? x : at / n == at % n ? 1 : 0)];
        double[] u = [.. lu.Select((x, at) => at / n <= at % n ? x / scale : 0)];
        return Distance(permuted, Product(l, u, n, n, n), n, n) / (n * Norm1(permuted, n, n) * dtype.UnitRoundoff);
    }

    // ‖B − A·X‖₁ / (‖A‖₁·‖X‖₁·eps), with A scaled to 1 and X accordingly.
    private static double SolveRatio(double[] a, double[] b, double[] x, int n, int m, DType dtype)
    {
        double scale = a.Max(Math.Abs);
        double[] left = Array.ConvertAll(a, e => e / scale), right = Array.ConvertAll(x, e => e * scale);
        return Distance(b, Product(left, right, n, n, m), n, m) / (Norm1(left, n, n) * Norm1(right, n, m) * dtype.UnitRoundoff);
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Residuals_stay_below_the_bounds_of_LAPACK_for_all_sizes_and_kinds(DType dtype) => CheckResiduals(Device.Cpu, dtype, Sizes);

    internal static void CheckResiduals(Device device, DType dtype, int[] sizes)
    {
        foreach (int n in sizes)
            foreach (Kind kind in Enum.GetValues<Kind>())
            {
                DenseTensor a = From(dtype, General(dtype, n, n, kind, n), [n, n]).On(device);
                (double[] lu, int[] permutation) = Factor(a);
                if (n == 0) continue;
                Assert.Equal(Enumerable.Range(0, n), permutation.Order());
                double ratio = FactorRatio(a.ToDoubles(), lu, permutation, n, dtype);
                Assert.True(ratio < 30, $"{dtype.Name} n = {n} {kind}: {ratio}");
                // The right-hand side is as large as the matrix, so that the solution is in range.
                double size = a.ToDoubles().Max(Math.Abs);
                DenseTensor b = From(dtype, Array.ConvertAll(Matrix(DType.F64, n, 3, n).ToDoubles(), e => e * size), [n, 3]).On(device);
                double solution = SolveRatio(a.ToDoubles(), b.ToDoubles(), Solve(a, b), n, 3, dtype);
                Assert.True(solution < 30, $"{dtype.Name} n = {n} {kind}: solve {solution}");
            }
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void A_large_system_has_the_same_bits_for_one_and_more_threads(DType dtype)
    {
        (DenseTensor a, DenseTensor b) = (Matrix(dtype, 400, 400, 7), Matrix(dtype, 400, 50, 8));
        Workers.Count = 1;
        double[] alone = Solve(a, b);
        Workers.Count = 2;
        Assert.Equal(alone, Solve(a, b));
        Assert.True(SolveRatio(a.ToDoubles(), b.ToDoubles(), alone, 400, 50, dtype) < 30);
    }

    [Fact]
    public void Any_strides_will_do_and_each_entry_of_a_batch_is_solved_as_if_it_were_alone() => CheckBatch(Device.Cpu);

    internal static void CheckBatch(Device device)
    {
        foreach (Placement placement in new[] { Placement.Transposed, Placement.Offset, Placement.Strided, Placement.Reversed })
        {
            DenseTensor a = Matrix(DType.F32, 35, 35, 3, placement), b = Matrix(DType.F32, 35, 4, 4, placement);
            Assert.Equal(Solve(From(DType.F32, a.ToDoubles(), a.Shape).On(device), From(DType.F32, b.ToDoubles(), b.Shape).On(device)), Solve(a.LaidOutOn(device), b.LaidOutOn(device)));
        }
        double[][] matrices = [.. Enumerable.Range(0, 40).Select(i => General(DType.F64, 5, 5, Kind.Cond2, i))];
        DenseTensor sides = Matrix(DType.F64, 200, 2, 1);
        double[] together = Solve(Tensor.From([.. matrices.SelectMany(x => x)], [4, 10, 5, 5]).On(device), Tensor.From(sides.ToDoubles(), [4, 10, 5, 2]).On(device));
        for (int i = 0; i < 40; i++)
        {
            DenseTensor side = Tensor.From(sides.ToDoubles()[(10 * i)..(10 * (i + 1))], [5, 2]);
            Assert.Equal(Solve(Tensor.From(matrices[i], [5, 5]).On(device), side.On(device)), together[(10 * i)..(10 * (i + 1))]);
        }
    }

    [Theory]
    [InlineData(5)]
    [InlineData(65)]
    public void A_zero_row_is_named_with_its_batch_entry(int n) => CheckZeroRows(Device.Cpu, n);

    internal static void CheckZeroRows(Device device, int n)
    {
        foreach (int row in new[] { 0, n / 2, n - 1 })
        {
            double[] good = General(DType.F64, n, n, Kind.Cond2, 1), bad = [.. good];
            for (int j = 0; j < n; j++) bad[row * n + j] = 0;
            DenseTensor a = Tensor.From([.. good, .. bad, .. bad], [3, n, n]).On(device);
            var error = Assert.Throws<NumericException>(() => Solve(a, Tensor.Zeros([3, n, 1], DType.F64, device).Dense));
            Assert.Equal("NB0612", error.Code);
            Assert.Contains($"solve: matrix is singular: f64[3,{n},{n}], batch index 1, row {row};", error.Message);
            Assert.Equal((0, double.NegativeInfinity), SlogDet(bad, n, device));
        }
    }

    [Fact]
    public void Determinants_have_their_sign_and_their_size() => CheckDeterminants(Device.Cpu);

    internal static void CheckDeterminants(Device device)
    {
        Assert.Equal((1, 0), SlogDet([], 0, device));
        Assert.Equal((-1, 0), SlogDet([0, 1, 1, 0], 2, device));
        (double sign, double log) = SlogDet([0, 0, 2, 3, 0, 0, 0, 5, 0], 3, device);
        Assert.Equal(1, sign);
        Assert.Equal(Math.Log(30), log, 1e-14);
        (sign, log) = SlogDet(General(DType.F64, 129, 129, Kind.NearUnderflow, 1), 129, device);
        double expected = 129 * Math.Log(1e-300) - 129 * Math.Log(2) / 2;
        Assert.Equal(expected, log, 1e-10 * Math.Abs(expected));
        // Six reflections, three from each side, and a positive diagonal.
        Assert.Equal(1, sign);
        Assert.True(double.IsNaN(SlogDet([1, 2, double.NaN, 4], 2, device).Log));
    }

    [Fact]
    public void Shapes_and_element_types_that_do_not_fit_are_refused()
    {
        DenseTensor a = Tensor.Zeros([3, 3], DType.F64);
        Assert.Equal("NB0125", Assert.Throws<ShapeException>(() => Factor(Tensor.Zeros([3, 2]))).Code);
        Assert.Equal("NB0127", Assert.Throws<ShapeException>(() => Solve(a, Tensor.Zeros([2, 2], DType.F64))).Code);
        Assert.Equal("NB0127", Assert.Throws<ShapeException>(() => Linalg.Lu(a, a, Tensor.From([1, 2]))).Code);
        Assert.Equal("NB0210", Assert.Throws<DTypeException>(() => Solve(a, Tensor.Zeros([3, 1]))).Code);
    }
}
