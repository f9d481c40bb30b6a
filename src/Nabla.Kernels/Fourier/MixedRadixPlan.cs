using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Nabla.Kernels;

/// <summary>
/// Stockham's self-sorting transform, iterative, with radices 8, 5, 4, 3, 2 and odd primes up to 31. A pass with radix r takes s interleaved
/// transforms of length r·m to r·s of length m: reads x[t + j·n/r], t = q + s·p &lt; n/r, writes y[q + s·(r·p + k)]. Source: Van Loan,
/// Computational Frameworks for the Fast Fourier Transform (1992), §1.7 and §2.
/// </summary>
/// <remarks>
/// Vectors run along t. Where s holds a vector, they stay inside one p and are stored whole; in the first passes they cross several p, and the results go
/// through a small buffer. The last vector of a row overlaps the one before: the same numbers are computed twice. Twiddle factors are laid out
/// in the order in which vectors are computed, about 2n numbers a pass. Error: relative, in the Euclidean norm, about u·log₂ n; see <see cref="Fourier"/>.
/// </remarks>
internal sealed unsafe class MixedRadixPlan<T> : FourierPlan<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Above it a prime factor is left to Bluestein's method.</summary>
    public const int LargestRadix = 31;

    private const int LineBytes = 64;

    private readonly Pass[] _passes;
    private readonly T[] _twiddles, _roots;
    private readonly int _width;
    private readonly bool _tiny;

    /// <summary>Tables for a length that is the product of the given radices.</summary>
    public MixedRadixPlan(int length, int[] radices) : base(length)
    {
        int least = radices.Length == 0 ? 1 : length / radices.Max();
        int widest = (Vector512.IsHardwareAccelerated ? 64 : Vector256.IsHardwareAccelerated ? 32 : 16) / sizeof(T), narrowest = 16 / sizeof(T);
        _width = widest;
        while (_width > narrowest && _width > least) _width /= 2;
        _tiny = least < _width;
        (_passes, long twiddles, long roots) = Layout(radices);
        _twiddles = Table(twiddles);
        _roots = Table(roots);
        foreach (Pass pass in _passes) Fill(pass);
    }

    /// <inheritdoc/>
    public override long WorkSize => (_tiny ? 6 : 2) * (Length + (long)Padding);

    // One pass: its radix, s, where its twiddle factors and its own roots begin.
    private readonly record struct Pass(int Radix, int Span, long Twiddles, long Roots, bool IsLast);

    /// <summary>True if a length has no prime factor above <see cref="LargestRadix"/>.</summary>
    public static bool Suits(int length) => Radices(length) is var radices && (radices.Length == 0 || radices.Max() <= LargestRadix);

    /// <summary>The factors of a length: 8 as often as leaves a 4 or nothing, 4, 2, then odd primes, 5 and 3 first.</summary>
    public static int[] Radices(int length)
    {
        var radices = new List<int>();
        int twos = BitOperations.TrailingZeroCount(length), odd = length >> twos;
        for (; twos >= 3 && twos != 4; twos -= 3) radices.Add(8);
        for (; twos >= 2; twos -= 2) radices.Add(4);
        if (twos == 1) radices.Add(2);
        foreach (int prime in (int[])[5, 3])
            for (; odd % prime == 0; odd /= prime) radices.Add(prime);
        for (int prime = 7; prime <= odd / prime; prime += 2)
            for (; odd % prime == 0; odd /= prime) radices.Add(prime);
        if (odd > 1) radices.Add(odd);
        return [.. radices];
    }

    /// <inheritdoc/>
    public override void Run(T* xr, T* xi, T* yr, T* yi, T* work)
    {
        long n = Length;
        nint stride = (nint)n + Padding, bytes = (nint)(n * sizeof(T));
        if (_tiny)
        {
            // Vectors are longer than rows: all operands must have memory behind their end.
            T* from = work + 2 * stride, to = from + 2 * stride;
            Copy(xr, xi, from, from + stride, bytes);
            RunPasses(from, from + stride, to, to + stride, work, work + stride);
            Copy(to, to + stride, yr, yi, bytes);
        }
        else
        {
            RunPasses(xr, xi, yr, yi, work, work + stride);
        }
    }

    private static void Copy(T* xr, T* xi, T* yr, T* yi, nint bytes)
    {
        System.Buffer.MemoryCopy(xr, yr, bytes, bytes);
        System.Buffer.MemoryCopy(xi, yi, bytes, bytes);
    }

    // x to y, with the passes alternating between y and the other pair so that the last one writes y.
    private void RunPasses(T* xr, T* xi, T* yr, T* yi, T* otherRe, T* otherIm)
    {
        if (_passes.Length == 0) Copy(xr, xi, yr, yi, Length * sizeof(T));
        for (int i = 0; i < _passes.Length; i++)
        {
            bool toY = (_passes.Length - 1 - i) % 2 == 0;
            T* re = toY ? yr : otherRe, im = toY ? yi : otherIm;
            if (_width * sizeof(T) == 64) RunWith<Lanes512<T>>(_passes[i], xr, xi, re, im);
            else if (_width * sizeof(T) == 32) RunWith<Lanes256<T>>(_passes[i], xr, xi, re, im);
            else RunWith<Lanes128<T>>(_passes[i], xr, xi, re, im);
            xr = re;
            xi = im;
        }
    }

    private void RunWith<V>(in Pass pass, T* xr, T* xi, T* yr, T* yi) where V : struct, ILanes<V, T>
    {
        switch (pass.Radix)
        {
            case 2: RunPass<Radix2<V, T>, V>(pass, xr, xi, yr, yi); break;
            case 3: RunPass<Radix3<V, T>, V>(pass, xr, xi, yr, yi); break;
            case 4: RunPass<Radix4<V, T>, V>(pass, xr, xi, yr, yi); break;
            case 5: RunPass<Radix5<V, T>, V>(pass, xr, xi, yr, yi); break;
            case 8: RunPass<Radix8<V, T>, V>(pass, xr, xi, yr, yi); break;
            default: RunPass<RadixPrime<V, T>, V>(pass, xr, xi, yr, yi); break;
        }
    }

    private void RunPass<TRadix, V>(in Pass pass, T* xr, T* xi, T* yr, T* yi) where TRadix : struct, IRadix<T> where V : struct, ILanes<V, T>
    {
        if (pass.Span >= V.Count) Whole<TRadix, V>(pass, xr, xi, yr, yi);
        else Scattered<TRadix, V>(pass, xr, xi, yr, yi);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Whole<TRadix, V>(in Pass pass, T* xr, T* xi, T* yr, T* yi) where TRadix : struct, IRadix<T> where V : struct, ILanes<V, T>
    {
        nint radix = pass.Radix, s = pass.Span, rows = Length / radix, block = 2 * (radix - 1) * V.Count, width = V.Count;
        T* roots = Address(_roots) + pass.Roots, w = pass.IsLast ? null : Address(_twiddles) + pass.Twiddles;
        for (nint t = 0; t < rows; t += s, xr += s, xi += s, yr += radix * s, yi += radix * s)
        {
            nint q = 0;
            for (; q + width <= s; q += width) TRadix.Step(xr + q, xi + q, rows, yr + q, yi + q, s, w, roots, (int)radix);
            if (q < s) TRadix.Step(xr + s - width, xi + s - width, rows, yr + s - width, yi + s - width, s, w, roots, (int)radix);
            if (w != null) w += block;
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Scattered<TRadix, V>(in Pass pass, T* xr, T* xi, T* yr, T* yi) where TRadix : struct, IRadix<T> where V : struct, ILanes<V, T>
    {
        nint radix = pass.Radix, rows = Length / radix, line = LineBytes / sizeof(T), width = V.Count;
        T* buffer = stackalloc T[2 * LargestRadix * LineBytes / sizeof(T)];
        T* roots = Address(_roots) + pass.Roots, w = pass.IsLast ? null : Address(_twiddles) + pass.Twiddles;
        for (nint done = 0; done < rows; done += width)
        {
            nint t = Math.Max(0, Math.Min(done, rows - width)), count = Math.Min(width, rows - t);
            TRadix.Step(xr + t, xi + t, rows, buffer, buffer + radix * line, line, w, roots, (int)radix);
            Scatter(buffer, yr, t, count, radix, pass.Span);
            Scatter(buffer + radix * line, yi, t, count, radix, pass.Span);
            if (w != null) w += 2 * (radix - 1) * width;
        }
    }

    // Row k of the buffer holds the k-th result for t, …, t + count − 1, to be stored at q + s·(r·p + k), where t = q + s·p.
    private static void Scatter(T* buffer, T* y, nint t, nint count, nint radix, nint s)
    {
        nint line = LineBytes / sizeof(T);
        if (s == 1 && radix == 8 && Avx.IsSupported && count % (32 / sizeof(T)) == 0) ScatterEight(buffer, y + 8 * t, count);
        else if (s * sizeof(T) is 16 or 32 && t % s == 0 && count % s == 0)
        {
            for (nint i = 0; i < count; i += s)
                for (nint k = 0; k < radix; k++)
                {
                    T* from = buffer + k * line + i, to = y + (t + i) * radix + s * k;
                    if (s * sizeof(T) == 32) Vector256.Load(from).Store(to);
                    else Vector128.Load(from).Store(to);
                }
        }
        else
        {
            (nint p, nint q) = Math.DivRem(t, s);
            for (nint i = 0; i < count; i++)
            {
                T* to = y + s * radix * p + q;
                for (nint k = 0; k < radix; k++) to[s * k] = buffer[k * line + i];
                if (++q == s) (p, q) = (p + 1, 0);
            }
        }
    }

    private static void ScatterEight(T* buffer, T* y, nint count)
    {
        if (sizeof(T) == 4)
            for (nint i = 0; i < count; i += 8) TransposeTile.Eight((float*)(buffer + i), (float*)(y + 8 * i), 8);
        else
            for (nint i = 0; i < count; i += 4)
                for (nint k = 0; k < 8; k += 4) TransposeTile.Four((double*)(buffer + 8 * k + i), (double*)(y + 8 * i + k), 8);
    }

    private (Pass[] Passes, long Twiddles, long Roots) Layout(int[] radices)
    {
        var passes = new Pass[radices.Length];
        long twiddles = 0, roots = 0;
        for (int i = 0, s = 1; i < passes.Length; s *= radices[i++])
        {
            int r = radices[i], rows = Length / r;
            bool last = i == passes.Length - 1;
            passes[i] = new Pass(r, s, twiddles, roots, last);
            long blocks = s >= _width ? rows / s : (rows + _width - 1) / _width;
            if (!last) twiddles += blocks * 2 * (r - 1) * _width;
            roots += 2 * r;
        }
        return (passes, twiddles, roots);
    }

    private void Fill(in Pass pass)
    {
        (int r, int s, long rows) = (pass.Radix, pass.Span, Length / pass.Radix);
        for (int j = 0; j < r; j++) Put(_roots, pass.Roots + j, pass.Roots + r + j, Roots.Of(j, r));
        if (pass.IsLast) return;
        long at = pass.Twiddles, step = s >= _width ? s : _width;
        for (long done = 0; done < rows; done += step)
        {
            long first = s >= _width ? done : Math.Max(0, Math.Min(done, rows - _width));
            for (int k = 1; k < r; k++, at += 2 * _width)
                for (int lane = 0; lane < _width; lane++)
                {
                    long p = s >= _width ? done / s : (first + lane) / s;
                    Put(_twiddles, at + lane, at + _width + lane, Roots.Of(p * k % (Length / s), Length / s));
                }
        }
    }

    private static void Put(T[] table, long real, long imaginary, (double Real, double Imaginary) root) =>
        (table[real], table[imaginary]) = (T.CreateTruncating(root.Real), T.CreateTruncating(root.Imaginary));
}
