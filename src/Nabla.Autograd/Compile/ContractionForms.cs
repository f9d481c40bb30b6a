using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>
/// Contractions that are better written as products of broadcast operands, and sums: as such they join the element-wise chains around them, and what lies
/// between need not be stored. Two kinds: contractions over a single position, whose sum of one product starts from +0, so that −0 becomes +0 (the addition of 0
/// keeps that, bit for bit); and products of a matrix that a chain computes with a vector, whose additions run in another order than those of the kernel.
/// </summary>
internal sealed class ContractionForms
{
    private readonly Device _device;
    private readonly Equation?[] _producers;
    private readonly List<Equation> _equations = [];
    private int _count;

    private ContractionForms(Program program, Device device) => (_device, _producers, _count) = (device, new Equation?[program.VarCount], program.VarCount);

    /// <summary>The program with such contractions replaced.</summary>
    public static Program Lower(Program program, Device device)
    {
        var forms = new ContractionForms(program, device);
        foreach (Equation equation in program.Equations)
        {
            if (equation is not { Primitive: DotGeneralPrimitive, Parameters: DotDims dims } || !forms.Replace(equation, dims)) forms._equations.Add(equation);
            foreach (Var result in equation.OutputArray) forms._producers[result.Id] = forms._equations[^1];
        }
        return new Program([.. program.ConstVars], [.. program.Constants], [.. program.InVars], forms._equations, [.. program.Outputs], forms._count);
    }

    private bool Replace(Equation equation, DotDims dims)
    {
        (Atom left, Atom right) = (equation.InputArray[0], equation.InputArray[1]);
        if (!equation.OutputArray[0].Aval.DType.IsFloat) return false;
        if (IsOuter(equation, dims)) Outer(equation, dims);
        else if (IsMatrix(left, dims.LhsBatch, dims.LhsContract) && IsVector(right, dims.RhsBatch, dims.RhsContract)) Sum(equation, left, dims.LhsContract, right, dims.RhsBatch, dims.RhsContract);
        else if (IsMatrix(right, dims.RhsBatch, dims.RhsContract) && IsVector(left, dims.LhsBatch, dims.LhsContract)) Sum(equation, right, dims.RhsContract, left, dims.LhsBatch, dims.LhsContract);
        else return false;
        return true;
    }

    private static bool IsOuter(Equation equation, DotDims dims)
    {
        Shape left = equation.InputArray[0].Aval.Shape;
        foreach (int axis in dims.LhsContract)
            if (left[axis] != 1) return false;
        return dims.LhsContract.Length > 0 && AreFirst(dims.LhsBatch) && AreFirst(dims.RhsBatch) && equation.OutputArray[0].Aval.Shape.Count > 1;
    }

    private void Outer(Equation equation, DotDims dims)
    {
        Var result = equation.OutputArray[0];
        (Atom left, Atom right) = (equation.InputArray[0], equation.InputArray[1]);
        Shape leftFree = left.Aval.Shape.Without(dims.LhsContract), rightFree = right.Aval.Shape.Without(dims.RhsContract);
        int batch = dims.LhsBatch.Length;
        Var a = Spread(Reshape(left, leftFree), result.Aval.Shape, [.. Enumerable.Range(0, leftFree.Rank)]);
        Var b = Spread(Reshape(right, rightFree), result.Aval.Shape, [.. Enumerable.Range(0, batch), .. Enumerable.Range(leftFree.Rank, rightFree.Rank - batch)]);
        Var product = Emit(MulPrimitive.Instance, null, result.Aval, a, b);
        _equations.Add(new Equation(AddPrimitive.Instance, null, [product, SubprogramRules.Zero(result.Aval, _device)], [result], equation.Source));
    }

    // Computed by a chain, with its batch axes first, and summable.
    private bool IsMatrix(Atom atom, ReadOnlySpan<int> batch, ReadOnlySpan<int> contract)
    {
        if (atom is not Var v || _producers[v.Id] is not { } producer || Fusion.FormOf(producer).IsNone || !AreFirst(batch)) return false;
        return FusedLoop.FoldedFor(v.Aval.Shape, v.Aval.DType, Sorted(contract)) is not null;
    }

    private static bool AreFirst(ReadOnlySpan<int> axes)
    {
        for (int i = 0; i < axes.Length; i++)
            if (axes[i] != i) return false;
        return true;
    }

    private static bool IsVector(Atom atom, ReadOnlySpan<int> batch, ReadOnlySpan<int> contract)
    {
        for (int axis = 0; axis < atom.Aval.Shape.Rank; axis++)
            if (atom.Aval.Shape[axis] != 1 && !batch.Contains(axis) && !contract.Contains(axis)) return false;
        return true;
    }

    private void Sum(Equation equation, Atom matrix, ReadOnlySpan<int> contract, Atom vector, ReadOnlySpan<int> vectorBatch, ReadOnlySpan<int> vectorContract)
    {
        Var result = equation.OutputArray[0];
        Shape shape = matrix.Aval.Shape;
        // For each axis of the vector that is not free, the axis of the matrix that it runs along.
        var along = new List<(int Matrix, int Vector)>();
        for (int i = 0; i < vectorBatch.Length; i++) along.Add((i, vectorBatch[i]));
        for (int i = 0; i < vectorContract.Length; i++) along.Add((contract[i], vectorContract[i]));
        int[] free = [.. Enumerable.Range(0, vector.Aval.Shape.Rank).Except(along.Select(p => p.Vector))];
        along.Sort();
        Axes order = [.. along.Select(p => p.Vector), .. free];
        Atom turned = order.Span.SequenceEqual([.. Enumerable.Range(0, order.Length)]) ? vector
            : Emit(TransposePrimitive.Instance, order, new Aval(vector.Aval.DType, Shape.Create([.. order.Select(a => vector.Aval.Shape[a])])), vector);
        Atom flat = Reshape(turned, Shape.Create([.. along.Select(p => shape[p.Matrix])]));
        Var product = Emit(MulPrimitive.Instance, null, matrix.Aval, matrix, Spread(flat, shape, [.. along.Select(p => p.Matrix)]));
        Axes axes = [.. Sorted(contract)];
        Var sum = Emit(ReduceSumPrimitive.Instance, axes, new Aval(matrix.Aval.DType, shape.Without(axes)), product);
        _equations.Add(new Equation(ReshapePrimitive.Instance, result.Aval.Shape, [sum], [result], equation.Source));
    }

    private Atom Reshape(Atom operand, Shape shape) =>
        operand.Aval.Shape == shape ? operand : Emit(ReshapePrimitive.Instance, shape, new Aval(operand.Aval.DType, shape), operand);

    private Var Spread(Atom operand, Shape shape, Axes axes) =>
        Emit(BroadcastInDimPrimitive.Instance, new BroadcastInDimPrimitive.Params(shape, axes), new Aval(operand.Aval.DType, shape), operand);

    private Var Emit(Primitive primitive, object? parameters, Aval aval, params Atom[] inputs)
    {
        var result = new Var(aval, _count++);
        _equations.Add(new Equation(primitive, parameters, inputs, [result]));
        return result;
    }

    private static int[] Sorted(ReadOnlySpan<int> axes)
    {
        int[] sorted = axes.ToArray();
        Array.Sort(sorted);
        return sorted;
    }
}
