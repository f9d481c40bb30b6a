namespace Nabla.InfiniteWidth;

/// <summary>How squared errors, or other losses, of n samples with c outputs are made one number.</summary>
public enum LossReduction
{
    /// <summary>Divided by n·c: ½·mean (f − y)².</summary>
    Mean,

    /// <summary>½·Σ (f − y)².</summary>
    Sum,
}

/// <summary>Which kernel drives the training.</summary>
public enum KernelKind
{
    /// <summary>Only the last layer is trained: at t = ∞ the posterior of the Gaussian process.</summary>
    Nngp,

    /// <summary>All layers are trained.</summary>
    Ntk,
}

/// <summary>A Gaussian over outputs: mean [m, outputs], covariance [m, m], the same for every output; null if it was not asked for.</summary>
public sealed record Prediction(Tensor Mean, Tensor? Covariance);

/// <summary>
/// What infinitely wide networks predict after training by gradient descent with an infinitely small step, and exact inference with Gaussian processes. Kernels are
/// [n, m], the same for all outputs, or [n, m, outputs, outputs]; time is the number of steps, the learning rate η multiplying it.
/// </summary>
/// <remarks>
/// The regulariser is added to the diagonal of the training kernel, relative to its mean diagonal element. Source: Lee et al., arXiv:1902.06720.
/// </remarks>
public static class Predict
{
    /// <summary>
    /// Training on squared errors: f(t) = f₀ + Θ(x, X)Θ⁻¹(1 − e^(−ηΘt/N))(y − f₀(X)), N = n·c for the mean, 1 for the sum. One eigendecomposition, and one Cholesky factorisation
    /// for t = ∞. Source: arXiv:1902.06720, eqs. 10 and 11.
    /// </summary>
    /// <param name="kernelTrainTrain">Θ(X, X).</param>
    /// <param name="y">Targets [n, outputs].</param>
    /// <param name="learningRate">η.</param>
    /// <param name="diagReg">Regulariser.</param>
    /// <param name="reduction">Which loss.</param>
    /// <exception cref="ShapeException">NB0541: kernel and targets do not fit.</exception>
    public static MseDynamics GradientDescentMse(
        Tensor kernelTrainTrain, Tensor y, double learningRate = 1, double diagReg = 0, LossReduction reduction = LossReduction.Mean) =>
        new(kernelTrainTrain, y, learningRate, diagReg, reduction);

    /// <summary>
    /// The distribution over random initialisations of what <see cref="GradientDescentMse"/> predicts, in closed form. Source: arXiv:1902.06720, eqs. 14 and 15.
    /// </summary>
    public static EnsembleDynamics GradientDescentMseEnsemble(KernelFn kernels, Tensor xTrain, Tensor yTrain, double learningRate = 1, double diagReg = 0,
        LossReduction reduction = LossReduction.Mean) => new(kernels, xTrain, yTrain, learningRate, diagReg, reduction);

    /// <summary>Training on any loss: df/dt = −ηΘ∇L(f), solved by an adaptive Runge–Kutta method.</summary>
    /// <param name="loss">From outputs [n, c] to a scalar, with its reduction; for example the cross-entropy with the labels.</param>
    /// <param name="kernelTrainTrain">Θ(X, X).</param>
    /// <param name="learningRate">η.</param>
    public static LossDynamics GradientDescent(Func<Tensor, Tensor> loss, Tensor kernelTrainTrain, double learningRate = 1) => new(loss, kernelTrainTrain, learningRate);

    /// <summary>Exact inference for targets with independent Gaussian noise of the regulariser's variance: n³/3 flops.</summary>
    /// <exception cref="ShapeException">NB0541: kernel and targets do not fit.</exception>
    public static GaussianProcess GpInference(Tensor kernelTrainTrain, Tensor y, double diagReg = 0) => new(kernelTrainTrain, y, diagReg);

    /// <summary>
    /// The rate above which gradient descent with finite steps diverges on squared errors: 2N/λmax, N = n·outputs for the mean, 1 for the sum.
    /// </summary>
    /// <param name="kernelTrainTrain">Θ(X, X).</param>
    /// <param name="outputs">Outputs that share a kernel [n, n]; ignored for a kernel with outputs of its own.</param>
    /// <param name="reduction">Which loss.</param>
    public static double MaxLearningRate(Tensor kernelTrainTrain, int outputs = 1, LossReduction reduction = LossReduction.Mean)
    {
        Tensor matrix = KernelMatrix.Flat(kernelTrainTrain);
        double count = (double)matrix.Shape[0] * (kernelTrainTrain.Rank == 4 ? 1 : outputs);
        return 2 * (reduction == LossReduction.Mean ? count : 1) / matrix.EigenvaluesSymmetric().Max().ToDouble();
    }

