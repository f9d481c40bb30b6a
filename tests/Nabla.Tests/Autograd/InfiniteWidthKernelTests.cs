using Nabla.InfiniteWidth;
using Nabla.Proof;

namespace Nabla.Tests.Autograd;

public sealed class InfiniteWidthKernelTests
{
    private static readonly Func<Tensor, Tensor> TanhOf = x => x.Tanh();

    internal static Tensor Inputs(ulong seed, params int[] dims) => new RandomKey(seed).Normal(Shape.Create(dims), DType.F64);

    internal static double Relative(Tensor expected, Tensor actual) => ((actual - expected).Norm() / expected.Norm()).ToDouble();

    internal static Serial Mlp(Func<Layer> phi, int hidden, double weightStd, double? biasStd, int width = 64)
    {
        var layers = new List<Layer>();
        for (int l = 0; l < hidden; l++) layers.AddRange([new Dense(width, weightStd, biasStd), phi()]);
        return new Serial([.. layers, new Dense(1, weightStd, biasStd)]);
    }

    public static TheoryData<string> Nonlinearities => ["relu", "leaky", "abs", "erf", "sin", "cos", "sinusoid", "rbf", "gelu", "exp"];

    private static (Nonlinearity Layer, Func<double, double> Value, Func<double, double> Slope) Named(string name)
    {
        static double Erf(double x) => MeanFieldActivation.Erf.Value(x);
        static double Density(double x) => Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
        double r = Math.Sqrt(1.4);
        return name switch
        {
            "relu" => (new Relu(), x => Math.Max(0, x), x => x > 0 ? 1 : 0),
            "leaky" => (new LeakyRelu(0.2), x => x > 0 ? x : 0.2 * x, x => x > 0 ? 1 : 0.2),
            "abs" => (new Abs(), Math.Abs, x => Math.Sign(x)),
            "erf" => (new Erf(), Erf, x => 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x)),
            "sin" => (new Sin(), Math.Sin, Math.Cos),
            "cos" => (new Cos(), Math.Cos, x => -Math.Sin(x)),
            "sinusoid" => (new Sinusoid(1.5, 0.7, 0.4), x => 1.5 * Math.Sin(0.7 * x + 0.4), x => 1.05 * Math.Cos(0.7 * x + 0.4)),
            "rbf" => (new Rbf(0.7), x => Math.Sqrt(2) * Math.Sin(r * x + Math.PI / 4), x => Math.Sqrt(2) * r * Math.Cos(r * x + Math.PI / 4)),
            "gelu" => (new Gelu(), x => x / 2 * (1 + Erf(x / Math.Sqrt(2))), x => 0.5 * (1 + Erf(x / Math.Sqrt(2))) + x * Density(x)),
            _ => (new Exp(0.5), x => Math.Exp(x / 2), x => 0.5 * Math.Exp(x / 2)),
        };
    }

    [Theory]
    [MemberData(nameof(Nonlinearities))]
    public void Closed_forms_agree_with_quadrature(string name)
    {
        (Nonlinearity layer, Func<double, double> value, Func<double, double> slope) = Named(name);
        foreach ((double q1, double q2) in ((double, double)[])[(0.01, 0.01), (0.5, 1.7)])
            foreach (double c in (double[])[-1, -0.7, 0.95, 0.9999, 1])
            {
                double k = c * Math.Sqrt(q1 * q2);
                Tensor Of(double q) => Tensor.Scalar(q, DType.F64);
                double product = layer.Product(Of(q1), Of(q2), Of(k)).ToDouble(), slopes = layer.SlopeProduct(Of(q1), Of(q2), Of(k)).ToDouble();
                Assert.Equal(MeanField.Expect(value, value, q1, q2, k), product, 1e-12 * Math.Max(1, Math.Abs(product)));
                Assert.Equal(MeanField.Expect(slope, slope, q1, q2, k), slopes, 1e-12 * Math.Max(1, Math.Abs(slopes)));
            }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(10)]
    public void Kernels_of_an_input_with_itself_obey_the_identities_of_relu_networks(int hidden)
    {
        Tensor x = Inputs(1, 6, 7);
        (Tensor nngp, Tensor ntk) = new KernelFn(Mlp(() => new Relu(), hidden, Math.Sqrt(2), null)).Both(x);
        Tensor lengths = x.Square().Mean(-1);
        Assert.InRange(Relative(2 * lengths, nngp.Diagonal()), 0, 1e-12);
        Assert.InRange(Relative((hidden + 1) * nngp.Diagonal(), ntk.Diagonal()), 0, 1e-10);
        Assert.InRange(Relative(nngp, nngp.T), 0, 1e-15);
    }

    [Fact]
    public void The_numeric_layer_reproduces_erf_and_relu_and_sets_tanh_apart()
    {
        Tensor x = Inputs(2, 4, 5);
        (Tensor nngp, Tensor ntk) = new KernelFn(Mlp(() => new Erf(), 2, 1.3, 0.2)).Both(x);
        (Tensor numericNngp, Tensor numericNtk) = new KernelFn(Mlp(() => new Numeric(z => z.Erf()), 2, 1.3, 0.2)).Both(x);
        Assert.InRange(Relative(nngp, numericNngp), 0, 1e-12);
        Assert.InRange(Relative(ntk, numericNtk), 0, 1e-12);
        (Tensor relu, Tensor reluNtk) = new KernelFn(Mlp(() => new Relu(), 2, 1.3, 0.2)).Both(x);
        (Tensor numericRelu, Tensor numericReluNtk) = new KernelFn(Mlp(() => new Numeric(z => z.Relu()), 2, 1.3, 0.2)).Both(x);
        Assert.InRange(Relative(relu, numericRelu), 0, 1e-12);
        Assert.InRange(Relative(reluNtk, numericReluNtk), 0, 1e-10);
        Tensor tanh = new KernelFn(Mlp(() => new Numeric(TanhOf), 2, 1.3, 0.2)).Nngp(x);
        Assert.InRange(Relative(nngp, tanh), 0.02, 1);
    }

    // Every layer on inputs with positions: [8, 2 channels] on a line.
    private static Serial ConvNet(Layer phi, Layer head) => new(
        new Conv(16, [3], 1.3, 0.2, padding: Padding.Same), phi, new Conv(16, [3], 1.2, 0.1, strides: [2], padding: Padding.Circular), new LayerNorm(), phi, head, new Dense(3, 1, 0.1));

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(64)]
    public void Kernels_do_not_depend_on_the_tiles(int tile)
    {
        foreach (Layer network in (Layer[])[ConvNet(new Relu(), new GlobalAvgPool()), Mlp(() => new Gelu(), 2, 1.1, 0.3), new Serial(new Conv(4, [2]), new Erf(), new Dropout(0.3), new Conv(4, [3]))])
        {
            bool flat = network is Serial { Layers: [Dense, ..] };
            Tensor x = flat ? Inputs(3, 10, 6) : Inputs(3, 10, 8, 2), y = flat ? Inputs(4, 5, 6) : Inputs(4, 5, 8, 2);
            KernelFn whole = new(network, tile: 100), tiled = new(network, tile: tile);
            foreach (Tensor? second in (Tensor?[])[null, y])
            {
                ((Tensor nngp, Tensor ntk), (Tensor nngpTiled, Tensor ntkTiled)) = (whole.Both(x, second), tiled.Both(x, second));
                Assert.Equal(nngp.Shape, nngpTiled.Shape);
                Assert.InRange(Relative(nngp, nngpTiled), 0, 1e-12);
                Assert.InRange(Relative(ntk, ntkTiled), 0, 1e-12);
            }
            Assert.InRange(Relative(new KernelFn(network, byteBudget: 40_000).Nngp(x), whole.Nngp(x)), 0, 1e-12);
        }
    }

    [Fact]
    public void Diagonal_and_full_covariances_give_the_same_flattened_kernel()
    {
        Serial network = ConvNet(new Relu(), new Flatten());
        (Tensor x, Tensor y) = (Inputs(5, 4, 8, 2), Inputs(6, 3, 8, 2));
        Assert.Equal(SpatialMode.Diagonal, network.Needs(SpatialMode.None));
        Assert.Equal(SpatialMode.Full, ConvNet(new Relu(), new GlobalAvgPool()).Needs(SpatialMode.None));
        KernelState diagonal = network.Kernel(KernelState.Of(x, y, SpatialMode.Diagonal)), full = network.Kernel(KernelState.Of(x, y, SpatialMode.Full));
        Assert.InRange(Relative(full.Nngp, diagonal.Nngp), 0, 1e-12);
        Assert.InRange(Relative(full.Ntk!, diagonal.Ntk!), 0, 1e-12);
        Assert.InRange(Relative(full.Var1, diagonal.Var1), 0, 1e-12);
        Assert.InRange(Relative(new KernelFn(network).Variances(x), diagonal.Var1), 0, 1e-12);
        Assert.InRange(Relative(new KernelFn(network).Nngp(x).Diagonal(), diagonal.Var1), 0, 1e-12);
    }

    [Fact]
    public void A_one_by_one_convolution_is_a_dense_layer_at_every_position()
    {
        Tensor x = Inputs(7, 3, 4, 3, 2);
        (Tensor nngp, Tensor ntk) = new KernelFn(new Serial(new Conv(5, [1, 1], 1.4, 0.3), new Relu(), new Conv(5, [1, 1], 1.4, 0.3))).Both(x);
        (Tensor nngpDense, Tensor ntkDense) = new KernelFn(new Serial(new Dense(5, 1.4, 0.3), new Relu(), new Dense(5, 1.4, 0.3))).Both(x);
        Assert.Equal([3, 3, 4, 3, 4, 3], nngp.Shape.Dims);
        Assert.InRange(Relative(nngpDense, nngp), 0, 1e-14);
        Assert.InRange(Relative(ntkDense, ntk), 0, 1e-14);
        // A permutation of positions permutes the kernel; a network of dense layers on flattened inputs does not see it.
        Tensor mixed = x.Reverse(1);
        KernelFn dense = new(new Serial(new Flatten(), new Dense(5, 1.4, 0.3), new Relu(), new Dense(5, 1.4, 0.3)));
        Assert.InRange(Relative(dense.Ntk(x), dense.Ntk(mixed)), 0, 1e-14);
        Assert.InRange(Relative(nngp, new KernelFn(new Serial(new Dense(5, 1.4, 0.3), new Relu(), new Dense(5, 1.4, 0.3))).Nngp(mixed).Reverse(2, 4)), 0, 1e-14);
    }

    [Fact]
    public void Branches_add_or_are_averaged_and_dropout_adds_to_variances_alone()
    {
        Tensor x = Inputs(8, 4, 5);
        Layer first = new Serial(new Dense(8, 1.2, 0.1), new Relu(), new Dense(6, 1.5)), second = new Serial(new Dense(8, 0.7), new Erf(), new Dense(6, 1.1));
        (Tensor a, Tensor aNtk) = new KernelFn(first).Both(x);
        (Tensor b, Tensor bNtk) = new KernelFn(second).Both(x);
        Assert.InRange(Relative(a + b, new KernelFn(new FanInSum(first, second)).Nngp(x)), 0, 1e-14);
        Assert.InRange(Relative(aNtk + bNtk, new KernelFn(new FanInSum(first, second)).Ntk(x)), 0, 1e-14);
        Assert.InRange(Relative(a + x.MatMul(x.T) / 5, new KernelFn(new FanInSum(new Identity(), new Serial(new Dense(8, 1.2, 0.1), new Relu(), new Dense(5, 1.5)))).Nngp(x)), 0, 1e-14);
        Layer wide = new Serial(new Dense(8, 0.7), new Erf(), new Dense(18, 1.1));
        Assert.InRange(Relative(0.25 * a + 0.75 * b, new KernelFn(new FanInConcat(first, wide)).Nngp(x)), 0, 1e-14);
        Tensor kept = new KernelFn(new Serial(first, new Dropout(0.2))).Ntk(x);
        Assert.InRange(Relative(aNtk + 0.25 * (aNtk.Diagonal().ExpandDims(1) * Ops.Eye(4, DType.F64)), kept), 0, 1e-14);
    }

    [Fact]
    public void Kernels_have_right_gradients_even_where_inputs_coincide()
    {
        Tensor x = Inputs(9, 2, 3), y = Inputs(10, 2, 3);
        foreach (Func<Layer> phi in (Func<Layer>[])[() => new Relu(), () => new Erf(), () => new Gelu(), () => new Abs(), () => new Rbf(0.3)])
        {
            KernelFn kernels = new(Mlp(phi, 2, 1.3, 0.2));
            GradCheck.Require(((Tensor X, Tensor Y) p) => kernels.Both(p.X, p.Y), (x, y));
            GradCheck.Require((Tensor p) => kernels.Both(p), x);
            // x = x′: in both arguments together everything is smooth; in one alone, where the direction matters, K of ReLU still is.
            GradCheck.Require((Tensor p) => kernels.Both(p, 1 * p), x);
        }
        KernelFn smooth = new(Mlp(() => new Gelu(), 2, 1.3, 0.2)), relu = new(Mlp(() => new Relu(), 1, 1.3, 0.2));
        GradCheck.Require((Tensor p) => smooth.Both(p, x), x);
        Tensor gradient = Transforms.Grad((Tensor p) => relu.Nngp(p, x).Diagonal().Sum())(x);
        // Half of the gradient of K(x, x), by symmetry.
        Tensor both = Transforms.Grad((Tensor p) => relu.Nngp(p).Diagonal().Sum())(x);
        Assert.InRange(Relative(0.5 * both, gradient), 0, 1e-12);
        Assert.All(Transforms.Grad((Tensor p) => relu.Ntk(p, x).Sum())(x).ToDoubles(), g => Assert.True(double.IsFinite(g)));
        Assert.All(Transforms.Grad((Tensor p) => relu.Ntk(p).Sum())(x.ZerosLike()).ToDoubles(), g => Assert.True(double.IsFinite(g)));
    }

    [Fact]
    public void Kernels_have_right_gradients_with_respect_to_weight_and_bias_scales()
    {
        Tensor x = Inputs(11, 3, 6, 2);
        (Tensor, Tensor) Of((Tensor W, Tensor B) s) => new KernelFn(new Serial(
            new Conv(4, [3], s.W, s.B, padding: Padding.Circular), new Relu(), new AvgPool([2]), new Dense(4, s.W), new LayerNorm(), new Erf(), new Flatten(), new Dense(1, s.W, s.B))).Both(x);
        GradCheck.Require<(Tensor, Tensor), (Tensor, Tensor)>(Of, (Tensor.Scalar(1.2, DType.F64), Tensor.Scalar(0.4, DType.F64)));
        Tensor z = Inputs(12, 1, 3);
        GradCheck.Require((Tensor w) => new KernelFn(new Serial(new Dense(4, w), new Numeric(TanhOf), new Dense(1, w))).Both(z, 0.7 * z + 0.1), Tensor.Scalar(1.2, DType.F64), secondOrder: false);
        GradCheck.Require((Tensor p) => new KernelFn(Mlp(() => new Numeric(TanhOf), 1, 1.3, 0.2)).Nngp(p, z), z, secondOrder: false);
    }

    [Fact]
    public void What_has_no_known_kernel_is_refused()
    {
        Tensor x = Inputs(13, 3, 4), image = Inputs(14, 2, 4, 4, 3);
        void Refused(string code, Layer layer, Tensor input) => Assert.Equal(code, Assert.ThrowsAny<NablaException>(() => new KernelFn(layer).Both(input)).Code);
        Refused("NB0530", new Serial(new Dense(4), new Relu(), new Relu()), x);
        Refused("NB0530", new Relu(), x);
        Refused("NB0530", new LayerNorm(), x);
        Refused("NB0530", new Serial(new Dense(4), new Dropout(0.1), new Relu()), x);
        Refused("NB0530", new Serial(new FanInConcat(new Dense(4), new Dense(4)), new Relu()), x);
        Refused("NB0530", new Serial(new Conv(4, [3, 3]), new Flatten(), new Relu()), image);
        Refused("NB0531", new Serial(new Dense(4), new FanInSum(new Identity(), new Identity())), x);
        Refused("NB0531", new FanInSum(new Serial(new Dense(4), new Relu()), new Serial(new Dense(4), new Relu())), x);
        Refused("NB0532", new Conv(4, [3]), x);
        Refused("NB0532", new Conv(4, [5, 5]), image);
        Refused("NB0532", new FanInSum(new Dense(4), new Dense(5)), x);
        Refused("NB0532", new GlobalAvgPool(), x);
        Refused("NB0532", new Dense(4), x.At(0));
        Assert.Equal("NB0532", Assert.Throws<ShapeException>(() => new Dense(0)).Code);
        Assert.Equal("NB0532", Assert.Throws<ShapeException>(() => new KernelFn(new Dense(1)).Nngp(x, Inputs(1, 3, 5))).Code);
        Assert.Equal("NB0533", Assert.Throws<InfiniteWidthException>(() => KernelState.Of(image, null, SpatialMode.None)).Code);
        Assert.Equal("NB0533", Assert.Throws<InfiniteWidthException>(() => new AvgPool([2, 2]).Kernel(KernelState.Of(image, null, SpatialMode.Diagonal))).Code);
        Assert.Equal("NB0536", Assert.Throws<InfiniteWidthException>(() => new Dropout(1)).Code);
    }
}
