using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// Kernels of cumulative folds. A line is cut into chunks by its length alone; each work-item goes through one chunk of one line in order. With several chunks
/// their totals are scanned first.
/// </summary>
internal static partial class ScanKernels
{
    /// <summary>Work-items of a group.</summary>
    public const int Size = 256;

    /// <summary>y[chunk, line] = all of a chunk, folded in order.</summary>
    [Kernel(Size)]
    [Instances(typeof(SumOp), typeof(ProdOp), typeof(MaxOp), typeof(MinOp)), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void Totals<TOp, T>(ArrayView<T> x, Steps start, Extents extents, int step, int lines, int count, int chunk, ArrayView<T> y)
        where TOp : struct, IReduceOp where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= y.IntLength) return;
        int part = i / lines, low = part * chunk, high = Math.Min(count, low + chunk), from = Steps.At(i - part * lines, start, extents);
        T total = x[from + low * step];
        for (int j = low + 1; j < high; j++) total = TOp.Combine(total, x[from + j * step]);
        y[i] = total;
    }

    /// <summary>
    /// y = x folded from the start of its line: from that of its chunk, and all before it, which is the entry of the chunk before in
    /// <paramref name="totals"/> [chunk, line], scanned already; not read if there is one chunk.
    /// </summary>
    [Kernel(Size)]
    [Instances(typeof(SumOp), typeof(ProdOp), typeof(MaxOp), typeof(MinOp)), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void Chunks<TOp, T>(
        ArrayView<T> x, Steps start, Extents extents, int step, ArrayView<T> totals, int lines, int count, int chunk, int items, ArrayView<T> y, Steps startY, int stepY)
        where TOp : struct, IReduceOp where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= items) return;
        int part = i / lines, line = i - part * lines, low = part * chunk, high = Math.Min(count, low + chunk);
        int from = Steps.At(line, start, extents), to = Steps.At(line, startY, extents);
        T sum = x[from + low * step];
        if (part > 0) sum = TOp.Combine(totals[i - lines], sum);
        y[to + low * stepY] = sum;
        for (int j = low + 1; j < high; j++)
        {
            sum = TOp.Combine(sum, x[from + j * step]);
            y[to + j * stepY] = sum;
        }
    }
}
