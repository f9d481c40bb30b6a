using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

/// <summary>A number known to the compiler: rows of a register tile.</summary>
internal interface IRows
{
    static abstract int Count { get; }
}

/// <summary>How many vectors a row of a register tile has, and whether the last one is partial; known to the compiler.</summary>
internal interface IColumns
{
    static abstract bool Two { get; }
    static abstract bool Partial { get; }
}

/// <summary>Whether A is packed (rows of the tile adjacent) or read through its strides; known to the compiler.</summary>
internal interface ISource
{
    static abstract bool Packed { get; }
}

/// <summary>
/// The register tile: C[rows, columns] (+)= Σₚ A[:, p]·B[p, :], at most 14 rows by two vectors. Each step loads one row of B (one or two
/// vectors), broadcasts an element of A for each row, and does one multiply-add a vector: 2·14·2 flops a lane for 16 loads.
/// With AVX-512 14 × 2 vectors leave 28 of 32 registers for sums; with AVX2 6 × 2 leave 12 of 16. The sums of one tile stay in
/// registers for all of p, so the order of additions is that of p whatever the tile. With AVX-512, multiply-adds of every second row take the element of A
/// from memory: 7 instructions fewer for 7 loads more. What a step takes is then less bound by how many instructions a core starts, which
/// matters where the core is shared with another thread (70–72 % of the machine's roof became 84–88 %).
/// </summary>
/// <remarks>
/// One body serves all sizes and instruction sets: the type arguments are constants, and the compiler drops the rows that are not there.
/// Source: F. Van Zee and R. van de Geijn, BLIS (ACM TOMS 2015), §4; T. Low et al., Analytical modeling is enough (ACM TOMS 2016).
/// </remarks>
internal static unsafe class MicroKernel<T, V, S>
    where T : unmanaged where V : unmanaged where S : struct, IGemmVector<T, V>
{
    /// <summary>
    /// Element (i, p) of A is at <c>a[i·rowStride + p·depthStride]</c>, row p of B at <c>b + p·ldb</c>, row i of C at <c>c + i·ldc</c>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tile<R, W, P>(
        nint depth, T* a, nint rowStride, nint depthStride, T* b, nint ldb, T* c, nint ldc, int columns, bool accumulate)
        where R : struct, IRows where W : struct, IColumns where P : struct, ISource
    {
        int last = W.Two ? columns - S.Width : columns;
        V mask = W.Partial ? S.Mask(last) : default;
        nint r1 = rowStride * sizeof(T), r3 = 3 * r1, r5 = 5 * r1, r7 = 7 * r1, r9 = 9 * r1, r11 = 11 * r1, r13 = 13 * r1;
        if (P.Packed) depthStride = R.Count;
        T* again = a;
        V x0 = default, y0 = default;
        V x1 = default, y1 = default;
        V x2 = default, y2 = default;
        V x3 = default, y3 = default;
        V x4 = default, y4 = default;
        V x5 = default, y5 = default;
        V x6 = default, y6 = default;
        V x7 = default, y7 = default;
        V x8 = default, y8 = default;
        V x9 = default, y9 = default;
        V x10 = default, y10 = default;
        V x11 = default, y11 = default;
        V x12 = default, y12 = default;
        V x13 = default, y13 = default;
        for (nint p = depth; p != 0; p--)
        {
            V u = !W.Two && W.Partial ? S.LoadPart(b, mask, last) : S.Load(b), v = default;
            if (W.Two) v = W.Partial ? S.LoadPart(b + S.Width, mask, last) : S.Load(b + S.Width);
            Row<W, P>(a, again, 0, 0, u, v, ref x0, ref y0);
            if (R.Count > 1) Row<W, P>(a, a, 1, r1, u, v, ref x1, ref y1);
            if (R.Count > 2) Row<W, P>(a, again, 2, 2 * r1, u, v, ref x2, ref y2);
            if (R.Count > 3) Row<W, P>(a, a, 3, r3, u, v, ref x3, ref y3);
            if (R.Count > 4) Row<W, P>(a, again, 4, 4 * r1, u, v, ref x4, ref y4);
            if (R.Count > 5) Row<W, P>(a, a, 5, r5, u, v, ref x5, ref y5);
            if (R.Count > 6) Row<W, P>(a, again, 6, 2 * r3, u, v, ref x6, ref y6);
            if (R.Count > 7) Row<W, P>(a, a, 7, r7, u, v, ref x7, ref y7);
            if (R.Count > 8) Row<W, P>(a, again, 8, 8 * r1, u, v, ref x8, ref y8);
            if (R.Count > 9) Row<W, P>(a, a, 9, r9, u, v, ref x9, ref y9);
            if (R.Count > 10) Row<W, P>(a, again, 10, 2 * r5, u, v, ref x10, ref y10);
            if (R.Count > 11) Row<W, P>(a, a, 11, r11, u, v, ref x11, ref y11);
            if (R.Count > 12) Row<W, P>(a, again, 12, 4 * r3, u, v, ref x12, ref y12);
            if (R.Count > 13) Row<W, P>(a, a, 13, r13, u, v, ref x13, ref y13);
            b += ldb;
            a += depthStride;
            again += depthStride;
        }
        if (accumulate)
        {
            AddTo<W>(c, x0, y0, mask, last);
            if (R.Count > 1) AddTo<W>(c + ldc, x1, y1, mask, last);
            if (R.Count > 2) AddTo<W>(c + 2 * ldc, x2, y2, mask, last);
            if (R.Count > 3) AddTo<W>(c + 3 * ldc, x3, y3, mask, last);
            if (R.Count > 4) AddTo<W>(c + 4 * ldc, x4, y4, mask, last);
            if (R.Count > 5) AddTo<W>(c + 5 * ldc, x5, y5, mask, last);
            if (R.Count > 6) AddTo<W>(c + 6 * ldc, x6, y6, mask, last);
            if (R.Count > 7) AddTo<W>(c + 7 * ldc, x7, y7, mask, last);
            if (R.Count > 8) AddTo<W>(c + 8 * ldc, x8, y8, mask, last);
            if (R.Count > 9) AddTo<W>(c + 9 * ldc, x9, y9, mask, last);
            if (R.Count > 10) AddTo<W>(c + 10 * ldc, x10, y10, mask, last);
            if (R.Count > 11) AddTo<W>(c + 11 * ldc, x11, y11, mask, last);
            if (R.Count > 12) AddTo<W>(c + 12 * ldc, x12, y12, mask, last);
            if (R.Count > 13) AddTo<W>(c + 13 * ldc, x13, y13, mask, last);
        }
        else
        {
            Put<W>(c, x0, y0, mask, last);
            if (R.Count > 1) Put<W>(c + ldc, x1, y1, mask, last);
            if (R.Count > 2) Put<W>(c + 2 * ldc, x2, y2, mask, last);
            if (R.Count > 3) Put<W>(c + 3 * ldc, x3, y3, mask, last);
            if (R.Count > 4) Put<W>(c + 4 * ldc, x4, y4, mask, last);
            if (R.Count > 5) Put<W>(c + 5 * ldc, x5, y5, mask, last);
            if (R.Count > 6) Put<W>(c + 6 * ldc, x6, y6, mask, last);
            if (R.Count > 7) Put<W>(c + 7 * ldc, x7, y7, mask, last);
            if (R.Count > 8) Put<W>(c + 8 * ldc, x8, y8, mask, last);
            if (R.Count > 9) Put<W>(c + 9 * ldc, x9, y9, mask, last);
            if (R.Count > 10) Put<W>(c + 10 * ldc, x10, y10, mask, last);
            if (R.Count > 11) Put<W>(c + 11 * ldc, x11, y11, mask, last);
            if (R.Count > 12) Put<W>(c + 12 * ldc, x12, y12, mask, last);
            if (R.Count > 13) Put<W>(c + 13 * ldc, x13, y13, mask, last);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T* At<P>(T* a, int row, nint offset) where P : struct, ISource => P.Packed ? a + row : (T*)((byte*)a + offset);

    // Row i of the tile: x += A[i, p]·u, y += A[i, p]·v. With another pointer to A for y the compiler takes the element from memory again instead of from a register.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row<W, P>(T* a, T* again, int i, nint offset, V u, V v, ref V x, ref V y) where W : struct, IColumns where P : struct, ISource
    {
        V s = S.Broadcast(At<P>(a, i, offset));
        x = S.MultiplyAdd(s, u, x);
        if (W.Two) y = S.MultiplyAdd(P.Packed && S.BroadcastsFromMemory ? S.Broadcast(again + i) : s, v, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTo<W>(T* c, V x, V y, V mask, int last) where W : struct, IColumns
    {
        if (W.Two) S.Store(c, S.Add(S.Load(c), x));
        T* end = W.Two ? c + S.Width : c;
        V rest = W.Two ? y : x;
        if (W.Partial) S.StorePart(end, S.Add(S.LoadPart(end, mask, last), rest), mask, last);
        else S.Store(end, S.Add(S.Load(end), rest));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<W>(T* c, V x, V y, V mask, int last) where W : struct, IColumns
    {
        if (W.Two) S.Store(c, x);
        T* end = W.Two ? c + S.Width : c;
        V rest = W.Two ? y : x;
        if (W.Partial) S.StorePart(end, rest, mask, last);
        else S.Store(end, rest);
    }
}
