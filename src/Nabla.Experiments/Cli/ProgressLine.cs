using System.Diagnostics;
using System.Globalization;

namespace Nabla.Experiments.Cli;

/// <summary>
/// Progress of one run: on a terminal a bar that is redrawn in place, else a line every few seconds. A call between two drawings costs a
/// look at the clock.
/// </summary>
internal sealed class ProgressLine(Terminal terminal, string title)
{
    private const int BarWidth = 24;
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(100), Line = TimeSpan.FromSeconds(5);

    private readonly long _start = Stopwatch.GetTimestamp();
    private long _last = Stopwatch.GetTimestamp();
    private string _label = "";
    private long _labelStart = Stopwatch.GetTimestamp();
    private bool _drawn;

    /// <summary>Tells that <paramref name="done"/> of <paramref name="total"/> units of the piece of work <paramref name="label"/> are done.</summary>
    public void Report(string label, long done, long total)
    {
        if (terminal.Quiet) return;
        long now = Stopwatch.GetTimestamp();
        if (label != _label) (_label, _labelStart) = (label, now);
        if (Stopwatch.GetElapsedTime(_last, now) < (terminal.ErrorIsTerminal ? Redraw : Line)) return;
        _last = now;
        string text = Text(label, done, total, now);
        if (terminal.ErrorIsTerminal) terminal.Error.Write($"\r\x1b[K{text}");
        else terminal.Error.WriteLine(text);
        _drawn = terminal.ErrorIsTerminal;
    }

    /// <summary>Removes the bar, so that something else can be written.</summary>
    public void Clear()
    {
        if (_drawn) terminal.Error.Write("\r\x1b[K");
        _drawn = false;
    }

    private string Text(string label, long done, long total, long now)
    {
        double share = total > 0 ? Math.Clamp((double)done / total, 0, 1) : 0;
        TimeSpan spent = Stopwatch.GetElapsedTime(_labelStart, now);
        string left = share > 0.02 ? $", {Seconds(spent * ((1 - share) / share))} left" : "";
        string bar = "";
        if (terminal.ErrorIsTerminal)
        {
            int filled = (int)(share * BarWidth);
            bar = $"[{new string('=', filled)}{new string(' ', BarWidth - filled)}] ";
        }
        return string.Create(CultureInfo.InvariantCulture,
            $"{title}: {label} {bar}{done}/{total} ({share:P0}), {Seconds(Stopwatch.GetElapsedTime(_start, now))}{left}");
    }

    private static string Seconds(TimeSpan time) => time.TotalSeconds < 60
        ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:F0} s")
        : string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalMinutes} min {time.Seconds} s");
}
