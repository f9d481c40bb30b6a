using System.Numerics;

namespace Nabla.Kernels;

internal static partial class MatMulKernels
{
    // Three pairs of tiles, each 8 KiB in both types: all that a group has without asking for more.
    private const int Stages = 3, TensorTileF32 = TensorCores.Lines * TensorCores.DepthF32, TensorTileF64 = TensorCores.Lines * TensorCores.DepthF64;

    /// <summary>The program of <see cref="Tensor"/>.</summary>
    public static KernelProgram TensorOf<T, TMath, TA, TB>() where T : unmanaged, IFloatingPointIeee754<T> where TMath : struct, ITensorMath<T> where TA : struct, ITensorTile where TB : struct, ITensorTile =>
        TensorProgram<T, TMath, TA, TB>.Instance;

    /// <summary>
    /// For large sizes on tensor cores. A group of 8 warps computes 128 × 128 elements, a warp 64 × 32 of them. Two pairs of tiles are on their way to shared memory while a third is multiplied; the
    /// barrier of a step says that its pair has come, and that everybody has done with the one before, whose place the next one takes. 32 flop for each byte that comes from global memory in f32, 16 in f64.
    /// </summary>
    /// <remarks>
    /// Elements are summed tile by tile, in the order of the depth; inside a tile the order and the rounding of f32 are the hardware's. In f32, elements that are not finite are computed again, since parts
    /// and roundings of an infinity, or of what is next to it, are no longer what f32 gives.
    /// </remarks>
    [Kernel(TensorCores.Items), Instances(typeof(float), typeof(double)), Instances(typeof(TensorTf32), typeof(TensorTf32Split), typeof(TensorBf16), typeof(TensorF64))]
    [Instances(typeof(DeepTile), typeof(WideTile)), Instances(typeof(DeepTile), typeof(WideTile))]
    public static void Tensor<T, TMath, TA, TB>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c)
        where T : unmanaged, IFloatingPointIeee754<T> where TMath : struct, ITensorMath<T> where TA : struct, ITensorTile where TB : struct, ITensorTile
    {
        var tiles = SharedMemory.Allocate<T>(typeof(T) == typeof(float) ? 2 * Stages * TensorTileF32 : 2 * Stages * TensorTileF64);
        var sum = LocalMemory.Allocate<T>(TensorCores.Sums);
        var kept = LocalMemory.Allocate<T>(TensorCores.Sums);
        bool deepA = typeof(TA) == typeof(DeepTile), deepB = typeof(TB) == typeof(DeepTile);
        int depth = typeof(T) == typeof(float) ? TensorCores.DepthF32 : TensorCores.DepthF64, tile = TensorCores.Lines * depth;
        int warp = Group.IdxX / 32, y = warp / 4 * TensorCores.WarpRows, x = warp % 4 * TensorCores.WarpColumns;
        int down = Grid.IdxX / s.TilesAcross, entry = down / s.TilesDown;
        int row = (down - entry * s.TilesDown) * TensorCores.Lines, column = (Grid.IdxX - down * s.TilesAcross) * TensorCores.Lines;
        int startA = Steps.At(entry, stepsA, batch) + row * s.RowA, startB = Steps.At(entry, stepsB, batch) + column * s.ColumnB;
        for (int i = 0; i < 8; i++)
            for (int j = 0; j < 8; j++) sum[i * 8 + j] = T.Zero;
        for (int first = 0; first < 2 * depth; first += depth)
        {
            Bring(a, startA + first * s.ColumnA, s.RowA, s.ColumnA, s.M - row, s.K - first, s.FoursA, deepA, tiles, first / depth * 2 * tile);
            Bring(b, startB + first * s.RowB, s.ColumnB, s.RowB, s.N - column, s.K - first, s.FoursB, deepB, tiles, first / depth * 2 * tile + tile);
            AsyncCopy.Commit();
        }
        int at = 0, free = 4 * tile;
        for (int next = 2 * depth; next < s.K + 2 * depth; next += depth)
        {
            AsyncCopy.Wait(1);
            Group.Barrier();
            Bring(a, startA + next * s.ColumnA, s.RowA, s.ColumnA, s.M - row, s.K - next, s.FoursA, deepA, tiles, free);
            Bring(b, startB + next * s.RowB, s.ColumnB, s.RowB, s.N - column, s.K - next, s.FoursB, deepB, tiles, free + tile);
            AsyncCopy.Commit();
            TMath.Multiply(tiles, at + TensorCores.Place<T>(deepA, y, 0), deepA, at + tile + TensorCores.Place<T>(deepB, x, 0), deepB, sum);
            free = at;
            at = at == 4 * tile ? 0 : at + 2 * tile;
        }
        bool finite = true;
        for (int i = 0; i < 8; i++)
            for (int j = 0; j < 8; j++) finite = finite && T.IsFinite(sum[i * 8 + j]);
        if (typeof(T) == typeof(double) || finite)
        {
            for (int i = 0; i < 8; i++)
            {
                for (int j = 0; j < 8; j++)
                {
                    int r = row + y + TensorCores.Row(i), q = column + x + TensorCores.Column(j);
                    if (r < s.M && q < s.N) Store(c, (entry * s.M + r) * s.N + q, sum[TensorCores.Sum(i, j)]);
                }
            }
        }
        else
        {
            // Rare: from memory, by a loop that is not unrolled, so that the sums above can stay in registers.
            for (int i = 0; i < 8; i++)
                for (int j = 0; j < 8; j++) kept[i * 8 + j] = sum[i * 8 + j];
            int count = TensorCores.Sums;
            for (int i = 0; i < count; i++)
            {
                int r = row + y + TensorCores.Row(i / 8), q = column + x + TensorCores.Column(i % 8);
                if (r >= s.M || q >= s.N) continue;
                T value = kept[TensorCores.Sum(i / 8, i % 8)];
                if (!T.IsFinite(value))
                    value = OneByOne(a, startA + (r - row) * s.RowA, s.ColumnA, b, startB + (q - column) * s.ColumnB, s.RowB, s.K);
                Store(c, (entry * s.M + r) * s.N + q, value);
            }
        }
    }

    // A tile of 128 lines, two 16-byte pieces for each work-item: along the dense axis, zeros outside.
    private static void Bring<T>(ArrayView<T> from, int start, int lineStep, int depthStep, int lines, int depths, int fours, bool deep, ArrayView<T> tiles, int at)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int i = 0; i < 2; i++)
        {
            // In f64 a piece of 32 bytes is all.
            if (typeof(T) == typeof(double) && i == 1) continue;
            int four = i * TensorCores.Items + Group.IdxX, along = typeof(T) == typeof(float) ? 4 : 2;
            int line = deep ? four / along : four % 32 * 4, depth = deep ? four % along * 4 : four / 32, step = deep ? depthStep : lineStep;
            int source = start + line * lineStep + depth * depthStep, place = at + TensorCores.Place<T>(deep, line, depth);
            if (fours != 0) AsyncCopy.Four(from, source, tiles, place, line < lines && depth < depths ? 4 : 0);
            else
            {
                for (int q = 0; q < 4; q++)
                    AsyncCopy.One(from, source + q * step, tiles, place + q, deep ? line < lines && depth + q < depths : line + q < lines && depth < depths);
            }
        }
    }

    // As the kernels without tensor cores do it. A NaN stays one.
    private static T OneByOne<T>(ArrayView<T> a, int startA, int stepA, ArrayView<T> b, int startB, int stepB, int k) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T sum = T.Zero;
        for (int p = 0; p < k && !T.IsNaN(sum); p++) sum = T.FusedMultiplyAdd(a[startA + p * stepA], b[startB + p * stepB], sum);
        return sum;
    }
}
