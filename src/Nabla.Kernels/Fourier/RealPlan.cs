using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// Transforms between n real numbers and the ⌊n/2⌋ + 1 complex ones that determine their spectrum. Even n: as a complex transform of half the length, of
/// even and odd elements as real and imaginary parts. Odd n: as a complex transform of length n.
/// </summary>
internal sealed unsafe class RealPlan<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly ConcurrentDictionary<int, RealPlan<T>> Plans = new();

    private readonly FourierPlan<T> _inner;
    private readonly T[] _roots;
    private readonly int _length;
    private readonly nint _half;

    private RealPlan(int length)
    {
        (_length, _half) = (length, length / 2);
        _inner = FourierPlan<T>.For(IsOdd ? length : length / 2);
        _roots = GC.AllocateArray<T>(IsOdd ? 0 : length, pinned: true);
        for (int k = 0; k < _roots.Length / 2; k++)
        {
            (double real, double imaginary) = Roots.Of(k, length);
            (_roots[k], _roots[_half + k]) = (T.CreateTruncating(real), T.CreateTruncating(imaginary));
        }
    }

    /// <summary>Elements of scratch memory that both directions need.</summary>
    public long WorkSize => 4L * (_inner.Length + FourierPlan<T>.Padding) + _inner.WorkSize;

    private bool IsOdd => _length % 2 == 1;

    /// <summary>The plan for n real numbers.</summary>
    public static RealPlan<T> For(int length) => Plans.TryGetValue(length, out RealPlan<T>? plan) ? plan : Plans.GetOrAdd(length, n => new RealPlan<T>(n));

    /// <summary>yₖ = Σⱼ xⱼ·e^(−2πijk/n), k = 0 … ⌊n/2⌋.</summary>
    public void Forward(T* x, T* yr, T* yi, T* work)
    {
        // Padded, so that vectors a power of two long do not compete for the same few places of the first cache.
        nint size = _inner.Length, stride = size + FourierPlan<T>.Padding;
        T* zr = work, zi = zr + stride, ur = zi + stride, ui = ur + stride, rest = ui + stride;
        if (IsOdd)
        {
            new Span<T>(zi, (int)size).Clear();
            _inner.Run(x, zi, ur, ui, rest);
            new Span<T>(ur, (int)_half + 1).CopyTo(new Span<T>(yr, (int)_half + 1));
            new Span<T>(ui, (int)_half + 1).CopyTo(new Span<T>(yi, (int)_half + 1));
            yi[0] = T.Zero;
            return;
        }
        Deinterleave(x, ur, ui, size);
        _inner.Run(ur, ui, zr, zi, rest);
        Separate(zr, zi, yr, yi);
    }

    /// <summary>
    /// yⱼ = Σₖ over all n of xₖ·e^(2πijk/n), where xₙ₋ₖ is the conjugate of xₖ; imaginary parts of x₀, and of xₙ⸝₂ for even n, count as 0. Destroys nothing.
    /// </summary>
    public void Inverse(T* xr, T* xi, T* y, T* work)
    {
        nint size = _inner.Length, stride = size + FourierPlan<T>.Padding;
        T* zr = work, zi = zr + stride, ur = zi + stride, ui = ur + stride, rest = ui + stride;
        if (IsOdd)
        {
            (zr[0], zi[0]) = (xr[0], T.Zero);
            for (nint k = 1; k <= _half; k++)
            {
                (zr[k], zr[size - k]) = (xr[k], xr[k]);
                (zi[k], zi[size - k]) = (xi[k], -xi[k]);
            }
            _inner.Run(zi, zr, ui, y, rest);
            return;
        }
        Join(xr, xi, zr, zi);
        _inner.Run(zi, zr, ui, ur, rest);
        Interleave(ur, ui, y, size);
    }

    // With w = e^(−2πik/n): y = (z + z̄')/2 − i·w·(z − z̄')/2, where z' is z at n/2 − k; both places share their products.
    private void Separate(T* zr, T* zi, T* yr, T* yi)
    {
        nint m = _half, k = 1;
        T* cosines = Address, sines = cosines + m;
        T half = T.CreateTruncating(0.5);
        (yr[0], yi[0], yr[m], yi[m]) = (zr[0] + zi[0], T.Zero, zr[0] - zi[0], T.Zero);
        for (; 2 * (k + Width - 1) < m; k += Width)
        {
            nint mirror = m - k - Width + 1;
            Vector256<T> a = Vector256.Load(zr + k), b = Vector256.Load(zi + k), c = Reversed(Vector256.Load(zr + mirror)), d = Reversed(Vector256.Load(zi + mirror));
            Vector256<T> w = Vector256.Load(cosines + k), v = Vector256.Load(sines + k), p = a - c, q = b + d;
            Vector256<T> sum = half * (a + c), gap = half * (b - d), re = half * (w * q + v * p), im = half * (v * q - w * p);
            (sum + re).Store(yr + k);
            (im + gap).Store(yi + k);
            Reversed(sum - re).Store(yr + mirror);
            Reversed(im - gap).Store(yi + mirror);
        }
        for (; 2 * k <= m; k++)
        {
            (T a, T b, T c, T d, T w, T v) = (zr[k], zi[k], zr[m - k], zi[m - k], cosines[k], sines[k]);
            (T p, T q) = (a - c, b + d);
            (T sum, T gap, T re, T im) = (half * (a + c), half * (b - d), half * (w * q + v * p), half * (v * q - w * p));
            (yr[k], yi[k], yr[m - k], yi[m - k]) = (sum + re, im + gap, sum - re, im - gap);
        }
    }

    // z = (x + x̄') + i·w̄·(x − x̄'), where x' is x at n/2 − k.
    private void Join(T* xr, T* xi, T* zr, T* zi)
    {
        nint m = _half, k = 1;
        T* cosines = Address, sines = cosines + m;
        (zr[0], zi[0]) = (xr[0] + xr[m], xr[0] - xr[m]);
        for (; 2 * (k + Width - 1) < m; k += Width)
        {
            nint mirror = m - k - Width + 1;
            Vector256<T> a = Vector256.Load(xr + k), b = Vector256.Load(xi + k), c = Reversed(Vector256.Load(xr + mirror)), d = Reversed(Vector256.Load(xi + mirror));
            Vector256<T> w = Vector256.Load(cosines + k), v = Vector256.Load(sines + k), p = a - c, q = b + d;
            Vector256<T> sum = a + c, gap = b - d, re = v * p - w * q, im = w * p + v * q;
            (sum + re).Store(zr + k);
            (im + gap).Store(zi + k);
            Reversed(sum - re).Store(zr + mirror);
            Reversed(im - gap).Store(zi + mirror);
        }
        for (; 2 * k <= m; k++)
        {
            (T a, T b, T c, T d, T w, T v) = (xr[k], xi[k], xr[m - k], xi[m - k], cosines[k], sines[k]);
            (T p, T q) = (a - c, b + d);
            (T sum, T gap, T re, T im) = (a + c, b - d, v * p - w * q, w * p + v * q);
            (zr[k], zi[k], zr[m - k], zi[m - k]) = (sum + re, im + gap, sum - re, im - gap);
        }
    }

    private T* Address => (T*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_roots, 0);

    private static int Width => Vector256<T>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> Reversed(Vector256<T> x) => typeof(T) == typeof(float)
        ? Vector256.Shuffle(x.AsSingle(), Vector256.Create(7, 6, 5, 4, 3, 2, 1, 0)).As<float, T>()
        : Vector256.Shuffle(x.AsDouble(), Vector256.Create(3L, 2, 1, 0)).As<double, T>();

    private static void Deinterleave(T* x, T* even, T* odd, nint count)
    {
        nint i = 0;
        for (; i + Width <= count; i += Width)
        {
            Vector256<T> a = Sorted(Vector256.Load(x + 2 * i)), b = Sorted(Vector256.Load(x + 2 * i + Width));
            Vector256.Create(a.GetLower(), b.GetLower()).Store(even + i);
            Vector256.Create(a.GetUpper(), b.GetUpper()).Store(odd + i);
        }
        for (; i < count; i++) (even[i], odd[i]) = (x[2 * i], x[2 * i + 1]);
    }

    private static void Interleave(T* even, T* odd, T* y, nint count)
    {
        nint i = 0;
        for (; i + Width <= count; i += Width)
        {
            Vector256<T> a = Vector256.Load(even + i), b = Vector256.Load(odd + i);
            Mixed(Vector256.Create(a.GetLower(), b.GetLower())).Store(y + 2 * i);
            Mixed(Vector256.Create(a.GetUpper(), b.GetUpper())).Store(y + 2 * i + Width);
        }
        for (; i < count; i++) (y[2 * i], y[2 * i + 1]) = (even[i], odd[i]);
    }

    // Elements at even places first.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> Sorted(Vector256<T> x) => typeof(T) == typeof(float)
        ? Vector256.Shuffle(x.AsSingle(), Vector256.Create(0, 2, 4, 6, 1, 3, 5, 7)).As<float, T>()
        : Vector256.Shuffle(x.AsDouble(), Vector256.Create(0L, 2, 1, 3)).As<double, T>();

    // The two halves in turns.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> Mixed(Vector256<T> x) => typeof(T) == typeof(float)
        ? Vector256.Shuffle(x.AsSingle(), Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7)).As<float, T>()
        : Vector256.Shuffle(x.AsDouble(), Vector256.Create(0L, 2, 1, 3)).As<double, T>();
}
