using Nabla.Experiments.Report;
using Nabla.Nn;

namespace Nabla.Experiments.CodingRates;

/// <summary>Subspaces told apart by greedy merging of segments that are shorter to code together.</summary>
/// <remarks>
/// "Uniform coefficients" is read as uniform on the unit sphere: an independent NumPy version is then exact in 24 of 24 draws at each ε². With coefficients uniform in [−1, 1]^r a sample may be hardly
/// longer than the noise and lies near all subspaces: there 0.92, 0.83 and 0.63 of the draws are exact at
/// ε² = 0.003, 0.01, 0.03. In R⁵, where dimensions exceed the space, one of 20 draws of either law loses a subspace or a few samples: the control takes the worst of 20.
/// </remarks>
[Experiment("lossy-coding-segmentation", Theme.CodingRate,
    Title = "Merging what is shorter to code together finds the subspaces",
    Claim = "Samples from several subspaces of unknown number and dimensions are separated exactly by merging, again and again, the two segments whose union shortens the " +
        "lossy coding length most, until no union does.",
    Papers = ["Ma, Derksen, Hong, Wright 2007, Segmentation of Multivariate Mixed Data via Lossy Data Coding and Compression, PAMI 29"],
    Protocol = "Random subspaces of dimensions 1, 2, 3 in R⁸ with 30, 40, 50 samples, coefficients uniform on the unit sphere, noise 0.02 in every direction; ε² = 0.003, 0.01, 0.03; four seeds. " +
        "Controls: ε² = 10, and 20 seeds in R⁵, where the dimensions add up to more than the space has.",
    PaperScale = "10⁴ samples from 20 subspaces of R¹⁰⁰.",
    Seeds = 4, QuickSeeds = 2, DType = DType.F64)]
