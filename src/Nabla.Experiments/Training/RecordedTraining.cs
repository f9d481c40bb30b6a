using System.Diagnostics;
using Nabla.Optim;

namespace Nabla.Experiments.Training;

/// <summary>What was measured at each step of a training.</summary>
/// <param name="Measured">A row a step.</param>
/// <param name="Milliseconds">How long each step took, in whichever process it ran.</param>
public sealed record StepRecords(double[][] Measured, double[] Milliseconds);

/// <summary>A training of a fixed number of steps that records what each step measures, and can be resumed.</summary>
public static class RecordedTraining
{
    /// <summary>All that a checkpoint holds.</summary>
    private sealed record Saved<TState>(TState State, Tensor Measured, Tensor Milliseconds);

    /// <summary>
    /// Takes the steps that are left, all of them or those after the last checkpoint. The first measured number of each step also goes to
    /// <c>metrics.jsonl</c>.
    /// </summary>
    /// <param name="bench">The run.</param>
    /// <param name="name">What is trained; the name of the metric.</param>
    /// <param name="loop">At its start. Its metrics are the numbers to record, scalars.</param>
    /// <param name="steps">Steps in all.</param>
    /// <param name="columns">How many numbers a step measures.</param>
    public static StepRecords Train<TState>(this Bench bench, string name, TrainingLoop<TState, Tensor[]> loop, int steps, int columns)
    {
        var (measured, times) = (new double[steps * columns], new double[steps]);
        Saved<TState> Now() => new(loop.State, Tensor.From(measured, [steps, columns]), Tensor.From(times));
        BenchCheckpoints checkpoints = bench.Checkpoints(name);
        if (checkpoints.Load(Now()) is (long taken, var saved))
        {
            loop.Restore(saved.State, (int)taken);
            (measured, times) = (saved.Measured.ToArray<double>(), saved.Milliseconds.ToArray<double>());
        }
        for (int step = loop.StepCount; step < steps; step++)
        {
            long start = Stopwatch.GetTimestamp();
            loop.Step();
            times[step] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            for (int i = 0; i < columns; i++) measured[step * columns + i] = loop.Metrics[i].ToDouble();
            bench.Metric(step, name, measured[step * columns]);
            bench.Progress(name, step + 1, steps);
            checkpoints.Visit(step + 1, Now);
        }
        checkpoints.Complete(steps, Now);
        return new StepRecords([.. measured.Chunk(columns)], times);
    }
}
