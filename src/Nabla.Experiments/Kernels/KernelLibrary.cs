using Nabla.Experiments.Report;
using Nabla.InfiniteWidth;

namespace Nabla.Experiments.KernelMethods;

/// <summary>The unit checks of the infinite-width library, run as one experiment: closed forms, finite networks, algorithms and predictions against each other.</summary>
[Experiment("kernel-library", Theme.Kernels,
    Title = "Infinite-width kernels agree with wide networks",
    Claim = "One description of a network gives its finite form, its Gaussian process and its tangent kernel: wide networks have these kernels, and all ways to compute " +
        "them agree.",
    Papers =
    [
        "Jacot, Gabriel, Hongler 2018, Neural Tangent Kernel, arXiv:1806.07572",
        "Lee, Xiao, Schoenholz, Bahri, Novak, Sohl-Dickstein, Pennington 2019, Wide Neural Networks of Any Depth Evolve as Linear Models, arXiv:1902.06720",
        "Novak, Xiao, Hron, Lee, Alemi, Sohl-Dickstein, Schoenholz 2020, Neural Tangents, arXiv:1912.02803",
    ],
    Protocol = "Three hidden layers in NTK parametrisation: fully connected ReLU and erf, residual ReLU, layer norm and ReLU, convolutions with flattening and with global averages; " +
        "6 Gaussian inputs; mean of 50 networks of width 512. f64.",
    PaperScale = "Width 1024, 100 networks: --width 1024 --networks 100.",
    Seeds = 1, DType = DType.F64)]
public sealed class KernelLibrary : IExperiment<KernelLibrary.Config>
{
    private const int Samples = 6;

    /// <summary>Options.</summary>
    public sealed record Config(
        [Option("width of the finite networks", Min = 32)] int Width = 512,
        [Option("finite networks for each mean", Min = 2)] int Networks = 50) : IConfig<Config>
    {
        /// <inheritdoc/>
        public static Config Quick => new(Width: 128, Networks: 96);
    }

    private static readonly string[] Architectures = ["FC ReLU", "FC erf", "residual ReLU", "layer norm ReLU", "conv + flatten", "conv + global average"];

    private static (Layer Network, int[] Input) Build(string name, int width)
    {
        double he = Math.Sqrt(2);
        Layer Fc(Func<Layer> phi) => new Repeat(3, new Dense(width, he, 0.2), phi());
        Layer convolutions = new Repeat(3, new Conv(width, [3], he, 0.2, padding: Padding.Same), new Relu());
        return name switch
        {
            "FC ReLU" => (new Serial(Fc(() => new Relu()), new Dense(8)), [10]),
            "FC erf" => (new Serial(Fc(() => new Erf()), new Dense(8)), [10]),
            "residual ReLU" => (new Serial(new Dense(width), new Repeat(2, new FanInSum(new Identity(), new Serial(new Relu(), new Dense(width)))), new Relu(), new Dense(8)), [10]),
            "layer norm ReLU" => (new Serial(new Repeat(3, new Dense(width, he, 0.2), new LayerNorm(), new Relu()), new Dense(8)), [10]),
            "conv + flatten" => (new Serial(convolutions, new Flatten(), new Dense(8)), [6, 3]),
            _ => (new Serial(convolutions, new GlobalAvgPool(), new Dense(8)), [6, 3]),
        };
    }

    private static double Relative(Tensor expected, Tensor actual) => ((actual - expected).Norm() / expected.Norm()).ToDouble();

    private static Serial Mlp(int hidden, Func<Layer> phi, double weightStd, double? biasStd, int width = 16) =>
        new(new Repeat(hidden, new Dense(width, weightStd, biasStd), phi()), new Dense(1, weightStd, biasStd));

    /// <inheritdoc/>
    public void Run(Config config, Bench bench)
    {
        var key = new RandomKey(bench.Seed);
        Tensor x = key.FoldIn(1).Normal([Samples, 10], DType.F64), image = key.FoldIn(2).Normal([Samples, 6, 3], DType.F64);
        ClosedForms(bench, x);
        FiniteNetworks(config, bench, x, image, key.FoldIn(3));
        Algorithms(bench, image, key.FoldIn(4));
        Tiles(bench, image, key.FoldIn(5));
        Predictions(bench, x, key.FoldIn(6));
        Controls(bench, x);
        Convergence(config, bench, x, key.FoldIn(7));
    }

