namespace Nabla.Optim;

/// <summary>What an optimiser remembers between steps: the step number, i32 scalar, and tensors shaped like the parameters.</summary>
/// <param name="Step">Steps taken so far.</param>
/// <param name="Slots">Moments, in the order that the optimiser defines; each list is shaped like the leaves of the parameters.</param>
public sealed record OptimizerState(Tensor Step, Tensor[][] Slots);

/// <summary>
/// A rule that turns a gradient into new parameters. It is a pure function of (parameters, gradient, state), made of tensor operations, so that a
/// whole training step can be compiled, batched and differentiated.
/// </summary>
public abstract class Optimizer(Schedule rate)
{
    /// <summary>The learning rate at each step.</summary>
    public Schedule Rate { get; } = rate;

    /// <summary>
    /// The largest Euclidean length of the gradient, all leaves together; a longer one is scaled down to it first. Null: as it is. Members stacked in one
    /// tree would be clipped together: there, batch <see cref="Update"/> itself with Vmap.
    /// </summary>
    public double? ClipNorm { get; init; }

    /// <summary>Factors of the learning rate, one for each leaf of the parameters; null for all 1.</summary>
    public IReadOnlyList<double>? RateFactors { get; init; }

    /// <summary>Number of moments per parameter.</summary>
    protected abstract int SlotCount { get; }

    /// <summary>The state before the first step: zeros.</summary>
    public OptimizerState Init<T>(T parameters)
    {
        Tensor[] leaves = Tree.Leaves(parameters);
        Device device = leaves.Length > 0 ? leaves[0].Device : Device.Default;
        var slots = new Tensor[SlotCount][];
        for (int i = 0; i < slots.Length; i++) slots[i] = Array.ConvertAll(leaves, l => l.ZerosLike());
        return new OptimizerState(Tensor.Scalar(0, DType.I32, device), slots);
    }

    /// <summary>New parameters and state from the gradient, which has the structure of the parameters.</summary>
    public (T Parameters, OptimizerState State) Update<T>(T parameters, T gradient, OptimizerState state)
    {
        (Tensor[] leaves, TreeStructure<T> structure) = Tree.Flatten(parameters);
        Tensor[] gradients = Tree.Leaves(gradient);
        if (ClipNorm is { } largest) gradients = Gradients.ClipByGlobalNorm(gradients, largest);
        if (RateFactors is { } factors && factors.Count != leaves.Length)
            throw AutogradErrors.TreeStructure("optimizer", $"{leaves.Length} rate factors, one for each leaf of the parameters", $"{factors.Count}");
        Tensor step = state.Step + 1, rate = Rate(state.Step);
        var updated = new Tensor[leaves.Length];
        var slots = new Tensor[SlotCount][];
        for (int s = 0; s < slots.Length; s++) slots[s] = new Tensor[leaves.Length];
        for (int i = 0; i < leaves.Length; i++)
        {
            Tensor[] moments = [.. state.Slots.Select(slot => slot[i])];
            Tensor own = RateFactors is null ? rate : rate * RateFactors[i];
            updated[i] = Update(leaves[i], gradients[i], moments, step.To(leaves[i].DType), own.To(leaves[i].DType));
            for (int s = 0; s < slots.Length; s++) slots[s][i] = moments[s];
        }
        return (structure.Unflatten(updated), new OptimizerState(step, slots));
    }

    /// <summary>The new value of one parameter; replaces its moments in place in the array.</summary>
    /// <param name="parameter">θ.</param>
    /// <param name="gradient">g.</param>
    /// <param name="moments">Its moments; overwritten with the new ones.</param>
    /// <param name="step">t, counted from 1.</param>
    /// <param name="rate">η.</param>
    protected abstract Tensor Update(Tensor parameter, Tensor gradient, Tensor[] moments, Tensor step, Tensor rate);
}

/// <summary>What is done to gradients before a step.</summary>
public static class Gradients
{
    /// <summary>√Σg² over all float leaves of a tree: a scalar. f64 if a leaf is.</summary>
    public static Tensor GlobalNorm<T>(T gradient)
    {
        Tensor[] squares = [.. Tree.Leaves(gradient).Where(g => g.DType.IsFloat).Select(g => g.Square().Sum())];
        return squares.Length == 0 ? throw AutogradErrors.NoFloatInput("global norm") : squares.Aggregate((a, b) => a + b).Sqrt();
    }

    /// <summary>
    /// g·min(1, c/‖g‖), ‖g‖ the length over all leaves of the tree; zeros stay zeros. Source: Pascanu et al., arXiv:1211.5063, algorithm 1.
    /// </summary>
    public static T ClipByGlobalNorm<T>(T gradient, double largest)
    {
        Tensor norm = GlobalNorm(gradient), factor = largest / norm.Maximum(largest);
        return Tree.Map(g => g.DType.IsFloat ? g * factor.To(g.DType) : g, gradient);
    }
}

/// <summary>The learning rate as a function of the number of steps taken so far, an i32 scalar; returns a scalar.</summary>
public delegate Tensor Schedule(Tensor step);

/// <summary>Usual schedules.</summary>
public static class Schedules
{
    /// <summary>The same rate at every step.</summary>
    public static Schedule Constant(double rate) => step => Tensor.Scalar(rate, DType.F64, step.Device);

    /// <summary>From 0 up to <paramref name="rate"/> in a straight line over the warm-up, then down to 0 as a half cosine at <paramref name="total"/> steps.
    /// Source: Loshchilov and Hutter, arXiv:1608.03983, eq. 5.</summary>
    public static Schedule WarmupCosine(double rate, int warmup, int total) => step =>
    {
        Tensor t = step.To(DType.F64);
        Tensor progress = ((t - warmup) / Math.Max(1, total - warmup)).Clamp(0, 1);
        Tensor decayed = rate * 0.5 * (1 + (progress * Math.PI).Cos());
        return warmup == 0 ? decayed : Ops.Where(t < warmup, rate * (t + 1) / warmup, decayed);
    };

    /// <summary>rate·factor^⌊step/every⌋.</summary>
    public static Schedule Steps(double rate, double factor, int every) => step =>
        rate * ((step.To(DType.F64) / every).Floor() * Math.Log(factor)).Exp();
}
