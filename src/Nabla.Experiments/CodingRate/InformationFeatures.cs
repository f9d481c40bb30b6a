using Nabla.Experiments.Report;
using Nabla.Optim;

namespace Nabla.Experiments.CodingRates;

/// <summary>Features that score and softmax learning select where two variables depend weakly on one another.</summary>
[Experiment("information-theoretic-feature-selection", Theme.CodingRate,
    Title = "Softmax learning finds the singular vectors of weak dependence",
    Claim = "If x and y depend weakly, the k features that softmax regression learns are the leading singular vectors of B(x, y) = P(x, y)/√(P(x)P(y)) − √(P(x)P(y)), and they lower the " +
        "cross-entropy by ½ Σ σᵢ², the largest H-score of k features.",
    Papers = ["Huang, Xu, Zheng, Wornell 2019, Universal Features for High-Dimensional Learning and Inference, arXiv:1905.06600"],
    Protocol = "Random joint distributions on 8 × 6 values, P = P_{X}P_{Y}(1 + δ·φ) with random marginals, φ Gaussian without marginal part and max |φ| = 1; δ = 0.02 and 0.5; k = 1, 2, 3. Tables " +
        "f(x), g(y) ∈ ℝᵏ maximise E[fᵀg] − ½ tr(cov f · cov g), or with biases the softmax log-likelihood, by full gradient ascent from small random values, all seeds as one batch.",
    PaperScale = "Softmax features on MNIST beside singular vectors estimated by alternating conditional expectations.",
    Seeds = 3, QuickSeeds = 1, DType = DType.F64)]
