namespace Nabla;

/// <summary>What decides π̂, the memberships by which a layer compresses. All but <see cref="Soft"/> are ablations.</summary>
public enum ReduGate
{
    /// <summary>π̂ = softmax_j(−λ‖C_j z‖), also on the training set: labels enter only C_j and γ_j.</summary>
    Soft,

    /// <summary>The labels while layers are built; soft for new samples. A layer is then exactly a step of gradient ascent on ΔR.</summary>
    Labels,

    /// <summary>π̂_j = 1/k.</summary>
    Uniform,

    /// <summary>Random numbers, divided by their sum; new ones in each layer.</summary>
    Random,
}

/// <summary>What a layer divides by.</summary>
public enum ReduNormalization
{
    /// <summary>Each sample by its length.</summary>
    Sample,

    /// <summary>While layers are built, each class so that ‖Z_j‖_F² = n_j, which is linear within a class; new samples by their lengths.</summary>
    Class,

    /// <summary>Nothing: an ablation.</summary>
    None,
}

/// <summary>How a <see cref="ReduNet"/> is built.</summary>
/// <param name="Layers">L ≥ 1.</param>
/// <param name="EpsilonSquared">ε² &gt; 0.</param>
/// <param name="Step">
/// The effective step η_eff = η·d/n. Operators are O(d/n), so a raw step η that suits one number of samples is too short for more; the effective one does not depend on it.
/// </param>
/// <param name="Gate">The effective sharpness of the gate, λ_eff = λ·d/n.</param>
public sealed record ReduNetOptions(int Layers, double EpsilonSquared, double Step, double Gate)
{
    /// <summary>What decides the memberships.</summary>
    public ReduGate Gating { get; init; } = ReduGate.Soft;

    /// <summary>What a layer divides by.</summary>
    public ReduNormalization Normalization { get; init; } = ReduNormalization.Sample;

    /// <summary>False makes a layer from the step alone, without z: an ablation.</summary>
    public bool Residual { get; init; } = true;

    /// <summary>Seeds <see cref="ReduGate.Random"/>.</summary>
    public ulong Seed { get; init; }

    /// <summary>Options from the raw η and λ of the papers' formulas.</summary>
    /// <param name="layers">L.</param>
    /// <param name="epsilonSquared">ε².</param>
    /// <param name="step">η.</param>
    /// <param name="gate">λ.</param>
    /// <param name="dimension">d, or the number of channels where operators are convolutions.</param>
    /// <param name="samples">n.</param>
    public static ReduNetOptions FromRaw(int layers, double epsilonSquared, double step, double gate, int dimension, int samples) =>
        new(layers, epsilonSquared, step * dimension / samples, gate * dimension / samples);

    /// <exception cref="ShapeException">NB0691: a number is out of its range.</exception>
    internal void Check()
    {
        if (Layers < 1) throw ReduNetErrors.Option("layers", Layers, "at least 1");
        if (!(EpsilonSquared > 0) || !double.IsFinite(EpsilonSquared)) throw ReduNetErrors.Option("ε²", EpsilonSquared, "0 < ε² < ∞");
        if (!double.IsFinite(Step)) throw ReduNetErrors.Option("η", Step, "a finite step");
        if (!(Gate >= 0) || !double.IsFinite(Gate)) throw ReduNetErrors.Option("λ", Gate, "0 ≤ λ < ∞");
    }
}

/// <summary>The coding rates of the features that enter a layer, in nats. With convolutions they are those of all shifts, divided by the number of shifts.</summary>
/// <param name="Rate">R.</param>
/// <param name="ClassRate">R_c.</param>
public readonly record struct ReduRates(double Rate, double ClassRate)
{
    /// <summary>ΔR = R − R_c.</summary>
    public double Reduction => Rate - ClassRate;
}
