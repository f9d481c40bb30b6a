using Nabla.Nn;
using Nabla.Optim;
using Nabla.Tests.Accelerators;
using static Nabla.Tests.Nn.LayerChecks;
using static Nabla.Transforms;

namespace Nabla.Tests.Nn;

[OnChosenDevice]
public sealed class NormalizationTests
{
    // Standardises the elements whose group numbers are equal; counts divide.
    private static double[] Standardize(double[] x, Func<int, int> group, double epsilon)
    {
        var y = new double[x.Length];
        foreach (IGrouping<int, int> members in Enumerable.Range(0, x.Length).GroupBy(group))
        {
            double mean = 0, variance = 0;
            foreach (int i in members) mean += x[i] / members.Count();
            foreach (int i in members) variance += (x[i] - mean) * (x[i] - mean) / members.Count();
            foreach (int i in members) y[i] = (x[i] - mean) / Math.Sqrt(variance + epsilon);
        }
        return y;
    }

    private static double[] Affine(double[] y, Tensor[] p, int channels) =>
        [.. y.Select((v, i) => v * p[0].ToDoubles()[i % channels] + p[1].ToDoubles()[i % channels])];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Batch_norm_keeps_the_contract_of_layers(bool training)
    {
        All(new BatchNorm(), [3], training ? Pass.Training() : Pass.Evaluation, alone: !training);
        All(new BatchNorm(0.7, 1e-3, affine: false), [2, 3], training ? Pass.Training() : Pass.Evaluation, alone: !training);
        All(new Sequential(new Dense(4), new BatchNorm(), Activation.Tanh, new Residual(new BatchNorm()), new Dense(2)), [3],
            training ? Pass.Training() : Pass.Evaluation, alone: !training);
    }

    [Fact]
    public void Batch_norm_standardises_each_channel_over_the_batch()
    {
        Tensor x = Normal(3, [4, 2, 3]) * 2 + 1;
        var layer = new BatchNorm(epsilon: 1e-3);
        (Tensor[] p, Tensor[] s, _) = Start(layer, [2, 3]);
        Near(Affine(Standardize(x.ToDoubles(), i => i % 3, 1e-3), p, 3), layer.Apply(p, s, x, Pass.Training()).Output);
        double[] mean = s[0].ToDoubles(), variance = s[1].ToDoubles();
        double[] running = [.. x.ToDoubles().Select((v, i) => (v - mean[i % 3]) / Math.Sqrt(variance[i % 3] + 1e-3))];
        (Tensor y, Tensor[] next) = layer.Apply(p, s, x, Pass.Evaluation);
        Near(Affine(running, p, 3), y);
        Assert.Equal([mean, variance], next.Select(t => t.ToDoubles()));
    }

    [Fact]
    public void Running_statistics_follow_the_recursion()
    {
        var layer = new BatchNorm(0.8);
        (Tensor[] p, Tensor[] state, _) = layer.Init(new RandomKey(0), [2], DType.F64);
        double[] mean = [0, 0], variance = [1, 1];
        var step = Compile(((Tensor[] S, Tensor X) a) => layer.Apply(p, a.S, a.X, Pass.Training()).State);
        for (int k = 0; k < 6; k++)
        {
            Tensor x = Normal((ulong)k, [5, 2]) * (k + 1) + k;
            double[] v = x.ToDoubles();
            for (int c = 0; c < 2; c++)
            {
                double[] column = [.. v.Where((_, i) => i % 2 == c)];
                double average = column.Sum() / 5, squares = column.Sum(e => (e - average) * (e - average));
                mean[c] = 0.8 * mean[c] + 0.2 * average;
                variance[c] = 0.8 * variance[c] + 0.2 * squares / 4;
            }
            state = step.Call((state, x));
        }
        Near(mean, state[0]);
        Near(variance, state[1]);
    }

