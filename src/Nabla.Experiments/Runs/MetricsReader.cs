using System.Text.Json;

namespace Nabla.Experiments.Runs;

/// <summary>Reads back the <c>metrics.jsonl</c> of a run that is resumed.</summary>
internal static class MetricsReader
{
    /// <summary>
    /// How often each (name, step) occurs, and the largest time. Cuts off what follows the last end of a line, which a killed process may leave, and moves
    /// to the end.
    /// </summary>
    public static (Dictionary<(string Name, long Step), int> Written, double Seconds) Read(FileStream metrics)
    {
        var written = new Dictionary<(string, long), int>();
        double seconds = 0;
        long end = 0;
        var bytes = new byte[metrics.Length];
        metrics.ReadExactly(bytes);
        for (ReadOnlySpan<byte> left = bytes; left.IndexOf((byte)'\n') is >= 0 and var length; left = left[(length + 1)..])
        {
            end += length + 1;
            if (!TryParse(left[..length], out string name, out long step, out double at)) continue;
            written[(name, step)] = written.GetValueOrDefault((name, step)) + 1;
            seconds = Math.Max(seconds, at);
        }
        metrics.SetLength(end);
        metrics.Position = end;
        return (written, seconds);
    }

    private static bool TryParse(ReadOnlySpan<byte> line, out string name, out long step, out double seconds)
    {
        try
        {
            var json = new Utf8JsonReader(line);
            JsonElement row = JsonElement.ParseValue(ref json);
            (name, step, seconds) = (row.GetProperty("name").GetString()!, row.GetProperty("step").GetInt64(), row.GetProperty("seconds").GetDouble());
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            (name, step, seconds) = ("", 0, 0);
            return false;
        }
    }
}
