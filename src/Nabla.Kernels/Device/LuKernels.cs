using System.Numerics;

namespace Nabla.Kernels;

/// <summary>LU with partial pivoting on devices, and what is made from it. One group for each matrix, which is dense and stays in global memory.</summary>
internal static partial class LuKernels
{
    /// <summary>Work-items of a group.</summary>
    public const int Size = 256;

    /// <summary>a := L and U; row i belongs to row permutation[i] of the input; parity is 1 if the permutation is odd. Column by column; a column without a pivot is left.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Factor<T>(ArrayView<T> a, int n, ArrayView<int> permutation, ArrayView<int> parity) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sizes = SharedMemory.Allocate<T>(Size);
        var rows = SharedMemory.Allocate<int>(Size);
        int item = Group.IdxX, entry = Grid.IdxX, start = entry * n * n, odd = 0;
        for (int i = item; i < n; i += Size) permutation[entry * n + i] = i;
        for (int k = 0; k < n; k++)
        {
            T largest = -T.One;
            int place = n;
            for (int i = k + item; i < n; i += Size)
            {
                T size = T.Abs(a[start + i * n + k]);
                if (!IsBetter(size, i, largest, place)) continue;
                largest = size;
                place = i;
            }
            sizes[item] = largest;
            rows[item] = place;
            Group.Barrier();
            for (int half = Size / 2; half > 0; half /= 2)
            {
                if (item < half && IsBetter(sizes[item + half], rows[item + half], sizes[item], rows[item]))
                {
                    sizes[item] = sizes[item + half];
                    rows[item] = rows[item + half];
                }
                Group.Barrier();
            }
            int best = rows[0];
            for (int j = item; j < n && best != k; j += Size) Exchange(a, start + k * n + j, start + best * n + j);
            if (item == 0 && best != k)
            {
                int row = permutation[entry * n + k];
                permutation[entry * n + k] = permutation[entry * n + best];
                permutation[entry * n + best] = row;
                odd = 1 - odd;
            }
            Group.Barrier();
            T pivot = a[start + k * n + k];
            int rest = pivot == T.Zero ? 0 : n - k - 1;
            for (int i = item; i < rest; i += Size) a[start + (k + 1 + i) * n + k] = a[start + (k + 1 + i) * n + k] / pivot;
            Group.Barrier();
            for (int i = item; i < rest * rest; i += Size)
            {
                int row = start + (k + 1 + i / rest) * n, column = k + 1 + i % rest;
                a[row + column] = T.FusedMultiplyAdd(-a[row + k], a[start + k * n + column], a[row + column]);
            }
            Group.Barrier();
        }
        if (item == 0) parity[entry] = odd;
    }

    // The first of the largest magnitude, or the first NaN.
    private static bool IsBetter<T>(T size, int row, T than, int thanRow) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (T.IsNaN(size)) return !T.IsNaN(than) || row < thanRow;
        return size > than || size == than && row < thanRow;
    }

    private static void Exchange<T>(ArrayView<T> a, int i, int j) where T : unmanaged, INumber<T>
    {
        T value = a[i];
        a[i] = a[j];
        a[j] = value;
    }

    /// <summary>y[entry, i, j] = b[entry, permutation[i], j].</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Permute<T>(ArrayView<T> b, MatrixPlace place, ArrayView<int> permutation, int m, ArrayView<T> y, int n) where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength) y[i] = b[MatrixPlace.At(place, i / m / n, permutation[i / m], i % m)];
    }

    /// <summary>Sign and log|det| from the factors: each work-item every 256th pivot, then all of them as a tree.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Determinant<T>(ArrayView<T> lu, int n, ArrayView<int> parity, ArrayView<T> sign, ArrayView<T> logarithm) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var signs = SharedMemory.Allocate<T>(Size);
        var logs = SharedMemory.Allocate<T>(Size);
        int item = Group.IdxX, entry = Grid.IdxX;
        T product = T.One, sum = T.Zero;
        for (int i = item; i < n; i += Size)
        {
            T pivot = lu[(entry * n + i) * n + i];
            product = product * (pivot > T.Zero ? T.One : pivot < T.Zero ? -T.One : pivot);
            sum = sum + T.Log(T.Abs(pivot));
        }
        signs[item] = product;
        logs[item] = sum;
        Group.Barrier();
        for (int half = Size / 2; half > 0; half /= 2)
        {
            if (item < half)
            {
                signs[item] = signs[item] * signs[item + half];
                logs[item] = logs[item] + logs[item + half];
            }
            Group.Barrier();
        }
        if (item == 0)
        {
            T found = parity[entry] == 0 ? signs[0] : -signs[0];
            sign[entry] = found == T.Zero ? T.Zero : found;
            logarithm[entry] = logs[0];
        }
    }
}
