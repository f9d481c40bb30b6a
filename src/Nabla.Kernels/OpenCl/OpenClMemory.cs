namespace Nabla.Kernels.OpenCl;

/// <summary>
/// Memory objects by address. OpenCL names memory by a handle without arithmetic; here an address is the number of a slot in the high bits and an offset in
/// bytes in the low 40, so that <c>address + offset</c> stays valid and is found again by one array access. Slot 0 stays empty: no address is 0.
/// </summary>
internal sealed class OpenClMemory
{
    private const int OffsetBits = 40;
    private const int MostSlots = 1 << (63 - OffsetBits);

    private readonly Lock _gate = new();
    private readonly Stack<int> _free = [];
    private nint[] _handles = new nint[256];
    private int _used = 1;

    /// <summary>Memory objects that are alive.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _used - 1 - _free.Count;
        }
    }

    /// <summary>The address of a new memory object.</summary>
    /// <exception cref="OutOfMemoryException">There are 2²³ already.</exception>
    public nint Add(nint handle)
    {
        lock (_gate)
        {
            if (!_free.TryPop(out int slot))
            {
                if (_used == MostSlots) throw new OutOfMemoryException();
                if (_used == _handles.Length)
                {
                    nint[] longer = new nint[2 * _used];
                    _handles.CopyTo(longer);
                    Volatile.Write(ref _handles, longer);
                }
                slot = _used++;
            }
            _handles[slot] = handle;
            return (nint)slot << OffsetBits;
        }
    }

    /// <summary>Forgets an address, and returns its memory object; 0 if there is none.</summary>
    public nint Remove(nint address)
    {
        lock (_gate)
        {
            nint handle = Find(address, out _);
            if (handle == 0) return 0;
            int slot = (int)(address >> OffsetBits);
            _handles[slot] = 0;
            _free.Push(slot);
            return handle;
        }
    }

    /// <summary>The memory object in which an address lies, and where in it; 0 if in none. Takes no lock: whoever knows an address keeps its block alive.</summary>
    public nint Find(nint address, out long offset)
    {
        nint[] handles = Volatile.Read(ref _handles);
        nint slot = address >> OffsetBits;
        offset = address & ((1L << OffsetBits) - 1);
        return (nuint)slot < (nuint)handles.Length ? handles[slot] : 0;
    }
}
