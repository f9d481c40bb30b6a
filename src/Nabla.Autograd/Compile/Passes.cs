namespace Nabla.Autograd;

/// <summary>
/// Rewrites of programs that keep every result bit for bit: what does nothing, what is computed twice, and what nobody reads is removed. Each pass
/// is checked by <see cref="IrChecker"/>.
/// </summary>
internal static class Passes
{
    /// <summary>All passes in order.</summary>
    public static Program Run(Program program)
    {
        Program result = program;
        foreach (Func<Program, Program> pass in (Func<Program, Program>[])[Simplify, ShareCommon, RemoveDead])
        {
            result = pass(result);
            IrChecker.Check(result);
            if (NablaDebug.Level >= 5) NablaDebug.Tell(5, $"after {pass.Method.Name}: {result}");
        }
        return result;
    }

    /// <summary>Replaces equations whose result is one of their inputs, and moves broadcasts of literals into the literals.</summary>
    public static Program Simplify(Program program)
    {
        var producers = new Equation?[program.VarCount];
        return Rewrite(program, equation =>
        {
            Atom? simpler = Simplification.Of(equation, producers);
            foreach (Var output in equation.Outputs) producers[output.Id] = equation;
            return simpler is null ? null : [simpler];
        });
    }

    /// <summary>Computes equal applications of a primitive to the same operands once.</summary>
    public static Program ShareCommon(Program program)
    {
        var known = new Dictionary<EquationKey, Var[]>();
        return Rewrite(program, equation =>
        {
            var key = new EquationKey(equation);
            if (known.TryGetValue(key, out Var[]? earlier)) return earlier;
            known[key] = equation.OutputArray;
            return null;
        });
    }

    /// <summary>Drops equations, and captured constants, that no result depends on.</summary>
    public static Program RemoveDead(Program program)
    {
        var live = new bool[program.VarCount];
        void Use(Atom atom)
        {
            if (atom is Var v) live[v.Id] = true;
        }
        foreach (Atom output in program.Outputs) Use(output);
        var kept = new List<Equation>();
        for (int e = program.Equations.Count - 1; e >= 0; e--)
        {
            Equation equation = program.Equations[e];
            if (!equation.Outputs.Any(v => live[v.Id])) continue;
            kept.Add(equation);
            foreach (Atom input in equation.Inputs) Use(input);
        }
        kept.Reverse();
        int[] constants = [.. Enumerable.Range(0, program.ConstVars.Count).Where(i => live[program.ConstVars[i].Id])];
        return new Program([.. constants.Select(i => program.ConstVars[i])], [.. constants.Select(i => program.Constants[i])],
            [.. program.InVars], kept, [.. program.Outputs], program.VarCount);
    }

    // Goes through the equations once; a pass returns replacements for the outputs of one, or null to keep it.
    private static Program Rewrite(Program program, Func<Equation, Atom[]?> replace)
    {
        var replacement = new Atom?[program.VarCount];
        Atom Read(Atom atom) => atom is Var v ? replacement[v.Id] ?? v : atom;
        var kept = new List<Equation>(program.Equations.Count);
        foreach (Equation original in program.Equations)
        {
            var equation = new Equation(original.Primitive, original.Parameters, Array.ConvertAll(original.InputArray, Read), original.OutputArray, original.Source);
            if (replace(equation) is { } atoms)
                for (int i = 0; i < atoms.Length; i++) replacement[equation.OutputArray[i].Id] = atoms[i];
            else kept.Add(equation);
        }
        return new Program([.. program.ConstVars], [.. program.Constants], [.. program.InVars], kept, [.. program.Outputs.Select(Read)], program.VarCount);
    }

    /// <summary>Equality of equations: same primitive, equal parameters, the same variables, equal literals.</summary>
    private readonly struct EquationKey(Equation equation) : IEquatable<EquationKey>
    {
        private readonly Equation _equation = equation;

        public bool Equals(EquationKey other)
        {
            if (_equation.Primitive != other._equation.Primitive || !Equals(_equation.Parameters, other._equation.Parameters)) return false;
            if (_equation.Inputs.Count != other._equation.Inputs.Count) return false;
            for (int i = 0; i < _equation.Inputs.Count; i++)
                if (!Same(_equation.Inputs[i], other._equation.Inputs[i])) return false;
            return true;
        }

        public override bool Equals(object? obj) => obj is EquationKey other && Equals(other);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            hash.Add(_equation.Primitive);
            hash.Add(_equation.Parameters);
            foreach (Atom input in _equation.Inputs) hash.Add(input is Var v ? v.Id : input.Aval.GetHashCode());
            return hash.ToHashCode();
        }

        private static bool Same(Atom a, Atom b) => ReferenceEquals(a, b) ||
            (a is Literal x && b is Literal y && x.Aval == y.Aval &&
             BitConverter.DoubleToInt64Bits(IrPrinter.DenseTensorNumber(x.Value)) == BitConverter.DoubleToInt64Bits(IrPrinter.DenseTensorNumber(y.Value)));
    }
}
