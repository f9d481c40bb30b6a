using System.Globalization;
using System.IO.Compression;
using System.Numerics;
using System.Text;

namespace Nabla.Files;

/// <summary>A table of numbers: a matrix <c>[rows, columns]</c>, and the names of its columns if the file had them.</summary>
public sealed record CsvTable(DenseTensor Values, IReadOnlyList<string>? Header);

/// <summary>Comma-separated numbers, plain or compressed by gzip; a decimal point whatever the locale.</summary>
/// <remarks>
/// Lines end in LF or CRLF; every line has equally many cells; <c>nan</c>, <c>inf</c> and <c>-inf</c> are numbers; names of
/// columns may be quoted, numbers may not.
/// </remarks>
public static class Csv
{
    private const string Format = "csv";

    /// <summary>Reads a table. <paramref name="header"/> says whether the first line names the columns; null: if it is not numbers.</summary>
    /// <exception cref="FileFormatException">
    /// NB0410: a cell is not a number of this type, or a line has more or fewer cells; names line and column. NB0402: no line. NB0411: damaged gzip.
    /// </exception>
    public static CsvTable Read(string path, DType dtype = DType.F64, bool? header = null, char delimiter = ',')
    {
        using ByteSource source = ByteSource.OpenMaybeGzip(Format, path);
        return Read(source, dtype, header, delimiter);
    }

    /// <summary>Reads a table from a stream of uncompressed text; see <see cref="Read(string, DType, bool?, char)"/>.</summary>
    public static CsvTable Read(Stream stream, DType dtype = DType.F64, bool? header = null, char delimiter = ',')
    {
        using var source = new ByteSource(Format, stream);
        return Read(source, dtype, header, delimiter);
    }

    /// <summary>
    /// Writes a matrix, or a vector as one column, so that reading gives the same bits; compressed if the path ends in
    /// <c>.gz</c>. Booleans are written as 0 and 1. See <see cref="AtomicFile"/>.
    /// </summary>
    /// <exception cref="ShapeException">NB0130: more than two axes.</exception>
    public static void Write(string path, Tensor values, IReadOnlyList<string>? header = null, char delimiter = ',') =>
        AtomicFile.Write(path, stream =>
        {
            if (!path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
            {
                Write(stream, values, header, delimiter);
                return;
            }
            using var gzip = new GZipStream(stream, CompressionLevel.Optimal, leaveOpen: true);
            Write(gzip, values, header, delimiter);
        });

    /// <summary>Writes a matrix, or a vector as one column, as text.</summary>
    /// <exception cref="ShapeException">NB0130: more than two axes.</exception>
    /// <exception cref="ArgumentException">There are not as many names as columns, or a name contains a line break.</exception>
    public static void Write(Stream stream, Tensor values, IReadOnlyList<string>? header = null, char delimiter = ',')
    {
        if (values.Rank > 2) throw TensorErrors.RankAbove("csv write", values.Aval, 2);
        int columns = values.Rank == 2 ? values.Shape[1] : 1;
        using var writer = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
        if (header is not null)
        {
            if (header.Count != columns) throw new ArgumentException($"{header.Count} names for {columns} columns.", nameof(header));
            writer.WriteLine(string.Join(delimiter, header.Select(name => Quote(name, delimiter))));
        }
        DenseTensor dense = values.Dense;
        switch (values.DType)
        {
            case DType.F32: WriteRows<float>(writer, dense, columns, delimiter); break;
            case DType.F64: WriteRows<double>(writer, dense, columns, delimiter); break;
            case DType.I32: WriteRows<int>(writer, dense, columns, delimiter); break;
            case DType.I64: WriteRows<long>(writer, dense, columns, delimiter); break;
            default: WriteRows<byte>(writer, dense, columns, delimiter); break;
        }
    }

    private static CsvTable Read(ByteSource source, DType dtype, bool? header, char delimiter) => dtype switch
    {
        DType.F32 => new CsvReader<float>(source, header, delimiter).Read(x => x),
        DType.F64 => new CsvReader<double>(source, header, delimiter).Read(x => x),
        DType.I32 => new CsvReader<int>(source, header, delimiter).Read(x => x),
        DType.I64 => new CsvReader<long>(source, header, delimiter).Read(x => x),
        _ => new CsvReader<byte>(source, header, delimiter, largest: 1).Read(x => x != 0),
    };

    private static unsafe void WriteRows<T>(StreamWriter writer, DenseTensor tensor, int columns, char delimiter)
        where T : unmanaged, INumberBase<T>
    {
        Span<char> text = stackalloc char[64];
        tensor = tensor.OnHost();
        T* source = (T*)tensor.HostStart;
        long cells = 0;
        var walk = new RowWalk(tensor.Layout);
        while (walk.MoveNext())
        {
            for (int i = 0; i < walk.Length; i++)
            {
                writer.Write(Text(source[walk.Position + i * walk.Stride], text));
                writer.Write(++cells % columns == 0 ? '\n' : delimiter);
            }
        }
        GC.KeepAlive(tensor);
    }

    private static ReadOnlySpan<char> Text<T>(T value, Span<char> text) where T : INumberBase<T>
    {
        if (T.IsNaN(value)) return "nan";
        if (T.IsInfinity(value)) return T.IsPositiveInfinity(value) ? "inf" : "-inf";
        value.TryFormat(text, out int length, default, CultureInfo.InvariantCulture);
        return text[..length];
    }

    private static string Quote(string name, char delimiter)
    {
        if (name.AsSpan().ContainsAny('\n', '\r')) throw new ArgumentException($"The name '{name}' contains a line break.");
        bool plain = name.Length > 0 && name == name.Trim() && !name.Contains(delimiter) && !name.Contains('"')
            && !double.TryParse(name, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
        return plain ? name : $"\"{name.Replace("\"", "\"\"")}\"";
    }
}
