namespace Nabla.Nn;

/// <summary>Losses: scalars that training makes small.</summary>
public static class Losses
{
    /// <summary>Mean of (prediction − target)² over all elements.</summary>
    public static Tensor MeanSquaredError(Tensor prediction, Tensor target) => (prediction - target).Square().Mean();

    /// <summary>
    /// Mean of r²/2 where |r| ≤ δ and δ·(|r| − δ/2) elsewhere, r = prediction − target. Source: Huber, Ann. Math. Statist. 35, 1964.
    /// </summary>
    public static Tensor Huber(Tensor prediction, Tensor target, double delta = 1)
    {
        Tensor r = prediction - target, size = r.Abs();
        return Ops.Where(size <= delta, 0.5 * r.Square(), delta * (size - 0.5 * delta)).Mean();
    }

    /// <summary>
    /// Softmax cross-entropy −log softmax(logits)[label], averaged over the batch. With label smoothing ε the target is (1 − ε)·[label] + ε/classes.
    /// Shape: logits [batch…, classes], integer labels [batch…] → []. Source of smoothing: Szegedy et al., arXiv:1512.00567, §7.
    /// </summary>
    public static Tensor CrossEntropy(Tensor logits, Tensor labels, double smoothing = 0)
    {
        Tensor logarithms = logits.LogSoftmax(), loss = -logarithms.TakeLast(labels).Mean();
        return smoothing == 0 ? loss : (1 - smoothing) * loss - smoothing * logarithms.Mean();
    }

    /// <summary>
    /// Kullback–Leibler divergence Σ p·(log p − log q) of distributions given by logarithms, such as <c>LogSoftmax</c>, averaged over the batch; terms with
    /// p = 0 are 0. Shape: [batch…, classes] twice → [].
    /// </summary>
    public static Tensor KullbackLeibler(Tensor logP, Tensor logQ)
    {
        Tensor impossible = logP.Equal(double.NegativeInfinity);
        Tensor ratio = Ops.Where(impossible, logP.ZerosLike(), logP) - Ops.Where(impossible, logP.ZerosLike(), logQ);
        return (logP.Exp() * ratio).Sum(-1).Mean();
    }

    /// <summary>Mean of max(0, 1 − target·score), targets ±1; derivative 0 at the corner.</summary>
    public static Tensor Hinge(Tensor scores, Tensor targets) => (1 - scores * targets).Relu().Mean();

    /// <summary>Mean of log(1 + e^(−target·score)), targets ±1, without overflow.</summary>
    public static Tensor Logistic(Tensor scores, Tensor targets) => (-(scores * targets)).Softplus().Mean();

    /// <summary>Cross-entropy of logits of two classes with targets in [0, 1], averaged, without overflow.</summary>
    public static Tensor BinaryCrossEntropy(Tensor logits, Tensor targets) => (logits.Softplus() - logits * targets).Mean();

    /// <summary>Share of rows whose largest logit is at the label. Shape: logits [batch…, classes], integer labels [batch…] → [], f32.</summary>
    public static Tensor Accuracy(Tensor logits, Tensor labels) => logits.ArgMax().Equal(labels.To(DType.I32)).To(DType.F32).Mean();

    /// <summary>
    /// −ΔR = R_c − γ₂·½ log det(I + γ₁α ZᵀZ), the negative coding rate reduction of features by class: made small, it expands all features together and compresses
    /// each class. The caller normalises the features to unit length. For self-supervision the augmentations of one image are a class, with γ₁ = 20 and γ₂ = 0.05.
    /// Shape: features [batch…, n, d], labels [batch…, n] → [batch…]. Source: Yu et al., arXiv:2006.08558, §2.2 and §3.3.
    /// </summary>
    /// <param name="features">One sample a row (the transpose of Z in <see cref="CodingRate"/>).</param>
    /// <param name="labels">i32 or i64: the class of each row, in [0, classes). They may change from step to step.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="epsilonSquared">ε², the squared precision; 0.5 in the paper.</param>
    /// <param name="gamma1">γ₁, inside the rate of all samples.</param>
    /// <param name="gamma2">γ₂, the weight of that rate.</param>
    public static Tensor MaximalCodingRateReduction(Tensor features, Tensor labels, int classes, double epsilonSquared = 0.5, double gamma1 = 1, double gamma2 = 1) =>
        -CodingRate.Reduction(features.T, labels, classes, epsilonSquared, gamma1, gamma2);

    /// <inheritdoc cref="MaximalCodingRateReduction(Tensor, Tensor, int, double, double, double)"/>
    public static Tensor MaximalCodingRateReduction(
        Tensor features, ReadOnlySpan<int> labels, int classes, double epsilonSquared = 0.5, double gamma1 = 1, double gamma2 = 1) =>
        -CodingRate.Reduction(features.T, labels, classes, epsilonSquared, gamma1, gamma2);
}
