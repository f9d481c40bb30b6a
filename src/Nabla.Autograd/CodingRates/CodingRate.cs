using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla;

/// <summary>
/// Coding rates of features Z [d, n], one sample a column (unit length where a theorem asks for it), at the squared precision ε²: how many
/// nats a sample costs when all are coded together (R) or class by class (R_c). Natural logarithms. All functions can be differentiated with
/// respect to Z to any order, batched and compiled.
/// </summary>
/// <remarks>
/// Everything about labels goes through one primitive (<see cref="RateForm"/>), which sorts the samples by class, never forms memberships, and gives value and
/// gradient together. It factors the smaller of the d×d and the n_j×n_j matrix in f32, the cheaper one in f64. Features of a network [n, d] are Z = features.T,
/// which costs nothing: the primitive reads rows. Sources: Yu et al., "Learning diverse and discriminative representations via the principle of maximal coding
/// rate reduction", arXiv:2006.08558, §2; Ma et al., "Segmentation of multivariate mixed data via lossy data coding and compression", PAMI 29, 2007.
/// </remarks>
public static partial class CodingRate
{
    /// <summary>
    /// R(Z, ε²) = ½ log det(I + α Z Zᵀ) with α = d/(n ε²). Shape: [.., d, n] → [..]; leading axes are a batch, such as the augmentations of each of many images,
    /// whose mean rate is R_c with one class an image. Without samples, 0. d·n·m + m³/3 flops, m = min(d, n). Source: arXiv:2006.08558, §2.1.
    /// </summary>
    /// <exception cref="ShapeException">NB0580: Z has fewer than two axes, or is not of floats; NB0581: ε² is not positive.</exception>
    /// <exception cref="NumericException">NB0681: a feature is not finite.</exception>
    public static Tensor Rate(Tensor z, double epsilonSquared) => Sum(z, null, new RateForm(0, epsilonSquared));

    /// <summary>
    /// R_c = Σ_j (n_j/2n) log det(I + α_j Z Π_j Zᵀ), α_j = d/(n_j ε²), n_j = Σ_i Π_ji, for memberships Π [k, n] ≥ 0, soft or 0 and 1. A class
    /// with n_j = 0 costs nothing. Shape: Z [d, n] → []. Source: arXiv:2006.08558, §2.1.
    /// </summary>
    /// <remarks>
    /// 2k·d²·n flops, or 2k·n³/3 if d > n; then the derivative with respect to Π is not finite where Π = 0 (it passes through √Π). Labels are k times cheaper.
    /// </remarks>
    /// <exception cref="ShapeException">
    /// NB0583: Π does not have one column for each sample; NB0584: k·d·n does not fit 31 bits; NB0580, NB0581 as for <see cref="Rate"/>.
    /// </exception>
    /// <exception cref="NumericException">NB0588: a membership is negative or not finite; NB0681: a feature is not finite.</exception>
    public static Tensor ClassRate(Tensor z, Tensor memberships, double epsilonSquared)
    {
        (int d, int n) = Sizes(z, memberships, epsilonSquared);
        Tensor sizes = memberships.Sum(1);
        return (sizes / (2.0 * Math.Max(n, 1)) * LogDetOnePlus(Weighted(z, memberships, Alphas(sizes, d, epsilonSquared)))).Sum();
    }

    /// <summary>R_c for one class a sample. Shape: Z [.., d, n], labels [.., n] → [..]. See <see cref="CodingRates"/> for the cost.</summary>
    /// <param name="z">Z.</param>
    /// <param name="labels">i32 or i64: the class of each column, in [0, classes).</param>
    /// <param name="classes">k ≥ 1; classes without samples cost nothing.</param>
    /// <param name="epsilonSquared">ε².</param>
    /// <exception cref="ShapeException">NB0582: not one label for each sample; NB0580, NB0581 as for <see cref="Rate"/>.</exception>
    /// <exception cref="NumericException">NB0680: a label outside [0, k); NB0681: a feature is not finite.</exception>
    public static Tensor ClassRate(Tensor z, Tensor labels, int classes, double epsilonSquared) =>
        Sum(z, labels, new RateForm(classes, epsilonSquared, All: 0, ByClass: 1));

    /// <inheritdoc cref="ClassRate(Tensor, Tensor, int, double)"/>
    public static Tensor ClassRate(Tensor z, ReadOnlySpan<int> labels, int classes, double epsilonSquared) =>
        ClassRate(z, LabelsOf(z, labels, classes), classes, epsilonSquared);

    /// <summary>ΔR = R − R_c for memberships Π [k, n]; ≥ 0 if the columns of Π sum to 1. Source: arXiv:2006.08558, §2.2.</summary>
    public static Tensor Reduction(Tensor z, Tensor memberships, double epsilonSquared) =>
        Rate(z, epsilonSquared) - ClassRate(z, memberships, epsilonSquared);

