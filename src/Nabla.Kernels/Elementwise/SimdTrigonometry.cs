using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

/// <summary>A function of one element whose vector form holds up to a limit of |x|; beyond it, a scalar form is used, lane by lane.</summary>
internal interface ILimitedLaneFunction : ILaneFunction
{
    /// <summary>The vector form holds for |x| below this.</summary>
    static abstract T Limit<T>() where T : unmanaged;

    /// <summary>The scalar form.</summary>
    static abstract double Scalar(double x);

    /// <summary>The scalar form.</summary>
    static abstract float Scalar(float x);
}

/// <summary>sin x.</summary>
internal readonly struct SinFunction : ILimitedLaneFunction
{
    public static T Limit<T>() where T : unmanaged => Trigonometry.Limit<T>();

    public static double Scalar(double x) => Math.Sin(x);

    public static float Scalar(float x) => MathF.Sin(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        Trigonometry.QuarterTurned<TLanes, T>(x, 0);
}

/// <summary>cos x = sin(x + π/2).</summary>
internal readonly struct CosFunction : ILimitedLaneFunction
{
    public static T Limit<T>() where T : unmanaged => Trigonometry.Limit<T>();

    public static double Scalar(double x) => Math.Cos(x);

    public static float Scalar(float x) => MathF.Cos(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        Trigonometry.QuarterTurned<TLanes, T>(x, 1);
}

/// <summary>
/// x = k·π/2 + r with |r| ≤ π/4, then the Taylor polynomial of sine or cosine, by k modulo 4. π/2 is cut into parts of so few bits that their products with k
/// are exact; where x is close to a multiple the differences are exact too, so that r is right to its last bits. Source: Cody and Waite, Software Manual for
/// the Elementary Functions, 1980, chapter 8.
/// </summary>
internal static class Trigonometry
{
    /// <summary>|k| stays below 2¹³ in f32 and 2¹⁶ in f64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Limit<T>() where T : unmanaged => Constants.Of<T>(8192, 1e5);

    /// <summary>sin(x + quarters·π/2), |x| below the limit; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes QuarterTurned<TLanes, T>(TLanes x, int quarters) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        // Adding 1.5·2ᵐ leaves the nearest integer in the low bits.
        TLanes anchor = Of<TLanes, T>(12582912f, 6755399441055744.0), shifted = TLanes.MulAdd(x, Of<TLanes, T>(0.636619747f, 0.63661977236758138), anchor);
        TLanes k = shifted - anchor, r = Remainder<TLanes, T>(x, k);
        if (quarters == 1) shifted += TLanes.Create(Constants.One<T>());
        int top = typeof(T) == typeof(float) ? 31 : 63;
        TLanes odd = TLanes.ShiftRight(TLanes.ShiftLeft(shifted, top), top), negative = TLanes.ShiftRight(TLanes.ShiftLeft(shifted, top - 1), top);
        TLanes square = r * r, y = TLanes.Select(odd, Cosine<TLanes, T>(square), Sine<TLanes, T>(r, square));
        y = TLanes.Select(negative, default(TLanes) - y, y);
        // Near 0, where the cube is too small to count, sine keeps −0 and subnormal numbers.
        if (quarters == 0) y = TLanes.Select(TLanes.Less(TLanes.Abs(x), Of<TLanes, T>(1e-4f, 1e-8)), x, y);
        return TLanes.Select(TLanes.Equal(x, x), y, x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Remainder<TLanes, T>(TLanes x, TLanes k) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            TLanes r = x - k * Of<TLanes, T>(1.5703125f, 0) - k * Of<TLanes, T>(0.000483751297f, 0) - k * Of<TLanes, T>(7.54953362e-08f, 0);
            return r - k * Of<TLanes, T>(2.56328292e-12f, 0) - k * Of<TLanes, T>(6.12323426e-17f, 0);
        }
        TLanes d = x - k * Of<TLanes, T>(0, 1.5707963267341256) - k * Of<TLanes, T>(0, 6.077100506303966e-11);
        return d - k * Of<TLanes, T>(0, 2.0222662487111665e-21) - k * Of<TLanes, T>(0, 8.4784276603689e-32);
    }

    // r − r³/3! + r⁵/5! − …
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Sine<TLanes, T>(TLanes r, TLanes z) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes p = typeof(T) == typeof(float) ? Of<TLanes, T>(1 / 362880f, 0)
            : Horner<TLanes, T>(Horner<TLanes, T>(Horner<TLanes, T>(Horner<TLanes, T>(
                Of<TLanes, T>(0, 1 / 355687428096000.0), z, -1 / 1307674368000.0), z, 1 / 6227020800.0), z, -1 / 39916800.0), z, 1 / 362880.0);
        p = Horner<TLanes, T>(Horner<TLanes, T>(Horner<TLanes, T>(p, z, -1 / 5040.0), z, 1 / 120.0), z, -1 / 6.0);
        return TLanes.MulAdd(r * z, p, r);
    }

    // 1 − r²/2 + r⁴/4! − …; what rounding takes from 1 − r²/2 is given back.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Cosine<TLanes, T>(TLanes z) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes p = typeof(T) == typeof(float) ? Of<TLanes, T>(-1 / 3628800f, 0)
            : Horner<TLanes, T>(Horner<TLanes, T>(Horner<TLanes, T>(
                Of<TLanes, T>(0, 1 / 20922789888000.0), z, -1 / 87178291200.0), z, 1 / 479001600.0), z, -1 / 3628800.0);
        p = Horner<TLanes, T>(Horner<TLanes, T>(Horner<TLanes, T>(p, z, 1 / 40320.0), z, -1 / 720.0), z, 1 / 24.0);
        TLanes one = TLanes.Create(Constants.One<T>()), half = z * Of<TLanes, T>(0.5f, 0.5), w = one - half;
        return w + TLanes.MulAdd(z * z, p, one - w - half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Horner<TLanes, T>(TLanes p, TLanes z, double coefficient) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TLanes.MulAdd(p, z, Of<TLanes, T>((float)coefficient, coefficient));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Of<TLanes, T>(float single, double full) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TLanes.Create(Constants.Of<T>(single, full));
}
