using Nabla.Kernels;

namespace Nabla.Tests.Kernels;

public sealed class RandomNormalTests
{
    private const int Draws = 1_000_000;

    [Theory]
    [InlineData(DType.F32), InlineData(DType.F64)]
    public void A_million_normals_have_the_moments_and_the_distribution(DType dtype)
    {
        double[] x = PhiloxTests.Draw(RandomKernels.Normal, dtype, PhiloxTests.Key(2024), [Draws]).ToDoubles();
        double mean = x.Average(), variance = x.Sum(v => v * v) / Draws, third = x.Sum(v => v * v * v) / Draws;
        double fourth = x.Sum(v => v * v * v * v) / Draws;
        // Five standard errors: 1, √2, √15, √96 over √n.
        Assert.InRange(mean, -0.005, 0.005);
        Assert.InRange(variance, 1 - 0.0071, 1 + 0.0071);
        Assert.InRange(third, -0.0194, 0.0194);
        Assert.InRange(fourth, 3 - 0.049, 3 + 0.049);
        Assert.InRange(KolmogorovDistance(x, MathNet.Numerics.Distributions.Normal.CDF), 0, 1.95 / Math.Sqrt(Draws));
        // Beyond ±4 lie 6.33e-5 of all: 63 of a million, standard deviation 8.
        Assert.InRange(x.Count(v => Math.Abs(v) > 4), 63 - 40, 63 + 40);
    }

    [Theory]
    [InlineData(DType.F32), InlineData(DType.F64)]
    public void A_million_uniforms_fill_the_interval_evenly(DType dtype)
    {
        double[] x = PhiloxTests.Draw(RandomKernels.Uniform, dtype, PhiloxTests.Key(99), [Draws]).ToDoubles();
        Assert.InRange(x.Average(), 0.5 - 0.0015, 0.5 + 0.0015);
        Assert.InRange(KolmogorovDistance(x, (_, _, v) => v), 0, 1.95 / Math.Sqrt(Draws));
        double serial = x.Zip(x.Skip(1), (a, b) => (a - 0.5) * (b - 0.5)).Average() * 12;
        Assert.InRange(serial, -0.005, 0.005);
    }

    // Quantiles at (bits + ½)·2⁻⁵³, from 40-digit arithmetic (√2·erf⁻¹(2p − 1)).
    [Theory]
    [InlineData(0L, -8.292361075813595), InlineData(1L, -8.160707840858583), InlineData(12345L, -6.990388968721072)]
    [InlineData(1048577L, -6.337957534092426), InlineData(8589934592L, -4.763001034256073)]
    [InlineData(549755813895L, -3.8419306854985633), InlineData(1099511627771L, -3.6683292851223697)]
    [InlineData(35184372088931L, -2.660067468616507), InlineData(675539944105573L, -1.4395314709384566)]
    [InlineData(675539944105575L, -1.439531470938455), InlineData(2251799813685251L, -0.6744897501960805)]
    [InlineData(4503596140586095L, -9.703429577442272e-07), InlineData(4503599626370496L, -2.7829150332135545e-10)]
    [InlineData(4503599627370495L, -1.3914582123358836e-16), InlineData(4503599627370496L, 1.3914582123358836e-16)]
    [InlineData(4503600701112320L, 2.9881337592581244e-07), InlineData(6755399441055755L, 0.6744897501960858)]
    [InlineData(8444249301319680L, 1.5341205443525467), InlineData(9007199221186560L, 5.780439326985706)]
    [InlineData(9007199254740991L, 8.292361075813595)]
    public void The_quantile_is_within_four_ulp_of_the_exact_one(long bits, double exact)
    {
        double actual = NormalQuantile.FromBits(System.Runtime.Intrinsics.Vector512.Create((ulong)bits))[0];
        Assert.InRange(Math.Abs(actual - exact), 0, 4 * Math.ScaleB(1, Math.ILogB(exact) - 52));
    }

    [Fact]
    public void The_outermost_words_give_finite_symmetric_normals()
    {
        float low = NormalQuantile.FromWords(System.Runtime.Intrinsics.Vector512.Create(0u))[0];
        float high = NormalQuantile.FromWords(System.Runtime.Intrinsics.Vector512.Create(uint.MaxValue))[0];
        Assert.Equal(-high, low);
        // Φ⁻¹(1 − 2⁻²⁵), from 40-digit arithmetic.
        Assert.Equal(5.4199831749, high, 2.5e-7);
        Assert.True(float.IsFinite(high));
    }

    private static double KolmogorovDistance(double[] sample, Func<double, double, double, double> distribution)
    {
        double[] sorted = [.. sample.Order()];
        double distance = 0;
        for (int i = 0; i < sorted.Length; i++)
        {
            double p = distribution(0, 1, sorted[i]);
            distance = Math.Max(distance, Math.Max(p - (double)i / sorted.Length, (i + 1.0) / sorted.Length - p));
        }
        return distance;
    }
}
