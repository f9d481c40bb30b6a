using System.CommandLine;
using System.Text.Json;

namespace Nabla.Experiments.Cli;

/// <summary><c>nabla describe ID</c>: what an experiment claims, how it tests it, and its options.</summary>
internal static class DescribeCommand
{
    public static Command Create(Lazy<Registry> registry, Terminal terminal)
    {
        Argument<string> id = ExperimentArgument.One(registry);
        var json = new Option<bool>("--json") { Description = "One JSON document instead of text." };
        var command = new Command("describe", "Show claim, papers, protocol and options of an experiment.") { id, json };
        command.SetAction(parsed =>
        {
            Experiment experiment = registry.Value.Find(parsed.GetRequiredValue(id));
            if (parsed.GetValue(json)) JsonText.Write(terminal.Out, writer => WriteJson(writer, experiment));
            else WriteText(terminal, experiment);
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>An experiment as a JSON object.</summary>
    public static void WriteJson(Utf8JsonWriter writer, Experiment experiment)
    {
        ExperimentAttribute info = experiment.Info;
        writer.WriteStartObject();
        writer.WriteString("id", info.Id);
        writer.WriteString("theme", info.Theme.ToString());
        writer.WriteString("title", info.Title);
        writer.WriteString("claim", info.Claim);
        writer.WriteStartArray("papers");
        foreach (string paper in info.Papers) writer.WriteStringValue(paper);
        writer.WriteEndArray();
        writer.WriteString("protocol", info.Protocol);
        writer.WriteString("paperScale", info.PaperScale);
        writer.WriteNumber("seeds", info.Seeds);
        writer.WriteString("dtype", info.DType.Name);
        writer.WriteBoolean("hasTrainingStep", experiment.HasTrainingStep);
        writer.WriteStartArray("options");
        object?[] quick = experiment.QuickValues();
        foreach (OptionInfo option in experiment.Options)
        {
            writer.WriteStartObject();
            writer.WriteString("name", option.Name);
            WriteValue(writer, "default", option.Default);
            WriteValue(writer, "quick", quick[option.Position]);
            writer.WriteString("expected", option.Expected);
            writer.WriteString("doc", option.Doc);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteValue(Utf8JsonWriter writer, string name, object? value)
    {
        writer.WritePropertyName(name);
        if (OptionInfo.ToJson(value) is { } node) node.WriteTo(writer);
        else writer.WriteNullValue();
    }

    private static void WriteText(Terminal terminal, Experiment experiment)
    {
        ExperimentAttribute info = experiment.Info;
        TextWriter output = terminal.Out;
        output.WriteLine($"{info.Id}: {info.Title}");
        output.WriteLine();
        output.WriteLine($"Claim:       {info.Claim}");
        foreach (string paper in info.Papers) output.WriteLine($"Paper:       {paper}");
        if (info.Protocol.Length > 0) output.WriteLine($"Protocol:    {info.Protocol}");
        output.WriteLine($"             {Count(info.Seeds, "seed")}, {info.DType.Name}");
        if (info.PaperScale.Length > 0) output.WriteLine($"Paper scale: {info.PaperScale}");
        if (experiment.Options.Count == 0) return;
        output.WriteLine();
        object?[] quick = experiment.QuickValues();
        terminal.Table(["option", "default", "quick", "meaning", "values"], experiment.Options.Select(o =>
            new[] { o.Name, OptionInfo.Format(o.Default), OptionInfo.Format(quick[o.Position]), o.Doc, o.Expected }));
    }

    private static string Count(int n, string noun) => n == 1 ? $"1 {noun}" : $"{n} {noun}s";
}
