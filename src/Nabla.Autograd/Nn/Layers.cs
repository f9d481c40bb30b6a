namespace Nabla.Nn;

/// <summary>
/// A layer knows how to make its parameters and how to apply them; it holds none. Parameters are ordinary trees, so every transformation applies
/// to them, and several sets can be batched.
/// </summary>
public abstract class Layer
{
    /// <summary>New parameters for inputs with <paramref name="inputSize"/> features on the last axis, and the number of output features.</summary>
    public abstract (Tensor[] Parameters, int OutputSize) Init(RandomKey key, int inputSize, DType dtype = DType.F32);

    /// <summary>The layer's output. Shape: [batch…, in] → [batch…, out]. A key is needed only by layers that draw at random while training.</summary>
    public abstract Tensor Apply(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key = null);

    /// <summary>Number of parameter tensors.</summary>
    public abstract int ParameterCount { get; }
}

/// <summary>x·W + b. Parameters: W [in, out], and b [out] unless switched off. 2·batch·in·out flops.</summary>
/// <param name="units">Output features.</param>
/// <param name="weights">Initial distribution of W; LeCun's by default.</param>
/// <param name="biases">Initial distribution of b; zeros by default.</param>
/// <param name="useBias">Whether there is a b.</param>
public sealed class Dense(int units, Initializer? weights = null, Initializer? biases = null, bool useBias = true) : Layer
{
    /// <inheritdoc/>
    public override int ParameterCount => useBias ? 2 : 1;

    /// <inheritdoc/>
    public override (Tensor[] Parameters, int OutputSize) Init(RandomKey key, int inputSize, DType dtype = DType.F32)
    {
        RandomKey keys = key.Split(2);
        Tensor w = (weights ?? Initializers.LeCun())(keys.At(0), [inputSize, units], dtype);
        return (useBias ? [w, (biases ?? Initializers.Zeros)(keys.At(1), [units], dtype)] : [w], units);
    }

    /// <inheritdoc/>
    public override Tensor Apply(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key = null)
    {
        Tensor y = x.MatMul(parameters[0]);
        return useBias ? y + parameters[1] : y;
    }
}

/// <summary>A function without parameters, element by element or along the last axis.</summary>
public sealed class Activation(Func<Tensor, Tensor> function) : Layer
{
    /// <summary>max(x, 0).</summary>
    public static Activation Relu { get; } = new(x => x.Relu());

    /// <summary>tanh x.</summary>
    public static Activation Tanh { get; } = new(x => x.Tanh());

    /// <summary>x·Φ(x).</summary>
    public static Activation Gelu { get; } = new(x => x.Gelu());

    /// <summary>1/(1 + e⁻ˣ).</summary>
    public static Activation Sigmoid { get; } = new(x => x.Sigmoid());

    /// <inheritdoc/>
    public override int ParameterCount => 0;

    /// <inheritdoc/>
    public override (Tensor[] Parameters, int OutputSize) Init(RandomKey key, int inputSize, DType dtype = DType.F32) => ([], inputSize);

    /// <inheritdoc/>
    public override Tensor Apply(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key = null) => function(x);
}

/// <summary>
/// Inverted dropout: with a key, each element is kept with probability 1 − rate and then divided by it; without a key, nothing happens.
/// Source: Srivastava et al., JMLR 15, 2014.
/// </summary>
public sealed class Dropout(double rate) : Layer
{
    /// <inheritdoc/>
    public override int ParameterCount => 0;

    /// <inheritdoc/>
    public override (Tensor[] Parameters, int OutputSize) Init(RandomKey key, int inputSize, DType dtype = DType.F32) => ([], inputSize);

    /// <inheritdoc/>
    public override Tensor Apply(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key = null)
    {
        if (key is not { } drawn || rate == 0) return x;
        return Ops.Where(drawn.Bernoulli(1 - rate, x.Shape), x / (1 - rate), x.ZerosLike());
    }
}

/// <summary>Layers one after another; each draws from its own key. Parameters: those of all layers in order.</summary>
public sealed class Sequential(params Layer[] layers) : Layer
{
    /// <inheritdoc/>
    public override int ParameterCount => layers.Sum(l => l.ParameterCount);

    /// <summary>A fully connected network: dense layers of the given output sizes, an activation between them (not after the last).</summary>
    public static Sequential Mlp(ReadOnlySpan<int> sizes, Activation activation, Initializer? weights = null, Initializer? biases = null)
    {
        var layers = new List<Layer>();
        for (int i = 0; i < sizes.Length; i++)
        {
            if (i > 0) layers.Add(activation);
            layers.Add(new Dense(sizes[i], weights, biases));
        }
        return new Sequential([.. layers]);
    }

    /// <inheritdoc/>
    public override (Tensor[] Parameters, int OutputSize) Init(RandomKey key, int inputSize, DType dtype = DType.F32)
    {
        var parameters = new List<Tensor>();
        for (int i = 0; i < layers.Length; i++)
        {
            (Tensor[] own, inputSize) = layers[i].Init(key.FoldIn(i), inputSize, dtype);
            parameters.AddRange(own);
        }
        return ([.. parameters], inputSize);
    }

    /// <inheritdoc/>
    public override Tensor Apply(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key = null)
    {
        int start = 0;
        for (int i = 0; i < layers.Length; i++)
        {
            x = layers[i].Apply(parameters.Slice(start, layers[i].ParameterCount), x, key?.FoldIn(i));
            start += layers[i].ParameterCount;
        }
        return x;
    }
}
