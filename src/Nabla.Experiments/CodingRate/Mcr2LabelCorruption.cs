using System.Globalization;
using Nabla.Experiments.Data;
using Nabla.Experiments.Report;
using Nabla.Experiments.Training;
using Nabla.Nn;
using Nabla.Optim;

namespace Nabla.Experiments.CodingRates;

/// <summary>Training on partly wrong labels: ΔR against cross-entropy.</summary>
[Experiment("mcr2-label-corruption", Theme.CodingRate,
    Title = "Coding rate reduction forgives wrong labels that cross-entropy memorises",
    Claim = "When a share of the training labels is replaced at random, the test accuracy of a network trained on ΔR falls far less than " +
        "that of the same network trained on cross-entropy, once the latter has memorised the wrong labels.",
    Papers = ["Yu, Chan, You, Song, Ma 2020, Learning Diverse and Discriminative Representations via the Principle of Maximal Coding Rate Reduction, arXiv:2006.08558, " +
        "table 1"],
    Protocol = "8×8 digits, 1,200 for training and 597 for testing; a share 0, 0.1, 0.3, 0.5 of the training labels is drawn anew from all ten " +
        "classes. ReLU networks 64-256-256-40 (ten outputs for cross-entropy), weights drawn from N(0, 1/(3·fan-in)); full-batch Adam, rate 0.001, 300 steps. MCR² " +
        "classifies by nearest subspaces (r = 4) fitted to the corrupted labels. Control: batches of 400, 180 steps, too few to memorise.",
    PaperScale = "CIFAR-10, ResNet-18, 500 epochs. Published accuracies at 0, 0.1, …, 0.5: cross-entropy .939 .909 .861 .791 .724 .603; " +
        "MCR² .940 .911 .897 .881 .866 .843.",
    Seeds = 3, QuickSeeds = 1)]