    /// <summary>
    /// ΔR = γ₂·½ log det(I + γ₁α Z Zᵀ) − R_c for one class a sample; with γ₁ = γ₂ = 1 it is R − R_c. Its gradient costs one product of the samples with a d×d
    /// matrix a class. Shape: Z [.., d, n], labels [.., n] → [..]. Source: arXiv:2006.08558, §2.2; γ₁ and γ₂: §3.3.
    /// </summary>
    /// <param name="z">Z.</param>
    /// <param name="labels">i32 or i64: the class of each column, in [0, classes).</param>
    /// <param name="classes">k ≥ 1.</param>
    /// <param name="epsilonSquared">ε².</param>
    /// <param name="gamma1">γ₁, inside the rate of all samples: makes small expansions count.</param>
    /// <param name="gamma2">γ₂, the weight of that rate.</param>
    /// <exception cref="ShapeException">NB0580, NB0581, NB0582, as for <see cref="ClassRate(Tensor, Tensor, int, double)"/>.</exception>
    /// <exception cref="NumericException">NB0680, NB0681.</exception>
    public static Tensor Reduction(Tensor z, Tensor labels, int classes, double epsilonSquared, double gamma1 = 1, double gamma2 = 1) =>
        Sum(z, labels, new RateForm(classes, epsilonSquared, gamma2, -1, gamma1));

    /// <inheritdoc cref="Reduction(Tensor, Tensor, int, double, double, double)"/>
    public static Tensor Reduction(Tensor z, ReadOnlySpan<int> labels, int classes, double epsilonSquared, double gamma1 = 1, double gamma2 = 1) =>
        Reduction(z, LabelsOf(z, labels, classes), classes, epsilonSquared, gamma1, gamma2);

    /// <summary>ΔR and ∂ΔR/∂Z in one go, for hand-written ascent. Shape: Z [.., d, n] → [..] and [.., d, n].</summary>
    /// <inheritdoc cref="Reduction(Tensor, Tensor, int, double, double, double)"/>
    public static (Tensor Value, Tensor Gradient) ReductionWithGradient(
        Tensor z, Tensor labels, int classes, double epsilonSquared, double gamma1 = 1, double gamma2 = 1)
    {
        Tensor[] both = CodingRateGradientPrimitive.Instance.Bind(new RateForm(classes, epsilonSquared, gamma2, -1, gamma1), Operands(z, labels));
        return (both[0], both[1].T);
    }

    /// <summary>Labels as memberships: Π_ji = 1 if sample i has class j. Shape: [k, n].</summary>
    /// <exception cref="NumericException">NB0680: a label outside [0, k).</exception>
    /// <exception cref="ShapeException">NB0584: k·n does not fit 31 bits; NB0586: fewer than one class.</exception>
    public static DenseTensor Memberships(ReadOnlySpan<int> labels, int classes, DType dtype = DType.F32)
    {
        if (classes < 1) throw RateErrors.Subspaces($"{classes} classes");
        if ((long)classes * labels.Length > Array.MaxLength) throw RateErrors.TooLarge($"the memberships [{classes},{labels.Length}]", (Int128)classes * labels.Length);
        CheckRange(labels, classes);
        var rows = new double[classes * labels.Length];
        for (int i = 0; i < labels.Length; i++) rows[labels[i] * labels.Length + i] = 1;
        return Tensor.From(rows, [classes, labels.Length]).To(dtype).Dense;
    }

    /// <summary>
    /// Features scaled so that each class has ‖Z_j‖_F² = n_j: the other normalisation for which the theorems hold, beside columns of unit length
    /// (<c>z.Normalize(-2)</c>). A class of zeros stays zero. Shape: kept, Z [d, n]. Source: arXiv:2006.08558, §2.2.
    /// </summary>
    /// <exception cref="ShapeException">NB0580: Z is not a matrix of floats; NB0582: not one label for each sample.</exception>
    /// <exception cref="NumericException">NB0680: a label outside [0, k); NB0681: a feature is not finite.</exception>
    public static Tensor NormalizeClasses(Tensor z, ReadOnlySpan<int> labels, int classes)
    {
        if (z.Rank != 2 || !z.DType.IsFloat) throw RateErrors.Features(z.Aval);
        CheckFinite(z);
        Tensor each = LabelsOf(z, labels, classes), members = each.OneHot(classes, z.DType);                      // [n, k]
        Tensor squares = z.Square().Sum(0).MatMul(members), counts = members.Sum(0), zero = squares.Equal(0);     // [k]
        Tensor factors = Ops.Where(zero, zero.To(z.DType), counts / Ops.Where(zero, squares.OnesLike(), squares)).Sqrt();
        return z * factors.Take(each);
    }

