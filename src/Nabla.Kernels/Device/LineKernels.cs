using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Kernels that fold lines of neighbouring elements, in the order of <see cref="LineCut"/>: 64 bytes of f32 are on their way to each work-item at a time, 16 in one access where lines start at multiples of 16 bytes.</summary>
internal static partial class LineKernels
{
    private const int Size = ReduceKernels.Size, Ahead = 4;

    /// <summary>y[line, chunk]: the items of a group share one or several chunks, as many as each needs <paramref name="lanes"/>.</summary>
    [Kernel(Size)]
    [Instances(typeof(SumOp), typeof(ProdOp), typeof(MaxOp), typeof(MinOp)), Instances(typeof(float), typeof(double), typeof(int), typeof(long), typeof(byte))]
    public static void Fold<TOp, T>(ArrayView<T> x, Steps kept, Extents keptExtents, int count, int chunk, int chunks, int lanes, int fours, ArrayView<T> y)
        where TOp : struct, IReduceOp where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        var partial = SharedMemory.Allocate<T>(Size);
        var four = LocalMemory.Allocate<T>(4 * Ahead);
        var sum = LocalMemory.Allocate<T>(4);
        var total = LocalMemory.Allocate<T>(4);
        int item = Group.IdxX, lane = item % lanes, own = Grid.IdxX * (Size / lanes) + item / lanes, start = 0, length = 0;
        if (own < y.IntLength)
        {
            int low = own % chunks * chunk;
            start = Steps.At(own / chunks, kept, keptExtents) + low;
            length = Math.Min(chunk, count - low);
        }
        for (int k = 0; k < 4; k++) total[k] = TOp.Identity<T>();
        for (int first = 4 * lane; first < length; first += 4 * LineCut.Run * lanes)
        {
            int end = Math.Min(length, first + 4 * LineCut.Run * lanes);
            for (int k = 0; k < 4; k++) sum[k] = TOp.Identity<T>();
            for (int j = first; j < end; j += 4 * Ahead * lanes)
            {
                for (int i = 0; i < Ahead; i++) Four<TOp, T>(x, start, j + 4 * i * lanes, length, fours, four, 4 * i);
                for (int i = 0; i < Ahead; i++)
                    for (int k = 0; k < 4; k++) sum[k] = TOp.Combine(sum[k], four[4 * i + k]);
            }
            for (int k = 0; k < 4; k++) total[k] = TOp.Combine(total[k], sum[k]);
        }
        T result = TOp.Combine(TOp.Combine(total[0], total[1]), TOp.Combine(total[2], total[3]));
        partial[item] = result;
        Group.Barrier();
        int width = lanes;
        if (lanes > LineCut.Radix)
        {
            width = lanes / LineCut.Radix;
            if (lane < width)
            {
                for (int i = 1; i < LineCut.Radix; i++) result = TOp.Combine(result, partial[item + i * width]);
                partial[item] = result;
            }
            Group.Barrier();
        }
        if (lane == 0 && own < y.IntLength)
        {
            for (int i = 1; i < width; i++) result = TOp.Combine(result, partial[item + i]);
            y[own] = result;
        }
    }

    /// <summary>y = the first place along a line of the largest (MaxOp) or smallest (MinOp) element; a NaN is both. Lines are shared as for <see cref="Fold"/>.</summary>
    [Kernel(Size)]
    [Instances(typeof(MaxOp), typeof(MinOp)), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void Arg<TOp, T>(ArrayView<T> x, Steps kept, Extents keptExtents, int count, int lanes, int fours, ArrayView<int> y)
        where TOp : struct, IReduceOp where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        var values = SharedMemory.Allocate<T>(Size);
        var places = SharedMemory.Allocate<int>(Size);
        var four = LocalMemory.Allocate<T>(4 * Ahead);
        int item = Group.IdxX, lane = item % lanes, own = Grid.IdxX * (Size / lanes) + item / lanes, length = own < y.IntLength ? count : 0, start = 0, position = -1;
        if (length > 0) start = Steps.At(own, kept, keptExtents);
        T best = TOp.Identity<T>();
        for (int j = 4 * lane; j < length; j += 4 * Ahead * lanes)
        {
            for (int i = 0; i < Ahead; i++) Four<TOp, T>(x, start, j + 4 * i * lanes, length, fours, four, 4 * i);
            for (int i = 0; i < Ahead; i++)
            {
                for (int k = 0; k < 4; k++)
                {
                    int place = j + 4 * i * lanes + k;
                    if (place < length && (position < 0 || ReduceKernels.IsBetter<TOp, T>(four[4 * i + k], best)))
                    {
                        best = four[4 * i + k];
                        position = place;
                    }
                }
            }
        }
        values[item] = best;
        places[item] = position;
        Group.Barrier();
        for (int half = lanes / 2; half > 0; half /= 2)
        {
            // Work-items without elements have no place.
            if (lane < half && places[item + half] >= 0)
            {
                T other = values[item + half];
                if (places[item] < 0 || ReduceKernels.IsBetter<TOp, T>(other, values[item]) || (!ReduceKernels.IsBetter<TOp, T>(values[item], other) && places[item + half] < places[item]))
                {
                    values[item] = other;
                    places[item] = places[item + half];
                }
            }
            Group.Barrier();
        }
        if (lane == 0 && own < y.IntLength) y[own] = places[item];
    }

    // Four neighbours; beyond the end, what a fold starts with.
    private static void Four<TOp, T>(ArrayView<T> x, int start, int at, int end, int fours, ArrayView<T> to, int place)
        where TOp : struct, IReduceOp where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        if (fours != 0 && at + 4 <= end) Vectors.Move4(x, start + at, to, place);
        else
            for (int k = 0; k < 4; k++) to[place + k] = at + k < end ? x[start + at + k] : TOp.Identity<T>();
    }
}
