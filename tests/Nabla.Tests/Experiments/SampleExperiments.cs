using Nabla.Autograd;
using Nabla.Experiments;
using Nabla.Experiments.Cli;
using Nabla.Experiments.Report;

namespace Nabla.Tests.Experiments;

/// <summary>Holds, in every way that a bench can be used.</summary>
[Experiment("sample-passes", Theme.Optimization, Title = "A sample that passes", Claim = "Half is half.", Papers = ["Nobody 2026, arXiv:0000.00000"],
    Seeds = 3, QuickSeeds = 1, DType = DType.F64)]
public sealed class PassingSample : IExperiment<PassingSample.Config>
{
    public enum Mode
    {
        Plain,
        Fancy,
    }

    public sealed record Config(
        [Option("how many steps", Min = 1, Max = 1000)] int Steps = 20,
        [Option("learning rate", Min = 0)] double LearningRate = 0.5,
        [Option("widths to try", Min = 1)] int[]? Widths = null,
        [Option("manner")] Mode Mode = Mode.Plain,
        bool Fast = false) : IConfig<Config>
    {
        public static Config Quick => new(Steps: 2);
    }

    public void Run(Config config, Bench bench)
    {
        for (int step = 1; step <= config.Steps; step++)
        {
            bench.Metric(step, "loss", 1.0 / step);
            bench.Progress("steps", step, config.Steps);
        }
        bench.Check("half", config.LearningRate, min: 0.5, max: 0.5, note: "exactly");
        bench.Control("nothing", 0, max: 0.1);
        bench.Table("t", "A table", ["a", "b"], [["x", 1.5]]);
        bench.Figure("curve", "A curve.", new LineFigure("Curve", "x", "y", new Series("one", [1, 2, 3], [0.25, 0.5, 0.75])));
        bench.Finding("Seeds: " + string.Join(' ', bench.Seeds));
    }
}

/// <summary>Fails one of two checks.</summary>
[Experiment("sample-fails", Theme.Optimization, Title = "A sample that fails", Claim = "NaN is a number.", Papers = [])]
public sealed class FailingSample : IExperiment<FailingSample.Config>
{
    public sealed record Config : IConfig<Config>
    {
        public static Config Quick => new();
    }

    public void Run(Config config, Bench bench)
    {
        bench.Check("one", true);
        bench.Check("not a number", double.NaN, min: 0);
    }
}

/// <summary>Checks nothing, or throws.</summary>
[Experiment("sample-odd", Theme.Optimization, Title = "A sample that misbehaves", Claim = "None.", Papers = [])]
public sealed class OddSample : IExperiment<OddSample.Config>, IHasTrainingStep<OddSample.Config>
{
    public sealed record Config(string Fault = "nothing") : IConfig<Config>
    {
        public static Config Quick => new();
    }

    public Program TrainingStep(Config config, Bench bench) => Transforms.Trace(x => (x * x).Exp(), new Aval(bench.DType, [3]));

    public void Run(Config config, Bench bench)
    {
        switch (config.Fault)
        {
            case "exception": throw new InvalidOperationException("on purpose");
            case "memory": throw new OutOfMemoryException();
            case "shape": Tensor.From(new float[3], [2]); break;
            case "figure":
                bench.Figure("broken", "A figure whose arrays do not fit.", new LineFigure("", "x", "y", new Series("s", [1, 2], [1])));
                break;
            case "repeat":
                bench.Check("twice", true);
                bench.Check("twice", true);
                break;
            case "interrupt" or "terminate" or "requeue":
                bench.Check("before", true);
                StopSignals.Current!.Request(config.Fault switch
                {
                    "interrupt" => ExitCode.Interrupted,
                    "terminate" => ExitCode.Terminated,
                    _ => ExitCode.Resumable,
                });
                bench.Progress("the step after", 1, 2);
                break;
        }
    }
}
