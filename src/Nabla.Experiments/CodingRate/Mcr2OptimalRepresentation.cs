using System.Globalization;
using Nabla.Experiments.Report;
using Nabla.Optim;

namespace Nabla.Experiments.CodingRates;

/// <summary>Gradient ascent on ΔR over features on the sphere, without any network.</summary>
[Experiment("mcr2-optimal-representation", Theme.CodingRate,
    Title = "The best features are orthogonal subspaces with flat spectra",
    Claim = "Unit features that maximise the coding rate reduction ΔR lie in one subspace a class; the subspaces are orthogonal, fill the space together, and all singular " +
        "values of a class are equal. Gradient ascent from random features ends at such a configuration, with one or another split of the dimensions.",
    Papers =
    [
        "Yu, Chan, You, Song, Ma 2020, Learning Diverse and Discriminative Representations via the Principle of Maximal Coding Rate Reduction, arXiv:2006.08558",
        "Wang, Liu, Pai, Yu, Zhu, Qu, Ma 2024, A Global Geometric Analysis of Maximal Coding Rate Reduction, arXiv:2406.01909",
    ],
    Protocol = "d = 24, three classes of 60, ε² = 0.25. Z starts at random on the sphere; Z ← normalise(Z + ½(n/d)·∇ΔR), 4,000 steps, five seeds as one batch. Controls: " +
        "ascent on R alone, descent on R_{c} alone.",
    PaperScale = "d = 128, k = 10, n = 1,000, 10,000 steps.",
    Seeds = 5, QuickSeeds = 2, DType = DType.F64)]
