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
    public static HeatMapFigure Similarity(string name, Tensor rows, int[] labels, int classes, int most = 30) =>
        SimilarityMap.ByClass(name, rows.Reshape([labels.Length, -1]).Normalize().T, labels, classes, most);

    /// <summary>Largest |cos| between unit samples of different classes. Rows [n, d].</summary>
    public static double LargestCosine(Tensor rows, int[] labels, int classes)
    {
        Tensor masks = Tensor.From(labels).OneHot(classes, rows.DType), unit = rows.Normalize();
        return (unit.MatMul(unit.T).Abs() * (1 - masks.MatMul(masks.T))).Max().ToDouble();
    }
}
