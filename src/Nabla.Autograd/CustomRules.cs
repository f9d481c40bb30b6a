using Nabla.Autograd;

namespace Nabla;

public static partial class Transforms
{
    /// <summary>
    /// The function with intermediate results that reverse mode does not keep: it computes them again on the way back. A chain of n blocks, each behind a
    /// checkpoint, needs the memory of the n boundaries and one block, for one more evaluation.
    /// Source: Griewank and Walther, ACM TOMS 26(1), 2000; Chen et al., arXiv:1604.06174.
    /// </summary>
    public static Func<TIn, TOut> Checkpoint<TIn, TOut>(Func<TIn, TOut> function) => x =>
    {
        (Tensor[] leaves, TreeStructure<TIn> structure) = Tree.Flatten(x);
        TreeStructure<TOut>? outStructure = null;
        (Subprogram body, Tensor[] captured) = Subprogram.Capture(Avals(leaves), DeviceOf(leaves), inputs =>
        {
            (Tensor[] results, outStructure) = Tree.Flatten(function(structure.Unflatten(inputs)));
            return results;
        });
        Tensor[] outputs = CheckpointPrimitive.Instance.Bind(new CheckpointPrimitive.Parameters(body), [.. captured, .. leaves]);
        return outStructure!.Unflatten(outputs);
    };

    /// <summary>
    /// The function with a forward derivative of the user's: <c>rule(x, dx) = (f(x), df)</c>, made of ordinary operations and linear in dx. Reverse mode follows
    /// by transposing it. The rule is used wherever the function is differentiated; values without differentiation come from the function.
    /// </summary>
    /// <param name="function">f.</param>
    /// <param name="rule">From x and its tangent to the value and its tangent, both of f's type. Integer and boolean leaves have tangents of zeros, and those of the
    /// result are ignored.</param>
    /// <exception cref="TraceException">NB0528: function or rule use a traced value from outside; NB0529: the rule returns other types than f.</exception>
    public static Func<TIn, TOut> CustomJvp<TIn, TOut>(Func<TIn, TOut> function, Func<TIn, TIn, (TOut Primal, TOut Tangent)> rule) => x =>
        Apply(function, x, (leaves, structure, body) => new CustomPrimitive.Parameters
        {
            Body = body,
            Jvp = new(() => Rule([.. Avals(leaves), .. Floats(leaves).Select(l => l.Aval)], leaves, inputs =>
            {
                (TOut primal, TOut tangent) = rule(structure.Unflatten(inputs[..leaves.Length]), structure.Unflatten(WithZeros(leaves, inputs[leaves.Length..])));
                Tensor[] rates = Tree.Leaves(tangent);
                return [.. Tree.Leaves(primal), .. rates.Where((_, i) => i >= body.Outputs.Length || body.Outputs[i].DType.IsFloat)];
            }, [.. body.Outputs, .. body.Outputs.Where(a => a.DType.IsFloat)])),
        });

    /// <summary>
    /// The function with a backward derivative of the user's: <c>forward(x) = (f(x), residuals)</c>, <c>backward(residuals, ct) = cotangent of x</c>. Where
    /// the backward rule is linear in ct and made of transposable operations, forward mode works too; a rule such as gradient clipping works backward only.
    /// </summary>
    /// <param name="function">f.</param>
    /// <param name="forward">From x to the value and whatever the way back needs.</param>
    /// <param name="backward">From that and a cotangent of the value to a cotangent of x, of x's type. Entries for integer and boolean leaves are ignored.</param>
    /// <exception cref="TraceException">NB0528: a function uses a traced value from outside; NB0529: a rule returns other types than it must.</exception>
    public static Func<TIn, TOut> CustomVjp<TIn, TOut, TResidual>(
        Func<TIn, TOut> function, Func<TIn, (TOut Primal, TResidual Residuals)> forward, Func<TResidual, TOut, TIn> backward) => x =>
        Apply(function, x, (leaves, structure, body, outStructure) =>
        {
            TreeStructure<TResidual>? residualStructure = null;
            var forth = new Lazy<Subprogram>(() => Rule(Avals(leaves), leaves, inputs =>
            {
                (TOut primal, TResidual residuals) = forward(structure.Unflatten(inputs));
                (Tensor[] kept, residualStructure) = Tree.Flatten(residuals);
                return [.. Tree.Leaves(primal), .. kept];
            }, body.Outputs));
            return new CustomPrimitive.Parameters
            {
                Body = body,
                Forward = forth,
                Backward = new(() =>
                {
                    Aval[] residuals = forth.Value.Outputs[body.Outputs.Length..];
                    Aval[] cotangents = [.. body.Outputs.Where(a => a.DType.IsFloat)];
                    return Rule([.. residuals, .. cotangents], leaves, inputs =>
                    {
                        var next = new Queue<Tensor>(inputs[residuals.Length..]);
                        Tensor[] outer = [.. body.Outputs.Select(a => a.DType.IsFloat ? next.Dequeue() : SubprogramRules.Zeros(a, DeviceOf(leaves)))];
                        Tensor[] found = Tree.Leaves(backward(residualStructure!.Unflatten(inputs[..residuals.Length]), outStructure.Unflatten(outer)));
                        return [.. found.Where((_, i) => i >= leaves.Length || leaves[i].DType.IsFloat)];
                    }, [.. Floats(leaves).Select(l => l.Aval)]);
                }),
            };
        });

