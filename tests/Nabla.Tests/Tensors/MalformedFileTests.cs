using System.IO.Compression;
using System.Text;
using Nabla.Files;

namespace Nabla.Tests.Tensors;

/// <summary>Files that lie: each limit by hand, then thousands of random mutations of valid files.</summary>
[Collection(nameof(MemoryTestsRunAlone))]
public sealed class MalformedFileTests
{
    private const string Simple = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";

    private static void Fails(string code, Action read, long? offset = null)
    {
        long live = Buffer.LiveBytes;
        FileFormatException e = Assert.Throws<FileFormatException>(read);
        Assert.Equal(code, e.Code);
        if (offset is { } expected) Assert.Equal(expected, e.Offset);
        Assert.True(Buffer.LiveBytes - live < 1 << 16, "memory was taken for a bad file");
    }

    private static void NpyFails(string code, byte[] bytes, long? offset = null) =>
        Fails(code, () => Npy.Read(new MemoryStream(bytes)), offset);

    [Fact]
    public void Npy_magic_and_version()
    {
        NpyFails("NB0402", [], 0);
        NpyFails("NB0402", [0x93, (byte)'N'], 0);
        NpyFails("NB0401", Encoding.ASCII.GetBytes("PK plus more bytes"), 0);
        NpyFails("NB0401", FilesTests.NpyBytes(Simple, new byte[8], major: 4), 0);
        NpyFails("NB0402", [0x93, .. "NUMPY"u8, 1, 0, 60, 0, (byte)'{'], 10);
        NpyFails("NB0409", [0x93, .. "NUMPY"u8, 2, 0, 255, 255, 255, 255], 8);
    }

    [Theory]
    [InlineData("NB0404", "")]
    [InlineData("NB0404", "[]")]
    [InlineData("NB0404", "{}")]
    [InlineData("NB0404", "{'descr': '<f4', 'fortran_order': False}")]
    [InlineData("NB0404", "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}")]
    [InlineData("NB0404", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x")]
    [InlineData("NB0404", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}")]
    [InlineData("NB0404", "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}")]
    [InlineData("NB0404", "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}")]
    [InlineData("NB0404", "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}")]
    [InlineData("NB0404", "{'descr': '<f4")]
    [InlineData("NB0404", "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}")]
    [InlineData("NB0405", "{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}")]
    [InlineData("NB0405", "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}")]
    [InlineData("NB0405", "{'descr': '<U4', 'fortran_order': False, 'shape': (1,)}")]
    [InlineData("NB0406", "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296,)}")]
    [InlineData("NB0406", "{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647, 2147483647, 2147483647)}")]
    [InlineData("NB0406", "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2147483647, 2147483647, 2147483647)}")]
    [InlineData("NB0402", "{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647, 2147483647, 2)}")]
    [InlineData("NB0402", "{'descr': '<f8', 'fortran_order': True, 'shape': (2,)}")]
    [InlineData("NB0402", "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}")]
    public void Npy_headers(string code, string header) => NpyFails(code, FilesTests.NpyBytes(header, new byte[8]));

    [Fact]
    public void Npy_limits_of_axes_and_bytes_behind_the_data()
    {
        string axes = string.Concat(Enumerable.Repeat("1, ", 65));
        NpyFails("NB0409", FilesTests.NpyBytes($"{{'descr': '<f4', 'fortran_order': False, 'shape': ({axes})}}", new byte[8]));
        string path = Path.GetTempFileName();
        File.WriteAllBytes(path, FilesTests.NpyBytes(Simple, new byte[9]));
        Fails("NB0403", () => Npy.Read(path), 10 + Simple.Length + 8);
        File.Delete(path);
    }

    [Fact]
    public void A_pipe_that_claims_gigabytes_and_ends_takes_no_memory()
    {
        byte[] bytes = FilesTests.NpyBytes("{'descr': '<f8', 'fortran_order': False, 'shape': (2000000000,)}", new byte[100]);
        var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(bytes);
        compressed.Position = 0;
        long before = GC.GetAllocatedBytesForCurrentThread();
        Fails("NB0402", () => Npy.Read(new GZipStream(compressed, CompressionMode.Decompress)));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    private static byte[] Zip(params (string Name, byte[] Bytes)[] entries)
    {
        var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] bytes) in entries)
            {
                using Stream entry = archive.CreateEntry(name, CompressionLevel.Optimal).Open();
                entry.Write(bytes);
            }
        }
        return stream.ToArray();
    }

    private static void NpzFails(string code, byte[] bytes) => Fails(code, () => Npz.Read(new MemoryStream(bytes)));

