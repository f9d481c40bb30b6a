using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// Sizes and steps of a convolution or a pooling, in elements. Three spatial axes, 0 the outermost; those that an operand does not have are of size 1.
/// </summary>
internal struct ConvShape
{
    /// <summary>Windows along each axis.</summary>
    public int Out0, Out1, Out2;

    /// <summary>Elements of a window along each axis.</summary>
    public int Win0, Win1, Win2;

    /// <summary>Distance between windows.</summary>
    public int Stride0, Stride1, Stride2;

    /// <summary>Zeros before the first element.</summary>
    public int Low0, Low1, Low2;

    /// <summary>Distance between elements of the input.</summary>
    public int Lhs0, Lhs1, Lhs2;

    /// <summary>Distance between elements of a window.</summary>
    public int Rhs0, Rhs1, Rhs2;

    /// <summary>Elements of the input along each axis.</summary>
    public int Size0, Size1, Size2;

    /// <summary>Where x starts, and its steps.</summary>
    public int StartX, BatchX, Spatial0, Spatial1, Spatial2, GroupX, ChannelX;

    /// <summary>Where w starts, and its steps.</summary>
    public int StartW, Window0, Window1, Window2, GroupW, ChannelW, FeatureW;

    /// <summary>Rows of a result (batch entries times windows), groups, channels of a group, features of a group.</summary>
    public int Rows, Groups, Channels, Features;

    /// <summary>Terms of a sum, and terms that a group adds up.</summary>
    public int Depth, Chunk;
}

/// <summary>
/// Convolutions and poolings of devices. A convolution is the matrix product of windows [batch·out…, window…·in] and kernel [window…·in, features] for each group; the
/// matrix of windows is never stored: a work-item finds each of its elements where it lies in the input.
/// </summary>
internal static partial class ConvKernels
{
    /// <summary>Rows and features that a group computes, and the depth that it loads at a time.</summary>
    public const int Tile = 64, Depth = 16;

    /// <summary>Work-items of a group of the plain kernels.</summary>
    public const int Size = 256;

    private const int Side = 16, PerItem = 4, RowParts = 4, ColumnParts = 5;

    /// <summary>
    /// y[chunk, b, o, g, f] = the sum over a chunk of the terms, in order, one rounding a term. As a tiled matrix product; the positions of 64 windows and of 16 elements of
    /// a window, whose sums are positions in the input, are kept in shared memory.
    /// </summary>
    [Kernel(Side, Side), Instances(typeof(float), typeof(double))]
    public static void Tiled<T>(ArrayView<T> x, ArrayView<T> w, ConvShape s, ArrayView<T> y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var tileX = SharedMemory.Allocate<T>(Depth * Tile);
        var tileW = SharedMemory.Allocate<T>(Depth * Tile);
        var rows = SharedMemory.Allocate<int>(RowParts * Tile);
        var columns = SharedMemory.Allocate<int>(ColumnParts * Depth);
        var sum = LocalMemory.Allocate<T>(PerItem * PerItem);
        int item = Group.IdxY * Side + Group.IdxX, row = Grid.IdxX * Tile, feature = Grid.IdxY * Tile;
        int chunk = Grid.IdxZ / s.Groups, group = Grid.IdxZ - chunk * s.Groups, low = chunk * s.Chunk, high = Math.Min(s.Depth, low + s.Chunk);
        if (item < Tile) PlaceRow(row + item, group, s, rows, RowParts * item);
        if (item < Depth) PlaceColumn(low + item, group, s, columns, ColumnParts * item);
        for (int i = 0; i < PerItem * PerItem; i++) sum[i] = T.Zero;
        Group.Barrier();
        for (int first = low; first < high; first += Depth)
        {
            // Neighbouring work-items read along the dense axis.
            for (int i = 0; i < PerItem; i++)
            {
                int at = i * Side * Side + item, r = s.ChannelX == 1 ? at / Depth : at % Tile, p = s.ChannelX == 1 ? at % Depth : at / Tile;
                tileX[p * Tile + r] = row + r < s.Rows && first + p < high ? Read(x, s, rows, RowParts * r, columns, ColumnParts * p) : T.Zero;
            }
            for (int i = 0; i < PerItem; i++)
            {
                int at = i * Side * Side + item, p = s.FeatureW == 1 ? at / Tile : at % Depth, f = s.FeatureW == 1 ? at % Tile : at / Depth;
                tileW[p * Tile + f] = feature + f < s.Features && first + p < high ? w[columns[ColumnParts * p + 4] + (feature + f) * s.FeatureW] : T.Zero;
            }
            Group.Barrier();
            for (int p = 0; p < Depth; p++)
                for (int i = 0; i < PerItem; i++)
                    for (int j = 0; j < PerItem; j++)
                        sum[i * PerItem + j] = T.FusedMultiplyAdd(tileX[p * Tile + Group.IdxY * PerItem + i], tileW[p * Tile + j * Side + Group.IdxX], sum[i * PerItem + j]);
            if (item < Depth) PlaceColumn(first + Depth + item, group, s, columns, ColumnParts * item);
            Group.Barrier();
        }
        for (int i = 0; i < PerItem; i++)
            for (int j = 0; j < PerItem; j++)
            {
                int r = row + Group.IdxY * PerItem + i, f = feature + j * Side + Group.IdxX;
                if (r < s.Rows && f < s.Features) y[((chunk * s.Rows + r) * s.Groups + group) * s.Features + f] = sum[i * PerItem + j];
            }
    }

