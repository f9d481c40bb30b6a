using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

/// <summary>
/// aᵇ = exp(b·log |a|). The logarithm and its product with b are sums of two numbers each, because an absolute error of the exponent is a relative one of the
/// result. Vectors with a base that is not positive, or with anything infinite or NaN, are looked at again.
/// </summary>
internal readonly struct PowFunction : ILaneBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes a, TLanes b) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes zero = default, log = TwofoldLog.Of<TLanes, T>(TLanes.Abs(a), out TLanes logLow), exponent = b * log;
        TLanes low = TLanes.MulAdd(b, logLow, Twofold.ProductError<TLanes, T>(b, log, exponent));
        // Beyond the range of results the low part may be infinite.
        low = TLanes.Select(TLanes.Less(TLanes.Abs(exponent), TLanes.Create(Constants.Of<T>(200, 1000))), low, zero);
        TLanes p = Exponential.Reduce<TLanes, T>(Exponential.Bounded<TLanes, T>(exponent), low, out TLanes k);
        TLanes y = Exponential.Scaled<TLanes, T>(exponent, p, k);
        TLanes ordinary = TLanes.Less(zero, a) & TLanes.Less(a, Infinity<TLanes, T>()) & TLanes.Less(TLanes.Abs(b), Infinity<TLanes, T>());
        return TLanes.Any(ordinary ^ TLanes.Equal(zero, zero)) ? WithSpecialValues<TLanes, T>(a, b, y) : y;
    }

    // y is |a|ᵇ where this and b are ordinary numbers.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static TLanes WithSpecialValues<TLanes, T>(TLanes a, TLanes b, TLanes y) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes zero = default, one = TLanes.Create(Constants.One<T>()), infinity = Infinity<TLanes, T>(), size = TLanes.Abs(a);
        TLanes ends = TLanes.Equal(size, zero) | TLanes.Equal(size, infinity) | TLanes.Equal(TLanes.Abs(b), infinity);
        TLanes grows = TLanes.Less(zero, b) ^ TLanes.Less(size, one);
        y = TLanes.Select(ends, TLanes.Select(grows, infinity, zero), y);
        y = TLanes.Select(ends & TLanes.Equal(size, one), one, y);
        TLanes whole = IsWhole<TLanes, T>(b), even = IsWhole<TLanes, T>(b * TLanes.Create(Constants.Of<T>(0.5f, 0.5)));
        y |= TLanes.Select(even, zero, Signs.Of<TLanes, T>(a) & whole);
        TLanes undefined = TLanes.Select(whole, zero, TLanes.Less(a, zero) & TLanes.Less(size, infinity));
        y = TLanes.Select(undefined, TLanes.Create(Constants.Of<T>(float.NaN, double.NaN)), y);
        y = TLanes.Select(TLanes.Equal(a, a) & TLanes.Equal(b, b), y, a + b);
        return TLanes.Select(TLanes.Equal(b, zero) | TLanes.Equal(a, one), one, y);
    }

    // Adding 2ᵐ, m the mantissa's bits, rounds to whole numbers; above it all are whole, ∞ too.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes IsWhole<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes anchor = TLanes.Create(Constants.Of<T>(8388608, 4503599627370496)), size = TLanes.Min(TLanes.Abs(x), anchor);
        return TLanes.Equal(size + anchor - anchor, size);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Infinity<TLanes, T>() where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TLanes.Create(Constants.Of<T>(float.PositiveInfinity, double.PositiveInfinity));
}

