using Nabla.Kernels;

namespace Nabla.Tests.Autograd;

public sealed class ReduNetTests
{
    // Sample i (from 1) has the numbers sin(0.37·r·i) + 0.3·cos(1.7·r − 0.9·i), r = 1 … d row-major, divided by their length.
    private static DenseTensor Waves(int n, params int[] shape)
    {
        int d = shape.Aggregate(1, (a, b) => a * b);
        var x = new double[n * d];
        for (int i = 0; i < n; i++)
        {
            for (int r = 0; r < d; r++) x[i * d + r] = Math.Sin(0.37 * (r + 1) * (i + 1)) + 0.3 * Math.Cos(1.7 * (r + 1) - 0.9 * (i + 1));
            double norm = Math.Sqrt(x.AsSpan(i * d, d).ToArray().Sum(v => v * v));
            for (int r = 0; r < d; r++) x[i * d + r] /= norm;
        }
        return Tensor.From(x, Shape.Create([n, .. shape]));
    }

    private static int[] Labels(int n, int k) => [.. Enumerable.Range(0, n).Select(i => i % k)];

    private static double Along(Tensor x) => x.Dot((1 + Ops.Arange((int)x.Count, DType.F64)).Cos().Reshape(x.Shape)).ToDouble();

    private static void Near(double expected, double actual, double tolerance = 1e-9) =>
        Assert.True(Math.Abs(actual - expected) <= tolerance * Math.Abs(expected), $"{actual:r} is not {expected:r}");

    private static double Difference(Tensor a, Tensor b) => (a - b).Abs().Max().ToDouble();

    // Numbers of NumPy, complex arithmetic, every frequency of the full transform by itself: R and R_c before each layer and behind the last, then Σ z·cos(1 + position) of
    // the final samples and of the last gates.
    public static TheoryData<int[], int, double[], double[], double[], double, double> Trajectories => new()
    {
        {
            [6], 36, [4, 0.5, 0.5, 10],
            [3.28377940566299, 3.28139835564624, 3.27720333767648, 3.27296796808798, 3.26986071444925],
            [3.17997374765483, 3.15371729138125, 3.1224090314527, 3.09475154546583, 3.07498076767067], 1.56884852106373, -0.750784189838882
        },
        {
            [10, 3], 12, [4, 0.25, 0.5, 2],
            [2.06975957390858, 2.09915269675101, 2.12629722597258, 2.15874972328974, 2.19173108976148],
            [1.6022976729223, 1.43572213850818, 1.40264510855018, 1.41170864751586, 1.4274136335555], -1.55271394580624, -0.913633280794706
        },
        {
            [7, 2], 12, [3, 0.25, 0.5, 2],
            [1.51134020734318, 1.51419385954448, 1.5132976066341, 1.51551433582066],
            [1.28748143099726, 1.12162076346757, 1.06331275358761, 1.05974952829348], -2.49028211425705, -0.40248756690368
        },
        {
            [6, 5, 2], 12, [3, 0.25, 0.5, 2],
            [1.326282524089, 1.33929285046132, 1.36297910622719, 1.3981187551365],
            [1.04754157305001, 0.961097384610176, 0.931387595211412, 0.918693170509854], 0.896412098417951, -0.968968519460936
        },
        {
            [3, 4, 2], 12, [3, 0.25, 0.5, 2],
            [1.47234051920647, 1.48929309733751, 1.5258665282423, 1.55676528127767],
            [1.27745766784357, 1.16601671007128, 1.08572824060335, 1.05378988149463], -2.52861067216746, -1.16246719434788
        },
    };

    [Theory, MemberData(nameof(Trajectories))]
    public void Trajectories_agree_with_an_independent_computation(int[] shape, int n, double[] options, double[] rates, double[] classRates, double features, double gates)
    {
        DenseTensor x = Waves(n, shape);
        var net = ReduNet.Build(x, Labels(n, 3), 3, new ReduNetOptions((int)options[0], options[1], options[2], options[3]), out Tensor z);
        Assert.Equal(rates.Length, net.Rates.Count);
        for (int i = 0; i < rates.Length; i++)
        {
            Near(rates[i], net.Rates[i].Rate);
            Near(classRates[i], net.Rates[i].ClassRate);
        }
        Near(features, Along(z));
        Near(features, Along(net.Transform(x)));
        Near(gates, Along(net.Gates(x)));
        Assert.Equal(z.Shape, x.Shape);
    }