    /// <summary>The same for few windows or features: one work-item for each element of y, all terms in order.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Plain<T>(ArrayView<T> x, ArrayView<T> w, ConvShape s, ArrayView<T> y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var place = LocalMemory.Allocate<int>(RowParts);
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= y.IntLength) return;
        int rest = i / s.Features, feature = i - rest * s.Features, row = rest / s.Groups, group = rest - row * s.Groups;
        PlaceRow(row, group, s, place, 0);
        T sum = T.Zero;
        for (int k0 = 0; k0 < s.Win0; k0++)
            for (int k1 = 0; k1 < s.Win1; k1++)
                for (int k2 = 0; k2 < s.Win2; k2++)
                {
                    int a0 = Source(place[1] + k0 * s.Rhs0, s.Lhs0, s.Size0), a1 = Source(place[2] + k1 * s.Rhs1, s.Lhs1, s.Size1), a2 = Source(place[3] + k2 * s.Rhs2, s.Lhs2, s.Size2);
                    if (a0 < 0 || a1 < 0 || a2 < 0) continue;
                    int from = place[0] + a0 * s.Spatial0 + a1 * s.Spatial1 + a2 * s.Spatial2;
                    int by = s.StartW + group * s.GroupW + k0 * s.Window0 + k1 * s.Window1 + k2 * s.Window2 + feature * s.FeatureW;
                    for (int c = 0; c < s.Channels; c++) sum = T.FusedMultiplyAdd(x[from + c * s.ChannelX], w[by + c * s.ChannelW], sum);
                }
        y[i] = sum;
    }

    /// <summary>y[b, o, c] = the largest element of a window, and its row-major place among the spatial positions: the first of equal ones, the first NaN.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void MaxPool<T>(ArrayView<T> x, ConvShape s, ArrayView<T> y, ArrayView<int> places) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var place = LocalMemory.Allocate<int>(RowParts);
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= y.IntLength) return;
        int row = i / s.Channels;
        PlaceRow(row, 0, s, place, 0);
        int start = place[0] + (i - row * s.Channels) * s.ChannelX, winner = -1;
        T best = T.Zero;
        for (int k0 = 0; k0 < s.Win0; k0++)
            for (int k1 = 0; k1 < s.Win1; k1++)
                for (int k2 = 0; k2 < s.Win2; k2++)
                {
                    int a0 = Source(place[1] + k0, 1, s.Size0), a1 = Source(place[2] + k1, 1, s.Size1), a2 = Source(place[3] + k2, 1, s.Size2);
                    if (a0 < 0 || a1 < 0 || a2 < 0) continue;
                    T next = x[start + a0 * s.Spatial0 + a1 * s.Spatial1 + a2 * s.Spatial2];
                    if (winner >= 0 && !(next > best || (T.IsNaN(next) && !T.IsNaN(best)))) continue;
                    best = next;
                    winner = (a0 * s.Size1 + a1) * s.Size2 + a2;
                }
        y[i] = best;
        places[i] = winner;
    }

    // Of a window: where its batch entry and group start in x, and its first position along each axis.
    private static void PlaceRow(int row, int group, ConvShape s, ArrayView<int> to, int at)
    {
        int rest = row / s.Out2, o2 = row - rest * s.Out2, upper = rest / s.Out1, o1 = rest - upper * s.Out1, batch = upper / s.Out0, o0 = upper - batch * s.Out0;
        to[at] = s.StartX + batch * s.BatchX + group * s.GroupX;
        to[at + 1] = o0 * s.Stride0 - s.Low0;
        to[at + 2] = o1 * s.Stride1 - s.Low1;
        to[at + 3] = o2 * s.Stride2 - s.Low2;
    }

    // Of an element of a window: the step of its channel in x, its distance from the first position along each axis, and where its features start in w.
    private static void PlaceColumn(int column, int group, ConvShape s, ArrayView<int> to, int at)
    {
        int rest = column / s.Channels, c = column - rest * s.Channels, upper = rest / s.Win2, k2 = rest - upper * s.Win2, k0 = upper / s.Win1, k1 = upper - k0 * s.Win1;
        to[at] = c * s.ChannelX;
        to[at + 1] = k0 * s.Rhs0;
        to[at + 2] = k1 * s.Rhs1;
        to[at + 3] = k2 * s.Rhs2;
        to[at + 4] = s.StartW + group * s.GroupW + k0 * s.Window0 + k1 * s.Window1 + k2 * s.Window2 + c * s.ChannelW;
    }

    private static T Read<T>(ArrayView<T> x, ConvShape s, ArrayView<int> rows, int r, ArrayView<int> columns, int p) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int a0 = Source(rows[r + 1] + columns[p + 1], s.Lhs0, s.Size0);
        int a1 = Source(rows[r + 2] + columns[p + 2], s.Lhs1, s.Size1);
        int a2 = Source(rows[r + 3] + columns[p + 3], s.Lhs2, s.Size2);
        if (a0 < 0 || a1 < 0 || a2 < 0) return T.Zero;
        return x[rows[r] + columns[p] + a0 * s.Spatial0 + a1 * s.Spatial1 + a2 * s.Spatial2];
    }

    // The element at a position of the dilated input; −1 if a zero is there.
    private static int Source(int position, int dilation, int size)
    {
        if (position < 0) return -1;
        int at = dilation == 1 ? position : position / dilation;
        return at < size && at * dilation == position ? at : -1;
    }
}
