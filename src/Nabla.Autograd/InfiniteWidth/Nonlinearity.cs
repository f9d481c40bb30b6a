namespace Nabla.InfiniteWidth;

/// <summary>
/// An element-wise function φ on a Gaussian state: K ← E φ(u)φ(v), Θ ← Θ·E φ′(u)φ′(v), u and v centred Gaussians with variances q1, q2 and covariance k. Source: Cho
/// and Saul, NIPS 2009; Jacot et al., arXiv:1806.07572, prop. 1.
/// </summary>
public abstract class Nonlinearity : Layer
{
    /// <inheritdoc/>
    public sealed override Shape OutputShape(Shape input) => input;

    /// <summary>φ, element by element.</summary>
    protected abstract Tensor Function(Tensor x);

    /// <summary>E φ(u)φ(v); the arguments broadcast.</summary>
    protected internal abstract Tensor Product(Tensor q1, Tensor q2, Tensor k);

    /// <summary>E φ′(u)φ′(v), the derivative of <see cref="Product"/> with respect to k.</summary>
    protected internal abstract Tensor SlopeProduct(Tensor q1, Tensor q2, Tensor k);

    /// <summary>E φ(u)².</summary>
    protected virtual Tensor Square(Tensor q) => Product(q, q, q);

    /// <inheritdoc/>
    public sealed override KernelState Kernel(KernelState state)
    {
        if (!state.IsGaussian) throw InfiniteWidthErrors.NotGaussian(GetType().Name);
        Tensor d1 = state.Variances(state.Var1), d2 = state.Variances(state.Var2);
        (Tensor q1, Tensor q2, Tensor k) = (state.Spread(d1, true), state.Spread(d2, false), state.Flat(state.Nngp, 2));
        Tensor Own(Tensor own, Tensor d) => state.SpatialMode == SpatialMode.Full
            ? Product(d.ExpandDims(2), d.ExpandDims(1), state.Flat(own, 1)).Reshape(own.Shape) : Square(own);
        return state with
        {
            Nngp = Product(q1, q2, k).Reshape(state.Nngp.Shape),
            Ntk = state.Ntk is null ? null : state.Ntk * SlopeProduct(q1, q2, k).Reshape(state.Nngp.Shape),
            Var1 = Own(state.Var1, d1),
            Var2 = Own(state.Var2, d2),
            IsGaussian = false,
        };
    }

    internal sealed override Tensor Run(ReadOnlySpan<Tensor> parameters, Tensor x, RandomKey? key, WeightTap? tap) => Function(x);
}

/// <summary>
/// b·max(x, 0) + a·min(x, 0). With cosine c = k/√(q1·q2): E φφ = (b − a)²·√(q1·q2)·κ₁(c)/2 + ab·k, E φ′φ′ = (b − a)²·κ₀(c)/2 + ab, κ₁ = (√(1 − c²) + (π − acos c)c)/π,
/// κ₀ = 1 − acos(c)/π. Source: Cho and Saul, NIPS 2009, eqs. 5 and 6.
/// </summary>
/// <remarks>
/// Cosines within 2⁻⁴⁹ of ±1 count as ±1: rounding leaves nothing better of an angle below 6·10⁻⁸, and an input's kernel with itself comes out exact. There
/// the derivative of κ₁ is its limit, κ₀; that of κ₀, which is infinite, is taken as 0, the mean over directions. Where a variance is 0 so are all
/// derivatives that pass through its root.
/// </remarks>
public class PiecewiseLinear(double negative, double positive) : Nonlinearity
{
    /// <inheritdoc/>
    protected override Tensor Function(Tensor x) => negative == 0
        ? positive * x.Relu() : Ops.Where(x > 0, positive * x, negative * x);

