using System.CommandLine;
using System.CommandLine.Completions;
using System.Globalization;
using System.Text.Json;
using Nabla.Autograd;
using Nabla.Proof;

namespace Nabla.Experiments.Cli;

/// <summary><c>nabla gradcheck</c>: the contract of every primitive, checked on a device of this machine.</summary>
/// <remarks>The same checks as in the tests, so that a machine with another device needs no test runner.</remarks>
internal static class GradCheckCommand
{
    // The checks with a column of their own; the others decide the verdict too, and are named when they fail.
    private static readonly string[] Columns = ["jvp", "adjoint", "second order"];

    public static Command Create(Terminal terminal)
    {
        var names = new Argument<string[]>("PRIMITIVE") { HelpName = "PRIMITIVE", Description = "Names of primitives.", Arity = ArgumentArity.ZeroOrMore };
        names.CompletionSources.Add(_ => PrimitiveCatalog.All.Select(p => new CompletionItem(p.Name)));
        var all = new Option<bool>("--all") { Description = "All primitives, and compositions of transformations." };
        var device = new Option<string>("--device") { Description = "Where to compute; `nabla devices` shows what there is.", HelpName = "name" };
        var json = new Option<bool>("--json") { Description = "One JSON document instead of a table." };
        var command = new Command("gradcheck", "Check the derivatives and all other rules of primitives.") { names, all, device, json };
        command.SetAction(parsed =>
        {
            IReadOnlyList<Primitive> chosen = parsed.GetValue(all) ? PrimitiveCatalog.All : [.. (parsed.GetValue(names) ?? []).Distinct().Select(Find)];
            if (chosen.Count == 0) throw ExperimentErrors.NothingToGradCheck();
            using var signals = new StopSignals(terminal);
            Device before = Device.Default;
            try
            {
                if (parsed.GetValue(device) is { } name) Device.Default = Device.Parse(name);
                List<Row> rows = Check(chosen, parsed.GetValue(all) ? Compositions.Functions : [], terminal, signals.Token);
                if (parsed.GetValue(json)) WriteJson(terminal.Out, rows);
                else WriteTable(terminal, rows);
                return signals.ExitCode != 0 ? signals.ExitCode : rows.Count > 0 && rows.All(r => r.Passed) ? ExitCode.Ok : ExitCode.CheckFailed;
            }
            finally
            {
                Device.Default = before;
            }
        });
        return command;
    }

    private static Primitive Find(string name) =>
        PrimitiveCatalog.Find(name) ?? throw ExperimentErrors.UnknownPrimitive(name, Suggestions.Nearest(name, PrimitiveCatalog.All.Select(p => p.Name)));

    private static List<Row> Check(IReadOnlyList<Primitive> primitives, IReadOnlyList<string> functions, Terminal terminal, CancellationToken stop)
    {
        var rows = new List<Row>();
        var progress = new ProgressLine(terminal, "gradcheck");
        int count = primitives.Count + functions.Count;
        for (int i = 0; i < primitives.Count && !stop.IsCancellationRequested; i++)
        {
            progress.Report(primitives[i].Name, i, count);
            foreach (DType dtype in Contract.DTypesOf(primitives[i]))
                rows.Add(new Row(primitives[i].Name, dtype, Contract.CheckAll(primitives[i], dtype)));
        }
        for (int i = 0; i < functions.Count && !stop.IsCancellationRequested; i++)
        {
            progress.Report(functions[i], primitives.Count + i, count);
            rows.Add(new Row(functions[i], DType.F64, [Compositions.Check(functions[i])], OfPrimitive: false));
        }
        progress.Clear();
        return rows;
    }

    private static void WriteTable(Terminal terminal, List<Row> rows)
    {
        terminal.Table(["primitive", "dtype", .. Columns, "verdict"], rows.Where(r => r.OfPrimitive).Select(row =>
            new[] { row.Primitive, row.DType.Name }.Concat(Columns.Select(row.Error)).Append(row.Passed ? "holds" : "FAILS").ToArray()));
        if (rows.Any(r => !r.OfPrimitive))
            terminal.Table(["three transformations of", "dtype", "error", "verdict"], rows.Where(r => !r.OfPrimitive).Select(row =>
                new[] { row.Primitive, row.DType.Name, row.Error("compositions"), row.Passed ? "holds" : "FAILS" }));
        foreach (Row row in rows)
            foreach (ContractResult check in row.Checks.Where(c => !c.Passed))
                terminal.Out.WriteLine($"{row.Primitive} {row.DType.Name}, {check.Check}: {check.Failure}");
        IEnumerable<Row> own = rows.Where(r => r.OfPrimitive);
        int primitives = own.Select(r => r.Primitive).Distinct().Count(), failed = own.Where(r => !r.Passed).Select(r => r.Primitive).Distinct().Count();
        terminal.Out.WriteLine($"{primitives - failed} of {primitives} primitives hold on {Device.Default.Name}; columns: largest relative error");
    }

    private static void WriteJson(TextWriter output, List<Row> rows) => JsonText.Write(output, writer =>
    {
        writer.WriteStartArray();
        foreach (Row row in rows)
        {
            writer.WriteStartObject();
            writer.WriteString(row.OfPrimitive ? "primitive" : "function", row.Primitive);
            writer.WriteString("dtype", row.DType.Name);
            writer.WriteString("device", Device.Default.Name);
            writer.WriteBoolean("passed", row.Passed);
            writer.WriteStartArray("checks");
            foreach (ContractResult check in row.Checks) Write(writer, check);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    });

    private static void Write(Utf8JsonWriter writer, ContractResult check)
    {
        writer.WriteStartObject();
        writer.WriteString("name", check.Check);
        writer.WriteNumber("comparisons", check.Comparisons);
        if (double.IsFinite(check.Error)) writer.WriteNumber("error", check.Error);
        else writer.WriteString("error", check.Error.ToString(CultureInfo.InvariantCulture));
        writer.WriteNumber("bound", check.Bound);
        writer.WriteBoolean("passed", check.Passed);
        if (check.Failure is { } failure) writer.WriteString("failure", failure);
        writer.WriteEndObject();
    }

    private sealed record Row(string Primitive, DType DType, IReadOnlyList<ContractResult> Checks, bool OfPrimitive = true)
    {
        public bool Passed => Checks.All(c => c.Passed);

        /// <summary>The largest error of a check; a dash where it does not apply, as derivatives do not to integers.</summary>
        public string Error(string check) => Checks.FirstOrDefault(c => c.Check == check) is { Comparisons: > 0 } found
            ? found.Error.ToString("0.0e+0", CultureInfo.InvariantCulture)
            : "–";
    }
}
