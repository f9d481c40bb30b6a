using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Nabla.Experiments.Runs;

namespace Nabla.Experiments.Cli;

/// <summary>The argument that names an experiment.</summary>
internal static class ExperimentArgument
{
    public static Argument<string> One(Lazy<Registry> registry)
    {
        var id = new Argument<string>("ID") { HelpName = "ID", Description = "Name of the experiment; `nabla list` shows all." };
        id.CompletionSources.Add(_ => registry.Value.All.Select(e => new System.CommandLine.Completions.CompletionItem(e.Id)));
        return id;
    }

    public static Argument<string[]> Many(Lazy<Registry> registry)
    {
        var ids = new Argument<string[]>("ID") { HelpName = "ID", Description = "Names of experiments.", Arity = ArgumentArity.ZeroOrMore };
        ids.CompletionSources.Add(_ => registry.Value.All.Select(e => new System.CommandLine.Completions.CompletionItem(e.Id)));
        return ids;
    }
}

/// <summary>The options that say under which conditions experiments run; shared by <c>run</c>, <c>verify</c> and <c>ir</c>.</summary>
internal sealed class ConditionOptions
{
    private readonly Option<string[]> _set = new("--set")
    {
        Description = "Set an option of the experiment; may be repeated. `nabla describe ID` shows them.",
        HelpName = "name=value",
        CustomParser = ParseSettings,
    };

    private readonly Option<ulong?> _seed = new("--seed")
    {
        Description = "First seed; as many consecutive ones are used as the protocol asks for.",
        HelpName = "n",
        CustomParser = result => ParseSeed(result, result.Tokens[0].Value),
    };

    private readonly Option<ulong[]> _seeds = new("--seeds")
    {
        Description = "Exactly these seeds.",
        HelpName = "a,b,c",
        CustomParser = result => [.. result.Tokens[0].Value.Split(',').Select(text => ParseSeed(result, text) ?? 0)],
    };

    private readonly Option<string> _device = new("--device") { Description = "Where to compute; `nabla devices` shows what there is.", HelpName = "name" };

    private readonly Option<DType?> _dtype = new("--dtype")
    {
        Description = "Element type, f32 or f64, instead of the protocol's.",
        HelpName = "f32|f64",
        CustomParser = ParseDType,
    };

    private readonly Option<bool> _quick = new("--quick") { Description = "The quick form: smaller, the same checks." };

    /// <summary>Adds the options to a command; those of one experiment only if asked.</summary>
    public void AddTo(Command command, bool withSettings)
    {
        if (withSettings) command.Options.Add(_set);
        command.Options.Add(_seed);
        command.Options.Add(_seeds);
        command.Options.Add(_device);
        command.Options.Add(_dtype);
        command.Options.Add(_quick);
        _device.CompletionSources.Add(_ => Device.All.Select(d => new System.CommandLine.Completions.CompletionItem(d.Name)));
        _dtype.CompletionSources.Add("f32", "f64");
        command.Validators.Add(result =>
        {
            if (result.GetResult(_seed) is { Implicit: false } && result.GetResult(_seeds) is { Implicit: false })
                result.AddError("Give --seed or --seeds, not both.");
        });
    }

    /// <summary>What was asked for.</summary>
    /// <exception cref="DeviceException">NB0301: there is no such device.</exception>
    public RunRequest Read(ParseResult parsed, string? folder) => new(
        [.. (parsed.GetValue(_set) ?? []).Select(Split)],
        parsed.GetValue(_quick),
        parsed.GetValue(_seeds) is { Length: > 0 } seeds ? seeds : null,
        parsed.GetValue(_seed),
        parsed.GetValue(_device) is { } name ? Device.Parse(name) : Device.Default,
        parsed.GetValue(_dtype),
        folder);

    private static KeyValuePair<string, string> Split(string setting)
    {
        int equals = setting.IndexOf('=');
        return new(setting[..equals].Trim(), setting[(equals + 1)..].Trim());
    }

    private static string[]? ParseSettings(ArgumentResult result)
    {
        foreach (Token token in result.Tokens)
            if (token.Value.IndexOf('=') < 1) result.AddError($"--set expects name=value, not '{token.Value}'.");
        return [.. result.Tokens.Select(t => t.Value)];
    }

    private static ulong? ParseSeed(ArgumentResult result, string text)
    {
        if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)) return seed;
        result.AddError($"A seed is an integer from 0 to 2^64 − 1, not '{text}'.");
        return null;
    }

    private static DType? ParseDType(ArgumentResult result)
    {
        switch (result.Tokens[0].Value)
        {
            case "f32": return DType.F32;
            case "f64": return DType.F64;
            default:
                result.AddError($"--dtype is f32 or f64, not '{result.Tokens[0].Value}'.");
                return null;
        }
    }

}

/// <summary>How outcomes of runs are shown.</summary>
internal static class OutcomePrinter
{
    /// <summary>The checks of a run as a table, and a line that sums up.</summary>
    public static void Print(Terminal terminal, Experiment experiment, RunOutcome outcome)
    {
        RunRecord record = outcome.Record;
        terminal.Out.WriteLine($"{experiment.Id}: {experiment.Info.Title}");
        if (record.Checks.Count > 0)
            terminal.Table(["check", "measured", "bound", "verdict"],
                record.Checks.Select(c => new[] { c.Control ? $"{c.Name} (control)" : c.Name, RunText.Number(c.Value), RunText.Bound(c.Min, c.Max), RunText.Verdict(c.Passed) }));
        foreach (string finding in record.Findings) terminal.Out.WriteLine(finding);
        terminal.Out.WriteLine($"{Summary(record)}, {RunText.Seconds(record.WallSeconds)}");
        if (outcome.Failure is { } failure) terminal.Failure(failure);
        terminal.Message($"Report: {Path.Combine(outcome.Folder, RunFolder.ReportName)}");
    }

    /// <summary>How a run ended, in a phrase.</summary>
    public static string Summary(RunRecord record)
    {
        int held = record.Checks.Count(c => c.Passed);
        string counts = $"{held} of {record.Checks.Count} checks hold";
        return record.Status switch
        {
            RunStatus.Interrupted => $"interrupted; {counts}",
            RunStatus.Error => "stopped by an error",
            RunStatus.Failed when record.Checks.Count == 0 => "failed: the experiment made no check",
            _ => counts,
        };
    }
}
