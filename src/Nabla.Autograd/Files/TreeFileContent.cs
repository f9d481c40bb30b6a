using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Nabla.Files;

/// <summary>A file that was read and found whole, before it is compared with an example.</summary>
internal sealed class TreeFileContent
{
    public const string ChecksumKey = "nabla.checksum";

    private const string Format = "tree file", VersionKey = "nabla.version", TreeKey = "nabla.tree", Reserved = "nabla.";

    private readonly string _path;
    private readonly SafetensorsContent _content;
    private readonly Dictionary<(string Path, string Kind), JsonElement>? _statics;

    private TreeFileContent(string path, SafetensorsContent content)
    {
        (_path, _content) = (path, content);
        if (content.Metadata.TryGetValue(TreeKey, out string? tree)) _statics = Parse(path, tree);
    }

    /// <summary>The text beside the tensors.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _content.Metadata;

    /// <summary>Reads a file and checks its checksum, which <paramref name="ours"/> says must be there, and its version.</summary>
    public static TreeFileContent Read(string path, bool ours = false)
    {
        SafetensorsContent content = Safetensors.Read(path);
        var metadata = content.Metadata;
        if (metadata.TryGetValue(ChecksumKey, out string? stated))
        {
            string found = Checksum(content.Tensors.Select(t => KeyValuePair.Create(t.Key, (Tensor)t.Value)), metadata);
            if (found != stated) throw AutogradErrors.WrongChecksum(path, found, stated);
        }
        else if (ours)
        {
            throw AutogradErrors.WrongChecksum(path, "none", "one");
        }
        if (metadata.TryGetValue(VersionKey, out string? version) && (!int.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number > TreeFile.Version))
            throw AutogradErrors.LaterVersion(path, version, TreeFile.Version);
        return new TreeFileContent(path, content);
    }

