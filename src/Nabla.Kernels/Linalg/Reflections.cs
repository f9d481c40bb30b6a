using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// Householder reflections H = I − τ·v·vᵀ with v₀ = 1, alone and as products H₀·H₁⋯ = I − V·S·Vᵀ with S upper triangular, whose application is
/// matrix products. Source: Schreiber and Van Loan, A storage-efficient WY representation (SIAM J. Sci. Stat. Comput. 1989).
/// </summary>
internal static unsafe class Reflections<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Reflections that are applied together.</summary>
    public const int Block = 32;

    /// <summary>
    /// The reflection that turns x into (β, 0, …, 0): v replaces x, β is returned. τ = 0 (no reflection) if x has this form already. Lengths
    /// are scaled, so no square overflows or vanishes. Source: Golub and Van Loan, §5.1.
    /// </summary>
    public static T Make(T* x, nint count, out T tau)
    {
        T first = x[0], rest = VectorKernel<T>.MaxAbs(x + 1, count - 1), sum = T.Zero;
        x[0] = T.One;
        if (rest == T.Zero)
        {
            tau = T.Zero;
            return first;
        }
        T scale = T.Max(T.Abs(first), rest);
        for (nint i = 1; i < count; i++) sum += x[i] / scale * (x[i] / scale);
        T beta = T.CopySign(scale * T.Sqrt(sum + first / scale * (first / scale)), -first);
        tau = (beta - first) / beta;
        T pivot = first - beta;
        for (nint i = 1; i < count; i++) x[i] /= pivot;
        return beta;
    }

    /// <summary>−S of a block whose vectors are the rows of v, as a dense square.</summary>
    public static MatrixView<T> NegatedTriangle(MatrixView<T> v, T* tau, T* target)
    {
        nint count = v.Rows;
        var s = new MatrixView<T>(target, count, count, count, 1);
        new Span<T>(target, (int)(count * count)).Clear();
        T* inner = stackalloc T[Block];
        for (nint j = 0; j < count; j++)
        {
            for (nint i = 0; i < j; i++) inner[i] = VectorKernel<T>.Dot(v.Address + i * v.RowStride, v.Address + j * v.RowStride, v.Columns);
            for (nint i = 0; i < j; i++)
            {
                T sum = T.Zero;
                for (nint p = i; p < j; p++) sum += s[i, p] * inner[p];
                s[i, j] = -tau[j] * sum;
            }
            s[j, j] = -tau[j];
        }
        return s;
    }

    /// <summary>Z := Z·(I − V·S·Vᵀ), or its transpose if <paramref name="negatedTriangle"/> is; scratch holds 2·Block elements for each row of z.</summary>
    public static void ApplyRight(MatrixView<T> z, MatrixView<T> v, MatrixView<T> negatedTriangle, T* scratch)
    {
        if (z.Rows == 0 || v.Rows == 0) return;
        var inner = new MatrixView<T>(scratch, z.Rows, v.Rows, v.Rows, 1);
        var outer = new MatrixView<T>(scratch + z.Rows * v.Rows, z.Rows, v.Rows, v.Rows, 1);
        for (nint i = 0; i < 2 * z.Rows * v.Rows; i++) scratch[i] = T.Zero;
        inner.AddProduct(z, v.Transposed);
        outer.AddProduct(inner, negatedTriangle);
        z.AddProduct(outer, v);
    }
}