    [Fact]
    public void A_training_loop_carries_the_state_as_data()
    {
        var net = new Sequential(new Dense(8), new BatchNorm(), Activation.Relu, new Dense(1));
        (Tensor[] p, Tensor[] s, _) = net.Init(new RandomKey(0), [2], DType.F64);
        Tensor x = Normal(1, [64, 2]) * 3 + 5, y = ((x - 5).Sum(-1).ExpandDims(-1) / 3).Tanh();
        var adam = new Adam(1e-2);
        var loop = new TrainingLoop<(Tensor[] P, Tensor[] S, OptimizerState O), Tensor>(at =>
        {
            ((Tensor loss, Tensor[] next), Tensor[] g) = ValueAndGrad((Tensor[] q) =>
            {
                (Tensor f, Tensor[] after) = net.Apply(q, at.S, x, Pass.Training());
                return (Losses.MeanSquaredError(f, y), after);
            })(at.P);
            (Tensor[] q, OptimizerState o) = adam.Update(at.P, g, at.O);
            return ((q, next, o), loss);
        }, (p, s, adam.Init(p)));
        loop.Step();
        double first = loop.Metrics.ToDouble();
        loop.Run(400);
        Assert.InRange(loop.Metrics.ToDouble(), 0, first / 4);
        // The full batch is the population: running and batch statistics agree, up to the m/(m − 1) of 64 examples and the last steps' drift.
        double evaluated = Losses.MeanSquaredError(net.Apply(loop.State.P, loop.State.S, x, Pass.Evaluation).Output, y).ToDouble();
        Assert.InRange(evaluated / loop.Metrics.ToDouble(), 0.8, 1.25);
    }

    [Fact]
    public void A_composite_hands_each_part_its_own_state()
    {
        Layer first = new BatchNorm(0.8), middle = new Dense(2), last = new BatchNorm(0.6);
        var net = new Sequential(first, new Sequential(middle, last));
        (Tensor[] p, Tensor[] s, _) = Start(net, [3]);
        Tensor x = Normal(2, [5, 3]);
        (Tensor h, Tensor[] one) = first.Apply(p.AsSpan(0, 2), s.AsSpan(0, 2), x, Pass.Training());
        (Tensor y, Tensor[] two) = last.Apply(p.AsSpan(4, 2), s.AsSpan(2, 2), middle.Apply(p.AsSpan(2, 2), h), Pass.Training());
        (Tensor output, Tensor[] next) = net.Apply(p, s, x, Pass.Training());
        Near(y.ToDoubles(), output, 0);
        Assert.Equal([.. one.Concat(two).Select(t => t.ToDoubles())], next.Select(t => t.ToDoubles()));
    }

    [Fact]
    public void A_batch_of_one_is_refused_in_training()
    {
        var layer = new BatchNorm();
        (Tensor[] p, Tensor[] s, _) = layer.Init(new RandomKey(0), [3]);
        Assert.Equal("NB0554", Assert.Throws<ShapeException>(() => layer.Apply(p, s, Tensor.Ones([1, 3]), Pass.Training())).Code);
        Assert.Equal("NB0554", Assert.Throws<ShapeException>(() => layer.Apply(p, s, Tensor.Ones([3]), Pass.Training())).Code);
        Assert.Equal(3, layer.Apply(p, s, Tensor.Ones([3]), Pass.Evaluation).Output.Count);
    }

    [Fact]
    public void Layer_group_and_rms_norms_follow_their_formulas()
    {
        Tensor x = Normal(4, [2, 3, 4, 6]) * 3 - 1;
        double[] v = x.ToDoubles();
        Tensor[] p = Start(new LayerNorm(), [6]).Parameters;
        Near(Affine(Standardize(v, i => i / 6, 1e-5), p, 6), new LayerNorm().Apply(p, x));
        Near(Affine(Standardize(v, i => i / 72 * 3 + i % 6 / 2, 1e-5), p, 6), new GroupNorm(3).Apply(p, x));
        var rms = new double[v.Length];
        for (int i = 0; i < v.Length; i++)
        {
            double square = 0;
            for (int k = 0; k < 6; k++) square += v[i / 6 * 6 + k] * v[i / 6 * 6 + k] / 6;
            rms[i] = v[i] / Math.Sqrt(square + 1e-6) * p[0].ToDoubles()[i % 6];
        }
        Near(rms, new RmsNorm().Apply([p[0]], x));
    }
}
