using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Cholesky factors and triangular systems on devices, in blocks of <see cref="Side"/> rows. Faults go into one word: the smallest entry·n + row.</summary>
internal static partial class FactorKernels
{
    /// <summary>Rows and columns of a block.</summary>
    public const int Side = 32;

    /// <summary>Right-hand sides that a group solves for.</summary>
    public const int Sides = 8;

    /// <summary>Rows below a block that a group solves for.</summary>
    public const int PanelRows = 64;

    private const int Pitch = Side + 1, Half = Side / 2;

    /// <summary>y = the lower triangles of x, with zeros above.</summary>
    [Kernel(256), Instances(typeof(float), typeof(double))]
    public static void CopyLower<T>(ArrayView<T> x, Steps steps, Extents extents, int n, ArrayView<T> y) where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= y.IntLength) return;
        int row = i / n;
        y[i] = i - row * n <= row % n ? x[Steps.At(i, steps, extents)] : T.Zero;
    }

    /// <summary>Factors blocks on the diagonal in place, column by column, in shared memory: one group for each entry. They have <paramref name="count"/> rows, the first is <paramref name="first"/>.</summary>
    [Kernel(Side, Sides), Instances(typeof(float), typeof(double))]
    public static void CholeskyBlock<T>(ArrayView<T> a, MatrixPlace place, int n, int first, int count, ArrayView<int> fault) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var block = SharedMemory.Allocate<T>(Side * Pitch);
        int x = Group.IdxX, y = Group.IdxY, entry = Grid.IdxX;
        for (int i = y; i < count; i += Sides)
            if (x <= i) block[i * Pitch + x] = a[MatrixPlace.At(place, entry, first + i, first + x)];
        Group.Barrier();
        for (int k = 0; k < count; k++)
        {
            T pivot = block[k * Pitch + k];
            Group.Barrier();
            if (y == 0 && x == k)
            {
                if (!(pivot > T.Zero) || !T.IsFinite(pivot)) Atomic.Min(ref fault[0], entry * n + first + k);
                block[k * Pitch + k] = T.Sqrt(pivot);
            }
            if (y == 0 && x > k && x < count) block[x * Pitch + k] = block[x * Pitch + k] / T.Sqrt(pivot);
            Group.Barrier();
            for (int i = k + 1 + y; i < count; i += Sides)
                if (x > k && x <= i) block[i * Pitch + x] = T.FusedMultiplyAdd(-block[i * Pitch + k], block[x * Pitch + k], block[i * Pitch + x]);
            Group.Barrier();
        }
        for (int i = y; i < count; i += Sides)
            if (x <= i) a[MatrixPlace.At(place, entry, first + i, first + x)] = block[i * Pitch + x];
    }

    /// <summary>The rows below a block: X·Lᵀ = A in place, where L is the factored block of <see cref="Side"/> columns from <paramref name="first"/> on. A work-item takes one row.</summary>
    [Kernel(PanelRows), Instances(typeof(float), typeof(double))]
    public static void CholeskyPanel<T>(ArrayView<T> a, MatrixPlace place, int n, int first) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var block = SharedMemory.Allocate<T>(Side * Side);
        var row = LocalMemory.Allocate<T>(Side);
        int entry = Grid.IdxX, at = first + Side + Grid.IdxY * PanelRows + Group.IdxX;
        for (int i = Group.IdxX; i < Side * Side; i += PanelRows)
            block[i] = i % Side <= i / Side ? a[MatrixPlace.At(place, entry, first + i / Side, first + i % Side)] : T.Zero;
        Group.Barrier();
        if (at < n)
        {
            for (int j = 0; j < Side; j++) row[j] = a[MatrixPlace.At(place, entry, at, first + j)];
            for (int j = 0; j < Side; j++)
            {
                T solved = row[j] / block[j * Side + j];
                row[j] = solved;
                for (int p = j + 1; p < Side; p++) row[p] = T.FusedMultiplyAdd(-solved, block[p * Side + j], row[p]);
            }
            for (int j = 0; j < Side; j++) a[MatrixPlace.At(place, entry, at, first + j)] = row[j];
        }
    }

    /// <summary>What is right of a panel: A −= X·Xᵀ on tiles that reach the lower triangle. A work-item has two rows and two columns of a tile.</summary>
    [Kernel(Half, Half), Instances(typeof(float), typeof(double))]
    public static void CholeskyUpdate<T>(ArrayView<T> a, MatrixPlace place, int n, int first) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var rows = SharedMemory.Allocate<T>(Side * Pitch);
        var columns = SharedMemory.Allocate<T>(Side * Pitch);
        int x = Group.IdxX, y = Group.IdxY, entry = Grid.IdxX, row = first + Side + Grid.IdxY * Side, column = first + Side + Grid.IdxZ * Side;
        bool counts = Grid.IdxZ <= Grid.IdxY;
        for (int i = y * Half + x; i < Side * Side && counts; i += Half * Half)
        {
            int r = i / Side, p = i % Side;
            rows[r * Pitch + p] = row + r < n ? a[MatrixPlace.At(place, entry, row + r, first + p)] : T.Zero;
            columns[r * Pitch + p] = column + r < n ? a[MatrixPlace.At(place, entry, column + r, first + p)] : T.Zero;
        }
        Group.Barrier();
        if (counts)
        {
            T s00 = T.Zero, s01 = T.Zero, s10 = T.Zero, s11 = T.Zero;
            for (int p = 0; p < Side; p++)
            {
                T r0 = rows[y * Pitch + p], r1 = rows[(y + Half) * Pitch + p], c0 = columns[x * Pitch + p], c1 = columns[(x + Half) * Pitch + p];
                s00 = T.FusedMultiplyAdd(r0, c0, s00);
                s01 = T.FusedMultiplyAdd(r0, c1, s01);
                s10 = T.FusedMultiplyAdd(r1, c0, s10);
                s11 = T.FusedMultiplyAdd(r1, c1, s11);
            }
            Subtract(a, place, entry, n, row + y, column + x, s00);
            Subtract(a, place, entry, n, row + y, column + x + Half, s01);
            Subtract(a, place, entry, n, row + y + Half, column + x, s10);
            Subtract(a, place, entry, n, row + y + Half, column + x + Half, s11);
        }
    }

    private static void Subtract<T>(ArrayView<T> a, MatrixPlace place, int entry, int n, int row, int column, T value) where T : unmanaged, INumber<T>
    {
        if (row >= n || column > row) return;
        int at = MatrixPlace.At(place, entry, row, column);
        a[at] = a[at] - value;
    }

    /// <summary>Looks for zeros on the diagonal.</summary>
    [Kernel(256), Instances(typeof(float), typeof(double))]
    public static void FindZeroPivot<T>(ArrayView<T> a, MatrixPlace place, int n, int count, ArrayView<int> fault) where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= count) return;
        int entry = i / n, row = i - entry * n;
        if (a[MatrixPlace.At(place, entry, row, row)] == T.Zero) Atomic.Min(ref fault[0], i);
    }

    /// <summary>
    /// L·X = X in place for lower triangles: upper ones, transposes and the other side are another <see cref="MatrixPlace"/>. A group has 32 rows by 8 right-hand sides:
    /// it takes away what the rows above contribute, tile by tile, then solves its 32 rows one after another, and goes on below. n²m multiply-adds.
    /// </summary>
    [Kernel(Side, Sides), Instances(typeof(float), typeof(double))]
    public static void SolveLower<T>(ArrayView<T> l, MatrixPlace placeL, ArrayView<T> x, MatrixPlace placeX, int n, int m, int unit) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var tile = SharedMemory.Allocate<T>(Side * Pitch);
        var known = SharedMemory.Allocate<T>(Sides * Pitch);
        int r = Group.IdxX, c = Group.IdxY, cuts = (m + Sides - 1) / Sides, entry = Grid.IdxX / cuts, column = (Grid.IdxX - entry * cuts) * Sides + c;
        for (int first = 0; first < n; first += Side)
        {
            int row = first + r;
            T sum = row < n && column < m ? x[MatrixPlace.At(placeX, entry, row, column)] : T.Zero;
            for (int done = 0; done < first; done += Side)
            {
                for (int i = c; i < Side; i += Sides) tile[i * Pitch + r] = first + i < n ? l[MatrixPlace.At(placeL, entry, first + i, done + r)] : T.Zero;
                known[c * Pitch + r] = column < m ? x[MatrixPlace.At(placeX, entry, done + r, column)] : T.Zero;
                Group.Barrier();
                for (int p = 0; p < Side; p++) sum = T.FusedMultiplyAdd(-tile[r * Pitch + p], known[c * Pitch + p], sum);
                Group.Barrier();
            }
            for (int i = c; i < Side; i += Sides)
                tile[i * Pitch + r] = first + i < n && (r < i || r == i && unit == 0) ? l[MatrixPlace.At(placeL, entry, first + i, row)] : T.One;
            Group.Barrier();
            int last = Math.Min(Side, n - first);
            for (int k = 0; k < last; k++)
            {
                if (r == k) known[c * Pitch + k] = sum / tile[k * Pitch + k];
                Group.Barrier();
                if (r > k) sum = T.FusedMultiplyAdd(-tile[r * Pitch + k], known[c * Pitch + k], sum);
            }
            if (row < n && column < m) x[MatrixPlace.At(placeX, entry, row, column)] = known[c * Pitch + r];
            Group.Barrier();
        }
    }
}
