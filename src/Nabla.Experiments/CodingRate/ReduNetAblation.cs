using Nabla.Experiments.Measure;
using Nabla.Experiments.Report;
using Nabla.Nn;

namespace Nabla.Experiments.CodingRates;

/// <summary>What each part of a ReduNet layer is for.</summary>
/// <remarks>
/// Three bounds of the protocol, found on three draws of its data, cannot be asked of any draw; the engine agrees with an independent NumPy version on the same samples to all digits where layers are not
/// chaotic. ΔR of the samples, 4.6 to 4.9 there: over 300 NumPy draws its quantiles at 0, 5, 50, 95, 100 % are 4.21, 4.45, 4.83, 5.16, 5.43, and 46 % lie between; 4 to 5.5 is asked.
/// Test accuracy of the full network, at least 0.97 there: 0.966 to 0.979 over 12 draws here and 0.971 to 0.979 over 12 of NumPy, below 0.97 in 2 of the 24 (seeds 1 and 10, where NumPy gives the same
/// on the same samples); 0.96 is asked. ΔR without residual, at most 2.1 there: these layers are chaotic. A disturbance of the samples by 1e-14 doubles about every layer, ΔR differs by 0.06 to 0.5 from
/// layer 50 on, so that the rounding of the machine decides: behind layer 100 seeds 0, 1, 2 give 2.65, 2.19, 1.52 here, 2.07, 1.56, 1.94 and 2.39, 1.89, 1.67 with earlier kernels and 2.26, 1.90, 1.90 in NumPy, where
/// single layers beyond the 50th exceed 2.1 in about one of ten. What is asked is 0.6 of ΔR of the samples, which none of these exceeded (0.56 at most).
/// </remarks>
[Experiment("redunet-ablation", Theme.CodingRate,
    Title = "Why layers have skip connections, normalisation and a gate",
    Claim = "The skip connection, the division by the length and the softmax gate of a layer are what gradient ascent on ΔR under its constraint consists of: without the first, or with gates that " +
        "know nothing of the sample, the ascent fails; without the second, features grow, although their directions still improve.",
    Papers = ["Chan, Yu, You, Qi, Wright, Ma 2021, ReduNet: A White-box Deep Network from the Principle of Maximizing Rate Reduction, arXiv:2105.10446"],
    Protocol = "Three correlated 3-dimensional subspaces of ℝ²⁰ (a common basis plus 1.6/√20 Gaussian), 100 unit samples each for construction and 1,000 for testing, noise 0.1. 100 layers, " +
        "η_{eff} = 0.5, ε² = 0.1, λ = 50. Classifier: nearest 3-dimensional subspace.",
    Seeds = 3, QuickSeeds = 1, DType = DType.F64)]
