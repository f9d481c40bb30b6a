namespace Nabla.Experiments.Report;

/// <summary>A small drawing of where a measured value lies relative to its bounds: allowed values shaded, the measured one a dot.</summary>
internal static class BulletChart
{
    private const double Width = 132;
    private const double Height = 18;
    private const double Inset = 8;

    /// <summary>Inline SVG; empty when there is no bound or no finite value to show.</summary>
    public static string Render(ReportCheck check)
    {
        if ((check.Min is null && check.Max is null) || double.IsNaN(check.Measured)) return "";
        var (low, high) = Extent(check);
        if (!(high > low) || !double.IsFinite(high - low)) return "";
        double Map(double v) => Inset + (Width - 2 * Inset) * Math.Clamp((v - low) / (high - low), 0, 1);
        var from = check.Min is { } min ? Map(min) : 0;
        var to = check.Max is { } max ? Map(max) : Width;
        Func<double, string> n = SvgWriter.N;
        var bounds = string.Concat(new[] { check.Min, check.Max }.OfType<double>().Select(b => $"<path class=\"bound\" d=\"M{n(Map(b))} 2v14\"/>"));
        return $"<svg class=\"bullet\" viewBox=\"0 0 {n(Width)} {n(Height)}\" width=\"{n(Width)}\" height=\"{n(Height)}\" aria-hidden=\"true\">" +
            $"<path class=\"track\" d=\"M0 9h{n(Width)}\"/><rect class=\"allowed\" x=\"{n(from)}\" y=\"4\" width=\"{n(Math.Max(1.5, to - from))}\" height=\"10\"/>" +
            $"{bounds}{Value(check, low, high, Map(check.Measured))}</svg>";
    }

    // Values far outside become an arrow at the end of the track.
    private static string Value(ReportCheck check, double low, double high, double x)
    {
        var color = check.Passed ? "pass" : "fail";
        Func<double, string> n = SvgWriter.N;
        if (check.Measured > high) return $"<path class=\"{color}\" d=\"M{n(Width - 9)} 4l8 5l-8 5z\"/>";
        if (check.Measured < low) return $"<path class=\"{color}\" d=\"M9 4l-8 5l8 5z\"/>";
        return $"<circle class=\"{color}\" cx=\"{n(x)}\" cy=\"9\" r=\"4.5\"/>";
    }

    // Two bounds: the interval and half of it on either side. One bound: it stands in the middle third, the value on its side.
    private static (double Low, double High) Extent(ReportCheck check)
    {
        if (check.Min is { } min && check.Max is { } max)
        {
            var reach = max > min ? max - min : Math.Max(Math.Abs(max) * 0.1, double.Epsilon * 4);
            return (min - reach / 2, max + reach / 2);
        }

        var bound = check.Min ?? check.Max!.Value;
        var distance = double.IsFinite(check.Measured) ? Math.Abs(check.Measured - bound) : 0;
        var span = Math.Max(distance * 1.25, Math.Max(Math.Abs(bound) * 0.05, 1e-12));
        return (bound - span, bound + span);
    }
}