    [Fact]
    public void Operators_and_rates_of_vectors_are_those_of_the_coding_rate()
    {
        DenseTensor x = Waves(40, 7);
        int[] labels = Labels(40, 4);
        var net = ReduNet.Build(x, labels, 4, new ReduNetOptions(3, 0.3, 0.4, 5));
        Tensor z = net.Transform(x, 2).T, members = CodingRate.Memberships(labels, 4, DType.F64);
        Assert.True(Difference(CodingRate.Expansion(z, 0.3), net.Operators.At(2).At(0).At(0)) < 1e-12);
        Assert.True(Difference(CodingRate.Compression(z, members, 0.3), net.Operators.At(2).At(0).Slice(1..)) < 1e-12);
        Near(CodingRate.Reduction(z, labels, 4, 0.3).ToDouble(), net.Rates[2].Reduction, 1e-11);
        Assert.True(Difference(CodingRate.Compression(z, members, 0.3).At(1).MatMul(z).T, net.ApplyOperator(net.Transform(x, 2), 2, 2)) < 1e-12);
        Assert.Equal(0.4 * 40 / 7, net.Step, 12);
        Assert.Equal(5.0 * 40 / 7, net.Gate, 12);
        Near(CodingRate.Expansion(z, 0.3).Trace().ToDouble(), net.Spectra(2).At(0).Sum().ToDouble());
    }

    [Fact]
    public void With_labels_as_gates_a_layer_is_a_step_of_gradient_ascent()
    {
        DenseTensor x = Waves(40, 7);
        int[] labels = Labels(40, 4);
        ReduNet.Build(x, labels, 4, new ReduNetOptions(1, 0.3, 0.4, 5) { Gating = ReduGate.Labels }, out Tensor z);
        (_, Tensor slope) = CodingRate.ReductionWithGradient(x.T, Tensor.From(labels), 4, 0.3);
        Assert.True(Difference((x.T + 0.4 * 40 / 7 * slope).Normalize(0).T, z) < 1e-13);
    }

    [Fact]
    public void Layers_commute_with_shifts()
    {
        Tensor signals = Waves(18, 9, 2), images = Waves(18, 4, 6, 2);
        var one = ReduNet.Build(signals, Labels(18, 3), 3, new ReduNetOptions(4, 0.2, 0.5, 3));
        var two = ReduNet.Build(images, Labels(18, 3), 3, new ReduNetOptions(4, 0.2, 0.5, 3));
        Assert.True(Difference(one.Transform(signals).Roll(4, 1), one.Transform(signals.Roll(4, 1))) < 1e-12);
        Tensor moved = images.Roll(3, 1).Roll(2, 2);
        Assert.True(Difference(two.Transform(images).Roll(3, 1).Roll(2, 2), two.Transform(moved)) < 1e-12);
        Assert.Equal(two.Predict(images).ToArray<int>(), two.Predict(moved).ToArray<int>());
    }

