namespace Nabla;

/// <summary>The unit of a rate or a coding length.</summary>
public enum RateUnit
{
    /// <summary>Natural logarithms.</summary>
    Nats,

    /// <summary>Logarithms to base 2; a nat is 1/ln 2 ≈ 1.44 bits.</summary>
    Bits,
}

/// <summary>
/// The exact rate–distortion function of a Gaussian source with independent components of variances λ_i, under squared error: what no code beats. The coding rate
/// ½ log det(I + (d/ε²)Σ), Σ the covariance, lies above it by at most ½ Σ log(1 + D/λ_i), D = ε²/d, which vanishes with ε.
/// Source: Cover and Thomas, Elements of Information Theory, theorem 10.3.3 (reverse water-filling).
/// </summary>
public static class RateDistortion
{
    /// <summary>Σ_i max(0, ½ log(λ_i/θ)), θ = <see cref="WaterLevel"/>: 0 from D = Σλ on.</summary>
    /// <param name="variances">λ_i ≥ 0.</param>
    /// <param name="distortion">The mean squared error that is allowed, summed over components, D &gt; 0.</param>
    /// <param name="unit">Nats or bits a sample.</param>
    /// <exception cref="NumericException">NB0585: a variance is negative or not finite, or D is not positive.</exception>
    public static double Rate(ReadOnlySpan<double> variances, double distortion, RateUnit unit = RateUnit.Nats)
    {
        double level = WaterLevel(variances, distortion), sum = 0;
        foreach (double variance in variances)
            if (variance > level) sum += 0.5 * Math.Log(variance / level);
        return unit == RateUnit.Nats ? sum : sum / Math.Log(2);
    }

    /// <summary>
    /// The level θ with Σ_i min(θ, λ_i) = D: components below it are not coded at all, the others with error θ. The largest λ if D ≥ Σλ. Exact up to rounding: the
    /// sum is linear in θ between two variances.
    /// </summary>
    /// <inheritdoc cref="Rate"/>
    public static double WaterLevel(ReadOnlySpan<double> variances, double distortion)
    {
        if (!(distortion > 0)) throw RateErrors.Spectrum($"the distortion is {distortion}");
        foreach (double variance in variances)
            if (!(variance >= 0) || double.IsInfinity(variance)) throw RateErrors.Spectrum($"a variance is {variance}");
        double[] sorted = variances.ToArray();
        Array.Sort(sorted);
        double below = 0;
        for (int i = 0; i < sorted.Length; i++)
        {
            double level = (distortion - below) / (sorted.Length - i);
            if (level <= sorted[i]) return level;
            below += sorted[i];
        }
        return sorted.Length == 0 ? distortion : sorted[^1];
    }
}
