using Nabla.Experiments.Data;

namespace Nabla.Tests.Experiments;

public sealed class DatasetTests
{
    [Fact]
    public void Digits_are_the_published_ones()
    {
        Dataset digits = Digits.Load();
        Assert.Equal("f32[1797,64]", digits.Features.Aval.ToString());
        Assert.Equal("i32[1797]", digits.Labels.Aval.ToString());
        Assert.Equal(561718.0, digits.Features.ToDoubles().Sum());
        Assert.Equal((0.0, 16.0), (digits.Features.ToDoubles().Min(), digits.Features.ToDoubles().Max()));
        int[] labels = digits.Labels.ToArray<int>();
        Assert.Equal([178, 182, 177, 183, 181, 182, 181, 179, 174, 180], labels.CountBy(k => k).OrderBy(p => p.Key).Select(p => p.Value));
        Assert.Equal([0, 0, 5, 13, 9, 1, 0, 0], digits.Sample(0)[..8].ToArray());
    }

    [Fact]
    public void Iris_is_the_published_one()
    {
        Dataset iris = Iris.Load();
        Assert.Equal("f32[150,4]", iris.Features.Aval.ToString());
        double[] sums = new double[4];
        for (int i = 0; i < iris.Count; i++)
            for (int j = 0; j < 4; j++) sums[j] += iris.Sample(i)[j];
        Assert.Equal([876.5, 458.6, 563.7, 179.9], sums.Select(s => Math.Round(s, 3)));
        Assert.Equal([50, 50, 50], iris.LabelSpan.ToArray().CountBy(k => k).Select(p => p.Value));
    }

    [Fact]
    public void A_split_is_disjoint_complete_in_proportion_and_decided_by_the_seed()
    {
        Dataset digits = Digits.Load();
        (Dataset train, Dataset test) = digits.Split(1200, seed: 3);
        Assert.Equal((1200, 597), (train.Count, test.Count));
        Assert.Equal(561718.0, train.Features.ToDoubles().Sum() + test.Features.ToDoubles().Sum());
        Assert.Equal(train.Features.ToArray<float>(), digits.Split(1200, seed: 3).Train.Features.ToArray<float>());
        Assert.NotEqual(train.LabelSpan.ToArray(), digits.Split(1200, seed: 4).Train.LabelSpan.ToArray());
        // 178 · 1200/1797 = 118.9, and so on.
        Assert.Equal([119, 122, 118, 122, 121, 122, 121, 119, 116, 120], Enumerable.Range(0, 10).Select(c => train.LabelSpan.Count(c)));
        (Dataset most, Dataset none) = digits.Split(1797, seed: 3);
        Assert.Equal((1797, 0), (most.Count, none.Count));
        Assert.Throws<ArgumentOutOfRangeException>(() => digits.Split(1798, seed: 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => digits.Split(-1, seed: 3));
    }

    [Fact]
    public void A_permutation_holds_every_index_once_and_its_bits_never_change()
    {
        int[] order = Dataset.Permutation(1000, seed: 7);
        Assert.Equal(Enumerable.Range(0, 1000), order.Order());
        Assert.Equal([7, 2, 1, 4, 0, 8, 3, 9, 5, 6], Dataset.Permutation(10, seed: 7)); // from an independent implementation
        Assert.Equal([0], Dataset.Permutation(1, 0));
        Assert.Empty(Dataset.Permutation(0, 0));
    }

    [Fact]
    public void All_orders_of_three_are_equally_likely()
    {
        var counts = new int[27];
        for (ulong seed = 0; seed < 6000; seed++)
        {
            int[] p = Dataset.Permutation(3, seed);
            counts[9 * p[0] + 3 * p[1] + p[2]]++;
        }
        Assert.Equal(6, counts.Count(c => c > 0));
        // Chi-squared with 5 degrees of freedom exceeds 25.7 with probability 1e-4.
        Assert.InRange(counts.Where(c => c > 0).Sum(c => (c - 1000.0) * (c - 1000.0) / 1000), 0, 25.7);
    }

    [Fact]
    public void Features_are_scaled_and_labels_become_unit_rows()
    {
        Dataset iris = Iris.Load().Take(3);
        Assert.Equal("f64[3,4]", iris.FeaturesAs(DType.F64, 0.5).Aval.ToString());
        Assert.Equal(5.1f * 0.5, iris.FeaturesAs(DType.F64, 0.5).ToDoubles()[0]);
        Assert.Equal([1.0, 0, 0, 1, 0, 0, 1, 0, 0], iris.OneHot().ToDoubles());
        Assert.Equal("f64[3,3]", iris.OneHot(DType.F64).Aval.ToString());
    }
}
