using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

/// <summary>Transforms of r numbers, a vector of them at once.</summary>
internal unsafe interface IRadix<T> where T : unmanaged
{
    /// <summary>
    /// yₖ = wₖ·Σⱼ xⱼ·e^(−2πijk/r) for one vector of transforms; inputs lie xs apart, outputs ys apart.
    /// </summary>
    /// <param name="xr">Real part of x₀.</param>
    /// <param name="xi">Imaginary part of x₀.</param>
    /// <param name="xs">Distance from xⱼ to xⱼ₊₁.</param>
    /// <param name="yr">Real part of y₀.</param>
    /// <param name="yi">Imaginary part of y₀.</param>
    /// <param name="ys">Distance from yₖ to yₖ₊₁.</param>
    /// <param name="w">Vectors of w₁, real and imaginary, then w₂, …; null: all are 1.</param>
    /// <param name="roots">e^(−2πij/r): r real parts, then r imaginary ones.</param>
    /// <param name="radix">r.</param>
    static abstract void Step(T* xr, T* xi, nint xs, T* yr, T* yi, nint ys, T* w, T* roots, int radix);
}

/// <summary>What the radices share.</summary>
internal static unsafe class RadixStore<V, T> where V : struct, ILanes<V, T> where T : unmanaged
{
    /// <summary>Stores (r + i·im)·wₖ as yₖ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Put(V r, V i, int k, T* yr, T* yi, nint ys, T* w)
    {
        if (w != null)
        {
            V c = V.Load(w + 2 * (k - 1) * V.Count), d = V.Load(w + (2 * k - 1) * V.Count);
            (r, i) = (V.MulAdd(r, c, default(V) - i * d), V.MulAdd(r, d, i * c));
        }
        r.Store(yr + k * ys);
        i.Store(yi + k * ys);
    }
}

internal readonly unsafe struct Radix2<V, T> : IRadix<T> where V : struct, ILanes<V, T> where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Step(T* xr, T* xi, nint xs, T* yr, T* yi, nint ys, T* w, T* roots, int radix)
    {
        V ar = V.Load(xr), ai = V.Load(xi), br = V.Load(xr + xs), bi = V.Load(xi + xs);
        (ar + br).Store(yr);
        (ai + bi).Store(yi);
        RadixStore<V, T>.Put(ar - br, ai - bi, 1, yr, yi, ys, w);
    }
}

internal readonly unsafe struct Radix3<V, T> : IRadix<T> where V : struct, ILanes<V, T> where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Step(T* xr, T* xi, nint xs, T* yr, T* yi, nint ys, T* w, T* roots, int radix)
    {
        V cosine = V.Create(roots[1]), sine = V.Create(roots[4]);
        V ar = V.Load(xr), ai = V.Load(xi), br = V.Load(xr + xs), bi = V.Load(xi + xs), cr = V.Load(xr + 2 * xs), ci = V.Load(xi + 2 * xs);
        V tr = br + cr, ti = bi + ci, ur = (br - cr) * sine, ui = (bi - ci) * sine;
        (ar + tr).Store(yr);
        (ai + ti).Store(yi);
        V mr = V.MulAdd(tr, cosine, ar), mi = V.MulAdd(ti, cosine, ai);
        RadixStore<V, T>.Put(mr - ui, mi + ur, 1, yr, yi, ys, w);
        RadixStore<V, T>.Put(mr + ui, mi - ur, 2, yr, yi, ys, w);
    }
}

