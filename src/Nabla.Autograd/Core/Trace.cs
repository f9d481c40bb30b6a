using System.Diagnostics;

namespace Nabla.Autograd;

/// <summary>
/// An interpreter of primitives that is active while a transformation runs a function. Transformations nest; each has a level, and a
/// primitive goes to the highest level among its inputs, so that inner and outer ones are never confused.
/// </summary>
public abstract class Trace
{
    [ThreadStatic]
    private static int _depth;

    /// <summary>A trace above all that are active on this thread.</summary>
    private protected Trace(string name)
    {
        Name = name;
        Level = ++_depth;
    }

    /// <summary>The transformation, for error messages.</summary>
    public string Name { get; }

    /// <summary>How deep the transformation is nested; 1 is the outermost.</summary>
    public int Level { get; }

    /// <summary>True once the transformation has returned: its stand-ins must not be used any more.</summary>
    public bool Ended { get; private set; }

    /// <summary>Gives the meaning of a primitive under this transformation; at least one input is a stand-in of this trace.</summary>
    internal abstract Tensor[] Process(Primitive primitive, Tensor[] inputs, object? parameters);

    /// <summary>Leaves the transformation. Traces end in the reverse order of their beginning.</summary>
    internal void End()
    {
        Ended = true;
        _depth = Level - 1;
    }
}

/// <summary>A stand-in for a tensor inside a transformation.</summary>
[DebuggerDisplay("{Aval} in {Trace.Name}")]
public abstract class Tracer : Tensor
{
    private protected Tracer(Trace trace, Aval aval) : base(aval)
    {
        Trace = trace;
        if (NablaDebug.Active && NablaDebug.Checks.HasFlag(DebugChecks.Leak)) Source = Watch.CallSite();
    }

    /// <summary>Where it was made; known only with <see cref="DebugChecks.Leak"/>.</summary>
    internal string? Source { get; }

    /// <summary>The transformation that it belongs to.</summary>
    public Trace Trace { get; }

    /// <summary>Always an error: a stand-in has no elements.</summary>
    /// <exception cref="TraceException">NB0501.</exception>
    public override DenseTensor Dense => throw AutogradErrors.NoElements(Aval, Trace.Name);

    /// <inheritdoc/>
    public override string ToString() => $"{Aval} in {Trace.Name}";
}
