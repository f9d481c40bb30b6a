using Nabla.Autograd;

namespace Nabla.InfiniteWidth;

/// <summary>
/// gaussian_product: E F(u)G(v) for centred Gaussians with variances q1, q2 and covariance k, element by element, by the quadrature of
/// <see cref="MeanField"/>: error below 10⁻¹² of E|FG| for functions that are smooth on the scale of 1 away from their kinks. About 15,000 evaluations of G
/// for each element, a few hundred where |k| = √(q1·q2).
/// </summary>
/// <remarks>
/// Derivatives are expectations again: ∂/∂k = E F′G′ (Price's theorem), ∂/∂q1 = (E uF′G − k·E F′G′)/(2·q1) by Stein's lemma, which needs no second derivative of F; so
/// kinks do no harm to first derivatives. Where q1 = 0 the latter is taken as 0.
/// </remarks>
public sealed class GaussianProductPrimitive() : SinglePrimitive<GaussianProductPrimitive.Params>("gaussian_product")
{
    /// <summary>F and G, from f64 vectors to f64 vectors, and where they are not smooth. They must not capture stand-ins of a transformation.</summary>
    public readonly record struct Params(Func<Tensor, Tensor> F, Func<Tensor, Tensor> G, IReadOnlyList<double> Kinks);

    internal static readonly GaussianProductPrimitive Instance = new();

    private const int NodesAtOnce = 1 << 19;
    private static readonly double[] NoKinks = [];
    private static readonly Func<Tensor, Tensor> Tanh = x => x.Tanh(), Wave = x => (2 * x + 0.3).Sin();

    /// <summary>Rounding of the tens of thousands of terms, of the reference too.</summary>
    public override Tolerance Tolerance => Tolerance.Norm(256);

    /// <inheritdoc/>
    public override string Print(object? parameters) => "";

