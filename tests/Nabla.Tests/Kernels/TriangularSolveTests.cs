using Nabla.Kernels;
using static Nabla.Tests.Kernels.LinalgSamples;
using static Nabla.Tests.Kernels.MatrixSamples;

namespace Nabla.Tests.Kernels;

[Collection(nameof(ProcessSettings))]
public sealed class TriangularSolveTests : IDisposable
{
    private readonly int _threads = Workers.Count;

    public void Dispose() => Workers.Count = _threads;

    private static DenseTensor Solve(DenseTensor a, DenseTensor b, bool leftSide, bool lower, bool transpose, bool unit)
    {
        DenseTensor x = Stale(b.DType, b.Shape).On(b.Device);
        Linalg.TriangularSolve(a, b, x, leftSide, lower, transpose, unit);
        return x;
    }

    // A triangle with NaN where it must not be read. With a unit diagonal, the rest is scaled down so that the matrix stays well conditioned.
    private static DenseTensor Triangle(DType dtype, int n, Kind kind, bool lower, bool unit)
    {
        double[] a = PositiveDefinite(dtype, n, kind, n + 7);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
            {
                if (i == j) a[i * n + j] = unit ? double.NaN : a[i * n + j];
                else if (i > j != lower) a[i * n + j] = double.NaN;
                else if (unit) a[i * n + j] /= Math.Max(1, n);
            }
        return From(dtype, a, [n, n]);
    }

    private static double[] Clean(DenseTensor a, bool transpose)
    {
        int n = a.Shape.Dims[0];
        double[] x = a.ToDoubles(), clean = new double[n * n];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
            {
                double value = x[i * n + j];
                clean[transpose ? j * n + i : i * n + j] = double.IsNaN(value) ? (i == j ? 1 : 0) : value;
            }
        return clean;
    }

    // ‖B − op(A)·X‖₁ / (‖A‖₁‖X‖₁·eps), or the same with X·op(A).
    private static double Ratio(double[] a, double[] b, double[] x, int n, int m, bool leftSide, double eps)
    {
        (int rows, int columns) = leftSide ? (n, m) : (m, n);
        var residual = new double[n * m];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
            {
                double product = leftSide ? Dot(a, i * n, 1, x, j, m, n).Sum : Dot(x, i * n, 1, a, j, n, n).Sum;
                residual[i * columns + j] = b[i * columns + j] - product;
            }
        return n * m == 0 ? 0 : Norm1(residual, rows, columns) / Norm1(a, n, n) / Norm1(x, rows, columns) / eps;
    }

    [Theory]
    [InlineData(DType.F32, true)]
    [InlineData(DType.F32, false)]
    [InlineData(DType.F64, true)]
    [InlineData(DType.F64, false)]
    public void The_residual_is_below_the_bound_of_LAPACK_for_all_sizes_and_all_eight_cases(DType dtype, bool leftSide) =>
        CheckResiduals(Device.Cpu, dtype, leftSide, Sizes);

