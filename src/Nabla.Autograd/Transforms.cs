using Nabla.Autograd;

namespace Nabla;

/// <summary>
/// Functions from functions to functions. They compose in any order and depth: <c>Vmap(Grad(f))</c> gives per-example gradients,
/// <c>Jvp(Grad(f), …)</c> Hessian–vector products. Arguments and results are trees of tensors (<see cref="Tree"/>).
/// </summary>
public static partial class Transforms
{
    /// <summary>
    /// Value and directional derivative: (f(x), ∂f(x)·dx), in one pass of about twice the cost of f.
    /// </summary>
    /// <param name="function">f.</param>
    /// <param name="primal">x.</param>
    /// <param name="tangent">dx: the structure, shapes and dtypes of x. Entries for integer and boolean leaves are ignored.</param>
    /// <exception cref="ShapeException">NB0507: a tangent does not fit its value.</exception>
    public static (TOut Primal, TOut Tangent) Jvp<TIn, TOut>(Func<TIn, TOut> function, TIn primal, TIn tangent)
    {
        (Tensor[] primals, TreeStructure<TIn> structure) = Tree.Flatten(primal);
        (Tensor[] tangents, TreeStructure<TIn> tangentStructure) = Tree.Flatten(tangent);
        if (!structure.Equals(tangentStructure)) throw AutogradErrors.TreeStructure("jvp", structure.ToString(), tangentStructure.ToString());
        for (int i = 0; i < primals.Length; i++)
            if (primals[i].Aval != tangents[i].Aval) throw AutogradErrors.TangentMismatch("jvp", "tangent", primals[i].Aval, tangents[i].Aval);
        var trace = new JvpTrace();
        try
        {
            var inputs = new Tensor[primals.Length];
            for (int i = 0; i < inputs.Length; i++) inputs[i] = trace.Lift(primals[i], primals[i].DType.IsFloat ? tangents[i] : null);
            (Tensor[] results, TreeStructure<TOut> outStructure) = Tree.Flatten(function(structure.Unflatten(inputs)));
            var (values, rates) = (new Tensor[results.Length], new Tensor[results.Length]);
            for (int i = 0; i < results.Length; i++)
            {
                (values[i], Tensor? rate) = trace.Lower(results[i]);
                rates[i] = rate ?? values[i].ZerosLike();
            }
            return (outStructure.Unflatten(values), outStructure.Unflatten(rates));
        }
        finally
        {
            trace.End();
        }
    }

    /// <summary>f(x) and the map from tangents at x to tangents of the result, recorded once and cheap to apply many times.</summary>
    public static (TOut Primal, Func<TIn, TOut> Tangents) Linearize<TIn, TOut>(Func<TIn, TOut> function, TIn point)
    {
        (Tensor[] outputs, TreeStructure<TOut> outStructure, LinearMap map, _) = LinearizeTree(function, point);
        return (outStructure.Unflatten(outputs), Apply);

        TOut Apply(TIn tangent)
        {
            Tensor?[] rates = map.Apply(Tree.Leaves(tangent));
            return outStructure.Unflatten([.. rates.Select((r, i) => r ?? outputs[i].ZerosLike())]);
        }
    }

    /// <summary>
    /// f(x) and the pullback at x: from a cotangent of the result (its structure, shapes, dtypes) to one of x. A leaf that the result does not
    /// depend on, and an integer or boolean leaf, gets zeros.
    /// </summary>
    /// <exception cref="ShapeException">NB0507: a cotangent does not fit its result.</exception>
    public static (TOut Primal, Func<TOut, TIn> Pullback) Vjp<TIn, TOut>(Func<TIn, TOut> function, TIn point)
    {
        (Tensor[] outputs, TreeStructure<TOut> outStructure, LinearMap map, TreeStructure<TIn> inStructure) = LinearizeTree(function, point);
        return (outStructure.Unflatten(outputs), Pullback);

        TIn Pullback(TOut cotangent)
        {
            Tensor[] leaves = Tree.Leaves(cotangent);
            for (int i = 0; i < outputs.Length; i++)
                if (leaves[i].Aval != outputs[i].Aval) throw AutogradErrors.TangentMismatch("vjp", "cotangent", outputs[i].Aval, leaves[i].Aval);
            return inStructure.Unflatten(map.ApplyTransposed(leaves));
        }
    }

    /// <summary>
    /// The gradient of a scalar function with respect to its argument, of the argument's structure. About three times the cost of f.
    /// </summary>
    /// <exception cref="TraceException">NB0505: the result is not a float scalar; NB0506: the argument has no float leaf.</exception>
    public static Func<TIn, TIn> Grad<TIn>(Func<TIn, Tensor> function) => x => ValueAndGrad(function)(x).Gradient;

    /// <summary>The gradient with respect to the first of two arguments.</summary>
    public static Func<TIn, TRest, TIn> Grad<TIn, TRest>(Func<TIn, TRest, Tensor> function) => (x, rest) => Grad((TIn p) => function(p, rest))(x);

    /// <summary>The gradient with respect to the first of three arguments.</summary>
    public static Func<TIn, TA, TB, TIn> Grad<TIn, TA, TB>(Func<TIn, TA, TB, Tensor> function) =>
        (x, a, b) => Grad((TIn p) => function(p, a, b))(x);

