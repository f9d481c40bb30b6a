using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>
/// conv: x [batch, spatial…, groups, in] under a moving window w [window…, groups, in, out] gives [batch, spatial…, groups, out]; see
/// <see cref="ConvDims"/>. Bilinear, and closed under its derivatives: both adjoints are conv of transposed views.
/// </summary>
public sealed class ConvPrimitive() : SinglePrimitive<ConvDims>("conv")
{
    internal static readonly ConvPrimitive Instance = new();

    /// <inheritdoc/>
    public override Tolerance Tolerance => Tolerance.Terms(8);

    /// <inheritdoc/>
    protected override Aval AbstractEval(ReadOnlySpan<Aval> inputs, ConvDims dims)
    {
        (Aval x, Aval w) = (inputs[0], inputs[1]);
        if (x.DType != w.DType) throw AutogradErrors.EqualDTypes(Name, x, w);
        if (!x.DType.IsFloat) throw AutogradErrors.DTypeNotSupported(Name, x, "f32 f64");
        return new Aval(x.DType, dims.OutputShape(x.Shape, w.Shape));
    }

    /// <inheritdoc/>
    protected override void Evaluate(ReadOnlySpan<DenseTensor> inputs, DenseTensor output, ConvDims dims) =>
        Convolution.Run(inputs[0], inputs[1], dims, output);

