namespace Nabla.InfiniteWidth;

/// <summary>
/// Branches that all see the same input (fan-out), run side by side, and meet again. Parameters: those of all branches in order. A residual block is
/// <c>new FanInSum(new Identity(), new Serial(…))</c>.
/// </summary>
public abstract class Branches(Layer[] branches) : Layer
{
    /// <inheritdoc/>
    public override int ParameterCount => branches.Sum(b => b.ParameterCount);

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) => Join([.. branches.Select(b => b.OutputShape(input))]);

    /// <inheritdoc/>
    public override (Tensor[] Parameters, Shape OutputShape) Init(RandomKey key, Shape input, DType dtype = DType.F64)
    {
        var parts = branches.Select((branch, i) => branch.Init(key.FoldIn(i), input, dtype)).ToList();
        return ([.. parts.SelectMany(p => p.Parameters)], OutputShape(input));
    }

    /// <inheritdoc/>
    public override KernelState Kernel(KernelState state)
    {
        KernelState[] outputs = Array.ConvertAll(branches, b => b.Kernel(state));
        Shape shape = Join(Array.ConvertAll(outputs, o => o.Shape));
        return Join(outputs) with { Shape = shape };
    }

    /// <inheritdoc/>
    public override SpatialMode Needs(SpatialMode output) => branches.Max(b => b.Needs(output));

    internal override Tensor Run(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key, WeightTap? tap)
    {
        var outputs = new Tensor[branches.Length];
        for (int i = 0, start = 0; i < branches.Length; start += branches[i++].ParameterCount)
            outputs[i] = branches[i].Run(parameters.Slice(start, branches[i].ParameterCount), x, key?.FoldIn(i), tap);
        return Join(outputs);
    }

    private protected static ShapeException Misfit(string join, Shape[] shapes) => InfiniteWidthErrors.Misfit(join,
        $"branches give {string.Join(", ", shapes)}; expected at least one, all equal (for concat, up to the channels)");

    private protected abstract Shape Join(Shape[] shapes);

    private protected abstract KernelState Join(KernelState[] states);

    private protected abstract Tensor Join(Tensor[] outputs);
}

/// <summary>
/// The sum of branches: kernels add, if the branches are uncorrelated. They are if each ends in weights of its own, as after a dense layer (whose result
/// is centred whatever it is applied to); one of them may be anything else.
/// </summary>
public sealed class FanInSum(params Layer[] branches) : Branches(branches)
{
    private protected override Shape Join(Shape[] shapes) =>
        shapes.Length > 0 && shapes.All(s => s == shapes[0]) ? shapes[0] : throw Misfit("fan-in sum", shapes);

    private protected override KernelState Join(KernelState[] states)
    {
        var sources = states.SelectMany(s => s.Sources).ToList();
        bool shared = sources.Distinct().Count() < sources.Count;
        int other = states.Count(s => !s.IsGaussian);
        if (shared || other > 1) throw InfiniteWidthErrors.CorrelatedBranches(shared);
        return states.Aggregate((a, b) => a with
        {
            Nngp = a.Nngp + b.Nngp,
            Ntk = a.Ntk is null ? null : a.Ntk + b.Ntk!,
            Var1 = a.Var1 + b.Var1,
            Var2 = a.Var2 + b.Var2,
        }) with
        { IsGaussian = other == 0, Sources = sources };
    }

    private protected override Tensor Join(Tensor[] outputs) => outputs.Aggregate((a, b) => a + b);
}

/// <summary>
/// The channels of all branches side by side: kernels are averaged by the numbers of channels. What follows must be a linear layer, since the channels
/// of a mixture are not one Gaussian process.
/// </summary>
public sealed class FanInConcat(params Layer[] branches) : Branches(branches)
{
    private protected override Shape Join(Shape[] shapes) =>
        shapes.Length > 0 && shapes.All(s => s.Rank > 0 && s.Dims[..^1].SequenceEqual(shapes[0].Dims[..^1]))
            ? shapes[0].With(shapes[0].Rank - 1, shapes.Sum(s => s[^1])) : throw Misfit("fan-in concat", shapes);

    private protected override KernelState Join(KernelState[] states)
    {
        double all = states.Sum(s => s.Shape[^1]);
        return states.Select(s => s.Each((kernel, _) => kernel * (s.Shape[^1] / all))).Aggregate((a, b) => a with
        {
            Nngp = a.Nngp + b.Nngp,
            Ntk = a.Ntk is null ? null : a.Ntk + b.Ntk!,
            Var1 = a.Var1 + b.Var1,
            Var2 = a.Var2 + b.Var2,
        }) with
        { IsGaussian = states.Length == 1 && states[0].IsGaussian, Sources = [.. states.SelectMany(s => s.Sources).Distinct()] };
    }

    private protected override Tensor Join(Tensor[] outputs) => Ops.Concatenate(outputs, -1);
}
