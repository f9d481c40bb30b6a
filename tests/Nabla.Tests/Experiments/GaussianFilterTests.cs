using Nabla.Experiments.Measure;

namespace Nabla.Tests.Experiments;

public sealed class GaussianFilterTests
{
    private static Tensor Points(int n, int d) => new RandomKey(7).Normal([n, d], DType.F64);

    [Fact]
    public void Squared_distances_are_those_of_the_definition()
    {
        Tensor x = Points(9, 4);
        Tensor expected = (x.ExpandDims(1) - x.ExpandDims(0)).Square().Sum(2);
        Assert.All(expected.ToDoubles().Zip(GaussianFilter.SquaredDistances(x).ToDoubles()), pair => Assert.Equal(pair.First, pair.Second, 1e-13));
        Assert.All(Enumerable.Range(0, 9), i => Assert.Equal(0, GaussianFilter.SquaredDistances(x).ToDoubles()[i * 10]));
    }

    [Fact]
    public void Two_points_mix_by_the_closed_form()
    {
        // s is their squared distance, so the weight of the other point is e^(−1/(2δ)) / (1 + e^(−1/(2δ))), wherever they are.
        double[] w = GaussianFilter.Matrix(Tensor.From(new double[,] { { 1, 2 }, { 4, 6 } }), 0.1).ToDoubles();
        double other = Math.Exp(-5) / (1 + Math.Exp(-5));
        Assert.Equal(1 - other, w[0], 1e-14);
        Assert.Equal(other, w[1], 1e-14);
        Assert.Equal(other, w[2], 1e-14);
    }

    [Fact]
    public void Constants_pass_and_the_scale_of_the_points_does_not_matter()
    {
        Tensor x = Points(30, 3), w = GaussianFilter.Matrix(x, 0.2);
        Assert.All(w.Sum(1).ToDoubles(), s => Assert.Equal(1, s, 1e-14));
        Assert.All(w.ToDoubles().Zip(GaussianFilter.Matrix(x * 100, 0.2).ToDoubles()), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
    }

    [Fact]
    public void On_a_circle_a_wave_is_damped_by_the_eigenvalue_of_its_frequency()
    {
        // The filter of a regular polygon is circulant: cos(kφ) is an eigenvector, its eigenvalue Σⱼ w₀ⱼ cos(kφⱼ).
        const int n = 48;
        double[] angle = [.. Enumerable.Range(0, n).Select(i => 2 * Math.PI * i / n)];
        Tensor x = Tensor.From([.. angle.SelectMany(a => new[] { Math.Cos(a), Math.Sin(a) })], [n, 2]);
        Tensor w = GaussianFilter.Matrix(x, 0.05);
        double before = 1;
        foreach (int k in new[] { 1, 3, 6 })
        {
            double eigenvalue = w.ToDoubles().Take(n).Zip(angle, (weight, a) => weight * Math.Cos(k * a)).Sum();
            Tensor wave = Tensor.From(Array.ConvertAll(angle, a => Math.Cos(k * a)), [n, 1]);
            Assert.All(w.MatMul(wave).ToDoubles().Zip(wave.ToDoubles()), pair => Assert.Equal(eigenvalue * pair.Second, pair.First, 1e-13));
            Assert.InRange(eigenvalue, 0, before);
            before = eigenvalue;
        }
    }

    [Fact]
    public void Band_errors_are_those_of_the_definition_also_with_a_filter_for_each_member()
    {
        Tensor x = Points(12, 3), y = new RandomKey(1).Normal([12, 2], DType.F64), f = new RandomKey(2).Normal([3, 12, 2], DType.F64);
        Tensor[] filters = [GaussianFilter.Matrix(x, 0.1), GaussianFilter.Matrix(x * x, 0.1), GaussianFilter.Matrix(x, 0.3)];
        (Tensor low, Tensor high) = new BandError(Ops.Stack(filters), y).Of(f);
        (Tensor sharedLow, _) = new BandError(filters[0], y).Of(f);
        for (int i = 0; i < 3; i++)
        {
            Tensor yLow = filters[i].MatMul(y), fLow = filters[i].MatMul(f.At(i));
            Assert.Equal(((fLow - yLow).Norm() / yLow.Norm()).ToDouble(), low.ToDoubles()[i], 1e-13);
            Tensor yHigh = y - yLow, fHigh = f.At(i) - fLow;
            Assert.Equal(((fHigh - yHigh).Norm() / yHigh.Norm()).ToDouble(), high.ToDoubles()[i], 1e-13);
        }
        Assert.Equal(low.ToDoubles()[0], sharedLow.ToDoubles()[0], 1e-13);
    }

    [Fact]
    public void A_function_right_in_its_low_part_alone_has_no_low_error_and_all_of_the_high_one()
    {
        // With W twice the projection is not idempotent, so the statement is about the projector on constants: weight 1/n everywhere.
        Tensor y = new RandomKey(3).Normal([10, 1], DType.F64), w = Tensor.Full([10, 10], 0.1, DType.F64);
        (Tensor low, Tensor high) = new BandError(w, y).Of(w.MatMul(y));
        Assert.Equal(0, low.ToDouble(), 1e-13);
        Assert.Equal(1, high.ToDouble(), 1e-13);
    }
}
