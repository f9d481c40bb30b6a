using Nabla.Iterative;
using static Nabla.Transforms;

namespace Nabla.InfiniteWidth;

public static partial class Empirical
{
    /// <summary>
    /// The largest eigenvalues of the tangent kernel of all samples and outputs, [n·outputs, n·outputs], which is never formed: each product with it is a VJP and a JVP
    /// on all samples. They set the largest stable learning rate.
    /// </summary>
    /// <param name="f">f(θ, x).</param>
    /// <param name="parameters">θ.</param>
    /// <param name="x">Inputs [n, …].</param>
    /// <param name="key">Chooses the start of Lanczos' method.</param>
    /// <param name="count">How many.</param>
    /// <param name="tolerance">Bound of the residual, relative to the largest.</param>
    public static Eigenpairs TopEigenvalues<TParameters>(
        Func<TParameters, Tensor, Tensor> f, TParameters parameters, Tensor x, RandomKey key, int count = 1, double tolerance = 1e-6)
    {
        var network = FlatNetwork.Of(f, parameters, x);
        Tensor Outputs(Tensor[] p) => network.Apply(p, x).Reshape(-1);
        (Tensor y, Func<Tensor, Tensor[]> pull) = Vjp((Tensor[] p) => Outputs(p), network.Parameters);
        (_, Func<Tensor[], Tensor> push) = Transforms.Linearize((Tensor[] p) => Outputs(p), network.Parameters);
        return Eigenvalues.Extreme(v => push(pull(v)), checked((int)y.Count), key, count, SpectrumEnd.Largest, tolerance, dtype: network.DType);
    }

    /// <summary>The network linear in its parameters: f(θ₀, x) + ∂f(θ₀, x)·(θ − θ₀), by one JVP. Source: Lee et al., arXiv:1902.06720, eq. 5.</summary>
    public static Func<TParameters, Tensor, Tensor> Linearize<TParameters>(Func<TParameters, Tensor, Tensor> f, TParameters origin) => TaylorExpand(f, origin, 1);

    /// <summary>
    /// The Taylor polynomial Σ_{j ≤ k} Dʲf(θ₀, x)[θ − θ₀, …]/j! of degree k, by nested JVPs: about 2ᵏ evaluations of f. Integer and boolean parameters stay at θ₀.
    /// </summary>
    /// <exception cref="InfiniteWidthException">NB0538: a negative degree.</exception>
    public static Func<TParameters, Tensor, Tensor> TaylorExpand<TParameters>(Func<TParameters, Tensor, Tensor> f, TParameters origin, int degree)
    {
        if (degree < 0) throw InfiniteWidthErrors.TooFew("degree of a Taylor polynomial", degree, 0);
        (Tensor[] start, TreeStructure<TParameters> structure) = Tree.Flatten(origin);
        return (parameters, x) =>
        {
            Tensor[] step = [.. Tree.Leaves(parameters).Zip(start, (p, s) => s.DType.IsFloat ? p - s : s)];
            Func<Tensor, Tensor> derivative = t => f(structure.Unflatten([.. start.Zip(step, (s, d) => s.DType.IsFloat ? s + t.To(s.DType) * d : s)]), x);
            Tensor zero = Tensor.Scalar(0, DType.F64), sum = derivative(zero);
            double factorial = 1;
            for (int j = 1; j <= degree; j++)
            {
                Func<Tensor, Tensor> lower = derivative;
                derivative = t => Jvp(lower, t, t.OnesLike()).Tangent;
                factorial *= j;
                sum += derivative(zero) / factorial;
            }
            return sum;
        };
    }
}
