using System.Runtime.CompilerServices;

namespace Nabla;

/// <summary>
/// Philox4x32-10, the counter-based generator behind all randomness: four output words from a 128-bit counter and a 64-bit key,
/// so that any element of any stream can be computed on its own, on any device, in any order.
/// </summary>
/// <remarks>Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, §3.</remarks>
public static class Philox
{
    private const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;

    /// <summary>Counter domains: which use of a key the third counter word separates.</summary>
    internal const uint DrawDomain = 0, FoldInDomain = 1, SplitDomain = 2;

    /// <summary>The four words at one counter.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (uint W0, uint W1, uint W2, uint W3) Block(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = (ulong)Multiplier0 * c0, p1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }
        return (c0, c1, c2, c3);
    }

    /// <summary>The key that belongs to <paramref name="data"/> under a parent key: counter (data low, data high, 1, 0).</summary>
    public static (uint K0, uint K1) FoldIn(uint k0, uint k1, ulong data)
    {
        (uint a, uint b, _, _) = Block((uint)data, (uint)(data >> 32), FoldInDomain, 0, k0, k1);
        return (a, b);
    }

    /// <summary>Child <paramref name="index"/> of a key: counter (index low, index high, 2, 0).</summary>
    public static (uint K0, uint K1) Split(uint k0, uint k1, ulong index)
    {
        (uint a, uint b, _, _) = Block((uint)index, (uint)(index >> 32), SplitDomain, 0, k0, k1);
        return (a, b);
    }

    /// <summary>A word as a float in [0, 1): the upper 24 bits times 2⁻²⁴, exact.</summary>
    public static float ToUniform(uint word) => (word >> 8) * (1f / (1 << 24));

    /// <summary>Two words as a double in [0, 1): 53 bits times 2⁻⁵³, exact.</summary>
    public static double ToUniform(uint low, uint high) => (((ulong)high << 21) ^ (low >> 11)) * (1.0 / (1L << 53));
}
