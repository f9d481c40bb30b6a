using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Nabla.Files;

/// <summary>Static parts of a tree as JSON.</summary>
internal static class StaticText
{
    private const string NanPrefix = "NaN:";

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Whether a text can be written as UTF-8 and read back.</summary>
    public static bool IsText(string text)
    {
        try
        {
            return StrictUtf8.GetByteCount(text) >= 0;
        }
        catch (EncoderFallbackException)
        {
            return false;
        }
    }

    /// <summary>The JSON of all static parts of a tree: a list of [path, kind, value].</summary>
    public static string Write(TreeParts parts)
    {
        var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartArray();
            for (int i = 0; i < parts.Statics.Count; i++)
            {
                StaticPart part = parts.Statics[i];
                json.WriteStartArray();
                json.WriteStringValue(part.Path);
                json.WriteStringValue(NameOf(part.Kind));
                Write(json, part, parts.Values[i]);
                json.WriteEndArray();
            }
            json.WriteEndArray();
        }
        return Encoding.UTF8.GetString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    /// <summary>The JSON of one part, to compare and to show.</summary>
    public static string Write(StaticPart part, object? value)
    {
        var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) Write(json, part, value);
        return Encoding.UTF8.GetString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    /// <summary>The kind as files name it.</summary>
    public static string NameOf(StaticKind kind) => kind.ToString().ToLowerInvariant();

    /// <summary>Reads a value as its declared type; false if the JSON says something else.</summary>
    public static bool TryRead(JsonElement json, Type declared, out object? value)
    {
        try
        {
            value = Read(json, declared);
            return true;
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or OverflowException or ArgumentException or ShapeException)
        {
            value = null;
            return false;
        }
    }

    private static void Write(Utf8JsonWriter json, StaticPart part, object? value)
    {
        switch (part.Kind)
        {
            case StaticKind.Absent or StaticKind.Function: json.WriteNullValue(); break;
            case StaticKind.Type when value is Type type: json.WriteStringValue(NameOf(type)); break;
            case StaticKind.Children: json.WriteStringValue(value!.ToString()); break;
            default: WriteValue(json, part, value); break;
        }
    }

    private static void WriteValue(Utf8JsonWriter json, StaticPart part, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case bool flag: json.WriteBooleanValue(flag); break;
            case string text: json.WriteStringValue(IsText(text) ? text : throw AutogradErrors.NoTreeName(part.Path, "text")); break;
            case char letter: json.WriteNumberValue((int)letter); break;
            // JSON has no infinities, and a NaN has a payload.
            case double number when double.IsNaN(number): json.WriteStringValue(NanPrefix + BitConverter.DoubleToUInt64Bits(number).ToString("x16", CultureInfo.InvariantCulture)); break;
            case float number when float.IsNaN(number): json.WriteStringValue(NanPrefix + BitConverter.SingleToUInt32Bits(number).ToString("x8", CultureInfo.InvariantCulture)); break;
            case double number when double.IsInfinity(number): json.WriteStringValue(number.ToString(CultureInfo.InvariantCulture)); break;
            case float number when float.IsInfinity(number): json.WriteStringValue(number.ToString(CultureInfo.InvariantCulture)); break;
            case double number: json.WriteNumberValue(number); break;
            case float number: json.WriteNumberValue(number); break;
            case decimal number: json.WriteNumberValue(number); break;
            case ulong number: json.WriteNumberValue(number); break;
            case nuint number: json.WriteNumberValue(number); break;
            case nint number: json.WriteNumberValue(number); break;
            case Enum name: json.WriteStringValue(name.ToString()); break;
            case Shape shape:
                json.WriteStartArray();
                foreach (int dim in shape) json.WriteNumberValue(dim);
                json.WriteEndArray();
                break;
            case IConvertible number: json.WriteNumberValue(number.ToInt64(CultureInfo.InvariantCulture)); break;
            default: json.WriteStringValue(value.ToString()); break; // a key of a type of its own
        }
    }

    private static object? Read(JsonElement json, Type declared)
    {
        Type type = Nullable.GetUnderlyingType(declared) ?? declared;
        if (json.ValueKind == JsonValueKind.Null)
            return type == declared && declared.IsValueType ? throw new FormatException() : null;
        if (type == typeof(bool)) return json.GetBoolean();
        if (type == typeof(string)) return json.GetString();
        if (type == typeof(double)) return ReadDouble(json);
        if (type == typeof(float)) return ReadSingle(json);
        if (type == typeof(decimal)) return json.GetDecimal();
        if (type == typeof(ulong)) return json.GetUInt64();
        if (type == typeof(nuint)) return checked((nuint)json.GetUInt64());
        if (type == typeof(nint)) return checked((nint)json.GetInt64());
        if (type == typeof(char)) return checked((char)json.GetInt64());
        if (type == typeof(Shape)) return Shape.Create([.. json.EnumerateArray().Select(d => d.GetInt32())]);
        if (type.IsEnum) return Enum.Parse(type, json.GetString()!);
        return Convert.ChangeType(json.GetInt64(), type, CultureInfo.InvariantCulture);
    }

    private static double ReadDouble(JsonElement json) => json.ValueKind == JsonValueKind.Number ? json.GetDouble()
        : NanBits(json) is { } bits ? BitConverter.UInt64BitsToDouble(ulong.Parse(bits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))
        : double.Parse(json.GetString()!, CultureInfo.InvariantCulture);

    private static float ReadSingle(JsonElement json) => json.ValueKind == JsonValueKind.Number ? json.GetSingle()
        : NanBits(json) is { } bits ? BitConverter.UInt32BitsToSingle(uint.Parse(bits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))
        : float.Parse(json.GetString()!, CultureInfo.InvariantCulture);

    private static string? NanBits(JsonElement json) =>
        json.GetString() is { } text && text.StartsWith(NanPrefix, StringComparison.Ordinal) ? text[NanPrefix.Length..] : null;

    // As it is written in C#, without namespaces: Pair<Tensor, Int32>.
    private static string NameOf(Type type) => !type.IsGenericType ? type.Name
        : $"{type.Name[..Math.Max(0, type.Name.IndexOf('`'))]}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>";
}
