namespace Nabla.Experiments.Training;

/// <summary>
/// The network f(x) = Σⱼ aⱼ·relu(wⱼx + bⱼ) of one input, with all that full-batch training needs in closed form.
/// </summary>
/// <param name="A">Output weights a [m].</param>
/// <param name="W">Input weights w [m].</param>
/// <param name="B">Biases b [m].</param>
public sealed record TwoLayerRelu(Tensor A, Tensor W, Tensor B)
{
    /// <summary>Entries of a from N(0, σₐ²), of w and b from N(0, σ_w²).</summary>
    public static TwoLayerRelu Draw(RandomKey key, int width, double outputSigma, double inputSigma, DType dtype)
    {
        Tensor Normal(int stream, double sigma) => key.FoldIn(stream).Normal([width], dtype) * sigma;
        return new TwoLayerRelu(Normal(0, outputSigma), Normal(1, inputSigma), Normal(2, inputSigma));
    }

    /// <summary>
    /// Antisymmetric initialisation: every neuron once more with the sign of its output weight turned, so that f = 0 up to the rounding of the sum.
    /// Shape: [m] → [2m]. Source: Zhang, Xu, Luo and Ma, arXiv:1905.07777.
    /// </summary>
    public TwoLayerRelu Antisymmetric() => new(
        Ops.Concatenate([A, -A]), Ops.Concatenate([W, W]), Ops.Concatenate([B, B]));

    /// <summary>f. Shape: [n] → [n].</summary>
    public Tensor Apply(Tensor x) => PreActivations(x).Relu().MatMul(A);

    /// <summary>
    /// The mean squared error (1/n)·Σᵢ (f(xᵢ) − yᵢ)², its gradient, and the largest squared gradient norm of f over the samples.
    /// </summary>
    /// <remarks>
    /// With hᵢⱼ = relu(wⱼxᵢ + bⱼ) and sᵢⱼ = sign hᵢⱼ, the derivative of relu: ∂f(xᵢ)/∂aⱼ = hᵢⱼ, ∂f(xᵢ)/∂wⱼ = aⱼsᵢⱼxᵢ and ∂f(xᵢ)/∂bⱼ = aⱼsᵢⱼ. So the
    /// gradient is hᵀr, a∘sᵀ(r∘x), a∘sᵀr with r = 2(f − y)/n, and ‖∇f(xᵢ)‖² = Σⱼ hᵢⱼ² + (1 + xᵢ²)·Σⱼ sᵢⱼaⱼ². Four passes over arrays [n, m] make
    /// h and s; six contractions read them.
    /// </remarks>
    /// <param name="x">Inputs [n].</param>
    /// <param name="y">Targets [n].</param>
    public LossAndGradient Differentiate(Tensor x, Tensor y)
    {
        Tensor h = PreActivations(x).Maximum(0);                // [n, m]
        Tensor s = h.Sign();
        Tensor error = h.MatMul(A) - y;                         // [n]
        Tensor r = error * (2.0 / x.Shape[0]);
        var gradient = new TwoLayerRelu(r.MatMul(h), A * (r * x).MatMul(s), A * r.MatMul(s));
        Tensor sampleNorms = Ops.Einsum("nm,nm->n", h, h) + (1 + x.Square()) * s.MatMul(A.Square());
        return new LossAndGradient(error.Square().Mean(), gradient, sampleNorms.Max());
    }

    /// <summary>wⱼxᵢ + bⱼ. Shape: [n] → [n, m].</summary>
    private Tensor PreActivations(Tensor x) => x.ExpandDims(1) * W + B;
}

/// <summary>What one evaluation of <see cref="TwoLayerRelu.Differentiate"/> gives.</summary>
/// <param name="MeanSquaredError">(1/n)·Σᵢ (f(xᵢ) − yᵢ)², a scalar.</param>
/// <param name="Gradient">Its gradient.</param>
/// <param name="LargestSampleNorm">maxᵢ ‖∇f(xᵢ)‖², a scalar.</param>
public sealed record LossAndGradient(Tensor MeanSquaredError, TwoLayerRelu Gradient, Tensor LargestSampleNorm);
