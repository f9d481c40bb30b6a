using Nabla.Kernels;

namespace Nabla;

public static partial class CodingRate
{
    /// <summary>The expansion operator E = α(I + α Z Zᵀ)⁻¹, ∂R/∂Z = E·Z. Shape: [d, n] → [d, d]. Source: Chan et al., arXiv:2105.10446, §3.1.</summary>
    /// <exception cref="ShapeException">NB0580, NB0581 as for <see cref="Rate"/>; NB0584: d² does not fit 31 bits; NB0587: there are no samples.</exception>
    /// <exception cref="NumericException">NB0681: a feature is not finite.</exception>
    public static Tensor Expansion(Tensor z, double epsilonSquared)
    {
        (int d, int n) = Sizes(z, epsilonSquared);
        if (n == 0) throw RateErrors.NoSamples(z.Aval);
        CheckSize($"the operator [{d},{d}]", (Int128)d * d);
        double alpha = Alpha(d, n, epsilonSquared);
        Tensor identity = Ops.Eye(d, z.DType);
        return alpha * (identity + alpha * z.MatMul(z.T)).SolvePositiveDefinite(identity);
    }

    /// <summary>
    /// The compression operators C_j = α_j(I + α_j Z Π_j Zᵀ)⁻¹; zero for a class with n_j = 0. Shape: Z [d, n], Π [k, n] → [k, d, d].
    /// Source: Chan et al., arXiv:2105.10446, §3.1.
    /// </summary>
    /// <exception cref="ShapeException">NB0580, NB0581, NB0583 as for <see cref="ClassRate(Tensor, Tensor, double)"/>; NB0584: k·d·max(d, n) does not fit 31 bits.</exception>
    /// <exception cref="NumericException">NB0588: a membership is negative or not finite; NB0681: a feature is not finite.</exception>
    public static Tensor Compression(Tensor z, Tensor memberships, double epsilonSquared)
    {
        (int d, _) = Sizes(z, memberships, epsilonSquared);
        CheckSize($"the operators [{memberships.Shape[0]},{d},{d}]", (Int128)memberships.Shape[0] * d * d);
        Tensor alphas = Alphas(memberships.Sum(1), d, epsilonSquared).Reshape(-1, 1, 1), identity = Ops.Eye(d, z.DType);
        Tensor grams = (z.ExpandDims(0) * memberships.ExpandDims(1)).MatMul(z.T);
        return alphas * (identity + alphas * grams).SolvePositiveDefinite(identity.ExpandDims(0));
    }

    /// <summary>∂R/∂Z = E·Z = α Z(I + α ZᵀZ)⁻¹ in closed form. Shape: kept.</summary>
    public static Tensor RateGradient(Tensor z, double epsilonSquared)
    {
        (int d, int n) = Sizes(z, epsilonSquared);
        if (n == 0) return z.ZerosLike();
        double alpha = Alpha(d, n, epsilonSquared);
        Tensor matrix = alpha * SmallGram(z) + Ops.Eye(Math.Min(d, n), z.DType);
        return alpha * (d <= n ? matrix.SolvePositiveDefinite(z) : matrix.SolvePositiveDefinite(z.T).T);
    }

    /// <summary>∂R_c/∂Z = Σ_j γ_j C_j Z Π_j, γ_j = n_j/n, in closed form. Shape: Z [d, n], Π [k, n] → [d, n].</summary>
    public static Tensor ClassRateGradient(Tensor z, Tensor memberships, double epsilonSquared)
    {
        (int d, int n) = Sizes(z, memberships, epsilonSquared);
        Tensor sizes = memberships.Sum(1), alphas = Alphas(sizes, d, epsilonSquared);
        Tensor factors = (alphas * sizes / Math.Max(n, 1)).Reshape(-1, 1, 1);
        Tensor matrices = Weighted(z, memberships, alphas) + Ops.Eye(Math.Min(d, n), z.DType);
        if (d <= n) return (factors * matrices.SolvePositiveDefinite(z.ExpandDims(0) * memberships.ExpandDims(1))).Sum(0);
        // With S = √Π_j: (I + αZS²Zᵀ)⁻¹ZS² = Z·S(I + αSZᵀZS)⁻¹S.
        Tensor roots = memberships.Sqrt();
        Tensor inner = matrices.SolvePositiveDefinite(Ops.Eye(n, z.DType) * roots.ExpandDims(1));
        return z.MatMul((factors * roots.ExpandDims(2) * inner).Sum(0));
    }

