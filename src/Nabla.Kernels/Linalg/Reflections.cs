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

    private const int RowsAtOnce = 128;

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
        // What lies above and left of a block is still the identity when its turn comes.
        Multiply(vectors, vectorStride, count, offset, tau, basis, rows, length, stride, scratch, triangular: true);
    }

    /// <summary>
    /// Dense rows times Hₖ₋₁⋯H₁·H₀, with the arguments of <see cref="FormBasis"/>. Row i is known to be that of the identity left of the last
    /// block that it meets if they are <paramref name="triangular"/>.
    /// </summary>
    public static void Multiply(T* vectors, nint vectorStride, nint count, nint offset, T* tau, T* target, nint rows, nint length, nint stride,
        T* scratch, bool triangular = false)
    {
        var job = new BlocksJob
        {
            Vectors = new MatrixView<T>(vectors, count, length, vectorStride, 1),
            Target = new MatrixView<T>(target, rows, length, stride, 1),
            Triangles = scratch,
            Tau = tau,
            Offset = offset,
            Triangular = triangular,
        };
        for (nint start = 0; start < count; start += Block) job.Prepare(start);
        Linalg.RunParts(ref job, (int)((rows + RowsAtOnce - 1) / RowsAtOnce), 2 * Math.Min(rows, RowsAtOnce) * length * count);
    }

    /// <summary>Elements of scratch for <see cref="FormBasis"/> of that many reflections.</summary>
    public static long BasisScratch(nint count) => Block * (count + (long)Block);

    // All blocks, from the last to the first, on some rows, which stay in the cache meanwhile.
    private struct BlocksJob : IParallelJob
    {
        public MatrixView<T> Vectors, Target;
        public T* Triangles, Tau;
        public nint Offset;
        public bool Triangular;

        public readonly void Prepare(nint start)
        {
            MatrixView<T> v = VectorsOf(start);
            for (nint j = 1; j < v.Rows; j++) new Span<T>(v.Address + j * v.RowStride, (int)j).Clear();
            NegatedTriangle(v, Tau + start, Triangles + start * Block);
        }

        public readonly void Run(int part)
        {
            nint from = (nint)part * RowsAtOnce, to = Math.Min(Target.Rows, from + RowsAtOnce);
            T* scratch = Scratch.Get<T>(Scratch.Slot.Linalg, 2 * Block * (to - from));
            for (nint start = (Vectors.Rows - 1) / Block * Block; start >= 0 && Vectors.Rows > 0; start -= Block)
            {
                nint left = start + Offset, top = Triangular ? Math.Max(from, left) : from;
                if (top >= to) continue;
                MatrixView<T> v = VectorsOf(start), s = new MatrixView<T>(Triangles + start * Block, v.Rows, v.Rows, v.Rows, 1);
                ApplyRight(Target.Block(top, left, to - top, Target.Columns - left), v, s, scratch);
            }
        }

        private readonly MatrixView<T> VectorsOf(nint start)
        {
            nint left = start + Offset;
            return Vectors.Block(start, left, Math.Min(Block, Vectors.Rows - start), Vectors.Columns - left);
        }
    }
}
