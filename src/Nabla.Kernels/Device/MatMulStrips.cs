using System.Numerics;

namespace Nabla.Kernels;

internal static partial class MatMulKernels
{
    /// <summary>Columns of c that a work-item of a processor computes, and most rows.</summary>
    public const int StripColumns = 32, MostStripRows = 10 * StripRows;

    /// <summary>Rows of c in registers: with 32 columns of f32 these are 12 of the 32 vectors of AVX-512, with f64 24.</summary>
    public const int StripRows = 6;

    // 32 KiB of b in f32: it stays in the caches next to the core while all rows pass by.
    private const int PanelDepth = 256;

    /// <summary>
    /// For processors. A work-item, a group of its own, computes up to 60 rows of 32 columns. It copies 256 rows of b, as narrow as its columns and padded with zeros, so that
    /// they lie densely whatever the steps of b; then takes 6 rows of a after another, whose sums stay in vector registers. No memory is shared: caches do that.
    /// </summary>
    [Kernel(1), Instances(typeof(float), typeof(double))]
    public static void Strips<T>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var panel = LocalMemory.Allocate<T>(PanelDepth * StripColumns);
        var sums = LocalMemory.Allocate<T>(MostStripRows * StripColumns);
        var sum = LocalMemory.Allocate<T>(StripRows * StripColumns);
        // Neighbours in the order of execution share columns of b.
        int across = Grid.IdxX / s.TilesDown, entry = across / s.TilesAcross;
        int row = (Grid.IdxX - across * s.TilesDown) * s.TileRows, column = (across - entry * s.TilesAcross) * StripColumns;
        int rows = Math.Min(s.TileRows, s.M - row), columns = Math.Min(StripColumns, s.N - column);
        int startA = Steps.At(entry, stepsA, batch) + row * s.RowA, startB = Steps.At(entry, stepsB, batch) + column * s.ColumnB;
        for (int i = 0; i < rows + StripRows - 1; i++)
            if (i < MostStripRows)
                for (int j = 0; j < Vectors.Lanes(StripColumns); j++) sums[i * StripColumns + j] = T.Zero;
        for (int first = 0; first < s.K; first += PanelDepth)
        {
            int depth = Math.Min(PanelDepth, s.K - first);
            Pack(b, startB + first * s.RowB, s.RowB, s.ColumnB, depth, columns, panel);
            for (int top = 0; top < rows; top += StripRows)
            {
                for (int i = 0; i < StripRows; i++)
                    for (int j = 0; j < Vectors.Lanes(StripColumns); j++) sum[i * StripColumns + j] = sums[(top + i) * StripColumns + j];
                for (int p = 0; p < depth; p++)
                {
                    for (int i = 0; i < StripRows; i++)
                    {
                        // Rows beyond the last repeat it; nobody reads their sums.
                        T x = a[startA + Math.Min(top + i, rows - 1) * s.RowA + (first + p) * s.ColumnA];
                        for (int j = 0; j < Vectors.Lanes(StripColumns); j++)
                            sum[i * StripColumns + j] = T.FusedMultiplyAdd(x, panel[p * StripColumns + j], sum[i * StripColumns + j]);
                    }
                }
                for (int i = 0; i < StripRows; i++)
                    for (int j = 0; j < Vectors.Lanes(StripColumns); j++) sums[(top + i) * StripColumns + j] = sum[i * StripColumns + j];
            }
        }
        for (int i = 0; i < rows; i++)
        {
            int at = (entry * s.M + row + i) * s.N + column;
            if (columns == StripColumns)
                for (int j = 0; j < Vectors.Lanes(StripColumns); j++) Store(c, at + j, sums[i * StripColumns + j]);
            else
                for (int j = 0; j < columns; j++) Store(c, at + j, sums[i * StripColumns + j]);
        }
    }

    private static void Pack<T>(ArrayView<T> b, int start, int rowStep, int columnStep, int depth, int columns, ArrayView<T> panel) where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int p = 0; p < depth; p++)
        {
            if (columns == StripColumns && columnStep == 1)
                for (int j = 0; j < Vectors.Lanes(StripColumns); j++) panel[p * StripColumns + j] = b[start + p * rowStep + j];
            else
            {
                for (int j = 0; j < columns; j++) panel[p * StripColumns + j] = b[start + p * rowStep + j * columnStep];
                for (int j = columns; j < StripColumns; j++) panel[p * StripColumns + j] = T.Zero;
            }
        }
    }
}
