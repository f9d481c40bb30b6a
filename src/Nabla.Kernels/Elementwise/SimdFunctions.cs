using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

/// <summary>A function of one element, written for a vector of any width of f32 or f64.</summary>
internal interface ILaneFunction
{
    static abstract TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged;
}

/// <summary>Absolute value; also for integers, where the least one maps to itself.</summary>
internal readonly struct AbsFunction : ILaneFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged => TLanes.Abs(x);
}

/// <summary>−1, 0 or 1 by the sign; also for integers.</summary>
internal readonly struct SignFunction : ILaneFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes zero = default, one = TLanes.Create(Constants.One<T>());
        return TLanes.Select(TLanes.Less(zero, x), one, TLanes.Select(TLanes.Less(x, zero), zero - one, x));
    }
}

/// <summary>eˣ = 2ᵏeʳ; near both ends of the range 2ᵏ is scaled to stay a normal number, and the result scaled back.</summary>
internal readonly struct ExpFunction : ILaneFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes p = Exponential.Reduce<TLanes, T>(Exponential.Bounded<TLanes, T>(x), out TLanes k);
        return Exponential.Scaled<TLanes, T>(x, p, k);
    }
}

/// <summary>eˣ − 1 = 2ᵏ(eʳ − 1) + (2ᵏ − 1).</summary>
internal readonly struct ExpM1Function : ILaneFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes one = TLanes.Create(Constants.One<T>()), two = one + one;
        TLanes bounded = TLanes.Max(Of(-50f, -50.0), TLanes.Min(Of(89f, 710.0), x));
        TLanes p = Exponential.Reduce<TLanes, T>(bounded, out TLanes k);
        // 2ᵏ overflows at the upper end although the result does not: there 2ᵏ⁻¹ is used, and the result doubled.
        TLanes top = TLanes.Equal(Exponential.Number<TLanes, T>(k), Of(128f, 1024.0));
        TLanes scale = Exponential.PowerOfTwo<TLanes, T>(k, TLanes.Select(top, Of(0.5f, 0.5), one));
        TLanes y = TLanes.MulAdd(scale, p, scale - one) * TLanes.Select(top, two, one);
        TLanes kept = TLanes.Less(TLanes.Abs(x), Of(1e-8f, 1e-17));
        return TLanes.Select(kept, x, y);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static TLanes Of(float single, double full) => TLanes.Create(Constants.Of<T>(single, full));
    }
}

/// <summary>tanh |x| = −t/(t + 2) with t = exp(−2|x|) − 1, which keeps the relative accuracy of t near 0.</summary>
internal readonly struct TanhFunction : ILaneFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes one = TLanes.Create(Constants.One<T>()), two = one + one;
        TLanes size = TLanes.Min(TLanes.Create(Constants.Of<T>(22, 22)), TLanes.Abs(x));
        TLanes p = Exponential.Reduce<TLanes, T>(TLanes.Create(Constants.Of<T>(-2, -2)) * size, out TLanes k);
        TLanes scale = Exponential.PowerOfTwo<TLanes, T>(k, one);
        TLanes t = TLanes.MulAdd(scale, p, scale - one);
        return (TLanes.Abs(t) / (t + two)) | Signs.Of<TLanes, T>(x);
    }
}

/// <summary>1/(1 + e⁻ˣ) for x ≥ 0, eˣ/(1 + eˣ) for x &lt; 0.</summary>
internal readonly struct LogisticFunction : ILaneFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes one = TLanes.Create(Constants.One<T>());
        TLanes size = TLanes.Min(TLanes.Create(Constants.Of<T>(104f, 746.0)), TLanes.Abs(x));
        TLanes e = Exponential.OfNegative<TLanes, T>(size | TLanes.Create(Constants.Of<T>(-0.0f, -0.0)));
        TLanes negative = TLanes.ShiftRight(x, typeof(T) == typeof(float) ? 31 : 63);
        return TLanes.Select(negative, e, one) / (one + e);
    }
}

