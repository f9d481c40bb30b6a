using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Where the elements of a matrix product lie, and how its kernel divides the work: one group for each tile of c, all along x.</summary>
internal struct ProductShape
{
    /// <summary>Rows of a, columns of b, and what is summed over.</summary>
    public int M, N, K;

    /// <summary>Steps of a along its rows' index and its columns' index, and of b, in elements.</summary>
    public int RowA, ColumnA, RowB, ColumnB;

    /// <summary>Tiles below each other and beside each other, and the rows of one.</summary>
    public int TilesDown, TilesAcross, TileRows;

    /// <summary>
    /// Parts of the depth that are summed separately, each of <see cref="Depth"/> terms but the last, which may have fewer: c then has a matrix for each part of each entry, and <see cref="MatMulKernels.Joined"/>
    /// adds them. 1 and K if the product is not divided.
    /// </summary>
    public int Parts, Depth;

    /// <summary>Steps of c along the index of a's rows and the index of b's columns.</summary>
    public int RowC, ColumnC;

    /// <summary>1 if four elements along the dense axis of an operand always lie at a multiple of 16 bytes, and are inside it or outside together.</summary>
    public int FoursA, FoursB;
}

/// <summary>
/// Matrix products of devices: c[batch, i, j] = Σₚ a[batch, i, p]·b[batch, p, j]. Sums run over k in ascending order with one rounding a term, except those of
/// <see cref="Dots"/>. Every element of c is written once, by <see cref="Store"/>, when its sum is complete.
/// </summary>
internal static partial class MatMulKernels
{
    /// <summary>Rows and columns of c that a group of <see cref="Tiled"/> computes.</summary>
    public const int Tile = 64;

    /// <summary>The programs of the kernels, which all take the same arguments.</summary>
    public static KernelProgram BlockedOf<T>() where T : unmanaged, IFloatingPointIeee754<T> => BlockedProgram<T>.Instance;

    /// <inheritdoc cref="BlockedOf"/>
    public static KernelProgram TiledOf<T>() where T : unmanaged, IFloatingPointIeee754<T> => TiledProgram<T>.Instance;

    /// <inheritdoc cref="BlockedOf"/>
    public static KernelProgram StripsOf<T>() where T : unmanaged, IFloatingPointIeee754<T> => StripsProgram<T>.Instance;

    /// <inheritdoc cref="BlockedOf"/>
    public static KernelProgram DotsOf<T>() where T : unmanaged, IFloatingPointIeee754<T> => DotsProgram<T>.Instance;

    /// <inheritdoc cref="BlockedOf"/>
    public static KernelProgram PlainOf<T>() where T : unmanaged, INumber<T> => PlainProgram<T>.Instance;

    /// <summary>The kernels for products of many tiles, with <see cref="Piped"/> where copies go on while a kernel computes. The first whose tiles are enough for a device is the usual one.</summary>
    public static IReadOnlyList<TiledProduct> ProductsOf<T>(bool copiesAhead) where T : unmanaged, IFloatingPointIeee754<T> => copiesAhead ? TiledProducts<T>.Ahead : TiledProducts<T>.Plain;

    private static class TiledProducts<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        public static readonly TiledProduct[] Plain =
        [
            new(nameof(Blocked), BlockedProgram<T>.Instance, Block, Block, new LaunchSize(1, 1, 1, BlockItems)),
            new(nameof(Tiled), TiledProgram<T>.Instance, Tile, Tile, new LaunchSize(1, 1, 1, Side, Side)),
        ];

