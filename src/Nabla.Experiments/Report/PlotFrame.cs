namespace Nabla.Experiments.Report;

/// <summary>What stands in the legend beside a name.</summary>
internal enum KeyKind
{
    Line,
    Marker,
    Fill,
    Band,
    Thin,
}

/// <summary>One entry of a legend.</summary>
internal sealed record LegendKey(string Name, Ink Ink, KeyKind Kind, MarkerShape Marker = MarkerShape.None, string Dash = "");

/// <summary>What a plot asks of its frame.</summary>
internal sealed record FrameSpec(string Title, Axis X, Axis Y, Scale XScale, Scale YScale)
{
    public List<LegendKey> Legend { get; init; } = [];
    public List<string> Notes { get; init; } = [];
    public ReferenceLine[] References { get; init; } = [];

    /// <summary>Marks of the x axis; null: chosen here.</summary>
    public List<Tick>? XTicks { get; init; }

    /// <summary>Marks of the y axis; null: chosen here.</summary>
    public List<Tick>? YTicks { get; init; }

    /// <summary>Room to the right of the plot, for a colour bar.</summary>
    public double RightSpace { get; init; }

    /// <summary>Height ÷ width of the plot itself; 0: whatever fits.</summary>
    public double Aspect { get; init; }

    public bool Grid { get; init; } = true;

    /// <summary>True: a full rectangle around the plot; false: two axes only.</summary>
    public bool Box { get; init; }

    /// <summary>True: the y axis grows downwards, as row numbers do.</summary>
    public bool FlipY { get; init; }
}

/// <summary>
/// Title, legend, axes, grid and notes around a plot. It decides where the plot lies: the texts take the room that they need, above and
/// below, and never cover data.
/// </summary>
internal sealed class PlotFrame
{
    public const double TitleSize = 14;
    public const double TextSize = 12;
    public const double NoteSize = 11;
    private const double Edge = 12;
    private const double LegendRow = 18;
    private const double NoteRow = 15;

    /// <summary>Distance between the lines of an upright caption.</summary>
    public const double CaptionRow = 15;

    private readonly FrameSpec _spec;
    private readonly double _figureWidth;
    private readonly List<string> _title;
    private readonly List<(LegendKey Key, double X, int Row)> _legend = [];
    private readonly List<string> _notes;
    private readonly List<Tick> _xTicks;
    private readonly List<Tick> _yTicks;
    private readonly List<string> _yCaption;
    private readonly bool _slanted;

    public PlotFrame(FrameSpec spec, double width, double height)
    {
        (_spec, _figureWidth) = (spec, width);
        _title = TextLayout.Wrap(spec.Title, TitleSize, width - 2 * Edge, bold: true);
        _notes = [.. spec.Notes.SelectMany(n => TextLayout.Wrap(n, NoteSize, width - 2 * Edge))];
        _yTicks = spec.YTicks ?? spec.YScale.Ticks((int)Math.Max(3, height / 65));
        _yCaption = CaptionLines(spec.Y.Caption, height);
        Left = Edge + (_yCaption.Count > 0 ? 5 + CaptionRow * _yCaption.Count : 0) + YTickWidth() + 8;
        Width = Math.Max(40, width - Left - Edge - spec.RightSpace - 4);
        _xTicks = spec.XTicks ?? spec.XScale.Ticks((int)Math.Max(3, Width / 85));
        _slanted = spec.XTicks is not null && _xTicks.Count > 0 && _xTicks.Max(t => TextLayout.Width(t.Text, TextSize)) > Width / _xTicks.Count - 6;
        PlaceLegend();
        Top = Edge - 2 + 18 * _title.Count + LegendHeight + (_title.Count + _legend.Count > 0 ? 8 : 4);
        Height = Math.Max(40, height - Top - BottomSpace());
        if (spec.Aspect > 0) KeepAspect(spec.Aspect);
        X = spec.XScale.On(0, Width);
        Y = spec.FlipY ? spec.YScale.On(0, Height) : spec.YScale.On(Height, 0);
    }

    public double Left { get; private set; }

    public double Top { get; }

    public double Width { get; private set; }

    public double Height { get; private set; }

    /// <summary>Horizontal axis in plot coordinates (0 at the left edge of the plot).</summary>
    public Scale X { get; }

    /// <summary>Vertical axis in plot coordinates (0 at the upper edge of the plot).</summary>
    public Scale Y { get; }

    private double LegendHeight => _legend.Count == 0 ? 0 : (_legend[^1].Row + 1) * LegendRow + 2;

