namespace Nabla.Experiments.Report;

/// <summary>Draws a <see cref="HeatMapFigure"/>: the field as one small image, overlays, and a colour bar.</summary>
internal static class HeatMapPlot
{
    /// <summary>Largest number of drawn cells along an axis.</summary>
    public const int MaxCells = 512;

    private const double BarWidth = 14;

    public static void Draw(HeatMapFigure figure, SvgWriter svg, double width, double height)
    {
        var values = ValueRange(figure);
        var color = ColorAxis(figure, values);
        var ticks = color.Ticks((int)Math.Max(3, height / 80));
        var caption = PlotFrame.CaptionLines(figure.Value.Caption, height);
        var spec = new FrameSpec(figure.Title, figure.X, figure.Y, Extent(figure.X, figure.Xs, figure.Columns), Extent(figure.Y, figure.Ys, figure.Rows))
        {
            XTicks = Names(figure.XLabels) ?? Indices(figure.Xs, figure.Columns),
            YTicks = Names(figure.YLabels) ?? Indices(figure.Ys, figure.Rows),
            Legend = [.. figure.Curves.Where(c => c.Name.Length > 0).Select((c, i) => ScatterPlot.Curve(c, i) with { Ink = Palette.Theory, Dash = CurveDash(c, i) })],
            Notes = [.. Notes(figure, values)],
            RightSpace = 18 + BarWidth + 8 + TickWidth(ticks) + (caption.Count > 0 ? 5 + PlotFrame.CaptionRow * caption.Count : 0),
            Aspect = figure.SquareCells && figure.Columns > 0 ? (double)figure.Rows / figure.Columns : 0,
            Grid = false,
            Box = true,
            FlipY = figure.FirstRowOnTop,
        };
        var frame = new PlotFrame(spec, width, height);
        frame.Draw(svg, w => DrawField(figure, color, w, frame), w =>
        {
            foreach (var marker in figure.Markers) DrawMarker(marker, w, frame);
        });
        DrawColorBar(figure, color, ticks, caption, svg, frame);
    }

    /// <summary>Colour indices of the field, downsampled by averaging positions on the colour bar; row 0 first as drawn.</summary>
    internal static (int Width, int Height, byte[] Pixels) Raster(HeatMapFigure figure, Scale color)
    {
        var (width, height) = (Math.Min(MaxCells, figure.Columns), Math.Min(MaxCells, figure.Rows));
        var unit = color.On(0, 1);
        var pixels = new byte[width * height];
        for (var r = 0; r < height; r++)
        {
            var row = figure.FirstRowOnTop ? r : height - 1 - r;
            for (var c = 0; c < width; c++) pixels[r * width + c] = ColorMap.Index(Mean(figure, unit, row, height, c, width));
        }

        return (width, height, pixels);
    }

    private static double Mean(HeatMapFigure figure, Scale unit, int row, int height, int column, int width)
    {
        var (sum, count) = (0.0, 0);
        for (var i = Edge(row, figure.Rows, height); i < Edge(row + 1, figure.Rows, height); i++)
        {
            for (var j = Edge(column, figure.Columns, width); j < Edge(column + 1, figure.Columns, width); j++)
            {
                var t = unit.Map(figure.Values[i, j]);
                if (double.IsNaN(t)) continue;
                sum += Math.Clamp(t, 0, 1);
                count++;
            }
        }

        return count == 0 ? double.NaN : sum / count;
    }

    private static int Edge(int k, int cells, int drawn) => (int)((long)k * cells / drawn);

    private static DataRange ValueRange(HeatMapFigure figure)
    {
        var range = new DataRange(figure.Value.Scale);
        foreach (var v in figure.Values) range.Add(v);
        return range;
    }

    private static Scale ColorAxis(HeatMapFigure figure, DataRange range)
    {
        if (figure.Colors != ColorScale.Diverging || figure.Value.Scale == AxisScale.Log) return Scale.Fit(figure.Value, range, 0);
        var end = Math.Max(Math.Abs(figure.Value.Min ?? (range.IsEmpty ? 1 : range.Min)), Math.Abs(figure.Value.Max ?? (range.IsEmpty ? 1 : range.Max)));
        return end > 0 ? Scale.Between(-end, end) : Scale.Between(-1, 1);
    }

    private static IEnumerable<string> Notes(HeatMapFigure figure, DataRange values)
    {
        if (values.NotFinite > 0) yield return $"Grey: {Cells(values.NotFinite)} not finite.";
        if (values.NotPositive > 0) yield return $"Grey: {Cells(values.NotPositive)} not positive, which the logarithmic colours cannot show.";
        if (figure.Rows > MaxCells || figure.Columns > MaxCells)
            yield return $"Drawn from averages over {figure.Rows}×{figure.Columns} cells; the CSV holds all.";
    }

    private static string Cells(int n) => n == 1 ? "1 cell" : $"{n} cells";

    // Cell centres → outer edges of the first and last cell.
    private static Scale Extent(Axis axis, double[]? centers, int count)
    {
        if (centers is null || count == 0) return Scale.Between(-0.5, Math.Max(1, count) - 0.5);
        var log = axis.Scale == AxisScale.Log && centers[0] > 0 && centers[^1] > 0;
        var (a, b) = log ? (Math.Log10(centers[0]), Math.Log10(centers[^1])) : (centers[0], centers[^1]);
        var half = count > 1 ? (b - a) / (count - 1) / 2 : log ? 0.5 : Math.Max(Math.Abs(a) / 10, 0.5);
        (a, b) = (a - half, b + half);
        return log ? Scale.Between(Math.Pow(10, a), Math.Pow(10, b), log: true) : Scale.Between(a, b);
    }

