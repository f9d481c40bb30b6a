using System.Numerics;
using System.Numerics.Tensors;

namespace Nabla.Kernels;

/// <summary>y = a + b. Integers wrap around.</summary>
[ElementOp("add", MaxUlp = 0.5)]
public readonly struct AddOp : INumericBinaryOp<AddOp>, ILaneBinary
{
    /// <inheritdoc/>
    public static T Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => a + b;

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T> =>
        TensorPrimitives.Add(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, INumber<T> =>
        TensorPrimitives.Add(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(T a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T> =>
        TensorPrimitives.Add(b, a, y);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => a + b;
}

/// <summary>y = a − b. Integers wrap around.</summary>
[ElementOp("sub", MaxUlp = 0.5)]
public readonly struct SubOp : INumericBinaryOp<SubOp>, ILaneBinary
{
    /// <inheritdoc/>
    public static T Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => a - b;

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T> =>
        TensorPrimitives.Subtract(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, INumber<T> =>
        TensorPrimitives.Subtract(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(T a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T> =>
        TensorPrimitives.Subtract(a, b, y);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => a - b;
}

/// <summary>y = a·b. Integers wrap around.</summary>
[ElementOp("mul", MaxUlp = 0.5)]
public readonly struct MulOp : INumericBinaryOp<MulOp>, ILaneBinary
{
    /// <inheritdoc/>
    public static T Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => a * b;

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T> =>
        TensorPrimitives.Multiply(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, INumber<T> =>
        TensorPrimitives.Multiply(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(T a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T> =>
        TensorPrimitives.Multiply(b, a, y);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => a * b;
}

/// <summary>y = a/b. Integers: truncated toward 0, the least integer divided by −1 is itself, b = 0 raises NB0603.</summary>
[ElementOp("div", MaxUlp = 0.5)]
public readonly struct DivOp : INumericBinaryOp<DivOp>, ILaneBinary
{
    /// <inheritdoc/>
    public static T Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => IntegerDivision.Divide(a, b);

    /// <summary>Integers: 0 where b = 0, which the launcher has ruled out.</summary>
    public static T OnDevice<T>(T a, T b) where T : unmanaged, INumber<T> => IntegerDivision.DivideOnDevice(a, b);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T> =>
        IntegerDivision.Divide(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, INumber<T> =>
        IntegerDivision.Divide(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(T a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T> =>
        IntegerDivision.Divide(a, b, y);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => a / b;
}

/// <summary>y = a − b·trunc(a/b), exact, with the sign of a. a/0 and ±∞/b → NaN, a/±∞ → a. Integers: b = 0 raises NB0603.</summary>
[ElementOp("rem", MaxUlp = 0)]
public readonly struct RemOp : INumericBinaryOp<RemOp>
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Heavy;

    /// <inheritdoc/>
    public static T Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => IntegerDivision.Remainder(a, b);

    /// <summary>Integers: 0 where b = 0, which the launcher has ruled out.</summary>
    public static T OnDevice<T>(T a, T b) where T : unmanaged, INumber<T> => IntegerDivision.RemainderOnDevice(a, b);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T> =>
        IntegerDivision.Remainder(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, INumber<T> =>
        IntegerDivision.Remainder(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(T a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T> =>
        IntegerDivision.Remainder(a, b, y);
}

/// <summary>y = the larger of a and b; NaN if either is; max(−0, +0) = +0.</summary>
[ElementOp("max", MaxUlp = 0)]
public readonly struct MaximumOp : INumericBinaryOp<MaximumOp>, ILaneBinary
{
    /// <inheritdoc/>
    public static T Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => T.Max(a, b);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T> =>
        TensorPrimitives.Max(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, INumber<T> =>
        TensorPrimitives.Max(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(T a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T> =>
        TensorPrimitives.Max(b, a, y);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => TLanes.Maximum(a, b);
}

/// <summary>y = the smaller of a and b; NaN if either is; min(−0, +0) = −0.</summary>
[ElementOp("min", MaxUlp = 0)]
public readonly struct MinimumOp : INumericBinaryOp<MinimumOp>, ILaneBinary
{
    /// <inheritdoc/>
    public static T Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => T.Min(a, b);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T> =>
        TensorPrimitives.Min(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, INumber<T> =>
        TensorPrimitives.Min(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(T a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T> =>
        TensorPrimitives.Min(b, a, y);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => TLanes.Minimum(a, b);
}

/// <summary>y = aᵇ, special values as in IEEE 754 pow: a⁰ = 1 and 1ᵇ = 1 also for NaN; a &lt; 0 needs an integer b, else NaN.</summary>
[ElementOp("pow", MaxUlp = 4)]
public readonly struct PowOp : IFloatBinaryOp<PowOp>, ILaneBinary
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T a, T b) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Pow(a, b);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
        SimdMath.Pow(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
        SimdMath.Pow(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(T a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
        SimdMath.Pow(a, b, y);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => PowFunction.Apply<TLanes, T>(a, b);
}

/// <summary>y = the angle of the point (b, a), in (−π, π], with the signs of zeros as in IEEE 754 atan2.</summary>
[ElementOp("atan2", MaxUlp = 4)]
public readonly struct Atan2Op : IFloatBinaryOp<Atan2Op>, ILaneBinary
{
    /// <inheritdoc/>
    public static WorkClass Work => WorkClass.Medium;

    /// <inheritdoc/>
    public static T Invoke<T>(T a, T b) where T : unmanaged, IFloatingPointIeee754<T> => SimdMath.Atan2(a, b);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
        SimdMath.Atan2(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
        SimdMath.Atan2(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(T a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
        SimdMath.Atan2(a, b, y);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => Atan2Function.Apply<TLanes, T>(a, b);
}

/// <summary>y = a ∧ b on bool, bit by bit on integers.</summary>
[ElementOp("and")]
public readonly struct AndOp : IBitwiseBinaryOp<AndOp>, ILaneBinary
{
    /// <inheritdoc/>
    public static T Invoke<T>(T a, T b) where T : unmanaged, IBinaryInteger<T> => a & b;

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, IBinaryInteger<T> =>
        TensorPrimitives.BitwiseAnd(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, IBinaryInteger<T> =>
        TensorPrimitives.BitwiseAnd(a, b, y);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => a & b;
}

/// <summary>y = a ∨ b on bool, bit by bit on integers.</summary>
[ElementOp("or")]
public readonly struct OrOp : IBitwiseBinaryOp<OrOp>, ILaneBinary
{
    /// <inheritdoc/>
    public static T Invoke<T>(T a, T b) where T : unmanaged, IBinaryInteger<T> => a | b;

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, IBinaryInteger<T> =>
        TensorPrimitives.BitwiseOr(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, IBinaryInteger<T> =>
        TensorPrimitives.BitwiseOr(a, b, y);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => a | b;
}

/// <summary>y = a ⊕ b on bool, bit by bit on integers.</summary>
[ElementOp("xor")]
public readonly struct XorOp : IBitwiseBinaryOp<XorOp>, ILaneBinary
{
    /// <inheritdoc/>
    public static T Invoke<T>(T a, T b) where T : unmanaged, IBinaryInteger<T> => a ^ b;

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, IBinaryInteger<T> =>
        TensorPrimitives.Xor(a, b, y);

    /// <inheritdoc/>
    public static void Invoke<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, IBinaryInteger<T> =>
        TensorPrimitives.Xor(a, b, y);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => a ^ b;
}

/// <summary>
/// Division and remainder that never raise a processor trap: floating-point types divide directly, integers look at each pair first.
/// </summary>
internal static class IntegerDivision
{
    public static T Divide<T>(T a, T b) where T : unmanaged, INumber<T>
    {
        if (IsFloat<T>()) return a / b;
        if (b == T.Zero) throw KernelErrors.IntegerDivisionByZero("div", DTypes.Of<T>());
        return b == -T.One ? -a : a / b;
    }

    public static T Remainder<T>(T a, T b) where T : unmanaged, INumber<T>
    {
        if (IsFloat<T>()) return a % b;
        if (b == T.Zero) throw KernelErrors.IntegerDivisionByZero("rem", DTypes.Of<T>());
        return b == -T.One ? T.Zero : a % b;
    }

    public static T DivideOnDevice<T>(T a, T b) where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(float) || typeof(T) == typeof(double)) return a / b;
        return b == T.Zero ? T.Zero : b == -T.One ? -a : a / b;
    }

    public static T RemainderOnDevice<T>(T a, T b) where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(float) || typeof(T) == typeof(double)) return a % b;
        return b == T.Zero || b == -T.One ? T.Zero : a % b;
    }

    public static void Divide<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T>
    {
        if (IsFloat<T>()) TensorPrimitives.Divide(a, b, y);
        else for (int i = 0; i < y.Length; i++) y[i] = Divide(a[i], b[i]);
    }

    public static void Divide<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, INumber<T>
    {
        if (IsFloat<T>()) TensorPrimitives.Divide(a, b, y);
        else for (int i = 0; i < y.Length; i++) y[i] = Divide(a[i], b);
    }

    public static void Divide<T>(T a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T>
    {
        if (IsFloat<T>()) TensorPrimitives.Divide(a, b, y);
        else for (int i = 0; i < y.Length; i++) y[i] = Divide(a, b[i]);
    }

    public static void Remainder<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < y.Length; i++) y[i] = Remainder(a[i], b[i]);
    }

    public static void Remainder<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < y.Length; i++) y[i] = Remainder(a[i], b);
    }

    public static void Remainder<T>(T a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < y.Length; i++) y[i] = Remainder(a, b[i]);
    }

    private static bool IsFloat<T>() => typeof(T) == typeof(float) || typeof(T) == typeof(double);
}
