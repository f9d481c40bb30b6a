using Nabla.Nn;
using Nabla.Tests.Accelerators;
using static Nabla.Tests.Nn.LayerChecks;
using static Nabla.Transforms;

namespace Nabla.Tests.Nn;

[OnChosenDevice]
public sealed class LayerTests
{
    private static readonly Tensor Words = Tensor.From([0, 3, 3, 1, 2, 3, 0, 0], [4, 2]);

    private static (Layer Layer, Shape Input) Make(string name) => name switch
    {
        "dense" => (new Dense(3), [5]),
        "dense on time" => (new Dense(3, useBias: false), [2, 5]),
        "ntk dense" => (new NtkDense(3, 1.5, 0.1), [5]),
        "activation" => (Activation.Tanh, [2, 3]),
        "dropout" => (new Dropout(0.4), [6]),
        "flatten" => (new Flatten(), [2, 3, 2]),
        "layer norm" => (new LayerNorm(), [3, 5]),
        "layer norm, plain" => (new LayerNorm(1e-3, affine: false), [5]),
        "group norm" => (new GroupNorm(2), [2, 3, 6]),
        "group norm, one axis" => (new GroupNorm(3, 1), [4, 6]),
        "rms norm" => (new RmsNorm(), [5]),
        "attention" => (new MultiHeadAttention(2), [3, 4]),
        "causal attention" => (new MultiHeadAttention(2, causal: true), [3, 4]),
        "residual" => (new Residual(new Sequential(new Dense(4), Activation.Tanh, new Dense(3)), new Dense(3)), [4]),
        "residual, identity" => (new Residual(new Dense(4)), [4]),
        _ => (new Sequential(new Dense(4), Activation.Gelu, new LayerNorm(), new Sequential(new Dense(2))), [3]),
    };

    [Theory]
    [InlineData("dense")]
    [InlineData("dense on time")]
    [InlineData("ntk dense")]
    [InlineData("activation")]
    [InlineData("dropout")]
    [InlineData("flatten")]
    [InlineData("layer norm")]
    [InlineData("layer norm, plain")]
    [InlineData("group norm")]
    [InlineData("group norm, one axis")]
    [InlineData("rms norm")]
    [InlineData("attention")]
    [InlineData("causal attention")]
    [InlineData("residual")]
    [InlineData("residual, identity")]
    [InlineData("sequential")]
    public void Layers_keep_the_contract_of_layers(string name)
    {
        (Layer layer, Shape input) = Make(name);
        All(layer, input);
    }

    [Fact]
    public void Embedding_reads_rows_and_its_gradient_adds_them_up()
    {
        var layer = new Embedding(4, 3);
        All(layer, [2], x: Words);
        Tensor[] table = Start(layer, [2]).Parameters;
        double[] rows = table[0].ToDoubles();
        int[] words = Words.ToArray<int>();
        Near([.. words.SelectMany(w => rows[(3 * w)..(3 * w + 3)])], layer.Apply(table, Words), 0);
        Tensor weights = Normal(5, [4, 2, 3]);
        Tensor gradient = Grad((Tensor[] p) => (layer.Apply(p, Words) * weights).Sum())(table)[0];
        var expected = new double[12];
        double[] w = weights.ToDoubles();
        for (int i = 0; i < words.Length; i++)
            for (int k = 0; k < 3; k++) expected[3 * words[i] + k] += w[3 * i + k];
        Near(expected, gradient, 1e-14);
        Assert.Equal("NB0109", Assert.Throws<ShapeException>(() => layer.Apply(table, Tensor.From([4]))).Code);
    }

