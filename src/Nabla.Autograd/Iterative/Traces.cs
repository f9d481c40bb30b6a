namespace Nabla.Iterative;

/// <summary>A trace from random probes.</summary>
/// <param name="Value">The estimate, without bias.</param>
/// <param name="StandardError">Its standard deviation, estimated from the spread of the probes; NaN for a single one, 0 if nothing is left to chance.</param>
/// <param name="Products">Products with the operator.</param>
public readonly record struct TraceEstimate(double Value, double StandardError, int Products)
{
    /// <summary>The mean of independent samples.</summary>
    internal static TraceEstimate Of(double offset, double[] samples, int products)
    {
        double mean = samples.Length == 0 ? 0 : samples.Average(), spread = samples.Sum(s => (s - mean) * (s - mean));
        double error = samples.Length switch { 0 => 0, 1 => double.NaN, int m => Math.Sqrt(spread / (m - 1) / m) };
        return new TraceEstimate(offset + mean, error, products);
    }
}

/// <summary>Traces of symmetric operators by products with random vectors of signs ±1, in host loops.</summary>
public static class Traces
{
    /// <summary>
    /// The mean of zᵀ·A·z. Variance 2·(‖A‖² − Σ Aᵢᵢ²)/probes in the Frobenius norm: 0 for diagonal operators. Source: Hutchinson (1990); Girard (1989).
    /// </summary>
    /// <param name="matrix">v ↦ A·v on vectors [n].</param>
    /// <param name="size">n.</param>
    /// <param name="key">Chooses the probes.</param>
    /// <param name="probes">How many, one product each.</param>
    /// <param name="dtype">Element type of the operator.</param>
    /// <exception cref="ShapeException">NB0142: the operator does not keep the shape and element type; NB0143: an argument is out of range.</exception>
    /// <exception cref="NumericException">NB0630: a product is not finite.</exception>
    public static TraceEstimate Hutchinson(Func<Tensor, Tensor> matrix, int size, RandomKey key, int probes, DType dtype = DType.F32)
    {
        HostOperator a = new HostOperator("hutchinson", matrix, size, dtype).Require(probes, "the number of probes");
        double[] samples = [.. Enumerable.Range(0, probes).Select(i => Form(a, a.Signs(key.FoldIn(i))))];
        return TraceEstimate.Of(0, samples, a.Applications);
    }

    /// <summary>
    /// Hutch++: exact on the range of A·S for a third of the products, Hutchinson's method beside it. The error falls with 1/products for positive semidefinite
    /// operators, instead of its root. Source: Meyer, Musco, Musco and Woodruff, Hutch++: optimal stochastic trace estimation (SOSA 2021), alg. 1.
    /// </summary>
    /// <param name="matrix">v ↦ A·v on vectors [n].</param>
    /// <param name="size">n.</param>
    /// <param name="key">Chooses the probes.</param>
    /// <param name="products">Most products, at least 3.</param>
    /// <param name="dtype">Element type of the operator.</param>
    /// <inheritdoc cref="Hutchinson"/>
    public static TraceEstimate HutchPlusPlus(Func<Tensor, Tensor> matrix, int size, RandomKey key, int products, DType dtype = DType.F32)
    {
        HostOperator a = new HostOperator("hutch++", matrix, size, dtype).Require(products / 3, "a third of the number of products");
        var range = new List<double[]>();
        for (int i = 0; i < products / 3 && range.Count < size; i++) Extend(range, a.Apply(a.Signs(key.FoldIn(2 * i))), a.Roundoff);
        double captured = range.Sum(q => Form(a, q));
        if (range.Count == size) return new TraceEstimate(captured, 0, a.Applications);
        var samples = new double[products - 2 * (products / 3)];
        for (int i = 0; i < samples.Length; i++)
        {
            double[] g = a.Signs(key.FoldIn(2 * i + 1));
            Vectors.Orthogonalise(g, range);
            samples[i] = Form(a, g);
        }
        return TraceEstimate.Of(captured, samples, a.Applications);
    }

    private static double Form(HostOperator a, double[] z) => Vectors.Dot(z, a.Apply(z));

    // Adds what a vector has beside an orthonormal set, unless that is rounding.
    private static void Extend(List<double[]> range, double[] vector, double roundoff)
    {
        double before = Vectors.Norm(vector);
        Vectors.Orthogonalise(vector, range);
        double after = Vectors.Norm(vector);
        if (!(after > 32 * roundoff * before)) return;
        Vectors.Scale(vector, 1 / after);
        Vectors.Orthogonalise(vector, range);
        Vectors.Scale(vector, 1 / Vectors.Norm(vector));
        range.Add(vector);
    }
}
