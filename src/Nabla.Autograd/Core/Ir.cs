namespace Nabla.Autograd;

/// <summary>An operand of an equation: a variable or a literal.</summary>
public abstract class Atom(Aval aval)
{
    /// <summary>Element type and shape.</summary>
    public Aval Aval { get; } = aval;
}

/// <summary>A variable of a program. Compared by reference: two variables are the same only if they are one object.</summary>
public sealed class Var(Aval aval, int id) : Atom(aval)
{
    /// <summary>A number below <see cref="Program.VarCount"/>, unique in its program: an index into tables of per-variable facts.</summary>
    public int Id { get; } = id;
}

/// <summary>A constant whose elements are all one number, written into the program text.</summary>
public sealed class Literal(DenseTensor value) : Atom(value.Aval)
{
    /// <summary>The tensor; it stores a single element.</summary>
    public DenseTensor Value { get; } = value;
}

/// <summary>One application of a primitive: <c>outputs = primitive[parameters] inputs</c>.</summary>
public sealed class Equation(Primitive primitive, object? parameters, Atom[] inputs, Var[] outputs, string? source = null)
{
    /// <summary>What is applied.</summary>
    public Primitive Primitive { get; } = primitive;

    /// <summary>Its parameters, compared by value.</summary>
    public object? Parameters { get; } = parameters;

    /// <summary>Operands in order.</summary>
    public IReadOnlyList<Atom> Inputs => InputArray;

    /// <summary>Results in order.</summary>
    public IReadOnlyList<Var> Outputs => OutputArray;

    /// <summary>File and line of the caller that applied it, such as <c>Train.cs:42</c>; recorded only while <see cref="NablaDebug"/> is on.</summary>
    public string? Source { get; } = source;

    internal Atom[] InputArray { get; } = inputs;

    internal Var[] OutputArray { get; } = outputs;
}

/// <summary>
/// A recorded function: typed, without control flow of its own, each variable assigned once before it is used. Prints as
/// <c>{ lambda a:f32[3] . b:f32[3] = tanh a; in (b) }</c>; captured constants stand before a semicolon: <c>lambda k:f32[3] ; a:f32[3] .</c>
/// </summary>
public sealed class Program(
    Var[] constVars, Tensor[] constants, Var[] inVars, IReadOnlyList<Equation> equations, Atom[] outputs, int varCount)
{
    /// <summary>Variables that stand for captured tensors.</summary>
    public IReadOnlyList<Var> ConstVars { get; } = constVars;

    /// <summary>The captured tensors, one for each of <see cref="ConstVars"/>.</summary>
    public IReadOnlyList<Tensor> Constants { get; } = constants;

    /// <summary>Arguments.</summary>
    public IReadOnlyList<Var> InVars { get; } = inVars;

    /// <summary>The body in order of execution.</summary>
    public IReadOnlyList<Equation> Equations { get; } = equations;

    /// <summary>Results.</summary>
    public IReadOnlyList<Atom> Outputs { get; } = outputs;

    /// <summary>All variable ids are below this number.</summary>
    public int VarCount { get; } = varCount;

    /// <summary>Applies the program to tensors, primitive by primitive, under whatever transformation they belong to.</summary>
    public Tensor[] Apply(params Tensor[] inputs)
    {
        var values = new Tensor?[VarCount];
        for (int i = 0; i < ConstVars.Count; i++) values[ConstVars[i].Id] = Constants[i];
        for (int i = 0; i < InVars.Count; i++) values[InVars[i].Id] = inputs[i];
        Tensor Read(Atom atom) => atom is Var v ? values[v.Id]! : ((Literal)atom).Value;
        foreach (Equation equation in Equations)
        {
            Tensor[] results = equation.Primitive.Bind(equation.Parameters, Array.ConvertAll(equation.InputArray, Read));
            for (int i = 0; i < results.Length; i++) values[equation.OutputArray[i].Id] = results[i];
        }
        return [.. Outputs.Select(Read)];
    }

    /// <summary>The program as text, one line: see <see cref="IrPrinter"/>.</summary>
    public override string ToString() => IrPrinter.Print(this);

    /// <summary>The program as a graph in Graphviz' DOT language.</summary>
    public string ToDot() => IrPrinter.Dot(this);
}
