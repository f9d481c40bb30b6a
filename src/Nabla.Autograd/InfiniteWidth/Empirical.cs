using static Nabla.Transforms;

namespace Nabla.InfiniteWidth;

/// <summary>Which entries of Θ_ab,ij = ∂f_i(x_a)/∂θ·∂f_j(x_b)/∂θ are asked for, i and j numbering the outputs.</summary>
public enum OutputMode
{
    /// <summary>The mean of the diagonal over outputs, [n1, n2]: what converges to the infinite-width kernel.</summary>
    Trace,

    /// <summary>i = j: [n1, n2, outputs].</summary>
    Diagonal,

    /// <summary>All: [n1, n2, outputs, outputs].</summary>
    Full,
}

/// <summary>How an empirical tangent kernel is computed; all agree but for rounding. Source: Novak et al., arXiv:2206.08720.</summary>
public enum NtkMethod
{
    /// <summary>The one with the fewest operations by estimate.</summary>
    Auto,

    /// <summary>Jacobians of all samples, then one product: memory n·outputs·parameters.</summary>
    Jacobians,

    /// <summary>For each sample and output a VJP, then a JVP on all samples: no product over the parameters, and no Jacobian in memory.</summary>
    VectorProducts,

    /// <summary>For the layers of this library: Σ (δδᵀ)∘(hhᵀ) over weight layers, with h their inputs and δ the derivatives by their outputs.</summary>
    Structured,
}

/// <summary>
/// Finite networks f(θ, x), x [n, …] → [n, outputs…], seen as kernels and as expansions in their parameters. θ is any tree of tensors. Samples must not
/// influence each other: no batch normalisation over x.
/// </summary>
public static partial class Empirical
{
    private const long DefaultBudget = 256L << 20;

    /// <summary>The tangent kernel of a function at θ. Shape: by the mode; outputs with several axes are counted as one.</summary>
    /// <param name="f">f(θ, x).</param>
    /// <param name="parameters">θ.</param>
    /// <param name="x1">First inputs [n1, …].</param>
    /// <param name="x2">Second inputs [n2, …]; null: the first again, of which only one half is computed.</param>
    /// <param name="mode">Which outputs are paired.</param>
    /// <param name="method">How; not <see cref="NtkMethod.Structured"/>, which needs a network of layers.</param>
    /// <param name="byteBudget">Memory for intermediate results, about; samples are tiled to fit.</param>
    /// <exception cref="InfiniteWidthException">NB0537: the method does not apply, or f does not map [n, …] to [n, …].</exception>
    public static Tensor Ntk<TParameters>(Func<TParameters, Tensor, Tensor> f, TParameters parameters, Tensor x1, Tensor? x2 = null,
        OutputMode mode = OutputMode.Trace, NtkMethod method = NtkMethod.Auto, long byteBudget = DefaultBudget)
    {
        if (method == NtkMethod.Structured) throw InfiniteWidthErrors.EmpiricalNtk("the structured method needs a network of this library's layers, given as such");
        var network = FlatNetwork.Of(f, parameters, x1);
        if (method == NtkMethod.Auto) method = NtkCost.Cheapest(network, x1, x2 ?? x1, mode, null);
        return method == NtkMethod.Jacobians ? FromJacobians(network, x1, x2, mode, byteBudget) : FromProducts(network, x1, x2 ?? x1, mode, byteBudget);
    }

    /// <summary>The tangent kernel of a network of layers at the given parameters, by any of the methods.</summary>
    public static Tensor Ntk(Layer network, Tensor[] parameters, Tensor x1, Tensor? x2 = null,
        OutputMode mode = OutputMode.Trace, NtkMethod method = NtkMethod.Auto, long byteBudget = DefaultBudget)
    {
        Func<Tensor[], Tensor, Tensor> f = (p, x) => network.Apply(p, x);
        if (method == NtkMethod.Auto)
            method = NtkCost.Cheapest(FlatNetwork.Of(f, parameters, x1), x1, x2 ?? x1, mode, StructuredNtk.Shapes(network, parameters, x1));
        return method == NtkMethod.Structured
            ? Tiles.Run(x1, x2, StructuredNtk.TileSize(network, parameters, x1, mode, byteBudget), x => StructuredNtk.Of(network, parameters, x), (a, b) => a.With(b, mode))
            : Ntk(f, parameters, x1, x2, mode, method, byteBudget);
    }

