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
}
