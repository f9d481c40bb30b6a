using Nabla.Experiments.Report;

namespace Nabla.Experiments.CodingRates;

/// <summary>ReduNets on mixtures of Gaussians on the circle and on the sphere.</summary>
[Experiment("redunet-gaussian-2d-3d", Theme.CodingRate,
    Title = "Layers computed forward carry a mixture to orthogonal points",
    Claim = "Layers built one after another from ΔR move the classes of a Gaussian mixture on the circle or the sphere until they are orthogonal points, where ΔR has its largest value; " +
        "no label is used beyond the operators, and fresh samples follow.",
    Papers = ["Chan, Yu, You, Qi, Wright, Ma 2020, Deep Networks from the Principle of Rate Reduction, arXiv:2010.14765", "Chan et al. 2021, ReduNet, arXiv:2105.10446"],
    Protocol = "500 samples a class around each centre, noise 0.1, divided by their lengths. 2,000 layers, η = 0.5 and λ = 500 (raw), ε² = 0.1, soft gates. Five mixtures: two classes in the plane 90°, " +
        "60° and 45° apart; three in space around the axes, and around (cos 45°, sin 45°, 1), (cos 120°, sin 120°, 1), (−1, 0, 1). Test set: a fresh draw. The quick form has a fifth " +
        "of the samples, layers and λ, which the scaling law of check 4 says is the same.",
    Seeds = 3, QuickSeeds = 1, DType = DType.F64)]