    /// <summary>Eigenvalues and condition of a kernel [n, n], and the smallest addition to its diagonal that makes its Cholesky factorisation succeed.</summary>
    public static KernelReport Condition(Tensor kernel)
    {
        Tensor matrix = KernelMatrix.Flat(kernel);
        return KernelReport.Of(matrix, KernelMatrix.Factor(matrix).Jitter);
    }
}

/// <summary>How far a kernel can be trusted as a positive definite matrix.</summary>
/// <param name="MinEigenvalue">Smallest eigenvalue.</param>
/// <param name="MaxEigenvalue">Largest eigenvalue.</param>
/// <param name="Jitter">What had to be added to the diagonal; 0 if nothing.</param>
public sealed record KernelReport(double MinEigenvalue, double MaxEigenvalue, double Jitter)
{
    /// <summary>Largest over smallest eigenvalue; +∞ if that is not positive.</summary>
    public double ConditionNumber => MinEigenvalue > 0 ? MaxEigenvalue / MinEigenvalue : double.PositiveInfinity;

    /// <summary>A sentence for people if something is wrong; else null.</summary>
    public string? Warning => Jitter > 0
        ? FormattableString.Invariant($"the kernel is not positive definite to rounding (smallest eigenvalue {MinEigenvalue:g3}): {Jitter:g3} was added to its diagonal")
        : ConditionNumber > 1e12 ? FormattableString.Invariant($"the kernel is nearly singular: condition {ConditionNumber:g3}, about {Math.Log10(ConditionNumber):f0} digits are lost") : null;

    internal static KernelReport Of(Tensor matrix, double jitter)
    {
        double[] values = matrix.EigenvaluesSymmetric().ToDoubles();
        return new(values[0], values[^1], jitter);
    }
}

/// <summary>Kernels with and without output axes as matrices, and targets to fit.</summary>
internal static class KernelMatrix
{
    private const double FirstJitter = 1e-16, LastJitter = 1e-5;

    /// <summary>[n, m] as it is, [n, m, o, o] as [n·o, m·o]; f64.</summary>
    public static Tensor Flat(Tensor kernel)
    {
        Tensor wide = kernel.To(DType.F64);
        return wide.Rank switch
        {
            2 => wide,
            4 when wide.Shape[2] == wide.Shape[3] => wide.Transpose(0, 2, 1, 3).Reshape(wide.Shape[0] * wide.Shape[2], wide.Shape[1] * wide.Shape[2]),
            _ => throw InfiniteWidthErrors.KernelShape($"kernel {kernel.Aval}; expected [n, m] or [n, m, outputs, outputs]"),
        };
    }

    /// <summary>The training kernel with its regulariser, and the targets as columns that it acts on.</summary>
    public static (Tensor Matrix, Tensor Targets) Training(Tensor kernel, Tensor y, double diagReg)
    {
        bool fits = y.Rank == 2 && kernel.Rank is 2 or 4 && kernel.Shape[0] == y.Shape[0] && kernel.Shape[1] == y.Shape[0] && (kernel.Rank == 2 || kernel.Shape[2] == y.Shape[1]);
        if (!fits || !(diagReg >= 0))
            throw InfiniteWidthErrors.KernelShape($"kernel {kernel.Aval}, targets {y.Aval}, regulariser {diagReg}; expected [n, n] or [n, n, c, c], [n, c] and a number ≥ 0");
        Tensor matrix = Flat(kernel);
        if (diagReg > 0) matrix += diagReg * matrix.Trace() / matrix.Shape[0] * Ops.Eye(matrix.Shape[0], DType.F64);
        return (matrix, Columns(kernel, y));
    }

    /// <summary>Outputs [n, c] as columns that the flat kernel acts on.</summary>
    public static Tensor Columns(Tensor kernel, Tensor y) => kernel.Rank == 4 ? y.To(DType.F64).Reshape(-1, 1) : y.To(DType.F64);

    /// <summary>The lower Cholesky factor of K + jitter·1 with the smallest jitter of a geometric sequence for which it exists.</summary>
    public static (Tensor L, double Jitter) Factor(Tensor matrix)
    {
        double scale = 0;
        for (double relative = 0; ; relative = relative == 0 ? FirstJitter : 10 * relative)
        {
            try
            {
                return relative == 0 ? (matrix.Cholesky(), 0) : ((matrix + relative * scale * Ops.Eye(matrix.Shape[0], DType.F64)).Cholesky(), relative * scale);
            }
            catch (NumericException failure) when (failure.Code == "NB0601" && relative < LastJitter)
            {
                scale = (matrix.StopGradient().Trace() / matrix.Shape[0]).ToDouble();
            }
        }
    }

    /// <summary>(L·Lᵀ)⁻¹·B.</summary>
    public static Tensor Solve(Tensor l, Tensor b) => l.SolveTriangular(l.SolveTriangular(b), transpose: true);
}
