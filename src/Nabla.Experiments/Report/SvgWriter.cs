using System.Globalization;
using System.Text;

namespace Nabla.Experiments.Report;

/// <summary>Where a text is held.</summary>
internal enum Anchor
{
    Start,
    Middle,
    End,
}

/// <summary>
/// Writes SVG elements. Every colour is a presentation attribute (what editors and converters without CSS see) plus a class by which the
/// style sheet of <see cref="SvgDocument"/> changes it on dark screens.
/// </summary>
internal sealed class SvgWriter
{
    private readonly StringBuilder _text = new();
    private int _depth;

    /// <summary>What was written.</summary>
    public override string ToString() => _text.ToString();

    /// <summary>Hundredths of a pixel are enough, and keep the file small.</summary>
    public static string N(double value)
    {
        var rounded = Math.Round(value, 2, MidpointRounding.AwayFromZero);
        return (rounded == 0 ? 0 : rounded).ToString("0.##", CultureInfo.InvariantCulture);
    }

    /// <summary>Escapes text for XML content and attributes; characters that XML forbids become U+FFFD.</summary>
    public static string Escape(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                result.Append(c).Append(text[++i]);
                continue;
            }

            result.Append(c switch
            {
                '<' => "&lt;",
                '>' => "&gt;",
                '&' => "&amp;",
                '"' => "&quot;",
                '\'' => "&#39;",
                '\t' or '\n' or '\r' => " ",
                < ' ' or '\uFFFE' or '\uFFFF' => "\uFFFD",
                _ when char.IsSurrogate(c) => "\uFFFD",
                _ => c.ToString(),
            });
        }

        return result.ToString();
    }

    /// <summary>One line, indented by the open groups.</summary>
    public void Raw(string line) => _text.Append(' ', 2 * _depth).Append(line).Append('\n');

    public void Open(string element)
    {
        Raw($"<{element}>");
        _depth++;
    }

    public void Close(string name)
    {
        _depth--;
        Raw($"</{name}>");
    }

    /// <summary>A group whose content is moved.</summary>
    public void OpenAt(double x, double y) => Open($"g transform=\"translate({N(x)} {N(y)})\"");

    /// <summary>A group in which <c>currentColor</c> is a colour of the palette.</summary>
    public void OpenColor(Ink ink, string more = "") =>
        Open($"g class=\"{ink.Class}-c\" color=\"{ink.Color}\"{more}");

    /// <summary>A group that shows only what lies within [0, width] × [0, height]. The name follows from the size, so equal names mean equal regions.</summary>
    public void OpenClipped(double width, double height)
    {
        var id = $"nb-clip-{N(width)}x{N(height)}".Replace('.', '_');
        Raw($"<clipPath id=\"{id}\"><rect width=\"{N(width)}\" height=\"{N(height)}\"/></clipPath>");
        Open($"g clip-path=\"url(#{id})\"");
    }

    public void Line(double x1, double y1, double x2, double y2, Ink ink, double width = 1, string dash = "") =>
        Raw($"<line x1=\"{N(x1)}\" y1=\"{N(y1)}\" x2=\"{N(x2)}\" y2=\"{N(y2)}\" {Stroke(ink)} stroke-width=\"{N(width)}\"{Dash(dash)}/>");

    /// <summary>A stroked path in one of the fixed inks.</summary>
    public void Stroked(string d, Ink ink, double width = 1, string dash = "")
    {
        if (d.Length > 0) Raw($"<path d=\"{d}\" fill=\"none\" {Stroke(ink)} stroke-width=\"{N(width)}\"{Dash(dash)}/>");
    }

    /// <summary>A stroked path in the colour of the open group.</summary>
    public void Curve(string d, double width, double opacity = 1, string dash = "")
    {
        if (d.Length == 0) return;
        var faint = opacity < 1 ? $" stroke-opacity=\"{N(opacity)}\"" : "";
        Raw($"<path d=\"{d}\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"{N(width)}\"{faint} stroke-linejoin=\"round\"{Dash(dash)}/>");
    }

    /// <summary>A filled path in the colour of the open group.</summary>
    public void Filled(string d, double opacity = 1, string more = "")
    {
        if (d.Length == 0) return;
        var faint = opacity < 1 ? $" fill-opacity=\"{N(opacity)}\"" : "";
        Raw($"<path d=\"{d}\" fill=\"currentColor\"{faint}{more}/>");
    }

    public void Rect(double x, double y, double width, double height, Ink fill) =>
        Raw($"<rect x=\"{N(x)}\" y=\"{N(y)}\" width=\"{N(width)}\" height=\"{N(height)}\" class=\"{fill.Class}-f\" fill=\"{fill.Color}\"/>");

    public void Frame(double x, double y, double width, double height, Ink ink) =>
        Raw($"<rect x=\"{N(x)}\" y=\"{N(y)}\" width=\"{N(width)}\" height=\"{N(height)}\" fill=\"none\" {Stroke(ink)}/>");

    /// <summary>A raster in a box, its pixels as sharp squares.</summary>
    public void Image(double x, double y, double width, double height, byte[] png) =>
        Raw($"<image x=\"{N(x)}\" y=\"{N(y)}\" width=\"{N(width)}\" height=\"{N(height)}\" preserveAspectRatio=\"none\" " +
            $"style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{Convert.ToBase64String(png)}\"/>");

    /// <summary>A text on one line, its baseline at y. Raised and lowered digits (⁻³, ₁₀) become smaller tspans, which every font has.</summary>
    public void Text(double x, double y, string text, TextStyle style, Anchor anchor = Anchor.Start, double rotate = 0)
    {
        if (text.Length == 0) return;
        var turn = rotate == 0 ? "" : $" transform=\"rotate({N(rotate)} {N(x)} {N(y)})\"";
        var hold = anchor switch { Anchor.Middle => " text-anchor=\"middle\"", Anchor.End => " text-anchor=\"end\"", _ => "" };
        var weight = style.Bold ? " font-weight=\"600\"" : "";
        var halo = style.Halo is { } h ? $" paint-order=\"stroke\" {Stroke(h)} stroke-width=\"3\" stroke-linejoin=\"round\"" : "";
        var classes = style.Halo is { } k ? $"{style.Ink.Class}-f {k.Class}" : $"{style.Ink.Class}-f";
        halo = halo.Replace($"class=\"{style.Halo?.Class}\" ", "");
        Raw($"<text x=\"{N(x)}\" y=\"{N(y)}\" class=\"{classes}\" fill=\"{style.Ink.Color}\" font-size=\"{N(style.Size)}\"{weight}{hold}{halo}{turn}>{TextLayout.Markup(text, style.Size)}</text>");
    }

    private static string Stroke(Ink ink) => $"class=\"{ink.Class}\" stroke=\"{ink.Color}\"";

    private static string Dash(string dash) => dash.Length == 0 ? "" : $" stroke-dasharray=\"{dash}\"";
}

/// <summary>How a text looks.</summary>
internal readonly record struct TextStyle(double Size, Ink Ink, bool Bold = false, Ink? Halo = null);