public sealed class ReduNetAblation : IExperiment<ReduNetAblation.Config>
{
    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("samples of each class", Min = 10)] int SamplesPerClass = 100,
        [Option("samples of each class for testing", Min = 10)] int TestPerClass = 1000,
        [Option("layers", Min = 1)] int Layers = 100,
        [Option("effective step η·d/n", Min = 0)] double Step = 0.5,
        [Option("squared precision ε²", Min = 1e-6)] double EpsilonSquared = 0.1,
        [Option("raw sharpness of the gate λ", Min = 0)] double Gate = 50,
        [Option("effective step of the control", Min = 0)] double ControlStep = 0) : IConfig<Config>
    {
        /// <inheritdoc/>
        public static Config Quick => new();
    }

    private const int Dimension = 20, Classes = 3, Rank = 3;

    private sealed record Data(Tensor X, int[] Labels, Tensor Test, int[] TestLabels);

    private sealed record Outcome(double Reduction, double Directions, double Length, double Accuracy, double[] Trajectory);

    private sealed record Variant(string Name, Func<ReduNetOptions, Config, ReduNetOptions> Change);

    private static readonly Variant[] Variants =
    [
        new("full", (o, _) => o), new("no residual", (o, _) => o with { Residual = false }), new("no normalisation", (o, _) => o with { Normalization = ReduNormalization.None }),
        new("uniform gate", (o, _) => o with { Gating = ReduGate.Uniform }), new("random gate", (o, _) => o with { Gating = ReduGate.Random }), new("η = 0", (o, c) => o with { Step = c.ControlStep }),
    ];

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        Data[] data = [.. bench.Seeds.Select(s => Draw(config, s))];
        double[] raw = [.. data.Select(d => CodingRate.Reduction(d.X.T, d.Labels, Classes, config.EpsilonSquared).ToDouble())];
        double[] rawAccuracy = [.. data.Select(d => NearestSubspace.Fit(d.X.T, d.Labels, Classes, Rank).Accuracy(d.Test.T, d.TestLabels))];
        Dictionary<string, Outcome[]> runs = Variants.ToDictionary(v => v.Name, v => data.Select(d => Build(config, bench, v, d)).ToArray());
        double[] Each(string variant, Func<Outcome, double> of) => [.. runs[variant].Select(of)];
        bench.CheckEach("ΔR of the samples, nats", raw, min: 4, max: 5.5);
        bench.CheckEach("full: final ΔR, nats", Each("full", r => r.Reduction), min: 8.5);
        bench.CheckEach("no residual: final ΔR ÷ ΔR of the samples", [.. Each("no residual", r => r.Reduction).Zip(raw, (a, b) => a / b)], max: 0.6,
            note: $"The ascent fails; its layers are chaotic. ΔR: {string.Join(", ", Each("no residual", r => r.Reduction).Select(v => NumberText.Value(v)))}.");
        bench.CheckEach("uniform gate: final ΔR", Each("uniform gate", r => r.Reduction), max: 0.06);
        bench.CheckEach("random gate: final ΔR", Each("random gate", r => r.Reduction), max: 0.06);
        bench.CheckEach("no normalisation: root mean square length of features", Each("no normalisation", r => r.Length), min: 5);
        bench.CheckEach("no normalisation: ΔR of the directions − ΔR of the samples", [.. Each("no normalisation", r => r.Directions).Zip(raw, (a, b) => a - b)], min: 1);
        bench.CheckEach("full: test accuracy", Each("full", r => r.Accuracy), min: 0.96);
        bench.CheckEach("no residual: test accuracy", Each("no residual", r => r.Accuracy), max: 0.65);
        bench.CheckEach("uniform gate: test accuracy", Each("uniform gate", r => r.Accuracy), max: 0.42);
        bench.CheckEach("random gate: test accuracy", Each("random gate", r => r.Accuracy), max: 0.42);
        bench.ControlEach("η = 0: final ΔR − ΔR of the samples", [.. Each("η = 0", r => r.Reduction).Zip(raw, (a, b) => a - b)], min: -1e-9, max: 1e-9);
        bench.Finding(string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"The samples themselves are classified with accuracy {rawAccuracy.Average():f3}, features of the full network with {Each("full", r => r.Accuracy).Average():f3}: noise is expanded too."));
        Figures(bench, runs, raw, rawAccuracy);
    }

    private static Data Draw(Config config, ulong seed)
    {
        RandomKey key = new(seed);
        Tensor common = Initializers.Orthogonal()(key.FoldIn(0), [Dimension, Rank], DType.F64);
        Tensor[] bases = [.. Enumerable.Range(0, Classes).Select(j => (common + 1.6 / Math.Sqrt(Dimension) * key.FoldIn(1).FoldIn(j).Normal([Dimension, Rank], DType.F64)).Qr().Q)];
        Tensor Samples(RandomKey k, int each) => Ops.Concatenate([.. bases.Select((b, j) => k.FoldIn(2 * j).Normal([each, Rank], DType.F64).MatMul(b.T)
            + 0.1 * k.FoldIn(2 * j + 1).Normal([each, Dimension], DType.F64))]).Normalize();
        int[] Labels(int each) => [.. Enumerable.Range(0, Classes * each).Select(i => i / each)];
        return new Data(Samples(key.FoldIn(2), config.SamplesPerClass), Labels(config.SamplesPerClass), Samples(key.FoldIn(3), config.TestPerClass), Labels(config.TestPerClass));
    }

    private static Outcome Build(Config config, Bench bench, Variant variant, Data d)
    {
        bench.Progress(variant.Name, 0, 1);
        int n = d.Labels.Length;
        var options = variant.Change(new ReduNetOptions(config.Layers, config.EpsilonSquared, config.Step, config.Gate * Dimension / n), config);
        var net = ReduNet.Build(d.X, d.Labels, Classes, options, out Tensor z);
        double directions = CodingRate.Reduction(z.Normalize().T, d.Labels, Classes, config.EpsilonSquared).ToDouble(), length = z.Square().Sum(1).Mean().Sqrt().ToDouble();
        NearestSubspace rule = NearestSubspace.Fit(z.T, d.Labels, Classes, Rank);
        return new Outcome(net.Rates[^1].Reduction, directions, length, rule.Accuracy(net.Transform(d.Test).T, d.TestLabels), [.. net.Rates.Select(r => r.Reduction)]);
    }

    private static void Figures(Bench bench, Dictionary<string, Outcome[]> runs, double[] raw, double[] rawAccuracy)
    {
        string[] names = ["samples", .. Variants.Select(v => v.Name)];
        double[] Medians(double[] first, Func<Outcome, double> of) => [Statistics.Median(first), .. Variants.Select(v => Statistics.Median(runs[v.Name].Select(of)))];
        bench.Figure("variants", "Final ΔR of the directions of training features, and test accuracy of the nearest subspace; medians over seeds.", new PanelFigure("",
            new BarFigure("ΔR", new Axis("ΔR of directions", "nats", Min: 0), names, new BarGroup("ΔR", Medians(raw, r => r.Directions))) { ShowValues = true },
            new BarFigure("Accuracy", new Axis("test accuracy", Min: 0, Max: 1), names, new BarGroup("accuracy", Medians(rawAccuracy, r => r.Accuracy))) { ShowValues = true })
        { PerRow = 1 });
        string[] shown = ["full", "no residual", "uniform gate", "random gate"];
        double[] layers = [.. Enumerable.Range(0, runs["full"][0].Trajectory.Length).Select(i => (double)i)];
        bench.Figure("trajectories", "ΔR of the training features layer by layer.", new LineFigure("ΔR", "layer", new Axis("ΔR", "nats"),
            [.. shown.Select(name => Series.FromSeeds(name, layers, [.. runs[name].Select(r => r.Trajectory)]))]));
        bench.Table("variants", "Every variant and seed.", ["variant", "seed", "ΔR", "ΔR of directions", "length", "test accuracy"], Variants.SelectMany(v =>
            runs[v.Name].Select((r, i) => new object[] { v.Name, bench.Seeds[i], r.Reduction, r.Directions, r.Length, r.Accuracy })));
    }
}
