namespace Nabla.Autograd;

/// <summary>What batching rules share: bringing batch axes together.</summary>
internal static class Batching
{
    /// <summary>
    /// Brings the batch of every input to axis 0; an input without one is repeated along a new axis, without copying.
    /// </summary>
    public static Tensor[] AlignFront(Tensor[] inputs, int?[] axes, int size)
    {
        var aligned = new Tensor[inputs.Length];
        for (int i = 0; i < inputs.Length; i++) aligned[i] = ToFront(inputs[i], axes[i], size);
        return aligned;
    }

    /// <summary>The input with its batch on axis 0.</summary>
    public static Tensor ToFront(Tensor input, int? axis, int size) => axis is { } at ? input.MoveAxis(at, 0) : Repeat(input, 0, size);

    /// <summary>The input with a new axis of the given size at <paramref name="axis"/>, along which it repeats.</summary>
    public static Tensor Repeat(Tensor input, int axis, int size)
    {
        Axes map = [.. Enumerable.Range(0, input.Rank + 1).Where(i => i != axis)];
        return input.BroadcastInDim(input.Shape.Insert(axis, size), map);
    }

    /// <summary>
    /// For operations element by element on equal shapes: puts every batch on the axis of the first batched input; returns it.
    /// </summary>
    public static (Tensor[] Inputs, int Axis) AlignElementwise(Tensor[] inputs, int?[] axes, int size)
    {
        int axis = axes.First(a => a is not null)!.Value;
        var aligned = new Tensor[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
            aligned[i] = axes[i] is { } at ? inputs[i].MoveAxis(at, axis) : Repeat(inputs[i], axis, size);
        return (aligned, axis);
    }
}
