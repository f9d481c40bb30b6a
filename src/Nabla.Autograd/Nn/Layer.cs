namespace Nabla.Nn;

/// <summary>
/// What an application of a network is for: evaluation, or training with the key of this step, from which every layer that draws at random
/// gets its own.
/// </summary>
public sealed class Pass
{
    private readonly RandomKey? _key;
    private readonly Pass? _parent;
    private readonly int _index;

    private Pass(bool isTraining, RandomKey? key, Pass? parent = null, int index = 0) =>
        (IsTraining, _key, _parent, _index) = (isTraining, key, parent, index);

    /// <summary>The network as it will be used: nothing is drawn, running statistics are read and kept.</summary>
    public static Pass Evaluation { get; } = new(false, null);

    /// <summary>A training step. Networks that draw nothing need no key.</summary>
    public static Pass Training(RandomKey? key = null) => new(true, key);

    /// <summary>Whether this is a training step.</summary>
    public bool IsTraining { get; }

    /// <summary>The key of this layer.</summary>
    /// <exception cref="LayerException">NB0550: the pass was made without a key.</exception>
    public RandomKey Key(string layer) => Derive() ?? throw AutogradErrors.NoKey(layer);

    /// <summary>The pass for a part of a layer, with a key of its own.</summary>
    public Pass Part(int index) => new(IsTraining, null, this, index);

    // Only layers that draw pay for the folding.
    private RandomKey? Derive() => _parent is null ? _key : _parent.Derive()?.FoldIn(_index);
}

/// <summary>
/// A layer knows how to make its parameters and how to apply them; it holds none. Parameters and state are lists of tensors in the order of their
/// names, so that every transformation applies to them and several sets can be batched.
/// </summary>
/// <remarks>
/// Parameters are what training differentiates. State is what a training step updates without a gradient, such as the running statistics of
/// <see cref="BatchNorm"/>: a training pass returns the new state as data, to be handed to the next.
/// </remarks>
public abstract class Layer
{
    /// <summary>Names of the parameters in order, such as <c>0.weight</c> for the first part of a <see cref="Sequential"/>.</summary>
    public abstract IReadOnlyList<string> ParameterNames { get; }

    /// <summary>Names of the state tensors in order; none for most layers.</summary>
    public virtual IReadOnlyList<string> StateNames => [];

    /// <summary>
    /// New parameters, initial state, and the shape of one output, for inputs of which one example, without the batch axis, has shape
    /// <paramref name="input"/>: [features] for <see cref="Dense"/>, [height, width, channels] for images.
    /// </summary>
    /// <exception cref="ShapeException">NB0553: the layer does not take such an input.</exception>
    public abstract (Tensor[] Parameters, Tensor[] State, Shape Output) Init(RandomKey key, Shape input, DType dtype = DType.F32);

    /// <summary>
    /// Output and new state; in evaluation the state comes back as it was. Shape: x [batch…, input…] → [batch…, output…].
    /// </summary>
    /// <exception cref="LayerException">NB0550: a layer draws at random, and the pass has no key; NB0552: other tensors than <see cref="Init"/> gave.</exception>
    public (Tensor Output, Tensor[] State) Apply(ReadOnlySpan<Tensor> parameters, ReadOnlySpan<Tensor> state, Tensor x, Pass pass)
    {
        if (parameters.Length != ParameterNames.Count) throw AutogradErrors.TensorCount(this, "parameters", ParameterNames, parameters.Length);
        if (state.Length != StateNames.Count) throw AutogradErrors.TensorCount(this, "state tensors", StateNames, state.Length);
        return Forward(parameters, state, x, pass);
    }

    /// <summary>The output of a layer without state; by default in evaluation. Shape: x [batch…, input…] → [batch…, output…].</summary>
    /// <exception cref="LayerException">NB0551: the layer has state, which this form would lose; and as for the other form.</exception>
    public Tensor Apply(ReadOnlySpan<Tensor> parameters, Tensor x, Pass? pass = null) =>
        StateNames.Count == 0 ? Apply(parameters, [], x, pass ?? Pass.Evaluation).Output : throw AutogradErrors.StateForgotten(this);

