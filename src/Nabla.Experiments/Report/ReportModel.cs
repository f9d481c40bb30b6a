namespace Nabla.Experiments.Report;

/// <summary>Everything that a report says about one run, as plain data. <see cref="HtmlReport.Render"/> makes the page.</summary>
public sealed record ReportModel
{
    /// <summary>Identifier of the experiment, such as <c>edge-of-stability</c>.</summary>
    public required string Id { get; init; }

    /// <summary>Heading.</summary>
    public required string Title { get; init; }

    /// <summary>The claim under test, in a sentence or two.</summary>
    public string Claim { get; init; } = "";

    /// <summary>Where the claim comes from.</summary>
    public IReadOnlyList<ReportPaper> Papers { get; init; } = [];

    /// <summary>The resolved options.</summary>
    public IReadOnlyList<ReportOption> Options { get; init; } = [];

    /// <summary>What was checked. With no checks the verdict says that nothing was checked.</summary>
    public IReadOnlyList<ReportCheck> Checks { get; init; } = [];

    /// <summary>Why the run did not come to its end, as a headline and a sentence; null: it did. No verdict is given then.</summary>
    public (string Headline, string Detail)? Unfinished { get; init; }

    /// <summary>Everything else that decides the numbers: device, threads, versions, commit, seed, wall time.</summary>
    public IReadOnlyList<ReportFact> Environment { get; init; } = [];

    /// <summary>Findings, paragraph by paragraph. Light markup: <c>`code`</c>, <c>**bold**</c>, <c>*italic*</c>, links
    /// <c>[text](https://…)</c>, a leading <c>## </c> for a heading, and lines that begin with <c>- </c> for a list.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Figures, numbered in this order.</summary>
    public IReadOnlyList<ReportFigure> Figures { get; init; } = [];

    /// <summary>Tables, numbered in this order.</summary>
    public IReadOnlyList<ReportTable> Tables { get; init; } = [];

    /// <summary>The command line that repeats the run; empty: none is shown.</summary>
    public string CommandLine { get; init; } = "";

    /// <summary>When the run began, as text; empty: not shown.</summary>
    public string Date { get; init; } = "";

    /// <summary>Folder of the figures' own files, relative to the page.</summary>
    public string FigureFolder { get; init; } = "figures";
}

/// <summary>A source.</summary>
/// <param name="Text">Citation, such as <c>Cohen et al. 2021, Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability</c>.</param>
/// <param name="Link">An https address, or an arXiv number such as <c>2103.00065</c>; empty: no link.</param>
public sealed record ReportPaper(string Text, string Link = "");

/// <summary>One resolved option.</summary>
/// <param name="Name">Name as on the command line.</param>
/// <param name="Value">Value of this run.</param>
/// <param name="Default">Value when the user says nothing.</param>
/// <param name="Doc">What it means.</param>
public sealed record ReportOption(string Name, string Value, string Default = "", string Doc = "");

/// <summary>One row of a list of facts.</summary>
/// <param name="Name">What.</param>
/// <param name="Value">Its value.</param>
public sealed record ReportFact(string Name, string Value);

/// <summary>One check: a measured number and its bound.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Measured">The number; NaN when it could not be measured (which never passes).</param>
/// <param name="Bound">The bound as text, such as <c>in [0.97, 1]</c> or <c>≥ 2</c>.</param>
/// <param name="Passed">Whether the bound holds.</param>
/// <param name="Note">How it was measured, or what it means.</param>
/// <param name="IsControl">True: a negative control, where the phenomenon must be absent.</param>
public sealed record ReportCheck(string Name, double Measured, string Bound, bool Passed, string Note = "", bool IsControl = false)
{
    /// <summary>Lower bound; null: none. Only for the small chart beside the bound.</summary>
    public double? Min { get; init; }

    /// <summary>Upper bound; null: none. Only for the small chart beside the bound.</summary>
    public double? Max { get; init; }
}

/// <summary>A figure of a report. Its files are <c>figures/{id}.svg</c> and <c>figures/{id}.csv</c>.</summary>
/// <param name="Id">File name without ending: letters, digits, <c>-</c>, <c>_</c>.</param>
/// <param name="Svg">The figure, drawn: what <see cref="Report.Figure.ToSvg"/> gives, or a file that holds it.</param>
/// <param name="Caption">What to see in it (light markup as in the notes).</param>
public sealed record ReportFigure(string Id, string Svg, string Caption = "")
{
    /// <summary>Draws <paramref name="figure"/>.</summary>
    public ReportFigure(string id, Figure figure, string caption = "") : this(id, figure.ToSvg(), caption)
    {
    }
}

/// <summary>A table of a report; cells that read as numbers are aligned right.</summary>
/// <param name="Caption">What it shows.</param>
/// <param name="Columns">Column headings.</param>
/// <param name="Rows">Cells, row by row.</param>
public sealed record ReportTable(string Caption, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows);