    [Fact]
    public void Dense_layers_compute_the_sums()
    {
        Tensor x = Normal(3, [4, 5]);
        Tensor[] p = Start(new Dense(3), [5]).Parameters;
        double[] a = x.ToDoubles(), w = p[0].ToDoubles(), b = p[1].ToDoubles();
        double[] Sums(double scale, double shift)
        {
            var y = new double[12];
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 3; j++)
                {
                    y[3 * i + j] = shift * b[j];
                    for (int k = 0; k < 5; k++) y[3 * i + j] += scale * a[5 * i + k] * w[3 * k + j];
                }
            return y;
        }
        Near(Sums(1, 1), new Dense(3).Apply(p, x));
        Near(Sums(1.5 / Math.Sqrt(5), 0.1), new NtkDense(3, 1.5, 0.1).Apply(p, x));
        Tensor[] plain = new Dense(3, Initializers.Ntk).Init(new RandomKey(4), [5], DType.F64).Parameters;
        Assert.Equal(plain[0].ToDoubles(), new NtkDense(3).Init(new RandomKey(4), [5], DType.F64).Parameters[0].ToDoubles());
    }

    [Fact]
    public void Composites_connect_their_parts()
    {
        Tensor x = Normal(3, [4, 3]);
        Layer one = new Dense(5), two = new Dense(3), three = new Dense(3);
        Tensor[] a = Start(one, [3], 1).Parameters, b = Start(two, [5], 2).Parameters, c = Start(three, [3], 3).Parameters;
        Tensor body = two.Apply(b, one.Apply(a, x).Tanh());
        var chain = new Sequential(one, Activation.Tanh, two);
        Near(body.ToDoubles(), chain.Apply([.. a, .. b], x), 0);
        Near((x + body).ToDoubles(), new Residual(chain).Apply([.. a, .. b], x), 0);
        Near((three.Apply(c, x) + body).ToDoubles(), new Residual(chain, three).Apply([.. a, .. b, .. c], x), 0);
        Tensor images = Normal(4, [2, 3, 2, 2]);
        Tensor flat = new Flatten().Apply([], images);
        Assert.Equal<Shape>([2, 12], flat.Shape);
        Near(images.ToDoubles(), flat, 0);
    }

    [Fact]
    public void Dropout_draws_in_training_and_only_there()
    {
        Tensor ones = Tensor.Ones([100_000]);
        var layer = new Dropout(0.3);
        Tensor dropped = layer.Apply([], ones, Pass.Training(new RandomKey(1)));
        Assert.InRange(dropped.Mean().ToDouble(), 0.98, 1.02);
        Assert.InRange(dropped.Equal(0).Mean().ToDouble(), 0.29, 0.31);
        Assert.Same(ones, layer.Apply([], ones));
        Assert.NotEqual(dropped.ToDoubles(), layer.Apply([], ones, Pass.Training(new RandomKey(2))).ToDoubles());
        var twice = new Sequential(layer, layer);
        double both = (!twice.Apply([], ones, Pass.Training(new RandomKey(1))).Equal(0)).Mean().ToDouble();
        Assert.InRange(both, 0.48, 0.50); // 0.7²: the two layers draw independently
    }

    [Fact]
    public void A_training_step_with_dropout_can_be_compiled_and_batched_over_keys()
    {
        var net = new Sequential(new Dense(16), Activation.Relu, new Dropout(0.5), new Dense(1));
        (Tensor[] p, _, _) = net.Init(new RandomKey(0), [4], DType.F64);
        Tensor x = Normal(1, [8, 4]);
        Tensor[] Step(RandomKey key) => Grad((Tensor[] q) => net.Apply(q, x, Pass.Training(key)).Square().Mean())(p);
        RandomKey keys = new RandomKey(7).Split(3);
        Tensor[] together = Compile(Vmap((RandomKey key) => Step(key))).Call(keys);
        for (int i = 0; i < 3; i++)
            foreach ((Tensor one, Tensor all) in Step(keys.At(i)).Zip(together)) Near(one.ToDoubles(), all.At(i));
        Assert.NotEqual(together[0].At(0).ToDoubles(), together[0].At(1).ToDoubles());
    }

    [Fact]
    public void Names_follow_the_structure()
    {
        var net = new Sequential(new Dense(4), new BatchNorm(), new Residual(new Sequential(new Dense(4, useBias: false), new BatchNorm())), new RmsNorm());
        Assert.Equal(
            ["0.weight", "0.bias", "1.scale", "1.shift", "2.body.0.weight", "2.body.1.scale", "2.body.1.shift", "3.scale"], net.ParameterNames);
        Assert.Equal(["1.mean", "1.variance", "2.body.1.mean", "2.body.1.variance"], net.StateNames);
        (Tensor[] p, Tensor[] s, Shape output) = net.Init(new RandomKey(0), [3]);
        Assert.Equal((8, 4, [4]), (p.Length, s.Length, output));
        Assert.Equal<Shape>([3, 4], p[0].Shape);
        Assert.Equal<Shape>([4, 4], p[4].Shape);
    }

    [Fact]
    public void Parts_draw_different_initial_values()
    {
        Tensor[] p = new Sequential(new Dense(3), new Dense(3)).Init(new RandomKey(0), [3]).Parameters;
        Assert.NotEqual(p[0].ToDoubles(), p[2].ToDoubles());
    }

    [Fact]
    public void Wrong_use_is_explained()
    {
        var key = new RandomKey(0);
        Tensor x = Tensor.Ones([2, 3]);
        static void Refused<T>(string code, string hint, Action action) where T : NablaException
        {
            T error = Assert.Throws<T>(action);
            Assert.Equal(code, error.Code);
            Assert.Contains(hint, error.Message, StringComparison.Ordinal);
        }
        Refused<LayerException>("NB0550", "Pass.Training(key)", () => new Sequential(new Dropout(0.5)).Apply([], x, Pass.Training()));
        Refused<LayerException>("NB0551", "mean, variance", () => new BatchNorm().Apply([Tensor.Ones([3]), Tensor.Ones([3])], x));
        Refused<LayerException>("NB0552", "weight, bias", () => new Dense(2).Apply([x], x));
        Refused<LayerException>("NB0552", "state tensors", () => new BatchNorm().Apply([Tensor.Ones([3]), Tensor.Ones([3])], [], x, Pass.Evaluation));
        Refused<LayerException>("NB0552", "query.weight", () => new MultiHeadAttention(1).Attend([x], x, x));
        Refused<ShapeException>("NB0553", "batch axis", () => new Dense(2).Init(key, []));
        Refused<ShapeException>("NB0553", "[4,4]", () => new Flatten().Init(key, [4, 4]));
        Refused<ShapeException>("NB0553", "3 groups", () => new GroupNorm(3).Init(key, [2, 2, 4]));
        Refused<ShapeException>("NB0553", "2 axes of positions", () => new GroupNorm(2).Init(key, [4, 4]));
        Refused<ShapeException>("NB0553", "[time, features]", () => new MultiHeadAttention(2).Init(key, [4]));
        Refused<ShapeException>("NB0553", "3 heads", () => new MultiHeadAttention(3).Init(key, [5, 4]));
        Refused<ShapeException>("NB0553", "cannot be added", () => new Residual(new Dense(2)).Init(key, [3]));
        Refused<ShapeException>("NB0553", "batch_norm", () => new BatchNorm().Init(key, []));
        Refused<ShapeException>("NB0553", "rms_norm", () => new RmsNorm().Init(key, []));
        Refused<LayerException>("NB0555", "[0, 1)", () => new Dropout(1));
        Refused<DTypeException>("NB0205", "bool mask", () => Attention.ScaledDotProduct(x, x, x, x));
    }
}
