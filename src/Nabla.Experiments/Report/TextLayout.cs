using System.Text;

namespace Nabla.Experiments.Report;

/// <summary>Estimated widths of text, raised and lowered digits, and line breaking.</summary>
internal static class TextLayout
{
    private const string Raised = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺";
    private const string Lowered = "₀₁₂₃₄₅₆₇₈₉₋₊";
    private const string Plain = "0123456789−+";
    private const double SmallSize = 0.74;

    // Advance widths of ' ' to '~' in Helvetica, in thousandths of the font size (Adobe's font metrics); Arial and Liberation Sans share them.
    private static readonly short[] s_widths =
    [
        278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278,
        584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944,
        667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
        278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
    ];

    /// <summary>Estimated width in pixels.</summary>
    public static double Width(string text, double size, bool bold = false)
    {
        var sum = 0.0;
        foreach (var (run, level) in Runs(text))
        {
            foreach (var c in run) sum += Advance(c) * (level == 0 ? 1 : SmallSize);
        }

        return sum * size / 1000 * (bold ? 1.06 : 1);
    }

    /// <summary>Escaped text with raised and lowered runs as tspans that return to the baseline afterwards.</summary>
    public static string Markup(string text, double size)
    {
        var result = new StringBuilder();
        var back = 0.0;
        foreach (var (run, level) in Runs(text))
        {
            var escaped = SvgWriter.Escape(run);
            if (level == 0)
            {
                result.Append(back == 0 ? escaped : $"<tspan dy=\"{SvgWriter.N(back)}\">{escaped}</tspan>");
                back = 0;
                continue;
            }

            var shift = level > 0 ? 0.36 * size : -0.2 * size;
            result.Append($"<tspan dy=\"{SvgWriter.N(back - shift)}\" font-size=\"{SvgWriter.N(SmallSize * size)}\">{escaped}</tspan>");
            back = shift;
        }

        return result.ToString();
    }

    /// <summary>
    /// Text in runs on the baseline (level 0), raised (1) and lowered (−1). Raised are Unicode's small digits (⁻³) and what stands in
    /// <c>^{…}</c>, lowered its low digits (₁₀) and what stands in <c>_{…}</c>.
    /// </summary>
    public static List<(string Text, int Level)> Runs(string text)
    {
        var runs = new List<(string Text, int Level)>();
        for (var i = 0; i < text.Length;)
        {
            var close = text[i] is '^' or '_' && i + 1 < text.Length && text[i + 1] == '{' ? text.IndexOf('}', i) : -1;
            var (piece, level, next) = close > 0
                ? (text[(i + 2)..close], text[i] == '^' ? 1 : -1, close + 1)
                : (PlainDigit(text[i]), Level(text[i]), i + 1);
            if (runs.Count > 0 && runs[^1].Level == level) runs[^1] = (runs[^1].Text + piece, level);
            else runs.Add((piece, level));
            i = next;
        }

        return runs;
    }

    /// <summary>The text in lines that are at most <paramref name="width"/> wide where its spaces allow it.</summary>
    public static List<string> Wrap(string text, double size, double width, bool bold = false)
    {
        var lines = new List<string>();
        var line = "";
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var longer = line.Length == 0 ? word : $"{line} {word}";
            if (line.Length > 0 && Width(longer, size, bold) > width)
            {
                lines.Add(line);
                longer = word;
            }

            line = longer;
        }

        if (line.Length > 0) lines.Add(line);
        return lines;
    }

    /// <summary>The text cut to a width, an ellipsis at its end when something is missing.</summary>
    public static string Fit(string text, double size, double width)
    {
        if (Width(text, size) <= width) return text;
        var length = text.Length;
        while (length > 1 && Width(text[..length] + "…", size) > width) length--;
        if (char.IsHighSurrogate(text[length - 1])) length--;
        return text[..length].TrimEnd() + "…";
    }

    /// <summary>An integer in raised digits.</summary>
    public static string Superscript(int value) =>
        string.Concat($"{value}".Select(c => c == '-' ? '⁻' : Raised[c - '0']));

    private static int Level(char c) => Raised.Contains(c) ? 1 : Lowered.Contains(c) ? -1 : 0;

    private static string PlainDigit(char c) =>
        Level(c) == 0 ? c.ToString() : Plain[Math.Max(Raised.IndexOf(c), Lowered.IndexOf(c))].ToString();

    private static double Advance(char c) => c switch
    {
        >= ' ' and <= '~' => s_widths[c - ' '],
        _ when char.IsLowSurrogate(c) => 0,
        >= '\u2E80' => 1000, // East Asian
        _ => 590,
    };
}
