using Nabla.Kernels;

namespace Nabla.Tests.Kernels;

public sealed class PhiloxTests
{
    [Fact]
    public void The_known_answers_of_Random123_come_out()
    {
        Assert.Equal((0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u), Philox.Block(0, 0, 0, 0, 0, 0));
        const uint Ones = uint.MaxValue;
        Assert.Equal((0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu), Philox.Block(Ones, Ones, Ones, Ones, Ones, Ones));
        Assert.Equal((0xd16cfe09u, 0x94fdcceb, 0x5001e420u, 0x24126ea1u),
            Philox.Block(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0));
    }

    [Fact]
    public unsafe void Many_blocks_at_once_are_the_blocks_one_by_one()
    {
        var words = new uint[4 * 200];
        foreach (ulong first in (ulong[])[0, 5, uint.MaxValue - 7UL, uint.MaxValue, ulong.MaxValue - 9])
            foreach (int count in (int[])[1, 2, 7, 8, 15, 16, 17, 33, 200])
            {
                Array.Clear(words);
                fixed (uint* to = words) PhiloxBlocks.Fill(0xa4093822, 0x299f31d0, first, count, to);
                for (int i = 0; i < 200; i++)
                {
                    ulong block = unchecked(first + (ulong)i);
                    (uint, uint, uint, uint) expected = i < count
                        ? Philox.Block((uint)block, (uint)(block >> 32), 0, 0, 0xa4093822, 0x299f31d0) : default;
                    Assert.Equal(expected, (words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3]));
                }
            }
    }

    [Fact]
    public void Bits_are_the_words_of_consecutive_blocks()
    {
        int[] bits = Draw(RandomKernels.Bits, DType.I32, Key(42), [3, 7]).ToArray<int>();
        for (int i = 0; i < bits.Length; i++)
        {
            (uint w0, uint w1, uint w2, uint w3) = Philox.Block((uint)(i / 4), 0, 0, 0, 42, 0);
            Assert.Equal((int)(i % 4) switch { 0 => w0, 1 => w1, 2 => w2, _ => w3 }, (uint)bits[i]);
        }
        double[] uniform = Draw(RandomKernels.Uniform, DType.F64, Key(42), [3, 3]).ToDoubles();
        for (int i = 0; i < uniform.Length; i++)
            Assert.Equal(Philox.ToUniform((uint)Word(42, 2 * i), (uint)Word(42, 2 * i + 1)), uniform[i]);
        float[] singles = Draw(RandomKernels.Uniform, DType.F32, Key(42), [21]).ToArray<float>();
        for (int i = 0; i < singles.Length; i++) Assert.Equal(Philox.ToUniform((uint)bits[i]), singles[i]);
    }

    [Fact]
    public void Any_prefix_and_any_number_of_threads_give_the_same_bits()
    {
        int threads = Workers.Count;
        try
        {
            foreach ((Action<DenseTensor, DenseTensor> draw, DType dtype) in Draws())
            {
                Workers.Count = 1;
                double[] whole = Draw(draw, dtype, Key(7), [40_009]).ToDoubles();
                Workers.Count = 3;
                Assert.Equal(whole, Draw(draw, dtype, Key(7), [40_009]).ToDoubles());
                foreach (int n in (int[])[0, 1, 2, 3, 5, 17, 255, 256, 257, 1000, 8191, 8193, 20_011])
                    Assert.Equal(whole[..n], Draw(draw, dtype, Key(7), [n]).ToDoubles());
            }
        }
        finally
        {
            Workers.Count = threads;
        }
    }

    [Fact]
    public void Each_key_of_a_batch_in_any_layout_draws_its_own_stream()
    {
        foreach ((string layout, DenseTensor keys) in LayoutCases.Of([3, 5, 2], i => 77 * i - 400))
            foreach ((Action<DenseTensor, DenseTensor> draw, DType dtype) in Draws())
            {
                double[] all = Draw(draw, dtype, keys, [3, 5, 6, 7]).ToDoubles();
                int[] words = keys.ToArray<int>();
                for (int key = 0; key < 15; key++)
                {
                    DenseTensor one = Tensor.From<int>(words.AsSpan(2 * key, 2));
                    Assert.True(Draw(draw, dtype, one, [42]).ToDoubles().SequenceEqual(all.Skip(42 * key).Take(42)), layout);
                }
            }
    }

    [Fact]
    public void The_largest_word_still_gives_a_uniform_below_one()
    {
        Assert.Equal(1 - Math.Pow(2, -24), Philox.ToUniform(uint.MaxValue));
        Assert.Equal(1 - Math.Pow(2, -53), Philox.ToUniform(uint.MaxValue, uint.MaxValue));
        Assert.All(Draw(RandomKernels.Uniform, DType.F32, Key(1), [1 << 20]).ToArray<float>(), u => Assert.True(u is >= 0 and < 1));
    }

    [Fact]
    public void Split_gives_65536_different_children()
    {
        DenseTensor y = LayoutCases.Output(DType.I32, [1 << 16, 2]);
        RandomKernels.Split(Key(0x123456789abcdef), y);
        int[] words = y.ToArray<int>();
        var seen = new HashSet<(int, int)>();
        for (int i = 0; i < words.Length; i += 2) Assert.True(seen.Add((words[i], words[i + 1])));
        (uint k0, uint k1) = Philox.Split(0x89abcdef, 0x01234567, 65535);
        Assert.Equal(((int)k0, (int)k1), (words[^2], words[^1]));
    }

    [Fact]
    public void Fold_in_takes_each_key_with_its_number_in_any_layout()
    {
        foreach ((string layout, DenseTensor data) in LayoutCases.Of([3, 5], i => i - 4))
        {
            DenseTensor keys = LayoutCases.Of([3, 5, 2], i => 31 * i).Last().Tensor, y = LayoutCases.Output(DType.I32, [3, 5, 2]);
            RandomKernels.FoldIn(keys, data, y);
            int[] words = keys.ToArray<int>(), numbers = data.ToArray<int>(), actual = y.ToArray<int>();
            for (int i = 0; i < 15; i++)
            {
                (uint k0, uint k1) = Philox.FoldIn((uint)words[2 * i], (uint)words[2 * i + 1], (ulong)(long)numbers[i]);
                Assert.True(actual[2 * i] == (int)k0 && actual[2 * i + 1] == (int)k1, layout);
            }
        }
        DenseTensor wide = LayoutCases.Output(DType.I32, [2]), narrow = LayoutCases.Output(DType.I32, [2]);
        RandomKernels.FoldIn(Key(3), Tensor.Scalar(-5, DType.I64), wide);
        RandomKernels.FoldIn(Key(3), Tensor.Scalar(-5, DType.I32), narrow);
        Assert.Equal(wide.ToArray<int>(), narrow.ToArray<int>());
    }

    [Fact]
    public void Permutations_hold_each_number_once_and_all_orders_of_four_are_equally_likely()
    {
        foreach (int n in (int[])[0, 1, 2, 3, 100, 5000])
        {
            DenseTensor y = LayoutCases.Output(DType.I32, [n]);
            RandomKernels.Permutation(Key(5), y);
            Assert.Equal(Enumerable.Range(0, n), y.ToArray<int>().Order());
        }
        const int Draws = 24_000;
        DenseTensor keys = LayoutCases.Output(DType.I32, [Draws, 2]), orders = LayoutCases.Output(DType.I32, [Draws, 4]);
        RandomKernels.Split(Key(6), keys);
        RandomKernels.Permutation(keys, orders);
        int[] counts = orders.ToArray<int>().Chunk(4).CountBy(o => string.Join(',', o)).Select(c => c.Value).ToArray();
        // Chi-square with 23 degrees of freedom: 49.7 is passed by chance once in a thousand.
        Assert.Equal(24, counts.Length);
        Assert.InRange(counts.Sum(c => (c - 1000.0) * (c - 1000.0) / 1000), 0, 49.7);
    }

    [Fact]
    public void A_draw_allocates_nothing()
    {
        DenseTensor key = Key(1), y = LayoutCases.Output(DType.F32, [100, 100]);
        RandomKernels.Normal(key, y);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++) RandomKernels.Normal(key, y);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Only_floats_have_uniform_and_normal_draws()
    {
        DenseTensor y = LayoutCases.Output(DType.I32, [3]);
        Assert.Equal("NB0204", Assert.Throws<DTypeException>(() => RandomKernels.Uniform(Key(1), y)).Code);
        Assert.Equal("NB0204", Assert.Throws<DTypeException>(() => RandomKernels.Normal(Key(1), y)).Code);
    }

    internal static DenseTensor Key(ulong seed) => new RandomKey(seed).Words.Dense;

    internal static DenseTensor Draw(Action<DenseTensor, DenseTensor> draw, DType dtype, DenseTensor keys, int[] shape)
    {
        DenseTensor y = LayoutCases.Output(dtype, shape);
        draw(keys, y);
        return y;
    }

    private static int Word(uint seed, int i)
    {
        (uint w0, uint w1, uint w2, uint w3) = Philox.Block((uint)(i / 4), 0, 0, 0, seed, 0);
        return (int)(i % 4 == 0 ? w0 : i % 4 == 1 ? w1 : i % 4 == 2 ? w2 : w3);
    }

    private static IEnumerable<(Action<DenseTensor, DenseTensor> Draw, DType DType)> Draws() =>
    [
        (RandomKernels.Bits, DType.I32), (RandomKernels.Uniform, DType.F32), (RandomKernels.Uniform, DType.F64),
        (RandomKernels.Normal, DType.F32), (RandomKernels.Normal, DType.F64),
    ];
}
