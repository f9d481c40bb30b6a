using Nabla.Autograd;
using static Nabla.Transforms;

namespace Nabla.InfiniteWidth;

/// <summary>
/// What the tangent kernel of a network of layers needs of one set of samples: for each weight layer its features h [n, positions, features] and the derivatives δ [outputs, n,
/// positions, units] of the outputs by its results. The Jacobian of W is Σ_p h ⊗ δ, which is never formed where the Gram matrices of h and δ are cheaper.
/// </summary>
internal sealed class StructuredNtk
{
    private readonly List<WeightUse> _layers;
    private readonly int _outputs;

    private StructuredNtk(List<WeightUse> layers, int outputs) => (_layers, _outputs) = (layers, outputs);

    /// <summary>One forward pass, and one reverse pass for all outputs of all samples together.</summary>
    public static StructuredNtk Of(Layer network, Tensor[] parameters, Tensor x)
    {
        List<WeightUse> layers = Shapes(network, parameters, x);
        Tensor[] zeros = [.. layers.Select(l => (Tensor)Tensor.Zeros(l.Result.Shape, l.Result.DType))];
        (Tensor y, Func<Tensor, Tensor[]> pull) = Vjp((Tensor[] shifts) =>
        {
            Tensor output = network.Run(parameters, x, null, new Shifting(shifts));
            return output.Reshape(x.Shape[0], -1);
        }, zeros);
        int outputs = y.Shape[1];
        // Cotangent j: output j of every sample; samples do not mix, so that each gets its own derivative.
        Tensor cotangents = Ops.Eye(outputs, y.DType).ExpandDims(1).BroadcastTo([outputs, x.Shape[0], outputs]);
        Tensor[] deltas = Vmap(pull)(cotangents);
        for (int l = 0; l < layers.Count; l++) layers[l] = layers[l] with { Delta = deltas[l] };
        return new StructuredNtk(layers, outputs);
    }

    /// <summary>The weight layers with their features and results, from a forward pass.</summary>
    public static List<WeightUse> Shapes(Layer network, Tensor[] parameters, Tensor x)
    {
        var recording = new Recording();
        network.Run(parameters, x, null, recording);
        return recording.Layers;
    }

    /// <summary>How many samples fit the budget on each side.</summary>
    public static int TileSize(Layer network, Tensor[] parameters, Tensor x, OutputMode mode, long byteBudget)
    {
        int outputs = checked((int)network.OutputShape(Shape.Create(x.Shape.Dims[1..])).Count);
        List<WeightUse> layers = Shapes(network, parameters, x.Slice(..Math.Min(1, x.Shape[0])));
        double pairs = layers.Count == 0 ? 1 : layers.Max(l => l.BytesPerPair(outputs, mode)), own = layers.Sum(l => l.BytesPerSample(outputs));
        // pairs·t² + own·t = budget
        double tile = (Math.Sqrt(own * own + 4 * pairs * byteBudget) - own) / (2 * pairs);
        return (int)Math.Clamp(tile, 1, 1 << 20);
    }

    /// <summary>The kernel between these samples and others.</summary>
    public Tensor With(StructuredNtk other, OutputMode mode)
    {
        Tensor sum = _layers.Zip(other._layers, (a, b) => a.With(b, mode)).Aggregate((s, t) => s + t);
        return mode == OutputMode.Trace ? sum / _outputs : sum;
    }

    private sealed class Recording : WeightTap
    {
        public List<WeightUse> Layers { get; } = [];

        public override Tensor Pass(Tensor weightScale, Tensor? biasScale, Tensor features, Tensor result)
        {
            Layers.Add(new WeightUse(weightScale, biasScale, features, result, null));
            return result;
        }
    }

    private sealed class Shifting(Tensor[] shifts) : WeightTap
    {
        private int _next;

        public override Tensor Pass(Tensor weightScale, Tensor? biasScale, Tensor features, Tensor result) => result + shifts[_next++];
    }
}

/// <summary>One weight layer on a set of samples.</summary>
internal sealed record WeightUse(Tensor WeightScale, Tensor? BiasScale, Tensor Features, Tensor Result, Tensor? Delta)
{
    private int Positions => checked((int)Shape.Create(Features.Shape.Dims[1..^1]).Count);

    private Tensor H => Features.Reshape(Features.Shape[0], Positions, Features.Shape[^1]);

    private Tensor D => Delta is { } d ? d.Reshape(d.Shape[0], d.Shape[1], Positions, d.Shape[^1]) : throw new InvalidOperationException("no derivatives yet");

    /// <summary>Operations for a pair of samples.</summary>
    public double FlopsPerPair(int outputs, OutputMode mode) => Math.Min(GramFlops(outputs, mode), JacobianFlops(outputs, mode));

    public double BytesPerPair(int outputs, OutputMode mode) => UsesGrams(outputs, mode)
        ? 24.0 * Positions * Positions * Pairs(outputs, mode) : 24.0 * Pairs(outputs, mode);

