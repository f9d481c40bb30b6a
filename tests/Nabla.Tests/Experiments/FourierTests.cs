using Nabla.Experiments.Measure;

namespace Nabla.Tests.Experiments;

public sealed class FourierTests
{
    [Theory]
    [InlineData(64, 1)]
    [InlineData(64, 5)]
    [InlineData(65, 7)]
    [InlineData(1000, 31)]
    public void A_cosine_has_half_its_amplitude_and_its_phase_at_plus_and_minus_its_frequency(int n, int m)
    {
        const double phase = 0.7;
        double[] values = Array.ConvertAll(Fourier.Grid(n), x => 3 * Math.Cos(m * x - phase));
        var plus = Fourier.Coefficient(values, m);
        Assert.Equal(1.5 * Math.Cos(phase), plus.Real, 1e-13);
        Assert.Equal(-1.5 * Math.Sin(phase), plus.Imaginary, 1e-13);
        var minus = Fourier.Coefficient(values, -m);
        Assert.Equal(plus.Real, minus.Real, 1e-13);
        Assert.Equal(-plus.Imaginary, minus.Imaginary, 1e-13);
        for (int k = 0; k < n / 2; k++)
            if (k != m) Assert.Equal(0, Fourier.Coefficient(values, k).Magnitude, 1e-13);
    }

    [Fact]
    public void The_grid_starts_at_minus_pi_and_leaves_out_pi()
    {
        double[] grid = Fourier.Grid(8);
        Assert.Equal(-Math.PI, grid[0]);
        Assert.Equal(0.75 * Math.PI, grid[^1], 1e-15);
        Assert.Equal(1, Fourier.Coefficient([1, 1, 1], 0).Real, 1e-15);
    }

    [Fact]
    public void Frequencies_n_apart_are_the_same_on_the_grid()
    {
        double[] values = [1, -2, 0.5, 3, 4];
        Assert.Equal(0, (Fourier.Coefficient(values, 2) * -1 - Fourier.Coefficient(values, 7)).Magnitude, 1e-14);
    }

    [Fact]
    public void The_error_at_a_frequency_is_what_is_missing_there()
    {
        double[] grid = Fourier.Grid(64);
        double[] target = Array.ConvertAll(grid, x => Math.Sin(x) + 2 * Math.Sin(3 * x));
        var error = new FrequencyError(target, 1, 2, 3);
        double[] found = error.Of(Array.ConvertAll(grid, x => 0.9 * Math.Sin(x) + 0.5 * Math.Cos(2 * x) + 2 * Math.Sin(3 * x)));
        Assert.Equal(0.1, found[0], 1e-13);
        // The target has no part at 2: relative to its largest.
        Assert.Equal(0.25, found[1], 1e-13);
        Assert.Equal(0, found[2], 1e-13);
        Assert.All(error.Of(target), e => Assert.Equal(0, e, 1e-15));
    }

    [Fact]
    public void A_frequency_is_learned_at_the_first_step_below_the_threshold()
    {
        double[] grid = Fourier.Grid(16);
        double[] Function(double one, double three) => Array.ConvertAll(grid, x => one * Math.Sin(x) + three * Math.Sin(3 * x));
        var trace = new FrequencyTrace(new FrequencyError(Function(1, 1), 1, 3), runs: 2);
        (double, double)[] first = [(0, 0), (0.9, 0), (0.5, 0), (1, 0.75), (1, 0.9)];
        foreach ((double one, double three) in first) trace.Record([.. Function(one, three), .. Function(0, 1)]);
        Assert.Equal((1, 4), (trace.FirstBelow(0, 1), trace.FirstBelow(0, 3)));
        Assert.Equal((-1, 0), (trace.FirstBelow(1, 1), trace.FirstBelow(1, 3)));
        Assert.Equal(4, trace.Ratio(0, 3, 1));
        Assert.Equal(double.NaN, trace.Ratio(1, 3, 1));
        Assert.Equal(3, trace.FirstBelow(0, 3, threshold: 0.3));
        Assert.Equal(0.55, trace.Median(1, 1), 1e-13);
        Assert.Equal(0.5, trace.Error(0, 1, 2), 1e-13);
        Assert.Equal(5, trace.Steps);
        Assert.False(trace.Learned([1]));
        Assert.True(trace.Learned([3]));
        Assert.All(Function(0.9, 0).Zip(trace.Output(0, 1)), pair => Assert.Equal(pair.First, pair.Second));
    }
}
