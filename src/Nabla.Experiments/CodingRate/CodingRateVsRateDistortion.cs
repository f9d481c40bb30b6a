using Nabla.Experiments.Report;

namespace Nabla.Experiments.CodingRates;

/// <summary>The coding rate beside the exact rate–distortion function of a Gaussian.</summary>
[Experiment("coding-rate-vs-rate-distortion", Theme.CodingRate,
    Title = "The coding rate is the rate–distortion function at small distortion",
    Claim = "For a Gaussian with covariance Σ the coding rate ½ log det(I + (d/ε²)Σ) lies above the exact rate–distortion function, found by reverse water-filling, by a gap " +
        "that vanishes as ε → 0 and is at most ½ Σ log(1 + ε²/(d λᵢ)).",
    Papers =
    [
        "Yu, Chan, You, Song, Ma 2020, Learning Diverse and Discriminative Representations via the Principle of Maximal Coding Rate Reduction, arXiv:2006.08558",
        "Ma, Derksen, Hong, Wright 2007, Segmentation of Multivariate Mixed Data via Lossy Data Coding and Compression, PAMI 29",
        "Cover, Thomas 2006, Elements of Information Theory, theorem 10.3.3",
    ],
    Protocol = "Spectra λ of ZZᵀ/n in d = 8 with trace 1, geometric with the ratio of largest to smallest 1, 60 and 3,600, rotated at random; total distortion ε² from 10⁻⁵ " +
        "to 1 in 61 steps equal in ratio.",
    PaperScale = "d = 512 from n = 10⁵ samples in f32 and f64.",
    Seeds = 3, QuickSeeds = 1, DType = DType.F64)]
