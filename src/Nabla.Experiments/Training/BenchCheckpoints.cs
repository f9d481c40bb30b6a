using System.Diagnostics;
using Nabla.Files;

namespace Nabla.Experiments.Training;

/// <summary>
/// The checkpoints of one training of a run: <see cref="Load"/> before it, <see cref="Visit"/> after every step or every few, <see cref="Complete"/> at its
/// end. From the making of this object until then, only <see cref="Visit"/> stops a run that shall stop, so that nothing after the last checkpoint is
/// lost.
/// </summary>
/// <remarks>
/// A resumed run goes through the same trainings in the same order; those that were complete are loaded, the one that was interrupted goes on. So a state must
/// hold everything that decides what comes after, and everything that is reported about the steps before.
/// </remarks>
public sealed class BenchCheckpoints
{
    private readonly Bench _bench;
    private readonly Checkpoints? _store;
    private readonly Action _beforeSave, _onComplete;
    private long _last = Stopwatch.GetTimestamp();
    private long? _saved;

    internal BenchCheckpoints(Bench bench, Checkpoints? store, Action beforeSave, Action onComplete) =>
        (_bench, _store, _beforeSave, _onComplete) = (bench, store, beforeSave, onComplete);

    /// <summary>The last state of this training in a run that is resumed, and its step; null at the start.</summary>
    /// <param name="like">A state of the same structure, as of <see cref="Checkpoints.TryLoadLatest"/>.</param>
    public (long Step, T State)? Load<T>(T like)
    {
        (long Step, T State)? latest = _store?.TryLoadLatest(like);
        _saved = latest?.Step;
        return latest;
    }

    /// <summary>Saves if it is time to; if the user asked to stop, saves and stops.</summary>
    /// <param name="step">Steps taken so far.</param>
    /// <param name="state">The state; called only to save it.</param>
    /// <exception cref="OperationCanceledException">The user asked to stop.</exception>
    /// <exception cref="EnvironmentException">NB0708, NB0709: it cannot be written.</exception>
    public void Visit<T>(long step, Func<T> state)
    {
        bool stop = _bench.CancellationToken.IsCancellationRequested;
        if (stop || Stopwatch.GetElapsedTime(_last).TotalSeconds >= _bench.CheckpointSeconds) Save(step, state);
        if (stop) _bench.CancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Saves the end of the training.</summary>
    /// <param name="step">Steps taken.</param>
    /// <param name="state">The state.</param>
    /// <exception cref="OperationCanceledException">The user asked to stop.</exception>
    /// <exception cref="EnvironmentException">NB0708, NB0709: it cannot be written.</exception>
    public void Complete<T>(long step, Func<T> state)
    {
        if (_saved != step) Save(step, state);
        _onComplete();
        _bench.ThrowIfInterrupted();
    }

    private void Save<T>(long step, Func<T> state)
    {
        if (_store is null) return;
        try
        {
            _beforeSave();
            _store.Save(step, state());
        }
        catch (Exception e) when (Runs.RunFolder.IsWriteFailure(e))
        {
            throw ExperimentErrors.CannotWrite(_store.PathOf(step), e);
        }
        (_last, _saved) = (Stopwatch.GetTimestamp(), step);
    }
}