    /// <summary>Value and gradient of a scalar function, from one evaluation. Errors as for <see cref="Grad{TIn}"/>.</summary>
    public static Func<TIn, (Tensor Value, TIn Gradient)> ValueAndGrad<TIn>(Func<TIn, Tensor> function) => x =>
    {
        ((Tensor value, _), TIn gradient) = ValueAndGrad((TIn p) => (function(p), 0))(x);
        return (value, gradient);
    };

    /// <summary>Value and gradient with respect to the first of two arguments.</summary>
    public static Func<TIn, TRest, (Tensor Value, TIn Gradient)> ValueAndGrad<TIn, TRest>(Func<TIn, TRest, Tensor> function) =>
        (x, rest) => ValueAndGrad((TIn p) => function(p, rest))(x);

    /// <summary>Value, auxiliary results and gradient: the function returns (scalar, anything else), and only the scalar is differentiated.</summary>
    public static Func<TIn, ((Tensor Value, TAux Auxiliary) Result, TIn Gradient)> ValueAndGrad<TIn, TAux>(Func<TIn, (Tensor, TAux)> function) => x =>
    {
        (Tensor[] outputs, TreeStructure<(Tensor, TAux)> outStructure, LinearMap map, TreeStructure<TIn> inStructure) = LinearizeTree(function, x);
        if (!Tree.Leaves(x).Any(leaf => leaf.DType.IsFloat)) throw AutogradErrors.NoFloatInput("grad");
        if (outputs[0].Rank != 0 || !outputs[0].DType.IsFloat) throw AutogradErrors.GradientOfNonScalar(outputs[0].Aval);
        var cotangents = new Tensor?[outputs.Length];
        cotangents[0] = outputs[0].OnesLike();
        return (outStructure.Unflatten(outputs), inStructure.Unflatten(map.ApplyTransposed(cotangents)));
    };

    /// <summary>Jacobian by columns, one JVP per input element, all batched. Shape: f [in…] → [out…] gives [out…, in…].</summary>
    public static Func<Tensor, Tensor> JacobianForward(Func<Tensor, Tensor> function) => x =>
    {
        Tensor columns = Vmap((Tensor direction) => Jvp(function, x, direction).Tangent, outAxes: -1)(Basis(x));
        return columns.Reshape([.. columns.Shape.Dims[..^1], .. x.Shape.Dims]);
    };

    /// <summary>Jacobian by rows, one VJP per output element, all batched. Shape: f [in…] → [out…] gives [out…, in…].</summary>
    public static Func<Tensor, Tensor> JacobianReverse(Func<Tensor, Tensor> function) => x =>
    {
        (Tensor y, Func<Tensor, Tensor> pullback) = Vjp(function, x);
        Tensor rows = Vmap(pullback)(Basis(y));
        return rows.Reshape([.. y.Shape.Dims, .. x.Shape.Dims]);
    };

    /// <summary>Jacobian in the cheaper mode: by columns if there are fewer inputs than outputs. Shape: f [in…] → [out…] gives [out…, in…].</summary>
    public static Func<Tensor, Tensor> Jacobian(Func<Tensor, Tensor> function) => x =>
    {
        Aval result = ShapeOf(function, x.Aval);
        return (x.Count < result.Shape.Count ? JacobianForward(function) : JacobianReverse(function))(x);
    };

    /// <summary>The type that a function returns for an argument of a given type; nothing is computed.</summary>
    public static Aval ShapeOf(Func<Tensor, Tensor> function, Aval argument) => Trace(function, argument).Outputs[0].Aval;

    /// <summary>Records a function of one tensor as a program.</summary>
    public static Autograd.Program Trace(Func<Tensor, Tensor> function, Aval argument) =>
        Trace(function, (Tensor)Tensor.Zeros(argument.Shape, argument.DType));

    /// <summary>Records a function as a program, for arguments with the shapes and types of an example.</summary>
    public static Autograd.Program Trace<TIn, TOut>(Func<TIn, TOut> function, TIn example)
    {
        (Tensor[] leaves, TreeStructure<TIn> structure) = Tree.Flatten(example);
        return Record(leaves, inputs => Tree.Leaves(function(structure.Unflatten(inputs))));
    }

    internal static Autograd.Program Record(Tensor[] examples, Func<Tensor[], Tensor[]> function)
    {
        var trace = new IrTrace("compile");
        try
        {
            Tensor[] inputs = Array.ConvertAll(examples, e => (Tensor)trace.AddInput(e.Aval, e.Device));
            return trace.Finish(function(inputs));
        }
        finally
        {
            trace.End();
        }
    }

    private static (Tensor[] Outputs, TreeStructure<TOut> OutStructure, LinearMap Map, TreeStructure<TIn> InStructure)
        LinearizeTree<TIn, TOut>(Func<TIn, TOut> function, TIn point)
    {
        (Tensor[] leaves, TreeStructure<TIn> inStructure) = Tree.Flatten(point);
        TreeStructure<TOut>? outStructure = null;
        (Tensor[] outputs, LinearMap map) = LinearMap.At(inputs =>
        {
            (Tensor[] results, outStructure) = Tree.Flatten(function(inStructure.Unflatten(inputs)));
            return results;
        }, leaves);
        return (outputs, outStructure!, map, inStructure);
    }

    // The unit tensors of a shape: [count, shape...].
    private static Tensor Basis(Tensor like)
    {
        int n = checked((int)like.Count);
        return Ops.Eye(n, like.DType).Reshape([n, .. like.Shape.Dims]);
    }
}
