namespace Nabla.Iterative;

/// <summary>Which end of a spectrum.</summary>
public enum SpectrumEnd
{
    /// <summary>The largest eigenvalues, descending.</summary>
    Largest,

    /// <summary>The smallest eigenvalues, negative ones first, ascending.</summary>
    Smallest,
}

/// <summary>The eigenvalue of largest magnitude.</summary>
/// <param name="Value">vᵀ·A·v.</param>
/// <param name="Vector">v, [n], of unit length.</param>
/// <param name="Residual">‖A·v − Value·v‖: within this distance of the value lies an eigenvalue.</param>
/// <param name="Iterations">Products.</param>
/// <param name="Converged">Whether the residual is at most tolerance·|Value|.</param>
public sealed record DominantEigenvalue(double Value, Tensor Vector, double Residual, int Iterations, bool Converged);

/// <summary>Some eigenvalues at one end of a spectrum.</summary>
/// <param name="Values">The eigenvalues, outermost first, each as often as it occurs.</param>
/// <param name="Vectors">Orthonormal eigenvectors as rows, [count, n].</param>
/// <param name="Residuals">‖A·v − λ·v‖, computed from the vectors: within this distance of λ lies an eigenvalue.</param>
/// <param name="Products">Products with the operator.</param>
/// <param name="Converged">Whether all residual bounds fell below the tolerance, and a search beside the vectors found nothing further out.</param>
public sealed record Eigenpairs(double[] Values, Tensor Vectors, double[] Residuals, int Products, bool Converged);

/// <summary>
/// Eigenvalues of symmetric operators, matrix-free: host loops of one product a step; vectors are kept in double precision, products have the element type
/// of the operator. Starts are random, from a key.
/// </summary>
public static class Eigenvalues
{
    /// <summary>
    /// Power iteration: the error of the vector falls by |λ₂/λ₁| a step, that of the value by its square. It does not converge if λ and −λ are both dominant.
    /// </summary>
    /// <param name="matrix">v ↦ A·v on vectors [n].</param>
    /// <param name="size">n.</param>
    /// <param name="key">Chooses the start.</param>
    /// <param name="tolerance">Bound of the residual, relative to the eigenvalue.</param>
    /// <param name="maxIterations">Most products.</param>
    /// <param name="dtype">Element type of the operator.</param>
    /// <exception cref="ShapeException">NB0142: the operator does not keep the shape and element type; NB0143: an argument is out of range.</exception>
    /// <exception cref="NumericException">NB0630: a product is not finite.</exception>
    public static DominantEigenvalue Dominant(Func<Tensor, Tensor> matrix, int size, RandomKey key, double tolerance = 1e-6, int maxIterations = 1000,
        DType dtype = DType.F32)
    {
        HostOperator a = new HostOperator("power_iteration", matrix, size, dtype).Require(maxIterations, "the number of iterations", tolerance);
        double[] v = a.RandomUnit(key);
        while (true)
        {
            double[] w = a.Apply(v);
            double value = Vectors.Dot(v, w), length = Vectors.Norm(w);
            double[] gap = [.. w];
            Vectors.Add(gap, v, -value);
            double residual = Vectors.Norm(gap);
            bool converged = residual <= tolerance * Math.Abs(value);
            if (converged || a.Applications >= maxIterations || length == 0)
                return new DominantEigenvalue(value, a.ToTensor(v), residual, a.Applications, converged);
            Vectors.Scale(w, 1 / length);
            v = w;
        }
    }

