
namespace Nabla.Tests.Experiments;

public sealed class SubspaceTests
{
    [Fact]
    public void Samples_near_subspaces_are_given_to_them()
    {
        // Class 0 in the plane of e_0 and e_1, class 1 (nobody), class 2 in the plane of e_2 and e_3; a fifth direction is noise.
        int[] labels = [.. Enumerable.Range(0, 40).Select(i => i % 2 * 2)];
        var z = new double[5, 40];
        for (int i = 0; i < 40; i++) (z[labels[i], i], z[labels[i] + 1, i], z[4, i]) = (Math.Cos(i), Math.Sin(i), 0.1 * Math.Cos(9 * i));
        NearestSubspace rule = NearestSubspace.Fit(Tensor.From(z), labels, 3, rank: 2);
        Assert.Equal(labels, rule.Predict(Tensor.From(z)).ToArray<int>());
        Assert.Equal(1, rule.Accuracy(Tensor.From(z), labels));
        Assert.Equal([3, 2, 5], rule.Bases.Shape.Dims.ToArray());
        Assert.Equal(0, rule.Bases.At(1).Abs().Max().ToDouble());
        Assert.Equal(20.2, rule.Spectra.At(0).Sum().ToDouble(), 0.2);
    }
}
