using System.CommandLine;
using Nabla.Experiments.Runs;

namespace Nabla.Experiments.Cli;

/// <summary><c>nabla run ID</c>: one experiment, its checks and its report.</summary>
internal static class RunCommand
{
    public static Command Create(Lazy<Registry> registry, Terminal terminal)
    {
        Argument<string> id = ExperimentArgument.One(registry);
        var conditions = new ConditionOptions();
        var folder = new Option<string>("--out") { Description = "Folder of the run; by default a new one under runs/.", HelpName = "folder" };
        var resume = new Option<bool>("--resume")
        {
            Description = "Go on with a run that was stopped or killed: the one in --out, or the newest such run under runs/. The other options must be the same. " +
                "Starts anew if there is none.",
        };
        var every = new Option<double>("--checkpoint-every")
        {
            Description = "Time between two checkpoints of a training.",
            HelpName = "seconds",
            DefaultValueFactory = _ => new BenchSettings([0], Device.Cpu).CheckpointSeconds,
        };
        var json = new Option<bool>("--json") { Description = "Print run.json instead of a table." };
        var command = new Command("run", "Run an experiment, check its claim, and write a report.") { id };
        conditions.AddTo(command, withSettings: true);
        command.Options.Add(folder);
        command.Options.Add(resume);
        command.Options.Add(every);
        command.Options.Add(json);
        command.SetAction(parsed =>
        {
            Experiment experiment = registry.Value.Find(parsed.GetRequiredValue(id));
            RunRequest request = conditions.Read(parsed, parsed.GetValue(folder)) with
            {
                Resume = parsed.GetValue(resume),
                CheckpointSeconds = parsed.GetValue(every),
            };
            using var signals = new StopSignals(terminal);
            RunOutcome outcome = RunSession.Run(experiment, request, terminal, signals);
            if (parsed.GetValue(json))
            {
                terminal.Out.WriteLine(outcome.Record.ToJson());
                if (outcome.Failure is { } failure) terminal.Failure(failure);
            }
            else
            {
                OutcomePrinter.Print(terminal, experiment, outcome);
            }
            return outcome.ExitCode;
        });
        return command;
    }
}
