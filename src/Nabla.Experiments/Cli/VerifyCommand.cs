using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Nabla.Experiments.Runs;

namespace Nabla.Experiments.Cli;

/// <summary><c>nabla verify</c>: several experiments, one verdict.</summary>
internal static class VerifyCommand
{
    public static Command Create(Lazy<Registry> registry, Terminal terminal)
    {
        Argument<string[]> ids = ExperimentArgument.Many(registry);
        var all = new Option<bool>("--all") { Description = "All experiments." };
        var conditions = new ConditionOptions();
        var folder = new Option<string>("--out") { Description = "Folder for one folder per run; by default a new one under runs/.", HelpName = "folder" };
        var json = new Option<bool>("--json") { Description = "One JSON document instead of a table." };
        var command = new Command("verify", "Run experiments and report whether all their checks hold.") { ids, all };
        conditions.AddTo(command, withSettings: false);
        command.Options.Add(folder);
        command.Options.Add(json);
        command.SetAction(parsed =>
        {
            IReadOnlyList<Experiment> chosen = parsed.GetValue(all) ? registry.Value.All
                : [.. (parsed.GetValue(ids) ?? []).Distinct().Select(registry.Value.Find)];
            if (chosen.Count == 0) throw ExperimentErrors.NothingToVerify();
            string parent = parsed.GetValue(folder) ?? Path.Combine("runs", string.Create(CultureInfo.InvariantCulture, $"verify-{DateTime.Now:yyyyMMdd-HHmmss}"));
            return Verify(chosen, experiment => conditions.Read(parsed, Path.Combine(parent, experiment.Id)), parent, parsed.GetValue(json), terminal);
        });
        return command;
    }

    private static int Verify(IReadOnlyList<Experiment> chosen, Func<Experiment, RunRequest> request, string parent, bool json, Terminal terminal)
    {
        using var signals = new StopSignals(terminal);
        var outcomes = new List<RunOutcome>();
        foreach (Experiment experiment in chosen)
        {
            RunOutcome outcome = RunSession.Run(experiment, request(experiment), terminal, signals);
            outcomes.Add(outcome);
            if (!json) OutcomePrinter.Print(terminal, experiment, outcome);
            else if (outcome.Failure is { } failure) terminal.Failure(failure);
            if (signals.ExitCode != 0) break;
        }
        int code = signals.ExitCode != 0 ? signals.ExitCode : outcomes.Max(o => o.ExitCode);
        if (json) WriteJson(terminal.Out, new VerifyRecord(StatusOf(code), parent, [.. outcomes.Select(o => o.Record)]));
        else Summarise(terminal, outcomes, chosen.Count);
        return code;
    }

    private static RunStatus StatusOf(int code) => code switch
    {
        ExitCode.Ok => RunStatus.Passed,
        ExitCode.CheckFailed => RunStatus.Failed,
        ExitCode.Interrupted or ExitCode.Terminated or ExitCode.Resumable => RunStatus.Interrupted,
        _ => RunStatus.Error,
    };

    private static void WriteJson(TextWriter output, VerifyRecord record) =>
        output.WriteLine(JsonSerializer.Serialize(record, RunJson.Default.VerifyRecord));

    private static void Summarise(Terminal terminal, List<RunOutcome> outcomes, int chosen)
    {
        terminal.Out.WriteLine();
        terminal.Table(["experiment", "checks", "time", "verdict"], outcomes.Select(o => new[]
        {
            o.Record.Id, $"{o.Record.Checks.Count(c => c.Passed)}/{o.Record.Checks.Count}", RunText.Seconds(o.Record.WallSeconds),
            o.Record.Status == RunStatus.Passed ? "holds" : o.Record.Status == RunStatus.Failed ? "FAILS" : o.Record.Status.ToString().ToLowerInvariant(),
        }));
        int held = outcomes.Count(o => o.Record.Status == RunStatus.Passed);
        terminal.Out.WriteLine($"{held} of {chosen} experiments hold");
    }
}
