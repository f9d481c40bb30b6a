namespace Nabla.Iterative;

/// <summary>
/// The distribution of the eigenvalues of a symmetric operator by stochastic Lanczos quadrature: each random probe gives a Gauss quadrature with as many
/// nodes as steps, exact for polynomials of degree 2·steps − 1 under the probe's own spectral measure, whose mean over probes is the density. Source:
/// Golub and Meurant, Matrices, moments and quadrature (1994); Ubaru, Chen and Saad (2017); Ghorbani, Krishnan and Xiao, arXiv:1901.10159, alg. 1.
/// </summary>
/// <param name="Size">n.</param>
/// <param name="Nodes">Ritz values of each probe.</param>
/// <param name="Weights">Their weights, which sum to 1 for each probe.</param>
/// <param name="Products">Products with the operator.</param>
public sealed record SpectralDensity(int Size, double[][] Nodes, double[][] Weights, int Products)
{
    /// <summary>Runs Lanczos' method from random signs: a host loop of probes·steps products.</summary>
    /// <param name="matrix">v ↦ A·v on vectors [n].</param>
    /// <param name="size">n.</param>
    /// <param name="key">Chooses the probes.</param>
    /// <param name="probes">How many; the error of averages falls with its root.</param>
    /// <param name="steps">Nodes of each; more resolve finer structure. 80 in Ghorbani et al.</param>
    /// <param name="dtype">Element type of the operator.</param>
    /// <exception cref="ShapeException">NB0142: the operator does not keep the shape and element type; NB0143: an argument is out of range.</exception>
    /// <exception cref="NumericException">NB0630: a product is not finite.</exception>
    public static SpectralDensity Estimate(Func<Tensor, Tensor> matrix, int size, RandomKey key, int probes = 10, int steps = 80, DType dtype = DType.F32)
    {
        var a = new HostOperator("spectral_density", matrix, size, dtype);
        a.Require(probes, "the number of probes").Require(steps, "the number of steps");
        var (nodes, weights) = (new double[probes][], new double[probes][]);
        for (int i = 0; i < probes; i++)
        {
            var process = new LanczosProcess(a, a.Signs(key.FoldIn(i)), []);
            while (process.Steps < steps && process.Step()) { }
            LanczosResult result = process.Result();
            (nodes[i], weights[i]) = (result.RitzValues, result.Weights);
        }
        return new SpectralDensity(size, nodes, weights, a.Applications);
    }

    /// <summary>
    /// The density at the points of a grid, each node widened to a Gaussian of standard deviation <paramref name="sigma"/>; its integral is 1.
    /// </summary>
    public double[] Density(ReadOnlySpan<double> grid, double sigma)
    {
        if (!(sigma > 0)) throw AutogradErrors.IterationArgument("spectral_density", $"the width is {sigma}; expected a number above 0");
        var density = new double[grid.Length];
        double height = 1 / (Nodes.Length * sigma * Math.Sqrt(2 * Math.PI));
        for (int p = 0; p < Nodes.Length; p++)
            for (int i = 0; i < Nodes[p].Length; i++)
                for (int g = 0; g < density.Length; g++)
                {
                    double z = (grid[g] - Nodes[p][i]) / sigma;
                    density[g] += height * Weights[p][i] * Math.Exp(-0.5 * z * z);
                }
        return density;
    }

    /// <summary>Evenly spaced points from the smallest node to the largest, and <paramref name="margin"/> beyond them on both sides.</summary>
    public double[] Grid(int points, double margin)
    {
        if (points < 2) throw AutogradErrors.IterationArgument("spectral_density", $"the number of grid points is {points}; expected at least 2");
        double low = Nodes.Min(n => n.Min()) - margin, high = Nodes.Max(n => n.Max()) + margin;
        return [.. Enumerable.Range(0, points).Select(i => low + (high - low) * i / (points - 1))];
    }

    /// <summary>tr f(A) = Σ f(λ), for example the log-determinant with f = log.</summary>
    public TraceEstimate Trace(Func<double, double> function) => TraceEstimate.Of(0,
        [.. Nodes.Select((nodes, p) => Size * nodes.Select((node, i) => Weights[p][i] * function(node)).Sum())], Products);
}
