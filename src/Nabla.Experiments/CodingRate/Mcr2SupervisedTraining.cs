using System.Globalization;
using Nabla.Autograd;
using Nabla.Experiments.Data;
using Nabla.Experiments.Report;
using Nabla.Nn;

namespace Nabla.Experiments.CodingRates;

/// <summary>Features trained on ΔR against features trained on cross-entropy.</summary>
[Experiment("mcr2-supervised-training", Theme.CodingRate,
    Title = "Coding rate reduction makes class features orthogonal subspaces",
    Claim = "A network trained to maximise the coding rate reduction ΔR = R − R_{c} maps each class onto its own subspace of dimension d/k, orthogonal to all " +
        "others. The same network trained on cross-entropy keeps about one direction for each class.",
    Papers = ["Yu, Chan, You, Song, Ma 2020, Learning Diverse and Discriminative Representations via the Principle of Maximal Coding Rate Reduction, arXiv:2006.08558"],
    Protocol = "8×8 digits, 1,200 for training and 597 for testing. ReLU network 64-256-256-40, output of unit length, loss −ΔR with ε² = 0.5; full-batch Adam, " +
        "rate 0.001, 300 steps. Baseline: the same network with ten outputs and cross-entropy, its features the normalised second hidden layer. MCR² " +
        "classifies by the nearest of ten four-dimensional subspaces. Control: training on shuffled labels. " +
        "--set data=mnist: MNIST, with the bounds of the digits; 1,200 images are too few for those on accuracy, 8,000 are enough.",
    PaperScale = "CIFAR-10, ResNet-18 with d = 128, SGD (rate 0.01, momentum 0.9, weight decay 5e-4), batches of 1,000, ε² = 0.5, 500 epochs, 30 directions per class.",
    Seeds = 3, QuickSeeds = 1)]
public sealed class Mcr2SupervisedTraining : IExperiment<Mcr2SupervisedTraining.Config>, IHasTrainingStep<Mcr2SupervisedTraining.Config>
{
    /// <summary>Data sets of the protocol.</summary>
    public enum Source
    {
        /// <summary>8 × 8 digits, embedded.</summary>
        Digits,

