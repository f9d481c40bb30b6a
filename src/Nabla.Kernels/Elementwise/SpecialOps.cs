using System.Numerics;

namespace Nabla.Kernels;

/// <summary>y = sinh x = (eˣ − e⁻ˣ)/2. ±0 → ±0, ±∞ → ±∞.</summary>
[ElementOp("sinh", MaxUlp = 4)]
public readonly struct SinhOp : IFloatUnaryOp<SinhOp>
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Sinh(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Sinh(x, y);
}

/// <summary>y = cosh x = (eˣ + e⁻ˣ)/2. ±∞ → +∞.</summary>
[ElementOp("cosh", MaxUlp = 4)]
public readonly struct CoshOp : IFloatUnaryOp<CoshOp>
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Cosh(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Cosh(x, y);
}

/// <summary>y = arcsin x in [−π/2, π/2]. ±0 → ±0, |x| &gt; 1 → NaN.</summary>
[ElementOp("asin", MaxUlp = 2)]
public readonly struct AsinOp : IFloatUnaryOp<AsinOp>
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Heavy;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => T.Asin(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SpecialMath.Each<AsinOp, T>(x, y);
}

/// <summary>y = arccos x in [0, π]. |x| &gt; 1 → NaN.</summary>
[ElementOp("acos", MaxUlp = 2)]
public readonly struct AcosOp : IFloatUnaryOp<AcosOp>
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Heavy;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => T.Acos(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SpecialMath.Each<AcosOp, T>(x, y);
}

/// <summary>y = arctan x in [−π/2, π/2]. ±0 → ±0, ±∞ → ±π/2.</summary>
[ElementOp("atan", MaxUlp = 2)]
public readonly struct AtanOp : IFloatUnaryOp<AtanOp>
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Heavy;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => T.Atan(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SpecialMath.Each<AtanOp, T>(x, y);
}

/// <summary>y = Φ(x) = ∫ exp(−t²/2)/√(2π) dt from −∞ to x. −∞ → 0, +∞ → 1; underflows gradually.</summary>
[ElementOp("normal_cdf", MaxUlp = 4)]
public readonly struct NormalCdfOp : IFloatUnaryOp<NormalCdfOp>
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.NormalCdf(x);

    /// <summary>½ erfc(−x/√2), corrected for the rounding of the argument: erfc′(y) = −2/√π exp(−y²).</summary>
    public static T OnDevice<T>(T x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T root = typeof(T) == typeof(float) ? T.CreateTruncating(0.70710678f) : T.CreateTruncating(0.70710678118654752);
        T rest = typeof(T) == typeof(float) ? T.CreateTruncating(1.21016175e-8f) : T.CreateTruncating(-4.8336466567264567e-17);
        T slope = typeof(T) == typeof(float) ? T.CreateTruncating(1.1283792f) : T.CreateTruncating(1.1283791670955126);
        T y = -x * root;
        if (!T.IsFinite(y)) return T.IsNaN(x) ? x : x > T.Zero ? T.One : T.Zero;
        T low = T.FusedMultiplyAdd(-x, root, -y) - x * rest;
        return (SimdMath.Erfc(y) - low * slope * SimdMath.Exp(-y * y)) / (T.One + T.One);
    }

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.NormalCdf(x, y);
}

/// <summary>y = Φ⁻¹(p), the inverse of the normal distribution function. 0 → −∞, 1 → +∞, outside [0, 1] NaN.</summary>
[ElementOp("normal_quantile", MaxUlp = 4)]
public readonly struct NormalQuantileOp : IFloatUnaryOp<NormalQuantileOp>
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T y = default;
        SpecialMath.Quantile(new ReadOnlySpan<T>(in x), new Span<T>(ref y));
        return y;
    }

    /// <summary>One number in double precision.</summary>
    public static T OnDevice<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => T.CreateTruncating(SpecialMath.Quantile(SpecialMath.Widen(x)));

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SpecialMath.Quantile(x, y);
}

/// <summary>y = erf⁻¹ x. ±0 → ±0, ±1 → ±∞, |x| &gt; 1 → NaN.</summary>
[ElementOp("erf_inv", MaxUlp = 4)]
public readonly struct ErfInvOp : IFloatUnaryOp<ErfInvOp>
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T y = default;
        SpecialMath.ErfInv(new ReadOnlySpan<T>(in x), new Span<T>(ref y));
        return y;
    }

    /// <summary>One number in double precision.</summary>
    public static T OnDevice<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => T.CreateTruncating(SpecialMath.ErfInv(SpecialMath.Widen(x)));

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SpecialMath.ErfInv(x, y);
}

/// <summary>
/// y = log |Γ(x)|. 0, −1, −2, … and ±∞ → +∞. The bound is for x ≥ 0; for x &lt; 0 the error is at most 4 ulp of max(1, log Γ(|x|)), which near
/// the zeros there is large against the result.
/// </summary>
[ElementOp("lgamma", MaxUlp = 4)]
public readonly struct LogGammaOp : IFloatUnaryOp<LogGammaOp>
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Heavy;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => T.CreateTruncating(Gamma.Log(SpecialMath.Widen(x)));

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SpecialMath.Each<LogGammaOp, T>(x, y);
}

/// <summary>
/// y = ψ(x) = d log Γ(x)/dx. +0 → −∞, −0 → +∞, −1, −2, … → NaN. The bound is for x ≥ 0; for x &lt; 0 the error is at most 4 ulp of
/// max(|y|, |ψ(|x|)|), which near the zeros there is large against the result.
/// </summary>
[ElementOp("digamma", MaxUlp = 4)]
public readonly struct DigammaOp : IFloatUnaryOp<DigammaOp>
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Heavy;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => T.CreateTruncating(Gamma.Digamma(SpecialMath.Widen(x)));

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SpecialMath.Each<DigammaOp, T>(x, y);
}
