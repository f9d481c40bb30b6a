namespace Nabla.Autograd;

/// <summary>Batching: every value may hold one element per member of a batch; the function sees one member.</summary>
internal sealed class VmapTrace(int size) : Trace("vmap")
{
    /// <summary>Number of members.</summary>
    public int Size { get; } = size;

    /// <summary>A value with the axis on which its members lie; without one it is the same for all and needs no stand-in.</summary>
    public Tensor Lift(Tensor value, int? axis) => axis is { } at ? new VmapTracer(this, value, at) : value;

    /// <summary>A result of the traced function with its batch axis, if it has one.</summary>
    public (Tensor Value, int? Axis) Lower(Tensor value) =>
        value is VmapTracer tracer && tracer.Trace == this ? (tracer.Value, tracer.Axis) : (value, null);

    internal override Tensor[] Process(Primitive primitive, Tensor[] inputs, object? parameters)
    {
        var values = new Tensor[inputs.Length];
        var axes = new int?[inputs.Length];
        for (int i = 0; i < inputs.Length; i++) (values[i], axes[i]) = Lower(inputs[i]);
        (Tensor[] outputs, int?[] outputAxes) = primitive.Vmap(values, axes, Size, parameters);
        var results = new Tensor[outputs.Length];
        for (int i = 0; i < outputs.Length; i++) results[i] = Lift(outputs[i], outputAxes[i]);
        return results;
    }
}

/// <summary>A whole batch that pretends to be one member: its shape lacks the batch axis.</summary>
internal sealed class VmapTracer(VmapTrace trace, Tensor value, int axis)
    : Tracer(trace, new Aval(value.DType, value.Shape.Without([axis])))
{
    public Tensor Value { get; } = value;

    public int Axis { get; } = axis;

    public override Device Device => Value.Device;
}
