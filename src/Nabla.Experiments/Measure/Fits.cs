using Nabla.Experiments.Report;

namespace Nabla.Experiments.Measure;

/// <summary>Straight lines and medians.</summary>
public static class Fits
{
    /// <summary>Slope of the least-squares line through points (x, y): Σ(x − x̄)(y − ȳ)/Σ(x − x̄)². NaN for fewer than two different x.</summary>
    public static double Slope(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        if (x.Count != y.Count) throw new ArgumentException($"{x.Count} abscissae, {y.Count} ordinates.", nameof(y));
        double meanX = x.Average(), meanY = y.Average(), xy = 0, xx = 0;
        for (int i = 0; i < x.Count; i++)
        {
            xy += (x[i] - meanX) * (y[i] - meanY);
            xx += (x[i] - meanX) * (x[i] - meanX);
        }
        return xy / xx;
    }

    /// <summary>Exponent p of y ≈ c·xᵖ: the <see cref="Slope"/> of log y over log x.</summary>
    public static double PowerLaw(IReadOnlyList<double> x, IReadOnlyList<double> y) => Slope([.. x.Select(v => Math.Log(v))], [.. y.Select(v => Math.Log(v))]);

    /// <summary>The middle value, or the mean of the two middle ones; NaN for none, or if any value is NaN.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length > 0 && double.IsNaN(sorted[0]) ? double.NaN : Series.Quantile(sorted, 0.5);
    }
}
