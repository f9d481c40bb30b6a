using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// Vector versions of elementary functions: at most 4 units in the last place on the whole
/// range of f32 and f64, with no absolute floor. Each is written once, in <c>SimdFunctions.cs</c>, <c>SimdTrigonometry.cs</c> and <c>SimdPairs.cs</c>, for all vector widths; a
/// result does not depend on the position of an element or on the length of the span.
/// </summary>
public static class SimdMath
{
    /// <summary>tanh x. tanh(±0) = ±0, tanh(±∞) = ±1, NaN → NaN.</summary>
    [Intrinsic(OpenCl = "tanh", Cuda = "tanh")]
    public static T Tanh<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => One<TanhFunction, T>(x);

    /// <inheritdoc cref="Tanh{T}(T)"/>
    public static void Tanh<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
        Each<TanhFunction, T>(x, y);

    /// <summary>eˣ − 1. ±0 → ±0, −∞ → −1, +∞ → +∞, NaN → NaN.</summary>
    [Intrinsic(OpenCl = "expm1", Cuda = "expm1")]
    public static T ExpM1<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => One<ExpM1Function, T>(x);

    /// <inheritdoc cref="ExpM1{T}(T)"/>
    public static void ExpM1<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
        Each<ExpM1Function, T>(x, y);

    /// <summary>log(1 + x). ±0 → ±0, −1 → −∞, +∞ → +∞, x &lt; −1 and NaN → NaN.</summary>
    [Intrinsic(OpenCl = "log1p", Cuda = "log1p")]
    public static T Log1P<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => One<Log1PFunction, T>(x);

    /// <inheritdoc cref="Log1P{T}(T)"/>
    public static void Log1P<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
        Each<Log1PFunction, T>(x, y);

    /// <summary>1/(1 + e⁻ˣ). −∞ → 0, ±0 → ½, +∞ → 1, NaN → NaN; underflows gradually.</summary>
    public static T Logistic<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => One<LogisticFunction, T>(x);

    /// <inheritdoc cref="Logistic{T}(T)"/>
    public static void Logistic<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
        Each<LogisticFunction, T>(x, y);

    /// <summary>erf x = 2/√π ∫₀ˣ exp(−t²) dt. ±0 → ±0, ±∞ → ±1, NaN → NaN.</summary>
    [Intrinsic(OpenCl = "erf", Cuda = "erf")]
    public static T Erf<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => One<ErfFunction, T>(x);

    /// <inheritdoc cref="Erf{T}(T)"/>
    public static void Erf<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
        Each<ErfFunction, T>(x, y);

    /// <summary>erfc x = 1 − erf x, accurate also where that is tiny. −∞ → 2, +∞ → 0, NaN → NaN; underflows gradually.</summary>
    [Intrinsic(OpenCl = "erfc", Cuda = "erfc")]
    public static T Erfc<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => One<ErfcFunction, T>(x);

    /// <inheritdoc cref="Erfc{T}(T)"/>
    public static void Erfc<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
        Each<ErfcFunction, T>(x, y);

    /// <summary>eˣ. −∞ → 0, +∞ → +∞, NaN → NaN; underflows gradually.</summary>
    [Intrinsic(OpenCl = "exp", Cuda = "exp")]
    public static T Exp<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => One<ExpFunction, T>(x);

    /// <inheritdoc cref="Exp{T}(T)"/>
    public static void Exp<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => Each<ExpFunction, T>(x, y);

    /// <summary>log x. ±0 → −∞, x &lt; 0 → NaN, +∞ → +∞, NaN → NaN.</summary>
    [Intrinsic(OpenCl = "log", Cuda = "log")]
    public static T Log<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => One<LogFunction, T>(x);

    /// <inheritdoc cref="Log{T}(T)"/>
    public static void Log<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => Each<LogFunction, T>(x, y);

    /// <summary>sinh x. ±0 → ±0, ±∞ → ±∞, NaN → NaN.</summary>
    [Intrinsic(OpenCl = "sinh", Cuda = "sinh")]
    public static T Sinh<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => One<SinhFunction, T>(x);

