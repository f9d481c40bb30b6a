using System.Globalization;
using System.Text;

namespace Nabla.Experiments.Report;

/// <summary>A table on its way to a CSV file (RFC 4180): column names and rows of cells already in text form.</summary>
internal sealed record CsvTable(string[] Columns, IEnumerable<string[]> Rows)
{
    /// <summary>The shortest text that reads back to the same double.</summary>
    public static string Number(double value) => value switch
    {
        double.PositiveInfinity => "inf",
        double.NegativeInfinity => "-inf",
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };

    /// <summary>A reference line as a row of the columns kind, name, (empty), x, y, (empty), (empty).</summary>
    public static string[] Reference(ReferenceLine line) => line.Horizontal
        ? ["horizontal", line.Label, "", "", Number(line.Value), "", ""]
        : ["vertical", line.Label, "", Number(line.Value), "", "", ""];

    /// <summary>Header and rows, lines ended by LF.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        Append(text, Columns);
        foreach (var row in Rows) Append(text, row);
        return text.ToString();
    }

    private static void Append(StringBuilder text, string[] cells)
    {
        for (var i = 0; i < cells.Length; i++)
        {
            if (i > 0) text.Append(',');
            text.Append(Quote(cells[i]));
        }

        text.Append('\n');
    }

    private static string Quote(string cell) =>
        cell.AsSpan().IndexOfAny(",\"\r\n") < 0 ? cell : $"\"{cell.Replace("\"", "\"\"")}\"";
}
