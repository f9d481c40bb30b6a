namespace Nabla;

/// <summary>
/// A block of memory from the pool, returned by its finalizer once no buffer refers to it. Large buffers have a block of
/// their own; buffers of at most <see cref="LargestShare"/> bytes share one.
/// </summary>
/// <remarks>
/// A finalizer costs some hundred nanoseconds, more than the arithmetic on a small tensor, so small buffers pay for one
/// together. A block stays as long as one of its shares is in use: that wastes at most <see cref="SharedBytes"/> per share.
/// </remarks>
internal sealed class MemoryBlock
{
    /// <summary>Bytes of a block that small buffers share.</summary>
    public const int SharedBytes = 1024;

    /// <summary>The largest buffer, in bytes, that shares a block.</summary>
    public const int LargestShare = 256;

    // The block from which this thread takes shares; weak, so that an idle thread keeps no memory.
    [ThreadStatic]
    private static WeakReference<MemoryBlock>? _current;

    [ThreadStatic]
    private static List<MemoryBlock>? _kept;

    private readonly Device _device;
    private readonly long _bytes;
    private int _used;

    /// <summary>Takes a block of at least <paramref name="bytes"/> bytes.</summary>
    /// <exception cref="DeviceException">NB0302: the device does not have that much memory; names the tensor, if one is given.</exception>
    public MemoryBlock(Device device, long bytes, Aval? aval = null)
    {
        _device = device;
        _bytes = bytes;
        Address = device.Pool.Rent(bytes, aval);
        _kept?.Add(this);
    }

    /// <summary>
    /// Where this thread puts every block that it makes, so that it is not returned; null: nowhere. A device that keeps launches keeps the memory of their temporaries too.
    /// </summary>
    public static List<MemoryBlock>? Kept
    {
        get => _kept;
        set => _kept = value;
    }

    /// <summary>Address of the first byte.</summary>
    public nint Address { get; private set; }

    /// <summary>Takes a 64-byte aligned share of this thread's current block.</summary>
    public static MemoryBlock Share(Device device, long bytes, out nint address)
    {
        int size = (int)Math.Max(64, (bytes + 63) & ~63L);
        WeakReference<MemoryBlock> current = _current ??= new WeakReference<MemoryBlock>(null!);
        if (!current.TryGetTarget(out MemoryBlock? block) || block._used + size > SharedBytes || block._device != device)
            current.SetTarget(block = new MemoryBlock(device, SharedBytes));
        address = block.Address + block._used;
        block._used += size;
        return block;
    }

    /// <summary>Returns the memory to its pool.</summary>
    ~MemoryBlock()
    {
        // 0 when the constructor threw: there is nothing to return.
        if (Address != 0) _device.Pool.Return(Address, _bytes);
    }
}
