using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>
/// Which equations of a program run together. Element-wise equations of one shape gather in a group, which runs as one pass over its tiles; the group is held
/// back as long as nothing outside reads what it computes, so that it also takes in independent chains.
/// </summary>
/// <remarks>
/// A group may be held back because whatever reads it closes it first; so no equation of another group can lie between it and its operands. Results inside a
/// group that nobody else reads never reach memory.
/// </remarks>
internal sealed class Fusion
{
    // Beyond this many operations the tiles of a group do not fit into the first-level cache any more.
    private const int MostOperations = 32;

    private readonly Dictionary<Shape, List<Equation>> _open = [];
    private readonly List<Equation[]> _order = [];
    private readonly List<Equation>?[] _owner;

    private Fusion(Program program) => _owner = new List<Equation>?[program.VarCount];

    /// <summary>The equations in order of execution; those that run together in one array.</summary>
    /// <param name="program">What is to run.</param>
    /// <param name="isView">Equations that compute nothing.</param>
    /// <param name="enabled">False: every equation alone.</param>
    public static IReadOnlyList<Equation[]> Schedule(Program program, Func<Equation, bool> isView, bool enabled)
    {
        var fusion = new Fusion(program);
        foreach (Equation equation in program.Equations)
        {
            if (enabled && !isView(equation) && FormOf(equation) is { Kernel.IsNone: false }) fusion.Join(equation);
            else fusion.Stand(equation);
        }
        foreach (List<Equation> group in fusion._open.Values.ToArray()) fusion.Close(group);
        return fusion._order;
    }

    /// <summary>How an equation computes a row.</summary>
    public static RowForm FormOf(Equation equation) => equation.OutputArray.Length == 1 && equation.OutputArray[0].Aval.Shape.Count > 0
        ? equation.Primitive.RowOf(Array.ConvertAll(equation.InputArray, a => a.Aval), equation.OutputArray[0].Aval, equation.Parameters) : default;

    private void Join(Equation equation)
    {
        Shape shape = equation.OutputArray[0].Aval.Shape;
        CloseOperands(equation, except: shape);
        if (_open.TryGetValue(shape, out List<Equation>? group) && group.Count == MostOperations)
        {
            Close(group);
            group = null;
        }
        if (group is null) _open[shape] = group = [];
        group.Add(equation);
        _owner[equation.OutputArray[0].Id] = group;
    }

    private void Stand(Equation equation)
    {
        CloseOperands(equation, except: null);
        _order.Add([equation]);
    }

    private void CloseOperands(Equation equation, Shape? except)
    {
        foreach (Atom input in equation.InputArray)
            if (input is Var v && _owner[v.Id] is { } group && (except is not { } shape || group[0].OutputArray[0].Aval.Shape != shape)) Close(group);
    }

    private void Close(List<Equation> group)
    {
        _order.Add([.. group]);
        _open.Remove(group[0].OutputArray[0].Aval.Shape);
        foreach (Equation equation in group) _owner[equation.OutputArray[0].Id] = null;
    }
}
