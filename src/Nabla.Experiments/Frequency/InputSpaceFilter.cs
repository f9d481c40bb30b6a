using System.Globalization;
using Nabla.Autograd;
using Nabla.Experiments.Data;
using Nabla.Experiments.Measure;
using Nabla.Experiments.Report;
using Nabla.Experiments.Training;
using Nabla.Nn;
using Nabla.Optim;

namespace Nabla.Experiments.Frequency;

/// <summary>
/// The frequency principle in many dimensions: labels of digits are split into a part that varies slowly over the training set and the rest, and the network
/// learns the slow part first. The split is a Gaussian convolution over the samples; with the Gaussian of permuted samples it means nothing, and the
/// difference is gone.
/// </summary>
/// <remarks>
/// Random labels would be no control: the principle holds for them too. All seeds train on the same digits as one compiled program that also measures both
/// errors of every filter at every step.
/// <para>
/// Errors are compared from step 20 on. The initial output of a He network is itself a smooth function of size 1, so that its error starts in the low part:
/// e_low ÷ e_high is 3.6 to 7.8 at step 0 for δ = 0.2 on seeds 0 to 2 (f32, CPU), and drops below 1 for good after 16, 32 and 18 steps. Counted over all
/// steps, e_low &lt; e_high then holds on 0.947, 0.894 and 0.940 of them for δ = 0.2, and on 0.96 or more for the narrower filters. With a last layer of
/// zeros (<c>zeroStart</c>) the share is 0.997 over all steps, for each width and seed: everything but step 0, where the two errors are equal. The table of the report has both shares.
/// </para>
/// </remarks>
[Experiment("fp-highdim-filter", Theme.Frequency, Title = "Frequency principle on digits, by filtering",
    Claim = "On real images the low-frequency part of the labels is learned before the high-frequency part, whatever the width of the filter that separates them.",
    Papers = ["Xu, Zhang, Luo, Xiao, Ma 2020, arXiv:1901.06523"],
    Protocol = "The first 600 digits (8 × 8, divided by 16), one-hot labels minus their mean, ReLU 64-100-100-10, He, mean squared error, Adam 10⁻³, full batch, 300 steps. " +
        "y_low = W·y with the row-normalised Gaussian exp(−|xᵢ − xⱼ|²/(2δs)), s the mean squared distance, δ = 0.05, 0.1, 0.2; y_high = y − y_low; the same for the " +
        "outputs. Control: the Gaussian of randomly permuted samples, another permutation for each seed.",
    PaperScale = "CIFAR-10, 5000 images, two convolutions (32, 64 channels), pooling and a dense layer of 400, SGD with momentum 0.9, rate 10⁻³, batches of 50, 100 epochs, " +
        "20 filter widths. A GPU.",
    Seeds = 3, QuickSeeds = 1)]
