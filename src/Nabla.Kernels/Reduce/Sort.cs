using System.Diagnostics;
using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Sorting along an axis, and searching what is sorted. NaN comes last in either direction; −0 = +0.</summary>
public static unsafe class Sort
{
    // Shorter runs are sorted by insertion.
    private const int ShortRun = 16;

    /// <summary>
    /// values = x sorted along <paramref name="axis"/>, ascending or descending; indices = where each came from. Stable: equal elements, and NaNs, keep
    /// their order. Shape: [...] → [...] and i32 [...]; f32, f64, i32, i64. n log n comparisons a line, by merging; lines in parallel.
    /// </summary>
    /// <exception cref="DTypeException">NB0204: x is bool.</exception>
    public static void Along(DenseTensor x, int axis, bool descending, DenseTensor values, DenseTensor indices)
    {
        Debug.Assert(values.Aval == x.Aval && indices.Aval == new Aval(DType.I32, x.Shape), "sort: operands");
        if (x.DType == DType.Bool) throw KernelErrors.NoKernel("sort", x.Aval);
        if (x.Count == 0) return;
        if (x.Device is Accelerator)
        {
            DeviceSort.Along(x, axis, descending, values, indices);
            return;
        }
        switch (x.DType)
        {
            case DType.F32: Along<float>(x, axis, descending, values, indices); break;
            case DType.F64: Along<double>(x, axis, descending, values, indices); break;
            case DType.I32: Along<int>(x, axis, descending, values, indices); break;
            default: Along<long>(x, axis, descending, values, indices); break;
        }
    }

    /// <summary>
    /// y = how many elements of an ascending sequence stand before each value: those less than it, or, with <paramref name="right"/>, those not greater.
    /// Shape: sequence [b…, n] and values [b…, m…] → i32 [b…, m…], where b are <paramref name="batch"/> axes; one element type of f32, f64, i32, i64.
    /// An operand that is not contiguous is copied.
    /// </summary>
    /// <exception cref="DTypeException">NB0204: the operands are bool.</exception>
    public static void Search(DenseTensor sequence, DenseTensor values, int batch, bool right, DenseTensor y)
    {
        Debug.Assert(sequence.DType == values.DType && y.Aval == new Aval(DType.I32, values.Shape) && sequence.Rank == batch + 1, "search_sorted: operands");
        if (values.DType == DType.Bool) throw KernelErrors.NoKernel("search_sorted", values.Aval);
        if (y.Count == 0) return;
        (sequence, values) = (Contiguous(sequence), Contiguous(values));
        if (y.Device is Accelerator)
        {
            DeviceSort.Search(sequence, values, batch, right, y);
            return;
        }
        switch (values.DType)
        {
            case DType.F32: Search<float>(sequence, values, batch, right, y); break;
            case DType.F64: Search<double>(sequence, values, batch, right, y); break;
            case DType.I32: Search<int>(sequence, values, batch, right, y); break;
            default: Search<long>(sequence, values, batch, right, y); break;
        }
        GC.KeepAlive(sequence);
        GC.KeepAlive(values);
    }

    private static void Along<T>(DenseTensor x, int axis, bool descending, DenseTensor values, DenseTensor indices) where T : unmanaged, INumber<T>
    {
        var job = new Job<T>(new AxisLines(x, axis, values), x.Pointer<T>(), values.Pointer<T>(), indices.Pointer<int>(), descending);
        Workers.Run(ref job, job.Parts);
    }

    private static void Search<T>(DenseTensor sequence, DenseTensor values, int batch, bool right, DenseTensor y) where T : unmanaged, INumber<T>
    {
        int size = sequence.Shape.Dims[batch];
        long members = 1;
        foreach (int dim in values.Shape.Dims[..batch]) members *= dim;
        long each = values.Count / members;
        T* from = sequence.Pointer<T>(), wanted = values.Pointer<T>();
        int* to = y.Pointer<int>();
        for (long i = 0; i < values.Count; i++) to[i] = Position(from + i / each * size, size, wanted[i], right);
    }

    private static int Position<T>(T* sequence, int size, T value, bool right) where T : unmanaged, INumber<T>
    {
        int low = 0, high = size;
        while (low < high)
        {
            int middle = (int)(((uint)low + (uint)high) / 2);
            bool before = right ? !Before(value, sequence[middle], false) : Before(sequence[middle], value, false);
            if (before) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    private static DenseTensor Contiguous(DenseTensor x)
    {
        if (x.IsContiguous) return x;
        DenseTensor copy = DenseTensor.Allocate(x.Aval, x.Device);
        Move.Copy(x, copy);
        return copy;
    }

    private static bool Before<T>(T a, T b, bool descending) where T : unmanaged, INumber<T> =>
        (descending ? b < a : a < b) || (T.IsNaN(b) && !T.IsNaN(a));

    private struct Item<T> where T : unmanaged
    {
        public T Key;
        public int Index;
    }

    private readonly struct Job<T>(in AxisLines lines, T* source, T* values, int* indices, bool descending) : IParallelJob
        where T : unmanaged, INumber<T>
    {
        private readonly AxisLines _lines = lines;

        public int Parts => _lines.Parts;

        public void Run(int part)
        {
            (long first, long end) = _lines.Units(part);
            for (long unit = first; unit < end; unit++)
            {
                _lines.Locate(unit, out long x, out long y, out int columns);
                for (int c = 0; c < columns; c++) Line(source + x + c, values + y + c, indices + y + c);
            }
        }

        private void Line(T* x, T* y, int* position)
        {
            int n = _lines.Size;
            Item<T>* items = Scratch.Get<Item<T>>(Scratch.Slot.Vector, 2L * n), spare = items + n;
            for (int i = 0; i < n; i++) items[i] = new Item<T> { Key = x[i * _lines.Stride], Index = i };
            for (int start = 0; start < n; start += ShortRun) Insert(items + start, Math.Min(ShortRun, n - start));
            for (long width = ShortRun; width < n; width *= 2)
            {
                for (long start = 0; start < n; start += 2 * width)
                    Merge(items + start, (int)Math.Min(width, n - start), (int)Math.Min(2 * width, n - start), spare + start);
                Item<T>* merged = spare;
                spare = items;
                items = merged;
            }
            for (int i = 0; i < n; i++) (y[i * _lines.TargetStride], position[i * _lines.TargetStride]) = (items[i].Key, items[i].Index);
        }

        private void Insert(Item<T>* items, int n)
        {
            for (int i = 1; i < n; i++)
            {
                Item<T> item = items[i];
                int at = i;
                for (; at > 0 && Before(item.Key, items[at - 1].Key, descending); at--) items[at] = items[at - 1];
                items[at] = item;
            }
        }

        // items[..middle] and items[middle..end] into to; the left one first where neither is before the other.
        private void Merge(Item<T>* items, int middle, int end, Item<T>* to)
        {
            int left = 0, right = middle;
            for (int i = 0; i < end; i++)
            {
                bool fromRight = left == middle || (right < end && Before(items[right].Key, items[left].Key, descending));
                to[i] = items[fromRight ? right++ : left++];
            }
        }
    }
}
