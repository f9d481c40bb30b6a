using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Kernels of discrete Fourier transforms: dense lines, real and imaginary parts apart, one work-item for each complex result.</summary>
internal static partial class FourierKernels
{
    /// <summary>Work-items of a group.</summary>
    public const int Size = 256;

    /// <summary>
    /// One of Stockham's passes (see MixedRadixPlan): y[q + s·(r·p + k)] = scale·Σⱼ x[q + s·p + j·n/r]·e^(−2πik(j·n/r + p·s)/n), terms in order, where s is
    /// the span; <paramref name="roots"/> holds e^(−2πij/n), n real and n imaginary parts.
    /// </summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Pass<T>(ArrayView<T> xr, ArrayView<T> xi, ArrayView<T> roots, int n, int radix, int span, T scale, ArrayView<T> yr, ArrayView<T> yi)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= yr.IntLength) return;
        int line = i / n, own = i - line * n, upper = own / span, q = own - upper * span, p = upper / radix, k = upper - p * radix;
        int gap = n / radix, step = k * gap, at = k * p * span, from = line * n + q + span * p;
        T re = T.Zero, im = T.Zero;
        for (int j = 0; j < radix; j++)
        {
            T a = xr[from + j * gap], b = xi[from + j * gap], w = roots[at], v = roots[n + at];
            re = re + (a * w - b * v);
            im = im + (a * v + b * w);
            at += step;
            if (at >= n) at -= n;
        }
        yr[i] = re * scale;
        yi[i] = im * scale;
    }

    /// <summary>
    /// y = scale·x·factors, element by element, cut or filled with zeros: lines of <paramref name="from"/> elements to lines of <paramref name="to"/>, for which the first
    /// <paramref name="count"/> factors are used, out of a table of <paramref name="tableSize"/> real and as many imaginary parts.
    /// </summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Multiply<T>(
        ArrayView<T> xr, ArrayView<T> xi, ArrayView<T> factors, int tableSize, int from, int to, int count, T scale, ArrayView<T> yr, ArrayView<T> yi)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= yr.IntLength) return;
        int line = i / to, j = i - line * to;
        T re = T.Zero, im = T.Zero;
        if (j < count)
        {
            T a = xr[line * from + j], b = xi[line * from + j], w = factors[j], v = factors[tableSize + j];
            re = (a * w - b * v) * scale;
            im = (a * v + b * w) * scale;
        }
        yr[i] = re;
        yi[i] = im;
    }

    /// <summary>The first ⌊n/2⌋ + 1 elements of the spectra of real lines; the imaginary parts that must vanish do.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Halve<T>(ArrayView<T> xr, ArrayView<T> xi, int n, ArrayView<T> yr, ArrayView<T> yi) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= yr.IntLength) return;
        int size = n / 2 + 1, line = i / size, k = i - line * size;
        yr[i] = xr[line * n + k];
        yi[i] = k == 0 || 2 * k == n ? T.Zero : xi[line * n + k];
    }

    /// <summary>Whole spectra from the first ⌊n/2⌋ + 1 elements: yₙ₋ₖ is the conjugate of yₖ, and what is its own conjugate is real.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Mirror<T>(ArrayView<T> xr, ArrayView<T> xi, int n, ArrayView<T> yr, ArrayView<T> yi) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= yr.IntLength) return;
        int size = n / 2 + 1, line = i / n, k = i - line * n, from = line * size + Math.Min(k, n - k);
        T im = T.Zero;
        if (k > 0 && 2 * k != n) im = k < size ? xi[from] : -xi[from];
        yr[i] = xr[from];
        yi[i] = im;
    }
}
