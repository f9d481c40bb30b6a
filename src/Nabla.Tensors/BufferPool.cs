namespace Nabla;

/// <summary>
/// Keeps returned blocks by size class, so that eager code does not go to the operating system for every result, and makes the
/// garbage collector look for unreachable tensors when enough bytes have been handed out since it last did: the
/// collector itself sees only the small managed handles.
/// </summary>
internal static class BufferPool
{
    private const long Alignment = 64;
    private const long CollectEvery = 64L << 20;
    private const long SmallestCeiling = 256L << 20;

    private static readonly Lock Gate = new();
    private static readonly Dictionary<(Device Device, long Size), Stack<nint>> Free = [];
    private static long _live;
    private static long _cached;
    private static long _sinceCollection;
    private static long _ceiling = SmallestCeiling;

    /// <summary>Bytes handed out and not returned.</summary>
    public static long LiveBytes => Interlocked.Read(ref _live);

    /// <summary>Bytes held for reuse.</summary>
    public static long CachedBytes => Interlocked.Read(ref _cached);

    public static nint Rent(Device device, long bytes)
    {
        long size = SizeClass(bytes);
        if (Interlocked.Add(ref _sinceCollection, size) >= CollectEvery) Collect();
        if (TryTake(device, size, out nint address)) return address;
        if (size > device.MemoryBytes - LiveBytes)
        {
            CollectAll();
            if (size > device.MemoryBytes - LiveBytes)
                throw TensorErrors.OutOfMemory(device, bytes, LiveBytes);
        }
        return AllocateFresh(device, size);
    }

    public static void Return(Device device, nint address, long bytes)
    {
        long size = SizeClass(bytes);
        Interlocked.Add(ref _live, -size);
        lock (Gate)
        {
            if (_cached + size <= Math.Max(SmallestCeiling, _live))
            {
                if (!Free.TryGetValue((device, size), out Stack<nint>? stack)) Free[(device, size)] = stack = new Stack<nint>();
                stack.Push(address);
                _cached += size;
                return;
            }
        }
        Release(device, address, size);
    }

    /// <summary>Gives all cached blocks back to their devices.</summary>
    public static void Trim()
    {
        lock (Gate)
        {
            foreach (((Device device, long size), Stack<nint> stack) in Free)
                while (stack.TryPop(out nint address))
                    Release(device, address, size);
            _cached = 0;
        }
    }

    /// <summary>Finds every unreachable tensor now, and trims the pool.</summary>
    public static void CollectAll()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Trim();
    }

    private static bool TryTake(Device device, long size, out nint address)
    {
        address = 0;
        lock (Gate)
        {
            if (!Free.TryGetValue((device, size), out Stack<nint>? stack) || !stack.TryPop(out address)) return false;
            _cached -= size;
        }
        Interlocked.Add(ref _live, size);
        return true;
    }

    private static nint AllocateFresh(Device device, long size)
    {
        nint address = device.AllocateMemory(size);
        GC.AddMemoryPressure(size);
        Interlocked.Add(ref _live, size);
        return address;
    }

    private static void Release(Device device, nint address, long size)
    {
        device.FreeMemory(address, size);
        GC.RemoveMemoryPressure(size);
    }

    // A young collection finds the temporaries of the last steps; a full one is worth its price only when memory in use has
    // doubled since the last full one.
    private static void Collect()
    {
        Interlocked.Exchange(ref _sinceCollection, 0);
        if (LiveBytes < CollectEvery) return;
        GC.Collect(1, GCCollectionMode.Forced, blocking: true);
        GC.WaitForPendingFinalizers();
        if (LiveBytes <= Interlocked.Read(ref _ceiling)) return;
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Interlocked.Exchange(ref _ceiling, Math.Max(SmallestCeiling, 2 * LiveBytes));
    }

    // Multiples of 64 bytes up to 1 KiB, then four classes per power of two: at most a quarter is wasted.
    private static long SizeClass(long bytes)
    {
        long step = Alignment;
        if (bytes > 1024) step = Math.Max(Alignment, (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)bytes) / 8);
        return Math.Max(Alignment, (bytes + step - 1) / step * step);
    }
}
