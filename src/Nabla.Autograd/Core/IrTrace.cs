using System.Runtime.CompilerServices;

namespace Nabla.Autograd;

/// <summary>
/// Recording: primitives that touch an argument become equations. Those that touch none run at once, so what is known is
/// folded, and a program of tangents holds only what is linear in them.
/// </summary>
internal sealed class IrTrace(string name) : Trace(name)
{
    private readonly List<Var> _inVars = [];
    private readonly List<Var> _constVars = [];
    private readonly List<Tensor> _constants = [];
    private readonly Dictionary<Tensor, Var> _constantVars = new(ReferenceComparer.Instance);
    private readonly List<Equation> _equations = [];
    private int _varCount;

    /// <summary>Adds an argument.</summary>
    public IrTracer AddInput(Aval aval, Device device)
    {
        Var variable = NewVar(aval);
        _inVars.Add(variable);
        return new IrTracer(this, variable, device);
    }

    /// <summary>The recorded program with the given results.</summary>
    public Program Finish(Tensor[] outputs)
    {
        Atom[] atoms = Array.ConvertAll(outputs, ToAtom);
        return new Program([.. _constVars], [.. _constants], [.. _inVars], _equations, atoms, _varCount);
    }

    internal override Tensor[] Process(Primitive primitive, Tensor[] inputs, object? parameters)
    {
        Aval[] avals = primitive.AbstractEval(Array.ConvertAll(inputs, i => i.Aval), parameters);
        Device device = inputs[0].Device;
        foreach (Tensor input in inputs)
            if (input.Device != device) throw AutogradErrors.DevicesDiffer(primitive.Name, inputs[0], input);
        Var[] outputs = Array.ConvertAll(avals, NewVar);
        _equations.Add(new Equation(primitive, parameters, Array.ConvertAll(inputs, ToAtom), outputs, Watch.CallSite()));
        return Array.ConvertAll(outputs, v => (Tensor)new IrTracer(this, v, device));
    }

    private Var NewVar(Aval aval) => new(aval, _varCount++);

    private Atom ToAtom(Tensor value)
    {
        if (value is IrTracer tracer && tracer.Trace == this) return tracer.Var;
        if (value is DenseTensor { Layout.IsSplat: true } dense && dense.Count > 0) return new Literal(dense);
        if (_constantVars.TryGetValue(value, out Var? known)) return known;
        Var variable = NewVar(value.Aval);
        _constVars.Add(variable);
        _constants.Add(value);
        return _constantVars[value] = variable;
    }

    private sealed class ReferenceComparer : IEqualityComparer<Tensor>
    {
        public static readonly ReferenceComparer Instance = new();

        public bool Equals(Tensor? a, Tensor? b) => ReferenceEquals(a, b);

        public int GetHashCode(Tensor tensor) => RuntimeHelpers.GetHashCode(tensor);
    }
}

/// <summary>A stand-in for a value that the recorded program will compute.</summary>
internal sealed class IrTracer(IrTrace trace, Var variable, Device device) : Tracer(trace, variable.Aval)
{
    public Var Var { get; } = variable;

    public override Device Device { get; } = device;
}
