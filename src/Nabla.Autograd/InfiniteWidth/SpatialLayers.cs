namespace Nabla.InfiniteWidth;

/// <summary>All positions and channels on one axis; kernels are averaged over positions, each with itself.</summary>
public sealed class Flatten : Layer
{
    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) => [checked((int)input.Count)];

    /// <inheritdoc/>
    public override SpatialMode Needs(SpatialMode output) => SpatialMode.Diagonal;

    /// <inheritdoc/>
    public override KernelState Kernel(KernelState state)
    {
        if (state.SpatialMode == SpatialMode.None) return state;
        int positions = state.Positions;
        Tensor Mean(Tensor kernel, int lead)
        {
            Tensor flat = state.Flat(kernel, lead);
            return (state.SpatialMode == SpatialMode.Full ? flat.Diagonal() : flat).Mean(-1);
        }
        return state.Each(Mean) with { IsGaussian = state.IsGaussian && positions == 1, SpatialMode = SpatialMode.None, Shape = OutputShape(state.Shape) };
    }

    internal override Tensor Run(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key, WeightTap? tap) => x.Reshape(x.Shape[0], -1);
}

/// <summary>Averages or sums over windows of all spatial axes.</summary>
public abstract class Pool : Layer
{
    private readonly Shape _window;
    private readonly Shape? _strides;
    private readonly Padding _padding;
    private readonly string _name;
    private readonly double _scale;

    private protected Pool(string name, Shape window, Shape? strides, Padding padding, double scale) =>
        (_name, _window, _strides, _padding, _scale) = (name, window, strides, padding, scale);

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) => Window.Output(Windows(input), input, input[^1]);

    /// <inheritdoc/>
    public override SpatialMode Needs(SpatialMode output) => SpatialMode.Full;

    /// <inheritdoc/>
    public override KernelState Kernel(KernelState state)
    {
        Window[] windows = Windows(state.Shape);
        if (state.SpatialMode != SpatialMode.Full) throw GlobalAvgPool.NeedsPairs(_name);
        int rank = windows.Length;
        Tensor Sums(Tensor kernel, int lead)
        {
            for (int d = 0; d < rank; d++) kernel = windows[d].Sum(windows[d].Sum(kernel, lead + d), lead + rank + d);
            return kernel * (_scale * _scale);
        }
        return state.Each(Sums) with { Shape = OutputShape(state.Shape) };
    }

    internal override Tensor Run(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key, WeightTap? tap)
    {
        Window[] windows = Windows(Shape.Create(x.Shape.Dims[1..]));
        for (int d = 0; d < windows.Length; d++) x = windows[d].Sum(x, d + 1);
        return x * _scale;
    }

    private Window[] Windows(Shape input) => Window.For(_name, _window, _strides ?? _window, _padding, input);
}

/// <summary>The mean over each window; with <see cref="Padding.Same"/> the zeros beyond the edge count. Strides default to the window.</summary>
public sealed class AvgPool(Shape window, Shape? strides = null, Padding padding = default) : Pool("avg pool", window, strides, padding, 1.0 / window.Count);

/// <summary>The sum over each window. Strides default to the window.</summary>
public sealed class SumPool(Shape window, Shape? strides = null, Padding padding = default) : Pool("sum pool", window, strides, padding, 1);

/// <summary>The mean over all positions; kernels are averaged over all pairs of positions.</summary>
public sealed class GlobalAvgPool : Layer
{
    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) => input.Rank > 1 ? [input[^1]] : throw InfiniteWidthErrors.Misfit("global avg pool", $"inputs {input}; expected [spatial…, channels]");

    /// <inheritdoc/>
    public override SpatialMode Needs(SpatialMode output) => SpatialMode.Full;

    /// <inheritdoc/>
    public override KernelState Kernel(KernelState state)
    {
        Shape shape = OutputShape(state.Shape);
        if (state.SpatialMode != SpatialMode.Full) throw NeedsPairs("global avg pool");
        return state.Each((kernel, lead) => state.Flat(kernel, lead).Mean(-2, -1)) with { SpatialMode = SpatialMode.None, Shape = shape };
    }

    internal static InfiniteWidthException NeedsPairs(string layer) => InfiniteWidthErrors.Positions(
        $"{layer} mixes positions, but the state lacks pairs of them; expected SpatialMode.Full on inputs with a spatial axis");

    internal override Tensor Run(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key, WeightTap? tap) =>
        x.Mean([.. Enumerable.Range(1, x.Rank - 2)]);
}