/// <summary>log x with x = 2ᵏ(1 + f); subnormal numbers are scaled up first.</summary>
internal readonly struct LogFunction : ILaneFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes m = Logarithm.SplitAny<TLanes, T>(x, out TLanes k);
        TLanes y = Logarithm.Combine<TLanes, T>(k, m - TLanes.Create(Constants.One<T>()), default);
        return Logarithm.WithEnds<TLanes, T>(x, x, y);
    }
}

/// <summary>log(1 + x): u = 1 + x rounded = 2ᵏ(1 + f); what was rounded off enters as c = (1 + x − u)/u.</summary>
internal readonly struct Log1PFunction : ILaneFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes one = TLanes.Create(Constants.One<T>()), zero = default;
        TLanes u = one + x;
        TLanes m = Logarithm.Split<TLanes, T>(u, out TLanes k);
        // Where k = 0, f is x itself and nothing was rounded off.
        TLanes unscaled = TLanes.Equal(k, zero);
        TLanes c = TLanes.Select(TLanes.Less(x, one), one - u + x, x - u + one) / u;
        TLanes f = TLanes.Select(unscaled, x, m - one);
        TLanes y = Logarithm.Combine<TLanes, T>(k, f, TLanes.Select(unscaled, zero, c));
        y = TLanes.Select(TLanes.Less(TLanes.Abs(x), TLanes.Create(Constants.Of<T>(1e-8f, 1e-17))), x, y);
        return Logarithm.WithEnds<TLanes, T>(x, u, y);
    }
}

/// <summary>
/// What the logarithms share: x = 2ᵏ(1 + f) with √½ ≤ 1 + f &lt; √2, s = f/(2 + f), and
/// log(1 + f) = 2 atanh s = f − (f²/2 − s(f²/2 + R(s²))).
/// </summary>
/// <remarks>Source: Tang 1990, ACM Transactions on Mathematical Software 16(4), for the form in s; the fit is our own.</remarks>
internal static class Logarithm
{
    /// <summary>The mantissa 1 + f in [√½, √2), and k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Split<TLanes, T>(TLanes x, out TLanes k) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        int mantissa = Constants.MantissaBits<T>();
        TLanes rootOfHalf = TLanes.Create(Constants.Of<T>(0.70710677f, 0.7071067811865475));
        TLanes exponent = TLanes.ShiftRight(TLanes.SubtractBits(x, rootOfHalf), mantissa);
        k = TLanes.BitsToNumber(exponent);
        return TLanes.SubtractBits(x, TLanes.ShiftLeft(exponent, mantissa));
    }

    /// <summary>The same also for subnormal numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes SplitAny<TLanes, T>(TLanes x, out TLanes k) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        // Compared as integers, which leaves the numbers alone and was measured three times as fast.
        TLanes below = TLanes.SubtractBits(x, TLanes.Create(Constants.Of<T>(1.17549435e-38f, 2.2250738585072014e-308)));
        TLanes subnormal = TLanes.ShiftRight(below, typeof(T) == typeof(float) ? 31 : 63);
        TLanes scaled = TLanes.Select(subnormal, x * TLanes.Create(Constants.Of<T>(Constants.LargeF32, Constants.LargeF64)), x);
        TLanes m = Split<TLanes, T>(scaled, out k);
        k -= TLanes.Select(subnormal, TLanes.Create(Constants.Of<T>(60, 512)), default);
        return m;
    }

    /// <summary>k·log 2 + log(1 + f) + c for a small correction c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Combine<TLanes, T>(TLanes k, TLanes f, TLanes c) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes two = TLanes.Create(Constants.Of<T>(2, 2)), half = TLanes.Create(Constants.Of<T>(0.5f, 0.5)) * f * f;
        TLanes s = f / (two + f), z = s * s;
        TLanes r = z * Polynomial.Evaluate<TLanes, T>(z, Tables.LogF32, Tables.LogF64);
        TLanes low = s * (half + r) + TLanes.MulAdd(k, Constants.LogTwoLow<TLanes, T>(), c);
        return TLanes.MulAdd(k, Constants.LogTwoHigh<TLanes, T>(), f - (half - low));
    }

    /// <summary>The result where the argument is an ordinary positive number, else −∞, NaN or +∞; x decides +∞ and NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes WithEnds<TLanes, T>(TLanes x, TLanes argument, TLanes y) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes zero = default, infinity = TLanes.Create(Constants.Of<T>(float.PositiveInfinity, double.PositiveInfinity));
        y = TLanes.Select(TLanes.Equal(argument, zero), zero - infinity, y);
        y = TLanes.Select(TLanes.Less(argument, zero), TLanes.Create(Constants.Of<T>(float.NaN, double.NaN)), y);
        return TLanes.Select(TLanes.Less(x, infinity), y, x);
    }
}