    /// <summary>The metadata of a tree, the checksum left out.</summary>
    public static SortedDictionary<string, string> Describe(TreeParts parts, IEnumerable<KeyValuePair<string, string>> more)
    {
        var text = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            [VersionKey] = TreeFile.Version.ToString(CultureInfo.InvariantCulture),
            [TreeKey] = StaticText.Write(parts),
        };
        foreach ((string key, string value) in more)
        {
            if (key.StartsWith(Reserved, StringComparison.Ordinal) || !StaticText.IsText(key) || !StaticText.IsText(value)) throw AutogradErrors.NoTreeName(key, "metadata key");
            text.Add(key, value);
        }
        return text;
    }

    /// <summary>
    /// CRC-32 over name, type and elements of each tensor and over key and text of the other metadata, both in order of their names, each closed by a
    /// zero byte: eight hexadecimal digits. It is the same for every version of the format.
    /// </summary>
    public static string Checksum(IEnumerable<KeyValuePair<string, Tensor>> tensors, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        using var sum = new ChecksumStream();
        foreach ((string name, Tensor tensor) in tensors.OrderBy(t => t.Key, StringComparer.Ordinal))
        {
            sum.Write(Encoding.UTF8.GetBytes($"{name}\0{tensor.Aval}\0"));
            StoredElements.Write(sum, tensor.Dense);
        }
        foreach ((string key, string value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
            if (key != ChecksumKey) sum.Write(Encoding.UTF8.GetBytes($"{key}\0{value}\0"));
        return sum.Value.ToString("x8", CultureInfo.InvariantCulture);
    }

    /// <summary>The value that the file holds, of the structure of an example; see <see cref="TreeFile.Load"/>.</summary>
    public T Fit<T>(T like, bool strict)
    {
        TreeParts parts = TreeParts.Of(like);
        var differences = new List<string>();
        Tensor[] leaves = FitTensors(parts, strict, differences);
        object?[] statics = FitStatics(parts, strict, differences);
        if (differences.Count > 0) throw AutogradErrors.TreeDiffers(_path, differences);
        return new TreeStructure<T>(statics, leaves.Length).Unflatten(leaves);
    }

    private Tensor[] FitTensors(TreeParts parts, bool strict, List<string> differences)
    {
        var leaves = (Tensor[])parts.Leaves.Clone();
        var expected = parts.Names.ToHashSet();
        string[] unexpected = [.. _content.Tensors.Keys.Where(name => !expected.Contains(name))];
        for (int i = 0; i < leaves.Length; i++)
        {
            string name = parts.Names[i];
            Aval aval = leaves[i].Aval;
            if (!_content.Tensors.TryGetValue(name, out DenseTensor? found))
            {
                if (strict) differences.Add($"missing: {name} {aval}{Nearest(name, aval, unexpected, differences.Count)}");
            }
            else if (found.Aval != aval)
            {
                differences.Add($"{(found.Shape == aval.Shape ? "element type" : "shape")}: {name} is {found.Aval} in the file, {aval} in the example");
            }
            else
            {
                leaves[i] = found.ToDevice(leaves[i].Device);
            }
        }
        if (strict) differences.AddRange(unexpected.Select(name => $"unexpected: {name} {_content.Tensors[name].Aval}"));
        return leaves;
    }

    // Searching costs the product of both numbers of names: only as long as a person may read on.
    private string Nearest(string name, Aval aval, string[] names, int before)
    {
        if (names.Length == 0 || before >= TreeFileException.Shown) return "";
        string[] fitting = [.. names.Where(n => _content.Tensors[n].Aval == aval)];
        string nearest = Suggestions.Nearest(name, fitting.Length > 0 ? fitting : names, 1)[0];
        return $"; the nearest in the file is {nearest} {_content.Tensors[nearest].Aval}";
    }

    private object?[] FitStatics(TreeParts parts, bool strict, List<string> differences)
    {
        object?[] statics = [.. parts.Values];
        if (_statics is null) return statics;
        for (int i = 0; i < statics.Length; i++)
        {
            StaticPart part = parts.Statics[i];
            if (part.Kind is StaticKind.Absent or StaticKind.Function) continue;
            string where = $"{StaticText.NameOf(part.Kind)}: {(part.Path.Length == 0 ? "the whole" : part.Path)}", here = StaticText.Write(part, statics[i]);
            if (!_statics.TryGetValue((part.Path, StaticText.NameOf(part.Kind)), out JsonElement found))
            {
                if (strict) differences.Add($"{where} is not in the file, {here} in the example");
            }
            else if (part.Kind == StaticKind.Value)
            {
                if (StaticText.TryRead(found, part.Declared!, out object? value)) statics[i] = value;
                else differences.Add($"{where} is {found.GetRawText()} in the file, of type {part.Declared!.Name} in the example");
            }
            else if (strict && !SameText(found, here))
            {
                differences.Add($"{where} is {found.GetRawText()} in the file, {here} in the example");
            }
        }
        return statics;
    }

    private static bool SameText(JsonElement found, string here)
    {
        using JsonDocument expected = JsonDocument.Parse(here);
        return JsonElement.DeepEquals(found, expected.RootElement);
    }

    private static Dictionary<(string, string), JsonElement> Parse(string path, string tree)
    {
        var statics = new Dictionary<(string, string), JsonElement>();
        try
        {
            using JsonDocument document = JsonDocument.Parse(tree, new JsonDocumentOptions { MaxDepth = 4 });
            foreach (JsonElement part in document.RootElement.EnumerateArray())
                statics[(part[0].GetString()!, part[1].GetString()!)] = part[2].Clone();
            return statics;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw TensorErrors.FileHeader(new FilePlace(Format, path, 0), $"'{TreeKey}' is unreadable", "a JSON list of [path, kind, value]", e);
        }
    }

    private sealed class ChecksumStream : Stream
    {
        public uint Value { get; private set; }

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer) => Value = Crc32.Append(Value, buffer);

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
