using System.Diagnostics;

namespace Nabla.Kernels;

/// <summary>
/// Moves elements without computing: copies, padding, concatenation, indices. Slices, transpositions, broadcasts and reversals
/// are views and need no kernel. Inputs may have any layout; outputs are dense and overlap no input.
/// </summary>
public static unsafe partial class Move
{
    /// <summary>
    /// y = x, from any layout to the dense row-major one. The shapes may differ if the counts agree: elements keep their row-major order, so that
    /// this is also the copy of a reshape. Cost: reads and writes each element once; transpositions go in tiles as wide as a cache line.
    /// </summary>
    public static void Copy(DenseTensor x, DenseTensor y)
    {
        Debug.Assert(x.DType == y.DType && x.Count == y.Count && y.IsContiguous, "copy: operands");
        if (x.Count == 0) return;
        if (x.Device is Accelerator || y.Device is Accelerator)
        {
            DeviceMove.Copy(x, y);
            return;
        }
        Span<long> strides = stackalloc long[x.Rank];
        RowMajor(x.Shape.Dims, strides);
        CopyInto(x, Start(y), y.DType.Size, strides);
    }

    /// <summary>
    /// y = x with <paramref name="interior"/>[k] fill values between neighbours along axis k, <paramref name="low"/>[k] before the first and
    /// <paramref name="high"/>[k] after the last; negative low or high remove positions instead, after the interior has been inserted.
    /// Shape: [d…] → [max(0, low + d + max(0, d − 1)·interior + high)…]; <paramref name="fill"/> is a scalar of x's element type.
    /// </summary>
    /// <remarks>The transpose of a strided slice is an interior padding with 0; XLA's Pad has the same meaning.</remarks>
    public static void Pad(DenseTensor x, ReadOnlySpan<int> low, ReadOnlySpan<int> high, ReadOnlySpan<int> interior, DenseTensor fill,
        DenseTensor y)
    {
        Debug.Assert(fill.Count == 1 && fill.DType == x.DType && y.DType == x.DType && y.IsContiguous, "pad: operands");
        if (y.Count == 0) return;
        if (y.Device is Accelerator) DeviceMove.Fill(fill, y);
        else FillAll(fill, y);
        int rank = x.Rank;
        Span<int> dims = stackalloc int[rank];
        Span<long> from = stackalloc long[rank], to = stackalloc long[rank];
        RowMajor(y.Shape.Dims, to);
        long source = 0, target = 0;
        for (int axis = 0; axis < rank; axis++)
        {
            int size = x.Shape.Dims[axis];
            long step = 1L + interior[axis];
            Debug.Assert(y.Shape.Dims[axis] == Math.Max(0, low[axis] + size + Math.Max(0, size - 1L) * interior[axis] + high[axis]), "pad: shape");
            // Elements first … last of x land inside y: 0 ≤ low + i·step < y's size.
            long first = low[axis] >= 0 ? 0 : (-(long)low[axis] + step - 1) / step;
            long room = y.Shape.Dims[axis] - 1L - low[axis];
            long last = room < 0 ? -1 : Math.Min(size - 1L, room / step);
            if (last < first) return;
            dims[axis] = (int)(last - first + 1);
            from[axis] = x.Layout.Strides[axis];
            source += first * from[axis];
            target += (low[axis] + first * step) * to[axis];
            to[axis] *= step;
        }
        if (y.Device is Accelerator) DeviceMove.Run(x, source, y, target, new StridedWalk(dims, from, to));
        else CopyWords(x.DType.Size, Start(x) + source * x.DType.Size, Start(y) + target * x.DType.Size, new StridedWalk(dims, from, to));
    }

    /// <summary>
    /// y = the operands one after another along <paramref name="axis"/>. Shape: [..., nₖ, ...] each → [..., Σ nₖ, ...]; one element type.
    /// </summary>
    public static void Concatenate(ReadOnlySpan<DenseTensor> xs, int axis, DenseTensor y)
    {
        Span<long> strides = stackalloc long[y.Rank];
        RowMajor(y.Shape.Dims, strides);
        long position = 0;
        foreach (DenseTensor x in xs)
        {
            if (y.Device is Accelerator) DeviceMove.Run(x, 0, y, position * strides[axis], new StridedWalk(x.Shape.Dims, x.Layout.Strides, strides));
            else CopyInto(x, Start(y) + position * strides[axis] * y.DType.Size, y.DType.Size, strides);
            position += x.Shape.Dims[axis];
        }
        Debug.Assert(position == y.Shape.Dims[axis], "concatenate: shape");
    }

    /// <summary>y[i₀, …, iᵣ₋₁] = i_axis. Element types: f32, f64, i32, i64 (f32 rounds beyond 2²⁴).</summary>
    /// <exception cref="DTypeException">NB0204: y is bool.</exception>
    public static void Iota(int axis, DenseTensor y)
    {
        if (y.Device is Accelerator)
        {
            DeviceMove.Iota(axis, y);
            return;
        }
        switch (y.DType)
        {
            case DType.F32: Iota<float>(axis, y); break;
            case DType.F64: Iota<double>(axis, y); break;
            case DType.I32: Iota<int>(axis, y); break;
            case DType.I64: Iota<long>(axis, y); break;
            default: throw KernelErrors.NoKernel("iota", y.Aval);
        }
    }

    private static void Iota<T>(int axis, DenseTensor y) where T : unmanaged, System.Numerics.INumber<T>
    {
        if (y.Count == 0) return;
        ReadOnlySpan<int> dims = y.Shape.Dims;
        long inner = 1, period = dims[axis];
        for (int i = axis + 1; i < dims.Length; i++) inner *= dims[i];
        T* target = y.Pointer<T>();
        for (long i = 0; i < period; i++) StridedCopy.Fill(target + i * inner, T.CreateTruncating(i), inner);
        period *= inner;
        for (long done = period; done < y.Count; done += period)
            System.Buffer.MemoryCopy(target, target + done, period * sizeof(T), period * sizeof(T));
    }

    /// <summary>Strides of a dense row-major tensor, into a span.</summary>
    internal static void RowMajor(ReadOnlySpan<int> dims, Span<long> strides)
    {
        long stride = 1;
        for (int i = dims.Length - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= Math.Max(1, dims[i]);
        }
    }

    /// <summary>Address of a tensor's first element, whatever its type.</summary>
    private static byte* Start(DenseTensor x) => x.HostStart;

    private static void CopyInto(DenseTensor x, byte* target, int size, ReadOnlySpan<long> strides)
    {
        if (x.Count == 0) return;
        CopyWords(size, Start(x), target, new StridedWalk(x.Shape.Dims, x.Layout.Strides, strides));
    }

    private static void FillAll(DenseTensor value, DenseTensor y) =>
        CopyWords(y.DType.Size, Start(value), Start(y), Constant(y.Count));

    private static StridedWalk Constant(long count)
    {
        var walk = new StridedWalk();
        walk.Append(count, 0, 1);
        return walk;
    }

    private static void CopyWords(int size, byte* source, byte* target, in StridedWalk walk)
    {
        switch (size)
        {
            case 1: StridedCopy.Run(source, target, walk); break;
            case 4: StridedCopy.Run((uint*)source, (uint*)target, walk); break;
            default: StridedCopy.Run((ulong*)source, (ulong*)target, walk); break;
        }
    }
}