/// <summary>erf x: x + x·P(x²) below 1, 1 − erfc x above.</summary>
internal readonly struct ErfFunction : ILaneFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes one = TLanes.Create(Constants.One<T>());
        TLanes size = TLanes.Abs(x);
        TLanes small = TLanes.MulAdd(x, Polynomial.Evaluate<TLanes, T>(x * x, Tables.ErfF32, Tables.ErfF64), x);
        // Above the bound erf rounds to 1. The rounding error of size² does not matter, because erfc is small against 1.
        TLanes bounded = TLanes.Min(size, TLanes.Create(Constants.Of<T>(4, 6)));
        TLanes e = Exponential.OfNegative<TLanes, T>(default(TLanes) - bounded * bounded);
        TLanes large = (one - e * Exponential.ScaledErfc<TLanes, T>(bounded)) | Signs.Of<TLanes, T>(x);
        TLanes y = TLanes.Select(TLanes.Less(size, one), small, large);
        return TLanes.Select(TLanes.Equal(x, x), y, x);
    }
}

/// <summary>erfc |x| = exp(−x²)·erfcx |x|, and erfc(−x) = 2 − erfc x; x² is taken as an exact high and a small low part.
/// Near 0 it is 1 − erf x.</summary>
internal readonly struct ErfcFunction : ILaneFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes one = TLanes.Create(Constants.One<T>()), zero = default;
        TLanes size = TLanes.Min(TLanes.Abs(x), TLanes.Create(Constants.Of<T>(11, 28)));
        TLanes high = size & TLanes.Create(Constants.HighHalfMask<T>());
        TLanes low = zero - (size - high) * (size + high);
        TLanes y = Exponential.OfNegative<TLanes, T>(zero - high * high, low) * Exponential.ScaledErfc<TLanes, T>(size);
        y = TLanes.Select(TLanes.Less(x, zero), one + one - y, y);
        TLanes small = TLanes.MulAdd(x, Polynomial.Evaluate<TLanes, T>(x * x, Tables.ErfF32, Tables.ErfF64), x);
        y = TLanes.Select(TLanes.Less(TLanes.Abs(x), TLanes.Create(Constants.Of<T>(0.5f, 0.5))), one - small, y);
        return TLanes.Select(TLanes.Equal(x, x), y, x);
    }
}

/// <summary>The exponential and what is built on it.</summary>
/// <remarks>
/// x = k·log 2 + r with k an integer and |r| ≤ ½ log 2; log 2 is split in two so that k·high is exact (Cody and Waite 1980, Software
/// Manual for the Elementary Functions, chapter 6). Adding 1.5·2^(mantissa bits) rounds to an integer and leaves k in the low bits.
/// </remarks>
internal static class Exponential
{
    /// <summary>eʳ − 1; <paramref name="k"/> is k in the low bits of a number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Reduce<TLanes, T>(TLanes x, out TLanes k) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        OfRest<TLanes, T>(Rest<TLanes, T>(x, out k));

    /// <summary>The same where the exponent is x + low.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Reduce<TLanes, T>(TLanes x, TLanes low, out TLanes k) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        OfRest<TLanes, T>(Rest<TLanes, T>(x, out k) + low);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Rest<TLanes, T>(TLanes x, out TLanes k) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        k = TLanes.MulAdd(x, TLanes.Create(Constants.Of<T>(1.44269504f, 1.4426950408889634)), Shifter<TLanes, T>());
        TLanes number = Shifter<TLanes, T>() - k;
        return TLanes.MulAdd(number, Constants.LogTwoLow<TLanes, T>(), TLanes.MulAdd(number, Constants.LogTwoHigh<TLanes, T>(), x));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes OfRest<TLanes, T>(TLanes r) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TLanes.MulAdd(r * r, Polynomial.Evaluate<TLanes, T>(r, Tables.ExpM1F32, Tables.ExpM1F64), r);

