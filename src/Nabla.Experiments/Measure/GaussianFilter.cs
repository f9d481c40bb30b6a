namespace Nabla.Experiments.Measure;

/// <summary>
/// Low and high frequencies of a function on scattered points of any dimension, without a Fourier transform: convolution with a Gaussian over the sample keeps
/// what varies slowly between neighbours, and what is left is the high part. Source: Xu et al., arXiv:1901.06523, §4 (filtering method).
/// </summary>
public static class GaussianFilter
{
    /// <summary>
    /// W with W_ij = exp(−‖xᵢ − xⱼ‖²/(2δs)) / Σₗ exp(−‖xᵢ − xₗ‖²/(2δs)), where s is the mean of ‖xᵢ − xⱼ‖² over i ≠ j. Rows add up to 1, so that constants
    /// pass unchanged; y_low = W·y. Shape: [n, d] → [n, n]. Cost: 2n²d flops and n² exponentials.
    /// </summary>
    /// <param name="points">The points, n ≥ 2.</param>
    /// <param name="delta">δ: the variance of the Gaussian in units of s. Small: only near neighbours count, and the low part keeps more detail.</param>
    public static Tensor Matrix(Tensor points, double delta)
    {
        Tensor distance = SquaredDistances(points);
        int n = points.Shape[0];
        Tensor mean = distance.Sum() / ((double)n * (n - 1));
        return (distance / (mean * (-2 * delta))).Softmax();
    }

    /// <summary>‖xᵢ − xⱼ‖² for all pairs; exactly 0 on the diagonal. Shape: [n, d] → [n, n]. Computed as ‖xᵢ‖² + ‖xⱼ‖² − 2xᵢ·xⱼ, so of absolute error ε·max‖x‖².</summary>
    public static Tensor SquaredDistances(Tensor points)
    {
        Tensor squares = points.Square().Sum(1);
        Tensor distance = (squares.ExpandDims(1) + squares.ExpandDims(0) - 2 * points.MatMul(points.T)).Maximum(0);
        return distance * (1 - Ops.Eye(points.Shape[0], points.DType));
    }
}

/// <summary>Relative errors of a function within the low and within the high part of a target, as a <see cref="GaussianFilter"/> separates them.</summary>
/// <remarks>The filter may carry leading axes, such as one filter for each seed: they broadcast against those of the function.</remarks>
public sealed class BandError
{
    private readonly Tensor _filter, _target, _low, _high;

    /// <summary>Prepares the parts of the target.</summary>
    /// <param name="filter">W […, n, n].</param>
    /// <param name="target">y [n, outputs].</param>
    public BandError(Tensor filter, Tensor target)
    {
        Tensor low = filter.MatMul(target); // […, n, outputs]
        (_filter, _target) = (filter, target);
        (_low, _high) = (low.Norm(-2, -1), (target - low).Norm(-2, -1));
    }

    /// <summary>‖y_low‖/‖y‖: how much of the target the filter lets through. Shape: […].</summary>
    public Tensor LowShare => _low / _target.Norm();

    /// <summary>
    /// e_low = ‖W(f − y)‖/‖Wy‖ and e_high = ‖(1 − W)(f − y)‖/‖(1 − W)y‖, over samples and outputs. Shape: f […, n, outputs] → twice […]. 2n²·outputs flops.
    /// </summary>
    public (Tensor Low, Tensor High) Of(Tensor f)
    {
        Tensor error = f - _target, low = _filter.MatMul(error);
        return (low.Norm(-2, -1) / _low, (error - low).Norm(-2, -1) / _high);
    }
}
