using System.Collections.Concurrent;
using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// Launches Fourier transforms: passes of mixed radix in the memory of the device, or Bluestein's method, for the same lengths and with the same tables as on the
/// host. A real line is transformed as a complex one. A pass of radix r costs 8·r·n flops a line.
/// </summary>
internal static class DeviceFourier
{
    private enum Table { Roots, Chirp, Filter }

    // The tables of a length, in the memory of a device; made once and kept.
    private static readonly ConcurrentDictionary<(Device, DType, Table, int Length), DenseTensor> Tables = new();

    public static void Complex(DenseTensor re, DenseTensor im, bool inverse, double scale, DenseTensor yr, DenseTensor yi)
    {
        if (yr.Count == 0) return;
        (re, im) = (Dense(re), Dense(im));
        if (inverse) Transform(im, re, scale, yi, yr);
        else Transform(re, im, scale, yr, yi);
        GC.KeepAlive((re, im));
    }

    public static void RealForward(DenseTensor x, double scale, DenseTensor yr, DenseTensor yi)
    {
        if (yr.Count == 0) return;
        int n = x.Shape.Dims[^1];
        DenseTensor re = Dense(x), im = New(x.Aval, x.Device), zr = New(x.Aval, x.Device), zi = New(x.Aval, x.Device);
        Move.Copy(DenseTensor.Splat(im.Aval, 0, im.Device), im);
        Transform(re, im, scale, zr, zi);
        int groups = Groups(yr);
        var device = (Accelerator)yr.Device;
        if (yr.DType == DType.F32) FourierKernels.LaunchHalve<float>(device, groups, 1, 1, DeviceView.Of(zr), DeviceView.Of(zi), n, DeviceView.Of(yr), DeviceView.Of(yi));
        else FourierKernels.LaunchHalve<double>(device, groups, 1, 1, DeviceView.Of(zr), DeviceView.Of(zi), n, DeviceView.Of(yr), DeviceView.Of(yi));
        GC.KeepAlive((re, im, zr, zi));
    }

    public static void RealInverse(DenseTensor re, DenseTensor im, double scale, DenseTensor y)
    {
        if (y.Count == 0) return;
        int n = y.Shape.Dims[^1], groups = Groups(y);
        var device = (Accelerator)y.Device;
        DenseTensor zr = New(y.Aval, device), zi = New(y.Aval, device), unused = New(y.Aval, device);
        (re, im) = (Dense(re), Dense(im));
        if (y.DType == DType.F32) FourierKernels.LaunchMirror<float>(device, groups, 1, 1, DeviceView.Of(re), DeviceView.Of(im), n, DeviceView.Of(zr), DeviceView.Of(zi));
        else FourierKernels.LaunchMirror<double>(device, groups, 1, 1, DeviceView.Of(re), DeviceView.Of(im), n, DeviceView.Of(zr), DeviceView.Of(zi));
        Transform(zi, zr, scale, unused, y);
        GC.KeepAlive((re, im, zr, zi, unused));
    }

    // Forward, from dense operands to dense results that are not operands.
    private static void Transform(DenseTensor xr, DenseTensor xi, double scale, DenseTensor yr, DenseTensor yi)
    {
        if (xr.DType == DType.F32) Transform(xr, xi, (float)scale, yr, yi);
        else Transform<double>(xr, xi, scale, yr, yi);
    }

