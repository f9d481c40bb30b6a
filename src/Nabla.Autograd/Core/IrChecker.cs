namespace Nabla.Autograd;

/// <summary>
/// The typing rules of programs: every variable is assigned once, before its uses; every equation's outputs have the types that its
/// primitive derives from its inputs. Run after every pass of the compiler.
/// </summary>
public static class IrChecker
{
    /// <summary>Checks a program.</summary>
    /// <exception cref="TraceException">NB0504: the program breaks a rule; the message names the equation.</exception>
    public static void Check(Program program)
    {
        var known = new Var?[program.VarCount];
        foreach (Var variable in program.ConstVars.Concat(program.InVars)) Define(program, known, variable, "lambda");
        if (program.ConstVars.Count != program.Constants.Count) throw AutogradErrors.IllTyped("lambda", "constants do not match their variables", program);
        for (int i = 0; i < program.Constants.Count; i++)
            if (program.Constants[i].Aval != program.ConstVars[i].Aval)
                throw AutogradErrors.IllTyped("lambda", $"constant {i} is {program.Constants[i].Aval}, its variable {program.ConstVars[i].Aval}", program);
        foreach (Equation equation in program.Equations) CheckEquation(program, known, equation);
        foreach (Atom output in program.Outputs) CheckUse(program, known, output, "in");
    }

    private static void CheckEquation(Program program, Var?[] known, Equation equation)
    {
        foreach (Atom input in equation.Inputs) CheckUse(program, known, input, equation.Primitive.Name);
        Aval[] derived = equation.Primitive.AbstractEval([.. equation.Inputs.Select(a => a.Aval)], equation.Parameters);
        if (derived.Length != equation.Outputs.Count)
            throw AutogradErrors.IllTyped(equation.Primitive.Name, $"{equation.Outputs.Count} outputs where the primitive has {derived.Length}", program);
        for (int i = 0; i < derived.Length; i++)
        {
            if (derived[i] != equation.Outputs[i].Aval)
                throw AutogradErrors.IllTyped(equation.Primitive.Name, $"output {i} is {equation.Outputs[i].Aval}, derived {derived[i]}", program);
            Define(program, known, equation.Outputs[i], equation.Primitive.Name);
        }
    }

    private static void Define(Program program, Var?[] known, Var variable, string where)
    {
        if (variable.Id < 0 || variable.Id >= known.Length) throw AutogradErrors.IllTyped(where, $"variable id {variable.Id} is out of range", program);
        if (known[variable.Id] is not null) throw AutogradErrors.IllTyped(where, $"variable {variable.Id} is assigned twice", program);
        known[variable.Id] = variable;
    }

    private static void CheckUse(Program program, Var?[] known, Atom atom, string where)
    {
        if (atom is Var variable && !ReferenceEquals(known.ElementAtOrDefault(variable.Id), variable))
            throw AutogradErrors.IllTyped(where, $"variable {variable.Id} is used before it is assigned", program);
    }
}