    /// <summary>
    /// The outermost eigenvalues at one end by Lanczos' method, grown until the residual bounds of the wanted Ritz values are small enough. One Krylov space
    /// shows one vector of a repeated eigenvalue: so the search is repeated beside the vectors found until nothing is further out.
    /// </summary>
    /// <param name="matrix">v ↦ A·v on vectors [n].</param>
    /// <param name="size">n.</param>
    /// <param name="key">Chooses the starts.</param>
    /// <param name="count">How many eigenvalues; at most n.</param>
    /// <param name="end">Which end.</param>
    /// <param name="tolerance">Bound of the residual, relative to the largest Ritz value by magnitude.</param>
    /// <param name="maxSteps">Most steps of one search, which keeps as many vectors; default 300 + 10·count.</param>
    /// <param name="dtype">Element type of the operator.</param>
    /// <inheritdoc cref="Dominant"/>
    public static Eigenpairs Extreme(Func<Tensor, Tensor> matrix, int size, RandomKey key, int count = 1, SpectrumEnd end = SpectrumEnd.Largest,
        double tolerance = 1e-6, int? maxSteps = null, DType dtype = DType.F32)
    {
        HostOperator a = new HostOperator("extreme_eigenvalues", matrix, size, dtype).Require(count, "the number of eigenvalues", tolerance);
        if (count > size) throw AutogradErrors.IterationArgument(a.Method, $"{count} eigenvalues of {size} are asked for");
        a.Require(maxSteps ?? 300 + 10 * count, "the number of steps");
        return new Search(a, key, count, end == SpectrumEnd.Largest, tolerance, maxSteps ?? 300 + 10 * count).Run();
    }

    private sealed class Search(HostOperator a, RandomKey key, int count, bool upper, double tolerance, int maxSteps)
    {
        private readonly List<double[]> _vectors = [];
        private readonly List<double> _values = [];
        private double _scale;

        public Eigenpairs Run()
        {
            bool converged = true, complete = false;
            for (int round = 0; converged && !complete; round++)
            {
                var process = new LanczosProcess(a, a.RandomUnit(key.FoldIn(round)), _vectors);
                int wanted = Math.Max(1, count - _values.Count);
                (converged, (double Value, double Bound, double[] Coefficients)[] ends) = Grow(process, wanted);
                complete = _values.Count >= count && !Beyond(ends[0].Value);
                if (!complete)
                    foreach ((double value, _, double[] coefficients) in ends) Keep(value, process.Vector(coefficients));
                complete |= _vectors.Count >= a.Size;
            }
            return Best(converged && complete);
        }

        // Steps until the wanted Ritz values are settled, or it is clear that the search finds nothing further out than what is known.
        private (bool Settled, (double Value, double Bound, double[] Coefficients)[] Ends) Grow(LanczosProcess process, int wanted)
        {
            for (int look = wanted + 1; ; look += 1 + look / 8)
            {
                bool going = true;
                while (going && process.Steps < Math.Min(look, maxSteps)) going = process.Step();
                (double Value, double Bound, double[] Coefficients)[] ends = process.Ends(wanted, upper);
                _scale = Math.Max(_scale, ends.Max(e => Math.Abs(e.Value)));
                _scale = Math.Max(_scale, Math.Abs(process.Ends(1, !upper)[0].Value));
                // Bounds cannot fall below the rounding of the products.
                double bound = Math.Max(tolerance, 8 * a.Roundoff) * _scale;
                bool settled = ends.Length == wanted && ends.All(e => e.Bound <= bound);
                bool nothing = _values.Count >= count && !Beyond(ends[0].Value + (upper ? 10 : -10) * ends[0].Bound);
                if (settled || nothing || !going) return (true, ends);
                if (process.Steps >= maxSteps) return (false, ends);
            }
        }

        // Whether a value is further out than the last of those wanted.
        private bool Beyond(double value)
        {
            double last = Order(_values).ElementAt(count - 1), margin = Math.Max(tolerance, 8 * a.Roundoff) * _scale;
            return upper ? value > last + margin : value < last - margin;
        }

        private void Keep(double value, double[] vector)
        {
            Vectors.Orthogonalise(vector, _vectors);
            double length = Vectors.Norm(vector);
            if (length < 0.5) return;
            Vectors.Scale(vector, 1 / length);
            _vectors.Add(vector);
            _values.Add(value);
        }

        private IEnumerable<double> Order(IEnumerable<double> values) => upper ? values.OrderDescending() : values.Order();

        private Eigenpairs Best(bool converged)
        {
            int[] order = [.. Enumerable.Range(0, _values.Count).OrderBy(i => upper ? -_values[i] : _values[i]).Take(count)];
            double[] residuals = [.. order.Select(i =>
            {
                double[] product = a.Apply(_vectors[i]);
                Vectors.Add(product, _vectors[i], -_values[i]);
                return Vectors.Norm(product);
            })];
            return new Eigenpairs([.. order.Select(i => _values[i])], a.ToRows([.. order.Select(i => _vectors[i])]), residuals, a.Applications, converged);
        }
    }
}
