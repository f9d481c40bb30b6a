namespace Nabla.Autograd;

/// <summary>
/// Joins a contraction with the loop that reads its result first, such as bias and activation: the loop runs on the parts of the product while they are in the
/// cache. Same bits.
/// </summary>
internal static class ProductEpilogues
{
    /// <summary>The schedule with contractions moved into the loops that finish them.</summary>
    public static List<FusionGroup> Attach(List<FusionGroup> schedule, Func<Equation, bool> isView)
    {
        var produced = new Dictionary<Atom, int>();
        var readFirst = new Dictionary<Atom, int>();
        for (int t = 0; t < schedule.Count; t++)
        {
            foreach (Equation equation in schedule[t].Equations)
            {
                foreach (Atom input in equation.InputArray) readFirst.TryAdd(input, t);
                if (IsProduct(equation)) produced[equation.OutputArray[0]] = t;
            }
        }
        var result = new FusionGroup?[schedule.Count];
        for (int t = 0; t < schedule.Count; t++)
        {
            FusionGroup group = result[t] = schedule[t];
            if (!IsElementwise(group, isView)) continue;
            Atom? product = group.Equations.SelectMany(e => e.InputArray).LastOrDefault(a => produced.ContainsKey(a) && readFirst[a] == t && a.Aval.Shape == group.Shape);
            if (product is null) continue;
            result[t] = group with { Equations = [schedule[produced[product]].Equations[0], .. group.Equations] };
            result[produced[product]] = null;
        }
        return [.. result.OfType<FusionGroup>()];
    }

    // At least two columns, and a floating-point type, as loops have.
    private static bool IsProduct(Equation equation)
    {
        if (equation is not { Primitive: DotGeneralPrimitive } || !equation.OutputArray[0].Aval.DType.IsFloat) return false;
        long columns = 1;
        foreach (int dim in equation.OutputArray[0].Aval.Shape.Dims[FusionGroup.RowAxes(equation)..]) columns *= dim;
        return columns > 1;
    }

    private static bool IsElementwise(FusionGroup group, Func<Equation, bool> isView) =>
        group.IsLoop ? !group.Equations.Any(FusionGroup.IsFold) : !isView(group.Equations[0]) && !Fusion.FormOf(group.Equations[0]).IsNone;
}
