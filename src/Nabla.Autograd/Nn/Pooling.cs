using Nabla.Autograd;

namespace Nabla.Nn;

/// <summary>
/// The largest element of each window, channel by channel: <see cref="Ops"/>.MaxPool. Shape: [batch…, spatial…, channels] → [batch…, spatial′…, channels].
/// </summary>
/// <param name="window">Sizes of the window, one for each spatial axis.</param>
/// <param name="strides">Distance between windows; by default the window, so that they do not overlap.</param>
/// <param name="padding">What lies beyond the borders; by default nothing.</param>
public sealed class MaxPool(Axes window, Axes strides = default, Padding padding = default) : StatelessLayer
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames => [];

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype)
    {
        Spatial.Require("max_pool", window.Length, input);
        return ([], Spatial.Output(x => x.MaxPool(window, strides, padding), input, dtype));
    }

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass) => x.MaxPool(window, strides, padding);
}

/// <summary>
/// The mean of each window, channel by channel: <see cref="Ops"/>.AveragePool. Shape: [batch…, spatial…, channels] → [batch…, spatial′…, channels].
/// </summary>
/// <param name="window">Sizes of the window, one for each spatial axis.</param>
/// <param name="strides">Distance between windows; by default the window.</param>
/// <param name="padding">What lies beyond the borders; by default nothing.</param>
/// <param name="countPadding">Whether padding counts as zeros (true) or is left out of the mean (false).</param>
public sealed class AveragePool(Axes window, Axes strides = default, Padding padding = default, bool countPadding = true) : StatelessLayer
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames => [];

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype)
    {
        Spatial.Require("average_pool", window.Length, input);
        return ([], Spatial.Output(x => x.AveragePool(window, strides, padding, countPadding), input, dtype));
    }

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass) => x.AveragePool(window, strides, padding, countPadding);
}

/// <summary>The mean over all positions. Shape: [batch…, spatial…, channels] → [batch…, channels].</summary>
/// <param name="spatialAxes">Number of axes of positions: 2 for images.</param>
public sealed class GlobalAveragePool(int spatialAxes = 2) : StatelessLayer
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames => [];

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype)
    {
        Spatial.Require("global_average_pool", spatialAxes, input);
        return ([], [input[^1]]);
    }

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass) =>
        x.Mean([.. Enumerable.Range(x.Rank - 1 - spatialAxes, spatialAxes)]);
}