    [Fact]
    public void Second_moments_are_enough()
    {
        DenseTensor x = Waves(40, 7);
        int[] labels = [.. Labels(40, 4).Select(l => l == 3 ? 4 : l)];
        var options = new ReduNetOptions(5, 0.3, 0.4, 5) { Gating = ReduGate.Labels, Normalization = ReduNormalization.Class };
        var joint = ReduNet.Build(CodingRate.NormalizeClasses(x.T, labels, 5).T, labels, 5, options, out Tensor z);
        Tensor members = CodingRate.Memberships(labels, 5, DType.F64);
        Tensor moments = (x.T.ExpandDims(0) * members.ExpandDims(1)).MatMul(x);
        ReduNet apart = ReduNet.FromMoments(moments, joint.Counts, options, out Tensor last);
        Assert.True(Difference(joint.Operators, apart.Operators) < 1e-11 * joint.Operators.Abs().Max().ToDouble());
        Assert.Equal(joint.Rates.Select(r => Math.Round(r.Reduction, 10)), apart.Rates.Select(r => Math.Round(r.Reduction, 10)));
        Assert.Equal([10.0, 10, 10, 0, 10], z.Square().Sum(1).SegmentSum(Tensor.From(labels), 5).ToDoubles().Select(s => Math.Round(s, 10)));
        Assert.True(Difference(last, (z.T.ExpandDims(0) * members.ExpandDims(1)).MatMul(z)) < 1e-11);
        Assert.Equal(0, apart.Gates(x).Slice(.., 3..4).Max().ToDouble());
    }

    [Theory]
    [InlineData(DType.F32, 1e-5)]
    [InlineData(DType.F64, 1e-13)]
    public void A_layer_is_the_same_for_any_number_of_threads_and_near_its_formula(DType dtype, double tolerance)
    {
        DenseTensor x = Waves(700, 48);
        int[] labels = Labels(700, 5);
        var options = new ReduNetOptions(3, 0.5, 0.5, 3);
        int before = Workers.Count;
        Workers.Count = 1;
        var net = ReduNet.Build(x.To(dtype), labels, 5, options, out Tensor alone);
        Workers.Count = 4;
        ReduNet.Build(x.To(dtype), labels, 5, options, out Tensor shared);
        Workers.Count = before;
        Assert.Equal(alone.ToDoubles(), shared.ToDoubles());

        Tensor z = net.Transform(x.To(dtype), 2).To(DType.F64), operators = net.Operators.At(2).At(0).To(DType.F64), next = net.Transform(x.To(dtype)).To(DType.F64);
        Tensor products = z.MatMul(operators), gates = (-net.Gate * products.Slice(1..).Norm(2)).Softmax(0);                        // [k + 1, n, d], [k, n]
        Tensor expected = (z + net.Step * (products.At(0) - ((gates / 5).ExpandDims(2) * products.Slice(1..)).Sum(0))).Normalize();
        Assert.True(Difference(expected, next) < tolerance);
    }

    [Fact]
    public void Ablations_leave_out_what_they_say()
    {
        DenseTensor x = Waves(40, 7);
        int[] labels = Labels(40, 4);
        var options = new ReduNetOptions(1, 0.3, 0.4, 5);
        var full = ReduNet.Build(x, labels, 4, options);
        Tensor Direction(ReduNetOptions o) => ReduNet.Build(x, labels, 4, o).Transform(x) - x;
        Tensor raw = Direction(options with { Normalization = ReduNormalization.None });
        Assert.True(Difference(full.Transform(x), (x + raw).Normalize()) < 1e-13);
        Assert.True(Difference(raw.Normalize(), x + Direction(options with { Residual = false })) < 1e-13);
        Tensor uniform = ReduNet.Build(x, labels, 4, options with { Gating = ReduGate.Uniform }).Gates(x);
        Assert.Equal(0.25, uniform.Max().ToDouble());
        Tensor random = ReduNet.Build(x, labels, 4, options with { Gating = ReduGate.Random }).Gates(x);
        Assert.True(Difference(random.Sum(1), Tensor.Ones([40], DType.F64)) < 1e-14 && Difference(random, uniform) > 0.1);
        Assert.True(Difference(Direction(options with { Step = 0 }), x.ZerosLike()) < 1e-15);
    }

