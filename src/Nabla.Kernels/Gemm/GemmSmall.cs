using System.Numerics;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// C = A·B or C += A·B where the operands stay in the caches: register tiles read A where it is, and B too unless its columns are not adjacent. One thread,
/// one pass over k, nothing prepared.
/// </summary>
internal static unsafe class GemmSmall
{
    /// <summary>
    /// True if this way is faster than packing: measured on a Xeon with AVX-512 and 2 MB of L2 for squares, packing A pays from about 192 columns on, threads
    /// from about 100³ multiply-adds.
    /// </summary>
    public static bool Fits(in GemmProblem g, int elementSize) =>
        g.M * g.N * g.K < GemmConfig.ParallelFrom && g.N < GemmConfig.PackAFromColumns && g.K * g.N * elementSize <= GemmConfig.PackBFromBytes && g.K > 0;

    /// <summary>Runs one product on the path in use. Few columns take vectors of half the width, if those hold them.</summary>
    public static void Run<T>(T* a, T* b, T* c, in GemmProblem g) where T : unmanaged, INumber<T>
    {
        GemmPath path = GemmConfig.Path;
        if (path == GemmPath.Avx512 && g.N > Vector256<T>.Count) GemmSmall<T, Vector512<T>, Simd512<T>>.Run(a, b, c, g, 14);
        else if (path == GemmPath.Avx512) GemmSmall<T, Vector256<T>, Simd256<T>>.Run(a, b, c, g, 14);
        else if (path == GemmPath.Avx2) GemmSmall<T, Vector256<T>, Simd256<T>>.Run(a, b, c, g, 6);
        else GemmSmall<T, Vector128<T>, Simd128<T>>.Run(a, b, c, g, 6);
    }
}

/// <inheritdoc cref="GemmSmall"/>
internal static unsafe class GemmSmall<T, V, S>
    where T : unmanaged, INumber<T> where V : unmanaged where S : struct, IGemmVector<T, V>
{
    /// <summary>Tiles of at most <paramref name="height"/> rows by two vectors or, where registers allow and there are columns, half as high and twice as wide.</summary>
    public static void Run(T* a, T* b, T* c, in GemmProblem g, int height)
    {
        int n = (int)g.N, wide = !g.Lower && height > WideMicroKernel<T, V, S>.MaxRows ? 4 * S.Width : 0;
        bool packB = g.ColumnStrideB != 1;
        T* packed = packB ? Scratch.Get<T>(Scratch.Slot.PackedB, g.K * Math.Max(wide, 2 * S.Width)) : null;
        for (int column = 0; column < n;)
        {
            bool isWide = wide > 0 && n - column > 2 * S.Width;
            int columns = Math.Min(isWide ? wide : 2 * S.Width, n - column);
            T* right = b + column * (nint)g.ColumnStrideB;
            nint ldb = (nint)g.RowStrideB;
            if (packB)
            {
                Pack.Panel(right, (nint)g.ColumnStrideB, ldb, columns, (nint)g.K, packed, columns);
                right = packed;
                ldb = columns;
            }
            int first = g.Lower ? column : 0;
            Strip(a, right, ldb, c + column, g, first, columns, isWide ? WideMicroKernel<T, V, S>.MaxRows : height,
                isWide ? MicroKernels<T, V, S>.OfWideColumns(columns) : MicroKernels<T, V, S>.OfColumns(columns, packed: false));
            column += columns;
        }
    }

    private static void Strip(T* a, T* b, nint ldb, T* c, in GemmProblem g, int first, int columns, int height, void** kernels)
    {
        int m = (int)g.M - first, panels = (m + height - 1) / height, start = first;
        nint depth = (nint)g.K, rowStrideA = (nint)g.RowStrideA, columnStrideA = (nint)g.ColumnStrideA, ldc = (nint)g.Ldc;
        for (int panel = 1; panel <= panels; panel++)
        {
            int end = first + m * panel / panels;
            MicroKernels<T, V, S>.OfRows(kernels, end - start)(
                depth, a + start * rowStrideA, rowStrideA, columnStrideA, b, ldb, c + start * ldc, ldc, columns, g.Accumulate);
            start = end;
        }
    }
}
