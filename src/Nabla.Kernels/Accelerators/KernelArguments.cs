using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Nabla.Kernels;

/// <summary>
/// The arguments of one launch, in the order of the kernel's parameters: views (an address of the device and a number of elements) and values
/// (scalars and small structs of scalars, as their bytes).
/// </summary>
internal sealed class KernelArguments
{
    [ThreadStatic]
    private static KernelArguments? _ofThread;

    private readonly List<Argument> _arguments = [];
    private byte[] _bytes = new byte[64];
    private int _used;

    /// <summary>The empty list of this thread; in use until the launch returns.</summary>
    public static KernelArguments Rent() => (_ofThread ??= new KernelArguments()).Clear();

    /// <summary>Number of arguments.</summary>
    public int Count => _arguments.Count;

    /// <summary>The argument at a place.</summary>
    public Argument this[int index] => _arguments[index];

    /// <summary>Appends a view of <paramref name="length"/> elements.</summary>
    public KernelArguments View(nint address, int length)
    {
        _arguments.Add(new Argument(true, address, length, 0, 0));
        return this;
    }

    /// <summary>Appends a scalar or a struct of scalars.</summary>
    public KernelArguments Value<T>(T value) where T : unmanaged
    {
        // Aligned so that a driver may read it as what it is.
        int offset = (_used + 15) & ~15, size = Unsafe.SizeOf<T>();
        if (offset + size > _bytes.Length) Array.Resize(ref _bytes, 2 * (offset + size));
        MemoryMarshal.Write(_bytes.AsSpan(offset), in value);
        _arguments.Add(new Argument(false, 0, 0, offset, size));
        _used = offset + size;
        return this;
    }

    /// <summary>The bytes of a value.</summary>
    public ReadOnlySpan<byte> BytesOf(Argument argument) => _bytes.AsSpan(argument.Offset, argument.Size);

    /// <summary>The bytes of all values, each at its offset.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>The value at a place, read as <typeparamref name="T"/>.</summary>
    public T ValueAt<T>(int index) where T : unmanaged => MemoryMarshal.Read<T>(BytesOf(_arguments[index]));

    /// <summary>Forgets all arguments, so that the object can be used for another launch.</summary>
    public KernelArguments Clear()
    {
        _arguments.Clear();
        _used = 0;
        return this;
    }

    /// <summary>One argument.</summary>
    /// <param name="IsView">A view, not a value.</param>
    /// <param name="Address">Where the view starts, on the device.</param>
    /// <param name="Length">Elements of the view.</param>
    /// <param name="Offset">Where the bytes of a value start.</param>
    /// <param name="Size">How many they are.</param>
    public readonly record struct Argument(bool IsView, nint Address, int Length, int Offset, int Size);
}
