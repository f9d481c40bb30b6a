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
    /// whose squares might overflow or vanish are scaled. Source: Golub and Van Loan, §5.1.
    /// </summary>
    public static T Make(T* x, nint count, out T tau)
    {
        T first = x[0], rest = VectorKernel<T>.Dot(x + 1, x + 1, count - 1), scale = T.One;
        x[0] = T.One;
        if (!IsOrdinary(rest) || !IsOrdinary(rest + first * first))
        {
            T largest = VectorKernel<T>.MaxAbs(x + 1, count - 1);
            if (largest == T.Zero)
            {
                tau = T.Zero;
                return first;
            }
            scale = T.Max(T.Abs(first), largest);
            rest = T.Zero;
            for (nint i = 1; i < count; i++) rest += x[i] / scale * (x[i] / scale);
        }
        T beta = T.CopySign(scale * T.Sqrt(rest + first / scale * (first / scale)), -first);
        tau = (beta - first) / beta;
        T pivot = first - beta;
        VectorKernel<T>.Divide(x + 1, pivot, count - 1);
        return beta;
    }

    // Squares in this range have neither overflowed nor lost terms that count.
    private static bool IsOrdinary(T square)
    {
        double x = double.CreateTruncating(square);
        return sizeof(T) == 4 ? x is > 1e-26 and < 1e34 : x is > 1e-270 and < 1e290;
    }

    /// <summary>−S of a block whose vectors are the rows of v, in a square that holds its columns one after another, the rest of it 0.</summary>
    public static MatrixView<T> NegatedTriangle(MatrixView<T> v, T* tau, T* target)
    {
        nint count = v.Rows;
        T* products = Scratch.Get<T>(Scratch.Slot.Linalg, count * count);
        new MatrixView<T>(products, count, count, count, 1).SetProduct(v, v.Transposed);
        new Span<T>(target, (int)(count * count)).Clear();
        for (nint j = 0; j < count; j++)
        {
            T* column = target + j * count;
            for (nint p = 0; p < j; p++) VectorKernel<T>.AddMultiple(column, target + p * count, -tau[j] * products[j * count + p], p + 1);
            column[j] = -tau[j];
        }
        return new MatrixView<T>(target, count, count, 1, count);
    }

    /// <summary>Z := Z·(I − V·S·Vᵀ), or its transpose if <paramref name="negatedTriangle"/> is; scratch holds 2·Block elements for each row of z.</summary>
    public static void ApplyRight(MatrixView<T> z, MatrixView<T> v, MatrixView<T> negatedTriangle, T* scratch)
    {
        if (z.Rows == 0 || v.Rows == 0) return;
        var inner = new MatrixView<T>(scratch, z.Rows, v.Rows, v.Rows, 1);
        var outer = new MatrixView<T>(scratch + z.Rows * v.Rows, z.Rows, v.Rows, v.Rows, 1);
        inner.SetProduct(z, v.Transposed);
        outer.SetProduct(inner, negatedTriangle);
        z.AddProduct(outer, v);
    }

    /// <summary>
    /// The leading <paramref name="rows"/> rows of Hₖ₋₁⋯H₁·H₀, dense rows of <paramref name="length"/> elements <paramref name="stride"/> apart
    /// (what lies between is set to 0): the transpose of H₀·H₁⋯'s leading columns. The vector of H_p is row p of <paramref name="vectors"/>, from
    /// column p + <paramref name="offset"/> on; what lies left of it is overwritten. Scratch: <see cref="BasisScratch"/> elements.
    /// </summary>
    public static void FormBasis(
        T* vectors, nint vectorStride, nint count, nint offset, T* tau, T* basis, nint rows, nint length, nint stride, T* scratch)
    {
        for (nint i = 0; i < rows; i++)
        {
            new Span<T>(basis + i * stride, (int)stride).Clear();
            basis[i * stride + i] = T.One;
        }
        // From the last block to the first: what lies above and left of it is still the identity.
        for (nint start = (count - 1) / Block * Block; start >= 0 && count > 0; start -= Block)
        {
            nint from = start + offset, many = Math.Min(Block, count - start);
            for (nint j = 1; j < many; j++) new Span<T>(vectors + (start + j) * vectorStride + from, (int)j).Clear();
            var v = new MatrixView<T>(vectors + start * vectorStride + from, many, length - from, vectorStride, 1);
            MatrixView<T> s = NegatedTriangle(v, tau + start, scratch);
            ApplyRight(new MatrixView<T>(basis + from * stride + from, rows - from, length - from, stride, 1), v, s.Transposed, scratch + Block * Block);
        }
    }

    /// <summary>Elements of scratch for <see cref="FormBasis"/>.</summary>
    public static long BasisScratch(nint rows) => Block * Block + 2L * Block * rows;
}
