using Nabla.Kernels;

namespace Nabla;

/// <summary>What <see cref="ReduLayers"/> computes on the CPU, from operations that run on any device. Shapes and formulas are those stated there.</summary>
internal static class ReduLayersOnDevice
{
    /// <summary>As <see cref="ReduLayers.Grams"/>, but E's places become 0.</summary>
    public static void Grams(DenseTensor rows, ReadOnlySpan<int> counts, DenseTensor operators)
    {
        var grams = new Tensor[counts.Length + 1];
        grams[0] = operators.Slice(.., ..1).ZerosLike();
        for (int j = 0, start = 0; j < counts.Length; start += counts[j++])
        {
            Tensor own = rows.Slice(start..(start + counts[j])).MoveAxis(0, 1);
            grams[j + 1] = counts[j] == 0 ? grams[0] : own.T.MatMul(own).ExpandDims(1);
        }
        Move.Copy(Ops.Concatenate(grams, 1).Dense, operators);
    }

    /// <inheritdoc cref="ReduLayers.Operators"/>
    public static (double Rate, double ClassRate) Operators(in ReduForm form, ReadOnlySpan<int> counts, ReadOnlySpan<double> factors, DenseTensor operators)
    {
        (int blocks, int k, int m) = (operators.Shape[0], form.Classes, operators.Shape[2]);
        double n = 0, dimension = form.Complex ? m / 2 : m;
        foreach (int count in counts) n += count;
        var alphas = new double[k + 1];
        for (int i = 0; i <= k; i++) alphas[i] = (i == 0 ? n : counts[i - 1]) is > 0 and var count ? dimension / (form.EpsilonSquared * count) : 0;
        Tensor grams = operators.Slice(.., 1..);
        if (form.Complex) grams = Pairs(grams);
        Tensor scale = Tensor.From(alphas, [k + 1, 1, 1]).To(operators.DType), factor = Tensor.From(factors.ToArray(), [blocks, 1, 1, 1]).To(operators.DType);
        Tensor matrices = Ops.Concatenate([grams.Sum(1).ExpandDims(1), grams], 1) * (scale * factor) + Ops.Eye(m, operators.DType);
        try
        {
            Tensor lower = matrices.Cholesky(), inverse = lower.SolveTriangular(Ops.Eye(m, operators.DType).BroadcastTo(lower.Shape));
            // A class without samples has α = 0, so its operator is 0 and its log det is 0.
            Move.Copy((inverse.T.MatMul(inverse) * scale).Dense, operators);
            return ReduLayers.Rates(form, counts, factors, (2 * lower.Diagonal().Log().Sum(-1)).ToDoubles());
        }
        catch (NumericException)
        {
            return (double.NaN, double.NaN);
        }
    }

    /// <inheritdoc cref="ReduLayers.Apply"/>
    public static void Apply(DenseTensor rows, DenseTensor operators, ReadOnlySpan<double> shares, in ReduStep step, DenseTensor gates)
    {
        (int n, int blocks, int m, int k) = (rows.Shape[0], rows.Shape[1], rows.Shape[2], shares.Length);
        if (n == 0) return;
        // The operators of a block side by side; they are symmetric.
        Tensor stacked = operators.Reshape([blocks, (k + 1) * m, m]).T;
        Tensor products = rows.MoveAxis(0, 1).MatMul(stacked).Reshape([blocks, n, k + 1, m]), ofClasses = products.Slice(.., .., 1..);
        if (!step.GivenGates) Move.Copy(Gates(ofClasses, shares, step).Dense, gates);
        Tensor weights = gates * Tensor.From(shares.ToArray()).To(rows.DType);
        Tensor direction = products.Slice(.., .., ..1).Reshape([blocks, n, m]) - (ofClasses * weights.ExpandDims(2)).Sum(2);
        Tensor next = step.Step * direction.MoveAxis(0, 1);
        if (step.Residual) next += rows;
        if (step.Normalize)
        {
            Tensor square = next.Square().Sum(1, 2).Reshape(n, 1, 1);
            next *= Ops.Where(square > 0, 1 / Ops.Where(square > 0, square, square.OnesLike()).Sqrt(), square.OnesLike());
        }
        Move.Copy(next.Dense, rows);
    }

    // softmax_j(−λ‖C_j z‖) over the classes that have samples.
    private static Tensor Gates(Tensor ofClasses, ReadOnlySpan<double> shares, in ReduStep step)
    {
        double[] absent = Array.ConvertAll(shares.ToArray(), share => share > 0 ? 0 : double.NegativeInfinity);
        Tensor lengths = ofClasses.Square().Sum(0, 3).Sqrt();
        return (-step.Gate * lengths + Tensor.From(absent).To(lengths.DType)).Softmax(1);
    }

    // From Σ [a; b][a; b]ᵀ to [[A, −B], [B, A]], A = Σ aaᵀ + bbᵀ, B = Σ baᵀ − abᵀ.
    private static Tensor Pairs(Tensor x)
    {
        int half = x.Shape[^1] / 2;
        Tensor a = x.Slice(.., .., ..half, ..half) + x.Slice(.., .., half.., half..), lower = x.Slice(.., .., half.., ..half), b = lower - lower.T;
        return Ops.Concatenate([Ops.Concatenate([a, -b], 3), Ops.Concatenate([b, a], 3)], 2);
    }
}