    [Fact]
    public void Npz_structure_names_and_check_sums()
    {
        byte[] good = FilesTests.NpyBytes(Simple, new byte[8]);
        NpzFails("NB0411", []);
        NpzFails("NB0411", new byte[1000]);
        NpzFails("NB0408", Zip(("readme.txt", good)));
        NpzFails("NB0408", Zip((".npy", good)));
        NpzFails("NB0408", Zip(("a.npy", good), ("a.npy", good)));
        NpzFails("NB0403", Zip(("a.npy", [.. good, 1])));
        NpzFails("NB0402", Zip(("a.npy", good[..^1])));
        var stored = new MemoryStream();
        Npz.Write(stored, [new("a", Tensor.From([1f, 2f]))]);
        byte[] bytes = stored.ToArray();
        bytes[bytes.AsSpan().IndexOf("}"u8) + 60] ^= 1; // in the elements or the padding: only the check sum can tell
        FileFormatException e = Assert.Throws<FileFormatException>(() => Npz.Read(new MemoryStream(bytes)));
        Assert.Contains(e.Code, (string[])["NB0411", "NB0404"]);
    }

    [Fact]
    public void Npz_bombs_are_refused_before_they_expand()
    {
        string header = $"{{'descr': '|u1', 'fortran_order': False, 'shape': ({80 << 20},)}}";
        byte[] bomb = Zip(("a.npy", FilesTests.NpyBytes(header, new byte[80 << 20])));
        Assert.True(bomb.Length < 1 << 20);
        NpzFails("NB0409", bomb);
        byte[] liar = Zip(("a.npy", FilesTests.NpyBytes("{'descr': '<f8', 'fortran_order': False, 'shape': (2000000000,)}", new byte[100])));
        NpzFails("NB0402", liar);
    }

    private static void SafetensorsFails(string code, string json, int data = 8, long? length = null)
    {
        byte[] text = Encoding.Latin1.GetBytes(json);
        byte[] bytes = [.. BitConverter.GetBytes(length ?? text.Length), .. text, .. new byte[data]];
        Fails(code, () => Safetensors.Read(new MemoryStream(bytes)));
    }

    private const string A = "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}";
    private const string B = "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}";

