using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Nabla.Files;

/// <summary>A tensor as the header describes it; the range is relative to the end of the header.</summary>
internal sealed record SafetensorsEntry(string Name, StoredType Type, long[] Dims, long Begin, long End, FilePlace Place);

/// <summary>The JSON header of a safetensors file.</summary>
/// <remarks>Source: the format description of huggingface/safetensors (README, "Format").</remarks>
internal sealed class SafetensorsHeader
{
    /// <summary>The longest header that is read, in bytes.</summary>
    public const long LongestHeader = 100_000_000;

    public const string MetadataKey = "__metadata__";

    private const int MostAxes = 64;

    private static readonly (string Name, StoredType Type)[] Types =
    [
        ("F32", StoredType.F32), ("F64", StoredType.F64), ("I32", StoredType.I32), ("I64", StoredType.I64), ("BOOL", StoredType.Bool),
        ("F16", StoredType.F16), ("BF16", StoredType.BF16), ("U8", StoredType.U8), ("I8", StoredType.I8), ("U16", StoredType.U16),
        ("I16", StoredType.I16), ("U32", StoredType.U32),
    ];

    /// <summary>The tensors in the order of the header.</summary>
    public List<SafetensorsEntry> Entries { get; } = [];

    /// <summary>Free text by key.</summary>
    public OrderedDictionary<string, string> Metadata { get; } = [];

    /// <summary>Reads length and JSON; checks names and types, not yet ranges.</summary>
    public static SafetensorsHeader Read(ByteSource source)
    {
        FilePlace start = source.Here;
        Span<byte> word = stackalloc byte[8];
        source.ReadExactly(word, "header length");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(word);
        if (length > LongestHeader)
            throw TensorErrors.FileLimit(start, $"a header of {length} bytes", $"{LongestHeader} bytes", "Is it a safetensors file?");
        source.Require(length, "header");
        FilePlace at = source.Here;
        if (source.IsUnbounded) source = source.Collect((long)length, "header");
        var text = new byte[length];
        source.ReadExactly(text, "header");
        if (text is not [(byte)'{', ..]) throw TensorErrors.NotThisFormat(at, "a JSON object, starting with '{'");
        var header = new SafetensorsHeader();
        header.Parse(text, at);
        return header;
    }

    /// <summary>The header of tensors whose ranges are given, padded so that the data starts at a multiple of 8 bytes.</summary>
    public static byte[] Write(
        IEnumerable<(string Name, Aval Aval, long Begin)> tensors, IEnumerable<KeyValuePair<string, string>>? metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is not null)
            {
                json.WriteStartObject(MetadataKey);
                foreach ((string key, string value) in metadata) json.WriteString(key, value);
                json.WriteEndObject();
            }
            foreach ((string name, Aval aval, long begin) in tensors)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", aval.DType.Name.ToUpperInvariant());
                json.WriteStartArray("shape");
                foreach (int dim in aval.Shape) json.WriteNumberValue(dim);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(begin);
                json.WriteNumberValue(begin + aval.Bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        int padded = (buffer.WrittenCount + 7) / 8 * 8;
        var bytes = new byte[8 + padded];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, padded);
        buffer.WrittenSpan.CopyTo(bytes.AsSpan(8));
        bytes.AsSpan(8 + buffer.WrittenCount).Fill((byte)' ');
        return bytes;
    }

    private void Parse(byte[] text, FilePlace start)
    {
        var json = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = 4 });
        try
        {
            json.Read();
            var names = new HashSet<string>();
            while (Next(ref json, start).TokenType == JsonTokenType.PropertyName)
            {
                FilePlace at = Place(ref json, start);
                string name = json.GetString()!;
                if (!names.Add(name)) throw TensorErrors.FileName(at, $"'{name}' occurs twice");
                if (name == MetadataKey) ParseMetadata(ref json, start);
                else Entries.Add(ParseEntry(ref json, start, name, at));
            }
            json.Read(); // nothing but spaces may follow
        }
        catch (JsonException e)
        {
            throw TensorErrors.FileHeader(start with { Offset = start.Offset + json.BytesConsumed }, "not JSON", "a JSON object", e);
        }
        catch (InvalidOperationException e)
        {
            throw TensorErrors.FileHeader(Place(ref json, start), "text that is not UTF-8", "UTF-8", e);
        }
    }

    private void ParseMetadata(ref Utf8JsonReader json, FilePlace start)
    {
        Take(ref json, start, JsonTokenType.StartObject, "an object of strings");
        while (Next(ref json, start).TokenType == JsonTokenType.PropertyName)
        {
            FilePlace at = Place(ref json, start);
            string key = json.GetString()!;
            Take(ref json, start, JsonTokenType.String, "a string");
            if (!Metadata.TryAdd(key, json.GetString()!)) throw TensorErrors.FileName(at, $"metadata '{key}' occurs twice");
        }
    }

    private static SafetensorsEntry ParseEntry(ref Utf8JsonReader json, FilePlace start, string name, FilePlace at)
    {
        StoredType? type = null;
        long[]? dims = null, offsets = null;
        Take(ref json, start, JsonTokenType.StartObject, "an object");
        while (Next(ref json, start).TokenType == JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("dtype") && type is null) type = ParseType(ref json, start);
            else if (json.ValueTextEquals("shape") && dims is null) dims = ParseNumbers(ref json, start);
            else if (json.ValueTextEquals("data_offsets") && offsets is null) offsets = ParseNumbers(ref json, start);
            else throw TensorErrors.FileHeader(Place(ref json, start), $"key '{json.GetString()}'", "dtype, shape and data_offsets, each once");
        }
        if (type is not { } known || dims is null || offsets is not { Length: 2 })
            throw TensorErrors.FileHeader(at, $"tensor '{name}' is incomplete", "dtype, shape and two data_offsets");
        return new SafetensorsEntry(name, known, dims, offsets[0], offsets[1], at);
    }

    private static StoredType ParseType(ref Utf8JsonReader json, FilePlace start)
    {
        Take(ref json, start, JsonTokenType.String, "an element type");
        string text = json.GetString()!;
        foreach ((string name, StoredType type) in Types)
            if (name == text) return type;
        throw TensorErrors.FileElementType(Place(ref json, start), text, string.Join(' ', Types.Select(t => t.Name)));
    }

    private static long[] ParseNumbers(ref Utf8JsonReader json, FilePlace start)
    {
        var numbers = new List<long>();
        Take(ref json, start, JsonTokenType.StartArray, "an array of sizes");
        while (Next(ref json, start).TokenType != JsonTokenType.EndArray)
        {
            if (json.TokenType != JsonTokenType.Number || !json.TryGetInt64(out long value) || value < 0 || numbers.Count == MostAxes)
                throw TensorErrors.FileHeader(Place(ref json, start), "an array of something else", $"at most {MostAxes} sizes below 2^63");
            numbers.Add(value);
        }
        return [.. numbers];
    }

    private static void Take(ref Utf8JsonReader json, FilePlace start, JsonTokenType expected, string what)
    {
        if (Next(ref json, start).TokenType != expected) throw TensorErrors.FileHeader(Place(ref json, start), $"{json.TokenType}", what);
    }

    private static ref Utf8JsonReader Next(ref Utf8JsonReader json, FilePlace start)
    {
        if (!json.Read()) throw TensorErrors.FileHeader(Place(ref json, start), "end of the header", "more JSON");
        return ref json;
    }

    private static FilePlace Place(ref Utf8JsonReader json, FilePlace start) => start with { Offset = start.Offset + json.TokenStartIndex };
}
