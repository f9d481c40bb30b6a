using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Where the elements of a matrix product lie: sizes, and steps between rows and columns of both operands, in elements.</summary>
internal struct ProductShape
{
    /// <summary>Rows of a, columns of b, and what is summed over.</summary>
    public int M, N, K;

    /// <summary>Steps of a along its rows' index and its columns' index, and of b.</summary>
    public int RowA, ColumnA, RowB, ColumnB;
}

/// <summary>Matrix products of devices. Sums run over k in ascending order with one rounding a term.</summary>
internal static partial class MatMulKernels
{
    /// <summary>Rows and columns of c that a group computes, and the depth that it loads at a time.</summary>
    public const int Tile = 64, Depth = 16;

    /// <summary>Rows and columns of c that a work-item of a processor computes.</summary>
    public const int StripRows = 8, StripColumns = 16;

    private const int Side = 16, PerItem = 4;

    /// <summary>
    /// c[batch, i, j] = Σₚ a[batch, i, p]·b[batch, p, j]. A group of 16 × 16 computes 64 × 64 elements: it copies 64 × 16 of a and 16 × 64 of b into shared memory,
    /// and each work-item multiplies 4 rows by 4 columns of them in registers. Its columns are 16 apart, so neighbours read neighbours.
    /// </summary>
    [Kernel(Side, Side), Instances(typeof(float), typeof(double))]
    public static void Tiled<T>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var tileA = SharedMemory.Allocate<T>(Depth * Tile);
        var tileB = SharedMemory.Allocate<T>(Depth * Tile);
        var sum = LocalMemory.Allocate<T>(PerItem * PerItem);
        int x = Group.IdxX, y = Group.IdxY, item = y * Side + x;
        int row = Grid.IdxY * Tile, column = Grid.IdxX * Tile;
        int startA = Steps.At(Grid.IdxZ, stepsA, batch), startB = Steps.At(Grid.IdxZ, stepsB, batch);
        for (int i = 0; i < PerItem * PerItem; i++) sum[i] = T.Zero;
        for (int first = 0; first < s.K; first += Depth)
        {
            // Neighbouring work-items read along the dense axis.
            for (int i = 0; i < PerItem; i++)
            {
                int at = i * Side * Side + item;
                int r = s.ColumnA == 1 ? at / Depth : at % Tile, p = s.ColumnA == 1 ? at % Depth : at / Tile;
                tileA[p * Tile + r] = row + r < s.M && first + p < s.K ? a[startA + (row + r) * s.RowA + (first + p) * s.ColumnA] : T.Zero;
            }
            for (int i = 0; i < PerItem; i++)
            {
                int at = i * Side * Side + item;
                int q = s.RowB == 1 ? at % Depth : at / Tile, col = s.RowB == 1 ? at / Depth : at % Tile;
                tileB[q * Tile + col] = column + col < s.N && first + q < s.K ? b[startB + (first + q) * s.RowB + (column + col) * s.ColumnB] : T.Zero;
            }
            Group.Barrier();
            for (int p = 0; p < Depth; p++)
                for (int i = 0; i < PerItem; i++)
                    for (int j = 0; j < PerItem; j++)
                        sum[i * PerItem + j] = T.FusedMultiplyAdd(tileA[p * Tile + y * PerItem + i], tileB[p * Tile + j * Side + x], sum[i * PerItem + j]);
            Group.Barrier();
        }
        for (int i = 0; i < PerItem; i++)
            for (int j = 0; j < PerItem; j++)
                if (row + y * PerItem + i < s.M && column + j * Side + x < s.N)
                    c[(Grid.IdxZ * s.M + row + y * PerItem + i) * s.N + column + j * Side + x] = sum[i * PerItem + j];
    }

    /// <summary>
    /// The same for devices that are processors: each work-item, a group of its own, computes 8 rows of 16 columns in vector registers, which the C compiler makes of the unrolled
    /// loops; no memory is shared, for caches do that. Rows of b are dense. Tiles at the edges go element by element.
    /// </summary>
    [Kernel(1), Instances(typeof(float), typeof(double))]
    public static void Strips<T>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sum = LocalMemory.Allocate<T>(StripRows * StripColumns);
        int row = Grid.IdxY * StripRows, column = Grid.IdxX * StripColumns;
        int startA = Steps.At(Grid.IdxZ, stepsA, batch) + row * s.RowA, startB = Steps.At(Grid.IdxZ, stepsB, batch) + column;
        int startC = (Grid.IdxZ * s.M + row) * s.N + column;
        if (row + StripRows <= s.M && column + StripColumns <= s.N)
        {
            for (int i = 0; i < StripRows; i++)
                for (int j = 0; j < StripColumns; j++) sum[i * StripColumns + j] = T.Zero;
            for (int p = 0; p < s.K; p++)
            {
                for (int i = 0; i < StripRows; i++)
                {
                    T x = a[startA + i * s.RowA + p * s.ColumnA];
                    for (int j = 0; j < StripColumns; j++) sum[i * StripColumns + j] = T.FusedMultiplyAdd(x, b[startB + p * s.RowB + j], sum[i * StripColumns + j]);
                }
            }
            for (int i = 0; i < StripRows; i++)
                for (int j = 0; j < StripColumns; j++) c[startC + i * s.N + j] = sum[i * StripColumns + j];
            return;
        }
        for (int i = 0; i < Math.Min(StripRows, s.M - row); i++)
        {
            for (int j = 0; j < Math.Min(StripColumns, s.N - column); j++)
            {
                T total = T.Zero;
                for (int p = 0; p < s.K; p++) total = T.FusedMultiplyAdd(a[startA + i * s.RowA + p * s.ColumnA], b[startB + p * s.RowB + j], total);
                c[startC + i * s.N + j] = total;
            }
        }
    }

    /// <summary>The same for a few rows or columns: one group sums one element of c, each work-item every 256th term, then all of them as a tree.</summary>
    [Kernel(256), Instances(typeof(float), typeof(double))]
    public static void Dots<T>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var partial = SharedMemory.Allocate<T>(256);
        int item = Group.IdxX, entry = Grid.IdxX / (s.M * s.N), rest = Grid.IdxX - entry * (s.M * s.N), i = rest / s.N, j = rest - i * s.N;
        int startA = Steps.At(entry, stepsA, batch) + i * s.RowA, startB = Steps.At(entry, stepsB, batch) + j * s.ColumnB;
        T total = T.Zero;
        for (int p = item; p < s.K; p += 256) total = T.FusedMultiplyAdd(a[startA + p * s.ColumnA], b[startB + p * s.RowB], total);
        partial[item] = total;
        Group.Barrier();
        for (int half = 128; half > 0; half /= 2)
        {
            if (item < half) partial[item] = partial[item] + partial[item + half];
            Group.Barrier();
        }
        if (item == 0) c[Grid.IdxX] = partial[0];
    }

    /// <summary>The same for small sizes and for integers, which wrap around: one work-item for each element of c.</summary>
    [Kernel(256), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void Plain<T>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c) where T : unmanaged, INumber<T>
    {
        int index = Grid.IdxX * Group.DimX + Group.IdxX;
        if (index >= c.IntLength) return;
        int entry = index / (s.M * s.N), rest = index - entry * (s.M * s.N), i = rest / s.N, j = rest - i * s.N;
        int startA = Steps.At(entry, stepsA, batch) + i * s.RowA, startB = Steps.At(entry, stepsB, batch) + j * s.ColumnB;
        T total = T.Zero;
        for (int p = 0; p < s.K; p++) total = total + a[startA + p * s.ColumnA] * b[startB + p * s.RowB];
        c[index] = total;
    }
}