public sealed class LossyCodingSegmentation : IExperiment<LossyCodingSegmentation.Config>
{
    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("dimension of the space", Min = 3)] int Dimension = 8,
        [Option("dimension of the space in the control", Min = 3)] int CrowdedDimension = 5,
        [Option("seeds of the crowded control", Min = 1)] int CrowdedSeeds = 20,
        [Option("deviation of the noise", Min = 0)] double Noise = 0.02,
        [Option("ε² of the control", Min = 1e-9)] double CoarsePrecision = 10) : IConfig<Config>
    {
        /// <inheritdoc/>
        public static Config Quick => new();
    }

    private static readonly double[] Precisions = [0.003, 0.01, 0.03];
    private static readonly (int Rank, int Count)[] Groups = [(1, 30), (2, 40), (3, 50)];

    private static int[] Truth { get; } = [.. Groups.SelectMany((g, j) => Enumerable.Repeat(j, g.Count))];

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        var found = bench.Seeds.Select(seed => Precisions.Select(e2 => LossySegmentation.Run(Samples(seed, config.Dimension, config), e2)).ToArray()).ToArray();
        for (int p = 0; p < Precisions.Length; p++)
        {
            string at = FormattableString.Invariant($"ε² = {Precisions[p]}");
            if (Precisions[p] <= 0.01) bench.CheckEach($"{at}: segments", [.. found.Select(f => (double)f[p].Segments)], Groups.Length, Groups.Length);
            bench.CheckEach($"{at}: purity", [.. found.Select(f => Purity(f[p]))], min: Precisions[p] <= 0.01 ? 1 : 0.99,
                note: "Share of samples whose segment holds mostly samples of their subspace.");
            bench.CheckEach($"{at}: bits ÷ bits of the true segments", [.. bench.Seeds.Select((seed, i) => found[i][p].Bits[^1] / TrueBits(seed, p, config))], max: 1 + 1e-12,
                note: "The greedy search finds a description that is at least as short as the truth.");
        }
        Segmentation[] coarse = [.. bench.Seeds.Select(seed => LossySegmentation.Run(Samples(seed, config.Dimension, config), config.CoarsePrecision))];
        bench.ControlEach(FormattableString.Invariant($"ε² = {config.CoarsePrecision}: segments"), [.. coarse.Select(s => (double)s.Segments)], max: 1,
            note: "At this distortion one segment describes everything.");
        double[] crowded = [.. Enumerable.Range(0, config.CrowdedSeeds).Select(seed =>
        {
            bench.Progress("crowded", seed + 1, config.CrowdedSeeds);
            return Purity(LossySegmentation.Run(Samples((ulong)seed, config.CrowdedDimension, config), 0.01));
        })];
        bench.Control($"R^{config.CrowdedDimension}: purity at ε² = 0.01, the worst seed", crowded.Min(), max: 0.99,
            note: $"Dimensions 1 + 2 + 3 exceed the space: {crowded.Count(p => p < 0.99)} of {crowded.Length} seeds are not separated.");
        Figures(config, bench, found);
        bench.Table("segments", "Every seed.", ["seed", .. Precisions.SelectMany(e2 => new[] { FormattableString.Invariant($"segments, ε² = {e2}"), "purity", "bits" })],
            found.Select((f, i) => (object[])[bench.Seeds[i], .. f.SelectMany(s => new object[] { s.Segments, Purity(s), Math.Round(s.Bits[^1]) })]));
    }

    private static void Figures(Config config, Bench bench, Segmentation[][] found)
    {
        bench.Figure("length", "Coding length of the first seed while segments are merged, from one a sample to the end. It ends where no merge would shorten it.",
            new LineFigure("Coding length", "merges", new Axis("length", "bits", Min: 0),
                [.. found[0].Select((s, p) => new Series(FormattableString.Invariant($"ε² = {Precisions[p]}"), [.. s.Bits.Select((_, i) => (double)i)], s.Bits))]));
        double[] precisions = [.. Enumerable.Range(0, 17).Select(i => Math.Pow(10, -4 + i * 0.3125))];
        double[][] counts = [.. bench.Seeds.Select(seed => precisions.Select(e2 => (double)LossySegmentation.Run(Samples(seed, config.Dimension, config), e2).Segments).ToArray())];
        bench.Figure("precision", "Segments found. Between the noise and the size of the data there is a plateau at the number of subspaces.",
            new LineFigure("Segments and precision", Axis.Log("ε²"), Axis.Log("segments"), Series.FromSeeds("segments", precisions, counts))
            { References = [ReferenceLine.AtY(Groups.Length, "subspaces")] });
        Tensor w = Samples(bench.Seed, config.Dimension, config);
        bench.Figure("similarity", "Absolute cosines of the samples of the first seed, sorted by subspace.", SimilarityMap.Of("Samples", w.Normalize(0), null));
    }

    // Columns U_j·c + noise, subspace by subspace; ‖c‖ = 1.
    private static Tensor Samples(ulong seed, int dimension, Config config)
    {
        RandomKey key = new(seed);
        Tensor[] parts = [.. Groups.Select((g, j) => Initializers.Orthogonal()(key.FoldIn(2 * j), [dimension, g.Rank], DType.F64)
            .MatMul(key.FoldIn(2 * j + 1).Normal([g.Rank, g.Count], DType.F64).Normalize(0)))];
        return Ops.Concatenate(parts, 1) + config.Noise * key.FoldIn(100).Normal([dimension, Truth.Length], DType.F64);
    }

    private static double TrueBits(ulong seed, int precision, Config config) =>
        LossySegmentation.CodingLength(Samples(seed, config.Dimension, config), Truth, Groups.Length, Precisions[precision]);

    private static double Purity(Segmentation s) => Enumerable.Range(0, s.Segments).Sum(segment =>
        Enumerable.Range(0, Groups.Length).Max(j => Enumerable.Range(0, Truth.Length).Count(i => s.Labels[i] == segment && Truth[i] == j))) / (double)Truth.Length;
}
