using Nabla.Kernels;

namespace Nabla;

/// <summary>
/// A deep network that is computed, not trained: each layer is a step of gradient ascent on ΔR of the features before it,
/// <c>z ← P(z + η(E z − Σ_j γ_j π̂_j(z) C_j z))</c>, with E = α(I + αZZᵀ)⁻¹, C_j = α_j(I + α_j Z Π_j Zᵀ)⁻¹, γ_j = n_j/n, π̂(z) = softmax_j(−λ‖C_j z‖) in place of labels, and P
/// the division by the length.
/// </summary>
/// <remarks>
/// Samples come first: vectors [n, d], signals [n, T, C], images [n, H, W, C]. For signals and images all cyclic shifts of each sample count, without being formed: then operators are
/// convolutions over all channels, layers commute with shifts, and everything splits into one C×C problem for each frequency. Polar images are signals over the angle.
/// A layer costs 2n(k + 1)m² + (k + 2)m³ flops a frequency. Source: Chan, Yu, You, Qi, Wright, Ma, "ReduNet: a white-box deep network from the principle of maximizing rate
/// reduction", arXiv:2105.10446.
/// </remarks>
public sealed partial class ReduNet
{
    private readonly SampleBlocks _blocks;
    private readonly int[] _counts;
    private readonly ReduRates[] _rates;

    private ReduNet(Shape sample, ReduNetOptions options, int[] counts, DenseTensor operators, ReduRates[] rates)
    {
        (SampleShape, Options, _counts, Operators, _rates) = (sample, options, counts, operators, rates);
        _blocks = new SampleBlocks(sample);
        Shares = Array.ConvertAll(counts, count => (double)count / counts.Sum());
    }

    /// <summary>The shape of a sample: [d], [T, C] or [H, W, C].</summary>
    public Shape SampleShape { get; }

    /// <summary>How it was built.</summary>
    public ReduNetOptions Options { get; }

    /// <summary>
    /// E, C_1 … C_k of all layers. Shape: [L, F, k + 1, m, m], with F = 1 and m = d for vectors; with convolutions, F frequencies and m = 2C, the real form [[A, −B], [B, A]] of A + iB.
    /// </summary>
    public DenseTensor Operators { get; }

    /// <summary>n_j of the samples that it was built from.</summary>
    public ReadOnlySpan<int> Counts => _counts;

    /// <summary>γ_j = n_j/n.</summary>
    public double[] Shares { get; }

    /// <summary>L.</summary>
    public int Depth => Operators.Shape[0];

    /// <summary>k.</summary>
    public int Classes => _counts.Length;

    /// <summary>Coding rates of the training features before each layer, and behind the last one: L + 1.</summary>
    public IReadOnlyList<ReduRates> Rates => _rates;

    /// <summary>The raw η = η_eff·n/d of the formula.</summary>
    public double Step => Options.Step * _counts.Sum() / _blocks.Dimension;

    /// <summary>The raw λ = λ_eff·n/d of the formula.</summary>
    public double Gate => Options.Gate * _counts.Sum() / _blocks.Dimension;

    /// <summary>Builds the layers from labelled samples, which are usually divided by their lengths first.</summary>
    /// <param name="x">Samples [n, d], [n, T, C] or [n, H, W, C], f32 or f64.</param>
    /// <param name="labels">The class of each sample.</param>
    /// <param name="classes">k; a class without samples has γ_j = 0, C_j = 0, and is never predicted.</param>
    /// <param name="options">L, ε², η, λ.</param>
    /// <param name="features">The samples behind the last layer, as the construction saw them. Shape: that of x.</param>
    /// <exception cref="ShapeException">NB0690, NB0691, NB0692: samples, options or labels of a wrong form; NB0699: too large.</exception>
    /// <exception cref="NumericException">NB0693: a label outside [0, k); NB0694: a sample is not finite; NB0695: a layer cannot be computed.</exception>
    public static ReduNet Build(Tensor x, ReadOnlySpan<int> labels, int classes, ReduNetOptions options, out Tensor features)
    {
        options.Check();
        using IDisposable constants = Device.Use(x.Device);
        (int[] order, int[] counts) = Sorted(x, labels, classes);
        var sample = Shape.Create(x.Shape.Dims[1..]);
        CheckSize(x, new SampleBlocks(sample));
        CheckFinite(x);
        DenseTensor operators = Reserve(sample, classes, options.Layers, x.DType, x.Device);
        var net = new ReduNet(sample, options, counts, operators, new ReduRates[options.Layers + 1]);
        DenseTensor rows = net._blocks.Of(x.Take(Tensor.From(order, device: x.Device)));
        for (int layer = 0; layer < options.Layers; layer++)
        {
            net.BuildLayer(rows, layer, Layer(operators, layer));
            net.Pass(rows, layer, labels: counts);
        }
        DenseTensor last = DenseTensor.Allocate(Layer(operators, 0).Aval, x.Device);
        net.BuildLayer(rows, options.Layers, last);
        Tensor back = Tensor.From(Inverse(order), device: x.Device);
        features = net._blocks.Samples(rows.Take(back));
        return net;
    }