    /// <summary>x within the bounds beyond which results are 0 and ∞; in this order NaN passes through.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Bounded<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TLanes.Max(TLanes.Create(Constants.Of<T>(-104f, -746.0)), TLanes.Min(TLanes.Create(Constants.Of<T>(89f, 710.0)), x));

    /// <summary>2ᵏ(1 + p) for p = eʳ − 1, down to subnormal numbers and up to ∞; the sign of x is that of k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Scaled<TLanes, T>(TLanes x, TLanes p, TLanes k) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes one = TLanes.Create(Constants.One<T>());
        if (TLanes.CanScale) return TLanes.Scale(one + p, Number<TLanes, T>(k));
        TLanes up = TLanes.Less(x, default), half = TLanes.Create(Constants.Of<T>(0.5f, 0.5));
        TLanes scale = PowerOfTwo<TLanes, T>(k, TLanes.Select(up, TLanes.Create(Constants.Of<T>(Constants.LargeF32, Constants.LargeF64)), half));
        TLanes back = TLanes.Select(up, TLanes.Create(Constants.Of<T>(1 / Constants.LargeF32, 1 / Constants.LargeF64)), one + one);
        return TLanes.MulAdd(scale, p, scale) * back;
    }

    /// <summary>The value of k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Number<TLanes, T>(TLanes k) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        k - Shifter<TLanes, T>();

    /// <summary>2ᵏ·unit for a power of two; the exponent must stay in the range of normal numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes PowerOfTwo<TLanes, T>(TLanes k, TLanes unit) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TLanes.AddBits(TLanes.ShiftLeft(k, Constants.MantissaBits<T>()), unit);

    /// <summary>exp x for −1200 log 2 ≤ x ≤ 0 (f64; f32: −180 log 2), down to subnormal results; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes OfNegative<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        Gradual<TLanes, T>(x, Reduce<TLanes, T>(x, out TLanes k), k);

    /// <summary>exp(x + low), likewise; |low| is small.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes OfNegative<TLanes, T>(TLanes x, TLanes low) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        Gradual<TLanes, T>(x, Reduce<TLanes, T>(x, low, out TLanes k), k);

    // 2ᵏ(1 + p), down to subnormal numbers.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Gradual<TLanes, T>(TLanes x, TLanes p, TLanes k) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes one = TLanes.Create(Constants.One<T>());
        if (TLanes.CanScale) return TLanes.Scale(one + p, Number<TLanes, T>(k));
        TLanes deep = TLanes.Less(x, TLanes.Create(Constants.Of<T>(-60f, -600.0)));
        TLanes up = TLanes.Create(Constants.Of<T>(Constants.LargeF32, Constants.LargeF64));
        TLanes down = TLanes.Create(Constants.Of<T>(1 / Constants.LargeF32, 1 / Constants.LargeF64));
        TLanes scale = PowerOfTwo<TLanes, T>(k, TLanes.Select(deep, up, one));
        return TLanes.MulAdd(scale, p, scale) * TLanes.Select(deep, down, one);
    }

    /// <summary>
    /// exp(x²)·erfc x for x ≥ 0, relatively accurate: (1 + 2x)·exp(x²)·erfc x is smooth in t = (x − 3)/(x + 3) on all of [0, ∞).
    /// </summary>
    /// <remarks>Source: Shepherd and Laframboise 1981, Mathematics of Computation 36(153), section 2; the fit is our own.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes ScaledErfc<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes one = TLanes.Create(Constants.One<T>()), three = TLanes.Create(Constants.Of<T>(3, 3));
        TLanes t = (x - three) / (x + three);
        return Polynomial.Evaluate<TLanes, T>(t, Tables.ErfcF32, Tables.ErfcF64) / TLanes.MulAdd(one + one, x, one);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Shifter<TLanes, T>() where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TLanes.Create(Constants.Of<T>(12582912f, 6755399441055744.0));
}
