using Nabla.Kernels;
using Nabla.Kernels.Language;

#pragma warning disable IDE0130 // The tests compile it too, and have another Bench.
namespace Nabla.WorkedExample;

/// <summary>
/// The worked example of docs/kernels.md: c = a·b for row-major matrices of n × n elements, n a multiple of 192, in steps from the definition to registers and vectors. The page shows these methods as
/// they stand here.
/// </summary>
internal static partial class MatMulSteps
{
    [Kernel(256)]
    public static void Naive(ArrayView<float> a, ArrayView<float> b, ArrayView<float> c, int n)
    {
        int index = Grid.IdxX * Group.DimX + Group.IdxX, row = index % n, column = index / n;
        float sum = 0;
        for (int p = 0; p < n; p++) sum = MathF.FusedMultiplyAdd(a[row * n + p], b[p * n + column], sum);
        c[row * n + column] = sum;
    }

    [Kernel(256)]
    public static void Coalesced(ArrayView<float> a, ArrayView<float> b, ArrayView<float> c, int n)
    {
        int index = Grid.IdxX * Group.DimX + Group.IdxX, row = index / n, column = index % n;
        float sum = 0;
        for (int p = 0; p < n; p++) sum = MathF.FusedMultiplyAdd(a[row * n + p], b[p * n + column], sum);
        c[row * n + column] = sum;
    }

    [Kernel(16, 16)]
    public static void SharedTile(ArrayView<float> a, ArrayView<float> b, ArrayView<float> c, int n)
    {
        var tileA = SharedMemory.Allocate<float>(16 * 16);
        var tileB = SharedMemory.Allocate<float>(16 * 16);
        int x = Group.IdxX, y = Group.IdxY, row = Grid.IdxY * 16 + y, column = Grid.IdxX * 16 + x;
        float sum = 0;
        for (int first = 0; first < n; first += 16)
        {
            tileA[y * 16 + x] = a[row * n + first + x];
            tileB[y * 16 + x] = b[(first + y) * n + column];
            Group.Barrier();
            for (int p = 0; p < 16; p++) sum = MathF.FusedMultiplyAdd(tileA[y * 16 + p], tileB[p * 16 + x], sum);
            Group.Barrier();
        }
        c[row * n + column] = sum;
    }

