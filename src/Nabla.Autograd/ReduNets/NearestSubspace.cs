namespace Nabla;

/// <summary>
/// Classifies a feature by the linear subspace that keeps most of it: argmin_j ‖(I − U_j U_jᵀ)z‖, U_j the leading left singular vectors of class j's
/// columns. The columns are not centred: the subspaces pass through the origin. Source: Yu et al., arXiv:2006.08558, §3.1.
/// </summary>
public sealed class NearestSubspace
{
    private NearestSubspace(Tensor bases, Tensor spectra) => (Bases, Spectra) = (bases, spectra);

    /// <summary>The directions of each class. Shape: [k, rank, d]; zeros for a class without samples.</summary>
    public Tensor Bases { get; }

    /// <summary>Squared singular values σ² of each class's columns, largest first. Shape: [k, d].</summary>
    public Tensor Spectra { get; }

    /// <summary>The subspaces of labelled features, by eigendecomposition of each Z_j Z_jᵀ in double precision.</summary>
    /// <param name="z">Features [d, n], one sample a column.</param>
    /// <param name="labels">The class of each column.</param>
    /// <param name="classes">k.</param>
    /// <param name="rank">Dimension of each subspace.</param>
    public static NearestSubspace Fit(Tensor z, ReadOnlySpan<int> labels, int classes, int rank)
    {
        int n = z.Shape[1];
        ArgumentOutOfRangeException.ThrowIfNotEqual(labels.Length, n);
        Tensor columns = z.To(DType.F64), masks = CodingRate.Memberships(labels, classes, DType.F64);
        return FromMoments((columns * masks.ExpandDims(1)).MatMul(columns.T), rank);
    }

    /// <summary>The subspaces of second moments Z_j Z_jᵀ, such as those that <see cref="ReduNet.FromMoments"/> gives. Shape: [k, d, d].</summary>
    /// <param name="moments">Z_j Z_jᵀ; zeros for a class without samples, which then takes no sample.</param>
    /// <param name="rank">Dimension of each subspace.</param>
    public static NearestSubspace FromMoments(Tensor moments, int rank)
    {
        int d = moments.Shape[1];
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rank, d);
        (Tensor values, Tensor vectors) = moments.To(DType.F64).Eigh();                                       // ascending: [k, d], [k, d, d]
        Tensor leading = vectors.Slice(.., .., (d - rank)..).Reverse(2).T;                                    // [k, rank, d]
        Tensor present = (values.Sum(1) > 0).To(DType.F64).Reshape(-1, 1, 1);
        return new NearestSubspace(leading * present, values.Reverse(1));
    }

    /// <summary>The class of each column, i32. Shape: [d, n] → [n].</summary>
    public Tensor Predict(Tensor z) => Bases.MatMul(z.To(DType.F64)).Square().Sum(1).ArgMax(0);

    /// <summary>Share of columns that <see cref="Predict"/> gives their label.</summary>
    public double Accuracy(Tensor z, ReadOnlySpan<int> labels) => NearestMean.Agreement(Predict(z), labels);
}