    private static double Alpha(int d, double n, double epsilonSquared) => d / (n * epsilonSquared);

    // d/(n_j ε²), and 0 for an empty class, so that its matrix is the identity.
    private static Tensor Alphas(Tensor sizes, int d, double epsilonSquared)
    {
        Tensor empty = sizes.Equal(0);
        return Ops.Where(empty, sizes.ZerosLike(), d / epsilonSquared / Ops.Where(empty, sizes.OnesLike(), sizes));
    }

    private static Tensor SmallGram(Tensor z) => z.Shape[^2] <= z.Shape[^1] ? z.MatMul(z.T) : z.T.MatMul(z);

    // α_j Z Π_j Zᵀ, or α_j √Π_j ZᵀZ √Π_j, which has the same nonzero eigenvalues, whichever is smaller.
    private static Tensor Weighted(Tensor z, Tensor memberships, Tensor alphas)
    {
        if (z.Shape[0] <= z.Shape[1]) return (z.ExpandDims(0) * (alphas.ExpandDims(1) * memberships).ExpandDims(1)).MatMul(z.T);
        Tensor roots = memberships.Sqrt();
        return alphas.Reshape(-1, 1, 1) * roots.ExpandDims(2) * z.T.MatMul(z) * roots.ExpandDims(1);
    }

    private static Tensor LogDetOnePlus(Tensor gram) => (gram + Ops.Eye(gram.Shape[^1], gram.DType)).LogDetPositiveDefinite();

    private static (int D, int N) Sizes(Tensor z, double epsilonSquared)
    {
        if (z.Rank < 2 || !z.DType.IsFloat) throw RateErrors.Features(z.Aval);
        CheckPrecision(epsilonSquared);
        CheckFinite(z);
        return (z.Shape[^2], z.Shape[^1]);
    }

    private static (int D, int N) Sizes(Tensor z, Tensor memberships, double epsilonSquared)
    {
        bool fits = z.Rank == 2 && memberships.Rank == 2 && memberships.Shape[1] == z.Shape[1] && memberships.DType == z.DType;
        if (z.Rank >= 2 && z.DType.IsFloat && !fits) throw RateErrors.Memberships(z.Aval, memberships.Aval);
        if (fits) CheckSize($"the weighted features [{memberships.Shape[0]},{z.Shape[0]},{z.Shape[1]}]", (Int128)memberships.Shape[0] * z.Shape[0] * z.Shape[1]);
        (int d, int n) = Sizes(z, epsilonSquared);
        CheckWeights(memberships);
        return (d, n);
    }

    internal static void CheckPrecision(double epsilonSquared)
    {
        if (!(epsilonSquared > 0) || !double.IsFinite(epsilonSquared)) throw RateErrors.Precision(epsilonSquared);
    }

    private static void CheckSize(string what, Int128 elements)
    {
        if (elements > int.MaxValue) throw RateErrors.TooLarge(what, elements);
    }

    // Values that are known now are looked at, those of a function under transformation are not.
    private static void CheckFinite(Tensor z)
    {
        if (z is not DenseTensor) return;
        int n = z.Shape[^1], bad = Array.FindIndex(z.ToDoubles(), v => !double.IsFinite(v));
        if (bad >= 0) throw KernelErrors.RateFeatures(z.T.Aval, bad % n, bad / n % z.Shape[^2], z.ToDoubles()[bad]);
    }

    private static void CheckWeights(Tensor memberships)
    {
        if (memberships is not DenseTensor) return;
        int n = memberships.Shape[1], bad = Array.FindIndex(memberships.ToDoubles(), v => !(v >= 0) || double.IsInfinity(v));
        if (bad >= 0) throw RateErrors.Membership(memberships.Aval, bad / n, bad % n, memberships.ToDoubles()[bad]);
    }
}
