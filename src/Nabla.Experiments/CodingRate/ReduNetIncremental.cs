using Nabla.Experiments.Data;
using Nabla.Experiments.Report;
using Nabla.Nn;
using Nabla.Optim;

namespace Nabla.Experiments.CodingRates;

/// <summary>Classes that come one task after another: a ReduNet from stored second moments against back-propagation.</summary>
[Experiment("redunet-incremental", Theme.CodingRate,
    Title = "New classes join a ReduNet by their second moments; back-propagation forgets",
    Claim = "With labels as gates and features normalised class by class, layers depend on the second moments Σ_{j} of the classes alone, so a network for all classes is rebuilt exactly when new ones " +
        "arrive, from d×d numbers a class. A network trained task after task forgets the earlier tasks.",
    Papers = ["Wu, Baek, You, Ma 2021, Incremental Learning via Rate Reduction, arXiv:2011.14593"],
    Protocol = "8×8 digits, 1,200 for construction and 597 for testing, each class in proportion, in five tasks {0, 1}, {2, 3}, …. 20 layers, η_{eff} = 0.1, ε² = 0.5; new images pass soft gates, λ_{eff} = 10; nearest " +
        "six-dimensional subspace, from the moments behind the last layer. Baseline: ReLU network 64-100-10, 200 full-batch Adam steps a task, rate 0.001.",
    Seeds = 3, QuickSeeds = 1, DType = DType.F64)]
