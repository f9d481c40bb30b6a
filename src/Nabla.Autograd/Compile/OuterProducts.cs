using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>
/// Contractions over a single position are products of broadcast operands: written as such they join the element-wise chains around them, and their result need
/// not be stored. A sum of one product starts from +0, so that −0 becomes +0; the addition of 0 keeps that, bit for bit.
/// </summary>
internal static class OuterProducts
{
    /// <summary>The program with such contractions replaced.</summary>
    public static Program Lower(Program program, Device device)
    {
        int count = program.VarCount;
        var equations = new List<Equation>(program.Equations.Count);
        foreach (Equation equation in program.Equations)
        {
            if (equation is { Primitive: DotGeneralPrimitive, Parameters: DotDims dims } && IsOuter(equation, dims)) Replace(equation, dims, device, equations, ref count);
            else equations.Add(equation);
        }
        return new Program([.. program.ConstVars], [.. program.Constants], [.. program.InVars], equations, [.. program.Outputs], count);
    }

    private static bool IsOuter(Equation equation, DotDims dims)
    {
        Shape left = equation.InputArray[0].Aval.Shape;
        foreach (int axis in dims.LhsContract)
            if (left[axis] != 1) return false;
        return dims.LhsBatch.Length == 0 && dims.LhsContract.Length > 0 && equation.OutputArray[0].Aval is { DType.IsFloat: true, Shape.Count: > 1 };
    }

    private static void Replace(Equation equation, DotDims dims, Device device, List<Equation> equations, ref int count)
    {
        Var result = equation.OutputArray[0];
        (Atom left, Atom right) = (equation.InputArray[0], equation.InputArray[1]);
        Shape leftFree = left.Aval.Shape.Without(dims.LhsContract), rightFree = right.Aval.Shape.Without(dims.RhsContract);
        Var a = Spread(left, leftFree, 0, ref count), b = Spread(right, rightFree, leftFree.Rank, ref count), product = new(result.Aval, count++);
        Literal zero = SubprogramRules.Zero(result.Aval, device);
        equations.Add(new Equation(MulPrimitive.Instance, null, [a, b], [product], equation.Source));
        equations.Add(new Equation(AddPrimitive.Instance, null, [product, zero], [result], equation.Source));

        Var Spread(Atom operand, Shape free, int first, ref int next)
        {
            var flat = new Var(new Aval(operand.Aval.DType, free), next++);
            var broadcast = new Var(result.Aval, next++);
            equations.Add(new Equation(ReshapePrimitive.Instance, free, [operand], [flat], equation.Source));
            Axes axes = [.. Enumerable.Range(first, free.Rank)];
            equations.Add(new Equation(BroadcastInDimPrimitive.Instance, new BroadcastInDimPrimitive.Params(result.Aval.Shape, axes), [flat], [broadcast], equation.Source));
            return broadcast;
        }
    }
}
