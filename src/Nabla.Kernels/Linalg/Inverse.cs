using System.Numerics;
using System.Numerics.Tensors;

namespace Nabla.Kernels;

public static unsafe partial class Linalg
{
    /// <summary>
    /// X = L⁻¹ for lower triangular L. Shape: l <c>[batch..., n, n]</c>, any strides, of which only the lower triangle is read → x <c>[batch..., n, n]</c>,
    /// contiguous, not overlapping, zeros above the diagonal. f32 and f64. Cost n³/3 flops. Error: ‖X·L − I‖ ≤ c·n·u·‖L‖‖X‖.
    /// </summary>
    /// <exception cref="NumericException">NB0602: a zero on the diagonal; x is then undefined.</exception>
    /// <exception cref="ShapeException">NB0125: the matrices are not square, or x is shaped otherwise.</exception>
    /// <exception cref="DTypeException">NB0210: not f32 or f64.</exception>
    public static void TriangularInverse(DenseTensor l, DenseTensor x) => InvertAll("triangular_inverse", l, x, square: false);

    /// <summary>
    /// X = (L·Lᵀ)⁻¹, the inverse of a matrix from its lower Cholesky factor; symmetric bit for bit. Operands, exceptions and errors as for
    /// <see cref="TriangularInverse"/>. Cost 2n³/3 flops.
    /// </summary>
    public static void CholeskyInverse(DenseTensor l, DenseTensor x) => InvertAll("cholesky_inverse", l, x, square: true);

    private static void InvertAll(string operation, DenseTensor l, DenseTensor x, bool square)
    {
        CheckSquare(operation, l);
        if (x.Shape != l.Shape || !x.IsContiguous) throw KernelErrors.NotSquare(operation, x.Aval);
        if (!l.DType.IsFloat || l.DType != x.DType) throw KernelErrors.NoProduct(operation, l.Aval, x.Aval);
        if (x.Device is Accelerator)
        {
            DeviceLinalg.Invert(operation, l, x, square);
            return;
        }
        long n = l.Shape.Dims[^1], failure = long.MaxValue;
        if (l.DType == DType.F32) InvertAll<float>(l, x, square, &failure);
        else InvertAll<double>(l, x, square, &failure);
        if (failure != long.MaxValue) throw KernelErrors.ZeroDiagonal(l.Aval, failure / n, failure % n, operation);
    }

    private static void InvertAll<T>(DenseTensor l, DenseTensor x, bool square, long* failure) where T : unmanaged, IFloatingPointIeee754<T>
    {
        long n = l.Shape.Dims[^1], work = Math.Max(1, n * n * (n / (square ? 3 : 6) + FixedCost));
        long entries = Entries(l), perPart = Math.Max(1, GemmConfig.BatchPart / work);
        var job = new InverseJob<T>(l, x, square, entries, perPart, failure);
        RunParts(ref job, checked((int)((entries + perPart - 1) / perPart)), work * perPart);
    }

    private readonly struct InverseJob<T>(DenseTensor l, DenseTensor x, bool square, long entries, long perPart, long* failure) : IParallelJob
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Run(int part)
        {
            long end = Math.Min(entries, (part + 1) * perPart);
            for (long entry = part * perPart; entry < end; entry++)
            {
                MatrixView<T> source = MatrixView<T>.Of(l, entry), target = MatrixView<T>.Of(x, entry);
                if (ZeroOnDiagonal(source) is >= 0 and nint row)
                {
                    Report(failure, entry * source.Rows + row);
                    continue;
                }
                CopyLower(source, target);
                InverseKernel<T>.InvertTriangle(target);
                if (square)
                {
                    InverseKernel<T>.SquareTransposed(target);
                    Gram.Mirror(target.Address, target.Rows, target.RowStride);
                }
            }
        }
    }
}

/// <summary>Inverses in place of matrices with dense rows, by halves; most work is then in matrix products of all sizes. Only the lower triangle is used.</summary>
internal static unsafe class InverseKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Base = 32;

    /// <summary>L → L⁻¹: the lower left block becomes −L₂₂⁻¹·L₂₁·L₁₁⁻¹, by substitution. No diagonal element is 0.</summary>
    /// <remarks>Source: Higham, Accuracy and Stability of Numerical Algorithms, §14.2.</remarks>
    public static void InvertTriangle(MatrixView<T> l)
    {
        nint n = l.Rows;
        if (n <= SmallTriangle<T>.Largest)
        {
            SmallTriangle<T>.Invert(l);
            return;
        }
        Halves(l, out MatrixView<T> first, out MatrixView<T> left, out MatrixView<T> second);
        TriangularKernel<T>.SolveLeft(second, left, lower: true, unitDiagonal: false);
        TriangularKernel<T>.SolveRight(first, left, lower: true, unitDiagonal: false);
        for (nint i = 0; i < left.Rows; i++)
        {
            var row = new Span<T>(left.Address + i * left.RowStride, (int)left.Columns);
            TensorPrimitives.Negate<T>(row, row);
        }
        InvertTriangle(first);
        InvertTriangle(second);
    }

    /// <summary>L → the lower triangle of Lᵀ·L; the upper one is undefined afterwards.</summary>
    public static void SquareTransposed(MatrixView<T> l)
    {
        nint n = l.Rows;
        if (n <= SmallTriangle<T>.Largest)
        {
            SmallTriangle<T>.SquareTransposed(l);
            return;
        }
        Halves(l, out MatrixView<T> first, out MatrixView<T> left, out MatrixView<T> second);
        SquareTransposed(first);
        Gram.Lower(left.Address, left.ColumnStride, left.RowStride, first.Address, first.RowStride, left.Columns, left.Rows, accumulate: true);
        MultiplyTransposed(second, left);
        SquareTransposed(second);
    }

    // X := Lᵀ·X.
    private static void MultiplyTransposed(MatrixView<T> l, MatrixView<T> x)
    {
        nint n = l.Rows;
        if (n <= 2 * Base)
        {
            ClearUpper(l);
            T* copy = Scratch.Get<T>(Scratch.Slot.Linalg, x.Rows * x.Columns);
            x.CopyTo(copy, negate: false);
            x.SetProduct(l.Transposed, new MatrixView<T>(copy, x.Rows, x.Columns, x.Columns, 1));
            return;
        }
        Halves(l, out MatrixView<T> first, out MatrixView<T> left, out MatrixView<T> second);
        MatrixView<T> upper = x.Block(0, 0, first.Rows, x.Columns), lower = x.Block(first.Rows, 0, second.Rows, x.Columns);
        MultiplyTransposed(first, upper);
        upper.AddProduct(left.Transposed, lower);
        MultiplyTransposed(second, lower);
    }

    private static void Halves(MatrixView<T> l, out MatrixView<T> first, out MatrixView<T> left, out MatrixView<T> second)
    {
        nint n = l.Rows, half = TriangularKernel<T>.Half(n);
        (first, left, second) = (l.Block(0, 0, half, half), l.Block(half, 0, n - half, half), l.Block(half, half, n - half, n - half));
    }

    private static void ClearUpper(MatrixView<T> l)
    {
        for (nint i = 0; i < l.Rows; i++) new Span<T>(l.Address + i * l.RowStride + i + 1, (int)(l.Rows - i - 1)).Clear();
    }
}
