using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Nabla.Kernels;

/// <summary>
/// Copies a strip of a matrix into a panel: <c>target[p·targetStride + i] = source[i·laneStride + p·depthStride]</c>. For A the lanes are rows of a
/// register tile, for B its columns. Three ways: lanes adjacent in memory (plain copies), depth adjacent (8 × 8 transpositions in
/// registers), neither (one by one).
/// </summary>
internal static unsafe class Pack
{
    private const int Block = 8;

    /// <summary>Packs one panel; its rows are <paramref name="targetStride"/> apart, at least <paramref name="lanes"/>.</summary>
    public static void Panel<T>(T* source, nint laneStride, nint depthStride, int lanes, nint depth, T* target, nint targetStride) where T : unmanaged
    {
        if (laneStride == 1) CopyLanes(source, depthStride, lanes, depth, target, targetStride);
        else if (depthStride == 1 && sizeof(T) == 4 && Avx2.IsSupported && lanes >= Block && depth >= Block)
            Transpose((float*)source, laneStride, lanes, depth, (float*)target, targetStride);
        else if (depthStride == 1 && sizeof(T) == 8 && Avx2.IsSupported && lanes >= Block / 2 && depth >= Block / 2)
            Transpose((double*)source, laneStride, lanes, depth, (double*)target, targetStride);
        else OneByOne(source, laneStride, depthStride, lanes, depth, target, targetStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneByOne<T>(T* source, nint laneStride, nint depthStride, int lanes, nint depth, T* target, nint targetStride) where T : unmanaged
    {
        if (depth < lanes)
        {
            for (nint p = 0; p < depth; p++, source += depthStride, target += targetStride)
                for (nint i = 0; i < lanes; i++) target[i] = source[i * laneStride];
            return;
        }
        for (nint i = 0; i < lanes; i++)
        {
            T* from = source + i * laneStride;
            T* to = target + i;
            for (nint p = 0; p < depth; p++, from += depthStride, to += targetStride) *to = *from;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyLanes<T>(T* source, nint depthStride, int lanes, nint depth, T* target, nint targetStride) where T : unmanaged
    {
        int width = Vector256<T>.Count;
        if (lanes < width)
        {
            OneByOne(source, 1, depthStride, lanes, depth, target, targetStride);
            return;
        }
        // The last vector of a row overlaps the one before it instead of leaving a remainder.
        for (nint p = 0; p < depth; p++, source += depthStride, target += targetStride)
        {
            for (int i = 0; i < lanes - width; i += width) Vector256.Load(source + i).Store(target + i);
            Vector256.Load(source + lanes - width).Store(target + lanes - width);
        }
    }

    // Blocks of 8 lanes, the last one overlapping its neighbour; the same along the depth.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(float* source, nint laneStride, int lanes, nint depth, float* target, nint targetStride)
    {
        for (nint p = 0; p < depth; p += Block)
        {
            nint from = Math.Min(p, depth - Block);
            for (int i = 0; i < lanes; i += Block)
            {
                int lane = Math.Min(i, lanes - Block);
                Transpose8(source + lane * laneStride + from, laneStride, target + from * targetStride + lane, targetStride);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(double* source, nint laneStride, int lanes, nint depth, double* target, nint targetStride)
    {
        const int block = Block / 2;
        for (nint p = 0; p < depth; p += block)
        {
            nint from = Math.Min(p, depth - block);
            for (int i = 0; i < lanes; i += block)
            {
                int lane = Math.Min(i, lanes - block);
                Transpose4(source + lane * laneStride + from, laneStride, target + from * targetStride + lane, targetStride);
            }
        }
    }

    // Pairs, then fours, then halves: the usual three rounds of an 8 × 8 transposition.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose8(float* source, nint stride, float* target, nint targetStride)
    {
        Vector256<float> a = Vector256.Load(source), b = Vector256.Load(source + stride);
        Vector256<float> c = Vector256.Load(source + 2 * stride), d = Vector256.Load(source + 3 * stride);
        float* lower = source + 4 * stride;
        Vector256<float> e = Vector256.Load(lower), f = Vector256.Load(lower + stride);
        Vector256<float> g = Vector256.Load(lower + 2 * stride), h = Vector256.Load(lower + 3 * stride);

        Vector256<double> ab0 = Avx.UnpackLow(a, b).AsDouble(), ab1 = Avx.UnpackHigh(a, b).AsDouble();
        Vector256<double> cd0 = Avx.UnpackLow(c, d).AsDouble(), cd1 = Avx.UnpackHigh(c, d).AsDouble();
        Vector256<double> ef0 = Avx.UnpackLow(e, f).AsDouble(), ef1 = Avx.UnpackHigh(e, f).AsDouble();
        Vector256<double> gh0 = Avx.UnpackLow(g, h).AsDouble(), gh1 = Avx.UnpackHigh(g, h).AsDouble();

        StorePair(Avx.UnpackLow(ab0, cd0), Avx.UnpackLow(ef0, gh0), target, 4 * targetStride);
        StorePair(Avx.UnpackHigh(ab0, cd0), Avx.UnpackHigh(ef0, gh0), target + targetStride, 4 * targetStride);
        StorePair(Avx.UnpackLow(ab1, cd1), Avx.UnpackLow(ef1, gh1), target + 2 * targetStride, 4 * targetStride);
        StorePair(Avx.UnpackHigh(ab1, cd1), Avx.UnpackHigh(ef1, gh1), target + 3 * targetStride, 4 * targetStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePair(Vector256<double> left, Vector256<double> right, float* target, nint distance)
    {
        Avx.Permute2x128(left, right, 0x20).AsSingle().Store(target);
        Avx.Permute2x128(left, right, 0x31).AsSingle().Store(target + distance);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4(double* source, nint stride, double* target, nint targetStride)
    {
        Vector256<double> a = Vector256.Load(source), b = Vector256.Load(source + stride);
        Vector256<double> c = Vector256.Load(source + 2 * stride), d = Vector256.Load(source + 3 * stride);
        Vector256<double> ab0 = Avx.UnpackLow(a, b), ab1 = Avx.UnpackHigh(a, b), cd0 = Avx.UnpackLow(c, d), cd1 = Avx.UnpackHigh(c, d);
        Avx.Permute2x128(ab0, cd0, 0x20).Store(target);
        Avx.Permute2x128(ab1, cd1, 0x20).Store(target + targetStride);
        Avx.Permute2x128(ab0, cd0, 0x31).Store(target + 2 * targetStride);
        Avx.Permute2x128(ab1, cd1, 0x31).Store(target + 3 * targetStride);
    }
}
