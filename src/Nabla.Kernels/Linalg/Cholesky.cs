using System.Numerics;
using System.Runtime.CompilerServices;

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
        long n = a.Shape.Dims[^1], failure = long.MaxValue;
        if (a.DType == DType.F32) FactorAll<float>(a, l, &failure);
        else FactorAll<double>(a, l, &failure);
        if (failure != long.MaxValue) throw KernelErrors.NotPositiveDefinite(a.Aval, failure / n, failure % n);
    }

    private static void FactorAll<T>(DenseTensor a, DenseTensor l, long* failure) where T : unmanaged, IFloatingPointIeee754<T>
    {
        long n = a.Shape.Dims[^1], work = Math.Max(1, n * n * n / 6);
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
                for (nint i = 0; i < source.Rows; i++)
                    for (nint j = 0; j <= i; j++) target[i, j] = source[i, j];
                nint row = CholeskyKernel<T>.Factor(target);
                if (row >= 0) Report(failure, entry * source.Rows + row);
                for (nint i = 0; i < source.Rows; i++)
                    for (nint j = i + 1; j < source.Rows; j++) target[i, j] = T.Zero;
            }
        }
    }
}

/// <summary>
/// Cholesky of one matrix in place: factor the upper left half, solve for the lower left, subtract its square from the lower right, factor
/// that. Most work is then in matrix products of all sizes. Only the lower triangle counts; the upper one is scratch.
/// </summary>
internal static unsafe class CholeskyKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Base = 32;
    private const int SquareBase = 96;

    /// <summary>Factors; returns the row whose pivot is not a finite number above zero, or −1.</summary>
    public static nint Factor(MatrixView<T> a)
    {
        nint n = a.Rows;
        if (n <= Base) return FactorSmall(a);
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

    // As Uᵀ·U = A with U in rows, so that every inner loop runs along dense memory.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static nint FactorSmall(MatrixView<T> a)
    {
        nint n = a.Rows;
        T* u = stackalloc T[Base * Base];
        for (nint i = 0; i < n; i++)
            for (nint j = i; j < n; j++) u[i * Base + j] = a[j, i];
        for (nint k = 0; k < n; k++)
        {
            T* pivotRow = u + k * Base;
            T pivot = pivotRow[k];
            if (!(pivot > T.Zero) || T.IsPositiveInfinity(pivot)) return k;
            pivot = T.Sqrt(pivot);
            pivotRow[k] = pivot;
            for (nint j = k + 1; j < n; j++) pivotRow[j] /= pivot;
            for (nint i = k + 1; i < n; i++) VectorKernel<T>.AddMultiple(u + i * Base + i, pivotRow + i, -pivotRow[i], n - i);
        }
        for (nint i = 0; i < n; i++)
            for (nint j = i; j < n; j++) a[j, i] = u[i * Base + j];
        return -1;
    }
}
