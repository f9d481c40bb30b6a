namespace Nabla.Experiments.Measure;

/// <summary>How far parameters have moved.</summary>
public static class Distances
{
    /// <summary>
    /// Relative distance ‖θ − θ₀‖/‖θ₀‖ of several tensors taken as one vector, member by member. Shape: each [members, …] → [members].
    /// Source: Luo, Xu, Ma and Zhang, arXiv:2007.07497.
    /// </summary>
    /// <param name="start">θ₀: its parts.</param>
    /// <param name="end">θ: its parts, of the same shapes.</param>
    public static double[] Relative(Tensor[] start, Tensor[] end)
    {
        Tensor moved = SquaredNorm([.. start.Zip(end, (before, after) => after - before)]);
        return (moved / SquaredNorm(start)).Sqrt().ToDoubles();
    }

    private static Tensor SquaredNorm(Tensor[] parts) =>
        parts.Select(p => p.Square().Reshape([p.Shape[0], -1]).Sum(1)).Aggregate((a, b) => a + b);
}