    /// <summary>Draws the frame, and the plot by <paramref name="content"/> in plot coordinates, clipped, between grid and axes;
    /// <paramref name="above"/> comes last and is not clipped.</summary>
    public void Draw(SvgWriter svg, Action<SvgWriter> content, Action<SvgWriter>? above = null)
    {
        DrawTitle(svg);
        DrawLegend(svg);
        svg.OpenAt(Left, Top);
        if (_spec.Grid) DrawGrid(svg);
        svg.OpenClipped(Width, Height);
        content(svg);
        foreach (var line in _spec.References) DrawReference(svg, line);
        svg.Close("g");
        DrawReferenceLabels(svg);
        DrawAxes(svg);
        above?.Invoke(svg);
        svg.Close("g");
        DrawNotes(svg);
    }

    /// <summary>The caption of an upright axis in at most two lines about as long as a plot in a figure of this height.</summary>
    public static List<string> CaptionLines(string caption, double height)
    {
        var length = Math.Max(90, height - 100);
        return [.. TextLayout.Wrap(caption, TextSize, length).Take(2).Select(line => TextLayout.Fit(line, TextSize, length + 20))];
    }

    private double YTickWidth() => _yTicks.Count == 0 ? 0 : _yTicks.Max(t => TextLayout.Width(t.Text, TextSize));

    private double XTickHeight() => !_slanted ? 18 : 14 + 0.6 * Math.Min(110, _xTicks.Max(t => TextLayout.Width(t.Text, TextSize)));

    private double BottomSpace() =>
        XTickHeight() + (_spec.X.Caption.Length > 0 ? 20 : 0) + NoteRow * _notes.Count + (_notes.Count > 0 ? 4 : 0) + 8;

    private void KeepAspect(double aspect)
    {
        var full = Width;
        if (Height > aspect * Width) Height = aspect * Width;
        else Width = Height / aspect;
        Left += (full - Width) / 2;
    }

    private void PlaceLegend()
    {
        var (x, row) = (0.0, 0);
        foreach (var key in _spec.Legend)
        {
            var wide = 34 + TextLayout.Width(key.Name, TextSize) + 16;
            if (x > 0 && x + wide - 16 > Width)
            {
                x = 0;
                row++;
            }

            _legend.Add((key, x, row));
            x += wide;
        }
    }

    private void DrawTitle(SvgWriter svg)
    {
        for (var i = 0; i < _title.Count; i++)
            svg.Text(TitleLeft, Edge + 10 + 18 * i, _title[i], new TextStyle(TitleSize, Palette.Text, Bold: true));
    }

    // Titles begin with the plot unless they would then run out of the figure.
    private double TitleLeft =>
        _title.Max(t => TextLayout.Width(t, TitleSize, true)) + Left > _figureWidth - Edge ? Edge : Left;

    private void DrawLegend(SvgWriter svg)
    {
        foreach (var (key, x, row) in _legend)
        {
            var y = Edge - 2 + 18 * _title.Count + LegendRow * row + 12;
            LegendSwatch.Draw(svg, key, Left + x, y - 4);
            svg.Text(Left + x + 34, y, TextLayout.Fit(key.Name, TextSize, _figureWidth - Left - 34 - Edge), new TextStyle(TextSize, Palette.Text));
        }
    }

    private void DrawGrid(SvgWriter svg)
    {
        foreach (var v in X.MinorTicks()) svg.Line(X.Map(v), 0, X.Map(v), Height, Palette.MinorGrid);
        foreach (var v in Y.MinorTicks()) svg.Line(0, Y.Map(v), Width, Y.Map(v), Palette.MinorGrid);
        if (_spec.XTicks is null)
        {
            foreach (var t in _xTicks) svg.Line(X.Map(t.Value), 0, X.Map(t.Value), Height, Palette.Grid);
        }

        foreach (var t in _yTicks) svg.Line(0, Y.Map(t.Value), Width, Y.Map(t.Value), Palette.Grid);
    }

    private void DrawReference(SvgWriter svg, ReferenceLine line)
    {
        var at = line.Horizontal ? Y.Map(line.Value) : X.Map(line.Value);
        if (double.IsNaN(at)) return;
        if (line.Horizontal) svg.Line(0, at, Width, at, Palette.Muted, 1.2, "2 3");
        else svg.Line(at, 0, at, Height, Palette.Muted, 1.2, "2 3");
    }

