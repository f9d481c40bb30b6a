using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>Φ(x) = ½ erfc(−x/√2) = exp(−x²/2)·½ erfcx(|x|/√2) for x &lt; 0, 1 − Φ(−x) above; x² is taken as an exact high and a small low part.</summary>
internal readonly struct NormalCdfFunction : ILaneFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes one = TLanes.Create(Constants.One<T>()), zero = default, half = TLanes.Create(Constants.Of<T>(0.5f, 0.5));
        TLanes size = TLanes.Min(TLanes.Abs(x), TLanes.Create(Constants.Of<T>(15, 39)));
        TLanes high = size & TLanes.Create(Constants.HighHalfMask<T>());
        TLanes low = zero - half * (size - high) * (size + high);
        TLanes scaled = half * Exponential.ScaledErfc<TLanes, T>(size * TLanes.Create(Constants.Of<T>(0.70710678f, 0.70710678118654752)));
        TLanes y = Exponential.OfNegative<TLanes, T>(zero - half * high * high, low) * scaled;
        y = TLanes.Select(TLanes.Less(zero, x), one - y, y);
        return TLanes.Select(TLanes.Equal(x, x), y, x);
    }
}

/// <summary>sinh |x| = E − ¼/E with E = e^|x|/2, which overflows only where sinh does; below 1 it is (t + t/(t + 1))/2 with t = e^|x| − 1.</summary>
internal readonly struct SinhFunction : ILaneFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes one = TLanes.Create(Constants.One<T>()), half = TLanes.Create(Constants.Of<T>(0.5f, 0.5));
        TLanes e = HyperbolicHalf.Of<TLanes, T>(x, out TLanes p, out TLanes k);
        TLanes size = TLanes.Abs(x);
        TLanes scale = Exponential.PowerOfTwo<TLanes, T>(TLanes.Select(TLanes.Less(size, one), k, default), one);
        TLanes t = TLanes.MulAdd(scale, p, scale - one);
        TLanes y = TLanes.Select(TLanes.Less(size, one), half * (t + t / (t + one)), e - half * half / e);
        return TLanes.Select(TLanes.Equal(x, x), y | Signs.Of<TLanes, T>(x), x);
    }
}

/// <summary>cosh x = E + ¼/E with E = e^|x|/2.</summary>
internal readonly struct CoshFunction : ILaneFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, T>(TLanes x) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes e = HyperbolicHalf.Of<TLanes, T>(x, out _, out _);
        return TLanes.Select(TLanes.Equal(x, x), e + TLanes.Create(Constants.Of<T>(0.25f, 0.25)) / e, x);
    }
}

/// <summary>What sinh and cosh share.</summary>
internal static class HyperbolicHalf
{
    /// <summary>e^|x|/2 = 2ᵏ⁻¹(1 + p).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Of<TLanes, T>(TLanes x, out TLanes p, out TLanes k) where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        // At the bound the result is infinite, and p is above 0.
        TLanes size = TLanes.Min(TLanes.Abs(x), TLanes.Create(Constants.Of<T>(89.5f, 710.6)));
        p = Exponential.Reduce<TLanes, T>(size, default, out k);
        // Twice 2ᵏ⁻² (1 + p), because 2ᵏ⁻¹ itself may be too large.
        TLanes quarter = Exponential.PowerOfTwo<TLanes, T>(k, TLanes.Create(Constants.Of<T>(0.25f, 0.25)));
        TLanes y = TLanes.MulAdd(quarter, p, quarter);
        return y + y;
    }
}

/// <summary>Functions that are computed one element at a time, in double precision, or eight at a time by the normal quantile.</summary>
internal static class SpecialMath
{
    private const double RootHalf = 0.70710678118654752, HalfRootPi = 0.88622692545275801;

    // Below this erf⁻¹ x is √π/2·x, also where halving would lose bits.
    private const double SmallestHalved = 1e-18;

    /// <summary>f of one number through double precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Widen<T>(T x) where T : unmanaged, INumberBase<T> => double.CreateTruncating(x);

    /// <summary>y = op x, element by element.</summary>
    public static void Each<TOp, T>(ReadOnlySpan<T> x, Span<T> y)
        where TOp : struct, IFloatUnaryOp<TOp> where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int i = 0; i < x.Length; i++) y[i] = TOp.Invoke(x[i]);
    }

    /// <summary>ψ⁽ⁿ⁾ of each element.</summary>
    public static void Polygamma<T>(ReadOnlySpan<T> x, int n, Span<T> y) where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < x.Length; i++) y[i] = T.CreateTruncating(Gamma.Polygamma(n, double.CreateTruncating(x[i])));
    }

    /// <summary>Φ⁻¹ of each element.</summary>
    public static void Quantile<T>(ReadOnlySpan<T> p, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int i = 0; i < p.Length; i += 8)
        {
            Vector512<double> x = Load(p[i..]), half = Vector512.Create(0.5);
            Store(Quantile(x - half, Vector512.Min(x, Vector512<double>.One - x)), y[i..p.Length]);
        }
    }

    /// <summary>erf⁻¹ of each element: Φ⁻¹((1 + y)/2)/√2, with the distances to ½ and to the ends taken from y itself.</summary>
    public static void ErfInv<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int i = 0; i < x.Length; i += 8)
        {
            Vector512<double> v = Load(x[i..]), half = Vector512.Create(0.5);
            Vector512<double> z = Quantile(v * 0.5, half - Vector512.Abs(v) * 0.5) * RootHalf;
            Vector512<double> tiny = Vector512.LessThan(Vector512.Abs(v), Vector512.Create(SmallestHalved));
            Store(Vector512.ConditionalSelect(tiny, v * HalfRootPi, z), y[i..x.Length]);
        }
    }

    /// <summary>Φ⁻¹(p).</summary>
    public static double Quantile(double p) => NormalQuantile.One(p - 0.5, p < 0.5 ? p : 1 - p);

    /// <summary>erf⁻¹ x; as for several at a time.</summary>
    public static double ErfInv(double x) =>
        Math.Abs(x) < SmallestHalved ? x * HalfRootPi : NormalQuantile.One(x * 0.5, 0.5 - Math.Abs(x) * 0.5) * RootHalf;

    private static Vector512<double> Quantile(Vector512<double> q, Vector512<double> tail)
    {
        Vector512<double> x = NormalQuantile.At(q, tail);
        x = Vector512.ConditionalSelect(Vector512.Equals(tail, default), Vector512.CopySign(Vector512.Create(double.PositiveInfinity), q), x);
        return Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(tail, default), x, Vector512.Create(double.NaN));
    }

    private static Vector512<double> Load<T>(ReadOnlySpan<T> x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Span<double> block = stackalloc double[8];
        for (int k = 0; k < Math.Min(8, x.Length); k++) block[k] = double.CreateTruncating(x[k]);
        return Vector512.Create<double>(block);
    }

    private static void Store<T>(Vector512<double> value, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int k = 0; k < Math.Min(8, y.Length); k++) y[k] = T.CreateTruncating(value[k]);
    }
}
