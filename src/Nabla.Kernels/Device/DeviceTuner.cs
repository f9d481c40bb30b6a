using System.Collections.Concurrent;
using System.Text;

namespace Nabla.Kernels;

/// <summary>What work has in common for which one kernel is measured to be the fastest: an operation, an element type, sizes, and how the operands lie.</summary>
internal readonly record struct TuningClass(string Operation, DType DType, int A, int B, int C, int D, int Layout)
{
    /// <summary>A size with its three leading bits: sizes of one class differ by a quarter at most.</summary>
    public static int Coarse(long size)
    {
        int shift = Math.Max(0, 61 - (int)long.LeadingZeroCount(size));
        return (int)Math.Min(int.MaxValue, size >> shift << shift);
    }
}

/// <summary>Work that several kernels do, and that can be done as a trial: nobody sees its result.</summary>
internal abstract class Trial
{
    /// <summary>The kernels, each with its name.</summary>
    public abstract IReadOnlyList<(string Name, KernelProgram Program)> Kernels { get; }

    /// <summary>The place of the kernel that is taken without a measurement.</summary>
    public abstract int Usual { get; }

    /// <summary>The type of the result.</summary>
    public abstract Aval Result { get; }

    /// <summary>Queues the work as one of the kernels does it.</summary>
    public abstract void Launch(int kernel, DenseTensor result);
}

/// <summary>
/// Chooses among kernels that compute the same bits by measuring them, once for each class of work: the first time that such work comes, on its own operands. The choice changes times, never results: a
/// kernel whose result differs from the usual kernel's in one bit is left out and named on stderr. What was chosen is kept with the compiled kernels, under the texts of all of them, the device and its driver.
/// </summary>
/// <param name="device">Where the kernels run.</param>
/// <param name="cache">Where choices are kept.</param>
/// <param name="keyOf">What decides the machine code of a kernel on this device.</param>
/// <param name="clock">Tells the time, by default that of the machine.</param>
internal sealed class DeviceTuner(Accelerator device, KernelCache cache, Func<KernelProgram, string> keyOf, TimeProvider? clock = null)
{
    /// <summary>Multiply-adds from which a measurement is worth its time.</summary>
    public const long LeastWork = 1L << 27;

    /// <summary>Kernels of one class that are measured at most.</summary>
    public const int MostKernels = 8;

    private const long MostResultBytes = 1L << 28;
    private const int Rounds = 3, MostRuns = 16;

    // A kernel must be that much faster than the usual one.
    private const double Gain = 0.98;

    // For one class, with the time that compilers take; and for the runs of one kernel between two looks at the clock.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(8), Sample = TimeSpan.FromMilliseconds(1);

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly ConcurrentDictionary<TuningClass, int> _chosen = new();
    private readonly ConcurrentQueue<string> _rejected = new();
    private readonly Lock _gate = new();

    /// <summary>Names of kernels that gave other bits.</summary>
    public IEnumerable<string> Rejected => _rejected;

    /// <summary>False if the environment asks for the usual kernels.</summary>
    public static bool IsOn { get; } = Environment.GetEnvironmentVariable("NABLA_TUNE") != "0";

    /// <summary>The place of the kernel that was chosen for a class; null if none was yet.</summary>
    public int? Find(in TuningClass of) => _chosen.TryGetValue(of, out int kernel) ? kernel : null;

    /// <summary>
    /// Chooses a kernel for a class, and remembers it. The usual one, and nothing is remembered, while a graph is recorded on this thread, while another thread measures, or if the results are large for the memory that is left.
    /// </summary>
    public int Tune(in TuningClass of, Trial trial)
    {
        if (device.IsRecording || trial.Result.Bytes > MostBytes || !_gate.TryEnter()) return trial.Usual;
        try
        {
            if (_chosen.TryGetValue(of, out int known)) return known;
            string key = KernelCache.Key(["tuned", of.ToString(), trial.Kernels[trial.Usual].Name, .. trial.Kernels.Select(k => k.Name), .. trial.Kernels.Select(k => keyOf(k.Program))]);
            return _chosen[of] = Kept(key, trial) ?? Measure(of, key, trial);
        }
        finally
        {
            _gate.Exit();
        }
    }

