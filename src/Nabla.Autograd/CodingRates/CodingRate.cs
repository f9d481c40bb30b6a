namespace Nabla;

/// <summary>
/// Coding rates of features Z [d, n], one sample a column (unit length where a theorem asks for it), at the squared precision ε²: how many
/// nats a sample costs when all are coded together (R) or class by class (R_c). Natural logarithms. All functions can be differentiated with
/// respect to Z, and factor the smaller of the d×d and the n×n matrix, which is cheaper and, in f32, more accurate.
/// </summary>
/// <remarks>Sources: Yu et al., "Learning diverse and discriminative representations via the principle of maximal coding rate reduction",
/// arXiv:2006.08558, §2; Ma et al., "Segmentation of multivariate mixed data via lossy data coding and compression", PAMI 29, 2007.</remarks>
public static class CodingRate
{
    /// <summary>
    /// R(Z, ε²) = ½ log det(I + α Z Zᵀ) with α = d/(n ε²). Shape: [.., d, n] → [..]. Without samples, 0. 2·d·n·m + m³/3 flops, m = min(d, n).
    /// Source: arXiv:2006.08558, §2.1.
    /// </summary>
    /// <exception cref="ShapeException">NB0108: Z has fewer than two axes, or ε² ≤ 0.</exception>
    public static Tensor Rate(Tensor z, double epsilonSquared)
    {
        (int d, int n) = Sizes(z, epsilonSquared);
        if (n == 0) return Tensor.Zeros(Shape.Create(z.Shape.Dims[..^2]), z.DType, z.Device);
        return 0.5 * LogDetOnePlus(Alpha(d, n, epsilonSquared) * SmallGram(z));
    }

    /// <summary>
    /// R_c = Σ_j (n_j/2n) log det(I + α_j Z Π_j Zᵀ), α_j = d/(n_j ε²), n_j = Σ_i Π_ji, for memberships Π [k, n] ≥ 0, soft or 0 and 1. A class
    /// with n_j = 0 costs nothing. Shape: Z [d, n] → []. Source: arXiv:2006.08558, §2.1.
    /// </summary>
    /// <remarks>
    /// 2k·d²·n flops, or 2k·n³/3 if d > n; then the derivative with respect to Π is not finite where Π = 0 (it passes through √Π). Labels known on the
    /// host are k times cheaper by the other overload.
    /// </remarks>
    /// <exception cref="ShapeException">NB0108: Π does not have one column for each sample, or ε² ≤ 0.</exception>
    public static Tensor ClassRate(Tensor z, Tensor memberships, double epsilonSquared)
    {
        (int d, int n) = Sizes(z, memberships, epsilonSquared);
        Tensor sizes = memberships.Sum(1);
        return (sizes / (2.0 * Math.Max(n, 1)) * LogDetOnePlus(Weighted(z, memberships, Alphas(sizes, d, epsilonSquared)))).Sum();
    }

    /// <summary>
    /// R_c for one class a sample. Each class is coded from its own columns, padded with zeros to the largest class. Shape: Z [d, n] → [].
    /// 2k·d·m·min(d, m) flops, m the size of the largest class.
    /// </summary>
    /// <param name="z">Z [d, n].</param>
    /// <param name="labels">The class of each column, in [0, classes).</param>
    /// <param name="classes">k; classes without samples cost nothing.</param>
    /// <param name="epsilonSquared">ε².</param>
    /// <exception cref="ShapeException">NB0108: not one label in [0, k) for each sample, or ε² ≤ 0.</exception>
    public static Tensor ClassRate(Tensor z, ReadOnlySpan<int> labels, int classes, double epsilonSquared)
    {
        (int d, int n) = Sizes(z, epsilonSquared);
        var groups = ColumnGroups.Of(z, labels, classes);
        if (groups.Counts.Length == 0) return Tensor.Zeros(Shape.Scalar, z.DType, z.Device);
        Tensor alphas = Numbers(z, groups.Counts.Select(c => Alpha(d, c, epsilonSquared)));
        Tensor weights = Numbers(z, groups.Counts.Select(c => c / (2.0 * n)));
        return weights.Dot(LogDetOnePlus(alphas.Reshape(-1, 1, 1) * SmallGram(groups.Columns(z))));
    }

    /// <summary>ΔR = R − R_c for memberships Π [k, n]; ≥ 0 if the columns of Π sum to 1. Source: arXiv:2006.08558, §2.2.</summary>
    public static Tensor Reduction(Tensor z, Tensor memberships, double epsilonSquared) =>
        Rate(z, epsilonSquared) - ClassRate(z, memberships, epsilonSquared);

    /// <summary>ΔR = R − R_c for one class a sample. Errors as for <see cref="ClassRate(Tensor, ReadOnlySpan{int}, int, double)"/>.</summary>
    public static Tensor Reduction(Tensor z, ReadOnlySpan<int> labels, int classes, double epsilonSquared) =>
        Rate(z, epsilonSquared) - ClassRate(z, labels, classes, epsilonSquared);