public sealed class CodingRateVsRateDistortion : IExperiment<CodingRateVsRateDistortion.Config>
{
    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("dimension d", Min = 1, Max = 512)] int Dimension = 8,
        [Option("largest variance ÷ smallest; by default 1, 60, 3600", Min = 1)] double[]? Spreads = null,
        [Option("distortions in the sweep", Min = 11)] int Points = 61,
        [Option("the distortion of the control", Min = 0)] double ControlDistortion = 1) : IConfig<Config>
    {
        /// <inheritdoc/>
        public static Config Quick => new(Points: 31);
    }

    /// <summary>Both rates of one spectrum over the sweep.</summary>
    private sealed record Curve(double Spread, double[] Variances, double[] Coding, double[] Exact)
    {
        public double Gap(int i) => Coding[i] - Exact[i];
    }

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        double[] distortions = [.. Enumerable.Range(0, config.Points).Select(i => Math.Pow(10, -5 + 5.0 * i / (config.Points - 1)))];
        double[] spreads = config.Spreads ?? [1, 60, 3600];
        Curve[] curves = [.. bench.Seeds.SelectMany(seed => spreads.Select((spread, i) => Measure(config, new RandomKey(seed).FoldIn(i), spread, distortions)))];
        Checks(config, bench, curves, distortions);
        Curve[] shown = curves[..spreads.Length];
        bench.Figure("rates", "Rates of a Gaussian in bits. Above the distortion at which a component is given up, the coding rate goes on paying for it.",
            new LineFigure("Rate and distortion", Axis.Log("total distortion ε²"), new Axis("rate", "bits", Min: 0),
                [.. shown.SelectMany(c => new[]
                {
                    new Series(Name("coding rate", c), distortions, Bits(c.Coding)), Series.Theory(Name("exact", c), distortions, Bits(c.Exact)),
                })]));
        bench.Figure("gap", "What the coding rate pays above the exact rate. It vanishes linearly once ε²/d is below all variances, and is not monotone before.",
            new LineFigure("Gap", Axis.Log("total distortion ε²"), Axis.Log("gap (nats)"),
                [.. shown.Select(c => new Series($"λ ratio {c.Spread:g4}", distortions, [.. distortions.Select((_, i) => c.Gap(i))]))]));
        bench.Table("gaps", "Gap in nats.", ["λ ratio", .. new[] { 1, 0.1, 0.01, 1e-3, 1e-4, 1e-5 }.Select(e => $"ε² = {e:g1}")],
            shown.Select(c => (object[])[c.Spread, .. Enumerable.Range(0, 6).Select(k => (object)c.Gap(config.Points - 1 - k * (config.Points - 1) / 5))]));
    }

    private static string Name(string what, Curve c) => FormattableString.Invariant($"{what}, λ ratio {c.Spread:g4}");

    private static double[] Bits(double[] nats) => Array.ConvertAll(nats, r => r / Math.Log(2));

    // The coding rate from features with exactly this covariance, Z = √(nΛ) in a random basis: not from the spectrum.
    private static Curve Measure(Config config, RandomKey key, double spread, double[] distortions)
    {
        int d = config.Dimension;
        double[] raw = [.. Enumerable.Range(0, d).Select(i => Math.Pow(spread, d == 1 ? 0 : -i / (d - 1.0)))], variances = [.. raw.Select(v => v / raw.Sum())];
        Tensor left = Nn.Initializers.Orthogonal()(key.FoldIn(0), [d, d], DType.F64), right = Nn.Initializers.Orthogonal()(key.FoldIn(1), [3 * d, 3 * d], DType.F64);
        Tensor z = (left * (3.0 * d * Tensor.From(variances)).Sqrt()).MatMul(right.Slice(..d, ..));
        return new Curve(spread, variances, [.. distortions.Select(e2 => CodingRate.Rate(z, e2).ToDouble())], [.. distortions.Select(e2 => RateDistortion.Rate(variances, e2))]);
    }

    private static void Checks(Config config, Bench bench, Curve[] curves, double[] distortions)
    {
        int d = config.Dimension;
        double smallest = double.PositiveInfinity, beyond = double.NegativeInfinity, equality = 0, rise = double.NegativeInfinity, last = 0, control = double.PositiveInfinity, exact = 0;
        foreach (Curve c in curves)
        {
            for (int i = 0; i < distortions.Length; i++)
            {
                double level = distortions[i] / d, bound = 0.5 * c.Variances.Sum(v => Math.Log(1 + level / v));
                smallest = Math.Min(smallest, c.Gap(i));
                beyond = Math.Max(beyond, c.Gap(i) - bound);
                if (level < c.Variances.Min()) equality = Math.Max(equality, Math.Abs(c.Gap(i) - bound));
                if (i > 0 && distortions[i] <= 0.1) rise = Math.Max(rise, c.Gap(i - 1) - c.Gap(i));
            }
            last = Math.Max(last, c.Gap(0) / c.Coding[0]);
            exact = Math.Max(exact, RateDistortion.Rate(c.Variances, config.ControlDistortion));
            control = Math.Min(control, 0.5 * c.Variances.Sum(v => Math.Log(1 + d * v / config.ControlDistortion)));
        }
        bench.Check("smallest coding rate − exact rate, nats", smallest, min: 0);
        bench.Check("largest gap − ½ Σ log(1 + D/λ_{i}), nats", beyond, max: 1e-10, note: "D = ε²/d.");
        bench.Check("the same where D is below all variances, absolute", equality, max: 1e-10, note: "There it is an equality.");
        bench.Check("largest growth of the gap from one ε² to the next smaller one", rise, max: 1e-12, note: "For ε² ≤ 0.1; at larger ε² the gap is not monotone.");
        bench.Check("gap ÷ coding rate at ε² = 10⁻⁵", last, max: 0.005);
        bench.Control("exact rate at ε² = 1, the whole variance, nats", exact, max: 1e-12, note: "Nothing need be coded.");
        bench.Control("coding rate at ε² = 1, nats", control, min: 1, note: "There the coding rate is no rate of a code.");
    }
}
