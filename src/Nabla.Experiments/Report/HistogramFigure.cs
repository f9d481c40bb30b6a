namespace Nabla.Experiments.Report;

/// <summary>A sample whose distribution is drawn.</summary>
/// <param name="Name">Name in the legend.</param>
/// <param name="Values">The sample; values that are not finite are left out, and the figure says so.</param>
public sealed record Sample(string Name, double[] Values);

/// <summary>Distributions of samples over common bins.</summary>
/// <param name="Title">Short heading.</param>
/// <param name="X">Axis of the values; on a logarithmic axis the bins have equal ratios.</param>
/// <param name="Samples">The samples, in the order of the legend.</param>
public sealed record HistogramFigure(string Title, Axis X, params Sample[] Samples) : Figure(Title)
{
    /// <summary>Number of bins; 0: by the rule of Freedman and Diaconis (1981), between 10 and 200.</summary>
    public int Bins { get; init; }

    /// <summary>True: heights are densities (area 1); false: counts.</summary>
    public bool Density { get; init; } = true;

    /// <summary>True: logarithmic heights.</summary>
    public bool LogHeights { get; init; }

    /// <summary>Curves above the bars, such as a predicted density.</summary>
    public Series[] Curves { get; init; } = [];

    /// <summary>Straight lines across the plot.</summary>
    public ReferenceLine[] References { get; init; } = [];

    internal override void Validate()
    {
        Require(Bins >= 0, $"Bins is {Bins}");
        foreach (var c in Curves) RequireLength($"y of curve '{c.Name}'", c.Y, c.X.Length);
    }

    internal override (double Width, double Height) NaturalSize() => (680, 380);

    internal override void Draw(SvgWriter svg, double width, double height) => HistogramPlot.Draw(this, svg, width, height);

    internal override string Summary() =>
        $"Histogram of {X.Caption}: {string.Join(", ", Samples.Select(s => $"{s.Name} ({s.Values.Length} values)"))}.";

    internal override CsvTable Table() => new(["kind", "name", "low", "high", "count", "density"], Rows());

    private IEnumerable<string[]> Rows()
    {
        var bins = HistogramBins.Of(this);
        for (var s = 0; s < Samples.Length; s++)
        {
            for (var b = 0; b < bins.Count; b++)
            {
                yield return ["bin", Samples[s].Name, CsvTable.Number(bins.Edges[b]), CsvTable.Number(bins.Edges[b + 1]),
                    CsvTable.Number(bins.Counts[s][b]), CsvTable.Number(bins.Density(s, b))];
            }
        }

        foreach (var c in Curves)
        {
            for (var i = 0; i < c.X.Length; i++)
                yield return [c.IsTheory ? "theory" : "curve", c.Name, CsvTable.Number(c.X[i]), CsvTable.Number(c.X[i]), "", CsvTable.Number(c.Y[i])];
        }
    }
}
