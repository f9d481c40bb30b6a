namespace Nabla.Nn;

/// <summary>Attention as plain functions. Masks are bool, true where a query may look at a key.</summary>
public static class Attention
{
    /// <summary>
    /// softmax(q·kᵀ/√d)·v, with the largest score taken out first. A query that may look at no key gives zeros. Shape: q [batch…, queries, d],
    /// k [batch…, keys, d], v [batch…, keys, e], mask broadcast to [batch…, queries, keys] → [batch…, queries, e]. Stores the scores:
    /// queries·keys numbers a batch entry. Source: Vaswani et al., arXiv:1706.03762, eq. 1.
    /// </summary>
    /// <exception cref="DTypeException">NB0205: the mask is not bool.</exception>
    public static Tensor ScaledDotProduct(Tensor q, Tensor k, Tensor v, Tensor? mask = null)
    {
        Tensor scores = (q * (1 / Math.Sqrt(q.Shape[^1]))).MatMul(k.T);
        if (mask is null) return scores.Softmax().MatMul(v);
        if (mask.DType != DType.Bool) throw AutogradErrors.DTypeNotSupported("attention", mask.Aval, "a bool mask, true where a query may look at a key");
        Tensor allowed = Ops.Where(mask, scores, Tensor.Scalar(double.NegativeInfinity, scores.DType, scores.Device));
        Tensor top = allowed.Max(-1).StopGradient(), finite = Ops.Where(top.Equal(double.NegativeInfinity), top.ZerosLike(), top);
        Tensor weights = (allowed - finite.ExpandDims(-1)).Exp();
        Tensor sum = weights.Sum(-1);
        return (weights / Ops.Where(sum.Equal(0), sum.OnesLike(), sum).ExpandDims(-1)).MatMul(v);
    }

    /// <summary>Each query sees the keys up to its own place, the last query all of them. Shape: [queries, keys].</summary>
    public static Tensor CausalMask(int queries, int keys)
    {
        var places = new Aval(DType.I32, [queries, keys]);
        return Ops.Iota(places, 1) <= Ops.Iota(places, 0) + (keys - queries);
    }

    /// <summary>Only the first <c>lengths[b]</c> keys are real. Shape: integers [batch…] → [batch…, 1, keys], for all queries.</summary>
    public static Tensor PaddingMask(Tensor lengths, int keys) => (Ops.Arange(keys, lengths.DType) < lengths.ExpandDims(-1)).ExpandDims(-2);
}

/// <summary>
/// Multi-head attention: queries, keys and values are dense images of the inputs, split into heads of features/heads each; the results of
/// <see cref="Attention.ScaledDotProduct"/> are joined and pass a last dense layer. As a layer it attends to its own input (self-attention);
/// <see cref="Attend"/> takes another context and a mask. Shape: [batch…, time, features], kept. Source: Vaswani et al., arXiv:1706.03762, §3.2.2.
/// </summary>
/// <param name="heads">Number of heads, a divisor of the features.</param>
/// <param name="causal">Whether a query sees only keys up to its own place.</param>
/// <param name="contextFeatures">Features of the context where they differ from those of the queries.</param>
/// <param name="weights">Initial distribution of all weights; Xavier's by default. Biases start at zero.</param>
public sealed class MultiHeadAttention(int heads, bool causal = false, int? contextFeatures = null, Initializer? weights = null) : StatelessLayer
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames { get; } =
        [.. new[] { "query", "key", "value", "output" }.SelectMany(part => new[] { $"{part}.weight", $"{part}.bias" })];

    /// <inheritdoc/>
    protected override (Tensor[] Parameters, Shape Output) Start(RandomKey key, Shape input, DType dtype)
    {
        if (input.Rank != 2) throw AutogradErrors.LayerInput("attention", "needs [time, features]", input);
        int features = input[1];
        if (heads <= 0 || features % heads != 0)
            throw AutogradErrors.LayerInput("attention", $"the features cannot be divided among {heads} heads", input);
        RandomKey keys = key.Split(4);
        Tensor[] Part(int i, int from) =>
            [(weights ?? Initializers.Xavier)(keys.At(i), [from, features], dtype), Tensor.Zeros([features], dtype)];
        int context = contextFeatures ?? features;
        return ([.. Part(0, features), .. Part(1, context), .. Part(2, context), .. Part(3, features)], input);
    }

    /// <inheritdoc/>
    protected override Tensor Forward(ReadOnlySpan<Tensor> parameters, Tensor x, Pass pass) => Attend(parameters, x, x);

    /// <summary>
    /// Attention of x to a context. Shape: x [batch…, queries, features], context [batch…, keys, contextFeatures], mask broadcast to
    /// [batch…, queries, keys], the same for all heads → [batch…, queries, features].
    /// </summary>
    public Tensor Attend(ReadOnlySpan<Tensor> parameters, Tensor x, Tensor context, Tensor? mask = null)
    {
        if (parameters.Length != ParameterNames.Count) throw AutogradErrors.TensorCount(this, "parameters", ParameterNames, parameters.Length);
        Tensor q = Split(x.MatMul(parameters[0]) + parameters[1]);
        Tensor k = Split(context.MatMul(parameters[2]) + parameters[3]), v = Split(context.MatMul(parameters[4]) + parameters[5]);
        if (causal)
        {
            Tensor past = Attention.CausalMask(x.Shape[-2], context.Shape[-2]);
            mask = mask is null ? past : mask & past;
        }
        Tensor heard = Attention.ScaledDotProduct(q, k, v, mask is { Rank: > 2 } ? mask.ExpandDims(-3) : mask).MoveAxis(-3, -2);
        return heard.Reshape(x.Shape).MatMul(parameters[6]) + parameters[7];
    }

    // [batch…, time, features] → [batch…, heads, time, features/heads].
    private Tensor Split(Tensor y) => y.Reshape([.. y.Shape.Dims[..^1], heads, y.Shape[^1] / heads]).MoveAxis(-2, -3);
}