        /// <summary>28 × 28 digits, from disk.</summary>
        Mnist,
    }

    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("data set")] Source Data = Source.Digits,
        [Option("training samples, at most 1700 digits; the others are the test set", Min = 100, Max = 60_000)] int Train = 1200,
        [Option("training steps", Min = 1)] int Steps = 300,
        [Option("hidden units in each of two layers", Min = 1)] int Width = 256,
        [Option("dimension d of the features", Min = 10)] int Dimension = 40,
        [Option("squared precision ε²", Min = 1e-6)] double EpsilonSquared = 0.5,
        [Option("learning rate of Adam", Min = 0)] double LearningRate = 1e-3,
        [Option("share of the labels that the control shuffles", Min = 0, Max = 1)] double Shuffled = 1) : IConfig<Config>
    {
        /// <summary>Fewer samples, and half the steps at three times the rate.</summary>
        public static Config Quick => new(Train: 800, Steps: 150, LearningRate: 3e-3);

        internal RateTraining Training => new(Width, Dimension, EpsilonSquared, LearningRate, Steps);
    }

    private const int Classes = RateTraining.Classes, ShownSamples = 30;

    /// <summary>What is measured on one seed; ΔR in units of the ceiling.</summary>
    private sealed record Outcome(TrainedNetwork Mcr2, double Reduction, double HeldOut, double Shuffled, double RankMcr2, double RankCe, double Cosine,
        double AccuracyMcr2, double AccuracyCe, Shown[] Features);

    /// <summary>Features to be drawn, one sample a column.</summary>
    private sealed record Shown(string Name, Tensor Z, int[] Labels)
    {
        public double[] Ranks() => CodingRate.EffectiveRanks(Z, Labels, Classes).ToDoubles();
    }

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        TrainTest? mnist = config.Data == Source.Mnist ? bench.Load(ImageData.Mnist) : null;
        Outcome[] runs = [.. bench.Seeds.Select((seed, i) => RunSeed(config, bench, seed, i, mnist))];
        Checks(config, bench, runs);
        Figures(config, bench, runs);
        Tables(bench, runs);
    }

    /// <inheritdoc/>
    public Program TrainingStep(Config config, Bench bench)
    {
        (ClassedSamples train, _) = Load(config, bench, bench.Seed);
        return config.Training.Loop(config.Training.Features(), bench.Seed, train.X, z => config.Training.Reduction(z, train.Labels)).Program;
    }

    // MNIST is read once, and the report says where its split is not the published one.
    private static (ClassedSamples Train, ClassedSamples Test) Load(Config config, Bench bench, ulong seed, TrainTest? mnist = null)
    {
        if (config.Data == Source.Mnist)
        {
            mnist ??= ImageData.Mnist();
            if (config.Train > mnist.Train.Count) throw ExperimentErrors.BadValue("train", config.Train.ToString(CultureInfo.InvariantCulture), $"at most {mnist.Train.Count} of MNIST");
            return (ClassedSamples.Of(mnist.Train.Shuffle(seed).Take(config.Train), bench.DType, 1.0 / 255), ClassedSamples.Of(mnist.Test, bench.DType, 1.0 / 255));
        }
        if (config.Train > 1700) throw ExperimentErrors.BadValue("train", config.Train.ToString(CultureInfo.InvariantCulture), "at most 1700 digits");
        (Dataset train, Dataset test) = Digits.Load().Split(config.Train, seed);
        return (ClassedSamples.Of(train, bench.DType, 1.0 / 16), ClassedSamples.Of(test, bench.DType, 1.0 / 16));
    }

    private static Outcome RunSeed(Config config, Bench bench, ulong seed, int position, TrainTest? mnist)
    {
        (ClassedSamples train, ClassedSamples test) = Load(config, bench, seed, mnist);
        RateTraining training = config.Training;
        Sequential network = training.Features(), hidden = training.Hidden(), classifier = training.Classifier(hidden);
        TrainedNetwork mcr2 = training.Train(bench, "MCR²", network, seed, train.X, f => training.Reduction(f, train.Labels), measures: 3);
        Tensor labels = Tensor.From(train.Labels);
        TrainedNetwork ce = training.Train(bench, "cross-entropy", classifier, seed, train.X, y => RateTraining.CrossEntropy(y, labels), measures: 1);
        int[] mixed = Mixed(train.Labels, config.Shuffled, seed + 1);
        TrainedNetwork shuffled = training.Train(bench, "shuffled labels", network, seed, train.X, f => training.Reduction(f, mixed), measures: 3);

        Tensor z = network.Apply(mcr2.Parameters, train.X).T, held = network.Apply(mcr2.Parameters, test.X).T;
        Tensor penultimate = hidden.Apply(ce.Parameters.AsSpan(0, hidden.ParameterNames.Count), train.X).Normalize().T;
        Tensor initial = network.Apply(network.Init(new RandomKey(seed), [train.X.Shape[1]], train.X.DType).Parameters, train.X).T;
        double ceiling = CodingRate.Ceiling(config.Dimension, Classes, config.EpsilonSquared);
        double Reduction(Tensor features, int[] classes) => CodingRate.Reduction(features, classes, Classes, config.EpsilonSquared).ToDouble() / ceiling;
        return new Outcome(
            mcr2, Reduction(z, train.Labels), Reduction(held, test.Labels), Reduction(network.Apply(shuffled.Parameters, test.X).T, test.Labels),
            CodingRate.EffectiveRanks(z, train.Labels, Classes).Mean().ToDouble(), CodingRate.EffectiveRanks(penultimate, train.Labels, Classes).Mean().ToDouble(),
            MeanCosine(z, train.Labels), NearestSubspace.Fit(z, train.Labels, Classes, config.Dimension / Classes).Accuracy(held, test.Labels),
            Losses.Accuracy(classifier.Apply(ce.Parameters, test.X), Tensor.From(test.Labels)).ToDouble(),
            position > 0 ? [] : [new("before training", initial, train.Labels), new("MCR²", z, train.Labels), new("cross-entropy", penultimate, train.Labels)]);
    }

    // A random share of the samples exchange their labels.
    private static int[] Mixed(int[] labels, double share, ulong seed)
    {
        int[] order = Dataset.Permutation(labels.Length, seed), mixed = [.. labels], chosen = [.. order.Take((int)(share * labels.Length)).Order()];
        int[] source = [.. order.Take(chosen.Length)];
        for (int i = 0; i < chosen.Length; i++) mixed[chosen[i]] = labels[source[i]];
        return mixed;
    }

    // Mean of |cos| over pairs of unit vectors from different classes.
    private static double MeanCosine(Tensor z, int[] labels)
    {
        Tensor masks = CodingRate.Memberships(labels, Classes, z.DType), apart = 1 - masks.T.MatMul(masks);
        return z.T.MatMul(z).Abs().Dot(apart).ToDouble() / apart.Sum().ToDouble();
    }

    private static void Checks(Config config, Bench bench, Outcome[] runs)
    {
        double rank = (double)config.Dimension / Classes;
        bench.CheckEach("final ΔR ÷ ceiling", [.. runs.Select(r => r.Reduction)], min: 0.97, max: 1,
            note: "Ceiling (d/2)·log(1 + 1/ε²) − (d/2k)·log(1 + k/ε²) = " +
                $"{CodingRate.Ceiling(config.Dimension, Classes, config.EpsilonSquared).ToString("g6", CultureInfo.InvariantCulture)} nats.");
        bench.CheckEach("effective rank of a class, MCR²", [.. runs.Select(r => r.RankMcr2)], min: rank - 0.15, max: rank + 0.15,
            note: "(Σσ²)²/Σσ⁴, mean of the classes; the optimum is d/k.");
        bench.CheckEach("effective rank of a class, cross-entropy", [.. runs.Select(r => r.RankCe)], max: 1.6);
        bench.CheckEach("mean |cos| between classes, MCR²", [.. runs.Select(r => r.Cosine)], max: 0.02);
        bench.CheckEach("test accuracy, MCR² and nearest subspace", [.. runs.Select(r => r.AccuracyMcr2)], min: 0.94);
        bench.CheckEach("test accuracy, MCR² − cross-entropy", [.. runs.Select(r => r.AccuracyMcr2 - r.AccuracyCe)], min: -0.03, max: 0.03);
        bench.ControlEach("shuffled labels: held-out ΔR ÷ ceiling", [.. runs.Select(r => r.Shuffled)], max: 0.3,
            note: "Trained on permuted labels, measured on the test set with its true ones.");
    }

    private static void Figures(Config config, Bench bench, Outcome[] runs)
    {
        Shown[] features = runs[0].Features;
        bench.Figure("similarity", "Absolute cosines |zᵢᵀzⱼ| of training samples sorted by class. Trained on ΔR, samples of different classes are orthogonal and " +
            "samples of a class spread over their subspace; trained on cross-entropy, a class is almost one direction.",
            new PanelFigure("", [.. features.Select(Similarity)]) { PerRow = 3 });
        double[] components = [.. Enumerable.Range(1, 10).Select(i => (double)i)];
        int rank = config.Dimension / Classes;
        bench.Figure("spectra", $"Share of each principal direction in the features of a class: median of the classes, and the range of eight in ten. The optimum of ΔR is flat over d/k = {rank} directions.",
            new LineFigure("Spectra of the classes", "principal direction", new Axis("share of Σσ²", Min: 0, Max: 1),
                Spectrum(components, features[1]), Spectrum(components, features[2]), Spectrum(components, features[0]),
                Series.Theory("optimum of ΔR", components, [.. components.Select(c => c <= rank ? 1.0 / rank : 0)])));
        double[] steps = [.. Enumerable.Range(0, config.Steps).Select(i => (double)i)];
        double[][] Seen(int which) => [.. runs.Select(r => r.Mcr2.Trajectory.Select(m => m[which]).ToArray())];
        bench.Figure("rates", "Coding rates while ΔR is maximised, on the training set.",
            new LineFigure("Coding rates", "step", new Axis("rate", "nats", Min: 0),
                Series.FromSeeds("ΔR", steps, Seen(0)), Series.FromSeeds("R, all samples", steps, Seen(1)), Series.FromSeeds("R_{c}, by class", steps, Seen(2)))
            {
                References = [ReferenceLine.AtY(CodingRate.Ceiling(config.Dimension, Classes, config.EpsilonSquared), "ceiling of ΔR")],
            });
    }

    private static HeatMapFigure Similarity(Shown features) => SimilarityMap.ByClass(features.Name, features.Z, features.Labels, Classes, ShownSamples);

    // Shares of the ten largest σ² of each class.
    private static Series Spectrum(double[] components, Shown features)
    {
        double[][] shares = [.. Enumerable.Range(0, Classes).Select(c =>
        {
            int[] columns = [.. Enumerable.Range(0, features.Labels.Length).Where(i => features.Labels[i] == c)];
            Tensor z = features.Z.Take(Tensor.From(columns), 1).To(DType.F64);
            double[] squares = z.SingularValues().Square().ToDoubles();
            return components.Select((_, i) => i < squares.Length ? squares[i] / squares.Sum() : 0).ToArray();
        })];
        return Series.FromSeeds(features.Name, components, shares) with { Seeds = [] };
    }

    private static void Tables(Bench bench, Outcome[] runs)
    {
        bench.Table("seeds", $"Every seed. ΔR in units of the ceiling; held out: the test set with its labels. A step of MCR² is one compiled program of " +
            $"{runs[0].Mcr2.Equations} operations; the time is the median of a seed.",
            ["seed", "ΔR", "ΔR held out", "ΔR shuffled", "rank MCR²", "rank CE", "mean cosine", "accuracy MCR²", "accuracy CE", "ms a step"],
            runs.Select((r, i) => new object[]
            {
                bench.Seeds[i], r.Reduction, r.HeldOut, r.Shuffled, r.RankMcr2, r.RankCe, r.Cosine, r.AccuracyMcr2, r.AccuracyCe, Math.Round(r.Mcr2.StepMilliseconds, 2),
            }));
        string ranks = string.Join(", ", runs[0].Features[1].Ranks().Select(r => r.ToString("f1", CultureInfo.InvariantCulture)));
        bench.Finding($"The dimensions need not be shared evenly: effective ranks of the ten classes, seed {bench.Seeds[0]}: {ranks}. The mean is what the claim fixes.");
    }
}
