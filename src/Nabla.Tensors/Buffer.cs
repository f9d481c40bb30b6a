namespace Nabla;

/// <summary>
/// A block of device memory, 64-byte aligned, shared by all tensors that view it. Nobody disposes it: when the last
/// tensor is unreachable, its finalizer returns the block to the pool of its device.
/// </summary>
/// <remarks>
/// Code that works on <see cref="Address"/> must keep a tensor that owns the buffer reachable until it is done
/// (<see cref="GC.KeepAlive(object)"/>); evaluation does so in one place for all kernels.
/// </remarks>
public sealed class Buffer
{
    private readonly object? _owner;

    private Buffer(Device device, nint address, long bytes, object? owner)
    {
        Device = device;
        Address = address;
        Bytes = bytes;
        _owner = owner;
    }

    /// <summary>Bytes in buffers that have been handed out and not yet returned, over all devices.</summary>
    public static long LiveBytes => BufferPool.LiveBytes;

    /// <summary>The device whose memory this is.</summary>
    public Device Device { get; }

    /// <summary>Size in bytes.</summary>
    public long Bytes { get; }

    /// <summary>Address of the first byte: a host address on CPU devices.</summary>
    internal nint Address { get; private set; }

    /// <summary>Takes a block of at least <paramref name="bytes"/> bytes from the pool; its content is undefined.</summary>
    /// <exception cref="DeviceException">NB0302: the device does not have that much memory.</exception>
    public static Buffer Allocate(Device device, long bytes) =>
        new(device, BufferPool.Rent(device, bytes), bytes, owner: null);

    /// <summary>
    /// A buffer that does not own its memory: a window into <paramref name="owner"/>, which it keeps alive. Compiled programs
    /// point such windows at their arena and, at each run, at the caller's tensors.
    /// </summary>
    internal static Buffer Window(Device device, nint address, long bytes, object owner)
    {
        var window = new Buffer(device, address, bytes, owner);
        GC.SuppressFinalize(window);
        return window;
    }

    /// <summary>Points a window at other memory; the caller keeps that memory alive while it is used.</summary>
    internal void Retarget(nint address)
    {
        if (_owner is null) throw new InvalidOperationException("Only a window can be pointed elsewhere.");
        Address = address;
    }

    /// <summary>Returns the memory to its pool.</summary>
    ~Buffer()
    {
        if (_owner is null && Address != 0) BufferPool.Return(Device, Address, Bytes);
    }
}
