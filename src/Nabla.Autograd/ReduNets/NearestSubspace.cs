namespace Nabla;

/// <summary>
/// Classifies a feature by the linear subspace that keeps most of it: argmin_j ‖(I − U_j U_jᵀ)z‖, U_j the leading left singular vectors of class j's
/// columns. The columns are not centred: the subspaces pass through the origin. Directions with σ² ≤ d·2⁻⁵²·σ₁² are zero to rounding and left out, so that a class that spans fewer
/// dimensions than asked keeps its own. Source: Yu et al., arXiv:2006.08558, §3.1.
/// </summary>
public sealed class NearestSubspace
{
    private const double MachineEpsilon = 1.0 / (1L << 52);
    private readonly Tensor _present;

    private NearestSubspace(Tensor bases, Tensor spectra, Tensor present) => (Bases, Spectra, _present) = (bases, spectra, present);

    /// <summary>The directions of each class. Shape: [k, rank, d]; zeros for directions left out, and for a class without samples, which is never predicted.</summary>
    public Tensor Bases { get; }

    /// <summary>Squared singular values σ² of each class's columns, largest first. Shape: [k, d].</summary>
    public Tensor Spectra { get; }

    /// <summary>The subspaces of labelled features, by eigendecomposition of each Z_j Z_jᵀ in double precision.</summary>
    /// <param name="z">Features [d, n], one sample a column.</param>
    /// <param name="labels">The class of each column.</param>
    /// <param name="classes">k.</param>
    /// <param name="rank">Dimension of each subspace, 1 to d.</param>
    /// <exception cref="ShapeException">
    /// NB0684: the rank is out of range; NB0686: Z is not a matrix of floats with one label for each column, or there is no class; NB0699: k·d² does not fit 31 bits.
    /// </exception>
    /// <exception cref="NumericException">NB0680: a label outside [0, k); NB0687: a feature is not finite.</exception>
    public static NearestSubspace Fit(Tensor z, ReadOnlySpan<int> labels, int classes, int rank)
    {
        NearestMean.CheckSamples("nearest_subspace", z, labels.Length, classes);
        CodingRate.CheckRange(labels, classes);
        int d = z.Shape[0];
        if ((Int128)classes * d * d > int.MaxValue) throw ReduNetErrors.TooLarge($"the second moments [{classes},{d},{d}]", (Int128)classes * d * d);
        int[] known = labels.ToArray();
        Tensor rows = z.T.To(DType.F64);
        return FromMoments(Ops.Stack([.. Enumerable.Range(0, classes).Select(j =>
        {
            Tensor own = rows.Take(Tensor.From([.. Enumerable.Range(0, known.Length).Where(i => known[i] == j)], device: z.Device));
            return own.T.MatMul(own);
        })]), rank);
    }

    /// <summary>The subspaces of second moments Z_j Z_jᵀ, such as those that <see cref="ReduNet.FromMoments"/> gives. Shape: [k, d, d].</summary>
    /// <param name="moments">Z_j Z_jᵀ; zeros for a class without samples, which then takes no sample.</param>
    /// <param name="rank">Dimension of each subspace, 1 to d.</param>
    /// <exception cref="ShapeException">NB0684: the rank is out of range; NB0686: these are not square matrices of floats.</exception>
    /// <exception cref="NumericException">NB0687: a moment is not finite.</exception>
    public static NearestSubspace FromMoments(Tensor moments, int rank)
    {
        if (moments.Rank != 3 || !moments.DType.IsFloat || moments.Shape[1] != moments.Shape[2] || moments.Shape[0] < 1)
            throw ReduNetErrors.Classified("nearest_subspace", moments.Aval, "second moments, f32 or f64 [k, d, d], k ≥ 1");
        int d = moments.Shape[1];
        if (rank < 1 || rank > d) throw ReduNetErrors.Setting("nearest_subspace", "the rank", rank, $"1 to {d}");
        NearestMean.CheckFinite("nearest_subspace", moments);
        (Tensor values, Tensor vectors) = moments.To(DType.F64).Eigh();                                       // ascending: [k, d], [k, d, d]
        Tensor leading = vectors.Slice(.., .., (d - rank)..).Reverse(2).T;                                    // [k, rank, d]
        Tensor spectra = values.Reverse(1), largest = spectra.Slice(.., ..1);
        Tensor own = (spectra.Slice(.., ..rank) > d * MachineEpsilon * largest).To(DType.F64).ExpandDims(2);     // [k, rank, 1]
        return new NearestSubspace(leading * own, spectra, largest > 0);
    }

    /// <inheritdoc cref="NearestMean.Predict"/>
    public Tensor Predict(Tensor z)
    {
        NearestMean.CheckFeatures("nearest_subspace", z, Bases.Shape[2]);
        Tensor kept = Bases.MatMul(z.To(DType.F64)).Square().Sum(1);                                          // [k, n]
        return Ops.Where(_present, kept, Tensor.Full(kept.Shape, -1.0, DType.F64)).ArgMax(0);
    }

    /// <inheritdoc cref="NearestMean.Accuracy"/>
    public double Accuracy(Tensor z, ReadOnlySpan<int> labels) => NearestMean.Agreement("nearest_subspace", z, Predict(z), labels);
}
