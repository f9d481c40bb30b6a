using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>An associative, commutative operation that reductions and scans fold with; one struct serves all element types.</summary>
public interface IReduceOp
{
    /// <summary>The name in errors and IR, such as <c>sum</c>.</summary>
    static abstract string Name { get; }

    /// <summary>True if the operation is for truth values rather than numbers.</summary>
    static virtual bool IsLogical => false;

    /// <summary>The result of folding nothing.</summary>
    static abstract T Identity<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T>;

    /// <summary>Folds two values.</summary>
    static abstract T Combine<T>(T a, T b) where T : unmanaged, INumber<T>, IMinMaxValue<T>;

    /// <summary>Folds lane by lane.</summary>
    static abstract Vector512<T> Combine<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T>, IMinMaxValue<T>;
}

/// <summary>Σ x; the empty sum is 0. Integers wrap around.</summary>
public readonly struct SumOp : IReduceOp
{
    /// <inheritdoc/>
    public static string Name => "sum";

    /// <inheritdoc/>
    public static T Identity<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T> => T.Zero;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Combine<T>(T a, T b) where T : unmanaged, INumber<T>, IMinMaxValue<T> => a + b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Combine<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T>, IMinMaxValue<T> => a + b;
}

/// <summary>Π x; the empty product is 1. Integers wrap around.</summary>
public readonly struct ProdOp : IReduceOp
{
    /// <inheritdoc/>
    public static string Name => "prod";

    /// <inheritdoc/>
    public static T Identity<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T> => T.One;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Combine<T>(T a, T b) where T : unmanaged, INumber<T>, IMinMaxValue<T> => a * b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Combine<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T>, IMinMaxValue<T> => a * b;
}

/// <summary>The largest element; NaN if any is NaN, and +0 is larger than −0. Of nothing: −∞, or the smallest integer.</summary>
public readonly struct MaxOp : IReduceOp
{
    /// <inheritdoc/>
    public static string Name => "max";

    /// <inheritdoc/>
    public static T Identity<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T> =>
        typeof(T) == typeof(float) ? T.CreateTruncating(float.NegativeInfinity) :
        typeof(T) == typeof(double) ? T.CreateTruncating(double.NegativeInfinity) : T.MinValue;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Combine<T>(T a, T b) where T : unmanaged, INumber<T>, IMinMaxValue<T> => T.Max(a, b);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Combine<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T>, IMinMaxValue<T> =>
        Vector512.Max(a, b);
}

/// <summary>The smallest element; NaN if any is NaN, and −0 is smaller than +0. Of nothing: +∞, or the largest integer.</summary>
public readonly struct MinOp : IReduceOp
{
    /// <inheritdoc/>
    public static string Name => "min";

    /// <inheritdoc/>
    public static T Identity<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T> =>
        typeof(T) == typeof(float) ? T.CreateTruncating(float.PositiveInfinity) :
        typeof(T) == typeof(double) ? T.CreateTruncating(double.PositiveInfinity) : T.MaxValue;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Combine<T>(T a, T b) where T : unmanaged, INumber<T>, IMinMaxValue<T> => T.Min(a, b);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Combine<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T>, IMinMaxValue<T> =>
        Vector512.Min(a, b);
}

/// <summary>True if any element of a bool tensor is true; false of nothing. Truth values are the bytes 0 and 1.</summary>
public readonly struct AnyOp : IReduceOp
{
    /// <inheritdoc/>
    public static string Name => "any";

    /// <inheritdoc/>
    public static bool IsLogical => true;

    /// <inheritdoc/>
    public static T Identity<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T> => T.Zero;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Combine<T>(T a, T b) where T : unmanaged, INumber<T>, IMinMaxValue<T> => T.Max(a, b);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Combine<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T>, IMinMaxValue<T> => a | b;
}

/// <summary>True if all elements of a bool tensor are true; true of nothing. Truth values are the bytes 0 and 1.</summary>
public readonly struct AllOp : IReduceOp
{
    /// <inheritdoc/>
    public static string Name => "all";

    /// <inheritdoc/>
    public static bool IsLogical => true;

    /// <inheritdoc/>
    public static T Identity<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T> => T.One;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Combine<T>(T a, T b) where T : unmanaged, INumber<T>, IMinMaxValue<T> => T.Min(a, b);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Combine<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T>, IMinMaxValue<T> => a & b;
}