    /// <inheritdoc/>
    protected internal override Tensor Product(Tensor q1, Tensor q2, Tensor k)
    {
        (Tensor root, Tensor c) = Cosine(q1, q2, k);
        double bend = positive - negative;
        Tensor one = c >= GaussianQuadrature.Touching, minus = c <= -GaussianQuadrature.Touching;
        Tensor inside = Ops.Where(one | minus, c.ZerosLike(), c);
        Tensor kappa = (((1 - inside) * (1 + inside)).Sqrt() + (Math.PI - inside.Acos()) * inside) * (1 / Math.PI);
        kappa = Ops.Where(one, c, Ops.Where(minus, c.ZerosLike(), kappa));
        Tensor product = bend * bend / 2 * (root * kappa);
        return negative * positive == 0 ? product : product + negative * positive * k;
    }

    /// <inheritdoc/>
    protected internal override Tensor SlopeProduct(Tensor q1, Tensor q2, Tensor k)
    {
        (_, Tensor c) = Cosine(q1, q2, k);
        double bend = positive - negative;
        Tensor one = c >= GaussianQuadrature.Touching, minus = c <= -GaussianQuadrature.Touching;
        Tensor inside = Ops.Where(one | minus, c.ZerosLike(), c);
        Tensor kappa = 1 - inside.Acos() * (1 / Math.PI);
        kappa = Ops.Where(one, c.OnesLike(), Ops.Where(minus, c.ZerosLike(), kappa));
        return bend * bend / 2 * kappa + negative * positive;
    }

    /// <inheritdoc/>
    protected override Tensor Square(Tensor q) => (negative * negative + positive * positive) / 2 * q;

    // √(q1·q2) and k divided by it, both 0 where a variance is 0.
    private static (Tensor Root, Tensor Cosine) Cosine(Tensor q1, Tensor q2, Tensor k)
    {
        Tensor root = Root(q1) * Root(q2), zero = root.Equal(0);
        return (root, Ops.Where(zero, k.ZerosLike(), k) / Ops.Where(zero, root.OnesLike(), root));
    }

    private static Tensor Root(Tensor q)
    {
        Tensor positive = q > 0;
        return Ops.Where(positive, Ops.Where(positive, q, q.OnesLike()).Sqrt(), q.ZerosLike());
    }
}

/// <summary>max(x, 0).</summary>
public sealed class Relu() : PiecewiseLinear(0, 1);

/// <summary>x where x > 0, slope·x elsewhere.</summary>
public sealed class LeakyRelu(double slope = 0.01) : PiecewiseLinear(slope, 1);

/// <summary>|x|.</summary>
public sealed class Abs() : PiecewiseLinear(-1, 1);

/// <summary>erf x: E φφ = (2/π)·asin(2k/√((1 + 2q1)(1 + 2q2))). Source: Williams, NIPS 1996, eq. 10.</summary>
public sealed class Erf : Nonlinearity
{
    /// <inheritdoc/>
    protected override Tensor Function(Tensor x) => x.Erf();

    /// <inheritdoc/>
    protected internal override Tensor Product(Tensor q1, Tensor q2, Tensor k) =>
        2 / Math.PI * (2 * k * ((1 + 2 * q1) * (1 + 2 * q2)).Rsqrt()).Asin();

    /// <inheritdoc/>
    protected internal override Tensor SlopeProduct(Tensor q1, Tensor q2, Tensor k) =>
        4 / Math.PI * ((1 + 2 * q1) * (1 + 2 * q2) - 4 * k.Square()).Rsqrt();
}

/// <summary>
/// a·sin(bx + c): E φφ = ½a²(e^(−b²(q1 + q2 − 2k)/2) − cos(2c)·e^(−b²(q1 + q2 + 2k)/2)), from the characteristic function of u ∓ v. With c = π/4 the second term vanishes and
/// the kernel is a function of distance alone. Source: Rahimi and Recht, NIPS 2007.
/// </summary>
public class Sinusoid(double amplitude, double frequency, double phase) : Nonlinearity
{
    private readonly double _mirror = Math.Abs(Math.Cos(2 * phase)) < 1e-15 ? 0 : Math.Cos(2 * phase);

    /// <inheritdoc/>
    protected override Tensor Function(Tensor x) => amplitude * (frequency * x + phase).Sin();

