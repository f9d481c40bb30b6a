using System.Globalization;
using System.Text;
using System.Text.Json;
using Nabla.Files;

namespace Nabla.Experiments.Runs;

/// <summary>
/// The folder of one run: <c>run.json</c>, <c>report.html</c>, <c>metrics.jsonl</c> and <c>figures/</c>. Files appear whole or not at all; the
/// metrics grow line by line.
/// </summary>
internal sealed class RunFolder : IDisposable
{
    /// <summary>Name of the record of a run.</summary>
    public const string RecordName = "run.json";

    /// <summary>Name of the page for people.</summary>
    public const string ReportName = "report.html";

    private const string RunsName = "runs", MetricsName = "metrics.jsonl", LockName = ".lock", CheckpointsName = "checkpoints";

    private readonly FileStream _lock, _metrics;
    private readonly Dictionary<(string Name, long Step), int> _written;
    private int _trainings;

    private RunFolder(string path, FileStream claim, FileStream metrics, Dictionary<(string Name, long Step), int> written, double seconds) =>
        (Path, _lock, _metrics, _written, SecondsBefore) = (path, claim, metrics, written, seconds);

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>The time of the last metric of the run that is resumed.</summary>
    public double SecondsBefore { get; }

    /// <summary>Whether a training left a checkpoint.</summary>
    public bool HasCheckpoint => Directory.Exists(In(Path, CheckpointsName)) &&
        Directory.EnumerateFiles(In(Path, CheckpointsName), "*.safetensors", SearchOption.AllDirectories).Any();

    /// <summary>
    /// Makes the folder: <paramref name="path"/>, or <c>runs/ID-yyyyMMdd-HHmmss</c> with a number behind it if that is taken.
    /// </summary>
    /// <exception cref="UsageException">NB0707: the folder already holds a run.</exception>
    /// <exception cref="EnvironmentException">NB0708, NB0709: it cannot be made or written.</exception>
    public static RunFolder Create(string? path, string id, DateTime now)
    {
        if (path is not null) return TryCreate(path) ?? throw ExperimentErrors.FolderTaken(path);
        string stem = In(RunsName, string.Create(CultureInfo.InvariantCulture, $"{id}-{now:yyyyMMdd-HHmmss}"));
        for (int i = 1; ; i++)
            if (TryCreate(i == 1 ? stem : $"{stem}-{i}") is { } folder) return folder;
    }

