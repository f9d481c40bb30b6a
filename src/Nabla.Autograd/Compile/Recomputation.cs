namespace Nabla.Autograd;

/// <summary>
/// Loops that recompute what an earlier loop of the same shape computed cheaply from small operands, instead of reading it from memory. Same operations on the
/// same operands: same bits.
/// </summary>
internal sealed class Recomputation
{
    private const int MostOperations = 6;
    // Smaller results stay in the first-level cache anyway.
    private const long FewestElements = 4096;
    private const int SmallOperand = 8;

    private readonly Program _program;
    private readonly List<FusionGroup> _schedule;
    private readonly Dictionary<Var, (FusionGroup Group, Equation Equation)> _producers = [];
    private int _variables;

    private Recomputation(Program program, List<FusionGroup> schedule, int variables)
    {
        (_program, _schedule, _variables) = (program, schedule, variables);
        foreach (FusionGroup group in schedule)
            foreach (Equation equation in group.Equations)
                foreach (Var result in equation.OutputArray) _producers[result] = (group, equation);
    }

    /// <summary>The schedule with what pays computed again where it is read; <paramref name="variables"/> grows with the variables that this needs.</summary>
    public static List<FusionGroup> Apply(Program program, List<FusionGroup> schedule, ref int variables)
    {
        var pass = new Recomputation(program, schedule, variables);
        HashSet<Var> again = pass.Choose();
        if (again.Count == 0) return schedule;
        List<FusionGroup> result = [.. schedule.Select(g => pass.Recompute(g, again))];
        variables = pass._variables;
        return pass.WithoutDead(result);
    }

    // Results that are read by other loops of their shape only, and are cheap.
    private HashSet<Var> Choose()
    {
        var readers = new Dictionary<Var, List<FusionGroup>>();
        foreach (FusionGroup group in _schedule)
            foreach (Var v in group.Equations.SelectMany(e => e.InputArray).OfType<Var>().Distinct())
                if (_producers.TryGetValue(v, out var producer) && producer.Group != group)
                    (readers.TryGetValue(v, out List<FusionGroup>? list) ? list : readers[v] = []).Add(group);
        return [.. readers.Where(r => !_program.Outputs.Contains(r.Key) && r.Value.TrueForAll(g => IsSameLoop(_producers[r.Key].Group, g)) && IsCheap(r.Key)).Select(r => r.Key)];
    }

    private static bool IsSameLoop(FusionGroup a, FusionGroup b) => a.IsLoop && b.IsLoop && a.Shape == b.Shape && a.Element == b.Element;

    private bool IsCheap(Var v)
    {
        if (v.Aval.Shape.Count < FewestElements || FusionGroup.IsFold(_producers[v].Equation)) return false;
        var cone = new HashSet<Equation>();
        return Collect(v, _producers[v].Group, cone);
    }

    // The equations of the group that v is computed from; false if they are too many, costly, or read something large.
    private bool Collect(Var v, FusionGroup group, HashSet<Equation> cone)
    {
        Equation equation = _producers[v].Equation;
        if (!cone.Add(equation)) return true;
        if (cone.Count > MostOperations || Fusion.FormOf(equation).Work != Kernels.WorkClass.Light) return false;
        foreach (Atom input in equation.InputArray)
        {
            if (input is not Var operand) continue;
            bool inside = _producers.TryGetValue(operand, out var producer) && producer.Group == group;
            if (inside ? !Collect(operand, group, cone) : Elements(operand) * SmallOperand > group.Shape.Count) return false;
        }
        return true;
    }

    // Elements in memory of what a variable is a view of.
    private long Elements(Var v)
    {
        long count = v.Aval.Shape.Count;
        while (_producers.TryGetValue(v, out var producer) && !producer.Group.IsLoop && producer.Equation is { Primitive: BroadcastInDimPrimitive or ReshapePrimitive or TransposePrimitive, InputArray: [Var source] })
        {
            v = source;
            count = Math.Min(count, v.Aval.Shape.Count);
        }
        return count;
    }

    private FusionGroup Recompute(FusionGroup group, HashSet<Var> again)
    {
        if (!group.IsLoop) return group;
        var copies = new Dictionary<Var, Var>();
        var equations = new List<Equation>();
        Atom[] Read(Equation equation, FusionGroup home, bool clone) => Array.ConvertAll(equation.InputArray, a =>
            a is Var v && _producers.TryGetValue(v, out var p) && (clone ? p.Group == home : p.Group != group && again.Contains(v)) ? Clone(v) : a);
        Var Clone(Var v)
        {
            if (copies.TryGetValue(v, out Var? copy)) return copy;
            (FusionGroup home, Equation original) = _producers[v];
            Atom[] inputs = Read(original, home, clone: true);
            copies[v] = copy = new Var(v.Aval, _variables++);
            equations.Add(new Equation(original.Primitive, original.Parameters, inputs, [copy], original.Source));
            return copy;
        }
        foreach (Equation equation in group.Equations)
        {
            Atom[] inputs = Read(equation, group, clone: false);
            equations.Add(new Equation(equation.Primitive, equation.Parameters, inputs, equation.OutputArray, equation.Source));
        }
        return group with { Equations = [.. equations] };
    }

    // Without what nobody reads any more.
    private List<FusionGroup> WithoutDead(List<FusionGroup> schedule)
    {
        var live = new HashSet<Atom>(_program.Outputs);
        var kept = new List<FusionGroup>();
        for (int t = schedule.Count - 1; t >= 0; t--)
        {
            var equations = new List<Equation>();
            foreach (Equation equation in schedule[t].Equations.Reverse())
            {
                if (!equation.OutputArray.Any(live.Contains)) continue;
                equations.Add(equation);
                live.UnionWith(equation.InputArray);
            }
            equations.Reverse();
            if (equations.Count > 0) kept.Add(schedule[t] with { Equations = [.. equations] });
        }
        kept.Reverse();
        return kept;
    }
}
