using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Nabla;

/// <summary>A tensor with elements: a buffer and a layout that says where in it they are. Several tensors may view one buffer.</summary>
[DebuggerDisplay("{Aval} {Device}")]
public sealed class DenseTensor : Tensor
{
    internal DenseTensor(DType dtype, Buffer buffer, Layout layout) : base(new Aval(dtype, layout.Shape))
    {
        Buffer = buffer;
        Layout = layout;
    }

    /// <summary>Where each element lies in the buffer.</summary>
    public Layout Layout { get; }

    /// <inheritdoc/>
    public override Device Device => Buffer.Device;

    /// <inheritdoc/>
    public override DenseTensor Dense => this;

    /// <summary>True if the elements lie densely in row-major order.</summary>
    public bool IsContiguous => Layout.IsContiguous;

    /// <summary>The memory.</summary>
    internal Buffer Buffer { get; }

    /// <summary>A new dense row-major tensor with undefined elements.</summary>
    public static DenseTensor Allocate(Aval aval, Device device)
    {
        Layout layout = Layout.RowMajor(aval.Shape);
        return new DenseTensor(aval.DType, Buffer.Allocate(device, aval.Bytes, aval), layout);
    }

    /// <summary>A tensor that stores one number and repeats it by strides of 0.</summary>
    internal static DenseTensor Splat(Aval aval, double value, Device device)
    {
        var one = new DenseTensor(aval.DType, Buffer.Allocate(device, aval.DType.Size), Layout.RowMajor(Shape.Scalar));
        switch (aval.DType)
        {
            case DType.F32: one.Write<float>([(float)value]); break;
            case DType.F64: one.Write<double>([value]); break;
            case DType.I32: one.Write<int>([checked((int)value)]); break;
            case DType.I64: one.Write<long>([checked((long)value)]); break;
            default: one.Write<bool>([value != 0]); break;
        }
        return aval.Shape.Rank == 0 ? one : one.View(Layout.Splat(aval.Shape));
    }

    /// <summary>The elements like NumPy prints them, then the abstract value: <c>[1. 2.5] f32[2]</c>.</summary>
    public override string ToString() => TensorPrinter.Print(this);

    /// <summary>Another tensor over the same memory.</summary>
    internal DenseTensor View(Layout layout) => new(DType, Buffer, layout);

    /// <summary>Address of the first element of a host tensor; valid while this tensor is reachable.</summary>
    /// <exception cref="DeviceException">NB0304: the host cannot read it.</exception>
    internal unsafe T* Pointer<T>() where T : unmanaged
    {
        Debug.Assert(DTypes.Of<T>() == DType, "element type");
        return (T*)HostStart;
    }

    /// <summary>Address of the first element of a host tensor, whatever its type.</summary>
    /// <exception cref="DeviceException">NB0304: the host cannot read it.</exception>
    internal unsafe byte* HostStart =>
        Buffer.Device.IsHost ? (byte*)Buffer.Address + Layout.Offset * DType.Size : throw TensorErrors.NotOnHost(Aval, Buffer.Device);

    /// <summary>
    /// The elements of a contiguous host tensor as a span. The memory belongs to this tensor: keep it reachable while the span is
    /// in use, and write only to tensors that nobody else has seen yet.
    /// </summary>
    internal unsafe Span<T> Span<T>() where T : unmanaged
    {
        Debug.Assert(IsContiguous && Buffer.Device.IsHost, "contiguous host tensor");
        return new Span<T>(Pointer<T>(), checked((int)Count));
    }

    /// <summary>Fills a contiguous tensor that nobody else has seen yet with the elements, in row-major order, on any device.</summary>
    internal void Write<T>(ReadOnlySpan<T> elements) where T : unmanaged
    {
        if (Device.IsHost) elements.CopyTo(Span<T>());
        else if (!elements.IsEmpty) Device.Upload(MemoryMarshal.AsBytes(elements), Buffer.Address + (nint)(Layout.Offset * DType.Size));
        GC.KeepAlive(this);
    }

    /// <summary>This tensor if the host can read it; else a copy that it can, with the same strides.</summary>
    internal unsafe DenseTensor OnHost()
    {
        if (Device.IsHost) return this;
        (long first, long last) = Layout.Reach;
        Buffer copy = Buffer.Allocate(Device.Cpu, Math.Max(0, last - first + 1) * DType.Size, Aval);
        for (long done = 0; done < copy.Bytes;)
        {
            int bytes = (int)Math.Min(copy.Bytes - done, 1 << 30);
            Device.Download(Buffer.Address + (nint)(first * DType.Size + done), new Span<byte>((byte*)copy.Address + done, bytes));
            done += bytes;
        }
        GC.KeepAlive(this);
        return new DenseTensor(DType, copy, new Layout(Shape, Layout.Strides, Layout.Offset - first));
    }

    internal T[] CopyToArray<T>() where T : unmanaged
    {
        if (DTypes.Of<T>() != DType) throw TensorErrors.WrongElementType("to array", Aval, DTypes.Of<T>());
        var result = new T[Count];
        DenseTensor host = OnHost();
        host.CopyTo<T>(result);
        GC.KeepAlive(host);
        return result;
    }

    internal double[] CopyToDoubles()
    {
        switch (DType)
        {
            case DType.F64: return CopyToArray<double>();
            case DType.F32: return Array.ConvertAll(CopyToArray<float>(), x => (double)x);
            case DType.I32: return Array.ConvertAll(CopyToArray<int>(), x => (double)x);
            case DType.I64: return Array.ConvertAll(CopyToArray<long>(), x => (double)x);
            default: return Array.ConvertAll(CopyToArray<bool>(), x => x ? 1.0 : 0.0);
        }
    }

    private unsafe void CopyTo<T>(Span<T> target) where T : unmanaged
    {
        if (target.IsEmpty) return;
        T* source = Pointer<T>();
        if (IsContiguous)
        {
            new ReadOnlySpan<T>(source, target.Length).CopyTo(target);
            return;
        }
        var walk = new RowWalk(Layout);
        for (int i = 0; walk.MoveNext();)
            for (int j = 0; j < walk.Length; j++) target[i++] = source[walk.Position + j * walk.Stride];
    }
}
