namespace Nabla.Experiments.Measure;

/// <summary>
/// Where the neurons of a network f(x) = Σⱼ aⱼ·relu(wⱼx + bⱼ) point: the angle of (w, b), weighted by the amplitude |a|·‖(w, b)‖, which is
/// what a neuron adds to f. Unweighted histograms mislead: neurons that have hardly moved are many and matter little.
/// </summary>
/// <param name="Angles">θⱼ = atan2(bⱼ, wⱼ) in degrees, in [−180, 180].</param>
/// <param name="Amplitudes">Aⱼ = |aⱼ|·‖(wⱼ, bⱼ)‖.</param>
public sealed record Orientations(double[] Angles, double[] Amplitudes)
{
    /// <summary>The neurons with the given parameters, each [m].</summary>
    public static Orientations Of(double[] a, double[] w, double[] b) => new(
        [.. w.Zip(b, (u, v) => Math.Atan2(v, u) * (180 / Math.PI))],
        [.. a.Select((value, j) => Math.Abs(value) * Math.Sqrt(w[j] * w[j] + b[j] * b[j]))]);

    /// <summary>Share of the amplitude in each of equally wide bins from −180° on. Shape: [bins]; zeros if there is no amplitude.</summary>
    public double[] Histogram(int bins = 72)
    {
        var mass = new double[bins];
        double total = Amplitudes.Sum();
        for (int j = 0; j < Angles.Length && total > 0; j++)
            mass[(int)((Angles[j] + 180) / 360 * bins) % bins] += Amplitudes[j] / total;
        return mass;
    }

    /// <summary>
    /// Effective number of directions exp(−Σ p·log p) over the <see cref="Histogram"/> p: 1 if all amplitude lies in one bin, the number of bins if
    /// it is spread evenly.
    /// </summary>
    public double EffectiveNumber(int bins = 72) => Math.Exp(-Histogram(bins).Sum(p => p > 0 ? p * Math.Log(p) : 0));
}
