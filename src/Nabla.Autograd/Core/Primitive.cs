using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>
/// An operation with rules: the one abstraction that carries the engine. Applied to tensors by <see cref="Bind"/>; who is listening
/// (nobody, a JVP, a batching, a recording) decides what that means.
/// </summary>
/// <remarks>
/// Arrays are positional, everything else is <c>parameters</c>: an immutable value with value equality, whose text appears in the
/// IR. Rules are written with ordinary tensor operations, so transformations compose to any depth. Reverse mode needs no rule of its
/// own: it is <see cref="Jvp"/> made linear, then <see cref="Transpose"/>.
/// </remarks>
public abstract class Primitive
{
    /// <summary>Names the primitive as the IR prints it, in snake_case.</summary>
    protected Primitive(string name) => Name = name;

    /// <summary>The IR name, such as <c>reduce_sum</c>.</summary>
    public string Name { get; }

    /// <summary>True if each output element depends only on the input elements at its place, so that an output may take the memory of an
    /// input that ends here.</summary>
    public virtual bool IsElementwise => false;

    /// <summary>
    /// How it is written into a loop, for a primitive each of whose output elements depends on the input elements at its place alone: compiled programs run chains
    /// of such primitives as one loop. None if it is not one, or has no vector form for these types.
    /// </summary>
    public virtual LaneForm LaneOf(ReadOnlySpan<Aval> inputs, Aval output, object? parameters) => default;

    /// <summary>False for a primitive that has a forward derivative only.</summary>
    public virtual bool HasReverseMode => true;

    /// <summary>How far <see cref="Evaluate"/> may be from <see cref="Reference"/>.</summary>
    public virtual Tolerance Tolerance => Tolerance.Exact;

    /// <summary>Shape and dtype rule: the abstract outputs, or an error that names the operands.</summary>
    public abstract Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters);

    /// <summary>Computes the outputs, which are allocated, contiguous, and shaped by <see cref="AbstractEval"/>.</summary>
    public abstract void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters);

    /// <summary>
    /// For primitives that only rearrange: the output as another layout over the memory of the first input; null if this case needs a copy.
    /// </summary>
    public virtual Layout? View(Layout input, object? parameters) => null;

    /// <summary>The same outputs in double precision by the shortest possible code: the oracle of the contract tests.</summary>
    public abstract void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters);

    /// <summary>
    /// For a <see cref="Tolerance"/> relative to them, the sums of the absolute terms of which the outputs are made: the reference at the absolute values of the float operands,
    /// which are overwritten.
    /// </summary>
    public virtual void Terms(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters)
    {
        foreach (ReferenceArray input in inputs)
            for (int i = 0; input.Aval.DType.IsFloat && i < input.Data.Length; i++) input.Data[i] = Math.Abs(input.Data[i]);
        Reference(inputs, outputs, parameters);
    }

    /// <summary>
    /// Tangents of the outputs, linear in <paramref name="tangents"/>. A null tangent is a zero that is never stored; at least one is not null.
    /// </summary>
    public abstract Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters);

    /// <summary>
    /// Outputs and their tangents together. Ordinary primitives compute the outputs, then <see cref="Jvp"/>; one that carries programs does both in one go.
    /// </summary>
    /// <param name="primals">Operands.</param>
    /// <param name="tangents">Their tangents; null: zero.</param>
    /// <param name="parameters">Parameters.</param>
    /// <param name="linearize">True if the tangents are being recorded as a linear program: nothing that depends on the primals alone may enter what is
    /// applied to the tangents.</param>
    public virtual (Tensor[] Outputs, Tensor?[] Tangents) Differentiate(Tensor[] primals, Tensor?[] tangents, object? parameters, bool linearize)
    {
        Tensor[] outputs = Bind(parameters, primals);
        return (outputs, Jvp(primals, tangents, outputs, parameters));
    }

    /// <summary>
    /// Outputs for a whole batch, with the axis of the batch in each. <paramref name="axes"/> says where the batch lies in each input;
    /// null: the input is the same for all members. At least one is not null.
    /// </summary>
    public abstract (Tensor[] Outputs, int?[] Axes) Vmap(Tensor[] inputs, int?[] axes, int size, object? parameters);

    /// <summary>
    /// For a primitive that is linear in the inputs given as null: their cotangents, from those of the outputs (null: zero). Entries
    /// for the other inputs are ignored.
    /// </summary>
    public virtual Tensor?[] Transpose(Tensor?[] cotangents, Tensor?[] inputs, Aval[] avals, object? parameters) =>
        throw AutogradErrors.NotLinear(Name);

    /// <summary>Inputs on which the contract tests run this primitive: shapes, layouts are added by the tests.</summary>
    public abstract IEnumerable<Sample> Samples(SampleSource source);

    /// <summary>Wrong inputs, each with the code of the error that they must raise.</summary>
    public virtual IEnumerable<ErrorSample> ErrorSamples(SampleSource source) => [];

    /// <summary>How parameters are printed in the IR, without brackets; empty for none.</summary>
    public virtual string Print(object? parameters) => parameters?.ToString() ?? "";

    /// <summary>Applies the primitive: evaluates at once, or hands it to the innermost transformation that one of the inputs belongs to.</summary>
    public Tensor[] Bind(object? parameters, params Tensor[] inputs)
    {
        Trace? top = null;
        foreach (Tensor input in inputs)
            if (input is Tracer tracer && (top is null || tracer.Trace.Level > top.Level)) top = tracer.Trace;
        if (top is null) return Evaluation.Run(this, inputs, parameters);
        if (top.Ended) throw AutogradErrors.LeakedTracer(Name, top.Name, inputs.OfType<Tracer>().First(t => t.Trace == top).Source);
        return top.Process(this, inputs, parameters);
    }

    /// <summary><see cref="Bind"/> for a primitive with one output.</summary>
    public Tensor BindOne(object? parameters, params Tensor[] inputs) => Bind(parameters, inputs)[0];

    /// <inheritdoc/>
    public override string ToString() => Name;
}
