namespace Nabla.Nn;

/// <summary>Draws the initial value of a weight of the given shape; for a matrix [in, out], fan-in is its first size and fan-out its second.</summary>
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
        (int rows, int columns) = Fans(shape);
        Tensor g = key.Normal([Math.Max(rows, columns), Math.Min(rows, columns)], DType.F64);
        Tensor q = Orthonormalize(Orthonormalize(g));
        return ((rows >= columns ? q : q.T) * gain).To(dtype).Reshape(shape);
    };

    private static Tensor Orthonormalize(Tensor g) => g.T.MatMul(g).Cholesky().SolveTriangular(g.T).T;

    private static (int FanIn, int FanOut) Fans(Shape shape) => shape.Rank switch
    {
        0 => (1, 1),
        1 => (shape[0], shape[0]),
        _ => ((int)(shape.Count / shape[^1]), shape[^1]),
    };
}
