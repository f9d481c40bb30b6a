namespace Nabla.Kernels;

/// <summary>
/// Which coding rates are added up, for n samples y_i ∈ ℝᵈ of which n_j have class j, at the squared precision ε²:
/// <c>All·½ log det(I + Gain·α·Σ_i y_i y_iᵀ) + ByClass·Σ_j (n_j/n)·½ log det(I + α_j·Σ_{i in j} y_i y_iᵀ)</c>, α = d/(n ε²), α_j = d/(n_j ε²).
/// Source: Yu et al., arXiv:2006.08558, §2; the gain is the γ₁ of their §3.3.
/// </summary>
/// <param name="Classes">k; 0 if there are no labels.</param>
/// <param name="EpsilonSquared">ε² &gt; 0.</param>
/// <param name="All">Factor of the rate of all samples; 0 leaves it out.</param>
/// <param name="ByClass">Factor of the rate by class.</param>
/// <param name="Gain">Factor inside the rate of all samples.</param>
public readonly record struct RateForm(int Classes, double EpsilonSquared, double All = 1, double ByClass = -1, double Gain = 1)
{
    // With a Gram matrix of all samples to be computed anyway, n_j×n_j matrices pay from about d/2 on; in f32 the smaller matrix is the more accurate one.
    internal int SmallBelow<T>(int n, int d) => n < d ? int.MaxValue : typeof(T) == typeof(float) || All == 0 ? d : (d + 1) / 2;

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"classes={Classes} precision={EpsilonSquared} all={All} byClass={ByClass} gain={Gain}");
}