    // Each label takes the first of its places that touches no other label.
    private void DrawReferenceLabels(SvgWriter svg)
    {
        var style = new TextStyle(NoteSize, Palette.Muted, Halo: Palette.Background);
        var taken = new List<(double X, double Y, double Width)>();
        foreach (var line in _spec.References.Where(r => r.Label.Length > 0).OrderBy(r => r.Horizontal).ThenBy(r => r.Value))
        {
            if (!(line.Horizontal ? Y : X).Contains(line.Value)) continue;
            var wide = TextLayout.Width(line.Label, NoteSize);
            var places = (line.Horizontal ? BesideHorizontal(Y.Map(line.Value), wide) : BesideVertical(X.Map(line.Value), wide)).ToList();
            var (x, y) = places.FirstOrDefault(p => !taken.Any(t => p.X < t.X + t.Width + 4 && t.X < p.X + wide + 4 && Math.Abs(p.Y - t.Y) < 13), places[0]);
            taken.Add((x, y, wide));
            svg.Text(x, y, line.Label, style);
        }
    }

    private IEnumerable<(double X, double Y)> BesideHorizontal(double y, double wide)
    {
        foreach (var x in new[] { Width - 5 - wide, 5 })
        {
            if (y >= 16) yield return (x, y - 5);
            if (y <= Height - 8 || y < 16) yield return (x, y + 13);
        }
    }

    private IEnumerable<(double X, double Y)> BesideVertical(double x, double wide)
    {
        var fits = x + wide + 6 <= Width;
        for (var row = 0; row < 4; row++)
        {
            if (fits) yield return (x + 5, 13 + 14 * row);
            if (!fits || x - wide - 6 >= 0) yield return (x - 5 - wide, 13 + 14 * row);
        }
    }

    private void DrawAxes(SvgWriter svg)
    {
        if (_spec.Box) svg.Frame(0, 0, Width, Height, Palette.Axis);
        else svg.Stroked($"M0 0V{SvgWriter.N(Height)}H{SvgWriter.N(Width)}", Palette.Axis);
        var label = new TextStyle(TextSize, Palette.Text);
        foreach (var t in _xTicks) DrawXTick(svg, t, label);
        foreach (var t in _yTicks)
        {
            var y = Y.Map(t.Value);
            svg.Line(-4, y, 0, y, Palette.Axis);
            svg.Text(-7, y + 4, t.Text, label, Anchor.End);
        }

        svg.Text(Width / 2, Height + XTickHeight() + 16, TextLayout.Fit(_spec.X.Caption, TextSize, Width + 60), label, Anchor.Middle);
        for (var i = 0; i < _yCaption.Count; i++)
            svg.Text(-YTickWidth() - 17 - CaptionRow * (_yCaption.Count - 1 - i), Height / 2, _yCaption[i], label, Anchor.Middle, rotate: -90);
    }

    private void DrawXTick(SvgWriter svg, Tick tick, TextStyle label)
    {
        var x = X.Map(tick.Value);
        svg.Line(x, Height, x, Height + 4, Palette.Axis);
        if (_slanted) svg.Text(x + 3, Height + 13, TextLayout.Fit(tick.Text, TextSize, 120), label, Anchor.End, rotate: -35);
        else svg.Text(x, Height + 17, tick.Text, label, Anchor.Middle);
    }

    private void DrawNotes(SvgWriter svg)
    {
        var y = Top + Height + XTickHeight() + (_spec.X.Caption.Length > 0 ? 20 : 0) + 16;
        for (var i = 0; i < _notes.Count; i++)
            svg.Text(Left, y + NoteRow * i, _notes[i], new TextStyle(NoteSize, Palette.Muted));
    }
}

/// <summary>The small drawing beside a name in a legend, 28 wide around its middle height.</summary>
internal static class LegendSwatch
{
    public static void Draw(SvgWriter svg, LegendKey key, double x, double y)
    {
        svg.OpenColor(key.Ink);
        var line = $"M{SvgWriter.N(x)} {SvgWriter.N(y)}h28";
        var box = $"M{SvgWriter.N(x + 4)} {SvgWriter.N(y - 5)}h20v10h-20z";
        switch (key.Kind)
        {
            case KeyKind.Line: svg.Curve(line, 2, dash: key.Dash); break;
            case KeyKind.Thin: svg.Curve(line, 0.8, 0.6); break;
            case KeyKind.Band: svg.Filled(box, 0.22); break;
            case KeyKind.Fill:
                svg.Filled(box, 0.35);
                svg.Curve(box, 1.5);
                break;
        }

        if (key.Kind is KeyKind.Line or KeyKind.Marker) Markers.Draw(svg, key.Marker, [(x + 14, y)], 4);
        svg.Close("g");
    }
}
