using System.Numerics;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>y = (a = b). NaN equals nothing; −0 = +0.</summary>
[ElementOp("eq")]
public readonly struct EqOp : ICompareOp, ILaneBinary
{
    /// <inheritdoc/>
    public static bool Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => a == b;

    /// <inheritdoc/>
    public static Vector128<T> Mask<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged, INumber<T> => Vector128.Equals(a, b);

    /// <inheritdoc/>
    public static Vector512<T> Mask<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T> => Vector512.Equals(a, b);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => TLanes.Equal(a, b);
}

/// <summary>y = (a ≠ b). True if either is NaN.</summary>
[ElementOp("ne")]
public readonly struct NeOp : ICompareOp, ILaneBinary
{
    /// <inheritdoc/>
    public static bool Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => a != b;

    /// <inheritdoc/>
    public static Vector128<T> Mask<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged, INumber<T> => ~Vector128.Equals(a, b);

    /// <inheritdoc/>
    public static Vector512<T> Mask<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T> => ~Vector512.Equals(a, b);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => TLanes.Equal(a, b) ^ TLanes.Equal(default, default);
}

/// <summary>y = (a &lt; b). False if either is NaN.</summary>
[ElementOp("lt")]
public readonly struct LtOp : ICompareOp, ILaneBinary
{
    /// <inheritdoc/>
    public static bool Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => a < b;

    /// <inheritdoc/>
    public static Vector128<T> Mask<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged, INumber<T> => Vector128.LessThan(a, b);

    /// <inheritdoc/>
    public static Vector512<T> Mask<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T> => Vector512.LessThan(a, b);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => TLanes.Less(a, b);
}

/// <summary>y = (a ≤ b). False if either is NaN.</summary>
[ElementOp("le")]
public readonly struct LeOp : ICompareOp, ILaneBinary
{
    /// <inheritdoc/>
    public static bool Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => a <= b;

    /// <inheritdoc/>
    public static Vector128<T> Mask<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged, INumber<T> => Vector128.LessThanOrEqual(a, b);

    /// <inheritdoc/>
    public static Vector512<T> Mask<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T> => Vector512.LessThanOrEqual(a, b);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => TLanes.LessOrEqual(a, b);
}

/// <summary>y = (a &gt; b). False if either is NaN.</summary>
[ElementOp("gt")]
public readonly struct GtOp : ICompareOp, ILaneBinary
{
    /// <inheritdoc/>
    public static bool Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => a > b;

    /// <inheritdoc/>
    public static Vector128<T> Mask<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged, INumber<T> => Vector128.GreaterThan(a, b);

    /// <inheritdoc/>
    public static Vector512<T> Mask<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T> => Vector512.GreaterThan(a, b);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => TLanes.Less(b, a);
}

/// <summary>y = (a ≥ b). False if either is NaN.</summary>
[ElementOp("ge")]
public readonly struct GeOp : ICompareOp, ILaneBinary
{
    /// <inheritdoc/>
    public static bool Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => a >= b;

    /// <inheritdoc/>
    public static Vector128<T> Mask<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged, INumber<T> => Vector128.GreaterThanOrEqual(a, b);

    /// <inheritdoc/>
    public static Vector512<T> Mask<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T> => Vector512.GreaterThanOrEqual(a, b);

    static TLanes ILaneBinary.Apply<TLanes, T>(TLanes a, TLanes b) => TLanes.LessOrEqual(b, a);
}
