using Nabla.Experiments;

namespace Nabla.Tests.Experiments;

public sealed class KernelExperimentTests
{
    private static Bench Run(params KeyValuePair<string, string>[] settings)
    {
        Experiment experiment = Registry.Default.Find("kernel-library");
        var bench = new Bench(new BenchSettings([0], Device.Cpu, experiment.Info.DType, Quick: true));
        experiment.Run(experiment.Configure(quick: true, settings), bench);
        return bench;
    }

    [Fact]
    public void The_quick_form_holds_and_is_complete()
    {
        Bench bench = Run();
        Assert.All(bench.Checks, c => Assert.True(c.Passed, $"{c.Name}: {c.Value} outside [{c.Min}, {c.Max}]"));
        Assert.Contains(bench.Checks, c => c.IsControl);
        Assert.NotEmpty(bench.Figures);
        Assert.NotEmpty(bench.Tables);
    }

    [Fact]
    public void Narrow_networks_fail_the_claim()
    {
        Bench bench = Run(new("width", "32"), new("networks", "2"));
        Assert.Contains(bench.Checks, c => !c.Passed && c.Name.StartsWith("3: ", StringComparison.Ordinal));
    }
}
