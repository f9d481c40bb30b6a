using Nabla.Autograd;
using Nabla.Experiments.Measure;
using Nabla.Experiments.Report;
using Nabla.Experiments.Training;
using Nabla.Nn;
using Nabla.Optim;

namespace Nabla.Experiments.Frequency;

/// <summary>
/// The frequency principle in one dimension: a network that fits sin x + sin 3x + sin 5x, three parts of equal amplitude, learns them in the order of their
/// frequency. The order is a property of the activation: with the Ricker wavelet, whose spectrum has its peak at k = √2/a, it vanishes (a = 0.3) and
/// turns around (a = 0.15, 0.1), same architecture, initial distribution and data.
/// </summary>
/// <remarks>
/// t_k is the first step with D(k) = |F[f − y](k)|/|F[y](k)| below 0.2. With unequal amplitudes a weak low frequency may be learned later than a strong high
/// one; that is why they are equal here. All seeds train as one compiled program, and D is measured at every step.
/// Gradient descent at rate 0.05 amplifies rounding: seed 0 alone or in a batch, or another order of summation in a product, moves its t₃ between 425 and 432
/// in f32 and between 391 and 393 in f64 (at a small rate a member of a batch and a network alone agree to rounding). The bound, 20·t₁, is far from that.
/// </remarks>
[Experiment("fp-1d", Theme.Frequency, Title = "Frequency principle in one dimension",
    Claim = "A network that fits a one-dimensional function learns its low frequencies first; an activation with its spectrum at high frequency reverses the order.",
    Papers = ["Xu, Zhang, Xiao 2019, arXiv:1807.01251", "Xu, Zhang, Luo, Xiao, Ma 2020, arXiv:1901.06523"],
    Protocol = "y = sin x + sin 3x + sin 5x on 64 uniform points of [−π, π), full batch, mean squared error. Arms: tanh 1-64-64-1, Xavier, Adam 10⁻³, 4000 steps; " +
        "the same with gradient descent, rate 0.05, 8000 steps; tanh 1-500-1 with input weights and biases from N(0, 1), output layer from N(0, 0.05²), Adam 10⁻³, " +
        "6000 steps. Controls: the last network with the Ricker activation (1 − (z/a)²)·exp(−(z/a)²/2), a = 0.1, 0.15, 0.3, 400 steps.",
    PaperScale = "tanh 1-1500-1500-500-500-1, all parameters from N(0, 0.05²), 601 points on [−π, π], Adam 4·10⁻⁵, sin x + sin 5x, up to 6·10⁵ steps; also " +
        "tanh 1-200-200-200-100-1, 600 points on [−10, 10], Adam 10⁻⁴, 10⁴ steps. Minutes on a GPU.",
    Seeds = 3, QuickSeeds = 1)]
