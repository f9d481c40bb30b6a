namespace Nabla;

/// <summary>
/// A range of device memory, 64-byte aligned, shared by all tensors that view it. Nobody disposes it: when the last tensor is
/// unreachable, the block that it lies in goes back to the pool of its device.
/// </summary>
/// <remarks>
/// Code that works on <see cref="Address"/> must keep a tensor that owns the buffer reachable until it is done
/// (<see cref="GC.KeepAlive(object)"/>); evaluation does so in one place for all kernels.
/// </remarks>
public sealed class Buffer
{
    // Keeps the memory alive: the block it was taken from, or the owner of a window.
    private readonly object _owner;

    private Buffer(Device device, nint address, long bytes, object owner)
    {
        Device = device;
        Address = address;
        Bytes = bytes;
        _owner = owner;
    }

    /// <summary>Bytes in blocks that have been handed out and not yet returned, over all devices.</summary>
    public static long LiveBytes => BufferPool.LiveBytes;

    /// <summary>The device whose memory this is.</summary>
    public Device Device { get; }

    /// <summary>Size in bytes.</summary>
    public long Bytes { get; }

    /// <summary>Address of the first byte: a host address on CPU devices.</summary>
    internal nint Address { get; private set; }

    /// <summary>Takes <paramref name="bytes"/> bytes from the pool of the device; their content is undefined.</summary>
    /// <exception cref="DeviceException">NB0302: the device does not have that much memory.</exception>
    public static Buffer Allocate(Device device, long bytes) => Allocate(device, bytes, aval: null);

    /// <summary>The same for a tensor, which the error then names.</summary>
    internal static Buffer Allocate(Device device, long bytes, Aval? aval)
    {
        if (bytes <= MemoryBlock.LargestShare && device.IsHost)
        {
            MemoryBlock shared = MemoryBlock.Share(device, bytes, out nint address);
            return new Buffer(device, address, bytes, shared);
        }
        var block = new MemoryBlock(device, bytes, aval);
        return new Buffer(device, block.Address, bytes, block);
    }

    /// <summary>
    /// A buffer that does not own its memory: a window into <paramref name="owner"/>, which it keeps alive. Compiled programs
    /// point such windows at their arena and, at each run, at the caller's tensors.
    /// </summary>
    internal static Buffer Window(Device device, nint address, long bytes, object owner) => new(device, address, bytes, owner);

    /// <summary>Points a window at other memory; the caller keeps that memory alive while it is used.</summary>
    internal void Retarget(nint address)
    {
        if (_owner is MemoryBlock) throw new InvalidOperationException("Only a window can be pointed elsewhere.");
        Address = address;
    }
}
