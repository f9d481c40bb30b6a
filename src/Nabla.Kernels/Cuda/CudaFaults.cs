namespace Nabla.Kernels.Cuda;

/// <summary>
/// Fault words of the work of one graph. The graph does not clear them: the host looks at them when it waits for the device after a launch, so that the faults of all launches until then meet in them.
/// </summary>
internal sealed class CudaFaults(CudaRecording recording, CudaDevice device) : IRecordedFaults
{
    private const int Most = 256;

    private readonly List<(int First, int Count, Func<int[], Exception> Cause)> _checks = [];
    // Null until the first words are asked for.
    private DenseTensor? _board;
    private int _used;

    /// <summary>Whether there is something to look at.</summary>
    public bool Any => _checks.Count > 0;

    /// <inheritdoc/>
    public DenseTensor? Words(int count)
    {
        if (_used + count > Most) return null;
        if (_board is null)
        {
            _board = DenseTensor.Allocate(new Aval(DType.I32, [Most]), device);
            recording.Aside(Clear);
        }
        _used += count;
        return _board.View(new Layout([count], [1], _used - count));
    }

    /// <inheritdoc/>
    public bool Check(DenseTensor words, Func<int[], Exception> cause)
    {
        if (words.Buffer != _board?.Buffer) return false;
        _checks.Add(((int)words.Layout.Offset, (int)words.Count, cause));
        return true;
    }

    /// <summary>Waits for what is queued, and throws the first error of it.</summary>
    public void Look()
    {
        if (!Any) return;
        int[] words = _board!.CopyToArray<int>();
        foreach ((int first, int count, Func<int[], Exception> cause) in _checks)
        {
            int[] found = words[first..(first + count)];
            if (found.All(word => word == int.MaxValue)) continue;
            Clear();
            throw cause(found);
        }
    }

    private void Clear() => _board!.Write<int>([.. Enumerable.Repeat(int.MaxValue, Most)]);
}
