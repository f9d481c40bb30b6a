namespace Nabla.Experiments.Report;

/// <summary>The points of one class.</summary>
/// <param name="Name">Name in the legend.</param>
/// <param name="X">Abscissae.</param>
/// <param name="Y">Ordinates, as many.</param>
/// <param name="Marker">Shape; each class has its own unless chosen.</param>
public sealed record PointClass(string Name, double[] X, double[] Y, MarkerShape Marker = MarkerShape.Auto);

/// <summary>Points in a plane, by class.</summary>
/// <param name="Title">Short heading.</param>
/// <param name="X">Horizontal axis.</param>
/// <param name="Y">Vertical axis.</param>
/// <param name="Classes">The classes, in the order of the legend.</param>
public sealed record ScatterFigure(string Title, Axis X, Axis Y, params PointClass[] Classes) : Figure(Title)
{
    /// <summary>True: one unit is equally long on both axes (linear axes only).</summary>
    public bool EqualAspect { get; init; }

    /// <summary>Curves above the points, such as a decision boundary or a prediction.</summary>
    public Series[] Curves { get; init; } = [];

    /// <summary>Straight lines across the plot.</summary>
    public ReferenceLine[] References { get; init; } = [];

    internal override void Validate()
    {
        foreach (var c in Classes) RequireLength($"y of class '{c.Name}'", c.Y, c.X.Length);
        foreach (var c in Curves) RequireLength($"y of curve '{c.Name}'", c.Y, c.X.Length);
    }

    internal override (double Width, double Height) NaturalSize() => EqualAspect ? (520, 520) : (680, 420);

    internal override void Draw(SvgWriter svg, double width, double height) => ScatterPlot.Draw(this, svg, width, height);

    internal override string Summary() =>
        $"Scatter plot of {Y.Caption} over {X.Caption}: {string.Join(", ", Classes.Select(c => $"{c.Name} ({c.X.Length} points)"))}.";

    internal override CsvTable Table() => new(["kind", "class", "x", "y"], Rows());

    private IEnumerable<string[]> Rows()
    {
        foreach (var c in Classes)
        {
            for (var i = 0; i < c.X.Length; i++) yield return ["point", c.Name, CsvTable.Number(c.X[i]), CsvTable.Number(c.Y[i])];
        }

        foreach (var c in Curves)
        {
            for (var i = 0; i < c.X.Length; i++)
                yield return [c.IsTheory ? "theory" : "curve", c.Name, CsvTable.Number(c.X[i]), CsvTable.Number(c.Y[i])];
        }

        foreach (var r in References)
            yield return [r.Horizontal ? "horizontal" : "vertical", r.Label, r.Horizontal ? "" : CsvTable.Number(r.Value), r.Horizontal ? CsvTable.Number(r.Value) : ""];
    }
}
