using Nabla.Nn;
using Nabla.Optim;
using Nabla.Tests.Accelerators;
using static Nabla.Tests.Nn.LayerChecks;
using static Nabla.Transforms;

namespace Nabla.Tests.Nn;

[OnChosenDevice]
public sealed class ConvLayerTests
{
    private static Padding Pad(string name) => name switch { "valid" => Padding.Valid, "same" => Padding.Same, _ => Padding.Circular };

    // x [b, h, w, c] and kernel [kh, kw, c / groups, f], summed element by element.
    private static double[] Reference(double[] x, int[] dims, double[] kernel, int[] window, double[] bias, int stride, int groups, string padding)
    {
        (int b, int h, int w, int c, int kh, int kw, int f) = (dims[0], dims[1], dims[2], dims[3], window[0], window[1], bias.Length);
        int Out(int n, int k) => padding == "valid" ? (n - k) / stride + 1 : (n + stride - 1) / stride;
        int Before(int n, int k) => padding == "valid" ? 0 : Math.Max((Out(n, k) - 1) * stride + k - n, 0) / 2;
        var y = new List<double>();
        for (int i = 0; i < b; i++)
            for (int oh = 0; oh < Out(h, kh); oh++)
                for (int ow = 0; ow < Out(w, kw); ow++)
                    for (int o = 0; o < f; o++)
                    {
                        double sum = bias[o];
                        for (int p = 0; p < kh; p++)
                            for (int q = 0; q < kw; q++)
                            {
                                (int row, int column) = (oh * stride + p - Before(h, kh), ow * stride + q - Before(w, kw));
                                if (padding == "circular") (row, column) = ((row + h) % h, (column + w) % w);
                                if (row < 0 || row >= h || column < 0 || column >= w) continue;
                                int own = c / groups, group = o / (f / groups);
                                for (int k = 0; k < own; k++)
                                    sum += x[((i * h + row) * w + column) * c + group * own + k] * kernel[((p * kw + q) * own + k) * f + o];
                            }
                        y.Add(sum);
                    }
        return [.. y];
    }

    [Theory]
    [InlineData("valid", 1, 1)]
    [InlineData("same", 1, 1)]
    [InlineData("circular", 1, 1)]
    [InlineData("same", 2, 2)]
    [InlineData("circular", 2, 1)]
    public void A_convolution_follows_its_formula_and_keeps_the_contract(string padding, int stride, int groups)
    {
        var layer = new Conv(4, [3, 2], new ConvOptions { Padding = Pad(padding), Strides = [stride], Groups = groups });
        (Tensor[] p, _, Shape output) = Start(layer, [4, 5, 2]);
        Tensor x = Normal(3, [2, 4, 5, 2]), y = layer.Apply(p, x);
        Assert.Equal<Shape>([2, .. output], y.Shape);
        Near(Reference(x.ToDoubles(), [2, 4, 5, 2], p[0].ToDoubles(), [3, 2], p[1].ToDoubles(), stride, groups, padding), y);
        All(layer, [4, 5, 2]);
    }

    [Fact]
    public void One_dimensional_and_plain_convolutions_keep_the_contract()
    {
        All(new Conv(3, [3], new ConvOptions { Padding = Padding.Circular }, useBias: false), [5, 2]);
        All(new GlobalAveragePool(1), [5, 2]);
        All(new GlobalAveragePool(), [2, 3, 2]);
        Tensor x = Normal(2, [2, 3, 4, 2]);
        double[] v = x.ToDoubles();
        Near([.. Enumerable.Range(0, 4).Select(i => Enumerable.Range(0, 12).Sum(s => v[i / 2 * 24 + s * 2 + i % 2]) / 12)], new GlobalAveragePool().Apply([], x));
    }

    [Theory]
    [InlineData("same", 2)]
    [InlineData("circular", 2)]
    [InlineData("valid", 1)]
    public void A_transposed_convolution_is_the_adjoint(string padding, int stride)
    {
        var options = new ConvOptions { Padding = Pad(padding), Strides = [stride] };
        var layer = new ConvTranspose(3, [3, 3], options);
        (Tensor[] p, _, Shape output) = Start(layer, [2, 3, 4]);
        Assert.Equal<Shape>(padding == "valid" ? [4, 5, 3] : [4, 6, 3], output);
        Tensor x = Normal(4, [2, 3, 4]), u = Normal(5, output), y = layer.Apply(p, x) - p[1];
        double expected = (new Conv(4, [3, 3], options, useBias: false).Apply([p[0]], u) * x).Sum().ToDouble();
        Assert.Equal(expected, (u * y).Sum().ToDouble(), 1e-11);
        All(layer, [2, 3, 4]);
    }

