using System.Numerics;

namespace Nabla.Kernels;

internal static partial class FactorKernels
{
    /// <summary>Work-items of a group of <see cref="SolveColumns"/>.</summary>
    public const int ColumnItems = 128;

    /// <summary>
    /// L·X = X − <paramref name="less"/> in place for lower triangles and many right-hand sides, or L·X = (0 I 0) − <paramref name="less"/>, whose identity starts at column <paramref name="diagonal"/>: the inverse. Upper
    /// triangles, transposes and the other side are another <see cref="MatrixPlace"/>. A matrix has <paramref name="columns"/> work-items of a group, 32, 64 or 128, one for each right-hand side, and the groups along y
    /// the next ones; a group has 128 / columns matrices, which advance together.
    /// </summary>
    /// <remarks>
    /// Strips of 32 rows from top to bottom, which a work-item has in registers. What the strips above contribute is taken off tile by tile: the tile is shared, and each work-item reads from global memory what it wrote
    /// itself, which is next to what its neighbours read. The 32 rows on the diagonal follow without a barrier, from their tile. Columns of the inverse start at their diagonal. n²m multiply-adds, half of them for the
    /// whole inverse. By substitution, so each column has a small residual. Source: Higham, Accuracy and Stability of Numerical Algorithms, §14.2 (method 1B, with larger matrices in blocks of rows).
    /// </remarks>
    /// <param name="l">The triangles.</param>
    /// <param name="placeL">Where they lie.</param>
    /// <param name="x">The right-hand sides, then the solutions.</param>
    /// <param name="placeX">Where they lie.</param>
    /// <param name="less">What is taken off the right-hand sides, dense.</param>
    /// <param name="lessColumns">Of how many columns; 0: nothing.</param>
    /// <param name="n">Rows.</param>
    /// <param name="m">Right-hand sides.</param>
    /// <param name="diagonal">The column where the identity starts; −1 if the right-hand sides are in x.</param>
    /// <param name="unit">1 if the diagonal of l is taken as ones.</param>
    /// <param name="entries">Matrices.</param>
    /// <param name="columns">Work-items of each.</param>
    [Kernel(ColumnItems), Instances(typeof(float), typeof(double))]
    public static void SolveColumns<T>(
        ArrayView<T> l, MatrixPlace placeL, ArrayView<T> x, MatrixPlace placeX, ArrayView<T> less, int lessColumns, int n, int m, int diagonal, int unit, int entries, int columns)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var tile = SharedMemory.Allocate<T>(ColumnItems * TilePitch);
        var r = LocalMemory.Allocate<T>(Side);
        var four = LocalMemory.Allocate<T>(4);
        int item = Group.IdxX, slot = item / columns, own = item - slot * columns, entry = Grid.IdxX * (ColumnItems / columns) + slot, column = Grid.IdxY * columns + own, tileAt = slot * Side * TilePitch;
        int at = MatrixPlace.At(placeX, entry, 0, column), lessAt = entry * n * lessColumns + column;
        bool there = entry < entries, real = there && column < m;
        // Rows above the diagonal of the inverse: of this column, and in whole strips of all columns of the group. Columns on the left of the identity have none.
        int zeros = diagonal < 0 ? 0 : Math.Max(0, column - diagonal), from = diagonal < 0 ? 0 : Math.Max(0, Grid.IdxY * columns - diagonal) / Side * Side;
        for (int first = 0; first < n; first += Side)
        {
            for (int i = 0; i < Side; i++) r[i] = real && first + i < n ? RightSide(x, at + (first + i) * placeX.Row, less, lessAt + (first + i) * lessColumns, column, lessColumns, first + i, diagonal) : T.Zero;
            for (int done = from; done < first; done += Side)
            {
                for (int i = own; i < Side * Side; i += columns) Fetch(l, placeL, entry, n, first, done, i, there, unit, tile, tileAt);
                Group.Barrier();
                if (real && done + Side > zeros) TakeOff(x, at + done * placeX.Row, placeX.Row, 0, tile, tileAt, four, r);
                Group.Barrier();
            }
            for (int i = own; i < Side * Side; i += columns) Fetch(l, placeL, entry, n, first, first, i, there, unit, tile, tileAt);
            Group.Barrier();
            if (real && first + Side > zeros) Substitute(tile, tileAt, r);
            if (real)
            {
                for (int i = 0; i < Side; i++)
                    if (first + i < n) x[at + (first + i) * placeX.Row] = r[i];
            }
            Group.Barrier();
        }
    }

    // 32 rows of one right-hand side from top to bottom. With the inner loop unrolled rather than in vectors, LLVM 14 makes wrong code of it for PoCL.
    private static void Substitute<T>(ArrayView<T> tile, int start, ArrayView<T> r) where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int k = 0; k < Side; k++)
        {
            r[k] = r[k] / tile[start + k * TilePitch + k];
            for (int c = 0; c < Vectors.Lanes(Side); c++)
                if (c > k) r[c] = T.FusedMultiplyAdd(-r[k], tile[start + k * TilePitch + c], r[c]);
        }
    }

    private static T RightSide<T>(ArrayView<T> x, int at, ArrayView<T> less, int lessAt, int column, int lessColumns, int row, int diagonal) where T : unmanaged, INumber<T>
    {
        T side = diagonal < 0 ? x[at] : row == column - diagonal ? T.One : T.Zero;
        return column < lessColumns ? side - less[lessAt] : side;
    }

    // Element i of a tile of 32 rows and 32 columns, a column of the matrix in each line; below the last row that of the identity. Neighbours read neighbours.
    private static void Fetch<T>(ArrayView<T> l, MatrixPlace place, int entry, int n, int first, int done, int i, bool there, int unit, ArrayView<T> tile, int start) where T : unmanaged, INumber<T>
    {
        int row = place.Row == 1 ? i % Side : i / Side, column = place.Row == 1 ? i / Side : i % Side;
        bool inside = there && first + row < n, below = first + row > done + column, on = first + row == done + column;
        tile[start + column * TilePitch + row] = inside && (below || on && unit == 0) ? l[MatrixPlace.At(place, entry, first + row, done + column)] : on ? T.One : T.Zero;
    }
}