    [Kernel(16, 16)]
    public static void RegisterTile(ArrayView<float> a, ArrayView<float> b, ArrayView<float> c, int n)
    {
        var tileA = SharedMemory.Allocate<float>(16 * 64);
        var tileB = SharedMemory.Allocate<float>(16 * 64);
        var sum = LocalMemory.Allocate<float>(16);
        int x = Group.IdxX, y = Group.IdxY, row = Grid.IdxY * 64, column = Grid.IdxX * 64;
        for (int i = 0; i < 16; i++) sum[i] = 0;
        for (int first = 0; first < n; first += 16)
        {
            for (int i = 0; i < 4; i++)
            {
                tileA[x * 64 + i * 16 + y] = a[(row + i * 16 + y) * n + first + x];
                tileB[y * 64 + i * 16 + x] = b[(first + y) * n + column + i * 16 + x];
            }
            Group.Barrier();
            for (int p = 0; p < 16; p++)
                for (int i = 0; i < 4; i++)
                    for (int j = 0; j < 4; j++)
                        sum[i * 4 + j] = MathF.FusedMultiplyAdd(tileA[p * 64 + y * 4 + i], tileB[p * 64 + j * 16 + x], sum[i * 4 + j]);
            Group.Barrier();
        }
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) c[(row + y * 4 + i) * n + column + j * 16 + x] = sum[i * 4 + j];
    }

    [Kernel(16, 16)]
    public static void VectorLoads(ArrayView<float> a, ArrayView<float> b, ArrayView<float> c, int n)
    {
        var tileA = SharedMemory.Allocate<float>(16 * 68);
        var tileB = SharedMemory.Allocate<float>(16 * 68);
        var left = LocalMemory.Allocate<float>(4);
        var right = LocalMemory.Allocate<float>(4);
        var sum = LocalMemory.Allocate<float>(16);
        int x = Group.IdxX, y = Group.IdxY, item = y * 16 + x, row = Grid.IdxY * 64, column = Grid.IdxX * 64;
        for (int i = 0; i < 16; i++) sum[i] = 0;
        for (int first = 0; first < n; first += 16)
        {
            Vectors.Move4(a, (row + item / 4) * n + first + item % 4 * 4, left, 0);
            for (int i = 0; i < 4; i++) tileA[(item % 4 * 4 + i) * 68 + item / 4] = left[i];
            Vectors.Move4(b, (first + y) * n + column + x * 4, tileB, y * 68 + x * 4);
            Group.Barrier();
            for (int p = 0; p < 16; p++)
            {
                Vectors.Move4(tileA, p * 68 + y * 4, left, 0);
                Vectors.Move4(tileB, p * 68 + x * 4, right, 0);
                for (int i = 0; i < 4; i++)
                    for (int j = 0; j < 4; j++) sum[i * 4 + j] = MathF.FusedMultiplyAdd(left[i], right[j], sum[i * 4 + j]);
            }
            Group.Barrier();
        }
        for (int i = 0; i < 4; i++)
        {
            for (int j = 0; j < 4; j++) right[j] = sum[i * 4 + j];
            Vectors.Move4(right, 0, c, (row + y * 4 + i) * n + column + x * 4);
        }
    }

    [Kernel(16, 16)]
    public static void CopiesAhead(ArrayView<float> a, ArrayView<float> b, ArrayView<float> c, int n)
    {
        var tiles = SharedMemory.Allocate<float>(4 * 16 * 68);
        var left = LocalMemory.Allocate<float>(4);
        var right = LocalMemory.Allocate<float>(4);
        var sum = LocalMemory.Allocate<float>(16);
        int x = Group.IdxX, y = Group.IdxY, row = Grid.IdxY * 64, column = Grid.IdxX * 64, to = 0;
        for (int i = 0; i < 16; i++) sum[i] = 0;
        for (int next = 0; next < n + 16; next += 16)
        {
            if (next < n)
            {
                for (int i = 0; i < 4; i++) AsyncCopy.One(a, (row + i * 16 + y) * n + next + x, tiles, to + x * 68 + i * 16 + y, true);
                AsyncCopy.Four(b, (next + y) * n + column + x * 4, tiles, to + 16 * 68 + y * 68 + x * 4, 4);
            }
            AsyncCopy.Commit();
            to = 2 * 16 * 68 - to;
            if (next == 0) continue;
            AsyncCopy.Wait(1);
            Group.Barrier();
            for (int p = 0; p < 16; p++)
            {
                Vectors.Move4(tiles, to + p * 68 + y * 4, left, 0);
                Vectors.Move4(tiles, to + 16 * 68 + p * 68 + x * 4, right, 0);
                for (int i = 0; i < 4; i++)
                    for (int j = 0; j < 4; j++) sum[i * 4 + j] = MathF.FusedMultiplyAdd(left[i], right[j], sum[i * 4 + j]);
            }
            Group.Barrier();
        }
        for (int i = 0; i < 4; i++)
        {
            for (int j = 0; j < 4; j++) right[j] = sum[i * 4 + j];
            Vectors.Move4(right, 0, c, (row + y * 4 + i) * n + column + x * 4);
        }
    }

    [Kernel(1)]
    public static void Strips(ArrayView<float> a, ArrayView<float> b, ArrayView<float> c, int n)
    {
        var sum = LocalMemory.Allocate<float>(6 * 32);
        int row = Grid.IdxY * 6, column = Grid.IdxX * 32;
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < Vectors.Lanes(32); j++) sum[i * 32 + j] = 0;
        for (int p = 0; p < n; p++)
        {
            for (int i = 0; i < 6; i++)
            {
                float x = a[(row + i) * n + p];
                for (int j = 0; j < Vectors.Lanes(32); j++) sum[i * 32 + j] = MathF.FusedMultiplyAdd(x, b[p * n + column + j], sum[i * 32 + j]);
            }
        }
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < Vectors.Lanes(32); j++) c[(row + i) * n + column + j] = sum[i * 32 + j];
    }

    /// <summary>A step: its name in the table, and its launch.</summary>
    internal delegate void Launch(Accelerator device, DeviceView a, DeviceView b, DeviceView c, int n);

    /// <summary>All steps in their order.</summary>
    internal static (string Name, Launch Launch)[] All { get; } =
    [
        ("naive", (device, a, b, c, n) => LaunchNaive(device, n * n / 256, 1, 1, a, b, c, n)),
        ("coalesced", (device, a, b, c, n) => LaunchCoalesced(device, n * n / 256, 1, 1, a, b, c, n)),
        ("shared tile", (device, a, b, c, n) => LaunchSharedTile(device, n / 16, n / 16, 1, a, b, c, n)),
        ("register tile", (device, a, b, c, n) => LaunchRegisterTile(device, n / 64, n / 64, 1, a, b, c, n)),
        ("vector loads", (device, a, b, c, n) => LaunchVectorLoads(device, n / 64, n / 64, 1, a, b, c, n)),
        ("copies ahead", (device, a, b, c, n) => LaunchCopiesAhead(device, n / 64, n / 64, 1, a, b, c, n)),
        ("strips", (device, a, b, c, n) => LaunchStrips(device, n / 32, n / 6, 1, a, b, c, n)),
    ];
}