    // Checks 1 and 2.
    private static void ClosedForms(Bench bench, Tensor x)
    {
        (double length, double sum) = (0, 0);
        foreach (int hidden in (int[])[1, 3, 10, 30])
        {
            (Tensor nngp, Tensor ntk) = new KernelFn(Mlp(hidden, () => new Relu(), Math.Sqrt(2), null)).Both(x);
            length = Math.Max(length, Relative(2 * x.Square().Mean(-1), nngp.Diagonal()));
            sum = Math.Max(sum, Relative((hidden + 1) * nngp.Diagonal(), ntk.Diagonal()));
        }
        bench.Check("1: He ReLU: K(x, x) − σ_{w}²|x|²/d, relative, up to 30 layers", length, max: 1e-12);
        bench.Check("1: bias-free: Θ(x, x) − (L + 1)·K(x, x), relative", sum, max: 1e-10);
        (Layer Closed, Layer Numeric, string Name)[] pairs =
            [(new Erf(), new Numeric(z => z.Erf()), "erf"), (new Relu(), new Numeric(z => z.Relu()), "ReLU"), (new Gelu(), new Numeric(z => z.Gelu()), "GELU")];
        Tensor few = x.Slice(..3);
        foreach ((Layer closed, Layer numeric, string name) in pairs)
        {
            ((Tensor nngp, Tensor ntk), (Tensor other, Tensor otherNtk)) =
                (new KernelFn(Mlp(2, () => closed, 1.3, 0.2)).Both(few), new KernelFn(Mlp(2, () => numeric, 1.3, 0.2)).Both(few));
            bench.Check($"2: {name}: quadrature − closed form, K and Θ, relative", Math.Max(Relative(nngp, other), Relative(ntk, otherNtk)), max: 1e-8);
        }
    }

    // Check 3.
    private static void FiniteNetworks(Config config, Bench bench, Tensor x, Tensor image, RandomKey key)
    {
        var rows = new List<object[]>();
        foreach ((int i, string name) in Architectures.Index())
        {
            (Layer network, int[] input) = Build(name, config.Width);
            Tensor inputs = input.Length == 1 ? x : image;
            KernelEstimate estimate = MonteCarlo.Estimate(network, key.FoldIn(i), inputs, draws: config.Networks);
            (Tensor nngp, Tensor ntk) = new KernelFn(network).Both(inputs);
            (double k, double theta) = (Relative(nngp, estimate.Nngp), Relative(ntk, estimate.Ntk!));
            bench.Check($"3: {name}: mean of {config.Networks} networks, Θ, relative", theta, max: 0.04);
            bench.Check($"3: {name}: mean of {config.Networks} networks, K of outputs ÷ its standard error, root mean square",
                ((estimate.Nngp - nngp) / estimate.NngpError).Square().Mean().Sqrt().ToDouble(), max: 3);
            rows.Add([name, k, theta]);
            bench.Progress("architectures", i + 1, Architectures.Length);
        }
        bench.Table("finite", "Relative Frobenius distance of the mean over networks from the kernels.", ["architecture", "K, from 8 outputs a network", "Θ"], rows);
    }

    // Checks 4 and 5.
    private static void Algorithms(Bench bench, Tensor image, RandomKey key)
    {
        (Layer network, int[] input) = Build("conv + global average", 6);
        Tensor[] parameters = network.Init(key, Shape.Create(input)).Parameters, step = network.Init(key.FoldIn(1), Shape.Create(input)).Parameters;
        Tensor[] kernels = [.. new[] { NtkMethod.Jacobians, NtkMethod.VectorProducts, NtkMethod.Structured }
            .Select(method => Empirical.Ntk(network, parameters, image, null, OutputMode.Full, method))];
        bench.Check("4: three algorithms for the empirical Θ, relative", Math.Max(Relative(kernels[0], kernels[1]), Relative(kernels[0], kernels[2])), max: 1e-9);
        Layer smooth = new Serial(new Flatten(), Mlp(2, () => new Gelu(), 1.4, 0.2));
        Tensor[] origin = smooth.Init(key, [6, 3]).Parameters, direction = smooth.Init(key.FoldIn(1), [6, 3]).Parameters;
        Func<Tensor[], Tensor, Tensor> f = (p, z) => smooth.Apply(p, z);
        Tensor[] At(double h) => [.. origin.Zip(direction, (o, d) => o + h * d)];
        foreach (int degree in (int[])[1, 2])
        {
            Func<Tensor[], Tensor, Tensor> polynomial = Empirical.TaylorExpand(f, origin, degree);
            double Error(double h) => (polynomial(At(h), image) - f(At(h), image)).Norm().ToDouble();
            double order = Math.Pow(2, degree + 1);
            bench.Check($"5: Taylor polynomial of degree {degree}: error ratio on halving Δθ", Error(0.01) / Error(0.005), min: 0.9 * order, max: 1.1 * order);
        }
    }

