using Nabla.Autograd;

namespace Nabla.Nn;

/// <summary>
/// Batch normalisation y = scale·(x − μ)/√(σ² + ε) + shift over all axes but the last, the channels. In training μ and σ² are mean and variance of the
/// batch (dividing by the count m), and the new state is mean ← ρ·mean + (1 − ρ)·μ, variance ← ρ·variance + (1 − ρ)·σ²·m/(m − 1); in
/// evaluation they are the state. Parameters: scale [channels], ones, and shift, zeros. State: mean, zeros, and variance, ones. Shape: kept.
/// Source: Ioffe and Szegedy, arXiv:1502.03167, algorithms 1 and 2.
/// </summary>
/// <param name="momentum">ρ.</param>
/// <param name="epsilon">ε.</param>
/// <param name="affine">Whether there are scale and shift.</param>
public sealed class BatchNorm(double momentum = 0.9, double epsilon = 1e-5, bool affine = true) : Layer
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames { get; } = affine ? ["scale", "shift"] : [];

    /// <inheritdoc/>
    public override IReadOnlyList<string> StateNames { get; } = ["mean", "variance"];

    /// <inheritdoc/>
    public override (Tensor[] Parameters, Tensor[] State, Shape Output) Init(RandomKey key, Shape input, DType dtype = DType.F32)
    {
        if (input.Rank == 0) throw AutogradErrors.LayerInput("batch_norm", "needs channels on the last axis", input);
        Tensor zeros = Tensor.Zeros([input[^1]], dtype), ones = Tensor.Ones([input[^1]], dtype);
        return (affine ? [ones, zeros] : [], [zeros, ones], input);
    }

    /// <inheritdoc/>
    protected override (Tensor Output, Tensor[] State) Forward(
        ReadOnlySpan<Tensor> parameters, ReadOnlySpan<Tensor> state, Tensor x, Pass pass)
    {
        (Tensor mean, Tensor variance, Tensor[] next) = (state[0], state[1], state.ToArray());
        if (pass.IsTraining)
        {
            long count = x.Count / Math.Max(1, x.Shape[^1]);
            if (count < 2) throw AutogradErrors.BatchOfOne(x.Aval);
            Axes batch = Axes.Range(x.Rank - 1);
            (mean, variance) = (x.Mean(batch), x.Variance(batch));
            double unbiased = count / (count - 1.0);
            next = [momentum * state[0] + (1 - momentum) * mean, momentum * state[1] + (1 - momentum) * unbiased * variance];
        }
        Tensor slope = (variance + epsilon).Rsqrt();
        if (!affine) return ((x - mean) * slope, next);
        return ((x - mean) * (slope * parameters[0]) + parameters[1], next);
    }
}

/// <summary>
/// Layer normalisation scale·(x − μ)/√(σ² + ε) + shift with mean and variance of the features of each example. Parameters: scale [features], ones, and
/// shift, zeros. Shape: kept. Source: Ba et al., arXiv:1607.06450, eq. 4.
/// </summary>
/// <param name="epsilon">ε.</param>
/// <param name="affine">Whether there are scale and shift.</param>
public sealed class LayerNorm(double epsilon = 1e-5, bool affine = true) : StatelessLayer
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames { get; } = affine ? ["scale", "shift"] : [];

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype) =>
        (affine ? Normalizing.ScaleAndShift("layer_norm", input, dtype) : [], input);

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass)
    {
        Tensor y = Normalizing.Standardize(x, [x.Rank - 1], epsilon);
        return affine ? y * parameters[0] + parameters[1] : y;
    }
}

/// <summary>
/// Group normalisation: the channels of each example are divided into groups, each standardised over its channels and all positions; then
/// scale·y + shift by channel. Parameters: scale [channels], ones, and shift, zeros. Shape: [batch…, positions…, channels], kept. Source: Wu and He,
/// arXiv:1803.08494.
/// </summary>
/// <param name="groups">Number of groups, a divisor of the number of channels; 1 for all together, the number of channels for each alone.</param>
/// <param name="spatialAxes">Number of axes of positions: 2 for images.</param>
/// <param name="epsilon">ε in √(σ² + ε).</param>
public sealed class GroupNorm(int groups, int spatialAxes = 2, double epsilon = 1e-5) : StatelessLayer
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames { get; } = ["scale", "shift"];

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype)
    {
        if (input.Rank != spatialAxes + 1)
            throw AutogradErrors.LayerInput("group_norm", $"needs {spatialAxes} axes of positions (another number is an argument of GroupNorm) and channels", input);
        if (groups <= 0 || input[^1] % groups != 0)
            throw AutogradErrors.LayerInput("group_norm", $"the channels cannot be divided into {groups} groups of one size", input);
        return (Normalizing.ScaleAndShift("group_norm", input, dtype), input);
    }

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass)
    {
        Tensor grouped = x.Reshape([.. x.Shape.Dims[..^1], groups, x.Shape[^1] / groups]);
        int first = grouped.Rank - 2 - spatialAxes;
        Tensor y = Normalizing.Standardize(grouped, [.. Enumerable.Range(first, spatialAxes), grouped.Rank - 1], epsilon);
        return y.Reshape(x.Shape) * parameters[0] + parameters[1];
    }
}

/// <summary>
/// scale·x/√(mean x² + ε) over the features of each example. Parameters: scale [features], ones. Shape: kept. Source: Zhang and Sennrich,
/// arXiv:1910.07467, eq. 4.
/// </summary>
/// <param name="epsilon">ε.</param>
public sealed class RmsNorm(double epsilon = 1e-6) : StatelessLayer
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames { get; } = ["scale"];

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype) =>
        ([Normalizing.ScaleAndShift("rms_norm", input, dtype)[0]], input);

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass) =>
        x * (x.Square().Mean(-1).ExpandDims(-1) + epsilon).Rsqrt() * parameters[0];
}

internal static class Normalizing
{
    public static Tensor[] ScaleAndShift(string layer, Shape input, DType dtype)
    {
        if (input.Rank == 0) throw AutogradErrors.LayerInput(layer, "needs features on the last axis", input);
        return [Tensor.Ones([input[^1]], dtype), Tensor.Zeros([input[^1]], dtype)];
    }

    /// <summary>(x − μ)/√(σ² + ε) with mean and variance over the given axes.</summary>
    public static Tensor Standardize(Tensor x, Axes axes, double epsilon)
    {
        Tensor centred = x - Reducing.Spread(x.Mean(axes), x.Shape, axes);
        return centred * Reducing.Spread((centred.Square().Mean(axes) + epsilon).Rsqrt(), x.Shape, axes);
    }
}
