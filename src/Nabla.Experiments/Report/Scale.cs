namespace Nabla.Experiments.Report;

/// <summary>Least and greatest drawable value, and how many values cannot be drawn.</summary>
internal sealed class DataRange(AxisScale scale)
{
    public double Min { get; private set; } = double.PositiveInfinity;

    public double Max { get; private set; } = double.NegativeInfinity;

    /// <summary>Values that are NaN or infinite.</summary>
    public int NotFinite { get; private set; }

    /// <summary>Values ≤ 0 on a logarithmic axis.</summary>
    public int NotPositive { get; private set; }

    public bool IsEmpty => Min > Max;

    public void Add(double value)
    {
        if (!double.IsFinite(value)) NotFinite++;
        else if (scale == AxisScale.Log && value <= 0) NotPositive++;
        else Include(value);
    }

    public void Add(IEnumerable<double> values)
    {
        foreach (var v in values) Add(v);
    }

    /// <summary>Makes room for a value that is not data, such as a reference line; what cannot be drawn is passed over.</summary>
    public void Include(double value)
    {
        if (!double.IsFinite(value) || (scale == AxisScale.Log && value <= 0)) return;
        Min = Math.Min(Min, value);
        Max = Math.Max(Max, value);
    }

    /// <summary>What the reader must know about values that are missing in the drawing.</summary>
    public IEnumerable<string> Notes(Axis axis)
    {
        if (NotFinite > 0) yield return $"{Count(NotFinite)} of {Name(axis)} not finite, left out.";
        if (NotPositive > 0) yield return $"{Count(NotPositive)} of {Name(axis)} not positive, left out of the logarithmic axis.";
    }

    private static string Count(int n) => n == 1 ? "1 value" : $"{n} values";

    private static string Name(Axis axis) => axis.Label.Length > 0 ? axis.Label : "the axis";
}

/// <summary>A mark on an axis.</summary>
internal readonly record struct Tick(double Value, string Text);

/// <summary>An axis between two pixels.</summary>
internal sealed class Scale
{
    private readonly double _low;
    private readonly double _high;

    private Scale(bool log, double min, double max, double start, double end)
    {
        (IsLog, Min, Max, Start, End) = (log, min, max, start, end);
        (_low, _high) = log ? (Math.Log10(min), Math.Log10(max)) : (min, max);
    }

    public bool IsLog { get; }

    public double Min { get; }

    public double Max { get; }

    /// <summary>Pixel of <see cref="Min"/>.</summary>
    public double Start { get; }

    /// <summary>Pixel of <see cref="Max"/>.</summary>
    public double End { get; }

    /// <summary>Axis over a range of data, with a margin on sides that the user did not fix.</summary>
    public static Scale Fit(Axis axis, DataRange range, double margin)
    {
        var log = axis.Scale == AxisScale.Log;
        var (low, high) = range.IsEmpty ? (log ? 0.1 : 0, 1) : (range.Min, range.Max);
        var min = axis.Min is { } a && (!log || a > 0) ? a : low;
        var max = axis.Max is { } b && (!log || b > 0) ? b : high;
        if (log) (min, max) = (Math.Log10(min), Math.Log10(max));
        if (!(max > min)) (min, max) = Widen(min, max, log);
        var pad = margin * (max - min);
        if (axis.Min is null) min -= pad;
        if (axis.Max is null) max += pad;
        return log ? new Scale(true, Math.Pow(10, min), Math.Pow(10, max), 0, 1) : new Scale(false, min, max, 0, 1);
    }

    /// <summary>An axis with given ends.</summary>
    public static Scale Between(double min, double max, bool log = false) => new(log, min, max, 0, 1);

    /// <summary>The same axis between other pixels.</summary>
    public Scale On(double start, double end) => new(IsLog, Min, Max, start, end);

