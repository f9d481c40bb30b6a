using System.Globalization;
using Nabla.Autograd;
using Nabla.Experiments.Measure;
using Nabla.Experiments.Report;
using Nabla.Experiments.Training;

namespace Nabla.Experiments.Condensation;

/// <summary>The phase diagram of two-layer ReLU networks: how far input weights move, as a power of the width, over the plane of initial scales.</summary>
[Experiment("phase-two-layer", Theme.Condensation,
    Title = "Phase diagram of two-layer ReLU networks",
    Claim = "As the width m grows, the relative distance RD(w) that input weights travel during training scales as m^S. The plane of the initial scales " +
        "γ = −log_m(β₁β₂/α) and γ′ = −log_m(β₁/β₂) has a linear regime (S < 0: weights stay, as in the NTK limit), a condensed regime (S > 0: weights " +
        "gather in a few directions), and a critical line between them (S = 0): γ = 1 for γ′ ≤ 0, γ′ = γ − 1 for γ′ ≥ 0.",
    Papers = ["Luo, Xu, Ma and Zhang 2021, arXiv:2007.07497"],
    Protocol = "f(x) = Σ aⱼ relu(wⱼx + bⱼ), a ~ N(0, β₁²), w, b ~ N(0, β₂²), β₁ = m^{−(γ+γ′)/2}, β₂ = m^{−(γ−γ′)/2} (so α = 1), antisymmetric start, four points, " +
        "full-batch descent close to gradient flow (η = min(1/(2τ), ρ/v)) until the mean squared error is 10⁻⁵; widths 256, 1024, 4096; eight seeds.",
    PaperScale = "45 images of MNIST, and four points in one dimension, widths from 10³ to 10⁶.",
    Seeds = 8, QuickSeeds = 4, DType = DType.F64)]