    /// <inheritdoc cref="Sinh{T}(T)"/>
    public static void Sinh<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => Each<SinhFunction, T>(x, y);

    /// <summary>cosh x. ±∞ → +∞, NaN → NaN.</summary>
    [Intrinsic(OpenCl = "cosh", Cuda = "cosh")]
    public static T Cosh<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => One<CoshFunction, T>(x);

    /// <inheritdoc cref="Cosh{T}(T)"/>
    public static void Cosh<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => Each<CoshFunction, T>(x, y);

    /// <summary>Normal distribution function Φ(x). −∞ → 0, +∞ → 1, NaN → NaN; underflows gradually.</summary>
    public static T NormalCdf<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => One<NormalCdfFunction, T>(x);

    /// <inheritdoc cref="NormalCdf{T}(T)"/>
    public static void NormalCdf<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => Each<NormalCdfFunction, T>(x, y);

    /// <summary>sin x. ±0 → ±0, ±∞ and NaN → NaN.</summary>
    public static void Sin<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => EachLimited<SinFunction, T>(x, y);

    /// <summary>cos x. ±∞ and NaN → NaN.</summary>
    public static void Cos<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => EachLimited<CosFunction, T>(x, y);

    /// <summary>aᵇ, special values as in IEEE 754 pow.</summary>
    [Intrinsic(OpenCl = "pow", Cuda = "pow")]
    public static T Pow<T>(T a, T b) where T : unmanaged, IFloatingPointIeee754<T> => One<PowFunction, T>(a, b);

    /// <inheritdoc cref="Pow{T}(T, T)"/>
    public static void Pow<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => Each<PowFunction, T>(a, b, y);

    /// <summary>Each element of a to the power b.</summary>
    public static void Pow<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => Each<PowFunction, T>(a, [b], y);

