namespace Nabla.Autograd;

/// <summary>Programs under transformations: what the rules of primitives that carry programs are made of.</summary>
internal static class SubprogramRules
{
    /// <summary>Results and tangents of a program; null: zero. <paramref name="linearize"/> as in <see cref="Primitive.Differentiate"/>.</summary>
    public static (Tensor[] Outputs, Tensor?[] Tangents) Jvp(Program program, Tensor[] primals, Tensor?[] tangents, bool linearize = false)
    {
        var trace = new JvpTrace(linearize);
        try
        {
            Tensor[] results = program.Apply([.. primals.Select((p, i) => trace.Lift(p, tangents[i]))]);
            (Tensor Primal, Tensor? Tangent)[] lowered = Array.ConvertAll(results, trace.Lower);
            return (Array.ConvertAll(lowered, l => l.Primal), Array.ConvertAll(lowered, l => l.Tangent));
        }
        finally
        {
            trace.End();
        }
    }

    /// <summary>Results of a program for a batch that lies on axis 0 of the operands that have one; on axis 0 of the results that have one or must.</summary>
    public static (Tensor[] Outputs, bool[] Batched) Batch(Program program, Tensor[] inputs, bool[] batched, bool[] required, int size)
    {
        var trace = new VmapTrace(size);
        try
        {
            Tensor[] results = program.Apply([.. inputs.Select((x, i) => trace.Lift(x, batched[i] ? 0 : null))]);
            var has = new bool[results.Length];
            for (int i = 0; i < results.Length; i++)
            {
                (Tensor value, int? axis) = trace.Lower(results[i]);
                has[i] = axis is not null || required[i];
                results[i] = has[i] ? Batching.ToFront(value, axis, size) : value;
            }
            return (results, has);
        }
        finally
        {
            trace.End();
        }
    }

    /// <summary>The program for a batch: <see cref="Batch(Program, Tensor[], bool[], bool[], int)"/>, recorded.</summary>
    public static (Subprogram Program, bool[] Batched) Batch(Subprogram program, Device device, bool[] batched, bool[] required, int size)
    {
        bool[] has = [];
        Program recorded = Subprogram.Record(Batched(program.Inputs, batched, size), device, x =>
        {
            (Tensor[] results, has) = Batch(program.Program, x, batched, required, size);
            return results;
        });
        return (new Subprogram(recorded), has);
    }

    /// <summary>The types of arguments of which some have a batch on axis 0.</summary>
    public static Aval[] Batched(Aval[] avals, bool[] batched, int size) =>
        [.. avals.Select((a, i) => batched[i] ? new Aval(a.DType, a.Shape.Insert(0, size)) : a)];

    /// <summary>
    /// Cotangents of the arguments of a program that are given as null, in which it is linear, zeros where nothing arrives; null for the others.
    /// </summary>
    public static Tensor?[] Transpose(Program program, Tensor?[] arguments, Tensor?[] cotangents, Device device)
    {
        Tensor?[] found = Transposition.Run(program, arguments, cotangents);
        return [.. found.Select((ct, i) => arguments[i] is null ? ct ?? Zeros(program.InVars[i].Aval, device) : null)];
    }

    /// <summary>
    /// The derivative of a program taken apart: one program computes the results and whatever the derivative needs of the point, another is linear in the
    /// tangents, given that.
    /// </summary>
    /// <param name="program">What is differentiated.</param>
    /// <param name="device">Where.</param>
    /// <param name="active">The arguments that have tangents.</param>
    /// <param name="required">The results that must have tangents, zeros if need be.</param>
    /// <param name="passable">The arguments that need not be kept because the caller has them when the tangents come.</param>
    public static Halves Split(Program program, Device device, bool[] active, bool[] required, bool[] passable)
    {
        var trace = new IrTrace("linearize");
        try
        {
            IrTracer[] inputs = [.. program.InVars.Select(v => trace.AddInput(v.Aval, device))];
            (Tensor[] outputs, LinearMap map) = LinearMap.At(x => program.Apply(x), inputs, active);
            Program linear = Passes.RemoveDead(map.Program);
            var (residuals, residualVars, passed, passedVars, constants, constVars) =
                (new List<Tensor>(), new List<Var>(), new List<int>(), new List<Var>(), new List<Tensor>(), new List<Var>());
            for (int i = 0; i < linear.Constants.Count; i++)
            {
                int argument = Array.FindIndex(inputs, x => linear.Constants[i] is IrTracer t && t.Var == x.Var);
                if (linear.Constants[i] is DenseTensor) Keep(constants, linear.Constants[i], constVars, linear.ConstVars[i]);
                else if (argument >= 0 && passable[argument]) Keep(passed, argument, passedVars, linear.ConstVars[i]);
                else Keep(residuals, linear.Constants[i], residualVars, linear.ConstVars[i]);
            }
            var (has, results) = (new bool[outputs.Length], new List<Atom>());
            for (int i = 0, next = 0; i < outputs.Length; i++)
            {
                has[i] = map.HasTangent[i] || required[i];
                if (map.HasTangent[i]) results.Add(linear.Outputs[next++]);
                else if (required[i]) results.Add(Zero(outputs[i].Aval, device));
            }
            var tangents = new Program([.. constVars], [.. constants], [.. residualVars, .. passedVars, .. linear.InVars], linear.Equations, [.. results], linear.VarCount);
            return new Halves(trace.Finish([.. outputs, .. residuals]), tangents, residuals.Count, [.. passed], has);
        }
        finally
        {
            trace.End();
        }
    }

    /// <summary>Zeros as an operand.</summary>
    public static Literal Zero(Aval aval, Device device) => new(Tensor.Zeros(aval.Shape, aval.DType, device));

    /// <summary>A dense tensor of zeros of a type.</summary>
    public static Tensor Zeros(Aval aval, Device device) => Tensor.Zeros(aval.Shape, aval.DType, device);

    private static void Keep<T>(List<T> values, T value, List<Var> variables, Var variable)
    {
        values.Add(value);
        variables.Add(variable);
    }

    /// <summary>What <see cref="Split"/> returns.</summary>
    /// <param name="Forward">Arguments → results, then residuals.</param>
    /// <param name="Linear">Residuals, passed arguments, tangents of the active arguments → tangents of the results that have one.</param>
    /// <param name="Residuals">How many values are kept.</param>
    /// <param name="Passed">The arguments that <paramref name="Linear"/> reads again.</param>
    /// <param name="HasTangent">Which results have a tangent.</param>
    public sealed record Halves(Program Forward, Program Linear, int Residuals, int[] Passed, bool[] HasTangent);
}
