using Nabla.Autograd;

namespace Nabla.InfiniteWidth;

/// <summary>What dense and convolutional layers share: weights [n, units] on n features, and biases.</summary>
public abstract class WeightLayer : Layer
{
    private protected WeightLayer(int units, Tensor weightStd, Tensor? biasStd, Parametrization parametrization)
    {
        if (units < 1) throw InfiniteWidthErrors.Misfit(GetType().Name, $"{units} output channels; expected at least one");
        (Units, WeightStd, BiasStd, Parametrization) = (units, weightStd, biasStd, parametrization);
    }

    /// <summary>Output channels.</summary>
    public int Units { get; }

    /// <summary>σw, a scalar.</summary>
    public Tensor WeightStd { get; }

    /// <summary>σb, a scalar; null: no biases.</summary>
    public Tensor? BiasStd { get; }

    /// <summary>How the weights enter.</summary>
    public Parametrization Parametrization { get; }

    /// <inheritdoc/>
    public override int ParameterCount => BiasStd is null ? 1 : 2;

    private protected static Tensor Number(double value) => Tensor.Scalar(value, DType.F64);

    private protected Tensor[] Draw(RandomKey key, Shape weights, int features, DType dtype)
    {
        RandomKey keys = key.Split(2);
        (Tensor w, Tensor b) = (keys.At(0).Normal(weights, dtype), keys.At(1).Normal([Units], dtype));
        if (Parametrization == Parametrization.Standard)
        {
            w *= (WeightStd / Math.Sqrt(features)).To(dtype);
            if (BiasStd is not null) b *= BiasStd.To(dtype);
        }
        return BiasStd is null ? [w] : [w, b];
    }

    private Tensor WeightScale(int features) => Parametrization == Parametrization.Ntk ? WeightStd / Math.Sqrt(features) : Number(1);

    private Tensor BiasScale => Parametrization == Parametrization.Ntk ? BiasStd! : Number(1);

    // The product of weights and features with its scale, and biases.
    private protected Tensor Scaled(Tensor product, int features, ReadOnlySpan<Tensor> parameters)
    {
        bool ntk = Parametrization == Parametrization.Ntk;
        if (ntk) product *= WeightScale(features).To(product.DType);
        return BiasStd is null ? product : product + (ntk ? parameters[1] * BiasScale.To(product.DType) : parameters[1]);
    }

    private protected Tensor Tapped(Tensor x, Tensor result, int features, WeightTap? tap) =>
        tap is null ? result : tap.Pass(WeightScale(features), BiasStd is null ? null : BiasScale, x, result);

    // K ← σw²·mean K + σb², Θ ← what the layer's own weights add + σw²·mean Θ; the mean is over the taps.
    private protected KernelState Mix(KernelState state, Shape shape, int features, Func<Tensor, int, Tensor> mean)
    {
        Tensor weight = WeightStd.To(DType.F64).Square();
        Tensor? bias = BiasStd?.To(DType.F64).Square();
        Tensor Next(Tensor averaged) => bias is null ? weight * averaged : weight * averaged + bias;
        Tensor averaged = mean(state.Nngp, 2), nngp = Next(averaged);
        Tensor own = Parametrization == Parametrization.Ntk ? nngp : bias is null ? features * averaged : features * averaged + 1;
        return state with
        {
            Nngp = nngp,
            Ntk = state.Ntk is null ? null : own + weight * mean(state.Ntk, 2),
            Var1 = Next(mean(state.Var1, 1)),
            Var2 = Next(mean(state.Var2, 1)),
            IsGaussian = true,
            Shape = shape,
            Sources = [new object()],
        };
    }
}

/// <summary>
/// A fully connected layer on the channels, with the same weights at every position. K ← σw²K + σb², Θ ← K + σw²Θ (with the new K). Parameters: W [in, units] and
/// b [units]. Source: Lee et al., arXiv:1902.06720, appendix E.
/// </summary>
public sealed class Dense : WeightLayer
{
    /// <summary>A dense layer whose σw and σb may be differentiated.</summary>
    public Dense(int units, Tensor weightStd, Tensor? biasStd = null, Parametrization parametrization = Parametrization.Ntk)
        : base(units, weightStd, biasStd, parametrization)
    {
    }

