namespace Nabla.Nn;

/// <summary>Losses: scalars that training makes small.</summary>
public static class Losses
{
    /// <summary>Mean of (prediction − target)² over all elements.</summary>
    public static Tensor MeanSquaredError(Tensor prediction, Tensor target) => (prediction - target).Square().Mean();

    /// <summary>
    /// Softmax cross-entropy −log softmax(logits)[label], averaged over the batch. Shape: logits [batch…, classes], integer labels [batch…] → [].
    /// </summary>
    public static Tensor CrossEntropy(Tensor logits, Tensor labels) => -logits.LogSoftmax().TakeLast(labels).Mean();

    /// <summary>Cross-entropy of logits of two classes with targets in [0, 1], averaged, without overflow.</summary>
    public static Tensor BinaryCrossEntropy(Tensor logits, Tensor targets) => (logits.Softplus() - logits * targets).Mean();

    /// <summary>Share of rows whose largest logit is at the label. Shape: logits [batch…, classes], integer labels [batch…] → [], f32.</summary>
    public static Tensor Accuracy(Tensor logits, Tensor labels) => logits.ArgMax().Equal(labels.To(DType.I32)).To(DType.F32).Mean();

    /// <summary>
    /// −ΔR, the negative coding rate reduction of features by class: made small, it expands all features together and compresses each class. The caller
    /// normalises the features to unit length. Shape: features [batch, d], one label for each → []. Source: Yu et al., arXiv:2006.08558, §2.2.
    /// </summary>
    /// <param name="features">One sample a row (the transpose of Z in <see cref="CodingRate"/>).</param>
    /// <param name="labels">The class of each row, in [0, classes).</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="epsilonSquared">ε², the squared precision; 0.5 in the paper.</param>
    public static Tensor MaximalCodingRateReduction(Tensor features, ReadOnlySpan<int> labels, int classes, double epsilonSquared = 0.5) =>
        -CodingRate.Reduction(features.T, labels, classes, epsilonSquared);
}