    /// <inheritdoc/>
    protected override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReferenceArray output, ConvDims dims)
    {
        (ReferenceArray x, ReferenceArray w) = (inputs[0], inputs[1]);
        int rank = dims.Rank;
        Shape terms = Shape.Create([.. w.Shape.Dims[..rank], w.Shape.Dims[rank + 1]]);
        foreach (int[] y in ReferenceArray.Indices(output.Shape))
        {
            var sum = new ReferenceSum();
            foreach (int[] k in ReferenceArray.Indices(terms))
            {
                int[] at = [y[0], .. new int[rank], y[^2], k[^1]];
                bool inside = true;
                for (int i = 0; i < rank; i++)
                {
                    int position = y[i + 1] * dims.Strides[i] + k[i] * dims.RhsDilation[i] - dims.Low[i];
                    at[i + 1] = position / dims.LhsDilation[i];
                    inside &= position >= 0 && position % dims.LhsDilation[i] == 0 && at[i + 1] < x.Shape.Dims[i + 1];
                }
                if (inside) sum.Add(x[at] * w[[.. k[..rank], y[^2], k[^1], y[^1]]]);
            }
            output[y] = sum.Value;
        }
    }

    /// <inheritdoc/>
    protected override Tensor Jvp(Tensor[] primals, Tensor?[] tangents, Tensor output, ConvDims dims)
    {
        Tensor? fromInput = tangents[0] is { } dx ? BindOne(dims, dx, primals[1]) : null;
        Tensor? fromKernel = tangents[1] is { } dw ? BindOne(dims, primals[0], dw) : null;
        return fromInput is not null && fromKernel is not null ? fromInput + fromKernel : (fromInput ?? fromKernel)!;
    }

    /// <inheritdoc/>
    protected override Tensor?[] Transpose(Tensor ct, Tensor?[] inputs, Aval[] avals, ConvDims dims)
    {
        if (inputs[1] is { } w) return [AdjointOfInput(ct, avals[0].Shape, w, dims), null];
        return inputs[0] is { } x ? [null, AdjointOfKernel(ct, x, avals[1].Shape, dims)] : throw AutogradErrors.NotLinear(Name);
    }

    /// <summary>
    /// Σ ct·w over the windows that hold each element of x: stride and input dilation change places, the window is turned round, and features and channels
    /// are exchanged. ct [batch, out…, groups, out] → [batch, spatial…, groups, in].
    /// </summary>
    internal Tensor AdjointOfInput(Tensor ct, Shape x, Tensor w, ConvDims dims)
    {
        int rank = dims.Rank;
        (int[] low, int[] high) = (new int[rank], new int[rank]);
        for (int i = 0; i < rank; i++)
        {
            int window = ConvDims.Extent(w.Shape.Dims[i], dims.RhsDilation[i]), extent = ConvDims.Extent(ct.Shape.Dims[i + 1], dims.Strides[i]);
            low[i] = window - 1 - dims.Low[i];
            high[i] = (x.Dims[i + 1] - 1) * dims.LhsDilation[i] + window - extent - low[i];
        }
        Tensor turned = w.Reverse([.. Enumerable.Range(0, rank)]).MoveAxis(rank + 1, rank + 2);
        return BindOne(new ConvDims(dims.LhsDilation, low, high, dims.Strides, dims.RhsDilation), ct, turned);
    }

    // Σ x·ct over the batch and all windows: both become what is summed over, so that batch and channels of x change places, and stride and dilation.
    private Tensor AdjointOfKernel(Tensor ct, Tensor x, Shape w, ConvDims dims)
    {
        int rank = dims.Rank;
        var high = new int[rank];
        for (int i = 0; i < rank; i++)
        {
            int windows = ConvDims.Extent(ct.Shape.Dims[i + 1], dims.Strides[i]), extent = ConvDims.Extent(x.Shape.Dims[i + 1], dims.LhsDilation[i]);
            high[i] = (w.Dims[i] - 1) * dims.RhsDilation[i] + windows - extent - dims.Low[i];
        }
        int[] spatial = [.. Enumerable.Range(1, rank + 1)];
        Tensor features = x.Transpose([rank + 2, .. spatial, 0]);                  // [in, spatial…, groups, batch]
        Tensor windowSums = ct.Transpose([.. spatial, 0, rank + 2]);               // [out…, groups, batch, out]
        Tensor sums = BindOne(new ConvDims(dims.RhsDilation, dims.Low, high, dims.LhsDilation, dims.Strides), features, windowSums);
        return sums.Transpose([.. spatial, 0, rank + 2]);                          // [window…, groups, in, out]
    }

    /// <remarks>A batch of inputs is a larger batch, a batch of kernels more features, both together more groups.</remarks>
    protected override (Tensor Output, int Axis) Vmap(Tensor[] inputs, int?[] axes, int size, ConvDims dims)
    {
        int rank = dims.Rank;
        (Tensor x, Tensor w) = (inputs[0], inputs[1]);
        if (size == 0)
        {
            Shape shape = dims.OutputShape(Without(x.Shape, axes[0]), Without(w.Shape, axes[1]));
            return (Tensor.Zeros(shape.Insert(0, 0), x.DType, x.Device), 0);
        }
        int place = axes[1] is null ? 0 : axes[0] is null ? rank + 2 : rank + 1;
        if (axes[0] is { } inX) x = Merge(x, inX, place);
        if (axes[1] is { } inW) w = Merge(w, inW, axes[0] is null ? rank + 2 : rank);
        Tensor y = BindOne(dims, x, w);
        int[] split = [.. y.Shape.Dims[..place], size, y.Shape.Dims[place] / size, .. y.Shape.Dims[(place + 1)..]];
        return (y.Reshape(Shape.Create(split)), place);
    }

    private static Shape Without(Shape shape, int? axis) => axis is { } a ? shape.Without([a]) : shape;

    // The batch in front of another axis, as one.
    private static Tensor Merge(Tensor x, int from, int place)
    {
        Tensor moved = x.MoveAxis(from, place);
        ReadOnlySpan<int> dims = moved.Shape.Dims;
        return moved.Reshape(Shape.Create([.. dims[..place], dims[place] * dims[place + 1], .. dims[(place + 2)..]]));
    }

    /// <inheritdoc/>
    public override IEnumerable<Sample> Samples(SampleSource source)
    {
        Sample Of(Shape x, Shape w, ConvDims dims) => new([source.Uniform(x), source.Uniform(w)], dims);
        yield return Of([2, 6, 1, 3], [3, 1, 3, 2], Dims([1], [0], [0]));
        yield return Of([1, 5, 1, 1], [2, 1, 1, 1], Dims([2], [1], [2]));
        yield return Of([2, 4, 5, 1, 2], [3, 2, 1, 2, 3], Dims([1, 2], [1, 0], [1, 1]));
        yield return Of([2, 5, 4, 2, 2], [2, 2, 2, 2, 3], Dims([1, 1], [1, 1], [0, 0]));
        yield return Of([2, 6, 5, 1, 2], [2, 3, 1, 2, 2], Dims([2, 1], [1, 2], [-1, 1], [2, 1], [2, 1]));
        yield return Of([2, 6, 1, 2], [3, 1, 2, 2], Dims([3], [-1], [2], [1], [2]));
        yield return Of([1, 4, 3, 17, 1], [2, 2, 17, 1, 1], Dims([1, 1], [1, 0], [0, 1]));
        yield return Of([2, 5, 3, 2], [1, 3, 2, 1], Dims([2], [0], [0]));
        yield return Of([2, 3, 3, 1, 3], [1, 1, 1, 3, 2], Dims([1, 2], [0, 0], [0, 0]));
        yield return Of([1, 3, 2, 2, 1, 1], [2, 2, 1, 1, 1, 2], Dims([1, 1, 1], [0, 0, 1], [1, 0, 0]));
        yield return Of([0, 4, 1, 2], [3, 1, 2, 2], Dims([1], [1], [1]));
        yield return Of([1, 2, 1, 2], [4, 1, 2, 1], Dims([1], [0], [0]));
        yield return Of([2, 0, 1, 2], [3, 1, 2, 1], Dims([1], [2], [2]));
        yield return Of([2, 4, 1, 0], [3, 1, 0, 2], Dims([1], [0], [0]));
    }

    private static ConvDims Dims(int[] strides, int[] low, int[] high, int[]? lhs = null, int[]? rhs = null)
    {
        int[] ones = Array.ConvertAll(strides, _ => 1);
        return new ConvDims(strides, low, high, lhs ?? ones, rhs ?? ones);
    }

    /// <inheritdoc/>
    public override IEnumerable<ErrorSample> ErrorSamples(SampleSource source) =>
    [
        new([source.Uniform([2, 6, 3]), source.Uniform([3, 1, 3, 2])], Dims([1], [0], [0]), "NB0131"),
        new([source.Uniform([2, 6, 1, 3]), source.Uniform([3, 1, 2, 2])], Dims([1], [0], [0]), "NB0132"),
        new([source.Uniform([2, 6, 2, 3]), source.Uniform([3, 3, 3, 2])], Dims([1], [0], [0]), "NB0132"),
        new([source.Uniform([2, 6, 1, 3]), source.Integers([3, 1, 3, 2], 0, 3)], Dims([1], [0], [0]), "NB0206"),
        new([source.Integers([2, 6, 1, 3], 0, 3), source.Integers([3, 1, 3, 2], 0, 3)], Dims([1], [0], [0]), "NB0205"),
    ];
}
