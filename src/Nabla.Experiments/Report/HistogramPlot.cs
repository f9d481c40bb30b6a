using System.Text;

namespace Nabla.Experiments.Report;

/// <summary>Common bins of several samples and how many values fall into each; the last bin holds its upper edge.</summary>
internal sealed record HistogramBins(double[] Edges, double[][] Counts, DataRange Range)
{
    public int Count => Edges.Length - 1;

    /// <summary>Share of the sample in bin b divided by the bin's width.</summary>
    public double Density(int sample, int b)
    {
        var total = Counts[sample].Sum();
        return total == 0 ? 0 : Counts[sample][b] / (total * (Edges[b + 1] - Edges[b]));
    }

    public static HistogramBins Of(HistogramFigure figure)
    {
        var log = figure.X.Scale == AxisScale.Log;
        var range = new DataRange(figure.X.Scale);
        foreach (var s in figure.Samples) range.Add(s.Values);
        var (low, high) = range.IsEmpty ? (log ? 0.1 : 0, 1) : (range.Min, range.Max);
        if (log) (low, high) = (Math.Log10(low), Math.Log10(high));
        if (!(high > low)) (low, high) = (low - 0.5, high + 0.5);
        var count = figure.Bins > 0 ? figure.Bins : Choose(figure, low, high, log);
        var edges = new double[count + 1];
        for (var i = 0; i <= count; i++) edges[i] = i == count ? high : low + (high - low) * i / count;
        double[][] counts = [.. figure.Samples.Select(s => CountValues(s.Values, low, high, count, log))];
        return new HistogramBins(log ? [.. edges.Select(e => Math.Pow(10, e))] : edges, counts, range);
    }

    private static double[] CountValues(double[] values, double low, double high, int bins, bool log)
    {
        var counts = new double[bins];
        foreach (var value in values)
        {
            if (!double.IsFinite(value) || (log && value <= 0)) continue;
            var v = log ? Math.Log10(value) : value;
            counts[Math.Clamp((int)((v - low) / (high - low) * bins), 0, bins - 1)]++;
        }

        return counts;
    }

    // Bin width 2·IQR·n^(−1/3) of the largest sample (Freedman and Diaconis 1981).
    private static int Choose(HistogramFigure figure, double low, double high, bool log)
    {
        var largest = figure.Samples.MaxBy(s => s.Values.Length);
        double[] sorted = [.. (largest?.Values ?? []).Where(v => double.IsFinite(v) && (!log || v > 0)).Select(v => log ? Math.Log10(v) : v).Order()];
        if (sorted.Length < 2) return 10;
        var width = 2 * (Series.Quantile(sorted, 0.75) - Series.Quantile(sorted, 0.25)) / Math.Cbrt(sorted.Length);
        return width > 0 ? (int)Math.Clamp(Math.Ceiling((high - low) / width), 10, 200) : 50;
    }
}

/// <summary>Draws a <see cref="HistogramFigure"/> as filled outlines.</summary>
internal static class HistogramPlot
{
    public static void Draw(HistogramFigure figure, SvgWriter svg, double width, double height)
    {
        var bins = HistogramBins.Of(figure);
        var yAxis = new Axis(figure.Density ? "density" : "count", Scale: figure.LogHeights ? AxisScale.Log : AxisScale.Linear, Min: figure.LogHeights ? null : 0);
        var heights = figure.Samples.Select((_, s) => Heights(figure, bins, s)).ToArray();
        var y = new DataRange(yAxis.Scale);
        foreach (var h in heights.SelectMany(h => h).Concat(figure.Curves.SelectMany(c => c.Y))) y.Include(h);
        var x = new DataRange(figure.X.Scale);
        foreach (var e in bins.Edges.Concat(figure.References.Where(r => !r.Horizontal).Select(r => r.Value))) x.Include(e);
        var spec = new FrameSpec(figure.Title, figure.X, yAxis, Scale.Fit(figure.X, x, 0.01), Scale.Fit(yAxis, y, 0.06))
        {
            Legend = Legend(figure),
            References = figure.References,
            Notes = [.. bins.Range.Notes(figure.X)],
        };
        var frame = new PlotFrame(spec, width, height);
        frame.Draw(svg, w =>
        {
            for (var s = 0; s < heights.Length; s++) DrawSample(w, bins.Edges, heights[s], Palette.Series(s), frame);
            for (var c = 0; c < figure.Curves.Length; c++) LinePlot.DrawCurve(w, figure.Curves[c], Palette.Series(heights.Length + c), frame);
        });
    }

    private static double[] Heights(HistogramFigure figure, HistogramBins bins, int sample) =>
        [.. Enumerable.Range(0, bins.Count).Select(b => figure.Density ? bins.Density(sample, b) : bins.Counts[sample][b])];

    private static void DrawSample(SvgWriter svg, double[] edges, double[] heights, Ink ink, PlotFrame frame)
    {
        var floor = frame.Height + 2;
        var d = new StringBuilder($"M{SvgWriter.N(frame.X.Map(edges[0]))} {SvgWriter.N(floor)}");
        for (var b = 0; b < heights.Length; b++)
        {
            var y = frame.Y.Map(heights[b]);
            d.Append($"V{SvgWriter.N(double.IsNaN(y) ? floor : y)}H{SvgWriter.N(frame.X.Map(edges[b + 1]))}");
        }

        d.Append($"V{SvgWriter.N(floor)}");
        svg.OpenColor(ink);
        svg.Filled(d + "Z", 0.3);
        svg.Curve(d.ToString(), 1.5);
        svg.Close("g");
    }

    private static List<LegendKey> Legend(HistogramFigure figure)
    {
        var keys = figure.Samples.Select((s, i) => new LegendKey(s.Name, Palette.Series(i), KeyKind.Fill))
            .Concat(figure.Curves.Select((c, i) => ScatterPlot.Curve(c, figure.Samples.Length + i))).Where(k => k.Name.Length > 0).ToList();
        return keys.Count == 1 ? [] : keys;
    }
}
