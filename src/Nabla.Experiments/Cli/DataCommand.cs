using System.CommandLine;
using Nabla.Experiments.Data;
using Nabla.Experiments.Runs;

namespace Nabla.Experiments.Cli;

/// <summary><c>nabla data</c>: what data there is; <c>nabla data download NAME</c>: fetches more.</summary>
internal static class DataCommand
{
    public static Command Create(Terminal terminal)
    {
        var json = new Option<bool>("--json") { Description = "One JSON document instead of a table." };
        var command = new Command("data", "Show the data sets that are embedded and those found on disk.") { json, Download(terminal) };
        command.SetAction(parsed =>
        {
            string[][] rows = [.. EmbeddedRows(), .. Catalog.All.SelectMany(CatalogRows)];
            if (parsed.GetValue(json)) WriteJson(terminal.Out, rows);
            else terminal.Table(["data set", "file", "size", "where"], rows.Select(r => new[] { r[0], r[1], r[2].Length > 0 ? RunText.Bytes(double.Parse(r[2])) : "", r[3] }));
            terminal.Message($"Looked in {string.Join(" and ", DataFolders.All)}. {DataFolders.Variable} names another folder.");
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command Download(Terminal terminal)
    {
        var name = new Argument<string>("NAME") { HelpName = "NAME", Description = "mnist, fashion-mnist or cifar10." };
        name.AcceptOnlyFromAmong([.. Catalog.All.Select(e => e.Name)]);
        var command = new Command("download", "Fetch a data set and check it against its published checksums.") { name };
        command.SetAction(parsed =>
        {
            using var signals = new StopSignals(terminal);
            using HttpClient client = Downloads.NewClient();
            try
            {
                Fetch(Catalog.All.First(e => e.Name == parsed.GetRequiredValue(name)), client, terminal, signals.Token);
                return ExitCode.Ok;
            }
            catch (OperationCanceledException) when (signals.ExitCode != 0)
            {
                return signals.ExitCode;
            }
        });
        return command;
    }

    private static void Fetch(DataEntry entry, HttpClient client, Terminal terminal, CancellationToken stop)
    {
        string folder = DataFolders.All[0];
        var progress = new ProgressLine(terminal, entry.Name);
        foreach (DataFile file in entry.Files)
        {
            bool fetched;
            try
            {
                fetched = Downloads.Fetch(entry, file, folder, client, (done, total) => progress.Report(file.Name, done, total), stop);
            }
            finally
            {
                progress.Clear();
            }
            terminal.Message($"{file.Name}: {(fetched ? "fetched" : "already there")}, {RunText.Bytes(file.Bytes)}, checksum right");
        }
        terminal.Out.WriteLine(Path.Combine(folder, entry.Name));
    }

    private static IEnumerable<string[]> EmbeddedRows() =>
        EmbeddedCsv.Files.Select(file => new[] { file[..file.IndexOf('.')], file, $"{EmbeddedCsv.Size(file)}", "embedded" });

    private static IEnumerable<string[]> CatalogRows(DataEntry entry)
    {
        foreach (DataFile file in entry.Files)
        {
            string? found = DataFolders.Find($"{entry.Name}/{file.Name}");
            if (found is null && file.Name.EndsWith("ubyte.gz", StringComparison.Ordinal)) found = DataFolders.Find($"{entry.Name}/{file.Name[..^3]}");
            yield return [entry.Name, file.Name, found is null ? "" : $"{new FileInfo(found).Length}", found ?? "not found"];
        }
    }

    private static void WriteJson(TextWriter output, string[][] rows) => JsonText.Write(output, writer =>
    {
        writer.WriteStartArray();
        foreach (string[] row in rows)
        {
            writer.WriteStartObject();
            writer.WriteString("dataSet", row[0]);
            writer.WriteString("file", row[1]);
            writer.WriteBoolean("present", row[2].Length > 0);
            if (row[2].Length > 0) writer.WriteNumber("bytes", long.Parse(row[2]));
            if (row[2].Length > 0) writer.WriteString("where", row[3]);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    });
}
