namespace Nabla.Kernels.Cuda;

/// <summary>
/// Page-locked host memory through which bytes go to and from the device: only such memory can be copied while the host goes on. A few segments take turns; an event says when
/// the device is done with one.
/// </summary>
internal sealed unsafe class CudaStaging
{
    private const int Segments = 4, SegmentBytes = 1 << 20, Alignment = 64;

    private readonly CudaQueue _queue;
    private readonly byte* _memory;
    private readonly nint[] _events = new nint[Segments];
    private int _segment, _used;

    /// <summary>Takes the memory.</summary>
    public CudaStaging(CudaQueue queue)
    {
        _queue = queue;
        void* memory;
        queue.Check(Cu.cuMemHostAlloc(&memory, Segments * SegmentBytes, 0), "cuMemHostAlloc");
        _memory = (byte*)memory;
        for (int i = 0; i < Segments; i++)
        {
            nint happening;
            queue.Check(Cu.cuEventCreate(&happening, Cu.EventDisableTiming), "cuEventCreate");
            _events[i] = happening;
        }
    }

    /// <summary>Room for at most so many bytes that the device does not use; waits if it is still busy with all. What is queued next may read it.</summary>
    public Span<byte> Room(int bytes)
    {
        if (_used == SegmentBytes)
        {
            _queue.Check(Cu.cuEventRecord(_events[_segment], _queue.Stream), "cuEventRecord");
            Turn();
        }
        int start = _used, count = Math.Min(bytes, SegmentBytes - start);
        _used = Math.Min(SegmentBytes, (start + count + Alignment - 1) & -Alignment);
        return new Span<byte>(_memory + (long)_segment * SegmentBytes + start, count);
    }

    /// <summary>The next whole segment, cut to at most so many bytes, and the event to record behind what fills it.</summary>
    public Span<byte> Segment(int bytes, out nint filled)
    {
        Turn();
        filled = _events[_segment];
        return new Span<byte>(_memory + (long)_segment * SegmentBytes, Math.Min(bytes, SegmentBytes));
    }

    // An event that was never recorded has happened.
    private void Turn()
    {
        _segment = (_segment + 1) % Segments;
        _used = 0;
        _queue.Check(Cu.cuEventSynchronize(_events[_segment]), "cuEventSynchronize");
    }
}
