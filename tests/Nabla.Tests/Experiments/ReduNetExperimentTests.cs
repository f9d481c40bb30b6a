using Nabla.Experiments;
using static Nabla.Tests.Experiments.QuickForm;

namespace Nabla.Tests.Experiments;

public sealed class ReduNetExperimentTests
{
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
    public void The_quick_form_holds_and_is_complete(string id) => RequireComplete(id);

    [Fact]
    public void Without_steps_nothing_becomes_orthogonal()
    {
        Bench bench = Run("redunet-gaussian-2d-3d", new("step", "0"), new("layers", "2"));
        Assert.True(Failed(bench, "1: final ΔR") && Failed(bench, "3: largest |cos|"));
    }

    [Fact]
    public void Few_short_layers_do_not_linearise_digits() =>
        Assert.True(Run("redunet-real-data", new("layers", "2"), new("irisLayers", "2")) is var bench && Failed(bench, "final ΔR") && Failed(bench, "irises: final ΔR"));

    [Fact]
    public void A_baseline_that_is_not_trained_forgets_nothing() => Assert.True(Failed(Run("redunet-incremental", [new("steps", "1"), new("gate", "0")]), "moments: accuracy on ten"));
}
