using System.Diagnostics;

namespace Nabla.Bench;

/// <summary>Seconds of one call over repeats: median and the tenth and ninetieth percentile.</summary>
internal readonly record struct Timing(double Median, double P10, double P90)
{
    private const int Repeats = 25;
    private const double SecondsPerRepeat = 0.002;
    private const double WarmUpSeconds = 0.15;

    /// <summary>Warms up (long enough for the compiler's tiers), then times batches of calls of at least 2 ms each.</summary>
    public static Timing Of(Action action)
    {
        var watch = Stopwatch.StartNew();
        int calls = 0;
        while (watch.Elapsed.TotalSeconds < WarmUpSeconds || calls < 3)
        {
            action();
            calls++;
        }
        int batch = Math.Max(1, (int)(SecondsPerRepeat * calls / watch.Elapsed.TotalSeconds));
        var seconds = new double[Repeats];
        for (int i = 0; i < Repeats; i++)
        {
            watch.Restart();
            for (int j = 0; j < batch; j++) action();
            seconds[i] = watch.Elapsed.TotalSeconds / batch;
        }
        Array.Sort(seconds);
        return new Timing(seconds[Repeats / 2], seconds[Repeats / 10], seconds[Repeats * 9 / 10]);
    }
}
