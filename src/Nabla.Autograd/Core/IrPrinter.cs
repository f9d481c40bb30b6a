using System.Globalization;
using System.Text;

namespace Nabla.Autograd;

/// <summary>Programs as text that parses by eye, and as graphs.</summary>
internal static class IrPrinter
{
    /// <summary>
    /// One line: <c>{ lambda constants ; arguments . equations in (results) }</c>. Variables are named a, b, …, z, aa, … in order of
    /// appearance; literals print as their number.
    /// </summary>
    public static string Print(Program program)
    {
        var names = new Names();
        var text = new StringBuilder("{ lambda ");
        if (program.ConstVars.Count > 0) text.AppendJoin(' ', program.ConstVars.Select(names.Declare)).Append(" ; ");
        text.AppendJoin(' ', program.InVars.Select(names.Declare));
        if (program.InVars.Count > 0) text.Append(' ');
        text.Append(". ");
        foreach (Equation equation in program.Equations)
        {
            string inputs = string.Concat(equation.Inputs.Select(a => " " + names.Use(a)));
            string outputs = string.Join(' ', equation.Outputs.Select(names.Declare));
            text.Append($"{outputs} = {Operation(equation)}{inputs}; ");
        }
        text.Append("in (").AppendJoin(", ", program.Outputs.Select(names.Use)).Append(") }");
        return text.ToString();
    }

    /// <summary>The program in Graphviz' DOT language: a box per equation, an ellipse per argument, edges labelled by type.</summary>
    public static string Dot(Program program)
    {
        var text = new StringBuilder("digraph program {\n  rankdir=TB; node [fontname=\"monospace\"]; edge [fontname=\"monospace\"];\n");
        var producers = new string?[program.VarCount];
        foreach ((Var variable, string kind) in program.InVars.Select(v => (v, "argument")).Concat(program.ConstVars.Select(v => (v, "constant"))))
        {
            producers[variable.Id] = $"v{variable.Id}";
            text.Append($"  v{variable.Id} [shape=ellipse, label=\"{kind}\\n{variable.Aval}\"];\n");
        }
        for (int e = 0; e < program.Equations.Count; e++)
        {
            Equation equation = program.Equations[e];
            text.Append($"  e{e} [shape=box, label=\"{Operation(equation)}\"];\n");
            foreach (Atom input in equation.Inputs) text.Append(Edge(producers, input, $"e{e}"));
            foreach (Var output in equation.Outputs) producers[output.Id] = $"e{e}";
        }
        for (int i = 0; i < program.Outputs.Count; i++)
        {
            text.Append($"  r{i} [shape=ellipse, label=\"result {i}\"];\n");
            text.Append(Edge(producers, program.Outputs[i], $"r{i}"));
        }
        return text.Append("}\n").ToString();
    }

    /// <summary>A literal's number in the shortest form that reads back the same.</summary>
    public static string Number(Literal literal)
    {
        double value = DenseTensorNumber(literal.Value);
        return literal.Aval.DType switch
        {
            DType.Bool => value != 0 ? "true" : "false",
            DType.F32 => Decimal(((float)value).ToString("R", CultureInfo.InvariantCulture)),
            DType.F64 => Decimal(value.ToString("R", CultureInfo.InvariantCulture)),
            _ => value.ToString("R", CultureInfo.InvariantCulture),
        };
    }

    /// <summary>The one number that a splat tensor stores.</summary>
    public static double DenseTensorNumber(DenseTensor splat)
    {
        Layout one = new(Shape.Scalar, [], splat.Layout.Offset);
        return splat.View(one).ToDouble();
    }

    private static string Operation(Equation equation)
    {
        string parameters = equation.Primitive.Print(equation.Parameters);
        return parameters.Length == 0 ? equation.Primitive.Name : $"{equation.Primitive.Name}[{parameters}]";
    }

    private static string Decimal(string number) =>
        number.AsSpan().IndexOfAnyExceptInRange('0', '9') < 0 || (number[0] == '-' && number.AsSpan(1).IndexOfAnyExceptInRange('0', '9') < 0)
            ? number + ".0" : number;

    private static string Edge(string?[] producers, Atom from, string to) => from is Var v
        ? $"  {producers[v.Id]} -> {to} [label=\"{v.Aval}\"];\n"
        : $"  {to} [xlabel=\"{Number((Literal)from)}\"];\n";

    private sealed class Names
    {
        private readonly Dictionary<Var, string> _names = [];

        public string Declare(Var variable) => $"{Name(variable)}:{variable.Aval}";

        public string Use(Atom atom) => atom is Var variable ? Name(variable) : Number((Literal)atom);

        private string Name(Var variable)
        {
            if (_names.TryGetValue(variable, out string? name)) return name;
            int n = _names.Count;
            name = "";
            do
            {
                name = (char)('a' + n % 26) + name;
                n = n / 26 - 1;
            }
            while (n >= 0);
            return _names[variable] = name;
        }
    }
}
