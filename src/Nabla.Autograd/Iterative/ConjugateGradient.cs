namespace Nabla.Iterative;

/// <summary>What <see cref="ConjugateGradient.Solve"/> found.</summary>
/// <param name="X">The solution, or the best approximation so far.</param>
/// <param name="ResidualNorm">‖b − (A + λI)·x‖, computed afresh at the end.</param>
/// <param name="Iterations">Steps taken.</param>
/// <param name="Converged">Whether the residual norm is at most tolerance·‖b‖.</param>
/// <param name="NegativeCurvature">A direction d with dᵀ·(A + λI)·d ≤ 0, of unit length, if one was met; else null. The operator is then not positive definite.</param>
public sealed record ConjugateGradientResult(Tensor X, double ResidualNorm, int Iterations, bool Converged, Tensor? NegativeCurvature);

/// <summary>
/// Linear systems with a symmetric positive definite operator by the method of conjugate gradients. Source: Hestenes and Stiefel (1952); Golub and
/// Van Loan, §11.3 and §11.5.
/// </summary>
public static class ConjugateGradient
{
    /// <summary>
    /// Solves (A + λI)·x = b. A host loop, one product a step; vectors are kept in double precision, products have the element type of b.
    /// </summary>
    /// <param name="matrix">v ↦ A·v on vectors [n], such as those of <see cref="Curvature"/>.</param>
    /// <param name="b">The right-hand side, [n], f32 or f64.</param>
    /// <param name="tolerance">Relative to ‖b‖.</param>
    /// <param name="maxIterations">Default: 2n + 10; in exact arithmetic n are enough.</param>
    /// <param name="damping">λ.</param>
    /// <param name="preconditioner">v ↦ M⁻¹·v, symmetric positive definite, with M near A + λI.</param>
    /// <param name="start">Where to begin; default 0.</param>
    /// <exception cref="ShapeException">NB0142: a function does not keep the shape and element type of b; NB0143: an argument is out of range.</exception>
    /// <exception cref="NumericException">NB0630: a product, or b, is not finite.</exception>
    public static ConjugateGradientResult Solve(Func<Tensor, Tensor> matrix, Tensor b, double tolerance = 1e-6, int? maxIterations = null, double damping = 0,
        Func<Tensor, Tensor>? preconditioner = null, Tensor? start = null)
    {
        if (b.Rank != 1) throw AutogradErrors.BadParameter("conjugate_gradient", "the right-hand side must be a vector", b.Aval);
        var a = new HostOperator("conjugate_gradient", matrix, b.Shape[0], b.DType);
        int most = maxIterations ?? 2 * a.Size + 10;
        a.Require(most, "the number of iterations", tolerance);
        if (!double.IsFinite(damping)) throw AutogradErrors.IterationArgument(a.Method, $"the damping is {damping}; expected a finite number");
        if (start is not null && start.Aval != b.Aval) throw AutogradErrors.OperatorShape(a.Method, b.Aval, start.Aval);
        double[] right = b.ToDoubles();
        if (!Array.TrueForAll(right, double.IsFinite)) throw AutogradErrors.OperatorNotFinite(a.Method, b.Aval, 0);
        var m = preconditioner is null ? null : new HostOperator("preconditioner", preconditioner, a.Size, b.DType);
        return new Run(a, m, right, damping, tolerance * Vectors.Norm(right)).Solve(start?.ToDoubles(), most);
    }

    private sealed class Run(HostOperator a, HostOperator? m, double[] b, double damping, double bound)
    {
        private double[] _x = [], _r = [];
        private int _iterations;

        public ConjugateGradientResult Solve(double[]? start, int most)
        {
            _x = start ?? new double[b.Length];
            _r = start is null ? [.. b] : Residual();
            double norm = Vectors.Norm(_r), before = double.PositiveInfinity;
            double[]? negative = null;
            // The residual is carried along, and drifts from the true one: what it promises is checked, and the iteration taken up again from there.
            while (norm > bound && norm < 0.5 * before && _iterations < most && negative is null)
            {
                before = norm;
                negative = Descend(most);
                _r = Residual();
                norm = Vectors.Norm(_r);
            }
            return new ConjugateGradientResult(a.ToTensor(_x), norm, _iterations, norm <= bound, negative is null ? null : a.ToTensor(negative));
        }

        // Until the carried residual is small enough; or the direction of negative curvature that stopped it.
        private double[]? Descend(int most)
        {
            double[] z = Precondition(), p = [.. z];
            double rz = Positive(Vectors.Dot(_r, z));
            while (_iterations < most && Vectors.Norm(_r) > bound)
            {
                double[] ap = Apply(p);
                double curvature = Vectors.Dot(p, ap);
                if (curvature <= 0)
                {
                    Vectors.Scale(p, 1 / Vectors.Norm(p));
                    return p;
                }
                double step = rz / curvature;
                Vectors.Add(_x, p, step);
                Vectors.Add(_r, ap, -step);
                z = Precondition();
                double next = Positive(Vectors.Dot(_r, z));
                Vectors.Scale(p, next / rz);
                Vectors.Add(p, z, 1);
                rz = next;
                _iterations++;
            }
            return null;
        }

        private double[] Apply(double[] v)
        {
            double[] product = a.Apply(v);
            if (damping != 0) Vectors.Add(product, v, damping);
            return product;
        }

        private double[] Residual()
        {
            double[] r = Apply(_x);
            for (int i = 0; i < r.Length; i++) r[i] = b[i] - r[i];
            return r;
        }

        private double[] Precondition() => m is null ? _r : m.Apply(_r);

        private double Positive(double rz) =>
            rz >= 0 ? rz : throw AutogradErrors.IterationArgument(a.Method, $"the preconditioner is not positive definite: rᵀ·M⁻¹·r = {rz}");
    }
}
