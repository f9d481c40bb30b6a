using Nabla.InfiniteWidth;
using static Nabla.Tests.Autograd.InfiniteWidthKernelTests;

namespace Nabla.Tests.Autograd;

public sealed class InfiniteWidthEmpiricalTests
{
    private static Layer Branching(int units) => new Serial(
        new Dense(units, 1.3, 0.2), new FanInSum(new Identity(), new Serial(new Erf(), new Dense(units, 0.8))), new LayerNorm(), new Gelu(), new FanInConcat(new Dense(2), new Dense(1)));

    private static Layer Convolutional(int units, Layer head, Parametrization parametrization = Parametrization.Ntk) => new Serial(
        new Conv(units, [3], 1.3, 0.2, padding: Padding.Same, parametrization: parametrization), new Relu(), new AvgPool([2]),
        new Conv(units, [2], 1.1, 0.1, [2], Padding.Circular, parametrization), new Relu(), head, new Dense(3, 1.2, 0.1, parametrization));

    public static TheoryData<string> Networks => ["dense", "branches", "flatten", "pool", "standard", "positions"];

    private static (Layer Network, Tensor X1, Tensor X2) Named(string name) => name switch
    {
        "dense" => (Mlp(() => new Relu(), 2, 1.4, 0.2, 7), Inputs(31, 5, 4), Inputs(32, 3, 4)),
        "branches" => (Branching(6), Inputs(31, 5, 4), Inputs(32, 3, 4)),
        "flatten" => (Convolutional(4, new Flatten()), Inputs(31, 5, 8, 2), Inputs(32, 3, 8, 2)),
        "pool" => (Convolutional(4, new GlobalAvgPool()), Inputs(31, 5, 8, 2), Inputs(32, 3, 8, 2)),
        "standard" => (Convolutional(4, new Flatten(), Parametrization.Standard), Inputs(31, 5, 8, 2), Inputs(32, 3, 8, 2)),
        _ => (new Serial(new Conv(4, [2, 2], 1.2, 0.3), new Sin(), new Dense(2, 1.1)), Inputs(31, 4, 3, 4, 2), Inputs(32, 3, 3, 4, 2)),
    };

    [Theory]
    [MemberData(nameof(Networks))]
    public void The_three_algorithms_agree_in_every_mode_and_tile(string name)
    {
        (Layer network, Tensor x1, Tensor x2) = Named(name);
        Tensor[] parameters = network.Init(new RandomKey(7), Shape.Create(x1.Shape.Dims[1..])).Parameters;
        Assert.Equal(network.ParameterCount, parameters.Length);
        int outputs = (int)network.OutputShape(Shape.Create(x1.Shape.Dims[1..])).Count;
        Tensor reference = Empirical.Ntk(network, parameters, x1, x2, OutputMode.Full, NtkMethod.Jacobians);
        Assert.Equal([x1.Shape[0], x2.Shape[0], outputs, outputs], reference.Shape.Dims);
        Tensor square = Empirical.Ntk(network, parameters, x1, null, OutputMode.Full, NtkMethod.Jacobians);
        foreach (NtkMethod method in Enum.GetValues<NtkMethod>())
            foreach (long budget in (long[])[1L << 28, 3000])
            {
                Tensor full = Empirical.Ntk(network, parameters, x1, x2, OutputMode.Full, method, budget);
                Assert.InRange(Relative(reference, full), 0, 1e-11);
                Assert.InRange(Relative(Ops.Einsum("abii->abi", reference), Empirical.Ntk(network, parameters, x1, x2, OutputMode.Diagonal, method, budget)), 0, 1e-11);
                Assert.InRange(Relative(Ops.Einsum("abii->ab", reference) / outputs, Empirical.Ntk(network, parameters, x1, x2, OutputMode.Trace, method, budget)), 0, 1e-11);
                Assert.InRange(Relative(square, Empirical.Ntk(network, parameters, x1, null, OutputMode.Full, method, budget)), 0, 1e-11);
            }
    }

