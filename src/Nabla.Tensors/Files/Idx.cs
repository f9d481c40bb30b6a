using System.Buffers.Binary;

namespace Nabla.Files;

/// <summary>IDX files, the format of the MNIST data set, plain or compressed by gzip.</summary>
/// <remarks>
/// Two zero bytes, the element type, the number of axes, the sizes, then the elements, all big-endian.
/// Source: LeCun, Cortes, Burges, "The MNIST database", section "The IDX file format".
/// </remarks>
public static class Idx
{
    private const string Format = "idx";

    /// <summary>
    /// Reads a file. Elements are u8 i8 i16 i32 (to i32), f32, f64; with <paramref name="dtype"/> f32, those of at most 16 bits become
    /// f32 of the same value (0 … 255 for images).
    /// </summary>
    /// <exception cref="FileFormatException">NB0401–NB0403, NB0405, NB0406, NB0409, NB0411: not an IDX file, or damaged.</exception>
    /// <exception cref="DTypeException">NB0203: the elements cannot be read as <paramref name="dtype"/>.</exception>
    public static DenseTensor Read(string path, DType? dtype = null)
    {
        using ByteSource source = ByteSource.OpenMaybeGzip(Format, path);
        return Read(source, dtype);
    }

    /// <summary>Reads uncompressed IDX from the position of a stream to its end.</summary>
    /// <inheritdoc cref="Read(string, DType?)"/>
    public static DenseTensor Read(Stream stream, DType? dtype = null)
    {
        using var source = new ByteSource(Format, stream);
        return Read(source, dtype);
    }

    private static DenseTensor Read(ByteSource source, DType? dtype)
    {
        FilePlace start = source.Here;
        Span<byte> magic = stackalloc byte[4];
        source.ReadExactly(magic, "magic");
        if (magic[0] != 0 || magic[1] != 0) throw TensorErrors.NotThisFormat(start, "two zero bytes");
        StoredType type = magic[2] switch
        {
            0x08 => StoredType.U8,
            0x09 => StoredType.I8,
            0x0B => StoredType.I16,
            0x0C => StoredType.I32,
            0x0D => StoredType.F32,
            0x0E => StoredType.F64,
            _ => throw TensorErrors.FileElementType(source.At(start.Offset + 2), $"0x{magic[2]:x2}", "0x08 0x09 0x0b 0x0c 0x0d 0x0e"),
        };
        FilePlace at = source.Here;
        var dims = new long[magic[3]];
        Span<byte> word = stackalloc byte[4];
        for (int i = 0; i < dims.Length; i++)
        {
            source.ReadExactly(word, "sizes");
            dims[i] = BinaryPrimitives.ReadUInt32BigEndian(word);
        }
        Shape shape = StoredElements.CheckShape(source, at, dims, type);
        DType natural = StoredElements.NaturalType(type);
        bool isNarrow = StoredElements.SizeOf(type) <= 2;
        if (dtype is { } asked && asked != natural && !(isNarrow && asked == DType.F32))
            throw TensorErrors.WrongElementType("idx read", new Aval(natural, shape), asked);
        DenseTensor tensor = StoredElements.Read(source, type, shape, bigEndian: true, dtype);
        source.ExpectEnd();
        return tensor;
    }
}