internal readonly unsafe struct Radix4<V, T> : IRadix<T> where V : struct, ILanes<V, T> where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Step(T* xr, T* xi, nint xs, T* yr, T* yi, nint ys, T* w, T* roots, int radix)
    {
        V ar = V.Load(xr), ai = V.Load(xi), br = V.Load(xr + xs), bi = V.Load(xi + xs);
        V cr = V.Load(xr + 2 * xs), ci = V.Load(xi + 2 * xs), dr = V.Load(xr + 3 * xs), di = V.Load(xi + 3 * xs);
        V er = ar + cr, ei = ai + ci, fr = ar - cr, fi = ai - ci, gr = br + dr, gi = bi + di, hr = br - dr, hi = bi - di;
        (er + gr).Store(yr);
        (ei + gi).Store(yi);
        RadixStore<V, T>.Put(fr + hi, fi - hr, 1, yr, yi, ys, w);
        RadixStore<V, T>.Put(er - gr, ei - gi, 2, yr, yi, ys, w);
        RadixStore<V, T>.Put(fr - hi, fi + hr, 3, yr, yi, ys, w);
    }
}

internal readonly unsafe struct Radix5<V, T> : IRadix<T> where V : struct, ILanes<V, T> where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Step(T* xr, T* xi, nint xs, T* yr, T* yi, nint ys, T* w, T* roots, int radix)
    {
        V c1 = V.Create(roots[1]), c2 = V.Create(roots[2]), s1 = V.Create(roots[6]), s2 = V.Create(roots[7]);
        V ar = V.Load(xr), br = V.Load(xr + xs), cr = V.Load(xr + 2 * xs), dr = V.Load(xr + 3 * xs), er = V.Load(xr + 4 * xs);
        V ai = V.Load(xi), bi = V.Load(xi + xs), ci = V.Load(xi + 2 * xs), di = V.Load(xi + 3 * xs), ei = V.Load(xi + 4 * xs);
        V tr = br + er, ti = bi + ei, ur = br - er, ui = bi - ei, pr = cr + dr, pi = ci + di, qr = cr - dr, qi = ci - di;
        (ar + (tr + pr)).Store(yr);
        (ai + (ti + pi)).Store(yi);
        V mr = V.MulAdd(tr, c1, V.MulAdd(pr, c2, ar)), mi = V.MulAdd(ti, c1, V.MulAdd(pi, c2, ai));
        V nr = V.MulAdd(ur, s1, qr * s2), ni = V.MulAdd(ui, s1, qi * s2);
        RadixStore<V, T>.Put(mr - ni, mi + nr, 1, yr, yi, ys, w);
        RadixStore<V, T>.Put(mr + ni, mi - nr, 4, yr, yi, ys, w);
        mr = V.MulAdd(tr, c2, V.MulAdd(pr, c1, ar));
        mi = V.MulAdd(ti, c2, V.MulAdd(pi, c1, ai));
        nr = V.MulAdd(ur, s2, default(V) - qr * s1);
        ni = V.MulAdd(ui, s2, default(V) - qi * s1);
        RadixStore<V, T>.Put(mr - ni, mi + nr, 2, yr, yi, ys, w);
        RadixStore<V, T>.Put(mr + ni, mi - nr, 3, yr, yi, ys, w);
    }
}