    [Theory]
    [InlineData("NB0401", "", 8)]
    [InlineData("NB0401", " {}", 0)]
    [InlineData("NB0401", "[]", 0)]
    [InlineData("NB0404", "{" + A + "," + B, 8)]
    [InlineData("NB0404", "{" + A + "," + B + "} x", 8)]
    [InlineData("NB0404", "{" + A + "," + B + ",}", 8)]
    [InlineData("NB0404", "{\"\xff\":1}", 0)]
    [InlineData("NB0404", "{\"\\ud800\":1}", 0)]
    [InlineData("NB0404", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4)]
    [InlineData("NB0404", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4)]
    [InlineData("NB0404", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4)]
    [InlineData("NB0404", "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4)]
    [InlineData("NB0404", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4)]
    [InlineData("NB0404", "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4)]
    [InlineData("NB0404", "{\"a\":[[[[[[[[]]]]]]]]}", 0)]
    [InlineData("NB0404", "{\"__metadata__\":{\"a\":1}}", 0)]
    [InlineData("NB0405", "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1)]
    [InlineData("NB0406", "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296],\"data_offsets\":[0,4]}}", 4)]
    [InlineData("NB0402", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2147483647,2147483647],\"data_offsets\":[0,4]}}", 4)]
    [InlineData("NB0402", "{" + A + "," + B + "}", 7)]
    [InlineData("NB0403", "{" + A + "," + B + "}", 9)]
    [InlineData("NB0403", "{}", 1)]
    [InlineData("NB0407", "{" + B + "}", 8)]
    [InlineData("NB0407", "{" + A + ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4)]
    [InlineData("NB0407", "{" + A + ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[5,9]}}", 9)]
    [InlineData("NB0407", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,5]}}", 5)]
    [InlineData("NB0407", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,9223372036854775807]}}", 8)]
    [InlineData("NB0408", "{" + A + "," + A + "}", 4)]
    [InlineData("NB0408", "{" + A + ",\"\\u0061\":{}}", 4)]
    public void Safetensors_headers(string code, string json, int data) => SafetensorsFails(code, json, data);

    [Fact]
    public void Safetensors_header_length()
    {
        SafetensorsFails("NB0409", "{}", length: 100_000_001);
        SafetensorsFails("NB0409", "{}", length: -1);
        SafetensorsFails("NB0402", "{}", length: 100_000_000);
        Fails("NB0402", () => Safetensors.Read(new MemoryStream([1, 0, 0])), 0);
    }

    [Theory]
    [InlineData("NB0402", "0000")]
    [InlineData("NB0401", "01000801 00000001 00")]
    [InlineData("NB0405", "00000701 00000001 00")]
    [InlineData("NB0402", "00000802 00000001")]
    [InlineData("NB0402", "00000801 00000002 00")]
    [InlineData("NB0403", "00000801 00000001 0000")]
    [InlineData("NB0406", "00000801 ffffffff 00")]
    [InlineData("NB0406", "00000803 7fffffff 7fffffff 7fffffff")]
    [InlineData("NB0402", "00000e03 7fffffff 7fffffff 00000002")]
    public void Idx(string code, string hex)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", ""));
        Fails(code, () => Nabla.Files.Idx.Read(new MemoryStream(bytes)));
        string path = Path.GetTempFileName();
        using (var gzip = new GZipStream(File.Create(path), CompressionLevel.Optimal)) gzip.Write(bytes);
        Fails(code, () => Nabla.Files.Idx.Read(path));
        byte[] compressed = File.ReadAllBytes(path);
        File.WriteAllBytes(path, compressed[..(compressed.Length / 2)]);
        Assert.Throws<FileFormatException>(() => Nabla.Files.Idx.Read(path));
        File.Delete(path);
    }

    /// <summary>Valid files and their readers.</summary>
    private static (string Name, byte[] Bytes, Action<byte[]> Read)[] Valid()
    {
        var npz = new MemoryStream();
        Npz.Write(npz, [new("a", Tensor.From([1, 2, 3])), new("b", Tensor.From([true]))]);
        var gzip = new MemoryStream();
        byte[] idx = Convert.FromHexString("0000080200000003000000020102030405ff");
        using (var packed = new GZipStream(gzip, CompressionLevel.Optimal, leaveOpen: true)) packed.Write(idx);
        return
        [
            ("npy", FilesTests.NpyBytes("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }     \n", new byte[12]),
                b => Npy.Read(new MemoryStream(b))),
            ("npz stored", npz.ToArray(), b => Npz.Read(new MemoryStream(b))),
            ("npz deflated", Convert.FromBase64String(FilesTests.GoldenNpz), b => Npz.Read(new MemoryStream(b))),
            ("safetensors", Convert.FromBase64String(FilesTests.GoldenSafetensors), b => Safetensors.Read(new MemoryStream(b))),
            ("idx", idx, b => Nabla.Files.Idx.Read(new MemoryStream(b))),
            ("idx gzip", gzip.ToArray(), ReadGzip),
            ("csv", Encoding.UTF8.GetBytes("a,\"b\"\n1,2.5\n-3e2,nan\n"), b => Csv.Read(new MemoryStream(b))),
        ];
        static void ReadGzip(byte[] bytes)
        {
            using var packed = new ByteSource("idx", new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress), compressed: bytes.Length);
            Span<byte> part = stackalloc byte[64];
            while (packed.Read(part) > 0)
            {
            }
        }
    }

    private static byte[] Mutate(byte[] bytes, Random random)
    {
        var list = new List<byte>(bytes);
        for (int n = random.Next(1, 4); n > 0; n--)
        {
            int at = random.Next(list.Count + 1);
            switch (random.Next(6))
            {
                case 0 when at < list.Count: list[at] ^= (byte)(1 << random.Next(8)); break;
                case 1 when at < list.Count: list[at] = (byte)random.Next(256); break;
                case 2 when at < list.Count: list[at] = (byte)(random.Next(2) * 255); break;
                case 3: list.RemoveRange(at, random.Next(list.Count - at + 1)); break;
                case 4: list.Insert(at, (byte)random.Next(256)); break;
                default: list.InsertRange(at, list.Slice(at, random.Next(Math.Min(20, list.Count - at + 1)))); break;
            }
        }
        return [.. list];
    }

    [Fact]
    public void Random_mutations_raise_one_kind_of_exception_quickly_and_take_little_memory()
    {
        foreach ((string name, byte[] bytes, Action<byte[]> read) in Valid())
        {
            read(bytes);
            var random = new Random(6);
            int failures = 0;
            TimeSpan start = Environment.CpuUsage.TotalTime;
            for (int round = 0; round < 3000; round++)
            {
                byte[] mutated = Mutate(bytes, random);
                long before = GC.GetAllocatedBytesForCurrentThread(), live = Buffer.LiveBytes;
                try
                {
                    read(mutated);
                }
                catch (FileFormatException e)
                {
                    failures++;
                    Assert.InRange(e.Offset, 0, 2 * mutated.Length + 1000);
                }
                catch (Exception e)
                {
                    Assert.Fail($"{name}, round {round}: {e}: {Convert.ToBase64String(mutated)}");
                }
                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
                Assert.InRange(Buffer.LiveBytes - live, long.MinValue, 1 << 20);
            }
            Assert.True(failures > 500, $"{name}: {failures} of 3000 mutations were refused");
            // Processor time, so that a busy machine does not count; the promise is below a millisecond, compilation included here.
            double each = (Environment.CpuUsage.TotalTime - start).TotalMilliseconds / 3000;
            Assert.True(each < 1, $"{name}: {each:F3} ms each");
        }
    }
}
