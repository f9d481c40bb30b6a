using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Nabla.Experiments.Report;

/// <summary>Text on its way into a page: everything is escaped first, then a little markup becomes elements.</summary>
internal static partial class HtmlText
{
    /// <summary>Escaped for content and quoted attributes.</summary>
    public static string Escape(string text) => SvgWriter.Escape(text);

    /// <summary>Escaped, line breaks kept.</summary>
    public static string EscapeLines(string text) => string.Join("\n", text.ReplaceLineEndings("\n").Split('\n').Select(SvgWriter.Escape));

    /// <summary>Escaped, raised and lowered runs as sup and sub elements.</summary>
    public static string Raise(string text) => string.Concat(TextLayout.Runs(text).Select(run => run.Level switch
    {
        > 0 => $"<sup>{Escape(run.Text)}</sup>",
        < 0 => $"<sub>{Escape(run.Text)}</sub>",
        _ => Escape(run.Text),
    }));

    /// <summary>`code`, **bold**, *italic* and [text](https://…) within a line.</summary>
    public static string Inline(string text)
    {
        var parts = text.Split('`');
        var result = new StringBuilder();
        for (var i = 0; i < parts.Length; i++)
        {
            var isCode = i % 2 == 1 && i < parts.Length - 1;
            if (isCode) result.Append("<code>").Append(Escape(parts[i])).Append("</code>");
            else result.Append(i % 2 == 1 ? "`" : "").Append(Emphasis(Raise(parts[i])));
        }

        return result.ToString();
    }

    /// <summary>Paragraphs, headings and lists; blank lines part them.</summary>
    public static string Blocks(IEnumerable<string> notes)
    {
        var html = new StringBuilder();
        foreach (var block in notes.SelectMany(n => BlankLines().Split(n.ReplaceLineEndings("\n"))).Select(b => b.Trim()).Where(b => b.Length > 0))
        {
            var lines = block.Split('\n');
            if (lines.All(l => l.StartsWith("- ", StringComparison.Ordinal)))
                html.Append("<ul>").AppendJoin("", lines.Select(l => $"<li>{Inline(l[2..])}</li>")).Append("</ul>\n");
            else if (block.StartsWith('#') && lines.Length == 1)
                html.Append($"<h3>{Inline(block.TrimStart('#').Trim())}</h3>\n");
            else
                html.Append($"<p>{Inline(block)}</p>\n");
        }

        return html.ToString();
    }

    /// <summary>A number with raised digits as sup elements, its full value on hover.</summary>
    public static string Number(double value) =>
        $"<span title=\"{CsvTable.Number(value)}\">{Raise(NumberText.Value(value))}</span>";

    /// <summary>An https address for a paper's link, or null when it is neither an address nor an arXiv number.</summary>
    public static string? Address(string link)
    {
        link = link.Trim();
        var number = link.StartsWith("arXiv:", StringComparison.OrdinalIgnoreCase) ? link[6..].Trim() : link;
        if (ArXivNumber().IsMatch(number)) return $"https://arxiv.org/abs/{number}";
        return Uri.TryCreate(link, UriKind.Absolute, out var uri) && uri.Scheme is "https" or "http" ? uri.AbsoluteUri : null;
    }

    /// <summary>Whether a table cell reads as a number.</summary>
    public static bool IsNumber(string cell) =>
        double.TryParse(cell.Replace('−', '-').TrimEnd('%', ' '), NumberStyles.Float, CultureInfo.InvariantCulture, out _);

    private static string Emphasis(string escaped)
    {
        var text = Link().Replace(escaped, m => $"<a href=\"{m.Groups[2].Value}\">{m.Groups[1].Value}</a>");
        text = Bold().Replace(text, "<strong>$1</strong>");
        return Italic().Replace(text, "<em>$1</em>");
    }

    [GeneratedRegex(@"\n[ \t]*\n")]
    private static partial Regex BlankLines();

    [GeneratedRegex(@"^(\d{4}\.\d{4,5}|[a-z\-]+(\.[A-Z]{2})?/\d{7})(v\d+)?$")]
    private static partial Regex ArXivNumber();

    [GeneratedRegex(@"\[([^\]\[]+)\]\((https?://[^\s()]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"\*\*(?!\s)([^*]+?)(?<!\s)\*\*")]
    private static partial Regex Bold();

    [GeneratedRegex(@"(?<![\w*])\*(?![\s*])([^*]+?)(?<!\s)\*(?![\w*])")]
    private static partial Regex Italic();
}