    [Fact]
    public void The_tangent_kernel_is_the_product_of_explicit_jacobians()
    {
        Layer network = new Serial(new Dense(3, 1.3, 0.2), new Gelu(), new Dense(2, 0.9));
        Tensor x = Inputs(33, 4, 2);
        Tensor[] p = network.Init(new RandomKey(1), [2]).Parameters;
        Tensor expected = Tensor.Zeros([8, 8], DType.F64);
        for (int leaf = 0; leaf < p.Length; leaf++)
        {
            Tensor jacobian = Transforms.JacobianForward(w => network.Apply([.. p.Select((q, i) => i == leaf ? w : q)], x))(p[leaf]).Reshape(8, -1);
            expected += jacobian.MatMul(jacobian.T);
        }
        Tensor full = Empirical.Ntk((Tensor[] q, Tensor z) => network.Apply(q, z), p, x, null, OutputMode.Full);
        Assert.InRange(Relative(expected, full.Transpose(0, 2, 1, 3).Reshape(8, 8)), 0, 1e-13);
        Tensor y = network.Apply(p, x);
        Assert.InRange(Relative(y.MatMul(y.T) / 2, Empirical.Nngp((Tensor[] q, Tensor z) => network.Apply(q, z), p, x)), 0, 1e-14);
        Assert.InRange(Relative(Ops.Einsum("ai,bj->abij", y, y), Empirical.Nngp((Tensor[] q, Tensor z) => network.Apply(q, z), p, x, null, OutputMode.Full)), 0, 1e-14);
    }

    [Fact]
    public void Cost_decides_which_algorithm_is_used()
    {
        static NtkMethod Chosen(Layer network, int[] input, int samples, OutputMode mode, bool layers)
        {
            Tensor x = Inputs(34, [samples, .. input]);
            Tensor[] p = network.Init(new RandomKey(1), Shape.Create(input)).Parameters;
            return NtkCost.Cheapest(FlatNetwork.Of((Tensor[] q, Tensor z) => network.Apply(q, z), p, x), x, x, mode, layers ? StructuredNtk.Shapes(network, p, x) : null);
        }
        Layer manyOutputs = new Serial(new Dense(20), new Relu(), new Dense(40));
        Assert.Equal(NtkMethod.Structured, Chosen(manyOutputs, [10], 6, OutputMode.Trace, true));
        Assert.Equal(NtkMethod.VectorProducts, Chosen(manyOutputs, [10], 6, OutputMode.Full, true));
        Assert.Equal(NtkMethod.VectorProducts, Chosen(manyOutputs, [10], 6, OutputMode.Full, false));
        // Weights that are used at many positions: more operations than parameters.
        Assert.Equal(NtkMethod.Jacobians, Chosen(Convolutional(4, new GlobalAvgPool()), [64, 2], 20, OutputMode.Trace, false));
    }

    [Fact]
    public void The_largest_eigenvalues_are_found_without_the_matrix()
    {
        Layer network = new Serial(new Dense(12, 1.3, 0.2), new Gelu(), new Dense(2, 0.9));
        Tensor x = Inputs(42, 7, 3);
        Tensor[] p = network.Init(new RandomKey(1), [3]).Parameters;
        double[] all = Empirical.Ntk(network, p, x, null, OutputMode.Full).Transpose(0, 2, 1, 3).Reshape(14, 14).EigenvaluesSymmetric().ToDoubles();
        double[] top = Empirical.TopEigenvalues((Tensor[] q, Tensor z) => network.Apply(q, z), p, x, new RandomKey(2), 3, 1e-10).Values;
        Assert.Equal(all.Reverse().Take(3), top, (a, b) => Math.Abs(a - b) <= 1e-9 * all[^1]);
    }

    [Fact]
    public void Expansions_meet_the_network_to_their_order()
    {
        Layer network = Mlp(() => new Gelu(), 2, 1.4, 0.2, 9);
        Tensor x = Inputs(35, 6, 4);
        Tensor[] origin = network.Init(new RandomKey(2), [4]).Parameters, step = network.Init(new RandomKey(3), [4]).Parameters;
        Tensor F(Tensor[] p, Tensor z) => network.Apply(p, z);
        Tensor[] At(double h) => [.. origin.Zip(step, (o, s) => o + h * s)];
        for (int degree = 0; degree <= 3; degree++)
        {
            Func<Tensor[], Tensor, Tensor> polynomial = Empirical.TaylorExpand<Tensor[]>(F, origin, degree);
            double Error(double h) => (polynomial(At(h), x) - F(At(h), x)).Norm().ToDouble();
            Assert.InRange(Error(0.01) / Error(0.005), 0.95 * Math.Pow(2, degree + 1), 1.05 * Math.Pow(2, degree + 1));
        }
        Func<Tensor[], Tensor, Tensor> linear = Empirical.Linearize<Tensor[]>(F, origin);
        Assert.InRange(Relative(linear(At(1), x) - F(origin, x), 0.5 * (linear(At(2), x) - F(origin, x))), 0, 1e-13);
        // The linear network's tangent kernel is that of the network, everywhere.
        Assert.InRange(Relative(Empirical.Ntk<Tensor[]>(F, origin, x), Empirical.Ntk(linear, At(3), x)), 0, 1e-11);
        Assert.Equal(F(origin, x).ToDoubles(), Empirical.TaylorExpand<Tensor[]>(F, origin, 0)(At(1), x).ToDoubles());
    }