    /// <inheritdoc cref="Build(Tensor, ReadOnlySpan{int}, int, ReduNetOptions, out Tensor)"/>
    public static ReduNet Build(Tensor x, ReadOnlySpan<int> labels, int classes, ReduNetOptions options) => Build(x, labels, classes, options, out _);

    /// <summary>Features of samples behind the first <paramref name="layers"/> layers, all by default. Shape: [n, sample…], kept.</summary>
    /// <exception cref="ShapeException">NB0696: samples of another shape or element type than those it was built from; NB0691: more layers than there are.</exception>
    /// <exception cref="NumericException">NB0694: a sample is not finite.</exception>
    public Tensor Transform(Tensor x, int? layers = null)
    {
        using IDisposable constants = Device.Use(x.Device);
        return _blocks.Samples(Run(x, layers ?? Depth).Rows);
    }

    /// <summary>π̂ in the last layer, or in layer <paramref name="layer"/> from 0 on. Shape: [n, sample…] → [n, k].</summary>
    /// <inheritdoc cref="Transform"/>
    public Tensor Gates(Tensor x, int? layer = null)
    {
        CheckIndex("layer", layer ?? 0, Depth);
        return Run(x, (layer ?? Depth - 1) + 1).Gates;
    }

    /// <summary>The class with the largest π̂ in the last layer, i32. Shape: [n, sample…] → [n].</summary>
    /// <inheritdoc cref="Transform"/>
    public Tensor Predict(Tensor x) => Gates(x).ArgMax(1);

    /// <summary>
    /// One operator of a layer applied to samples: E for <paramref name="which"/> = 0, C_j for j = 1 … k. Shape: [n, sample…], kept. With convolutions, applied to an impulse it
    /// shows the kernel.
    /// </summary>
    /// <inheritdoc cref="Transform"/>
    public Tensor ApplyOperator(Tensor x, int layer, int which)
    {
        CheckIndex("layer", layer, Depth);
        CheckIndex("operator", which, Classes + 1);
        CheckSamples(x);
        using IDisposable constants = Device.Use(x.Device);
        Tensor matrices = Operators.At(layer).Slice(.., which..(which + 1)).Reshape([_blocks.Blocks, _blocks.Size, _blocks.Size]);
        return _blocks.Samples(_blocks.Of(x).MoveAxis(0, 1).MatMul(matrices).MoveAxis(1, 0));
    }

    /// <summary>
    /// Eigenvalues of E, C_1 … C_k in a layer, ascending, over all frequencies: near α in directions that the features do not use, near 0 in those they fill.
    /// Shape: [k + 1, F·m]; with convolutions each of a complex matrix appears twice.
    /// </summary>
    /// <exception cref="ShapeException">NB0691: there is no such layer.</exception>
    public Tensor Spectra(int layer)
    {
        CheckIndex("layer", layer, Depth);
        return Operators.At(layer).Eigh().Values.MoveAxis(0, 1).Reshape([Classes + 1, _blocks.Blocks * _blocks.Size]).Sort(-1);
    }

    private (DenseTensor Rows, DenseTensor Gates) Run(Tensor x, int layers)
    {
        CheckSamples(x);
        using IDisposable constants = Device.Use(x.Device);
        if (layers < 0 || layers > Depth) throw ReduNetErrors.Option("layers", layers, $"0 to {Depth}");
        DenseTensor rows = _blocks.Of(x), gates = NewGates(rows);
        for (int layer = 0; layer < layers; layer++) gates = Pass(rows, layer, labels: null);
        return (rows, gates);
    }

    private static void CheckIndex(string name, int index, int count)
    {
        if ((uint)index >= (uint)count) throw ReduNetErrors.Option(name, index, $"0 to {count - 1}");
    }

    private static void CheckSize(Tensor x, SampleBlocks blocks)
    {
        Int128 elements = (Int128)x.Shape[0] * blocks.Blocks * blocks.Size;
        if (elements > int.MaxValue) throw ReduNetErrors.TooLarge($"the features [{x.Shape[0]},{blocks.Blocks},{blocks.Size}]", elements);
    }

    private void CheckSamples(Tensor x)
    {
        if (x.Rank < 1 || x.DType != Operators.DType || !x.Shape.Dims[1..].SequenceEqual(SampleShape.Dims))
            throw ReduNetErrors.OtherSamples(x.Aval, $"{Operators.DType.Name}[n,{string.Join(',', SampleShape.Dims.ToArray())}]");
        CheckSize(x, _blocks);
        CheckFinite(x);
    }

    // Operators and rates from the features that enter a layer.
    private void BuildLayer(DenseTensor rows, int layer, DenseTensor operators)
    {
        if (rows.Device is Accelerator) ReduLayersOnDevice.Grams(rows, _counts, operators);
        else ReduLayers.Grams(rows, _counts, operators);
        Finish(layer, operators);
    }

