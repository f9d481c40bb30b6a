using System.Numerics;

namespace Nabla.Kernels;

internal static partial class MatMulKernels
{
    /// <summary>
    /// For large sizes on tensor cores. A group of 8 warps computes a block of c, each warp its part of it by <typeparamref name="TMath"/>, from a pair of tiles in shared memory while the next pairs arrive.
    /// One barrier a step says both that a pair has come and that everybody has done with the one before, whose place the next one takes.
    /// </summary>
    /// <remarks>
    /// Elements are summed tile by tile, in the order of the depth; inside a tile the order, and in f32 the rounding, are the hardware's. They do not depend on the block. In f32, elements that are not
    /// finite are computed again, since parts and roundings of an infinity, or of what is next to it, are no longer what f32 gives.
    /// </remarks>
    [Kernel(BlockItems), Instances(typeof(float), typeof(double)), Instances(typeof(TensorTf32), typeof(TensorTf32Split), typeof(TensorBf16), typeof(TensorF64))]
    [Instances(typeof(TensorBlock128x128), typeof(TensorBlock256x128), typeof(TensorBlock128x64)), Instances(typeof(DeepTile), typeof(WideTile)), Instances(typeof(DeepTile), typeof(WideTile))]
    public static void Tensor<T, TMath, TBlock, TA, TB>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c)
        where T : unmanaged, IFloatingPointIeee754<T> where TMath : struct, ITensorMath<T> where TBlock : struct, ITensorBlock<TMath> where TA : struct, ITensorTile where TB : struct, ITensorTile
    {
        var tiles = SharedMemory.Allocate<T>(TBlock.Stages * PairOf<T, TBlock>());
        var sum = LocalMemory.Allocate<T>(SumsOf<TBlock>());
        var kept = LocalMemory.Allocate<T>(SumsOf<TBlock>());
        int depth = TensorCores.Depth<T>(), wideA = typeof(TA) == typeof(DeepTile) ? 0 : TensorRows<TBlock>(), wideB = typeof(TB) == typeof(DeepTile) ? 0 : TensorColumns<TBlock>();
        int y = Group.IdxX / 32 % TBlock.WarpsDown * (16 * TBlock.Sixteens), x = Group.IdxX / 32 / TBlock.WarpsDown * (8 * TBlock.Eights);
        int entry = Grid.IdxX / (s.TilesDown * s.TilesAcross), place = Grid.IdxX - entry * (s.TilesDown * s.TilesAcross);
        int row = BandDown(place, s) * TensorRows<TBlock>(), column = BandAcross(place, s) * TensorColumns<TBlock>();
        int startA = Steps.At(entry, stepsA, batch) + row * s.RowA, startB = Steps.At(entry, stepsB, batch) + column * s.ColumnB;
        for (int i = 0; i < 2 * TBlock.Sixteens; i++)
            for (int j = 0; j < 2 * TBlock.Eights; j++) sum[i * (2 * TBlock.Eights) + j] = T.Zero;
        for (int i = 0; i < TBlock.Stages - 1; i++)
        {
            int k = i * depth, into = i * PairOf<T, TBlock>();
            BringTile(a, startA + k * s.ColumnA, s.RowA, s.ColumnA, s.M - row, s.K - k, s.FoursA, wideA, tiles, into, TensorRows<TBlock>());
            BringTile(b, startB + k * s.RowB, s.ColumnB, s.RowB, s.N - column, s.K - k, s.FoursB, wideB, tiles, into + TensorRows<TBlock>() * depth, TensorColumns<TBlock>());
            AsyncCopy.Commit();
        }
        int at = 0, to = (TBlock.Stages - 1) * PairOf<T, TBlock>();
        for (int first = 0; first < s.K; first += depth)
        {
            AsyncCopy.Wait(TBlock.Stages - 2);
            Group.Barrier();
            int k = first + (TBlock.Stages - 1) * depth;
            if (k < s.K)
            {
                BringTile(a, startA + k * s.ColumnA, s.RowA, s.ColumnA, s.M - row, s.K - k, s.FoursA, wideA, tiles, to, TensorRows<TBlock>());
                BringTile(b, startB + k * s.RowB, s.ColumnB, s.RowB, s.N - column, s.K - k, s.FoursB, wideB, tiles, to + TensorRows<TBlock>() * depth, TensorColumns<TBlock>());
            }
            AsyncCopy.Commit();
            TMath.Multiply(tiles, at + TensorCores.Place<T>(wideA, y, 0), wideA, at + TensorRows<TBlock>() * depth + TensorCores.Place<T>(wideB, x, 0), wideB, TBlock.Sixteens, TBlock.Eights, sum);
            at = at == (TBlock.Stages - 1) * PairOf<T, TBlock>() ? 0 : at + PairOf<T, TBlock>();
            to = to == (TBlock.Stages - 1) * PairOf<T, TBlock>() ? 0 : to + PairOf<T, TBlock>();
        }
        bool finite = true;
        for (int i = 0; i < 2 * TBlock.Sixteens; i++)
            for (int j = 0; j < 2 * TBlock.Eights; j++) finite = finite && T.IsFinite(sum[i * (2 * TBlock.Eights) + j]);
        if (typeof(T) == typeof(double) || finite)
        {
            for (int i = 0; i < 2 * TBlock.Sixteens; i++)
            {
                for (int j = 0; j < 2 * TBlock.Eights; j++)
                {
                    int r = row + y + TensorCores.Row(i), q = column + x + TensorCores.Column(j);
                    if (r < s.M && q < s.N) Store(c, (entry * s.M + r) * s.N + q, sum[TensorCores.Sum(i, j, TBlock.Eights)]);
                }
            }
        }
        else
        {
            // Rare: from memory, by a loop that is not unrolled, so that the sums above can stay in registers.
            for (int i = 0; i < 2 * TBlock.Sixteens; i++)
                for (int j = 0; j < 2 * TBlock.Eights; j++) kept[i * (2 * TBlock.Eights) + j] = sum[i * (2 * TBlock.Eights) + j];
            int count = SumsOf<TBlock>();
            for (int number = 0; number < count; number++)
            {
                int i = number / (2 * TBlock.Eights), j = number % (2 * TBlock.Eights), r = row + y + TensorCores.Row(i), q = column + x + TensorCores.Column(j);
                if (r >= s.M || q >= s.N) continue;
                T value = kept[TensorCores.Sum(i, j, TBlock.Eights)];
                if (!T.IsFinite(value)) value = OneByOne(a, startA + (r - row) * s.RowA, s.ColumnA, b, startB + (q - column) * s.ColumnB, s.RowB, s.K);
                Store(c, (entry * s.M + r) * s.N + q, value);
            }
        }
    }

    // A tile on its way to shared memory, four neighbours along the dense axis at a time; zeros outside.
    private static void BringTile<T>(ArrayView<T> from, int start, int lineStep, int depthStep, int lines, int depths, int fours, int wide, ArrayView<T> tiles, int at, int size)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int all = size * TensorCores.Depth<T>() / 4, along = wide == 0 ? TensorCores.Depth<T>() / 4 : size / 4;
        for (int first = 0; first < all; first += BlockItems)
        {
            int four = first + Group.IdxX;
            // Half of the work-items are enough for the smallest tiles.
            if (all < BlockItems && four >= all) continue;
            int line = wide == 0 ? four / along : four % along * 4, depth = wide == 0 ? four % along * 4 : four / along, step = wide == 0 ? depthStep : lineStep;
            int source = start + line * lineStep + depth * depthStep, place = at + TensorCores.Place<T>(wide, line, depth);
            if (fours != 0) AsyncCopy.Four(from, source, tiles, place, line < lines && depth < depths ? 4 : 0);
            else
            {
                for (int q = 0; q < 4; q++)
                    AsyncCopy.One(from, source + q * step, tiles, place + q, wide == 0 ? line < lines && depth + q < depths : line + q < lines && depth < depths);
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

    private static int TensorRows<TBlock>() where TBlock : struct, ITensorBlock => TBlock.WarpsDown * TBlock.Sixteens * 16;

    private static int TensorColumns<TBlock>() where TBlock : struct, ITensorBlock => 8 / TBlock.WarpsDown * TBlock.Eights * 8;

    private static int SumsOf<TBlock>() where TBlock : struct, ITensorBlock => TBlock.Sixteens * TBlock.Eights * 4;

    // Elements of a tile of a and a tile of b.
    private static int PairOf<T, TBlock>() where T : unmanaged where TBlock : struct, ITensorBlock => (TensorRows<TBlock>() + TensorColumns<TBlock>()) * TensorCores.Depth<T>();

    /// <summary>The kernel for a block, and operands of which each tile lies like its operand, so that copies take neighbours along.</summary>
    public static TiledProduct TensorOf<T, TMath, TBlock>(bool deepA, bool deepB) where T : unmanaged, IFloatingPointIeee754<T> where TMath : struct, ITensorMath<T> where TBlock : struct, ITensorBlock<TMath>
    {
        KernelProgram program = (deepA, deepB) switch
        {
            (true, true) => TensorProgram<T, TMath, TBlock, DeepTile, DeepTile>.Instance,
            (true, false) => TensorProgram<T, TMath, TBlock, DeepTile, WideTile>.Instance,
            (false, true) => TensorProgram<T, TMath, TBlock, WideTile, DeepTile>.Instance,
            (false, false) => TensorProgram<T, TMath, TBlock, WideTile, WideTile>.Instance,
        };
        return new TiledProduct(typeof(TBlock).Name, program, TensorRows<TBlock>(), TensorColumns<TBlock>(), new LaunchSize(1, 1, 1, BlockItems));
    }
}
