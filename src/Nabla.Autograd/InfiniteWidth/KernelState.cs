namespace Nabla.InfiniteWidth;

/// <summary>Which pairs of positions of an image (or sequence) a kernel holds.</summary>
public enum SpatialMode
{
    /// <summary>There are no positions: kernels have shape [n1, n2].</summary>
    None,

    /// <summary>Each position with itself: [n1, n2, spatial…]. Enough for convolutions that end in <see cref="Flatten"/>.</summary>
    Diagonal,

    /// <summary>All pairs of positions: [n1, n2, spatial…, spatial…], those of the first input first. Pooling needs it.</summary>
    Full,
}

/// <summary>
/// What is known of a layer's outputs on two sets of inputs as all widths go to infinity: covariances and tangent kernel, in f64, as ordinary tensors that
/// can be differentiated.
/// </summary>
/// <remarks>
/// The covariance of a channel with itself is the same for all channels, that of different channels is 0; so kernels have no channel axis. A value that is a
/// Gaussian process over the weights has mean 0.
/// </remarks>
public sealed record KernelState
{
    /// <summary>Covariance K(x1, x2) of outputs over random weights. Shape: by <see cref="SpatialMode"/>.</summary>
    public required Tensor Nngp { get; init; }

    /// <summary>Tangent kernel Θ(x1, x2) with the shape of <see cref="Nngp"/>; null if it was not asked for.</summary>
    public required Tensor? Ntk { get; init; }

    /// <summary>Covariance of x1 with itself: [n1], [n1, spatial…] or [n1, spatial…, spatial…].</summary>
    public required Tensor Var1 { get; init; }

    /// <summary>Covariance of x2 with itself.</summary>
    public required Tensor Var2 { get; init; }

    /// <summary>True if the outputs are a centred Gaussian process over the weights, as after a dense layer. A nonlinearity needs it.</summary>
    public required bool IsGaussian { get; init; }

    /// <summary>Which pairs of positions the kernels hold.</summary>
    public required SpatialMode SpatialMode { get; init; }

    /// <summary>Shape of one finite output: [spatial…, channels]. The widths matter in the standard parametrisation only.</summary>
    public required Shape Shape { get; init; }

    /// <summary>Where x1 and x2 begin in one list of inputs, so that i + First = j + Second means the same input; null if none is common.</summary>
    public (int First, int Second)? Common { get; init; }

    /// <summary>The random weights that the outputs are linear in, by layer: what is linear in different ones is uncorrelated.</summary>
    internal IReadOnlyList<object> Sources { get; init; } = [];

    /// <summary>The positions' sizes.</summary>
    public Shape Spatial => Shape.Create(Shape.Dims[..^1]);

    /// <summary>Number of positions.</summary>
    internal int Positions => checked((int)Spatial.Count);

    /// <summary>
    /// The inputs themselves: K = x1·x2/channels for each pair of positions, Θ = 0, not Gaussian. Shape: x1 [n1, spatial…, channels], x2 [n2, spatial…, channels].
    /// </summary>
    /// <param name="x1">First inputs.</param>
    /// <param name="x2">Second inputs; null: the first again.</param>
    /// <param name="mode">Which pairs of positions to keep; ignored without spatial axes.</param>
    /// <param name="ntk">Whether to carry Θ.</param>
    /// <exception cref="ShapeException">NB0532: the inputs do not have equal shapes [spatial…, channels].</exception>
    public static KernelState Of(Tensor x1, Tensor? x2 = null, SpatialMode mode = SpatialMode.Full, bool ntk = true)
    {
        Tensor second = x2 ?? x1;
        bool fits = x1.Rank >= 2 && second.Rank == x1.Rank && x1.Shape.Dims[1..].SequenceEqual(second.Shape.Dims[1..]) && x1.Shape[^1] > 0;
        if (!fits) throw InfiniteWidthErrors.Misfit("kernel",
            $"inputs {x1.Aval} and {second.Aval}; expected [n1, spatial…, channels] and [n2, spatial…, channels], equal behind the first axis");
        Shape shape = Shape.Create(x1.Shape.Dims[1..]), spatial = Shape.Create(shape.Dims[..^1]);
        if (spatial.Rank == 0) mode = SpatialMode.None;
        else if (mode == SpatialMode.None) throw InfiniteWidthErrors.Positions($"None on inputs {x1.Aval}; expected Diagonal or Full");
        (Tensor a, Tensor b) = (Positioned(x1), Positioned(second));
        Tensor nngp = Products(a, b, spatial, mode);
        return new KernelState
        {
            Nngp = nngp,
            Ntk = ntk ? nngp.ZerosLike() : null,
            Var1 = OwnProducts(a, spatial, mode),
            Var2 = OwnProducts(b, spatial, mode),
            IsGaussian = false,
            SpatialMode = mode,
            Shape = shape,
            Common = x2 is null ? (0, 0) : null,
        };
    }

