namespace Nabla.Files;

/// <summary>NumPy's npy files: one array each. Versions 1.0, 2.0 and 3.0 are read, 1.0 is written.</summary>
/// <remarks>
/// Read are f4 f8 i4 i8 b1, and widened f2 (to f32), i1 u1 i2 u2 (to i32), u4 (to i64), little- and big-endian. An array in Fortran
/// order becomes a transposed view. Source: NumPy Enhancement Proposal 1.
/// </remarks>
public static class Npy
{
    private const string Format = "npy";

    /// <summary>Reads the array of a file.</summary>
    /// <exception cref="FileFormatException">NB0401–NB0406, NB0409: not an npy file, damaged, or of another element type.</exception>
    public static DenseTensor Read(string path)
    {
        using ByteSource source = ByteSource.Open(Format, path);
        return Read(source, toEnd: true);
    }

    /// <summary>Reads the array that starts at the position of the stream, and leaves the stream behind it.</summary>
    /// <exception cref="FileFormatException">As of <see cref="Read(string)"/>; bytes may follow the array.</exception>
    public static DenseTensor Read(Stream stream)
    {
        using var source = new ByteSource(Format, stream);
        return Read(source, toEnd: false);
    }

    /// <summary>Writes a file in C order, whatever the layout of the tensor; see <see cref="AtomicFile"/>.</summary>
    public static void Write(string path, Tensor tensor) => AtomicFile.Write(path, stream => Write(stream, tensor));

    /// <summary>Writes the array at the position of the stream.</summary>
    public static void Write(Stream stream, Tensor tensor)
    {
        stream.Write(NpyHeader.Write(tensor.Aval));
        StoredElements.Write(stream, tensor.Dense);
    }

    /// <summary>Reads one array; with <paramref name="toEnd"/>, nothing may follow it.</summary>
    internal static DenseTensor Read(ByteSource source, bool toEnd)
    {
        NpyHeader header = NpyHeader.Read(source);
        FilePlace at = source.Here;
        long[] stored = header.FortranOrder ? [.. header.Dims.Reverse()] : header.Dims;
        Shape shape = StoredElements.CheckShape(source, at, stored, header.Type);
        DenseTensor tensor = StoredElements.Read(source, header.Type, shape, header.BigEndian);
        if (toEnd) source.ExpectEnd();
        if (!header.FortranOrder) return tensor;
        // Column-major elements are the row-major elements of the transposed array.
        int[] reversed = [.. Enumerable.Range(0, shape.Rank).Reverse()];
        return tensor.View(tensor.Layout.Transpose(reversed));
    }
}
