namespace Nabla.Experiments.Report;

/// <summary>Several figures side by side, lettered (a), (b), (c) …</summary>
/// <param name="Title">Heading above all of them; may be empty.</param>
/// <param name="Panels">The figures, left to right.</param>
public sealed record PanelFigure(string Title, params Figure[] Panels) : Figure(Title)
{
    /// <summary>Panels in a row; 0: up to three in one row, four as two by two, else three in a row.</summary>
    public int PerRow { get; init; }

    internal int PanelsPerRow => PerRow > 0 ? PerRow : Panels.Length == 4 ? 2 : Math.Clamp(Panels.Length, 1, 3);

    internal override void Validate()
    {
        foreach (var panel in Panels) panel.Validate();
    }

    internal override (double Width, double Height) NaturalSize() => PanelPlot.NaturalSize(this);

    internal override void Draw(SvgWriter svg, double width, double height) => PanelPlot.Draw(this, svg, width, height);

    internal override string Summary() => string.Join(" ", Panels.Select((p, i) => $"({PanelPlot.Letter(i)}) {p.Summary()}"));

    /// <remarks>One table: the panel's letter, then every column that any panel has; cells of other panels stay empty.</remarks>
    internal override CsvTable Table()
    {
        CsvTable[] tables = [.. Panels.Select(p => p.Table())];
        string[] columns = [.. tables.SelectMany(t => t.Columns).Distinct()];
        return new CsvTable(["panel", .. columns], tables.SelectMany((t, i) => t.Rows.Select(row => Widen(t, row, PanelPlot.Letter(i), columns))));
    }

    private static string[] Widen(CsvTable table, string[] row, string letter, string[] columns)
    {
        var wide = new string[columns.Length + 1];
        Array.Fill(wide, "");
        wide[0] = letter;
        for (var i = 0; i < row.Length; i++) wide[1 + Array.IndexOf(columns, table.Columns[i])] = row[i];
        return wide;
    }
}
