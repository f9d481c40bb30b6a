using System.Numerics;

namespace Nabla.Kernels;

/// <summary>What the operators of a ReduNet layer are made from.</summary>
/// <param name="Classes">k.</param>
/// <param name="Complex">
/// Blocks hold m/2 real parts, then m/2 imaginary ones, and operators commute with multiplication by i: the real matrix [[A, −B], [B, A]] stands for A + iB.
/// </param>
/// <param name="EpsilonSquared">ε² &gt; 0.</param>
public readonly record struct ReduForm(int Classes, bool Complex, double EpsilonSquared);

/// <summary>One step of a ReduNet layer.</summary>
/// <param name="Step">η.</param>
/// <param name="Gate">λ; not used where the gates are given.</param>
/// <param name="Residual">False leaves z itself out of the sum.</param>
/// <param name="Normalize">False leaves out the division by the length.</param>
/// <param name="GivenGates">The gates are read, not computed.</param>
public readonly record struct ReduStep(double Step, double Gate, bool Residual = true, bool Normalize = true, bool GivenGates = false);

/// <summary>
/// Layers of a ReduNet on the CPU, f32 and f64. A sample is F blocks of m numbers and an operator is F symmetric matrices m×m, one a block: one block for vectors, one for
/// each frequency where the operators are convolutions. Rows are samples <c>[n, F, m]</c>, sorted by class; operators <c>[F, k + 1, m, m]</c> are E, C_1 … C_k of each block.
/// All tensors are contiguous. Bits depend on shapes alone. Source: Chan et al., arXiv:2105.10446, §3.
/// </summary>
public static unsafe class ReduLayers
{
    /// <summary>The matrices Σ_i x_i x_iᵀ of each class and block into the places of C_1 … C_k. n·F·m² multiply-adds.</summary>
    /// <param name="rows">Samples, sorted by class.</param>
    /// <param name="counts">n_j.</param>
    /// <param name="operators">What is written; E's places are left as they are.</param>
    public static void Grams(DenseTensor rows, ReadOnlySpan<int> counts, DenseTensor operators)
    {
        if (rows.DType == DType.F32) Grams<float>(rows, counts, operators);
        else Grams<double>(rows, counts, operators);
    }

    /// <summary>
    /// In place, from the matrices G_j of the classes: E = α(I + α s G)⁻¹ with G = Σ_j G_j and C_j = α_j(I + α_j s G_j)⁻¹, where s is the block's factor, α = d/(n ε²),
    /// α_j = d/(n_j ε²), and d = m, or m/2 for complex blocks. Classes without samples have C_j = 0. F(k + 1)·m³ multiply-adds.
    /// </summary>
    /// <param name="form">k, ε², kind of the blocks.</param>
    /// <param name="counts">n_j.</param>
    /// <param name="factors">s of each block.</param>
    /// <param name="operators">G_j in the places of C_j; both triangles are overwritten.</param>
    /// <returns>R = Σ ½ log det(I + α s G)/(s c) over the blocks, c = 2 for complex ones, and R_c likewise, weighted by n_j/n; NaN if a matrix cannot be factored.</returns>
    public static (double Rate, double ClassRate) Operators(in ReduForm form, ReadOnlySpan<int> counts, ReadOnlySpan<double> factors, DenseTensor operators) =>
        operators.DType == DType.F32 ? Operators<float>(form, counts, factors, operators) : Operators<double>(form, counts, factors, operators);

    /// <summary>R and R_c, as <see cref="Operators(in ReduForm, ReadOnlySpan{int}, ReadOnlySpan{double}, DenseTensor)"/> returns them, from log det of the matrices of E, C_1 … C_k of each block.</summary>
    internal static (double Rate, double ClassRate) Rates(in ReduForm form, ReadOnlySpan<int> counts, ReadOnlySpan<double> factors, ReadOnlySpan<double> logDets)
    {
        double n = 0, whole = 0, classes = 0;
        foreach (int count in counts) n += count;
        for (int block = 0; block < factors.Length; block++)
        {
            ReadOnlySpan<double> own = logDets.Slice(block * (form.Classes + 1), form.Classes + 1);
            double weight = 0.5 / (factors[block] * (form.Complex ? 2 : 1));
            whole += weight * own[0];
            for (int j = 0; j < form.Classes; j++) classes += weight * counts[j] / n * own[j + 1];
        }
        return (whole, classes);
    }

    /// <summary>
    /// In place: z := z + η(E z − Σ_j γ_j π_j C_j z), divided by its length, with π = softmax_j(−λ‖C_j z‖). Per sample 2(k + 1)·F·m² flops in one product; the results of a few
    /// rows stay in the cache for what follows.
    /// </summary>
    /// <param name="rows">Samples.</param>
    /// <param name="operators">E and C_j.</param>
    /// <param name="shares">γ_j = n_j/n; a class with share 0 has π_j = 0.</param>
    /// <param name="step">η and λ, and what is left out.</param>
    /// <param name="gates">π, [n, k]: written, or read if they are given.</param>
    public static void Apply(DenseTensor rows, DenseTensor operators, ReadOnlySpan<double> shares, in ReduStep step, DenseTensor gates)
    {
        if (rows.DType == DType.F32) Apply<float>(rows, operators, shares, step, gates);
        else Apply<double>(rows, operators, shares, step, gates);
    }

    private static void Grams<T>(DenseTensor rows, ReadOnlySpan<int> counts, DenseTensor operators) where T : unmanaged, IFloatingPointIeee754<T>
    {
        fixed (int* each = counts)
        {
            var job = new GramJob<T>(new ReduSizes(operators), rows.Pointer<T>(), each, operators.Pointer<T>());
            Linalg.RunParts(ref job, job.Parts, (long)rows.Count * operators.Shape[3] / job.Parts);
        }
    }

