using Nabla.Experiments.Data;
using Nabla.Experiments.Report;

namespace Nabla.Experiments.CodingRates;

/// <summary>Translation-invariant ReduNets on images.</summary>
[Experiment("redunet-translation-2d", Theme.CodingRate,
    Title = "Images are recognised wherever they are moved",
    Claim = "A ReduNet over all cyclic translations of lifted images classifies every translation of a test image alike, while subspaces of the pixels fail as soon as images move.",
    Papers = ["Chan, Yu, You, Qi, Wright, Ma 2020, Deep Networks from the Principle of Rate Reduction, arXiv:2010.14765, §4", "Chan et al. 2021, ReduNet, arXiv:2105.10446"],
    Protocol = "8×8 digits {0, 1} and {0, 1, 2}, 20 a class for construction, 40 for testing; eight random 3×3 kernels and ReLU; 30 layers, η_{eff} = 0.5, ε² = 0.1, λ_{eff} = 1; tested on all 16 even " +
        "cyclic translations, by the last π̂. Baseline: nearest five-dimensional subspace of pixels. Also lifted by keeping the two largest of eight responses.",
    PaperScale = "MNIST, ten classes, 10 samples each, 75 channels from 9×9 kernels, 25 layers, η = 0.5, ε² = 0.1; 2 classes of 500, 2,000 layers.",
    Seeds = 3, QuickSeeds = 1, DType = DType.F64)]
