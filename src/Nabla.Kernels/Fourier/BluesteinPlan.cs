using System.Numerics;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// A transform of any length as a circular convolution of a convenient one: jk = (j² + k² − (k − j)²)/2. Source: Bluestein, A linear filtering approach
/// to the computation of discrete Fourier transform (1970).
/// </summary>
internal sealed unsafe class BluesteinPlan<T> : FourierPlan<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly FourierPlan<T> _inner;
    private readonly T[] _chirp, _filter;
    private readonly int _size;

    /// <summary>Tables: the chirp e^(−πij²/n), and the transform of its conjugate divided by the length of the convolution.</summary>
    public BluesteinPlan(int length) : base(length)
    {
        _size = ConvolutionLength(2L * length - 1);
        _inner = FourierPlan<T>.For(_size);
        _chirp = Table(2L * length);
        _filter = Table(2L * _size);
        var wave = new double[4L * _size];
        for (long j = 0; j < length; j++)
        {
            // j² counts half steps of a turn of 2n: reduced as an integer, whatever the length.
            (double real, double imaginary) = Roots.Of(j * j % (2L * length), 2L * length);
            (_chirp[j], _chirp[length + j]) = (T.CreateTruncating(real), T.CreateTruncating(imaginary));
            foreach (long at in (long[])[j, (_size - j) % _size]) (wave[at], wave[_size + at]) = (real, -imaginary);
        }
        fixed (double* w = wave)
        {
            FourierPlan<double> exact = FourierPlan<double>.For(_size);
            var work = new double[exact.WorkSize];
            fixed (double* scratch = work) exact.Run(w, w + _size, w + 2 * _size, w + 3 * _size, scratch);
            for (int k = 0; k < 2 * _size; k++) _filter[k] = T.CreateTruncating(w[2 * _size + k] / _size);
        }
    }

    /// <summary>Length of the convolution.</summary>
    public int ConvolutionSize => _size;

    /// <summary>e^(−πij²/n): n real parts, then n imaginary ones.</summary>
    public T[] Chirp => _chirp;

    /// <summary>The transform of the conjugate chirp, divided by the length of the convolution: real parts, then imaginary ones.</summary>
    public T[] Filter => _filter;

    /// <inheritdoc/>
    public override long WorkSize => 4L * (_size + Padding) + _inner.WorkSize;

    /// <inheritdoc/>
    public override void Run(T* xr, T* xi, T* yr, T* yi, T* work)
    {
        nint n = Length, size = _size, stride = size + Padding;
        T* chirp = Address(_chirp), filter = Address(_filter);
        T* ar = work, ai = ar + stride, br = ai + stride, bi = br + stride, rest = bi + stride;
        Multiply(xr, xi, chirp, chirp + n, ar, ai, n);
        new Span<T>(ar + n, (int)(size - n)).Clear();
        new Span<T>(ai + n, (int)(size - n)).Clear();
        _inner.Run(ar, ai, br, bi, rest);
        Multiply(br, bi, filter, filter + size, br, bi, size);
        _inner.Run(bi, br, ai, ar, rest);
        Multiply(ar, ai, chirp, chirp + n, yr, yi, n);
    }

    // y = a·b, element by element; y may be a.
    private static void Multiply(T* ar, T* ai, T* br, T* bi, T* yr, T* yi, nint count)
    {
        nint i = 0;
        for (; i + Vector512<T>.Count <= count; i += Vector512<T>.Count)
        {
            Vector512<T> a = Vector512.Load(ar + i), b = Vector512.Load(ai + i), c = Vector512.Load(br + i), d = Vector512.Load(bi + i);
            (a * c - b * d).Store(yr + i);
            (a * d + b * c).Store(yi + i);
        }
        for (; i < count; i++) (yr[i], yi[i]) = (ar[i] * br[i] - ai[i] * bi[i], ar[i] * bi[i] + ai[i] * br[i]);
    }

    // The smallest c·2ᵃ, c in {1, 3, 5, 9, 15}, that is at least so much.
    private static int ConvolutionLength(long least)
    {
        long best = long.MaxValue;
        foreach (long odd in (long[])[1, 3, 5, 9, 15])
        {
            long size = odd;
            while (size < least) size *= 2;
            best = Math.Min(best, size);
        }
        return checked((int)best);
    }
}
