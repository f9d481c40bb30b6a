using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Nabla.Files;

/// <summary>Element types that occur in files: those of tensors, and smaller ones that are widened on reading.</summary>
internal enum StoredType : byte
{
    F32, F64, I32, I64, Bool, F16, BF16, U8, I8, U16, I16, U32,
}

/// <summary>Elements between files and tensors. Files are written little-endian, as the memory of all supported processors is.</summary>
internal static class StoredElements
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>Tensors from files are made where factories make them, or on the CPU if the host cannot write there.</summary>
    private static Device Target => Device.Default.IsHost ? Device.Default : Device.Cpu;

    /// <summary>Bytes per element in the file.</summary>
    public static int SizeOf(StoredType type) => type switch
    {
        StoredType.F64 or StoredType.I64 => 8,
        StoredType.F32 or StoredType.I32 or StoredType.U32 => 4,
        StoredType.F16 or StoredType.BF16 or StoredType.U16 or StoredType.I16 => 2,
        _ => 1,
    };

    /// <summary>The tensor's element type: the same, or the smallest that holds all values exactly.</summary>
    public static DType NaturalType(StoredType type) => type switch
    {
        StoredType.F32 or StoredType.F16 or StoredType.BF16 => DType.F32,
        StoredType.F64 => DType.F64,
        StoredType.I64 or StoredType.U32 => DType.I64,
        StoredType.Bool => DType.Bool,
        _ => DType.I32,
    };

    /// <summary>Checks dimensions read from a file: the shape, and its bytes are there.</summary>
    public static Shape CheckShape(ByteSource source, FilePlace at, ReadOnlySpan<long> dims, StoredType type)
    {
        var sizes = new int[dims.Length];
        Int128 nonzero = 1, count = 1;
        for (int i = 0; i < dims.Length; i++)
        {
            nonzero *= Math.Max(1, dims[i]);
            count *= dims[i];
            if (dims[i] is < 0 or > int.MaxValue || nonzero > long.MaxValue) throw TensorErrors.FileDimensions(at, dims);
            sizes[i] = (int)dims[i];
        }
        source.Require(count * SizeOf(type), $"{type} elements of shape [{string.Join(',', sizes)}]");
        return Shape.Create(sizes);
    }

    /// <summary>
    /// Reads the elements of a shape checked by <see cref="CheckShape"/>, in row-major order. Integers of 8 and 16 bits can be
    /// asked for as f32.
    /// </summary>
    public static DenseTensor Read(ByteSource source, StoredType type, Shape shape, bool bigEndian = false, DType? dtype = null)
    {
        DType target = dtype ?? NaturalType(type);
        if (source.IsUnbounded) source = source.Collect(shape.Count * SizeOf(type), "elements");
        DenseTensor tensor = DenseTensor.Allocate(new Aval(target, shape), Target);
        bool swap = bigEndian == BitConverter.IsLittleEndian;
        if (target == NaturalType(type) && target.Size == SizeOf(type)) ReadSame(source, tensor, swap);
        else if (target == DType.F32) ReadWidened<float>(source, type, tensor, swap);
        else if (target == DType.I64) ReadWidened<long>(source, type, tensor, swap);
        else ReadWidened<int>(source, type, tensor, swap);
        return tensor;
    }

    /// <summary>Writes the elements in row-major order, whatever the layout.</summary>
    public static void Write(Stream stream, DenseTensor tensor)
    {
        tensor = tensor.OnHost();
        if (tensor.IsContiguous) WriteDense(stream, tensor);
        else if (tensor.DType.Size == 8) WriteRows<long>(stream, tensor);
        else if (tensor.DType.Size == 4) WriteRows<int>(stream, tensor);
        else WriteRows<byte>(stream, tensor);
        GC.KeepAlive(tensor);
    }

    private static unsafe void ReadSame(ByteSource source, DenseTensor tensor, bool swap)
    {
        int size = tensor.DType.Size;
        long bytes = tensor.Count * size;
        for (long done = 0; done < bytes; done += ChunkBytes)
        {
            var chunk = new Span<byte>(tensor.HostStart + done, (int)Math.Min(ChunkBytes, bytes - done));
            source.ReadExactly(chunk, "elements");
            if (swap) Swap(chunk, size);
            if (tensor.DType != DType.Bool) continue;
            for (int i = 0; i < chunk.Length; i++) chunk[i] = chunk[i] == 0 ? (byte)0 : (byte)1;
        }
        GC.KeepAlive(tensor);
    }

    private static unsafe void ReadWidened<T>(ByteSource source, StoredType type, DenseTensor tensor, bool swap)
        where T : unmanaged, INumberBase<T>
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
        int size = SizeOf(type);
        for (long done = 0; done < tensor.Count;)
        {
            int n = (int)Math.Min(buffer.Length / size, tensor.Count - done);
            Span<byte> bytes = buffer.AsSpan(0, n * size);
            source.ReadExactly(bytes, "elements");
            if (swap) Swap(bytes, size);
            Widen(type, bytes, new Span<T>((T*)tensor.HostStart + done, n));
            done += n;
        }
        ArrayPool<byte>.Shared.Return(buffer);
        GC.KeepAlive(tensor);
    }

    private static void Widen<T>(StoredType type, ReadOnlySpan<byte> bytes, Span<T> target) where T : unmanaged, INumberBase<T>
    {
        switch (type)
        {
            case StoredType.U8: Convert(bytes, target); break;
            case StoredType.I8: Convert(MemoryMarshal.Cast<byte, sbyte>(bytes), target); break;
            case StoredType.U16: Convert(MemoryMarshal.Cast<byte, ushort>(bytes), target); break;
            case StoredType.I16: Convert(MemoryMarshal.Cast<byte, short>(bytes), target); break;
            case StoredType.U32: Convert(MemoryMarshal.Cast<byte, uint>(bytes), target); break;
            case StoredType.F16: Convert(MemoryMarshal.Cast<byte, Half>(bytes), target); break;
            default:
                // bfloat16 is the upper half of a binary32.
                ReadOnlySpan<ushort> halves = MemoryMarshal.Cast<byte, ushort>(bytes);
                Span<uint> bits = MemoryMarshal.Cast<T, uint>(target);
                for (int i = 0; i < halves.Length; i++) bits[i] = (uint)halves[i] << 16;
                break;
        }
    }

    private static void Convert<S, T>(ReadOnlySpan<S> source, Span<T> target)
        where S : unmanaged, INumberBase<S> where T : unmanaged, INumberBase<T>
    {
        for (int i = 0; i < source.Length; i++) target[i] = T.CreateTruncating(source[i]);
    }

    private static void Swap(Span<byte> bytes, int size)
    {
        if (size == 2)
        {
            Span<ushort> words = MemoryMarshal.Cast<byte, ushort>(bytes);
            BinaryPrimitives.ReverseEndianness(words, words);
        }
        else if (size == 4)
        {
            Span<uint> words = MemoryMarshal.Cast<byte, uint>(bytes);
            BinaryPrimitives.ReverseEndianness(words, words);
        }
        else if (size == 8)
        {
            Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
            BinaryPrimitives.ReverseEndianness(words, words);
        }
    }

    private static unsafe void WriteDense(Stream stream, DenseTensor tensor)
    {
        int size = tensor.DType.Size;
        long bytes = tensor.Count * size;
        byte* start = tensor.HostStart;
        for (long done = 0; done < bytes; done += ChunkBytes)
            stream.Write(new ReadOnlySpan<byte>(start + done, (int)Math.Min(ChunkBytes, bytes - done)));
    }

    private static unsafe void WriteRows<T>(Stream stream, DenseTensor tensor) where T : unmanaged
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
        Span<T> elements = MemoryMarshal.Cast<byte, T>(buffer.AsSpan());
        T* source = (T*)tensor.HostStart;
        int n = 0;
        var walk = new RowWalk(tensor.Layout);
        while (walk.MoveNext())
        {
            for (int i = 0; i < walk.Length; i++)
            {
                if (n == elements.Length) Flush(elements);
                elements[n++] = source[walk.Position + i * walk.Stride];
            }
        }
        Flush(elements);
        ArrayPool<byte>.Shared.Return(buffer);

        void Flush(Span<T> filled)
        {
            stream.Write(MemoryMarshal.AsBytes(filled[..n]));
            n = 0;
        }
    }
}
