using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>A matrix in memory: address, sizes, strides in elements of any sign.</summary>
internal readonly unsafe struct MatrixView<T>(T* address, long rows, long columns, long rowStride, long columnStride)
    where T : unmanaged, INumber<T>
{
    public readonly T* Address = address;
    public readonly nint Rows = (nint)rows, Columns = (nint)columns, RowStride = (nint)rowStride, ColumnStride = (nint)columnStride;

    /// <summary>Entry <paramref name="entry"/> (row-major) of a batch of matrices.</summary>
    public static MatrixView<T> Of(DenseTensor x, long entry)
    {
        ReadOnlySpan<int> dims = x.Shape.Dims;
        ReadOnlySpan<long> strides = x.Layout.Strides;
        long offset = 0;
        for (int axis = dims.Length - 3; axis >= 0; axis--)
        {
            (entry, long index) = Math.DivRem(entry, dims[axis]);
            offset += index * strides[axis];
        }
        return new MatrixView<T>(x.Pointer<T>() + offset, dims[^2], dims[^1], strides[^2], strides[^1]);
    }

    public ref T this[nint i, nint j] => ref Address[i * RowStride + j * ColumnStride];

    public MatrixView<T> Transposed => new(Address, Columns, Rows, ColumnStride, RowStride);

    public MatrixView<T> Block(nint row, nint column, nint rows, nint columns) =>
        new(Address + row * RowStride + column * ColumnStride, rows, columns, RowStride, ColumnStride);

    /// <summary>Copies the elements to a matrix of the same size with dense rows.</summary>
    public void CopyTo(MatrixView<T> target)
    {
        for (nint i = 0; i < Rows; i++) Block(i, 0, 1, Columns).CopyTo(target.Address + i * target.RowStride, negate: false);
    }

    /// <summary>Copies the elements, negated if asked, to dense rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void CopyTo(T* target, bool negate)
    {
        for (nint i = 0; i < Rows; i++, target += Columns)
        {
            T* row = Address + i * RowStride;
            nint j = 0;
            if (ColumnStride == 1)
            {
                Vector256<T> sign = Vector256.Create(negate ? -T.One : T.One);
                for (; j + Vector256<T>.Count <= Columns; j += Vector256<T>.Count) (Vector256.Load(row + j) * sign).Store(target + j);
            }
            for (; j < Columns; j++) target[j] = negate ? -row[j * ColumnStride] : row[j * ColumnStride];
        }
    }

    /// <summary>
    /// This −= x·y; this matrix has dense rows and shares no element with x and y. The smaller factor is negated in the caller's scratch slot for
    /// factorisations, so that one kernel serves sums and differences.
    /// </summary>
    public void SubtractProduct(MatrixView<T> x, MatrixView<T> y)
    {
        if (Rows == 0 || Columns == 0 || x.Columns == 0) return;
        if (Rows <= Columns) AddProduct(x.Negated(), y);
        else AddProduct(x, y.Negated());
    }

    // In dense columns if they are dense here, else in dense rows.
    private MatrixView<T> Negated()
    {
        T* target = Scratch.Get<T>(Scratch.Slot.Linalg, Rows * Columns);
        if (RowStride == 1 && ColumnStride != 1)
        {
            Transposed.CopyTo(target, negate: true);
            return new MatrixView<T>(target, Columns, Rows, Rows, 1).Transposed;
        }
        CopyTo(target, negate: true);
        return new MatrixView<T>(target, Rows, Columns, Columns, 1);
    }

    /// <summary>This += x·y; this matrix has dense rows and shares no element with x and y.</summary>
    public void AddProduct(MatrixView<T> x, MatrixView<T> y) => Product(x, y, accumulate: true);

    /// <summary>This = x·y; this matrix has dense rows and shares no element with x and y.</summary>
    public void SetProduct(MatrixView<T> x, MatrixView<T> y) => Product(x, y, accumulate: false);

    private void Product(MatrixView<T> x, MatrixView<T> y, bool accumulate) => MatMul.RunOne(x.Address, y.Address, Address,
        new GemmProblem(Rows, Columns, x.Columns, x.RowStride, x.ColumnStride, y.RowStride, y.ColumnStride, RowStride, accumulate));
}
