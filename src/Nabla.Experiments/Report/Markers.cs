using System.Text;

namespace Nabla.Experiments.Report;

/// <summary>Point symbols. All points of a series are one path.</summary>
internal static class Markers
{
    private static readonly MarkerShape[] s_order =
    [
        MarkerShape.Circle, MarkerShape.Square, MarkerShape.TriangleUp, MarkerShape.Diamond,
        MarkerShape.TriangleDown, MarkerShape.Plus, MarkerShape.Cross, MarkerShape.Ring,
    ];

    /// <summary>The shape of the i-th series when the user chose none.</summary>
    public static MarkerShape Choose(MarkerShape wish, int i) => wish == MarkerShape.Auto ? s_order[i % s_order.Length] : wish;

    /// <summary>Draws points in the colour of the open group; solid shapes get a thin edge in the background's colour, beneath: points that coincide stay solid.</summary>
    public static void Draw(SvgWriter svg, MarkerShape shape, IEnumerable<(double X, double Y)> points, double radius, double opacity = 1)
    {
        if (shape is MarkerShape.None or MarkerShape.Auto) return;
        var d = new StringBuilder();
        foreach (var (x, y) in points) d.Append(Path(shape, x, y, radius));
        if (shape is MarkerShape.Plus or MarkerShape.Cross or MarkerShape.Ring) svg.Curve(d.ToString(), 1.6, opacity);
        else svg.Filled(d.ToString(), opacity, $" class=\"{Palette.Background.Class}\" stroke=\"{Palette.Background.Color}\" stroke-width=\"1.4\" paint-order=\"stroke\"");
    }

    private static string Path(MarkerShape shape, double x, double y, double r)
    {
        static string P(double a, double b) => $"{SvgWriter.N(a)} {SvgWriter.N(b)}";
        var (s, t) = (r * 0.89, r * 1.15); // squares and triangles about as large as the disc
        return shape switch
        {
            MarkerShape.Square => $"M{P(x - s, y - s)}h{SvgWriter.N(2 * s)}v{SvgWriter.N(2 * s)}h{SvgWriter.N(-2 * s)}z",
            MarkerShape.TriangleUp => $"M{P(x, y - t)}L{P(x + t, y + 0.8 * t)}L{P(x - t, y + 0.8 * t)}z",
            MarkerShape.TriangleDown => $"M{P(x, y + t)}L{P(x + t, y - 0.8 * t)}L{P(x - t, y - 0.8 * t)}z",
            MarkerShape.Diamond => $"M{P(x, y - 1.25 * r)}L{P(x + 1.25 * r, y)}L{P(x, y + 1.25 * r)}L{P(x - 1.25 * r, y)}z",
            MarkerShape.Plus => $"M{P(x - r, y)}h{SvgWriter.N(2 * r)}M{P(x, y - r)}v{SvgWriter.N(2 * r)}",
            MarkerShape.Cross => $"M{P(x - s, y - s)}L{P(x + s, y + s)}M{P(x - s, y + s)}L{P(x + s, y - s)}",
            _ => $"M{P(x - r, y)}a{P(r, r)} 0 1 0 {P(2 * r, 0)}a{P(r, r)} 0 1 0 {P(-2 * r, 0)}z",
        };
    }
}
