using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Nabla.Files;
using Nabla.Optim;

namespace Nabla.Tests.Autograd;

public sealed class TreeFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nabla-tree-").FullName;

    public enum Gate
    {
        Relu,
        Tanh,
    }

    internal sealed record Dense(Tensor Weight, Tensor? Bias, string Name, Gate Gate);

    internal sealed record Model(Dense[] Layers, Dictionary<string, Tensor> Extra, OptimizerState Optimizer, RandomKey Key, double Rate, int? Epoch, Shape Input);

    private sealed class Named(Tensor scale, object? rest) : ITree
    {
        public object? Rest => rest;

        public IReadOnlyList<object?> Children => [scale, rest];

        public ITree WithChildren(IReadOnlyList<object?> children) => new Named((Tensor)children[0]!, children[1]);

        public string ChildName(int index) => index == 0 ? "scale" : "rest";
    }

    private string File => Path.Combine(_folder, "tree.safetensors");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Model Sample(float start = 1, double rate = 0.5, int? epoch = 3) => new(
        [
            new Dense(Tensor.From([start, 2, 3, 4, 5, 6], [2, 3]).T.Dense, Tensor.From([1f, -0f]), "first", Gate.Tanh),
            new Dense(Tensor.Zeros([2, 2]), null, "second", Gate.Relu),
        ],
        new() { ["running.mean"] = Tensor.From([1.0]), ["Count"] = Tensor.From([7L]) },
        new OptimizerState(Tensor.Scalar(4, DType.I32), [[Tensor.From([1f])], [Tensor.From([2f])]]),
        new RandomKey(5), rate, epoch, [8, 8]);

    internal static byte[] Bits(Tensor tensor)
    {
        var stream = new MemoryStream();
        StoredElements.Write(stream, tensor.Dense);
        return stream.ToArray();
    }

    internal static void Same<T>(T expected, T actual)
    {
        (string[] paths, Tensor[] a, TreeStructure<T> structure) = Tree.FlattenWithPaths(expected);
        (Tensor[] b, TreeStructure<T> other) = Tree.Flatten(actual);
        Assert.Equal(structure, other);
        for (int i = 0; i < a.Length; i++)
        {
            Assert.Equal(a[i].Aval, b[i].Aval);
            Assert.True(Bits(a[i]).AsSpan().SequenceEqual(Bits(b[i])), $"the bits of {paths[i]} differ");
        }
    }

    /// <summary>A reader that shares no code with the one under test: names, then for each its type, shape and bytes.</summary>
    internal static Dictionary<string, (string Type, long[] Shape, byte[] Data)> ReadIndependently(string path, out Dictionary<string, string> metadata)
    {
        byte[] all = System.IO.File.ReadAllBytes(path);
        int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(all);
        using JsonDocument header = JsonDocument.Parse(Encoding.UTF8.GetString(all, 8, length));
        var tensors = new Dictionary<string, (string, long[], byte[])>();
        metadata = [];
        foreach (JsonProperty entry in header.RootElement.EnumerateObject())
        {
            if (entry.Name == "__metadata__")
            {
                metadata = entry.Value.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!);
                continue;
            }
            int[] range = [.. entry.Value.GetProperty("data_offsets").EnumerateArray().Select(o => o.GetInt32())];
            tensors.Add(entry.Name, (entry.Value.GetProperty("dtype").GetString()!, [.. entry.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64())],
                all[(8 + length + range[0])..(8 + length + range[1])]));
        }
        return tensors;
    }

    [Fact]
    public void Paths_are_what_a_person_would_write()
    {
        Assert.Equal(
            ["layers.0.weight", "layers.0.bias", "layers.1.weight", "extra.Count", "extra.running.mean", "optimizer.step", "optimizer.slots.0.0", "optimizer.slots.1.0", "key.words"],
            Tree.FlattenWithPaths(Sample()).Paths);
        Assert.Equal(["0.scale", "0.rest.1", "1"], Tree.FlattenWithPaths((new Named(Tensor.Scalar(1), (2, Tensor.Scalar(3))), (Tensor)Tensor.Scalar(4))).Paths);
        Assert.Equal([""], Tree.FlattenWithPaths((Tensor)Tensor.Scalar(1)).Paths);
    }

    [Fact]
    public void A_tree_comes_back_bit_for_bit_with_its_static_values()
    {
        Model saved = Sample();
        TreeFile.Save(File, saved);
        Model loaded = TreeFile.Load(File, Sample(start: 9, rate: 0, epoch: null));
        Same(saved, loaded);
        Assert.Equal((0.5, 3, "first", Gate.Tanh), (loaded.Rate, loaded.Epoch, loaded.Layers[0].Name, loaded.Layers[0].Gate));
        Assert.Null(loaded.Layers[1].Bias);
    }

    [Fact]
    public void Another_reader_finds_the_same_names_shapes_and_bytes()
    {
        Model saved = Sample();
        TreeFile.Save(File, saved, [new("note", "π \"quoted\"")]);
        var tensors = ReadIndependently(File, out Dictionary<string, string> metadata);
        (string[] paths, Tensor[] leaves, _) = Tree.FlattenWithPaths(saved);
        Assert.Equal(paths.Order(StringComparer.Ordinal), tensors.Keys.Order(StringComparer.Ordinal));
        for (int i = 0; i < paths.Length; i++)
        {
            Assert.Equal(leaves[i].DType.Name.ToUpperInvariant(), tensors[paths[i]].Type);
            Assert.Equal(leaves[i].Shape.Dims.ToArray().Select(d => (long)d), tensors[paths[i]].Shape);
            Assert.Equal(Bits(leaves[i]), tensors[paths[i]].Data);
        }
        // Written by hand: the transposed matrix, row by row.
        Assert.Equal([1, 4, 2, 5, 3, 6], System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(tensors["layers.0.weight"].Data).ToArray());
        Assert.Equal(("1", "π \"quoted\""), (metadata["nabla.version"], metadata["note"]));
        Assert.Contains("""["layers.0.gate","value","Tanh"]""", metadata["nabla.tree"]);
        Assert.Contains("""["layers.1.bias","absent",null]""", metadata["nabla.tree"]);
    }

    [Fact]
    public void A_single_tensor_is_a_tree_too()
    {
        Tensor nan = Tensor.From([BitConverter.UInt32BitsToSingle(0x7FA12345), -0f, float.Epsilon, float.NegativeInfinity]);
        TreeFile.Save(File, nan);
        Same(nan, TreeFile.Load(File, (Tensor)Tensor.Zeros([4])));
        Assert.Equal(["value"], ReadIndependently(File, out _).Keys);
    }

    [Fact]
    public void Everything_that_differs_is_said_at_once()
    {
        TreeFile.Save(File, new Dictionary<string, Tensor> { ["0.weight"] = Tensor.Zeros([2, 3]), ["0.bias"] = Tensor.Zeros([3]), ["head"] = Tensor.Zeros([4], DType.F64) });
        var like = new Dictionary<string, Tensor> { ["0.weigth"] = Tensor.Zeros([2, 3]), ["0.bias"] = Tensor.Zeros([5]), ["head"] = Tensor.Zeros([4]), };
        var error = Assert.Throws<TreeFileException>(() => TreeFile.Load(File, like));
        Assert.Equal("NB0412", error.Code);
        Assert.Equal(
            [
                "shape: 0.bias is f32[3] in the file, f32[5] in the example",
                "missing: 0.weigth f32[2,3]; the nearest in the file is 0.weight f32[2,3]",
                "element type: head is f64[4] in the file, f32[4] in the example",
                "unexpected: 0.weight f32[2,3]",
                "key: 0.weigth is not in the file, \"0.weigth\" in the example",
            ], error.Differences);
        Assert.All(error.Differences, line => Assert.Contains(line, error.Message));
    }

    [Fact]
    public void Structure_is_compared_and_types_are_never_taken_from_a_file()
    {
        TreeFile.Save(File, new List<object> { (Tensor)Tensor.Scalar(1), "text", 3 });
        var error = Assert.Throws<TreeFileException>(() => TreeFile.Load(File, new List<object> { (Tensor)Tensor.Scalar(1), 4, 3, 4 }));
        Assert.Equal(
            [
                "length: the whole is 3 in the file, 4 in the example", "type: 1 is \"String\" in the file, \"Int32\" in the example",
                "value: 1 is \"text\" in the file, of type Int32 in the example", "type: 3 is not in the file, \"Int32\" in the example",
                "value: 3 is not in the file, 4 in the example",
            ], error.Differences);
    }

    [Fact]
    public void Without_strictness_the_example_fills_what_is_missing()
    {
        TreeFile.Save(File, new Dictionary<string, Tensor> { ["a"] = Tensor.From([1f]), ["more"] = Tensor.From([2f]) });
        var like = new Dictionary<string, Tensor> { ["a"] = Tensor.From([8f]), ["b"] = Tensor.From([9f]) };
        var loaded = TreeFile.Load(File, like, strict: false);
        Assert.Equal([1, 9], Tree.Leaves(loaded).Select(t => t.ToDouble()));
        like["a"] = Tensor.Zeros([2]);
        Assert.Equal("NB0412", Assert.Throws<TreeFileException>(() => TreeFile.Load(File, like, strict: false)).Code);
    }

    [Fact]
    public void Files_of_other_programs_do_if_names_and_shapes_fit()
    {
        Model like = Sample(start: 7, rate: 0.25);
        (string[] paths, Tensor[] leaves, _) = Tree.FlattenWithPaths(Sample());
        Safetensors.Write(File, paths.Zip(leaves, KeyValuePair.Create).Reverse(), [new("format", "pt")]);
        Same(Sample(rate: 0.25), TreeFile.Load(File, like));
    }

    [Fact]
    public void Names_that_collide_are_refused()
    {
        var tree = new Dictionary<string, Dictionary<string, Tensor>> { ["a"] = new() { ["b.c"] = Tensor.Scalar(1) }, ["a.b"] = new() { ["c"] = Tensor.Scalar(2) } };
        Assert.Equal("NB0415", Assert.Throws<TreeFileException>(() => TreeFile.Save(File, tree)).Code);
        foreach (string key in (string[])["__metadata__", "\ud800"])
            Assert.Equal("NB0415", Assert.Throws<TreeFileException>(() => TreeFile.Save(File, new Dictionary<string, Tensor> { [key] = Tensor.Scalar(1) })).Code);
        Assert.Equal("NB0415", Assert.Throws<TreeFileException>(() => TreeFile.Save(File, ("\udc00", 1))).Code);
        Assert.Equal("NB0415", Assert.Throws<TreeFileException>(() => TreeFile.Save(File, 1, [new("nabla.tree", "[]")])).Code);
        Assert.False(System.IO.File.Exists(File));
    }

    [Fact]
    public void A_later_version_is_refused_with_a_sentence()
    {
        TreeFile.Save(File, (Tensor)Tensor.Scalar(1));
        SafetensorsContent content = Safetensors.Read(File);
        content.Metadata["nabla.version"] = "2";
        content.Metadata["nabla.checksum"] = TreeFileContent.Checksum(content.Tensors.Select(t => KeyValuePair.Create(t.Key, (Tensor)t.Value)), content.Metadata);
        Safetensors.Write(File, content.Tensors.Select(t => KeyValuePair.Create(t.Key, (Tensor)t.Value)), content.Metadata);
        var error = Assert.Throws<TreeFileException>(() => TreeFile.Load(File, (Tensor)Tensor.Scalar(1)));
        Assert.Equal("NB0413", error.Code);
        Assert.Contains("is of format 2; this program reads up to 1", error.Message);
    }

    [Fact]
    public void Tensors_go_to_the_device_of_the_example()
    {
        TreeFile.Save(File, (Tensor)Tensor.From([1f, 2]));
        Tensor loaded = TreeFile.Load(File, (Tensor)Tensor.Zeros([2], device: Device.Reference));
        Assert.Same(Device.Reference, loaded.Device);
        Assert.Equal([1, 2], loaded.ToDoubles());
    }
}
