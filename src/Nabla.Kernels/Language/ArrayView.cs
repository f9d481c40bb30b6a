using System.Runtime.CompilerServices;

namespace Nabla.Kernels.Language;

/// <summary>
/// Elements in the memory of a device, of a group or of a work-item, as a kernel sees them. On the emulator every access is checked.
/// </summary>
/// <typeparam name="T">The element type.</typeparam>
public readonly unsafe struct ArrayView<T> where T : unmanaged
{
    private readonly T* _first;
    private readonly long _length;

    internal ArrayView(nint address, long length)
    {
        _first = (T*)address;
        _length = length;
    }

    /// <summary>True if it has memory.</summary>
    public bool IsValid => _first != null && _length > 0;

    /// <summary>Number of elements.</summary>
    public long Length => _length;

    /// <summary>Number of elements.</summary>
    public int IntLength => checked((int)_length);

    /// <summary>The element at an index.</summary>
    /// <exception cref="DeviceException">NB0320: the index is not in the view.</exception>
    public ref T this[int index] => ref this[(long)index];

    /// <inheritdoc cref="this[int]"/>
    public ref T this[long index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if ((ulong)index >= (ulong)_length) throw Emulator.OutOfRange(index, _length);
            return ref _first[index];
        }
    }

    /// <summary>The part that starts at an index.</summary>
    public ArrayView<T> SubView(int index) => SubView(index, IntLength - index);

    /// <summary>The part of <paramref name="length"/> elements that starts at an index.</summary>
    /// <exception cref="DeviceException">NB0320: the part is not in the view.</exception>
    public ArrayView<T> SubView(int index, int length)
    {
        if (index < 0 || length < 0 || (long)index + length > _length) throw Emulator.OutOfRange((long)index + length, _length);
        return new ArrayView<T>((nint)(_first + index), length);
    }
}
