namespace Nabla.Experiments.Report;

/// <summary>One value per category.</summary>
/// <param name="Name">Name in the legend.</param>
/// <param name="Values">A value for each category; NaN: no bar.</param>
/// <param name="Low">Lower end of the error bars; null: none.</param>
/// <param name="High">Upper end of the error bars; null: none.</param>
public sealed record BarGroup(string Name, double[] Values, double[]? Low = null, double[]? High = null);

/// <summary>Bars by category, groups side by side.</summary>
/// <param name="Title">Short heading.</param>
/// <param name="Y">Axis of the values. A logarithmic axis needs values above zero.</param>
/// <param name="Categories">Names along the horizontal axis.</param>
/// <param name="Groups">The groups, in the order of the legend.</param>
public sealed record BarFigure(string Title, Axis Y, string[] Categories, params BarGroup[] Groups) : Figure(Title)
{
    /// <summary>Text under the categories.</summary>
    public string XLabel { get; init; } = "";

    /// <summary>True: each value is written above its bar.</summary>
    public bool ShowValues { get; init; }

    /// <summary>Straight horizontal lines across the plot (vertical ones have no place here and are left out).</summary>
    public ReferenceLine[] References { get; init; } = [];

    internal override void Validate()
    {
        foreach (var g in Groups)
        {
            RequireLength($"group '{g.Name}'", g.Values, Categories.Length);
            if (g.Low is not null) RequireLength($"lower ends of group '{g.Name}'", g.Low, Categories.Length);
            if (g.High is not null) RequireLength($"upper ends of group '{g.Name}'", g.High, Categories.Length);
        }
    }

    internal override (double Width, double Height) NaturalSize() => (680, 380);

    internal override void Draw(SvgWriter svg, double width, double height) => BarPlot.Draw(this, svg, width, height);

    internal override string Summary() =>
        $"Bar chart of {Y.Caption} for {string.Join(", ", Categories)}; {string.Join(", ", Groups.Select(g => g.Name))}.";

    internal override CsvTable Table() => new(["group", "category", "value", "low", "high"],
        Groups.SelectMany(g => Categories.Select((category, i) => new[]
        {
            g.Name, category, CsvTable.Number(g.Values[i]), g.Low is null ? "" : CsvTable.Number(g.Low[i]), g.High is null ? "" : CsvTable.Number(g.High[i]),
        })));
}
