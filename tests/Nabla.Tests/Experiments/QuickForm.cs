using Nabla.Experiments;

namespace Nabla.Tests.Experiments;

/// <summary>Runs experiments in their quick form on seed 0.</summary>
internal static class QuickForm
{
    public static Bench Run(string id, params KeyValuePair<string, string>[] settings)
    {
        Experiment experiment = Registry.Default.Find(id);
        var bench = new Bench(new BenchSettings([0], Device.Cpu, experiment.Info.DType, Quick: true));
        experiment.Run(experiment.Configure(quick: true, settings), bench);
        return bench;
    }

    public static void RequireComplete(string id)
    {
        Bench bench = Run(id);
        Assert.All(bench.Checks, c => Assert.True(c.Passed, $"{c.Name}: {c.Value} outside [{c.Min}, {c.Max}]"));
        Assert.Contains(bench.Checks, c => c.IsControl);
        InvertedControls.RequireFor(id, bench);
        Assert.NotEmpty(bench.Figures);
        Assert.NotEmpty(bench.Tables);
    }
}