    internal static void CheckResiduals(Device device, DType dtype, bool leftSide, int[] sizes, int sides = 37)
    {
        foreach (int n in sizes)
            for (int flags = 0; flags < 8; flags++)
            {
                (bool lower, bool transpose, bool unit) = ((flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0);
                int m = n % 3 == 0 ? sides : 5;
                DenseTensor a = Triangle(dtype, n, Kind.Cond2, lower, unit), b = Matrix(dtype, leftSide ? n : m, leftSide ? m : n, n);
                double[] x = Solve(a.On(device), b.On(device), leftSide, lower, transpose, unit).ToDoubles();
                double ratio = Ratio(Clean(a, transpose), b.ToDoubles(), x, n, m, leftSide, dtype.UnitRoundoff);
                Assert.True(ratio < 30, $"{dtype.Name} n = {n} left {leftSide} lower {lower} transposed {transpose} unit {unit}: {ratio}");
            }
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void The_factors_of_all_kinds_of_matrix_solve_with_a_small_residual(DType dtype)
    {
        foreach (int n in new[] { 10, 65, 129 })
            foreach (Kind kind in Enum.GetValues<Kind>())
            {
                DenseTensor a = From(dtype, PositiveDefinite(dtype, n, kind, n), [n, n]), l = Stale(dtype, [n, n]);
                Linalg.Cholesky(a, l);
                DenseTensor b = Matrix(dtype, n, 40, 3);
                double[] scaled = kind is Kind.NearUnderflow or Kind.NearOverflow ? [.. b.ToDoubles().Select(x => x * a.ToDoubles()[0])] : b.ToDoubles();
                b = From(dtype, scaled, [n, 40]);
                double[] x = Solve(l, b, leftSide: true, lower: true, transpose: false, unit: false).ToDoubles();
                double ratio = Ratio(l.ToDoubles(), b.ToDoubles(), x, n, 40, leftSide: true, dtype.UnitRoundoff);
                Assert.True(ratio < 30, $"{dtype.Name} n = {n} {kind}: {ratio}");
            }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_large_solve_has_a_small_residual_and_the_same_bits_for_one_and_more_threads(bool leftSide)
    {
        const int n = 300, m = 530;
        DenseTensor a = Triangle(DType.F32, n, Kind.Cond2, lower: true, unit: false);
        DenseTensor b = Matrix(DType.F32, leftSide ? n : m, leftSide ? m : n, 4, Placement.Transposed);
        Workers.Count = 1;
        double[] alone = Solve(a, b, leftSide, lower: true, transpose: true, unit: false).ToDoubles();
        Assert.True(Ratio(Clean(a, true), b.ToDoubles(), alone, n, m, leftSide, DType.F32.UnitRoundoff) < 30);
        Workers.Count = 3;
        Assert.Equal(alone, Solve(a, b, leftSide, lower: true, transpose: true, unit: false).ToDoubles());
    }

    [Fact]
    public void A_batch_with_one_matrix_for_all_entries_solves_each_entry() => CheckBatch(Device.Cpu);

    internal static void CheckBatch(Device device, int m = 3)
    {
        const int n = 20;
        DenseTensor a = Triangle(DType.F64, n, Kind.Cond2, lower: true, unit: false).On(device);
        DenseTensor b = Matrix(DType.F64, 4 * n, m, 9).On(device);
        DenseTensor x = Solve(a.View(new Layout([4, n, n], [0, n, 1], 0)), b.View(new Layout([4, n, m], [n * m, m, 1], 0)), true, true, false, false);
        for (int entry = 0; entry < 4; entry++)
        {
            DenseTensor alone = Solve(a, b.View(new Layout([n, m], [m, 1], entry * n * m)), true, true, false, false);
            Assert.Equal(alone.ToDoubles(), x.ToDoubles()[(entry * n * m)..((entry + 1) * n * m)]);
        }
    }

    [Fact]
    public void A_zero_on_the_diagonal_is_named_and_shapes_are_checked()
    {
        (DenseTensor triangle, DenseTensor b) = CheckZeroDiagonal(Device.Cpu);
        Assert.Equal("NB0126", Assert.Throws<ShapeException>(() => Solve(triangle, b, leftSide: false, true, false, false)).Code);
        Assert.Equal("NB0125", Assert.Throws<ShapeException>(() => Solve(b, b, true, true, false, false)).Code);
        Assert.Equal("NB0210", Assert.Throws<DTypeException>(() => Solve(triangle, From(DType.F64, new double[200], [2, 50, 2]), true, true, false, false)).Code);
    }

    internal static (DenseTensor Triangle, DenseTensor Sides) CheckZeroDiagonal(Device device)
    {
        double[] a = new double[2 * 50 * 50];
        for (int i = 0; i < 100; i++) a[i / 50 * 2500 + i % 50 * 51] = 1;
        a[2500 + 41 * 51] = 0;
        DenseTensor triangle = From(DType.F32, a, [2, 50, 50]).On(device), b = Matrix(DType.F32, 100, 2, 1).On(device).View(new Layout([2, 50, 2], [100, 2, 1], 0));
        var error = Assert.Throws<NumericException>(() => Solve(triangle, b, true, true, false, false));
        Assert.Equal("NB0602", error.Code);
        Assert.Contains("f32[2,50,50], batch index 1, row 41 ", error.Message);
        Solve(triangle, b, true, true, false, unit: true);
        return (triangle, b);
    }
}
