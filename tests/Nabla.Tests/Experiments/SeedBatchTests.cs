using Nabla.Experiments.Measure;
using Nabla.Experiments.Training;
using Nabla.Nn;
using Nabla.Optim;

namespace Nabla.Tests.Experiments;

public sealed class SeedBatchTests
{
    private static readonly Sequential Net = Networks.Xavier(1, [24, 24, 1], Activation.Tanh);

    private static double[][] Outputs(ulong[] seeds, Optimizer optimizer, int steps)
    {
        double[] grid = Fourier.Grid(32);
        Tensor x = Tensor.From(grid, [32, 1]), y = (x * 3).Sin();
        var loop = SeedBatch.Loop(SeedBatch.Init(Net, [1], seeds, DType.F64), optimizer, p =>
        {
            Tensor f = Net.Apply(p, x);
            return (Losses.MeanSquaredError(f, y), f);
        }, (losses, f) => (losses, f));
        var outputs = new double[steps][];
        for (int t = 0; t < steps; t++)
        {
            loop.Step();
            Assert.Equal([seeds.Length], loop.Metrics.losses.Shape.Dims.ToArray());
            outputs[t] = loop.Metrics.f.ToDoubles();
        }
        return outputs;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Each_member_takes_the_steps_that_it_takes_alone(bool adam)
    {
        // A small rate: gradient descent above its stable rate amplifies rounding from step to step.
        Optimizer optimizer = adam ? new Adam(1e-3) : new Sgd(2e-3);
        double[][] together = Outputs([4, 9], optimizer, 60), first = Outputs([4], optimizer, 60), second = Outputs([9], optimizer, 60);
        for (int t = 0; t < 60; t++)
            Assert.All(first[t].Concat(second[t]).Zip(together[t]), pair => Assert.Equal(pair.First, pair.Second, 1e-9));
        Assert.NotEqual(first[0], second[0]);
    }

    [Fact]
    public void The_first_report_is_that_of_the_initial_parameters()
    {
        (Tensor[] parameters, _, _) = Net.Init(new RandomKey(4), [1], DType.F64);
        double[] expected = Net.Apply(parameters, Tensor.From(Fourier.Grid(32), [32, 1])).ToDoubles();
        Assert.All(expected.Zip(Outputs([4], new Adam(), 1)[0]), pair => Assert.Equal(pair.First, pair.Second, 1e-13));
    }

    [Fact]
    public void Weights_and_biases_of_a_layer_share_their_standard_deviation()
    {
        (Tensor[] xavier, _, _) = Networks.Xavier(300, [500, 40], Activation.Tanh).Init(new RandomKey(1), [300]);
        double sigma = Math.Sqrt(2.0 / 800);
        Assert.InRange(xavier[0].Square().Mean().ToDouble() / (sigma * sigma), 0.98, 1.02);
        Assert.InRange(xavier[1].Square().Mean().ToDouble() / (sigma * sigma), 0.7, 1.3);
        (Tensor[] wide, _, _) = Networks.Normal(1, [4000, 1], Activation.Tanh, (fanIn, _) => fanIn == 1 ? 1 : 0.05).Init(new RandomKey(1), [1]);
        Assert.InRange(wide[0].Square().Mean().ToDouble(), 0.9, 1.1);
        Assert.InRange(wide[1].Square().Mean().ToDouble(), 0.9, 1.1);
        Assert.InRange(wide[2].Square().Mean().ToDouble() / 0.0025, 0.9, 1.1);
    }
}