    /// <summary>
    /// Opens the folder of a run that was stopped or killed. Rows that <c>metrics.jsonl</c> holds are not written again; half a row at its end is removed.
    /// </summary>
    /// <exception cref="UsageException">NB0721: another process works on it.</exception>
    /// <exception cref="EnvironmentException">NB0708, NB0709: it cannot be written.</exception>
    public static RunFolder Resume(string path)
    {
        FileStream? claim = null, metrics = null;
        try
        {
            claim = Lock(path);
            metrics = new FileStream(In(path, MetricsName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
            (Dictionary<(string, long), int> written, double seconds) = MetricsReader.Read(metrics);
            return new RunFolder(path, claim, metrics, written, seconds);
        }
        catch (Exception e) when (IsWriteFailure(e))
        {
            metrics?.Dispose();
            claim?.Dispose();
            throw claim is null && IsInUse(e) ? ExperimentErrors.RunInUse(path) : ExperimentErrors.CannotWrite(path, e);
        }
    }

    /// <summary>The record of a run in a folder; null if there is none that can be read.</summary>
    public static RunRecord? RecordIn(string path)
    {
        try
        {
            return RunRecord.Parse(File.ReadAllText(In(path, RecordName)));
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Folders under <c>runs/</c> that <see cref="Create"/> made for an experiment, newest first.</summary>
    public static IEnumerable<string> RunsOf(string id) => !Directory.Exists(RunsName) ? []
        : Directory.EnumerateDirectories(RunsName, $"{id}-*").OrderDescending(StringComparer.Ordinal);

    /// <summary>Whether a folder holds a run.</summary>
    public static bool IsTaken(string path) => File.Exists(In(path, MetricsName)) || File.Exists(In(path, RecordName)) || Directory.Exists(In(path, CheckpointsName));

    /// <summary>The folder of the checkpoints of a training, numbered in the order in which they are asked for.</summary>
    public string NextCheckpoints(string training)
    {
        string words = string.Concat(training.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-'));
        string slug = string.Join('-', words.Split('-', StringSplitOptions.RemoveEmptyEntries));
        return In(Path, CheckpointsName, string.Create(CultureInfo.InvariantCulture, $"{++_trainings:D3}-{slug}"));
    }

    /// <summary>Makes sure that the metrics written so far survive a failure of the machine.</summary>
    public void FlushMetrics() => _metrics.Flush(flushToDisk: true);

    /// <summary>Writes a file so that it is there whole, or as before.</summary>
    /// <exception cref="EnvironmentException">NB0708, NB0709: it cannot be written.</exception>
    public void Write(string name, string text) => Write(Path, name, text);

    /// <inheritdoc cref="Write(string, string)"/>
    public static void Write(string folder, string name, string text)
    {
        string target = In(folder, name);
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
            AtomicFile.WriteText(target, text);
        }
        catch (Exception e) when (IsWriteFailure(e))
        {
            throw ExperimentErrors.CannotWrite(target, e);
        }
    }

    /// <summary>
    /// Appends a line to <c>metrics.jsonl</c>, unless the run had written it before it was resumed; after a failure the file ends with the last whole line.
    /// </summary>
    /// <exception cref="EnvironmentException">NB0708, NB0709: it cannot be written.</exception>
    public void AppendMetric(long step, string name, double value, double seconds)
    {
        if (_written.TryGetValue((name, step), out int times) && times > 0)
        {
            _written[(name, step)] = times - 1;
            return;
        }
        string number = double.IsFinite(value) ? value.ToString("R", CultureInfo.InvariantCulture) : $"\"{value.ToString(CultureInfo.InvariantCulture)}\"";
        string line = string.Create(CultureInfo.InvariantCulture,
            $"{{\"step\":{step},\"name\":\"{JsonEncodedText.Encode(name)}\",\"value\":{number},\"seconds\":{seconds:F3}}}\n");
        long end = _metrics.Position;
        try
        {
            _metrics.Write(Encoding.UTF8.GetBytes(line));
            _metrics.Flush();
        }
        catch (Exception e) when (IsWriteFailure(e))
        {
            _metrics.SetLength(end);
            throw ExperimentErrors.CannotWrite(_metrics.Name, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _metrics.Dispose();
        _lock.Dispose();
    }

    // .NET reports a file beyond the user's size limit (EFBIG) as an argument out of range.
    internal static bool IsWriteFailure(Exception e) => e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException;

    // What .NET says when the lock of another process stands in the way: EWOULDBLOCK of Linux and macOS, or a sharing violation.
    private static bool IsInUse(Exception e) => e.HResult is 11 or 35 or unchecked((int)0x80070020);

    private static string In(params ReadOnlySpan<string> parts) => System.IO.Path.Combine(parts);

    // Held while a process works on the run; the system lets go of it when the process ends, however it ends. The file stays: removing it while another
    // process opens it would leave two locks.
    private static FileStream Lock(string path) => new(In(path, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);

    // The metrics file is the claim of a new run: only one process can create it. It is unbuffered, so that a failed write leaves nothing for later.
    private static RunFolder? TryCreate(string path)
    {
        string metrics = In(path, MetricsName);
        FileStream? created = null;
        try
        {
            Directory.CreateDirectory(path);
            if (IsTaken(path)) return null;
            created = new FileStream(metrics, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
            return new RunFolder(path, Lock(path), created, [], 0);
        }
        catch (IOException) when (created is null && File.Exists(metrics))
        {
            return null;
        }
        catch (Exception e) when (IsWriteFailure(e))
        {
            created?.Dispose();
            throw ExperimentErrors.CannotWrite(path, e);
        }
    }
}
