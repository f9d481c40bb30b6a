using Nabla.Experiments;

namespace Nabla.Tests.Experiments;

public sealed class ReduNetExperimentTests
{
    private static Bench Run(string id, params KeyValuePair<string, string>[] settings)
    {
        Experiment experiment = Registry.Default.Find(id);
        var bench = new Bench(new BenchSettings([0], Device.Cpu, experiment.Info.DType, Quick: true));
        experiment.Run(experiment.Configure(quick: true, settings), bench);
        return bench;
    }

    private static bool Failed(Bench bench, string name) => !bench.Checks.Single(c => c.Name.StartsWith(name, StringComparison.Ordinal)).Passed;

    [Theory]
    [InlineData("redunet-gaussian-2d-3d")]
    [InlineData("redunet-operators")]
    [InlineData("redunet-real-data")]
    [InlineData("redunet-shift-invariant-1d")]
    [InlineData("redunet-translation-2d")]
    [InlineData("redunet-incremental")]
    [InlineData("redunet-ablation")]
    [InlineData("redunet-rotation-polar")]
    [InlineData("redunet-sparse-lifting")]
    [InlineData("redunet-finetune")]
    public void The_quick_form_holds_and_is_complete(string id)
    {
        Bench bench = Run(id);
        Assert.All(bench.Checks, c => Assert.True(c.Passed, $"{c.Name}: {c.Value} outside [{c.Min}, {c.Max}]"));
        Assert.Contains(bench.Checks, c => c.IsControl);
        Assert.NotEmpty(bench.Figures);
        Assert.NotEmpty(bench.Tables);
    }

    [Fact]
    public void Without_steps_nothing_becomes_orthogonal()
    {
        Bench bench = Run("redunet-gaussian-2d-3d", new("step", "0"), new("layers", "2"));
        Assert.True(Failed(bench, "1: final ΔR") && Failed(bench, "3: largest |cos|") && Failed(bench, "steps −η"));
    }

    [Fact]
    public void Few_short_layers_do_not_linearise_digits() =>
        Assert.True(Run("redunet-real-data", new("layers", "2"), new("irisLayers", "2")) is var bench && Failed(bench, "final ΔR") && Failed(bench, "irises: final ΔR"));

    [Fact]
    public void A_baseline_that_is_not_trained_forgets_nothing() => Assert.True(Failed(Run("redunet-incremental", [new("steps", "1"), new("gate", "0")]), "moments: accuracy on ten"));
}
