using Nabla.Kernels;
using Nabla.Kernels.Language;

namespace Nabla.Tests.Accelerators;

/// <summary>Kernels for tests of the emulator and of the generator; they are translated when the tests are built.</summary>
internal static partial class EmulatorKernels
{
    public const int Tile = 16;

    /// <summary>Reads one element too far.</summary>
    [Kernel(4)]
    public static void Shift(ArrayView<float> x, ArrayView<float> y)
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        y[i] = x[i + 1];
    }

    /// <summary>Takes a part that is not there.</summary>
    [Kernel(4)]
    public static void Part(ArrayView<float> x, int offset, int length)
    {
        var part = x.SubView(offset, length);
        part[Group.IdxX] = 1;
    }

    /// <summary>Half of the group leaves before the barrier.</summary>
    [Kernel(8)]
    public static void Leave(ArrayView<int> y)
    {
        if (Group.IdxX >= 4) return;
        Group.Barrier();
        y[Group.IdxX] = 1;
    }

    /// <summary>Sums of groups, by halves, in shared memory.</summary>
    [Kernel(64)]
    public static void Sums(ArrayView<int> x, ArrayView<int> y)
    {
        var sums = SharedMemory.Allocate<int>(64);
        var own = LocalMemory.Allocate<int>(2);
        own[0] = Grid.IdxX * 64 + Group.IdxX;
        own[1] = own[0] < x.IntLength ? x[own[0]] : 0;
        sums[Group.IdxX] = own[1];
        Group.Barrier();
        for (int half = 32; half > 0; half /= 2)
        {
            if (Group.IdxX < half) sums[Group.IdxX] += sums[Group.IdxX + half];
            Group.Barrier();
        }
        if (Group.IdxX == 0) y[Grid.IdxX] = sums[0];
    }

    /// <summary>Shared and local memory before anything is written there.</summary>
    [Kernel(2)]
    public static void Unwritten(ArrayView<float> y, ArrayView<double> z)
    {
        var shared = SharedMemory.Allocate<float>(2);
        var local = LocalMemory.Allocate<double>(1);
        y[2 * Grid.IdxX + Group.IdxX] = shared[Group.IdxX];
        z[2 * Grid.IdxX + Group.IdxX] = local[0];
        Group.Barrier();
        shared[Group.IdxX] = 1;
        local[0] = 1;
    }

    /// <summary>Every atomic operation, on elements that all work-items share.</summary>
    [Kernel(32)]
    public static void Atomics(ArrayView<int> i, ArrayView<uint> u, ArrayView<float> f, ArrayView<double> d)
    {
        int k = Grid.GlobalLinearIndex;
        Atomic.Add(ref i[0], k);
        Atomic.Max(ref i[1], k);
        Atomic.Min(ref i[2], -k);
        Atomic.CompareExchange(ref i[3], k, k + 1);
        i[4 + k] = Atomic.Add(ref i[3 + 1 + 128], 1);
        Atomic.Add(ref u[0], (uint)k);
        Atomic.Max(ref u[1], (uint)k);
        Atomic.Min(ref u[2], (uint)k);
        Atomic.Exchange(ref u[3], 7);
        Atomic.Add(ref f[0], 0.5f);
        Atomic.Add(ref d[0], 0.25);
    }

    /// <summary>Where each work-item is.</summary>
    [Kernel(4, 2, 3)]
    public static void Where(ArrayView<int> y)
    {
        int i = Grid.GlobalLinearIndex;
        y[4 * i] = Grid.IdxX + 10 * Grid.IdxY + 100 * Grid.IdxZ;
        y[4 * i + 1] = Group.IdxX + 10 * Group.IdxY + 100 * Group.IdxZ;
        y[4 * i + 2] = Grid.DimX + 10 * Grid.DimY + 100 * Grid.DimZ;
        y[4 * i + 3] = Group.DimX + 10 * Group.DimY + 100 * Group.DimZ;
    }

    /// <summary>C[m, n] = Σₖ A[m, k]·B[k, n], one group for each block of 16 × 16.</summary>
    [Kernel(Tile, Tile)]
    public static void MatMul(ArrayView<float> a, ArrayView<float> b, ArrayView<float> c, int m, int n, int k)
    {
        var aTile = SharedMemory.Allocate<float>(Tile * Tile);
        var bTile = SharedMemory.Allocate<float>(Tile * Tile);
        int x = Group.IdxX, y = Group.IdxY;
        int row = Grid.IdxY * Tile + y, column = Grid.IdxX * Tile + x;
        float sum = 0;
        for (int k0 = 0; k0 < k; k0 += Tile)
        {
            aTile[y * Tile + x] = row < m && k0 + x < k ? a[row * k + k0 + x] : 0;
            bTile[y * Tile + x] = column < n && k0 + y < k ? b[(k0 + y) * n + column] : 0;
            Group.Barrier();
            for (int i = 0; i < Tile; i++) sum += aTile[y * Tile + i] * bTile[i * Tile + x];
            Group.Barrier();
        }
        if (row < m && column < n) c[row * n + column] = sum;
    }

    /// <summary>
    /// Rows of 64 elements in reverse order, zeros where x has ended: two rows are on their way to shared memory while a third is read. A fault leaves out the wait (1), the barrier after it (2),
    /// or the one before a place is used again (3).
    /// </summary>
    [Kernel(16), Instances(typeof(float), typeof(double))]
    public static void Reversed<T>(ArrayView<T> x, ArrayView<T> y, int rows, int fault) where T : unmanaged
    {
        var ring = SharedMemory.Allocate<T>(3 * 64);
        int item = Group.IdxX;
        for (int row = 0; row < rows + 2; row++)
        {
            int first = row * 64, to = row % 3 * 64;
            if (row < rows && row % 2 == 0) AsyncCopy.Four(x, first + 4 * item, ring, to + 4 * item, Math.Clamp(x.IntLength - first - 4 * item, 0, 4));
            if (row < rows && row % 2 == 1)
                for (int i = 0; i < 4; i++) AsyncCopy.One(x, first + 16 * i + item, ring, to + 16 * i + item, first + 16 * i + item < x.IntLength);
            AsyncCopy.Commit();
            if (row < 2) continue;
            if (fault != 1) AsyncCopy.Wait(2);
            if (fault != 2) Group.Barrier();
            for (int i = 0; i < 4; i++) y[first - 128 + 16 * i + item] = ring[(row - 2) % 3 * 64 + 63 - 16 * i - item];
            if (fault != 3) Group.Barrier();
        }
    }
}
