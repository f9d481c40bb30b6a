using System.Numerics;

namespace Nabla.Kernels;

public static unsafe partial class Linalg
{
    /// <summary>
    /// The lower Cholesky factor: L·Lᵀ = A. Shape: a <c>[batch..., n, n]</c>, any strides, of which only the lower triangle is read →
    /// l <c>[batch..., n, n]</c>, contiguous, not overlapping a, zeros above the diagonal. f32 and f64. Cost n³/3 flops a matrix.
    /// Error: ‖L·Lᵀ − A‖ ≤ c·n·u·‖A‖. Source: recursive form of Golub and Van Loan, Matrix Computations, §4.2; F. Gustavson, Recursion leads to
    /// automatic variable blocking (IBM J. Res. Dev. 1997).
    /// </summary>
    /// <exception cref="NumericException">NB0601: a pivot is not a finite number above zero; l is then undefined.</exception>
    /// <exception cref="ShapeException">NB0125: the matrices are not square, or l is shaped otherwise.</exception>
    /// <exception cref="DTypeException">NB0210: not f32 or f64.</exception>
    public static void Cholesky(DenseTensor a, DenseTensor l)
    {
        CheckSquare("cholesky", a);
        if (l.Shape != a.Shape || !l.IsContiguous) throw KernelErrors.NotSquare("cholesky", l.Aval);
        if (!a.DType.IsFloat || a.DType != l.DType) throw KernelErrors.NoProduct("cholesky", a.Aval, l.Aval);
        if (l.Device is Accelerator)
        {
            DeviceLinalg.Cholesky(a, l);
            return;
        }
        long n = a.Shape.Dims[^1], failure = long.MaxValue;
        if (a.DType == DType.F32) FactorAll<float>(a, l, &failure);
        else FactorAll<double>(a, l, &failure);
        if (failure != long.MaxValue) throw KernelErrors.NotPositiveDefinite(a.Aval, failure / n, failure % n);
    }

    private static void FactorAll<T>(DenseTensor a, DenseTensor l, long* failure) where T : unmanaged, IFloatingPointIeee754<T>
    {
        long n = a.Shape.Dims[^1], work = Math.Max(1, n * n * (n / 6 + FixedCost));
        long entries = Entries(a), perPart = Math.Max(1, GemmConfig.BatchPart / work);
        var job = new CholeskyJob<T>(a, l, entries, perPart, failure);
        RunParts(ref job, checked((int)((entries + perPart - 1) / perPart)), work * perPart);
    }

    private readonly struct CholeskyJob<T>(DenseTensor a, DenseTensor l, long entries, long perPart, long* failure) : IParallelJob
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Run(int part)
        {
            long end = Math.Min(entries, (part + 1) * perPart);
            for (long entry = part * perPart; entry < end; entry++)
            {
                MatrixView<T> source = MatrixView<T>.Of(a, entry), target = MatrixView<T>.Of(l, entry);
                CopyLower(source, target);
                nint row = CholeskyKernel<T>.Factor(target);
                if (row >= 0) Report(failure, entry * source.Rows + row);
                for (nint i = 0; i < source.Rows; i++)
                    new Span<T>(target.Address + i * target.RowStride + i + 1, (int)(source.Rows - i - 1)).Clear();
            }
        }
    }

    // The lower triangle; what is right of it is set to 0, for the vectors that reach across the diagonal.
    private static void CopyLower<T>(MatrixView<T> source, MatrixView<T> target) where T : unmanaged, INumber<T>
    {
        for (nint i = 0; i < source.Rows; i++)
        {
            T* from = source.Address + i * source.RowStride, to = target.Address + i * target.RowStride;
            if (source.ColumnStride == 1) new Span<T>(from, (int)i + 1).CopyTo(new Span<T>(to, (int)i + 1));
            else
                for (nint j = 0; j <= i; j++) to[j] = from[j * source.ColumnStride];
            new Span<T>(to + i + 1, (int)(source.Rows - i - 1)).Clear();
        }
    }
}

/// <summary>
/// Cholesky of one matrix in place: factor the upper left half, solve for the lower left, subtract its square from the lower right, factor
/// that. Most work is then in matrix products of all sizes. Only the lower triangle counts; the upper one is scratch.
/// </summary>
internal static unsafe class CholeskyKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int SquareBase = 96;

    /// <summary>Factors; returns the row whose pivot is not a finite number above zero, or −1.</summary>
    public static nint Factor(MatrixView<T> a)
    {
        nint n = a.Rows;
        if (n <= SmallTriangle<T>.Largest) return SmallTriangle<T>.Factor(a);
        nint half = TriangularKernel<T>.Half(n);
        MatrixView<T> upper = a.Block(0, 0, half, half), left = a.Block(half, 0, n - half, half), rest = a.Block(half, half, n - half, n - half);
        nint failed = Factor(upper);
        if (failed >= 0) return failed;
        TriangularKernel<T>.SolveRight(upper.Transposed, left, lower: false, unitDiagonal: false);
        SubtractSquare(rest, left);
        failed = Factor(rest);
        return failed < 0 ? failed : half + failed;
    }

    // The lower triangle of C −= X·Xᵀ, and as much of the upper one as falls into blocks on the diagonal.
    private static void SubtractSquare(MatrixView<T> c, MatrixView<T> x)
    {
        nint n = c.Rows;
        if (n <= SquareBase)
        {
            c.SubtractProduct(x, x.Transposed);
            return;
        }
        nint half = TriangularKernel<T>.Half(n);
        MatrixView<T> first = x.Block(0, 0, half, x.Columns), second = x.Block(half, 0, n - half, x.Columns);
        SubtractSquare(c.Block(0, 0, half, half), first);
        c.Block(half, 0, n - half, half).SubtractProduct(second, first.Transposed);
        SubtractSquare(c.Block(half, half, n - half, n - half), second);
    }
}
