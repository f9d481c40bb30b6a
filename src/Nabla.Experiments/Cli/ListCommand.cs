using System.CommandLine;

namespace Nabla.Experiments.Cli;

/// <summary><c>nabla list</c>: the experiments.</summary>
internal static class ListCommand
{
    public static Command Create(Lazy<Registry> registry, Terminal terminal)
    {
        var json = new Option<bool>("--json") { Description = "One JSON document instead of a table." };
        var command = new Command("list", "Show all experiments.") { json };
        command.SetAction(parsed =>
        {
            IReadOnlyList<Experiment> all = registry.Value.All;
            if (parsed.GetValue(json)) WriteJson(terminal.Out, all);
            else terminal.Table(["experiment", "theme", "title"], all.Select(e => new[] { e.Id, e.Theme.ToString(), e.Info.Title }));
            return ExitCode.Ok;
        });
        return command;
    }

    private static void WriteJson(TextWriter output, IReadOnlyList<Experiment> all)
    {
        JsonText.Write(output, writer =>
        {
            writer.WriteStartArray();
            foreach (Experiment experiment in all) DescribeCommand.WriteJson(writer, experiment);
            writer.WriteEndArray();
        });
    }
}
