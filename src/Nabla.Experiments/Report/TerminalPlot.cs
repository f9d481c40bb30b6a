namespace Nabla.Experiments.Report;

/// <summary>Series as text for a console.</summary>
public static class TerminalPlot
{
    private const string Blocks = "▁▂▃▄▅▆▇█";

    /// <summary>
    /// One block character for each value, or for the mean of each of <paramref name="width"/> equal parts when there are more values.
    /// The least is ▁, the greatest █; a part without finite value is a space.
    /// </summary>
    public static string Sparkline(double[] values, int width = 40)
    {
        var columns = Math.Min(width, values.Length);
        var means = new double[columns];
        for (var c = 0; c < columns; c++)
        {
            var (from, to) = ((int)((long)c * values.Length / columns), (int)((long)(c + 1) * values.Length / columns));
            means[c] = values[from..to].Where(double.IsFinite).DefaultIfEmpty(double.NaN).Average();
        }

        double[] finite = [.. means.Where(double.IsFinite)];
        var (min, max) = finite.Length == 0 ? (0, 0) : (finite.Min(), finite.Max());
        return string.Concat(means.Select(m => double.IsNaN(m) ? ' ' : max > min ? Blocks[(int)Math.Round((m - min) / (max - min) * 7)] : Blocks[3]));
    }
}
