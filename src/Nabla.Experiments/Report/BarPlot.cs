namespace Nabla.Experiments.Report;

/// <summary>Draws a <see cref="BarFigure"/>.</summary>
internal static class BarPlot
{
    public static void Draw(BarFigure figure, SvgWriter svg, double width, double height)
    {
        var y = new DataRange(figure.Y.Scale);
        foreach (var g in figure.Groups)
        {
            y.Add(g.Values);
            foreach (var v in (g.Low ?? []).Concat(g.High ?? [])) y.Include(v);
        }

        foreach (var r in figure.References) y.Include(r.Value);
        var log = figure.Y.Scale == AxisScale.Log;
        y.Include(0); // bars grow from zero (a logarithmic axis passes it over)
        var axis = log ? figure.Y : figure.Y with { Min = figure.Y.Min ?? (y.Min >= 0 ? 0 : null), Max = figure.Y.Max ?? (y.Max <= 0 ? 0 : null) };
        var spec = new FrameSpec(figure.Title, new Axis(figure.XLabel), axis, Scale.Between(-0.5, Math.Max(1, figure.Categories.Length) - 0.5), Scale.Fit(axis, y, 0.08))
        {
            XTicks = [.. figure.Categories.Select((c, i) => new Tick(i, c))],
            Legend = figure.Groups.Length > 1 ? [.. figure.Groups.Select((g, i) => new LegendKey(g.Name, Palette.Series(i), KeyKind.Fill))] : [],
            References = [.. figure.References.Where(r => r.Horizontal)],
            Notes = [.. y.Notes(figure.Y)],
        };
        var frame = new PlotFrame(spec, width, height);
        frame.Draw(svg, w =>
        {
            for (var g = 0; g < figure.Groups.Length; g++) DrawGroup(figure, g, w, frame);
            if (!log) w.Line(0, frame.Y.Map(0), frame.Width, frame.Y.Map(0), Palette.Axis);
        });
    }

    private static void DrawGroup(BarFigure figure, int index, SvgWriter svg, PlotFrame frame)
    {
        var group = figure.Groups[index];
        var wide = frame.X.Map(1) - frame.X.Map(0);
        var bar = Math.Min(46, 0.78 * wide / figure.Groups.Length);
        var zero = frame.Y.IsLog ? frame.Height : Math.Clamp(frame.Y.Map(0), 0, frame.Height);
        svg.OpenColor(Palette.Series(index));
        for (var i = 0; i < group.Values.Length; i++)
        {
            var y = frame.Y.Map(group.Values[i]);
            if (double.IsNaN(y)) continue;
            var x = frame.X.Map(i) + (index - figure.Groups.Length / 2.0) * bar;
            var d = $"M{SvgWriter.N(x + 1)} {SvgWriter.N(zero)}V{SvgWriter.N(y)}H{SvgWriter.N(x + bar - 1)}V{SvgWriter.N(zero)}";
            svg.Filled(d + "Z", 0.35);
            svg.Curve(d, 1.5);
            var top = DrawError(group, i, x + bar / 2, svg, frame, y);
            if (figure.ShowValues) DrawValue(group.Values[i], x + bar / 2, top, svg);
        }

        svg.Close("g");
    }

    // Returns the upper end of what is drawn.
    private static double DrawError(BarGroup group, int i, double x, SvgWriter svg, PlotFrame frame, double y)
    {
        var low = group.Low is null ? y : frame.Y.Map(group.Low[i]);
        var high = group.High is null ? y : frame.Y.Map(group.High[i]);
        if (double.IsNaN(low) || double.IsNaN(high) || low == high) return y;
        Func<double, string> n = SvgWriter.N;
        svg.Stroked($"M{n(x)} {n(low)}V{n(high)}M{n(x - 4)} {n(low)}h8M{n(x - 4)} {n(high)}h8", Palette.Text, 1.2);
        return Math.Min(y, high);
    }

    private static void DrawValue(double value, double x, double top, SvgWriter svg) =>
        svg.Text(x, top - 5, NumberText.Value(value, 3), new TextStyle(PlotFrame.NoteSize, Palette.Text, Halo: Palette.Background), Anchor.Middle);
}
