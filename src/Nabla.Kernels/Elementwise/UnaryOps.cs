using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

// What one file must know of these operations stands here: formula, special values, error bound, scalar form (also the source of GPU
// code) and vector form. Primitives of the System.Numerics.Tensors package are used where they were measured to keep the bound.

/// <summary>y = −x. Integers wrap around.</summary>
[ElementOp("neg", MaxUlp = 0)]
public readonly struct NegOp : INumericUnaryOp<NegOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, INumber<T> => -x;

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, INumber<T> => TensorPrimitives.Negate(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => x ^ TLanes.Create(Constants.Of<T>(-0f, -0.0));
}

/// <summary>y = |x|. The least integer maps to itself.</summary>
[ElementOp("abs", MaxUlp = 0)]
public readonly struct AbsOp : INumericUnaryOp<AbsOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, INumber<T> => T.IsNegative(x) ? -x : x;

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, INumber<T> => SimdMath.Abs(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => TLanes.Abs(x);
}

/// <summary>y = −1, 0 or 1 by the sign of x. ±0 → ±0, NaN → NaN.</summary>
[ElementOp("sign", MaxUlp = 0)]
public readonly struct SignOp : INumericUnaryOp<SignOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, INumber<T> => x > T.Zero ? T.One : x < T.Zero ? -T.One : x;

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, INumber<T> => SimdMath.Sign(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => SignFunction.Apply<TLanes, T>(x);
}

/// <summary>y = x². Integers wrap around.</summary>
[ElementOp("square", MaxUlp = 0.5)]
public readonly struct SquareOp : INumericUnaryOp<SquareOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, INumber<T> => x * x;

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, INumber<T> => TensorPrimitives.Multiply(x, x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => x * x;
}

