using Nabla.Optim;
using Nabla.Tests.Accelerators;
using static Nabla.Tests.Nn.LayerChecks;
using static Nabla.Transforms;

namespace Nabla.Tests.Nn;

/// <summary>Three steps of each optimiser against its recursion written out with numbers.</summary>
[OnChosenDevice]
public sealed class OptimizerTests
{
    private const double Rate = 0.1;

    // The gradient of a sum of θ⁴/4 − θ.
    private static double Slope(double theta) => theta * theta * theta - 1;

    private static void Check(Optimizer optimizer, Func<double, double[], int, double> step, int moments)
    {
        double[] expected = [0.5, -1.5, 2];
        double[][] memory = [.. expected.Select(_ => new double[moments])];
        Tensor[] p = [Tensor.From(expected[..2]), Tensor.Scalar(expected[2], DType.F64)];
        OptimizerState state = optimizer.Init(p);
        Assert.Equal(moments, state.Slots.Length);
        for (int t = 1; t <= 3; t++)
        {
            Tensor[] gradient = Grad((Tensor[] q) => q.Select(x => (x.Square().Square() / 4 - x).Sum()).Aggregate((a, b) => a + b))(p);
            (p, state) = optimizer.Update(p, gradient, state);
            for (int i = 0; i < 3; i++) expected[i] = step(expected[i], memory[i], t);
            Near(expected, Ops.Concatenate([p[0], p[1].Reshape(1)]), 1e-13);
            Assert.Equal(t, state.Step.ToDouble());
        }
    }

    [Fact]
    public void Gradient_descent() => Check(new Sgd(Rate), (x, _, _) => x - Rate * Slope(x), 0);

    [Fact]
    public void Weight_decay() => Check(new Sgd(Rate, weightDecay: 0.3), (x, _, _) => x - Rate * (Slope(x) + 0.3 * x), 0);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Momentum(bool nesterov) => Check(new Sgd(Rate, 0.9, nesterov), (x, m, _) =>
    {
        double g = Slope(x);
        m[0] = 0.9 * m[0] + g;
        return x - Rate * (nesterov ? g + 0.9 * m[0] : m[0]);
    }, 1);

    [Theory]
    [InlineData(0)]
    [InlineData(0.2)]
    public void Adam_and_AdamW(double decay) => Check(new Adam(Rate, 0.8, 0.95, 1e-3, decay), (x, m, t) =>
    {
        double g = Slope(x);
        (m[0], m[1]) = (0.8 * m[0] + 0.2 * g, 0.95 * m[1] + 0.05 * g * g);
        return x - Rate * decay * x - Rate * (m[0] / (1 - Math.Pow(0.8, t))) / (Math.Sqrt(m[1] / (1 - Math.Pow(0.95, t))) + 1e-3);
    }, 2);

    [Fact]
    public void Rms_prop() => Check(new RmsProp(Rate, 0.8, 1e-3), (x, m, _) =>
    {
        m[0] = 0.8 * m[0] + 0.2 * Slope(x) * Slope(x);
        return x - Rate * Slope(x) / (Math.Sqrt(m[0]) + 1e-3);
    }, 1);

    [Fact]
    public void Sign_descent() => Check(new SignSgd(Rate), (x, _, _) => x - Rate * Math.Sign(Slope(x)), 0);

    [Fact]
    public void Sign_descent_with_momentum() => Check(new SignSgd(Rate, 0.7), (x, m, _) =>
    {
        m[0] = 0.7 * m[0] + 0.3 * Slope(x);
        return x - Rate * Math.Sign(m[0]);
    }, 1);

    [Fact]
    public void Rates_may_differ_from_leaf_to_leaf()
    {
        Tensor[] p = [Tensor.From([1.0, 2]), Tensor.From([3.0])], g = [Tensor.From([1.0, 1]), Tensor.From([1.0])];
        var optimizer = new Sgd(Rate) { RateFactors = [1, 0.5] };
        (Tensor[] next, _) = optimizer.Update(p, g, optimizer.Init(p));
        Near([0.9, 1.9, 2.95], Ops.Concatenate(next));
        Assert.Equal("NB0511", Assert.Throws<TraceException>(() => new Sgd(Rate) { RateFactors = [1] }.Update(p, g, optimizer.Init(p))).Code);
    }

    [Theory]
    [InlineData(5, 5 / 13.0)]
    [InlineData(13, 1)]
    [InlineData(20, 1)]
    public void Long_gradients_are_shortened_and_keep_their_direction(double largest, double factor)
    {
        (Tensor, Tensor[]) g = (Tensor.From([3.0, 4]), [Tensor.Scalar(12, DType.F64)]);
        (Tensor a, Tensor[] b) = Gradients.ClipByGlobalNorm(g, largest);
        Near([3 * factor, 4 * factor, 12 * factor], Ops.Concatenate([a, b[0].Reshape(1)]));
        Near([13], Gradients.GlobalNorm(g));
        Near([0, 0], Gradients.ClipByGlobalNorm(Tensor.From([0.0, 0]), largest));
    }

    [Fact]
    public void An_optimiser_clips_before_it_steps()
    {
        Tensor[] p = [Tensor.From([1.0, 2]), Tensor.From([3.0])], g = [Tensor.From([3.0, 4]), Tensor.From([12.0])];
        var optimizer = new Sgd(1) { ClipNorm = 1 };
        (Tensor[] next, _) = optimizer.Update(p, g, optimizer.Init(p));
        Near([1 - 3 / 13.0, 2 - 4 / 13.0, 3 - 12 / 13.0], Ops.Concatenate(next));
        // Batched over members, each is clipped by its own length.
        Tensor[] two = [.. p.Select(x => Ops.Stack([x, x]))], slopes = [Ops.Stack([g[0], 0.01 * g[0]]), Ops.Stack([g[1], 0.01 * g[1]])];
        Tensor[] both = Vmap((Tensor[] q, Tensor[] slope) => optimizer.Update(q, slope, optimizer.Init(q)).Parameters)(two, slopes);
        Near([.. next.SelectMany(t => t.ToDoubles())], Ops.Concatenate([.. both.Select(t => t.At(0))]));
        Near([0.97, 1.96, 2.88], Ops.Concatenate([.. both.Select(t => t.At(1))]));
    }
}
