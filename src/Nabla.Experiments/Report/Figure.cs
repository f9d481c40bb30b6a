namespace Nabla.Experiments.Report;

/// <summary>
/// A figure as plain data. It draws itself as a standalone SVG (text as text, readable in light and dark, no external resource)
/// and writes the numbers behind it as one tidy CSV table. Figures are immutable and know nothing about tensors.
/// </summary>
/// <param name="Title">A short heading, drawn above the figure and used as its accessible name. May be empty.</param>
public abstract record Figure(string Title)
{
    /// <summary>A sentence for readers who cannot see the figure (the SVG's <c>desc</c>); empty: a summary is made from the data.</summary>
    public string Description { get; init; } = "";

    /// <summary>Width in user units (1 unit = 1 CSS pixel at natural size); null: the kind's own choice.</summary>
    public double? Width { get; init; }

    /// <summary>Height in user units; null: the kind's own choice.</summary>
    public double? Height { get; init; }

    /// <summary>The figure as a complete SVG document, which may be saved or placed inside an HTML page as it is.</summary>
    /// <exception cref="ExperimentException">NB0790: arrays of the figure do not fit together.</exception>
    public string ToSvg()
    {
        Validate();
        var (width, height) = NaturalSize();
        return SvgDocument.Render(this, Width ?? width, Height ?? height);
    }

    /// <summary>The data behind the figure: a header line, then one line per observation; numbers in the shortest form that reads back
    /// to the same double, invariant culture, <c>NaN</c>, <c>inf</c> and <c>-inf</c> where values are not finite.</summary>
    /// <exception cref="ExperimentException">NB0790: arrays of the figure do not fit together.</exception>
    public string ToCsv()
    {
        Validate();
        return Table().ToText();
    }

    /// <summary>Throws NB0790 when arrays do not fit together.</summary>
    internal abstract void Validate();

    /// <summary>Size chosen when the user does not choose one.</summary>
    internal abstract (double Width, double Height) NaturalSize();

    /// <summary>Draws into the box [0, width] × [0, height] of the writer's current coordinates.</summary>
    internal abstract void Draw(SvgWriter svg, double width, double height);

    /// <summary>The rows of <see cref="ToCsv"/>.</summary>
    internal abstract CsvTable Table();

    /// <summary>A sentence about the data, used when <see cref="Description"/> is empty.</summary>
    internal abstract string Summary();

    private protected void Require(bool fits, string problem)
    {
        if (!fits) throw ExperimentErrors.FigureData(GetType().Name, Title, problem);
    }

    private protected void RequireLength(string what, double[] values, int expected) =>
        Require(values.Length == expected, $"{what} has {values.Length} values where {expected} are expected");
}

/// <summary>A straight line across the plot at one value, such as a predicted threshold.</summary>
/// <param name="Horizontal">True: y = value; false: x = value.</param>
/// <param name="Value">Where.</param>
/// <param name="Label">Text beside it; may be empty.</param>
public sealed record ReferenceLine(bool Horizontal, double Value, string Label = "")
{
    /// <summary>The line y = <paramref name="value"/>.</summary>
    public static ReferenceLine AtY(double value, string label = "") => new(true, value, label);

    /// <summary>The line x = <paramref name="value"/>.</summary>
    public static ReferenceLine AtX(double value, string label = "") => new(false, value, label);
}

/// <summary>Shape drawn at points. <see cref="Auto"/> gives each series its own.</summary>
public enum MarkerShape
{
    /// <summary>By position in the figure; for lines only where it helps to tell them apart.</summary>
    Auto,
    /// <summary>No marker.</summary>
    None,
    /// <summary>Disc.</summary>
    Circle,
    /// <summary>Square.</summary>
    Square,
    /// <summary>Triangle pointing up.</summary>
    TriangleUp,
    /// <summary>Square standing on a corner.</summary>
    Diamond,
    /// <summary>Triangle pointing down.</summary>
    TriangleDown,
    /// <summary>Plus sign.</summary>
    Plus,
    /// <summary>Saltire.</summary>
    Cross,
    /// <summary>Ring.</summary>
    Ring,
}

/// <summary>Dash pattern of a line.</summary>
public enum LineDash
{
    /// <summary>Unbroken.</summary>
    Solid,
    /// <summary>Long dashes.</summary>
    Dashed,
    /// <summary>Dots.</summary>
    Dotted,
    /// <summary>Dash, dot.</summary>
    DashDot,
}
