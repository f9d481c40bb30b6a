using Nabla.Experiments.Data;
using Nabla.Experiments.Measure;
using Nabla.Experiments.Report;
using Nabla.Nn;
using Nabla.Optim;

namespace Nabla.Experiments.CodingRates;

/// <summary>Self-supervised features: the augmentations of one image are a class.</summary>
/// <remarks>
/// Unit features have R_c ≥ ½ log(1 + d/ε²), which is reached when all augmentations of an image coincide (2.087 here), so that half of R_c at the start can be reached only where that is well above 4.2. With
/// pixels less their means over the images it is 6.0 to 6.4 and falls to 0.45, 0.48, 0.45 of that (seeds 0, 1, 2). Without centring features start nearly collapsed, at 3.4 to 4.8. Larger weights at the start
/// (He's rule) keep more of the pixels: NMI then leads by 0.082, 0.014, 0.014 only.
/// </remarks>
[Experiment("mcr2-ctrl-clustering", Theme.CodingRate,
    Title = "Coding rate reduction over augmentations makes features that cluster",
    Claim = "Without labels, a network trained to compress the augmentations of each image and to expand all features together (the controlling form of ΔR, with γ₁ and γ₂) has " +
        "features that k-means clusters by class better than pixels.",
    Papers = ["Yu, Chan, You, Song, Ma 2020, Learning Diverse and Discriminative Representations via the Principle of Maximal Coding Rate Reduction, arXiv:2006.08558, §3.3"],
    Protocol = "1,000 of the 8×8 digits, ReLU network 64-256-256-32 with outputs of unit length, weights drawn from N(0, 1/(3·fan-in)), pixels less their means; batches of 100 images with 10 augmentations each (circular shift by at most one pixel " +
        "with probability 0.6, gain from 0.8 to 1.2, noise 0.1); Adam, rate 0.001, 30 epochs. Loss R_{c} − γ₂·½ log det(I + γ₁αZZᵀ), γ₁ = 20, γ₂ = 0.05, ε² = 0.5. k-means with ten " +
        "restarts. Control: γ₂ = 0, 10 epochs.",
    PaperScale = "CIFAR-10, CIFAR-100, STL-10; ResNet-18, d = 128, 50 augmentations. Published ACC / NMI with EnSC: .684 / .630, .347 / .362, .491 / .446.",
    Seeds = 3, QuickSeeds = 1)]
