namespace Nabla.Kernels.Cuda;

/// <summary>
/// An opened GPU: its primary context, which it shares with every other user of CUDA in this process, one stream, and its memory. Everything returns as soon as
/// the work is queued, except <see cref="Read"/> and <see cref="Finish"/>.
/// </summary>
internal sealed unsafe class CudaQueue
{
    private readonly CudaDevice _owner;
    private readonly nint _context;
    private readonly CudaStaging _uploads, _downloads;
    private readonly Lock _uploadGate = new(), _downloadGate = new(), _watchGate = new();
    private readonly HashSet<CudaFaults> _watched = [];
    // 0: memory is taken from the device one block at a time.
    private readonly nint _pool;

    /// <summary>Opens a device.</summary>
    public CudaQueue(CudaDevice owner, CudaInfo info)
    {
        _owner = owner;
        nint context, stream, pool = 0;
        Check(Cu.cuDevicePrimaryCtxRetain(&context, info.Device), "cuDevicePrimaryCtxRetain");
        _context = context;
        Enter();
        // It does not wait for the default stream, which belongs to others.
        Check(Cu.cuStreamCreate(&stream, Cu.StreamNonBlocking), "cuStreamCreate");
        Stream = stream;
        if (info.HasPools)
        {
            Check(Cu.cuDeviceGetDefaultMemPool(&pool, info.Device), "cuDeviceGetDefaultMemPool");
            // What is given back stays with the process up to this, so that it need not be mapped again.
            ulong kept = (ulong)info.MemoryBytes / 8;
            Check(Cu.cuMemPoolSetAttribute(pool, Cu.MemPoolReleaseThreshold, &kept), "cuMemPoolSetAttribute");
        }
        _pool = pool;
        (_uploads, _downloads) = (new CudaStaging(this), new CudaStaging(this));
    }

    /// <summary>The device.</summary>
    public CudaDevice Owner => _owner;

    /// <summary>The primary context.</summary>
    public nint Context => _context;

    /// <summary>The stream: work runs in the order in which it is queued.</summary>
    public nint Stream { get; }

    /// <summary>
    /// Makes the context that of the calling thread, where it stays: every function of the driver that touches the device needs it. Other users of CUDA do the same before they call.
    /// </summary>
    public void Enter()
    {
        nint current;
        Check(Cu.cuCtxGetCurrent(&current), "cuCtxGetCurrent");
        if (current != _context) Check(Cu.cuCtxSetCurrent(_context), "cuCtxSetCurrent");
    }

    /// <summary>The same for finalizers: false if the driver is gone.</summary>
    public bool TryEnter() => Cu.cuCtxSetCurrent(_context) == CuResult.CUDA_SUCCESS;

    /// <summary>Takes a block from the device, 256-byte aligned.</summary>
    /// <exception cref="OutOfMemoryException">The device has none of this size.</exception>
    public nint Allocate(long bytes)
    {
        Enter();
        CuResult result = TryAllocate(bytes, out nint address);
        if (result == CuResult.CUDA_ERROR_OUT_OF_MEMORY && _pool != 0)
        {
            // What was given back is free only when the work before it is done, and a pool may hold it in pieces.
            Wait();
            Cu.cuMemPoolTrimTo(_pool, 0);
            result = TryAllocate(bytes, out address);
        }
        if (result == CuResult.CUDA_ERROR_OUT_OF_MEMORY) throw new OutOfMemoryException($"{CudaErrors.Text(result)} on {_owner}: {bytes:N0} bytes");
        Check(result, _pool != 0 ? "cuMemAllocAsync" : "cuMemAlloc");
        return address;
    }

    /// <summary>Gives a block back once the work that is queued is done. Called by finalizers: an error shows at the next call that may throw.</summary>
    public void Free(nint address)
    {
        if (address == 0 || !TryEnter()) return;
        if (_pool != 0)
        {
            Cu.cuMemFreeAsync(address, Stream);
            return;
        }
        Cu.cuStreamSynchronize(Stream);
        Cu.cuMemFree_v2(address);
    }

    /// <summary>Copies host bytes to an address; returns when the source may be reused.</summary>
    public void Write(ReadOnlySpan<byte> source, nint target)
    {
        CudaRecording.OfThread?.Refuse();
        Enter();
        lock (_uploadGate)
            while (source.Length > 0)
            {
                Span<byte> room = _uploads.Room(source.Length);
                source[..room.Length].CopyTo(room);
                fixed (byte* from = room) Check(Cu.cuMemcpyHtoDAsync_v2(target, from, (nuint)room.Length, Stream), "cuMemcpyHtoDAsync");
                source = source[room.Length..];
                target += room.Length;
            }
    }

    /// <summary>Copies what lies at an address to the host, after all that was queued before.</summary>
    public void Read(nint source, Span<byte> target)
    {
        CudaRecording.OfThread?.Refuse();
        Enter();
        lock (_downloadGate)
        {
            // While one piece is copied out of the staging memory, the next one comes in.
            Span<byte> arrived = default;
            nint done = 0;
            for (Span<byte> rest = target; rest.Length > 0 || arrived.Length > 0;)
            {
                Span<byte> next = default;
                nint coming = 0;
                if (rest.Length > 0)
                {
                    next = _downloads.Segment(rest.Length, out coming);
                    fixed (byte* to = next) Check(Cu.cuMemcpyDtoHAsync_v2(to, source, (nuint)next.Length, Stream), "cuMemcpyDtoHAsync");
                    Check(Cu.cuEventRecord(coming, Stream), "cuEventRecord");
                    source += next.Length;
                    rest = rest[next.Length..];
                }
                if (arrived.Length > 0)
                {
                    Check(Cu.cuEventSynchronize(done), "cuEventSynchronize");
                    arrived.CopyTo(target);
                    target = target[arrived.Length..];
                }
                arrived = next;
                done = coming;
            }
        }
        LookForFaults();
    }

    /// <summary>Copies within the device.</summary>
    public void Copy(nint source, nint target, long bytes)
    {
        Enter();
        Check(Cu.cuMemcpyDtoDAsync_v2(target, source, (nuint)bytes, Stream), "cuMemcpyDtoDAsync");
        CudaRecording.OfThread?.AddCopy(this, source, target, bytes);
    }

    /// <summary>Waits until all that was queued is done, and throws the errors of graphs.</summary>
    public void Finish()
    {
        Wait();
        LookForFaults();
    }

    /// <summary>A graph with these faults was launched: the next call that waits looks at them.</summary>
    public void Watch(CudaFaults faults)
    {
        lock (_watchGate) _watched.Add(faults);
    }

    /// <summary>Throws if a call has failed.</summary>
    public void Check(CuResult result, string call)
    {
        if (result != CuResult.CUDA_SUCCESS) throw CudaErrors.Of(_owner, call, result);
    }

    private void Wait()
    {
        Enter();
        Check(Cu.cuStreamSynchronize(Stream), "cuStreamSynchronize");
    }

    // To look is to read: each is taken out first.
    private void LookForFaults()
    {
        while (TakeWatched() is { } faults) faults.Look();
    }

    private CudaFaults? TakeWatched()
    {
        lock (_watchGate)
        {
            CudaFaults? first = _watched.FirstOrDefault();
            if (first is not null) _watched.Remove(first);
            return first;
        }
    }

    private CuResult TryAllocate(long bytes, out nint address)
    {
        nint taken = 0;
        CuResult result = _pool != 0 ? Cu.cuMemAllocAsync(&taken, (nuint)bytes, Stream) : Cu.cuMemAlloc_v2(&taken, (nuint)bytes);
        address = taken;
        return result;
    }
}
