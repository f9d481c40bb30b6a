using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>
/// coding_rate: a weighted sum of the coding rate of all samples and of the rate by class, for samples Y [.., n, d], one a row, and labels i32 [.., n]
/// (absent if there are no classes) → [..]. See <see cref="RateForm"/> and <see cref="CodingRates"/>.
/// </summary>
/// <remarks>When it is differentiated, <see cref="CodingRateGradientPrimitive"/> computes value and gradient together.</remarks>
public sealed class CodingRatePrimitive() : CodingRateFamily("coding_rate")
{
    internal static readonly CodingRatePrimitive Instance = new();

    /// <inheritdoc/>
    public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters) => [ValueOf(inputs, (RateForm)parameters!)];

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
        CodingRates.Run(inputs[0], inputs.Length > 1 ? inputs[1] : null, (RateForm)parameters!, outputs[0], null);

    /// <inheritdoc/>
    public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters) =>
        ReferenceRates.Run(inputs, (RateForm)parameters!, outputs[0].Data, null);

    /// <inheritdoc/>
    public override (Tensor[] Outputs, Tensor?[] Tangents) Differentiate(Tensor[] primals, Tensor?[] tangents, object? parameters, bool linearize)
    {
        Tensor[] both = CodingRateGradientPrimitive.Instance.Bind(parameters, primals);
        return ([both[0]], [Along(both[1], tangents[0]!)]);
    }

    /// <inheritdoc/>
    public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) =>
        Differentiate(primals, tangents, parameters, linearize: false).Tangents;
}

/// <summary>coding_rate_gradient: what <see cref="CodingRatePrimitive"/> computes, and its gradient with respect to Y. Shape: → [..] and [.., n, d].</summary>
public sealed class CodingRateGradientPrimitive() : CodingRateFamily("coding_rate_gradient")
{
    internal static readonly CodingRateGradientPrimitive Instance = new();

    /// <inheritdoc/>
    public override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters) => [ValueOf(inputs, (RateForm)parameters!), inputs[0]];

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
        CodingRates.Run(inputs[0], inputs.Length > 1 ? inputs[1] : null, (RateForm)parameters!, outputs[0], outputs[1]);

    /// <inheritdoc/>
    public override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters) =>
        ReferenceRates.Run(inputs, (RateForm)parameters!, outputs[0].Data, outputs[1].Data);

    /// <inheritdoc/>
    public override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters)
    {
        Tensor dy = tangents[0]!;
        return [Along(outputs[1], dy), Curvature(primals[0], primals.Length > 1 ? primals[1] : null, (RateForm)parameters!, dy)];
    }

    /// <summary>The derivative of the gradient in the direction dY, by differentiable operations on dense memberships: about 10·k·n·d·min(n, d) flops.</summary>
    /// <remarks>
    /// With G = YᵀDY, D the members of a class on the diagonal, C = α(I + αG)⁻¹: d(DYC) = D(dY·C − Y·C·dG·C). With fewer samples than dimensions the same
    /// with V = αD(I + αDYYᵀD)⁻¹D: d(VY) = V·dY − V·d(YYᵀ)·V·Y.
    /// </remarks>
    private static Tensor Curvature(Tensor y, Tensor? labels, RateForm form, Tensor dy)
    {
        (int n, int d) = (y.Shape[^2], y.Shape[^1]);
        if (y.Shape.Count == 0) return dy.ZerosLike();
        (Tensor members, Tensor alpha, Tensor weight) = Parts(y, labels, form);
        Tensor identity = Ops.Eye(Math.Min(n, d), y.DType);
        if (d <= n)
        {
            Tensor all = y.ExpandDims(-3), rate = dy.ExpandDims(-3), mask = members.ExpandDims(-1), own = mask * all;    // [.., 1, n, d], [.., k, n, 1], [.., k, n, d]
            Tensor c = alpha * (identity + alpha * own.T.MatMul(all)).SolvePositiveDefinite(identity), scaled = weight * c, change = own.T.MatMul(rate);
            return (mask * (rate.MatMul(scaled) - all.MatMul(scaled.MatMul(change + change.T).MatMul(c)))).Sum(-3);
        }
        Tensor pairs = members.ExpandDims(-1) * members.ExpandDims(-2), cross = dy.MatMul(y.T);                           // [.., k, n, n]
        Tensor v = alpha * pairs * (identity + alpha * pairs * y.MatMul(y.T).ExpandDims(-3)).SolvePositiveDefinite(identity), weighted = weight * v;
        return weighted.Sum(-3).MatMul(dy) - weighted.MatMul((cross + cross.T).ExpandDims(-3)).MatMul(v).Sum(-3).MatMul(y);
    }

    // Memberships [.., k, n] of the classes, and of the class of all samples if it counts; α and weight of each [.., k, 1, 1].
    private static (Tensor Members, Tensor Alpha, Tensor Weight) Parts(Tensor y, Tensor? labels, RateForm form)
    {
        (int n, int d) = (y.Shape[^2], y.Shape[^1]);
        Shape batch = Shape.Create(y.Shape.Dims[..^2]);
        var parts = new List<(Tensor Members, Tensor Alpha, Tensor Weight)>();
        if (form.All != 0)
        {
            Tensor Full(Shape shape, double value) => Tensor.Full(shape, value, y.DType, y.Device);
            parts.Add((Full([.. batch, 1, n], 1), Full([.. batch, 1], form.Gain * d / (n * form.EpsilonSquared)), Full([.. batch, 1], form.All)));
        }
        if (labels is not null)
        {
            Tensor members = labels.ExpandDims(-2).Equal(Ops.Arange(form.Classes).ExpandDims(-1)).To(y.DType), counts = members.Sum(-1);
            parts.Add((members, d / form.EpsilonSquared / counts.Maximum(counts.OnesLike()), form.ByClass / n * counts));
        }
        Tensor Joined(Func<(Tensor Members, Tensor Alpha, Tensor Weight), Tensor> which, int axis) => Ops.Concatenate([.. parts.Select(which)], axis);
        return (Joined(p => p.Members, -2), Joined(p => p.Alpha, -1).ExpandDims(-1).ExpandDims(-1), Joined(p => p.Weight, -1).ExpandDims(-1).ExpandDims(-1));
    }
}

