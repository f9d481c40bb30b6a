using Nabla.Nn;
using Nabla.Optim;
using static Nabla.Tests.Oracle.OracleCase;
using static Nabla.Transforms;

namespace Nabla.Tests.Oracle;

internal static class CalculusCases
{
    public static IEnumerable<OracleCase> All => [.. Optimisers, .. SecondDerivatives, .. Conventions];

    private static OracleCase[] Optimisers =>
    [
        TenSteps("sgd", new Sgd(0.3)),
        TenSteps("sgd, momentum", new Sgd(0.1, momentum: 0.9)),
        TenSteps("sgd, Nesterov", new Sgd(0.1, momentum: 0.9, nesterov: true)),
        TenSteps("sgd, weight decay", new Sgd(0.1, momentum: 0.8, weightDecay: 0.1)),
        TenSteps("adam", new Adam(0.05)),
        TenSteps("adam, other constants", new Adam(0.05, 0.7, 0.95, 1e-3)),
        TenSteps("adamw", Adam.W(0.05, 0.2)),
        TenSteps("rmsprop", new RmsProp(0.02)),
        Many("optimisers/clipping by the global norm", t => Gradients.ClipByGlobalNorm(t, 1.5)),
    ];

    private static OracleCase[] SecondDerivatives =>
    [
        HessianProduct("softmax", x => x.Softmax().Square().Sum()),
        HessianProduct("gelu", x => x.Gelu().Square().Sum()),
        HessianProduct("cumprod", x => x.CumProd().Square().Sum()),
        HessianProduct("sort", x => x.Sort().CumSum().Pow(3).Sum()),
        HessianProduct("cholesky", x => Shifted(x).Cholesky().Pow(3).Sum()),
        HessianProduct("solve", x => (Shifted(x) + x).Solve(Rows.T).Square().Sum()),
        HessianProduct("slogdet", x => x.SlogDet().LogAbs.Square()),
        HessianProduct("eigenvalues", x => x.EigenvaluesSymmetric().Pow(4).Sum()),
        HessianProduct("eigh", x => (LinalgCases.ByEigh(x, w => w.Tanh()) * Rows.Slice(..3)).Sum()),
        HessianProduct("svd", x => (LinalgCases.BySvd(x) * Rows).Sum()),
        HessianProduct("qr", x =>
        {
            (Tensor q, Tensor r) = x.Qr();
            return ((q * Rows).Sum() + r.Square().Sum()).Square();
        }),
        HessianProduct("pseudo-inverse", x => (x.PseudoInverse() * Rows.T).Sum().Square()),
        HessianProduct("matrix exponential", x => (x.MatrixExp() * Rows.Slice(..3)).Sum()),
        HessianProduct("attention", x => Attention.ScaledDotProduct(x, x.Sin(), x).Square().Sum()),
        HessianProduct("max pooling", x => x.ExpandDims(1).MaxPool([2]).Tanh().Square().Sum()),
        HessianProduct("variance", x => x.Variance().Square()),
        HessianProduct("scan", x => Control.Scan((Tensor h) => ((Rows.Slice(..3).MatMul(h) + x).Tanh(), 0), x, 5).Carry.Square().Sum()),
        HessianProduct("power", x => (1 + x.Square()).Pow(x.Sin() + 2).Sum()),
        HessianProduct("tanh", x => (x.Tanh() * x).Sum()),
        HessianProduct("softplus", x => x.Softplus().Square().Sum()),
        HessianProduct("logsumexp", x => x.LogSumExp(1).Square().Sum()),
        HessianProduct("cross-entropy", x => Losses.CrossEntropy(x, Tensor.From([0, 3, 1]))),
        HessianProduct("erf", x => x.Erf().Square().Sum()),
        HessianProduct("product", x => x.Prod()),
        HessianProduct("norm", x => x.Norm().Pow(3)),
        HessianProduct("log det", x => Shifted(x).LogDetPositiveDefinite()),
        HessianProduct("inverse", x => Shifted(x).Inverse().Sum()),
        HessianProduct("matrix chain", x => Left.MatMul(x).Tanh().Square().Sum()),
        HessianProduct("layer norm", x => new LayerNorm(affine: false).Apply([], x).Pow(3).Sum()),
        HessianProduct("lgamma", x => (1 + x.Square()).LogGamma().Sum()).Within(2e-9, "PyTorch's trigamma: see the accuracy of it"),
        HessianProduct("convolution", x => x.Sin().Reshape(1, 7, 1).Conv(x.Slice(..3).Reshape(3, 1, 1)).Square().Sum()),
        HessianProduct("fft", x =>
        {
            (Tensor re, Tensor im) = x.Tanh().Rfft();
            return (re.Square() + im.Square()).Sum();
        }),
    ];

