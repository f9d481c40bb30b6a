using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>Cumulative folds along an axis.</summary>
public static unsafe class Scan
{
    /// <summary>
    /// yᵢ = x₀ + … + xᵢ along <paramref name="axis"/>, or xᵢ + … + xₙ₋₁ if <paramref name="reverse"/>. Shape kept; f32, f64, i32, i64 (integers wrap).
    /// </summary>
    /// <remarks>
    /// f32 is summed in f64: |error| ≤ u·|yᵢ| + 2⁻⁵³·i·Σ|x|. f64: |error| ≤ i·u·Σ|x|, the terms being added in order.
    /// </remarks>
    /// <exception cref="DTypeException">NB0204: x is bool.</exception>
    public static void CumSum(DenseTensor x, int axis, bool reverse, DenseTensor y) => Run<SumOp>(x, axis, reverse, y);

    /// <summary>yᵢ = x₀ ∘ … ∘ xᵢ with the operation <typeparamref name="TOp"/>; see <see cref="CumSum"/>.</summary>
    /// <exception cref="DTypeException">NB0204: the operation is not for this element type.</exception>
    public static void Run<TOp>(DenseTensor x, int axis, bool reverse, DenseTensor y) where TOp : struct, IReduceOp
    {
        Debug.Assert(x.Aval == y.Aval && y.IsContiguous, "scan: operands");
        if (TOp.IsLogical || x.DType == DType.Bool) throw KernelErrors.NoKernel("cum" + TOp.Name, x.Aval);
        if (x.Count == 0) return;
        if (y.Device is Accelerator)
        {
            DeviceScan.Run<TOp>(x, axis, reverse, y);
            return;
        }
        switch (x.DType)
        {
            case DType.F32: Run<TOp, float, double>(x, axis, reverse, y); break;
            case DType.F64: Run<TOp, double, double>(x, axis, reverse, y); break;
            case DType.I32: Run<TOp, int, int>(x, axis, reverse, y); break;
            default: Run<TOp, long, long>(x, axis, reverse, y); break;
        }
    }

    private static void Run<TOp, T, TSum>(DenseTensor x, int axis, bool reverse, DenseTensor y)
        where TOp : struct, IReduceOp
        where T : unmanaged, INumber<T>
        where TSum : unmanaged, INumber<TSum>, IMinMaxValue<TSum>
    {
        var job = new Job<TOp, T, TSum>(new AxisLines(x, axis, y), x.Pointer<T>(), y.Pointer<T>(), reverse);
        Workers.Run(ref job, job.Parts);
    }

    private readonly struct Job<TOp, T, TSum>(in AxisLines lines, T* source, T* target, bool reverse) : IParallelJob
        where TOp : struct, IReduceOp
        where T : unmanaged, INumber<T>
        where TSum : unmanaged, INumber<TSum>, IMinMaxValue<TSum>
    {
        private readonly AxisLines _lines = lines;

        public int Parts => _lines.Parts;

        public void Run(int part)
        {
            (long first, long end) = _lines.Units(part);
            long from = reverse ? -_lines.Stride : _lines.Stride, to = reverse ? -_lines.TargetStride : _lines.TargetStride;
            long start = reverse ? _lines.Size - 1L : 0;
            for (long unit = first; unit < end; unit++)
            {
                _lines.Locate(unit, out long x, out long y, out int columns);
                x += start * _lines.Stride;
                y += start * _lines.TargetStride;
                if (columns > 1) Columns(source + x, from, target + y, to, columns);
                else Line(source + x, from, target + y, to);
            }
        }

        private void Line(T* x, long from, T* y, long to)
        {
            TSum sum = Wide(*x);
            *y = *x;
            for (long i = 1, n = _lines.Size; i < n; i++)
            {
                sum = TOp.Combine(sum, Wide(x[i * from]));
                y[i * to] = Narrow(sum);
            }
        }

        private void Columns(T* x, long from, T* y, long to, int columns)
        {
            TSum* sums = stackalloc TSum[AxisLines.Band];
            for (int c = 0; c < columns; c++)
            {
                sums[c] = Wide(x[c]);
                y[c] = x[c];
            }
            for (long i = 1; i < _lines.Size; i++) Row(x + i * from, y + i * to, sums, columns);
        }

        private static void Row(T* x, T* y, TSum* sums, int columns)
        {
            int c = 0, width = Vector512<T>.Count;
            for (; c + width <= columns; c += width)
            {
                if (typeof(T) == typeof(TSum))
                {
                    Vector512<TSum> sum = TOp.Combine(Vector512.Load(sums + c), Vector512.Load(x + c).As<T, TSum>());
                    sum.Store(sums + c);
                    sum.As<TSum, T>().Store(y + c);
                }
                else
                {
                    double* wide = (double*)sums + c;
                    (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Vector512.Load((float*)x + c));
                    low = TOp.Combine(Vector512.Load(wide), low);
                    high = TOp.Combine(Vector512.Load(wide + width / 2), high);
                    low.Store(wide);
                    high.Store(wide + width / 2);
                    Vector512.Narrow(low, high).Store((float*)y + c);
                }
            }
            for (; c < columns; c++)
            {
                sums[c] = TOp.Combine(sums[c], Wide(x[c]));
                y[c] = Narrow(sums[c]);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static TSum Wide(T x) =>
            typeof(T) == typeof(TSum) ? Unsafe.BitCast<T, TSum>(x) : (TSum)(object)(double)(float)(object)x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static T Narrow(TSum x) =>
            typeof(T) == typeof(TSum) ? Unsafe.BitCast<TSum, T>(x) : (T)(object)(float)(double)(object)x;
    }
}
