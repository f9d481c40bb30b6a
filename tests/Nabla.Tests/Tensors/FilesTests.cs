using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using Nabla.Files;

namespace Nabla.Tests.Tensors;

public sealed class FilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nabla-files-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string At(string name) => Path.Combine(_folder, name);

    /// <summary>Tensors of every element type in every kind of layout, with special values.</summary>
    internal static IEnumerable<DenseTensor> Samples()
    {
        DenseTensor[] bases =
        [
            Tensor.From([1.5f, -0f, float.NaN, float.PositiveInfinity, float.Epsilon, float.MinValue], [2, 3]),
            Tensor.From([0.1, -0.0, double.NaN, double.NegativeInfinity, double.Epsilon, double.MaxValue], [2, 3]),
            Tensor.From([0, 1, -1, int.MaxValue, int.MinValue, 42], [2, 3]),
            Tensor.From([0, 1, -1, long.MaxValue, long.MinValue, 42], [2, 3]),
            Tensor.From([true, false, false, true, true, false], [2, 3]),
        ];
        foreach (DenseTensor x in bases)
        {
            yield return x;
            yield return x.View(x.Layout.Transpose([1, 0]));
            yield return x.View(x.Layout.Slice([1, 2], [2, 2], [-1, -2]));
            yield return x.View(x.Layout.BroadcastInDim([2, 3, 4], [0, 1]));
            yield return x.View(new Layout(Shape.Scalar, [], 3));
            yield return x.View(Layout.RowMajor([0, 3]));
            yield return x.View(new Layout([5], [1], 1));
        }
        yield return Tensor.From(Enumerable.Range(0, 300_000).ToArray(), [300, 1000]);
        DenseTensor large = Tensor.From(Enumerable.Range(0, 300_000).Select(i => (long)i).ToArray(), [300, 1000]);
        yield return large.View(large.Layout.Transpose([1, 0]));
    }

    internal static void AssertSame(DenseTensor expected, DenseTensor actual)
    {
        Assert.Equal(expected.Aval, actual.Aval);
        Assert.Equal(expected.ToDoubles(), actual.ToDoubles());
        if (expected.DType == DType.F32)
            Assert.Equal(Bits(expected.ToArray<float>()), Bits(actual.ToArray<float>()));
        if (expected.DType == DType.I64) Assert.Equal(expected.ToArray<long>(), actual.ToArray<long>());
        static int[] Bits(float[] x) => MemoryMarshal.Cast<float, int>(x).ToArray();
    }

    internal static byte[] NpyBytes(string header, ReadOnlySpan<byte> data, byte major = 1)
    {
        byte[] text = Encoding.Latin1.GetBytes(header);
        byte[] length = major == 1 ? BitConverter.GetBytes((ushort)text.Length) : BitConverter.GetBytes(text.Length);
        return [0x93, .. "NUMPY"u8, major, 0, .. length, .. text, .. data];
    }

    private static DenseTensor ReadNpy(byte[] bytes) => Npy.Read(new MemoryStream(bytes));

    [Fact]
    public void Npy_gives_every_element_type_and_layout_back()
    {
        foreach (DenseTensor tensor in Samples())
        {
            Npy.Write(At("x.npy"), tensor);
            AssertSame(tensor, Npy.Read(At("x.npy")));
        }
    }

    [Fact]
    public void Npy_arrays_can_follow_each_other_in_a_stream()
    {
        var stream = new MemoryStream();
        foreach (DenseTensor tensor in Samples()) Npy.Write(stream, tensor);
        stream.Position = 0;
        foreach (DenseTensor tensor in Samples()) AssertSame(tensor, Npy.Read(stream));
        Assert.Equal(stream.Length, stream.Position);
    }

    [Fact]
    public void Npy_writes_the_bytes_that_numpy_writes()
    {
        var stream = new MemoryStream();
        Npy.Write(stream, Tensor.From([1, 2, 3]));
        string header = "{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }".PadRight(117) + "\n";
        Assert.Equal(NpyBytes(header, [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]), stream.ToArray());
    }

    [Theory]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }\n", 1)]
    [InlineData("{'descr':\"<f4\",'fortran_order':False,'shape':(2L,1L)}", 1)]
    [InlineData("{'shape': (2, 1), 'fortran_order': False, 'descr': '=f4'}   \n", 2)]
    [InlineData("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 1,), }\n", 3)]
    public void Npy_headers_of_all_versions_and_spellings_are_read(string header, byte major)
    {
        DenseTensor tensor = ReadNpy(NpyBytes(header, MemoryMarshal.AsBytes<float>([1.5f, -2f]), major));
        Assert.Equal("f32[2,1]", tensor.Aval.ToString());
        Assert.Equal([1.5f, -2f], tensor.ToArray<float>());
    }

    [Fact]
    public void Npy_in_Fortran_order_is_read_as_a_transposed_view()
    {
        DenseTensor tensor = ReadNpy(NpyBytes("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3), }\n",
            MemoryMarshal.AsBytes<int>([1, 4, 2, 5, 3, 6])));
        Assert.Equal([2, 3], tensor.Shape);
        Assert.Equal([1, 2, 3, 4, 5, 6], tensor.ToArray<int>());
        Assert.False(tensor.IsContiguous);
    }

    [Theory]
    [InlineData(">f4", "3fc00000c0000000", "f32[2]", 1.5, -2)]
    [InlineData(">f8", "3ff8000000000000c000000000000000", "f64[2]", 1.5, -2)]
    [InlineData(">i4", "00000001fffffffe", "i32[2]", 1, -2)]
    [InlineData(">i8", "0000000000000001fffffffffffffffe", "i64[2]", 1, -2)]
    [InlineData("<f2", "003e00c0", "f32[2]", 1.5, -2)]
    [InlineData(">f2", "3e00c000", "f32[2]", 1.5, -2)]
    [InlineData("|i1", "01fe", "i32[2]", 1, -2)]
    [InlineData("|u1", "01fe", "i32[2]", 1, 254)]
    [InlineData("<i2", "0100feff", "i32[2]", 1, -2)]
    [InlineData(">u2", "0001fffe", "i32[2]", 1, 65534)]
    [InlineData("<u4", "01000000feffffff", "i64[2]", 1, 4294967294)]
    [InlineData("|b1", "0102", "bool[2]", 1, 1)]
    public void Npy_element_types_are_converted_exactly(string descr, string hex, string aval, double first, double second)
    {
        DenseTensor tensor = ReadNpy(NpyBytes(
            $"{{'descr': '{descr}', 'fortran_order': False, 'shape': (2,), }}\n", Convert.FromHexString(hex)));
        Assert.Equal(aval, tensor.Aval.ToString());
        Assert.Equal([first, second], tensor.ToDoubles());
    }

    [Fact]
    public void A_stream_of_unknown_length_is_read_as_it_arrives()
    {
        byte[] bytes = NpyBytes("{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }\n", [1, 0, 0, 0, 2, 0, 0, 0]);
        var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(bytes);
        compressed.Position = 0;
        Assert.Equal([1, 2], Npy.Read(new GZipStream(compressed, CompressionMode.Decompress)).ToArray<int>());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Npz_gives_names_order_and_elements_back(bool compress)
    {
        KeyValuePair<string, Tensor>[] arrays = [.. Samples().Select((t, i) => KeyValuePair.Create($"layer/{99 - i}.weight", (Tensor)t))];
        Npz.Write(At("x.npz"), arrays, compress);
        OrderedDictionary<string, DenseTensor> read = Npz.Read(At("x.npz"));
        Assert.Equal(arrays.Select(a => a.Key), read.Keys);
        foreach ((string name, Tensor tensor) in arrays) AssertSame(tensor.Dense, read[name]);
        Assert.Throws<ArgumentException>(() => Npz.Write(At("x.npz"), [arrays[0], arrays[0]]));
        Assert.Equal(read.Keys, Npz.Read(At("x.npz")).Keys);
    }

    /// <summary>Written by Python's zipfile: w = f4[2,3] of 1…6, b = i8[2] of −1, 7.</summary>
    internal const string GoldenNpz =
        "UEsDBBQAAAAIAAAAIQB8nN6iWAAAAJgAAAAFAAAAdy5ucHmb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZfVFKUmBefX5SSChJ3S8wpTgWK" +
        "F2ckFqQC+RpGOgrGmjoKtQpkAy4GhgZ7BgYGByAC4gYgXgDEBxwAUEsDBBQAAAAIAAAAIQDD7vqYSgAAAJAAAAAFAAAAYi5ucHmb7BfqGxDJyFDG" +
        "UK2eklqcXKRupaBuk2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFACu/1DAzgABAFBLAQIUAxQAAAAIAAAAIQB8nN6i" +
        "WAAAAJgAAAAFAAAAAAAAAAAAAACAAQAAAAB3Lm5weVBLAQIUAxQAAAAIAAAAIQDD7vqYSgAAAJAAAAAFAAAAAAAAAAAAAACAAXsAAABiLm5weVBL" +
        "BQYAAAAAAgACAGYAAADoAAAAAAA=";

    [Fact]
    public void Npz_of_another_writer_is_read()
    {
        OrderedDictionary<string, DenseTensor> read = Npz.Read(new MemoryStream(Convert.FromBase64String(GoldenNpz)));
        Assert.Equal(["w", "b"], read.Keys);
        AssertSame(Tensor.From([1f, 2, 3, 4, 5, 6], [2, 3]), read["w"]);
        AssertSame(Tensor.From([-1L, 7L]), read["b"]);
    }

    [Fact]
    public void Safetensors_give_names_order_elements_and_text_back()
    {
        KeyValuePair<string, Tensor>[] tensors = [.. Samples().Select((t, i) => KeyValuePair.Create($"x.{99 - i}", (Tensor)t))];
        KeyValuePair<string, string>[] text = [new("format", "nabla"), new("quote \"é\"", "")];
        Safetensors.Write(At("x.safetensors"), tensors, text);
        SafetensorsContent read = Safetensors.Read(At("x.safetensors"));
        Assert.Equal(tensors.Select(t => t.Key), read.Tensors.Keys);
        foreach ((string name, Tensor tensor) in tensors) AssertSame(tensor.Dense, read.Tensors[name]);
        Assert.Equal(text, read.Metadata);
    }

    /// <summary>Made by hand: a = F32[2,1] of 1.5, −2 and b = BF16[2] of 1, −3, in the other order in the header; padded.</summary>
    internal const string GoldenSafetensors =
        "qAAAAAAAAAB7Il9fbWV0YWRhdGFfXyI6IHsiZm9ybWF0IjogInB0In0sICJiIjogeyJkdHlwZSI6ICJCRjE2IiwgInNoYXBlIjogWzJdLCAiZGF0YV9v" +
        "ZmZzZXRzIjogWzgsIDEyXX0sICJhIjogeyJkdHlwZSI6ICJGMzIiLCAic2hhcGUiOiBbMiwgMV0sICJkYXRhX29mZnNldHMiOiBbMCwgOF19fSAgICAg" +
        "ICAAAMA/AAAAwIA/QMA=";

    [Fact]
    public void Safetensors_of_another_writer_are_read()
    {
        SafetensorsContent read = Safetensors.Read(new MemoryStream(Convert.FromBase64String(GoldenSafetensors)));
        Assert.Equal(["b", "a"], read.Tensors.Keys);
        AssertSame(Tensor.From([1.5f, -2f], [2, 1]), read.Tensors["a"]);
        AssertSame(Tensor.From([1f, -3f]), read.Tensors["b"]);
        Assert.Equal("pt", read.Metadata["format"]);
    }

    [Fact]
    public void Safetensors_are_written_aligned_and_as_specified()
    {
        var stream = new MemoryStream();
        Safetensors.Write(stream, [new("mask", Tensor.From([true])), new("w", Tensor.From([1.0]))]);
        byte[] bytes = stream.ToArray();
        const string json = """{"mask":{"dtype":"BOOL","shape":[1],"data_offsets":[8,9]},"w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}""";
        int length = (json.Length + 7) / 8 * 8;
        Assert.Equal([.. BitConverter.GetBytes((long)length), .. Encoding.UTF8.GetBytes(json.PadRight(length)), .. BitConverter.GetBytes(1.0), 1], bytes);
        Assert.Throws<ArgumentException>(() => Safetensors.Write(stream, [new("__metadata__", Tensor.From([1.0]))]));
    }

    [Theory]
    [InlineData("00000802 00000001 00000002 01fe", null, "i32[1,2]", 1, 254)]
    [InlineData("00000802 00000001 00000002 01fe", DType.F32, "f32[1,2]", 1, 254)]
    [InlineData("00000901 00000002 01fe", null, "i32[2]", 1, -2)]
    [InlineData("00000b01 00000002 0001fffe", null, "i32[2]", 1, -2)]
    [InlineData("00000b01 00000002 0001fffe", DType.F32, "f32[2]", 1, -2)]
    [InlineData("00000c01 00000002 00000001fffffffe", null, "i32[2]", 1, -2)]
    [InlineData("00000d01 00000002 3fc00000c0000000", null, "f32[2]", 1.5, -2)]
    [InlineData("00000e01 00000002 3ff8000000000000c000000000000000", null, "f64[2]", 1.5, -2)]
    public void Idx_of_every_element_type_is_read_plain_and_compressed(string hex, DType? dtype, string aval, double first, double second)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", ""));
        File.WriteAllBytes(At("x.idx"), bytes);
        using (var gzip = new GZipStream(File.Create(At("x.idx.gz")), CompressionLevel.Optimal)) gzip.Write(bytes);
        foreach (string name in (string[])["x.idx", "x.idx.gz"])
        {
            DenseTensor tensor = Idx.Read(At(name), dtype);
            Assert.Equal(aval, tensor.Aval.ToString());
            Assert.Equal([first, second], tensor.ToDoubles());
        }
        Assert.Equal("NB0203", Assert.Throws<DTypeException>(() => Idx.Read(At("x.idx"), DType.Bool)).Code);
    }

    [Fact]
    public void Idx_reads_the_real_digits()
    {
        string? data = Environment.GetEnvironmentVariable("NABLA_DATA") ?? FindData();
        string folder = Path.Combine(data ?? "", "mnist");
        if (!Directory.Exists(folder)) Assert.Skip("No MNIST files: set NABLA_DATA.");
        DenseTensor images = Idx.Read(Path.Combine(folder, "t10k-images-idx3-ubyte.gz"), DType.F32);
        DenseTensor labels = Idx.Read(Path.Combine(folder, "t10k-labels-idx1-ubyte.gz"));
        Assert.Equal("f32[10000,28,28]", images.Aval.ToString());
        Assert.Equal("i32[10000]", labels.Aval.ToString());
        Assert.Equal([7, 2, 1, 0, 4, 1, 4, 9, 5, 9], labels.ToArray<int>()[..10]);
        float[] pixels = images.ToArray<float>();
        Assert.Equal((0f, 255f), (pixels.Min(), pixels.Max()));
    }

    private static string? FindData()
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
            if (File.Exists(Path.Combine(at, "Nabla.sln")) && Path.Combine(at, "../shared/data") is var data && Directory.Exists(data)) return data;
        return null;
    }

    [Fact]
    public void Csv_gives_the_same_bits_back()
    {
        foreach (DenseTensor tensor in Samples().Where(t => t.Rank == 2 && t.Count is > 0 and < 1000))
        {
            foreach (string name in (string[])["x.csv", "x.csv.gz"])
            {
                string[] header = [.. Enumerable.Range(0, tensor.Shape[1]).Select(i => $"\"{i}, ü")];
                Csv.Write(At(name), tensor, header);
                CsvTable table = Csv.Read(At(name), tensor.DType);
                AssertSame(tensor, table.Values);
                Assert.Equal(header, table.Header);
            }
        }
    }

    private static CsvTable ReadCsv(string text, DType dtype = DType.F64, bool? header = null, char delimiter = ',') =>
        Csv.Read(new MemoryStream(Encoding.UTF8.GetBytes(text)), dtype, header, delimiter);

    [Theory]
    [InlineData("1,2\n3,4\n")]
    [InlineData("1,2\r\n3,4")]
    [InlineData("\uFEFF 1.0 ,\t2e0\n+3,4\n\n  \n")]
    public void Csv_forgives_line_ends_spaces_and_a_byte_order_mark(string text)
    {
        CsvTable table = ReadCsv(text);
        Assert.Null(table.Header);
        Assert.Equal("f64[2,2]", table.Values.Aval.ToString());
        Assert.Equal([1.0, 2, 3, 4], table.Values.ToDoubles());
    }

    [Fact]
    public void Csv_headers_special_values_and_delimiters_are_read()
    {
        CsvTable table = ReadCsv("a; \"b;\"\"c\" ;\nnan;-inf;1e-3\n", DType.F32, delimiter: ';');
        Assert.Equal(["a", "b;\"c", ""], table.Header);
        Assert.Equal([float.NaN, float.NegativeInfinity, 1e-3f], table.Values.ToArray<float>());
        Assert.Equal("f64[0,2]", ReadCsv("x,y\n").Values.Aval.ToString());
        Assert.Equal(["1", "2"], ReadCsv("1,2\n3,4\n", header: true).Header);
    }

    [Fact]
    public void Csv_lines_longer_than_the_buffer_are_read()
    {
        string line = string.Join(',', Enumerable.Range(0, 50_000));
        DenseTensor values = ReadCsv($"{line}\n{line}\n", DType.I32).Values;
        Assert.Equal("i32[2,50000]", values.Aval.ToString());
        Assert.Equal(49_999.0, values.ToDoubles()[^1]);
    }

    [Theory]
    [InlineData("1,2\n3,x\n", DType.F64, "line 2, column 2")]
    [InlineData("1,2\n3\n", DType.F64, "line 2, column 2: the line has 1 cells; expected 2")]
    [InlineData("1,2\n3,4,5\n", DType.F64, "line 2, column 3")]
    [InlineData("1,2\n\n3,4\n", DType.F64, "line 2, column 1")]
    [InlineData("1,2\n3,\n", DType.F64, "line 2, column 2")]
    [InlineData("1\n1.5\n", DType.I32, "line 2, column 1")]
    [InlineData("1\n3000000000\n", DType.I32, "line 2, column 1")]
    [InlineData("1\n2\n", DType.Bool, "line 2, column 1")]
    [InlineData("1\n\"2\"\n", DType.F64, "line 2, column 1")]
    [InlineData("\"a\n1\n", DType.F64, "line 1, column 1")]
    [InlineData("a\n1,2\n", DType.F64, "line 2, column 2")]
    public void Csv_errors_name_line_and_column(string text, DType dtype, string place)
    {
        FileFormatException e = Assert.Throws<FileFormatException>(() => ReadCsv(text, dtype));
        Assert.Equal("NB0410", e.Code);
        Assert.Contains(place, e.Message);
    }
}
