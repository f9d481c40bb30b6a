using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Nabla.Kernels;

/// <summary>
/// Many consecutive Philox blocks at once: one block in each 64-bit lane, so that a round is two 32 × 32 → 64-bit multiplications for 8
/// (AVX-512) or 4 (AVX2) blocks. Only the lower half of a lane is state; the upper half may hold anything, since the
/// multiplication does not read it. All paths give the same bits.
/// </summary>
internal static unsafe class PhiloxBlocks
{
    private const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;

    /// <summary>
    /// Writes the words of blocks <paramref name="first"/>, first + 1, … of the draw stream of a key: 4·<paramref name="count"/> words.
    /// </summary>
    public static void Fill(uint k0, uint k1, ulong first, int count, uint* words)
    {
        int i = 0;
        if (Avx512DQ.IsSupported)
        {
            for (; i + 16 <= count; i += 16) Sixteen(k0, k1, first + (ulong)i, (ulong*)(words + 4 * i));
        }
        else if (Avx2.IsSupported)
        {
            for (; i + 4 <= count; i += 4) Four(k0, k1, first + (ulong)i, (ulong*)(words + 4 * i));
        }
        for (; i < count; i++)
        {
            ulong block = first + (ulong)i;
            (words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3]) =
                Philox.Block((uint)block, (uint)(block >> 32), Philox.DrawDomain, 0, k0, k1);
        }
    }

    // Two independent groups of eight blocks hide the latency of the multiplications.
    private static void Sixteen(uint k0, uint k1, ulong first, ulong* words)
    {
        Vector512<ulong> block = Vector512.Create(first) + Vector512<ulong>.Indices, later = block + Vector512.Create(8UL);
        Vector512<ulong> a0 = block, a1 = block >> 32, a2 = Vector512.Create((ulong)Philox.DrawDomain), a3 = Vector512<ulong>.Zero;
        Vector512<ulong> b0 = later, b1 = later >> 32, b2 = a2, b3 = a3;
        for (int round = 0; round < 10; round++)
        {
            Vector512<ulong> key0 = Vector512.Create((ulong)k0), key1 = Vector512.Create((ulong)k1);
            Round(ref a0, ref a1, ref a2, ref a3, key0, key1);
            Round(ref b0, ref b1, ref b2, ref b3, key0, key1);
            k0 += Weyl0;
            k1 += Weyl1;
        }
        Store(a0, a1, a2, a3, words);
        Store(b0, b1, b2, b3, words + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref Vector512<ulong> c0, ref Vector512<ulong> c1, ref Vector512<ulong> c2, ref Vector512<ulong> c3,
        Vector512<ulong> key0, Vector512<ulong> key1)
    {
        Vector512<ulong> p0 = Avx512F.Multiply(c0.AsUInt32(), Vector512.Create((ulong)Multiplier0).AsUInt32());
        Vector512<ulong> p1 = Avx512F.Multiply(c2.AsUInt32(), Vector512.Create((ulong)Multiplier1).AsUInt32());
        (c0, c1, c2, c3) = ((p1 >> 32) ^ c1 ^ key0, p1, (p0 >> 32) ^ c3 ^ key1, p0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector512<ulong> c0, Vector512<ulong> c1, Vector512<ulong> c2, Vector512<ulong> c3, ulong* words)
    {
        Vector512<ulong> lower = Vector512.Create((ulong)uint.MaxValue);
        Vector512<ulong> first = (c0 & lower) | (c1 << 32), second = (c2 & lower) | (c3 << 32);
        Avx512F.PermuteVar8x64x2(first, Vector512.Create(0UL, 8, 1, 9, 2, 10, 3, 11), second).Store(words);
        Avx512F.PermuteVar8x64x2(first, Vector512.Create(4UL, 12, 5, 13, 6, 14, 7, 15), second).Store(words + 8);
    }

    private static void Four(uint k0, uint k1, ulong first, ulong* words)
    {
        Vector256<ulong> block = Vector256.Create(first) + Vector256<ulong>.Indices;
        Vector256<ulong> c0 = block, c1 = block >> 32, c2 = Vector256.Create((ulong)Philox.DrawDomain), c3 = Vector256<ulong>.Zero;
        for (int round = 0; round < 10; round++)
        {
            Vector256<ulong> p0 = Avx2.Multiply(c0.AsUInt32(), Vector256.Create((ulong)Multiplier0).AsUInt32());
            Vector256<ulong> p1 = Avx2.Multiply(c2.AsUInt32(), Vector256.Create((ulong)Multiplier1).AsUInt32());
            (c0, c1) = ((p1 >> 32) ^ c1 ^ Vector256.Create((ulong)k0), p1);
            (c2, c3) = ((p0 >> 32) ^ c3 ^ Vector256.Create((ulong)k1), p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }
        Vector256<ulong> lower = Vector256.Create((ulong)uint.MaxValue);
        Vector256<ulong> even = (c0 & lower) | (c1 << 32), odd = (c2 & lower) | (c3 << 32);
        Vector256<ulong> low = Avx2.UnpackLow(even, odd), high = Avx2.UnpackHigh(even, odd);
        Avx2.Permute2x128(low, high, 0x20).Store(words);
        Avx2.Permute2x128(low, high, 0x31).Store(words + 4);
    }
}
