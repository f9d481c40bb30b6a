using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Nabla.Kernels;

/// <summary>
/// Transposes one square tile whose side is a cache line: 16 × 16 words of four bytes, 8 × 8 of eight, 64 × 64 single bytes.
/// </summary>
/// <remarks>
/// The source lines go to a buffer first, each at once, so that lines a power of two apart, which compete for the same few places of the
/// first cache, need not stay there together. From the buffer, 8 × 8 (4 × 4) blocks are turned in registers.
/// </remarks>
internal static unsafe class TransposeTile
{
    private const int LineBytes = 64;

    /// <summary>Elements along a side.</summary>
    public static int Side<T>() where T : unmanaged => LineBytes / sizeof(T);

    /// <summary>target[i·to + j] = source[j·from + i] for i, j &lt; <see cref="Side"/>.</summary>
    [SkipLocalsInit]
    public static void Run<T>(T* source, long from, T* target, long to) where T : unmanaged
    {
        int side = Side<T>();
        T* buffer = stackalloc T[LineBytes * LineBytes / sizeof(T)];
        for (int j = 0; j < side; j++) Unsafe.CopyBlockUnaligned(buffer + j * side, source + j * from, LineBytes);
        if (sizeof(T) == 4 && Avx.IsSupported)
        {
            for (int i = 0; i < 16; i += 8)
                for (int j = 0; j < 16; j += 8)
                    Eight((float*)buffer + j * 16 + i, (float*)target + i * to + j, to);
        }
        else if (sizeof(T) == 8 && Avx.IsSupported)
        {
            for (int i = 0; i < 8; i += 4)
                for (int j = 0; j < 8; j += 4)
                    Four((double*)buffer + j * 8 + i, (double*)target + i * to + j, to);
        }
        else
        {
            for (int i = 0; i < side; i++)
                for (int j = 0; j < side; j++)
                    target[i * to + j] = buffer[j * side + i];
        }
    }

    /// <summary>target[i·to + j] = buffer[16·j + i] for i, j &lt; 8, with AVX.</summary>
    /// <remarks>Pairs, then fours, then halves: three rounds of eight shuffles. Moving bits as floats does not change them.</remarks>
    public static void Eight(float* buffer, float* target, long to)
    {
        Vector256<float> a0 = Vector256.Load(buffer), a1 = Vector256.Load(buffer + 16), a2 = Vector256.Load(buffer + 32);
        Vector256<float> a3 = Vector256.Load(buffer + 48), a4 = Vector256.Load(buffer + 64), a5 = Vector256.Load(buffer + 80);
        Vector256<float> a6 = Vector256.Load(buffer + 96), a7 = Vector256.Load(buffer + 112);
        Vector256<float> b0 = Avx.UnpackLow(a0, a1), b1 = Avx.UnpackHigh(a0, a1), b2 = Avx.UnpackLow(a2, a3), b3 = Avx.UnpackHigh(a2, a3);
        Vector256<float> b4 = Avx.UnpackLow(a4, a5), b5 = Avx.UnpackHigh(a4, a5), b6 = Avx.UnpackLow(a6, a7), b7 = Avx.UnpackHigh(a6, a7);
        a0 = Avx.Shuffle(b0, b2, 0x44);
        a1 = Avx.Shuffle(b0, b2, 0xEE);
        a2 = Avx.Shuffle(b1, b3, 0x44);
        a3 = Avx.Shuffle(b1, b3, 0xEE);
        a4 = Avx.Shuffle(b4, b6, 0x44);
        a5 = Avx.Shuffle(b4, b6, 0xEE);
        a6 = Avx.Shuffle(b5, b7, 0x44);
        a7 = Avx.Shuffle(b5, b7, 0xEE);
        Avx.Permute2x128(a0, a4, 0x20).Store(target);
        Avx.Permute2x128(a1, a5, 0x20).Store(target + to);
        Avx.Permute2x128(a2, a6, 0x20).Store(target + 2 * to);
        Avx.Permute2x128(a3, a7, 0x20).Store(target + 3 * to);
        Avx.Permute2x128(a0, a4, 0x31).Store(target + 4 * to);
        Avx.Permute2x128(a1, a5, 0x31).Store(target + 5 * to);
        Avx.Permute2x128(a2, a6, 0x31).Store(target + 6 * to);
        Avx.Permute2x128(a3, a7, 0x31).Store(target + 7 * to);
    }

    /// <summary>target[i·to + j] = buffer[8·j + i] for i, j &lt; 4, with AVX.</summary>
    public static void Four(double* buffer, double* target, long to)
    {
        Vector256<double> a0 = Vector256.Load(buffer), a1 = Vector256.Load(buffer + 8), a2 = Vector256.Load(buffer + 16);
        Vector256<double> a3 = Vector256.Load(buffer + 24);
        Vector256<double> b0 = Avx.UnpackLow(a0, a1), b1 = Avx.UnpackHigh(a0, a1), b2 = Avx.UnpackLow(a2, a3), b3 = Avx.UnpackHigh(a2, a3);
        Avx.Permute2x128(b0, b2, 0x20).Store(target);
        Avx.Permute2x128(b1, b3, 0x20).Store(target + to);
        Avx.Permute2x128(b0, b2, 0x31).Store(target + 2 * to);
        Avx.Permute2x128(b1, b3, 0x31).Store(target + 3 * to);
    }
}
