using Nabla.Experiments.Report;

namespace Nabla.Experiments.Measure;

/// <summary>Summaries of a few numbers, such as one for each seed.</summary>
public static class Statistics
{
    /// <summary>The middle value; the mean of the two middle ones for an even number; NaN for none.</summary>
    public static double Median(IEnumerable<double> values) => Series.Quantile([.. values.Order()], 0.5);
}