    /// <summary>Labels as memberships: Π_ji = 1 if sample i has class j. Shape: [k, n].</summary>
    public static DenseTensor Memberships(ReadOnlySpan<int> labels, int classes, DType dtype = DType.F32)
    {
        var rows = new double[checked(classes * labels.Length)];
        for (int i = 0; i < labels.Length; i++) rows[labels[i] * labels.Length + i] = 1;
        return Tensor.From(rows, [classes, labels.Length]).To(dtype).Dense;
    }

    /// <summary>The expansion operator E = α(I + α Z Zᵀ)⁻¹, ∂R/∂Z = E·Z. Shape: [d, n] → [d, d]. Source: Chan et al., arXiv:2105.10446, §3.1.</summary>
    public static Tensor Expansion(Tensor z, double epsilonSquared)
    {
        (int d, int n) = Sizes(z, epsilonSquared);
        double alpha = Alpha(d, n, epsilonSquared);
        Tensor identity = Ops.Eye(d, z.DType);
        return alpha * (identity + alpha * z.MatMul(z.T)).SolvePositiveDefinite(identity);
    }

    /// <summary>
    /// The compression operators C_j = α_j(I + α_j Z Π_j Zᵀ)⁻¹; zero for a class with n_j = 0. Shape: Z [d, n], Π [k, n] → [k, d, d].
    /// Source: Chan et al., arXiv:2105.10446, §3.1.
    /// </summary>
    public static Tensor Compression(Tensor z, Tensor memberships, double epsilonSquared)
    {
        (int d, _) = Sizes(z, memberships, epsilonSquared);
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

    /// <summary>
    /// The largest ΔR of k balanced classes of unit vectors in ℝᵈ, k ≤ d: (d/2)·log(1 + 1/ε²) − (d/2k)·log(1 + k/ε²), reached by orthogonal subspaces of
    /// dimension d/k with flat spectra. Source: arXiv:2006.08558, theorem 2.1, with equal sizes and ranks.
    /// </summary>
    public static double Ceiling(int d, int classes, double epsilonSquared) =>
        0.5 * d * Math.Log(1 + 1 / epsilonSquared) - 0.5 * d / classes * Math.Log(1 + classes / epsilonSquared);

    /// <summary>
    /// ΔR of orthogonal class subspaces with flat spectra: Σ_j (r_j/2)·[log(1 + d·n_j/(n ε² r_j)) − (n_j/n)·log(1 + d/(ε² r_j))].
    /// </summary>
    /// <param name="d">Dimension of the space.</param>
    /// <param name="ranks">r_j, need not be whole.</param>
    /// <param name="counts">n_j.</param>
    /// <param name="epsilonSquared">ε².</param>
    public static double OfSubspaces(int d, ReadOnlySpan<double> ranks, ReadOnlySpan<double> counts, double epsilonSquared)
    {
        double n = 0, sum = 0;
        foreach (double count in counts) n += count;
        for (int j = 0; j < ranks.Length; j++)
        {
            double share = counts[j] / n, ratio = d / (epsilonSquared * ranks[j]);
            sum += 0.5 * ranks[j] * (Math.Log(1 + ratio * share) - share * Math.Log(1 + ratio));
        }
        return sum;
    }

    /// <summary>
    /// Effective rank of each class, (Σσ²)²/Σσ⁴ over the singular values of its columns: 1 for a line, r for a flat spectrum of rank r; 0 for an empty
    /// class or zeros. Shape: Z [d, n] → [k].
    /// </summary>
    /// <exception cref="ShapeException">NB0108: not one label in [0, k) for each sample.</exception>
    public static Tensor EffectiveRanks(Tensor z, ReadOnlySpan<int> labels, int classes)
    {
        var groups = ColumnGroups.Of(z, labels, classes);
        Tensor ranks = Tensor.Zeros([classes], z.DType, z.Device);
        if (groups.Counts.Length == 0) return ranks;
        Tensor gram = SmallGram(groups.Columns(z));
        Tensor trace = gram.Trace(), square = gram.Square().Sum(1, 2), zero = square.Equal(0);
        Tensor present = Ops.Where(zero, trace, trace.Square() / Ops.Where(zero, square.OnesLike(), square));
        return ranks.ScatterAdd(Tensor.From(groups.Classes), present);
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

    private static Tensor Numbers(Tensor like, IEnumerable<double> values) => Tensor.From(values.ToArray(), device: like.Device).To(like.DType);

    private static (int D, int N) Sizes(Tensor z, double epsilonSquared)
    {
        if (z.Rank < 2 || !z.DType.IsFloat) throw AutogradErrors.BadParameter("coding_rate", "features Z must be f32 or f64 [d, n], one sample a column", z.Aval);
        return epsilonSquared > 0 ? (z.Shape[^2], z.Shape[^1])
            : throw AutogradErrors.BadParameter("coding_rate", $"ε² must be positive, not {epsilonSquared}", z.Aval);
    }

    private static (int D, int N) Sizes(Tensor z, Tensor memberships, double epsilonSquared)
    {
        (int d, int n) = Sizes(z, epsilonSquared);
        bool fits = z.Rank == 2 && memberships.Rank == 2 && memberships.Shape[1] == n && memberships.DType == z.DType;
        return fits ? (d, n) : throw AutogradErrors.BadParameter("coding_rate", $"memberships of features {z.Aval} must be {z.DType.ToString().ToLowerInvariant()}[k,{n}]", memberships.Aval);
    }
}
