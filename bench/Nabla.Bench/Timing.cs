using System.Diagnostics;

namespace Nabla.Bench;

/// <summary>Seconds of one call over repeats: median and the tenth and ninetieth percentile.</summary>
internal readonly record struct Timing(double Median, double P10, double P90)
{
    private const int Rounds = 5;
    private const int SamplesPerTurn = 5;
    private const int SamplesOfSlow = 2;
    private const double Slow = 0.05;
    private const double SecondsPerSample = 0.002;
    private const double WarmUpSeconds = 0.1;
    private const int WarmUps = 3;

    /// <summary>The share of each of so many equal parts.</summary>
    public Timing Per(int parts) => new(Median / parts, P10 / parts, P90 / parts);

    /// <summary>Warms up, then takes 25 samples, each of calls for at least 2 ms.</summary>
    /// <param name="action">What is timed.</param>
    /// <param name="finish">Waits for what the calls of a sample have begun; part of the time.</param>
    public static Timing Of(Action action, Action? finish = null) => InTurns(Sampler(action, finish))[0];

    /// <summary>Two calls to warm up, then five samples of one: for a roof, whose best time counts.</summary>
    public static Timing Quick(Action action, Action finish)
    {
        var samples = new double[5];
        for (int i = -2; i < samples.Length; i++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            finish();
            if (i >= 0) samples[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        return Summary(samples);
    }

    /// <summary>Times contestants that take turns, five times five samples each, two where a call takes more than 50 ms.</summary>
    /// <param name="samplers">One for each contestant: called for a turn, it gives the seconds of a call, five times.</param>
    public static Timing[] InTurns(params Func<double[]>[] samplers)
    {
        List<double>[] seconds = [.. samplers.Select(_ => new List<double>())];
        for (int round = 0; round < Rounds; round++)
            for (int i = 0; i < samplers.Length; i++) seconds[i].AddRange(samplers[i]());
        return Array.ConvertAll(seconds, Summary);
    }

    /// <summary>A contestant of this process: warmed up now, with rests in which the compiler puts its next tier in place.</summary>
    /// <param name="action">What is timed.</param>
    /// <param name="finish">Waits for what the calls of a sample have begun; part of the time.</param>
    public static Func<double[]> Sampler(Action action, Action? finish = null)
    {
        double seconds = 0;
        for (int i = 0; i < WarmUps; i++)
        {
            if (i > 0) Thread.Sleep(120);
            seconds = SecondsPerCall(action, finish);
        }
        int batch = Math.Max(1, (int)(SecondsPerSample / seconds));
        return () =>
        {
            var samples = new double[seconds > Slow ? SamplesOfSlow : SamplesPerTurn];
            for (int i = 0; i < samples.Length; i++)
            {
                long start = Stopwatch.GetTimestamp();
                for (int j = 0; j < batch; j++) action();
                finish?.Invoke();
                samples[i] = Stopwatch.GetElapsedTime(start).TotalSeconds / batch;
            }
            return samples;
        };
    }

    private static double SecondsPerCall(Action action, Action? finish)
    {
        var watch = Stopwatch.StartNew();
        int calls = 0;
        // Waits grow with the calls: work does not pile up in a queue, and short calls are not charged a wait each.
        for (int next = 1; watch.Elapsed.TotalSeconds < WarmUpSeconds || calls == 0; next *= 2)
        {
            for (int i = 0; i < next && watch.Elapsed.TotalSeconds < WarmUpSeconds; i++, calls++) action();
            finish?.Invoke();
        }
        return watch.Elapsed.TotalSeconds / calls;
    }

    /// <summary>Median and percentiles of samples.</summary>
    public static Timing Summary(IEnumerable<double> samples)
    {
        double[] sorted = [.. samples.Order()];
        return new Timing(sorted[sorted.Length / 2], sorted[sorted.Length / 10], sorted[sorted.Length * 9 / 10]);
    }
}
