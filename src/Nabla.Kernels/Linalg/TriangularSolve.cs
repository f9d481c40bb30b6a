using System.Numerics;

namespace Nabla.Kernels;

public static unsafe partial class Linalg
{
    /// <summary>
    /// X with op(A)·X = B (left) or X·op(A) = B (right), op(A) = A or Aᵀ, A triangular. Shape: a <c>[batch..., n, n]</c>, of which only the
    /// named triangle is read, b <c>[batch..., n, m]</c> (left) or <c>[batch..., m, n]</c> (right), any strides → x, shaped like b, contiguous,
    /// not overlapping. With <paramref name="unitDiagonal"/> the diagonal is taken as 1 and not read. f32 and f64. Cost n²m flops.
    /// </summary>
    /// <exception cref="NumericException">NB0602: a zero on the diagonal.</exception>
    /// <exception cref="ShapeException">NB0125: a is not square; NB0126: a and b do not fit.</exception>
    /// <exception cref="DTypeException">NB0210: the types differ, or are not f32 or f64.</exception>
    public static void TriangularSolve(
        DenseTensor a, DenseTensor b, DenseTensor x, bool leftSide, bool lower, bool transposeA, bool unitDiagonal)
    {
        CheckSquare("triangular_solve", a);
        if (a.DType != b.DType || a.DType != x.DType || !a.DType.IsFloat) throw KernelErrors.NoProduct("triangular_solve", a.Aval, b.Aval);
        if (!FitsSolve(a, b, leftSide) || b.Shape != x.Shape) throw KernelErrors.SolveShapes(a.Aval, b.Aval, leftSide);
        long entries = Entries(a);
        for (long entry = 0; entry < entries; entry++)
        {
            long failed = a.DType == DType.F32
                ? Solve<float>(a, b, x, entry, leftSide, lower, transposeA, unitDiagonal)
                : Solve<double>(a, b, x, entry, leftSide, lower, transposeA, unitDiagonal);
            if (failed >= 0) throw KernelErrors.ZeroDiagonal(a.Aval, entry, failed);
        }
    }

    // All eight cases become T·X = B with T = A or Aᵀ by transposing views: X·op(A) = B is op(A)ᵀ·Xᵀ = Bᵀ.
    private static long Solve<T>(
        DenseTensor a, DenseTensor b, DenseTensor x, long entry, bool leftSide, bool lower, bool transposeA, bool unitDiagonal)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        View<T> t = Matrix<T>(a, entry), right = Matrix<T>(b, entry), solution = Matrix<T>(x, entry);
        if (transposeA == leftSide) (t, lower) = (t.Transposed, !lower);
        if (!leftSide) (right, solution) = (right.Transposed, solution.Transposed);
        if (!unitDiagonal)
        {
            for (long i = 0; i < t.Rows; i++)
                if (t[i, i] == T.Zero) return i;
        }
        for (long step = 0; step < t.Rows; step++)
        {
            long i = lower ? step : t.Rows - 1 - step;
            (long from, long to) = lower ? (0, i) : (i + 1, t.Rows);
            for (long j = 0; j < right.Columns; j++)
            {
                T sum = right[i, j];
                for (long p = from; p < to; p++) sum -= t[i, p] * solution[p, j];
                solution[i, j] = unitDiagonal ? sum : sum / t[i, i];
            }
        }
        return -1;
    }

    private static bool FitsSolve(DenseTensor a, DenseTensor b, bool leftSide)
    {
        ReadOnlySpan<int> x = a.Shape.Dims, y = b.Shape.Dims;
        return x.Length == y.Length && x[..^2].SequenceEqual(y[..^2]) && x[^1] == (leftSide ? y[^2] : y[^1]);
    }
}