    /// <summary>The covariance of outputs over output channels, f(x1)·f(x2) (for <see cref="OutputMode.Trace"/> their mean product).</summary>
    public static Tensor Nngp<TParameters>(Func<TParameters, Tensor, Tensor> f, TParameters parameters, Tensor x1, Tensor? x2 = null, OutputMode mode = OutputMode.Trace)
    {
        Tensor y1 = f(parameters, x1), y2 = x2 is null ? y1 : f(parameters, x2);
        (Tensor a, Tensor b) = (y1.Reshape(y1.Shape[0], -1), y2.Reshape(y2.Shape[0], -1));
        return mode switch
        {
            OutputMode.Trace => a.MatMul(b.T) / a.Shape[1],
            OutputMode.Diagonal => a.ExpandDims(1) * b.ExpandDims(0),
            _ => Ops.Einsum("ai,bj->abij", a, b),
        };
    }

    private static Tensor FromJacobians(FlatNetwork network, Tensor x1, Tensor? x2, OutputMode mode, long byteBudget)
    {
        long bytes = 4 * network.Outputs * network.ParameterCount * 8;
        return Tiles.Run(x1, x2, (int)Math.Clamp(byteBudget / Math.Max(1, bytes), 1, 1 << 20), network.Jacobians, (a, b) => Contract(a, b, network.Outputs, mode));
    }

    // Jacobians [n, outputs, size] of each leaf.
    private static Tensor Contract(Tensor[] a, Tensor[] b, int outputs, OutputMode mode)
    {
        Tensor One(Tensor left, Tensor right) => mode switch
        {
            OutputMode.Trace => left.Reshape(left.Shape[0], -1).MatMul(right.Reshape(right.Shape[0], -1).T) / outputs,
            OutputMode.Diagonal => Ops.Einsum("aip,bip->abi", left, right),
            _ => Ops.Einsum("aip,bjp->abij", left, right),
        };
        return a.Zip(b, One).Aggregate((s, t) => s + t);
    }

    // For each second sample b and output j: the parameter vector ∂f_j(x_b)/∂θ, then its image under the Jacobian of the first samples.
    private static Tensor FromProducts(FlatNetwork network, Tensor x1, Tensor x2, OutputMode mode, long byteBudget)
    {
        int outputs = network.Outputs;
        long bytes = 4 * outputs * (network.ParameterCount + x1.Shape[0] * (network.Flops / Math.Max(1, network.Width) + outputs)) * 8;
        int tile = (int)Math.Clamp(byteBudget / Math.Max(1, bytes), 1, x2.Shape[0]);
        (_, Func<Tensor[], Tensor> push) = Transforms.Linearize((Tensor[] p) => network.Apply(p, x1), network.Parameters);
        Tensor Column(Tensor sample)
        {
            (_, Func<Tensor, Tensor[]> pull) = Vjp((Tensor[] p) => network.Apply(p, sample.ExpandDims(0)).Squeeze(0), network.Parameters);
            return Vmap((Tensor basis) => push(pull(basis)))(Ops.Eye(outputs, network.DType));
        }
        var parts = new List<Tensor>();
        for (int at = 0; at < x2.Shape[0]; at += tile)
        {
            // [b, j, a, i]
            Tensor columns = Vmap((Tensor sample) => Column(sample))(x2.Slice(at..Math.Min(at + tile, x2.Shape[0])));
            parts.Add(mode switch
            {
                OutputMode.Full => columns.Transpose(2, 0, 3, 1),
                OutputMode.Diagonal => Ops.Einsum("biai->abi", columns),
                _ => Ops.Einsum("biai->ab", columns) / outputs,
            });
        }
        return parts.Count == 1 ? parts[0] : Ops.Concatenate(parts, 1);
    }
}

/// <summary>A function of parameters and inputs with both sides flat: θ as an array of tensors, outputs as one axis.</summary>
internal sealed class FlatNetwork
{
    private readonly Func<Tensor[], Tensor, Tensor> _apply;

    private FlatNetwork(Func<Tensor[], Tensor, Tensor> apply, Tensor[] parameters, int outputs, DType dtype, long flops, long width)
    {
        (_apply, Parameters, Outputs, DType, Flops, Width) = (apply, parameters, outputs, dtype, flops, width);
        ParameterCount = parameters.Sum(p => p.Count);
    }

