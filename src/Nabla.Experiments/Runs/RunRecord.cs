using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Nabla.Experiments.Runs;

/// <summary>How a run ended; in files by these names in lower case.</summary>
internal enum RunStatus
{
    /// <summary>Not yet; or the process was killed.</summary>
    Running,
    /// <summary>All checks hold.</summary>
    Passed,
    /// <summary>A check failed, or there was none.</summary>
    Failed,
    /// <summary>The user stopped it.</summary>
    Interrupted,
    /// <summary>An error stopped it.</summary>
    Error,
}

/// <summary>Everything that decides the numbers of a run, and what came out: the content of <c>run.json</c>.</summary>
internal sealed record RunRecord
{
    /// <summary>Version of this format.</summary>
    public int Format { get; init; } = 1;
    public required string Id { get; init; }
    public required string Title { get; init; }
    public required string Claim { get; init; }
    public required IReadOnlyList<string> Papers { get; init; }
    public RunStatus Status { get; init; }
    /// <summary>The message of the error that stopped the run.</summary>
    public string? Error { get; init; }
    public bool Quick { get; init; }
    /// <summary>Resolved options, defaults included.</summary>
    public required JsonObject Options { get; init; }
    public required IReadOnlyList<ulong> Seeds { get; init; }
    [JsonPropertyName("dtype")]
    public required string DType { get; init; }
    public required string Device { get; init; }
    public required MachineInfo Machine { get; init; }
    /// <summary>Start, in UTC.</summary>
    public DateTime StartedAt { get; init; }
    /// <summary>Wall time of all processes that worked on the run, as far as it is known of those that were killed.</summary>
    public double WallSeconds { get; init; }
    /// <summary>How often the run was resumed.</summary>
    public int Resumed { get; init; }
    /// <summary>The command that repeats the run.</summary>
    public required string CommandLine { get; init; }
    public IReadOnlyList<CheckRecord> Checks { get; init; } = [];
    public IReadOnlyList<string> Findings { get; init; } = [];
    public IReadOnlyList<FigureRecord> Figures { get; init; } = [];
    public IReadOnlyList<TableRecord> Tables { get; init; } = [];

    /// <summary>The record as indented JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, RunJson.Default.RunRecord);

    /// <summary>Reads a record.</summary>
    /// <exception cref="JsonException">The text is not such a record.</exception>
    public static RunRecord Parse(string json) => JsonSerializer.Deserialize(json, RunJson.Default.RunRecord) ?? throw new JsonException("The record is null.");
}

/// <summary>A check in <c>run.json</c>.</summary>
internal sealed record CheckRecord(string Name, double Value, double? Min, double? Max, bool Passed, bool Control, string? Note);

/// <summary>A figure in <c>run.json</c>: its caption and its files, relative to the folder.</summary>
internal sealed record FigureRecord(string Id, string Caption, string Svg, string Csv);

/// <summary>A table in <c>run.json</c>.</summary>
internal sealed record TableRecord(string Id, string Caption, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows);

/// <summary>Several runs of <c>nabla verify --json</c>.</summary>
internal sealed record VerifyRecord(RunStatus Status, string Folder, IReadOnlyList<RunRecord> Runs);

/// <summary>How records are written: camel case, indented, NaN and infinities as strings.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, UseStringEnumConverter = false,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, Converters = [typeof(StatusConverter)])]
[JsonSerializable(typeof(RunRecord))]
[JsonSerializable(typeof(VerifyRecord))]
internal sealed partial class RunJson : JsonSerializerContext;

/// <summary>Writes <see cref="RunStatus"/> in lower case.</summary>
internal sealed class StatusConverter() : JsonStringEnumConverter<RunStatus>(JsonNamingPolicy.CamelCase);