public sealed class InputSpaceFilter : IExperiment<InputSpaceFilter.Config>, IHasTrainingStep<InputSpaceFilter.Config>
{
    // Errors are compared from this step on; see the remarks.
    private const int FirstCounted = 20;

    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("training digits", Min = 20, Max = 1797)] int Samples = 600,
        [Option("neurons in each hidden layer", Min = 1)] int Width = 100,
        [Option("steps of Adam", Min = 30)] int Steps = 300,
        [Option("start with a last layer of zeros, so that the error starts as the labels themselves")] bool ZeroStart = false) : IConfig<Config>
    {
        /// <summary>The same on one seed.</summary>
        public static Config Quick => new();

        internal static double[] Deltas { get; } = [0.05, 0.1, 0.2];
    }

    // Errors of one filter, low and high: [seed][step].
    private sealed record Bands(string Name, double[][] Low, double[][] High)
    {
        public double MeanRatio(int seed) => Low[seed].Zip(High[seed], (low, high) => low / high).Skip(FirstCounted).Average();

        public double ShareBelow(int seed, int from) => Low[seed].Zip(High[seed], (low, high) => low < high ? 1.0 : 0.0).Skip(from).Average();
    }

    /// <inheritdoc/>
    public Program TrainingStep(Config config, Bench bench) => new Setup(config, bench).Loop().Program;

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        var setup = new Setup(config, bench);
        (Bands[] bands, double[][] losses) = Train(setup, config, bench);
        Bands middle = bands[1], control = bands[^1];
        for (int seed = 0; seed < bench.Seeds.Count; seed++)
        {
            string name = $"seed {bench.Seeds[seed]}";
            bench.Check($"mean of e_low ÷ e_high from step 20, δ = 0.1, {name}", middle.MeanRatio(seed), max: 0.4);
            foreach (Bands band in bands[..^1]) bench.Check($"share of steps ≥ 20 with e_low < e_high, {band.Name}, {name}", band.ShareBelow(seed, FirstCounted), min: 0.95);
            bench.Control($"mean of e_low ÷ e_high from step 20, permuted samples, {name}", control.MeanRatio(seed), min: 0.85, max: 1.4, note: "the split means nothing");
        }
        bench.Figure("bands", "Error in the low and in the high part of the labels: median over seeds, every seed as a thin line. Left: the filter of the samples. Right: the " +
            "control, the filter of permuted samples.", new PanelFigure("", Curves("δ = 0.1", middle), Curves("δ = 0.1, permuted samples", control)));
        bench.Figure("ratio", "How far the low part is ahead, for each width of the filter; 1: no difference.", Ratios(bands));
        bench.Table("ratios", "Mean of e_low ÷ e_high from step 20 on; share of steps with e_low < e_high, from step 20 on and over all steps; share of the labels' norm in the low part.",
            ["filter", "seed", "e_low ÷ e_high", "share, steps ≥ 20", "share, all steps", "‖y_low‖ ÷ ‖y‖"], bands.SelectMany((band, i) => bench.Seeds.Select((seed, at) => new object[]
            {
                band.Name, seed, Math.Round(band.MeanRatio(at), 4), Math.Round(band.ShareBelow(at, FirstCounted), 4), Math.Round(band.ShareBelow(at, 0), 4), Math.Round(setup.LowShares[i], 3),
            })));
        Bands wide = bands[^2];
        bench.Finding($"The error of the initial output lies in the low part: at step 0, e_low ÷ e_high is {Listed(wide.Low.Zip(wide.High, (low, high) => low[0] / high[0]))} for δ = 0.2, so that " +
            $"over all steps e_low < e_high holds on {Listed(bench.Seeds.Select((_, seed) => wide.ShareBelow(seed, 0)))} of them. Errors are compared from step 20 on.");
        bench.Finding($"Mean squared error at the last step: {Listed(losses.Select(l => l[^1]))} (seed by seed).");
    }

    private static string Listed(IEnumerable<double> values) => string.Join(", ", values.Select(v => v.ToString("G3", CultureInfo.InvariantCulture)));

    private static (Bands[] Bands, double[][] Losses) Train(Setup setup, Config config, Bench bench)
    {
        int seeds = bench.Seeds.Count;
        double[][] Empty() => [.. Enumerable.Range(0, seeds).Select(_ => new double[config.Steps + 1])];
        Bands[] bands = [.. setup.Names.Select(name => new Bands(name, Empty(), Empty()))];
        double[][] losses = Empty();
        var loop = setup.Loop();
        for (int step = 0; step <= config.Steps; step++)
        {
            bench.Progress("training", step, config.Steps);
            loop.Step();
            Store(losses, loop.Metrics.Losses, step);
            for (int i = 0; i < bands.Length; i++)
            {
                Store(bands[i].Low, loop.Metrics.Bands[i].Low, step);
                Store(bands[i].High, loop.Metrics.Bands[i].High, step);
            }
        }
        return (bands, losses);
    }

    private static void Store(double[][] series, Tensor values, int step)
    {
        double[] row = values.ToDoubles();
        for (int seed = 0; seed < row.Length; seed++) series[seed][step] = row[seed];
    }

    private static LineFigure Curves(string title, Bands bands)
    {
        double[] steps = [.. Enumerable.Range(0, bands.Low[0].Length).Select(t => (double)t)];
        return new LineFigure(title, "step", Axis.Log("relative error"),
            Series.FromSeeds("low, e_{low}", steps, bands.Low) with { Marker = MarkerShape.None },
            Series.FromSeeds("high, e_{high}", steps, bands.High) with { Marker = MarkerShape.None });
    }

    private static LineFigure Ratios(Bands[] bands)
    {
        double[] steps = [.. Enumerable.Range(0, bands[0].Low[0].Length).Select(t => (double)t)];
        return new LineFigure("", "step", Axis.Log("e_{low} ÷ e_{high}"), [.. bands.Select(b => Series.FromSeeds(b.Name, steps,
            [.. b.Low.Zip(b.High, (low, high) => low.Zip(high, (l, h) => l / h).ToArray())]) with { Marker = MarkerShape.None })])
        {
            References = [ReferenceLine.AtY(1)],
        };
    }

    /// <summary>Data, filters and network of a run.</summary>
    private sealed class Setup
    {
        private readonly Sequential _network;
        private readonly Tensor _x, _y;
        private readonly Tensor[] _initial;
        private readonly BandError[] _filters;

        public Setup(Config config, Bench bench)
        {
            Dataset digits = Digits.Load().Take(config.Samples);
            _x = digits.FeaturesAs(bench.DType, 1.0 / 16);
            Tensor labels = digits.OneHot(bench.DType);
            _y = labels - labels.Mean(0);
            _network = new Sequential(new Dense(config.Width, Initializers.He), Activation.Relu, new Dense(config.Width, Initializers.He), Activation.Relu,
                new Dense(labels.Shape[1], config.ZeroStart ? Initializers.Zeros : Initializers.He));
            _initial = SeedBatch.Init(_network, [_x.Shape[1]], bench.Seeds, bench.DType);
            Tensor permuted = Ops.Stack([.. bench.Seeds.Select(seed =>
                GaussianFilter.Matrix(_x.Take(Tensor.From(Dataset.Permutation(config.Samples, seed), [config.Samples])), 0.1))]);
            _filters = [.. Config.Deltas.Select(delta => new BandError(GaussianFilter.Matrix(_x, delta), _y)), new BandError(permuted, _y)];
            Names = [.. Config.Deltas.Select(delta => $"δ = {delta}"), "permuted samples"];
            LowShares = [.. _filters.Select(f => f.LowShare.Mean().ToDouble())];
        }

        public string[] Names { get; }

        public double[] LowShares { get; }

        public TrainingLoop<(Tensor[] Parameters, OptimizerState Optimizer), (Tensor Losses, (Tensor Low, Tensor High)[] Bands)> Loop() =>
            SeedBatch.Loop(_initial, new Adam(1e-3), parameters =>
            {
                Tensor f = _network.Apply(parameters, _x); // [samples, classes]
                return (Losses.MeanSquaredError(f, _y), f);
            }, (losses, f) => (losses, _filters.Select(filter => filter.Of(f)).ToArray())); // f: [seeds, samples, classes]
    }
}
