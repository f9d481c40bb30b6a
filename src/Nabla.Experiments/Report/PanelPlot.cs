namespace Nabla.Experiments.Report;

/// <summary>Draws a <see cref="PanelFigure"/>: panels in rows, each row as high as its highest panel.</summary>
internal static class PanelPlot
{
    private const double TotalWidth = 960;
    private const double TitleHeight = 26;

    /// <summary>a, b … z, aa, ab …</summary>
    public static string Letter(int i) => i < 26 ? $"{(char)('a' + i)}" : Letter(i / 26 - 1) + Letter(i % 26);

    public static (double Width, double Height) NaturalSize(PanelFigure figure) =>
        (TotalWidth, Top(figure) + figure.Panels.Chunk(figure.PanelsPerRow).Sum(row => RowHeight(row, TotalWidth / figure.PanelsPerRow)));

    public static void Draw(PanelFigure figure, SvgWriter svg, double width, double height)
    {
        svg.Text(12, 22, figure.Title, new TextStyle(PlotFrame.TitleSize + 1, Palette.Text, Bold: true));
        var cell = width / figure.PanelsPerRow;
        var natural = NaturalSize(figure).Height - Top(figure);
        var stretch = natural > 0 ? (height - Top(figure)) / natural : 1;
        var (y, index) = (Top(figure), 0);
        foreach (var row in figure.Panels.Chunk(figure.PanelsPerRow))
        {
            var high = RowHeight(row, TotalWidth / figure.PanelsPerRow) * stretch;
            for (var i = 0; i < row.Length; i++, index++)
            {
                svg.OpenAt(i * cell, y);
                svg.Open("g");
                Lettered(row[i], index).Draw(svg, cell, high);
                svg.Close("g");
                svg.Close("g");
            }

            y += high;
        }
    }

    private static double Top(PanelFigure figure) => figure.Title.Length > 0 ? TitleHeight : 0;

    private static Figure Lettered(Figure panel, int index) => panel with { Title = $"({Letter(index)}) {panel.Title}".TrimEnd() };

    // Narrow panels are squarer than single figures; image strips need only what they need.
    private static double RowHeight(Figure[] row, double cell) => row.Max(p =>
    {
        var (w, h) = p.NaturalSize();
        (w, h) = (p.Width ?? w, p.Height ?? h);
        return p is ImageStripFigure or PanelFigure ? h : Math.Min(h, Math.Max(300, Math.Min(0.85 * cell, h * Math.Sqrt(cell / w))));
    });
}
