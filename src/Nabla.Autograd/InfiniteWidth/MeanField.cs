namespace Nabla.InfiniteWidth;

/// <summary>
/// Signal propagation in wide random networks z′ = Wφ(z) + b, W_ij ~ N(0, σw²/n), b_i ~ N(0, σb²): the maps of length and correlation from layer to
/// layer, their fixed points, and how fast they are approached. All in f64 on the host.
/// </summary>
/// <remarks>Sources: Poole et al., arXiv:1606.05340; Schoenholz et al., arXiv:1611.01232.</remarks>
public static class MeanField
{
    /// <summary>E f(x) for x ~ N(0, q): about 100 evaluations of f, more for large q. The integrand must not grow faster than a Gaussian beyond 10√q.</summary>
    /// <param name="f">f: smooth away from the kinks on the scale of 1 inside |x| ≤ 12, and on the scale of √q outside.</param>
    /// <param name="q">Variance, ≥ 0.</param>
    /// <param name="kinks">Where f is not smooth; 0 by default.</param>
    public static double Expect(Func<double, double> f, double q, params ReadOnlySpan<double> kinks)
    {
        double sigma = Math.Sqrt(Variance(q)), sum = 0;
        if (q == 0) return f(0);
        (double[] nodes, double[] weights) = GaussianQuadrature.Line([(0, sigma)], kinks.IsEmpty ? [0] : kinks, []);
        for (int i = 0; i < nodes.Length; i++) sum += weights[i] * f(sigma * nodes[i]);
        return sum;
    }

    /// <summary>E f(u)g(v) for centred Gaussians u, v of variances q1, q2 and covariance k: about 15,000 evaluations of g, fewer where |k| = √(q1·q2).</summary>
    public static double Expect(Func<double, double> f, Func<double, double> g, double q1, double q2, double k, params ReadOnlySpan<double> kinks)
    {
        PlaneRule rule = GaussianQuadrature.Plane(Variance(q1), Variance(q2), k, kinks.IsEmpty ? [0] : kinks);
        return rule.Sum(Array.ConvertAll(rule.U, u => f(u)), [.. rule.V.Select(g)]);
    }

    /// <summary>The variance of the next layer's pre-activations: V(q) = σw²·E φ² + σb². Source: arXiv:1606.05340, eq. 3.</summary>
    public static double LengthMap(MeanFieldActivation activation, double weightVariance, double biasVariance, double q) =>
        weightVariance * activation.Square(q) + biasVariance;

    /// <summary>
    /// The cosine of two inputs in the next layer, both of length q in this layer and in the next: (σw²·E φ(u)φ(v) + σb²)/q, for cosine c here. Source:
    /// arXiv:1606.05340, eq. 5.
    /// </summary>
    public static double CorrelationMap(MeanFieldActivation activation, double weightVariance, double biasVariance, double q, double c) =>
        (weightVariance * activation.Product(q, q, c * q) + biasVariance) / q;

    /// <summary>
    /// χ = σw²·E φ′(u)φ′(v) at length q and cosine c: the slope of the correlation map, and, for c = 1, the growth of squared gradients and perturbations
    /// per layer. Source: arXiv:1606.05340, eq. 6; arXiv:1611.01232, §3.
    /// </summary>
    public static double Chi(MeanFieldActivation activation, double weightVariance, double q, double c = 1) =>
        weightVariance * (c == 1 ? activation.SlopeSquare(q) : activation.SlopeProduct(q, q, c * q));

    /// <summary>
    /// The largest stable fixed point of the length map: where lengths that start large end. 0 if they die out; +∞ if none is met below 10¹², as for ReLU with
    /// σw² ≥ 2.
    /// </summary>
    public static double QStar(MeanFieldActivation activation, double weightVariance, double biasVariance)
    {
        _ = (Variance(weightVariance), Variance(biasVariance));
        double Excess(double q) => LengthMap(activation, weightVariance, biasVariance, q) - q;
        double high = 1;
        while (Excess(high) >= 0)
            if ((high *= 2) > 1e12) return double.PositiveInfinity;
        double low = high;
        while (Excess(low) < 0)
            if ((low /= 2) < 1e-14) return 0;
        return Root(Excess, low, Math.Min(high, 2 * low));
    }