/// <summary>What the primitives of coding rates share.</summary>
public abstract class CodingRateFamily : Primitive
{
    private protected CodingRateFamily(string name) : base(name)
    {
    }

    /// <inheritdoc/>
    public override Tolerance Tolerance => Tolerance.Norm(64);

    /// <summary>Type of the value; refuses operands that do not fit.</summary>
    private protected static Aval ValueOf(ReadOnlySpan<Aval> inputs, RateForm form)
    {
        Aval y = inputs[0];
        if (!y.DType.IsFloat || y.Shape.Rank < 2) throw RateErrors.Features(y);
        CodingRate.CheckPrecision(form.EpsilonSquared);
        Int128 side = Math.Min(y.Shape[^1], y.Shape[^2]);
        if (side * side > int.MaxValue) throw RateErrors.TooLarge($"the Gram matrix of {y}", side * side);
        Shape samples = Shape.Create(y.Shape.Dims[..^1]);
        if (inputs.Length > 1 != form.Classes > 0) throw RateErrors.Labels(y, inputs.Length > 1 ? inputs[1].ToString() : "none", form.Classes);
        if (inputs.Length > 1 && (inputs[1].DType != DType.I32 || inputs[1].Shape != samples)) throw RateErrors.Labels(y, inputs[1].ToString(), form.Classes);
        return new Aval(y.DType, Shape.Create(y.Shape.Dims[..^2]));
    }

    /// <summary>⟨gradient, dY⟩ of each entry.</summary>
    private protected static Tensor Along(Tensor gradient, Tensor dy) => (gradient * dy).Sum(-2, -1);

    /// <inheritdoc/>
    public override (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters)
    {
        Tensor[] outputs = Bind(parameters, Batching.AlignFront(inputs, axes, size));
        return (outputs, [.. outputs.Select(_ => (int?)0)]);
    }

    /// <inheritdoc/>
    public override IEnumerable<Sample> Samples(SampleSource source)
    {
        // More samples than dimensions, with an empty class and one smaller than d; fewer; a batch; no labels; parts left out; nothing at all.
        yield return new Sample([source.Uniform([9, 3]), Tensor.From([0, 3, 0, 1, 3, 0, 0, 1, 0])], new RateForm(4, 0.5));
        yield return new Sample([source.Uniform([4, 6]), Tensor.From([1, 0, 1, 1])], new RateForm(2, 0.25));
        yield return new Sample([source.Uniform([2, 5, 2]), source.Integers([2, 5], 0, 3)], new RateForm(3, 1));
        yield return new Sample([source.Uniform([7, 3])], new RateForm(0, 0.5));
        yield return new Sample([source.Uniform([5, 2]), Tensor.From([1, 0, 1, 1, 0])], new RateForm(2, 0.5, All: 0, ByClass: 1));
        yield return new Sample([source.Uniform([6, 4]), Tensor.From([1, 0, 1, 1, 2, 0])], new RateForm(3, 0.5, All: -0.5, ByClass: 1, Gain: 4));
        yield return new Sample([source.Uniform([0, 2]), Tensor.From(Array.Empty<int>())], new RateForm(2, 0.5));
        yield return new Sample([source.Uniform([2, 3, 0])], new RateForm(0, 0.5));
    }