    /// <summary>The layer's computation; the numbers of tensors have been checked.</summary>
    protected abstract (Tensor Output, Tensor[] State) Forward(ReadOnlySpan<Tensor> parameters, ReadOnlySpan<Tensor> state, Tensor x, Pass pass);
}

/// <summary>A layer without state.</summary>
public abstract class StatelessLayer : Layer
{
    /// <inheritdoc/>
    public sealed override (Tensor[] Parameters, Tensor[] State, Shape Output) Init(RandomKey key, Shape input, DType dtype = DType.F32)
    {
        (Tensor[] parameters, Shape output) = Start(key, input, dtype);
        return (parameters, [], output);
    }

    /// <summary>New parameters and the shape of one output: <see cref="Layer.Init"/> without state.</summary>
    protected abstract (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype);

    /// <summary>The layer's computation.</summary>
    protected abstract Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass);

    /// <inheritdoc/>
    protected sealed override (Tensor Output, Tensor[] State) Forward(
        ReadOnlySpan<Tensor> parameters, ReadOnlySpan<Tensor> state, Tensor x, Pass pass) => (Forward(parameters, x, pass), []);
}

/// <summary>
/// A layer made of parts, each used once: it only says how they are connected. Its tensors are those of the parts in order, named <c>part.name</c>.
/// </summary>
public abstract class Composite : Layer
{
    private readonly Layer[] _parts;

    /// <summary>The parts with their names.</summary>
    protected Composite(params (string Name, Layer Layer)[] parts)
    {
        _parts = [.. parts.Select(p => p.Layer)];
        ParameterNames = [.. parts.SelectMany(p => p.Layer.ParameterNames.Select(n => $"{p.Name}.{n}"))];
        StateNames = [.. parts.SelectMany(p => p.Layer.StateNames.Select(n => $"{p.Name}.{n}"))];
    }

    /// <inheritdoc/>
    public sealed override IReadOnlyList<string> ParameterNames { get; }

    /// <inheritdoc/>
    public sealed override IReadOnlyList<string> StateNames { get; }

    /// <summary>The output, where <paramref name="part"/>(i, x) applies part i.</summary>
    protected abstract Tensor Connect(Tensor x, Func<int, Tensor, Tensor> part);

    /// <summary>The shape of one output, where <paramref name="part"/>(i, shape) is that of part i for inputs of that shape.</summary>
    protected abstract Shape Connect(Shape input, Func<int, Shape, Shape> part);

    /// <inheritdoc/>
    public sealed override (Tensor[] Parameters, Tensor[] State, Shape Output) Init(RandomKey key, Shape input, DType dtype = DType.F32)
    {
        var (parameters, state) = (new Tensor[_parts.Length][], new Tensor[_parts.Length][]);
        Shape output = Connect(input, (i, shape) =>
        {
            (parameters[i], state[i], Shape next) = _parts[i].Init(key.FoldIn(i), shape, dtype);
            return next;
        });
        return ([.. parameters.SelectMany(p => p)], [.. state.SelectMany(s => s)], output);
    }

    /// <inheritdoc/>
    protected sealed override (Tensor Output, Tensor[] State) Forward(
        ReadOnlySpan<Tensor> parameters, ReadOnlySpan<Tensor> state, Tensor x, Pass pass)
    {
        Tensor[][] own = Divide(parameters, l => l.ParameterNames.Count), memory = Divide(state, l => l.StateNames.Count);
        Tensor y = Connect(x, (i, input) =>
        {
            (Tensor output, memory[i]) = _parts[i].Apply(own[i], memory[i], input, pass.Part(i));
            return output;
        });
        return (y, [.. memory.SelectMany(s => s)]);
    }

    private Tensor[][] Divide(ReadOnlySpan<Tensor> tensors, Func<Layer, int> count)
    {
        var shares = new Tensor[_parts.Length][];
        for (int i = 0, start = 0; i < shares.Length; i++)
        {
            shares[i] = tensors.Slice(start, count(_parts[i])).ToArray();
            start += shares[i].Length;
        }
        return shares;
    }
}
