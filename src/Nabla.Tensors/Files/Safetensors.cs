namespace Nabla.Files;

/// <summary>The content of a safetensors file: tensors by name in the order of the header, and text by key.</summary>
public sealed record SafetensorsContent(OrderedDictionary<string, DenseTensor> Tensors, OrderedDictionary<string, string> Metadata);

/// <summary>Safetensors files: named tensors behind a JSON header that says where each lies.</summary>
/// <remarks>
/// Read are F32 F64 I32 I64 BOOL, and widened F16 BF16 (to f32), U8 I8 U16 I16 (to i32), U32 (to i64). The ranges must tile the file:
/// no hole, no overlap, nothing behind the last. Source: the format description of huggingface/safetensors.
/// </remarks>
public static class Safetensors
{
    private const string Format = "safetensors";

    /// <summary>Reads all tensors.</summary>
    /// <exception cref="FileFormatException">NB0401–NB0409: not a safetensors file, damaged, or of another element type.</exception>
    public static SafetensorsContent Read(string path)
    {
        using ByteSource source = ByteSource.Open(Format, path);
        return Read(source);
    }

    /// <summary>Reads all tensors from the position of a stream to its end.</summary>
    /// <exception cref="FileFormatException">As of <see cref="Read(string)"/>.</exception>
    public static SafetensorsContent Read(Stream stream)
    {
        using var source = new ByteSource(Format, stream);
        return Read(source);
    }

    /// <summary>Writes tensors and text; see <see cref="AtomicFile"/>.</summary>
    /// <exception cref="ArgumentException">A name occurs twice, or is the reserved <c>__metadata__</c>.</exception>
    public static void Write(
        string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IEnumerable<KeyValuePair<string, string>>? metadata = null) =>
        AtomicFile.Write(path, stream => Write(stream, tensors, metadata));

    /// <summary>Writes tensors and text at the position of a stream.</summary>
    /// <exception cref="ArgumentException">A name occurs twice, or is the reserved <c>__metadata__</c>.</exception>
    public static void Write(
        Stream stream, IEnumerable<KeyValuePair<string, Tensor>> tensors, IEnumerable<KeyValuePair<string, string>>? metadata = null)
    {
        KeyValuePair<string, Tensor>[] all = [.. tensors];
        var names = new HashSet<string> { SafetensorsHeader.MetadataKey };
        foreach ((string name, _) in all)
            if (!names.Add(name)) throw new ArgumentException($"'{name}' occurs twice or is reserved.", nameof(tensors));
        // Wide elements first, so that every tensor is aligned to its element size without holes.
        int[] order = [.. Enumerable.Range(0, all.Length).OrderByDescending(i => all[i].Value.DType.Size)];
        var begins = new long[all.Length];
        long end = 0;
        foreach (int i in order)
        {
            begins[i] = end;
            end = checked(end + all[i].Value.Aval.Bytes);
        }
        stream.Write(SafetensorsHeader.Write(all.Select((t, i) => (t.Key, t.Value.Aval, begins[i])), metadata));
        foreach (int i in order) StoredElements.Write(stream, all[i].Value.Dense);
    }

    private static SafetensorsContent Read(ByteSource source)
    {
        SafetensorsHeader header = SafetensorsHeader.Read(source);
        List<SafetensorsEntry> ordered = [.. header.Entries.OrderBy(e => e.Begin).ThenBy(e => e.End)];
        long end = 0;
        foreach (SafetensorsEntry entry in ordered)
        {
            CheckRange(source, entry, end);
            end = entry.End;
        }
        source.Require(end, "the ranges of all tensors");
        var read = new Dictionary<string, DenseTensor>();
        foreach (SafetensorsEntry entry in ordered)
        {
            Shape shape = StoredElements.CheckShape(source, entry.Place, entry.Dims, entry.Type);
            read.Add(entry.Name, StoredElements.Read(source, entry.Type, shape));
        }
        source.ExpectEnd();
        var tensors = new OrderedDictionary<string, DenseTensor>();
        foreach (SafetensorsEntry entry in header.Entries) tensors.Add(entry.Name, read[entry.Name]);
        return new SafetensorsContent(tensors, header.Metadata);
    }

    private static void CheckRange(ByteSource source, SafetensorsEntry entry, long expectedBegin)
    {
        if (entry.Begin != expectedBegin || entry.End < entry.Begin)
            throw TensorErrors.FileRange(entry.Place, entry.Name, $"[{entry.Begin}, {entry.End}) should start at {expectedBegin}");
        // The shape is checked on its own first, so that the product below cannot overflow.
        StoredElements.CheckShape(source, entry.Place, entry.Dims, entry.Type);
        long bytes = entry.Dims.Aggregate(1L, (count, dim) => count * dim) * StoredElements.SizeOf(entry.Type);
        if (bytes != entry.End - entry.Begin)
            throw TensorErrors.FileRange(entry.Place, entry.Name, $"{bytes} bytes of elements in a range of {entry.End - entry.Begin}");
    }
}
