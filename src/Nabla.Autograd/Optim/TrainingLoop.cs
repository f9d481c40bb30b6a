using Nabla.Files;
using Nabla.Kernels;

namespace Nabla.Optim;

/// <summary>
/// Runs a step function again and again as one compiled program, on two sets of tensors that take turns: a step allocates nothing.
/// </summary>
/// <typeparam name="TState">All that changes: parameters, optimiser state, random key, counters; a tree.</typeparam>
/// <typeparam name="TMetrics">What a step reports, such as the loss; a tree.</typeparam>
public sealed class TrainingLoop<TState, TMetrics>
{
    private readonly Compiled<TState, (TState State, TMetrics Metrics)> _step;
    private (TState State, TMetrics Metrics) _current, _next;
    private int _sets;

    /// <summary>A loop at its start; the initial state is copied.</summary>
    /// <param name="step">One step: the new state, and metrics of this step. Data that it captures is constant.</param>
    /// <param name="initial">The state before the first step.</param>
    public TrainingLoop(Func<TState, (TState State, TMetrics Metrics)> step, TState initial)
    {
        _step = Transforms.Compile(step);
        _current = (Tree.Map(Own, initial), default!);
    }

    /// <summary>Steps taken so far.</summary>
    public int StepCount { get; private set; }

    /// <summary>The state now. The next but one step overwrites these tensors: use <see cref="Snapshot"/> to keep it.</summary>
    public TState State => _current.State;

    /// <summary>The metrics of the last step; overwritten like the state.</summary>
    public TMetrics Metrics => _current.Metrics;

    /// <summary>The optimised program of a step.</summary>
    public Autograd.Program Program => _step.ProgramFor(_current.State);

    /// <summary>Kernel calls of a step.</summary>
    public int KernelCalls => _step.PlanFor(_current.State).StepCount;

    /// <summary>A copy of the state.</summary>
    public TState Snapshot() => Tree.Map(Own, _current.State);

    /// <summary>Saves the state, so that <see cref="TryResume"/> goes on from here.</summary>
    /// <remarks>Errors are those of <see cref="Checkpoints.Save"/>.</remarks>
    public void Save(Checkpoints checkpoints) => checkpoints.Save(StepCount, State);

    /// <summary>
    /// Goes on from the last checkpoint: the steps that follow give the same bits as without interruption, if the step function is the same. False, and nothing
    /// changes, if there is none.
    /// </summary>
    /// <remarks>Errors are those of <see cref="Checkpoints.TryLoadLatest"/>.</remarks>
    public bool TryResume(Checkpoints checkpoints)
    {
        if (checkpoints.TryLoadLatest(State) is not (long step, var state)) return false;
        Restore(state, checked((int)step));
        return true;
    }

    /// <summary>Goes on from a state after so many steps, which is copied; <see cref="Metrics"/> are those of the next step.</summary>
    public void Restore(TState state, int step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        (_current, _next, _sets, StepCount) = ((Tree.Map(Own, state), default!), default, 0, step);
    }

    /// <summary>Takes a number of steps.</summary>
    /// <param name="steps">How many.</param>
    /// <param name="cancel">Looked at before each step.</param>
    public void Run(int steps, CancellationToken cancel = default)
    {
        for (int i = 0; i < steps; i++)
        {
            cancel.ThrowIfCancellationRequested();
            Step();
        }
    }

    /// <summary>Takes one step.</summary>
    public void Step()
    {
        StepCount++;
        if (_sets < 2)
        {
            // The first two steps make the two sets of tensors.
            (TState State, TMetrics Metrics) made = _step.Call(_current.State);
            _sets++;
            (_current, _next) = (made, _current);
            return;
        }
        _step.Run(_current.State, _next);
        (_current, _next) = (_next, _current);
    }

    private static Tensor Own(Tensor tensor)
    {
        DenseTensor source = tensor.Dense, copy = DenseTensor.Allocate(tensor.Aval, tensor.Device);
        Move.Copy(source, copy);
        GC.KeepAlive(source);
        return copy;
    }
}
