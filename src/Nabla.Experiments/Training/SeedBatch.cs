using Nabla.Nn;
using Nabla.Optim;

namespace Nabla.Experiments.Training;

/// <summary>
/// Networks that differ only in their seed, trained together as one compiled program: parameters carry the seed as leading axis, and
/// <see cref="Transforms.Vmap{TIn, TOut}"/> turns the gradient of one network into the gradients of all. Each member takes exactly the steps that it
/// would take alone, up to rounding.
/// </summary>
public static class SeedBatch
{
    /// <summary>Initial parameters of all seeds. Shape of each tensor: [seeds, …]; row i is what seed i draws on its own.</summary>
    /// <param name="network">The network.</param>
    /// <param name="input">The shape of one input, such as [features].</param>
    /// <param name="seeds">One member a seed.</param>
    /// <param name="dtype">Element type.</param>
    public static Tensor[] Init(Layer network, Shape input, IReadOnlyList<ulong> seeds, DType dtype = DType.F32)
    {
        Tensor[][] members = [.. seeds.Select(seed => network.Init(new RandomKey(seed), input, dtype).Parameters)];
        return [.. Enumerable.Range(0, members[0].Length).Select(i => Ops.Stack([.. members.Select(m => m[i])]))];
    }

    /// <summary>
    /// Full-batch training. A step computes loss and output at the parameters as they are, reports, then updates: the metrics of the first step are those of
    /// the initial parameters.
    /// </summary>
    /// <param name="initial">Parameters with a leading seed axis.</param>
    /// <param name="optimizer">The update; element by element, so that it treats each member alone.</param>
    /// <param name="objective">From the parameters of one member to its loss and whatever is to be measured.</param>
    /// <param name="measure">From losses [seeds] and outputs, each with a leading seed axis, to what a step reports.</param>
    public static TrainingLoop<(Tensor[] Parameters, OptimizerState Optimizer), TMetrics> Loop<TOut, TMetrics>(
        Tensor[] initial, Optimizer optimizer, Func<Tensor[], (Tensor Loss, TOut Output)> objective, Func<Tensor, TOut, TMetrics> measure)
    {
        Func<Tensor[], ((Tensor Loss, TOut Output) Result, Tensor[] Gradient)> all = Transforms.Vmap(Transforms.ValueAndGrad(objective));
        return new(state =>
        {
            ((Tensor losses, TOut outputs), Tensor[] gradient) = all(state.Parameters);
            return (optimizer.Update(state.Parameters, gradient, state.Optimizer), measure(losses, outputs));
        }, (initial, optimizer.Init(initial)));
    }
}