public sealed class Mcr2OptimalRepresentation : IExperiment<Mcr2OptimalRepresentation.Config>
{
    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("dimension d", Min = 2)] int Dimension = 24,
        [Option("classes k", Min = 2)] int Classes = 3,
        [Option("samples of each class", Min = 2)] int PerClass = 60,
        [Option("squared precision ε²", Min = 1e-6)] double EpsilonSquared = 0.25,
        [Option("steps", Min = 50)] int Steps = 4000,
        [Option("step size in units of n/d", Min = 0)] double Step = 0.5) : IConfig<Config>
    {
        /// <summary>Fewer steps; the checks of the limit still hold.</summary>
        public static Config Quick => new(Steps: 3000);

        /// <summary>n.</summary>
        public int Count => Classes * PerClass;

        /// <summary>Classes in order.</summary>
        public int[] Labels => [.. Enumerable.Range(0, Count).Select(i => i / PerClass)];
    }

    private const int LookEvery = 25;
    private const double RankTolerance = 1e-6;

    /// <summary>Features [seeds, n, d] after ascent, and ΔR, R and R_c of each seed at each look.</summary>
    private sealed record Ascent(Tensor Features, List<double[][]> Looks);

    /// <summary>What the limit of one seed looks like.</summary>
    private sealed record Limit(int[] Ranks, double Cross, double Flatness, double Reduction, double Formula, double[][] Spectra);

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        Tensor start = Ops.Stack([.. bench.Seeds.Select(seed => new RandomKey(seed).Normal([config.Count, config.Dimension], bench.DType).Normalize())]);
        Tensor labels = Ops.Stack([.. bench.Seeds.Select(_ => (Tensor)Tensor.From(config.Labels))]);
        Ascent both = Ascend(config, bench, "ΔR", start, labels, z => CodingRate.ReductionWithGradient(z, labels, config.Classes, config.EpsilonSquared).Gradient);
        Ascent expanded = Ascend(config, bench, "R alone", start, labels, Transforms.Grad((Tensor z) => CodingRate.Rate(z, config.EpsilonSquared).Sum()));
        Ascent compressed = Ascend(config, bench, "−R_{c} alone", start, labels,
            Transforms.Grad((Tensor z) => -CodingRate.ClassRate(z, labels, config.Classes, config.EpsilonSquared).Sum()));
        Limit[] limits = Limits(config, both.Features), spread = Limits(config, expanded.Features), collapsed = Limits(config, compressed.Features);
        Checks(config, bench, limits, spread, collapsed);
        Figures(config, bench, start, both, expanded, compressed, limits);
        bench.Table("limits", "Where each seed ends: the dimensions of the class subspaces, and ΔR beside its closed form for these dimensions.",
            ["seed", "ranks", "ΔR", "closed form", "largest cross term", "spread of σ²"],
            limits.Select((l, i) => new object[] { bench.Seeds[i], string.Join(" / ", l.Ranks), l.Reduction, l.Formula, l.Cross, l.Flatness }));
    }

    private static Ascent Ascend(Config config, Bench bench, string name, Tensor start, Tensor labels, Func<Tensor, Tensor> gradient)
    {
        double step = config.Step * config.Count / config.Dimension;
        var loop = new TrainingLoop<Tensor, Tensor>(rows => ((rows + step * gradient(rows.T).T).Normalize(), Tensor.Scalar(0)), start);
        var looks = new List<double[][]>();
        void Look()
        {
            Tensor z = loop.State.T, all = CodingRate.Rate(z, config.EpsilonSquared), byClass = CodingRate.ClassRate(z, labels, config.Classes, config.EpsilonSquared);
            looks.Add([(all - byClass).ToDoubles(), all.ToDoubles(), byClass.ToDoubles()]);
        }
        Look();
        while (loop.StepCount < config.Steps)
        {
            loop.Run(Math.Min(LookEvery, config.Steps - loop.StepCount));
            Look();
            bench.Progress(name, loop.StepCount, config.Steps);
        }
        return new Ascent(loop.Snapshot(), looks);
    }

    private static Limit[] Limits(Config config, Tensor features) => [.. Enumerable.Range(0, features.Shape[0]).Select(seed =>
    {
        Tensor z = features.At(seed).T;
        Tensor[] classes = [.. Enumerable.Range(0, config.Classes).Select(j => z.Slice(.., (j * config.PerClass)..((j + 1) * config.PerClass)))];
        double[][] singular = [.. classes.Select(c => c.SingularValues().ToDoubles())];
        int[] ranks = [.. singular.Select(s => s.Count(v => v > RankTolerance * s[0]))];
        double cross = 0;
        for (int i = 0; i < classes.Length; i++)
            for (int j = 0; j < i; j++)
                cross = Math.Max(cross, classes[i].T.MatMul(classes[j]).SingularValues().Max().ToDouble() / (singular[i][0] * singular[j][0]));
        double flatness = singular.Zip(ranks).Max(p => p.First.Take(p.Second).Max(s => Math.Abs(s * s * p.Second / config.PerClass - 1)));
        double reduction = CodingRate.Reduction(z, config.Labels, config.Classes, config.EpsilonSquared).ToDouble();
        double[] counts = [.. ranks.Select(_ => (double)config.PerClass)];
        double formula = CodingRate.OfSubspaces(config.Dimension, [.. ranks.Select(r => (double)r)], counts, config.EpsilonSquared);
        return new Limit(ranks, cross, flatness, reduction, formula, [.. singular.Select(s => Enumerable.Range(0, config.Dimension).Select(i => i < s.Length ? s[i] * s[i] : 0).ToArray())]);
    })];

    private static void Checks(Config config, Bench bench, Limit[] limits, Limit[] spread, Limit[] collapsed)
    {
        double ceiling = CodingRate.Ceiling(config.Dimension, config.Classes, config.EpsilonSquared);
        bench.CheckEach("1: sum of the ranks of the classes", [.. limits.Select(l => (double)l.Ranks.Sum())], config.Dimension, config.Dimension,
            "Rank: singular values above 10⁻⁶ of the largest; the subspaces fill the space.");
        bench.CheckEach("2: largest ‖Z_{i}ᵀZ_{j}‖ ÷ (‖Z_{i}‖‖Z_{j}‖), i ≠ j", [.. limits.Select(l => l.Cross)], max: 1e-8);
        bench.CheckEach("3: largest |σ²·r_{j}/n_{j} − 1| of the nonzero σ", [.. limits.Select(l => l.Flatness)], max: 1e-6);
        bench.CheckEach("4: |ΔR − closed form for the ranks|, nats", [.. limits.Select(l => Math.Abs(l.Reduction - l.Formula))], max: 1e-8,
            note: "Σ_{j} (r_{j}/2)·[log(1 + d·n_{j}/(n ε² r_{j})) − (n_{j}/n)·log(1 + d/(ε² r_{j}))].");
        bench.CheckEach("5: ΔR ÷ ceiling", [.. limits.Select(l => l.Reduction / ceiling)], min: 0.99, max: 1 + 1e-12,
            note: string.Create(CultureInfo.InvariantCulture, $"Ceiling (d/2)·log(1 + 1/ε²) − (d/2k)·log(1 + k/ε²) = {ceiling:g9} nats, reached by equal ranks."));
        bench.ControlEach("R alone: largest cross term between classes", [.. spread.Select(l => l.Cross)], min: 0.3);
        bench.ControlEach("−R_{c} alone: σ₂ ÷ σ₁ of a class", [.. collapsed.Select(l => l.Spectra.Max(s => Math.Sqrt(s[1] / s[0])))], max: 0.05,
            note: "Without expansion each class collapses to a line.");
    }

    private static void Figures(Config config, Bench bench, Tensor start, Ascent both, Ascent expanded, Ascent compressed, Limit[] limits)
    {
        bench.Figure("similarity", "Absolute cosines |zᵢᵀzⱼ| of the first seed, samples sorted by class: at the start, and after maximising ΔR, R alone, and −R_{c} alone.",
            new PanelFigure("", [Similarity("start", start), Similarity("ΔR", both.Features), Similarity("R alone", expanded.Features), Similarity("−R_{c} alone", compressed.Features)]) { PerRow = 2 });
        double[] index = [.. Enumerable.Range(1, config.Dimension).Select(i => (double)i)];
        bench.Figure("spectra", "Squared singular values of each class of the first seed after maximising ΔR: flat up to the rank of the class, and zero beyond.",
            new LineFigure("Spectra of the classes", "principal direction", new Axis("σ²", Min: 0),
                [.. limits[0].Spectra.Select((s, j) => new Series($"class {j + 1}, rank {limits[0].Ranks[j]}", index, s) { Marker = MarkerShape.Auto }),
                    Series.Theory("n_{j} ÷ (d/k)", index, [.. index.Select(i => i <= config.Dimension / (double)config.Classes ? config.PerClass * config.Classes / (double)config.Dimension : 0)])]));
        double[] steps = [.. both.Looks.Select((_, i) => Math.Max(1.0, Math.Min(i * LookEvery, config.Steps)))];
        double[][] Seen(int which) => [.. Enumerable.Range(0, limits.Length).Select(seed => both.Looks.Select(l => l[which][seed]).ToArray())];
        bench.Figure("rates", "Coding rates while ΔR is maximised. The start is drawn at step 1.",
            new LineFigure("Coding rates", Axis.Log("step"), new Axis("rate", "nats", Min: 0),
                Series.FromSeeds("ΔR", steps, Seen(0)), Series.FromSeeds("R, all samples", steps, Seen(1)), Series.FromSeeds("R_{c}, by class", steps, Seen(2)))
            {
                References = [ReferenceLine.AtY(CodingRate.Ceiling(config.Dimension, config.Classes, config.EpsilonSquared), "ceiling of ΔR")],
            });
    }

    private static HeatMapFigure Similarity(string name, Tensor features) => SimilarityMap.Of(name, features.At(0).T, null);
}
