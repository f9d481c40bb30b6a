using Nabla.Kernels;
using static Nabla.Tests.Kernels.LinalgSamples;
using static Nabla.Tests.Kernels.MatrixSamples;

namespace Nabla.Tests.Kernels;

[Collection(nameof(ProcessSettings))]
public sealed class LinalgPathTests : IDisposable
{
    private readonly int _threads = Workers.Count;

    public void Dispose() => (Workers.Count, GemmConfig.Path) = (_threads, GemmConfig.Best);

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Every_instruction_set_factors_and_solves_batches_with_the_same_bits_for_one_and_more_threads(DType dtype)
    {
        foreach (GemmPath path in Enum.GetValues<GemmPath>().Where(path => path <= GemmConfig.Best))
            foreach ((int batch, int n, int columns) in new[] { (900, 7, 1), (300, 17, 3), (60, 33, 1), (40, 40, 70), (3, 100, 5) })
            {
                GemmConfig.Path = path;
                double[] a = [.. Enumerable.Range(0, batch).SelectMany(i => PositiveDefinite(dtype, n, Kind.Cond2, i))];
                DenseTensor matrices = From(dtype, a, [batch, n, n]);
                DenseTensor sides = From(dtype, Matrix(DType.F64, batch * n, columns, n).ToDoubles(), [batch, n, columns]);
                Workers.Count = 1;
                (double[] byCholesky, double[] byLu) = Solve(matrices, sides);
                Workers.Count = 3;
                (double[] byCholesky2, double[] byLu2) = Solve(matrices, sides);
                Assert.Equal(byCholesky, byCholesky2);
                Assert.Equal(byLu, byLu2);
                string which = $"{path} {dtype.Name} {batch} of {n}, {columns} columns";
                Check(matrices.ToDoubles(), sides.ToDoubles(), byCholesky, n, columns, dtype, which + " Cholesky");
                Check(matrices.ToDoubles(), sides.ToDoubles(), byLu, n, columns, dtype, which + " LU");
            }
    }

    private static (double[] ByCholesky, double[] ByLu) Solve(DenseTensor a, DenseTensor b)
    {
        (DenseTensor l, DenseTensor half, DenseTensor x, DenseTensor y) = (Stale(a.DType, a.Shape), Stale(b.DType, b.Shape), Stale(b.DType, b.Shape), Stale(b.DType, b.Shape));
        Linalg.Cholesky(a, l);
        Linalg.TriangularSolve(l, b, half, leftSide: true, lower: true, transposeA: false, unitDiagonal: false);
        Linalg.TriangularSolve(l, half, x, leftSide: true, lower: true, transposeA: true, unitDiagonal: false);
        Linalg.Solve(a, b, y);
        return (x.ToDoubles(), y.ToDoubles());
    }

    // The condition number is 2 and B is at most 1: ‖A·X − B‖ ≤ 30·n·u for each entry.
    private static void Check(double[] a, double[] b, double[] x, int n, int columns, DType dtype, string which)
    {
        for (int row = 0; row < b.Length / columns; row++)
            for (int j = 0; j < columns; j++)
            {
                double sum = Dot(a, row * n, 1, x, row / n * n * columns + j, columns, n).Sum;
                Assert.True(Math.Abs(sum - b[row * columns + j]) <= 30 * n * dtype.UnitRoundoff, $"{which}: row {row}, column {j}");
            }
    }
}
