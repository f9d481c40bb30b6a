namespace Nabla;

/// <summary>
/// A ReduNet whose operators are free parameters, for gradient descent from where the construction ends: the first L − 1 layers as they are, and logits −λ‖C_j z‖ of the last.
/// Operators need not stay symmetric; γ, η and λ are fixed. They are kept as n/d times those of the network, with η_eff and λ_eff in place of η and λ, so that their entries are of
/// the order of 1/ε² whatever n is, and learning rates mean the same.
/// </summary>
/// <remarks>Source: Chan et al., arXiv:2105.10446, §5 (ReduNet as initialisation).</remarks>
public sealed class TrainableReduNet
{
    private readonly double[] _shares;
    private readonly double _step, _gate;

    internal TrainableReduNet(Tensor start, double[] shares, double step, double gate) => (Start, _shares, _step, _gate) = (start, shares, step, gate);

    /// <summary>n/d times the operators that the construction gave. Shape: [L, k + 1, d, d], E first; E of the last layer is not used.</summary>
    public Tensor Start { get; }

    /// <summary>Features behind the first L − 1 layers. Shape: operators [L, k + 1, d, d], x [n, d] → [n, d].</summary>
    /// <exception cref="ShapeException">NB0688: operators or samples of another shape or element type.</exception>
    /// <exception cref="NumericException">NB0687: a sample is not finite.</exception>
    public Tensor Features(Tensor operators, Tensor x)
    {
        Check(operators, x);
        for (int layer = 0; layer < Start.Shape[0] - 1; layer++) x = Pass(operators.At(layer), x);
        return x;
    }

    /// <inheritdoc cref="Features"/>
    /// <summary>−λ‖C_j z‖ with the last layer's C_j. Shape: operators [L, k + 1, d, d], x [n, d] → [n, k].</summary>
    public Tensor Logits(Tensor operators, Tensor x) => Logits(Products(operators.At(Start.Shape[0] - 1).Slice(1..), Features(operators, x)));

    private void Check(Tensor operators, Tensor x)
    {
        bool fits = operators.Shape == Start.Shape && operators.DType.IsFloat && x.Rank == 2 && x.Shape[1] == Start.Shape[^1] && x.DType == operators.DType;
        if (!fits) throw ReduNetErrors.Trainable(operators.Aval, x.Aval, Start.Aval);
        NearestMean.CheckFinite("redunet", x);
    }

    // z·Mᵀ for each matrix: [j, d, d], [n, d] → [n, j, d], by one product.
    private static Tensor Products(Tensor matrices, Tensor z)
    {
        (int count, int d) = (matrices.Shape[0], matrices.Shape[1]);
        return z.MatMul(matrices.Reshape(count * d, d).T).Reshape(z.Shape[0], count, d);
    }

    private Tensor Logits(Tensor compressed) => -_gate * compressed.Norm(2);

    private Tensor Pass(Tensor operators, Tensor z)
    {
        Tensor products = Products(operators, z), compressed = products.Slice(.., 1..);
        Tensor weights = Logits(compressed).Softmax(1) * Tensor.From(_shares).To(z.DType);                  // γ_j π̂_j: [n, k]
        Tensor step = products.Slice(.., ..1).Sum(1) - (weights.ExpandDims(2) * compressed).Sum(1);
        return (z + _step * step).Normalize();
    }
}

public sealed partial class ReduNet
{
    /// <summary>The same function with free operators, differentiable and compilable.</summary>
    /// <exception cref="ShapeException">NB0697: the operators are convolutions, or the network is one of the ablations.</exception>
    public TrainableReduNet ToTrainable() => _blocks.Complex || !Options.Residual || Options.Gating > ReduGate.Labels || Options.Normalization == ReduNormalization.None
        ? throw ReduNetErrors.NotTrainable(SampleShape, Options) : new TrainableReduNet(Operators.Reshape([Depth, Classes + 1, _blocks.Size, _blocks.Size]) * ((double)_counts.Sum() / _blocks.Dimension), Shares, Options.Step, Options.Gate);
}
