using System.Diagnostics;
using System.Numerics;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// Discrete Fourier transforms along the last axis, of any length n ≥ 1, f32 and f64; a complex number is two real ones in two tensors. About
/// 5·n·log₂ n flops a line, half for real lines of even length; with a prime factor above 31 about five times as many.
/// </summary>
/// <remarks>
/// Error in the Euclidean norm, relative to the result: at most 2·u·(1 + log₂ n), with u the unit roundoff, and 6·u·(1 + log₂ n) for lengths with a prime
/// factor above 31. Tables are kept for each length. Each line is computed by itself, so that neither the batch nor the number of threads changes bits.
/// </remarks>
public static unsafe class Fourier
{
    private const long PartSize = 1 << 13;

    /// <summary>
    /// y = scale·Σⱼ xⱼ·e^(∓2πijk/n), − forward and + inverse. Shape: all <c>[batch..., n]</c>; inputs of any layout, results contiguous and apart.
    /// </summary>
    public static void Complex(DenseTensor re, DenseTensor im, bool inverse, double scale, DenseTensor yr, DenseTensor yi)
    {
        Debug.Assert(re.Aval == im.Aval && re.Aval == yr.Aval && re.Aval == yi.Aval && yr.IsContiguous && yi.IsContiguous, "fft: operands");
        if (yr.Device is Accelerator) DeviceFourier.Complex(re, im, inverse, scale, yr, yi);
        else if (re.DType == DType.F32) Run<float>(Kind.Complex, re, im, inverse, scale, re.Shape.Dims[^1], yr, yi);
        else Run<double>(Kind.Complex, re, im, inverse, scale, re.Shape.Dims[^1], yr, yi);
    }

    /// <summary>y = scale·Σⱼ xⱼ·e^(−2πijk/n) for k ≤ n/2. Shape: x <c>[batch..., n]</c>, any layout → <c>[batch..., ⌊n/2⌋ + 1]</c>, contiguous.</summary>
    public static void RealForward(DenseTensor x, double scale, DenseTensor yr, DenseTensor yi)
    {
        Debug.Assert(yr.Aval == yi.Aval && yr.Shape.Dims[^1] == x.Shape.Dims[^1] / 2 + 1 && yr.IsContiguous && yi.IsContiguous, "rfft: operands");
        if (yr.Device is Accelerator) DeviceFourier.RealForward(x, scale, yr, yi);
        else if (x.DType == DType.F32) Run<float>(Kind.RealForward, x, x, false, scale, x.Shape.Dims[^1], yr, yi);
        else Run<double>(Kind.RealForward, x, x, false, scale, x.Shape.Dims[^1], yr, yi);
    }

    /// <summary>
    /// y = scale·Σₖ xₖ·e^(2πijk/n) over all n, with xₙ₋ₖ the conjugate of xₖ; imaginary parts of x₀, and of xₙ⸝₂ for even n, count as 0. Shape: re, im
    /// <c>[batch..., ⌊n/2⌋ + 1]</c>, any layout → y <c>[batch..., n]</c>, contiguous.
    /// </summary>
    public static void RealInverse(DenseTensor re, DenseTensor im, double scale, DenseTensor y)
    {
        Debug.Assert(re.Aval == im.Aval && re.Shape.Dims[^1] == y.Shape.Dims[^1] / 2 + 1 && y.IsContiguous, "irfft: operands");
        if (y.Device is Accelerator) DeviceFourier.RealInverse(re, im, scale, y);
        else if (re.DType == DType.F32) Run<float>(Kind.RealInverse, re, im, true, scale, y.Shape.Dims[^1], y, y);
        else Run<double>(Kind.RealInverse, re, im, true, scale, y.Shape.Dims[^1], y, y);
    }

    private enum Kind { Complex, RealForward, RealInverse }

    private static void Run<T>(Kind kind, DenseTensor re, DenseTensor im, bool inverse, double scale, int n, DenseTensor yr, DenseTensor yi)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (yr.Count == 0) return;
        var job = new Job<T>(kind, re, im, inverse, T.CreateTruncating(scale), n, yr, yi);
        Workers.Run(ref job, job.Parts);
        GC.KeepAlive((re, im, yr, yi));
    }

    private readonly struct Job<T> : IParallelJob where T : unmanaged, IFloatingPointIeee754<T>
    {
        private readonly StridedWalk _lines;
        private readonly FourierPlan<T>? _complex;
        private readonly RealPlan<T>? _real;
        private readonly T* _re, _im, _yr, _yi;
        private readonly long _reStep, _imStep, _linesPerPart;
        private readonly int _from, _to;
        private readonly T _scale;
        private readonly bool _inverse, _one;

        public Job(Kind kind, DenseTensor re, DenseTensor im, bool inverse, T scale, int n, DenseTensor yr, DenseTensor yi)
        {
            _lines = new StridedWalk(re.Shape.Dims[..^1], re.Layout.Strides[..^1], im.Layout.Strides[..^1]);
            if (kind == Kind.Complex) _complex = FourierPlan<T>.For(n);
            else _real = RealPlan<T>.For(n);
            _re = re.Pointer<T>();
            _im = im.Pointer<T>();
            _yr = yr.Pointer<T>();
            _yi = yi.Pointer<T>();
            (_reStep, _imStep) = (re.Layout.Strides[^1], im.Layout.Strides[^1]);
            (_from, _to, _scale, _inverse, _one) = (re.Shape.Dims[^1], yr.Shape.Dims[^1], scale, inverse, kind == Kind.RealForward);
            _linesPerPart = Math.Max(1, PartSize / n);
        }

        public int Parts => checked((int)((_lines.Count + _linesPerPart - 1) / _linesPerPart));

        public void Run(int part)
        {
            long end = Math.Min(_lines.Count, (part + 1) * _linesPerPart);
            long work = _complex?.WorkSize ?? _real!.WorkSize;
            T* scratch = Scratch.Get<T>(Scratch.Slot.Fourier, work + 2L * _from);
            for (long line = part * _linesPerPart; line < end; line++)
            {
                _lines.Seek(line, 0, out StridedWalk.Cursor cursor);
                T* xr = Gather(_re + cursor.Offset[0], _reStep, scratch + work);
                T* xi = _one ? null : Gather(_im + cursor.Offset[1], _imStep, scratch + work + _from);
                Transform(xr, xi, _yr + line * _to, _yi + line * _to, scratch);
            }
        }

        private void Transform(T* xr, T* xi, T* yr, T* yi, T* work)
        {
            if (_one) _real!.Forward(xr, yr, yi, work);
            else if (_real is not null) _real.Inverse(xr, xi, yr, work);
            else if (_inverse) _complex!.Run(xi, xr, yi, yr, work);
            else _complex!.Run(xr, xi, yr, yi, work);
            if (_scale == T.One) return;
            Scale(yr);
            if (yi != yr) Scale(yi);
        }

        // A line as dense elements: where it is, or copied.
        private T* Gather(T* x, long step, T* target)
        {
            if (step == 1 || _from == 1) return x;
            for (nint i = 0; i < _from; i++) target[i] = x[i * step];
            return target;
        }

        private void Scale(T* y)
        {
            nint i = 0;
            for (; i + Vector512<T>.Count <= _to; i += Vector512<T>.Count) (Vector512.Load(y + i) * _scale).Store(y + i);
            for (; i < _to; i++) y[i] *= _scale;
        }
    }
}
