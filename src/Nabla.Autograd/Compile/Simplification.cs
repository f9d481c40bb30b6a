namespace Nabla.Autograd;

/// <summary>Equations that are equal to something simpler, exactly: x·1, x/1, x − 0, x¹, −(−x), rearrangements that change nothing.</summary>
internal static class Simplification
{
    /// <summary>The atom that an equation's one result equals, or null.</summary>
    public static Atom? Of(Equation equation, Equation?[] producers)
    {
        Atom[] inputs = equation.InputArray;
        switch (equation.Primitive)
        {
            case StopGradientPrimitive: return inputs[0];
            case ReshapePrimitive or TransposePrimitive or BroadcastInDimPrimitive when inputs[0] is Literal literal:
                return new Literal(literal.Value.View(new Layout(
                    equation.Outputs[0].Aval.Shape, new long[equation.Outputs[0].Aval.Shape.Rank], literal.Value.Layout.Offset)));
            case ReshapePrimitive or BroadcastInDimPrimitive when inputs[0].Aval == equation.Outputs[0].Aval: return inputs[0];
            case ReshapePrimitive or TransposePrimitive: return Undone(equation, producers);
            case NegPrimitive: return Producer(inputs[0], producers) is { Primitive: NegPrimitive } inner ? inner.InputArray[0] : null;
            case MulPrimitive when IsNumber(inputs[1], 1): return inputs[0];
            case MulPrimitive when IsNumber(inputs[0], 1): return inputs[1];
            case DivPrimitive when IsNumber(inputs[1], 1): return inputs[0];
            case SubPrimitive when IsNumber(inputs[1], 0): return inputs[0];
            case IntegerPowPrimitive when equation.Parameters is 1: return inputs[0];
            default: return null;
        }
    }

    // A rearrangement directly after the one that it undoes.
    private static Atom? Undone(Equation equation, Equation?[] producers)
    {
        if (Producer(equation.InputArray[0], producers) is not { } inner || inner.Primitive != equation.Primitive) return null;
        if (inner.InputArray[0].Aval != equation.Outputs[0].Aval) return null;
        if (equation.Primitive is ReshapePrimitive) return inner.InputArray[0];
        return TransposePrimitive.Inverse((Axes)inner.Parameters!).Equals((Axes)equation.Parameters!) ? inner.InputArray[0] : null;
    }

    private static Equation? Producer(Atom atom, Equation?[] producers) => atom is Var v ? producers[v.Id] : null;

    private static bool IsNumber(Atom atom, double value) =>
        atom is Literal literal && BitConverter.DoubleToInt64Bits(IrPrinter.DenseTensorNumber(literal.Value)) == BitConverter.DoubleToInt64Bits(value);
}