    /// <summary>Pixel of a value; NaN for what cannot be drawn.</summary>
    public double Map(double value)
    {
        if (!double.IsFinite(value) || (IsLog && value <= 0)) return double.NaN;
        var t = ((IsLog ? Math.Log10(value) : value) - _low) / (_high - _low);
        return Start + t * (End - Start);
    }

    public bool Contains(double value) => value >= Min && value <= Max;

    /// <summary>Labelled marks, about <paramref name="wanted"/> of them.</summary>
    public List<Tick> Ticks(int wanted) => IsLog ? Report.Ticks.Log(Min, Max, wanted) : Report.Ticks.Linear(Min, Max, wanted);

    /// <summary>Marks without label between the decades of a logarithmic axis.</summary>
    public IEnumerable<double> MinorTicks() => IsLog ? Report.Ticks.LogMinor(Min, Max) : [];

    // One value only: show it in the middle of a range of its own size.
    private static (double, double) Widen(double min, double max, bool log)
    {
        var center = (min + max) / 2;
        var half = log ? 0.5 : center == 0 ? 1 : Math.Abs(center) * 0.1;
        return (center - half, center + half);
    }
}

/// <summary>Where the marks of an axis lie.</summary>
internal static class Ticks
{
    /// <summary>1, 2 or 5 times a power of ten: the one nearest to <paramref name="roughly"/> in ratio.</summary>
    public static double NiceStep(double roughly)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(roughly)));
        var fraction = roughly / power;
        return (fraction < 1.414 ? 1 : fraction < 3.162 ? 2 : fraction < 7.071 ? 5 : 10) * power;
    }

    /// <summary>Multiples of a nice step within [min, max].</summary>
    public static List<Tick> Linear(double min, double max, int wanted)
    {
        var step = NiceStep((max - min) / Math.Max(1, wanted));
        var ticks = new List<Tick>();
        if (!double.IsFinite(step) || step <= 0) return ticks;
        var largest = Math.Max(Math.Abs(min), Math.Abs(max));
        for (var k = Math.Ceiling(min / step - 1e-9); k <= Math.Floor(max / step + 1e-9) && ticks.Count < 100; k++)
            ticks.Add(new Tick(k * step, NumberText.Tick(k * step, step, largest)));
        return ticks;
    }

    /// <summary>Powers of ten within [min, max], every second or third … when there are many; 1, 2, 5 when there are few; nice numbers within one decade.</summary>
    public static List<Tick> Log(double min, double max, int wanted)
    {
        var (first, last) = Decades(min, max);
        var count = last - first + 1;
        if (count >= 3 || (count == 2 && wanted < 4))
        {
            var stride = (count + wanted - 1) / Math.Max(1, wanted);
            return [.. Enumerable.Range(first, count).Where(k => Math.Abs(k) % stride == 0).Select(k => new Tick(Math.Pow(10, k), NumberText.PowerOfTen(k)))];
        }

        List<Tick> fine = [.. Enumerable.Range(first - 1, count + 1).SelectMany(k => new[] { 1, 2, 5 }.Select(m => m * Math.Pow(10, k)))
            .Where(v => v >= min * (1 - 1e-9) && v <= max * (1 + 1e-9)).Select(v => new Tick(v, NumberText.Value(v, 3)))];
        return fine.Count >= 2 ? fine : Linear(min, max, wanted);
    }

    /// <summary>2, 3 … 9 times the powers of ten within [min, max], when there are at most seven decades.</summary>
    public static IEnumerable<double> LogMinor(double min, double max)
    {
        var (first, last) = Decades(min, max);
        if (last - first > 7) return [];
        return Enumerable.Range(first - 1, last - first + 2).SelectMany(k => Enumerable.Range(2, 8).Select(m => m * Math.Pow(10, k)))
            .Where(v => v >= min && v <= max);
    }

    private static (int First, int Last) Decades(double min, double max) =>
        ((int)Math.Ceiling(Math.Log10(min) - 1e-9), (int)Math.Floor(Math.Log10(max) + 1e-9));
}