    /// <summary>
    /// The stable fixed point of the correlation map at length q: 1 if χ(1) ≤ 1, in the ordered phase; in the chaotic phase the one below 1 that is nearest.
    /// </summary>
    public static double CStar(MeanFieldActivation activation, double weightVariance, double biasVariance, double q)
    {
        if (q == 0 || Chi(activation, weightVariance, q) <= 1) return 1;
        double Excess(double c) => CorrelationMap(activation, weightVariance, biasVariance, q, c) - c;
        // The map lies below the diagonal just below 1, and not below it at c = 0, where it is (σw²(E φ)² + σb²)/q: step back from 1 until above.
        if (Excess(0) <= 1e-15) return 0;
        double gap = 1e-8, high = 1;
        for (; gap < 1 && Excess(1 - gap) < 0; gap *= 4) high = 1 - gap;
        return high == 1 ? 1 : Root(c => -Excess(c), high, Math.Max(0, 1 - gap));
    }

    /// <summary>
    /// How many layers it takes until the distance from the fixed point has fallen by e: ξ_q = −1/ln V′(q*) of the length, ξ_c = −1/ln χ(c*) of the cosine.
    /// +∞ on the critical line. Source: arXiv:1611.01232, eqs. 8 and 10.
    /// </summary>
    public static (double Length, double Correlation) DepthScales(MeanFieldActivation activation, double weightVariance, double biasVariance)
    {
        double q = QStar(activation, weightVariance, biasVariance);
        if (q == 0 || !double.IsFinite(q)) return (double.NaN, double.NaN);
        double rate = weightVariance * activation.Growth(q) / q;
        double chi = Chi(activation, weightVariance, q, CStar(activation, weightVariance, biasVariance, q));
        return (Depth(rate), Depth(chi));
    }

    /// <summary>
    /// The point of the critical line χ = 1 with the given bias variance: σw², and the length q* there. With σb² = 0, the limit q → 0: 1/φ′(0)² for
    /// saturating functions, 2 for ReLU.
    /// </summary>
    /// <exception cref="InfiniteWidthException">NB0534: there is no such point, as for ReLU with σb² > 0.</exception>
    public static (double WeightVariance, double Length) CriticalSigmaW(MeanFieldActivation activation, double biasVariance)
    {
        if (Variance(biasVariance) == 0) return (1 / activation.SlopeSquare(1e-30), 0);
        // On the critical line σw² = 1/E φ′², which leaves one equation for the length.
        double Excess(double q) => activation.Square(q) / activation.SlopeSquare(q) + biasVariance - q;
        double high = biasVariance;
        while (Excess(high) >= 0)
            if ((high *= 1.5) > 1e6) throw InfiniteWidthErrors.NoCriticalPoint(activation.Name, biasVariance);
        double length = Root(Excess, high / 1.5, high);
        return (1 / activation.SlopeSquare(length), length);
    }

    // The root of a function that is ≥ 0 at one end and below 0 at the other, by Ridders' method: the secant of f·eˣᵘ through both ends and the middle.
    private static double Root(Func<double, double> f, double above, double below)
    {
        (double high, double low, double last) = (f(above), f(below), double.NaN);
        for (int i = 0; i < 60 && high > 0; i++)
        {
            double middle = (above + below) / 2, value = f(middle), scale = Math.Sqrt(value * value - high * low);
            double x = scale > 0 ? middle + (middle - above) * value / scale : middle, at = f(x);
            if (Math.Abs(x - last) <= 1e-15 * Math.Abs(x)) return x;
            last = x;
            foreach ((double place, double height) in ((double, double)[])[(middle, value), (x, at)])
            {
                if (height >= 0 && Math.Abs(place - below) < Math.Abs(above - below)) (above, high) = (place, height);
                else if (height < 0 && Math.Abs(place - above) < Math.Abs(below - above)) (below, low) = (place, height);
            }
            if (Math.Abs(above - below) <= 1e-15 * Math.Abs(above)) break;
        }
        return above;
    }

    private static double Depth(double rate) => rate == 1 ? double.PositiveInfinity : -1 / Math.Log(rate);

    private static double Variance(double q) => q >= 0 && double.IsFinite(q) ? q : throw InfiniteWidthErrors.NotAVariance(q);
}
