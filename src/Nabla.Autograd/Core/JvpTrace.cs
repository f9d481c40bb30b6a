namespace Nabla.Autograd;

/// <summary>Forward mode: every value carries the tangent that belongs to it.</summary>
/// <param name="linearize">The tangents are stand-ins of a recording that is to hold the linear part alone.</param>
internal sealed class JvpTrace(bool linearize = false) : Trace("jvp")
{
    /// <summary>A value with its tangent; a value without one needs no stand-in.</summary>
    public Tensor Lift(Tensor primal, Tensor? tangent) => tangent is null ? primal : new JvpTracer(this, primal, tangent);

    /// <summary>A result of the traced function taken apart again; no tangent means zero.</summary>
    public (Tensor Primal, Tensor? Tangent) Lower(Tensor value) =>
        value is JvpTracer tracer && tracer.Trace == this ? (tracer.Primal, tracer.Tangent) : (value, null);

    internal override Tensor[] Process(Primitive primitive, Tensor[] inputs, object? parameters)
    {
        var primals = new Tensor[inputs.Length];
        var tangents = new Tensor?[inputs.Length];
        for (int i = 0; i < inputs.Length; i++) (primals[i], tangents[i]) = Lower(inputs[i]);
        (Tensor[] outputs, Tensor?[] rates) = primitive.Differentiate(primals, tangents, parameters, linearize);
        var results = new Tensor[outputs.Length];
        for (int i = 0; i < outputs.Length; i++) results[i] = Lift(outputs[i], rates[i]);
        return results;
    }
}

/// <summary>A value (primal) and its derivative in the direction of differentiation (tangent), of the same shape.</summary>
internal sealed class JvpTracer(JvpTrace trace, Tensor primal, Tensor tangent) : Tracer(trace, primal.Aval)
{
    public Tensor Primal { get; } = primal;

    public Tensor Tangent { get; } = tangent;

    public override Device Device => Primal.Device;
}
