namespace Nabla.InfiniteWidth;

/// <summary>
/// Each input at each position minus its mean over the channels, divided by its standard deviation over them; no parameters. K and Θ are divided by √(Var1·Var2).
/// Source: Ba et al., arXiv:1607.06450.
/// </summary>
/// <param name="epsilon">Added to the variance, in the finite network and in the kernels.</param>
public sealed class LayerNorm(double epsilon = 1e-12) : Layer
{
    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) => input;

    /// <inheritdoc/>
    public override KernelState Kernel(KernelState state)
    {
        if (!state.IsGaussian) throw InfiniteWidthErrors.NotGaussian("layer norm");
        Tensor s1 = (state.Variances(state.Var1) + epsilon).Rsqrt(), s2 = (state.Variances(state.Var2) + epsilon).Rsqrt();
        Tensor scale = state.Spread(s1, true) * state.Spread(s2, false);
        Tensor Cross(Tensor kernel) => (state.Flat(kernel, 2) * scale).Reshape(kernel.Shape);
        Tensor Own(Tensor own, Tensor s)
        {
            Tensor pairs = state.SpatialMode == SpatialMode.Full ? s.ExpandDims(1) * s.ExpandDims(2) : s.Square();
            return (state.Flat(own, 1) * pairs).Reshape(own.Shape);
        }
        return state with
        {
            Nngp = Cross(state.Nngp),
            Ntk = state.Ntk is null ? null : Cross(state.Ntk),
            Var1 = Own(state.Var1, s1),
            Var2 = Own(state.Var2, s2),
        };
    }

    internal override Tensor Run(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key, WeightTap? tap)
    {
        Tensor centred = x - x.Mean(-1).ExpandDims(x.Rank - 1);
        return centred * (centred.Square().Mean(-1).ExpandDims(x.Rank - 1) + epsilon).Rsqrt();
    }
}

/// <summary>
/// Inverted dropout: with a key, elements are kept with probability ρ = 1 − rate and divided by it. Variances, and kernels of an input with itself at one
/// position, are divided by ρ. Without a key the finite layer does nothing, while the kernels are those of training. Source: Srivastava et al., JMLR 15, 2014.
/// </summary>
public sealed class Dropout : Layer
{
    private readonly double _rate;

    /// <summary>Dropout with the given probability of dropping an element, in [0, 1).</summary>
    public Dropout(double rate) => _rate = rate >= 0 && rate < 1 ? rate : throw InfiniteWidthErrors.DropoutRate(rate);

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) => input;

    /// <inheritdoc/>
    public override KernelState Kernel(KernelState state)
    {
        if (_rate == 0) return state;
        double more = 1 / (1 - _rate) - 1;
        Tensor? same = state.SameInputs();
        Tensor Cross(Tensor kernel) => same is null ? kernel : (state.Flat(kernel, 2) * (1 + more * same)).Reshape(kernel.Shape);
        Tensor Own(Tensor own)
        {
            if (state.SpatialMode != SpatialMode.Full) return own * (1 + more);
            return (state.Flat(own, 1) * (1 + more * Ops.Eye(state.Positions, DType.F64))).Reshape(own.Shape);
        }
        return state with
        {
            Nngp = Cross(state.Nngp),
            Ntk = state.Ntk is null ? null : Cross(state.Ntk),
            Var1 = Own(state.Var1),
            Var2 = Own(state.Var2),
            IsGaussian = false,
        };
    }

    internal override Tensor Run(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key, WeightTap? tap) => key is not { } drawn || _rate == 0
        ? x : Ops.Where(drawn.Bernoulli(1 - _rate, x.Shape), x / (1 - _rate), x.ZerosLike());
}
