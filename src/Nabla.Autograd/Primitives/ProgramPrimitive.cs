using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>What primitives that carry programs share.</summary>
public abstract class ProgramPrimitive(string name) : Primitive(name)
{
    /// <inheritdoc/>
    public sealed override Tolerance Tolerance => Tolerance.Norm(64);

    /// <inheritdoc/>
    public sealed override Tensor?[] Jvp(Tensor[] primals, Tensor?[] tangents, Tensor[] outputs, object? parameters) =>
        Differentiate(primals, tangents, parameters, linearize: false).Tangents;

    /// <inheritdoc/>
    public abstract override (Tensor[] Outputs, Tensor?[] Tangents) Differentiate(Tensor[] primals, Tensor?[] tangents, object? parameters, bool linearize);

    /// <summary>Refuses operands that do not have the types that the program expects.</summary>
    private protected void Require(ReadOnlySpan<Aval> inputs, ReadOnlySpan<Aval> expected)
    {
        if (inputs.SequenceEqual(expected)) return;
        int i = 0;
        while (i < Math.Min(inputs.Length, expected.Length) && inputs[i] == expected[i]) i++;
        throw AutogradErrors.SubprogramOperand(Name, i, i < expected.Length ? expected[i] : null, i < inputs.Length ? inputs[i] : null);
    }

    /// <summary>The operand itself if its elements lie densely, else a dense copy.</summary>
    private protected static DenseTensor Contiguous(DenseTensor x)
    {
        if (x.IsContiguous) return x;
        DenseTensor copy = DenseTensor.Allocate(x.Aval, x.Device);
        Move.Copy(x, copy);
        return copy;
    }

    // Marks what the body turned on; true if anything is new.
    private protected static bool Grow(Span<bool> carry, bool[] found)
    {
        bool grew = false;
        for (int i = 0; i < carry.Length; i++)
        {
            grew |= found[i] && !carry[i];
            carry[i] |= found[i];
        }
        return grew;
    }

    private protected static bool[] Some(Tensor?[] tangents) => Array.ConvertAll(tangents, t => t is not null);

    private protected static Tensor[] Present(IEnumerable<Tensor?> tensors) => [.. tensors.Where(t => t is not null).Select(t => t!)];
}

/// <summary>A program as one operation: computed by the program, and different from it only under transformations.</summary>
public abstract class ProgramCallPrimitive(string name) : ProgramPrimitive(name)
{
    /// <summary>The program.</summary>
    protected abstract Subprogram BodyOf(object? parameters);

    /// <inheritdoc/>
    public sealed override string Print(object? parameters) => $"body={BodyOf(parameters)}";

    /// <inheritdoc/>
    public sealed override Aval[] AbstractEval(ReadOnlySpan<Aval> inputs, object? parameters)
    {
        Subprogram body = BodyOf(parameters);
        Require(inputs, body.Inputs);
        return body.Outputs;
    }

    /// <inheritdoc/>
    public sealed override void Evaluate(ReadOnlySpan<DenseTensor> inputs, ReadOnlySpan<DenseTensor> outputs, object? parameters) =>
        BodyOf(parameters).Run(inputs, outputs);

    /// <inheritdoc/>
    public sealed override void Reference(ReadOnlySpan<ReferenceArray> inputs, ReadOnlySpan<ReferenceArray> outputs, object? parameters) =>
        BodyOf(parameters).Reference(inputs, outputs);
}