    /// <summary>The same function of K, Θ, Var1 and Var2, given with the number of axes that are not spatial.</summary>
    internal KernelState Each(Func<Tensor, int, Tensor> function) => this with
    {
        Nngp = function(Nngp, 2),
        Ntk = Ntk is null ? null : function(Ntk, 2),
        Var1 = function(Var1, 1),
        Var2 = function(Var2, 1),
    };

    /// <summary>A kernel with all positions on one axis (on two if there are pairs), behind <paramref name="lead"/> others.</summary>
    internal Tensor Flat(Tensor kernel, int lead) => SpatialMode switch
    {
        SpatialMode.None => kernel,
        SpatialMode.Diagonal => kernel.Reshape([.. kernel.Shape.Dims[..lead], Positions]),
        _ => kernel.Reshape([.. kernel.Shape.Dims[..lead], Positions, Positions]),
    };

    /// <summary>Variance of each input at each position: [n], or [n, positions].</summary>
    internal Tensor Variances(Tensor own) => SpatialMode == SpatialMode.Full ? Flat(own, 1).Diagonal() : Flat(own, 1);

    /// <summary>A quantity of each input and position, placed so that it broadcasts with a flat cross kernel.</summary>
    internal Tensor Spread(Tensor perInput, bool first)
    {
        Tensor onPair = perInput.ExpandDims(first ? 1 : 0);
        return SpatialMode == SpatialMode.Full ? onPair.ExpandDims(first ? 3 : 2) : onPair;
    }

    /// <summary>Elements that belong to one input at one position with itself: 1 there, 0 elsewhere, broadcastable with a flat cross kernel; null if there are none.</summary>
    internal Tensor? SameInputs()
    {
        if (Common is not { } common) return null;
        Tensor rows = Ops.Arange(Nngp.Shape[0]) + common.First, columns = Ops.Arange(Nngp.Shape[1]) + common.Second;
        Tensor same = rows.ExpandDims(1).Equal(columns).To(DType.F64);
        return SpatialMode switch
        {
            SpatialMode.None => same,
            SpatialMode.Diagonal => same.ExpandDims(2),
            _ => same.Reshape([.. same.Shape.Dims, 1, 1]) * Ops.Eye(Positions, DType.F64),
        };
    }

    // [n, positions, channels], or [n, channels].
    private static Tensor Positioned(Tensor x)
    {
        Tensor wide = x.To(DType.F64);
        return x.Rank <= 2 ? wide : wide.Reshape([x.Shape[0], (int)Shape.Create(x.Shape.Dims[1..^1]).Count, x.Shape[^1]]);
    }

    private static Tensor Products(Tensor a, Tensor b, Shape spatial, SpatialMode mode)
    {
        double scale = 1.0 / a.Shape[^1];
        (int n, int m) = (a.Shape[0], b.Shape[0]);
        return mode switch
        {
            SpatialMode.None => a.MatMul(b.T) * scale,
            SpatialMode.Diagonal => (Ops.Einsum("ipc,jpc->ijp", a, b) * scale).Reshape([n, m, .. spatial.Dims]),
            _ => (Ops.Einsum("ipc,jqc->ijpq", a, b) * scale).Reshape([n, m, .. spatial.Dims, .. spatial.Dims]),
        };
    }

    private static Tensor OwnProducts(Tensor a, Shape spatial, SpatialMode mode)
    {
        double scale = 1.0 / a.Shape[^1];
        int n = a.Shape[0];
        return mode switch
        {
            SpatialMode.None => a.Square().Sum(-1) * scale,
            SpatialMode.Diagonal => (a.Square().Sum(-1) * scale).Reshape([n, .. spatial.Dims]),
            _ => (a.MatMul(a.T) * scale).Reshape([n, .. spatial.Dims, .. spatial.Dims]),
        };
    }
}