    private static List<Tick>? Names(string[]? labels) => labels is null ? null : [.. labels.Select((name, i) => new Tick(i, name))];

    // Without positions the marks are whole numbers: one in each cell when there are few.
    private static List<Tick>? Indices(double[]? centers, int count)
    {
        if (centers is not null) return null;
        var step = (int)Math.Max(1, Ticks.NiceStep(count / 10.0));
        return [.. Enumerable.Range(0, (count + step - 1) / step).Select(k => new Tick(k * step, $"{k * step}"))];
    }

    private static void DrawField(HeatMapFigure figure, Scale color, SvgWriter svg, PlotFrame frame)
    {
        svg.Rect(0, 0, frame.Width, frame.Height, Palette.Missing);
        if (figure.Rows == 0 || figure.Columns == 0) return;
        var palette = ColorMap.Palette(figure.Colors);
        var (width, height, pixels) = Raster(figure, color);
        svg.Image(0, 0, frame.Width, frame.Height, Png.Encode(width, height, pixels, palette));
        if (figure.ShowValues) DrawValues(figure, color, palette, svg, frame);
        for (var i = 0; i < figure.Curves.Length; i++) DrawOverlay(figure.Curves[i], i, svg, frame);
    }

    private static void DrawValues(HeatMapFigure figure, Scale color, uint[] palette, SvgWriter svg, PlotFrame frame)
    {
        var (w, h) = (frame.Width / figure.Columns, frame.Height / figure.Rows);
        var size = Math.Clamp(Math.Min(w / 3.2, h / 1.8), 6, 12);
        for (var i = 0; i < figure.Rows; i++)
        {
            for (var j = 0; j < figure.Columns; j++)
            {
                var index = ColorMap.Index(color.On(0, 1).Map(figure.Values[i, j]));
                if (index == ColorMap.NoValue) continue;
                var ink = ColorMap.IsLight(palette[index]) ? Palette.OnField : Palette.FieldHalo;
                var row = figure.FirstRowOnTop ? i : figure.Rows - 1 - i;
                svg.Text((j + 0.5) * w, (row + 0.5) * h + size * 0.35, NumberText.Value(figure.Values[i, j], 3), new TextStyle(size, ink), Anchor.Middle);
            }
        }
    }

    // Black on a white edge is visible on every colour of the field; dashes tell curves apart.
    private static void DrawOverlay(Series curve, int index, SvgWriter svg, PlotFrame frame)
    {
        var d = Paths.Line(Paths.Pixels(curve.X, curve.Y, frame.X, frame.Y));
        svg.Stroked(d, Palette.FieldHalo, 4);
        svg.Stroked(d, Palette.OnField, 1.8, CurveDash(curve, index));
    }

    private static string CurveDash(Series curve, int index) =>
        curve.IsTheory ? LinePlot.TheoryDash : LinePlot.Dash(curve.Dash != LineDash.Solid ? curve.Dash : (LineDash)(index % 4));

    private static void DrawMarker(MapMarker marker, SvgWriter svg, PlotFrame frame)
    {
        var (x, y) = (frame.X.Map(marker.X), frame.Y.Map(marker.Y));
        if (!(x >= -0.5 && x <= frame.Width + 0.5 && y >= -0.5 && y <= frame.Height + 0.5)) return;
        svg.OpenColor(Palette.OnField);
        svg.Raw($"<circle cx=\"{SvgWriter.N(x)}\" cy=\"{SvgWriter.N(y)}\" r=\"4.5\" fill=\"currentColor\" stroke=\"{Palette.FieldHalo.Color}\" stroke-width=\"1.5\"/>");
        svg.Close("g");
        var left = x + 10 + TextLayout.Width(marker.Label, PlotFrame.TextSize) > frame.Width;
        svg.Text(left ? x - 9 : x + 9, Math.Clamp(y + 4, 13, frame.Height - 6), marker.Label, new TextStyle(PlotFrame.TextSize, Palette.OnField, Halo: Palette.FieldHalo), left ? Anchor.End : Anchor.Start);
    }

    private static double TickWidth(List<Tick> ticks) => ticks.Select(t => TextLayout.Width(t.Text, PlotFrame.TextSize)).DefaultIfEmpty(0).Max();

    private static void DrawColorBar(HeatMapFigure figure, Scale color, List<Tick> ticks, List<string> caption, SvgWriter svg, PlotFrame frame)
    {
        var label = new TextStyle(PlotFrame.TextSize, Palette.Text);
        var ramp = new byte[255];
        for (var i = 0; i < 255; i++) ramp[i] = (byte)(254 - i);
        var bar = color.On(frame.Height, 0);
        svg.OpenAt(frame.Left + frame.Width + 18, frame.Top);
        svg.Image(0, 0, BarWidth, frame.Height, Png.Encode(1, 255, ramp, ColorMap.Palette(figure.Colors)));
        svg.Frame(0, 0, BarWidth, frame.Height, Palette.Axis);
        foreach (var t in ticks)
        {
            svg.Line(BarWidth, bar.Map(t.Value), BarWidth + 4, bar.Map(t.Value), Palette.Axis);
            svg.Text(BarWidth + 7, bar.Map(t.Value) + 4, t.Text, label);
        }

        var x = BarWidth + 24 + TickWidth(ticks);
        for (var i = 0; i < caption.Count; i++)
            svg.Text(x + PlotFrame.CaptionRow * i, frame.Height / 2, caption[i], label, Anchor.Middle, rotate: -90);
        svg.Close("g");
    }
}
