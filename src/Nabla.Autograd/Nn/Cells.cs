namespace Nabla.Nn;

/// <summary>
/// A recurrent cell: a pure function from (parameters, carry, input) to (carry, output). Like a layer it holds no parameters. Weights act from the
/// right, x·W; the blocks of several gates lie side by side along the last axis.
/// </summary>
/// <param name="units">Size of the hidden state and of the output.</param>
/// <param name="inputWeights">Initial distribution of each block [features, units]; LeCun's if null.</param>
/// <param name="recurrentWeights">Initial distribution of each block [units, units]; orthogonal if null.</param>
public abstract class Cell(int units, Initializer? inputWeights, Initializer? recurrentWeights)
{
    /// <summary>Size of the hidden state and of the output.</summary>
    public int Units => units;

    /// <summary>Names of the parameters in order.</summary>
    public virtual IReadOnlyList<string> ParameterNames { get; } = ["input", "recurrent", "bias"];

    /// <summary>Number of tensors carried from step to step, each [batch…, units].</summary>
    protected virtual int CarryCount => 1;

    /// <summary>Constant initial bias of each gate, in the order of the blocks.</summary>
    protected abstract IReadOnlyList<double> Biases { get; }

    /// <summary>New parameters for inputs with so many features: input [features, gates·units], recurrent [units, gates·units], bias [gates·units].</summary>
    public virtual Tensor[] Init(RandomKey key, int features, DType dtype = DType.F32)
    {
        RandomKey keys = key.Split(2);
        return
        [
            Blocks(inputWeights ?? Initializers.LeCun(), keys.At(0), features, Biases.Count, dtype),
            Blocks(recurrentWeights ?? Initializers.Orthogonal(), keys.At(1), units, Biases.Count, dtype),
            Ops.Concatenate([.. Biases.Select(b => Tensor.Full([units], b, dtype))]),
        ];
    }

    /// <summary>The carry before the first step: zeros [batch…, units].</summary>
    public Tensor[] InitialCarry(Shape batch, DType dtype = DType.F32) =>
        [.. Enumerable.Range(0, CarryCount).Select(_ => Tensor.Zeros([.. batch, units], dtype))];

    /// <summary>One step. Shape: x [batch…, features] → output [batch…, units].</summary>
    public abstract (Tensor[] Carry, Tensor Output) Step(ReadOnlySpan<Tensor> parameters, Tensor[] carry, Tensor x);

    /// <summary>Independent draws of a block, side by side.</summary>
    private protected Tensor Blocks(Initializer weights, RandomKey key, int rows, int count, DType dtype) =>
        Ops.Concatenate([.. Enumerable.Range(0, count).Select(i => weights(key.FoldIn(i), [rows, units], dtype))], 1);

    /// <summary>Block i of a tensor of gates. Shape: [batch…, gates·units] → [batch…, units].</summary>
    private protected Tensor Gate(Tensor gates, int i)
    {
        int[] starts = new int[gates.Rank], sizes = gates.Shape.Dims.ToArray();
        (starts[^1], sizes[^1]) = (i * units, units);
        return gates.Slice(starts, sizes);
    }
}

/// <summary>The vanilla cell h ← tanh(x·V + h·W + b). Source: Elman, Cognitive Science 14, 1990.</summary>
/// <param name="units">Size of h.</param>
/// <param name="inputWeights">Initial distribution of V; LeCun's by default.</param>
/// <param name="recurrentWeights">Initial distribution of W; orthogonal by default.</param>
public sealed class RnnCell(int units, Initializer? inputWeights = null, Initializer? recurrentWeights = null)
    : Cell(units, inputWeights, recurrentWeights)
{
    /// <inheritdoc/>
    protected override IReadOnlyList<double> Biases => [0];

    /// <inheritdoc/>
    public override (Tensor[] Carry, Tensor Output) Step(ReadOnlySpan<Tensor> parameters, Tensor[] carry, Tensor x)
    {
        Tensor h = (x.MatMul(parameters[0]) + carry[0].MatMul(parameters[1]) + parameters[2]).Tanh();
        return ([h], h);
    }
}

