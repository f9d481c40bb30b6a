using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// Kernels that sort lines and search them. Equal elements, and NaNs, which come last, are told apart by their places, so every order is the only one.
/// Results are dense, line after line.
/// </summary>
internal static partial class SortKernels
{
    /// <summary>Work-items of a group.</summary>
    public const int Size = 256;

    /// <summary>Elements that a group sorts in its own memory.</summary>
    public const int Block = 2 * Size;

    /// <summary>Short lines: each work-item counts what stands before its element.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void Count<T>(ArrayView<T> x, Steps lines, Extents extents, int step, int n, int descending, ArrayView<T> values, ArrayView<int> places)
        where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= values.IntLength) return;
        int line = i / n, own = i - line * n, start = Steps.At(line, lines, extents), before = 0;
        T key = x[start + own * step];
        for (int j = 0; j < n; j++)
        {
            T other = x[start + j * step];
            if (IsBefore(other, key, descending) || (j < own && !IsBefore(key, other, descending))) before++;
        }
        values[line * n + before] = key;
        places[line * n + before] = own;
    }

    /// <summary>
    /// Sorts blocks of 512 elements by a bitonic network. Source: Batcher, Sorting networks and their applications (1968).
    /// </summary>
    [Kernel(Size), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void Blocks<T>(
        ArrayView<T> x, Steps lines, Extents extents, int step, int n, int blocks, int descending, ArrayView<T> values, ArrayView<int> places)
        where T : unmanaged, INumber<T>
    {
        var keys = SharedMemory.Allocate<T>(Block);
        var from = SharedMemory.Allocate<int>(Block);
        int item = Group.IdxX, line = Grid.IdxX / blocks, first = (Grid.IdxX - line * blocks) * Block, start = Steps.At(line, lines, extents);
        for (int at = item; at < Block; at += Size)
        {
            // Behind the end of the line: comes after everything.
            keys[at] = first + at < n ? x[start + (first + at) * step] : T.Zero;
            from[at] = first + at < n ? first + at : int.MaxValue;
        }
        for (int size = 2; size <= Block; size *= 2)
            for (int distance = size / 2; distance > 0; distance /= 2)
            {
                Group.Barrier();
                int a = 2 * item - (item & (distance - 1)), b = a + distance;
                bool ascending = (a & size) == 0;
                T left = keys[a], right = keys[b];
                int leftPlace = from[a], rightPlace = from[b];
                if (IsBehind(left, leftPlace, right, rightPlace, descending) == ascending)
                {
                    keys[a] = right;
                    keys[b] = left;
                    from[a] = rightPlace;
                    from[b] = leftPlace;
                }
            }
        Group.Barrier();
        for (int at = item; at < Block; at += Size)
            if (first + at < n)
            {
                values[line * n + first + at] = keys[at];
                places[line * n + first + at] = from[at];
            }
    }

    /// <summary>
    /// Merges sorted runs of a width in pairs: each element moves by the number of elements of the other run that go before it, found by bisection. The left run's
    /// come first among equals.
    /// </summary>
    [Kernel(Size), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void Merge<T>(ArrayView<T> x, ArrayView<int> from, int n, int width, int descending, ArrayView<T> values, ArrayView<int> places)
        where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= values.IntLength) return;
        int line = i / n, own = i - line * n, run = own / width, at = own;
        long other = (long)(run ^ 1) * width;
        T key = x[i];
        if (other < n)
        {
            bool isLeft = (run & 1) == 0;
            int start = line * n + (int)other, low = 0, high = (int)Math.Min((long)width, n - other);
            while (low < high)
            {
                int middle = low + (high - low) / 2;
                T next = x[start + middle];
                bool goesBefore = isLeft ? IsBefore(next, key, descending) : !IsBefore(key, next, descending);
                if (goesBefore) low = middle + 1;
                else high = middle;
            }
            at = isLeft ? own + low : own - width + low;
        }
        values[line * n + at] = key;
        places[line * n + at] = from[i];
    }

    /// <summary>y = how many elements of an ascending line of <paramref name="size"/> go before each value; <paramref name="each"/> values belong to a line.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void Search<T>(ArrayView<T> sequence, ArrayView<T> values, int size, int each, int right, ArrayView<int> y) where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= y.IntLength) return;
        int start = i / each * size, low = 0, high = size;
        T value = values[i];
        while (low < high)
        {
            int middle = low + (high - low) / 2;
            T next = sequence[start + middle];
            bool goesBefore = right != 0 ? !IsBefore(value, next, 0) : IsBefore(next, value, 0);
            if (goesBefore) low = middle + 1;
            else high = middle;
        }
        y[i] = low;
    }

    private static bool IsBefore<T>(T a, T b, int descending) where T : unmanaged, INumber<T> =>
        (descending != 0 ? b < a : a < b) || (T.IsNaN(b) && !T.IsNaN(a));

    private static bool IsBehind<T>(T a, int placeA, T b, int placeB, int descending) where T : unmanaged, INumber<T>
    {
        if (placeA == int.MaxValue || placeB == int.MaxValue) return placeA > placeB;
        if (IsBefore(b, a, descending)) return true;
        return !IsBefore(a, b, descending) && placeA > placeB;
    }
}
