using System.Runtime.InteropServices;

namespace Nabla.Kernels.Language;

/// <summary>
/// Runs a kernel on the host, group after group and work-item after work-item in one thread, so that a person can set a breakpoint in it. A kernel with barriers is run
/// as an iterator: every work-item of the group goes to its next barrier before any goes beyond it. A launch therefore has one order and one result.
/// </summary>
public static class Emulator
{
    [ThreadStatic]
    private static EmulatedGroup? _current;

    /// <summary>The group that this thread runs.</summary>
    internal static EmulatedGroup Current => _current ?? throw new NotSupportedException("Grid, Group and group memory exist only inside a kernel.");

    internal static ArrayView<T> View<T>(KernelArguments.Argument argument) where T : unmanaged => new(argument.Address, argument.Length);

    /// <summary>Runs a kernel without barriers.</summary>
    internal static void Run(string kernel, LaunchSize size, Action item) => ForEachGroup(kernel, size, group =>
    {
        while (group.NextItem()) item();
    });

    /// <summary>Runs a kernel with barriers, given as iterators that stop at each.</summary>
    internal static void RunItems(string kernel, LaunchSize size, Func<IEnumerator<bool>> start) => ForEachGroup(kernel, size, group =>
    {
        var items = new IEnumerator<bool>[size.GroupSize];
        for (int i = 0; i < items.Length; i++) items[i] = start();
        while (true)
        {
            int waiting = 0;
            group.Rewind();
            for (int i = 0; group.NextItem(); i++)
                if (items[i].MoveNext()) waiting++;
            if (waiting == 0) return;
            if (waiting < items.Length) throw KernelErrors.BarrierMissed(kernel, waiting, items.Length);
        }
    });

    internal static Exception OutOfRange(long index, long length) => KernelErrors.ViewIndex(_current?.Describe() ?? "outside a kernel", index, length);

    private static void ForEachGroup(string kernel, LaunchSize size, Action<EmulatedGroup> run)
    {
        EmulatedGroup? before = _current;
        using var group = new EmulatedGroup(kernel, size);
        _current = group;
        try
        {
            while (group.NextGroup()) run(group);
        }
        finally
        {
            _current = before;
        }
    }
}

/// <summary>The group that the emulator runs: where it is in the grid, which work-item runs, and its memory.</summary>
internal sealed unsafe class EmulatedGroup(string kernel, LaunchSize size) : IDisposable
{
    private const int ChunkBytes = 1 << 16;

    private readonly List<(nint Address, int Bytes)> _shared = [];
    private readonly List<nint> _chunks = [];
    private readonly int[] _nextShared = new int[size.GroupSize];
    private long _group = -1;
    private int _item = -1;
    private int _chunk, _used;

    public LaunchSize Size { get; } = size;

    public int GroupX { get; private set; }

    public int GroupY { get; private set; }

    public int GroupZ { get; private set; }

    public int ItemX { get; private set; }

    public int ItemY { get; private set; }

    public int ItemZ { get; private set; }

    /// <summary>Goes to the next group, whose memory is fresh; false after the last.</summary>
    public bool NextGroup()
    {
        if (++_group >= Size.Groups) return false;
        GroupX = (int)(_group % Size.GridX);
        GroupY = (int)(_group / Size.GridX % Size.GridY);
        GroupZ = (int)(_group / Size.GridX / Size.GridY);
        (_chunk, _used) = (0, 0);
        _shared.Clear();
        Array.Clear(_nextShared);
        Rewind();
        return true;
    }

    /// <summary>Goes back before the first work-item.</summary>
    public void Rewind() => _item = -1;

    /// <summary>Goes to the next work-item of the group; false after the last.</summary>
    public bool NextItem()
    {
        if (++_item >= Size.GroupSize) return false;
        ItemX = _item % Size.GroupX;
        ItemY = _item / Size.GroupX % Size.GroupY;
        ItemZ = _item / Size.GroupX / Size.GroupY;
        return true;
    }

    /// <summary>The next shared array: made by the first work-item that asks, found again by the others, who ask in the same order.</summary>
    public ArrayView<T> Share<T>(int extent) where T : unmanaged
    {
        int place = _nextShared[_item]++, bytes = extent * sizeof(T);
        if (place == _shared.Count) _shared.Add((Take(bytes), bytes));
        if (_shared[place].Bytes != bytes) throw new NotSupportedException($"{kernel}: work-items allocate different shared memory.");
        return new ArrayView<T>(_shared[place].Address, extent);
    }

    /// <summary>An array of this work-item.</summary>
    public ArrayView<T> Local<T>(int extent) where T : unmanaged => new(Take(extent * sizeof(T)), extent);

    /// <summary>Where a fault happened.</summary>
    public string Describe() => $"{kernel}, group ({GroupX}, {GroupY}, {GroupZ}), work-item ({ItemX}, {ItemY}, {ItemZ})";

    public void Dispose()
    {
        foreach (nint chunk in _chunks) NativeMemory.AlignedFree((void*)chunk);
    }

    // Memory of the group, given back when the next group starts. Filled with ones, which are NaN, so that what is read before it is written shows.
    private nint Take(int bytes)
    {
        int size = (bytes + 63) & ~63;
        if (size > ChunkBytes) throw new NotSupportedException($"{kernel}: {bytes:N0} bytes of group memory; at most {ChunkBytes:N0}.");
        if (_used + size > ChunkBytes) (_chunk, _used) = (_chunk + 1, 0);
        if (_chunk == _chunks.Count) _chunks.Add((nint)NativeMemory.AlignedAlloc(ChunkBytes, 64));
        nint address = _chunks[_chunk] + _used;
        _used += size;
        new Span<byte>((void*)address, size).Fill(0xFF);
        return address;
    }
}
