namespace Nabla.Autograd;

/// <summary>The backward pass: a linear program run from its outputs to its inputs by the primitives' transposes.</summary>
internal static class Transposition
{
    /// <summary>Cotangents of the program's arguments (null: zero) from those of its results.</summary>
    public static Tensor?[] Run(Program program, Tensor?[] cotangents)
    {
        var constants = new Tensor?[program.VarCount];
        for (int i = 0; i < program.ConstVars.Count; i++) constants[program.ConstVars[i].Id] = program.Constants[i];
        var sums = new Tensor?[program.VarCount];
        for (int i = 0; i < cotangents.Length; i++) Accumulate(sums, program.Outputs[i], cotangents[i]);
        for (int e = program.Equations.Count - 1; e >= 0; e--)
        {
            Equation equation = program.Equations[e];
            Tensor?[] outer = Array.ConvertAll(equation.OutputArray, v => sums[v.Id]);
            if (Array.TrueForAll(outer, ct => ct is null)) continue;
            foreach (Var output in equation.OutputArray) sums[output.Id] = null;
            Tensor?[] inputs = Array.ConvertAll(equation.InputArray, a => a is Var v ? constants[v.Id] : ((Literal)a).Value);
            Aval[] avals = Array.ConvertAll(equation.InputArray, a => a.Aval);
            Tensor?[] inner = equation.Primitive.Transpose(outer, inputs, avals, equation.Parameters);
            for (int i = 0; i < inner.Length; i++)
                if (inputs[i] is null) Accumulate(sums, equation.InputArray[i], inner[i]);
        }
        return [.. program.InVars.Select(v => sums[v.Id])];
    }

    private static void Accumulate(Tensor?[] sums, Atom atom, Tensor? cotangent)
    {
        if (cotangent is null || atom is not Var variable) return;
        sums[variable.Id] = sums[variable.Id] is { } sum ? sum + cotangent : cotangent;
    }
}
