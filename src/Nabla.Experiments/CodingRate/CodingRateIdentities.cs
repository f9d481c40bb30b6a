using Nabla.Experiments.Report;
using Nabla.Nn;
using static Nabla.Transforms;

namespace Nabla.Experiments.CodingRates;

/// <summary>Identities and inequalities of the log-det coding rate, on Gaussian features.</summary>
[Experiment("coding-rate-identities", Theme.CodingRate,
    Title = "The coding rate measures volume, in closed form",
    Claim = "R(Z, ε²) = ½ log det(I + α Z Zᵀ) is a concave measure of volume, invariant under rotations of the space and permutations of the samples, largest for " +
        "tight frames. Its gradient and that of the rate by class are closed forms, and coding by class never costs more.",
    Papers =
    [
        "Yu, Chan, You, Song, Ma 2020, Learning Diverse and Discriminative Representations via the Principle of Maximal Coding Rate Reduction, arXiv:2006.08558",
        "Chan, Yu, You, Qi, Wright, Ma 2021, ReduNet: A White-box Deep Network from the Principle of Maximizing Rate Reduction, arXiv:2105.10446",
    ],
    Protocol = "Gaussian Z of shapes (d, n) = (24, 150), (64, 64), (128, 1000), (200, 50); k = 3 and 10 classes, hard and Dirichlet-soft; ε² = 0.05, 0.25, 1. In f64; " +
        "gradients also in f32.",
    PaperScale = "d = 512, n = 50,000 in f32 against f64.",
    Seeds = 3, QuickSeeds = 1, DType = DType.F64)]
