using Nabla.Experiments;
using Nabla.Experiments.Measure;
using static Nabla.Tests.Experiments.QuickForm;

namespace Nabla.Tests.Experiments;

public sealed class CodingRateExperimentTests
{
    [Theory]
    [InlineData("coding-rate-identities")]
    [InlineData("coding-rate-vs-rate-distortion")]
    [InlineData("information-theoretic-feature-selection")]
    [InlineData("lossy-coding-segmentation")]
    [InlineData("mcr2-ctrl-clustering")]
    [InlineData("mcr2-label-corruption")]
    [InlineData("mcr2-optimal-representation")]
    [InlineData("mcr2-supervised-training")]
    public void The_quick_form_holds_and_is_complete(string id) => RequireComplete(id);

    [Fact]
    public void A_network_that_does_not_learn_fails_the_claim()
    {
        Bench bench = Run("mcr2-supervised-training", new("learningRate", "0"), new("steps", "2"), new("width", "16"));
        Assert.False(bench.Checks.Single(c => c.Name == "final ΔR ÷ ceiling").Passed);
        Assert.False(bench.Checks.Single(c => c.Name.StartsWith("mean |cos|", StringComparison.Ordinal)).Passed);
    }

    private static string[] Failures(string id, params KeyValuePair<string, string>[] settings) =>
        [.. Run(id, settings).Checks.Where(c => !c.Passed).Select(c => c.Name)];

    [Fact]
    public void Features_that_do_not_move_are_not_optimal()
    {
        string[] failures = Failures("mcr2-optimal-representation", new("step", "0"), new("steps", "50"));
        Assert.Contains(failures, f => f.StartsWith("2:", StringComparison.Ordinal));
        Assert.Contains(failures, f => f.StartsWith("3:", StringComparison.Ordinal));
        Assert.Contains(failures, f => f.StartsWith("5:", StringComparison.Ordinal));
    }

    [Fact]
    public void Without_memorisation_the_claim_about_wrong_labels_fails() =>
        Assert.Contains("share 0.5: accuracy of cross-entropy on its own labels",
            Failures("mcr2-label-corruption", new("learningRate", "0"), new("steps", "2"), new("earlySteps", "0"), new("width", "16")));

    [Fact]
    public void Known_agreements_of_clusters_and_classes()
    {
        Assert.Equal(1, Clustering.MutualInformation([0, 0, 1, 1, 2], [5, 5, 3, 3, 9]), 1e-12);
        Assert.Equal(0, Clustering.MutualInformation([0, 0, 1, 1], [0, 1, 0, 1]), 1e-12);
        // H(a) = ln 2, H(b) = ¾·ln(4/3) + ¼·ln 4, and b is known from a on one half: I = H(b) − ½·ln 2.
        double b = 0.75 * Math.Log(4.0 / 3) + 0.25 * Math.Log(4);
        Assert.Equal(2 * (b - 0.5 * Math.Log(2)) / (Math.Log(2) + b), Clustering.MutualInformation([0, 0, 1, 1], [0, 0, 0, 1]), 1e-12);
        Assert.Equal(0.75, Clustering.Accuracy([2, 2, 0, 1], [0, 0, 1, 1], 3), 1e-12);
        Tensor points = Tensor.From([0.0, 0.1, 5, 5.2, 9, 9.1, 9.2], [7, 1]);
        Assert.Equal(1, Clustering.MutualInformation(Clustering.KMeans(points, 3, new RandomKey(1)), [0, 0, 1, 1, 2, 2, 2]), 1e-12);
    }

    [Fact]
    public void Networks_that_do_not_learn_do_not_compress()
    {
        string[] failures = Failures("mcr2-ctrl-clustering", new("learningRate", "0"), new("epochs", "1"), new("controlEpochs", "1"), new("width", "16"));
        Assert.Contains(failures, f => f.StartsWith("R_{c}: at the end", StringComparison.Ordinal));
        Assert.Contains("NMI of features − NMI of pixels", failures);
    }

    [Fact]
    public void The_worst_seed_decides()
    {
        Assert.Equal(0.9, SeedChecks.Worst([0.5, 0.9, 0.2], 0, 1));
        Assert.Equal(-3, SeedChecks.Worst([0.5, 2, -3], 0, 1));
        Assert.Equal(2, SeedChecks.Worst([2, 5], 1, null));
        Assert.True(double.IsNaN(SeedChecks.Worst([0.5, double.NaN], 0, 1)));
        Assert.True(double.IsNaN(SeedChecks.Worst([], 0, 1)));
    }
}
