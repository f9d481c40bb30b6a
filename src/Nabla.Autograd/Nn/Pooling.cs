namespace Nabla.Nn;

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
