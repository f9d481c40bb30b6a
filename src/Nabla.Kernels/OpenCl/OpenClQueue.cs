using System.Runtime.InteropServices;

namespace Nabla.Kernels.OpenCl;

/// <summary>
/// An opened device: its context, one in-order queue, and its memory. Everything returns as soon as the work is queued, except <see cref="Read"/> and
/// <see cref="Finish"/>.
/// </summary>
internal sealed unsafe class OpenClQueue
{
    // Drivers may hold work back until they are flushed; and they keep every launch until it has run, so the host must not run ahead without end.
    private const int FlushEvery = 64, FenceEvery = 1024;

    // Small uploads are copied here, so that they need not wait for the work queued before them.
    private const int StagingBytes = 1 << 20, LargestStaged = 1 << 16;

    private readonly OpenClDevice _owner;
    private readonly bool _isProcessor;
    private readonly nint _queue;
    private readonly Lock _fenceGate = new(), _stagingGate = new();
    private readonly byte* _staging;
    private int _staged;
    private long _launches;
    private nint _fence;

    /// <summary>Opens a device.</summary>
    public OpenClQueue(OpenClDevice owner, OpenClInfo info)
    {
        (_owner, _isProcessor) = (owner, info.IsProcessor);
        nint device = info.Device;
        ClStatus status;
        Context = Cl.clCreateContext(null, 1, &device, null, null, &status);
        Check(status, "clCreateContext");
        _queue = Cl.clCreateCommandQueue(Context, device, 0, &status);
        Check(status, "clCreateCommandQueue");
        _staging = (byte*)NativeMemory.AlignedAlloc(StagingBytes, 64);
        Nothing = Allocate(64);
    }

    /// <summary>The context of programs and memory.</summary>
    public nint Context { get; }

    /// <summary>The memory objects.</summary>
    public OpenClMemory Memory { get; } = new();

    /// <summary>A small block for views of no elements, which have no address.</summary>
    public nint Nothing { get; }

    /// <summary>Kernels that were queued so far.</summary>
    public long Launches => Interlocked.Read(ref _launches);

    /// <summary>Takes a block from the device.</summary>
    /// <exception cref="OutOfMemoryException">The device has none of this size.</exception>
    public nint Allocate(long bytes)
    {
        ClStatus status;
        nint handle = Cl.clCreateBuffer(Context, Cl.MemReadWrite | (_isProcessor ? Cl.MemAllocHostPtr : 0), (nuint)bytes, null, &status);
        // Drivers put off taking memory until it is used, and PoCL ends the process when there is none by then. Host memory is taken at once; other
        // memory is asked for here, so that its lack is seen here.
        if (status == ClStatus.CL_SUCCESS && !_isProcessor)
        {
            status = Cl.clEnqueueMigrateMemObjects(_queue, 1, &handle, Cl.MigrateContentUndefined, 0, null, null);
            if (status != ClStatus.CL_SUCCESS) Cl.clReleaseMemObject(handle);
        }
        if (status is ClStatus.CL_MEM_OBJECT_ALLOCATION_FAILURE or ClStatus.CL_OUT_OF_RESOURCES or ClStatus.CL_OUT_OF_HOST_MEMORY or ClStatus.CL_INVALID_BUFFER_SIZE)
            throw new OutOfMemoryException($"{status} on {_owner}: {bytes:N0} bytes");
        Check(status, "clCreateBuffer");
        return Memory.Add(handle);
    }

    /// <summary>Gives a block back; the driver keeps it until queued work that uses it is done.</summary>
    public void Free(nint address)
    {
        nint handle = Memory.Remove(address);
        if (handle != 0) Cl.clReleaseMemObject(handle);
    }

    /// <summary>Queues a kernel whose arguments are set; the caller holds its lock.</summary>
    public ClStatus Launch(nint kernel, nuint* global, nuint* local)
    {
        long number = Interlocked.Increment(ref _launches);
        nint done = 0;
        bool isFence = number % FenceEvery == 0;
        ClStatus status = Cl.clEnqueueNDRangeKernel(_queue, kernel, 3, null, global, local, 0, null, isFence ? &done : null);
        if (status != ClStatus.CL_SUCCESS) return status;
        if (isFence) WaitForFenceBefore(done);
        else if (number % FlushEvery == 0) Cl.clFlush(_queue);
        return status;
    }

    /// <summary>Copies host bytes to an address; returns when the source may be reused.</summary>
    public void Write(ReadOnlySpan<byte> source, nint target)
    {
        fixed (byte* from = source)
        {
            if (source.Length > LargestStaged)
            {
                Write(from, source.Length, target, blocking: true);
                return;
            }
            lock (_stagingGate)
            {
                if (_staged + source.Length > StagingBytes)
                {
                    Finish();
                    _staged = 0;
                }
                source.CopyTo(new Span<byte>(_staging + _staged, source.Length));
                Write(_staging + _staged, source.Length, target, blocking: false);
                _staged += (source.Length + 63) & ~63;
            }
        }
    }

    /// <summary>Copies what lies at an address to the host, after all that was queued before.</summary>
    public void Read(nint source, Span<byte> target)
    {
        nint memory = Memory.Find(source, out long offset);
        fixed (byte* to = target)
            Check(Cl.clEnqueueReadBuffer(_queue, memory, 1, (nuint)offset, (nuint)target.Length, to, 0, null, null), "clEnqueueReadBuffer");
    }

    /// <summary>Copies within the device.</summary>
    public void Copy(nint source, nint target, long bytes)
    {
        nint from = Memory.Find(source, out long sourceOffset), to = Memory.Find(target, out long targetOffset);
        Check(Cl.clEnqueueCopyBuffer(_queue, from, to, (nuint)sourceOffset, (nuint)targetOffset, (nuint)bytes, 0, null, null), "clEnqueueCopyBuffer");
    }

    /// <summary>Waits until all that was queued is done.</summary>
    public void Finish() => Check(Cl.clFinish(_queue), "clFinish");

    private void Write(byte* source, int bytes, nint target, bool blocking)
    {
        nint memory = Memory.Find(target, out long offset);
        Check(Cl.clEnqueueWriteBuffer(_queue, memory, blocking ? 1u : 0u, (nuint)offset, (nuint)bytes, source, 0, null, null), "clEnqueueWriteBuffer");
    }

    // Waits for the fence before the newest one: between one and two stretches of launches are under way.
    private void WaitForFenceBefore(nint fence)
    {
        Cl.clFlush(_queue);
        lock (_fenceGate)
        {
            (nint before, _fence) = (_fence, fence);
            if (before == 0) return;
            ClStatus status = Cl.clWaitForEvents(1, &before);
            Cl.clReleaseEvent(before);
            Check(status, "clWaitForEvents");
        }
    }

    private void Check(ClStatus status, string call)
    {
        if (status != ClStatus.CL_SUCCESS) throw AcceleratorErrors.Failed(_owner, call, status.ToString());
    }
}
