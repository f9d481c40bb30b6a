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
    /// <exception cref="ShapeException">NB0686: Z is not a matrix of floats with one label for each column, or there is no class; NB0584: k·n does not fit 31 bits.</exception>
    /// <exception cref="NumericException">NB0680: a label outside [0, k); NB0687: a feature is not finite.</exception>
    public static NearestMean Fit(Tensor z, ReadOnlySpan<int> labels, int classes)
    {
        CheckSamples("nearest_mean", z, labels.Length, classes);
        Tensor members = CodingRate.Memberships(labels, classes, z.DType), counts = members.Sum(1).ExpandDims(1);
        return new NearestMean(members.MatMul(z.T) / counts.Maximum(1), counts > 0);
    }

    /// <summary>The class of each column, i32. Shape: [d, n] → [n].</summary>
    /// <exception cref="ShapeException">NB0686: Z is not a matrix of floats with d rows.</exception>
    /// <exception cref="NumericException">NB0687: a feature is not finite.</exception>
    public Tensor Predict(Tensor z)
    {
        CheckFeatures("nearest_mean", z, Means.Shape[1]);
        Tensor distances = Means.Square().Sum(1).ExpandDims(1) - 2 * Means.MatMul(z);                // ‖z − μ‖² − ‖z‖²: [k, n]
        return Ops.Where(_present, distances, Tensor.Full(distances.Shape, double.PositiveInfinity, distances.DType)).ArgMin(0);
    }

    /// <summary>Share of columns that <see cref="Predict"/> gives their label; a label that is no class counts as an error.</summary>
    /// <exception cref="ShapeException">NB0686: Z does not fit, or there is not one label for each column, or no column.</exception>
    /// <exception cref="NumericException">NB0687: a feature is not finite.</exception>
    public double Accuracy(Tensor z, ReadOnlySpan<int> labels) => Agreement("nearest_mean", z, Predict(z), labels);

    /// <summary>Refuses features [d, n] from which nothing can be fitted.</summary>
    internal static void CheckSamples(string operation, Tensor z, int labels, int classes)
    {
        if (z.Rank != 2 || !z.DType.IsFloat || labels != z.Shape[1] || labels == 0 || classes < 1)
            throw ReduNetErrors.Classified(operation, z.Aval, $"f32 or f64 [d, n] with one label for each column, n ≥ 1, and at least one class; given {labels} labels and {classes} classes");
        CheckFinite(operation, z);
    }

    /// <summary>Refuses features that are not of the dimension fitted.</summary>
    internal static void CheckFeatures(string operation, Tensor z, int dimension)
    {
        if (z.Rank != 2 || !z.DType.IsFloat || z.Shape[0] != dimension) throw ReduNetErrors.Classified(operation, z.Aval, $"f32 or f64 [{dimension}, n]");
        CheckFinite(operation, z);
    }

    /// <summary>Values that are known now are looked at, those of a function under transformation are not.</summary>
    /// <exception cref="NumericException">NB0687.</exception>
    internal static void CheckFinite(string operation, Tensor x)
    {
        if (x is not DenseTensor) return;
        double[] values = x.ToDoubles();
        int bad = Array.FindIndex(values, v => !double.IsFinite(v));
        if (bad >= 0) throw ReduNetErrors.Value(operation, x.Aval, bad, values[bad]);
    }

    /// <summary>Share of predictions, i32 [n], that are the label.</summary>
    internal static double Agreement(string operation, Tensor z, Tensor predictions, ReadOnlySpan<int> labels)
    {
        if (labels.Length != predictions.Shape[0] || labels.Length == 0) throw ReduNetErrors.Classified(operation, z.Aval, $"one column for each of {labels.Length} labels, at least one");
        int[] predicted = predictions.ToArray<int>();
        int right = 0;
        for (int i = 0; i < predicted.Length; i++) right += predicted[i] == labels[i] ? 1 : 0;
        return (double)right / predicted.Length;
    }
}
