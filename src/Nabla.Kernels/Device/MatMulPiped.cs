using System.Numerics;
using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

internal static partial class MatMulKernels
{
    // Tiles of a band, from top to bottom, are computed one after the other: the groups that run at the same time share rows of a and columns of b in the second cache.
    private const int Band = 8;

    // Neighbours in the depth that neighbouring work-items copy: 32 bytes of f32, the least that memory gives.
    private const int DeepLanes = 8;

    /// <summary>
    /// For large sizes on GPUs that copy to shared memory while they compute. A group of 4 × 2 warps computes a tile, a warp 16 rows by 32 columns for each pair of fours of <typeparamref name="TTile"/>,
    /// a work-item those fours in registers. While one stage of shared memory is multiplied, the others arrive; one barrier a step. The sums have the bits of <see cref="Blocked"/>, whatever the tile.
    /// </summary>
    /// <remarks>
    /// What is dense along the lines (rows of a, columns of b) comes as fours. What is dense along the depth comes element by element, each to its transposed place: 8 deep by 4 lines for a warp, which
    /// are whole sectors of memory and, with lines 4 elements longer than needed, 32 different banks. That is 4 instructions for what takes one load and 4 stores by way of registers, and no register waits.
    /// Lanes read shared memory as in <see cref="Blocked"/>.
    /// </remarks>
    [Kernel(BlockItems, AtOnce = nameof(GroupsOf)), Instances(typeof(float), typeof(double))]
    [Instances(typeof(Tile128x128), typeof(Tile128x128Deep), typeof(Tile256x128), typeof(Tile128x64), typeof(Tile64x64))]
    public static void Piped<T, TTile>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c)
        where T : unmanaged, IFloatingPointIeee754<T> where TTile : struct, ITile
    {
        var stages = SharedMemory.Allocate<T>(TTile.Stages * StageOf<T, TTile>());
        var left = LocalMemory.Allocate<T>(4 * TTile.RowFours);
        var right = LocalMemory.Allocate<T>(4 * TTile.ColumnFours);
        var sum = LocalMemory.Allocate<T>(16 * TTile.RowFours * TTile.ColumnFours);
        int lane = Group.IdxX % 32, warp = Group.IdxX / 32;
        int y = warp / 2 * (16 * TTile.RowFours) + (lane / 16 * 2 + lane % 2) * 4, x = warp % 2 * (32 * TTile.ColumnFours) + lane / 2 % 8 * 4;
        int tiles = s.TilesDown * s.TilesAcross, entry = Grid.IdxX / tiles, place = Grid.IdxX - entry * tiles;
        int row = BandDown(place, s) * RowsOf<TTile>(), column = BandAcross(place, s) * ColumnsOf<TTile>();
        int skipped = entry % s.Parts * s.Depth, terms = Math.Min(s.Depth, s.K - skipped);
        int startA = Steps.At(entry / s.Parts, stepsA, batch) + skipped * s.ColumnA + row * s.RowA, startB = Steps.At(entry / s.Parts, stepsB, batch) + skipped * s.RowB + column * s.ColumnB;
        for (int i = 0; i < 4 * TTile.RowFours; i++)
            for (int j = 0; j < 4 * TTile.ColumnFours; j++) sum[i * (4 * TTile.ColumnFours) + j] = T.Zero;
        for (int i = 0; i < TTile.Stages - 1; i++)
        {
            int k = i * DepthOf<T, TTile>(), into = i * StageOf<T, TTile>();
            Bring(a, startA + k * s.ColumnA, s.RowA, s.ColumnA, s.M - row, terms - k, s.FoursA, stages, into, RowsOf<TTile>(), DepthOf<T, TTile>());
            Bring(b, startB + k * s.RowB, s.ColumnB, s.RowB, s.N - column, terms - k, s.FoursB, stages, into + PartOf<T, TTile>(), ColumnsOf<TTile>(), DepthOf<T, TTile>());
            AsyncCopy.Commit();
        }
        int at = 0, to = (TTile.Stages - 1) * StageOf<T, TTile>();
        for (int first = 0; first < terms; first += DepthOf<T, TTile>())
        {
            // The barrier shows what all have copied, and parts the stage that is filled next from those who have just read it.
            AsyncCopy.Wait(TTile.Stages - 2);
            Group.Barrier();
            int k = first + (TTile.Stages - 1) * DepthOf<T, TTile>();
            if (k < terms)
            {
                Bring(a, startA + k * s.ColumnA, s.RowA, s.ColumnA, s.M - row, terms - k, s.FoursA, stages, to, RowsOf<TTile>(), DepthOf<T, TTile>());
                Bring(b, startB + k * s.RowB, s.ColumnB, s.RowB, s.N - column, terms - k, s.FoursB, stages, to + PartOf<T, TTile>(), ColumnsOf<TTile>(), DepthOf<T, TTile>());
            }
            AsyncCopy.Commit();
            for (int p = 0; p < DepthOf<T, TTile>(); p++)
            {
                for (int i = 0; i < TTile.RowFours; i++) Vectors.Move4(stages, at + p * (RowsOf<TTile>() + 4) + y + 16 * i, left, 4 * i);
                for (int j = 0; j < TTile.ColumnFours; j++) Vectors.Move4(stages, at + PartOf<T, TTile>() + p * (ColumnsOf<TTile>() + 4) + x + 32 * j, right, 4 * j);
                for (int i = 0; i < 4 * TTile.RowFours; i++)
                    for (int j = 0; j < 4 * TTile.ColumnFours; j++)
                        sum[i * (4 * TTile.ColumnFours) + j] = T.FusedMultiplyAdd(left[i], right[j], sum[i * (4 * TTile.ColumnFours) + j]);
            }
            at = at == (TTile.Stages - 1) * StageOf<T, TTile>() ? 0 : at + StageOf<T, TTile>();
            to = to == (TTile.Stages - 1) * StageOf<T, TTile>() ? 0 : to + StageOf<T, TTile>();
        }
        for (int i = 0; i < 4 * TTile.RowFours; i++)
        {
            for (int j = 0; j < 4 * TTile.ColumnFours; j++)
            {
                int r = row + y + i / 4 * 16 + i % 4, q = column + x + j / 4 * 32 + j % 4;
                if (r < s.M && q < s.N) Store(c, (entry * s.M + r) * s.N + q, sum[i * (4 * TTile.ColumnFours) + j]);
            }
        }
    }

    private static int BandAcross(int place, ProductShape s)
    {
        int top = place / (Band * s.TilesAcross) * Band;
        return (place - top * s.TilesAcross) / Math.Min(Band, s.TilesDown - top);
    }

    private static int BandDown(int place, ProductShape s)
    {
        int top = place / (Band * s.TilesAcross) * Band;
        return top + (place - top * s.TilesAcross) % Math.Min(Band, s.TilesDown - top);
    }

    // A tile's part of an operand on its way to shared memory, where the lines of one depth are neighbours; zeros outside.
    private static void Bring<T>(ArrayView<T> from, int start, int lineStep, int depthStep, int lines, int depths, int fours, ArrayView<T> stage, int at, int size, int depth) where T : unmanaged
    {
        int item = Group.IdxX, pitch = size + 4;
        if (depthStep == 1)
        {
            int lanes = depth < DeepLanes ? depth : DeepLanes, line = item / lanes, d = item % lanes, step = BlockItems / lanes;
            int first = start + line * lineStep + d, place = at + d * pitch + line;
            for (int j = 0; j < depth; j += lanes)
                for (int i = 0; i < size; i += step)
                    AsyncCopy.One(from, first + j + i * lineStep, stage, place + j * pitch + i, d + j < depths && line + i < lines);
        }
        else if (fours != 0)
        {
            int line = item * 4 % size, d = item * 4 / size, step = 4 * BlockItems / size, first = start + line * lineStep + d * depthStep, place = at + d * pitch + line;
            for (int j = 0; j < depth; j += step)
                if (step <= depth || d < depth) AsyncCopy.Four(from, first + j * depthStep, stage, place + j * pitch, d + j < depths && line < lines ? 4 : 0);
        }
        else
        {
            int line = item % size, d = item / size, step = BlockItems / size, first = start + line * lineStep + d * depthStep, place = at + d * pitch + line;
            for (int j = 0; j < depth; j += step) AsyncCopy.One(from, first + j * depthStep, stage, place + j * pitch, d + j < depths && line < lines);
        }
    }

    private static int RowsOf<TTile>() where TTile : struct, ITile => 64 * TTile.RowFours;

    private static int ColumnsOf<TTile>() where TTile : struct, ITile => 64 * TTile.ColumnFours;

    private static int DepthOf<T, TTile>() where T : unmanaged where TTile : struct, ITile => TTile.DepthBytes / Unsafe.SizeOf<T>();

    // Elements of a stage: its part of a, and with its part of b.
    private static int PartOf<T, TTile>() where T : unmanaged where TTile : struct, ITile => DepthOf<T, TTile>() * (RowsOf<TTile>() + 4);

    private static int StageOf<T, TTile>() where T : unmanaged where TTile : struct, ITile => PartOf<T, TTile>() + DepthOf<T, TTile>() * (ColumnsOf<TTile>() + 4);

    // Two on a multiprocessor, one of which multiplies while the other waits, where 128 registers are enough for the sums and for the rest.
    private static int GroupsOf<T, TTile>() where T : unmanaged where TTile : struct, ITile => Math.Min(2, 1 + 16 / (TTile.RowFours * TTile.ColumnFours * Unsafe.SizeOf<T>()));

    private static TiledProduct Of<T, TTile>() where T : unmanaged, IFloatingPointIeee754<T> where TTile : struct, ITile =>
        new(typeof(TTile).Name, PipedProgram<T, TTile>.Instance, RowsOf<TTile>(), ColumnsOf<TTile>(), new LaunchSize(1, 1, 1, BlockItems));
}
