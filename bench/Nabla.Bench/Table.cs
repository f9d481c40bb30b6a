using System.Globalization;

namespace Nabla.Bench;

/// <summary>One entry of a table: how it is printed, and the number, or what stands for it, in JSON.</summary>
internal readonly record struct Cell(string Text, object? Value)
{
    private static readonly Cell None = new("–", null);

    /// <summary>A duration in µs: median, then the tenth and ninetieth percentile.</summary>
    public static Cell Micros(Timing? time) => Duration(time, 1e6);

    /// <summary>The same in ms.</summary>
    public static Cell Millis(Timing? time) => Duration(time, 1e3);

    /// <summary>A number with three digits.</summary>
    public static Cell Number(double? value) => value is { } v ? new(Digits(v), v) : None;

    /// <summary>How many times as long <paramref name="other"/> takes as <paramref name="ours"/>.</summary>
    public static Cell Ratio(Timing? other, Timing? ours) => other is { } a && ours is { } b ? new($"{Digits(a.Median / b.Median)} ×", a.Median / b.Median) : None;

    /// <summary>A share of a roof, in percent.</summary>
    public static Cell Share(double? share) => share is { } s ? new(s.ToString("P0", CultureInfo.InvariantCulture), s) : None;

    /// <summary>An integer.</summary>
    public static implicit operator Cell(long value) => new(value.ToString(CultureInfo.InvariantCulture), value);

    /// <summary>A text.</summary>
    public static implicit operator Cell(string text) => new(text, text);

    private static Cell Duration(Timing? time, double unit) => time is not { } t ? None
        : new($"{Digits(t.Median * unit)} ({Digits(t.P10 * unit)} – {Digits(t.P90 * unit)})", new { median = t.Median * unit, p10 = t.P10 * unit, p90 = t.P90 * unit });

    private static string Digits(double value) => value.ToString(Math.Abs(value) is >= 999.5 or 0 ? "F0" : "G3", CultureInfo.InvariantCulture);
}

/// <summary>Rows under named columns, printed as markdown as they come.</summary>
internal sealed class Table(string name, string[] columns, TextWriter output)
{
    private readonly List<Cell[]> _rows = [];
    private readonly List<string> _notes = [];

    /// <summary>Names the marker in docs/performance.md between which it stands.</summary>
    public string Name => name;

    /// <summary>Names of the columns.</summary>
    public string[] Columns => columns;

    /// <summary>The rows so far.</summary>
    public IReadOnlyList<Cell[]> Rows => _rows;

    /// <summary>Remarks below the table.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Adds a row; one cell for each column.</summary>
    public void Row(params Cell[] cells)
    {
        if (cells.Length != columns.Length) throw new ArgumentException($"{name}: {cells.Length} cells for {columns.Length} columns", nameof(cells));
        if (_rows.Count == 0) output.WriteLine($"\n{Line(columns)}\n{Rule}");
        _rows.Add(cells);
        output.WriteLine(Line(cells.Select(c => c.Text)));
    }

    /// <summary>Adds a remark, once.</summary>
    public void Note(string text)
    {
        if (_notes.Contains(text)) return;
        _notes.Add(text);
        output.WriteLine($"\n{text}");
    }

    /// <summary>The whole table as markdown.</summary>
    public string Markdown() =>
        string.Join('\n', [Line(columns), Rule, .. _rows.Select(r => Line(r.Select(c => c.Text))), .. _notes.Select(n => $"\n{n}")]);

    private string Rule => $"|{string.Concat(Enumerable.Repeat("---|", columns.Length))}";

    private static string Line(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |";
}