    /// <inheritdoc/>
    protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, Params p)
    {
        if (!inputs[0].DType.IsFloat) throw AutogradErrors.DTypeNotSupported(Name, inputs[0], "f32 f64");
        for (int i = 1; i < 3; i++)
        {
            if (inputs[i].Shape != inputs[0].Shape) throw AutogradErrors.EqualShapes(Name, inputs[0], inputs[i]);
            if (inputs[i].DType != inputs[0].DType) throw AutogradErrors.EqualDTypes(Name, inputs[0], inputs[i]);
        }
        return inputs[0];
    }

    /// <inheritdoc/>
    protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, Params p)
    {
        double[] q1 = inputs[0].ToDoubles(), q2 = inputs[1].ToDoubles(), k = inputs[2].ToDoubles(), kinks = [.. p.Kinks], results = new double[q1.Length];
        var (rules, first, nodes) = (new List<PlaneRule>(), 0, 0);
        for (int i = 0; i < results.Length; i++)
        {
            rules.Add(GaussianQuadrature.Plane(q1[i], q2[i], k[i], kinks));
            nodes += rules[^1].V.Count;
            if (nodes < NodesAtOnce && i + 1 < results.Length) continue;
            Sum(rules, p, results.AsSpan(first));
            rules.Clear();
            (first, nodes) = (i + 1, 0);
        }
        if (output.DType == DType.F64) output.Write<double>(results);
        else output.Write<float>(Array.ConvertAll(results, x => (float)x));
    }

    private static void Sum(List<PlaneRule> rules, Params p, Span<double> results)
    {
        double[] f = Values(p.F, [.. rules.SelectMany(r => r.U)]), g = Values(p.G, [.. rules.SelectMany(r => r.V)]);
        for (int i = 0, atU = 0, atV = 0; i < rules.Count; atU += rules[i].U.Length, atV += rules[i++].V.Count)
            results[i] = rules[i].Sum(f.AsSpan(atU, rules[i].U.Length), g.AsSpan(atV, rules[i].V.Count));
    }

    private static double[] Values(Func<Tensor, Tensor> function, double[] x) => function(Tensor.From(x, device: Device.Cpu)).ToDoubles();

    /// <remarks>The trapezoid rule over both axes, which converges exponentially for analytic functions.</remarks>
    protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, Params p)
    {
        const int half = 100;
        const double step = 0.1;
        for (int i = 0; i < output.Data.Length; i++)
        {
            (double a, double b) = (Math.Sqrt(inputs[0].Data[i]), Math.Sqrt(inputs[1].Data[i]));
            double c = inputs[2].Data[i] / (a * b), s = Math.Sqrt(1 - c * c), sum = 0;
            double[] z = [.. Enumerable.Range(-half, 2 * half + 1).Select(j => j * step)], f = Values(p.F, Array.ConvertAll(z, x => a * x));
            double[] g = Values(p.G, [.. z.SelectMany(x => z.Select(y => b * (c * x + s * y)))]);
            for (int j = 0; j < g.Length; j++)
            {
                (double x, double y) = (z[j / z.Length], z[j % z.Length]);
                sum += f[j / z.Length] * g[j] * Math.Exp(-(x * x + y * y) / 2);
            }
            output.Data[i] = sum * step * step / (2 * Math.PI);
        }
    }

    /// <inheritdoc/>
    protected override Tensor? Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, Params p)
    {
        (Func<Tensor, Tensor> f, Func<Tensor, Tensor> g) = (Slope(p.F), Slope(p.G));
        Tensor Expectation(Func<Tensor, Tensor> left, Func<Tensor, Tensor> right) => BindOne(new Params(left, right, p.Kinks), primals);
        Tensor slopes = Expectation(f, g), correction = primals[2] * slopes;
        Tensor? total = tangents[2] is { } dk ? dk * slopes : null;
        void Add(int side, Func<Tensor> growth)
        {
            if (tangents[side] is not { } dq) return;
            Tensor zero = primals[side].Equal(0);
            Tensor rate = Ops.Where(zero, primals[side].ZerosLike(), growth() - correction) / Ops.Where(zero, primals[side].OnesLike(), 2 * primals[side]);
            total = total is null ? dq * rate : total + dq * rate;
        }
        Add(0, () => Expectation(x => x * f(x), p.G));
        Add(1, () => Expectation(p.F, x => x * g(x)));
        return total;
    }

    /// <inheritdoc/>
    protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, Params p)
    {
        (Tensor[] aligned, int axis) = Batching.AlignElementwise(inputs, axes, size);
        return (BindOne(p, aligned), axis);
    }

    /// <inheritdoc/>
    public override IEnumerable<Sample> Samples(SampleSource source)
    {
        foreach ((Shape shape, Params p) in ((Shape, Params)[])[([2, 3], new(Tanh, Tanh, NoKinks)), ([2], new(Wave, Tanh, [0.0])), ([0], new(Tanh, Wave, NoKinks))])
        {
            Tensor q1 = source.Uniform(shape, 0.3, 2), q2 = source.Uniform(shape, 0.3, 2), c = source.Uniform(shape, -0.9, 0.9);
            yield return new Sample([q1, q2, c * (q1 * q2).Sqrt()], p);
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
    [
        new([source.Uniform([3]), source.Uniform([4]), source.Uniform([3])], new Params(Tanh, Tanh, NoKinks), "NB0107"),
        new([source.Bools([3]), source.Bools([3]), source.Bools([3])], new Params(Tanh, Tanh, NoKinks), "NB0205"),
    ];

    /// <summary>The derivative of an element-wise function.</summary>
    internal static Func<Tensor, Tensor> Slope(Func<Tensor, Tensor> function) => x => Transforms.Jvp(function, x, x.OnesLike()).Tangent;
}

/// <summary>
/// Any element-wise φ, such as tanh, its expectations by quadrature. The derivative of φ comes from φ itself. About a millisecond for each pair of inputs
/// (more for slow φ).
/// </summary>
/// <param name="function">φ, from a tensor of any shape to one of the same shape; it must not capture stand-ins of a transformation.</param>
/// <param name="kinks">Where φ or φ′ is not smooth; 0 by default.</param>
public sealed class Numeric(Func<Tensor, Tensor> function, params double[] kinks) : Nonlinearity
{
    private readonly double[] _kinks = kinks.Length == 0 ? [0] : kinks;
    private readonly Func<Tensor, Tensor> _slope = GaussianProductPrimitive.Slope(function);

    /// <inheritdoc/>
    protected override Tensor Function(Tensor x) => function(x);

    /// <inheritdoc/>
    protected internal override Tensor Product(Tensor q1, Tensor q2, Tensor k) => Expectation(function, q1, q2, k);

    /// <inheritdoc/>
    protected internal override Tensor SlopeProduct(Tensor q1, Tensor q2, Tensor k) => Expectation(_slope, q1, q2, k);

    private Tensor Expectation(Func<Tensor, Tensor> f, Tensor q1, Tensor q2, Tensor k)
    {
        var p = new GaussianProductPrimitive.Params(f, f, _kinks);
        return GaussianProductPrimitive.Instance.BindOne(p, q1.BroadcastTo(k.Shape), q2.BroadcastTo(k.Shape), k);
    }
}