public sealed class ReduNetIncremental : IExperiment<ReduNetIncremental.Config>
{
    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("layers", Min = 1)] int Layers = 20,
        [Option("effective step η·d/n", Min = 0)] double Step = 0.1,
        [Option("squared precision ε²", Min = 1e-6)] double EpsilonSquared = 0.5,
        [Option("effective sharpness of the gate λ·d/n", Min = 0)] double Gate = 10,
        [Option("directions of the nearest subspace", Min = 1, Max = 64)] int Rank = 6,
        [Option("training steps of the baseline for each task", Min = 1)] int Steps = 200) : IConfig<Config>
    {
        /// <inheritdoc/>
        public static Config Quick => new();
    }

    private const int Tasks = 5, PerTask = 2;

    private sealed record Data(Tensor X, int[] Labels, Tensor Test, int[] TestLabels);

    /// <summary>Accuracy after each task (rows) on each task so far (columns), NaN before; and on all classes at the end.</summary>
    private sealed record Learned(double[,] Matrix, double Final);

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        Data[] data = [.. bench.Seeds.Select(Load)];
        double[] gaps = [.. data.Select(d => Gap(config, d, ReduNormalization.Class))], control = [.. data.Select(d => Gap(config, d, ReduNormalization.Sample))];
        Learned[] ours = [.. data.Select(d => Incremental(config, d))];
        Learned[] baseline = [.. data.Select((d, i) => BackPropagation(config, bench, d, bench.Seeds[i]))];
        double[] Each(Learned[] of, Func<Learned, double> value) => [.. of.Select(value)];
        bench.CheckEach("E from moments − E from all samples, relative, worst layer", gaps, max: 1e-12);
        bench.CheckEach("moments: accuracy on ten classes at the end", Each(ours, r => r.Final), min: 0.97);
        bench.CheckEach("moments: accuracy on task 1 after task 5", Each(ours, r => r.Matrix[Tasks - 1, 0]), min: 0.97);
        bench.CheckEach("back-propagation: accuracy on task 1 after task 2", Each(baseline, r => r.Matrix[1, 0]), max: 0.05);
        bench.CheckEach("back-propagation: accuracy on ten classes at the end", Each(baseline, r => r.Final), max: 0.3);
        bench.ControlEach("samples divided by their lengths: E from moments − E from all samples, relative", control, min: 1e-3,
            note: "Then a layer is not linear within a class, and moments are not enough.");
        Figures(bench, ours, baseline);
    }

    private static Data Load(ulong seed)
    {
        (Dataset train, Dataset test) = Digits.Load().Split(1200, seed);
        return new Data(train.FeaturesAs(DType.F64).Normalize(), train.LabelSpan.ToArray(), test.FeaturesAs(DType.F64).Normalize(), test.LabelSpan.ToArray());
    }

    private static ReduNetOptions Options(Config config) => new(config.Layers, config.EpsilonSquared, config.Step, config.Gate);

    // Σ_j and n_j of the first k classes.
    private static (Tensor Moments, int[] Counts) Moments(Data d, int k)
    {
        Tensor members = Tensor.From(d.Labels).OneHot(10, DType.F64).T.Slice(..k);
        return ((d.X.T.ExpandDims(0) * members.ExpandDims(1)).MatMul(d.X), [.. Enumerable.Range(0, k).Select(j => d.Labels.Count(l => l == j))]);
    }

    private static double Gap(Config config, Data d, ReduNormalization normalization)
    {
        (Tensor moments, int[] counts) = Moments(d, 10);
        ReduNet apart = ReduNet.FromMoments(moments, counts, Options(config), out _);
        // Samples of unit length have ‖Z_j‖² = n_j.
        var joint = ReduNet.Build(d.X, d.Labels, 10, Options(config) with { Gating = ReduGate.Labels, Normalization = normalization });
        Tensor difference = (apart.Operators - joint.Operators).Slice(.., .., ..1).Square().Sum(1, 2, 3, 4), scale = joint.Operators.Slice(.., .., ..1).Square().Sum(1, 2, 3, 4);
        return (difference / scale).Max().Sqrt().ToDouble();
    }

    private static Learned Incremental(Config config, Data d)
    {
        double final = 0;
        double[,] matrix = Empty();
        for (int task = 0; task < Tasks; task++)
        {
            int k = (task + 1) * PerTask;
            (Tensor moments, int[] counts) = Moments(d, k);
            ReduNet net = ReduNet.FromMoments(moments, counts, Options(config), out Tensor last);
            int[] predicted = NearestSubspace.FromMoments(last, config.Rank).Predict(net.Transform(d.Test).T).ToArray<int>();
            final = Fill(matrix, task, d, predicted);
        }
        return new Learned(matrix, final);
    }

    private static Learned BackPropagation(Config config, Bench bench, Data d, ulong seed)
    {
        var network = new Sequential(new Dense(100, Initializers.He), Activation.Relu, new Dense(10, Initializers.He));
        var adam = new Adam(1e-3);
        Tensor[] parameters = network.Init(new RandomKey(seed), [64]).Parameters;
        var state = (P: parameters, S: adam.Init(parameters));
        double final = 0;
        double[,] matrix = Empty();
        for (int task = 0; task < Tasks; task++)
        {
            int[] own = [.. Enumerable.Range(0, d.Labels.Length).Where(i => d.Labels[i] / PerTask == task)];
            Tensor x = d.X.Take(Tensor.From(own)).To(DType.F32), labels = Tensor.From([.. own.Select(i => d.Labels[i])]);
            var gradient = Transforms.ValueAndGrad((Tensor[] p) => Losses.CrossEntropy(network.Apply(p, x), labels));
            var loop = new TrainingLoop<(Tensor[] P, OptimizerState S), Tensor>(s =>
            {
                (Tensor loss, Tensor[] slope) = gradient(s.P);
                return (adam.Update(s.P, slope, s.S), loss);
            }, state);
            loop.Run(config.Steps, bench.CancellationToken);
            state = loop.Snapshot();
            final = Fill(matrix, task, d, network.Apply(state.P, d.Test.To(DType.F32)).ArgMax(1).ToArray<int>());
        }
        return new Learned(matrix, final);
    }

    private static double[,] Empty()
    {
        var matrix = new double[Tasks, Tasks];
        for (int i = 0; i < Tasks; i++)
            for (int j = i + 1; j < Tasks; j++) matrix[i, j] = double.NaN;
        return matrix;
    }

    // The row of a task; returns the accuracy on all test images.
    private static double Fill(double[,] matrix, int task, Data d, int[] predicted)
    {
        bool[] right = [.. predicted.Zip(d.TestLabels, (p, l) => p == l)];
        for (int other = 0; other <= task; other++)
            matrix[task, other] = right.Where((_, i) => d.TestLabels[i] / PerTask == other).Average(r => r ? 1.0 : 0);
        return right.Average(r => r ? 1.0 : 0);
    }

    private static void Figures(Bench bench, Learned[] ours, Learned[] baseline)
    {
        string[] names = [.. Enumerable.Range(0, Tasks).Select(t => $"{PerTask * t}, {PerTask * t + 1}")];
        HeatMapFigure Map(string title, Learned r) => new(title, "tested on digits", "after task", new Axis("accuracy", Min: 0, Max: 1), r.Matrix)
        {
            XLabels = names,
            YLabels = [.. Enumerable.Range(1, Tasks).Select(t => $"{t}")],
            FirstRowOnTop = true,
            SquareCells = true,
            ShowValues = true,
        };
        bench.Figure("tasks", "Test accuracy on each task after each task, first seed.", new PanelFigure("", Map("ReduNet from moments", ours[0]), Map("back-propagation", baseline[0])));
        bench.Table("final", "At the end, and what is left of the first task.", ["seed", "moments, ten classes", "task 1", "back-propagation, ten classes", "task 1"],
            ours.Select((r, i) => new object[] { bench.Seeds[i], r.Final, r.Matrix[Tasks - 1, 0], baseline[i].Final, baseline[i].Matrix[Tasks - 1, 0] }));
    }
}
