using System.Globalization;
using System.Text;

namespace Nabla.Tests.Oracle;

/// <summary>The page <c>docs/oracle.md</c>.</summary>
internal static class OracleReport
{
    public static string Write(IReadOnlyList<OracleComparison> comparisons, IReadOnlyDictionary<string, DenseTensor> arrays, string versions)
    {
        List<OracleComparison> conventions = [.. comparisons.Where(c => c.Case.IsConvention)], exact = [.. comparisons.Where(c => c.Case.IsExact)];
        List<OracleComparison> compared = [.. comparisons.Except(conventions).Except(exact)];
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"""
            # Against PyTorch

            {compared.Count} functions, {compared.Count(c => c.Gradients is not null)} of them with gradients, computed by Nabla and by {versions}, in f64 on the same inputs,
            among them empty, single, tied, huge and tiny ones. A gradient is that for one random cotangent of each output. The tables are written by the test,
            which runs where a python with PyTorch is named:

            ```sh
            NABLA_ORACLE=/usr/bin/python3 dotnet test -c Release --filter TorchOracleTests
            ```

            With `NABLA_UPDATE_GOLDEN=1` it rewrites this page. Inputs and PyTorch's side are in `tests/oracle/torch_cases.py`, Nabla's side under the same names in
            `tests/Nabla.Tests/Oracle`.

            Differences are relative to the largest element of all outputs (gradients) of the case; of elementwise functions, to each value itself (each
            gradient, or 1 if it is smaller). Element types, shapes, NaN and infinities must be equal. The tolerance is 1e-12 unless a line says otherwise.

            ## By family

            | family | cases | largest difference of values | largest difference of gradients | worst case |
            |---|---|---|---|---|

            """);
        foreach (IGrouping<string, OracleComparison> family in compared.GroupBy(c => c.Case.Family))
        {
            OracleComparison worst = family.MaxBy(c => c.Largest)!;
            page.AppendLine(CultureInfo.InvariantCulture,
                $"| {family.Key} | {family.Count()} | {Number(family.Max(c => c.Values))} | {Number(family.Max(c => c.Gradients))} | {(worst.Largest == 0 ? "–" : ShortName(worst))} |");
        }
        page.Append("""

            ## Conventions that differ

            Each library is right in its own way; the test requires that they still differ. Values, then gradients for cotangents of ones.

            | case | Nabla | PyTorch | what is meant |
            |---|---|---|---|

            """);
        foreach (OracleComparison c in conventions) page.AppendLine($"| {ShortName(c)} | {c.Ours} | {c.Theirs} | {c.Case.Note} |");
        page.Append("""

            ## Where PyTorch loses digits

            Errors against exact values (mpmath, 50 digits), measured as for elementwise functions; the arguments are left out of the other cases.

            | case | Nabla, values | gradients | PyTorch, values | gradients | why |
            |---|---|---|---|---|---|

            """);
        foreach (OracleComparison c in exact)
        {
            (double values, double gradients) = OracleComparison.OfPyTorch(c.Case.Name, arrays);
            page.AppendLine($"| {ShortName(c)} | {Number(c.Values)} | {Number(c.Gradients)} | {Number(values)} | {Number(gradients)} | {c.Case.Note} |");
        }
        page.Append("""

            ## Every case

            | case | values | gradients | tolerance |
            |---|---|---|---|

            """);
        foreach (OracleComparison c in compared)
        {
            string tolerance = c.Case.Note is null ? "" : $"{Number(c.Case.Tolerance)}: {c.Case.Note}";
            page.AppendLine($"| {c.Case.Name} | {Number(c.Values)} | {Number(c.Gradients)} | {tolerance} |");
        }
        return page.ToString().ReplaceLineEndings("\n");
    }

    private static string ShortName(OracleComparison c) => c.Case.Name[(c.Case.Family.Length + 1)..];

    private static string Number(double? x) => x switch
    {
        null => "–",
        0 => "0",
        _ => x.Value.ToString("0.0e-0", CultureInfo.InvariantCulture),
    };
}
