using System.CommandLine;
using Nabla.Autograd;
using Nabla.Experiments.Runs;

namespace Nabla.Experiments.Cli;

/// <summary><c>nabla ir ID</c>: the program of an experiment's training step.</summary>
internal static class IrCommand
{
    public static Command Create(Lazy<Registry> registry, Terminal terminal)
    {
        Argument<string> id = ExperimentArgument.One(registry);
        var conditions = new ConditionOptions();
        var dot = new Option<bool>("--dot") { Description = "A drawing for Graphviz instead of text: nabla ir ID --dot | dot -Tsvg" };
        var command = new Command("ir", "Print the intermediate representation of an experiment's training step.") { id };
        conditions.AddTo(command, withSettings: true);
        command.Options.Add(dot);
        command.SetAction(parsed =>
        {
            Experiment experiment = registry.Value.Find(parsed.GetRequiredValue(id));
            RunRequest request = conditions.Read(parsed, folder: null);
            Device.Default = request.Device;
            var bench = new Bench(RunSession.SettingsOf(experiment, request, default));
            Program step = experiment.TrainingStep(experiment.Configure(request.Quick, request.Settings), bench);
            terminal.Out.WriteLine(parsed.GetValue(dot) ? step.ToDot() : OneEquationALine(step));
            return ExitCode.Ok;
        });
        return command;
    }

    // The text of a program is one line, so that it can be compared; a training step reads better cut after each "; ".
    private static string OneEquationALine(Program program) =>
        program.ToString().Replace(" . ", " .\n    ", StringComparison.Ordinal).Replace("; ", ";\n    ", StringComparison.Ordinal).Replace(" ;\n    ", " ; ", StringComparison.Ordinal);
}