    private static void Transform<T>(DenseTensor xr, DenseTensor xi, T scale, DenseTensor yr, DenseTensor yi) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int n = xr.Shape.Dims[^1];
        if (!MixedRadixPlan<T>.Suits(n)) Convolve((BluesteinPlan<T>)FourierPlan<T>.For(n), xr, xi, scale, yr, yi);
        else if (n > 1 || scale != T.One) RunPasses(xr, xi, scale, yr, yi);
        else
        {
            Move.Copy(xr, yr);
            Move.Copy(xi, yi);
        }
    }

    // Passes alternate between y and another pair so that the last one writes y.
    private static void RunPasses<T>(DenseTensor xr, DenseTensor xi, T scale, DenseTensor yr, DenseTensor yi) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int n = xr.Shape.Dims[^1], span = 1;
        int[] radices = n == 1 ? [1] : MixedRadixPlan<T>.Radices(n);
        DenseTensor roots = TableOf<T>(Table.Roots, n, yr), otherRe = radices.Length == 1 ? yr : New(yr.Aval, yr.Device), otherIm = radices.Length == 1 ? yi : New(yi.Aval, yi.Device);
        for (int i = 0; i < radices.Length; i++)
        {
            int left = radices.Length - 1 - i;
            DenseTensor re = left % 2 == 0 ? yr : otherRe, im = left % 2 == 0 ? yi : otherIm;
            FourierKernels.LaunchPass<T>((Accelerator)yr.Device, Groups(yr), 1, 1,
                DeviceView.Of(xr), DeviceView.Of(xi), DeviceView.Of(roots), n, radices[i], span, left == 0 ? scale : T.One, DeviceView.Of(re), DeviceView.Of(im));
            (xr, xi) = (re, im);
            span *= radices[i];
        }
        GC.KeepAlive((otherRe, otherIm));
    }

    private static void Convolve<T>(BluesteinPlan<T> plan, DenseTensor xr, DenseTensor xi, T scale, DenseTensor yr, DenseTensor yi) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int n = plan.Length, size = plan.ConvolutionSize;
        var longer = new Aval(xr.DType, xr.Shape.With(xr.Rank - 1, size));
        DenseTensor ar = New(longer, xr.Device), ai = New(longer, xr.Device), br = New(longer, xr.Device), bi = New(longer, xr.Device);
        DenseTensor chirp = TableOf<T>(Table.Chirp, n, yr), filter = TableOf<T>(Table.Filter, n, yr);
        Multiply(xr, xi, chirp, n, T.One, ar, ai);
        RunPasses(ar, ai, T.One, br, bi);
        Multiply(br, bi, filter, size, T.One, ar, ai);
        RunPasses(ai, ar, T.One, bi, br);
        Multiply(br, bi, chirp, n, scale, yr, yi);
        GC.KeepAlive((ar, ai, br, bi));
    }

    private static void Multiply<T>(DenseTensor xr, DenseTensor xi, DenseTensor factors, int count, T scale, DenseTensor yr, DenseTensor yi) where T : unmanaged, IFloatingPointIeee754<T> =>
        FourierKernels.LaunchMultiply<T>((Accelerator)yr.Device, Groups(yr), 1, 1, DeviceView.Of(xr), DeviceView.Of(xi), DeviceView.Of(factors), factors.Shape.Dims[0] / 2,
            xr.Shape.Dims[^1], yr.Shape.Dims[^1], count, scale, DeviceView.Of(yr), DeviceView.Of(yi));

    private static DenseTensor TableOf<T>(Table table, int n, DenseTensor y) where T : unmanaged, IFloatingPointIeee754<T> => Tables.GetOrAdd((y.Device, y.DType, table, n), _ =>
    {
        T[] numbers = table switch
        {
            Table.Chirp => ((BluesteinPlan<T>)FourierPlan<T>.For(n)).Chirp,
            Table.Filter => ((BluesteinPlan<T>)FourierPlan<T>.For(n)).Filter,
            _ => RootsOf<T>(n),
        };
        DenseTensor copy = New(new Aval(y.DType, [numbers.Length]), y.Device);
        copy.Write<T>(numbers);
        return copy;
    });

    private static T[] RootsOf<T>(int n) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var roots = new T[2 * n];
        for (int k = 0; k < n; k++)
        {
            (double real, double imaginary) = Roots.Of(k, n);
            (roots[k], roots[n + k]) = (T.CreateTruncating(real), T.CreateTruncating(imaginary));
        }
        return roots;
    }

    private static DenseTensor Dense(DenseTensor x)
    {
        if (x.IsContiguous) return x;
        DenseTensor copy = New(x.Aval, x.Device);
        Move.Copy(x, copy);
        return copy;
    }

    private static DenseTensor New(Aval aval, Device device) => DenseTensor.Allocate(aval, device);

    private static int Groups(DenseTensor y) => LaunchSize.Linear(y.Count, FourierKernels.Size).GridX;
}
