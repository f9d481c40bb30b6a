namespace Nabla.Nn;

/// <summary>x·W + b. Parameters: W [in, out], and b [out] unless switched off. Shape: [batch…, in] → [batch…, out]. 2·batch·in·out flops.</summary>
/// <param name="units">Output features.</param>
/// <param name="weights">Initial distribution of W; LeCun's by default.</param>
/// <param name="biases">Initial distribution of b; zeros by default.</param>
/// <param name="useBias">Whether there is a b.</param>
public sealed class Dense(int units, Initializer? weights = null, Initializer? biases = null, bool useBias = true) : StatelessLayer
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames { get; } = useBias ? ["weight", "bias"] : ["weight"];

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype)
    {
        if (input.Rank == 0) throw AutogradErrors.LayerInput("dense", "needs features on the last axis", input);
        RandomKey keys = key.Split(2);
        Tensor w = (weights ?? Initializers.LeCun())(keys.At(0), [input[^1], units], dtype);
        return (useBias ? [w, (biases ?? Initializers.Zeros)(keys.At(1), [units], dtype)] : [w], input.With(input.Rank - 1, units));
    }

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass)
    {
        Tensor y = x.MatMul(parameters[0]);
        return useBias ? y + parameters[1] : y;
    }
}

/// <summary>
/// A dense layer in NTK parametrisation: (σw/√in)·x·W + σb·b with W and b drawn from N(0, 1), so that one rate suits every width. Shape: [batch…, in] →
/// [batch…, out]. Source: Jacot et al., arXiv:1806.07572, §3.
/// </summary>
/// <param name="units">Output features.</param>
/// <param name="weightStd">σw.</param>
/// <param name="biasStd">σb; 0 for no bias.</param>
public sealed class NtkDense(int units, double weightStd = 1, double biasStd = 0) : StatelessLayer
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames { get; } = biasStd == 0 ? ["weight"] : ["weight", "bias"];

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype)
    {
        if (input.Rank == 0) throw AutogradErrors.LayerInput("ntk_dense", "needs features on the last axis", input);
        RandomKey keys = key.Split(2);
        Tensor w = keys.At(0).Normal([input[^1], units], dtype);
        return (biasStd == 0 ? [w] : [w, keys.At(1).Normal([units], dtype)], input.With(input.Rank - 1, units));
    }

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass)
    {
        Tensor y = x.MatMul(parameters[0]) * (weightStd / Math.Sqrt(x.Shape[^1]));
        return biasStd == 0 ? y : y + biasStd * parameters[1];
    }
}

/// <summary>A function without parameters that keeps the shape: element by element, or along the last axis.</summary>
public sealed class Activation(Func<Tensor, Tensor> function) : StatelessLayer
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
    public override IReadOnlyList<string> ParameterNames => [];

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype) => ([], input);

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass) => function(x);
}

/// <summary>
/// Inverted dropout: in training each element is kept with probability 1 − rate and then divided by it; in evaluation nothing happens.
/// Source: Srivastava et al., JMLR 15, 2014.
/// </summary>
public sealed class Dropout : StatelessLayer
{
    private readonly double _rate;

    /// <summary>Dropout of a share of the elements.</summary>
    /// <param name="rate">Probability of being set to 0, in [0, 1).</param>
    /// <exception cref="LayerException">NB0555: the rate is outside.</exception>
    public Dropout(double rate) =>
        _rate = rate is >= 0 and < 1 ? rate : throw AutogradErrors.LayerOption("dropout", "the rate must be in [0, 1)", $"{rate}");

    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames => [];

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype) => ([], input);

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass)
    {
        if (!pass.IsTraining || _rate == 0) return x;
        return Ops.Where(pass.Key("dropout").Bernoulli(1 - _rate, x.Shape), x / (1 - _rate), x.ZerosLike());
    }
}

/// <summary>The axes of one example merged into one, in row-major order. Shape: [batch…, a, b, c] → [batch…, a·b·c].</summary>
/// <param name="axes">Number of axes of one example: 3 for images [height, width, channels].</param>
public sealed class Flatten(int axes = 3) : StatelessLayer
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames => [];

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype) => input.Rank == axes
        ? ([], [checked((int)input.Count)])
        : throw AutogradErrors.LayerInput("flatten", $"needs {axes} axes (another number is an argument of Flatten)", input);

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass)
    {
        ReadOnlySpan<int> dims = x.Shape.Dims;
        return x.Reshape([.. dims[..^axes], checked((int)Shape.Create(dims[^axes..]).Count)]);
    }
}

/// <summary>
/// Rows of a table: y = table[x]. Parameters: table [count, features]. Shape: integers in [−count, count) [batch…] → [batch…, features]; negative ones
/// count from the end. The gradient adds up the rows that were read, in order.
/// </summary>
/// <param name="count">Number of rows.</param>
/// <param name="features">Length of a row.</param>
/// <param name="table">Initial distribution; N(0, 1/features) by default, rows of length about 1.</param>
public sealed class Embedding(int count, int features, Initializer? table = null) : StatelessLayer
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames { get; } = ["table"];

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype) =>
        ([(table ?? Initializers.Normal(1 / Math.Sqrt(features)))(key, [count, features], dtype)], input.Insert(input.Rank, features));

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass) => parameters[0].Take(x);
}

/// <summary>Layers one after another; layer i draws from its own key. Names: <c>i.name</c>.</summary>
public sealed class Sequential(params Layer[] layers) : Composite([.. layers.Select((layer, i) => ($"{i}", layer))])
{
    private readonly int _count = layers.Length;

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
    protected override Tensor Connect(Tensor x, Func<int, Tensor, Tensor> part)
    {
        for (int i = 0; i < _count; i++) x = part(i, x);
        return x;
    }

    /// <inheritdoc/>
    protected override Shape Connect(Shape input, Func<int, Shape, Shape> part)
    {
        for (int i = 0; i < _count; i++) input = part(i, input);
        return input;
    }
}

/// <summary>
/// shortcut(x) + body(x), both of one shape; without a shortcut, x + body(x). Names: <c>body.name</c>, <c>shortcut.name</c>. Source: He et al.,
/// arXiv:1512.03385.
/// </summary>
/// <param name="body">What is learned on top.</param>
/// <param name="shortcut">The identity by default; for example a <see cref="Dense"/> layer where the size changes.</param>
public sealed class Residual(Layer body, Layer? shortcut = null)
    : Composite(shortcut is null ? [("body", body)] : [("body", body), ("shortcut", shortcut)])
{
    private readonly bool _identity = shortcut is null;

    /// <inheritdoc/>
    protected override Tensor Connect(Tensor x, Func<int, Tensor, Tensor> part) => (_identity ? x : part(1, x)) + part(0, x);

    /// <inheritdoc/>
    protected override Shape Connect(Shape input, Func<int, Shape, Shape> part)
    {
        (Shape sum, Shape body) = (_identity ? input : part(1, input), part(0, input));
        return sum == body ? sum : throw AutogradErrors.LayerInput("residual", $"the body gives {body}, the shortcut {sum}: they cannot be added", input);
    }
}
