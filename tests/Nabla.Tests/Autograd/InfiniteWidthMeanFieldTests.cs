using Nabla.InfiniteWidth;
using static Nabla.InfiniteWidth.MeanField;

namespace Nabla.Tests.Autograd;

public sealed class InfiniteWidthMeanFieldTests
{
    private static readonly double[] Variances = [1e-3, 0.7, 5, 100];
    private static readonly double[] Cosines = [-1, -0.99999, 0, 0.3, 0.999, 1 - 1e-12, 1];

    private static double Near(double expected, double actual, double relative = 1e-4)
    {
        Assert.InRange(actual, expected - relative * Math.Abs(expected), expected + relative * Math.Abs(expected));
        return actual;
    }

    // The quadrature alone: the same φ and φ′ without the closed forms.
    private static MeanFieldActivation Plain(MeanFieldActivation of) => new(of.Name, of.Value, of.Slope);

    public static TheoryData<string> Closed => ["erf", "relu"];

    private static MeanFieldActivation Named(string name) => name == "erf" ? MeanFieldActivation.Erf : MeanFieldActivation.Relu;

    [Theory]
    [MemberData(nameof(Closed))]
    public void Quadrature_in_one_dimension_agrees_with_closed_forms(string name)
    {
        (MeanFieldActivation closed, MeanFieldActivation plain) = (Named(name), Plain(Named(name)));
        foreach (double q in Variances)
        {
            Assert.Equal(closed.Square(q), plain.Square(q), 1e-13 * Math.Max(1, q));
            Assert.Equal(closed.SlopeSquare(q), plain.SlopeSquare(q), 1e-13);
            Assert.Equal(closed.Growth(q), plain.Growth(q), 1e-13 * Math.Max(1, q));
        }
    }

    [Theory]
    [MemberData(nameof(Closed))]
    public void Quadrature_in_two_dimensions_agrees_with_closed_forms(string name)
    {
        (MeanFieldActivation closed, MeanFieldActivation plain) = (Named(name), Plain(Named(name)));
        foreach (double q1 in Variances)
            foreach (double q2 in (double[])[q1, 0.5])
                foreach (double c in q1 == 100 ? [0.999] : Cosines)
                {
                    double root = Math.Sqrt(q1 * q2), k = c * root;
                    Assert.Equal(closed.Product(q1, q2, k), plain.Product(q1, q2, k), 1e-12 * Math.Max(1, root));
                    Assert.Equal(closed.SlopeProduct(q1, q2, k), plain.SlopeProduct(q1, q2, k), 1e-12);
                }
    }

    [Fact]
    public void Expectations_of_polynomials_and_of_degenerate_variances_are_exact()
    {
        Assert.Equal(15 * 8, Expect(x => Math.Pow(x, 6), 2), 1e-11);
        Assert.Equal(3 + 2 * 0.25, Expect(x => x * x, y => y * y, 1.5, 2, 0.5), 1e-13);
        Assert.Equal(Math.Exp(0.5 * (1.5 + 2) + 0.5), Expect(Math.Exp, Math.Exp, 1.5, 2, 0.5), 1e-12 * Math.Exp(2.25));
        Assert.Equal(1, Expect(Math.Cos, 0));
        Assert.Equal(Math.Exp(-1), Expect(Math.Cos, Math.Cos, 0, 2, 0), 1e-14);
    }

    [Theory]
    [InlineData(0.01, 1.424205, 0.273301, 1.114280)]
    [InlineData(0.05, 1.760955, 0.570048, 1.375839)]
    [InlineData(0.1, 1.986073, 0.805799, 1.552118)]
    [InlineData(0.3, 2.505127, 1.461169, 1.963071)]
    public void The_critical_line_has_its_known_points(double biasVariance, double tanh, double length, double erf)
    {
        (double weightVariance, double q) = CriticalSigmaW(MeanFieldActivation.Tanh, biasVariance);
        Assert.Equal(tanh, weightVariance, 1e-6);
        Assert.Equal(length, q, 1e-6);
        Assert.Equal(erf, CriticalSigmaW(MeanFieldActivation.Erf, biasVariance).WeightVariance, 1e-6);
        Assert.Equal(q, QStar(MeanFieldActivation.Tanh, weightVariance, biasVariance), 1e-6);
        Assert.Equal(1, Chi(MeanFieldActivation.Tanh, weightVariance, q), 1e-9);
    }

    [Fact]
    public void Fixed_points_and_depth_scales_of_both_phases_have_their_known_values()
    {
        MeanFieldActivation tanh = MeanFieldActivation.Tanh;
        double ordered = Near(0.315316, QStar(tanh, 1.3, 0.05), 3e-6);
        Assert.Equal(1, CStar(tanh, 1.3, 0.05, ordered));
        Near(0.880164, Chi(tanh, 1.3, ordered), 3e-6);
        (double length, double correlation) = DepthScales(tanh, 1.3, 0.05);
        Near(7.8341, correlation, 1e-5);
        Near(1.7852, length, 3e-5);
        double chaotic = Near(2.195494, QStar(tanh, 4, 0.05), 3e-6);
        double c = Near(0.165065, CStar(tanh, 4, 0.05, chaotic), 5e-6);
        Assert.Equal(c, CorrelationMap(tanh, 4, 0.05, chaotic, c), 1e-12);
        Near(1.342402, Chi(tanh, 4, chaotic), 3e-6);
        (length, correlation) = DepthScales(tanh, 4, 0.05);
        Near(6.9803, correlation, 1e-5);
        Near(0.8733, length, 1e-4);
    }

    [Fact]
    public void Chi_is_the_slope_of_the_correlation_map_and_the_growth_that_of_the_length_map()
    {
        MeanFieldActivation[] all = [MeanFieldActivation.Tanh, MeanFieldActivation.Erf, MeanFieldActivation.Relu, MeanFieldActivation.HardTanh];
        foreach (MeanFieldActivation phi in all)
            foreach (double q in (double[])[0.2, 4])
            {
                const double h = 1e-4;
                double map(double c) => CorrelationMap(phi, 1.7, 0.1, q, c);
                Assert.Equal((map(0.3 + h) - map(0.3 - h)) / (2 * h), Chi(phi, 1.7, q, 0.3), 1e-7);
                double square(double v) => phi.Square(v);
                Assert.Equal((square(q + h) - square(q - h)) / (2 * h), phi.Growth(q) / q, 1e-7);
            }
    }

    [Fact]
    public void Mean_field_theory_knows_the_limits()
    {
        MeanFieldActivation tanh = MeanFieldActivation.Tanh, relu = MeanFieldActivation.Relu;
        Assert.Equal(0, QStar(tanh, 0.8, 0));
        Assert.Equal(double.PositiveInfinity, QStar(relu, 2, 0.1));
        Assert.Equal(0.1 / (1 - 0.75), QStar(relu, 1.5, 0.1), 1e-12);
        Assert.Equal(0, CStar(tanh, 4, 0, QStar(tanh, 4, 0)), 1e-9);
        Assert.Equal((2, 0), CriticalSigmaW(relu, 0));
        Assert.Equal(1, CriticalSigmaW(tanh, 0).WeightVariance, 1e-12);
        Assert.Equal("NB0534", Assert.Throws<InfiniteWidthException>(() => CriticalSigmaW(relu, 0.1)).Code);
        Assert.Equal("NB0535", Assert.Throws<InfiniteWidthException>(() => Expect(Math.Tanh, -1)).Code);
        Assert.Equal("NB0535", Assert.Throws<InfiniteWidthException>(() => QStar(tanh, double.NaN, 0)).Code);
    }
}
