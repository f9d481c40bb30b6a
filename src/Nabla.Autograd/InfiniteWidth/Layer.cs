namespace Nabla.InfiniteWidth;

/// <summary>How weights enter a layer with n inputs.</summary>
public enum Parametrization
{
    /// <summary>z = σw/√n·W·x + σb·b with all parameters N(0, 1): the tangent kernel converges as n → ∞. Source: Jacot et al., arXiv:1806.07572.</summary>
    Ntk,

    /// <summary>z = W·x + b, W ~ N(0, σw²/n), b ~ N(0, σb²), as usual in training: the tangent kernel grows like n.</summary>
    Standard,
}

/// <summary>
/// A description of a layer from which three things follow: the finite network, its Gaussian process (NNGP) and its tangent kernel (NTK) at infinite width. It
/// holds no parameters.
/// </summary>
/// <remarks>
/// Shapes of one input are [spatial…, channels]; a batch puts its axis in front. The model of a library of layers with three faces is that of Novak et
/// al., "Neural Tangents", arXiv:1912.02803.
/// </remarks>
public abstract class Layer
{
    /// <summary>Number of parameter tensors.</summary>
    public virtual int ParameterCount => 0;

    /// <summary>Shape of the output for one input.</summary>
    /// <exception cref="ShapeException">NB0532: the layer does not take such inputs.</exception>
    public abstract Shape OutputShape(Shape input);

    /// <summary>New parameters for inputs of shape [spatial…, channels], without the batch axis, and the shape of the output.</summary>
    public virtual (Tensor[] Parameters, Shape OutputShape) Init(RandomKey key, Shape input, DType dtype = DType.F64) => ([], OutputShape(input));

    /// <summary>The finite layer. Shape: [batch, spatial…, channels]. A key is needed only by layers that draw at random while training.</summary>
    public Tensor Apply(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key = null) => Run(parameters, x, key, null);

    /// <summary>The infinite layer: the kernels of its outputs from those of its inputs.</summary>
    /// <exception cref="InfiniteWidthException">NB0530: a nonlinearity on a value that is not Gaussian; NB0531: correlated branches.</exception>
    public abstract KernelState Kernel(KernelState state);

    /// <summary>Which pairs of input positions the kernel needs for the given ones of the output.</summary>
    public virtual SpatialMode Needs(SpatialMode output) => output;

    /// <summary><see cref="Apply"/>, showing each weight layer's inputs and outputs to the tap.</summary>
    internal abstract Tensor Run(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key, WeightTap? tap);
}

/// <summary>Sees the weight layers of a network while it runs.</summary>
internal abstract class WeightTap
{
    /// <summary>Called with the scale of the weights, that of the biases (null: none), the features [batch, positions…, n] that the weights multiply, and the
    /// result [batch, positions…, units]; what it returns goes on.</summary>
    public abstract Tensor Pass(Tensor weightScale, Tensor? biasScale, Tensor features, Tensor result);
}

/// <summary>Layers one after another. Parameters: those of all layers in order; each draws from its own key.</summary>
public class Serial(params Layer[] layers) : Layer
{
    /// <summary>The layers.</summary>
    public IReadOnlyList<Layer> Layers => layers;

    /// <inheritdoc/>
    public override int ParameterCount => layers.Sum(l => l.ParameterCount);

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) => layers.Aggregate(input, (shape, layer) => layer.OutputShape(shape));

    /// <inheritdoc/>
    public override (Tensor[] Parameters, Shape OutputShape) Init(RandomKey key, Shape input, DType dtype = DType.F64)
    {
        var parameters = new List<Tensor>();
        for (int i = 0; i < layers.Length; i++)
        {
            (Tensor[] own, input) = layers[i].Init(key.FoldIn(i), input, dtype);
            parameters.AddRange(own);
        }
        return ([.. parameters], input);
    }

    /// <inheritdoc/>
    public override KernelState Kernel(KernelState state) => layers.Aggregate(state, (s, layer) => layer.Kernel(s));

    /// <inheritdoc/>
    public override SpatialMode Needs(SpatialMode output) => layers.Reverse().Aggregate(output, (mode, layer) => layer.Needs(mode));

    internal override Tensor Run(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key, WeightTap? tap)
    {
        for (int i = 0, start = 0; i < layers.Length; start += layers[i++].ParameterCount)
            x = layers[i].Run(parameters.Slice(start, layers[i].ParameterCount), x, key?.FoldIn(i), tap);
        return x;
    }
}

/// <summary>The same description several times, each time with parameters of its own.</summary>
public sealed class Repeat(int times, params Layer[] layers) : Serial([.. Enumerable.Repeat(layers, times).SelectMany(l => l)]);

/// <summary>The input itself.</summary>
public sealed class Identity : Layer
{
    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) => input;

    /// <inheritdoc/>
    public override KernelState Kernel(KernelState state) => state;

    internal override Tensor Run(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key, WeightTap? tap) => x;
}