    // With one hidden layer the means over networks of any width are the infinite-width kernels exactly.
    public static TheoryData<string> OneHidden => ["relu", "erf", "gelu", "sin", "abs", "conv flatten", "conv pool", "conv sum pool", "residual", "concat", "standard", "dropout"];

    private static (Layer Network, int[] Input) Shallow(string name)
    {
        static Layer Hidden(Layer phi) => new Serial(new Dense(16, 1.4, 0.3), phi, new Dense(8, 1.2, 0.2));
        Layer conv = new Conv(16, [3], 1.4, 0.3, padding: Padding.Same), strided = new Conv(12, [3], 1.4, 0.3, [2], Padding.Circular);
        return name switch
        {
            "relu" => (Hidden(new Relu()), [4]),
            "erf" => (Hidden(new Erf()), [4]),
            "gelu" => (Hidden(new Gelu()), [4]),
            "sin" => (Hidden(new Sin()), [4]),
            "abs" => (Hidden(new Abs()), [4]),
            "conv flatten" => (new Serial(conv, new Relu(), new Flatten(), new Dense(8, 1.2, 0.2)), [6, 2]),
            "conv pool" => (new Serial(conv, new Relu(), new AvgPool([3], [2]), new GlobalAvgPool(), new Dense(8, 1.2, 0.2)), [7, 2]),
            "conv sum pool" => (new Serial(strided, new Erf(), new SumPool([2], padding: Padding.Same), new Flatten(), new Dense(8, 1.2)), [6, 2]),
            "residual" => (new Serial(new FanInSum(new Identity(), new Serial(new Dense(12, 1.1), new Relu(), new Dense(4, 0.9)))), [4]),
            "concat" => (new Serial(new FanInConcat(new Serial(new Dense(12, 1.1), new Relu()), new Serial(new Dense(8, 1.5), new Erf())), new Dense(8, 1.2)), [4]),
            "standard" => (new Serial(new Dense(16, 1.4, 0.3, Parametrization.Standard), new Relu(), new Dense(8, 1.2, 0.2, Parametrization.Standard)), [4]),
            _ => (new Serial(new Dense(16, 1.4, 0.3), new LeakyRelu(0.3), new Identity(), new Dense(8, 1.2)), [4]),
        };
    }

    [Theory]
    [MemberData(nameof(OneHidden))]
    public void Means_of_networks_with_one_hidden_layer_are_the_kernels(string name)
    {
        (Layer network, int[] input) = Shallow(name);
        (Tensor x1, Tensor x2) = (Inputs(36, [3, .. input]), Inputs(37, [2, .. input]));
        KernelEstimate estimate = MonteCarlo.Estimate(network, new RandomKey(11), x1, x2, draws: 250);
        (Tensor nngp, Tensor ntk) = new KernelFn(network).Both(x1, x2);
        (double z, double tangent) = estimate.LargestZ(nngp, ntk);
        Assert.InRange(z, 0, 4);
        Assert.InRange(tangent, 0, 4);
        // The test sees errors of ten percent: it can fail.
        (z, tangent) = estimate.LargestZ(1.3 * nngp, 1.3 * ntk);
        Assert.InRange(Math.Max(z, tangent), 4, double.PositiveInfinity);
    }

    public static TheoryData<string> Deep => ["relu", "erf", "tanh", "residual", "layer norm", "conv flatten", "conv pool"];

