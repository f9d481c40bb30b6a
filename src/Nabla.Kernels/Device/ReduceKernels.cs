using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// Kernels that fold axes away. The order of a fold is fixed by the sizes alone: chunks, which are folded with each other by another launch, so that errors
/// grow with the logarithm of the count and results do not depend on the device's width.
/// </summary>
internal static partial class ReduceKernels
{
    /// <summary>Work-items of a group.</summary>
    public const int Size = 256;

    /// <summary>Positions that one work-item folds one after another before it folds the results.</summary>
    public const int Run = 16;

    /// <summary>y[chunk, output]: one work-item folds one chunk of one output, in runs of 16. Good where neighbouring outputs lie densely.</summary>
    [Kernel(Size)]
    [Instances(typeof(SumOp), typeof(ProdOp), typeof(MaxOp), typeof(MinOp)), Instances(typeof(float), typeof(double), typeof(int), typeof(long), typeof(byte))]
    public static void FoldLines<TOp, T>(
        ArrayView<T> x, Steps kept, Extents keptExtents, Steps folded, Extents foldedExtents, int outputs, int count, int chunk, ArrayView<T> y)
        where TOp : struct, IReduceOp where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= y.IntLength) return;
        int part = i / outputs, low = part * chunk, high = Math.Min(count, low + chunk);
        int start = Steps.At(i - part * outputs, kept, keptExtents);
        var next = LocalMemory.Allocate<T>(Run);
        T total = TOp.Identity<T>();
        for (int first = low; first < high; first += Run)
        {
            T sum;
            if (high - first >= Run)
            {
                // All on their way at once.
                for (int j = 0; j < Run; j++) next[j] = x[start + Steps.At(first + j, folded, foldedExtents)];
                sum = next[0];
                for (int j = 1; j < Run; j++) sum = TOp.Combine(sum, next[j]);
            }
            else
            {
                sum = x[start + Steps.At(first, folded, foldedExtents)];
                for (int j = first + 1; j < high; j++) sum = TOp.Combine(sum, x[start + Steps.At(j, folded, foldedExtents)]);
            }
            total = TOp.Combine(total, sum);
        }
        y[i] = total;
    }

    /// <summary>
    /// y[output, chunk]: one group folds one chunk of <paramref name="width"/> outputs (a power of two), whose work-items are neighbours; each takes every (256 / width)th position, in runs of 16, then those
    /// of an output are folded as a tree.
    /// </summary>
    [Kernel(Size)]
    [Instances(typeof(SumOp), typeof(ProdOp), typeof(MaxOp), typeof(MinOp)), Instances(typeof(float), typeof(double), typeof(int), typeof(long), typeof(byte))]
    public static void FoldGroups<TOp, T>(
        ArrayView<T> x, Steps kept, Extents keptExtents, Steps folded, Extents foldedExtents, int outputs, int count, int width, int chunk, int chunks, ArrayView<T> y)
        where TOp : struct, IReduceOp where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        var partial = SharedMemory.Allocate<T>(Size);
        var next = LocalMemory.Allocate<T>(Run);
        int item = Group.IdxX, slices = Size / width, tile = Grid.IdxX / chunks, part = Grid.IdxX - tile * chunks, output = tile * width + item % width;
        int low = part * chunk, length = output < outputs ? Math.Min(chunk, count - low) : 0, start = output < outputs ? Steps.At(output, kept, keptExtents) : 0;
        T total = TOp.Identity<T>();
        for (int first = item / width; first < length; first += Run * slices)
        {
            T sum = TOp.Identity<T>();
            if (first + (Run - 1) * slices < length)
            {
                for (int j = 0; j < Run; j++) next[j] = x[start + Steps.At(low + first + j * slices, folded, foldedExtents)];
                for (int j = 0; j < Run; j++) sum = TOp.Combine(sum, next[j]);
            }
            else
                for (int j = first; j < length; j += slices) sum = TOp.Combine(sum, x[start + Steps.At(low + j, folded, foldedExtents)]);
            total = TOp.Combine(total, sum);
        }
        partial[item] = total;
        Group.Barrier();
        for (int half = Size / 2; half >= width; half /= 2)
        {
            if (item < half) partial[item] = TOp.Combine(partial[item], partial[item + half]);
            Group.Barrier();
        }
        if (item < width && output < outputs) y[output * chunks + part] = partial[item];
    }

    /// <summary>y = the first place along an axis of the largest (MaxOp) or smallest (MinOp) element; a NaN is both. One work-item for each line.</summary>
    [Kernel(Size)]
    [Instances(typeof(MaxOp), typeof(MinOp)), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void Arg<TOp, T>(ArrayView<T> x, Steps kept, Extents keptExtents, int step, int count, ArrayView<int> y)
        where TOp : struct, IReduceOp where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= y.IntLength) return;
        int start = Steps.At(i, kept, keptExtents), position = 0;
        T best = x[start];
        for (int j = 1; j < count; j++)
        {
            T next = x[start + j * step];
            if (!IsBetter<TOp, T>(next, best)) continue;
            best = next;
            position = j;
        }
        y[i] = position;
    }

    /// <summary>The same for few long lines: a group takes one, each work-item every 256th position, then all of them as a tree.</summary>
    [Kernel(Size)]
    [Instances(typeof(MaxOp), typeof(MinOp)), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void ArgGroups<TOp, T>(ArrayView<T> x, Steps kept, Extents keptExtents, int step, int count, ArrayView<int> y)
        where TOp : struct, IReduceOp where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        var values = SharedMemory.Allocate<T>(Size);
        var places = SharedMemory.Allocate<int>(Size);
        int item = Group.IdxX, start = Steps.At(Grid.IdxX, kept, keptExtents), position = item < count ? item : 0;
        T best = x[start + position * step];
        for (int j = item + Size; j < count; j += Size)
        {
            T next = x[start + j * step];
            if (!IsBetter<TOp, T>(next, best)) continue;
            best = next;
            position = j;
        }
        values[item] = best;
        places[item] = position;
        Group.Barrier();
        for (int half = Size / 2; half > 0; half /= 2)
        {
            if (item < half)
            {
                T other = values[item + half];
                int place = places[item + half];
                bool equal = !IsBetter<TOp, T>(other, values[item]) && !IsBetter<TOp, T>(values[item], other);
                if (IsBetter<TOp, T>(other, values[item]) || equal && place < places[item])
                {
                    values[item] = other;
                    places[item] = place;
                }
            }
            Group.Barrier();
        }
        if (item == 0) y[Grid.IdxX] = places[0];
    }

    /// <summary>Whether a comes before b; ±0 are equal here, and so are all NaNs, which are better than numbers.</summary>
    public static bool IsBetter<TOp, T>(T a, T b) where TOp : struct, IReduceOp where T : unmanaged, INumber<T>, IMinMaxValue<T> =>
        !T.IsNaN(b) && a != b && (T.IsNaN(a) || TOp.Combine(b, a) == a);
}
