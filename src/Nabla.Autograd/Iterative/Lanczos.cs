namespace Nabla.Iterative;

/// <summary>
/// A symmetric operator compressed to the Krylov space of a vector: Qᵀ·A·Q = T, tridiagonal, A·Q = Q·T + β·q·eₘᵀ.
/// </summary>
/// <param name="Diagonal">α₁ … αₘ of T.</param>
/// <param name="OffDiagonal">β₁ … βₘ₋₁ of T, ≥ 0.</param>
/// <param name="Basis">q₁ … qₘ as rows, [m, n], orthonormal.</param>
/// <param name="Residual">βₘ = ‖A·Q − Q·T‖; 0 if the space is invariant.</param>
public sealed record LanczosResult(double[] Diagonal, double[] OffDiagonal, Tensor Basis, double Residual)
{
    private readonly Lazy<(double[] Values, double[] Vectors)> _eigen = new(() => Lanczos.Eigen(Diagonal, OffDiagonal));

    /// <summary>m: the steps asked for, or fewer if the space became invariant.</summary>
    public int Steps => Diagonal.Length;

    /// <summary>True if A maps the space to itself: every Ritz value is an eigenvalue, up to rounding.</summary>
    public bool IsInvariant => Residual == 0;

    /// <summary>Eigenvalues of T, ascending: approximations of eigenvalues of A, best at the ends of the spectrum.</summary>
    public double[] RitzValues => _eigen.Value.Values;

    /// <summary>Squared first elements of T's eigenvectors: the weights of Gauss quadrature of the start vector's spectral measure. They sum to 1.</summary>
    public double[] Weights => [.. Enumerable.Range(0, Steps).Select(i => _eigen.Value.Vectors[i] * _eigen.Value.Vectors[i])];

    /// <summary>|βₘ·sₘᵢ| for each Ritz value: within this distance of it lies an eigenvalue of A.</summary>
    public double[] ResidualBounds => [.. Enumerable.Range(0, Steps).Select(i => Math.Abs(Residual * _eigen.Value.Vectors[(Steps - 1) * Steps + i]))];

    /// <summary>Ritz vectors as rows, [m, n], in the order of <see cref="RitzValues"/>.</summary>
    public Tensor RitzVectors => Tensor.From(_eigen.Value.Vectors, [Steps, Steps]).To(Basis.DType).T.MatMul(Basis);
}

/// <summary>
/// The method of Lanczos with full reorthogonalisation: a host loop, one product a step and 8·m·n flops to keep the basis orthogonal; memory m·n doubles.
/// Source: Lanczos (1950); Parlett, The symmetric eigenvalue problem, §13; Golub and Van Loan, §10.1 and §10.3.
/// </summary>
public static class Lanczos
{
    /// <summary>
    /// At most <paramref name="steps"/> steps from a start vector. It stops early when the Krylov space becomes invariant.
    /// </summary>
    /// <param name="matrix">v ↦ A·v on vectors [n], symmetric: only its symmetric action is seen.</param>
    /// <param name="start">The first direction, [n], not 0; f32 or f64.</param>
    /// <param name="steps">m; more than n are never taken.</param>
    /// <exception cref="ShapeException">NB0142: the operator does not keep the shape and element type; NB0143: an argument is out of range.</exception>
    /// <exception cref="NumericException">NB0630: a product is not finite; NB0631: the start vector is 0 or not finite.</exception>
    public static LanczosResult Run(Func<Tensor, Tensor> matrix, Tensor start, int steps)
    {
        if (start.Rank != 1) throw AutogradErrors.BadParameter("lanczos", "the start must be a vector", start.Aval);
        var a = new HostOperator("lanczos", matrix, start.Shape[0], start.DType);
        a.Require(steps, "the number of steps");
        var process = new LanczosProcess(a, start.ToDoubles(), []);
        while (process.Steps < steps && process.Step()) { }
        return process.Result();
    }

    /// <summary>Eigenvalues, ascending, and eigenvectors (row-major, in columns) of a tridiagonal matrix.</summary>
    internal static (double[] Values, double[] Vectors) Eigen(IReadOnlyList<double> diagonal, IReadOnlyList<double> offDiagonal)
    {
        int m = diagonal.Count;
        var t = new double[m * m];
        for (int i = 0; i < m; i++)
        {
            t[i * m + i] = diagonal[i];
            if (i + 1 < m) t[i * m + i + 1] = t[(i + 1) * m + i] = offDiagonal[i];
        }
        (Tensor values, Tensor vectors) = Tensor.From(t, [m, m]).Eigh();
        return (values.ToDoubles(), vectors.ToDoubles());
    }
}

/// <summary>The recurrence, step by step, orthogonal to given vectors.</summary>
internal sealed class LanczosProcess
{
    private readonly HostOperator _a;
    private readonly IReadOnlyList<double[]> _locked;
    private readonly List<double[]> _basis = [];
    private readonly List<double> _alpha = [], _beta = [];
    private double[] _next;
    private double _scale;

    public LanczosProcess(HostOperator a, double[] start, IReadOnlyList<double[]> locked)
    {
        (_a, _locked, _next) = (a, locked, start);
        double norm = Vectors.Norm(start);
        if (!(norm > 0) || !double.IsFinite(norm)) throw AutogradErrors.StartVector(a.Method, norm);
        Vectors.Scale(start, 1 / norm);
        Vectors.Orthogonalise(start, locked);
        norm = Vectors.Norm(start);
        if (norm < 1e-8) throw AutogradErrors.StartVector(a.Method, norm);
        Vectors.Scale(start, 1 / norm);
    }

    public int Steps => _basis.Count;

    /// <summary>The last β: how far the space is from being invariant.</summary>
    public double Residual => Steps == 0 ? double.PositiveInfinity : _beta[^1];

    /// <summary>One step; false if the space is invariant, now or before.</summary>
    public bool Step()
    {
        if (Steps > 0 && _beta[^1] == 0) return false;
        _basis.Add(_next);
        double[] w = _a.Apply(_next);
        double size = Vectors.Norm(w), alpha = Vectors.Dot(_next, w);
        _alpha.Add(alpha);
        _scale = Math.Max(_scale, size);
        Vectors.Orthogonalise(w, _locked);
        Vectors.Orthogonalise(w, _basis);
        double beta = Vectors.Norm(w);
        // What is left after cancellation to rounding is noise of the products, not a direction.
        bool invariant = Steps + _locked.Count >= _a.Size || beta <= 32 * _a.Roundoff * _scale;
        _beta.Add(invariant ? 0 : beta);
        if (invariant) return false;
        Vectors.Scale(w, 1 / beta);
        _next = w;
        return true;
    }

    public LanczosResult Result() => new([.. _alpha], [.. _beta.Take(Steps - 1)], _a.ToRows(_basis), _beta[^1]);

    /// <summary>
    /// Ritz pairs at the lower end (or the upper one): value, residual bound, and a way to the vector.
    /// </summary>
    public (double Value, double Bound, double[] Coefficients)[] Ends(int count, bool upper)
    {
        int m = Steps;
        (double[] values, double[] vectors) = Lanczos.Eigen(_alpha, _beta);
        return [.. Enumerable.Range(0, Math.Min(count, m)).Select(i =>
        {
            int at = upper ? m - 1 - i : i;
            double[] coefficients = [.. Enumerable.Range(0, m).Select(k => vectors[k * m + at])];
            return (values[at], Math.Abs(_beta[^1] * coefficients[^1]), coefficients);
        })];
    }

    public double[] Vector(double[] coefficients) => Vectors.Combine(_basis, coefficients);
}
