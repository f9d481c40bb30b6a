using System.Numerics;

namespace Nabla;

/// <summary>
/// The memory of one device: keeps returned blocks by size class, so that eager code does not go to the operating system for every
/// result, and makes the garbage collector look for unreachable tensors when enough bytes have been handed out since it
/// last did: the collector itself sees only the small managed handles.
/// </summary>
internal sealed class BufferPool(Device device)
{
    private const long Alignment = 64;
    private const long CollectEvery = 64L << 20;
    private const long SmallestCeiling = 256L << 20;

    private static long _allLive;
    private static long _sinceCollection;
    private static long _ceiling = SmallestCeiling;

    private readonly Lock _gate = new();
    private readonly Dictionary<long, Stack<nint>> _free = [];
    private long _live;
    private long _cached;

    /// <summary>Bytes handed out and not returned, over all devices.</summary>
    public static long LiveBytes => Interlocked.Read(ref _allLive);

    /// <summary>Bytes of this device held for reuse.</summary>
    public long CachedBytes => Interlocked.Read(ref _cached);

    /// <summary>Takes a block of at least <paramref name="bytes"/> bytes; <paramref name="aval"/> is what it is for.</summary>
    public nint Rent(long bytes, Aval? aval = null)
    {
        if (bytes > device.MemoryBytes) throw TensorErrors.OutOfMemory(device, bytes, LiveBytes, aval);
        long size = SizeClass(bytes);
        long due = Math.Max(CollectEvery, LiveBytes / 8);
        if (Interlocked.Add(ref _sinceCollection, size) >= due && Interlocked.Exchange(ref _sinceCollection, 0) >= due) Collect();
        if (!TryTake(size, out nint address) && !TryAllocate(size, out address))
        {
            CollectAll();
            Trim();
            if (!TryAllocate(size, out address)) throw TensorErrors.OutOfMemory(device, bytes, LiveBytes, aval);
        }
        Interlocked.Add(ref _live, size);
        Interlocked.Add(ref _allLive, size);
        return address;
    }

    /// <summary>Takes back a block of <paramref name="bytes"/> bytes, as asked of <see cref="Rent"/>.</summary>
    public void Return(nint address, long bytes)
    {
        long size = SizeClass(bytes);
        long live = Interlocked.Add(ref _live, -size);
        Interlocked.Add(ref _allLive, -size);
        lock (_gate)
        {
            if (_cached + size <= CacheLimit(live))
            {
                if (!_free.TryGetValue(size, out Stack<nint>? stack)) _free[size] = stack = new Stack<nint>();
                stack.Push(address);
                _cached += size;
                return;
            }
        }
        Release(address, size);
    }

    /// <summary>Gives all cached blocks back to the device.</summary>
    public void Trim()
    {
        lock (_gate)
        {
            foreach ((long size, Stack<nint> stack) in _free)
                while (stack.TryPop(out nint address))
                    Release(address, size);
            _cached = 0;
        }
    }

    /// <summary>Finds every unreachable tensor now.</summary>
    public static void CollectAll()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    // What may be cached: enough for the temporaries of small programs, at most half of what a large one uses.
    private static long CacheLimit(long live) => Math.Max(SmallestCeiling, live / 2);

    private bool TryTake(long size, out nint address)
    {
        address = 0;
        lock (_gate)
        {
            if (!_free.TryGetValue(size, out Stack<nint>? stack) || !stack.TryPop(out address)) return false;
            _cached -= size;
        }
        return true;
    }

    private bool TryAllocate(long size, out nint address)
    {
        address = 0;
        long live = Interlocked.Read(ref _live), cached = CachedBytes;
        // Blocks cached for sizes that are no longer asked for must not add to what is in use now.
        if (cached > CacheLimit(live) || (cached > 0 && size > device.MemoryBytes - live - cached)) Trim();
        if (size > device.MemoryBytes - live) return false;
        try
        {
            address = device.AllocateMemory(size);
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
        GC.AddMemoryPressure(size);
        return true;
    }

    private void Release(nint address, long size)
    {
        device.FreeMemory(address, size);
        GC.RemoveMemoryPressure(size);
    }

    // A young collection finds the temporaries of the last steps; a full one is worth its price only when memory in use has
    // doubled since the last full one.
    private static void Collect()
    {
        if (LiveBytes < CollectEvery) return;
        GC.Collect(1, GCCollectionMode.Forced, blocking: true);
        GC.WaitForPendingFinalizers();
        if (LiveBytes <= Interlocked.Read(ref _ceiling)) return;
        CollectAll();
        Interlocked.Exchange(ref _ceiling, Math.Max(SmallestCeiling, 2 * LiveBytes));
    }

    // Multiples of 64 bytes up to 1 KiB, then four classes per power of two: at most a quarter is added.
    private static long SizeClass(long bytes)
    {
        long step = bytes > 1024 ? (long)(BitOperations.RoundUpToPowerOf2((ulong)bytes) / 8) : Alignment;
        return Math.Max(Alignment, (bytes + step - 1) / step * step);
    }
}
