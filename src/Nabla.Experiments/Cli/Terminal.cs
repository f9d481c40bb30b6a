using Spectre.Console;

namespace Nabla.Experiments.Cli;

/// <summary>
/// Where a command writes: data on <see cref="Out"/>, messages and progress on <see cref="Error"/>. Nothing is coloured or wrapped unless it goes to
/// a terminal.
/// </summary>
/// <param name="output">Standard output.</param>
/// <param name="error">Standard error.</param>
/// <param name="outIsTerminal">True if a person reads the output as it comes.</param>
/// <param name="errorIsTerminal">True if a person reads the messages as they come.</param>
internal sealed class Terminal(TextWriter output, TextWriter error, bool outIsTerminal = false, bool errorIsTerminal = false)
{
    /// <summary>Data.</summary>
    public TextWriter Out { get; } = output;

    /// <summary>Messages and progress.</summary>
    public TextWriter Error { get; } = error;

    /// <summary>True if messages may move the cursor.</summary>
    public bool ErrorIsTerminal { get; } = errorIsTerminal;

    /// <summary>No messages and no progress; errors still come.</summary>
    public bool Quiet { get; set; }

    /// <summary>Stack traces beside errors, and every check as it is decided.</summary>
    public bool Verbose { get; set; }

    /// <summary>The process's own streams.</summary>
    public static Terminal FromConsole() => new(Console.Out, Console.Error, !Console.IsOutputRedirected, !Console.IsErrorRedirected);

    /// <summary>A line for people, unless <see cref="Quiet"/>.</summary>
    public void Message(string text)
    {
        if (!Quiet) Error.WriteLine(text);
    }

    /// <summary>A line that says what went wrong, and the stack trace if <see cref="Verbose"/>.</summary>
    public void Failure(Exception failure)
    {
        Error.WriteLine($"nabla: {Describe(failure)}");
        if (Verbose) Error.WriteLine(failure);
        else if (ExitCode.Of(failure) == ExitCode.Internal) Error.WriteLine("This is an error inside the program or an experiment; -v shows where.");
    }

    /// <summary>The message of an error; those that are not ours also name their type.</summary>
    public static string Describe(Exception failure) => failure switch
    {
        NablaException => failure.Message,
        OutOfMemoryException => "out of memory. Use a smaller configuration (--quick), or f32.",
        IOException or UnauthorizedAccessException => failure.Message,
        _ => $"{failure.GetType().Name}: {failure.Message}",
    };

    /// <summary>Writes a table to <see cref="Out"/>: ruled on a terminal, else aligned columns of plain text without wrapping.</summary>
    /// <param name="columns">Headings.</param>
    /// <param name="rows">Cells; markup of Spectre.Console is not interpreted.</param>
    public void Table(string[] columns, IEnumerable<string[]> rows)
    {
        string[][] cells = [.. rows];
        if (!outIsTerminal)
        {
            WriteAligned(columns, cells);
            return;
        }
        var table = new Table { Border = TableBorder.Simple };
        foreach (string column in columns) table.AddColumn(new TableColumn(Markup.Escape(column)));
        foreach (string[] row in cells) table.AddRow([.. row.Select(cell => Styled(cell))]);
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Out) }).Write(table);
    }

    private void WriteAligned(string[] columns, string[][] rows)
    {
        int[] widths = [.. columns.Select((column, j) => rows.Select(row => row[j].Length).Append(column.Length).Max())];
        foreach (string[] row in rows.Prepend(columns))
            Out.WriteLine(string.Join("  ", row.Select((cell, j) => cell.PadRight(widths[j]))).TrimEnd());
    }

    // Verdicts are the only coloured cells; the words say the same without colour.
    private static string Styled(string cell) => cell switch
    {
        "holds" => "[green]holds[/]",
        "FAILS" => "[bold red]FAILS[/]",
        _ => Markup.Escape(cell),
    };
}
