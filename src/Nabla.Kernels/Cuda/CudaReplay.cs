namespace Nabla.Kernels.Cuda;

/// <summary>
/// The graphs of one program, by the memory that it ran with. A program that trains uses two sets of tensors in turn, so it has two. Memory that is seen once only, as that of results that are
/// new in each run, is not worth a graph: a graph is made when the same memory comes for the second time, by which time the kernels are compiled.
/// </summary>
internal sealed class CudaReplay(CudaQueue queue) : LaunchReplay
{
    private const int MostGraphs = 8, Remembered = 16;

    // The graph used last is the first.
    private readonly List<(nint[] Memory, CudaGraph Graph)> _graphs = [];
    private readonly nint[]?[] _seen = new nint[]?[Remembered];
    private int _next;
    private bool _isRefused;

    /// <summary>False if the environment asks for launches one by one.</summary>
    public static bool IsOn { get; } = Environment.GetEnvironmentVariable("NABLA_GRAPHS") != "0";

    /// <inheritdoc/>
    public override void Run(ReadOnlySpan<nint> memory, Action work)
    {
        if (_isRefused || CudaRecording.OfThread is not null) work();
        else if (Find(memory) is { } graph) graph.Launch();
        else if (IsKnown(memory)) Record(memory.ToArray(), work);
        else work();
    }

    private CudaGraph? Find(ReadOnlySpan<nint> memory)
    {
        for (int i = 0; i < _graphs.Count; i++)
        {
            (nint[] Memory, CudaGraph Graph) found = _graphs[i];
            if (!memory.SequenceEqual(found.Memory)) continue;
            if (i > 0)
            {
                _graphs.RemoveAt(i);
                _graphs.Insert(0, found);
            }
            return found.Graph;
        }
        return null;
    }

    // True the second time.
    private bool IsKnown(ReadOnlySpan<nint> memory)
    {
        foreach (nint[]? seen in _seen)
            if (seen is not null && memory.SequenceEqual(seen)) return true;
        nint[] place = _seen[_next] ??= new nint[memory.Length];
        memory.CopyTo(place);
        _next = (_next + 1) % Remembered;
        return false;
    }

    private void Record(nint[] memory, Action work)
    {
        using var recording = new CudaRecording(queue);
        work();
        CudaGraph? recorded = recording.Finish();
        // The work has been done as well.
        recording.Faults.Look();
        if (recorded is not { } graph)
        {
            _isRefused = true;
            return;
        }
        if (_graphs.Count == MostGraphs) _graphs.RemoveAt(MostGraphs - 1);
        _graphs.Insert(0, (memory, graph));
    }
}
