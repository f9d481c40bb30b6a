using Nabla.Autograd;

namespace Nabla.Proof;

/// <summary>Derivatives found and compared numerically, for functions from float tensors to float tensors.</summary>
internal static class Differences
{
    private const double Step = 1.0 / 512;

    /// <summary>Directions like the given tensors, uniform in (−1, 1), fixed by the seed.</summary>
    public static Tensor[] Direction(Tensor[] like, ulong seed)
    {
        var source = new SampleSource(seed);
        return Array.ConvertAll(like, x => source.Uniform(x.Shape).To(x.DType));
    }

    /// <summary>
    /// The derivative of f at x along dx by central differences with steps h, h/2 and h/4 and two Richardson extrapolations, of error O(h⁶);
    /// and how far the two extrapolations to O(h⁴) are apart, relative to the largest element: large where f is not smooth. f64 operands only.
    /// </summary>
    public static (double[][] Derivative, double Doubt) Central(Func<Tensor[], Tensor[]> f, Tensor[] x, Tensor[] dx)
    {
        double[][] coarse = Difference(f, x, dx, Step), middle = Difference(f, x, dx, Step / 2), fine = Difference(f, x, dx, Step / 4);
        double[][] first = Combine(middle, coarse, 4), second = Combine(fine, middle, 4);
        return (Combine(second, first, 16), Closeness.Relative(first, second, 1e-4 * Largest(f(x))));
    }

    /// <summary>The tangent of f at x along dx.</summary>
    public static Tensor[] Jvp(Func<Tensor[], Tensor[]> f, Tensor[] x, Tensor[] dx) => Transforms.Jvp(f, x, dx).Tangent;

    /// <summary>
    /// max|J·u − differences| relative to the largest element of either, or to 10⁻⁴ of that of f where the derivative is smaller: there differences
    /// know no more.
    /// </summary>
    public static (double Error, double Doubt) JvpError(Func<Tensor[], Tensor[]> f, Tensor[] x, ulong seed)
    {
        Tensor[] dx = Direction(x, seed);
        (double[][] expected, double doubt) = Central(f, x, dx);
        Tensor[] tangent = Jvp(f, x, dx);
        return (Closeness.Relative(Values(tangent), expected, 1e-4 * Largest(f(x))), doubt);
    }

    /// <summary>The directional derivative as a function, whose own derivative is of second order.</summary>
    public static Func<Tensor[], Tensor[]> Along(Func<Tensor[], Tensor[]> f, Tensor[] x, ulong seed)
    {
        Tensor[] dx = Direction(x, seed);
        return at => Jvp(f, at, dx);
    }

    /// <summary>|⟨v, J·u⟩ − ⟨Jᵀ·v, u⟩| relative to ‖v‖·‖J·u‖ + ‖Jᵀ·v‖·‖u‖ for random u and v.</summary>
    public static double AdjointError(Func<Tensor[], Tensor[]> f, Tensor[] x, ulong seed)
    {
        Tensor[] u = Direction(x, seed);
        Tensor[] forward = Jvp(f, x, u), v = Direction(forward, seed + 1);
        Tensor[] backward = Transforms.Vjp(f, x).Pullback(v);
        double gap = Math.Abs(Dot(v, forward) - Dot(backward, u));
        return gap == 0 ? 0 : gap / (Norm(v) * Norm(forward) + Norm(backward) * Norm(u));
    }

    /// <summary>⟨w, f(x)⟩ with random w, summed over the results: a scalar that depends on every one of them.</summary>
    public static Func<Tensor[], Tensor> Scalarised(Func<Tensor[], Tensor[]> f, ulong seed) => x =>
    {
        Tensor[] y = f(x), w = Direction(y, seed);
        return y.Zip(w, (a, b) => (a * b).Sum()).Aggregate((a, b) => a.To(b.DType) + b);
    };

    /// <summary>
    /// H·u of a scalar function in all orders: forward over reverse, reverse over forward, reverse over reverse.
    /// </summary>
    public static IReadOnlyList<Tensor[]> HessianProducts(Func<Tensor[], Tensor> s, Tensor[] x, Tensor[] u)
    {
        Func<Tensor[], Tensor[]> gradient = Transforms.Grad(s);
        return
        [
            Transforms.Jvp(gradient, x, u).Tangent,
            Transforms.Grad((Tensor[] at) => Transforms.Jvp(s, at, u).Tangent)(x),
            Transforms.Grad((Tensor[] at) => gradient(at).Zip(u, (g, d) => (g * d).Sum()).Aggregate((a, b) => a + b))(x),
        ];
    }

    /// <summary>
    /// How far the Hessian of a scalar function is from being one: its products in different orders of differentiation against each other, relative to the
    /// largest element; |⟨v, H·u⟩ − ⟨u, H·v⟩| relative to the norms.
    /// </summary>
    public static IEnumerable<(string What, double Error)> HessianErrors(Func<Tensor[], Tensor> s, Tensor[] x, ulong seed)
    {
        Tensor[] u = Direction(x, seed), v = Direction(x, seed + 1);
        IReadOnlyList<Tensor[]> products = HessianProducts(s, x, u);
        yield return ("reverse over forward", Closeness.Relative(products[1], products[0]));
        yield return ("reverse over reverse", Closeness.Relative(products[2], products[0]));
        Tensor[] other = Transforms.Jvp(Transforms.Grad(s), x, v).Tangent;
        double gap = Math.Abs(Dot(v, products[0]) - Dot(other, u));
        yield return ("symmetry", gap == 0 ? 0 : gap / (Norm(v) * Norm(products[0]) + Norm(other) * Norm(u)));
    }

    /// <summary>Σ of all products of elements, in double precision.</summary>
    public static double Dot(Tensor[] a, Tensor[] b)
    {
        double sum = 0;
        for (int k = 0; k < a.Length; k++)
        {
            double[] x = a[k].ToDoubles(), y = b[k].ToDoubles();
            for (int i = 0; i < x.Length; i++) sum += x[i] * y[i];
        }
        return sum;
    }

    /// <summary>The Euclidean norm over all elements.</summary>
    public static double Norm(Tensor[] a) => Math.Sqrt(Dot(a, a));

    /// <summary>The largest absolute value of all elements; 0 if there are none.</summary>
    public static double Largest(Tensor[] a) => a.SelectMany(t => t.ToDoubles()).Select(Math.Abs).DefaultIfEmpty().Max();

    private static double[][] Values(Tensor[] tensors) => Array.ConvertAll(tensors, t => t.ToDoubles());

    private static double[][] Difference(Func<Tensor[], Tensor[]> f, Tensor[] x, Tensor[] dx, double h)
    {
        double[][] ahead = Values(f(Moved(x, dx, h))), behind = Values(f(Moved(x, dx, -h)));
        return [.. ahead.Zip(behind, (a, b) => a.Zip(b, (p, m) => (p - m) / (2 * h)).ToArray())];
    }

    // Cancels the leading error of b, which is factor times as large as that of a.
    private static double[][] Combine(double[][] a, double[][] b, double factor) =>
        [.. a.Zip(b, (x, y) => x.Zip(y, (s, t) => (factor * s - t) / (factor - 1)).ToArray())];

    private static Tensor[] Moved(Tensor[] x, Tensor[] dx, double h) => [.. x.Zip(dx, (a, d) =>
    {
        var moved = new ReferenceArray(a.Aval);
        double[] from = a.ToDoubles(), along = d.ToDoubles();
        for (int i = 0; i < from.Length; i++) moved.Data[i] = from[i] + h * along[i];
        return (Tensor)Layouts.Dense(moved);
    })];
}