    // Of a result, of which two are made; live bytes are counted over all devices.
    private long MostBytes => Math.Min(MostResultBytes, (device.MemoryBytes - BufferPool.LiveBytes) / 8);

    private int? Kept(string key, Trial trial)
    {
        if (cache.Read(key) is not { } bytes) return null;
        string name = Encoding.UTF8.GetString(bytes);
        for (int i = 0; i < trial.Kernels.Count; i++)
            if (trial.Kernels[i].Name == name) return i;
        return null;
    }

    private int Measure(in TuningClass of, string key, Trial trial)
    {
        long start = _clock.GetTimestamp();
        var usual = DenseTensor.Allocate(trial.Result, device);
        var other = DenseTensor.Allocate(trial.Result, device);
        var places = new List<int>();
        // The first run compiles, and is checked.
        foreach (int kernel in Enumerable.Range(0, trial.Kernels.Count).OrderBy(i => i != trial.Usual).Take(MostKernels))
        {
            if (places.Count > 0 && _clock.GetElapsedTime(start) > Limit) break;
            trial.Launch(kernel, places.Count == 0 ? usual : other);
            if (places.Count == 0 || Differences(usual, other) == 0) places.Add(kernel);
            else Reject(of, trial, kernel);
        }
        double[] times = Times(start, trial, places, other);
        int best = 0;
        for (int i = 1; i < times.Length; i++)
            if (times[i] < times[best] && times[i] < Gain * times[0]) best = i;
        NablaDebug.Tell(1, $"{device}: {of}: {string.Join(", ", places.Zip(times, (p, t) => FormattableString.Invariant($"{trial.Kernels[p].Name} {t * 1e6:F0} µs")))}");
        // Without all measurements it is good for this process alone.
        if (_clock.GetElapsedTime(start) <= Limit) cache.Write(key, Encoding.UTF8.GetBytes(trial.Kernels[places[best]].Name));
        return places[best];
    }

    private void Reject(in TuningClass of, Trial trial, int kernel)
    {
        _rejected.Enqueue(trial.Kernels[kernel].Name);
        Console.Error.WriteLine($"nabla: {device}: kernel {trial.Kernels[kernel].Name} gives other bits than {trial.Kernels[trial.Usual].Name} for {of}; it is not used there. Please report this.");
    }

    // The shortest time of a run of each kernel, in seconds, in rounds in which they take turns; what was not measured takes forever.
    private double[] Times(long start, Trial trial, List<int> places, DenseTensor result)
    {
        double[] times = [.. places.Select(_ => double.PositiveInfinity)];
        int[] runs = [.. places.Select(_ => 1)];
        for (int round = 0; round <= Rounds; round++)
        {
            for (int i = 0; i < times.Length && _clock.GetElapsedTime(start) <= Limit; i++)
            {
                device.Synchronize();
                long from = _clock.GetTimestamp();
                for (int run = 0; run < runs[i]; run++) trial.Launch(places[i], result);
                device.Synchronize();
                double time = _clock.GetElapsedTime(from).TotalSeconds / runs[i];
                // The round before the first tells how many runs a sample has.
                if (round == 0) runs[i] = (int)Math.Clamp(Sample.TotalSeconds / Math.Max(time, 1e-9), 1, MostRuns);
                else times[i] = Math.Min(times[i], time);
            }
        }
        return times;
    }

    private int Differences(DenseTensor x, DenseTensor y)
    {
        DenseTensor count = DenseTensor.Splat(new Aval(DType.I32, Shape.Scalar), 0, device);
        DeviceView Words(DenseTensor tensor) => new(DeviceView.Of(tensor).Address, (int)(tensor.Aval.Bytes / sizeof(int)));
        TuningKernels.LaunchDifferences(device, LaunchSize.Linear(Words(x).Length, 256).GridX, 1, 1, Words(x), Words(y), DeviceView.Of(count));
        GC.KeepAlive(x);
        GC.KeepAlive(y);
        return (int)count.ToDoubles()[0];
    }
}

/// <summary>Compares results of kernels.</summary>
internal static partial class TuningKernels
{
    /// <summary>count[0] += the number of words that differ.</summary>
    [Kernel(256)]
    public static void Differences(ArrayView<int> x, ArrayView<int> y, ArrayView<int> count)
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < x.IntLength && x[i] != y[i]) Atomic.Add(ref count[0], 1);
    }
}
