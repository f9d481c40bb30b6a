using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Random numbers on devices: the same counters, words and uniforms as on the host, bit for bit.</summary>
internal static partial class DrawKernels
{
    /// <summary>Work-items of a group.</summary>
    public const int Size = 256;

    /// <summary>y[key, …] = 32-bit words: one work-item for each block of four.</summary>
    [Kernel(Size)]
    public static void Bits(ArrayView<int> keys, Steps steps, Extents extents, int second, int perKey, int blocks, int count, ArrayView<int> y)
    {
        var words = LocalMemory.Allocate<uint>(4);
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= count) return;
        int key = Draw(keys, steps, extents, second, blocks, i, words), block = i - key * blocks;
        for (int k = 0; k < 4; k++)
            if (block * 4 + k < perKey) y[key * perKey + block * 4 + k] = (int)words[k];
    }

    /// <summary>y[key, …] = uniform f32 in [0, 1): four to a block.</summary>
    [Kernel(Size)]
    public static void Uniform32(ArrayView<int> keys, Steps steps, Extents extents, int second, int perKey, int blocks, int count, ArrayView<float> y)
    {
        var words = LocalMemory.Allocate<uint>(4);
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= count) return;
        int key = Draw(keys, steps, extents, second, blocks, i, words), block = i - key * blocks;
        for (int k = 0; k < 4; k++)
            if (block * 4 + k < perKey) y[key * perKey + block * 4 + k] = (float)(words[k] >> 8) * 5.9604644775390625e-8f;
    }

    /// <summary>y[key, …] = uniform f64 in [0, 1): two to a block.</summary>
    [Kernel(Size)]
    public static void Uniform64(ArrayView<int> keys, Steps steps, Extents extents, int second, int perKey, int blocks, int count, ArrayView<double> y)
    {
        var words = LocalMemory.Allocate<uint>(4);
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= count) return;
        int key = Draw(keys, steps, extents, second, blocks, i, words), block = i - key * blocks;
        for (int k = 0; k < 2; k++)
            if (block * 2 + k < perKey) y[key * perKey + block * 2 + k] = (double)Bits53(words[2 * k], words[2 * k + 1]) * 1.1102230246251565e-16;
    }

    /// <summary>y[key, …] = 64-bit words with the upper bit flipped: signed numbers in the order of the unsigned words. Two to a block.</summary>
    [Kernel(Size)]
    public static void Words(ArrayView<int> keys, Steps steps, Extents extents, int second, int perKey, int blocks, int count, ArrayView<long> y)
    {
        var words = LocalMemory.Allocate<uint>(4);
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= count) return;
        int key = Draw(keys, steps, extents, second, blocks, i, words), block = i - key * blocks;
        for (int k = 0; k < 2; k++)
            if (block * 2 + k < perKey) y[key * perKey + block * 2 + k] = (long)((((ulong)words[2 * k + 1] << 32) | (ulong)words[2 * k]) ^ (1ul << 63));
    }

    /// <summary>y[key, …] = standard normal f32, through f64.</summary>
    [Kernel(Size)]
    public static void Normal32(ArrayView<int> keys, Steps steps, Extents extents, int second, int perKey, int blocks, int count, ArrayView<float> y)
    {
        var words = LocalMemory.Allocate<uint>(4);
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= count) return;
        int key = Draw(keys, steps, extents, second, blocks, i, words), block = i - key * blocks;
        for (int k = 0; k < 4; k++)
            if (block * 4 + k < perKey) y[key * perKey + block * 4 + k] = (float)Quantile(((double)((int)(words[k] >> 8) - (1 << 23)) + 0.5) * 5.9604644775390625e-8);
    }

    /// <summary>y[key, …] = standard normal f64.</summary>
    [Kernel(Size)]
    public static void Normal64(ArrayView<int> keys, Steps steps, Extents extents, int second, int perKey, int blocks, int count, ArrayView<double> y)
    {
        var words = LocalMemory.Allocate<uint>(4);
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= count) return;
        int key = Draw(keys, steps, extents, second, blocks, i, words), block = i - key * blocks;
        for (int k = 0; k < 2; k++)
            if (block * 2 + k < perKey) y[key * perKey + block * 2 + k] = Quantile(((double)((long)Bits53(words[2 * k], words[2 * k + 1]) - (1L << 52)) + 0.5) * 1.1102230246251565e-16);
    }

    /// <summary>y[key, 2] = the key that belongs to a number under each key.</summary>
    [Kernel(Size), Instances(typeof(int), typeof(long))]
    public static void FoldIn<T>(ArrayView<int> keys, Steps steps, Extents extents, int second, ArrayView<T> data, Steps stepsData, int count, ArrayView<int> y) where T : unmanaged, INumber<T>
    {
        var words = LocalMemory.Allocate<uint>(4);
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= count) return;
        int at = Steps.At(i, steps, extents);
        ulong number = (ulong)long.CreateTruncating(data[Steps.At(i, stepsData, extents)]);
        Block((uint)number, (uint)(number >> 32), 1u, (uint)keys[at], (uint)keys[at + second], words);
        y[2 * i] = (int)words[0];
        y[2 * i + 1] = (int)words[1];
    }

    /// <summary>y[key, child, 2] = the children of each key.</summary>
    [Kernel(Size)]
    public static void Split(ArrayView<int> keys, Steps steps, Extents extents, int second, int children, int count, ArrayView<int> y)
    {
        var words = LocalMemory.Allocate<uint>(4);
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= count) return;
        int key = i / children, at = Steps.At(key, steps, extents);
        Block((uint)(i - key * children), 0u, 2u, (uint)keys[at], (uint)keys[at + second], words);
        y[2 * i] = (int)words[0];
        y[2 * i + 1] = (int)words[1];
    }

    // The words of block number i, the blocks of a key following each other; which key it is.
    private static int Draw(ArrayView<int> keys, Steps steps, Extents extents, int second, int blocks, int i, ArrayView<uint> words)
    {
        int key = i / blocks, at = Steps.At(key, steps, extents);
        Block((uint)(i - key * blocks), 0u, 0u, (uint)keys[at], (uint)keys[at + second], words);
        return key;
    }

    // Philox4x32-10 (Salmon et al. 2011) of the counter (c0, c1, c2, 0).
    private static void Block(uint c0, uint c1, uint c2, uint k0, uint k1, ArrayView<uint> words)
    {
        uint c3 = 0u;
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = 0xD2511F53ul * c0, p1 = 0xCD9E8D57ul * c2;
            c0 = (uint)(p1 >> 32) ^ c1 ^ k0;
            c1 = (uint)p1;
            c2 = (uint)(p0 >> 32) ^ c3 ^ k1;
            c3 = (uint)p0;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        words[0] = c0;
        words[1] = c1;
        words[2] = c2;
        words[3] = c3;
    }

    private static ulong Bits53(uint low, uint high) => ((ulong)high << 21) ^ (ulong)(low >> 11);

    // The midpoint ½ + q of a cell; both distances are exact.
    private static double Quantile(double q) => NormalQuantile.One(q, 0.5 - Math.Abs(q));
}