    /// <summary>
    /// The largest ΔR of k balanced classes of unit vectors in ℝᵈ, k ≤ d: (d/2)·log(1 + 1/ε²) − (d/2k)·log(1 + k/ε²), reached by orthogonal subspaces of
    /// dimension d/k with flat spectra. Source: arXiv:2006.08558, theorem 2.1, with equal sizes and ranks.
    /// </summary>
    /// <exception cref="ShapeException">NB0581: ε² is not positive; NB0586: d or k is below 1.</exception>
    public static double Ceiling(int d, int classes, double epsilonSquared)
    {
        CheckPrecision(epsilonSquared);
        if (d < 1 || classes < 1) throw RateErrors.Subspaces($"{classes} classes in {d} dimensions");
        return 0.5 * d * Math.Log(1 + 1 / epsilonSquared) - 0.5 * d / classes * Math.Log(1 + classes / epsilonSquared);
    }

    /// <summary>
    /// ΔR of orthogonal class subspaces with flat spectra: Σ_j (r_j/2)·[log(1 + d·n_j/(n ε² r_j)) − (n_j/n)·log(1 + d/(ε² r_j))].
    /// </summary>
    /// <param name="d">Dimension of the space.</param>
    /// <param name="ranks">r_j, need not be whole; a class of rank 0 adds nothing.</param>
    /// <param name="counts">n_j.</param>
    /// <param name="epsilonSquared">ε².</param>
    /// <exception cref="ShapeException">NB0581: ε² is not positive; NB0586: a rank or a size is negative or not finite, or there are not as many.</exception>
    public static double OfSubspaces(int d, ReadOnlySpan<double> ranks, ReadOnlySpan<double> counts, double epsilonSquared)
    {
        CheckPrecision(epsilonSquared);
        if (d < 1 || ranks.Length != counts.Length) throw RateErrors.Subspaces($"{ranks.Length} ranks and {counts.Length} sizes in {d} dimensions");
        double n = 0, sum = 0;
        foreach (double count in counts) n += count;
        for (int j = 0; j < ranks.Length; j++)
            if (!(ranks[j] >= 0) || !(counts[j] >= 0) || !double.IsFinite(ranks[j]) || !double.IsFinite(n) || n == 0)
                throw RateErrors.Subspaces($"class {j} has rank {ranks[j]} and size {counts[j]} of {n}");
        for (int j = 0; j < ranks.Length; j++)
        {
            if (ranks[j] == 0) continue;
            double share = counts[j] / n, ratio = d / (epsilonSquared * ranks[j]);
            sum += 0.5 * ranks[j] * (Math.Log(1 + ratio * share) - share * Math.Log(1 + ratio));
        }
        return sum;
    }

    /// <summary>
    /// Effective rank of each class, (Σσ²)²/Σσ⁴ over the singular values of its columns: 1 for a line, r for a flat spectrum of rank r; 0 for an empty
    /// class or zeros. Shape: Z [d, n] → [k].
    /// </summary>
    /// <exception cref="ShapeException">NB0580: Z is not a matrix of floats; NB0582: not one label for each sample.</exception>
    /// <exception cref="NumericException">NB0680: a label outside [0, k); NB0681: a feature is not finite.</exception>
    public static Tensor EffectiveRanks(Tensor z, ReadOnlySpan<int> labels, int classes)
    {
        var groups = ColumnGroups.Of(z, labels, classes);
        CheckFinite(z);
        Tensor ranks = Tensor.Zeros([classes], z.DType, z.Device);
        if (groups.Counts.Length == 0) return ranks;
        Tensor gram = SmallGram(groups.Columns(z));
        Tensor trace = gram.Trace(), square = gram.Square().Sum(1, 2), zero = square.Equal(0);
        Tensor present = Ops.Where(zero, trace, trace.Square() / Ops.Where(zero, square.OnesLike(), square));
        return ranks.ScatterAdd(Tensor.From(groups.Classes), present);
    }

    private static Tensor Sum(Tensor z, Tensor? labels, RateForm form) => CodingRatePrimitive.Instance.BindOne(form, Operands(z, labels));

    private static Tensor[] Operands(Tensor z, Tensor? labels)
    {
        if (z.Rank < 2 || !z.DType.IsFloat) throw RateErrors.Features(z.Aval);
        return labels is null ? [z.T] : [z.T, labels.DType == DType.I64 ? labels.To(DType.I32) : labels];
    }

    private static Tensor LabelsOf(Tensor z, ReadOnlySpan<int> labels, int classes)
    {
        if (z.Rank != 2) throw RateErrors.Features(z.Aval);
        if (labels.Length != z.Shape[1] || classes < 1) throw RateErrors.Labels(z.Aval, $"{labels.Length} labels", classes);
        CheckRange(labels, classes);
        return Tensor.From(labels.ToArray(), device: z.Device);
    }

    internal static void CheckRange(ReadOnlySpan<int> labels, int classes)
    {
        for (int i = 0; i < labels.Length; i++)
            if ((uint)labels[i] >= (uint)classes) throw KernelErrors.RateLabel(new Aval(DType.I32, [labels.Length]), i, labels[i], classes);
    }
}