/// <summary>y = eˣ. −∞ → 0, +∞ → +∞; underflows gradually.</summary>
[ElementOp("exp", MaxUlp = 2)]
public readonly struct ExpOp : IFloatUnaryOp<ExpOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Exp(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Exp(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => ExpFunction.Apply<TLanes, T>(x);
}

/// <summary>y = eˣ − 1. ±0 → ±0, −∞ → −1, +∞ → +∞.</summary>
[ElementOp("expm1", MaxUlp = 4)]
public readonly struct ExpM1Op : IFloatUnaryOp<ExpM1Op>, ILaneFunction
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.ExpM1(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.ExpM1(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => ExpM1Function.Apply<TLanes, T>(x);
}

/// <summary>y = log x. ±0 → −∞, x &lt; 0 → NaN, +∞ → +∞.</summary>
[ElementOp("log", MaxUlp = 2)]
public readonly struct LogOp : IFloatUnaryOp<LogOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Log(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Log(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => LogFunction.Apply<TLanes, T>(x);
}

/// <summary>y = log(1 + x). ±0 → ±0, −1 → −∞, x &lt; −1 → NaN, +∞ → +∞.</summary>
[ElementOp("log1p", MaxUlp = 4)]
public readonly struct Log1POp : IFloatUnaryOp<Log1POp>, ILaneFunction
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Log1P(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Log1P(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => Log1PFunction.Apply<TLanes, T>(x);
}

/// <summary>y = √x. ±0 → ±0, x &lt; 0 → NaN.</summary>
[ElementOp("sqrt", MaxUlp = 0.5)]
public readonly struct SqrtOp : IFloatUnaryOp<SqrtOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => T.Sqrt(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => TensorPrimitives.Sqrt(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => TLanes.Sqrt(x);
}

/// <summary>y = 1/√x. ±0 → ±∞, x &lt; 0 → NaN, +∞ → 0.</summary>
[ElementOp("rsqrt", MaxUlp = 2)]
public readonly struct RsqrtOp : IFloatUnaryOp<RsqrtOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => T.One / T.Sqrt(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => TensorPrimitives.ReciprocalSqrt(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => TLanes.Create(Constants.One<T>()) / TLanes.Sqrt(x);
}

/// <summary>y = 1/x. ±0 → ±∞, ±∞ → ±0.</summary>
[ElementOp("reciprocal", MaxUlp = 0.5)]
public readonly struct ReciprocalOp : IFloatUnaryOp<ReciprocalOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => T.One / x;

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => TensorPrimitives.Reciprocal(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => TLanes.Create(Constants.One<T>()) / x;
}

/// <summary>y = sin x, x in radians. ±0 → ±0, ±∞ → NaN.</summary>
[ElementOp("sin", MaxUlp = 4)]
public readonly struct SinOp : IFloatUnaryOp<SinOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => T.Sin(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Sin(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => SimdMath.Limited<SinFunction, TLanes, T>(x);
}

/// <summary>y = cos x, x in radians. ±∞ → NaN.</summary>
[ElementOp("cos", MaxUlp = 4)]
public readonly struct CosOp : IFloatUnaryOp<CosOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => T.Cos(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Cos(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => SimdMath.Limited<CosFunction, TLanes, T>(x);
}

/// <summary>y = tanh x. ±0 → ±0, ±∞ → ±1.</summary>
[ElementOp("tanh", MaxUlp = 4)]
public readonly struct TanhOp : IFloatUnaryOp<TanhOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Tanh(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Tanh(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => TanhFunction.Apply<TLanes, T>(x);
}

/// <summary>y = 1/(1 + e⁻ˣ). −∞ → 0, +∞ → 1; underflows gradually.</summary>
[ElementOp("logistic", MaxUlp = 4)]
public readonly struct LogisticOp : IFloatUnaryOp<LogisticOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Logistic(x);

    /// <summary>Through exp(−|x|), which neither overflows nor loses small results.</summary>
    public static T OnDevice<T>(T x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T e = SimdMath.Exp(-T.Abs(x));
        return (x < T.Zero ? e : T.One) / (T.One + e);
    }

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Logistic(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => LogisticFunction.Apply<TLanes, T>(x);
}

/// <summary>y = erf x = 2/√π ∫₀ˣ exp(−t²) dt. ±0 → ±0, ±∞ → ±1.</summary>
[ElementOp("erf", MaxUlp = 4)]
public readonly struct ErfOp : IFloatUnaryOp<ErfOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Erf(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Erf(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => ErfFunction.Apply<TLanes, T>(x);
}

/// <summary>y = 1 − erf x. −∞ → 2, +∞ → 0; underflows gradually.</summary>
[ElementOp("erfc", MaxUlp = 4)]
public readonly struct ErfcOp : IFloatUnaryOp<ErfcOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Erfc(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Erfc(x, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => ErfcFunction.Apply<TLanes, T>(x);
}

/// <summary>y = ⌊x⌋, the largest integer ≤ x. ±0 and ±∞ stay.</summary>
[ElementOp("floor", MaxUlp = 0)]
public readonly struct FloorOp : IFloatUnaryOp<FloorOp>
{
    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => T.Floor(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => TensorPrimitives.Floor(x, y);
}

/// <summary>y = ⌈x⌉, the least integer ≥ x. ±0 and ±∞ stay.</summary>
[ElementOp("ceil", MaxUlp = 0)]
public readonly struct CeilOp : IFloatUnaryOp<CeilOp>
{
    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => T.Ceiling(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => TensorPrimitives.Ceiling(x, y);
}

/// <summary>y = x rounded to the nearest integer, halves to the even one. ±0 and ±∞ stay.</summary>
[ElementOp("round", MaxUlp = 0)]
public readonly struct RoundOp : IFloatUnaryOp<RoundOp>
{
    /// <inheritdoc/>
    public static T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => T.Round(x);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => TensorPrimitives.Round(x, y);
}

/// <summary>y = ¬x on bool.</summary>
[ElementOp("not")]
public readonly struct NotOp : ILogicalUnaryOp<NotOp>, ILaneFunction
{
    /// <inheritdoc/>
    public static bool Invoke(bool x) => !x;

    /// <inheritdoc/>
    public static void Invoke(ReadOnlySpan<byte> x, Span<byte> y) => TensorPrimitives.Xor(x, (byte)1, y);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => x ^ TLanes.Equal(default, default);
}

/// <summary>y = x is neither infinite nor NaN; every integer is finite. Any numeric type → bool.</summary>
[ElementOp("is_finite")]
public readonly struct IsFiniteOp : IPredicateOp, ILaneFunction
{
    /// <inheritdoc/>
    public static bool Invoke<T>(T x) where T : unmanaged, INumber<T> => T.IsFinite(x);

    /// <inheritdoc/>
    public static Vector128<T> Mask<T>(Vector128<T> x) where T : unmanaged, INumber<T> => Vector128.Equals(x - x, Vector128<T>.Zero);

    static TLanes ILaneFunction.Apply<TLanes, T>(TLanes x) => TLanes.Equal(x - x, default);
}
