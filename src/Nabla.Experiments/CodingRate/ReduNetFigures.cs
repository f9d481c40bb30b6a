using Nabla.Experiments.Report;

namespace Nabla.Experiments.CodingRates;

/// <summary>Pictures that the experiments with ReduNets share.</summary>
internal static class ReduNetFigures
{
    /// <summary>ΔR, R and R_c of the training features over the layers.</summary>
    public static LineFigure Rates(string title, ReduNet net, double? ceiling = null)
    {
        double[] layers = [.. Enumerable.Range(0, net.Rates.Count).Select(i => (double)i)];
        return new LineFigure(title, "layer", new Axis("rate", "nats"),
            new Series("ΔR", layers, [.. net.Rates.Select(r => r.Reduction)]) { Marker = MarkerShape.None },
            new Series("R, all samples", layers, [.. net.Rates.Select(r => r.Rate)]) { Marker = MarkerShape.None },
            new Series("R_{c}, by class", layers, [.. net.Rates.Select(r => r.ClassRate)]) { Marker = MarkerShape.None })
        {
            References = ceiling is { } c ? [ReferenceLine.AtY(c, "ceiling of ΔR")] : [],
        };
    }

    /// <summary>|cos| between the first samples of each class. Features [n, d], one sample a row.</summary>
    public static HeatMapFigure Similarity(string name, Tensor rows, int[] labels, int classes, int most = 30)
    {
        int each = Math.Min(most, Enumerable.Range(0, classes).Min(c => labels.Count(l => l == c)));
        int[] shown = [.. Enumerable.Range(0, classes).SelectMany(c => Enumerable.Range(0, labels.Length).Where(i => labels[i] == c).Take(each))];
        Tensor z = rows.Reshape([labels.Length, -1]).Take(Tensor.From(shown)).Normalize();
        var values = new double[shown.Length, shown.Length];
        System.Buffer.BlockCopy(z.MatMul(z.T).Abs().To(DType.F64).ToDoubles(), 0, values, 0, values.Length * sizeof(double));
        double[] at = [.. Enumerable.Range(0, shown.Length).Select(i => (i + 0.5) / each - 0.5)];
        return new HeatMapFigure(name, "class", "class", new Axis("|cos|", Min: 0, Max: 1), values) { Xs = at, Ys = at, FirstRowOnTop = true, SquareCells = true };
    }

    /// <summary>Largest |cos| between unit samples of different classes. Rows [n, d].</summary>
    public static double LargestCosine(Tensor rows, int[] labels, int classes)
    {
        Tensor masks = Tensor.From(labels).OneHot(classes, rows.DType), unit = rows.Normalize();
        return (unit.MatMul(unit.T).Abs() * (1 - masks.MatMul(masks.T))).Max().ToDouble();
    }
}
