using System.Diagnostics;
using System.Numerics;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>Positions of the largest and smallest elements along an axis.</summary>
public static unsafe class ArgReduce
{
    /// <summary>
    /// y = the first index of the largest element along <paramref name="axis"/>. Shape: [..., n, ...] → i32[..., ...], n ≥ 1. A NaN counts as the
    /// largest, so the first NaN wins; +0 and −0 are equal. Element types: f32, f64, i32, i64.
    /// </summary>
    /// <exception cref="ShapeException">NB0111: the axis has size 0.</exception>
    /// <exception cref="DTypeException">NB0204: x is bool.</exception>
    public static void ArgMax(DenseTensor x, int axis, DenseTensor y) => Run<MaxOp>("argmax", x, axis, y);

    /// <summary>
    /// y = the first index of the smallest element along <paramref name="axis"/>; as <see cref="ArgMax"/>, a NaN counts as the smallest.
    /// </summary>
    /// <inheritdoc cref="ArgMax" path="/exception"/>
    public static void ArgMin(DenseTensor x, int axis, DenseTensor y) => Run<MinOp>("argmin", x, axis, y);

    private static void Run<TOp>(string operation, DenseTensor x, int axis, DenseTensor y) where TOp : struct, IReduceOp
    {
        Debug.Assert(y.DType == DType.I32 && y.IsContiguous, "argreduce: output");
        if (y.Count == 0) return;
        if (x.Shape.Dims[axis] == 0) throw KernelErrors.NothingToCompare(operation, x.Aval, axis);
        if (x.DType == DType.Bool) throw KernelErrors.NoKernel(operation, x.Aval);
        if (y.Device is Accelerator)
        {
            DeviceReduce.Arg<TOp>(x, axis, y);
            return;
        }
        switch (x.DType)
        {
            case DType.F32: Run<TOp, float>(x, axis, y); break;
            case DType.F64: Run<TOp, double>(x, axis, y); break;
            case DType.I32: Run<TOp, int>(x, axis, y); break;
            default: Run<TOp, long>(x, axis, y); break;
        }
    }

    private static void Run<TOp, T>(DenseTensor x, int axis, DenseTensor y)
        where TOp : struct, IReduceOp
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        var job = new Job<TOp, T>(new AxisLines(x, axis, y), x.Pointer<T>(), y.Pointer<int>());
        Workers.Run(ref job, job.Parts);
    }

    private readonly struct Job<TOp, T>(in AxisLines lines, T* source, int* target) : IParallelJob
        where TOp : struct, IReduceOp
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        private readonly AxisLines _lines = lines;

        public int Parts => _lines.Parts;

        public void Run(int part)
        {
            (long first, long end) = _lines.Units(part);
            for (long unit = first; unit < end; unit++)
            {
                _lines.Locate(unit, out long from, out long to, out int columns);
                if (columns > 1) Columns(source + from, target + to, columns);
                else target[to] = Line(source + from);
            }
        }

        private int Line(T* x)
        {
            if (_lines.Stride == 1) return FirstEqual(x, _lines.Size, Fold<TOp, T>.Line(x, _lines.Size, 1));
            T best = x[0];
            int position = 0;
            for (int i = 1; i < _lines.Size; i++)
            {
                T value = x[i * _lines.Stride];
                if (!Beats(value, best)) continue;
                (best, position) = (value, i);
            }
            return position;
        }

        private void Columns(T* x, int* position, int columns)
        {
            T* best = stackalloc T[AxisLines.Band];
            for (int c = 0; c < columns; c++) (best[c], position[c]) = (x[c], 0);
            int width = Vector512<T>.Count;
            for (int i = 1; i < _lines.Size; i++)
            {
                T* row = x + i * _lines.Stride;
                int c = 0;
                for (; c + width <= columns; c += width)
                {
                    ulong beats = Beats(Vector512.Load(row + c), Vector512.Load(best + c)).ExtractMostSignificantBits();
                    // Rare once some rows have been seen.
                    for (; beats != 0; beats &= beats - 1) Replace(row, best, position, c + BitOperations.TrailingZeroCount(beats), i);
                }
                for (; c < columns; c++)
                    if (Beats(row[c], best[c])) Replace(row, best, position, c, i);
            }
        }

        private static void Replace(T* row, T* best, int* position, int column, int i)
        {
            best[column] = row[column];
            position[column] = i;
        }

        // True also for a NaN against a number: neither comparison of theirs holds.
        private static Vector512<T> Beats(Vector512<T> a, Vector512<T> b) => Vector512.Equals(b, b) &
            ~(typeof(TOp) == typeof(MaxOp) ? Vector512.LessThanOrEqual(a, b) : Vector512.GreaterThanOrEqual(a, b));

        private static bool Beats(T a, T b) =>
            (typeof(TOp) == typeof(MaxOp) ? a > b : a < b) || (T.IsNaN(a) && !T.IsNaN(b));

        private static int FirstEqual(T* x, int n, T value)
        {
            bool nan = T.IsNaN(value);
            Vector512<T> wanted = Vector512.Create(value);
            int i = 0;
            for (; i + Vector512<T>.Count <= n; i += Vector512<T>.Count)
            {
                Vector512<T> lanes = Vector512.Load(x + i);
                ulong hits = (nan ? ~Vector512.Equals(lanes, lanes) : Vector512.Equals(lanes, wanted)).ExtractMostSignificantBits();
                hits &= ulong.MaxValue >> (64 - Vector512<T>.Count);
                if (hits != 0) return i + BitOperations.TrailingZeroCount(hits);
            }
            while (i < n && !(nan ? T.IsNaN(x[i]) : x[i] == value)) i++;
            return i;
        }
    }
}
