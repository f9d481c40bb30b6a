using System.Text.RegularExpressions;
using Nabla.Experiments.Report;

namespace Nabla.Tests.Experiments;

public sealed class ReportTests
{
    private static readonly ReportCheck Pass = new("late sharpness", 1.01, "in [0.97, 1.05]", true) { Min = 0.97, Max = 1.05 };
    private static readonly ReportCheck Fail = new("slope", double.NaN, "≥ 2", false) { Min = 2 };

    private static ReportModel Model(params ReportCheck[] checks) => new()
    {
        Id = "edge-of-stability",
        Title = "Edge of stability",
        Claim = "Sharpness rises to 2/η.",
        Papers = [new ReportPaper("Cohen et al. 2021", "2103.00065"), new ReportPaper("A page", "https://example.org/a?b=1&c=2"), new ReportPaper("A trap", "javascript:alert(1)")],
        Checks = checks,
        Options = [new ReportOption("rate", "0.02", "0.01", "learning rate")],
        Environment = [new ReportFact("device", "cpu")],
        Notes = ["First `a*b`.\n\n- one\n- **two**"],
        Tables = [new ReportTable("Values", ["name", "value"], [["a", "1.5"], ["b", "−2e-3"]])],
        Figures = [new ReportFigure("loss", new LineFigure("Loss", "step", "loss", new Series("s", [0, 1], [1, 2])), "Loss over steps.")],
        CommandLine = "nabla run edge-of-stability",
    };

    [Theory]
    [InlineData(0, 0, "Nothing was checked")]
    [InlineData(1, 0, "The check holds")]
    [InlineData(3, 0, "All 3 checks hold")]
    [InlineData(0, 1, "The check fails")]
    [InlineData(2, 1, "1 of 3 checks fails")]
    [InlineData(1, 2, "2 of 3 checks fail")]
    public void The_verdict_counts_what_fails(int pass, int fail, string expected) =>
        Assert.Contains($"<strong>{expected}</strong>",
            HtmlReport.Render(Model([.. Enumerable.Repeat(Pass, pass), .. Enumerable.Repeat(Fail, fail)])));

    [Fact]
    public void The_page_loads_nothing_from_outside()
    {
        var html = HtmlReport.Render(Model(Pass, Fail));
        Assert.Contains("default-src 'none'", html);
        Assert.DoesNotContain("<script", html);
        Assert.DoesNotContain("<link", html);
        Assert.DoesNotContain("@import", html);
        Assert.DoesNotContain("url(http", html);
        Assert.DoesNotMatch("""\bsrc=""", html);
        foreach (Match match in Regex.Matches(html, """<(\w+)[^>]*?\s(?:xlink:)?href="([^"]*)"(?=[^>]*>)"""))
        {
            if (match.Groups[1].Value == "a") Assert.Matches("^(https?://|figures/)", match.Groups[2].Value);
            else Assert.StartsWith("data:", match.Groups[2].Value);
        }
    }

    [Fact]
    public void Papers_link_to_arxiv_and_web_pages_only()
    {
        var html = HtmlReport.Render(Model(Pass));
        Assert.Contains("<a href=\"https://arxiv.org/abs/2103.00065\">arXiv:2103.00065</a>", html);
        Assert.Contains("<a href=\"https://example.org/a?b=1&amp;c=2\">example.org</a>", html);
        Assert.DoesNotContain("href=\"javascript", html);
    }

    [Fact]
    public void Every_text_of_the_model_is_escaped()
    {
        const string evil = "<img src=x onerror=alert(1)>\"'&";
        var model = Model(new ReportCheck(evil, 1, evil, true, evil, true)) with
        {
            Id = evil,
            Title = evil,
            Claim = evil,
            Date = evil,
            CommandLine = evil,
            Notes = [evil, "[" + evil + "](https://x.org/\"onclick=1)", "## " + evil, "- " + evil],
            Papers = [new ReportPaper(evil, evil)],
            Options = [new ReportOption(evil, evil, evil, evil)],
            Environment = [new ReportFact(evil, evil)],
            Tables = [new ReportTable(evil, [evil], [[evil]])],
            Figures = [new ReportFigure(evil, new LineFigure(evil, evil, evil), evil)],
        };
        var html = HtmlReport.Render(model);
        Assert.DoesNotContain("<img", html);
        Assert.DoesNotMatch("""<[^>]*"onclick""", html);
        Assert.Contains("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;", html);
    }

    [Fact]
    public void Figures_are_numbered_and_link_to_their_files()
    {
        var html = HtmlReport.Render(Model(Pass));
        Assert.Contains("<b>Figure 1.</b> Loss over steps.", html);
        Assert.Contains("<a href=\"figures/loss.svg\">SVG</a> <a href=\"figures/loss.csv\">CSV</a>", html);
        Assert.Contains("<b>Table 1.</b> Values", html);
        Assert.Contains("<td class=\"right\">−2e-3</td>", html);
    }

    [Fact]
    public void Light_markup_becomes_elements()
    {
        Assert.Equal("<strong>b</strong> <em>i</em> <code>a*b*c</code> a*b*c 2*3", HtmlText.Inline("**b** *i* `a*b*c` a*b*c 2*3"));
        Assert.Equal("10<sup>−4</sup>, λ<sub>1</sub>, n<sup>1/2</sup>, one ` tick", HtmlText.Inline("10⁻⁴, λ₁, n^{1/2}, one ` tick"));
        Assert.Equal("<h3>Head</h3>\n<p>One\n two</p>\n<ul><li>a</li><li>b</li></ul>\n".Replace("\n two", " two"), HtmlText.Blocks(["## Head\n\nOne two\n\n- a\n- b"]));
    }

    [Fact]
    public void Bullet_charts_show_where_the_value_lies()
    {
        Assert.Contains("<circle class=\"pass\"", BulletChart.Render(Pass));
        Assert.Contains("<circle class=\"fail\"", BulletChart.Render(Pass with { Measured = 0.96, Passed = false }));
        Assert.Contains("<path class=\"fail\"", BulletChart.Render(Pass with { Measured = 50, Passed = false }));
        Assert.Empty(BulletChart.Render(Fail));
        Assert.Empty(BulletChart.Render(Pass with { Min = null, Max = null }));
    }

    [Fact]
    public void Sparklines_have_one_block_for_each_column()
    {
        Assert.Equal("▁▂▃▄▅▆▇█", TerminalPlot.Sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8));
        Assert.Equal("▁ █", TerminalPlot.Sparkline([1, double.NaN, 2], 8));
        Assert.Equal(10, TerminalPlot.Sparkline([.. Enumerable.Range(0, 1000).Select(i => (double)i)], 10).Length);
        Assert.Equal("", TerminalPlot.Sparkline([], 10));
        Assert.Equal("▄▄", TerminalPlot.Sparkline([3, 3], 10));
    }
}