public sealed class Mcr2LabelCorruption : IExperiment<Mcr2LabelCorruption.Config>
{
    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("shares of labels that are drawn anew; by default 0, 0.1, 0.3, 0.5", Min = 0, Max = 1)] double[]? Ratios = null,
        [Option("training samples; the others are the test set", Min = 400, Max = 1700)] int Train = 1200,
        [Option("training steps", Min = 1)] int Steps = 300,
        [Option("hidden units in each of two layers", Min = 1)] int Width = 256,
        [Option("dimension d of the features", Min = 10)] int Dimension = 40,
        [Option("squared precision ε²", Min = 1e-6)] double EpsilonSquared = 0.5,
        [Option("learning rate of Adam", Min = 0)] double LearningRate = 1e-3,
        [Option("steps of the control; 0 leaves it out", Min = 0)] int EarlySteps = 180,
        [Option("samples of a batch of the control", Min = 1)] int EarlyBatch = 400) : IConfig<Config>
    {
        /// <summary>Two shares, fewer samples, half the steps at three times the rate.</summary>
        public static Config Quick => new(Ratios: [0, 0.5], Train: 800, Steps: 150, LearningRate: 3e-3, EarlySteps: 60);

        // With He's rule cross-entropy has fitted two thirds of its labels after the 180 steps of the control; without memory of wrong labels it would be 0.55.
        internal RateTraining Training => new(Width, Dimension, EpsilonSquared, LearningRate, Steps, RateTraining.Narrow);
    }

    private const int Classes = RateTraining.Classes;

    /// <summary>A network to be trained: its samples, the labels that it is given, and its test set.</summary>
    private sealed record Member(ulong Seed, ClassedSamples Train, int[] Given, ClassedSamples Test);

    /// <summary>Accuracies of one member: on the test set, and of cross-entropy on its own corrupted labels.</summary>
    private sealed record Outcome(double Mcr2, double Ce, double Memorised);

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        double[] ratios = config.Ratios ?? [0, 0.1, 0.3, 0.5];
        Member[] members = [.. bench.Seeds.SelectMany(seed => ratios.Select(ratio => Load(config, bench, seed, ratio)))];
        Outcome[][] runs = [.. Measure(config, bench, members, "", config.Steps, null).Chunk(ratios.Length)];
        Outcome[] early = config.EarlySteps == 0 ? [] :
            Measure(config, bench, [.. bench.Seeds.Select(seed => Load(config, bench, seed, 0.5))], ", early", config.EarlySteps, Math.Min(config.EarlyBatch, config.Train));
        Checks(bench, ratios, runs, early);
        bench.Figure("accuracy", "Test accuracy against the share of training labels that were drawn anew; a tenth of these keeps its class.",
            new LineFigure("Wrong labels", "share of labels drawn anew", new Axis("test accuracy", Max: 1),
                Series.FromSeeds("MCR², nearest subspace", ratios, [.. runs.Select(r => r.Select(o => o.Mcr2).ToArray())]),
                Series.FromSeeds("cross-entropy", ratios, [.. runs.Select(r => r.Select(o => o.Ce).ToArray())])));
        bench.Table("accuracies", "Every seed. Memorised: accuracy of cross-entropy on its own training labels, wrong ones included. Early: the control.",
            ["seed", "share", "steps", "MCR²", "cross-entropy", "memorised"],
            [.. runs.SelectMany((r, i) => r.Select((o, j) => Row(bench.Seeds[i], Text(ratios[j]), config.Steps, o))),
                .. early.Select((o, i) => Row(bench.Seeds[i], Text(0.5) + ", early", config.EarlySteps, o))]);
    }

    private static object[] Row(ulong seed, string share, int steps, Outcome o) => [seed, share, steps, o.Mcr2, o.Ce, o.Memorised];

    private static string Text(double share) => share.ToString(CultureInfo.InvariantCulture);

    // Every member with both objectives.
    private static Outcome[] Measure(Config config, Bench bench, Member[] members, string name, int steps, int? batch)
    {
        RateTraining training = config.Training;
        Sequential network = training.Features(), classifier = training.Classifier(training.Hidden());
        Tensor Reduction(Tensor features, Tensor labels) => Losses.MaximalCodingRateReduction(features, labels, Classes, config.EpsilonSquared);
        Tensor[][] mcr2 = Train(config, bench, "MCR²" + name, network, members, Reduction, steps, batch);
        Tensor[][] ce = Train(config, bench, "cross-entropy" + name, classifier, members, (y, l) => Losses.CrossEntropy(y, l), steps, batch);
        return [.. members.Select((m, i) => new Outcome(
            NearestSubspace.Fit(network.Apply(mcr2[i], m.Train.X).T, m.Given, Classes, config.Dimension / Classes)
                .Accuracy(network.Apply(mcr2[i], m.Test.X).T, m.Test.Labels),
            Losses.Accuracy(classifier.Apply(ce[i], m.Test.X), Tensor.From(m.Test.Labels)).ToDouble(),
            Losses.Accuracy(classifier.Apply(ce[i], m.Train.X), Tensor.From(m.Given)).ToDouble()))];
    }

    // The same number of labels is drawn anew on every seed: a random part of the samples, uniformly over all classes.
    private static Member Load(Config config, Bench bench, ulong seed, double share)
    {
        (Dataset first, Dataset last) = Digits.Load().Split(config.Train, seed);
        (ClassedSamples train, ClassedSamples test) = (ClassedSamples.Of(first, bench.DType, 1.0 / 16), ClassedSamples.Of(last, bench.DType, 1.0 / 16));
        int[] given = [.. train.Labels];
        int[] drawn = [.. new RandomKey(seed).FoldIn(77).Uniform([config.Train], 0, Classes, DType.F64).ToDoubles().Select(u => (int)u)];
        foreach (int i in Dataset.Permutation(config.Train, seed + 1000).Take((int)Math.Round(share * config.Train))) given[i] = drawn[i];
        return new Member(seed, train, given, test);
    }

    // All members as one compiled program; a member's steps are those that it would take alone. Batches: a new random order of its samples in every epoch.
    private static Tensor[][] Train(
        Config config, Bench bench, string name, Sequential network, Member[] members, Func<Tensor, Tensor, Tensor> loss, int steps, int? batch)
    {
        Tensor x = Ops.Stack([.. members.Select(m => m.Train.X)]), labels = Ops.Stack([.. members.Select(m => Tensor.From(m.Given))]);
        Tensor? orders = batch is null ? null : Ops.Stack([.. members.Select(m => Tensor.From(Orders(config.Train, m.Seed, batch.Value, steps)))]);
        Tensor[] initial = SeedBatch.Init(network, [x.Shape[2]], [.. members.Select(m => m.Seed)], x.DType);
        var adam = new Adam(config.LearningRate);
        var gradients = Transforms.Vmap(((Tensor[] P, Tensor X, Tensor Labels) m) =>
            Transforms.ValueAndGrad((Tensor[] p) => loss(network.Apply(p, m.X), m.Labels))(m.P));
        var loop = new TrainingLoop<(Tensor[] P, OptimizerState S, Tensor Step), Tensor[]>(s =>
        {
            var seen = (x, labels);
            if (orders is not null)
            {
                Tensor rows = orders.Take(Ops.Arange(batch!.Value) + s.Step * batch.Value, 1);
                seen = Transforms.Vmap(((Tensor X, Tensor Labels, Tensor Rows) m) => (m.X.Take(m.Rows), m.Labels.Take(m.Rows)))((x, labels, rows));
            }
            (Tensor values, Tensor[] slopes) = gradients((s.P, seen.x, seen.labels));
            (Tensor[] next, OptimizerState state) = adam.Update(s.P, slopes, s.S);
            return ((next, state, s.Step + 1), [values.Mean()]);
        }, (initial, adam.Init(initial), Tensor.Scalar(0, DType.I32)));
        bench.Train(name, loop, steps, 1);
        Tensor[] trained = loop.Snapshot().P;
        return [.. members.Select((_, i) => trained.Select(p => p.At(i)).ToArray())];
    }

    // The samples of one step after the other.
    private static int[] Orders(int samples, ulong seed, int batch, int steps)
    {
        int batches = samples / batch, epochs = (steps + batches - 1) / batches;
        return [.. Enumerable.Range(0, epochs).SelectMany(epoch => Dataset.Permutation(samples, (seed + 2000) * 1000 + (ulong)epoch).Take(batches * batch))];
    }

    private static void Checks(Bench bench, double[] ratios, Outcome[][] runs, Outcome[] early)
    {
        int last = ratios.Length - 1;
        double Mean(Func<Outcome, double> which, int ratio) => runs.Average(r => which(r[ratio]));
        string worst = FormattableString.Invariant($"share {ratios[last]}");
        bench.Check($"{worst}: mean accuracy of MCR² − cross-entropy", Mean(o => o.Mcr2, last) - Mean(o => o.Ce, last), min: 0.08);
        bench.CheckEach($"{worst}: accuracy of cross-entropy on its own labels", [.. runs.Select(r => r[last].Memorised)], min: 0.9,
            note: "The claim is about memorised labels.");
        bench.Check(FormattableString.Invariant($"share {ratios[0]}: mean accuracy of MCR² − cross-entropy"),
            Mean(o => o.Mcr2, 0) - Mean(o => o.Ce, 0), min: -0.03, max: 0.03);
        bench.Check("loss of accuracy of MCR² ÷ that of cross-entropy",
            (Mean(o => o.Mcr2, 0) - Mean(o => o.Mcr2, last)) / (Mean(o => o.Ce, 0) - Mean(o => o.Ce, last)), max: 1);
        if (early.Length == 0) return;
        double[] gaps = [.. early.Select(o => o.Mcr2 - o.Ce)];
        bench.Control("share 0.5, small batches, too few steps to memorise: |mean accuracy of MCR² − cross-entropy|", Math.Abs(gaps.Average()), max: 0.08,
            note: $"Seeds: {string.Join(", ", gaps.Select(e => NumberText.Value(e)))}; cross-entropy on its own labels: " +
                $"{string.Join(", ", early.Select(o => NumberText.Value(o.Memorised)))}.");
    }
}
