using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>Loops over dense vectors that the factorisations share.</summary>
internal static unsafe class VectorKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static int Width => Vector256<T>.Count;

    /// <summary>Σ x·y, in four vectors of partial sums that are added in a fixed order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static T Dot(T* x, T* y, nint count)
    {
        Vector256<T> a = default, b = default, c = default, d = default;
        nint i = 0;
        for (; i + 4 * Width <= count; i += 4 * Width)
        {
            a += Vector256.Load(x + i) * Vector256.Load(y + i);
            b += Vector256.Load(x + i + Width) * Vector256.Load(y + i + Width);
            c += Vector256.Load(x + i + 2 * Width) * Vector256.Load(y + i + 2 * Width);
            d += Vector256.Load(x + i + 3 * Width) * Vector256.Load(y + i + 3 * Width);
        }
        for (; i + Width <= count; i += Width) a += Vector256.Load(x + i) * Vector256.Load(y + i);
        T sum = Vector256.Sum(a + b + (c + d));
        for (; i < count; i++) sum += x[i] * y[i];
        return sum;
    }

    /// <summary>y += factor·x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddMultiple(T* y, T* x, T factor, nint count)
    {
        Vector256<T> wide = Vector256.Create(factor);
        nint i = 0;
        for (; i + Width <= count; i += Width) (Vector256.Load(y + i) + wide * Vector256.Load(x + i)).Store(y + i);
        for (; i < count; i++) y[i] += factor * x[i];
    }

    /// <summary>x /= divisor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Divide(T* x, T divisor, nint count)
    {
        Vector256<T> wide = Vector256.Create(divisor);
        nint i = 0;
        for (; i + Width <= count; i += Width) (Vector256.Load(x + i) / wide).Store(x + i);
        for (; i < count; i++) x[i] /= divisor;
    }

    /// <summary>Exchanges x and y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Swap(T* x, T* y, nint count)
    {
        nint i = 0;
        for (; i + Width <= count; i += Width)
        {
            Vector256<T> a = Vector256.Load(x + i), b = Vector256.Load(y + i);
            b.Store(x + i);
            a.Store(y + i);
        }
        for (; i < count; i++) (x[i], y[i]) = (y[i], x[i]);
    }

    /// <summary>The largest |x|; NaN if one is NaN.</summary>
    public static T MaxAbs(T* x, nint count)
    {
        T largest = T.Zero;
        for (nint i = 0; i < count; i++)
            if (!(T.Abs(x[i]) <= largest)) largest = T.IsNaN(largest) ? largest : T.Abs(x[i]);
        return largest;
    }

    /// <summary>
    /// True if the first element that comes within a tenth of the largest magnitude is negative: then a singular or eigenvector is negated. The
    /// tenth keeps the choice stable when several elements are equally large up to rounding.
    /// </summary>
    public static bool PointsBackward(T* x, nint count)
    {
        T enough = MaxAbs(x, count) * T.CreateTruncating(0.9);
        for (nint i = 0; i < count; i++)
            if (T.Abs(x[i]) >= enough) return x[i] < T.Zero;
        return false;
    }
}

/// <summary>Native memory for the length of one factorisation, cut into aligned pieces.</summary>
internal readonly unsafe ref struct Workspace<T> where T : unmanaged
{
    private const int Alignment = 64;
    private const int Pieces = 16;

    // The block begins with the address of the next piece, so that copies of this value share it.
    private readonly byte** _next;
    private readonly byte* _end;

    /// <summary>Room for that many elements in at most 16 pieces.</summary>
    public Workspace(long elements)
    {
        nuint bytes = checked((nuint)elements * (nuint)sizeof(T) + (Pieces + 1) * Alignment);
        _next = (byte**)NativeMemory.AlignedAlloc(bytes, Alignment);
        *_next = (byte*)_next + Alignment;
        _end = (byte*)_next + bytes;
    }

    /// <summary>The next piece, with undefined content.</summary>
    public T* Take(long elements)
    {
        byte* piece = *_next, next = piece + (elements * sizeof(T) + Alignment - 1) / Alignment * Alignment;
        if (next > _end) throw new InvalidOperationException("A factorisation asked for more scratch memory than it had reserved.");
        *_next = next;
        return (T*)piece;
    }

    public void Dispose() => NativeMemory.AlignedFree(_next);
}
