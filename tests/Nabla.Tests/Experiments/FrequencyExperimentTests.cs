using Nabla.Experiments;
using Nabla.Experiments.Frequency;

namespace Nabla.Tests.Experiments;

public sealed class FrequencyExperimentTests
{
    private static Bench QuickBench() => new(new BenchSettings([0], Device.Cpu, Quick: true));

    [Fact]
    public void The_one_dimensional_principle_holds_in_its_quick_form()
    {
        Bench bench = QuickBench();
        new FrequencyPrinciple1D().Run(FrequencyPrinciple1D.Config.Quick, bench);
        Assert.Equal(7, bench.Checks.Count);
        Assert.Equal(3, bench.Checks.Count(c => c.IsControl));
        Assert.All(bench.Checks, c => Assert.True(c.Passed, $"{c.Name} = {c.Value}"));
    }

    [Fact]
    public void The_principle_on_digits_holds_in_its_quick_form()
    {
        Bench bench = QuickBench();
        new InputSpaceFilter().Run(InputSpaceFilter.Config.Quick, bench);
        Assert.Equal(5, bench.Checks.Count);
        Assert.Equal(1, bench.Checks.Count(c => c.IsControl));
        Assert.All(bench.Checks, c => Assert.True(c.Passed, $"{c.Name} = {c.Value}"));
    }

    [Fact]
    public void Training_steps_are_shown_for_all_seeds_at_once()
    {
        Bench bench = new(new BenchSettings([0, 1, 2], Device.Cpu));
        Assert.Contains("f32[3,64,64] = tanh", new FrequencyPrinciple1D().TrainingStep(new(), bench).ToString());
        Assert.Contains("f32[3,600,10]", new InputSpaceFilter().TrainingStep(new(), bench).ToString());
    }
}
