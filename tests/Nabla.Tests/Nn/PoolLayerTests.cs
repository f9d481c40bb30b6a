using Nabla.Nn;
using Nabla.Tests.Accelerators;
using static Nabla.Tests.Nn.LayerChecks;

namespace Nabla.Tests.Nn;

[OnChosenDevice]
public sealed class PoolLayerTests
{
    [Fact]
    public void Pooling_layers_keep_the_contract()
    {
        All(new MaxPool([2, 2]), [4, 5, 2]);
        All(new MaxPool([3], [2], Padding.Same), [5, 2]);
        All(new AveragePool([2, 3], [1], Padding.Circular), [3, 4, 2]);
        All(new AveragePool([3], [2], Padding.Same, countPadding: false), [5, 2]);
        Assert.Equal("NB0553", Assert.Throws<ShapeException>(() => new MaxPool([2, 2]).Init(new RandomKey(0), [4, 4])).Code);
        Assert.Equal("NB0553", Assert.Throws<ShapeException>(() => new AveragePool([2]).Init(new RandomKey(0), [4, 4, 1])).Code);
    }

    [Fact]
    public void Pooling_layers_follow_their_formulas()
    {
        Tensor x = Normal(1, [2, 5, 2]);
        double[] v = x.ToDoubles();
        double At(int b, int t, int c) => v[(b * 5 + t) * 2 + c];
        // Same padding of windows of 3 with stride 2 over 5 elements: one place before, one after.
        var (largest, mean, padded) = (new List<double>(), new List<double>(), new List<double>());
        for (int b = 0; b < 2; b++)
            for (int o = 0; o < 3; o++)
                for (int c = 0; c < 2; c++)
                {
                    double[] inside = [.. Enumerable.Range(2 * o - 1, 3).Where(t => t is >= 0 and < 5).Select(t => At(b, t, c))];
                    largest.Add(inside.Max());
                    mean.Add(inside.Average());
                    padded.Add(inside.Sum() / 3);
                }
        Near(largest, new MaxPool([3], [2], Padding.Same).Apply([], x), 0);
        Near(mean, new AveragePool([3], [2], Padding.Same, countPadding: false).Apply([], x));
        Near(padded, new AveragePool([3], [2], Padding.Same).Apply([], x));
    }
}