    [Fact]
    public void A_delta_orthogonal_layer_multiplies_every_norm_by_its_gain()
    {
        var layer = new Conv(4, [3], new ConvOptions { Padding = Padding.Circular }, Initializers.DeltaOrthogonal(1.5), useBias: false);
        Tensor[] p = layer.Init(new RandomKey(2), [5, 4], DType.F64).Parameters;
        Tensor map = Jacobian(x => layer.Apply(p, x.Reshape(5, 4)).Reshape(20))(Normal(1, [20]));
        Near([.. Enumerable.Repeat(1.5, 20)], map.SingularValues(), 1e-13);
        var gaussian = new Conv(4, [3], new ConvOptions { Padding = Padding.Circular }, useBias: false);
        Tensor[] q = gaussian.Init(new RandomKey(2), [5, 4], DType.F64).Parameters;
        Tensor other = Jacobian(x => gaussian.Apply(q, x.Reshape(5, 4)).Reshape(20))(Normal(1, [20])).SingularValues();
        Assert.True(other.Max().ToDouble() > 3 * other.Min().ToDouble()); // the control: a Gaussian kernel is no isometry
        var plane = new Conv(6, [3, 3], new ConvOptions { Padding = Padding.Circular }, Initializers.DeltaOrthogonal(), useBias: false);
        Tensor image = Normal(6, [4, 5, 3]);
        Near([image.Norm().ToDouble()], plane.Apply(plane.Init(new RandomKey(3), [4, 5, 3], DType.F64).Parameters, image).Norm(), 1e-13);
    }

    [Fact]
    public void A_small_residual_network_trains_as_one_compiled_program()
    {
        var same = new ConvOptions { Padding = Padding.Same };
        Sequential Block() => new(new Conv(4, [3, 3], same), new BatchNorm(), Activation.Relu, new Conv(4, [3, 3], same), new BatchNorm());
        var net = new Sequential(new Conv(4, [3, 3], same), new Residual(Block()), Activation.Relu, new Residual(Block()), new GlobalAveragePool(), new Dense(2));
        (Tensor[] p, Tensor[] s, Shape output) = net.Init(new RandomKey(0), [6, 6, 1]);
        Assert.Equal<Shape>([2], output);
        // Horizontal against vertical stripes.
        Tensor labels = Ops.Arange(16) % 2, rows = (Ops.Arange(6) % 2).To(DType.F32);
        Tensor stripes = Ops.Where(labels.Reshape(16, 1, 1).Equal(0), rows.Reshape(1, 6, 1), rows.Reshape(1, 1, 6)).BroadcastTo([16, 6, 6]);
        Tensor x = (stripes + 0.3 * new RandomKey(1).Normal([16, 6, 6])).ExpandDims(-1);
        var adam = new Adam(1e-2);
        var loop = new TrainingLoop<(Tensor[] P, Tensor[] S, OptimizerState O), Tensor>(at =>
        {
            ((Tensor loss, Tensor[] next), Tensor[] g) = ValueAndGrad((Tensor[] q) =>
            {
                (Tensor y, Tensor[] after) = net.Apply(q, at.S, x, Pass.Training());
                return (Losses.CrossEntropy(y, labels), after);
            })(at.P);
            (Tensor[] q, OptimizerState o) = adam.Update(at.P, g, at.O);
            return ((q, next, o), loss);
        }, (p, s, adam.Init(p)));
        loop.Run(60);
        Tensor logits = net.Apply(loop.State.P, loop.State.S, x, Pass.Evaluation).Output;
        Assert.InRange(loop.Metrics.ToDouble(), 0, 0.1);
        Assert.Equal(1, Losses.Accuracy(logits, labels).ToDouble());
    }

    [Fact]
    public void Many_convolutional_networks_are_drawn_and_applied_as_one_program()
    {
        var net = new Sequential(new Conv(3, [3], new ConvOptions { Padding = Padding.Same }), Activation.Tanh, new Flatten(2), new Dense(2));
        RandomKey keys = new RandomKey(8).Split(3);
        Tensor[] members = Vmap((RandomKey key) => net.Init(key, [5, 2], DType.F64).Parameters)(keys);
        Tensor x = Normal(1, [4, 5, 2]), together = Compile(Vmap((Tensor[] p) => net.Apply(p, x))).Call(members);
        for (int i = 0; i < 3; i++) Near(net.Apply(net.Init(keys.At(i), [5, 2], DType.F64).Parameters, x).ToDoubles(), together.At(i));
    }

    [Fact]
    public void Inputs_that_do_not_fit_are_refused()
    {
        var key = new RandomKey(0);
        string Code(Layer layer, Shape input) => Assert.ThrowsAny<NablaException>(() => layer.Init(key, input)).Code;
        Assert.Equal("NB0553", Code(new Conv(2, [3, 3]), [28, 28]));
        Assert.Equal("NB0553", Code(new Conv(2, [3], new ConvOptions { Groups = 2 }), [5, 3]));
        Assert.Equal("NB0553", Code(new ConvTranspose(3, [3], new ConvOptions { Groups = 2 }), [5, 4]));
        Assert.Equal("NB0553", Code(new GlobalAveragePool(), [28, 28]));
        Assert.Equal("NB0555", Code(new Conv(2, []), [4]));
        Assert.Equal("NB0134", Code(new Conv(2, [5, 5]), [4, 4, 1]));
    }
}
