using System.Globalization;

namespace Nabla.Experiments.Runs;

/// <summary>Numbers, bounds and verdicts as people read them.</summary>
internal static class RunText
{
    /// <summary>Up to five significant digits.</summary>
    public static string Number(double value) => value.ToString("G5", CultureInfo.InvariantCulture);

    /// <summary>Bounds: <c>in [0.9, 1.3]</c>, <c>≥ 2</c>, <c>≤ 0.02</c>.</summary>
    public static string Bound(double? min, double? max) => (min, max) switch
    {
        ({ } a, { } b) => $"in [{Number(a)}, {Number(b)}]",
        ({ } a, null) => $"≥ {Number(a)}",
        (null, { } b) => $"≤ {Number(b)}",
        _ => "",
    };

    /// <summary><c>holds</c> or <c>FAILS</c>.</summary>
    public static string Verdict(bool passed) => passed ? "holds" : "FAILS";

    /// <summary>A cell of a table: text as it is, numbers in the shortest form of up to six digits.</summary>
    public static string Cell(object cell) => cell switch
    {
        double d => d.ToString("G6", CultureInfo.InvariantCulture),
        float f => f.ToString("G6", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => cell.ToString() ?? "",
    };

    /// <summary>A time: <c>0.42 s</c>, <c>3 min 5 s</c>.</summary>
    public static string Seconds(double seconds) => seconds < 60
        ? string.Create(CultureInfo.InvariantCulture, $"{seconds:G3} s")
        : string.Create(CultureInfo.InvariantCulture, $"{(int)(seconds / 60)} min {(int)(seconds % 60)} s");

    /// <summary>A size: <c>1.6 MB</c>.</summary>
    public static string Bytes(double bytes)
    {
        string[] units = ["B", "kB", "MB", "GB", "TB"];
        int unit = 0;
        for (; bytes >= 1000 && unit < units.Length - 1; unit++) bytes /= 1000;
        return string.Create(CultureInfo.InvariantCulture, $"{bytes:0.#} {units[unit]}");
    }
}