    [Fact]
    public void A_saved_network_is_the_same_network()
    {
        Tensor x = Waves(18, 4, 6, 2);
        var net = ReduNet.Build(x, Labels(18, 3), 3, new ReduNetOptions(2, 0.2, 0.5, 3) { Normalization = ReduNormalization.None, Seed = 7 });
        string path = Path.Combine(Path.GetTempPath(), $"redunet-{Guid.NewGuid()}.safetensors");
        try
        {
            net.Save(path);
            ReduNet read = ReduNet.Load(path);
            Assert.Equal(net.Options, read.Options);
            Assert.Equal(net.Rates, read.Rates);
            Assert.Equal(net.SampleShape, read.SampleShape);
            Assert.Equal(net.Transform(x).ToDoubles(), read.Transform(x).ToDoubles());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Classifiers_find_the_nearest()
    {
        Tensor z = Tensor.From(new double[,] { { 1, 0.9, -1, 0 }, { 0, 0.1, 0.1, 1 } });
        NearestMean means = NearestMean.Fit(z, [0, 0, 2, 3], 4);
        Assert.Equal([0, 0, 2, 3], means.Predict(z).ToArray<int>());
        Assert.Equal(0.75, means.Accuracy(z, [0, 0, 2, 1]));
    }

    [Fact]
    public void Wrong_input_is_refused()
    {
        Tensor x = Waves(6, 3);
        var options = new ReduNetOptions(1, 0.5, 0.5, 1);
        int[] labels = [0, 1, 0, 1, 0, 1];
        void Refuses(string code, Action action) => Assert.Equal(code, Assert.ThrowsAny<NablaException>(action).Code);
        Refuses("NB0690", () => ReduNet.Build(x.At(0), labels, 2, options));
        Refuses("NB0690", () => ReduNet.Build(x.To(DType.I32), labels, 2, options));
        foreach (double e2 in new[] { 0, -1, double.NaN }) Refuses("NB0691", () => ReduNet.Build(x, labels, 2, options with { EpsilonSquared = e2 }));
        Refuses("NB0691", () => ReduNet.Build(x, labels, 2, options with { Layers = 0 }));
        Refuses("NB0691", () => ReduNet.Build(x, labels, 2, options with { Gate = -1 }));
        Refuses("NB0692", () => ReduNet.Build(x, [0, 1], 2, options));
        Refuses("NB0693", () => ReduNet.Build(x, [0, 1, 2, 0, 0, 0], 2, options));
        Refuses("NB0694", () => ReduNet.Build(x * Tensor.From([1, double.NaN, 1]), labels, 2, options));
        Refuses("NB0695", () => ReduNet.Build(x * 1e200, labels, 2, options));
        var net = ReduNet.Build(x, labels, 2, options);
        Refuses("NB0696", () => net.Transform(Waves(6, 4)));
        Refuses("NB0696", () => net.Transform(x.To(DType.F32)));
        Refuses("NB0694", () => net.Transform(x / 0.0));
        Refuses("NB0691", () => net.Transform(x, 2));
        Refuses("NB0697", () => ReduNet.Build(Waves(6, 3, 2), labels, 2, options).ToTrainable());
        Refuses("NB0698", () => ReduNet.FromMoments(Tensor.Zeros([2, 3, 3], DType.F64), [1], options, out _));
        Refuses("NB0699", () => ReduNet.Build(x, labels, 2, options with { Layers = 1 << 30 }));
    }

    [Fact]
    public void The_trainable_form_starts_as_the_network()
    {
        DenseTensor x = Waves(40, 7);
        int[] labels = Labels(40, 4);
        var net = ReduNet.Build(x, labels, 4, new ReduNetOptions(4, 0.3, 0.4, 5));
        TrainableReduNet trainable = net.ToTrainable();
        Assert.True(Difference(net.Transform(x, 3), trainable.Features(trainable.Start, x)) < 1e-13);
        Assert.True(Difference(net.Gates(x), trainable.Logits(trainable.Start, x).Softmax(1)) < 1e-13);
        var loss = (Tensor p) => Nabla.Nn.Losses.CrossEntropy(trainable.Logits(p, x), Tensor.From(labels));
        Tensor slope = Transforms.Grad(loss)(trainable.Start), direction = (Ops.Arange((int)slope.Count, DType.F64) * 0.7).Sin().Reshape(slope.Shape);
        double difference = (loss(trainable.Start + 1e-5 * direction) - loss(trainable.Start - 1e-5 * direction)).ToDouble() / 2e-5;
        Near(difference, slope.Dot(direction).ToDouble(), 1e-6);
    }
}
