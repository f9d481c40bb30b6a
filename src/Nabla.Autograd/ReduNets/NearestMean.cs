namespace Nabla;

/// <summary>Classifies a feature by the nearest class mean: argmin_j ‖z − μ_j‖. Source: Chan et al., arXiv:2105.10446, §5.</summary>
public sealed class NearestMean
{
    private NearestMean(Tensor means, Tensor present) => (Means, _present) = (means, present);

    private readonly Tensor _present;

    /// <summary>μ_j. Shape: [k, d]; zeros for a class without samples, which is never predicted.</summary>
    public Tensor Means { get; }

    /// <summary>The means of labelled features.</summary>
    /// <param name="z">Features [d, n], one sample a column.</param>
    /// <param name="labels">The class of each column.</param>
    /// <param name="classes">k.</param>
    /// <exception cref="NumericException">NB0680: a label outside [0, k).</exception>
    public static NearestMean Fit(Tensor z, ReadOnlySpan<int> labels, int classes)
    {
        Tensor members = CodingRate.Memberships(labels, classes, z.DType), counts = members.Sum(1).ExpandDims(1);
        return new NearestMean(members.MatMul(z.T) / counts.Maximum(1), counts > 0);
    }

    /// <summary>The class of each column, i32. Shape: [d, n] → [n].</summary>
    public Tensor Predict(Tensor z)
    {
        Tensor distances = Means.Square().Sum(1).ExpandDims(1) - 2 * Means.MatMul(z);                // ‖z − μ‖² − ‖z‖²: [k, n]
        return Ops.Where(_present, distances, Tensor.Full(distances.Shape, double.PositiveInfinity, distances.DType)).ArgMin(0);
    }

    /// <summary>Share of columns that <see cref="Predict"/> gives their label.</summary>
    public double Accuracy(Tensor z, ReadOnlySpan<int> labels) => Agreement(Predict(z), labels);

    /// <summary>Share of predictions, i32 [n], that are the label.</summary>
    internal static double Agreement(Tensor predictions, ReadOnlySpan<int> labels)
    {
        int[] predicted = predictions.ToArray<int>();
        int right = 0;
        for (int i = 0; i < predicted.Length; i++) right += predicted[i] == labels[i] ? 1 : 0;
        return (double)right / predicted.Length;
    }
}