    private static (double, double) Operators<T>(in ReduForm form, ReadOnlySpan<int> counts, ReadOnlySpan<double> factors, DenseTensor operators)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sizes = new ReduSizes(operators);
        double* logDets = Scratch.Get<double>(Scratch.Slot.RateTables, sizes.Blocks * (sizes.Classes + 1L));
        double n = 0, dimension = form.Complex ? sizes.Size / 2 : sizes.Size;
        foreach (int count in counts) n += count;
        fixed (int* each = counts)
        fixed (double* factor = factors)
        {
            var sum = new SumJob<T>(sizes, form.Complex, operators.Pointer<T>());
            Linalg.RunParts(ref sum, sizes.Blocks, sizes.Square * sizes.Classes);
            var invert = new InvertJob<T>(sizes, dimension / form.EpsilonSquared, n, each, factor, operators.Pointer<T>(), logDets);
            Linalg.RunParts(ref invert, invert.Parts, sizes.Square * sizes.Size);
        }
        return Rates(form, counts, factors, new ReadOnlySpan<double>(logDets, sizes.Blocks * (sizes.Classes + 1)));
    }

    private static void Apply<T>(DenseTensor rows, DenseTensor operators, ReadOnlySpan<double> shares, in ReduStep step, DenseTensor gates)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sizes = new ReduSizes(operators);
        int n = rows.Shape[0];
        if (n == 0) return;
        // The operators side by side, so that one product applies them all; they are symmetric.
        T* stacked = Scratch.Get<T>(Scratch.Slot.RateMatrices, operators.Count);
        for (int block = 0; block < sizes.Blocks; block++)
            for (int j = 0; j <= sizes.Classes; j++)
                for (int i = 0; i < sizes.Size; i++)
                    new Span<T>(operators.Pointer<T>() + sizes.At(block, j) + i * sizes.Size, sizes.Size).CopyTo(
                        new Span<T>(stacked + sizes.At(block, 0) + (i * (sizes.Classes + 1) + j) * sizes.Size, sizes.Size));
        fixed (double* share = shares)
        {
            var job = new ReduApplyJob<T>(sizes, n, rows.Pointer<T>(), stacked, share, step, gates.Pointer<T>());
            Linalg.RunParts(ref job, job.Parts, (long)job.Height * sizes.Stacked * sizes.Size);
        }
    }

    private readonly struct GramJob<T>(ReduSizes sizes, T* rows, int* counts, T* operators) : IParallelJob where T : unmanaged, IFloatingPointIeee754<T>
    {
        public int Parts => sizes.Blocks * sizes.Classes;

        public void Run(int part)
        {
            (int block, int j) = Math.DivRem(part, sizes.Classes);
            nint start = 0, stride = (nint)sizes.Blocks * sizes.Size;
            for (int i = 0; i < j; i++) start += counts[i];
            MatrixView<T> target = sizes.Matrix(operators, block, j + 1);
            if (counts[j] == 0) new Span<T>(target.Address, checked((int)sizes.Square)).Clear();
            else RateMatrix<T>.Square(new MatrixView<T>(rows + start * stride + block * sizes.Size, counts[j], sizes.Size, stride, 1).Transposed, target, accumulate: false);
        }
    }

    /// <summary>The sum of the classes; for complex blocks, first the matrices that stand for Hermitian ones.</summary>
    private readonly struct SumJob<T>(ReduSizes sizes, bool complex, T* operators) : IParallelJob where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Run(int part)
        {
            MatrixView<T> whole = sizes.Matrix(operators, part, 0);
            new Span<T>(whole.Address, checked((int)sizes.Square)).Clear();
            for (int j = 1; j <= sizes.Classes; j++)
            {
                MatrixView<T> own = sizes.Matrix(operators, part, j);
                if (complex) Pair(own);
                VectorKernel<T>.AddMultiple(whole.Address, own.Address, T.One, sizes.Square);
            }
        }

        // From the lower triangle of Σ [a; b][a; b]ᵀ to that of [[A, −B], [B, A]], A = Σ aaᵀ + bbᵀ, B = Σ baᵀ − abᵀ.
        private static void Pair(MatrixView<T> x)
        {
            nint half = x.Rows / 2;
            for (nint i = 0; i < half; i++)
                for (nint j = 0; j <= i; j++)
                {
                    x[i, j] = x[half + i, half + j] += x[i, j];
                    T difference = x[half + i, j] - x[half + j, i];
                    (x[half + i, j], x[half + j, i]) = (difference, -difference);
                }
        }
    }

    private readonly struct InvertJob<T>(ReduSizes sizes, double precision, double n, int* counts, double* factors, T* operators, double* logDets) : IParallelJob
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public int Parts => sizes.Blocks * (sizes.Classes + 1);

        public void Run(int part)
        {
            (int block, int which) = Math.DivRem(part, sizes.Classes + 1);
            MatrixView<T> own = sizes.Matrix(operators, block, which);
            double count = which == 0 ? n : counts[which - 1], alpha = precision / count;
            if (count == 0)
            {
                new Span<T>(own.Address, checked((int)sizes.Square)).Clear();
                logDets[part] = 0;
                return;
            }
            logDets[part] = RateMatrix<T>.Factor(own, alpha * factors[block]);
            if (!double.IsNaN(logDets[part])) RateMatrix<T>.Invert(own, alpha);
        }
    }
}
