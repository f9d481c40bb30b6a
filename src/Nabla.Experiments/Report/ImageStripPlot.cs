namespace Nabla.Experiments.Report;

/// <summary>Draws an <see cref="ImageStripFigure"/>.</summary>
internal static class ImageStripPlot
{
    private const double Edge = 12;
    private const double Gap = 10;
    private const double CaptionRow = 15;

    public static (double Width, double Height) NaturalSize(ImageStripFigure figure)
    {
        const double width = 680;
        return (width, Layout(figure, width).Height);
    }

    public static void Draw(ImageStripFigure figure, SvgWriter svg, double width, double height)
    {
        var (cell, titleHeight, _) = Layout(figure, width);
        foreach (var (line, i) in TitleLines(figure, width).Select((line, i) => (line, i)))
            svg.Text(Edge, Edge + 10 + 18 * i, line, new TextStyle(PlotFrame.TitleSize, Palette.Text, Bold: true));
        var (min, max) = Range(figure, figure.Images);
        var y = titleHeight;
        foreach (var row in figure.Images.Chunk(figure.ImagesPerRow))
        {
            for (var i = 0; i < row.Length; i++)
            {
                var (low, high) = figure.RangePerImage ? Range(figure, [row[i]]) : (min, max);
                DrawImage(figure, row[i], Edge + i * (cell + Gap), y, cell, low, high, svg);
            }

            y += RowHeight(row, cell);
        }
    }

    private static (double Cell, double TitleHeight, double Height) Layout(ImageStripFigure figure, double width)
    {
        var n = figure.ImagesPerRow;
        var cell = Math.Min(140, (width - 2 * Edge - (n - 1) * Gap) / n);
        var titleLines = TitleLines(figure, width).Count;
        var top = Edge + 18 * titleLines + (titleLines > 0 ? 4 : 0);
        return (cell, top, top + figure.Images.Chunk(n).Sum(row => RowHeight(row, cell)) + 4);
    }

    private static List<string> TitleLines(ImageStripFigure figure, double width) =>
        TextLayout.Wrap(figure.Title, PlotFrame.TitleSize, width - 2 * Edge, bold: true);

    private static double RowHeight(GreyImage[] row, double cell) => row.Max(i => ImageHeight(i, cell) + CaptionLines(i, cell).Count * CaptionRow) + 10;

    private static double ImageHeight(GreyImage image, double cell) => image.Columns == 0 ? 0 : Math.Min(2 * cell, cell * image.Rows / image.Columns);

    private static List<string> CaptionLines(GreyImage image, double cell) =>
        [.. TextLayout.Wrap(image.Caption, PlotFrame.NoteSize, cell).Take(3).Select(line => TextLayout.Fit(line, PlotFrame.NoteSize, cell + 6))];

    private static (double Min, double Max) Range(ImageStripFigure figure, GreyImage[] images)
    {
        var range = new DataRange(AxisScale.Linear);
        foreach (var image in images) range.Add(image.Pixels);
        var (min, max) = (figure.Min ?? (range.IsEmpty ? 0 : range.Min), figure.Max ?? (range.IsEmpty ? 1 : range.Max));
        if (!figure.Signed) return (min, max);
        var end = Math.Max(Math.Abs(min), Math.Abs(max));
        return (-end, end);
    }

    private static void DrawImage(ImageStripFigure figure, GreyImage image, double x, double y, double cell, double min, double max, SvgWriter svg)
    {
        var height = ImageHeight(image, cell);
        if (height > 0)
        {
            var scale = max > min ? 1 / (max - min) : 0;
            byte[] pixels = [.. image.Pixels.Select(v => ColorMap.Index(double.IsFinite(v) ? (v - min) * scale : double.NaN))];
            var palette = figure.Signed ? ColorMap.Palette(ColorScale.Diverging) : ColorMap.Grey();
            svg.Image(x, y, cell, height, Png.Encode(image.Columns, image.Rows, pixels, palette));
            svg.Frame(x, y, cell, height, Palette.Axis);
        }

        var lines = CaptionLines(image, cell);
        for (var i = 0; i < lines.Count; i++)
            svg.Text(x + cell / 2, y + height + 14 + CaptionRow * i, lines[i], new TextStyle(PlotFrame.NoteSize, Palette.Text), Anchor.Middle);
    }
}