    /// <inheritdoc/>
    public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source)
    {
        Tensor y = source.Uniform([3, 2]), labels = Tensor.From([0, 1, 1]);
        yield return new ErrorSample([source.Uniform([3]), labels], new RateForm(2, 0.5), "NB0580");
        yield return new ErrorSample([source.Integers([3, 2], 0, 2), labels], new RateForm(2, 0.5), "NB0580");
        yield return new ErrorSample([y, labels], new RateForm(2, 0), "NB0581");
        yield return new ErrorSample([y, labels], new RateForm(2, double.NaN), "NB0581");
        yield return new ErrorSample([y, Tensor.From([0, 1])], new RateForm(2, 0.5), "NB0582");
        yield return new ErrorSample([y, labels], new RateForm(0, 0.5), "NB0582");
        yield return new ErrorSample([y, Tensor.From([0, 2, 1])], new RateForm(2, 0.5), "NB0680");
        yield return new ErrorSample([y, Tensor.From([0, -1, 1])], new RateForm(2, 0.5), "NB0680");
        yield return new ErrorSample([Tensor.Full([3, 2], double.NaN, DType.F64), labels], new RateForm(2, 0.5), "NB0681");
    }
}

/// <summary>Coding rates by elimination on plain arrays, d×d throughout.</summary>
internal static class ReferenceRates
{
    public static void Run(ReadOnlySpan<ReferenceArray> inputs, RateForm form, double[] values, double[]? gradient)
    {
        (int n, int d) = (inputs[0].Shape[^2], inputs[0].Shape[^1]);
        double[] y = inputs[0].Data, labels = inputs.Length > 1 ? inputs[1].Data : [];
        for (int i = 0; i < labels.Length; i++)
            if (labels[i] < 0 || labels[i] >= form.Classes) throw KernelErrors.RateLabel(inputs[1].Aval, i, (int)labels[i], form.Classes);
        for (int i = 0; i < y.Length; i++)
            if (!double.IsFinite(y[i])) throw KernelErrors.RateFeatures(inputs[0].Aval, i / d % n, i % d, y[i]);
        for (int entry = 0; entry < values.Length; entry++)
        {
            values[entry] = 0;
            int first = entry * n;
            for (int j = -1; j < form.Classes; j++)
            {
                int[] members = [.. Enumerable.Range(first, n).Where(i => j < 0 || labels[i] == j)];
                double weight = j < 0 ? form.All : form.ByClass * members.Length / n;
                if (members.Length > 0 && d > 0 && weight != 0)
                    values[entry] += AddPart(y, d, members, (j < 0 ? form.Gain : 1) * d / (members.Length * form.EpsilonSquared), weight, gradient);
            }
        }
    }

    // weight·½ log det(I + αG) of the members; adds weight·α·y(I + αG)⁻¹ to their rows of the gradient. Gauss–Jordan: pivots of I + αG are at least 1.
    private static double AddPart(double[] y, int d, int[] members, double alpha, double weight, double[]? gradient)
    {
        var a = new double[d, 2 * d];
        for (int r = 0; r < d; r++)
        {
            for (int c = 0; c < d; c++) a[r, c] = (r == c ? 1 : 0) + alpha * members.Sum(i => y[i * d + r] * y[i * d + c]);
            a[r, d + r] = 1;
        }
        double logDet = 0;
        for (int p = 0; p < d; p++)
        {
            double pivot = a[p, p];
            logDet += Math.Log(pivot);
            for (int c = 0; c < 2 * d; c++) a[p, c] /= pivot;
            for (int r = 0; r < d; r++)
            {
                double factor = a[r, p];
                for (int c = 0; c < 2 * d && r != p; c++) a[r, c] -= factor * a[p, c];
            }
        }
        if (gradient is not null)
            foreach (int i in members)
                for (int c = 0; c < d; c++) gradient[i * d + c] += weight * alpha * Enumerable.Range(0, d).Sum(r => y[i * d + r] * a[r, d + c]);
        return weight * 0.5 * logDet;
    }
}
