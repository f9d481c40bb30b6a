namespace Nabla.Kernels.Cuda;

/// <summary>A graph that can be launched, with the memory of its temporaries and its faults.</summary>
internal sealed class CudaGraph(CudaQueue queue, nint executable, List<MemoryBlock> blocks, CudaFaults faults)
{
    /// <summary>Queues all of it.</summary>
    public void Launch()
    {
        queue.Enter();
        queue.Check(Cu.cuGraphLaunch(executable, queue.Stream), "cuGraphLaunch");
        if (faults.Any) queue.Watch(faults);
        GC.KeepAlive(this);
    }

    /// <summary>The driver lets a launch that is under way end first; what follows in the stream is behind it, so the blocks may be used again.</summary>
    ~CudaGraph()
    {
        if (queue.TryEnter()) Cu.cuGraphExecDestroy(executable);
        blocks.Clear();
    }
}
