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
        _ => Grad((TIn x) => Dot(Grad(function)(x), direction))(point),
    };

    /// <summary>Second derivatives of a scalar function, forward over reverse. Shape: f [in…] → [] gives [in…, in…].</summary>
    public static Func<Tensor, Tensor> Hessian(Func<Tensor, Tensor> function) => JacobianForward(Grad(function));

    /// <summary>
    /// The Hessian of a scalar function of a tree as one matrix over the elements of all its float leaves, leaf after leaf in row-major order. The gradient is
    /// linearised once, then applied to <paramref name="block"/> unit vectors at a time: memory for a block of rows is block times that of a gradient.
    /// Shape: P float elements → [P, P], of the type of the gradient.
    /// </summary>
    /// <exception cref="TraceException">NB0506: the tree has no float leaf.</exception>
    public static Tensor Hessian<TIn>(Func<TIn, Tensor> function, TIn point, int block = 64)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(block, 1);
        (Tensor[] leaves, TreeStructure<TIn> structure) = Tree.Flatten(point);
        (_, Func<TIn, TIn> along) = Linearize(Grad(function), point);
        int[] floats = [.. Enumerable.Range(0, leaves.Length).Where(i => leaves[i].DType.IsFloat)];
        int size = floats.Sum(i => checked((int)leaves[i].Count));
        Tensor Row(Tensor unit)
        {
            Tensor[] direction = [.. leaves];
            int start = 0;
            foreach (int i in floats)
            {
                int count = (int)leaves[i].Count;
                direction[i] = unit.Slice(start..(start + count)).Reshape(leaves[i].Shape).To(leaves[i].DType);
                start += count;
            }
            Tensor[] rates = Tree.Leaves(along(structure.Unflatten(direction)));
            return Ops.Concatenate([.. floats.Select(i => rates[i].Reshape([(int)rates[i].Count]))], 0);
        }
        Tensor units = Ops.Eye(size, leaves[floats[0]].DType);
        return Ops.Concatenate([.. Enumerable.Range(0, (size + block - 1) / block).Select(k =>
            Vmap<Tensor, Tensor>(Row)(units.Slice((k * block)..Math.Min(size, (k + 1) * block))))], 0);
    }

    // Σ ⟨a, b⟩ over the float leaves.
    private static Tensor Dot<T>(T a, T b) => Tree.Leaves(a).Zip(Tree.Leaves(b)).Where(p => p.First.DType.IsFloat)
        .Select(p => (p.First * p.Second).Sum()).Aggregate((sum, term) => sum + term);
}