public sealed class ReduNetGaussian : IExperiment<ReduNetGaussian.Config>
{
    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("samples of each class", Min = 10)] int SamplesPerClass = 500,
        [Option("layers", Min = 1)] int Layers = 2000,
        [Option("raw step η", Min = 0)] double Step = 0.5,
        [Option("raw sharpness of the gate λ", Min = 0)] double Gate = 500,
        [Option("standard deviation of the noise", Min = 0)] double Noise = 0.1,
        [Option("squared precision ε²", Min = 1e-6)] double EpsilonSquared = 0.1,
        [Option("the step of the control without steps, in units of η", Min = 0)] double ControlStep = 0,
        [Option("the step of the control with descent, in units of η")] double DescentStep = -1,
        [Option("dimension of the space of the control with three classes", Min = 2, Max = 3)] int CrowdedDimension = 2) : IConfig<Config>
    {
        /// <inheritdoc/>
        public static Config Quick => new(SamplesPerClass: 100, Layers: 400, Gate: 100);
    }

    private sealed record Mixture(string Name, double[][] Centres)
    {
        public int Dimension => Centres[0].Length;

        public int Classes => Centres.Length;
    }

    private static double[] At(double degrees) => [Math.Cos(degrees * Math.PI / 180), Math.Sin(degrees * Math.PI / 180)];

    private static readonly Mixture[] Mixtures =
    [
        new("2-D, 90°", [At(0), At(90)]), new("2-D, 60°", [At(0), At(60)]), new("2-D, 45°", [At(0), At(45)]), new("3-D, axes", [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        new("3-D, cone", [[.. At(45), 1], [.. At(120), 1], [-1, 0, 1]]),
    ];

    // At 60° from each other in the plane; in space they are lifted out of it.
    private static Mixture Crowded(int dimension) =>
        new($"{dimension}-D, three classes", [.. new[] { 0.0, 60, 120 }.Select((angle, j) => (double[])[.. At(angle), .. Enumerable.Repeat(j == 1 ? 1.0 : 0, dimension - 2)])]);

    private sealed record Outcome(ReduNet Net, int[] Labels, Tensor Before, Tensor After, double Reduction, double SmallestRise, double CosineBefore, double Cosine, double Accuracy);

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        Outcome[][] runs = [.. Mixtures.Select((m, i) => bench.Seeds.Select(seed => Build(config, bench, m, seed, i)).ToArray())];
        bench.CheckEach("1: final ΔR ÷ ceiling, worst mixture", Worst(runs, (r, m) => r.Reduction / Ceiling(config, m), lowest: true), min: 1 - 1e-3, max: 1 + 1e-3,
            note: "Ceiling (d/2)·log(1 + 1/ε²) − (d/2k)·log(1 + k/ε²), for balanced classes.");
        bench.CheckEach("2: smallest change of ΔR in a layer", Worst(runs, (r, _) => r.SmallestRise, lowest: true), min: -1e-9);
        bench.CheckEach("3: largest |cos| between classes behind the last layer", Worst(runs, (r, _) => r.Cosine, lowest: false), max: 0.05);
        bench.CheckEach("3: the same before the first", Worst(runs, (r, _) => r.CosineBefore, lowest: true), min: 0.5, note: "Otherwise nothing is to be done.");
        bench.CheckEach("test accuracy, nearest mean, worst mixture", Worst(runs, (r, _) => r.Accuracy, lowest: true), min: 0.99);
        bench.CheckEach("4: scaling law: duplicated samples with 2η and 2λ, largest difference", [.. bench.Seeds.Select(s => ScalingLaw(config, s))], max: 1e-9,
            note: "Raw steps: the depth that is needed grows with n. So η_eff = η·d/n and λ_eff = λ·d/n are what a network should be told.");
        Controls(config, bench);
        Figures(config, bench, runs);
    }

    private static double[] Worst(Outcome[][] runs, Func<Outcome, Mixture, double> of, bool lowest) => [.. Enumerable.Range(0, runs[0].Length).Select(seed =>
    {
        double[] values = [.. runs.Select((each, m) => of(each[seed], Mixtures[m]))];
        return lowest ? values.Min() : values.Max();
    })];

    private static double Ceiling(Config config, Mixture m) => CodingRate.Ceiling(m.Dimension, m.Classes, config.EpsilonSquared);

    private static (Tensor X, int[] Labels) Draw(Config config, Mixture m, RandomKey key)
    {
        int n = config.SamplesPerClass;
        Tensor[] parts = [.. m.Centres.Select((c, j) => Tensor.From(c) + config.Noise * key.FoldIn(j).Normal([n, m.Dimension], DType.F64))];
        return (Ops.Concatenate(parts).Normalize(), [.. Enumerable.Range(0, n * m.Classes).Select(i => i / n)]);
    }

    private static ReduNetOptions Options(Config config, Mixture m, int? layers = null, double step = 1, int copies = 1) => ReduNetOptions.FromRaw(
        layers ?? config.Layers, config.EpsilonSquared, step * copies * config.Step, copies * config.Gate, m.Dimension, copies * config.SamplesPerClass * m.Classes);

    private static Outcome Build(Config config, Bench bench, Mixture m, ulong seed, int position)
    {
        RandomKey key = new RandomKey(seed).FoldIn(position);
        (Tensor x, int[] labels) = Draw(config, m, key.FoldIn(0));
        (Tensor fresh, _) = Draw(config, m, key.FoldIn(1));
        var net = ReduNet.Build(x, labels, m.Classes, Options(config, m), out Tensor z);
        bench.Progress($"{m.Name}, seed {seed}", 1, 1);
        double[] reductions = [.. net.Rates.Select(r => r.Reduction)];
        return new Outcome(net, labels, x, z, reductions[^1], reductions.Zip(reductions.Skip(1), (a, b) => b - a).Min(), ReduNetFigures.LargestCosine(x, labels, m.Classes),
            ReduNetFigures.LargestCosine(z, labels, m.Classes), NearestMean.Fit(z.T, labels, m.Classes).Accuracy(net.Transform(fresh).T, labels));
    }

    private static double ScalingLaw(Config config, ulong seed)
    {
        int layers = Math.Min(200, config.Layers);
        (Tensor x, int[] labels) = Draw(config, Mixtures[1], new RandomKey(seed));
        ReduNet.Build(x, labels, 2, Options(config, Mixtures[1], layers), out Tensor once);
        ReduNet.Build(Ops.Concatenate([x, x]), [.. labels, .. labels], 2, Options(config, Mixtures[1], layers, copies: 2), out Tensor twice);
        return (Ops.Concatenate([once, once]) - twice).Abs().Max().ToDouble();
    }

    private static void Controls(Config config, Bench bench)
    {
        Mixture m = Mixtures[1];
        double[] Change(double step) => [.. bench.Seeds.Select(seed =>
        {
            (Tensor x, int[] labels) = Draw(config, m, new RandomKey(seed));
            var rates = ReduNet.Build(x, labels, m.Classes, Options(config, m, Math.Min(100, config.Layers), step)).Rates;
            return rates[^1].Reduction - rates[0].Reduction;
        })];
        bench.ControlEach("η = 0: change of ΔR", Change(config.ControlStep), min: -1e-12, max: 1e-12);
        bench.ControlEach("steps −η: change of ΔR in 100 layers", Change(config.DescentStep), max: -1e-3);
        Mixture three = Crowded(config.CrowdedDimension);
        double[] crowded = [.. bench.Seeds.Select(seed =>
        {
            (Tensor x, int[] labels) = Draw(config, three, new RandomKey(seed));
            return ReduNet.Build(x, labels, 3, Options(config, three)).Rates[^1].Reduction - Ceiling(config, three);
        })];
        bench.ControlEach("three classes in the plane: final ΔR − formula", crowded, max: -0.05, note: "The formula needs k ≤ d: three lines in a plane cannot be orthogonal.");
    }

    private static void Figures(Config config, Bench bench, Outcome[][] runs)
    {
        bench.Figure("circle", "Two classes 60° apart on the circle, and three on the sphere seen along its diagonal, before the first and behind the last layer.",
            new PanelFigure("", Points("2-D, 60°: samples", runs[1][0], before: true), Points("features", runs[1][0], before: false),
                Points("3-D, cone: samples", runs[4][0], before: true), Points("features", runs[4][0], before: false))
            { PerRow = 2 });
        bench.Figure("rates", "Coding rates layer by layer, first seed.", new PanelFigure("", [.. runs.Select((r, i) => ReduNetFigures.Rates(Mixtures[i].Name, r[0].Net, Ceiling(config, Mixtures[i])))]));
        bench.Figure("similarity", "Absolute cosines between samples of the mixture on the cone, sorted by class.", new PanelFigure("",
            ReduNetFigures.Similarity("before", runs[4][0].Before, runs[4][0].Labels, 3), ReduNetFigures.Similarity("after", runs[4][0].After, runs[4][0].Labels, 3)));
        bench.Table("mixtures", "Every mixture and seed.", ["mixture", "seed", "ΔR before", "ΔR", "ceiling", "largest |cos| before", "largest |cos|", "test accuracy"],
            runs.SelectMany((each, i) => each.Select((r, s) => new object[]
            {
                Mixtures[i].Name, bench.Seeds[s], r.Net.Rates[0].Reduction, r.Reduction, Ceiling(config, Mixtures[i]), r.CosineBefore, r.Cosine, r.Accuracy,
            })));
        bench.Finding(FormattableString.Invariant($"Effective step η·d/n = {runs[0][0].Net.Options.Step:g3} and gate λ·d/n = {runs[0][0].Net.Options.Gate:g3} in the plane."));
    }

    // The plane as it is, space along (1, 1, 1).
    private static ScatterFigure Points(string title, Outcome r, bool before)
    {
        Tensor rows = before ? r.Before : r.After;
        int d = rows.Shape[1];
        double[] x = rows.ToDoubles();
        (double, double) Project(int i) => d == 2 ? (x[2 * i], x[2 * i + 1])
            : ((x[3 * i + 1] - x[3 * i]) / Math.Sqrt(2), (2 * x[3 * i + 2] - x[3 * i] - x[3 * i + 1]) / Math.Sqrt(6));
        PointClass[] classes = [.. Enumerable.Range(0, r.Net.Classes).Select(j =>
        {
            (double X, double Y)[] points = [.. Enumerable.Range(0, r.Labels.Length).Where(i => r.Labels[i] == j).Take(100).Select(Project)];
            return new PointClass($"class {j + 1}", [.. points.Select(p => p.X)], [.. points.Select(p => p.Y)]);
        })];
        double[] turn = [.. Enumerable.Range(0, 121).Select(i => i * Math.PI / 60)];
        (string across, string up) = d == 2 ? ("x_{1}", "x_{2}") : ("along (−1, 1, 0)", "along (−1, −1, 2)");
        return new ScatterFigure(title, new Axis(across, Min: -1.1, Max: 1.1), new Axis(up, Min: -1.1, Max: 1.1), classes)
        {
            EqualAspect = true,
            Curves = [Series.Theory(d == 2 ? "circle" : "outline of the sphere", [.. turn.Select(Math.Cos)], [.. turn.Select(Math.Sin)])],
        };
    }
}
