using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Nabla.Experiments.Report;

namespace Nabla.Experiments.Runs;

/// <summary>The report of a run, from its record and the SVG files beside it; so a page can be made again from a folder.</summary>
internal static partial class ReportOf
{
    /// <summary>The page as HTML.</summary>
    /// <param name="record">The run.</param>
    /// <param name="options">Defaults and meaning of the options, if the experiment is known.</param>
    /// <param name="svg">The drawing of a figure.</param>
    public static string Render(RunRecord record, IReadOnlyList<OptionInfo> options, Func<FigureRecord, string> svg) => HtmlReport.Render(new ReportModel
    {
        Id = record.Id,
        Title = record.Title,
        Claim = record.Claim,
        Papers = [.. record.Papers.Select(Paper)],
        Options = [.. record.Options.Select(pair => Option(pair.Key, pair.Value, options.FirstOrDefault(o => o.Name == pair.Key)))],
        Checks = [.. record.Checks.Select(c => new ReportCheck(c.Name, c.Value, RunText.Bound(c.Min, c.Max), c.Passed, c.Note ?? "", c.Control) { Min = c.Min, Max = c.Max })],
        Unfinished = Unfinished(record),
        Environment = Facts(record),
        Notes = Notes(record),
        Figures = [.. record.Figures.Select(f => new ReportFigure(f.Id, svg(f), f.Caption))],
        Tables = [.. record.Tables.Select(t => new ReportTable(t.Caption, t.Columns, t.Rows))],
        CommandLine = record.CommandLine,
        Date = record.StartedAt.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture),
    });

    // The page shows the link as arXiv:NUMBER, so the text need not repeat it.
    private static ReportPaper Paper(string text) => ArxivNumber().Match(text) is { Success: true } match
        ? new ReportPaper(text.Remove(match.Index, match.Length), match.Groups[1].Value)
        : new ReportPaper(text);

    private static (string, string)? Unfinished(RunRecord record) => record.Status switch
    {
        RunStatus.Interrupted => ("The run was interrupted", "Below is what had been measured until then."),
        RunStatus.Error => ("An error stopped the run", record.Error ?? ""),
        RunStatus.Running => ("The run has not ended", "It is still going on, or was killed."),
        _ => null,
    };

    private static ReportOption Option(string name, JsonNode? value, OptionInfo? info) =>
        new(name, Plain(value), OptionInfo.Format(info?.Default), info?.Doc ?? "");

    private static string Plain(JsonNode? value) => value switch
    {
        null => "",
        JsonArray list => string.Join(',', list.Select(Plain)),
        _ => value.ToString(),
    };

    private static List<string> Notes(RunRecord record)
    {
        var notes = new List<string>();
        if (record.Quick) notes.Add("This is the quick form of the protocol.");
        notes.AddRange(record.Findings);
        return notes;
    }

    private static IReadOnlyList<ReportFact> Facts(RunRecord record) =>
    [
        new("Seeds", string.Join(", ", record.Seeds)),
        new("Element type", record.DType),
        new("Device", $"{record.Device}: {record.Machine.DeviceDescription}"),
        new("Threads", record.Machine.Threads.ToString(CultureInfo.InvariantCulture)),
        new("Processor", record.Machine.Cpu),
        new("System", record.Machine.Os),
        new(".NET", record.Machine.Dotnet),
        new("Nabla", $"{record.Machine.Nabla}, commit {record.Machine.Commit}"),
        new("Wall time", RunText.Seconds(record.WallSeconds)),
    ];

    [GeneratedRegex(@",?\s*arXiv:\s*(\d{4}\.\d{4,5})", RegexOptions.IgnoreCase)]
    private static partial Regex ArxivNumber();
}