    /// <summary>
    /// The function with a batching rule of the user's, used by <see cref="Vmap{TIn, TOut}"/> in place of the one that follows from its parts. Derivatives are those
    /// of the function.
    /// </summary>
    /// <param name="function">f, of one member.</param>
    /// <param name="rule">From the argument, in which the leaves that differ between members have a batch on axis 0, one flag per leaf that says which those are,
    /// and the number of members, to the results of all members, on axis 0 of every leaf.</param>
    /// <exception cref="TraceException">NB0528: the function uses a traced value from outside; NB0529: the rule returns other types than f for a batch.</exception>
    public static Func<TIn, TOut> CustomVmap<TIn, TOut>(Func<TIn, TOut> function, Func<TIn, IReadOnlyList<bool>, int, TOut> rule) => x =>
        Apply(function, x, (leaves, structure, body) => new CustomPrimitive.Parameters
        {
            Body = body,
            Batch = (inputs, batched, size) =>
            {
                Tensor[] results = Tree.Leaves(rule(structure.Unflatten(inputs), batched, size));
                Check(results, SubprogramRules.Batched(body.Outputs, [.. body.Outputs.Select(_ => true)], size));
                return results;
            },
        });

    private static TOut Apply<TIn, TOut>(Func<TIn, TOut> function, TIn x, Func<Tensor[], TreeStructure<TIn>, Subprogram, CustomPrimitive.Parameters> rules) =>
        Apply(function, x, (leaves, structure, body, _) => rules(leaves, structure, body));

    private static TOut Apply<TIn, TOut>(
        Func<TIn, TOut> function, TIn x, Func<Tensor[], TreeStructure<TIn>, Subprogram, TreeStructure<TOut>, CustomPrimitive.Parameters> rules)
    {
        (Tensor[] leaves, TreeStructure<TIn> structure) = Tree.Flatten(x);
        TreeStructure<TOut>? outStructure = null;
        (Subprogram body, Tensor[] captured) = Subprogram.Capture(Avals(leaves), DeviceOf(leaves), inputs =>
        {
            (Tensor[] results, outStructure) = Tree.Flatten(function(structure.Unflatten(inputs)));
            return results;
        });
        if (captured.Length > 0) throw AutogradErrors.CustomCaptures(captured[0]);
        return outStructure!.Unflatten(CustomPrimitive.Instance.Bind(rules(leaves, structure, body, outStructure), leaves));
    }

    private static Subprogram Rule(Aval[] inputs, Tensor[] leaves, Func<Tensor[], Tensor[]> rule, Aval[] expected)
    {
        (Subprogram body, Tensor[] captured) = Subprogram.Capture(inputs, DeviceOf(leaves), x =>
        {
            Tensor[] results = rule(x);
            Check(results, expected);
            return results;
        });
        return captured.Length == 0 ? body : throw AutogradErrors.CustomCaptures(captured[0]);
    }

    // The first results must be of the expected types; a forward rule has residuals behind them.
    private static void Check(Tensor[] results, Aval[] expected)
    {
        if (!results.Take(expected.Length).Select(r => r.Aval).SequenceEqual(expected))
            throw AutogradErrors.CustomResult(string.Join(' ', expected), string.Join(' ', results.Select(r => r.Aval)));
    }

    private static Tensor[] WithZeros(Tensor[] leaves, Tensor[] floats)
    {
        var next = new Queue<Tensor>(floats);
        return Array.ConvertAll(leaves, l => l.DType.IsFloat ? next.Dequeue() : SubprogramRules.Zeros(l.Aval, l.Device));
    }

    private static Tensor[] Floats(Tensor[] leaves) => [.. leaves.Where(l => l.DType.IsFloat)];

    private static Aval[] Avals(Tensor[] leaves) => Array.ConvertAll(leaves, l => l.Aval);

    private static Device DeviceOf(Tensor[] leaves) => leaves.Length > 0 ? leaves[0].Device : Device.Default;
}
