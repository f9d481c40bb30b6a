namespace Nabla.InfiniteWidth;

/// <summary>What <see cref="Predict.GradientDescentMse"/> returns: outputs at any time.</summary>
public sealed class MseDynamics
{
    private readonly Tensor _kernel;
    private readonly Tensor _matrix;
    private readonly Tensor _y;
    private readonly Shape _shape;
    private readonly double _rate;
    private readonly Lazy<(Tensor Values, Tensor Vectors)> _eigen;
    private readonly Lazy<(Tensor L, double Jitter)> _factor;

    internal MseDynamics(Tensor kernel, Tensor y, double learningRate, double diagReg, LossReduction reduction)
    {
        (_kernel, _shape) = (kernel, y.Shape);
        (_matrix, _y) = KernelMatrix.Training(kernel, y, diagReg);
        _rate = reduction == LossReduction.Mean ? learningRate / y.Count : learningRate;
        _eigen = new(_matrix.Eigh);
        _factor = new(() => KernelMatrix.Factor(_matrix));
    }

    /// <summary>Condition of the kernel, and the jitter that t = ∞ needed.</summary>
    public KernelReport Report => KernelReport.Of(_matrix, _factor.Value.Jitter);

    /// <summary>Outputs on the training set at time t. Shape: [n, c].</summary>
    /// <param name="t">Time ≥ 0, in steps; +∞ for the end.</param>
    /// <param name="f0">Outputs at the start; null: 0.</param>
    public Tensor Train(double t, Tensor? f0 = null)
    {
        Tensor start = f0 is null ? _y.ZerosLike() : KernelMatrix.Columns(_kernel, f0);
        Tensor end = double.IsPositiveInfinity(t) ? _y : start + _matrix.MatMul(Weights(t, _y - start));
        return end.Reshape(_shape);
    }

    /// <summary>Outputs on other inputs at time t. Shape: [m, c].</summary>
    /// <param name="t">Time ≥ 0, in steps; +∞ for the end.</param>
    /// <param name="kernelTestTrain">Θ(x, X).</param>
    /// <param name="f0Train">Outputs on the training set at the start; null: 0.</param>
    /// <param name="f0Test">Outputs on the other inputs at the start; null: 0.</param>
    public Tensor Test(double t, Tensor kernelTestTrain, Tensor? f0Train = null, Tensor? f0Test = null)
    {
        Tensor error = f0Train is null ? _y : _y - KernelMatrix.Columns(_kernel, f0Train);
        Tensor moved = KernelMatrix.Flat(kernelTestTrain).MatMul(Weights(t, error));
        return (f0Test is null ? moved : KernelMatrix.Columns(_kernel, f0Test) + moved).Reshape(kernelTestTrain.Shape[0], _shape[1]);
    }

    /// <summary>Θ⁻¹(1 − e^(−rate·Θt))·B.</summary>
    internal Tensor Weights(double t, Tensor b)
    {
        if (!(t >= 0)) throw InfiniteWidthErrors.Time(t);
        if (double.IsPositiveInfinity(t)) return KernelMatrix.Solve(_factor.Value.L, b);
        (Tensor w, Tensor v) = _eigen.Value;
        // (1 − e^(−wτ))/w → τ as w → 0, which no eigenvalue of a positive kernel passes but for rounding.
        double time = _rate * t;
        Tensor small = (w * time).Abs() < 1e-12;
        Tensor safe = Ops.Where(small, w.OnesLike(), w);
        Tensor gain = Ops.Where(small, Tensor.Full(w.Shape, time, DType.F64), -(safe * -time).Expm1() / safe);
        return v.MatMul(gain.ExpandDims(1) * v.T.MatMul(b));
    }
}

/// <summary>What <see cref="Predict.GradientDescentMseEnsemble"/> returns: mean and covariance over initialisations at any time.</summary>
public sealed class EnsembleDynamics
{
    private readonly KernelFn _kernels;
    private readonly Tensor _x;
    private readonly Tensor _y;
    private readonly double _diagReg;
    private readonly Lazy<Tensor> _nngp;
    private readonly Dictionary<KernelKind, Lazy<MseDynamics>> _dynamics;

    internal EnsembleDynamics(KernelFn kernels, Tensor x, Tensor y, double learningRate, double diagReg, LossReduction reduction)
    {
        (_kernels, _x, _y, _diagReg) = (kernels, x, y, diagReg);
        _nngp = new(() => kernels.Nngp(x));
        _dynamics = new()
        {
            [KernelKind.Nngp] = new(() => new MseDynamics(_nngp.Value, y, learningRate, diagReg, reduction)),
            [KernelKind.Ntk] = new(() => new MseDynamics(kernels.Ntk(x), y, learningRate, diagReg, reduction)),
        };
    }

