using System.Text;

namespace Nabla.Experiments.Report;

/// <summary>
/// One self-contained HTML page about a run: no script, no external font, image or style (a content security policy forbids them), light and
/// dark, printable. Every text of the model is escaped.
/// </summary>
public static class HtmlReport
{
    /// <summary>The page.</summary>
    /// <exception cref="ExperimentException">NB0790: arrays of a figure do not fit together.</exception>
    public static string Render(ReportModel model)
    {
        var html = new StringBuilder();
        html.Append($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
            <title>{HtmlText.Escape(model.Title)}</title>
            <style>{HtmlStyle.Sheet}</style>
            </head>
            <body>
            <main>

            """);
        Header(html, model);
        Verdict(html, model);
        Checks(html, model.Checks);
        if (model.Notes.Count > 0) html.Append($"<section>\n<h2>Findings</h2>\n{HtmlText.Blocks(model.Notes)}</section>\n");
        Figures(html, model);
        Tables(html, model.Tables);
        Options(html, model.Options);
        Reproduction(html, model);
        html.Append("</main>\n</body>\n</html>\n");
        return html.ToString();
    }

    private static void Header(StringBuilder html, ReportModel model)
    {
        html.Append($"<header>\n<p class=\"kicker\"><span>{HtmlText.Escape(model.Id)}</span>");
        if (model.Date.Length > 0) html.Append($"<span>{HtmlText.Escape(model.Date)}</span>");
        html.Append($"</p>\n<h1>{HtmlText.Inline(model.Title)}</h1>\n");
        if (model.Claim.Length > 0) html.Append($"<p class=\"claim\">{HtmlText.Inline(model.Claim)}</p>\n");
        if (model.Papers.Count > 0)
            html.Append("<ul class=\"papers\">").AppendJoin("", model.Papers.Select(p => $"<li>{Paper(p)}</li>")).Append("</ul>\n");
        html.Append("</header>\n");
    }

    private static string Paper(ReportPaper paper)
    {
        var text = HtmlText.Inline(paper.Text);
        if (paper.Link.Length == 0) return text;
        if (HtmlText.Address(paper.Link) is not { } address) return $"{text} ({HtmlText.Escape(paper.Link)})";
        var shown = address.StartsWith("https://arxiv.org/abs/", StringComparison.Ordinal) ? "arXiv:" + address["https://arxiv.org/abs/".Length..] : new Uri(address).Host;
        return $"{text} <a href=\"{HtmlText.Escape(address)}\">{HtmlText.Escape(shown)}</a>";
    }

    private static void Verdict(StringBuilder html, ReportModel model)
    {
        if (model.Unfinished is { } unfinished)
        {
            html.Append("<div class=\"verdict fail\" role=\"status\"><span class=\"mark\" aria-hidden=\"true\">–</span>" +
                $"<div><strong>{HtmlText.Inline(unfinished.Headline)}</strong><p>{HtmlText.Escape(unfinished.Detail)}</p></div></div>\n");
            return;
        }

        var failed = model.Checks.Where(c => !c.Passed).ToList();
        var total = model.Checks.Count;
        var controls = model.Checks.Count(c => c.IsControl);
        var (kind, mark, text) = (total, failed.Count) switch
        {
            (0, _) => ("none", "–", "Nothing was checked"),
            (1, 0) => ("pass", "✓", "The check holds"),
            (_, 0) => ("pass", "✓", $"All {total} checks hold"),
            (1, _) => ("fail", "✗", "The check fails"),
            (_, 1) => ("fail", "✗", $"1 of {total} checks fails"),
            _ => ("fail", "✗", $"{failed.Count} of {total} checks fail"),
        };
        html.Append($"<div class=\"verdict {kind}\" role=\"status\"><span class=\"mark\" aria-hidden=\"true\">{mark}</span><div><strong>{text}</strong>");
        if (failed.Count > 0) html.Append($"<p>{string.Join("; ", failed.Select(c => HtmlText.Inline(c.Name)))}</p>");
        else if (controls > 0) html.Append($"<p>{controls} of them {(controls == 1 ? "is a negative control" : "are negative controls")}: settings where the effect must be absent.</p>");
        html.Append("</div></div>\n");
    }

    private static void Checks(StringBuilder html, IReadOnlyList<ReportCheck> checks)
    {
        if (checks.Count == 0) return;
        html.Append("<section>\n<h2>Checks</h2>\n<div class=\"scroll\"><table class=\"checks\">\n<thead><tr><th class=\"state\"></th><th>Check</th>" +
            "<th class=\"right\">Measured</th><th>Bound</th><th aria-label=\"Position\"></th></tr></thead>\n<tbody>\n");
        foreach (var check in checks)
        {
            var control = check.IsControl ? " <span class=\"badge\">control</span>" : "";
            var note = check.Note.Length > 0 ? $"<div class=\"note\">{HtmlText.Inline(check.Note)}</div>" : "";
            html.Append($"<tr class=\"{(check.Passed ? "pass" : "fail")}\"><td class=\"state\"><span>{(check.Passed ? "✓" : "✗")}</span>" +
                $"<span class=\"sr\">{(check.Passed ? "holds" : "fails")}</span></td><td>{HtmlText.Inline(check.Name)}{control}{note}</td>" +
                $"<td class=\"right\">{HtmlText.Number(check.Measured)}</td><td class=\"bound\">{HtmlText.Raise(check.Bound)}</td>" +
                $"<td class=\"chart\">{BulletChart.Render(check)}</td></tr>\n");
        }

        html.Append("</tbody>\n</table></div>\n</section>\n");
    }

    private static void Figures(StringBuilder html, ReportModel model)
    {
        if (model.Figures.Count == 0) return;
        html.Append("<section>\n<h2>Figures</h2>\n");
        for (var i = 0; i < model.Figures.Count; i++)
        {
            var figure = model.Figures[i];
            var file = HtmlText.Escape($"{model.FigureFolder}/{Uri.EscapeDataString(figure.Id)}");
            html.Append($"<figure id=\"{HtmlText.Escape($"fig-{figure.Id}")}\">\n<div class=\"canvas\">{figure.Svg}</div>\n" +
                $"<figcaption><b>Figure {i + 1}.</b> {HtmlText.Inline(figure.Caption)} " +
                $"<span class=\"files\"><a href=\"{file}.svg\">SVG</a> <a href=\"{file}.csv\">CSV</a></span></figcaption>\n</figure>\n");
        }

        html.Append("</section>\n");
    }

    private static void Tables(StringBuilder html, IReadOnlyList<ReportTable> tables)
    {
        if (tables.Count == 0) return;
        html.Append("<section>\n<h2>Tables</h2>\n");
        for (var i = 0; i < tables.Count; i++)
        {
            var table = tables[i];
            bool[] right = [.. table.Columns.Select((_, c) => c > 0 && table.Rows.Count > 0 && table.Rows.All(r => c >= r.Count || r[c].Length == 0 || HtmlText.IsNumber(r[c])))];
            html.Append($"<div class=\"scroll\"><table class=\"data\">\n<caption><b>Table {i + 1}.</b> {HtmlText.Inline(table.Caption)}</caption>\n<thead><tr>")
                .AppendJoin("", table.Columns.Select((c, k) => Cell("th", HtmlText.Inline(c), right[k]))).Append("</tr></thead>\n<tbody>\n");
            foreach (var row in table.Rows)
                html.Append("<tr>").AppendJoin("", row.Select((c, k) => Cell("td", HtmlText.Inline(c), k < right.Length && right[k]))).Append("</tr>\n");
            html.Append("</tbody>\n</table></div>\n");
        }

        html.Append("</section>\n");
    }

    private static string Cell(string element, string content, bool right) =>
        right ? $"<{element} class=\"right\">{content}</{element}>" : $"<{element}>{content}</{element}>";

    private static void Options(StringBuilder html, IReadOnlyList<ReportOption> options)
    {
        if (options.Count == 0) return;
        html.Append("<section>\n<h2>Options</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>Name</th><th class=\"right\">Value</th><th class=\"right\">Default</th><th>Meaning</th></tr></thead>\n<tbody>\n");
        foreach (var o in options)
        {
            var changed = o.Default.Length > 0 && o.Value != o.Default ? " class=\"changed\"" : "";
            html.Append($"<tr{changed}><td><code>{HtmlText.Escape(o.Name)}</code></td><td class=\"right value\">{HtmlText.Escape(o.Value)}</td>" +
                $"<td class=\"right muted\">{HtmlText.Escape(o.Default)}</td><td>{HtmlText.Inline(o.Doc)}</td></tr>\n");
        }

        html.Append("</tbody>\n</table></div>\n</section>\n");
    }

    private static void Reproduction(StringBuilder html, ReportModel model)
    {
        if (model.CommandLine.Length == 0 && model.Environment.Count == 0) return;
        html.Append("<section>\n<h2>Reproduction</h2>\n");
        if (model.CommandLine.Length > 0) html.Append($"<pre><code>{HtmlText.EscapeLines(model.CommandLine)}</code></pre>\n");
        if (model.Environment.Count > 0)
        {
            html.Append("<dl>").AppendJoin("", model.Environment.Select(f => $"<div><dt>{HtmlText.Escape(f.Name)}</dt><dd>{HtmlText.Escape(f.Value)}</dd></div>"))
                .Append("</dl>\n");
        }

        html.Append("</section>\n");
    }
}
