namespace Nabla.InfiniteWidth;

/// <summary>Means over random networks, with their standard errors. Shapes: [n1, n2].</summary>
/// <param name="Nngp">Mean of the products of outputs.</param>
/// <param name="NngpError">Its standard error.</param>
/// <param name="Ntk">Mean of the empirical tangent kernels; null if not asked for.</param>
/// <param name="NtkError">Its standard error.</param>
/// <param name="Draws">Number of networks.</param>
public sealed record KernelEstimate(Tensor Nngp, Tensor NngpError, Tensor? Ntk, Tensor? NtkError, int Draws)
{
    /// <summary>
    /// An estimate at infinite width from this one and one at twice the width, 2·wide − this: the error of order 1/width cancels, that of order 1/width² and the noise
    /// of both remain. Source: Richardson's deferred approach to the limit.
    /// </summary>
    public KernelEstimate Extrapolate(KernelEstimate wide)
    {
        static Tensor Error(Tensor narrow, Tensor wide) => (4 * wide.Square() + narrow.Square()).Sqrt();
        return new(2 * wide.Nngp - Nngp, Error(NngpError, wide.NngpError), Ntk is null ? null : 2 * wide.Ntk! - Ntk, NtkError is null ? null : Error(NtkError, wide.NtkError!),
            Math.Min(Draws, wide.Draws));
    }

    /// <summary>The largest |estimate − expected|/standard error over all entries of K, and over those of Θ.</summary>
    public (double Nngp, double Ntk) LargestZ(Tensor nngp, Tensor? ntk)
    {
        static double Largest(Tensor estimate, Tensor error, Tensor expected) => ((estimate - expected).Abs() / error).Max().ToDouble();
        return (Largest(Nngp, NngpError, nngp), Ntk is null || ntk is null ? double.NaN : Largest(Ntk, NtkError!, ntk));
    }
}

/// <summary>Kernels estimated from finite random networks: for layers without a closed form, and as a test of those with one.</summary>
public static class MonteCarlo
{
    /// <summary>
    /// Draws networks and averages their kernels, traced over outputs. The bias against infinite width is O(1/width), none for one hidden layer. f64.
    /// </summary>
    /// <param name="network">The network; outputs of any shape count as one axis.</param>
    /// <param name="key">Fixes the draws.</param>
    /// <param name="x1">First inputs.</param>
    /// <param name="x2">Second inputs; null: the first.</param>
    /// <param name="draws">Number of networks, at least 2.</param>
    /// <param name="ntk">Whether to estimate Θ too.</param>
    /// <exception cref="InfiniteWidthException">NB0538: fewer than two draws.</exception>
    public static KernelEstimate Estimate(Layer network, RandomKey key, Tensor x1, Tensor? x2 = null, int draws = 100, bool ntk = true)
    {
        if (draws < 2) throw InfiniteWidthErrors.TooFew("number of draws", draws, 2);
        (Tensor a, Tensor? b) = (x1.To(DType.F64), x2?.To(DType.F64));
        Shape input = Shape.Create(a.Shape.Dims[1..]);
        var (nngp, tangent) = (new RunningMean(), new RunningMean());
        for (int draw = 0; draw < draws; draw++)
        {
            Tensor[] parameters = network.Init(key.FoldIn(draw), input).Parameters;
            nngp.Add(Empirical.Nngp((Tensor[] p, Tensor x) => network.Apply(p, x), parameters, a, b));
            if (ntk) tangent.Add(Empirical.Ntk(network, parameters, a, b, method: parameters.Length == 0 ? NtkMethod.Auto : NtkMethod.Structured));
        }
        return new(nngp.Mean, nngp.StandardError, ntk ? tangent.Mean : null, ntk ? tangent.StandardError : null, draws);
    }

    // Welford's recurrence.
    private sealed class RunningMean
    {
        private Tensor? _mean;
        private Tensor? _squares;
        private int _count;

        public Tensor Mean => _mean!;

        public Tensor StandardError => (_squares! / ((_count - 1.0) * _count)).Sqrt();

        public void Add(Tensor value)
        {
            _count++;
            Tensor before = _mean ?? value.ZerosLike(), change = value - before;
            _mean = before + change / _count;
            _squares = (_squares ?? value.ZerosLike()) + change * (value - _mean);
        }
    }
}
