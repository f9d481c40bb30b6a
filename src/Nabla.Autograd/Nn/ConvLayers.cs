using Nabla.Autograd;

namespace Nabla.Nn;

/// <summary>
/// Convolution over the spatial axes plus a bias by channel: <see cref="Ops"/>.Conv. Parameters: weight [window…, in / groups, features], and bias [features] unless
/// switched off. Shape: [batch…, spatial…, in] → [batch…, spatial′…, features].
/// </summary>
/// <param name="features">Output channels.</param>
/// <param name="window">Size of the kernel along each spatial axis.</param>
/// <param name="options">Strides, padding, dilation, groups; by default stride 1, no padding.</param>
/// <param name="weights">Initial distribution of the kernel; LeCun's by default.</param>
/// <param name="biases">Initial distribution of the bias; zeros by default.</param>
/// <param name="useBias">Whether there is a bias.</param>
public sealed class Conv(
    int features, Axes window, ConvOptions? options = null, Initializer? weights = null, Initializer? biases = null, bool useBias = true) : StatelessLayer
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames { get; } = useBias ? ["weight", "bias"] : ["weight"];

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype)
    {
        Spatial.Require("conv", window.Length, input);
        int groups = options?.Groups ?? 1;
        if (groups < 1 || input[^1] % groups != 0) throw AutogradErrors.LayerInput("conv", $"the channels cannot be divided into {groups} groups", input);
        RandomKey keys = key.Split(2);
        Tensor w = (weights ?? Initializers.LeCun())(keys.At(0), [.. window, input[^1] / groups, features], dtype);
        Tensor[] parameters = useBias ? [w, (biases ?? Initializers.Zeros)(keys.At(1), [features], dtype)] : [w];
        return (parameters, Spatial.Output(x => Forward(parameters, x, Pass.Evaluation), input, dtype));
    }

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass)
    {
        Tensor y = x.Conv(parameters[0], options);
        return useBias ? y + parameters[1] : y;
    }
}

/// <summary>
/// Transposed convolution, the adjoint of a convolution from <paramref name="features"/> to the input's channels: with stride 2 and Same padding it doubles every
/// spatial axis. Parameters: weight [window…, features / groups, in], and bias [features] unless switched off. Shape: [batch…, spatial…, in] → [batch…, spatial′…,
/// features]; sizes as for <see cref="Ops"/>.ConvTranspose.
/// </summary>
/// <param name="features">Output channels.</param>
/// <param name="window">Size of the kernel along each spatial axis.</param>
/// <param name="options">Options of the convolution whose adjoint this is.</param>
/// <param name="weights">Initial distribution of the kernel; N(0, 1/(window·in / groups)) by default.</param>
/// <param name="biases">Initial distribution of the bias; zeros by default.</param>
/// <param name="useBias">Whether there is a bias.</param>
public sealed class ConvTranspose(
    int features, Axes window, ConvOptions? options = null, Initializer? weights = null, Initializer? biases = null, bool useBias = true) : StatelessLayer
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames { get; } = useBias ? ["weight", "bias"] : ["weight"];

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype)
    {
        Spatial.Require("conv_transpose", window.Length, input);
        int groups = options?.Groups ?? 1;
        if (groups < 1 || input[^1] % groups != 0 || features % groups != 0)
            throw AutogradErrors.LayerInput("conv_transpose", $"the channels or the {features} features cannot be divided into {groups} groups", input);
        RandomKey keys = key.Split(2);
        // Data flows from the last axis of the kernel to the one before it.
        Initializer initial = weights ?? Initializers.Normal(1 / Math.Sqrt(Shape.Create(window.Span).Count * (input[^1] / groups)));
        Tensor w = initial(keys.At(0), [.. window, features / groups, input[^1]], dtype);
        Tensor[] parameters = useBias ? [w, (biases ?? Initializers.Zeros)(keys.At(1), [features], dtype)] : [w];
        return (parameters, Spatial.Output(x => Forward(parameters, x, Pass.Evaluation), input, dtype));
    }

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass)
    {
        Tensor y = x.ConvTranspose(parameters[0], options);
        return useBias ? y + parameters[1] : y;
    }
}

internal static class Spatial
{
    public static void Require(string layer, int axes, Shape input)
    {
        if (axes < 1) throw AutogradErrors.LayerOption(layer, "needs at least one spatial axis", $"{axes}");
        if (input.Rank != axes + 1) throw AutogradErrors.LayerInput(layer, $"needs {axes} spatial axes and channels", input);
    }

    /// <summary>The shape that a function gives for one example; nothing is computed.</summary>
    public static Shape Output(Func<Tensor, Tensor> layer, Shape input, DType dtype) => Transforms.ShapeOf(layer, new Aval(dtype, input)).Shape;
}
