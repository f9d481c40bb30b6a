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
    public static Timing Of(Action action) => InTurns(Sampler(action))[0];

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
    public static Func<double[]> Sampler(Action action)
    {
        double seconds = 0;
        for (int i = 0; i < WarmUps; i++)
        {
            if (i > 0) Thread.Sleep(120);
            seconds = SecondsPerCall(action);
        }
        int batch = Math.Max(1, (int)(SecondsPerSample / seconds));
        return () =>
        {
            var samples = new double[seconds > Slow ? SamplesOfSlow : SamplesPerTurn];
            for (int i = 0; i < samples.Length; i++)
            {
                long start = Stopwatch.GetTimestamp();
                for (int j = 0; j < batch; j++) action();
                samples[i] = Stopwatch.GetElapsedTime(start).TotalSeconds / batch;
            }
            return samples;
        };
    }

    private static double SecondsPerCall(Action action)
    {
        var watch = Stopwatch.StartNew();
        int calls = 0;
        for (; watch.Elapsed.TotalSeconds < WarmUpSeconds || calls == 0; calls++) action();
        return watch.Elapsed.TotalSeconds / calls;
    }

    /// <summary>Median and percentiles of samples.</summary>
    public static Timing Summary(IEnumerable<double> samples)
    {
        double[] sorted = [.. samples.Order()];
        return new Timing(sorted[sorted.Length / 2], sorted[sorted.Length / 10], sorted[sorted.Length * 9 / 10]);
    }
}
