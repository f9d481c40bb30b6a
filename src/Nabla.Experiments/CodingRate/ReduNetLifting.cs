using Nabla.Experiments.Report;

namespace Nabla.Experiments.CodingRates;

/// <summary>Why shift-invariant ReduNets need lifting.</summary>
[Experiment("redunet-sparse-lifting", Theme.CodingRate,
    Title = "Without lifting, invariant layers see only power spectra",
    Claim = "Operators over all shifts of one channel are filters: they tell classes apart by their power spectra alone. Classes that differ in phases only become separable when random kernels and ReLU, or " +
        "sparse coding, lift the signals to several channels.",
    Papers = ["Chan, Yu, You, Qi, Wright, Ma 2021, ReduNet: A White-box Deep Network from the Principle of Maximizing Rate Reduction, arXiv:2105.10446, §4"],
    Protocol = "Signals of 32 positions, cos 2θ + cos 4θ (class 1) and cos 2θ − cos 4θ (class 2) at random shifts, noise 0.1: equal power spectra. 40 a class for construction, 100 for testing. 20 layers, " +
        "η_{eff} = 0.5, ε² = 0.1, λ_{eff} = 1, by the last π̂. Lifting: none; 8 random kernels of width 5 and ReLU; the two largest of 8 responses.",
    Seeds = 3, QuickSeeds = 1, DType = DType.F64)]
public sealed class ReduNetLifting : IExperiment<ReduNetLifting.Config>
{
    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("signals of each class for construction", Min = 5)] int Train = 40,
        [Option("signals of each class for testing", Min = 5)] int Test = 100,
        [Option("random kernels", Min = 1)] int Channels = 8,
        [Option("width of the kernels", Min = 1, Max = 32)] int Width = 5,
        [Option("layers", Min = 1)] int Layers = 20,
        [Option("effective step η·C/n", Min = 0)] double Step = 0.5,
        [Option("squared precision ε²", Min = 1e-6)] double EpsilonSquared = 0.1,
        [Option("effective sharpness of the gate λ·C/n", Min = 0)] double Gate = 1,
        [Option("factor of the second harmonic of class 2 in the control; −1: equal power spectra", Min = -1, Max = 1)] double Contrast = 0.3) : IConfig<Config>
    {
        /// <inheritdoc/>
        public static Config Quick => new();
    }

    private const int Positions = 32;

    private sealed record Outcome(double Accuracy, double Reduction, double Zeros, ReduNet Net);

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        Func<Tensor, Tensor, Tensor>[] liftings = [(x, _) => x, Lifting.Rectified, (x, kernels) => Lifting.Sparse(x, kernels, 2)];
        Outcome[][] runs = [.. liftings.Select(lift => bench.Seeds.Select(s => Build(config, bench, lift, s, difference: -1)).ToArray())];
        Outcome[] spectra = [.. bench.Seeds.Select(s => Build(config, bench, liftings[0], s, config.Contrast))];
        bench.CheckEach("one channel: test accuracy", [.. runs[0].Select(r => r.Accuracy)], max: 0.6);
        bench.CheckEach("random kernels and ReLU: test accuracy", [.. runs[1].Select(r => r.Accuracy)], min: 0.9);
        bench.CheckEach("final ΔR, random kernels ÷ one channel", [.. runs[1].Zip(runs[0], (a, b) => a.Reduction / b.Reduction)], min: 1.5);
        bench.ControlEach("one channel, classes of different power spectra: test accuracy", [.. spectra.Select(r => r.Accuracy)], min: 0.9,
            note: FormattableString.Invariant($"cos 4θ has the factor {config.Contrast} in class 2: then filters are enough, so the failure above is one of phases."));
        string[] names = ["one channel", "kernels and ReLU", "two largest responses"];
        bench.Figure("accuracy", "Test accuracy and final ΔR by lifting; medians over seeds.", new PanelFigure("",
            new BarFigure("Accuracy", new Axis("test accuracy", Min: 0, Max: 1), names, new BarGroup("accuracy", [.. runs.Select(r => Middle(r, o => o.Accuracy))])) { ShowValues = true },
            new BarFigure("ΔR", new Axis("ΔR", "nats", Min: 0), names, new BarGroup("ΔR", [.. runs.Select(r => Middle(r, o => o.Reduction))])) { ShowValues = true })
        { PerRow = 1 });
        bench.Figure("rates", "Coding rates layer by layer, first seed.", new PanelFigure("", [.. runs.Select((r, i) => ReduNetFigures.Rates(names[i], r[0].Net))]));
        bench.Table("liftings", "Zeros: share of exact zeros in the lifted signals.", ["lifting", "seed", "test accuracy", "final ΔR", "zeros"],
            runs.SelectMany((each, i) => each.Select((r, s) => new object[] { names[i], bench.Seeds[s], r.Accuracy, r.Reduction, r.Zeros })));
    }

    private static double Middle(Outcome[] runs, Func<Outcome, double> of) => runs.Select(of).Order().ElementAt(runs.Length / 2);

    // Class 2 has the factor `difference` before its second harmonic.
    private static (Tensor X, int[] Labels) Draw(int each, double difference, RandomKey key)
    {
        Tensor start = 2 * Math.PI * key.FoldIn(0).Uniform([2 * each, 1], dtype: DType.F64), theta = start + 2 * Math.PI / Positions * Ops.Arange(Positions, DType.F64);
        int[] labels = [.. Enumerable.Range(0, 2 * each).Select(i => i / each)];
        Tensor second = Tensor.From([.. labels.Select(l => l == 0 ? 1 : difference)], [2 * each, 1]);
        return (((2 * theta).Cos() + second * (4 * theta).Cos() + 0.1 * key.FoldIn(1).Normal([2 * each, Positions], DType.F64)).ExpandDims(2), labels);
    }

    private static Outcome Build(Config config, Bench bench, Func<Tensor, Tensor, Tensor> lift, ulong seed, double difference)
    {
        bench.Progress($"seed {seed}", 0, 1);
        RandomKey key = new(seed);
        Tensor kernels = Lifting.RandomKernels(key.FoldIn(0), 1, config.Width, 1, config.Channels, DType.F64);
        (Tensor x, int[] labels) = Draw(config.Train, difference, key.FoldIn(1));
        (Tensor fresh, int[] truth) = Draw(config.Test, difference, key.FoldIn(2));
        Tensor lifted = Lifting.UnitSamples(lift(x, kernels));
        var net = ReduNet.Build(lifted, labels, 2, new ReduNetOptions(config.Layers, config.EpsilonSquared, config.Step, config.Gate));
        double accuracy = net.Predict(Lifting.UnitSamples(lift(fresh, kernels))).Equal(Tensor.From(truth)).To(DType.F64).Mean().ToDouble();
        return new Outcome(accuracy, net.Rates[^1].Reduction, lifted.Equal(0).To(DType.F64).Mean().ToDouble(), net);
    }
}
