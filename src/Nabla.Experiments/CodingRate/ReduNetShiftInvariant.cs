using System.Diagnostics;
using Nabla.Experiments.Report;

namespace Nabla.Experiments.CodingRates;

/// <summary>ReduNets over all cyclic shifts of signals: convolutions, and independent problems in the frequency domain.</summary>
[Experiment("redunet-shift-invariant-1d", Theme.CodingRate,
    Title = "Invariance to shifts makes the layers convolutions",
    Claim = "If all cyclic shifts of each sample count, E and C_{j} are block circulant: a layer is a multichannel convolution, it commutes with shifts, and rate, operators and features split into one " +
        "C×C problem for each of T frequencies.",
    Papers = ["Chan, Yu, You, Qi, Wright, Ma 2020, Deep Networks from the Principle of Rate Reduction, arXiv:2010.14765, §3", "Chan et al. 2021, ReduNet, arXiv:2105.10446"],
    Protocol = "Dense matrices of all shifts against frequencies: 8 signals of 3 channels and 12 positions. Equivariance and cost: 20 signals of 4 channels, T = 32 to 128 positions. Two classes of " +
        "sinusoid mixtures with random phases, lifted by random kernels of width 3 and ReLU to 4 channels, 20 layers, η_{eff} = 0.5, ε² = 0.1, λ_{eff} = 1.",
    PaperScale = "T = 150, up to 7 channels, 2,000 layers, η = 0.1.",
    Seeds = 3, QuickSeeds = 1, DType = DType.F64)]
