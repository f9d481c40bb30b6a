using Nabla.Experiments;

namespace Nabla.Tests.Experiments;

/// <summary>
/// A control takes the cause of a phenomenon away and says what is seen then. Here each has a setting that gives the cause back, or takes away what the absence rests on: there it
/// must fail.
/// </summary>
internal static class InvertedControls
{
    /// <summary>Experiment; settings that invert, over those of the quick form; parts of the names of the controls that must then fail.</summary>
    public static TheoryData<string, string, string[]> All { get; } = new()
    {
        { "coding-rate-identities", "perturbation=0", ["2: one entry of the gradient"] },
        // At so coarse a precision no arrangement of the samples costs more than another.
        { "coding-rate-identities", "epsilonSquared=1e6 classes=3", ["4: random frames", "6: classes that are not orthogonal"] },
        { "coding-rate-vs-rate-distortion", "controlDistortion=0.1", ["exact rate at ε² = 1"] },
        { "coding-rate-vs-rate-distortion", "controlDistortion=1000", ["coding rate at ε² = 1"] },
        // Six samples in 24 dimensions: expansion alone makes them orthogonal.
        { "mcr2-optimal-representation", "perClass=2 steps=500", ["R alone"] },
        { "mcr2-optimal-representation", "step=0 steps=50", ["−R_{c} alone"] },
        { "mcr2-supervised-training", "shuffled=0 steps=60 train=400", ["shuffled labels"] },
        { "mcr2-label-corruption", "steps=2 earlySteps=150 earlyBatch=800", ["share 0.5, small batches"] },
        // Without training nothing collapses.
        { "mcr2-ctrl-clustering", "learningRate=0 epochs=1 controlEpochs=1", ["γ₂ = 0"] },
        { "lossy-coding-segmentation", "crowdedDimension=12 crowdedSeeds=2 coarsePrecision=0.02", [": segments", ": purity at ε² = 0.01"] },
        { "redunet-gaussian-2d-3d", "layers=100 controlStep=1 descentStep=1 crowdedDimension=3 step=2", ["η = 0", "steps −η", "three classes in"] },
        { "redunet-operators", "coarsePrecision=0.001", ["2: ‖C_{j}/α_{j} − P⊥‖ at"] },
        // One layer hardly moves the training samples away from where test samples go.
        { "redunet-real-data", "layers=1 irisLayers=1", ["labels as gates in construction"] },
        // At so coarse a precision E is a multiple of the identity.
        { "redunet-shift-invariant-1d", "epsilonSquared=1e6 layers=1 lengths=8", ["without shifts"] },
        // A gate that knows nothing predicts one class, however images are moved.
        { "redunet-translation-2d", "gate=0 layers=1 train=5 test=5", ["two classes: translations that lose", "three classes: translations that lose"] },
        // Quarter turns map the pixels onto themselves.
        { "redunet-rotation-polar", "angles=4 layers=5", ["rotations of the pixels"] },
        { "redunet-sparse-lifting", "contrast=-1", ["one channel, classes of different power spectra"] },
        { "redunet-incremental", "step=0 steps=1", ["samples divided by their lengths"] },
        // With coarse operators gates and softmax are blunt.
        { "redunet-finetune", "epsilonSquared=10 saturatedRate=0.01 epochs=8", ["saturated network"] },
        { "redunet-ablation", "controlStep=0.5 layers=10", ["η = 0"] },
        { "information-theoretic-feature-selection", "strongDelta=0.02 productDelta=0.02 features=1 steps=500", ["softmax: |fall", "independent x and y"] },
    };

    /// <summary>Every control has an inversion.</summary>
    public static void RequireFor(string id, Bench bench)
    {
        string[] parts = [.. All.Where(row => row.Data.Item1 == id).SelectMany(row => row.Data.Item3)];
        Assert.All(bench.Checks.Where(c => c.IsControl), c => Assert.Contains(parts, part => c.Name.Contains(part, StringComparison.Ordinal)));
    }
}

public sealed class InvertedControlTests
{
    [Theory]
    [MemberData(nameof(InvertedControls.All), MemberType = typeof(InvertedControls))]
    public void A_control_fails_where_its_cause_is_given_back(string id, string settings, string[] controls)
    {
        Bench bench = QuickForm.Run(id, [.. settings.Split(' ').Select(s => s.Split('=')).Select(s => KeyValuePair.Create(s[0], s[1]))]);
        foreach (string part in controls)
        {
            CheckResult control = Assert.Single(bench.Checks, c => c.IsControl && c.Name.Contains(part, StringComparison.Ordinal));
            Assert.False(control.Passed, $"{control.Name} = {control.Value} within [{control.Min}, {control.Max}]");
        }
    }
}