    // Checks 6 and 7.
    private static void Tiles(Bench bench, Tensor image, RandomKey key)
    {
        Layer pooled = Build("conv + global average", 8).Network, flat = Build("conv + flatten", 8).Network;
        Tensor other = key.Normal([5, 6, 3], DType.F64);
        (double worst, KernelFn whole) = (0, new(pooled, tile: 1000));
        foreach (int tile in (int[])[1, 7, 64, Samples])
        {
            KernelFn tiled = new(pooled, tile: tile);
            worst = Math.Max(worst, Math.Max(Relative(whole.Ntk(image), tiled.Ntk(image)), Relative(whole.Ntk(image, other), tiled.Ntk(image, other))));
        }
        bench.Check("6: tiles of 1, 7, 64, n: Θ, relative", worst, max: 1e-12);
        KernelState diagonal = flat.Kernel(KernelState.Of(image, other, SpatialMode.Diagonal)), full = flat.Kernel(KernelState.Of(image, other, SpatialMode.Full));
        bench.Check("7: flattened kernel from diagonal and from full covariances, relative", Math.Max(Relative(full.Nngp, diagonal.Nngp), Relative(full.Ntk!, diagonal.Ntk!)), max: 1e-12);
    }

    // Checks 8 and 9.
    private static void Predictions(Bench bench, Tensor x, RandomKey key)
    {
        KernelFn kernels = new(Mlp(2, () => new Erf(), 1.3, 0.3));
        Tensor y = key.FoldIn(1).Normal([Samples, 2], DType.F64), test = key.FoldIn(2).Normal([4, 10], DType.F64), order = key.FoldIn(3).Permutation(Samples);
        Tensor xp = x.Take(order), yp = y.Take(order);
        Tensor k = kernels.Ntk(x), cross = kernels.Ntk(test, x);
        Tensor prediction = Predict.GradientDescentMse(k, y).Test(20, cross), permuted = Predict.GradientDescentMse(kernels.Ntk(xp), yp).Test(20, kernels.Ntk(test, xp));
        bench.Check("8: permuted training points: predictions, relative", Relative(prediction, permuted), max: 1e-10);
        Tensor solved = Predict.GradientDescent(f => 0.5 * (f - y).Square().Mean(), k).At(20, y.ZerosLike(), cross).Test!;
        bench.Check("9: Runge–Kutta − closed form, relative", Relative(prediction, solved), max: 1e-6);
    }

    private static void Controls(Bench bench, Tensor x)
    {
        Tensor tanh = new KernelFn(Mlp(2, () => new Numeric(z => z.Tanh()), 1.3, 0.2)).Nngp(x.Slice(..3));
        bench.Control("2: tanh declared as erf: K, relative", Relative(tanh, new KernelFn(Mlp(2, () => new Erf(), 1.3, 0.2)).Nngp(x.Slice(..3))), min: 0.02);
        bool refused = false;
        try
        {
            new KernelFn(new Serial(new Dense(4), new Relu(), new Relu())).Nngp(x);
        }
        catch (InfiniteWidthException)
        {
            refused = true;
        }
        bench.Control("two nonlinearities in a row are refused", refused);
    }

    private static void Convergence(Config config, Bench bench, Tensor x, RandomKey key)
    {
        double[] widths = [.. Enumerable.Range(5, 6).Select(i => Math.Pow(2, i)).Where(w => w <= Math.Max(256, config.Width))];
        var series = new List<Series>();
        foreach ((int i, string name) in Architectures.Take(2).Index())
        {
            double[] errors = Array.ConvertAll(widths, w =>
            {
                Layer network = Build(name, (int)w).Network;
                Tensor ntk = new KernelFn(network).Ntk(x);
                return Math.Sqrt(Enumerable.Range(0, 24).Average(draw =>
                    Math.Pow(Relative(ntk, Empirical.Ntk(network, network.Init(key.FoldIn(i).FoldIn(draw).FoldIn((int)w), [10]).Parameters, x, method: NtkMethod.Structured)), 2)));
            });
            series.Add(Series.Points(name, widths, errors));
        }
        double[] erf = series[1].Y, logs = [.. widths.Select(w => Math.Log(w))];
        (double meanX, double meanY) = (logs.Average(), erf.Average(e => Math.Log(e)));
        double slope = logs.Zip(erf, (a, b) => (a - meanX) * (Math.Log(b) - meanY)).Sum() / logs.Sum(a => (a - meanX) * (a - meanX));
        bench.Check("log–log slope of the error of one network's Θ in the width, FC erf", slope, min: -0.65, max: -0.35);
        double last = erf[^1] * Math.Sqrt(widths[^1]);
        bench.Figure("width", "Distance of one network's tangent kernel from that of infinite width: root mean square over 24 networks.", new LineFigure(
            "Networks become their kernels", Axis.Log("width"), Axis.Log("relative error of Θ"),
            [.. series, Series.Theory("width^{−1/2}", widths, [.. widths.Select(w => last / Math.Sqrt(w))])]));
    }
}
