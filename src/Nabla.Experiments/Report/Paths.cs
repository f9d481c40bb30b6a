using System.Text;

namespace Nabla.Experiments.Report;

/// <summary>Curves as SVG path data. Values that cannot be drawn leave gaps; long curves keep, for each pixel column, only the first, least, greatest and last point.</summary>
internal static class Paths
{
    /// <summary>Curves with more points than this are thinned.</summary>
    public const int LongCurve = 2000;

    /// <summary>Pixels of a curve; NaN where a point cannot be drawn.</summary>
    public static (double X, double Y)[] Pixels(double[] x, double[] y, Scale xScale, Scale yScale)
    {
        var pixels = new (double X, double Y)[x.Length];
        for (var i = 0; i < x.Length; i++) pixels[i] = (xScale.Map(x[i]), yScale.Map(y[i]));
        return pixels;
    }

    /// <summary>The polyline through the points, broken at gaps. A point between two gaps becomes a dot.</summary>
    public static string Line((double X, double Y)[] pixels)
    {
        var d = new StringBuilder();
        foreach (var run in Runs(pixels))
        {
            var points = pixels.Length > LongCurve ? Thin(run) : run;
            d.Append('M').Append(Point(points[0]));
            if (points.Count == 1) d.Append("h0.01");
            for (var i = 1; i < points.Count; i++) d.Append('L').Append(Point(points[i]));
        }

        return d.ToString();
    }

    /// <summary>The region between two curves over the same abscissae, broken where either cannot be drawn.</summary>
    public static string Region((double X, double Y)[] low, (double X, double Y)[] high)
    {
        var d = new StringBuilder();
        for (var i = 0; i < low.Length; i++)
        {
            if (IsGap(low[i]) || IsGap(high[i])) continue;
            var end = i;
            while (end + 1 < low.Length && !IsGap(low[end + 1]) && !IsGap(high[end + 1])) end++;
            AppendRegion(d, low.AsSpan(i, end - i + 1), high.AsSpan(i, end - i + 1));
            i = end;
        }

        return d.ToString();
    }

    /// <summary>Points that can be drawn, at most one for each half pixel.</summary>
    public static List<(double X, double Y)> Distinct((double X, double Y)[] pixels)
    {
        if (pixels.Length <= LongCurve) return [.. pixels.Where(p => !IsGap(p))];
        var seen = new HashSet<(int, int)>();
        return [.. pixels.Where(p => !IsGap(p) && seen.Add(((int)Math.Clamp(2 * p.X, -1e6, 1e6), (int)Math.Clamp(2 * p.Y, -1e6, 1e6))))];
    }

    /// <summary>Keeps of each pixel column the first, the lowest, the highest and the last point, in their order.</summary>
    internal static List<(double X, double Y)> Thin(List<(double X, double Y)> run)
    {
        var kept = new List<(double X, double Y)>();
        for (var i = 0; i < run.Count;)
        {
            var column = Math.Floor(run[i].X);
            var (end, low, high) = (i, i, i);
            for (; end < run.Count && Math.Floor(run[end].X) == column; end++)
            {
                if (run[end].Y < run[low].Y) low = end;
                if (run[end].Y > run[high].Y) high = end;
            }

            var previous = -1;
            foreach (var k in new[] { i, Math.Min(low, high), Math.Max(low, high), end - 1 })
            {
                if (k != previous) kept.Add(run[k]);
                previous = k;
            }

            i = end;
        }

        return kept;
    }

    private static void AppendRegion(StringBuilder d, ReadOnlySpan<(double X, double Y)> low, ReadOnlySpan<(double X, double Y)> high)
    {
        var step = Math.Max(1, low.Length / LongCurve);
        d.Append('M').Append(Point(Extreme(high, 0, step, least: true)));
        for (var i = step; i < high.Length; i += step) d.Append('L').Append(Point(Extreme(high, i, step, least: true)));
        for (var i = (low.Length - 1) / step * step; i >= 0; i -= step) d.Append('L').Append(Point(Extreme(low, i, step, least: false)));
        d.Append('Z');
    }

    // Pixels grow downwards, so the upper edge of a thinned region takes the least pixel and the lower edge the greatest.
    private static (double X, double Y) Extreme(ReadOnlySpan<(double X, double Y)> points, int from, int count, bool least)
    {
        var best = points[from];
        for (var i = from + 1; i < Math.Min(points.Length, from + count); i++)
        {
            if (least ? points[i].Y < best.Y : points[i].Y > best.Y) best.Y = points[i].Y;
        }

        return best;
    }

    private static IEnumerable<List<(double X, double Y)>> Runs((double X, double Y)[] pixels)
    {
        var run = new List<(double X, double Y)>();
        foreach (var p in pixels)
        {
            if (!IsGap(p))
            {
                run.Add(p);
                continue;
            }

            if (run.Count > 0) yield return run;
            run = [];
        }

        if (run.Count > 0) yield return run;
    }

    private static bool IsGap((double X, double Y) p) => double.IsNaN(p.X) || double.IsNaN(p.Y);

    // Points far outside are held near the plot: drawing programs work with single precision.
    private static string Point((double X, double Y) p) =>
        $"{SvgWriter.N(Math.Clamp(p.X, -1e5, 1e5))} {SvgWriter.N(Math.Clamp(p.Y, -1e5, 1e5))}";
}