    /// <summary>A dense layer; without σb it has no biases.</summary>
    public Dense(int units, double weightStd = 1, double? biasStd = null, Parametrization parametrization = Parametrization.Ntk)
        : this(units, Number(weightStd), biasStd is { } b ? Number(b) : null, parametrization)
    {
    }

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) => input.Rank > 0 ? input.With(input.Rank - 1, Units) : throw InfiniteWidthErrors.Misfit("dense", $"inputs {input}; expected [spatial…, channels]");

    /// <inheritdoc/>
    public override (Tensor[] Parameters, Shape OutputShape) Init(RandomKey key, Shape input, DType dtype = DType.F64)
    {
        Shape output = OutputShape(input);
        return (Draw(key, [input[^1], Units], input[^1], dtype), output);
    }

    /// <inheritdoc/>
    public override KernelState Kernel(KernelState state) => Mix(state, OutputShape(state.Shape), state.Shape[^1], (kernel, _) => kernel);

    internal override Tensor Run(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key, WeightTap? tap) =>
        Tapped(x, Scaled(x.MatMul(parameters[0]), x.Shape[^1], parameters), x.Shape[^1], tap);
}

/// <summary>
/// A convolution over all spatial axes: like <see cref="Dense"/>, with kernels averaged over the taps of the filter, both positions moving together. Parameters:
/// W [taps…, in, units] and b [units]. Source: Novak et al., arXiv:1810.05148; Garriga-Alonso et al., arXiv:1808.05587.
/// </summary>
public sealed class Conv : WeightLayer
{
    private readonly Shape _filter;
    private readonly Shape? _strides;
    private readonly Padding _padding;

    /// <summary>A convolution whose σw and σb may be differentiated.</summary>
    public Conv(int units, Shape filter, Tensor weightStd, Tensor? biasStd = null, Shape? strides = null, Padding padding = default,
        Parametrization parametrization = Parametrization.Ntk)
        : base(units, weightStd, biasStd, parametrization) => (_filter, _strides, _padding) = (filter, strides, padding);

    /// <summary>A convolution with a filter of the given sizes; without σb it has no biases.</summary>
    public Conv(int units, Shape filter, double weightStd = 1, double? biasStd = null, Shape? strides = null, Padding padding = default,
        Parametrization parametrization = Parametrization.Ntk)
        : this(units, filter, Number(weightStd), biasStd is { } b ? Number(b) : null, strides, padding, parametrization)
    {
    }

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) => Window.Output(Windows(input), input, Units);

    /// <inheritdoc/>
    public override (Tensor[] Parameters, Shape OutputShape) Init(RandomKey key, Shape input, DType dtype = DType.F64)
    {
        Shape output = OutputShape(input);
        return (Draw(key, [.. _filter.Dims, input[^1], Units], (int)_filter.Count * input[^1], dtype), output);
    }

    /// <inheritdoc/>
    public override KernelState Kernel(KernelState state)
    {
        Window[] windows = Windows(state.Shape);
        int rank = windows.Length;
        Tensor Mean(Tensor kernel, int lead)
        {
            for (int d = 0; d < rank; d++)
                kernel = state.SpatialMode == SpatialMode.Full ? windows[d].SumTogether(kernel, lead + d, lead + rank + d) : windows[d].Sum(kernel, lead + d);
            return kernel / _filter.Count;
        }
        return Mix(state, OutputShape(state.Shape), (int)_filter.Count * state.Shape[^1], Mean);
    }

    internal override Tensor Run(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key, WeightTap? tap)
    {
        int features = (int)_filter.Count * x.Shape[^1];
        if (tap is null)
        {
            _ = Windows(Shape.Create(x.Shape.Dims[1..]));
            Axes strides = _strides is { } given ? [.. given.Dims] : default;
            return Scaled(x.Conv(parameters[0], new ConvOptions { Strides = strides, Padding = _padding }), features, parameters);
        }
        // The tap wants to see the windows.
        Tensor patches = Window.Patches(Windows(Shape.Create(x.Shape.Dims[1..])), x);
        return Tapped(patches, Scaled(patches.MatMul(parameters[0].Reshape(features, Units)), features, parameters), features, tap);
    }

    private Window[] Windows(Shape input) => Window.For("conv", _filter, _strides, _padding, input);
}