public sealed class Mcr2CtrlClustering : IExperiment<Mcr2CtrlClustering.Config>
{
    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("images", Min = 100, Max = 1797)] int Images = 1000,
        [Option("images of a batch", Min = 2)] int Batch = 100,
        [Option("augmentations of an image", Min = 2)] int Augmentations = 10,
        [Option("passes over the images", Min = 1)] int Epochs = 30,
        [Option("passes of the control", Min = 1)] int ControlEpochs = 10,
        [Option("hidden units in each of two layers", Min = 1)] int Width = 256,
        [Option("dimension d of the features", Min = 2)] int Dimension = 32,
        [Option("squared precision ε²", Min = 1e-6)] double EpsilonSquared = 0.5,
        [Option("γ₁, inside the rate of all features", Min = 0)] double Gamma1 = 20,
        [Option("γ₂, the weight of that rate", Min = 0)] double Gamma2 = 0.05,
        [Option("learning rate of Adam", Min = 0)] double LearningRate = 1e-3) : IConfig<Config>
    {
        /// <summary>The full protocol, on one seed: less does not reach the effect.</summary>
        public static Config Quick => new();
    }

    private const int Classes = 10, Side = 8, LookEvery = 5, ShownSamples = 20;

    /// <summary>A training: features of the images at the end, NMI and rate by image at the looks.</summary>
    private sealed record Training(Tensor Z, double[] Information, double First, double Last);

    /// <summary>What is measured on one seed.</summary>
    private sealed record Outcome(double Pixels, Training Trained, double Control, double AccuracyPixels, double Accuracy, int[] Labels);

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        Outcome[] runs = [.. bench.Seeds.Select(seed => Measure(config, bench, seed))];
        bench.CheckEach("NMI of features − NMI of pixels", [.. runs.Select(r => r.Trained.Information[^1] - r.Pixels)], min: 0.02,
            note: "k-means; normalised mutual information with the classes, which the training never sees.");
        bench.CheckEach("R_{c}: at the end ÷ at the start", [.. runs.Select(r => r.Trained.Last / r.Trained.First)], max: 0.5, note: "The augmentations of an image are compressed.");
        bench.ControlEach("γ₂ = 0: NMI of pixels − NMI of features", [.. runs.Select(r => r.Pixels - r.Control)], min: 0.2, note: "Nothing keeps images apart.");
        double[] epochs = [.. runs[0].Trained.Information.Select((_, i) => (double)Math.Min(i * LookEvery, config.Epochs))];
        bench.Figure("information", "How well k-means on the features agrees with the classes. Dashed: on normalised pixels, median of the seeds.",
            new LineFigure("Clusters and classes", "epoch", new Axis("NMI", Max: 1), Series.FromSeeds("features", epochs, [.. runs.Select(r => r.Trained.Information)]))
            { References = [ReferenceLine.AtY(runs.Select(r => r.Pixels).Order().ElementAt(runs.Length / 2), "pixels")] });
        bench.Figure("similarity", "Absolute cosines between the features of images sorted by class, which the training never sees.",
            new PanelFigure("", [Similarity("pixels", Pixels(config, bench, bench.Seed).X.Normalize(), runs[0].Labels), Similarity("features", runs[0].Trained.Z, runs[0].Labels)]));
        bench.Table("seeds", "Every seed. Accuracy: with the best assignment of clusters to classes; it need not improve.",
            ["seed", "NMI pixels", "NMI features", "NMI, γ₂ = 0", "accuracy pixels", "accuracy features", "R_c start", "R_c end"],
            runs.Select((r, i) => new object[]
            {
                bench.Seeds[i], r.Pixels, r.Trained.Information[^1], r.Control, r.AccuracyPixels, r.Accuracy, r.Trained.First, r.Trained.Last,
            }));
    }

    private static Outcome Measure(Config config, Bench bench, ulong seed)
    {
        (Tensor x, int[] labels) = Pixels(config, bench, seed);
        int[] byPixels = Cluster(x.Normalize(), seed);
        Training trained = Train(config, bench, seed, x, labels, config.Gamma2, config.Epochs), control = Train(config, bench, seed, x, labels, 0, config.ControlEpochs);
        return new Outcome(Clustering.MutualInformation(byPixels, labels), trained, control.Information[^1],
            Clustering.Accuracy(byPixels, labels, Classes), Clustering.Accuracy(Cluster(trained.Z, seed), labels, Classes), labels);
    }

    private static (Tensor X, int[] Labels) Pixels(Config config, Bench bench, ulong seed)
    {
        (Tensor x, int[] labels) = ClassedSamples.Of(Digits.Load().Shuffle(seed).Take(config.Images), bench.DType, 1.0 / 16);
        return (x, labels);
    }

    private static int[] Cluster(Tensor rows, ulong seed) => Clustering.KMeans(rows, Classes, new RandomKey(seed).FoldIn(5));

    private static Training Train(Config config, Bench bench, ulong seed, Tensor x, int[] labels, double gamma2, int epochs)
    {
        Tensor mean = x.Mean(0);
        var network = new Sequential(new Activation(v => v - mean), Layer(config.Width), Activation.Relu, Layer(config.Width), Activation.Relu, Layer(config.Dimension), new Activation(z => z.Normalize()));
        int batches = config.Images / config.Batch, rows = config.Batch * config.Augmentations;
        Tensor images = Tensor.From([.. Enumerable.Range(0, rows).Select(i => i / config.Augmentations)]);
        var adam = new Adam(config.LearningRate);
        Tensor[] parameters = network.Init(new RandomKey(seed), [Side * Side], x.DType).Parameters;
        // The batch is an argument: the program is compiled once.
        var step = Transforms.Compile(((Tensor[] P, OptimizerState S, Tensor Batch) at) =>
        {
            (Tensor loss, Tensor[] slope) = Transforms.ValueAndGrad((Tensor[] p) =>
                Losses.MaximalCodingRateReduction(network.Apply(p, at.Batch), images, config.Batch, config.EpsilonSquared, config.Gamma1, gamma2))(at.P);
            return (adam.Update(at.P, slope, at.S), loss);
        });
        RandomKey key = new RandomKey(seed).FoldIn(9);
        OptimizerState state = adam.Init(parameters);
        Tensor fixedBatch = Augment(config, x, [.. Enumerable.Range(0, config.Batch).Select(i => i * (config.Images / config.Batch))], key.FoldIn(-1));
        double Rate() => CodingRate.ClassRate(network.Apply(parameters, fixedBatch).T, images, config.Batch, config.EpsilonSquared).ToDouble();
        double Information() => Clustering.MutualInformation(Cluster(network.Apply(parameters, x), seed), labels);
        var information = new List<double> { Information() };
        double first = Rate();
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            int[] order = Dataset.Permutation(config.Images, seed * 1000 + (ulong)epoch);
            for (int batch = 0; batch < batches; batch++)
            {
                Tensor augmented = Augment(config, x, order[(batch * config.Batch)..((batch + 1) * config.Batch)], key.FoldIn(epoch * batches + batch));
                ((parameters, state), _) = step.Call((parameters, state, augmented));
            }
            bench.Progress($"γ₂ = {gamma2} seed {seed}", epoch + 1, epochs);
            if ((epoch + 1) % LookEvery == 0 || epoch + 1 == epochs) information.Add(Information());
        }
        return new Training(network.Apply(parameters, x), [.. information], first, Rate());
    }

    private static Dense Layer(int units) => new(units, Initializers.LeCun(1 / Math.Sqrt(3)));

    // The augmentations of the chosen images, image by image: each is shifted around the border, or not, then scaled, then disturbed.
    private static Tensor Augment(Config config, Tensor x, int[] chosen, RandomKey key)
    {
        int rows = chosen.Length * config.Augmentations;
        double[] u = key.FoldIn(0).Uniform([rows, 3], dtype: DType.F64).ToDoubles();
        var places = new int[rows * Side * Side];
        for (int i = 0; i < rows; i++)
        {
            bool moved = u[3 * i] < 0.6;
            int down = moved ? (int)(3 * u[3 * i + 1]) - 1 : 0, right = moved ? (int)(3 * u[3 * i + 2]) - 1 : 0, image = chosen[i / config.Augmentations] * Side * Side;
            for (int r = 0; r < Side; r++)
                for (int c = 0; c < Side; c++) places[(i * Side + r) * Side + c] = image + (r - down + Side) % Side * Side + (c - right + Side) % Side;
        }
        Tensor shifted = x.Reshape(-1).Take(Tensor.From(places)).Reshape(rows, Side * Side);
        return shifted * key.FoldIn(1).Uniform([rows, 1], 0.8, 1.2, x.DType) + 0.1 * key.FoldIn(2).Normal([rows, Side * Side], x.DType);
    }

    private static HeatMapFigure Similarity(string name, Tensor rows, int[] labels) => SimilarityMap.ByClass(name, rows.T, labels, Classes, ShownSamples);
}
