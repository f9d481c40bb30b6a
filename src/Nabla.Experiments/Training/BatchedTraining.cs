using Nabla.Optim;

namespace Nabla.Experiments.Training;

/// <summary>The end of a batch of trainings.</summary>
/// <typeparam name="T">The parameters, a tree with the members along axis 0.</typeparam>
/// <param name="Parameters">Where each member stopped.</param>
/// <param name="Errors">Its error there.</param>
/// <param name="Steps">The steps it took.</param>
public sealed record TrainedMembers<T>(T Parameters, double[] Errors, int[] Steps);

/// <summary>
/// Many small networks of one shape trained as one compiled program: <see cref="Transforms.Vmap{TIn, TOut}"/> of the step of one. A member whose
/// error has reached the tolerance is frozen by a mask, and the host looks now and then whether all have.
/// </summary>
public static class BatchedTraining
{
    /// <summary>Trains until every member has reached the tolerance, or for a number of steps.</summary>
    /// <param name="step">A step of one member: the new parameters, and the error (a scalar) of the old ones.</param>
    /// <param name="members">The initial parameters, members along axis 0 of every leaf.</param>
    /// <param name="tolerance">A member stops when its error is at most this.</param>
    /// <param name="maxSteps">No member takes more steps.</param>
    /// <param name="lookEvery">Steps between two looks of the host.</param>
    /// <param name="onLook">Called at each look with the steps taken so far.</param>
    /// <param name="checkpoints">Where to keep the state at the looks, and to go on from.</param>
    public static TrainedMembers<T> Run<T>(
        Func<T, (T Next, Tensor Error)> step, T members, double tolerance, int maxSteps, int lookEvery = 25, Action<int>? onLook = null,
        BenchCheckpoints? checkpoints = null)
    {
        Tensor first = Tree.Leaves(members)[0];
        int count = first.Shape[0];
        var loop = new TrainingLoop<(T, Tensor), Tensor>(
            Transforms.Vmap(Freezing(step, tolerance, maxSteps)), (members, Tensor.Zeros([count], DType.I32, first.Device)));
        double[] errors = [.. Enumerable.Repeat(double.NaN, count)];
        ((T, Tensor), Tensor) Now() => (loop.State, Tensor.From(errors));
        if (checkpoints?.Load(Now()) is (long taken, var saved))
        {
            loop.Restore(saved.Item1, (int)taken);
            errors = saved.Item2.ToArray<double>();
        }
        while (loop.StepCount <= maxSteps && errors.Any(e => !(e <= tolerance)))
        {
            loop.Run(Math.Min(lookEvery, maxSteps + 1 - loop.StepCount)); // one more than the steps: the last evaluation moves nothing
            errors = loop.Metrics.ToDoubles();
            onLook?.Invoke(loop.StepCount);
            checkpoints?.Visit(loop.StepCount, Now);
        }
        checkpoints?.Complete(loop.StepCount, Now);
        (T parameters, Tensor steps) = loop.Snapshot();
        return new TrainedMembers<T>(parameters, errors, steps.ToArray<int>());
    }

    /// <summary>
    /// The step of a member that counts its steps, and keeps everything as it is once the error is at most the tolerance or the steps are used
    /// up: the function that <see cref="Run"/> batches and compiles.
    /// </summary>
    public static Func<(T Parameters, Tensor Steps), ((T, Tensor) State, Tensor Error)> Freezing<T>(
        Func<T, (T Next, Tensor Error)> step, double tolerance, int maxSteps) => state =>
    {
        (T next, Tensor error) = step(state.Parameters);
        Tensor done = Ops.Where(state.Steps < maxSteps, error, error.ZerosLike()) <= tolerance;
        (Tensor[] old, TreeStructure<T> structure) = Tree.Flatten(state.Parameters);
        Tensor[] kept = [.. old.Zip(Tree.Leaves(next), (before, after) => Ops.Where(done, before, after))];
        return ((structure.Unflatten(kept), Ops.Where(done, state.Steps, state.Steps + 1)), error);
    };
}