    public Tensor[] Parameters { get; }

    public int Outputs { get; }

    public DType DType { get; }

    public long ParameterCount { get; }

    /// <summary>Operations of one evaluation on one sample.</summary>
    public long Flops { get; }

    /// <summary>Operations for each element that a typical product makes: about the width.</summary>
    public long Width { get; }

    public static FlatNetwork Of<TParameters>(Func<TParameters, Tensor, Tensor> f, TParameters parameters, Tensor x)
    {
        (Tensor[] leaves, TreeStructure<TParameters> structure) = Tree.Flatten(parameters);
        if (x.Rank == 0 || leaves.Length == 0) throw InfiniteWidthErrors.EmpiricalNtk($"no samples or no parameters: inputs {x.Aval}, {leaves.Length} parameter tensors");
        Tensor[] examples = [.. leaves.Select(l => (Tensor)Tensor.Zeros(l.Shape, l.DType)), Tensor.Zeros(x.Shape.With(0, 1), x.DType)];
        Autograd.Program program = Record(examples, all => [f(structure.Unflatten(all[..^1]), all[^1])]);
        Aval result = program.Outputs[0].Aval;
        if (result.Shape.Rank == 0 || result.Shape[0] != 1 || !result.DType.IsFloat)
            throw InfiniteWidthErrors.EmpiricalNtk($"f maps one sample to {result}; expected floats [1, outputs…]");
        (long flops, long width) = NtkCost.Operations(program);
        return new FlatNetwork((p, input) => f(structure.Unflatten(p), input), leaves, checked((int)result.Shape.Count), result.DType, flops, width);
    }

    /// <summary>[n, …] → [n, outputs].</summary>
    public Tensor Apply(Tensor[] parameters, Tensor x) => _apply(parameters, x).Reshape(x.Shape[0], Outputs);

    /// <summary>∂f_i(x_a)/∂θ for each leaf of θ: [n, outputs, size].</summary>
    public Tensor[] Jacobians(Tensor x)
    {
        Tensor[] Rows(Tensor sample)
        {
            (_, Func<Tensor, Tensor[]> pull) = Vjp((Tensor[] p) => Apply(p, sample.ExpandDims(0)).Squeeze(0), Parameters);
            return Vmap(pull)(Ops.Eye(Outputs, DType));
        }
        return Array.ConvertAll(Vmap((Tensor sample) => Rows(sample))(x), j => j.Reshape(j.Shape[0], Outputs, -1));
    }
}

/// <summary>Kernels of many samples from those of a few at a time.</summary>
internal static class Tiles
{
    /// <summary>
    /// Prepares each tile of samples once for each row and combines pairs; of a symmetric kernel only those with column ≥ row. Results begin with axes [n1, n2], and end with
    /// two axes for pairs of outputs if they have four.
    /// </summary>
    public static Tensor Run<T>(Tensor x1, Tensor? x2, int size, Func<Tensor, T> prepare, Func<T, T, Tensor> combine)
    {
        Tensor other = x2 ?? x1;
        (int rows, int columns) = (Count(x1, size), Count(other, size));
        var tiles = new Tensor[rows, columns];
        for (int i = 0; i < rows; i++)
        {
            T left = prepare(Part(x1, i, size));
            for (int j = 0; j < columns; j++)
                tiles[i, j] = x2 is null && j < i ? Mirrored(tiles[j, i]) : combine(left, x2 is null && j == i ? left : prepare(Part(other, j, size)));
        }
        return Joined(Enumerable.Range(0, rows).Select(i => Joined(Enumerable.Range(0, columns).Select(j => tiles[i, j]), 1)), 0);
    }

    private static int Count(Tensor x, int size) => Math.Max(1, (x.Shape[0] + size - 1) / size);

    private static Tensor Part(Tensor x, int index, int size) =>
        size >= x.Shape[0] ? x : x.Slice((index * size)..Math.Min((index + 1) * size, x.Shape[0]));

    private static Tensor Mirrored(Tensor tile) => tile.Rank switch { 2 => tile.T, 3 => tile.Transpose(1, 0, 2), _ => tile.Transpose(1, 0, 3, 2) };

    private static Tensor Joined(IEnumerable<Tensor> parts, int axis) => parts.ToList() is var all && all.Count == 1 ? all[0] : Ops.Concatenate(all, axis);
}