public sealed class CodingRateIdentities : IExperiment<CodingRateIdentities.Config>
{
    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("squared precisions ε²; by default 0.05, 0.25, 1", Min = 1e-6)] double[]? EpsilonSquared = null,
        [Option("numbers of classes k; by default 3, 10", Min = 2, Max = 24)] int[]? Classes = null,
        [Option("shapes with more samples are left out", Min = 150)] int MaxSamples = 1000,
        [Option("added to one entry of the closed-form gradient in the control", Min = 0)] double Perturbation = 1e-3) : IConfig<Config>
    {
        /// <inheritdoc/>
        public static Config Quick => new(MaxSamples: 150);
    }

    private static readonly (int D, int N)[] Shapes = [(24, 150), (64, 64), (128, 1000), (200, 50)];

    /// <summary>The most extreme value of each measurement over all settings.</summary>
    private sealed class Extremes
    {
        private readonly Dictionary<string, double> _values = [];

        public double this[string name] => _values.GetValueOrDefault(name, double.NaN);

        // NaN stays.
        public void Max(string name, double value) => _values[name] = _values.TryGetValue(name, out double old) ? Math.Max(old, value) : value;

        public void Min(string name, double value) => _values[name] = _values.TryGetValue(name, out double old) ? Math.Min(old, value) : value;
    }

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        double[] precisions = config.EpsilonSquared ?? [0.05, 0.25, 1];
        int[] classes = config.Classes ?? [3, 10];
        (int D, int N)[] shapes = [.. Shapes.Where(s => s.N <= config.MaxSamples)];
        var found = new Extremes();
        int done = 0, total = bench.Seeds.Count * shapes.Length * precisions.Length;
        foreach (ulong seed in bench.Seeds)
            foreach ((int d, int n) in shapes)
            {
                RandomKey key = new RandomKey(seed).FoldIn(d).FoldIn(n);
                Tensor z = key.Normal([d, n], DType.F64);
                foreach (double e2 in precisions)
                {
                    Volume(found, z, e2, key);
                    Concavity(found, z, e2, key);
                    Gradients(found, $"{d}×{n}", z, e2, config, x => CodingRate.Rate(x, e2), x => CodingRate.RateGradient(x, e2));
                    found.Max($"f32 d×d {d}×{n}", Relative(Grad((Tensor x) => OneSide(x, Alpha(z, e2)))(z.To(DType.F32)), CodingRate.RateGradient(Rounded(z), e2)));
                    foreach (int k in classes) ByClass(found, z, e2, k, config, key.FoldIn(k));
                    bench.Progress("settings", ++done, total);
                }
            }
        Checks(bench, found);
        Figures(bench, found, shapes);
    }

    private static double Alpha(Tensor z, double e2) => z.Shape[0] / (z.Shape[1] * e2);

    // ½ log det(I + α A Aᵀ), on the side of A's rows whatever its shape.
    private static Tensor OneSide(Tensor a, double alpha) => 0.5 * (alpha * a.MatMul(a.T) + Ops.Eye(a.Shape[0], a.DType)).LogDetPositiveDefinite();

    private static Tensor Rounded(Tensor z) => z.To(DType.F32).To(DType.F64);

    private static double Relative(Tensor actual, Tensor expected) =>
        (actual.To(DType.F64) - expected.To(DType.F64)).Norm().ToDouble() / expected.To(DType.F64).Norm().ToDouble();

    // Checks 1, 3 and 4: both forms of R, its invariances, its bound.
    private static void Volume(Extremes found, Tensor z, double e2, RandomKey key)
    {
        (int d, int n) = (z.Shape[0], z.Shape[1]);
        double rate = CodingRate.Rate(z, e2).ToDouble(), scale = Math.Max(1, rate), alpha = Alpha(z, e2);
        found.Max("sides", Math.Abs(OneSide(z, alpha).ToDouble() - OneSide(z.T, alpha).ToDouble()) / scale);
        Tensor rotation = Initializers.Orthogonal()(key.FoldIn(1), [d, d], DType.F64);
        found.Max("rotation", Math.Abs(CodingRate.Rate(rotation.MatMul(z), e2).ToDouble() - rate) / scale);
        found.Max("permutation", Math.Abs(CodingRate.Rate(z.Take(key.FoldIn(2).Permutation(n), 1), e2).ToDouble() - rate) / scale);
        double bound = UpperBound(d, e2), unit = CodingRate.Rate(z.Normalize(0), e2).ToDouble();
        found.Max("unit", unit / bound);
        found.Min("unit gap", bound - unit);
        if (d <= n) found.Max("tight", Math.Abs(CodingRate.Rate(TightFrame(d, n, rotation), e2).ToDouble() - bound) / Math.Max(1, bound));
    }

    private static double UpperBound(int d, double e2) => 0.5 * d * Math.Log(1 + 1 / e2);

    // Unit columns with ZZᵀ = (n/d)·I: an orthogonal matrix, or the harmonic frame of d/2 frequencies below n/2, rotated.
    private static Tensor TightFrame(int d, int n, Tensor rotation)
    {
        if (n == d) return rotation;
        Tensor phase = (2 * Math.PI / n) * (Ops.Arange(d / 2, DType.F64).ExpandDims(1) + 1) * Ops.Arange(n, DType.F64);
        return rotation.MatMul(Math.Sqrt(2.0 / d) * Ops.Concatenate([phase.Cos(), phase.Sin()]));
    }

    // Check 7: the second derivative of R along a segment between two Gram matrices.
    private static void Concavity(Extremes found, Tensor z, double e2, RandomKey key)
    {
        double alpha = Alpha(z, e2);
        Tensor start = z.MatMul(z.T), other = key.FoldIn(3).Normal(z.Shape, DType.F64), change = other.MatMul(other.T) - start;
        Tensor identity = Ops.Eye(z.Shape[0], DType.F64), at = key.FoldIn(4).Uniform(Shape.Scalar, dtype: DType.F64), one = at.OnesLike();
        Func<Tensor, Tensor> matrix = t => identity + alpha * (start + t * change);
        Func<Tensor, Tensor> rate = t => 0.5 * matrix(t).LogDetPositiveDefinite();
        double second = Jvp(t => Jvp(rate, t, one).Tangent, at, one).Tangent.ToDouble();
        Tensor step = matrix(at).SolvePositiveDefinite(alpha * change);
        double closed = -0.5 * step.Dot(step.T).ToDouble();
        found.Max("concave", second);
        found.Max("second order", Math.Abs(second - closed) / Math.Abs(closed));
    }

    // Check 2 for one function of Z and its closed-form gradient.
    private static void Gradients(
        Extremes found, string shape, Tensor z, double e2, Config config, Func<Tensor, Tensor> rate, Func<Tensor, Tensor> gradient)
    {
        Tensor closed = gradient(z), automatic = Grad(rate)(z);
        found.Max("f64", Relative(automatic, closed));
        found.Max($"f64 {shape}", Relative(automatic, closed));
        double single = Relative(Grad(rate)(z.To(DType.F32)), gradient(Rounded(z)));
        found.Max("f32", single);
        found.Max($"f32 {shape}", single);
        // Half along the gradient, so that the slope is not near zero; the step balances truncation against rounding.
        Tensor direction = closed / closed.Norm() + new RandomKey(11).Normal(z.Shape, DType.F64) / Math.Sqrt(z.Count);
        const double step = 2e-5;
        double difference = (rate(z + step * direction).ToDouble() - rate(z - step * direction).ToDouble()) / (2 * step), slope = closed.Dot(direction).ToDouble();
        found.Max("difference", Math.Abs(difference - slope) / Math.Abs(slope));
        Tensor wrong = closed + config.Perturbation * Ops.Arange((int)z.Count).Equal(0).To(DType.F64).Reshape(z.Shape);
        found.Min("perturbed", Relative(automatic, wrong));
    }

    // Checks 2, 5 and 6 for k classes, hard and soft.
    private static void ByClass(Extremes found, Tensor z, double e2, int k, Config config, RandomKey key)
    {
        (int d, int n) = (z.Shape[0], z.Shape[1]);
        string shape = $"{d}×{n}";
        // Dirichlet(1, …, 1): exponentials divided by their sum.
        Tensor exponentials = -(1 - key.FoldIn(5).Uniform([k, n], dtype: DType.F64)).Log(), soft = exponentials / exponentials.Sum(0);
        int[] labels = [.. key.FoldIn(6).Uniform([n], 0, k, DType.F64).ToDoubles().Select(u => (int)u)];
        Tensor hard = CodingRate.Memberships(labels, k, DType.F64);
        Gradients(found, shape, z, e2, config, x => CodingRate.ClassRate(x, soft.To(x.DType), e2), x => CodingRate.ClassRateGradient(x, soft, e2));
        Gradients(found, shape, z, e2, config, x => CodingRate.ClassRate(x, labels, k, e2), x => CodingRate.ClassRateGradient(x, hard, e2));

        double rate = CodingRate.Rate(z, e2).ToDouble(), scale = Math.Max(1, rate);
        found.Min("reduction", CodingRate.Reduction(z, soft, e2).ToDouble());
        found.Min("reduction", CodingRate.Reduction(z, labels, k, e2).ToDouble());
        Tensor equal = Tensor.Full([k, n], 1.0 / k, DType.F64);
        found.Max("equal rows", Math.Abs(CodingRate.Reduction(z, equal, e2).ToDouble()) / scale);

        found.Min("classes gap", SumOfClasses(z, labels, k, Alpha(z, e2)) - rate);
        Tensor basis = Initializers.Orthogonal()(key.FoldIn(7), [d, d], DType.F64);
        int rank = d / k;
        Tensor[] parts = [.. Enumerable.Range(0, k).Select(j => basis.Slice(.., (j * rank)..((j + 1) * rank)).MatMul(key.FoldIn(8 + j).Normal([rank, n / k], DType.F64)))];
        Tensor orthogonal = Ops.Concatenate(parts, 1);
        int[] sorted = [.. Enumerable.Range(0, k * (n / k)).Select(i => i / (n / k))];
        double joint = CodingRate.Rate(orthogonal, e2).ToDouble();
        found.Max("orthogonal", Math.Abs(SumOfClasses(orthogonal, sorted, k, Alpha(orthogonal, e2)) - joint) / Math.Max(1, joint));
    }

    // Σ_j ½ log det(I + α Z_j Z_jᵀ) with the common α.
    private static double SumOfClasses(Tensor z, int[] labels, int k, double alpha)
    {
        Tensor masks = CodingRate.Memberships(labels, k, DType.F64);
        return Enumerable.Range(0, k).Sum(j => (z.Shape[0] <= z.Shape[1] ? OneSide(z * masks.At(j), alpha) : OneSide((z * masks.At(j)).T, alpha)).ToDouble());
    }

    private static void Checks(Bench bench, Extremes found)
    {
        bench.Check("1: d×d form − n×n form of R, relative", found["sides"], max: 1e-10);
        bench.Check("2: automatic − closed-form gradient, f64, relative", found["f64"], max: 1e-10, note: "R, and R_{c} with hard and with soft memberships.");
        bench.Check("2: automatic − closed-form gradient, f32, relative", found["f32"], max: 2e-4, note: "Against f64 at the rounded features; the smaller side is factored.");
        bench.Check("2: central difference − closed-form slope, relative", found["difference"], max: 1e-6);
        bench.Check("3: R(QZ) − R(Z), relative", found["rotation"], max: 1e-10, note: "Q orthogonal.");
        bench.Check("3: R(ZP) − R(Z), relative", found["permutation"], max: 1e-10, note: "P a permutation.");
        bench.Check("4: R ÷ (d/2)·log(1 + 1/ε²), unit columns", found["unit"], max: 1);
        bench.Check("4: tight frames: R − (d/2)·log(1 + 1/ε²), relative", found["tight"], max: 1e-10);
        bench.Check("5: smallest ΔR, nats", found["reduction"], min: 0);
        bench.Check("5: ΔR of equal rows of Π, relative", found["equal rows"], max: 1e-10);
        bench.Check("6: smallest Σ_{j} R(Z_{j}) − R(Z), nats", found["classes gap"], min: 0);
        bench.Check("6: the same for orthogonal classes, relative", found["orthogonal"], max: 1e-10);
        bench.Check("7: largest second derivative of R along segments of ZZᵀ", found["concave"], max: 0);
        bench.Check("7: second derivative − closed form, relative", found["second order"], max: 1e-8, note: "−½ tr((M⁻¹αB)²), by forward over forward.");
        bench.Control("2: one entry of the gradient is wrong: smallest error, relative", found["perturbed"], min: 1e-10);
        bench.Control("4: random frames: smallest gap to the bound, nats", found["unit gap"], min: 1e-3);
        bench.Control("6: classes that are not orthogonal: smallest gap, nats", found["classes gap"], min: 1e-3);
    }

    private static void Figures(Bench bench, Extremes found, (int D, int N)[] shapes)
    {
        const int d = 24, n = 150;
        double[] precisions = [.. Enumerable.Range(0, 25).Select(i => Math.Pow(10, -2 + i / 8.0))];
        RandomKey key = new RandomKey(bench.Seed).FoldIn(d).FoldIn(n);
        Tensor random = key.Normal([d, n], DType.F64).Normalize(0), tight = TightFrame(d, n, Initializers.Orthogonal()(key.FoldIn(1), [d, d], DType.F64));
        Tensor line = random.Slice(.., ..1).BroadcastTo([d, n]);
        double[] Rates(Tensor z) => [.. precisions.Select(e2 => CodingRate.Rate(z, e2).ToDouble())];
        bench.Figure("rate", $"Rate of {n} unit vectors in ℝ^{{{d}}}. Tight frames lie on the bound; copies of one vector cost least.",
            new LineFigure("Rate and precision", Axis.Log("squared precision ε²"), new Axis("R", "nats", Min: 0),
                Series.Points("tight frame", precisions, Rates(tight)), new Series("random directions", precisions, Rates(random)), new Series("one direction", precisions, Rates(line)),
                Series.Theory("(d/2)·log(1 + 1/ε²)", precisions, [.. precisions.Select(e2 => UpperBound(d, e2))])));
        string[] names = [.. shapes.Select(s => $"{s.D}×{s.N}")];
        double[] Errors(string kind) => [.. names.Select(name => found[$"{kind} {name}"])];
        bench.Figure("gradient-error", "Largest relative error of automatic gradients over all settings. With fewer samples than dimensions, single precision needs the n×n form.",
            new BarFigure("Error of gradients", Axis.Log("relative error"), names,
                new BarGroup("f64", Errors("f64")), new BarGroup("f32, smaller side", Errors("f32")), new BarGroup("f32, d×d side (R only)", Errors("f32 d×d")))
            { XLabel = "d×n" });
        bench.Table("errors", "The numbers of the figure.", ["d×n", "f64", "f32, smaller side", "f32, d×d side"],
            names.Select(name => new object[] { name, found[$"f64 {name}"], found[$"f32 {name}"], found[$"f32 d×d {name}"] }));
    }
}
