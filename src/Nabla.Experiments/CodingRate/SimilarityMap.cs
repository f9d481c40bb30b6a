using Nabla.Experiments.Report;

namespace Nabla.Experiments.CodingRates;

/// <summary>The picture by which the papers show features: absolute cosines between samples sorted by class.</summary>
internal static class SimilarityMap
{
    /// <summary>|ZᵀZ| of unit columns.</summary>
    /// <param name="name">Above the map.</param>
    /// <param name="z">Features [d, n], one sample a column, sorted by class.</param>
    /// <param name="at">Where the samples lie on the axes; null: 0, 1, ….</param>
    /// <param name="axis">What the axes count.</param>
    public static HeatMapFigure Of(string name, Tensor z, double[]? at, string axis = "sample")
    {
        int n = z.Shape[1];
        double[] cosines = z.T.MatMul(z).Abs().ToDoubles();
        var values = new double[n, n];
        System.Buffer.BlockCopy(cosines, 0, values, 0, cosines.Length * sizeof(double));
        return new HeatMapFigure(name, axis, axis, new Axis("|cos|", Min: 0, Max: 1), values) { Xs = at, Ys = at, FirstRowOnTop = true, SquareCells = true };
    }

    /// <summary>The same for the first few samples of each class, with class numbers on the axes.</summary>
    /// <param name="name">Above the map.</param>
    /// <param name="z">Features [d, n], one sample a column.</param>
    /// <param name="labels">Their classes.</param>
    /// <param name="classes">k.</param>
    /// <param name="most">Samples of each class at most.</param>
    public static HeatMapFigure ByClass(string name, Tensor z, int[] labels, int classes, int most)
    {
        int each = Math.Min(most, Enumerable.Range(0, classes).Min(c => labels.Count(l => l == c)));
        int[] columns = [.. Enumerable.Range(0, classes).SelectMany(c => Enumerable.Range(0, labels.Length).Where(i => labels[i] == c).Take(each))];
        double[] at = [.. Enumerable.Range(0, columns.Length).Select(i => (i + 0.5) / each - 0.5)];
        return Of(name, z.Take(Tensor.From(columns), 1), at, "class");
    }
}
