namespace Nabla;

/// <summary>
/// An abstract value: what is known of a tensor without its elements. Prints as <c>f32[32,10]</c>, the form used in
/// IR text and in every error message.
/// </summary>
public readonly record struct Aval(DType DType, Shape Shape)
{
    /// <summary>Bytes that the elements take densely, or <see cref="long.MaxValue"/> if that is less.</summary>
    internal long Bytes => Math.BigMul(Shape.Count, DType.Size, out long bytes) == 0 && bytes >= 0 ? bytes : long.MaxValue;

    /// <summary>The abstract value as <c>dtype[shape]</c>.</summary>
    public override string ToString() => DType.Name + Shape;
}
