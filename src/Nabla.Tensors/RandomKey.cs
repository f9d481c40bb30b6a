namespace Nabla;

/// <summary>
/// The only source of randomness: the same key gives the same bits on every device, for any thread count and any
/// longer draw. A key is never used up; derive new ones with <c>Split</c> and <c>FoldIn</c>.
/// </summary>
/// <remarks>
/// It wraps a tensor <c>i32[..., 2]</c>, so that keys pass through transformations like any other data: a leading axis is a batch
/// of keys, and each key draws its own stream.
/// </remarks>
public readonly record struct RandomKey(Tensor Words)
{
    /// <summary>The key of a seed: its low 32 bits are the first word.</summary>
    public RandomKey(ulong seed) : this(Tensor.From<int>([(int)(uint)seed, (int)(uint)(seed >> 32)]))
    {
    }
}
