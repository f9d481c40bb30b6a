using System.Numerics;

namespace Nabla.Kernels;

internal static partial class MatMulKernels
{
    /// <summary>Rows and columns of c that a group of <see cref="Blocked"/> computes.</summary>
    public const int Block = 128;

    // A row of a tile is 16 bytes longer than needed: work-items that write one column of it then use all banks.
    private const int BlockItems = 256, BlockDepth = 8, BlockPitch = Block + 4, BlockTile = BlockDepth * BlockPitch;

    /// <summary>
    /// For large sizes on GPUs. A group of 8 warps computes 128 × 128 elements, a warp 32 × 64 of them, a work-item 8 × 8 in registers: 64 multiply-adds for four
    /// vector loads from shared memory. While 8 columns of a and 8 rows of b are multiplied, the next 8 are on their way to registers; tiles of shared
    /// memory take turns, so that one barrier a step is enough. 32 flop for each byte that comes from global memory, in f32.
    /// </summary>
    /// <remarks>
    /// A work-item has rows and columns in two fours, 16 rows and 32 columns apart: the four rows by eight columns of work-items of a warp read 64
    /// neighbouring bytes of a and 128 of b at once. Lanes that differ in their lowest bit read the same columns, those that differ in the next one the same rows.
    /// </remarks>
    [Kernel(BlockItems), Instances(typeof(float), typeof(double))]
    public static void Blocked<T>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var tiles = SharedMemory.Allocate<T>(4 * BlockTile);
        var left = LocalMemory.Allocate<T>(8);
        var right = LocalMemory.Allocate<T>(8);
        var nextA = LocalMemory.Allocate<T>(4);
        var nextB = LocalMemory.Allocate<T>(4);
        var sum = LocalMemory.Allocate<T>(64);
        int item = Group.IdxX, lane = item % 32, warp = item / 32;
        int y = warp / 2 * 32 + (lane / 16 * 2 + lane % 2) * 4, x = warp % 2 * 64 + lane / 2 % 8 * 4;
        int down = Grid.IdxX / s.TilesAcross, entry = down / s.TilesDown, row = (down - entry * s.TilesDown) * Block, column = (Grid.IdxX - down * s.TilesAcross) * Block;
        int startA = Steps.At(entry, stepsA, batch) + row * s.RowA, startB = Steps.At(entry, stepsB, batch) + column * s.ColumnB;
        for (int i = 0; i < 8; i++)
            for (int j = 0; j < 8; j++) sum[i * 8 + j] = T.Zero;
        Fetch(a, startA, s.RowA, s.ColumnA, s.M - row, s.K, s.FoursA, item, nextA);
        Fetch(b, startB, s.ColumnB, s.RowB, s.N - column, s.K, s.FoursB, item, nextB);
        int at = 0;
        for (int next = BlockDepth; next < s.K + BlockDepth; next += BlockDepth)
        {
            // Whoever still computes with the tiles of the step before reads the other pair; the barrier parts this pair from two steps before.
            Put(nextA, s.ColumnA, item, tiles, at);
            Put(nextB, s.RowB, item, tiles, at + BlockTile);
            Group.Barrier();
            Fetch(a, startA + next * s.ColumnA, s.RowA, s.ColumnA, s.M - row, s.K - next, s.FoursA, item, nextA);
            Fetch(b, startB + next * s.RowB, s.ColumnB, s.RowB, s.N - column, s.K - next, s.FoursB, item, nextB);
            for (int p = 0; p < BlockDepth; p++)
            {
                Vectors.Move4(tiles, at + p * BlockPitch + y, left, 0);
                Vectors.Move4(tiles, at + p * BlockPitch + y + 16, left, 4);
                Vectors.Move4(tiles, at + BlockTile + p * BlockPitch + x, right, 0);
                Vectors.Move4(tiles, at + BlockTile + p * BlockPitch + x + 32, right, 4);
                for (int i = 0; i < 8; i++)
                    for (int j = 0; j < 8; j++) sum[i * 8 + j] = T.FusedMultiplyAdd(left[i], right[j], sum[i * 8 + j]);
            }
            at = 2 * BlockTile - at;
        }
        for (int i = 0; i < 8; i++)
        {
            for (int j = 0; j < 8; j++)
            {
                int r = row + y + i / 4 * 16 + i % 4, q = column + x + j / 4 * 32 + j % 4;
                if (r < s.M && q < s.N) Store(c, (entry * s.M + r) * s.N + q, sum[i * 8 + j]);
            }
        }
    }

    // Four elements of a tile of 128 lines (rows of a, columns of b) and a depth of 8, along the dense axis; zeros outside.
    private static void Fetch<T>(ArrayView<T> from, int start, int lineStep, int depthStep, int lines, int depths, int fours, int item, ArrayView<T> to)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        bool deep = depthStep == 1;
        int line = deep ? item / 2 : item % 32 * 4, depth = deep ? item % 2 * 4 : item / 32, step = deep ? depthStep : lineStep;
        int at = start + line * lineStep + depth * depthStep;
        if (fours != 0 && line < lines && depth < depths) Vectors.Move4(from, at, to, 0);
        else
        {
            for (int i = 0; i < 4; i++)
            {
                bool inside = deep ? line < lines && depth + i < depths : line + i < lines && depth < depths;
                to[i] = inside ? from[at + i * step] : T.Zero;
            }
        }
    }

    // The same four to their place in a tile of shared memory, where the lines of one depth are neighbours.
    private static void Put<T>(ArrayView<T> four, int depthStep, int item, ArrayView<T> tile, int at) where T : unmanaged
    {
        if (depthStep == 1)
        {
            for (int i = 0; i < 4; i++) tile[at + (item % 2 * 4 + i) * BlockPitch + item / 2] = four[i];
        }
        else Vectors.Move4(four, 0, tile, at + item / 32 * BlockPitch + item % 32 * 4);
    }
}
