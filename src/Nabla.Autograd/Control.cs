using Nabla.Autograd;

namespace Nabla;

/// <summary>
/// Loops and branches as operations, so that they can be differentiated, batched and compiled. Ordinary C# loops and ifs work too where they do not depend on
/// traced values; they are unrolled when traced. Functions given here may use values from outside, traced or not.
/// </summary>
public static class Control
{
    /// <summary>
    /// A loop over sequences: <c>(carry, y[t]) = body(carry, xs[t])</c> for t = 0, 1, …, and the y stacked along time. One step is traced, whatever the length.
    /// Reverse mode keeps the residuals of every step: memory grows with the length. Shape: leaves of xs [time, …], of the result [time, …].
    /// </summary>
    /// <param name="body">A step: (carry, element of the sequences) to (carry, results). The carry keeps its structure, shapes and dtypes.</param>
    /// <param name="initial">The carry before the first step.</param>
    /// <param name="xs">Sequences: a tree whose leaves have time as their first axis.</param>
    /// <param name="reverse">From the last element to the first; y[t] still belongs to xs[t].</param>
    /// <exception cref="ShapeException">NB0524: sequences of different lengths, or none.</exception>
    /// <exception cref="TraceException">NB0523: the carry changes its type.</exception>
    public static (TCarry Carry, TY Ys) Scan<TCarry, TX, TY>(Func<TCarry, TX, (TCarry Carry, TY Y)> body, TCarry initial, TX xs, bool reverse = false)
    {
        Tensor[] sequences = Tree.Leaves(xs);
        if (sequences.Length == 0 || sequences.Any(s => s.Rank == 0 || s.Shape[0] != sequences[0].Shape[0]))
            throw AutogradErrors.ScanLengths(sequences.Length == 0 ? "none given" : string.Join(", ", sequences.Select(s => s.Aval)));
        return Run(body, initial, xs, sequences[0].Shape[0], reverse);
    }

    /// <summary>The same without sequences, for a given number of steps: <c>(carry, y[t]) = body(carry)</c>.</summary>
    public static (TCarry Carry, TY Ys) Scan<TCarry, TY>(Func<TCarry, (TCarry Carry, TY Y)> body, TCarry initial, int length)
    {
        if (length < 0) throw AutogradErrors.ScanLengths($"length {length}");
        return Run((TCarry carry, Tensor[] _) => body(carry), initial, Array.Empty<Tensor>(), length, reverse: false);
    }

    /// <summary>
    /// Repeats a body as long as a condition holds: <c>while (condition(c)) c = body(c)</c>. Batched, members that have stopped keep their carry while others go on.
    /// </summary>
    /// <param name="condition">From the carry to bool[].</param>
    /// <param name="body">A step; the carry keeps its structure, shapes and dtypes.</param>
    /// <param name="initial">The first carry.</param>
    /// <param name="maxSteps">A limit. With one, reverse mode works: the loop then is a <see cref="Scan{TCarry, TY}"/> of that length whose steps do nothing once
    /// the condition has failed. Without one, only forward mode does.</param>
    /// <exception cref="TraceException">NB0523: the carry changes its type; NB0526: the condition is not bool[]; NB0527: reverse mode without a limit.</exception>
    public static TCarry While<TCarry>(Func<TCarry, Tensor> condition, Func<TCarry, TCarry> body, TCarry initial, int? maxSteps = null)
    {
        if (maxSteps is { } limit) return Scan((TCarry carry) => (Cond(condition(carry), body, c => c, carry), 0), initial, limit).Carry;
        (Tensor[] carry, TreeStructure<TCarry> structure) = Tree.Flatten(initial);
        Aval[] avals = Array.ConvertAll(carry, c => c.Aval);
        Device device = carry.Length > 0 ? carry[0].Device : Device.Default;
        (Subprogram asks, Tensor[] ofCondition) = Subprogram.Capture(avals, device, x => [condition(structure.Unflatten(x))]);
        if (asks.Outputs[0] != new Aval(DType.Bool, Shape.Scalar)) throw AutogradErrors.NotAPredicate("while", asks.Outputs[0]);
        (Subprogram step, Tensor[] ofBody) = Subprogram.Capture(avals, device, x => Same("while", structure, avals, body(structure.Unflatten(x))));
        var parameters = new WhilePrimitive.Parameters(asks, step, ofCondition.Length, ofBody.Length);
        return structure.Unflatten(WhilePrimitive.Instance.Bind(parameters, [.. ofCondition, .. ofBody, .. carry]));
    }

