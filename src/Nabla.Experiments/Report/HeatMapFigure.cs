namespace Nabla.Experiments.Report;

/// <summary>Colours of a field.</summary>
public enum ColorScale
{
    /// <summary>Viridis: dark blue to yellow, for values with an order.</summary>
    Sequential,

    /// <summary>Blue, white, orange, with white at zero and equal ends: for signed values.</summary>
    Diverging,
}

/// <summary>A point with a name on a heat map.</summary>
/// <param name="X">Abscissa.</param>
/// <param name="Y">Ordinate.</param>
/// <param name="Label">Text beside it; may be empty.</param>
public sealed record MapMarker(double X, double Y, string Label = "");

/// <summary>
/// A field of values as colours. Column j lies at <see cref="Xs"/>[j] and row i at <see cref="Ys"/>[i]; cells are equally wide on their
/// axis (equal steps on a linear axis, equal ratios on a logarithmic one). Large fields are averaged to at most 512×512 for drawing.
/// </summary>
/// <param name="Title">Short heading.</param>
/// <param name="X">Horizontal axis (columns).</param>
/// <param name="Y">Vertical axis (rows).</param>
/// <param name="Value">The colour bar: label, unit, scale, ends.</param>
/// <param name="Values">[rows, columns]. Values that are not finite are drawn grey.</param>
public sealed record HeatMapFigure(string Title, Axis X, Axis Y, Axis Value, double[,] Values) : Figure(Title)
{
    /// <summary>Position of each column's centre; null: 0, 1, 2, …</summary>
    public double[]? Xs { get; init; }

    /// <summary>Position of each row's centre; null: 0, 1, 2, …</summary>
    public double[]? Ys { get; init; }

    /// <summary>Names of the columns instead of numbers.</summary>
    public string[]? XLabels { get; init; }

    /// <summary>Names of the rows instead of numbers.</summary>
    public string[]? YLabels { get; init; }

    /// <summary>True: row 0 at the top, as matrices are written; false: at the bottom, as functions are drawn.</summary>
    public bool FirstRowOnTop { get; init; }

    /// <summary>True: square cells.</summary>
    public bool SquareCells { get; init; }

    /// <summary>Sequential or signed colours.</summary>
    public ColorScale Colors { get; init; } = ColorScale.Sequential;

    /// <summary>Curves above the field, in axis coordinates; theory is dashed.</summary>
    public Series[] Curves { get; init; } = [];

    /// <summary>Named points above the field, in axis coordinates.</summary>
    public MapMarker[] Markers { get; init; } = [];

    /// <summary>True: each value is written in its cell (for small matrices).</summary>
    public bool ShowValues { get; init; }

    internal int Rows => Values.GetLength(0);

    internal int Columns => Values.GetLength(1);

    internal override void Validate()
    {
        if (Xs is not null) RequireLength("Xs", Xs, Columns);
        if (Ys is not null) RequireLength("Ys", Ys, Rows);
        Require(XLabels is null || XLabels.Length == Columns, $"XLabels has {XLabels?.Length} names for {Columns} columns");
        Require(YLabels is null || YLabels.Length == Rows, $"YLabels has {YLabels?.Length} names for {Rows} rows");
        foreach (var c in Curves) RequireLength($"y of curve '{c.Name}'", c.Y, c.X.Length);
    }

    internal override (double Width, double Height) NaturalSize() => (600, 460);

    internal override void Draw(SvgWriter svg, double width, double height) => HeatMapPlot.Draw(this, svg, width, height);

    internal override string Summary() => $"Heat map of {Value.Caption}, {Rows} rows ({Y.Caption}) by {Columns} columns ({X.Caption}).";

    internal override CsvTable Table() => new(["kind", "name", "x", "y", "value"], CsvRows());

    private IEnumerable<string[]> CsvRows()
    {
        for (var i = 0; i < Rows; i++)
        {
            var y = YLabels?[i] ?? CsvTable.Number(Ys?[i] ?? i);
            for (var j = 0; j < Columns; j++)
                yield return ["cell", "", XLabels?[j] ?? CsvTable.Number(Xs?[j] ?? j), y, CsvTable.Number(Values[i, j])];
        }

        foreach (var c in Curves)
        {
            for (var i = 0; i < c.X.Length; i++)
                yield return [c.IsTheory ? "theory" : "curve", c.Name, CsvTable.Number(c.X[i]), CsvTable.Number(c.Y[i]), ""];
        }

        foreach (var m in Markers) yield return ["marker", m.Label, CsvTable.Number(m.X), CsvTable.Number(m.Y), ""];
    }
}
