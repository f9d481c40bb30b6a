namespace Nabla.Nn;

/// <summary>
/// Draws the initial value of a weight of the given shape. Fan-in and fan-out of a matrix [in, out] are its sizes; those of a convolution kernel
/// [taps…, in, out] are taps·in and taps·out.
/// </summary>
public delegate Tensor Initializer(RandomKey key, Shape shape, DType dtype);

/// <summary>The field's usual initial distributions.</summary>
public static class Initializers
{
    /// <summary>All zeros.</summary>
    public static Initializer Zeros { get; } = (_, shape, dtype) => Tensor.Zeros(shape, dtype);

    /// <summary>Normal with standard deviation σ, whatever the shape.</summary>
    public static Initializer Normal(double sigma) => (key, shape, dtype) => key.Normal(shape, dtype) * sigma;

    /// <summary>Uniform in [−a, a).</summary>
    public static Initializer Uniform(double a) => (key, shape, dtype) => key.Uniform(shape, -a, a, dtype);

    /// <summary>
    /// Normal with parameter σ, cut off at ±2σ: σ·Φ⁻¹(u) with u uniform between Φ(−2) and Φ(2), so that nothing is drawn twice. Its standard deviation is
    /// 0.8796·σ.
    /// </summary>
    public static Initializer TruncatedNormal(double sigma) => (key, shape, dtype) =>
    {
        const double tail = 0.022750131948179207; // Φ(−2)
        return (key.Uniform(shape, tail, 1 - tail, DType.F64).NormalQuantile() * sigma).To(dtype);
    };

    /// <summary>N(0, 1): for layers in NTK parametrisation, which scale by σ/√fan-in in the forward pass. Source: Jacot et al., arXiv:1806.07572.</summary>
    public static Initializer Ntk { get; } = Normal(1);

    /// <summary>N(0, scale²/fan-in). Source: LeCun et al., "Efficient BackProp", 1998, §4.6 (scale 1).</summary>
    public static Initializer LeCun(double scale = 1) => Scaled((fanIn, _) => scale / Math.Sqrt(fanIn));

    /// <summary>N(0, 2/fan-in), which keeps the second moment of ReLU networks. Source: He et al., arXiv:1502.01852, eq. 10.</summary>
    public static Initializer He { get; } = Scaled((fanIn, _) => Math.Sqrt(2.0 / fanIn));

    /// <summary>N(0, 2/(fan-in + fan-out)). Source: Glorot and Bengio, AISTATS 2010, eq. 12.</summary>
    public static Initializer Xavier { get; } = Scaled((fanIn, fanOut) => Math.Sqrt(2.0 / (fanIn + fanOut)));

    /// <summary>N(0, σ(fan-in, fan-out)²): the rule is the caller's, for example a power of the width.</summary>
    public static Initializer Scaled(Func<int, int, double> sigma) => (key, shape, dtype) =>
    {
        (int fanIn, int fanOut) = Fans(shape);
        return key.Normal(shape, dtype) * sigma(fanIn, fanOut);
    };

    /// <summary>
    /// gain times a matrix with orthonormal rows or columns, whichever are fewer, uniformly distributed: the Q of a Gaussian matrix G, as
    /// G·L⁻ᵀ with L the Cholesky factor of GᵀG, computed twice in f64 so that QᵀQ = I to rounding. Source: Saxe et al., arXiv:1312.6120.
    /// </summary>
    public static Initializer Orthogonal(double gain = 1) => (key, shape, dtype) =>
    {
        if (shape.Rank < 2) throw AutogradErrors.LayerOption("orthogonal", "needs a matrix [in, out] or a kernel [taps…, in, out]", $"{shape}");
        return (Haar(key, (int)(shape.Count / Math.Max(1, shape[^1])), shape[^1]) * gain).To(dtype).Reshape(shape);
    };

    /// <summary>
    /// For convolution kernels [taps…, in, out] with in ≤ out: gain times a matrix with orthonormal rows, uniformly distributed, at the centre tap and
    /// zeros elsewhere. With circular padding and stride 1 the convolution then multiplies every norm by the gain. The centre of k taps is (k − 1)/2,
    /// rounded down. Source: Xiao et al., arXiv:1806.05393, algorithm 2.
    /// </summary>
    public static Initializer DeltaOrthogonal(double gain = 1) => (key, shape, dtype) =>
    {
        if (shape.Rank < 3 || shape[^2] > shape[^1] || shape.Dims.Contains(0))
            throw AutogradErrors.LayerOption("delta_orthogonal", "needs a kernel [taps…, in, out] with in ≤ out", $"{shape}");
        Tensor centre = (Haar(key, shape[^2], shape[^1]) * gain).To(dtype).Reshape([.. Enumerable.Repeat(1, shape.Rank - 2), shape[^2], shape[^1]]);
        int[] taps = shape.Dims[..^2].ToArray();
        return centre.Pad([.. taps.Select(k => (k - 1) / 2), 0, 0], [.. taps.Select(k => k / 2), 0, 0]);
    };

    // Orthonormal rows or columns, whichever are fewer, in f64. The triangular factor has a positive diagonal: otherwise the result is not uniform.
    private static Tensor Haar(RandomKey key, int rows, int columns)
    {
        Tensor q = Orthonormalize(Orthonormalize(key.Normal([Math.Max(rows, columns), Math.Min(rows, columns)], DType.F64)));
        return rows >= columns ? q : q.T;
    }

    private static Tensor Orthonormalize(Tensor g) => g.T.MatMul(g).Cholesky().SolveTriangular(g.T).T;

    private static (int FanIn, int FanOut) Fans(Shape shape) => shape.Rank switch
    {
        0 => (1, 1),
        1 => (shape[0], shape[0]),
        _ => ((int)(shape.Count / Math.Max(1, shape[^1])), (int)(shape.Count / Math.Max(1, shape[^2]))),
    };
}