    private void Finish(int layer, DenseTensor operators)
    {
        var form = new ReduForm(Classes, _blocks.Complex, Options.EpsilonSquared);
        (double rate, double classRate) = operators.Device is Accelerator
            ? ReduLayersOnDevice.Operators(form, _counts, _blocks.Factors, operators) : ReduLayers.Operators(form, _counts, _blocks.Factors, operators);
        if (!double.IsFinite(rate + classRate)) throw ReduNetErrors.Diverged(layer, Options.EpsilonSquared, Options.Step);
        _rates[layer] = new ReduRates(rate, classRate);
    }

    // One layer in place. While layers are built, rows are sorted by class and labels are their numbers.
    private DenseTensor Pass(DenseTensor rows, int layer, int[]? labels)
    {
        DenseTensor gates = NewGates(rows);
        bool given = Options.Gating == ReduGate.Labels ? labels is not null : Options.Gating != ReduGate.Soft;
        if (given) Move.Copy(GivenGates(rows, layer, labels).Dense, gates);
        bool byClass = labels is not null && Options.Normalization == ReduNormalization.Class, each = !byClass && Options.Normalization != ReduNormalization.None;
        var step = new ReduStep(Step, Gate, Options.Residual, each, given);
        if (rows.Device is Accelerator) ReduLayersOnDevice.Apply(rows, Layer(Operators, layer), Shares, step, gates);
        else ReduLayers.Apply(rows, Layer(Operators, layer), Shares, step, gates);
        if (byClass) Move.Copy((rows * ClassFactors(rows, labels!)).Dense, rows);
        return gates;
    }

    private DenseTensor NewGates(DenseTensor rows) => DenseTensor.Allocate(new Aval(rows.DType, [rows.Shape[0], Classes]), rows.Device);

    private Tensor GivenGates(DenseTensor rows, int layer, int[]? counts)
    {
        Shape shape = [rows.Shape[0], Classes];
        if (Options.Gating == ReduGate.Uniform) return Tensor.Full(shape, 1.0 / Classes, rows.DType);
        if (Options.Gating == ReduGate.Labels) return Tensor.From(LabelsOf(counts!)).OneHot(Classes, rows.DType);
        Tensor random = new RandomKey(Options.Seed).FoldIn(layer).Uniform(shape, dtype: rows.DType);
        return random / random.Sum(1).ExpandDims(1);
    }

    private static int[] LabelsOf(int[] counts) => [.. counts.SelectMany((count, j) => Enumerable.Repeat(j, count))];

    // √(n_j/‖Z_j‖²) for each row; 0 for a class of zeros.
    private static Tensor ClassFactors(Tensor rows, int[] counts)
    {
        Tensor members = Tensor.From(LabelsOf(counts)), squares = rows.Square().Sum(1, 2).SegmentSum(members, counts.Length);
        Tensor zero = squares.Equal(0), factors = Tensor.From(Array.ConvertAll(counts, c => (double)c)).To(rows.DType) / Ops.Where(zero, squares.OnesLike(), squares);
        return Ops.Where(zero, factors.ZerosLike(), factors).Sqrt().Take(members).Reshape(-1, 1, 1);
    }

    private static DenseTensor Layer(DenseTensor operators, int layer) => operators.At(layer).Dense;

    private static DenseTensor Reserve(Shape sample, int classes, int layers, DType dtype, Device device)
    {
        var blocks = new SampleBlocks(sample);
        Int128 elements = (Int128)layers * blocks.Blocks * (classes + 1) * blocks.Size * blocks.Size;
        if (elements > int.MaxValue) throw ReduNetErrors.TooLarge($"the operators [{layers},{blocks.Blocks},{classes + 1},{blocks.Size},{blocks.Size}]", elements);
        return DenseTensor.Allocate(new Aval(dtype, [layers, blocks.Blocks, classes + 1, blocks.Size, blocks.Size]), device);
    }

    // Positions of the samples sorted by class, and n_j.
    private static (int[] Order, int[] Counts) Sorted(Tensor x, ReadOnlySpan<int> labels, int classes)
    {
        if (x.Rank is < 2 or > 4 || !x.DType.IsFloat || x.Count == 0) throw ReduNetErrors.Samples(x.Aval);
        if (labels.Length != x.Shape[0] || classes < 1) throw ReduNetErrors.Labels(x.Aval, labels.Length, classes);
        var counts = new int[classes];
        for (int i = 0; i < labels.Length; i++)
        {
            if ((uint)labels[i] >= (uint)classes) throw ReduNetErrors.Label(i, labels[i], classes);
            counts[labels[i]]++;
        }
        int[] known = labels.ToArray();
        return ([.. Enumerable.Range(0, known.Length).OrderBy(i => known[i])], counts);
    }

    private static int[] Inverse(int[] order)
    {
        var back = new int[order.Length];
        for (int i = 0; i < order.Length; i++) back[order[i]] = i;
        return back;
    }

    private static void CheckFinite(Tensor x)
    {
        // A sum is finite unless an element is not, or it overflows.
        if (double.IsFinite(x.Sum().ToDouble())) return;
        double[] values = x.ToDoubles();
        int bad = Array.FindIndex(values, v => !double.IsFinite(v));
        long features = x.Count / x.Shape[0];
        if (bad >= 0) throw ReduNetErrors.NotFinite(x.Aval, bad / features, bad % features, values[bad]);
    }
}
