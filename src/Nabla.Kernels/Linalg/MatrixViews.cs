namespace Nabla.Kernels;

public static unsafe partial class Linalg
{
    /// <summary>A matrix in memory: address, sizes, strides in elements of any sign.</summary>
    private readonly struct View<T>(T* address, long rows, long columns, long rowStride, long columnStride) where T : unmanaged
    {
        public readonly T* Address = address;
        public readonly long Rows = rows, Columns = columns, RowStride = rowStride, ColumnStride = columnStride;

        public View<T> Transposed => new(Address, Columns, Rows, ColumnStride, RowStride);

        public ref T this[long i, long j] => ref Address[i * RowStride + j * ColumnStride];

        public View<T> Block(long row, long column, long rows, long columns) =>
            new(Address + row * RowStride + column * ColumnStride, rows, columns, RowStride, ColumnStride);
    }

    private static View<T> Matrix<T>(DenseTensor x, long entry) where T : unmanaged
    {
        ReadOnlySpan<int> dims = x.Shape.Dims;
        ReadOnlySpan<long> strides = x.Layout.Strides;
        long offset = 0;
        for (int axis = dims.Length - 3; axis >= 0; axis--)
        {
            (entry, long index) = Math.DivRem(entry, dims[axis]);
            offset += index * strides[axis];
        }
        return new View<T>(x.Pointer<T>() + offset, dims[^2], dims[^1], strides[^2], strides[^1]);
    }

    private static long Entries(DenseTensor x)
    {
        long count = 1;
        foreach (int dim in x.Shape.Dims[..^2]) count *= dim;
        return count;
    }

    private static void CheckSquare(string operation, DenseTensor a)
    {
        if (a.Rank < 2 || a.Shape.Dims[^1] != a.Shape.Dims[^2]) throw KernelErrors.NotSquare(operation, a.Aval);
    }
}