    /// <summary>a to the power of each element of b.</summary>
    public static void Pow<T>(T a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => Each<PowFunction, T>([a], b, y);

    /// <summary>The angle of the point (b, a), in [−π, π], special values as in IEEE 754 atan2.</summary>
    [Intrinsic(OpenCl = "atan2", Cuda = "atan2")]
    public static T Atan2<T>(T a, T b) where T : unmanaged, IFloatingPointIeee754<T> => One<Atan2Function, T>(a, b);

    /// <inheritdoc cref="Atan2{T}(T, T)"/>
    public static void Atan2<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => Each<Atan2Function, T>(a, b, y);

    /// <summary>The angles of points at one distance from the axis.</summary>
    public static void Atan2<T>(T a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => Each<Atan2Function, T>([a], b, y);

    /// <summary>The angles of points over one point of the axis.</summary>
    public static void Atan2<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T> => Each<Atan2Function, T>(a, [b], y);

    /// <summary>|x|; the least integer maps to itself.</summary>
    public static void Abs<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, INumber<T> => Each<AbsFunction, T>(x, y);

    /// <summary>−1, 0 or 1 by the sign of x; ±0 → ±0, NaN → NaN.</summary>
    public static void Sign<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, INumber<T> => Each<SignFunction, T>(x, y);

    /// <summary>
    /// xⁿ by squaring: at most 2·log₂ n multiplications. n &lt; 0 gives 1/x⁻ⁿ (floating-point types only), n = 0 gives 1, also for NaN.
    /// </summary>
    internal static unsafe void IntegerPower<T>(ReadOnlySpan<T> x, int n, Span<T> y) where T : unmanaged, INumber<T>
    {
        if (Vector512.IsHardwareAccelerated) IntegerPower<Lanes512<T>, T>(x, n, y);
        else if (Vector256.IsHardwareAccelerated) IntegerPower<Lanes256<T>, T>(x, n, y);
        else IntegerPower<Lanes128<T>, T>(x, n, y);
    }

    private static unsafe void IntegerPower<TLanes, T>(ReadOnlySpan<T> x, int n, Span<T> y)
        where TLanes : struct, ILanes<TLanes, T> where T : unmanaged, INumber<T>
    {
        TLanes one = TLanes.Create(T.One);
        fixed (T* source = x, target = y)
        {
            for (int i = 0; i < x.Length; i += TLanes.Count)
            {
                int left = x.Length - i;
                TLanes square = left >= TLanes.Count ? TLanes.Load(source + i) : TLanes.LoadSome(source + i, left);
                TLanes power = one;
                uint rest = (uint)Math.Abs((long)n);
                while (true)
                {
                    if ((rest & 1) != 0) power *= square;
                    if ((rest >>= 1) == 0) break;
                    square *= square;
                }
                if (n < 0) power = one / power;
                if (left >= TLanes.Count) power.Store(target + i);
                else power.StoreSome(target + i, left);
            }
        }
    }

    [SkipLocalsInit]
    private static unsafe T One<TFunction, T>(T x) where TFunction : struct, ILaneFunction where T : unmanaged
    {
        T* buffer = stackalloc T[Vector128<T>.Count];
        TFunction.Apply<Lanes128<T>, T>(Lanes128<T>.Create(x)).Store(buffer);
        return buffer[0];
    }

    [SkipLocalsInit]
    private static unsafe T One<TFunction, T>(T a, T b) where TFunction : struct, ILaneBinary where T : unmanaged
    {
        T* buffer = stackalloc T[Vector128<T>.Count];
        TFunction.Apply<Lanes128<T>, T>(Lanes128<T>.Create(a), Lanes128<T>.Create(b)).Store(buffer);
        return buffer[0];
    }

    private static void Each<TFunction, T>(ReadOnlySpan<T> x, Span<T> y) where TFunction : struct, ILaneFunction where T : unmanaged
    {
        if (y.Length < x.Length) throw new ArgumentException("The result is shorter than the operand.", nameof(y));
        if (Vector512.IsHardwareAccelerated) Each<TFunction, Lanes512<T>, T>(x, y);
        else if (Vector256.IsHardwareAccelerated) Each<TFunction, Lanes256<T>, T>(x, y);
        else Each<TFunction, Lanes128<T>, T>(x, y);
    }

    // Compiled once, fully, and on its own: inside a caller the functions would exceed what the compiler is ready to inline.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Each<TFunction, TLanes, T>(ReadOnlySpan<T> x, Span<T> y)
        where TFunction : struct, ILaneFunction where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        fixed (T* source = x, target = y)
        {
            int i = 0;
            for (; i <= x.Length - TLanes.Count; i += TLanes.Count) TFunction.Apply<TLanes, T>(TLanes.Load(source + i)).Store(target + i);
            if (i < x.Length) Rest<TFunction, TLanes, T>(source + i, target + i, x.Length - i);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Rest<TFunction, TLanes, T>(T* x, T* y, int count)
        where TFunction : struct, ILaneFunction where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TFunction.Apply<TLanes, T>(TLanes.LoadSome(x, count)).StoreSome(y, count);

    // An operand of one element belongs to all of the other.
    private static void Each<TFunction, T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where TFunction : struct, ILaneBinary where T : unmanaged
    {
        if (a.Length != b.Length && a.Length != 1 && b.Length != 1) throw new ArgumentException("The operands differ in length.", nameof(b));
        if (y.Length < (a.Length == 1 ? b.Length : a.Length)) throw new ArgumentException("The result is shorter than the operands.", nameof(y));
        if (Vector512.IsHardwareAccelerated) Each<TFunction, Lanes512<T>, T>(a, b, y);
        else if (Vector256.IsHardwareAccelerated) Each<TFunction, Lanes256<T>, T>(a, b, y);
        else Each<TFunction, Lanes128<T>, T>(a, b, y);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Each<TFunction, TLanes, T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y)
        where TFunction : struct, ILaneBinary where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        bool oneA = a.Length == 1, oneB = b.Length == 1;
        int count = oneA ? b.Length : a.Length;
        fixed (T* left = a, right = b, target = y)
        {
            if (count == 0) return;
            TLanes firstA = TLanes.Create(*left), firstB = TLanes.Create(*right);
            int i = 0;
            for (; i + TLanes.Count <= count; i += TLanes.Count)
                TFunction.Apply<TLanes, T>(oneA ? firstA : TLanes.Load(left + i), oneB ? firstB : TLanes.Load(right + i)).Store(target + i);
            if (i < count) Rest<TFunction, TLanes, T>(oneA ? left : left + i, oneB ? right : right + i, oneA, oneB, target + i, count - i);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Rest<TFunction, TLanes, T>(T* a, T* b, bool oneA, bool oneB, T* y, int count)
        where TFunction : struct, ILaneBinary where TLanes : struct, ILanes<TLanes, T> where T : unmanaged =>
        TFunction.Apply<TLanes, T>(oneA ? TLanes.Create(*a) : TLanes.LoadSome(a, count), oneB ? TLanes.Create(*b) : TLanes.LoadSome(b, count)).StoreSome(y, count);

    private static void EachLimited<TFunction, T>(ReadOnlySpan<T> x, Span<T> y) where TFunction : struct, ILimitedLaneFunction where T : unmanaged
    {
        if (y.Length < x.Length) throw new ArgumentException("The result is shorter than the operand.", nameof(y));
        if (Vector512.IsHardwareAccelerated) EachLimited<TFunction, Lanes512<T>, T>(x, y);
        else if (Vector256.IsHardwareAccelerated) EachLimited<TFunction, Lanes256<T>, T>(x, y);
        else EachLimited<TFunction, Lanes128<T>, T>(x, y);
    }

    [SkipLocalsInit, MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static unsafe void EachLimited<TFunction, TLanes, T>(ReadOnlySpan<T> x, Span<T> y)
        where TFunction : struct, ILimitedLaneFunction where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        fixed (T* source = x, target = y)
        {
            int i = 0;
            for (; i + TLanes.Count <= x.Length; i += TLanes.Count) Limited<TFunction, TLanes, T>(TLanes.Load(source + i)).Store(target + i);
            if (i < x.Length) Limited<TFunction, TLanes, T>(TLanes.LoadSome(source + i, x.Length - i)).StoreSome(target + i, x.Length - i);
        }
    }

    /// <summary>A function of lanes; where |x| is beyond its limit, by its scalar form.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TLanes Limited<TFunction, TLanes, T>(TLanes x)
        where TFunction : struct, ILimitedLaneFunction where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        TLanes y = TFunction.Apply<TLanes, T>(x);
        return TLanes.Any(TLanes.Less(TLanes.Create(TFunction.Limit<T>()), TLanes.Abs(x))) ? Beyond<TFunction, TLanes, T>(x, y) : y;
    }

    [SkipLocalsInit, MethodImpl(MethodImplOptions.NoInlining)]
    private static unsafe TLanes Beyond<TFunction, TLanes, T>(TLanes x, TLanes y)
        where TFunction : struct, ILimitedLaneFunction where TLanes : struct, ILanes<TLanes, T> where T : unmanaged
    {
        T* arguments = stackalloc T[TLanes.Count], results = stackalloc T[TLanes.Count];
        x.Store(arguments);
        y.Store(results);
        for (int k = 0; k < TLanes.Count; k++) Replace<TFunction, T>(arguments[k], ref results[k]);
        return TLanes.Load(results);
    }

    private static void Replace<TFunction, T>(T x, ref T y) where TFunction : struct, ILimitedLaneFunction where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            float value = Unsafe.BitCast<T, float>(x);
            if (MathF.Abs(value) > Unsafe.BitCast<T, float>(TFunction.Limit<T>())) y = Unsafe.BitCast<float, T>(TFunction.Scalar(value));
        }
        else
        {
            double value = Unsafe.BitCast<T, double>(x);
            if (Math.Abs(value) > Unsafe.BitCast<T, double>(TFunction.Limit<T>())) y = Unsafe.BitCast<double, T>(TFunction.Scalar(value));
        }
    }
}