    /// <summary>
    /// The distribution of outputs at time t: with A = Θ(x, X)Θ⁻¹(1 − e^(−ηΘt/N)), mean A·y, covariance K(x, x) + A·K·Aᵀ − A·K(X, x) − (A·K(X, x))ᵀ. For the NNGP, Θ is K and the
    /// regulariser counts as variance of the targets.
    /// </summary>
    /// <param name="t">Time ≥ 0, in steps; +∞ for the end.</param>
    /// <param name="x">Inputs; null: the training set.</param>
    /// <param name="kind">What is trained.</param>
    /// <param name="covariance">Whether to compute it.</param>
    public Prediction At(double t, Tensor? x = null, KernelKind kind = KernelKind.Ntk, bool covariance = true)
    {
        MseDynamics dynamics = _dynamics[kind].Value;
        Tensor nngp = x is null ? _nngp.Value : _kernels.Nngp(x, _x);
        Tensor kernel = kind == KernelKind.Nngp ? nngp : x is null ? _kernels.Ntk(_x) : _kernels.Ntk(x, _x);
        Tensor mean = dynamics.Test(t, kernel);
        if (!covariance) return new(mean, null);
        // A = Θ(x, X)·W with the symmetric W = Θ⁻¹(1 − e^…).
        Tensor a = dynamics.Weights(t, kernel.T).T, prior = x is null ? _nngp.Value : _kernels.Nngp(x), inner = _nngp.Value;
        if (kind == KernelKind.Nngp && _diagReg > 0) inner += _diagReg * inner.Trace() / inner.Shape[0] * Ops.Eye(inner.Shape[0], DType.F64);
        Tensor cross = a.MatMul(nngp.T);
        return new(mean, prior + a.MatMul(inner).MatMul(a.T) - cross - cross.T);
    }

    /// <summary>Condition of the training kernel.</summary>
    public KernelReport Report(KernelKind kind = KernelKind.Ntk) => _dynamics[kind].Value.Report;
}

/// <summary>What <see cref="Predict.GpInference"/> returns: a Gaussian process given targets.</summary>
public sealed class GaussianProcess
{
    private readonly Tensor _kernel;
    private readonly Tensor _matrix;
    private readonly Tensor _y;
    private readonly int _outputs;
    private readonly Tensor _l;

    internal GaussianProcess(Tensor kernel, Tensor y, double diagReg)
    {
        (_kernel, _outputs) = (kernel, y.Rank == 2 ? y.Shape[1] : 0);
        (_matrix, _y) = KernelMatrix.Training(kernel, y, diagReg);
        (_l, Jitter) = KernelMatrix.Factor(_matrix);
    }

    /// <summary>What had to be added to the diagonal beyond the regulariser.</summary>
    public double Jitter { get; }

    /// <summary>Condition of the kernel with its regulariser; costs an eigendecomposition.</summary>
    public KernelReport Report => KernelReport.Of(_matrix, Jitter);

    /// <summary>
    /// log p(y) = −½ yᵀK⁻¹y − ½ log det K − n/2·log 2π, summed over outputs. Differentiable with respect to whatever the kernel depends on, such as σw and σb.
    /// </summary>
    public Tensor LogMarginalLikelihood
    {
        get
        {
            Tensor white = _l.SolveTriangular(_y);
            double columns = _y.Shape[1];
            return -0.5 * white.Square().Sum() - columns * _l.Diagonal().Log().Sum() - 0.5 * _y.Count * Math.Log(2 * Math.PI);
        }
    }

    /// <summary>The posterior mean K(x, X)K⁻¹y [m, outputs].</summary>
    public Tensor Mean(Tensor kernelTestTrain) =>
        KernelMatrix.Flat(kernelTestTrain).MatMul(KernelMatrix.Solve(_l, _y)).Reshape(kernelTestTrain.Shape[0], _outputs);

    /// <summary>The posterior covariance K(x, x) − K(x, X)K⁻¹K(X, x) [m, m], without the noise of the targets.</summary>
    public Tensor Covariance(Tensor kernelTestTrain, Tensor kernelTestTest)
    {
        Tensor half = _l.SolveTriangular(KernelMatrix.Flat(kernelTestTrain).T);
        return KernelMatrix.Flat(kernelTestTest) - half.T.MatMul(half);
    }
}
