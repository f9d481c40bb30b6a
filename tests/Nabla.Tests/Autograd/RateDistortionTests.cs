namespace Nabla.Tests.Autograd;

public sealed class RateDistortionTests
{
    private static readonly double[] Spectrum = [0.5, 0.3, 0.1, 0.06, 0.04];

    [Theory]
    [InlineData(1e-4)]
    [InlineData(0.2)]
    [InlineData(0.21)]
    [InlineData(0.7)]
    [InlineData(0.9999)]
    public void The_water_level_spends_the_distortion(double distortion)
    {
        double level = RateDistortion.WaterLevel(Spectrum, distortion);
        Assert.Equal(distortion, Spectrum.Sum(v => Math.Min(level, v)), 1e-15);
        // Bisection on the level.
        (double low, double high) = (0, 0.5);
        for (int i = 0; i < 60; i++)
        {
            double middle = (low + high) / 2;
            if (Spectrum.Sum(v => Math.Min(middle, v)) < distortion) low = middle;
            else high = middle;
        }
        Assert.Equal(low, level, 1e-14);
        Assert.Equal(Spectrum.Sum(v => 0.5 * Math.Log(Math.Max(1, v / low))), RateDistortion.Rate(Spectrum, distortion), 1e-12);
    }

    [Fact]
    public void Known_rates()
    {
        Assert.Equal(0, RateDistortion.Rate(Spectrum, 1));
        Assert.Equal(0, RateDistortion.Rate(Spectrum, 7));
        Assert.Equal(0, RateDistortion.Rate([], 1));
        Assert.Equal(0, RateDistortion.Rate([0, 0], 1e-9));
        // One component of variance 1 at distortion 1/4 takes one bit; two of them at 1/2 in all take two.
        Assert.Equal(1, RateDistortion.Rate([1], 0.25, RateUnit.Bits), 1e-15);
        Assert.Equal(2 * Math.Log(2), RateDistortion.Rate([1, 1, 0], 0.5), 1e-15);
    }

    [Fact]
    public void What_is_not_a_spectrum_is_refused()
    {
        void Refused(Func<double> call) => Assert.Equal("NB0585", Assert.Throws<NumericException>(() => call()).Code);
        Refused(() => RateDistortion.Rate(Spectrum, 0));
        Refused(() => RateDistortion.Rate(Spectrum, double.NaN));
        Refused(() => RateDistortion.Rate([1, -1e-9], 1));
        Refused(() => RateDistortion.Rate([1, double.NaN], 1));
        Refused(() => RateDistortion.Rate([double.PositiveInfinity], 1));
    }

    private static (Tensor W, int[] Truth) Lines()
    {
        // Two lines in R³ through the origin, alternating.
        var w = new double[3, 40];
        for (int i = 0; i < 40; i++)
        {
            double t = Math.Cos(3.7 * i);
            if (i % 2 == 0) (w[0, i], w[1, i], w[2, i]) = (t, 0.5 * t, 0.001 * Math.Sin(i));
            else (w[0, i], w[1, i], w[2, i]) = (0.001 * Math.Sin(i), -t, t);
        }
        return (Tensor.From(w), [.. Enumerable.Range(0, 40).Select(i => i % 2)]);
    }

    [Fact]
    public void Two_lines_are_told_apart_by_coding()
    {
        (Tensor w, int[] truth) = Lines();
        Segmentation found = LossySegmentation.Run(w, 1e-3);
        Assert.Equal(2, found.Segments);
        Assert.Equal(truth, found.Labels);
        Assert.Equal(39, found.Bits.Length);
        for (int i = 1; i < found.Bits.Length; i++) Assert.True(found.Bits[i] < found.Bits[i - 1]);
        Assert.Equal(LossySegmentation.CodingLength(w, found.Labels, 2, 1e-3), found.Bits[^1], 1e-9 * found.Bits[^1]);
        Assert.Equal(1, LossySegmentation.Run(w, 10).Segments);
        Assert.Equal(found.Labels, LossySegmentation.Run(w.To(DType.F32), 1e-3).Labels);
        Assert.Equal(0, LossySegmentation.Run(Tensor.Zeros([3, 0], DType.F64), 1).Segments);
    }

    [Fact]
    public void A_coding_length_is_the_rate_of_the_samples_and_the_space_in_bits()
    {
        (Tensor w, _) = Lines();
        Assert.Equal((40 + 3) * CodingRate.Rate(w, 0.1).ToDouble() / Math.Log(2), LossySegmentation.CodingLength(w, 0.1).ToDouble(), 1e-10);
        Assert.Equal("NB0581", Assert.Throws<ShapeException>(() => LossySegmentation.Run(w, 0)).Code);
        Assert.Equal("NB0580", Assert.Throws<ShapeException>(() => LossySegmentation.Run(w.At(0), 1)).Code);
        Tensor broken = Tensor.Full([3, 2], double.NaN, DType.F64);
        Assert.Equal("NB0681", Assert.Throws<NumericException>(() => LossySegmentation.Run(broken, 1)).Code);
    }
}
