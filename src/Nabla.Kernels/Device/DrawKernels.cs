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
        int key = i / blocks, block = i - key * blocks, at = Steps.At(key, steps, extents);
        Block((uint)block, 0u, 0u, (uint)keys[at], (uint)keys[at + second], words);
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
        int key = i / blocks, block = i - key * blocks, at = Steps.At(key, steps, extents);
        Block((uint)block, 0u, 0u, (uint)keys[at], (uint)keys[at + second], words);
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
        int key = i / blocks, block = i - key * blocks, at = Steps.At(key, steps, extents);
        Block((uint)block, 0u, 0u, (uint)keys[at], (uint)keys[at + second], words);
        for (int k = 0; k < 2; k++)
            if (block * 2 + k < perKey) y[key * perKey + block * 2 + k] = (double)Bits53(words[2 * k], words[2 * k + 1]) * 1.1102230246251565e-16;
    }

    /// <summary>y[key, …] = standard normal f32, through f64.</summary>
    [Kernel(Size)]
    public static void Normal32(ArrayView<int> keys, Steps steps, Extents extents, int second, int perKey, int blocks, int count, ArrayView<float> y)
    {
        var words = LocalMemory.Allocate<uint>(4);
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= count) return;
        int key = i / blocks, block = i - key * blocks, at = Steps.At(key, steps, extents);
        Block((uint)block, 0u, 0u, (uint)keys[at], (uint)keys[at + second], words);
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
        int key = i / blocks, block = i - key * blocks, at = Steps.At(key, steps, extents);
        Block((uint)block, 0u, 0u, (uint)keys[at], (uint)keys[at + second], words);
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

    // Φ⁻¹(½ + q): the rational approximations of NormalQuantile, one number at a time.
    private static double Quantile(double q)
    {
        if (Math.Abs(q) <= 0.425)
        {
            double r = Math.FusedMultiplyAdd(-q, q, 0.180625);
            double above = 2.5090809287301226727e+3, below = 5.2264952788528545610e+3;
            above = Math.FusedMultiplyAdd(above, r, 3.3430575583588128105e+4);
            above = Math.FusedMultiplyAdd(above, r, 6.7265770927008700853e+4);
            above = Math.FusedMultiplyAdd(above, r, 4.5921953931549871457e+4);
            above = Math.FusedMultiplyAdd(above, r, 1.3731693765509461125e+4);
            above = Math.FusedMultiplyAdd(above, r, 1.9715909503065514427e+3);
            above = Math.FusedMultiplyAdd(above, r, 1.3314166789178437745e+2);
            above = Math.FusedMultiplyAdd(above, r, 3.3871328727963666080);
            below = Math.FusedMultiplyAdd(below, r, 2.8729085735721942674e+4);
            below = Math.FusedMultiplyAdd(below, r, 3.9307895800092710610e+4);
            below = Math.FusedMultiplyAdd(below, r, 2.1213794301586595867e+4);
            below = Math.FusedMultiplyAdd(below, r, 5.3941960214247511077e+3);
            below = Math.FusedMultiplyAdd(below, r, 6.8718700749205790830e+2);
            below = Math.FusedMultiplyAdd(below, r, 4.2313330701600911252e+1);
            below = Math.FusedMultiplyAdd(below, r, 1.0);
            return q * above / below;
        }
        double tail = Math.Sqrt(-Math.Log(0.5 - Math.Abs(q)));
        double size = tail <= 5.0 ? Middle(tail - 1.6) : Far(tail - 5.0);
        return q < 0 ? -size : size;
    }

    private static double Middle(double r)
    {
        double above = 7.74545014278341407640e-4, below = 1.05075007164441684324e-9;
        above = Math.FusedMultiplyAdd(above, r, 2.27238449892691845833e-2);
        above = Math.FusedMultiplyAdd(above, r, 2.41780725177450611770e-1);
        above = Math.FusedMultiplyAdd(above, r, 1.27045825245236838258);
        above = Math.FusedMultiplyAdd(above, r, 3.64784832476320460504);
        above = Math.FusedMultiplyAdd(above, r, 5.76949722146069140550);
        above = Math.FusedMultiplyAdd(above, r, 4.63033784615654529590);
        above = Math.FusedMultiplyAdd(above, r, 1.42343711074968357734);
        below = Math.FusedMultiplyAdd(below, r, 5.47593808499534494600e-4);
        below = Math.FusedMultiplyAdd(below, r, 1.51986665636164571966e-2);
        below = Math.FusedMultiplyAdd(below, r, 1.48103976427480074590e-1);
        below = Math.FusedMultiplyAdd(below, r, 6.89767334985100004550e-1);
        below = Math.FusedMultiplyAdd(below, r, 1.67638483018380384940);
        below = Math.FusedMultiplyAdd(below, r, 2.05319162663775882187);
        below = Math.FusedMultiplyAdd(below, r, 1.0);
        return above / below;
    }

    private static double Far(double r)
    {
        double above = 2.01033439929228813265e-7, below = 2.04426310338993978564e-15;
        above = Math.FusedMultiplyAdd(above, r, 2.71155556874348757815e-5);
        above = Math.FusedMultiplyAdd(above, r, 1.24266094738807843860e-3);
        above = Math.FusedMultiplyAdd(above, r, 2.65321895265761230930e-2);
        above = Math.FusedMultiplyAdd(above, r, 2.96560571828504891230e-1);
        above = Math.FusedMultiplyAdd(above, r, 1.78482653991729133580);
        above = Math.FusedMultiplyAdd(above, r, 5.46378491116411436990);
        above = Math.FusedMultiplyAdd(above, r, 6.65790464350110377720);
        below = Math.FusedMultiplyAdd(below, r, 1.42151175831644588870e-7);
        below = Math.FusedMultiplyAdd(below, r, 1.84631831751005468180e-5);
        below = Math.FusedMultiplyAdd(below, r, 7.86869131145613259100e-4);
        below = Math.FusedMultiplyAdd(below, r, 1.48753612908506148525e-2);
        below = Math.FusedMultiplyAdd(below, r, 1.36929880922735805310e-1);
        below = Math.FusedMultiplyAdd(below, r, 5.99832206555887937690e-1);
        below = Math.FusedMultiplyAdd(below, r, 1.0);
        return above / below;
    }
}