        public static readonly TiledProduct[] Ahead =
        [
            Of<T, Tile128x128>(), Of<T, Tile128x64>(), Of<T, Tile64x64>(), Of<T, Tile128x128Deep>(), .. typeof(T) == typeof(float) ? [Of<T, Tile256x128>()] : Array.Empty<TiledProduct>(), .. Plain,
        ];
    }

    private const int Side = 16, PerItem = 4, Depth = 16, Pitch = Tile + 4;

    /// <summary>
    /// For middle sizes on GPUs. A group of 16 × 16 computes 64 × 64 elements: it copies 64 × 16 of a and 16 × 64 of b into shared memory, and each work-item
    /// multiplies 4 rows by 4 columns of them in registers.
    /// </summary>
    [Kernel(Side, Side), Instances(typeof(float), typeof(double))]
    public static void Tiled<T>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var tileA = SharedMemory.Allocate<T>(Depth * Pitch);
        var tileB = SharedMemory.Allocate<T>(Depth * Pitch);
        var left = LocalMemory.Allocate<T>(PerItem);
        var right = LocalMemory.Allocate<T>(PerItem);
        var sum = LocalMemory.Allocate<T>(PerItem * PerItem);
        int x = Group.IdxX * PerItem, y = Group.IdxY * PerItem, item = Group.IdxY * Side + Group.IdxX;
        int down = Grid.IdxX / s.TilesAcross, entry = down / s.TilesDown, row = (down - entry * s.TilesDown) * Tile, column = (Grid.IdxX - down * s.TilesAcross) * Tile;
        int skipped = entry % s.Parts * s.Depth, terms = Math.Min(s.Depth, s.K - skipped);
        int startA = Steps.At(entry / s.Parts, stepsA, batch) + skipped * s.ColumnA, startB = Steps.At(entry / s.Parts, stepsB, batch) + skipped * s.RowB;
        for (int i = 0; i < PerItem * PerItem; i++) sum[i] = T.Zero;
        for (int first = 0; first < terms; first += Depth)
        {
            // Neighbouring work-items read along the dense axis.
            for (int i = 0; i < PerItem; i++)
            {
                int at = i * Side * Side + item;
                int r = s.ColumnA == 1 ? at / Depth : at % Tile, p = s.ColumnA == 1 ? at % Depth : at / Tile;
                tileA[p * Pitch + r] = row + r < s.M && first + p < terms ? a[startA + (row + r) * s.RowA + (first + p) * s.ColumnA] : T.Zero;
            }
            for (int i = 0; i < PerItem; i++)
            {
                int at = i * Side * Side + item;
                int q = s.RowB == 1 ? at % Depth : at / Tile, col = s.RowB == 1 ? at / Depth : at % Tile;
                tileB[q * Pitch + col] = column + col < s.N && first + q < terms ? b[startB + (first + q) * s.RowB + (column + col) * s.ColumnB] : T.Zero;
            }
            Group.Barrier();
            for (int p = 0; p < Depth; p++)
            {
                Vectors.Move4(tileA, p * Pitch + y, left, 0);
                Vectors.Move4(tileB, p * Pitch + x, right, 0);
                for (int i = 0; i < PerItem; i++)
                    for (int j = 0; j < PerItem; j++) sum[i * PerItem + j] = T.FusedMultiplyAdd(left[i], right[j], sum[i * PerItem + j]);
            }
            Group.Barrier();
        }
        for (int i = 0; i < PerItem; i++)
            for (int j = 0; j < PerItem; j++)
                if (row + y + i < s.M && column + x + j < s.N) Store(c, (entry * s.M + row + y + i) * s.N + column + x + j, sum[i * PerItem + j]);
    }

    /// <summary>For a few elements: one group sums one element of c, each work-item every 256th term, then all of them as a tree.</summary>
    [Kernel(256), Instances(typeof(float), typeof(double))]
    public static void Dots<T>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var partial = SharedMemory.Allocate<T>(256);
        int item = Group.IdxX, entry = Grid.IdxX / (s.M * s.N), rest = Grid.IdxX - entry * (s.M * s.N), i = rest / s.N, j = rest - i * s.N;
        int skipped = entry % s.Parts * s.Depth, terms = Math.Min(s.Depth, s.K - skipped);
        int startA = Steps.At(entry / s.Parts, stepsA, batch) + skipped * s.ColumnA + i * s.RowA, startB = Steps.At(entry / s.Parts, stepsB, batch) + skipped * s.RowB + j * s.ColumnB;
        T total = T.Zero;
        for (int p = item; p < terms; p += 256) total = T.FusedMultiplyAdd(a[startA + p * s.ColumnA], b[startB + p * s.RowB], total);
        partial[item] = total;
        Group.Barrier();
        for (int half = 128; half > 0; half /= 2)
        {
            if (item < half) partial[item] = partial[item] + partial[item + half];
            Group.Barrier();
        }
        if (item == 0) Store(c, Grid.IdxX, partial[0]);
    }

    /// <summary>For small sizes and for integers, which wrap around: one work-item for each element of c.</summary>
    [Kernel(256), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void Plain<T>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c) where T : unmanaged, INumber<T>
    {
        int index = Grid.IdxX * Group.DimX + Group.IdxX;
        if (index >= c.IntLength) return;
        int entry = index / (s.M * s.N), rest = index - entry * (s.M * s.N), i = rest / s.N, j = rest - i * s.N;
        int startA = Steps.At(entry, stepsA, batch) + i * s.RowA, startB = Steps.At(entry, stepsB, batch) + j * s.ColumnB;
        T total = T.Zero;
        for (int p = 0; p < s.K; p++) total = total + a[startA + p * s.ColumnA] * b[startB + p * s.RowB];
        Store(c, index, total);
    }

    /// <summary>c[at] = value; what a <see cref="DeviceEpilogue"/> replaces by the operations that finish the product.</summary>
    [Intrinsic(OpenCl = "nabla_store({0}, {1}, {2})", Cuda = "nabla_store({0}, {1}, {2})")]
    private static void Store<T>(ArrayView<T> c, int at, T value) where T : unmanaged => c[at] = value;
}
