namespace Nabla;

/// <summary>The orders in which a second derivative can be taken; they agree to rounding and differ in cost.</summary>
public enum HvpOrder
{
    /// <summary>The tangent of the gradient: the cheapest, and no more memory than a gradient.</summary>
    ForwardOverReverse,
    /// <summary>The gradient of the directional derivative.</summary>
    ReverseOverForward,
    /// <summary>The gradient of ⟨∇f, v⟩: keeps the most; works where a function has no forward rule.</summary>
    ReverseOverReverse,
}

public static partial class Transforms
{
    /// <summary>
    /// Hessian–vector product ∇²f(x)·v without a matrix: forward over reverse, about twice the cost of a gradient, unless another order is asked for.
    /// Source: Pearlmutter, Neural Computation 6(1), 1994.
    /// </summary>
    public static TIn Hvp<TIn>(Func<TIn, Tensor> function, TIn point, TIn direction, HvpOrder order = HvpOrder.ForwardOverReverse) => order switch
    {
        HvpOrder.ForwardOverReverse => Jvp(Grad(function), point, direction).Tangent,
        HvpOrder.ReverseOverForward => Grad((TIn x) => Jvp(function, x, direction).Tangent)(point),
        _ => Grad((TIn x) => (Tree.Ravel(Grad(function)(x)).Vector * Tree.Ravel(direction).Vector).Sum())(point),
    };

    /// <summary>Second derivatives of a scalar function, forward over reverse. Shape: f [in…] → [] gives [in…, in…].</summary>
    public static Func<Tensor, Tensor> Hessian(Func<Tensor, Tensor> function) => JacobianForward(Grad(function));

    /// <summary>
    /// The Hessian of a scalar function of a tree as one matrix over the elements of all its float leaves, leaf after leaf in row-major order. The gradient is
    /// linearised once, then applied to <paramref name="block"/> unit vectors at a time: memory for a block of rows is block times that of a gradient.
    /// Shape: P float elements → [P, P], in the order of <see cref="Tree.Ravel{T}"/>.
    /// </summary>
    /// <exception cref="TraceException">NB0506: the tree has no float leaf.</exception>
    public static Tensor Hessian<TIn>(Func<TIn, Tensor> function, TIn point, int block = 64)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(block, 1);
        (Tensor flat, Func<Tensor, TIn> unravel) = Tree.Ravel(point);
        (_, Func<Tensor, Tensor> along) = Linearize(Grad((Tensor x) => function(unravel(x))), flat);
        int size = flat.Shape[0];
        Tensor units = Ops.Eye(size, flat.DType);
        return Ops.Concatenate([.. Enumerable.Range(0, (size + block - 1) / block).Select(k =>
            Vmap(along)(units.Slice((k * block)..Math.Min(size, (k + 1) * block))))]);
    }
}