/// <summary>
/// Long short-term memory: with (i, f, g, o) = x·V + h·W + b, c ← σ(f)∘c + σ(i)∘tanh(g), h ← σ(o)∘tanh(c). Carry: h, c. Source: Hochreiter and
/// Schmidhuber, Neural Computation 9, 1997, with the forget gate of Gers et al., 2000.
/// </summary>
/// <param name="units">Size of h and c.</param>
/// <param name="forgetBias">Initial bias of f; 1 as in Jozefowicz et al., ICML 2015. The other biases start at 0.</param>
/// <param name="inputWeights">Initial distribution of each block of V; LeCun's by default.</param>
/// <param name="recurrentWeights">Initial distribution of each block of W; orthogonal by default.</param>
public sealed class LstmCell(int units, double forgetBias = 1, Initializer? inputWeights = null, Initializer? recurrentWeights = null)
    : Cell(units, inputWeights, recurrentWeights)
{
    /// <inheritdoc/>
    protected override int CarryCount => 2;

    /// <inheritdoc/>
    protected override IReadOnlyList<double> Biases => [0, forgetBias, 0, 0];

    /// <inheritdoc/>
    public override (Tensor[] Carry, Tensor Output) Step(ReadOnlySpan<Tensor> parameters, Tensor[] carry, Tensor x)
    {
        Tensor gates = x.MatMul(parameters[0]) + carry[0].MatMul(parameters[1]) + parameters[2];
        Tensor c = Gate(gates, 1).Sigmoid() * carry[1] + Gate(gates, 0).Sigmoid() * Gate(gates, 2).Tanh();
        Tensor h = Gate(gates, 3).Sigmoid() * c.Tanh();
        return ([h, c], h);
    }
}

/// <summary>
/// Gated recurrent unit: r = σ(x·V_r + h·W_r + b_r), f = σ(x·V_f + h·W_f + b_f), n = tanh(x·V_n + r∘(h·W_n) + b_n), h ← f∘h + (1 − f)∘n. Blocks in the
/// order r, f, n. Source: Cho et al., arXiv:1406.1078, with the reset behind the product.
/// </summary>
/// <param name="units">Size of h.</param>
/// <param name="updateBias">Initial bias b_f: large values keep h for long. The other biases start at 0.</param>
/// <param name="inputWeights">Initial distribution of each block of V; LeCun's by default.</param>
/// <param name="recurrentWeights">Initial distribution of each block of W; orthogonal by default.</param>
public sealed class GruCell(int units, double updateBias = 0, Initializer? inputWeights = null, Initializer? recurrentWeights = null)
    : Cell(units, inputWeights, recurrentWeights)
{
    /// <inheritdoc/>
    protected override IReadOnlyList<double> Biases => [0, updateBias, 0];

    /// <inheritdoc/>
    public override (Tensor[] Carry, Tensor Output) Step(ReadOnlySpan<Tensor> parameters, Tensor[] carry, Tensor x)
    {
        Tensor input = x.MatMul(parameters[0]) + parameters[2], recurrent = carry[0].MatMul(parameters[1]);
        Tensor r = (Gate(input, 0) + Gate(recurrent, 0)).Sigmoid(), f = (Gate(input, 1) + Gate(recurrent, 1)).Sigmoid();
        Tensor n = (Gate(input, 2) + r * Gate(recurrent, 2)).Tanh();
        Tensor h = n + f * (carry[0] - n);
        return ([h], h);
    }
}

/// <summary>
/// Minimal gated cell: z = tanh(x·Z), u = σ(h·W + z·V + μ), h ← u∘h + (1 − u)∘z. Parameters: embedding Z [features, units], input V and
/// recurrent W [units, units], bias μ [units]. Source: Chen, Pennington and Schoenholz, arXiv:1806.05394, eq. 3.
/// </summary>
/// <param name="units">Size of h.</param>
/// <param name="updateBias">Initial μ: large values keep h for long.</param>
/// <param name="embedding">Initial distribution of Z; LeCun's by default.</param>
/// <param name="inputWeights">Initial distribution of V; LeCun's by default.</param>
/// <param name="recurrentWeights">Initial distribution of W; orthogonal by default.</param>
public sealed class MinimalRnnCell(
    int units, double updateBias = 0, Initializer? embedding = null, Initializer? inputWeights = null, Initializer? recurrentWeights = null)
    : Cell(units, inputWeights, recurrentWeights)
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> ParameterNames { get; } = ["embedding", "input", "recurrent", "bias"];

    /// <inheritdoc/>
    protected override IReadOnlyList<double> Biases => [updateBias];

    /// <inheritdoc/>
    public override Tensor[] Init(RandomKey key, int features, DType dtype = DType.F32) =>
        [(embedding ?? Initializers.LeCun())(key.FoldIn(0), [features, Units], dtype), .. base.Init(key.FoldIn(1), Units, dtype)];

    /// <inheritdoc/>
    public override (Tensor[] Carry, Tensor Output) Step(ReadOnlySpan<Tensor> parameters, Tensor[] carry, Tensor x)
    {
        Tensor z = x.MatMul(parameters[0]).Tanh();
        Tensor u = (carry[0].MatMul(parameters[2]) + z.MatMul(parameters[1]) + parameters[3]).Sigmoid();
        Tensor h = z + u * (carry[0] - z);
        return ([h], h);
    }
}
