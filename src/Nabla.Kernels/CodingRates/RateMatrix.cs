using System.Numerics;
using System.Numerics.Tensors;

namespace Nabla.Kernels;

/// <summary>Symmetric matrices of which the lower triangle counts, for coding rates.</summary>
internal static unsafe class RateMatrix<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The lower triangle of C = X·Xᵀ, or C += X·Xᵀ; the upper one is undefined afterwards.</summary>
    public static void Square(MatrixView<T> x, MatrixView<T> c, bool accumulate) =>
        Gram.Lower(x.Address, x.RowStride, x.ColumnStride, c.Address, c.RowStride, x.Rows, x.Columns, accumulate);

    /// <summary>C = X·Y, or C += X·Y; C has dense rows.</summary>
    public static void Product(MatrixView<T> x, MatrixView<T> y, MatrixView<T> c, bool accumulate) => MatMul.RunOne(x.Address, y.Address, c.Address,
        new GemmProblem(c.Rows, c.Columns, x.Columns, x.RowStride, x.ColumnStride, y.RowStride, y.ColumnStride, c.RowStride, accumulate));

    /// <summary>A := L with L·Lᵀ = I + α·A; returns log det, or NaN if there is no such L.</summary>
    public static double Factor(MatrixView<T> a, double alpha)
    {
        T factor = T.CreateTruncating(alpha);
        for (nint i = 0; i < a.Rows; i++)
        {
            Span<T> row = new(a.Address + i * a.RowStride, (int)i + 1);
            TensorPrimitives.Multiply(row, factor, row);
            row[^1] += T.One;
        }
        if (CholeskyKernel<T>.Factor(a) >= 0) return double.NaN;
        double sum = 0;
        for (nint i = 0; i < a.Rows; i++) sum += Math.Log(double.CreateTruncating(a[i, i]));
        return 2 * sum;
    }

    /// <summary>L → factor·(L·Lᵀ)⁻¹, both triangles, 2n³/3 flops.</summary>
    /// <remarks>
    /// Through L⁻¹ by substitution: inverting A by halves without factors would be faster, but multiplies with inverses of blocks, and loses the square of the ratio of
    /// eigenvalues where this loses the ratio. Source: Higham, Accuracy and Stability of Numerical Algorithms, §14.2 and §14.4.
    /// </remarks>
    public static void Invert(MatrixView<T> l, double factor)
    {
        InverseKernel<T>.InvertTriangle(l);
        InverseKernel<T>.SquareTransposed(l);
        T scale = T.CreateTruncating(factor);
        for (nint i = 0; i < l.Rows; i++)
        {
            Span<T> row = new(l.Address + i * l.RowStride, (int)i + 1);
            TensorPrimitives.Multiply(row, scale, row);
        }
        Gram.Mirror(l.Address, l.Rows, l.RowStride);
    }
}
