using System.Numerics;

namespace Nabla.Kernels;

internal static partial class FactorKernels
{
    /// <summary>Work-items of a group of <see cref="CholeskyWhole"/>, and the most rows of a matrix.</summary>
    public const int WholeItems = 256;

    // Lines of a tile start at multiples of 16 bytes.
    private const int TilePitch = Side + 4;

    /// <summary>
    /// Factors matrices of up to 256 rows in one launch: l = the lower factor with zeros above, of which a may be the memory. A matrix has <paramref name="rows"/> work-items of a group, 32, 64, 128 or 256, one for
    /// each row, and a group has 256 / rows matrices, which advance together. Faults as <see cref="CholeskyBlock"/>.
    /// </summary>
    /// <remarks>
    /// Panels of 32 columns from left to right; a work-item has its row of the panel in registers. What the panels before contribute is taken off first: their rows are read from global memory, where
    /// each work-item reads what it wrote itself, and the 32 rows that cross the diagonal are shared. Then column by column with one barrier each: the rows of the
    /// diagonal block publish their elements before they are divided, in one of two places in turn, and everyone divides for himself: by the reciprocal of the root, as LAPACK's unblocked form does.
    /// Rows of the identity, without a matrix or below the last row, keep the steps alike.
    /// </remarks>
    /// <param name="a">The matrices.</param>
    /// <param name="place">Where they lie.</param>
    /// <param name="foursA">1 if four columns of a always lie at a multiple of 16 bytes.</param>
    /// <param name="n">Rows.</param>
    /// <param name="entries">Matrices.</param>
    /// <param name="rows">Work-items of each.</param>
    /// <param name="l">The factors, dense.</param>
    /// <param name="foursL">1 if four columns of l always lie at a multiple of 16 bytes.</param>
    /// <param name="fault">The first fault.</param>
    [Kernel(WholeItems), Instances(typeof(float), typeof(double))]
    public static void CholeskyWhole<T>(ArrayView<T> a, MatrixPlace place, int foursA, int n, int entries, int rows, ArrayView<T> l, int foursL, ArrayView<int> fault)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        // Matrices of one panel alone need no tile: there are at most four others.
        var tile = SharedMemory.Allocate<T>(WholeItems / 2 / Side * Side * TilePitch);
        var published = SharedMemory.Allocate<T>(2 * WholeItems);
        var r = LocalMemory.Allocate<T>(Side);
        var four = LocalMemory.Allocate<T>(4);
        int item = Group.IdxX, slot = item / rows, row = item - slot * rows, entry = Grid.IdxX * (WholeItems / rows) + slot, start = (entry * n + row) * n;
        bool real = entry < entries && row < n;
        for (int first = 0; first < n; first += Side)
        {
            Load(a, place, foursA, n, entry, row, first, real, r);
            for (int done = 0; done < first; done += Side)
            {
                for (int i = row; i < Side * Side; i += rows)
                    tile[(slot * Side + i % Side) * TilePitch + i / Side] = entry < entries && first + i / Side < n ? l[(entry * n + first + i / Side) * n + done + i % Side] : T.Zero;
                Group.Barrier();
                if (real && row >= first) TakeOff(l, start + done, foursL, tile, slot * Side * TilePitch, four, r);
                Group.Barrier();
            }
            for (int k = 0; k < Side; k++)
            {
                int at = k % 2 * WholeItems + slot * Side;
                if (row >= first && row < first + Side) published[at + row - first] = r[k];
                Group.Barrier();
                if (row >= first)
                {
                    T pivot = published[at + k], root = T.Sqrt(pivot), inverse = T.One / root, x = r[k] * inverse, factor = -x * inverse;
                    r[k] = row == first + k ? root : x;
                    if (real && row == first + k && (!(pivot > T.Zero) || !T.IsFinite(pivot))) Atomic.Min(ref fault[0], entry * n + row);
                    for (int c = 0; c < Side; c += 4)
                    {
                        if (c + 3 > k) Vectors.Move4(published, at + c, four, 0);
                        for (int i = 0; i < 4; i++)
                            if (c + i > k) r[c + i] = T.FusedMultiplyAdd(factor, four[i], r[c + i]);
                    }
                }
            }
            if (real) Save(r, l, start, foursL, n, row, first);
            Group.Barrier();
        }
    }

    // 32 columns of a row, zeros above the diagonal; a row of the identity if there is none.
    private static void Load<T>(ArrayView<T> a, MatrixPlace place, int fours, int n, int entry, int row, int first, bool real, ArrayView<T> r) where T : unmanaged, INumber<T>
    {
        int at = MatrixPlace.At(place, entry, row, first);
        for (int c = 0; c < Side; c += 4)
        {
            if (fours != 0 && real && first + c <= row) Vectors.Move4(a, at + c, r, c);
            else
            {
                for (int i = 0; i < 4; i++) r[c + i] = real && first + c + i <= row ? a[at + (c + i) * place.Column] : T.Zero;
            }
        }
        for (int c = 0; c < Side; c++)
            if (!real && first + c == row) r[c] = T.One;
            else if (first + c > row) r[c] = T.Zero;
    }

    // r −= 32 columns of this row of l times the tile, whose line t has column t of 32 rows.
    private static void TakeOff<T>(ArrayView<T> l, int at, int fours, ArrayView<T> tile, int start, ArrayView<T> four, ArrayView<T> r) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var own = LocalMemory.Allocate<T>(4);
        for (int t = at; t < at + Side; t += 4)
        {
            if (fours != 0) Vectors.Move4(l, t, own, 0);
            else
            {
                for (int i = 0; i < 4; i++) own[i] = l[t + i];
            }
            for (int i = 0; i < 4; i++)
                for (int c = 0; c < Side; c += 4)
                {
                    Vectors.Move4(tile, start + (t - at + i) * TilePitch + c, four, 0);
                    for (int j = 0; j < 4; j++) r[c + j] = T.FusedMultiplyAdd(-own[i], four[j], r[c + j]);
                }
        }
    }

    // Zeros above the diagonal.
    private static void Save<T>(ArrayView<T> r, ArrayView<T> l, int start, int fours, int n, int row, int first) where T : unmanaged, INumber<T>
    {
        for (int c = 0; c < Side; c++)
            if (first + c > row) r[c] = T.Zero;
        for (int c = 0; c < Side; c += 4)
        {
            if (fours != 0)
            {
                if (first + c < n) Vectors.Move4(r, c, l, start + first + c);
            }
            else
            {
                for (int i = 0; i < 4; i++)
                    if (first + c + i < n) l[start + first + c + i] = r[c + i];
            }
        }
    }
}
