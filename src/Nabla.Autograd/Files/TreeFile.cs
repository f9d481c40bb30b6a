namespace Nabla.Files;

/// <summary>
/// Any tree of tensors as one safetensors file: parameters, optimiser states, random keys, whole training states. Tensors are named by their paths
/// (<see cref="Tree.FlattenWithPaths"/>), so that other programs find <c>layers.0.weight</c> where they expect it; a value that is a single
/// tensor is named <c>value</c>.
/// </summary>
/// <remarks>
/// Everything else that a tree holds is written as JSON under the metadata key <c>nabla.tree</c>: a list of [path, kind, value], in the order of the tree.
/// <c>nabla.version</c> is the version of that format, <c>nabla.checksum</c> a CRC-32 over all names, types, elements and metadata.
/// A file never decides which type is made: types come from the example.
/// </remarks>
public static class TreeFile
{
    /// <summary>The version of the format that is written; files up to it can be read.</summary>
    public const int Version = 1;

    /// <summary>Writes a tree; see <see cref="AtomicFile"/>. Tensors of any layout and device are written densely, bit for bit.</summary>
    /// <param name="path">The file; an existing one is replaced.</param>
    /// <param name="value">The tree.</param>
    /// <param name="metadata">More text to keep in the file; keys that start with <c>nabla.</c> are taken.</param>
    /// <exception cref="TreeFileException">NB0415: two parts have the same path, or a name or text cannot be written.</exception>
    /// <exception cref="IOException">The file cannot be written; the old one is as it was.</exception>
    public static void Save<T>(string path, T value, IEnumerable<KeyValuePair<string, string>>? metadata = null)
    {
        TreeParts parts = TreeParts.Of(value);
        KeyValuePair<string, Tensor>[] tensors = [.. parts.Names.Zip(parts.Leaves, KeyValuePair.Create)];
        SortedDictionary<string, string> text = TreeFileContent.Describe(parts, metadata ?? []);
        text.Add(TreeFileContent.ChecksumKey, TreeFileContent.Checksum(tensors, text));
        Safetensors.Write(path, tensors, text);
    }

    /// <summary>
    /// Reads a tree of the structure of an example. Tensors go to the devices of the example's; static values (numbers, texts, enums, shapes) are those of the
    /// file, delegates those of the example. A safetensors file of another program does if names and shapes fit: there, all static values are the example's.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="like">The example: which types, which lengths and keys, which shapes and element types. Its elements are not looked at.</param>
    /// <param name="strict">
    /// False: tensors that only the file has are ignored, and parts that only the example has are taken from it. Shapes and element types must agree
    /// nevertheless.
    /// </param>
    /// <exception cref="FileFormatException">NB0401–NB0409: not a safetensors file, or damaged; NB0414: the checksum differs.</exception>
    /// <exception cref="TreeFileException">NB0412: file and example differ; NB0413: the file is of a later version; NB0415: the example has no names.</exception>
    public static T Load<T>(string path, T like, bool strict = true) => TreeFileContent.Read(path).Fit(like, strict);
}

/// <summary>A tree taken apart for a file.</summary>
internal sealed record TreeParts(string[] Names, Tensor[] Leaves, IReadOnlyList<StaticPart> Statics, object?[] Values)
{
    private const string NameOfRoot = "value";

    /// <exception cref="TreeFileException">NB0415: two parts have the same path, or one that cannot be written.</exception>
    public static TreeParts Of<T>(T value)
    {
        var sink = new TreeSink { Paths = new TreePaths() };
        TreeCodec<T>.Instance.Flatten(value, sink);
        string[] names = [.. sink.Paths.Leaves.Select(path => path.Length == 0 ? NameOfRoot : path)];
        var taken = new HashSet<string> { SafetensorsHeader.MetadataKey };
        foreach (string name in names)
            if (!StaticText.IsText(name) || !taken.Add(name)) throw AutogradErrors.NoTreeName(name, "tensor");
        var parts = new HashSet<(string, StaticKind)>();
        foreach (StaticPart part in sink.Paths.Statics)
            if (!StaticText.IsText(part.Path) || !parts.Add((part.Path, part.Kind))) throw AutogradErrors.NoTreeName(part.Path, "part");
        return new TreeParts(names, [.. sink.Leaves], sink.Paths.Statics, [.. sink.Statics]);
    }
}
