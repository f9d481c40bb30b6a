using System.CommandLine;
using Nabla.Experiments.Runs;

namespace Nabla.Experiments.Cli;

/// <summary><c>nabla ir ID</c>: the program of an experiment's training step.</summary>
internal static class IrCommand
{
    public static Command Create(Lazy<Registry> registry, Terminal terminal)
    {
        Argument<string> id = ExperimentArgument.One(registry);
        var conditions = new ConditionOptions();
        var command = new Command("ir", "Print the intermediate representation of an experiment's training step.") { id };
        conditions.AddTo(command, withSettings: true);
        command.SetAction(parsed =>
        {
            Experiment experiment = registry.Value.Find(parsed.GetRequiredValue(id));
            RunRequest request = conditions.Read(parsed, folder: null);
            Device.Default = request.Device;
            var bench = new Bench(RunSession.SettingsOf(experiment, request, default));
            terminal.Out.WriteLine(experiment.TrainingStep(experiment.Configure(request.Quick, request.Settings), bench));
            return ExitCode.Ok;
        });
        return command;
    }
}
