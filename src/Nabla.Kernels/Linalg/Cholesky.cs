using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Dense linear algebra on the CPU, batched over the leading axes.</summary>
public static unsafe partial class Linalg
{
    /// <summary>
    /// The lower Cholesky factor: L·Lᵀ = A. Shape: a <c>[batch..., n, n]</c>, any strides, of which only the lower triangle is read →
    /// l <c>[batch..., n, n]</c>, contiguous, not overlapping a, zeros above the diagonal. f32 and f64. Cost n³/3 flops a matrix.
    /// Source: Golub &amp; Van Loan, Matrix Computations, §4.2.
    /// </summary>
    /// <exception cref="NumericException">NB0601: a pivot is not above zero, or is NaN; l is then undefined.</exception>
    /// <exception cref="ShapeException">NB0125: the matrices are not square.</exception>
    /// <exception cref="DTypeException">NB0210: not f32 or f64.</exception>
    public static void Cholesky(DenseTensor a, DenseTensor l)
    {
        CheckSquare("cholesky", a);
        long entries = Entries(a);
        for (long entry = 0; entry < entries; entry++)
        {
            long failed = a.DType switch
            {
                DType.F32 => Factor(Matrix<float>(a, entry), l.Pointer<float>() + entry * a.Shape.Dims[^1] * a.Shape.Dims[^1]),
                DType.F64 => Factor(Matrix<double>(a, entry), l.Pointer<double>() + entry * a.Shape.Dims[^1] * a.Shape.Dims[^1]),
                _ => throw KernelErrors.NoProduct("cholesky", a.Aval, l.Aval),
            };
            if (failed >= 0) throw KernelErrors.NotPositiveDefinite(a.Aval, entry, failed);
        }
    }

    // Row by row; returns the row whose pivot fails, or −1.
    private static long Factor<T>(in View<T> a, T* l) where T : unmanaged, IFloatingPointIeee754<T>
    {
        nint n = (nint)a.Rows;
        for (nint i = 0; i < n; i++)
        {
            T* row = l + i * n;
            for (nint j = 0; j <= i; j++)
            {
                T* other = l + j * n;
                T sum = a[i, j];
                for (nint p = 0; p < j; p++) sum -= row[p] * other[p];
                if (i == j && !(sum > T.Zero && T.IsFinite(sum))) return i;
                row[j] = i == j ? T.Sqrt(sum) : sum / other[j];
            }
            for (nint j = i + 1; j < n; j++) row[j] = T.Zero;
        }
        return -1;
    }
}
