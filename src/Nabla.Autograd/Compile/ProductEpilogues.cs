using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>
/// Joins a contraction with the loop that reads its result first, such as bias and activation: the loop runs on the parts of the product while they are in the
/// cache. Same bits.
/// </summary>
internal static class ProductEpilogues
{
    /// <summary>The schedule with contractions moved into the loops that finish them.</summary>
    public static List<FusionGroup> Attach(List<FusionGroup> schedule, Func<Equation, bool> isView) => Attach(schedule, group => IsElementwise(group, isView));

    /// <summary>The same for an accelerator, whose kernels have room for few operands.</summary>
    public static List<FusionGroup> AttachForDevice(List<FusionGroup> schedule, Func<Equation, bool> isView) =>
        Attach(schedule, group => IsElementwise(group, isView) && FitsDevice(group));

    private static List<FusionGroup> Attach(List<FusionGroup> schedule, Func<FusionGroup, bool> mayFinish)
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
            if (!mayFinish(group)) continue;
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

    private static bool FitsDevice(FusionGroup group)
    {
        HashSet<Atom> computed = [.. group.Equations.Select(e => e.OutputArray[0])];
        bool oneType = group.Equations.SelectMany(e => e.InputArray.Append(e.OutputArray[0])).Select(a => a.Aval.DType).Where(t => t.IsFloat).Distinct().Count() == 1;
        // One of the operands is the product.
        return oneType && group.Equations.Length <= DeviceEpilogue.MostOperations && group.Equations.SelectMany(e => e.InputArray).Where(a => !computed.Contains(a)).Distinct().Count() <= DeviceEpilogue.MostOperands + 1
            && group.Equations.All(e => DeviceLoop.Supports(Fusion.FormOf(e), group.Element == DType.F64 ? DType.F64 : DType.F32));
    }

    private static bool IsElementwise(FusionGroup group, Func<Equation, bool> isView) =>
        group.IsLoop ? !group.Equations.Any(FusionGroup.IsFold) : !isView(group.Equations[0]) && !Fusion.FormOf(group.Equations[0]).IsNone;
}