    private static (Layer Network, int[] Input) DeepNetwork(string name, int width) => name switch
    {
        "relu" => (new Serial(new Repeat(3, new Dense(width, Math.Sqrt(2), 0.2), new Relu()), new Dense(8)), [5]),
        "erf" => (new Serial(new Repeat(3, new Dense(width, 1.4, 0.2), new Erf()), new Dense(8)), [5]),
        "tanh" => (new Serial(new Repeat(2, new Dense(width, 1.4, 0.2), new Numeric(x => x.Tanh())), new Dense(8)), [5]),
        "residual" => (new Serial(new Dense(width), new Repeat(2, new FanInSum(new Identity(), new Serial(new Relu(), new Dense(width)))), new Relu(), new Dense(8)), [5]),
        "layer norm" => (new Serial(new Repeat(2, new Dense(width, 1.4, 0.2), new LayerNorm(), new Relu()), new Dense(8)), [5]),
        "conv flatten" => (new Serial(new Repeat(2, new Conv(width, [3], 1.4, 0.2, padding: Padding.Same), new Relu()), new Flatten(), new Dense(8)), [5, 2]),
        _ => (new Serial(new Repeat(2, new Conv(width, [3], 1.4, 0.2, padding: Padding.Circular), new Relu()), new GlobalAvgPool(), new Dense(8)), [5, 2]),
    };

    // Deeper networks are off by O(1/width). Two widths take that away; what is left is O(1/width²) and the noise, which the z-score measures.
    [Theory]
    [MemberData(nameof(Deep))]
    public void Means_of_deep_networks_extrapolate_to_the_kernels(string name)
    {
        (Layer narrow, int[] input) = DeepNetwork(name, 48);
        (Layer wide, _) = DeepNetwork(name, 96);
        Tensor x = Inputs(38, [3, .. input]);
        KernelEstimate first = MonteCarlo.Estimate(narrow, new RandomKey(13), x, draws: 100), second = MonteCarlo.Estimate(wide, new RandomKey(17), x, draws: 100);
        (Tensor nngp, Tensor ntk) = new KernelFn(narrow).Both(x);
        (double z, double tangent) = first.Extrapolate(second).LargestZ(nngp, ntk);
        Assert.InRange(z, 0, 4.5);
        Assert.InRange(tangent, 0, 4.5);
    }

    [Fact]
    public void Dropout_raises_the_variance_of_noisy_networks_as_the_kernel_says()
    {
        Layer network = new Serial(new Dense(16, 1.4, 0.3), new Relu(), new Dropout(0.4), new Dense(8, 1.2));
        Tensor x = Inputs(39, 3, 4);
        Tensor expected = new KernelFn(network).Nngp(x);
        var samples = new List<Tensor>();
        for (int draw = 0; draw < 600; draw++)
        {
            RandomKey keys = new RandomKey(19).FoldIn(draw).Split(2);
            Tensor y = network.Apply(network.Init(keys.At(0), [4]).Parameters, x, keys.At(1));
            samples.Add(y.MatMul(y.T) / 8);
        }
        Tensor all = Ops.Stack(samples), mean = all.Mean(0), error = ((all - mean).Square().Sum(0) / (600.0 * 599)).Sqrt();
        Assert.InRange(((mean - expected).Abs() / error).Max().ToDouble(), 0, 4);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        Layer network = new Serial(new Dense(4), new Relu(), new Dense(1));
        Tensor x = Inputs(40, 3, 2);
        Tensor[] p = network.Init(new RandomKey(1), [2]).Parameters;
        void Refused(string code, Action call) => Assert.Equal(code, Assert.ThrowsAny<NablaException>(call).Code);
        Refused("NB0537", () => Empirical.Ntk((Tensor[] q, Tensor z) => network.Apply(q, z), p, x, method: NtkMethod.Structured));
        Refused("NB0537", () => Empirical.Ntk((Tensor[] q, Tensor z) => network.Apply(q, z).Sum(), p, x));
        Refused("NB0537", () => Empirical.Ntk((Tensor[] q, Tensor z) => z, [], x));
        Refused("NB0538", () => MonteCarlo.Estimate(network, new RandomKey(1), x, draws: 1));
        Refused("NB0538", () => Empirical.TaylorExpand((Tensor[] q, Tensor z) => network.Apply(q, z), p, -1));
    }
}