/// <summary>The angle of the point (b, a): atan t + t³P(t²) of t = the smaller over the larger size, then reflected into the point's octant.</summary>
internal readonly struct Atan2Function : ILaneBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes a, TLanes b) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes zero = default, one = TLanes.Create(Constants.One<T>()), height = TLanes.Abs(a), width = TLanes.Abs(b);
        TLanes small = TLanes.Min(height, width), large = TLanes.Max(height, width);
        // Two zeros are on the axis, two infinities on the diagonal.
        TLanes t = TLanes.Select(TLanes.Equal(small, large), TLanes.Select(TLanes.Equal(large, zero), zero, one), small / large);
        TLanes z = t * t, square = z * z;
        TLanes even = Polynomial.Evaluate<TLanes, T>(square, Tables.AtanEvenF32, Tables.AtanEvenF64);
        TLanes p = TLanes.MulAdd(z, Polynomial.Evaluate<TLanes, T>(square, Tables.AtanOddF32, Tables.AtanOddF64), even);
        TLanes angle = TLanes.MulAdd(t * z, p, t);
        TLanes steep = TLanes.Less(width, height), left = TLanes.ShiftRight(b, typeof(T) == typeof(float) ? 31 : 63);
        // A quarter or half turn less the angle, or a quarter turn and the angle.
        TLanes turned = TLanes.Select(steep & left, zero - angle, angle);
        TLanes high = TLanes.Select(steep, Of(1.57079637f, 1.5707963267948966), Of(3.14159274f, 3.141592653589793));
        TLanes low = TLanes.Select(steep, Of(-4.37113883e-8f, 6.123233995736766e-17), Of(-8.74227766e-8f, 1.2246467991473532e-16));
        TLanes y = TLanes.Select(steep | left, high - (turned - low), angle) | Signs.Of<TLanes, T>(a);
        return TLanes.Select(TLanes.Equal(a, a) & TLanes.Equal(b, b), y, a + b);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static TLanes Of(float single, double full) => TLanes.Create(Constants.Of<T>(single, full));
    }
}

/// <summary>Numbers as sums high + low, low at most half a unit in the last place of high.</summary>
internal static class Twofold
{
    /// <summary>a·b − p for p = a·b rounded; exact while nothing underflows.</summary>
    /// <remarks>Source: Dekker 1971, Numerische Mathematik 18, for machines without fused multiplication.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes ProductError<TLanes, T>(TLanes a, TLanes b, TLanes p) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes zero = default;
        if (TLanes.Fuses) return TLanes.MulAdd(a, b, zero - p);
        TLanes mask = TLanes.Create(Constants.HighHalfMask<T>());
        TLanes aHigh = a & mask, aLow = a - aHigh, bHigh = b & mask, bLow = b - bHigh;
        return aHigh * bHigh - p + aHigh * bLow + aLow * bHigh + aLow * bLow;
    }
}

/// <summary>
/// log x as a sum of two numbers, to 2⁻⁶⁵ (f64) and 2⁻³³ (f32): x = 2ᵏ(1 + f), s = f/(2 + f), z = s² and log(1 + f) = s·(2 + z·(⅔ + z·Q(z))), all but Q in two
/// numbers.
/// </summary>
internal static class TwofoldLog
{
    /// <summary>log x and what is rounded off, for positive finite numbers.</summary>
    /// <remarks>A call, because with it a power would exceed what the compiler is ready to inline.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static TLanes Of<TLanes, T>(TLanes x, out TLanes low) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes m = Logarithm.SplitAny<TLanes, T>(x, out TLanes k);
        TLanes part = OfMantissa<TLanes, T>(m - TLanes.Create(Constants.One<T>()), out TLanes partLow);
        TLanes whole = k * Constants.LogTwoHigh<TLanes, T>(), sum = whole + part;
        TLanes rest = part - (sum - whole) + TLanes.MulAdd(k, Constants.LogTwoLow<TLanes, T>(), partLow);
        TLanes y = sum + rest;
        low = rest - (y - sum);
        return y;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes OfMantissa<TLanes, T>(TLanes f, out TLanes low) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes one = TLanes.Create(Constants.One<T>()), two = one + one;
        TLanes d = two + f, dLow = f - (d - two), inverse = one / d;
        TLanes s = f * inverse, back = s * d;
        TLanes sLow = (f - back - Twofold.ProductError<TLanes, T>(s, d, back) - s * dLow) * inverse;
        TLanes z = s * s, zLow = TLanes.MulAdd(s + s, sLow, Twofold.ProductError<TLanes, T>(s, s, z));
        TLanes third = TLanes.Create(Constants.Of<T>(0.666666687f, 0.66666666666666663));
        TLanes u = z * Polynomial.Evaluate<TLanes, T>(z, Tables.LogTailF32, Tables.LogTailF64), t = third + u;
        TLanes tLow = u - (t - third) + TLanes.Create(Constants.Of<T>(-1.98682149e-8f, 3.700743415417188e-17));
        TLanes p = z * t, pLow = TLanes.MulAdd(z, tLow, TLanes.MulAdd(zLow, t, Twofold.ProductError<TLanes, T>(z, t, p)));
        TLanes q = two + p, qLow = p - (q - two) + pLow;
        TLanes y = s * q;
        low = TLanes.MulAdd(s, qLow, TLanes.MulAdd(sLow, q, Twofold.ProductError<TLanes, T>(s, q, y)));
        return y;
    }
}
