namespace Nabla.Autograd;

/// <summary>The backward pass: a linear program run from its outputs to its inputs by the primitives' transposes.</summary>
internal static class Transposition
{
    /// <summary>
    /// Cotangents of the arguments that are given as null, in which the program is linear (null: zero), from those of its results. What depends on the
    /// known arguments alone is computed first, forward.
    /// </summary>
    public static Tensor?[] Run(Program program, Tensor?[] arguments, Tensor?[] cotangents)
    {
        Tensor?[] known = Forward(program, arguments);
        var sums = new Tensor?[program.VarCount];
        for (int i = 0; i < cotangents.Length; i++) Accumulate(sums, program.Outputs[i], cotangents[i]);
        for (int e = program.Equations.Count - 1; e >= 0; e--)
        {
            Equation equation = program.Equations[e];
            if (known[equation.OutputArray[0].Id] is not null) continue;
            Tensor?[] outer = Array.ConvertAll(equation.OutputArray, v => sums[v.Id]);
            if (Array.TrueForAll(outer, ct => ct is null)) continue;
            foreach (Var output in equation.OutputArray) sums[output.Id] = null;
            Tensor?[] inputs = Array.ConvertAll(equation.InputArray, a => Read(known, a));
            Aval[] avals = Array.ConvertAll(equation.InputArray, a => a.Aval);
            Tensor?[] inner = equation.Primitive.Transpose(outer, inputs, avals, equation.Parameters);
            for (int i = 0; i < inner.Length; i++)
                if (inputs[i] is null) Accumulate(sums, equation.InputArray[i], inner[i]);
        }
        return [.. program.InVars.Select((v, i) => arguments[i] is null ? sums[v.Id] : null)];
    }

    // Values of the variables that depend on constants and known arguments alone.
    private static Tensor?[] Forward(Program program, Tensor?[] arguments)
    {
        var known = new Tensor?[program.VarCount];
        for (int i = 0; i < program.ConstVars.Count; i++) known[program.ConstVars[i].Id] = program.Constants[i];
        for (int i = 0; i < arguments.Length; i++) known[program.InVars[i].Id] = arguments[i];
        foreach (Equation equation in program.Equations)
        {
            Tensor?[] inputs = Array.ConvertAll(equation.InputArray, a => Read(known, a));
            if (Array.Exists(inputs, x => x is null)) continue;
            Tensor[] outputs = equation.Primitive.Bind(equation.Parameters, Array.ConvertAll(inputs, x => x!));
            for (int i = 0; i < outputs.Length; i++) known[equation.OutputArray[i].Id] = outputs[i];
        }
        return known;
    }

    private static Tensor? Read(Tensor?[] known, Atom atom) => atom is Var v ? known[v.Id] : ((Literal)atom).Value;

    private static void Accumulate(Tensor?[] sums, Atom atom, Tensor? cotangent)
    {
        if (cotangent is null || atom is not Var variable) return;
        sums[variable.Id] = sums[variable.Id] is { } sum ? sum + cotangent : cotangent;
    }
}
