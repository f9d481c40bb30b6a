using Nabla.Experiments.Report;
using Nabla.Nn;

namespace Nabla.Experiments.CodingRates;

/// <summary>What the operators and the nonlinearity of a ReduNet layer compute.</summary>
[Experiment("redunet-operators", Theme.CodingRate,
    Title = "Operators of a ReduNet are residuals of ridge regression",
    Claim = "E and C_{j} map a sample to what ridge regression on all samples, or on those of class j, leaves unexplained, times α. For small ε² they are projectors onto orthogonal complements, and " +
        "the softmax over −λ‖C_{j}z‖ is the rule of the nearest subspace: the only nonlinearity is membership.",
    Papers = ["Chan, Yu, You, Qi, Wright, Ma 2021, ReduNet: A White-box Deep Network from the Principle of Maximizing Rate Reduction, arXiv:2105.10446"],
    Protocol = "Three random 4-dimensional subspaces of ℝ²⁴, 50 unit samples each, plus 0.05 noise where a check needs full rank; ε² from 10⁻⁶ to 10; 600 fresh samples.",
    Seeds = 3, QuickSeeds = 1, DType = DType.F64)]
public sealed class ReduNetOperators : IExperiment<ReduNetOperators.Config>
{
    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("dimension d", Min = 13)] int Dimension = 24,
        [Option("samples of each class", Min = 10)] int SamplesPerClass = 50,
        [Option("fresh samples of each class", Min = 10)] int Fresh = 200,
        [Option("noise of samples near subspaces", Min = 0)] double Noise = 0.05,
        [Option("ε² of the control", Min = 1e-6)] double CoarsePrecision = 10) : IConfig<Config>
    {
        /// <inheritdoc/>
        public static Config Quick => new();
    }

    private const int Classes = 3, Rank = 4;

    private static readonly double[] Precisions = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10];

    private sealed record Data(Tensor X, int[] Labels, Tensor Fresh, int[] FreshLabels);

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        Data[] exact = [.. bench.Seeds.Select(s => Draw(config, s, noise: 0, overlap: 0))], noisy = [.. bench.Seeds.Select(s => Draw(config, s, config.Noise, overlap: 0))];
        Data[] near = [.. bench.Seeds.Select(s => Draw(config, s, config.Noise, overlap: 2))];
        double[] Each(Data[] data, Func<Data, double> of) => [.. data.Select(of)];
        bench.CheckEach("1: Ez − α(z − Zq), q the ridge regression of z on Z, relative", Each(noisy, d => Ridge(d, 0.1)), max: 1e-10, note: "The worst of E and C_{1} … C_{3}.");
        (double Left, double Ratio)[][] projectors = [.. exact.Select(d => Precisions.Select(e2 => Projector(d, e2)).ToArray())];
        bench.CheckEach("2: ‖C_{j}/α_{j} − P⊥‖ ÷ its bound ε²n_{j}/(dσ²), largest over ε² < 1", [.. projectors.Select(p => p[..6].Max(x => x.Ratio))], max: 1 + 1e-6,
            note: "P⊥ projects onto the orthogonal complement of class j, σ is its smallest nonzero singular value.");
        bench.CheckEach("2: ‖C_{j}/α_{j} − P⊥‖ at ε² = 10⁻⁶", [.. projectors.Select(p => p[0].Left)], max: 1e-5);
        bench.CheckEach("3: Σ_{j} π̂_{j} − 1, and smallest π̂ below 0", Each(noisy, Distribution), max: 1e-12);
        bench.CheckEach("3: λ → ∞: share where π̂ is the indicator of argmin_{j} ‖C_{j}z‖", Each(noisy, Limit), min: 1);
        bench.CheckEach("3: λ = 0: largest |π̂ − 1/k|", Each(noisy, d => (One(d, 0.1, gate: 0).Gates(d.Fresh) - 1.0 / Classes).Abs().Max().ToDouble()), max: 1e-15);
        bench.CheckEach("4: layer with labels as gates − gradient step, largest difference", Each(noisy, GradientStep), max: 1e-12);
        bench.CheckEach("5: argmax π̂ is the nearest subspace, ε² = 0.001", Each(noisy, d => Agreement(d, 1e-3)), min: 0.99);
        bench.ControlEach(FormattableString.Invariant($"2: ‖C_{{j}}/α_{{j}} − P⊥‖ at ε² = {config.CoarsePrecision}"), Each(exact, d => Projector(d, config.CoarsePrecision).Left), min: 0.1, note: "Coarse precision: the operators shrink, they do not project.");
        Figures(bench, projectors, noisy, near);
    }

    // Classes are 4-dimensional; of their directions the first few are common.
    private static Data Draw(Config config, ulong seed, double noise, int overlap)
    {
        RandomKey key = new RandomKey(seed).FoldIn(overlap);
        Tensor basis = Initializers.Orthogonal()(key.FoldIn(0), [config.Dimension, config.Dimension], DType.F64);
        (Tensor, int[]) Samples(int each, RandomKey k)
        {
            Tensor[] parts = [.. Enumerable.Range(0, Classes).Select(j =>
            {
                int own = overlap + j * (Rank - overlap);
                Tensor directions = Ops.Concatenate([basis.Slice(..overlap), basis.Slice(own..(own + Rank - overlap))]);
                return k.FoldIn(2 * j).Normal([each, Rank], DType.F64).MatMul(directions) + noise * k.FoldIn(2 * j + 1).Normal([each, config.Dimension], DType.F64);
            })];
            return (Ops.Concatenate(parts).Normalize(), [.. Enumerable.Range(0, Classes * each).Select(i => i / each)]);
        }
        (Tensor x, int[] labels) = Samples(config.SamplesPerClass, key.FoldIn(1));
        (Tensor fresh, int[] freshLabels) = Samples(config.Fresh, key.FoldIn(2));
        return new Data(x, labels, fresh, freshLabels);
    }

    private static ReduNet One(Data d, double e2, double gate = 10, ReduGate gating = ReduGate.Soft) =>
        ReduNet.Build(d.X, d.Labels, Classes, new ReduNetOptions(1, e2, Step: 0.5, gate) { Gating = gating });

    private static Tensor Class(Data d, int j) => d.X.Take(Tensor.From([.. Enumerable.Range(0, d.Labels.Length).Where(i => d.Labels[i] == j)]));

    // q = argmin α‖z − Zq‖² + ‖q‖² from its normal equations (ZᵀZ + I/α)q = Zᵀz, for fresh z.
    private static double Ridge(Data d, double e2)
    {
        ReduNet net = One(d, e2);
        double worst = 0;
        for (int which = 0; which <= Classes; which++)
        {
            Tensor rows = which == 0 ? d.X : Class(d, which - 1);
            (int n, int dimension) = (rows.Shape[0], rows.Shape[1]);
            double alpha = dimension / (n * e2);
            Tensor q = (rows.MatMul(rows.T) + Ops.Eye(n, DType.F64) / alpha).SolvePositiveDefinite(rows.MatMul(d.Fresh.T));
            Tensor residual = alpha * (d.Fresh - q.T.MatMul(rows)), found = net.ApplyOperator(d.Fresh, 0, which);
            worst = Math.Max(worst, (found - residual).Norm().ToDouble() / residual.Norm().ToDouble());
        }
        return worst;
    }

    // The largest distance from the projector over classes, and its largest share of the bound.
    private static (double Left, double Ratio) Projector(Data d, double e2)
    {
        ReduNet net = One(d, e2);
        (double left, double ratio) = (0, 0);
        for (int j = 0; j < Classes; j++)
        {
            Tensor rows = Class(d, j);
            (int n, int dimension) = (rows.Shape[0], rows.Shape[1]);
            (_, Tensor s, Tensor vt) = rows.Svd();
            Tensor span = vt.Slice(..Rank);
            Tensor complement = Ops.Eye(dimension, DType.F64) - span.T.MatMul(span), scaled = net.Operators.At(0).At(0).At(j + 1) * (n * e2 / dimension);
            double distance = (scaled - complement).SingularValues().Max().ToDouble(), sigma = s.At(Rank - 1).ToDouble();
            (left, ratio) = (Math.Max(left, distance), Math.Max(ratio, distance / (e2 * n / (dimension * sigma * sigma))));
        }
        return (left, ratio);
    }

    private static double Distribution(Data d)
    {
        Tensor gates = One(d, 0.1).Gates(d.Fresh);
        return Math.Max((gates.Sum(1) - 1).Abs().Max().ToDouble(), -gates.Min().ToDouble());
    }

    private static double Limit(Data d)
    {
        ReduNet net = One(d, 0.1, gate: 1e12);
        Tensor lengths = Ops.Stack([.. Enumerable.Range(1, Classes).Select(j => net.ApplyOperator(d.Fresh, 0, j).Norm(1))], 1);
        return (net.Gates(d.Fresh) - lengths.ArgMin(1).OneHot(Classes, DType.F64)).Abs().Max(1).ToDoubles().Average(x => x <= 1e-12 ? 1.0 : 0);
    }

    private static double GradientStep(Data d)
    {
        ReduNet net = One(d, 0.1, gating: ReduGate.Labels);
        ReduNet.Build(d.X, d.Labels, Classes, net.Options, out Tensor found);
        (_, Tensor slope) = CodingRate.ReductionWithGradient(d.X.T, Tensor.From(d.Labels), Classes, 0.1);
        return (found - (d.X + net.Step * slope.T).Normalize()).Abs().Max().ToDouble();
    }

    private static double Agreement(Data d, double e2)
    {
        Tensor rule = NearestSubspace.Fit(d.X.T, d.Labels, Classes, Rank).Predict(d.Fresh.T);
        return One(d, e2).Predict(d.Fresh).Equal(rule).To(DType.F64).Mean().ToDouble();
    }

    private static void Figures(Bench bench, (double Left, double Ratio)[][] projectors, Data[] noisy, Data[] near)
    {
        double[][] Rule(Data[] data) => [.. data.Select(d => Precisions.Select(e2 => Agreement(d, e2)).ToArray())];
        (double[][] separated, double[][] overlapping) = (Rule(noisy), Rule(near));
        bench.Figure("projector", "Distance of C_{j}/α_{j} from the projector onto the orthogonal complement of its class.",
            new LineFigure("Operators become projectors", Axis.Log("squared precision ε²"), Axis.Log("‖C_{j}/α_{j} − P⊥‖"),
                Series.FromSeeds("measured", Precisions, [.. projectors.Select(p => p.Select(x => x.Left).ToArray())]),
                Series.Theory("bound", Precisions, [.. projectors[0].Select(x => x.Left / x.Ratio)])));
        bench.Figure("gate", "Share of fresh samples whose largest π̂ is that of the nearest 4-dimensional subspace. Overlapping subspaces share two directions.",
            new LineFigure("Gate and nearest subspace", Axis.Log("squared precision ε²"), new Axis("agreement", Max: 1),
                Series.FromSeeds("separated", Precisions, separated), Series.FromSeeds("overlapping", Precisions, overlapping)));
        double[] index = [.. Enumerable.Range(1, noisy[0].X.Shape[1]).Select(i => (double)i)];
        ReduNet net = One(noisy[0], 0.01);
        double[][] spectra = [.. Enumerable.Range(0, 2).Select(i => net.Spectra(0).At(i).ToDoubles())];
        bench.Figure("spectra", "Eigenvalues of E and C_{1} ÷ the largest, ε² = 0.01: E is small in the twelve directions that classes use, C_{1} in the four of class 1.",
            new LineFigure("Spectra", "index", Axis.Log("eigenvalue ÷ largest"),
                new Series("E", index, [.. spectra[0].Select(x => x / spectra[0][^1])]), new Series("C_{1}", index, [.. spectra[1].Select(x => x / spectra[1][^1])])));
        bench.Table("precision", "First seed.", ["ε²", "‖C/α − P⊥‖", "÷ bound", "agreement", "agreement, overlapping"],
            Precisions.Select((e2, i) => new object[] { e2, projectors[0][i].Left, projectors[0][i].Ratio, separated[0][i], overlapping[0][i] }));
    }
}