public sealed class PhaseTwoLayer : IExperiment<PhaseTwoLayer.Config>, IHasTrainingStep<PhaseTwoLayer.Config>
{
    private static readonly double[] Inputs = [-1, -0.6, 0.3, 1];
    private static readonly double[] Shape = [0.2, -0.3, 0.5, -0.1];

    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("widths m; even. Default 256, 1024, 4096", Min = 2)] int[]? Widths = null,
        [Option("values of γ. Default 0.5, 0.75, …, 1.75")] double[]? Gammas = null,
        [Option("values of γ′. Default −0.5, 0, 0.25, 0.5, 1")] double[]? GammaPrimes = null,
        [Option("factor of the targets (0.2, −0.3, 0.5, −0.1); with 1, the linear regime of γ′ > 0 is not yet asymptotic", Min = 0)] double TargetScale = 0.1,
        [Option("largest relative change of a group of parameters in a step", Min = 0)] double Rho = 0.1,
        [Option("mean squared error at which a training ends", Min = 0)] double Tolerance = 1e-5,
        [Option("steps after which a training counts as not converged", Min = 1)] int MaxSteps = 20_000,
        [Option("members × samples × width trained at once: a few such arrays should fit the cache", Min = 1)] int BatchElements = 1 << 15) : IConfig<Config>
    {
        /// <inheritdoc/>
        public static Config Quick => new([64, 256, 1024], [0.5, 1, 1.75], [-0.5, 0]);

        internal int[] AllWidths => Widths ?? [256, 1024, 4096];

        internal Point[] Points => [.. from prime in GammaPrimes ?? [-0.5, 0, 0.25, 0.5, 1]
            from gamma in Gammas ?? [0.5, 0.75, 1, 1.25, 1.5, 1.75] select new Point(gamma, prime)];
    }

    /// <summary>A point of the diagram.</summary>
    internal readonly record struct Point(double Gamma, double Prime)
    {
        /// <summary>
        /// S in the limit of small targets, to which only the scales of the start and the end of the training matter. It is continuous, and zero exactly on
        /// the critical line.
        /// </summary>
        public double Theory => (Gamma, Prime) switch
        {
            (var g, <= 0) => g + Prime <= 1 ? g - 1 : (g - Prime - 1) / 2,
            ( < 1, var p) => Gamma - 2 * p - 1,
            _ => Prime <= Gamma - 1 ? (Gamma - Prime - 1) / 2 : 2 * (Gamma - Prime - 1),
        };

        /// <summary>How close three widths up to 4096 come: the kinks of S, and γ′ = 1/4, are still pre-asymptotic.</summary>
        public double Bound => this is { Prime: 0.25 } or { Gamma: 1.25, Prime: 0.5 } or { Gamma: 1.25, Prime: 1 } or { Gamma: 1.75, Prime: 1 } ? 0.2 : 0.1;
    }

    private sealed record Trained(Point Point, int Width, ulong Seed, double Error, int Steps, double Distance, double Directions);

    private sealed record Scaling(Point Point, double Slope, double[] Widths, double[] Medians, double[][] BySeed, Trained[] Runs)
    {
        public double Deviation => Math.Abs(Slope - Point.Theory);

        public IEnumerable<double> Directions => Runs.Where(r => r.Width == Widths[^1]).Select(r => r.Directions);
    }

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        var runs = new List<Trained>();
        int total = config.AllWidths.Length * config.Points.Length * bench.Seeds.Count;
        foreach (int width in config.AllWidths)
        {
            (Point Point, ulong Seed)[] members = [.. config.Points.SelectMany(p => bench.Seeds.Select(seed => (p, seed)))];
            int perBatch = Math.Max(1, config.BatchElements / (Inputs.Length * width));
            foreach ((Point, ulong)[] batch in members.Chunk(perBatch))
                runs.AddRange(Train(config, bench, width, batch, () => bench.Progress("trainings", runs.Count, total)));
        }
        Scaling[] scalings = [.. config.Points.Select(p => Measure(p, config.AllWidths, [.. runs.Where(r => r.Point == p)], bench.Seeds))];
        Check(bench, config, runs, scalings);
        Draw(bench, config, scalings);
    }

    /// <inheritdoc/>
    public Program TrainingStep(Config config, Bench bench)
    {
        int width = config.AllWidths[^1];
        TwoLayerRelu members = Start(bench, width, [.. bench.Seeds.Select(seed => (config.Points[0], seed))]);
        return Transforms.Compile(Transforms.Vmap(BatchedTraining.Freezing(Step(config, bench), config.Tolerance, config.MaxSteps)))
            .ProgramFor((members, Tensor.Zeros([bench.Seeds.Count], DType.I32)));
    }

    private static Func<TwoLayerRelu, (TwoLayerRelu, Tensor)> Step(Config config, Bench bench)
    {
        Tensor x = ((Tensor)Tensor.From(Inputs)).To(bench.DType), y = ((Tensor)Tensor.From(Shape)).To(bench.DType) * config.TargetScale;
        return network =>
        {
            LossAndGradient at = network.Differentiate(x, y);
            return (StableDescent.Step(network, at, config.Rho), at.MeanSquaredError);
        };
    }

    // A seed means the same draw at every point of the diagram: only its scales differ.
    private static TwoLayerRelu Start(Bench bench, int width, (Point Point, ulong Seed)[] members)
    {
        TwoLayerRelu[] starts = [.. members.Select(m => TwoLayerRelu.Draw(new RandomKey(m.Seed).FoldIn(width), width / 2,
            Math.Pow(width, -(m.Point.Gamma + m.Point.Prime) / 2), Math.Pow(width, -(m.Point.Gamma - m.Point.Prime) / 2), bench.DType).Antisymmetric())];
        return new TwoLayerRelu(Ops.Stack([.. starts.Select(s => s.A)]), Ops.Stack([.. starts.Select(s => s.W)]), Ops.Stack([.. starts.Select(s => s.B)]));
    }

    private static Trained[] Train(Config config, Bench bench, int width, (Point Point, ulong Seed)[] members, Action onLook)
    {
        TwoLayerRelu start = Start(bench, width, members);
        TrainedMembers<TwoLayerRelu> end = BatchedTraining.Run(Step(config, bench), start, config.Tolerance, config.MaxSteps, onLook: _ => onLook(),
            checkpoints: bench.Checkpoints($"width {width}"));
        double[] distances = Distances.Relative([start.W, start.B], [end.Parameters.W, end.Parameters.B]);
        double[] Member(Tensor parameters, int i) => parameters.At(i).ToDoubles();
        return [.. members.Select((m, i) => new Trained(m.Point, width, m.Seed, end.Errors[i], end.Steps[i], distances[i],
            Orientations.Of(Member(end.Parameters.A, i), Member(end.Parameters.W, i), Member(end.Parameters.B, i)).EffectiveNumber()))];
    }

    private static Scaling Measure(Point point, int[] widths, Trained[] runs, IReadOnlyList<ulong> seeds)
    {
        double[] x = [.. widths.Select(m => (double)m)];
        double[] medians = [.. widths.Select(m => Math.Exp(Fits.Median(runs.Where(r => r.Width == m).Select(r => Math.Log(r.Distance)))))];
        double[][] bySeed = [.. seeds.Select(s => runs.Where(r => r.Seed == s).OrderBy(r => r.Width).Select(r => r.Distance).ToArray())];
        return new Scaling(point, Fits.PowerLaw(x, medians), x, medians, bySeed, runs);
    }

    private static void Check(Bench bench, Config config, List<Trained> runs, Scaling[] scalings)
    {
        bench.Check("trainings that did not reach the tolerance", runs.Count(r => !(r.Error <= config.Tolerance)), max: 0,
            note: $"{runs.Count} trainings; the slowest took {runs.Max(r => r.Steps)} steps.");
        foreach (var group in scalings.GroupBy(s => (s.Point.Prime, s.Point.Bound)))
        {
            Scaling worst = group.MaxBy(s => s.Deviation)!;
            bench.Check($"largest |S − theory| at {Name("γ′", group.Key.Prime)}, {Name("γ", [.. group.Select(s => s.Point.Gamma)])}", worst.Deviation, max: group.Key.Bound,
                note: $"Worst at {Name("γ", worst.Point.Gamma)}: {Name("S", Math.Round(worst.Slope, 3))}, {Name("theory", worst.Point.Theory)}.");
        }
        bench.Check("points where S has the wrong sign", scalings.Count(s => Math.Abs(s.Point.Theory) >= 0.12 && s.Slope * s.Point.Theory <= 0), max: 0,
            note: "of those with |theory| ≥ 0.12");
        if (scalings.Where(s => s.Point.Theory == 0).ToArray() is { Length: > 0 } critical)
            bench.Check($"largest |S| on the critical line, {critical.Length} points", critical.Max(s => Math.Abs(s.Slope)), max: 0.1);
        if (scalings.Where(s => s.Point.Theory >= 0.25).ToArray() is { Length: > 0 } condensed)
            bench.Check("directions of neurons in the condensed regime", condensed.SelectMany(s => s.Directions).Max(), max: 10,
                note: $"largest over the points with theory ≥ 0.25 and all seeds, m = {config.AllWidths[^1]}. Provisional bound.");
        if (scalings.Where(s => s.Point.Theory <= -0.25).ToArray() is { Length: > 0 } linear)
            bench.Control("directions of neurons in the linear regime", linear.SelectMany(s => s.Directions).Min(), min: 25,
                note: $"smallest over the points with theory ≤ −0.25 and all seeds, m = {config.AllWidths[^1]}. Provisional bound.");
    }

    private static void Draw(Bench bench, Config config, Scaling[] scalings)
    {
        double[] gammas = [.. scalings.Select(s => s.Point.Gamma).Distinct()], primes = [.. scalings.Select(s => s.Point.Prime).Distinct()];
        if (gammas.Length > 1 && primes.Length > 1) bench.Figure("diagram",
            "The exponent S, interpolated between the measured points; colours end at ±1. Dashed: the critical line of the theory, between the linear regime (blue) and the condensed one. " +
            "Dots: usual initialisations.", Diagram(scalings, gammas, primes));
        IEnumerable<IGrouping<double, Scaling>> rows = scalings.GroupBy(s => s.Point.Prime);
        bench.Figure("slopes", "Every point of the diagram: the measured exponent against the theory.", Exponents(rows));
        bench.Figure("distances", "Relative distance of input weights against width: median over seeds, 10–90 % band, single seeds. Dashed: the slope of the theory " +
            "through the median of the middle width.", new PanelFigure("", [.. rows.Select(Lines)]));
        bench.Table("slopes", $"Exponents S over the widths {string.Join(", ", config.AllWidths)}; directions at the largest, median over seeds.",
            ["γ", "γ′", "S", "theory", "S − theory", "bound", "RD at smallest m", "RD at largest m", "directions", "most steps"],
            scalings.Select(s => (object[])[s.Point.Gamma, s.Point.Prime, Math.Round(s.Slope, 3), Math.Round(s.Point.Theory, 3),
                Math.Round(s.Slope - s.Point.Theory, 3) + 0.0, s.Point.Bound, s.Medians[0], s.Medians[^1],
                Math.Round(Fits.Median(s.Directions), 1), s.Runs.Max(r => r.Steps)]));
    }

    private static HeatMapFigure Diagram(Scaling[] scalings, double[] gammas, double[] primes)
    {
        var values = new double[primes.Length, gammas.Length];
        foreach (Scaling s in scalings) values[Array.IndexOf(primes, s.Point.Prime), Array.IndexOf(gammas, s.Point.Gamma)] = s.Slope;
        double[] x = Interpolation.Range(gammas[0], gammas[^1], 101), y = Interpolation.Range(primes[0], primes[^1], 121);
        return new HeatMapFigure("Phase diagram", "γ", "γ′", new Axis("S", Min: -1, Max: 1), Interpolation.Bilinear(gammas, primes, values, x, y))
        {
            Xs = x,
            Ys = y,
            Colors = ColorScale.Diverging,
            Curves = [Series.Theory("S = 0 (theory)", [1, 1, 1 + primes[^1]], [primes[0], 0, primes[^1]])],
            Markers = [new(0.5, 0, "NTK"), new(0.5, 0.5, "LeCun, He"), new(1, 0, "mean field, Xavier")],
        };
    }

    private static ScatterFigure Exponents(IEnumerable<IGrouping<double, Scaling>> rows)
    {
        double[] all = [.. rows.SelectMany(row => row.Select(s => s.Point.Theory)).Order()];
        IEnumerable<PointClass> classes = rows.Select(row =>
            new PointClass(Name("γ′", row.Key), [.. row.Select(s => s.Point.Theory)], [.. row.Select(s => s.Slope)]));
        return new ScatterFigure("Exponents", "theory", "measured S", [.. classes]) { Curves = [Series.Theory("S = theory", all, all)] };
    }

    private static LineFigure Lines(IGrouping<double, Scaling> row)
    {
        IEnumerable<Series> measured = row.Select(s => Series.FromSeeds(Name("γ", s.Point.Gamma), s.Widths, s.BySeed));
        IEnumerable<Series> theory = row.Select((s, i) =>
        {
            int middle = s.Widths.Length / 2;
            return Series.Theory(i == 0 ? "theory" : "", s.Widths, [.. s.Widths.Select(m => s.Medians[middle] * Math.Pow(m / s.Widths[middle], s.Point.Theory))]);
        });
        return new LineFigure(Name("γ′", row.Key), Axis.Log("width m"), Axis.Log("RD(w)"), [.. measured, .. theory]);
    }

    private static string Name(string symbol, params double[] values) =>
        $"{symbol} = {string.Join(", ", values.Select(v => v.ToString(CultureInfo.InvariantCulture)))}".Replace('-', '−');
}