public sealed class ReduNetShiftInvariant : IExperiment<ReduNetShiftInvariant.Config>
{
    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("layers", Min = 1)] int Layers = 20,
        [Option("effective step η·C/n", Min = 0)] double Step = 0.5,
        [Option("squared precision ε²", Min = 1e-6)] double EpsilonSquared = 0.1,
        [Option("effective sharpness of the gate λ·C/n", Min = 0)] double Gate = 1,
        [Option("lengths T for the comparison of cost; the dense side takes (4T)³ flops", Min = 8, Max = 256)] int[]? Lengths = null) : IConfig<Config>
    {
        /// <inheritdoc/>
        public static Config Quick => new();
    }

    private sealed record Identities(double Rate, double Products, double Circulant, double Without);

    private sealed record Invariance(double Equivariance, double Accuracy, double Agreement, ReduNet Net, Tensor Impulses);

    private static readonly double[][] Frequencies = [[2, 5], [3, 7]];

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        Identities[] found = [.. bench.Seeds.Select(s => Compare(config, s))];
        Invariance[] shifted = [.. bench.Seeds.Select(s => Shifted(config, s))];
        int[] lengths = config.Lengths ?? [32, 64, 128];
        (double Dense, double Fourier)[] cost = [.. lengths.Select((t, i) =>
        {
            bench.Progress($"cost, T = {t}", i, lengths.Length);
            return Cost(config, t);
        })];
        bench.CheckEach("1: R of all shifts ÷ T − Σ over frequencies, relative", [.. found.Select(f => f.Rate)], max: 1e-10, note: "The transform is not normalised: with 1/√T, ε² would mean something else.");
        bench.CheckEach("2: dense E·z − product in the frequency domain, relative", [.. found.Select(f => f.Products)], max: 1e-10);
        bench.CheckEach("2: dense E: distance from block circulant, relative", [.. found.Select(f => f.Circulant)], max: 1e-12);
        bench.CheckEach("3: f(shift x) − shift f(x), largest", [.. shifted.Select(s => s.Equivariance)], max: 1e-6, note: $"Behind {config.Layers} layers.");
        bench.CheckEach("3: share of shifted test signals with the same prediction", [.. shifted.Select(s => s.Agreement)], min: 1);
        bench.CheckEach("test accuracy by the last π̂, over all shifts", [.. shifted.Select(s => s.Accuracy)], min: 0.85);
        bench.Check("4: time of dense operators ÷ Fourier, (C, T) = (4, 128)", cost[^1].Dense / cost[^1].Fourier, min: 20, note: "One layer: E from all shifts, and a whole Fourier layer with k = 1.");
        bench.Check("4: the same ÷ that of the shortest signals", cost[^1].Dense / cost[^1].Fourier / (cost[0].Dense / cost[0].Fourier), min: 1);
        bench.ControlEach("without shifts: E's distance from block circulant, relative", [.. found.Select(f => f.Without)], min: 1e-2);
        Figures(bench, lengths, cost, shifted[0], found);
    }

    // Columns: all shifts of all samples [n, T, C], as vectors of T·C numbers.
    private static Tensor AllShifts(Tensor x) => Ops.Concatenate([.. Enumerable.Range(0, x.Shape[1]).Select(s => x.Roll(s, 1).Reshape([x.Shape[0], -1]))]).T;

    private static Identities Compare(Config config, ulong seed)
    {
        const int n = 8, t = 12, c = 3;
        RandomKey key = new(seed);
        Tensor x = Lifting.UnitSamples(key.FoldIn(0).Normal([n, t, c], DType.F64)), probe = key.FoldIn(1).Normal([5, t, c], DType.F64);
        var net = ReduNet.Build(x, new int[n], 1, new ReduNetOptions(1, config.EpsilonSquared, config.Step, config.Gate));
        Tensor all = AllShifts(x), dense = CodingRate.Expansion(all, config.EpsilonSquared), alone = CodingRate.Expansion(x.Reshape(n, t * c).T, config.EpsilonSquared);
        double rate = CodingRate.Rate(all, config.EpsilonSquared).ToDouble() / t;
        Tensor product = probe.Reshape(5, t * c).MatMul(dense).Reshape(5, t, c);
        return new Identities(Math.Abs(rate - net.Rates[0].Rate) / rate, (net.ApplyOperator(probe, 0, 0) - product).Norm().ToDouble() / product.Norm().ToDouble(),
            FromCirculant(dense, t, c), FromCirculant(alone, t, c));
    }

    // Largest change under a shift of rows and columns, relative to the largest entry.
    private static double FromCirculant(Tensor matrix, int t, int c)
    {
        Tensor blocks = matrix.Reshape(t, c, t, c);
        return (blocks.Roll(1, 0).Roll(1, 2) - blocks).Abs().Max().ToDouble() / matrix.Abs().Max().ToDouble();
    }

    private static (Tensor X, int[] Labels) Mixtures(int each, int t, RandomKey key)
    {
        Tensor position = 2 * Math.PI / t * Ops.Arange(t, DType.F64);
        Tensor[] parts = [.. Frequencies.Select((own, j) => own.Select((f, i) =>
            (f * position + 2 * Math.PI * key.FoldIn(2 * j + i).Uniform([each, 1], dtype: DType.F64)).Cos()).Aggregate((a, b) => a + b))];
        Tensor x = Ops.Concatenate(parts) + 0.1 * key.FoldIn(9).Normal([2 * each, t], DType.F64);
        return (x.ExpandDims(2), [.. Enumerable.Range(0, 2 * each).Select(i => i / each)]);
    }

    private static Invariance Shifted(Config config, ulong seed)
    {
        const int t = 32;
        RandomKey key = new(seed);
        Tensor kernels = Lifting.RandomKernels(key.FoldIn(0), 1, 3, 1, 4, DType.F64);
        (Tensor raw, int[] labels) = Mixtures(10, t, key.FoldIn(1));
        (Tensor fresh, int[] freshLabels) = Mixtures(50, t, key.FoldIn(2));
        Tensor x = Lifting.UnitSamples(Lifting.Rectified(raw, kernels)), test = Lifting.UnitSamples(Lifting.Rectified(fresh, kernels));
        var net = ReduNet.Build(x, labels, 2, new ReduNetOptions(config.Layers, config.EpsilonSquared, config.Step, config.Gate));
        Tensor still = net.Transform(test);
        int[] predicted = net.Predict(test).ToArray<int>();
        (double worst, double right, double same) = (0, 0, 0);
        for (int shift = 0; shift < t; shift++)
        {
            Tensor moved = test.Roll(shift, 1);
            worst = Math.Max(worst, (net.Transform(moved) - still.Roll(shift, 1)).Abs().Max().ToDouble());
            int[] again = net.Predict(moved).ToArray<int>();
            right += again.Where((p, i) => p == freshLabels[i]).Count() / (double)(t * again.Length);
            same += again.Where((p, i) => p == predicted[i]).Count() / (double)(t * again.Length);
        }
        Tensor impulses = (Ops.Arange(t * 4).Reshape(t, 4).Equal(0)).To(DType.F64).ExpandDims(0);
        return new Invariance(worst, right, Math.Round(same, 12), net, Ops.Stack([.. Enumerable.Range(0, 3).Select(j => net.ApplyOperator(impulses, 0, j).At(0))]));
    }

    // Seconds for E from the matrix of all shifts, and for a layer in the frequency domain; the fastest of a few.
    private static (double Dense, double Fourier) Cost(Config config, int t)
    {
        Tensor x = Lifting.UnitSamples(new RandomKey(5).Normal([20, t, 4], DType.F64)), all = AllShifts(x);
        var options = new ReduNetOptions(1, config.EpsilonSquared, config.Step, config.Gate);
        return (Fastest(0, () => CodingRate.Expansion(all, config.EpsilonSquared)), Fastest(0.7, () => ReduNet.Build(x, new int[20], 1, options)));
    }

    // Of at least three runs, and of as many as fit into the seconds in which the compiler comes to its last tier where a run is short.
    private static double Fastest(double seconds, Action action)
    {
        double best = double.PositiveInfinity;
        long begin = Stopwatch.GetTimestamp();
        for (int i = 0; i < 3 || Stopwatch.GetElapsedTime(begin).TotalSeconds < seconds; i++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }

    private static void Figures(Bench bench, int[] lengths, (double Dense, double Fourier)[] cost, Invariance shifted, Identities[] found)
    {
        double[] t = [.. lengths.Select(l => (double)l)];
        bench.Figure("cost", "Time for the operators of one layer. Dense: E from all shifts, 4T×4T. Fourier: E, C_{1} and the layer itself, one 4×4 problem a frequency.",
            new LineFigure("Cost", Axis.Log("positions T"), Axis.Log("time", "s"), new Series("dense", t, [.. cost.Select(c => c.Dense)]), new Series("Fourier", t, [.. cost.Select(c => c.Fourier)])));
        double[] places = [.. Enumerable.Range(0, shifted.Impulses.Shape[1]).Select(i => (double)i)];
        bench.Figure("kernels", "Operators of the first layer applied to an impulse in channel 1, as seen in channel 1: the kernels of a convolution.",
            new LineFigure("Kernels", "position", "response", [.. new[] { "E", "C_{1}", "C_{2}" }.Select((name, j) =>
                new Series(name, places, shifted.Impulses.At(j).T.At(0).ToDoubles()))]));
        bench.Figure("rates", "Coding rates of the lifted mixtures layer by layer, first seed.", ReduNetFigures.Rates("Coding rates", shifted.Net));
        bench.Table("cost", "Seconds.", ["T", "dense", "Fourier", "ratio"], lengths.Select((l, i) => new object[] { l, cost[i].Dense, cost[i].Fourier, cost[i].Dense / cost[i].Fourier }));
        bench.Table("identities", "Relative errors.", ["seed", "rate", "product", "circulant", "circulant without shifts"],
            found.Select((f, i) => new object[] { bench.Seeds[i], f.Rate, f.Products, f.Circulant, f.Without }));
    }
}