    private static OracleCase[] Conventions =>
    [
        Of("conventions/clamp at a bound", x => x.Clamp(-1, 1))
            .Meaning("A bound is a tie of x and a constant: Nabla halves the derivative as at every tie; PyTorch takes the side of x."),
        Of("conventions/hard tanh at a corner", x => x.HardTanh()).Meaning("The same function as clamp in Nabla; PyTorch takes the constant's side here."),
        Of("conventions/root of a sum of squares at 0", x => x.Norm())
            .Meaning("Nabla's norm has subgradient 0 at 0; written out in PyTorch the root gives 0·∞ (its vector_norm agrees with Nabla)."),
        Of("conventions/max of all, by index, with ties", x => x.Max())
            .Meaning("Equal maxima share the derivative in Nabla and in PyTorch's amax; PyTorch's max along an axis gives it to one of them."),
        Of("conventions/sort descending with NaN", x => x.Sort(descending: true)).Meaning("NaN stands last in either direction in Nabla; PyTorch counts it as the largest."),
        Of("conventions/top-k with NaN", x => x.TopK(2).Values).Meaning("NaN counts as the smallest for Nabla's TopK, as the largest for PyTorch."),
        Of("conventions/sign of NaN", x => x.Sign()).Meaning("Nabla: NaN; PyTorch: 0."),
        Of("conventions/eigh with a repeated eigenvalue", a => LinalgCases.ByEigh(a, w => w.Tanh()))
            .Meaning("PyTorch divides by the difference of the eigenvalues, 0. Nabla is finite, but eigenvectors of one eigenvalue have no derivative: the gradient of this matrix function is 0.42 everywhere, and what is off the diagonal is missing."),
        Of("conventions/svd with a repeated singular value", LinalgCases.BySvd).Meaning("As for eigh; here Nabla's gradient is the true one."),
        Many("conventions/attention without any key", t => [Attention.ScaledDotProduct(t[0], t[1], t[2], Tensor.Zeros([1, 2], DType.Bool))])
            .Meaning("A query that may look at no key gives zeros in Nabla; a softmax over −∞ alone is NaN in PyTorch."),
        Of("conventions/softplus above 20", x => x.Softplus()).Meaning("PyTorch returns x above 20 by default; Nabla computes log(1 + eˣ) everywhere."),
        Of("conventions/to integer of NaN and of what is too large", x => x.To(DType.I32)).Meaning("Nabla: 0 for NaN, and saturation; PyTorch leaves it to the processor."),
    ];

    private static Tensor Left => Ops.Linspace(-1, 1, 6, DType.F64).Reshape(3, 2).MatMul(Ops.Linspace(-2, 2, 8, DType.F64).Sin().Reshape(2, 4));

    private static Tensor Rows => Ops.Linspace(0.2, 2, 12, DType.F64).Reshape(4, 3).Sin();

    private static Tensor Shifted(Tensor x) => x.MatMul(x.T) + Ops.Eye(3, DType.F64);

    private static OracleCase HessianProduct(string name, Func<Tensor, Tensor> function) => Of($"second derivatives/{name}", (x, v) => Hvp(function, x, v));

    private static OracleCase TenSteps(string name, Optimizer optimizer) => Many($"optimisers/{name}", t =>
    {
        Func<Tensor[], Tensor[]> gradient = Grad((Tensor[] p) => ((t[2].MatMul(p[0]) + p[1]).Tanh() - t[3]).Square().Mean());
        Tensor[] parameters = [t[0], t[1]];
        OptimizerState state = optimizer.Init(parameters);
        for (int i = 0; i < 10; i++) (parameters, state) = optimizer.Update(parameters, gradient(parameters), state);
        return parameters;
    });
}
