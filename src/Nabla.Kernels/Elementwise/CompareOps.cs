using System.Numerics;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>y = (a = b). NaN equals nothing; −0 = +0.</summary>
[ElementOp("eq")]
public readonly struct EqOp : ICompareOp
{
    /// <inheritdoc/>
    public static bool Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => a == b;

    /// <inheritdoc/>
    public static Vector128<T> Mask<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged, INumber<T> => Vector128.Equals(a, b);

    /// <inheritdoc/>
    public static Vector512<T> Mask<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T> => Vector512.Equals(a, b);
}

/// <summary>y = (a ≠ b). True if either is NaN.</summary>
[ElementOp("ne")]
public readonly struct NeOp : ICompareOp
{
    /// <inheritdoc/>
    public static bool Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => a != b;

    /// <inheritdoc/>
    public static Vector128<T> Mask<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged, INumber<T> => ~Vector128.Equals(a, b);

    /// <inheritdoc/>
    public static Vector512<T> Mask<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T> => ~Vector512.Equals(a, b);
}

/// <summary>y = (a &lt; b). False if either is NaN.</summary>
[ElementOp("lt")]
public readonly struct LtOp : ICompareOp
{
    /// <inheritdoc/>
    public static bool Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => a < b;

    /// <inheritdoc/>
    public static Vector128<T> Mask<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged, INumber<T> => Vector128.LessThan(a, b);

    /// <inheritdoc/>
    public static Vector512<T> Mask<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T> => Vector512.LessThan(a, b);
}

/// <summary>y = (a ≤ b). False if either is NaN.</summary>
[ElementOp("le")]
public readonly struct LeOp : ICompareOp
{
    /// <inheritdoc/>
    public static bool Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => a <= b;

    /// <inheritdoc/>
    public static Vector128<T> Mask<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged, INumber<T> => Vector128.LessThanOrEqual(a, b);

    /// <inheritdoc/>
    public static Vector512<T> Mask<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T> => Vector512.LessThanOrEqual(a, b);
}

/// <summary>y = (a &gt; b). False if either is NaN.</summary>
[ElementOp("gt")]
public readonly struct GtOp : ICompareOp
{
    /// <inheritdoc/>
    public static bool Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => a > b;

    /// <inheritdoc/>
    public static Vector128<T> Mask<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged, INumber<T> => Vector128.GreaterThan(a, b);

    /// <inheritdoc/>
    public static Vector512<T> Mask<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T> => Vector512.GreaterThan(a, b);
}

/// <summary>y = (a ≥ b). False if either is NaN.</summary>
[ElementOp("ge")]
public readonly struct GeOp : ICompareOp
{
    /// <inheritdoc/>
    public static bool Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => a >= b;

    /// <inheritdoc/>
    public static Vector128<T> Mask<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged, INumber<T> => Vector128.GreaterThanOrEqual(a, b);

    /// <inheritdoc/>
    public static Vector512<T> Mask<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T> => Vector512.GreaterThanOrEqual(a, b);
}
