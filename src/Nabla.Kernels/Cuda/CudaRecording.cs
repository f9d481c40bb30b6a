namespace Nabla.Kernels.Cuda;

/// <summary>
/// What one thread queues on one device while it works, as a CUDA graph: a chain of launches and copies, each with its arguments. The work is done as well. It is refused, and no graph results, if something happened
/// that a graph does not repeat.
/// </summary>
internal sealed unsafe class CudaRecording : IDisposable
{
    private const int MostNodes = 4096;

    [ThreadStatic]
    private static CudaRecording? _ofThread;

    private readonly CudaQueue _queue;
    private readonly List<MemoryBlock> _blocks = [];
    private nint _graph, _last;
    private bool _isRefused;

    /// <summary>Starts on this thread; <see cref="Dispose"/> ends it.</summary>
    public CudaRecording(CudaQueue queue)
    {
        _queue = queue;
        Faults = new CudaFaults(this, queue.Owner);
        queue.Enter();
        nint graph;
        queue.Check(Cu.cuGraphCreate(&graph, 0), "cuGraphCreate");
        _graph = graph;
        MemoryBlock.Kept = _blocks;
        _ofThread = this;
    }

    /// <summary>The recording in progress on this thread.</summary>
    public static CudaRecording? OfThread => _ofThread;

    /// <summary>The device that it records.</summary>
    public CudaDevice Device => _queue.Owner;

    /// <summary>What the graph will find wrong.</summary>
    public CudaFaults Faults { get; }

    /// <summary>Launches and copies so far.</summary>
    public int Nodes { get; private set; }

    /// <summary>No graph: the host has read or sent something.</summary>
    public void Refuse() => _isRefused = true;

    /// <summary>Does something that is no part of the graph.</summary>
    public void Aside(Action work)
    {
        _ofThread = null;
        try
        {
            work();
        }
        finally
        {
            _ofThread = this;
        }
    }

    /// <summary>A launch that was queued.</summary>
    public void Add(CudaQueue queue, nint function, in LaunchSize size, void** parameters)
    {
        if (!Continues(queue)) return;
        var node = new Cu.KernelNodeParams
        {
            Function = function,
            GridX = (uint)size.GridX,
            GridY = (uint)size.GridY,
            GridZ = (uint)size.GridZ,
            BlockX = (uint)size.GroupX,
            BlockY = (uint)size.GroupY,
            BlockZ = (uint)size.GroupZ,
            Parameters = parameters,
        };
        nint before = _last, added;
        Added(Cu.cuGraphAddKernelNode_v2(&added, _graph, &before, before == 0 ? 0u : 1u, &node), added);
    }

    /// <summary>A copy that was queued.</summary>
    public void AddCopy(CudaQueue queue, nint source, nint target, long bytes)
    {
        if (!Continues(queue)) return;
        var copy = new Cu.Memcpy3D
        {
            SourceType = Cu.MemoryTypeDevice,
            SourceDevice = source,
            TargetType = Cu.MemoryTypeDevice,
            TargetDevice = target,
            Width = (nuint)bytes,
            Height = 1,
            Depth = 1,
        };
        nint before = _last, added;
        Added(Cu.cuGraphAddMemcpyNode(&added, _graph, &before, before == 0 ? 0u : 1u, &copy, _queue.Context), added);
    }

    /// <summary>The graph, ready to be launched; null if there is none.</summary>
    public CudaGraph? Finish()
    {
        nint executable;
        return !_isRefused && Nodes > 1 && Cu.cuGraphInstantiateWithFlags(&executable, _graph, 0) == CuResult.CUDA_SUCCESS
            ? new CudaGraph(_queue, executable, _blocks, Faults) : null;
    }

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        _ofThread = null;
        MemoryBlock.Kept = null;
        if (_graph != 0) Cu.cuGraphDestroy(_graph);
        _graph = 0;
    }

    private bool Continues(CudaQueue queue)
    {
        _isRefused |= queue != _queue || Nodes == MostNodes;
        return !_isRefused;
    }

    private void Added(CuResult result, nint node)
    {
        _isRefused |= result != CuResult.CUDA_SUCCESS;
        _last = node;
        Nodes++;
    }
}
