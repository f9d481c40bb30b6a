namespace Nabla.Experiments.Report;

/// <summary>The frame of an SVG file: size, style, accessible name, background.</summary>
internal static class SvgDocument
{
    /// <summary>Fonts with the metrics of <see cref="TextLayout"/>, then whatever the system has.</summary>
    public const string Fonts = "Helvetica Neue,Helvetica,Arial,Liberation Sans,sans-serif";

    public static string Render(Figure figure, double width, double height)
    {
        var svg = new SvgWriter();
        var (w, h) = (SvgWriter.N(width), SvgWriter.N(height));
        svg.Open($"svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" " +
            $"font-family=\"{Fonts}\" font-size=\"12\"");
        svg.Raw($"<title>{SvgWriter.Escape(figure.Title.Length > 0 ? figure.Title : "Figure")}</title>");
        svg.Raw($"<desc>{SvgWriter.Escape(figure.Description.Length > 0 ? figure.Description : figure.Summary())}</desc>");
        svg.Raw($"<style>{Palette.StyleSheet}</style>");
        svg.Rect(0, 0, width, height, Palette.Background);
        figure.Draw(svg, width, height);
        svg.Close("svg");
        return svg.ToString();
    }
}
