using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

/// <summary>How many vectors a row of a wide register tile has, three or four, and whether the last one is partial; known to the compiler.</summary>
internal interface IWideColumns
{
    static abstract bool Four { get; }
    static abstract bool Partial { get; }
}

/// <summary>
/// A register tile of at most 7 rows by three or four vectors: 11 loads for 28 multiply-adds where 14 × 2 takes 16, and half as many rows of A to read from,
/// which counts where A is not packed. With packed A the panel of B would no longer stay in the L1 cache. Otherwise as <see cref="MicroKernel{T, V, S}"/>.
/// </summary>
internal static unsafe class WideMicroKernel<T, V, S>
    where T : unmanaged where V : unmanaged where S : struct, IGemmVector<T, V>
{
    /// <summary>Rows of a tile at most.</summary>
    public const int MaxRows = 7;

    /// <inheritdoc cref="MicroKernel{T, V, S}.Tile"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tile<R, W>(nint depth, T* a, nint rowStride, nint depthStride, T* b, nint ldb, T* c, nint ldc, int columns, bool accumulate)
        where R : struct, IRows where W : struct, IWideColumns
    {
        int last = columns - (W.Four ? 3 : 2) * S.Width;
        V mask = W.Partial ? S.Mask(last) : default;
        nint r1 = rowStride * sizeof(T), r3 = 3 * r1, r5 = 5 * r1;
        V x0 = default, y0 = default, z0 = default, w0 = default;
        V x1 = default, y1 = default, z1 = default, w1 = default;
        V x2 = default, y2 = default, z2 = default, w2 = default;
        V x3 = default, y3 = default, z3 = default, w3 = default;
        V x4 = default, y4 = default, z4 = default, w4 = default;
        V x5 = default, y5 = default, z5 = default, w5 = default;
        V x6 = default, y6 = default, z6 = default, w6 = default;
        for (nint p = depth; p > 0; p--)
        {
            V k = S.Load(b), l = S.Load(b + S.Width), m, n = default, s;
            if (W.Four)
            {
                m = S.Load(b + 2 * S.Width);
                n = W.Partial ? S.LoadPart(b + 3 * S.Width, mask, last) : S.Load(b + 3 * S.Width);
            }
            else m = W.Partial ? S.LoadPart(b + 2 * S.Width, mask, last) : S.Load(b + 2 * S.Width);
            { s = S.Broadcast(a); x0 = S.MultiplyAdd(s, k, x0); y0 = S.MultiplyAdd(s, l, y0); z0 = S.MultiplyAdd(s, m, z0); if (W.Four) w0 = S.MultiplyAdd(s, n, w0); }
            if (R.Count > 1) { s = S.Broadcast((T*)((byte*)a + r1)); x1 = S.MultiplyAdd(s, k, x1); y1 = S.MultiplyAdd(s, l, y1); z1 = S.MultiplyAdd(s, m, z1); if (W.Four) w1 = S.MultiplyAdd(s, n, w1); }
            if (R.Count > 2) { s = S.Broadcast((T*)((byte*)a + 2 * r1)); x2 = S.MultiplyAdd(s, k, x2); y2 = S.MultiplyAdd(s, l, y2); z2 = S.MultiplyAdd(s, m, z2); if (W.Four) w2 = S.MultiplyAdd(s, n, w2); }
            if (R.Count > 3) { s = S.Broadcast((T*)((byte*)a + r3)); x3 = S.MultiplyAdd(s, k, x3); y3 = S.MultiplyAdd(s, l, y3); z3 = S.MultiplyAdd(s, m, z3); if (W.Four) w3 = S.MultiplyAdd(s, n, w3); }
            if (R.Count > 4) { s = S.Broadcast((T*)((byte*)a + 4 * r1)); x4 = S.MultiplyAdd(s, k, x4); y4 = S.MultiplyAdd(s, l, y4); z4 = S.MultiplyAdd(s, m, z4); if (W.Four) w4 = S.MultiplyAdd(s, n, w4); }
            if (R.Count > 5) { s = S.Broadcast((T*)((byte*)a + r5)); x5 = S.MultiplyAdd(s, k, x5); y5 = S.MultiplyAdd(s, l, y5); z5 = S.MultiplyAdd(s, m, z5); if (W.Four) w5 = S.MultiplyAdd(s, n, w5); }
            if (R.Count > 6) { s = S.Broadcast((T*)((byte*)a + 2 * r3)); x6 = S.MultiplyAdd(s, k, x6); y6 = S.MultiplyAdd(s, l, y6); z6 = S.MultiplyAdd(s, m, z6); if (W.Four) w6 = S.MultiplyAdd(s, n, w6); }
            b += ldb;
            a += depthStride;
        }
        Put<W>(c, x0, y0, z0, w0, mask, last, accumulate);
        if (R.Count > 1) Put<W>(c + ldc, x1, y1, z1, w1, mask, last, accumulate);
        if (R.Count > 2) Put<W>(c + 2 * ldc, x2, y2, z2, w2, mask, last, accumulate);
        if (R.Count > 3) Put<W>(c + 3 * ldc, x3, y3, z3, w3, mask, last, accumulate);
        if (R.Count > 4) Put<W>(c + 4 * ldc, x4, y4, z4, w4, mask, last, accumulate);
        if (R.Count > 5) Put<W>(c + 5 * ldc, x5, y5, z5, w5, mask, last, accumulate);
        if (R.Count > 6) Put<W>(c + 6 * ldc, x6, y6, z6, w6, mask, last, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<W>(T* c, V x, V y, V z, V w, V mask, int last, bool accumulate) where W : struct, IWideColumns
    {
        T* end = c + (W.Four ? 3 : 2) * S.Width;
        V rest = W.Four ? w : z;
        if (accumulate)
        {
            x = S.Add(S.Load(c), x);
            y = S.Add(S.Load(c + S.Width), y);
            if (W.Four) z = S.Add(S.Load(c + 2 * S.Width), z);
            rest = S.Add(W.Partial ? S.LoadPart(end, mask, last) : S.Load(end), rest);
        }
        S.Store(c, x);
        S.Store(c + S.Width, y);
        if (W.Four) S.Store(c + 2 * S.Width, z);
        if (W.Partial) S.StorePart(end, rest, mask, last);
        else S.Store(end, rest);
    }
}
