using System.Runtime.CompilerServices;

namespace Nabla.Tests.Tensors;

/// <summary>Memory is shared by all tests of the process, so these run alone.</summary>
[CollectionDefinition(nameof(MemoryTestsRunAlone), DisableParallelization = true)]
public sealed class MemoryTestsRunAlone;

[Collection(nameof(MemoryTestsRunAlone))]
public sealed class BufferTests
{
    private static long LiveAfterCollection()
    {
        for (int i = 0; i < 3; i++) BufferPool.CollectAll();
        return Buffer.LiveBytes;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long UseTensors(int count, Shape shape)
    {
        var tensors = new DenseTensor[count];
        for (int i = 0; i < count; i++) tensors[i] = DenseTensor.Allocate(new Aval(DType.F32, shape), Device.Cpu);
        long live = Buffer.LiveBytes;
        GC.KeepAlive(tensors);
        return live;
    }

    [Theory]
    [InlineData(1000, 1)]
    [InlineData(1000, 100)]
    [InlineData(10, 1 << 20)]
    public void Live_bytes_return_to_their_start_when_tensors_are_unreachable(int count, int size)
    {
        long start = LiveAfterCollection();
        long during = UseTensors(count, [size]);
        Assert.True(during - start >= (long)count * size * 4, $"{during - start} bytes live");
        Assert.Equal(start, LiveAfterCollection());
    }

    [Fact]
    public void A_view_keeps_the_memory_and_so_does_one_small_tensor_of_a_shared_block()
    {
        long start = LiveAfterCollection();
        DenseTensor last = LastOfMany();
        long kept = LiveAfterCollection() - start;
        Assert.InRange(kept, 4000, 4096 + MemoryBlock.SharedBytes);
        Assert.Equal(16.0, last.ToDouble());
        GC.KeepAlive(last);
        [MethodImpl(MethodImplOptions.NoInlining)]
        static DenseTensor LastOfMany()
        {
            DenseTensor big = Tensor.From(Enumerable.Range(0, 1000).ToArray());
            DenseTensor view = big.View(big.Layout.Slice([16], [1], [1]));
            for (int i = 0; i < 100; i++) _ = Tensor.Scalar(i);
            return view;
        }
    }

    [Fact]
    public void Blocks_are_aligned_disjoint_and_reused()
    {
        var random = new Random(4);
        for (int round = 0; round < 50; round++)
        {
            DenseTensor[] tensors = [.. Enumerable.Range(0, 100).Select(i => Tensor.From(Enumerable.Repeat(i, random.Next(0, 100)).ToArray()))];
            Assert.All(tensors, t => Assert.Equal(0, t.Buffer.Address % 64));
            for (int i = 0; i < tensors.Length; i++) Assert.False(tensors[i].ToArray<int>().AsSpan().ContainsAnyExcept(i));
        }
        LiveAfterCollection();
        long cached = Device.Cpu.Pool.CachedBytes;
        Assert.True(cached > 0);
        UseTensors(10, [20]);
        Assert.True(Device.Cpu.Pool.CachedBytes < cached);
    }

    [Fact]
    public void Large_blocks_begin_with_a_large_page()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "large pages are asked for on Linux only");
        for (int extra = 0; extra < 3; extra++)
        {
            DenseTensor x = DenseTensor.Allocate(new Aval(DType.F64, [(1 << 19) + 1000 * extra]), Device.Cpu);
            Assert.Equal(0, x.Buffer.Address % (2 << 20));
            x.Span<double>().Fill(extra);
            Assert.False(x.Span<double>().ContainsAnyExcept(extra));
        }
    }

    [Fact]
    public void A_million_small_tensors_keep_memory_bounded()
    {
        long before = Environment.WorkingSet;
        object? sink = null;
        for (int i = 0; i < 1_000_000; i++) sink = Tensor.Scalar(i);
        GC.KeepAlive(sink);
        long grown = Environment.WorkingSet - before;
        Assert.True(grown < 600L << 20, $"working set grew by {grown >> 20} MB");
    }

    [Fact]
    public void Twenty_gigabytes_handed_out_keep_memory_bounded()
    {
        long before = Environment.WorkingSet, handedOut = 0;
        var random = new Random(5);
        while (handedOut < 20L << 30)
        {
            DenseTensor tensor = DenseTensor.Allocate(new Aval(DType.F32, [random.Next(1, 8 << 20)]), Device.Cpu);
            Span<float> elements = tensor.Span<float>();
            for (int i = 0; i < elements.Length; i += 1024) elements[i] = 1; // every page becomes resident
            handedOut += tensor.Buffer.Bytes;
        }
        long grown = Environment.WorkingSet - before;
        Assert.True(grown < 900L << 20, $"working set grew by {grown >> 20} MB");
        Assert.True(Buffer.LiveBytes < 900L << 20, $"{Buffer.LiveBytes >> 20} MB live");
    }

    [Fact]
    public void Threads_share_the_pool_without_mixing_memory()
    {
        long start = LiveAfterCollection();
        Parallel.For(0, 64, seed =>
        {
            var random = new Random(seed);
            var kept = new (DenseTensor Tensor, int Value)[32];
            for (int i = 0; i < 2000; i++)
            {
                int slot = random.Next(kept.Length), size = random.Next(4) == 0 ? random.Next(5000) : random.Next(1, 20);
                if (kept[slot].Tensor is { } old) Assert.False(old.ToArray<int>().AsSpan().ContainsAnyExcept(kept[slot].Value));
                kept[slot] = (Tensor.From(Enumerable.Repeat(seed ^ i, size).ToArray()), seed ^ i);
            }
        });
        Assert.Equal(start, LiveAfterCollection());
    }

    [Theory]
    [InlineData(1 << 20, 1 << 20)]
    [InlineData(int.MaxValue, int.MaxValue)]
    public void An_absurd_size_is_an_error_that_names_the_tensor(int rows, int columns)
    {
        long start = LiveAfterCollection();
        DeviceException e = Assert.Throws<DeviceException>(
            () => DenseTensor.Allocate(new Aval(DType.F64, [rows, columns]), Device.Cpu));
        Assert.Equal("NB0302", e.Code);
        Assert.Contains($"f64[{rows},{columns}]", e.Message);
        Assert.Equal(start, LiveAfterCollection());
    }

    [Fact]
    public void Empty_tensors_are_tensors()
    {
        DenseTensor empty = DenseTensor.Allocate(new Aval(DType.F64, [3, 0]), Device.Cpu);
        Assert.Empty(empty.ToDoubles());
        Assert.True(empty.IsContiguous);
    }

    [Fact]
    public void A_window_can_be_pointed_elsewhere_and_a_buffer_cannot()
    {
        DenseTensor a = Tensor.From([1f, 2f]), b = Tensor.From([3f, 4f]);
        Buffer window = Buffer.Window(Device.Cpu, a.Buffer.Address, 8, new object());
        var seen = new DenseTensor(DType.F32, window, Layout.RowMajor([2]));
        Assert.Equal([1f, 2f], seen.ToArray<float>());
        window.Retarget(b.Buffer.Address);
        Assert.Equal([3f, 4f], seen.ToArray<float>());
        Assert.Throws<InvalidOperationException>(() => a.Buffer.Retarget(0));
        GC.KeepAlive((a, b));
    }
}
