using Nabla.Experiments.Measure;

namespace Nabla.Tests.Experiments;

public sealed class MeasureTests
{
    [Fact]
    public void A_slope_is_exact_on_a_line_and_a_power_law()
    {
        Assert.Equal(-1.5, Fits.Slope([1, 2, 5], [1, -0.5, -5]), 1e-14);
        Assert.Equal(0.25, Fits.PowerLaw([256, 1024, 4096], [12, 12 * Math.Sqrt(2), 24]), 1e-14);
        Assert.Equal(1.5, Fits.Slope([0, 1, 2], [0, 3, 3]), 1e-14);
        Assert.True(double.IsNaN(Fits.Slope([2, 2], [0, 1])));
        Assert.Throws<ArgumentException>(() => Fits.Slope([1, 2], [1]));
    }

    [Fact]
    public void A_median_is_the_middle_and_never_hides_a_NaN()
    {
        Assert.Equal(3, Fits.Median([9, 1, 3]));
        Assert.Equal(2.5, Fits.Median([4, 1, 2, 3]));
        Assert.True(double.IsNaN(Fits.Median([1, double.NaN, 2])));
        Assert.True(double.IsNaN(Fits.Median([])));
    }

    [Fact]
    public void The_effective_number_counts_directions_by_amplitude()
    {
        double[] angles = [.. Enumerable.Range(0, 720).Select(i => (i + 0.5) * Math.PI / 360)];
        double[] ones = [.. angles.Select(_ => 1.0)];
        Assert.Equal(72, Orientations.Of(ones, [.. angles.Select(Math.Cos)], [.. angles.Select(Math.Sin)]).EffectiveNumber(), 1e-9);
        // Two directions of equal amplitude |a|·‖(w, b)‖ = 6, and many neurons in a third that weigh nothing.
        Orientations two = Orientations.Of([3, -2, 0, 0, 0], [2, 0, -1, -1, -1], [0, 3, 0.1, 0.2, 0.3]);
        Assert.Equal([6, 6, 0, 0, 0], two.Amplitudes);
        Assert.Equal(90, two.Angles[1], 1e-12);
        Assert.Equal(2, two.EffectiveNumber(), 1e-12);
        Assert.Equal(1, Orientations.Of([1, 5], [1, 2], [0.5, 1]).EffectiveNumber(), 1e-12);
        Assert.Equal(1, Orientations.Of([1, 1], [-1, -1], [0.0, -0.0]).EffectiveNumber(), 1e-12); // 180° and −180° are one direction
    }

    [Fact]
    public void The_relative_distance_is_that_of_all_parts_together_for_each_member()
    {
        Tensor w0 = Tensor.From(new double[,] { { 3, 0 }, { 1, 1 } }), b0 = Tensor.From(new double[,] { { 0, 4 }, { 1, 1 } });
        Tensor w = Tensor.From(new double[,] { { 3, 3 }, { 1, 1 } }), b = Tensor.From(new double[,] { { 4, 4 }, { 1, 1 } });
        Assert.Equal([1, 0], Distances.Relative([w0, b0], [w, b]));
    }

    [Fact]
    public void Bilinear_interpolation_is_exact_on_the_grid_and_for_bilinear_functions()
    {
        double[] x = [0, 1, 4], y = [-1, 1];
        static double F(double x, double y) => 2 + x - 3 * y + 0.5 * x * y;
        var values = new double[2, 3];
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 3; j++) values[i, j] = F(x[j], y[i]);
        double[] newX = [0, 0.5, 1, 3.25, 4, 9], newY = Interpolation.Range(-1, 1, 5);
        double[,] result = Interpolation.Bilinear(x, y, values, newX, newY);
        for (int i = 0; i < newY.Length; i++)
            for (int j = 0; j < newX.Length; j++) Assert.Equal(F(Math.Min(4, newX[j]), newY[i]), result[i, j], 1e-14);
    }
}
