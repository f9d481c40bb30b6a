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

    private readonly FileStream _metrics;

    private RunFolder(string path, FileStream metrics) => (Path, _metrics) = (path, metrics);

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>
    /// Makes the folder: <paramref name="path"/>, or <c>runs/ID-yyyyMMdd-HHmmss</c> with a number behind it if that is taken.
    /// </summary>
    /// <exception cref="UsageException">NB0707: the folder already holds a run.</exception>
    /// <exception cref="EnvironmentException">NB0708, NB0709: it cannot be made or written.</exception>
    public static RunFolder Create(string? path, string id, DateTime now)
    {
        if (path is not null) return TryCreate(path) ?? throw ExperimentErrors.FolderTaken(path);
        string stem = System.IO.Path.Combine("runs", string.Create(CultureInfo.InvariantCulture, $"{id}-{now:yyyyMMdd-HHmmss}"));
        for (int i = 1; ; i++)
            if (TryCreate(i == 1 ? stem : $"{stem}-{i}") is { } folder) return folder;
    }

    /// <summary>Writes a file so that it is there whole, or as before.</summary>
    /// <exception cref="EnvironmentException">NB0708, NB0709: it cannot be written.</exception>
    public void Write(string name, string text) => Write(Path, name, text);

    /// <inheritdoc cref="Write(string, string)"/>
    public static void Write(string folder, string name, string text)
    {
        string target = System.IO.Path.Combine(folder, name);
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

    /// <summary>Appends a line to <c>metrics.jsonl</c>; after a failure the file ends with the last whole line.</summary>
    /// <exception cref="EnvironmentException">NB0708, NB0709: it cannot be written.</exception>
    public void AppendMetric(long step, string name, double value, double seconds)
    {
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
    public void Dispose() => _metrics.Dispose();

    // .NET reports a file beyond the user's size limit (EFBIG) as an argument out of range.
    private static bool IsWriteFailure(Exception e) => e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException;

    // The metrics file is the claim: only one process can create it. It is unbuffered, so that a failed write leaves nothing for later.
    private static RunFolder? TryCreate(string path)
    {
        string metrics = System.IO.Path.Combine(path, "metrics.jsonl");
        try
        {
            Directory.CreateDirectory(path);
            if (File.Exists(metrics) || File.Exists(System.IO.Path.Combine(path, RecordName))) return null;
            return new RunFolder(path, new FileStream(metrics, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0));
        }
        catch (IOException) when (File.Exists(metrics))
        {
            return null;
        }
        catch (Exception e) when (IsWriteFailure(e))
        {
            throw ExperimentErrors.CannotWrite(path, e);
        }
    }
}
