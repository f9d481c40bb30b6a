namespace Nabla.Experiments.Report;

/// <summary>Draws a <see cref="LineFigure"/>: bands below, then single seeds, measured curves, and theory on top.</summary>
internal static class LinePlot
{
    public const string TheoryDash = "7 4";
    private const int FewPoints = 24;

    public static void Draw(LineFigure figure, SvgWriter svg, double width, double height)
    {
        var (x, y) = Ranges(figure);
        var margin = figure.Series.Any(s => HasMarkers(figure, s)) ? 0.025 : 0;
        var spec = new FrameSpec(figure.Title, figure.X, figure.Y, Scale.Fit(figure.X, x, margin), Scale.Fit(figure.Y, y, 0.05))
        {
            Legend = Legend(figure),
            References = figure.References,
            Notes = [.. x.Notes(figure.X), .. y.Notes(figure.Y)],
        };
        var frame = new PlotFrame(spec, width, height);
        frame.Draw(svg, w => DrawSeries(figure, w, frame));
    }

    /// <summary>The dash pattern in SVG's words.</summary>
    public static string Dash(LineDash dash) => dash switch
    {
        LineDash.Dashed => "8 4",
        LineDash.Dotted => "1.5 3.5",
        LineDash.DashDot => "8 3 1.5 3",
        _ => "",
    };

    /// <summary>Draws theory, and other curves in their colours, above what was drawn before.</summary>
    public static void DrawCurve(SvgWriter svg, Series series, Ink ink, PlotFrame frame)
    {
        svg.OpenColor(series.IsTheory ? Palette.Theory : ink);
        svg.Curve(Paths.Line(Paths.Pixels(series.X, series.Y, frame.X, frame.Y)), 1.8, dash: series.IsTheory ? TheoryDash : Dash(series.Dash));
        svg.Close("g");
    }

    private static (DataRange X, DataRange Y) Ranges(LineFigure figure)
    {
        var (x, y) = (new DataRange(figure.X.Scale), new DataRange(figure.Y.Scale));
        foreach (var s in figure.Series)
        {
            x.Add(s.X);
            y.Add(s.Y);
            foreach (var seed in s.Seeds) y.Add(seed);
            foreach (var v in s.Band is null ? [] : s.Band.Low.Concat(s.Band.High)) y.Include(v);
        }

        foreach (var r in figure.References) (r.Horizontal ? y : x).Include(r.Value);
        return (x, y);
    }

    private static void DrawSeries(LineFigure figure, SvgWriter svg, PlotFrame frame)
    {
        var measured = Colored(figure).Where(s => !s.Series.IsTheory).ToList();
        foreach (var (s, ink, _) in measured) DrawSpread(svg, s, ink, frame);
        foreach (var (s, ink, i) in measured) DrawMeasured(figure, svg, s, ink, i, frame);
        foreach (var s in figure.Series.Where(s => s.IsTheory)) DrawCurve(svg, s, Palette.Theory, frame);
    }

    private static void DrawSpread(SvgWriter svg, Series s, Ink ink, PlotFrame frame)
    {
        if (s.Band is null && s.Seeds.Length == 0) return;
        svg.OpenColor(ink);
        if (s.Band is { } band)
            svg.Filled(Paths.Region(Paths.Pixels(s.X, band.Low, frame.X, frame.Y), Paths.Pixels(s.X, band.High, frame.X, frame.Y)), 0.22);
        foreach (var seed in s.Seeds) svg.Curve(Paths.Line(Paths.Pixels(s.X, seed, frame.X, frame.Y)), 0.8, 0.5);
        svg.Close("g");
    }

    private static void DrawMeasured(LineFigure figure, SvgWriter svg, Series s, Ink ink, int index, PlotFrame frame)
    {
        var pixels = Paths.Pixels(s.X, s.Y, frame.X, frame.Y);
        svg.OpenColor(ink);
        if (s.Line) svg.Curve(Paths.Line(pixels), 2, dash: Dash(s.Dash));
        if (HasMarkers(figure, s))
            Markers.Draw(svg, Markers.Choose(s.Marker, index), s.Line ? Sparse(pixels, index) : Paths.Distinct(pixels), s.Line ? 3.6 : 3.2);
        svg.Close("g");
    }

    // Markers tell curves apart without colour; a single curve with many points needs none.
    private static bool HasMarkers(LineFigure figure, Series s) => !s.IsTheory && s.Marker != MarkerShape.None &&
        (s.Marker != MarkerShape.Auto || !s.Line || s.X.Length <= FewPoints || figure.Series.Count(t => !t.IsTheory) > 1);

    // Every point of a short curve; of a long one about eight, evenly along the axis and staggered between series.
    private static IEnumerable<(double X, double Y)> Sparse((double X, double Y)[] pixels, int index)
    {
        (double X, double Y)[] drawable = [.. pixels.Where(p => !double.IsNaN(p.X) && !double.IsNaN(p.Y))];
        if (drawable.Length <= FewPoints) return drawable;
        var (first, last) = (drawable.Min(p => p.X), drawable.Max(p => p.X));
        const int count = 8;
        var targets = Enumerable.Range(0, count).Select(k => first + (last - first) * (k + 0.3 + 0.4 * (index % 4) / 3) / count);
        return targets.Select(target => drawable.MinBy(p => Math.Abs(p.X - target)));
    }

    private static IEnumerable<(Series Series, Ink Ink, int Index)> Colored(LineFigure figure)
    {
        var next = 0;
        foreach (var s in figure.Series) yield return s.IsTheory ? (s, Palette.Theory, -1) : (s, Palette.Series(next), next++);
    }

    private static List<LegendKey> Legend(LineFigure figure)
    {
        var keys = Colored(figure).Where(s => s.Series.Name.Length > 0).Select(s => s.Series.IsTheory
            ? new LegendKey(s.Series.Name, Palette.Theory, KeyKind.Line, Dash: TheoryDash)
            : new LegendKey(s.Series.Name, s.Ink, s.Series.Line ? KeyKind.Line : KeyKind.Marker,
                HasMarkers(figure, s.Series) ? Markers.Choose(s.Series.Marker, s.Index) : MarkerShape.None, Dash(s.Series.Dash))).ToList();
        keys.AddRange(figure.Series.Where(s => s.Band is { Label.Length: > 0 }).Select(s => s.Band!.Label).Distinct()
            .Select(label => new LegendKey(label, Palette.Muted, KeyKind.Band)));
        if (figure.Series.Any(s => s.Seeds.Length > 0)) keys.Add(new LegendKey("single seeds", Palette.Muted, KeyKind.Thin));
        return keys.Count == 1 && !figure.Series[0].IsTheory ? [] : keys;
    }
}