public sealed class InformationFeatures : IExperiment<InformationFeatures.Config>
{
    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("values of x", Min = 3)] int Rows = 8,
        [Option("values of y", Min = 3)] int Columns = 6,
        [Option("strength δ of the dependence", Min = 0, Max = 1)] double Delta = 0.02,
        [Option("δ of the control with strong dependence", Min = 0, Max = 1)] double StrongDelta = 0.5,
        [Option("δ of the control without dependence", Min = 0, Max = 1)] double ProductDelta = 0,
        [Option("numbers of features k; by default 1, 2, 3", Min = 1, Max = 3)] int[]? Features = null,
        [Option("steps of gradient ascent", Min = 50)] int Steps = 2000) : IConfig<Config>
    {
        /// <inheritdoc/>
        public static Config Quick => new(Features: [1, 2]);
    }

    private const int LookEvery = 50;
    private const double Rate = 0.5;
    private static readonly double[] Sweep = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];

    /// <summary>Distributions of all seeds: P [s, r, c], marginals [s, r, 1] and [s, c, 1], and B = U diag(σ) Vᵀ with U [s, r, c], σ [s, c].</summary>
    private sealed record Joint(Tensor P, Tensor X, Tensor Y, Tensor B, Tensor U, Tensor Sigma)
    {
        public int Seeds => P.Shape[0];

        public double[] Best(int k) => (0.5 * Sigma.Slice(.., ..k).Square().Sum(1)).ToDoubles();
    }

    /// <summary>f of all seeds [s, r, k] with mean 0, times √P(x); the score of each seed at each look.</summary>
    private sealed record Learned(Tensor F, Tensor G, double[][] Scores)
    {
        public double[] Final => Scores[^1];
    }

    /// <summary>Both objectives on one joint distribution with k features; angles in radians.</summary>
    private sealed record Outcome(int K, Learned Score, Learned Softmax, double[] Best, double[] ScoreAngles, double[] SoftmaxAngles);

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        int[] features = config.Features ?? [1, 2, 3];
        Joint weak = Draw(config, bench, config.Delta), strong = Draw(config, bench, config.StrongDelta);
        Outcome[] small = [.. features.Select(k => Learn(config, bench, weak, k))], large = [.. features.Select(k => Learn(config, bench, strong, k))];
        double[] Each(Outcome[] of, Func<Outcome, double[]> value) => [.. of.SelectMany(value)];
        string at = FormattableString.Invariant($"δ = {config.Delta}");
        bench.CheckEach("largest H-score ÷ ½ Σ σ² − 1, either δ", Each([.. small, .. large], o => Ratios(o.Score.Final, o.Best)), min: -1e-6, max: 1e-6, note: Order(bench, features, 2));
        bench.CheckEach("angle between the features of the H-score and the singular vectors, either δ", Each([.. small, .. large], o => o.ScoreAngles), max: 1e-3,
            note: "The largest principal angle, in radians. " + Order(bench, features, 2));
        bench.CheckEach($"{at}: fall of softmax cross-entropy ÷ ½ Σ σ² − 1", Each(small, o => Ratios(o.Softmax.Final, o.Best)), min: -0.05, max: 0.05, note: Order(bench, features, 1));
        bench.CheckEach($"{at}: angle between the features of softmax and the singular vectors", Each(small, o => o.SoftmaxAngles), max: 0.02, note: Order(bench, features, 1));
        bench.ControlEach(FormattableString.Invariant($"δ = {config.StrongDelta}: softmax: |fall ÷ ½ Σ σ² − 1| ÷ 0.05 or angle ÷ 0.02, the larger"), Each(large, Strength), min: 1,
            note: "Strong dependence: higher orders of δ count, and the bounds of weak dependence do not hold.");
        Joint product = Draw(config, bench, config.ProductDelta);
        bench.ControlEach("independent x and y: H-score", Ascend(config, bench, product, features[^1], weak.Sigma, Score(product)).Final, max: 1e-8, note: "Nothing is to be learned.");
        Report(config, bench, small, large, weak);
    }

    private static string Order(Bench bench, int[] features, int deltas) =>
        $"Listed {(deltas > 1 ? "by δ, " : "")}for k = {string.Join(", ", features)}" + (bench.Seeds.Count > 1 ? ", each seed by seed." : ".");

    private static double[] Ratios(double[] found, double[] best) => [.. found.Zip(best, (f, b) => f / b - 1)];

    private static double[] Strength(Outcome o) => [.. Ratios(o.Softmax.Final, o.Best).Zip(o.SoftmaxAngles, (r, a) => Math.Max(Math.Abs(r) / 0.05, a / 0.02))];

    private static Joint Draw(Config config, Bench bench, double delta)
    {
        (Tensor P, Tensor X, Tensor Y)[] each = [.. bench.Seeds.Select(seed => Draw(config, new RandomKey(seed), delta))];
        Tensor x = Ops.Stack([.. each.Select(e => e.X)]), y = Ops.Stack([.. each.Select(e => e.Y)]), p = Ops.Stack([.. each.Select(e => e.P)]);
        Tensor root = (x * y.T).Sqrt(), b = p / root - root;
        (Tensor u, Tensor sigma, _) = b.Svd();
        return new Joint(p, x, y, b, u, sigma);
    }

    // φ has no part that depends on x or y alone, so that the marginals are those of the product.
    private static (Tensor P, Tensor X, Tensor Y) Draw(Config config, RandomKey key, double delta)
    {
        Tensor x = key.FoldIn(0).Uniform([config.Rows, 1], 0.5, 1.5, DType.F64), y = key.FoldIn(1).Uniform([config.Columns, 1], 0.5, 1.5, DType.F64);
        (x, y) = (x / x.Sum(), y / y.Sum());
        Tensor phi = key.FoldIn(2).Normal([config.Rows, config.Columns], DType.F64);
        phi -= x.T.MatMul(phi);
        phi -= phi.MatMul(y);
        return (x * y.T * (1 + delta / phi.Abs().Max() * phi), x, y);
    }

    private static Outcome Learn(Config config, Bench bench, Joint joint, int k)
    {
        Learned score = Ascend(config, bench, joint, k, joint.Sigma, Score(joint)), softmax = Ascend(config, bench, joint, k, joint.Sigma, Likelihood(joint));
        return new Outcome(k, score, softmax, joint.Best(k), Angles(joint, score.F), Angles(joint, softmax.F));
    }

    // Tables as they are learned, φ = √P(x)·f: then all values of x weigh alike.
    private static Tensor Centred(Tensor table, Tensor p)
    {
        Tensor values = table / p.Sqrt();
        return values - (p * values).Sum(1).ExpandDims(1);
    }

    // E[fᵀg] − ½ tr(cov f · cov g) of each seed. Shape: [s].
    private static Func<Tensor[], Tensor> Score(Joint joint) => tables =>
    {
        Tensor f = Centred(tables[0], joint.X), g = Centred(tables[1], joint.Y);
        Tensor covariances = f.T.MatMul(joint.X * f) * g.T.MatMul(joint.Y * g);
        return (joint.P.MatMul(g) * f).Sum(1, 2) - 0.5 * covariances.Sum(1, 2);
    };

    // E log Q(y|x) − E log P(y) with Q(y|x) ∝ P(y)·exp(f(x)ᵀg(y) + b(y)): by how much softmax regression lowers the cross-entropy. Shape: [s].
    private static Func<Tensor[], Tensor> Likelihood(Joint joint) => tables =>
    {
        Tensor f = Centred(tables[0], joint.X), g = tables[1] / joint.Y.Sqrt(), prior = joint.Y.T.Log();
        Tensor logits = f.MatMul(g.T) + (tables[2].T + prior);
        return (joint.P * (logits.LogSoftmax() - prior)).Sum(1, 2);
    };

    // Steps in units of 1/σ₁, since curvatures are of the order of σ; those of biases are of the order of 1.
    private static Learned Ascend(Config config, Bench bench, Joint joint, int k, Tensor scale, Func<Tensor[], Tensor> score)
    {
        Tensor largest = scale.Slice(.., ..1).ExpandDims(2);
        Tensor Start(int rows, int stream) => 0.1 * largest.Sqrt() * Ops.Stack([.. bench.Seeds.Select(seed => new RandomKey(seed).FoldIn(3 + stream).Normal([rows, k], DType.F64))]);
        Tensor[] steps = [Rate / largest, Rate / largest, Tensor.Scalar(1.0)], start = [Start(config.Rows, 0), Start(config.Columns, 1), Tensor.Zeros([joint.Seeds, config.Columns, 1], DType.F64)];
        var gradient = Transforms.Grad((Tensor[] tables) => score(tables).Sum());
        var loop = new TrainingLoop<Tensor[], Tensor>(tables => ([.. tables.Zip(gradient(tables), steps).Select(t => t.First + t.Third * t.Second)], Tensor.Scalar(0)), start);
        var scores = new List<double[]> { score(start).ToDoubles() };
        while (loop.StepCount < config.Steps)
        {
            loop.Run(Math.Min(LookEvery, config.Steps - loop.StepCount), bench.CancellationToken);
            scores.Add(score(loop.State).ToDoubles());
            bench.Progress($"k = {k}", loop.StepCount, config.Steps);
        }
        Tensor[] learned = loop.Snapshot();
        return new Learned(joint.X.Sqrt() * Centred(learned[0], joint.X), joint.Y.Sqrt() * Centred(learned[1], joint.Y), [.. scores]);
    }

    // The largest principal angle between the span of features and that of the k leading singular vectors: its sine is the part of an orthonormal basis outside.
    private static double[] Angles(Joint joint, Tensor features)
    {
        Tensor u = joint.U.Slice(.., .., ..features.Shape[2]), q = features.Qr().Q, outside = q - u.MatMul(u.T.MatMul(q));
        return [.. outside.SingularValues().Max(1).ToDoubles().Select(s => Math.Asin(Math.Min(1, s)))];
    }

    private static void Report(Config config, Bench bench, Outcome[] small, Outcome[] large, Joint weak)
    {
        Outcome most = small[^1];
        double[] steps = [.. most.Score.Scores.Select((_, i) => Math.Max(1.0, Math.Min(i * LookEvery, config.Steps)))];
        double[][] Shares(Learned l) => [.. most.Best.Select((best, seed) => l.Scores.Select(s => s[seed] / best).ToArray())];
        bench.Figure("ascent", FormattableString.Invariant($"Scores during the ascent, in units of ½ Σ σ², k = {most.K}, δ = {config.Delta}. The start is drawn at step 1. One singular vector is found after another."),
            new LineFigure("Gradient ascent", Axis.Log("step"), new Axis("score ÷ ½ Σ σ²", Min: 0), Series.FromSeeds("H-score", steps, Shares(most.Score)),
                Series.FromSeeds("fall of cross-entropy", steps, Shares(most.Softmax)))
            { References = [ReferenceLine.AtY(1, "largest")] });
        Outcome[] swept = [.. Sweep.Select(delta => Learn(config, bench, Draw(config, bench, delta), most.K))];
        bench.Figure("strength", $"How far softmax learning is from the theory of weak dependence, k = {most.K}: both errors vanish with δ.",
            new LineFigure("Weak and strong dependence", Axis.Log("strength δ"), Axis.Log("error"),
                Series.FromSeeds("|fall of cross-entropy ÷ ½ Σ σ² − 1|", Sweep, Turned(swept, o => [.. Ratios(o.Softmax.Final, o.Best).Select(Math.Abs)])),
                Series.FromSeeds("angle to the singular vectors, softmax", Sweep, Turned(swept, o => o.SoftmaxAngles)))
            { References = [ReferenceLine.AtY(0.05, "5 %")] });
        bench.Figure("dependence", "B and what the learned features say of it, first seed: Σᵢ fᵢgᵢ of the H-score and of softmax, times √(P(x)P(y)). With k features it is the best approximation of rank k.",
            new PanelFigure("", Map("B", weak.B.At(0)), Map("H-score", most.Score.F.At(0).MatMul(most.Score.G.At(0).T)), Map("softmax", most.Softmax.F.At(0).MatMul(most.Softmax.G.At(0).T))) { PerRow = 3 });
        bench.Table("scores", "Scores in units of ½ Σ σ²; angles in radians to the k leading left singular vectors.", ["δ", "k", "seed", "½ Σ σ², nats", "H-score", "angle", "fall of cross-entropy", "angle"],
            new[] { (config.Delta, small), (config.StrongDelta, large) }.SelectMany(part => part.Item2.SelectMany(o => o.Best.Select((best, s) => new object[]
            {
                part.Item1, o.K, bench.Seeds[s], best, o.Score.Final[s] / best, o.ScoreAngles[s], o.Softmax.Final[s] / best, o.SoftmaxAngles[s],
            }))));
    }

    private static double[][] Turned(Outcome[] swept, Func<Outcome, double[]> of) => [.. swept[0].Best.Select((_, seed) => swept.Select(o => of(o)[seed]).ToArray())];

    private static HeatMapFigure Map(string title, Tensor values)
    {
        var grid = new double[values.Shape[0], values.Shape[1]];
        System.Buffer.BlockCopy(values.ToDoubles(), 0, grid, 0, grid.Length * sizeof(double));
        double most = values.Abs().Max().ToDouble();
        return new HeatMapFigure(title, "y", "x", new Axis("", Min: -most, Max: most), grid) { FirstRowOnTop = true, SquareCells = true };
    }
}
