namespace Nabla.InfiniteWidth;

/// <summary>
/// Rules for Gaussian expectations in one and two dimensions: composite Gauss–Legendre on |z| ≤ 10, 16 nodes a panel, with breaks at the kinks of the
/// functions and where their arguments leave |x| ≤ 12. There a saturating function has become flat, however wide the Gaussian: a rule without these
/// breaks, such as Gauss–Hermite, misses the narrow feature in the middle.
/// </summary>
/// <remarks>
/// Panels are at most 10/3 wide in z and, inside |x| ≤ 12, at most 2.4 wide in x: tanh, with its poles at ±iπ/2, and erf are then exact to 10⁻¹⁵. The Gaussian
/// weight that is left out is 1.5·10⁻²³.
/// </remarks>
internal static class GaussianQuadrature
{
    /// <summary>Cosines at or above this count as 1: rounding leaves nothing better of an angle below 6·10⁻⁸.</summary>
    public const double Touching = 1 - 1.0 / (1L << 49);

    private const double Edge = 10, Flat = 12, WidestInZ = 10.0 / 3 + 1e-9, WidestInX = 2.4, WidestBeyond = 9.6;
    private const int Order = 16, MostBeyond = 16;
    private static readonly (double[] Nodes, double[] Weights) Legendre = GaussLegendre(Order);

    /// <summary>Nodes z and weights with E f(m + σz) ≈ Σ w·f(m + σz) for functions of the arguments m + σz given; the weights contain the density.</summary>
    public static (double[] Nodes, double[] Weights) Line(ReadOnlySpan<(double Mean, double Sigma)> arguments, ReadOnlySpan<double> kinks, ReadOnlySpan<double> cuts)
    {
        List<double> breaks = [-Edge, Edge, .. cuts];
        foreach ((double mean, double sigma) in arguments)
        {
            if (sigma == 0) continue;
            foreach (double x in (ReadOnlySpan<double>)[-Flat, Flat, .. kinks]) breaks.Add((x - mean) / sigma);
        }
        breaks.RemoveAll(z => !(Math.Abs(z) <= Edge));
        breaks.Sort();
        var (nodes, weights) = (new List<double>(), new List<double>());
        for (int i = 1; i < breaks.Count; i++)
            if (breaks[i] - breaks[i - 1] > 1e-14) Divide(breaks[i - 1], breaks[i], arguments, nodes, weights);
        return ([.. nodes], [.. weights]);
    }

    /// <summary>
    /// E f(u) f′(v) over centred Gaussians with variances q1, q2 and covariance k: nodes for u, and for each of them nodes for v. On the line |k| = √(q1·q2),
    /// and where a variance is 0, one node for v belongs to each for u.
    /// </summary>
    public static PlaneRule Plane(double q1, double q2, double k, ReadOnlySpan<double> kinks)
    {
        (double a, double b) = (Math.Sqrt(q1), Math.Sqrt(q2));
        double c = Cosine(a * b, k), s = Math.Sqrt((1 - c) * (1 + c));
        double along = b * c, across = b * s;
        // Averaging over z₂ rounds a kink of f′ at x off to the width s/c about z₁ = x/(b·c).
        var cuts = new List<double>();
        if (c != 0 && b > 0)
            foreach (double x in kinks)
                foreach (double r in (ReadOnlySpan<double>)[-10, -6.5, -3, 3, 6.5, 10]) cuts.Add(x / along + r * s / Math.Abs(c));
        (double[] z1, double[] w1) = Line([(0, a), (0, along)], kinks, cuts.ToArray());
        var rule = new PlaneRule(Array.ConvertAll(z1, z => a * z), w1);
        foreach (double z in z1)
        {
            double mean = along * z;
            if (across == 0)
            {
                rule.Add(mean);
                continue;
            }
            (double[] z2, double[] w2) = Line([(mean, across)], kinks, []);
            rule.Add(Array.ConvertAll(z2, t => mean + across * t), w2);
        }
        return rule;
    }

    /// <summary>k/root in [−1, 1]; 0 for root = 0.</summary>
    public static double Cosine(double root, double k)
    {
        double c = root == 0 ? 0 : k / root;
        return Math.Abs(c) >= Touching ? Math.Sign(c) : c;
    }

    private static void Divide(
        double from, double to, ReadOnlySpan<(double Mean, double Sigma)> arguments, List<double> nodes, List<double> weights)
    {
        double width = to - from, middle = (from + to) / 2, parts = width / WidestInZ;
        foreach ((double mean, double sigma) in arguments)
        {
            bool inside = Math.Abs(mean + sigma * middle) < Flat;
            double x = width * Math.Abs(sigma);
            parts = Math.Max(parts, inside ? x / WidestInX : Math.Min(x / WidestBeyond, MostBeyond));
        }
        int count = Math.Max(1, (int)Math.Ceiling(parts));
        double half = width / count / 2;
        for (int panel = 0; panel < count; panel++)
        {
            double centre = from + (2 * panel + 1) * half;
            for (int i = 0; i < Order; i++)
            {
                double z = centre + half * Legendre.Nodes[i];
                nodes.Add(z);
                weights.Add(half * Legendre.Weights[i] * Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI));
            }
        }
    }

    // Newton's iteration on the Legendre polynomial from Chebyshev-like starting points.
    private static (double[] Nodes, double[] Weights) GaussLegendre(int n)
    {
        var (nodes, weights) = (new double[n], new double[n]);
        for (int i = 0; i < n; i++)
        {
            double x = -Math.Cos(Math.PI * (i + 0.75) / (n + 0.5)), slope = 0;
            for (int iteration = 0; iteration < 8; iteration++)
            {
                (double value, double before) = (x, 1);
                for (int j = 2; j <= n; j++) (value, before) = (((2 * j - 1) * x * value - (j - 1) * before) / j, value);
                slope = n * (x * value - before) / (x * x - 1);
                x -= value / slope;
            }
            (nodes[i], weights[i]) = (x, 2 / ((1 - x * x) * slope * slope));
        }
        return (nodes, weights);
    }
}

/// <summary>Nodes for u with weights, and for each a group of nodes for v with weights that sum to 1.</summary>
internal sealed class PlaneRule(double[] u, double[] weights)
{
    private readonly List<double> _v = [];
    private readonly List<double> _inner = [];
    private readonly List<int> _ends = [];

    /// <summary>Nodes for u.</summary>
    public double[] U => u;

    /// <summary>Nodes for v, group after group.</summary>
    public IReadOnlyList<double> V => _v;

    public void Add(double v) => Add([v], [1]);

    public void Add(double[] v, double[] inner)
    {
        _v.AddRange(v);
        _inner.AddRange(inner);
        _ends.Add(_v.Count);
    }

    /// <summary>Σ w·f·Σ w′·g for the values f at <see cref="U"/> and g at <see cref="V"/>.</summary>
    public double Sum(ReadOnlySpan<double> f, ReadOnlySpan<double> g)
    {
        double total = 0;
        for (int i = 0, j = 0; i < u.Length; i++)
        {
            double inner = 0;
            for (; j < _ends[i]; j++) inner += _inner[j] * g[j];
            total += weights[i] * f[i] * inner;
        }
        return total;
    }
}