/// <summary>Two transforms of four, of the sums and of the turned differences.</summary>
internal readonly unsafe struct Radix8<V, T> : IRadix<T> where V : struct, ILanes<V, T> where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Step(T* xr, T* xi, nint xs, T* yr, T* yi, nint ys, T* w, T* roots, int radix)
    {
        Split(xr, xi, xs, 0, out V a0r, out V a0i, out V b0r, out V b0i);
        Split(xr, xi, xs, 1, out V a1r, out V a1i, out V b1r, out V b1i);
        Split(xr, xi, xs, 2, out V a2r, out V a2i, out V b2r, out V b2i);
        Split(xr, xi, xs, 3, out V a3r, out V a3i, out V b3r, out V b3i);
        // Differences times e^(−πij/4).
        V half = V.Create(roots[1]);
        (b1r, b1i) = ((b1r + b1i) * half, (b1i - b1r) * half);
        (b2r, b2i) = (b2i, default(V) - b2r);
        (b3r, b3i) = ((b3i - b3r) * half, (default(V) - b3r - b3i) * half);
        V er = a0r + a2r, ei = a0i + a2i, fr = a0r - a2r, fi = a0i - a2i, gr = a1r + a3r, gi = a1i + a3i, hr = a1r - a3r, hi = a1i - a3i;
        (er + gr).Store(yr);
        (ei + gi).Store(yi);
        RadixStore<V, T>.Put(fr + hi, fi - hr, 2, yr, yi, ys, w);
        RadixStore<V, T>.Put(er - gr, ei - gi, 4, yr, yi, ys, w);
        RadixStore<V, T>.Put(fr - hi, fi + hr, 6, yr, yi, ys, w);
        (er, ei, fr, fi) = (b0r + b2r, b0i + b2i, b0r - b2r, b0i - b2i);
        (gr, gi, hr, hi) = (b1r + b3r, b1i + b3i, b1r - b3r, b1i - b3i);
        RadixStore<V, T>.Put(er + gr, ei + gi, 1, yr, yi, ys, w);
        RadixStore<V, T>.Put(fr + hi, fi - hr, 3, yr, yi, ys, w);
        RadixStore<V, T>.Put(er - gr, ei - gi, 5, yr, yi, ys, w);
        RadixStore<V, T>.Put(fr - hi, fi + hr, 7, yr, yi, ys, w);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Split(T* xr, T* xi, nint xs, int j, out V sumRe, out V sumIm, out V gapRe, out V gapIm)
    {
        V ar = V.Load(xr + j * xs), br = V.Load(xr + (j + 4) * xs), ai = V.Load(xi + j * xs), bi = V.Load(xi + (j + 4) * xs);
        (sumRe, sumIm, gapRe, gapIm) = (ar + br, ai + bi, ar - br, ai - bi);
    }
}

/// <summary>Any odd r by its definition, with xⱼ and xᵣ₋ⱼ taken together: about 2·r² multiplications.</summary>
internal readonly unsafe struct RadixPrime<V, T> : IRadix<T> where V : struct, ILanes<V, T> where T : unmanaged
{
    private const int MaxHalf = 15, MaxLanes = 16;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Step(T* xr, T* xi, nint xs, T* yr, T* yi, nint ys, T* w, T* roots, int radix)
    {
        int half = radix / 2, width = V.Count;
        T* pairs = stackalloc T[4 * MaxHalf * MaxLanes];
        V ar = V.Load(xr), ai = V.Load(xi), totalRe = ar, totalIm = ai;
        for (int j = 1; j <= half; j++)
        {
            V br = V.Load(xr + j * xs), bi = V.Load(xi + j * xs), cr = V.Load(xr + (radix - j) * xs), ci = V.Load(xi + (radix - j) * xs);
            T* pair = pairs + 4 * (j - 1) * width;
            (br + cr).Store(pair);
            (bi + ci).Store(pair + width);
            (br - cr).Store(pair + 2 * width);
            (bi - ci).Store(pair + 3 * width);
            (totalRe, totalIm) = (totalRe + (br + cr), totalIm + (bi + ci));
        }
        totalRe.Store(yr);
        totalIm.Store(yi);
        for (int k = 1; k <= half; k++)
        {
            V mr = ar, mi = ai, nr = default, ni = default;
            for (int j = 1, at = k; j <= half; j++, at = at + k >= radix ? at + k - radix : at + k)
            {
                T* pair = pairs + 4 * (j - 1) * width;
                V cosine = V.Create(roots[at]), sine = V.Create(roots[radix + at]);
                (mr, mi) = (V.MulAdd(V.Load(pair), cosine, mr), V.MulAdd(V.Load(pair + width), cosine, mi));
                (nr, ni) = (V.MulAdd(V.Load(pair + 2 * width), sine, nr), V.MulAdd(V.Load(pair + 3 * width), sine, ni));
            }
            RadixStore<V, T>.Put(mr - ni, mi + nr, k, yr, yi, ys, w);
            RadixStore<V, T>.Put(mr + ni, mi - nr, radix - k, yr, yi, ys, w);
        }
    }
}
