using System.Diagnostics;
using FsCheck;
using FsCheck.Fluent;
using Nabla.Files;

namespace Nabla.Tests.Autograd;

/// <summary>Random trees come back as they were; damaged files never do.</summary>
[Collection(nameof(Tensors.MemoryTestsRunAlone))]
public sealed class TreeFilePropertyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nabla-trees-").FullName;

    private string File => Path.Combine(_folder, "tree.safetensors");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private sealed record Leaf(Tensor? Value, double Scalar, float Narrow, string? Text, long Number, ulong Large, DType? Kind, char Letter, decimal Exact);

    private sealed record Node(object? First, (object?, object?) Pair, List<object?> Items, Dictionary<int, Leaf> Table);

    // Elements are random bits, so that NaN payloads, −0, infinities and subnormals occur; some tensors are views.
    private static Tensor RandomTensor(Random random)
    {
        int[] dims = [.. Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(5))];
        DType dtype = DTypes.All[random.Next(5)];
        int count = dims.Aggregate(1, (a, b) => a * b);
        var bytes = new byte[count * 8];
        random.NextBytes(bytes);
        if (dtype == DType.F32 && count > 0) BitConverter.TryWriteBytes(bytes, random.Next(2) == 0 ? 0x7F812345u : 0x80000000u);
        T[] Elements<T>() where T : unmanaged => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, T>(bytes)[..count].ToArray();
        Tensor dense = dtype switch
        {
            DType.F32 => Tensor.From(Elements<float>(), dims),
            DType.F64 => Tensor.From(Elements<double>(), dims),
            DType.I32 => Tensor.From(Elements<int>(), dims),
            DType.I64 => Tensor.From(Elements<long>(), dims),
            _ => Tensor.From(bytes.Take(count).Select(b => b > 127).ToArray(), dims),
        };
        return random.Next(4) switch
        {
            0 when dense.Rank == 2 => dense.T,
            1 when dense.Rank > 0 && dense.Shape[0] > 1 => dense.Slice(1..),
            2 => Tensor.Full(dims, 1, dtype),
            _ => dense,
        };
    }

    private static Leaf RandomLeaf(Random random) => new(
        random.Next(4) == 0 ? null : RandomTensor(random), BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue)),
        random.Next(3) == 0 ? BitConverter.UInt32BitsToSingle(0x7FC00000u + (uint)random.Next(1000)) : random.Next(3) == 1 ? -0f : random.NextSingle(),
        random.Next(3) == 0 ? null : string.Concat(Enumerable.Range(0, random.Next(6)).Select(_ => char.ConvertFromUtf32(random.Next(1, 0xD800)))),
        random.NextInt64(long.MinValue, long.MaxValue), ulong.MaxValue - (ulong)random.Next(3), random.Next(2) == 0 ? null : DTypes.All[random.Next(5)],
        (char)random.Next(1 << 16), new decimal(random.Next(), random.Next(), random.Next(), random.Next(2) == 0, (byte)random.Next(29)));

    private static object? RandomTree(Random random, int depth) => random.Next(depth > 0 ? 7 : 3) switch
    {
        0 => RandomTensor(random),
        1 => RandomLeaf(random),
        2 => random.Next(2) == 0 ? null : random.Next(),
        3 => new Node(RandomTree(random, depth - 1), (RandomTree(random, depth - 1), RandomTree(random, 0)),
            [.. Enumerable.Range(0, random.Next(3)).Select(_ => RandomTree(random, depth - 1))],
            Enumerable.Range(0, random.Next(3)).ToDictionary(_ => random.Next(-1000, 1000) * 2 + random.Next(2), _ => RandomLeaf(random))),
        4 => new[] { RandomTensor(random), RandomTensor(random) },
        5 => new RandomKey((ulong)random.NextInt64()),
        _ => new Dictionary<string, Tensor> { ["weight"] = RandomTensor(random), ["π.0"] = RandomTensor(random) },
    };

    [Fact]
    public void Any_tree_comes_back_bit_for_bit() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
    {
        var tree = new List<object?> { RandomTree(new Random(seed), 3), RandomTensor(new Random(seed)) };
        TreeFile.Save(File, tree);
        List<object?> back = TreeFile.Load(File, Tree.Map(t => t.ZerosLike(), tree));
        TreeFileTests.Same(tree, back);
        // Numbers are compared by their text in the file, which tells −0 from 0 and one NaN from another.
        TreeFileTests.ReadIndependently(File, out var first);
        TreeFile.Save(File, back);
        TreeFileTests.ReadIndependently(File, out var second);
        Assert.Equal(first["nabla.tree"], second["nabla.tree"]);
        Assert.Equal(first["nabla.checksum"], second["nabla.checksum"]);
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(200));

    [Fact]
    public void A_damaged_file_is_noticed_at_once_and_takes_no_memory()
    {
        var random = new Random(1);
        var tree = (new RandomKey(1).Normal([50, 3]), RandomLeaf(random) with { Value = Tensor.From([1L, 2]) }, new List<int> { 1, 2 });
        TreeFile.Save(File, tree);
        byte[] good = System.IO.File.ReadAllBytes(File);
        string bad = Path.Combine(_folder, "bad.safetensors");
        var times = new List<double>();
        for (int i = 0; i < 3000; i++)
        {
            byte[] bytes = [.. good];
            int at = random.Next(bytes.Length);
            switch (random.Next(4))
            {
                case 0: bytes = bytes[..at]; break;
                case 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: bytes = [.. bytes, .. new byte[random.Next(1, 9)]]; break;
                default:
                    random.NextBytes(bytes.AsSpan(at, Math.Min(random.Next(1, 9), bytes.Length - at)));
                    break;
            }
            if (bytes.AsSpan().SequenceEqual(good)) continue;
            System.IO.File.WriteAllBytes(bad, bytes);
            long live = Buffer.LiveBytes, allocated = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
            Exception? error = Record.Exception(() => TreeFileContent.Read(bad, ours: true));
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            Assert.InRange(Buffer.LiveBytes - live, long.MinValue, 1 << 14);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, 1 << 20);
            // The bytes between the header's last brace and the data are spaces that mean nothing, as are those between its elements.
            if (error is null) TreeFileTests.Same(tree, TreeFile.Load(bad, tree));
            else Assert.IsType<FileFormatException>(error);
        }
        // The machine may be busy with other tests at times: the usual time counts.
        Assert.InRange(times.Order().ElementAt(times.Count / 2), 0, 1);
    }
}
