using System.CommandLine;
using System.Text.Json;
using Nabla.Experiments.Runs;

namespace Nabla.Experiments.Cli;

/// <summary><c>nabla report DIR</c>: makes the report of a run again from its record and figures.</summary>
internal static class ReportCommand
{
    public static Command Create(Lazy<Registry> registry, Terminal terminal)
    {
        var folder = new Argument<string>("DIR") { Description = "Folder of a run." };
        var command = new Command("report", "Make report.html of a run again from its run.json and figures.") { folder };
        command.SetAction(parsed =>
        {
            string path = parsed.GetRequiredValue(folder);
            RunRecord record = Read(path);
            Experiment? experiment = registry.Value.All.FirstOrDefault(e => e.Id == record.Id);
            string page = ReportOf.Render(record, experiment?.Options ?? [], figure => ReadFigure(path, figure));
            RunFolder.Write(path, RunFolder.ReportName, page);
            terminal.Out.WriteLine(Path.Combine(path, RunFolder.ReportName));
            return ExitCode.Ok;
        });
        return command;
    }

    private static RunRecord Read(string path)
    {
        string file = Path.Combine(path, RunFolder.RecordName);
        if (!File.Exists(file)) throw ExperimentErrors.NotARun(path, "it has no run.json");
        try
        {
            return RunRecord.Parse(File.ReadAllText(file));
        }
        catch (JsonException e)
        {
            throw ExperimentErrors.NotARun(path, $"its run.json cannot be read: {e.Message}");
        }
    }

    // Only the file name is taken from the record, so a page can never show a file from elsewhere.
    private static string ReadFigure(string path, FigureRecord figure)
    {
        string file = Path.Combine(path, "figures", Path.GetFileName(figure.Svg));
        return File.Exists(file) ? File.ReadAllText(file) : throw ExperimentErrors.NotARun(path, $"figure {file} is missing");
    }
}