    public double BytesPerSample(int outputs) => 8.0 * Positions * (Features.Shape[^1] + 2.0 * outputs * Result.Shape[^1]) +
        (UsesGrams(outputs, OutputMode.Full) ? 0 : 8.0 * outputs * Features.Shape[^1] * Result.Shape[^1]);

    public Tensor With(WeightUse other, OutputMode mode)
    {
        Tensor scale = WeightScale.To(Result.DType).Square();
        Tensor? bias = BiasScale?.To(Result.DType).Square();
        if (UsesGrams(D.Shape[0], mode))
        {
            Tensor grams = scale * Ops.Einsum("apf,bqf->abpq", H, other.H);
            if (bias is not null) grams += bias;
            return mode switch
            {
                OutputMode.Trace => (grams * Ops.Einsum("iapu,ibqu->abpq", D, other.D)).Sum(2, 3),
                OutputMode.Diagonal => Ops.Einsum("abpq,iabpq->abi", grams, Ops.Einsum("iapu,ibqu->iabpq", D, other.D)),
                _ => Ops.Einsum("abpq,iajbpq->abij", grams, Ops.Einsum("iapu,jbqu->iajbpq", D, other.D)),
            };
        }
        Tensor result = scale * Products(Ops.Einsum("apf,iapu->aifu", H, D), Ops.Einsum("apf,iapu->aifu", other.H, other.D), mode);
        return bias is null ? result : result + bias * Products(Ops.Einsum("iapu->aiu", D), Ops.Einsum("iapu->aiu", other.D), mode);
    }

    private static Tensor Products(Tensor a, Tensor b, OutputMode mode)
    {
        (a, b) = (a.Reshape(a.Shape[0], a.Shape[1], -1), b.Reshape(b.Shape[0], b.Shape[1], -1));
        return mode switch
        {
            OutputMode.Trace => Ops.Einsum("aip,bip->ab", a, b),
            OutputMode.Diagonal => Ops.Einsum("aip,bip->abi", a, b),
            _ => Ops.Einsum("aip,bjp->abij", a, b),
        };
    }

    private static double Pairs(int outputs, OutputMode mode) => mode == OutputMode.Full ? (double)outputs * outputs : outputs;

    private bool UsesGrams(int outputs, OutputMode mode) => GramFlops(outputs, mode) <= JacobianFlops(outputs, mode);

    private double GramFlops(int outputs, OutputMode mode) =>
        2.0 * Positions * Positions * (Features.Shape[^1] + Pairs(outputs, mode) * (Result.Shape[^1] + 1));

    // Forming the Jacobians costs something for each sample, not each pair; it is counted as if there were eight samples.
    private double JacobianFlops(int outputs, OutputMode mode) =>
        2.0 * Features.Shape[^1] * Result.Shape[^1] * (Pairs(outputs, mode) + outputs * Positions / 8.0);
}

/// <summary>Estimates of work, by which a method is chosen.</summary>
internal static class NtkCost
{
    /// <summary>Operations of a program, and the mean number of operations for each element that its products make.</summary>
    public static (long Flops, long Width) Operations(Autograd.Program program)
    {
        double flops = 0, products = 0, elements = 0;
        foreach (Equation equation in program.Equations)
        {
            double made = equation.Outputs.Sum(o => (double)o.Aval.Shape.Count);
            flops += made;
            double inner = 1;
            if (equation.Parameters is Kernels.DotDims dims)
                foreach (int axis in dims.LhsContract) inner *= equation.Inputs[0].Aval.Shape[axis];
            else if (equation.Primitive is ConvPrimitive && equation.Outputs[0].Aval.Shape is { } y && made > 0)
                inner = equation.Inputs[1].Aval.Shape.Count / ((double)y[^1] * y[^2]);
            else continue;
            products += 2 * made * inner;
            elements += made;
        }
        return ((long)(flops + products), Math.Max(1, (long)(products / Math.Max(1, 2 * elements))));
    }

    /// <summary>The method with the fewest operations; the weight layers are null where the function is not a network of layers.</summary>
    public static NtkMethod Cheapest(FlatNetwork network, Tensor x1, Tensor x2, OutputMode mode, List<WeightUse>? layers)
    {
        double n1 = x1.Shape[0], n2 = x2.Shape[0], outputs = network.Outputs, flops = network.Flops;
        double pairs = mode == OutputMode.Full ? outputs * outputs : outputs;
        double jacobians = (n1 + n2) * outputs * 2 * flops + 2 * n1 * n2 * pairs * network.ParameterCount;
        double products = n2 * outputs * (2 + n1) * flops;
        double structured = layers is null ? double.PositiveInfinity
            : (n1 + n2) * (1 + outputs) * flops + n1 * n2 * layers.Sum(l => l.FlopsPerPair(network.Outputs, mode));
        return structured <= Math.Min(jacobians, products) ? NtkMethod.Structured : jacobians <= products ? NtkMethod.Jacobians : NtkMethod.VectorProducts;
    }
}
