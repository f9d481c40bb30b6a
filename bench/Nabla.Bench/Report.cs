using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nabla.Bench;

/// <summary>What was asked for on the command line.</summary>
/// <param name="Peers">Run other libraries beside us.</param>
/// <param name="Python">The python that may have PyTorch.</param>
/// <param name="Json">One JSON document on standard output; the tables go to standard error.</param>
/// <param name="Write">Replace the tables in docs/performance.md.</param>
/// <param name="Device">The accelerator whose kernels are measured; null: those of the CPU.</param>
/// <param name="Rest">What one benchmark alone understands.</param>
internal sealed record BenchOptions(bool Peers, string Python, bool Json, bool Write, string? Device, IReadOnlyList<string> Rest);

/// <summary>The tables of one run, and on what machine, against which roofs and with which versions they were measured.</summary>
/// <param name="options">What was asked for.</param>
/// <param name="ofHost">False if the processor is not what was measured: then its roofs are not either.</param>
internal sealed class Report(BenchOptions options, bool ofHost = true)
{
    private readonly List<Table> _tables = [];
    private int _saved;
    private readonly SortedSet<string> _peers = new(StringComparer.Ordinal);
    private readonly Lazy<(string Name, double Value)[]> _roofs = new(() => ofHost ? Roof.All() : []);

    /// <summary>What was asked for.</summary>
    public BenchOptions Options => options;

    /// <summary>True if something was wrong or could not be measured: the program then ends with 1.</summary>
    public bool HasFailed { get; set; }

    /// <summary>A new table, printed row by row.</summary>
    public Table Table(string name, params string[] columns)
    {
        var table = new Table(name, columns, options.Json ? Console.Error : Console.Out);
        _tables.Add(table);
        return table;
    }

    /// <summary>Records the version of a peer.</summary>
    public void Uses(string version) => _peers.Add(version);

    /// <summary>Writes the tables that are new since the last time to docs/performance.md, if asked.</summary>
    public void Save()
    {
        if (options.Write) WriteTables(Path.Combine(Repository(), "docs", "performance.md"), _tables[_saved..]);
        _saved = _tables.Count;
    }

    /// <summary>Prints where the figures come from, writes JSON if asked, and saves; nothing if there are none.</summary>
    public void Finish()
    {
        if (_tables.Count == 0) return;
        if (options.Json) Console.WriteLine(Json().ToJsonString(new JsonSerializerOptions { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
        else Console.WriteLine($"\n{Conditions()}");
        Save();
    }

    /// <summary>The folder with Nabla.sln, at or above the current one.</summary>
    public static string Repository()
    {
        for (DirectoryInfo? at = new(Directory.GetCurrentDirectory()); at is not null; at = at.Parent)
            if (File.Exists(Path.Combine(at.FullName, "Nabla.sln"))) return at.FullName;
        throw new DirectoryNotFoundException("Nabla.sln is not in the current folder or above it.");
    }

    private string Conditions()
    {
        string peers = _peers.Count > 0 ? $" Beside {string.Join(", ", _peers)}." : "";
        string roofs = string.Join(", ", _roofs.Value.Select(r => string.Create(CultureInfo.InvariantCulture, $"{r.Name} {r.Value:F0}")));
        return string.Create(CultureInfo.InvariantCulture, $"Measured {DateTime.UtcNow:yyyy-MM-dd} on {Machine()}, .NET {Environment.Version}{(ofHost ? $"; roofs: {roofs}{Load()}" : "")}.{peers}");
    }

    // Processes that want to run, averaged over five minutes: above the number of cores, others were at work.
    private static string Load() => File.Exists("/proc/loadavg") ? $"; load average {File.ReadAllText("/proc/loadavg").Split(' ')[1]}" : "";

    private JsonObject Json() => new()
    {
        ["date"] = DateTime.UtcNow.ToString("O", CultureInfo.InvariantCulture),
        ["machine"] = Machine(),
        ["dotnet"] = Environment.Version.ToString(),
        ["peers"] = new JsonArray([.. _peers.Select(p => (JsonNode)p)]),
        ["roofs"] = new JsonObject(_roofs.Value.Select(r => KeyValuePair.Create(r.Name, (JsonNode?)r.Value))),
        ["tables"] = new JsonArray([.. _tables.Select(t => (JsonNode)new JsonObject
        {
            ["name"] = t.Name,
            ["notes"] = new JsonArray([.. t.Notes.Select(n => (JsonNode)n)]),
            ["rows"] = new JsonArray([.. t.Rows.Select(row => (JsonNode)new JsonObject(
                t.Columns.Zip(row, (column, cell) => KeyValuePair.Create(column, JsonSerializer.SerializeToNode(cell.Value)))))]),
        })]),
    };

    private void WriteTables(string path, List<Table> tables)
    {
        string text = File.ReadAllText(path);
        foreach (Table table in tables)
        {
            string open = $"<!-- bench:{table.Name} -->\n";
            int start = text.IndexOf(open, StringComparison.Ordinal), end = start < 0 ? -1 : text.IndexOf("<!-- /bench -->", start, StringComparison.Ordinal);
            if (end < 0) throw new InvalidDataException($"{path} has no place for this table: write {open.Trim()} and <!-- /bench --> where it belongs.");
            text = $"{text[..(start + open.Length)]}{table.Markdown()}\n\n{Conditions()}\n{text[end..]}";
        }
        File.WriteAllText(path, text);
    }

    private static string Machine()
    {
        string sets = Vector512.IsHardwareAccelerated ? "AVX-512" : Vector256.IsHardwareAccelerated ? "AVX2" : "128-bit vectors";
        string name = RuntimeInformation.ProcessArchitecture.ToString();
        if (File.Exists("/proc/cpuinfo") && File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) is { } line)
            name = line[(line.IndexOf(':') + 1)..].Trim();
        return $"{Environment.ProcessorCount} cores of {name} ({sets})";
    }
}