    /// <summary>
    /// One of two functions of the same argument, chosen by a truth value; only the chosen one runs. Batched over the condition, both run.
    /// </summary>
    /// <param name="condition">bool[].</param>
    /// <param name="onTrue">Applied if it is true.</param>
    /// <param name="onFalse">Applied if it is false; returns the types of the other.</param>
    /// <param name="argument">The argument.</param>
    /// <exception cref="TraceException">NB0525: the functions return different types; NB0526: the condition is not bool[].</exception>
    public static TOut Cond<TIn, TOut>(Tensor condition, Func<TIn, TOut> onTrue, Func<TIn, TOut> onFalse, TIn argument)
    {
        if (condition.Aval != new Aval(DType.Bool, Shape.Scalar)) throw AutogradErrors.NotAPredicate("cond", condition.Aval);
        (Tensor[] leaves, TreeStructure<TIn> structure) = Tree.Flatten(argument);
        Aval[] avals = Array.ConvertAll(leaves, l => l.Aval);
        TreeStructure<TOut>? outTrue = null, outFalse = null;
        (Subprogram first, Tensor[] ofFirst) = Subprogram.Capture(avals, condition.Device, x => Flatten(onTrue(structure.Unflatten(x)), out outTrue));
        (Subprogram second, Tensor[] ofSecond) = Subprogram.Capture(avals, condition.Device, x => Flatten(onFalse(structure.Unflatten(x)), out outFalse));
        if (!outTrue!.Equals(outFalse) || !first.Outputs.SequenceEqual(second.Outputs))
            throw AutogradErrors.BranchesDiffer($"{outTrue} {string.Join(' ', first.Outputs)}", $"{outFalse} {string.Join(' ', second.Outputs)}");
        // Both programs take what either captured.
        Aval[] all = [.. first.Inputs[..ofFirst.Length], .. second.Inputs];
        Subprogram Widened(Subprogram branch, int skip, int take) => new(Subprogram.Record(all, condition.Device, x =>
            branch.Program.Apply([.. x[skip..(skip + take)], .. x[(ofFirst.Length + ofSecond.Length)..]])));
        var parameters = new CondPrimitive.Parameters(Widened(first, 0, ofFirst.Length), Widened(second, ofFirst.Length, ofSecond.Length));
        return outTrue.Unflatten(CondPrimitive.Instance.Bind(parameters, [condition, .. ofFirst, .. ofSecond, .. leaves]));
    }

    private static (TCarry Carry, TY Ys) Run<TCarry, TX, TY>(Func<TCarry, TX, (TCarry Carry, TY Y)> body, TCarry initial, TX xs, int length, bool reverse)
    {
        (Tensor[] carry, TreeStructure<TCarry> carryStructure) = Tree.Flatten(initial);
        (Tensor[] sequences, TreeStructure<TX> elementStructure) = Tree.Flatten(xs);
        Aval[] carryAvals = Array.ConvertAll(carry, c => c.Aval);
        Aval[] avals = [.. carryAvals, .. sequences.Select(s => new Aval(s.DType, s.Shape.Without([0])))];
        Device device = carry.Concat(sequences).FirstOrDefault()?.Device ?? Device.Default;
        TreeStructure<TY>? outStructure = null;
        (Subprogram step, Tensor[] captured) = Subprogram.Capture(avals, device, x =>
        {
            (TCarry after, TY y) = body(carryStructure.Unflatten(x[..carry.Length]), elementStructure.Unflatten(x[carry.Length..]));
            return [.. Same("scan", carryStructure, carryAvals, after), .. Flatten(y, out outStructure)];
        });
        var parameters = new ScanPrimitive.Parameters(step, captured.Length, carry.Length, length, reverse);
        Tensor[] results = ScanPrimitive.Instance.Bind(parameters, [.. captured, .. carry, .. sequences]);
        return (carryStructure.Unflatten(results[..carry.Length]), outStructure!.Unflatten(results[carry.Length..]));
    }

    private static Tensor[] Flatten<T>(T value, out TreeStructure<T> structure)
    {
        (Tensor[] leaves, structure) = Tree.Flatten(value);
        return leaves;
    }

    private static Tensor[] Same<T>(string operation, TreeStructure<T> structure, Aval[] avals, T after)
    {
        Tensor[] leaves = Flatten(after, out TreeStructure<T> found);
        if (!structure.Equals(found)) throw AutogradErrors.CarryChanges(operation, structure.ToString(), found.ToString());
        if (!leaves.Select(l => l.Aval).SequenceEqual(avals))
            throw AutogradErrors.CarryChanges(operation, string.Join(' ', avals), string.Join(' ', leaves.Select(l => l.Aval)));
        return leaves;
    }
}
