using System.Numerics;

namespace Nabla.Kernels;

internal static partial class FactorKernels
{
    /// <summary>Work-items of a group of <see cref="CholeskyColumns"/>, and the most rows of a matrix that it factors alone.</summary>
    public const int WholeItems = 256;

    /// <summary>Columns of a larger matrix that one launch factors.</summary>
    public const int PanelColumns = 128;

    // Lines of a tile start at multiples of 16 bytes.
    private const int TilePitch = Side + 4;

    /// <summary>
    /// Columns <paramref name="first"/> to <paramref name="first"/> + <paramref name="columns"/> of the lower factors l, zeros above: all columns of matrices of up to 256 rows, or a panel of larger ones, whose
    /// columns on the left are known and contribute <paramref name="less"/>. A matrix has <paramref name="rows"/> work-items of a group, 32, 64, 128 or 256, one for each row, and a group has 256 / rows matrices,
    /// which advance together. Of a panel every group has the rows that cross the diagonal, and others below them by its index along y. Faults go into one word: the smallest entry·n + row.
    /// </summary>
    /// <remarks>
    /// Strips of 32 columns from left to right; a work-item has its row of the strip in registers. What the strips before contribute is taken off first: their rows are read from global memory, where
    /// each work-item reads what it wrote itself, and the 32 rows that cross the diagonal are shared. Then column by column with one barrier each: the rows of the
    /// diagonal block publish their elements before they are divided, in one of two places in turn, and everyone divides for himself: by the reciprocal of the root, as LAPACK's unblocked form does.
    /// Rows of the identity, without a matrix or below the last row, keep the steps alike. The groups of a panel write the same numbers to the rows that they all have, so a and l are the same memory only where
    /// there is one group.
    /// </remarks>
    /// <param name="a">The matrices.</param>
    /// <param name="place">Where they lie.</param>
    /// <param name="foursA">1 if four columns of a always lie at a multiple of 16 bytes.</param>
    /// <param name="less">What is taken off the columns from row first on, dense; empty if there is nothing on their left.</param>
    /// <param name="n">Rows.</param>
    /// <param name="first">The first column.</param>
    /// <param name="columns">How many.</param>
    /// <param name="entries">Matrices.</param>
    /// <param name="rows">Work-items of each.</param>
    /// <param name="l">The factors, dense.</param>
    /// <param name="foursL">1 if four columns of l always lie at a multiple of 16 bytes.</param>
    /// <param name="logs">Σ log of the diagonal of l in these columns, panel after panel for all matrices; empty if nobody asks.</param>
    /// <param name="fault">The first fault.</param>
    [Kernel(WholeItems), Instances(typeof(float), typeof(double))]
    public static void CholeskyColumns<T>(
        ArrayView<T> a, MatrixPlace place, int foursA, ArrayView<T> less, int n, int first, int columns, int entries, int rows, ArrayView<T> l, int foursL, ArrayView<T> logs, ArrayView<int> fault)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        // Matrices of one strip alone need no tile: there are at most four others.
        var tile = SharedMemory.Allocate<T>(WholeItems / 2 / Side * Side * TilePitch);
        var published = SharedMemory.Allocate<T>(2 * WholeItems);
        var r = LocalMemory.Allocate<T>(Side);
        var four = LocalMemory.Allocate<T>(4);
        int item = Group.IdxX, slot = item / rows, row = item - slot * rows, entry = Grid.IdxX * (WholeItems / rows) + slot, corner = (entry * n + first) * n + first;
        // Counted from the corner of the columns, like the columns of the strips.
        int line = row < columns ? row : row + Grid.IdxY * (rows - columns), start = corner + line * n;
        bool real = entry < entries && first + line < n;
        T diagonal = T.One;
        for (int strip = 0; strip < columns; strip += Side)
        {
            Load(a, place, foursA, entry, first, line, strip, real, r);
            if (less.IntLength > 0 && real) Subtract(less, (entry * (n - first) + line) * columns, line, strip, columns, r);
            for (int done = 0; done < strip; done += Side)
            {
                for (int i = row; i < Side * Side; i += rows)
                    tile[(slot * Side + i % Side) * TilePitch + i / Side] = entry < entries && strip + i / Side < columns ? l[corner + (strip + i / Side) * n + done + i % Side] : T.Zero;
                Group.Barrier();
                if (real && row >= strip) TakeOff(l, start + done, 1, foursL, tile, slot * Side * TilePitch, four, r);
                Group.Barrier();
            }
            for (int k = 0; k < Side; k++)
            {
                int at = k % 2 * WholeItems + slot * Side;
                if (row >= strip && row < strip + Side) published[at + row - strip] = r[k];
                Group.Barrier();
                if (row >= strip)
                {
                    T pivot = published[at + k], root = T.Sqrt(pivot), inverse = T.One / root, x = r[k] * inverse, factor = -x * inverse;
                    r[k] = row == strip + k ? root : x;
                    if (row == strip + k) diagonal = root;
                    if (real && row == strip + k && (!(pivot > T.Zero) || !T.IsFinite(pivot))) Atomic.Min(ref fault[0], entry * n + first + row);
                    for (int c = 0; c < Side; c += 4)
                    {
                        if (c + 3 > k) Vectors.Move4(published, at + c, four, 0);
                        for (int i = 0; i < 4; i++)
                            if (c + i > k) r[c + i] = T.FusedMultiplyAdd(factor, four[i], r[c + i]);
                    }
                }
            }
            if (real) Save(r, l, start, foursL, columns, line, strip);
            Group.Barrier();
        }
        ClearRight(l, corner, n, columns, n - first - columns, entry < entries ? Grid.IdxY * rows + row : n * n, Grid.DimY * rows);
        published[item] = real && row < columns ? T.Log(diagonal) : T.Zero;
        Group.Barrier();
        for (int half = rows / 2; half > 0; half /= 2)
        {
            if (row < half) published[item] = published[item] + published[item + half];
            Group.Barrier();
        }
        if (row == 0 && entry < entries && Grid.IdxY == 0 && logs.IntLength > 0) logs[first / PanelColumns * entries + entry] = published[item];
    }

    // 32 columns of a row, zeros above the diagonal; a row of the identity if there is none.
    private static void Load<T>(ArrayView<T> a, MatrixPlace place, int fours, int entry, int first, int line, int strip, bool real, ArrayView<T> r) where T : unmanaged, INumber<T>
    {
        int at = MatrixPlace.At(place, entry, first + line, first + strip);
        for (int c = 0; c < Side; c += 4)
        {
            if (fours != 0 && real && strip + c <= line) Vectors.Move4(a, at + c, r, c);
            else
            {
                for (int i = 0; i < 4; i++) r[c + i] = real && strip + c + i <= line ? a[at + (c + i) * place.Column] : T.Zero;
            }
        }
        for (int c = 0; c < Side; c++)
            if (!real && strip + c == line) r[c] = T.One;
            else if (strip + c > line) r[c] = T.Zero;
    }

    // r −= 32 columns of a dense row, up to the diagonal.
    private static void Subtract<T>(ArrayView<T> less, int at, int line, int strip, int columns, ArrayView<T> r) where T : unmanaged, INumber<T>
    {
        for (int c = 0; c < Side; c++)
            if (strip + c <= line && strip + c < columns) r[c] = r[c] - less[at + strip + c];
    }

    // r −= 32 elements of x, a step apart, times the tile, whose line t has what element t is multiplied with.
    private static void TakeOff<T>(ArrayView<T> x, int at, int step, int fours, ArrayView<T> tile, int start, ArrayView<T> four, ArrayView<T> r) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var own = LocalMemory.Allocate<T>(4);
        for (int line = start; line < start + Side * TilePitch; line += 4 * TilePitch)
        {
            if (fours != 0) Vectors.Move4(x, at, own, 0);
            else
            {
                for (int i = 0; i < 4; i++) own[i] = x[at + i * step];
            }
            for (int i = 0; i < 4; i++)
                for (int c = 0; c < Side; c += 4)
                {
                    Vectors.Move4(tile, line + i * TilePitch + c, four, 0);
                    for (int j = 0; j < 4; j++) r[c + j] = T.FusedMultiplyAdd(-own[i], four[j], r[c + j]);
                }
            at += 4 * step;
        }
    }

    // Zeros above the diagonal.
    private static void Save<T>(ArrayView<T> r, ArrayView<T> l, int start, int fours, int columns, int line, int strip) where T : unmanaged, INumber<T>
    {
        for (int c = 0; c < Side; c++)
            if (strip + c > line) r[c] = T.Zero;
        for (int c = 0; c < Side; c += 4)
        {
            if (fours != 0)
            {
                if (strip + c < columns) Vectors.Move4(r, c, l, start + strip + c);
            }
            else
            {
                for (int i = 0; i < 4; i++)
                    if (strip + c + i < columns) l[start + strip + c + i] = r[c + i];
            }
        }
    }

    // Zeros right of the rows that cross the diagonal.
    private static void ClearRight<T>(ArrayView<T> l, int corner, int n, int columns, int right, int item, int items) where T : unmanaged, INumber<T>
    {
        for (int i = item; i < columns * right; i += items) l[corner + i / right * n + columns + i % right] = T.Zero;
    }
}