public sealed class ReduNetTranslation : IExperiment<ReduNetTranslation.Config>
{
    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("images of each class for construction", Min = 5, Max = 100)] int Train = 20,
        [Option("images of each class for testing", Min = 5, Max = 70)] int Test = 40,
        [Option("random kernels", Min = 1)] int Channels = 8,
        [Option("layers", Min = 1)] int Layers = 30,
        [Option("effective step η·C/n", Min = 0)] double Step = 0.5,
        [Option("squared precision ε²", Min = 1e-6)] double EpsilonSquared = 0.1,
        [Option("effective sharpness of the gate λ·C/n", Min = 0)] double Gate = 1) : IConfig<Config>
    {
        /// <inheritdoc/>
        public static Config Quick => new();
    }

    private const int Side = 8, PixelRank = 5;

    /// <summary>Accuracy over all shifts, unmoved and of pixels; share of predictions that stay; and accuracy by shift.</summary>
    private sealed record Outcome(double Accuracy, double Still, double Agreement, double Padded, double Sparse, double Pixels, double PixelsMoved, double[] ByShift, double[] PixelsByShift, ReduNet Net);

    private static readonly (int Down, int Right)[] Shifts = [.. from down in Enumerable.Range(0, 4) from right in Enumerable.Range(0, 4) select (2 * down, 2 * right)];

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        Outcome[][] runs = [.. new[] { 2, 3 }.Select(k => bench.Seeds.Select(s => Build(config, bench, k, s)).ToArray())];
        for (int i = 0; i < 2; i++)
        {
            Outcome[] own = runs[i];
            string name = i == 0 ? "two classes" : "three classes";
            bench.CheckEach($"{name}: share of predictions that no translation changes", [.. own.Select(r => r.Agreement)], min: 1);
            bench.CheckEach($"{name}: accuracy over translations", [.. own.Select(r => r.Accuracy)], min: 0.85);
            bench.CheckEach($"{name}: accuracy over translations − unmoved", [.. own.Select(r => r.Accuracy - r.Still)], min: -1e-9, max: 1e-9);
            bench.CheckEach($"{name}: pixels, unmoved", [.. own.Select(r => r.Pixels)], min: 0.98);
            bench.CheckEach($"{name}: pixels, over translations", [.. own.Select(r => r.PixelsMoved)], max: 0.65);
            bench.ControlEach($"{name}: translations that lose what leaves the image: share that stays", [.. own.Select(r => r.Padded)], max: 0.999);
        }
        Figures(bench, runs);
    }

    private static (Tensor Train, int[] Labels, Tensor Test, int[] TestLabels) Images(Config config, int classes, ulong seed)
    {
        Dataset all = Digits.Load().Shuffle(seed);
        (List<int> train, List<int> test) = ([], []);
        for (int c = 0; c < classes; c++)
        {
            int[] own = [.. Enumerable.Range(0, all.Count).Where(i => all.LabelSpan[i] == c)];
            train.AddRange(own[..config.Train]);
            test.AddRange(own[config.Train..(config.Train + config.Test)]);
        }
        Dataset a = all.Select([.. train]), b = all.Select([.. test]);
        return (Grid(a), a.LabelSpan.ToArray(), Grid(b), b.LabelSpan.ToArray());
    }

    private static Tensor Grid(Dataset d) => d.FeaturesAs(DType.F64, 1.0 / 16).Reshape(d.Count, Side, Side, 1);

    private static double Share(int[] a, int[] b) => a.Zip(b, (x, y) => x == y ? 1.0 : 0).Average();

    private static Outcome Build(Config config, Bench bench, int classes, ulong seed)
    {
        bench.Progress($"{classes} classes, seed {seed}", 0, 1);
        (Tensor train, int[] labels, Tensor test, int[] truth) = Images(config, classes, seed);
        Tensor kernels = Lifting.RandomKernels(new RandomKey(seed).FoldIn(classes), 2, 3, 1, config.Channels, DType.F64);
        Tensor Lift(Tensor x) => Lifting.UnitSamples(Lifting.Rectified(x, kernels));
        Tensor Code(Tensor x) => Lifting.UnitSamples(Lifting.Sparse(x, kernels, 2));
        var options = new ReduNetOptions(config.Layers, config.EpsilonSquared, config.Step, config.Gate);
        var net = ReduNet.Build(Lift(train), labels, classes, options);
        var coded = ReduNet.Build(Code(train), labels, classes, options);
        NearestSubspace pixels = NearestSubspace.Fit(Flat(train), labels, classes, PixelRank);

        int[] still = net.Predict(Lift(test)).ToArray<int>();
        int[][] moved = [.. Shifts.Select(s => net.Predict(Lift(Moved(test, s))).ToArray<int>())];
        int[][] padded = [.. Shifts.Select(s => net.Predict(Lift(Padded(test, s))).ToArray<int>())];
        double[] sparse = [.. Shifts.Select(s => Share(coded.Predict(Code(Moved(test, s))).ToArray<int>(), truth))];
        double[] byShift = [.. moved.Select(m => Share(m, truth))], pixelsByShift = [.. Shifts.Select(s => pixels.Accuracy(Flat(Moved(test, s)), truth))];
        return new Outcome(byShift.Average(), Share(still, truth), moved.Average(m => Share(m, still)), padded.Average(m => Share(m, still)), sparse.Average(), pixelsByShift[0],
            pixelsByShift.Average(), byShift, pixelsByShift, net);
    }

    private static Tensor Flat(Tensor x) => x.Reshape([x.Shape[0], -1]).Normalize().T;

    private static Tensor Moved(Tensor x, (int Down, int Right) shift) => x.Roll(shift.Down, 1).Roll(shift.Right, 2);

    // What leaves on one side does not come back on the other.
    private static Tensor Padded(Tensor x, (int Down, int Right) shift) => x.Slice(.., ..(Side - shift.Down), ..(Side - shift.Right)).Pad([0, shift.Down, shift.Right, 0], [0, 0, 0, 0]);

    private static void Figures(Bench bench, Outcome[][] runs)
    {
        HeatMapFigure Map(string title, double[] values)
        {
            var grid = new double[4, 4];
            for (int i = 0; i < 16; i++) grid[i / 4, i % 4] = values[i];
            string[] names = ["0", "2", "4", "6"];
            return new HeatMapFigure(title, "pixels to the right", "pixels down", new Axis("accuracy", Min: 0, Max: 1), grid)
            {
                XLabels = names,
                YLabels = names,
                FirstRowOnTop = true,
                SquareCells = true,
                ShowValues = true,
            };
        }
        bench.Figure("shifts", "Test accuracy by translation, two classes, first seed.", new PanelFigure("", Map("ReduNet", runs[0][0].ByShift), Map("subspaces of pixels", runs[0][0].PixelsByShift)));
        bench.Figure("rates", "Coding rates of all translations layer by layer, first seed.", new PanelFigure("",
            ReduNetFigures.Rates("two classes", runs[0][0].Net), ReduNetFigures.Rates("three classes", runs[1][0].Net)));
        bench.Table("accuracies", "Test accuracies over the 16 translations. Sparse: the two largest of the responses at each pixel.",
            ["classes", "seed", "ReduNet", "unmoved", "sparse lifting", "agreement", "agreement, not cyclic", "pixels, unmoved", "pixels"],
            runs.SelectMany((each, i) => each.Select((r, s) => new object[] { i + 2, bench.Seeds[s], r.Accuracy, r.Still, r.Sparse, r.Agreement, r.Padded, r.Pixels, r.PixelsMoved })));
    }
}
