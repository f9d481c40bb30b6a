namespace Nabla.Experiments.Report;

/// <summary>Draws a <see cref="ScatterFigure"/>.</summary>
internal static class ScatterPlot
{
    public static void Draw(ScatterFigure figure, SvgWriter svg, double width, double height)
    {
        var (x, y) = Ranges(figure);
        var (xScale, yScale) = (Scale.Fit(figure.X, x, 0.04), Scale.Fit(figure.Y, y, 0.04));
        var spec = new FrameSpec(figure.Title, figure.X, figure.Y, xScale, yScale)
        {
            Legend = Legend(figure),
            References = figure.References,
            Notes = [.. x.Notes(figure.X), .. y.Notes(figure.Y)],
            Aspect = figure.EqualAspect && !xScale.IsLog && !yScale.IsLog ? (yScale.Max - yScale.Min) / (xScale.Max - xScale.Min) : 0,
            Box = figure.EqualAspect,
        };
        var frame = new PlotFrame(spec, width, height);
        frame.Draw(svg, w => DrawPoints(figure, w, frame));
    }

    private static (DataRange X, DataRange Y) Ranges(ScatterFigure figure)
    {
        var (x, y) = (new DataRange(figure.X.Scale), new DataRange(figure.Y.Scale));
        foreach (var c in figure.Classes)
        {
            x.Add(c.X);
            y.Add(c.Y);
        }

        foreach (var c in figure.Curves)
        {
            x.Add(c.X);
            y.Add(c.Y);
        }

        foreach (var r in figure.References) (r.Horizontal ? y : x).Include(r.Value);
        return (x, y);
    }

    private static void DrawPoints(ScatterFigure figure, SvgWriter svg, PlotFrame frame)
    {
        var total = figure.Classes.Sum(c => c.X.Length);
        var (radius, opacity) = total switch { > 5000 => (1.6, 0.5), > 500 => (2.4, 0.7), _ => (3.4, 0.9) };
        for (var i = 0; i < figure.Classes.Length; i++)
        {
            var c = figure.Classes[i];
            svg.OpenColor(Palette.Series(i));
            Markers.Draw(svg, Markers.Choose(c.Marker, i), Paths.Distinct(Paths.Pixels(c.X, c.Y, frame.X, frame.Y)), radius, opacity);
            svg.Close("g");
        }

        for (var i = 0; i < figure.Curves.Length; i++) LinePlot.DrawCurve(svg, figure.Curves[i], Palette.Series(figure.Classes.Length + i), frame);
    }

    private static List<LegendKey> Legend(ScatterFigure figure)
    {
        var keys = figure.Classes.Select((c, i) => new LegendKey(c.Name, Palette.Series(i), KeyKind.Marker, Markers.Choose(c.Marker, i)))
            .Concat(figure.Curves.Select((c, i) => Curve(c, figure.Classes.Length + i))).Where(k => k.Name.Length > 0).ToList();
        return keys.Count == 1 ? [] : keys;
    }

    /// <summary>The legend entry of a curve above another kind of plot.</summary>
    public static LegendKey Curve(Series curve, int index) => curve.IsTheory
        ? new LegendKey(curve.Name, Palette.Theory, KeyKind.Line, Dash: LinePlot.TheoryDash)
        : new LegendKey(curve.Name, Palette.Series(index), KeyKind.Line, Dash: LinePlot.Dash(curve.Dash));
}