public sealed class FrequencyPrinciple1D : IExperiment<FrequencyPrinciple1D.Config>, IHasTrainingStep<FrequencyPrinciple1D.Config>
{
    private static readonly int[] Target = [1, 3, 5];
    private static readonly int[] Shown = [.. Enumerable.Range(1, 8)];

    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("grid points", Min = 12)] int Points = 64,
        [Option("neurons in each hidden layer of the deep network", Min = 1)] int Width = 64,
        [Option("neurons of the two-layer network", Min = 1)] int WideWidth = 500,
        [Option("steps of Adam, deep network", Min = 1)] int Steps = 4000,
        [Option("steps of gradient descent", Min = 1)] int DescentSteps = 8000,
        [Option("steps of Adam, two-layer network", Min = 1)] int WideSteps = 6000,
        [Option("steps of Adam with the Ricker activation", Min = 1)] int RickerSteps = 400,
        [Option("end an arm as soon as all its frequencies are learned")] bool StopWhenLearned = false) : IConfig<Config>
    {
        /// <summary>The same arms and checks on one seed, each arm ended when its last frequency is learned.</summary>
        public static Config Quick => new(StopWhenLearned: true);
    }

    private sealed record Arm(string Name, Sequential Network, Optimizer Optimizer, int Steps, int[] Learns);

    /// <inheritdoc/>
    public Program TrainingStep(Config config, Bench bench) => Loop(Deep(config), config, bench).Program;

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        FrequencyTrace deep = Train(Deep(config), config, bench), descent = Train(Descent(config), config, bench);
        FrequencyTrace wide = Train(Wide(config, Activation.Tanh, "tanh 1-500-1", config.WideSteps), config, bench);
        FrequencyTrace Ricker(double a) => Train(Wide(config, new Activation(z => z.Ricker(a)), $"Ricker a = {a}", config.RickerSteps), config, bench);
        (FrequencyTrace wavelet30, FrequencyTrace wavelet15, FrequencyTrace wavelet10) = (Ricker(0.3), Ricker(0.15), Ricker(0.1));

        for (int run = 0; run < bench.Seeds.Count; run++)
        {
            string seed = $"seed {bench.Seeds[run]}";
            bench.Check($"t₃ ÷ t₁, tanh 1-64-64-1, {seed}", deep.Ratio(run, 3, 1), min: 5);
            bench.Check($"t₅ ÷ t₃, tanh 1-64-64-1, {seed}", deep.Ratio(run, 5, 3), min: 1.2);
            bench.Check($"t₃ ÷ t₁, gradient descent, {seed}", descent.Ratio(run, 3, 1), min: 20);
            bench.Check($"t₅ ÷ t₃, tanh 1-500-1, {seed}", wide.Ratio(run, 5, 3), min: 4);
            foreach ((FrequencyTrace trace, string a) in new[] { (wavelet10, "0.1"), (wavelet15, "0.15") })
                bench.Control($"t₅ < t₃ < t₁: smaller lead, Ricker a = {a}, {seed}", ReversedLead(trace, run), min: 1, note: "steps; the order is reversed");
            bench.Control($"max t_k ÷ min t_k, Ricker a = 0.3, {seed}", Spread(wavelet30, run), max: 2.5, note: "no order left");
        }

        (string, FrequencyTrace)[] arms = [("tanh 1-64-64-1, Adam", deep), ("tanh 1-64-64-1, gradient descent", descent), ("tanh 1-500-1, Adam", wide),
            ("Ricker a = 0.3", wavelet30), ("Ricker a = 0.15", wavelet15), ("Ricker a = 0.1", wavelet10)];
        Tabulate(arms, bench);
        bench.Figure("spectrum-of-error", "Error at each frequency over the steps, median over seeds. The low frequencies of the target (k = 1, 3, 5) go dark first with " +
            "tanh, last with the Ricker wavelet. At other k the target has no part: what is seen there passes by on the way.",
            new PanelFigure("", HeatMap("tanh 1-64-64-1", deep), HeatMap("Ricker 1-500-1, a = 0.1", wavelet10)));
        bench.Figure("fit", $"What the network has learned when each frequency crosses D = 0.2, seed {bench.Seed}.", Fits(deep, config));
        bench.Figure("errors", "D(k) with every seed as a thin line.", Errors(deep));
        bench.Figure("order", "Steps until D(k) < 0.2: median over seeds, error bars from the smallest to the largest. A missing bar: not learned in the budget.", Bars(arms));
        double[] left = [.. Enumerable.Range(0, descent.Runs).Select(run => descent.Error(run, 5, descent.Steps - 1))];
        bench.Finding($"Gradient descent: after {descent.Steps - 1} steps, k = 5 is learned on {left.Count(e => e < FrequencyTrace.Threshold)} of {left.Length} seeds; " +
            $"the median of D(5) is {NumberText.Value(Statistics.Median(left), 2)}.");
    }

    private static Arm Deep(Config config) =>
        new("tanh 1-64-64-1", Networks.Xavier(1, [config.Width, config.Width, 1], Activation.Tanh), new Adam(1e-3), config.Steps, [1, 3, 5]);

    private static Arm Descent(Config config) => Deep(config) with { Name = "gradient descent", Optimizer = new Sgd(0.05), Steps = config.DescentSteps, Learns = [1, 3] };

    private static Arm Wide(Config config, Activation activation, string name, int steps) => new(name,
        Networks.Normal(1, [config.WideWidth, 1], activation, (fanIn, _) => fanIn == 1 ? 1 : 0.05), new Adam(1e-3), steps, [1, 3, 5]);

    private static double[] TargetOn(double[] grid) => Array.ConvertAll(grid, x => Target.Sum(k => Math.Sin(k * x)));

    private static TrainingLoop<(Tensor[] Parameters, OptimizerState Optimizer), Tensor> Loop(Arm arm, Config config, Bench bench)
    {
        double[] grid = Fourier.Grid(config.Points);
        Tensor x = Tensor.From(grid, [config.Points, 1]).To(bench.DType), y = Tensor.From(TargetOn(grid), [config.Points, 1]).To(bench.DType);
        return SeedBatch.Loop(SeedBatch.Init(arm.Network, [1], bench.Seeds, bench.DType), arm.Optimizer, parameters =>
        {
            Tensor f = arm.Network.Apply(parameters, x); // [points, 1]
            return (Losses.MeanSquaredError(f, y), f);
        }, (_, f) => f);
    }

    // Every step's outputs are recorded before its update: entry t of the trace is the network after t steps.
    private static FrequencyTrace Train(Arm arm, Config config, Bench bench)
    {
        var loop = Loop(arm, config, bench);
        var trace = new FrequencyTrace(new FrequencyError(TargetOn(Fourier.Grid(config.Points)), Shown), bench.Seeds.Count);
        for (int step = 0; step <= arm.Steps; step++)
        {
            bench.Progress(arm.Name, step, arm.Steps);
            loop.Step();
            trace.Record(loop.Metrics.ToDoubles());
            if (config.StopWhenLearned && step % 50 == 0 && trace.Learned(arm.Learns)) break;
        }
        return trace;
    }

    // By how many steps each higher frequency is ahead of the lower one, the smaller of the two leads; NaN if one is not learned.
    private static double ReversedLead(FrequencyTrace trace, int run) =>
        trace.Learned(Target) ? Math.Min(trace.FirstBelow(run, 1) - trace.FirstBelow(run, 3), trace.FirstBelow(run, 3) - trace.FirstBelow(run, 5)) : double.NaN;

    private static double Spread(FrequencyTrace trace, int run)
    {
        double[] times = Array.ConvertAll(Target, k => (double)trace.FirstBelow(run, k));
        return times.Min() < 0 ? double.NaN : times.Max() / times.Min();
    }

    private static void Tabulate((string Name, FrequencyTrace Trace)[] arms, Bench bench) =>
        bench.Table("steps", "First step with D(k) < 0.2; −1: not in the budget.", ["arm", "seed", "t₁", "t₃", "t₅"], arms.SelectMany(arm =>
            Enumerable.Range(0, arm.Trace.Runs).Select(run => new object[]
            {
                arm.Name, bench.Seeds[run], arm.Trace.FirstBelow(run, 1), arm.Trace.FirstBelow(run, 3), arm.Trace.FirstBelow(run, 5),
            })));

    private static HeatMapFigure HeatMap(string title, FrequencyTrace trace)
    {
        const int columns = 160;
        double[] steps = [.. Enumerable.Range(0, columns).Select(j => Math.Pow(trace.Steps - 1, j / (columns - 1.0)))];
        var values = new double[Shown.Length, columns];
        for (int i = 0; i < Shown.Length; i++)
            for (int j = 0; j < columns; j++) values[i, j] = trace.Median(Shown[i], (int)Math.Round(steps[j]));
        return new HeatMapFigure(title, Axis.Log("step"), "frequency k", Axis.Log("D(k)", min: 0.01, max: 1), values)
        {
            Xs = steps,
            Ys = Array.ConvertAll(Shown, k => (double)k),
            Markers = [.. Target.Where(k => trace.FirstBelow(0, k) > 0).Select(k => new MapMarker(Statistics.Median(Times(trace, k)), k, $"t_{{{k}}}"))],
        };
    }

    private static PanelFigure Fits(FrequencyTrace trace, Config config)
    {
        double[] grid = Fourier.Grid(config.Points), target = TargetOn(grid);
        var panels = new List<Figure>();
        foreach ((int step, string what) in new[] { (0, "start") }.Concat(Target.Select(k => (Math.Max(0, trace.FirstBelow(0, k)), $"k = {k} learned"))))
            panels.Add(new LineFigure($"step {step}: {what}", "x", new Axis("f(x)", Min: -2.6, Max: 2.6),
                Series.Theory("target", grid, target), new Series("network", grid, trace.Output(0, step)) { Marker = MarkerShape.None }));
        return new PanelFigure("", [.. panels]);
    }

    private static LineFigure Errors(FrequencyTrace trace)
    {
        // As many points as can be told apart on a logarithmic axis.
        int[] shown = [.. Enumerable.Range(0, 400).Select(i => (int)Math.Round(Math.Pow(trace.Steps - 1, i / 399.0))).Distinct()];
        double[] steps = Array.ConvertAll(shown, t => (double)t);
        return new LineFigure("tanh 1-64-64-1, Adam", Axis.Log("step"), Axis.Log("D(k)"), [.. Target.Select(k => Series.FromSeeds($"k = {k}", steps,
            [.. Enumerable.Range(0, trace.Runs).Select(run => Array.ConvertAll(shown, t => trace.Error(run, k, t)))]) with { Marker = MarkerShape.None })])
        {
            References = [ReferenceLine.AtY(FrequencyTrace.Threshold, "threshold 0.2")],
        };
    }

    private static BarFigure Bars((string Name, FrequencyTrace Trace)[] arms) =>
        new("When each frequency is learned", Axis.Log("t_{k}", "steps"), [.. Target.Select(k => $"k = {k}")], [.. arms.Select(arm => new BarGroup(arm.Name,
            Array.ConvertAll(Target, k => Statistics.Median(Times(arm.Trace, k))), Array.ConvertAll(Target, k => Times(arm.Trace, k).Min()),
            Array.ConvertAll(Target, k => Times(arm.Trace, k).Max())))]);

    // t_k of every seed, at least 1 so that a logarithmic axis can show it; NaN where it was not learned.
    private static double[] Times(FrequencyTrace trace, int k) =>
        [.. Enumerable.Range(0, trace.Runs).Select(run => trace.FirstBelow(run, k) is >= 0 and var t ? Math.Max(1.0, t) : double.NaN)];
}