    /// <inheritdoc/>
    protected internal override Tensor Product(Tensor q1, Tensor q2, Tensor k)
    {
        (Tensor difference, Tensor sum) = Waves(q1, q2, k);
        return amplitude * amplitude / 2 * (difference - _mirror * sum);
    }

    /// <inheritdoc/>
    protected internal override Tensor SlopeProduct(Tensor q1, Tensor q2, Tensor k)
    {
        (Tensor difference, Tensor sum) = Waves(q1, q2, k);
        return amplitude * amplitude * frequency * frequency / 2 * (difference + _mirror * sum);
    }

    private (Tensor Difference, Tensor Sum) Waves(Tensor q1, Tensor q2, Tensor k)
    {
        double half = frequency * frequency / 2;
        Tensor both = q1 + q2, twice = 2 * k;
        return ((-half * (both - twice)).Exp(), (-half * (both + twice)).Exp());
    }
}

/// <summary>sin x.</summary>
public sealed class Sin() : Sinusoid(1, 1, 0);

/// <summary>cos x.</summary>
public sealed class Cos() : Sinusoid(1, 1, Math.PI / 2);

/// <summary>√2·sin(√(2γ)·x + π/4), whose kernel is e^(−γ(q1 + q2 − 2k)): the Gaussian kernel of the layer below.</summary>
public sealed class Rbf(double gamma = 1) : Sinusoid(Math.Sqrt(2), Math.Sqrt(2 * gamma), Math.PI / 4);

/// <summary>e^(ax): E φφ = e^(a²(q1 + q2 + 2k)/2). Not contractive: it overflows in deep networks.</summary>
public sealed class Exp(double rate = 1) : Nonlinearity
{
    /// <inheritdoc/>
    protected override Tensor Function(Tensor x) => (rate * x).Exp();

    /// <inheritdoc/>
    protected internal override Tensor Product(Tensor q1, Tensor q2, Tensor k) => (rate * rate / 2 * (q1 + q2 + 2 * k)).Exp();

    /// <inheritdoc/>
    protected internal override Tensor SlopeProduct(Tensor q1, Tensor q2, Tensor k) => rate * rate * Product(q1, q2, k);
}

/// <summary>
/// x·Φ(x). With D = (1 + q1)(1 + q2) − k² and N = q1·q2 − k² + k²/(1 + q1) + k²/(1 + q2): E φφ = k/4 + k/(2π)·asin(k/√((1 + q1)(1 + q2))) + N/(2π√D), by Stein's lemma twice;
/// E φ′φ′ is its derivative with respect to k.
/// </summary>
public sealed class Gelu : Nonlinearity
{
    /// <inheritdoc/>
    protected override Tensor Function(Tensor x) => x.Gelu();

    /// <inheritdoc/>
    protected internal override Tensor Product(Tensor q1, Tensor q2, Tensor k)
    {
        (Tensor angle, Tensor rootD, Tensor n, _) = Parts(q1, q2, k);
        return k * (0.25 + angle) + n * rootD * (0.5 / Math.PI);
    }

    /// <inheritdoc/>
    protected internal override Tensor SlopeProduct(Tensor q1, Tensor q2, Tensor k)
    {
        (Tensor angle, Tensor rootD, Tensor n, Tensor slope) = Parts(q1, q2, k);
        return 0.25 + angle + k * rootD * (1 + 2 * slope + n * rootD.Square()) * (0.5 / Math.PI);
    }

    // asin(·)/2π, 1/√D, N, and dN/d(k²).
    private static (Tensor Angle, Tensor RootD, Tensor N, Tensor Slope) Parts(Tensor q1, Tensor q2, Tensor k)
    {
        Tensor a = 1 + q1, b = 1 + q2, ab = a * b, square = k.Square(), slope = 1 / a + 1 / b - 1;
        Tensor angle = (k * ab.Rsqrt()).Asin() * (0.5 / Math.PI);
        return (angle, (ab - square).Rsqrt(), q1 * q2 + square * slope, slope);
    }
}
