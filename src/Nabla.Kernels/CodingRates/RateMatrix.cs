using System.Numerics;
using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

/// <summary>Symmetric matrices of which the lower triangle counts, for coding rates.</summary>
internal static unsafe class RateMatrix<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Base = 32;

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
            T* row = a.Address + i * a.RowStride;
            for (nint j = 0; j <= i; j++) row[j] *= factor;
            row[i] += T.One;
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
        InvertTriangle(l);
        SquareTransposed(l);
        T scale = T.CreateTruncating(factor);
        for (nint i = 0; i < l.Rows; i++)
        {
            T* row = l.Address + i * l.RowStride;
            for (nint j = 0; j <= i; j++) row[j] *= scale;
        }
        Gram.Mirror(l.Address, l.Rows, l.RowStride);
    }

    // L → L⁻¹: the lower left block becomes −L₂₂⁻¹·L₂₁·L₁₁⁻¹.
    private static void InvertTriangle(MatrixView<T> l)
    {
        nint n = l.Rows;
        if (n <= Base)
        {
            InvertSmall(l);
            return;
        }
        nint half = TriangularKernel<T>.Half(n);
        MatrixView<T> first = l.Block(0, 0, half, half), left = l.Block(half, 0, n - half, half), second = l.Block(half, half, n - half, n - half);
        TriangularKernel<T>.SolveLeft(second, left, lower: true, unitDiagonal: false);
        TriangularKernel<T>.SolveRight(first, left, lower: true, unitDiagonal: false);
        for (nint i = 0; i < left.Rows; i++)
            for (nint j = 0; j < left.Columns; j++) left[i, j] = -left[i, j];
        InvertTriangle(first);
        InvertTriangle(second);
    }

    // L → the lower triangle of Lᵀ·L.
    private static void SquareTransposed(MatrixView<T> l)
    {
        nint n = l.Rows;
        if (n <= Base)
        {
            SquareSmall(l);
            return;
        }
        nint half = TriangularKernel<T>.Half(n);
        MatrixView<T> first = l.Block(0, 0, half, half), left = l.Block(half, 0, n - half, half), second = l.Block(half, half, n - half, n - half);
        SquareTransposed(first);
        Square(left.Transposed, first, accumulate: true);
        for (nint i = 0; i < second.Rows; i++)
            for (nint j = i + 1; j < second.Columns; j++) second[i, j] = T.Zero;
        T* copy = Scratch.Get<T>(Scratch.Slot.Linalg, left.Rows * left.Columns);
        left.CopyTo(copy, negate: false);
        Product(second.Transposed, new MatrixView<T>(copy, left.Rows, left.Columns, left.Columns, 1), left, accumulate: false);
        SquareTransposed(second);
    }

    // Row i of L⁻¹ is (e_i − Σ_{k<i} l_ik·row k)/l_ii.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void InvertSmall(MatrixView<T> l)
    {
        int n = (int)l.Rows;
        T* x = stackalloc T[Base * Base];
        for (int i = 0; i < n; i++)
        {
            T* row = x + i * Base;
            new Span<T>(row, i + 1).Clear();
            for (int k = 0; k < i; k++) VectorKernel<T>.AddMultiple(row, x + k * Base, -l[i, k], k + 1);
            row[i] = T.One;
            T inverse = T.One / l[i, i];
            for (int j = 0; j <= i; j++) row[j] *= inverse;
        }
        for (int i = 0; i < n; i++)
            for (int j = 0; j <= i; j++) l[i, j] = x[i * Base + j];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SquareSmall(MatrixView<T> l)
    {
        int n = (int)l.Rows;
        T* x = stackalloc T[Base];
        T* sums = stackalloc T[Base * Base];
        new Span<T>(sums, Base * Base).Clear();
        for (int k = 0; k < n; k++)
        {
            for (int j = 0; j <= k; j++) x[j] = l[k, j];
            for (int i = 0; i <= k; i++) VectorKernel<T>.AddMultiple(sums + i * Base, x, x[i], i + 1);
        }
        for (int i = 0; i < n; i++)
            for (int j = 0; j <= i; j++) l[i, j] = sums[i * Base + j];
    }
}
