using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Nabla.Kernels;

/// <summary>
/// What the matrix kernels need of one instruction set: a vector type <typeparamref name="V"/> of elements <typeparamref name="T"/>.
/// A part of a vector is named by a mask and its length; elements outside it are neither read nor written.
/// </summary>
internal unsafe interface IGemmVector<T, V> where T : unmanaged where V : unmanaged
{
    static abstract int Width { get; }

    /// <summary>Whether a multiply-add takes a broadcast element as its memory operand.</summary>
    static abstract bool BroadcastsFromMemory { get; }
    static abstract V Load(T* source);
    static abstract V Broadcast(T* source);
    static abstract void Store(T* target, V x);
    static abstract V Add(V x, V y);
    static abstract V MultiplyAdd(V x, V y, V sum);
    static abstract T Sum(V x);

    /// <summary>Stores the sums of four vectors, one behind the other; in less than half the time of four single ones where there are instructions for it.</summary>
    static abstract void StoreSums(T* target, V x, V y, V z, V w);
    static abstract V Mask(int length);
    static abstract V LoadPart(T* source, V mask, int length);
    static abstract void StorePart(T* target, V x, V mask, int length);
}

/// <summary>AVX-512: 16 f32 or 8 f64, masked loads and stores.</summary>
internal readonly unsafe struct Simd512<T> : IGemmVector<T, Vector512<T>> where T : unmanaged, INumber<T>
{
    public static int Width => Vector512<T>.Count;

    public static bool BroadcastsFromMemory => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Load(T* source) => Vector512.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Broadcast(T* source) => Vector512.Create(*source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(T* target, Vector512<T> x) => x.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Add(Vector512<T> x, Vector512<T> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> MultiplyAdd(Vector512<T> x, Vector512<T> y, Vector512<T> sum) => typeof(T) == typeof(float)
        ? Vector512.FusedMultiplyAdd(x.AsSingle(), y.AsSingle(), sum.AsSingle()).As<float, T>()
        : Vector512.FusedMultiplyAdd(x.AsDouble(), y.AsDouble(), sum.AsDouble()).As<double, T>();

    public static T Sum(Vector512<T> x) => Vector512.Sum(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSums(T* target, Vector512<T> x, Vector512<T> y, Vector512<T> z, Vector512<T> w) => Simd256<T>.StoreSums(
        target, x.GetLower() + x.GetUpper(), y.GetLower() + y.GetUpper(), z.GetLower() + z.GetUpper(), w.GetLower() + w.GetUpper());

    public static Vector512<T> Mask(int length) => Vector512.LessThan(Vector512<T>.Indices, Vector512.Create(T.CreateTruncating(length)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> LoadPart(T* source, Vector512<T> mask, int length) => typeof(T) == typeof(float)
        ? Avx512F.MaskLoad((float*)source, mask.AsSingle(), Vector512<float>.Zero).As<float, T>()
        : Avx512F.MaskLoad((double*)source, mask.AsDouble(), Vector512<double>.Zero).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePart(T* target, Vector512<T> x, Vector512<T> mask, int length)
    {
        if (typeof(T) == typeof(float)) Avx512F.MaskStore((float*)target, mask.AsSingle(), x.AsSingle());
        else Avx512F.MaskStore((double*)target, mask.AsDouble(), x.AsDouble());
    }
}

/// <summary>AVX2 with FMA: 8 f32 or 4 f64, masked loads and stores.</summary>
internal readonly unsafe struct Simd256<T> : IGemmVector<T, Vector256<T>> where T : unmanaged, INumber<T>
{
    public static int Width => Vector256<T>.Count;

    public static bool BroadcastsFromMemory => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Load(T* source) => Vector256.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Broadcast(T* source) => Vector256.Create(*source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(T* target, Vector256<T> x) => x.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Add(Vector256<T> x, Vector256<T> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> MultiplyAdd(Vector256<T> x, Vector256<T> y, Vector256<T> sum) => typeof(T) == typeof(float)
        ? Vector256.FusedMultiplyAdd(x.AsSingle(), y.AsSingle(), sum.AsSingle()).As<float, T>()
        : Vector256.FusedMultiplyAdd(x.AsDouble(), y.AsDouble(), sum.AsDouble()).As<double, T>();

    public static T Sum(Vector256<T> x) => Vector256.Sum(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSums(T* target, Vector256<T> x, Vector256<T> y, Vector256<T> z, Vector256<T> w)
    {
        if (typeof(T) == typeof(float))
        {
            Vector256<float> sums = Avx.HorizontalAdd(
                Avx.HorizontalAdd(x.AsSingle(), y.AsSingle()), Avx.HorizontalAdd(z.AsSingle(), w.AsSingle()));
            (sums.GetLower() + sums.GetUpper()).Store((float*)target);
        }
        else
        {
            Vector256<double> left = Avx.HorizontalAdd(x.AsDouble(), y.AsDouble()), right = Avx.HorizontalAdd(z.AsDouble(), w.AsDouble());
            (Avx.Permute2x128(left, right, 0x20) + Avx.Permute2x128(left, right, 0x31)).Store((double*)target);
        }
    }

    public static Vector256<T> Mask(int length) => Vector256.LessThan(Vector256<T>.Indices, Vector256.Create(T.CreateTruncating(length)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> LoadPart(T* source, Vector256<T> mask, int length) => typeof(T) == typeof(float)
        ? Avx.MaskLoad((float*)source, mask.AsSingle()).As<float, T>()
        : Avx.MaskLoad((double*)source, mask.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePart(T* target, Vector256<T> x, Vector256<T> mask, int length)
    {
        if (typeof(T) == typeof(float)) Avx.MaskStore((float*)target, mask.AsSingle(), x.AsSingle());
        else Avx.MaskStore((double*)target, mask.AsDouble(), x.AsDouble());
    }
}

/// <summary>Any machine (SSE, AdvSimd, or none): 4 f32 or 2 f64; multiplies and adds without fusing where fusing would be slow.</summary>
internal readonly unsafe struct Simd128<T> : IGemmVector<T, Vector128<T>> where T : unmanaged, INumber<T>
{
    public static int Width => Vector128<T>.Count;

    public static bool BroadcastsFromMemory => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Load(T* source) => Vector128.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Broadcast(T* source) => Vector128.Create(*source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(T* target, Vector128<T> x) => x.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Add(Vector128<T> x, Vector128<T> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> MultiplyAdd(Vector128<T> x, Vector128<T> y, Vector128<T> sum) => typeof(T) == typeof(float)
        ? Vector128.MultiplyAddEstimate(x.AsSingle(), y.AsSingle(), sum.AsSingle()).As<float, T>()
        : Vector128.MultiplyAddEstimate(x.AsDouble(), y.AsDouble(), sum.AsDouble()).As<double, T>();

    public static T Sum(Vector128<T> x) => Vector128.Sum(x);

    public static void StoreSums(T* target, Vector128<T> x, Vector128<T> y, Vector128<T> z, Vector128<T> w)
    {
        target[0] = Sum(x);
        target[1] = Sum(y);
        target[2] = Sum(z);
        target[3] = Sum(w);
    }

    public static Vector128<T> Mask(int length) => Vector128<T>.Zero;

    public static Vector128<T> LoadPart(T* source, Vector128<T> mask, int length)
    {
        Vector128<T> x = default;
        for (int i = 0; i < length; i++) x = x.WithElement(i, source[i]);
        return x;
    }

    public static void StorePart(T* target, Vector128<T> x, Vector128<T> mask, int length)
    {
        for (int i = 0; i < length; i++) target[i] = x.GetElement(i);
    }
}
