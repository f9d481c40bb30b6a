using Nabla.Experiments;
using Nabla.Experiments.Condensation;

namespace Nabla.Tests.Experiments;

public sealed class PhaseTwoLayerTests
{
    private static Bench Bench(params ulong[] seeds) => new(new BenchSettings(seeds, Device.Cpu, DType.F64, Quick: true));

    [Theory]
    [InlineData(0.5, 0, -0.5)]
    [InlineData(0.5, 0.5, -1.5)]
    [InlineData(1, 0.5, -1)]
    [InlineData(1.75, 0, 0.375)]
    [InlineData(1.25, -0.5, 0.25)]
    [InlineData(1.75, -0.5, 0.625)]
    [InlineData(1.5, 1, -1)]
    public void The_theory_has_the_derived_exponents(double gamma, double prime, double exponent) =>
        Assert.Equal(exponent, new PhaseTwoLayer.Point(gamma, prime).Theory, 1e-15);

    [Fact]
    public void The_theory_is_continuous_and_vanishes_on_the_critical_line_alone()
    {
        static double S(double gamma, double prime) => new PhaseTwoLayer.Point(gamma, prime).Theory;
        const double h = 1e-9;
        for (double gamma = 0.3; gamma < 2; gamma += 0.0625)
            for (double prime = -1; prime < 1.2; prime += 0.0625)
            {
                foreach (double other in (double[])[S(gamma + h, prime), S(gamma - h, prime), S(gamma, prime + h), S(gamma, prime - h)])
                    Assert.Equal(S(gamma, prime), other, 1e-8);
                double right = gamma - 1 - Math.Max(0, prime);
                Assert.Equal(Math.Sign(Math.Round(right, 9)), Math.Sign(Math.Round(S(gamma, prime), 9)));
            }
    }

    [Fact]
    public void The_quick_form_confirms_the_claim()
    {
        Bench bench = Bench(0, 1, 2, 3);
        new PhaseTwoLayer().Run(PhaseTwoLayer.Config.Quick, bench);
        Assert.All(bench.Checks, c => Assert.True(c.Passed, $"{c.Name}: {c.Value}"));
        Assert.Contains(bench.Checks, c => c.IsControl);
        Assert.Equal(["diagram", "slopes", "distances"], bench.Figures.Select(f => f.Id));
    }

    [Fact]
    public void Trainings_that_do_not_converge_fail_the_run()
    {
        Bench bench = Bench(0);
        new PhaseTwoLayer().Run(new PhaseTwoLayer.Config([16, 64], [0.5], [0], MaxSteps: 2), bench);
        Assert.Contains(bench.Checks, c => !c.Passed && c.Value == 2);
    }

    [Fact]
    public void The_training_step_shows_its_program()
    {
        var experiment = new PhaseTwoLayer();
        string program = experiment.TrainingStep(PhaseTwoLayer.Config.Quick, Bench(0, 1)).ToString();
        Assert.Contains("f64[2,4,1024] = sign", program);
    }
}
