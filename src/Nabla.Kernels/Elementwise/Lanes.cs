using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Nabla.Kernels;

/// <summary>
/// A vector of floating-point numbers of some width. Algorithms are written once against this contract and instantiated for 512, 256
/// and 128 bits; comparisons give masks of all ones or all zeros.
/// </summary>
internal interface ILanes<TSelf, T> where TSelf : struct, ILanes<TSelf, T> where T : unmanaged
{
    static abstract int Count { get; }
    static abstract unsafe TSelf Load(T* source);
    static abstract TSelf Create(T value);
    unsafe void Store(T* target);

    /// <summary>The first <paramref name="count"/> elements, fewer than a vector has; nothing behind them is read. The others are 0.</summary>
    static abstract unsafe TSelf LoadSome(T* source, int count);

    /// <summary>Stores the first <paramref name="count"/> elements, fewer than a vector has; nothing behind them is written.</summary>
    unsafe void StoreSome(T* target, int count);

    /// <summary>A mask from truth values, bytes 0 and 1, one for each element of a vector.</summary>
    static abstract unsafe TSelf LoadMask(byte* source);

    /// <summary>Stores a mask as truth values.</summary>
    unsafe void StoreMask(byte* target);
    static abstract TSelf operator +(TSelf a, TSelf b);
    static abstract TSelf operator -(TSelf a, TSelf b);
    static abstract TSelf operator *(TSelf a, TSelf b);
    static abstract TSelf operator /(TSelf a, TSelf b);
    static abstract TSelf operator &(TSelf a, TSelf b);
    static abstract TSelf operator |(TSelf a, TSelf b);
    static abstract TSelf operator ^(TSelf a, TSelf b);

    /// <summary>a·b + c, with one rounding where the machine has such an instruction, else with two.</summary>
    static abstract TSelf MulAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>True if <see cref="MulAdd"/> rounds once.</summary>
    static abstract bool Fuses { get; }
    static abstract TSelf Sqrt(TSelf a);
    static abstract TSelf Abs(TSelf a);
    static abstract TSelf Max(TSelf a, TSelf b);
    static abstract TSelf Min(TSelf a, TSelf b);

    /// <summary>The larger one as IEEE 754 has it: NaN if either is, and +0 above −0.</summary>
    static abstract TSelf Maximum(TSelf a, TSelf b);

    /// <summary>The smaller one as IEEE 754 has it: NaN if either is, and −0 below +0.</summary>
    static abstract TSelf Minimum(TSelf a, TSelf b);
    static abstract TSelf Less(TSelf a, TSelf b);
    static abstract TSelf LessOrEqual(TSelf a, TSelf b);
    static abstract TSelf Equal(TSelf a, TSelf b);
    static abstract TSelf Select(TSelf mask, TSelf ifSet, TSelf ifClear);

    /// <summary>True if any element of a mask is set.</summary>
    static abstract bool Any(TSelf mask);

    /// <summary>Sum of the bit patterns read as integers.</summary>
    static abstract TSelf AddBits(TSelf a, TSelf b);

    /// <summary>Difference of the bit patterns read as integers.</summary>
    static abstract TSelf SubtractBits(TSelf a, TSelf b);

    /// <summary>The bit pattern shifted left.</summary>
    static abstract TSelf ShiftLeft(TSelf a, int bits);

    /// <summary>The bit pattern shifted right, filling with the sign.</summary>
    static abstract TSelf ShiftRight(TSelf a, int bits);

    /// <summary>The bit pattern, read as a signed integer of small magnitude, as a number.</summary>
    static abstract TSelf BitsToNumber(TSelf a);

    /// <summary>True if the machine has an instruction for <see cref="Scale"/>.</summary>
    static virtual bool CanScale => false;

    /// <summary>a·2ᵏ for whole numbers k, rounded once.</summary>
    static virtual TSelf Scale(TSelf a, TSelf k) => throw new NotSupportedException();
}

/// <summary>512 bits.</summary>
internal readonly struct Lanes512<T>(Vector512<T> v) : ILanes<Lanes512<T>, T> where T : unmanaged
{
    private readonly Vector512<T> _v = v;

    public static int Count => Vector512<T>.Count;
    public static unsafe Lanes512<T> Load(T* source) => new(Vector512.Load(source));
    public static Lanes512<T> Create(T value) => new(Vector512.Create(value));
    public unsafe void Store(T* target) => _v.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Lanes512<T> LoadSome(T* source, int count)
    {
        if (!Avx512F.IsSupported) return new(Partial.Load<Vector512<T>, T>(source, count));
        return sizeof(T) == 4
            ? new(Avx512F.MaskLoad((float*)source, First(count).AsSingle(), Vector512<float>.Zero).As<float, T>())
            : new(Avx512F.MaskLoad((double*)source, First(count).AsDouble(), Vector512<double>.Zero).As<double, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void StoreSome(T* target, int count)
    {
        if (!Avx512F.IsSupported) Partial.Store(_v, target, count);
        else if (sizeof(T) == 4) Avx512F.MaskStore((float*)target, First(count).AsSingle(), _v.AsSingle());
        else Avx512F.MaskStore((double*)target, First(count).AsDouble(), _v.AsDouble());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Lanes512<T> LoadMask(byte* source)
    {
        if (!Avx512F.IsSupported) return new(Partial.LoadMask<Vector512<T>, T>(source));
        return sizeof(T) == 4
            ? new((Vector512<int>.Zero - Avx512F.ConvertToVector512Int32(Vector128.Load(source))).As<int, T>())
            : new((Vector512<long>.Zero - Avx512F.ConvertToVector512Int64(Vector128.CreateScalar(*(long*)source).AsByte())).As<long, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void StoreMask(byte* target)
    {
        if (!Avx512F.IsSupported) Partial.StoreMask<Vector512<T>, T>(_v, target);
        else if (sizeof(T) == 4) Avx512F.ConvertToVector128Byte(_v.AsUInt32() & Vector512<uint>.One).Store(target);
        else *(long*)target = Avx512F.ConvertToVector128Byte(_v.AsUInt64() & Vector512<ulong>.One).AsInt64().ToScalar();
    }

    private static unsafe Vector512<T> First(int count) => sizeof(T) == 4
        ? Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).As<int, T>()
        : Vector512.LessThan(Vector512<long>.Indices, Vector512.Create((long)count)).As<long, T>();

    public static Lanes512<T> operator +(Lanes512<T> a, Lanes512<T> b) => new(a._v + b._v);
    public static Lanes512<T> operator -(Lanes512<T> a, Lanes512<T> b) => new(a._v - b._v);
    public static Lanes512<T> operator *(Lanes512<T> a, Lanes512<T> b) => new(a._v * b._v);
    public static Lanes512<T> operator /(Lanes512<T> a, Lanes512<T> b) => new(a._v / b._v);
    public static Lanes512<T> operator &(Lanes512<T> a, Lanes512<T> b) => new(a._v & b._v);
    public static Lanes512<T> operator |(Lanes512<T> a, Lanes512<T> b) => new(a._v | b._v);
    public static Lanes512<T> operator ^(Lanes512<T> a, Lanes512<T> b) => new(a._v ^ b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> MulAdd(Lanes512<T> a, Lanes512<T> b, Lanes512<T> c) => typeof(T) == typeof(float)
        ? new(Vector512.MultiplyAddEstimate(a._v.AsSingle(), b._v.AsSingle(), c._v.AsSingle()).As<float, T>())
        : new(Vector512.MultiplyAddEstimate(a._v.AsDouble(), b._v.AsDouble(), c._v.AsDouble()).As<double, T>());

    public static bool Fuses => Avx512F.IsSupported;
    public static Lanes512<T> Sqrt(Lanes512<T> a) => new(Vector512.Sqrt(a._v));
    public static Lanes512<T> Abs(Lanes512<T> a) => new(Vector512.Abs(a._v));
    public static Lanes512<T> Max(Lanes512<T> a, Lanes512<T> b) => new(Vector512.MaxNative(a._v, b._v));
    public static Lanes512<T> Min(Lanes512<T> a, Lanes512<T> b) => new(Vector512.MinNative(a._v, b._v));
    public static Lanes512<T> Maximum(Lanes512<T> a, Lanes512<T> b) => new(Vector512.Max(a._v, b._v));
    public static Lanes512<T> Minimum(Lanes512<T> a, Lanes512<T> b) => new(Vector512.Min(a._v, b._v));
    public static Lanes512<T> LessOrEqual(Lanes512<T> a, Lanes512<T> b) => new(Vector512.LessThanOrEqual(a._v, b._v));
    public static Lanes512<T> Less(Lanes512<T> a, Lanes512<T> b) => new(Vector512.LessThan(a._v, b._v));
    public static Lanes512<T> Equal(Lanes512<T> a, Lanes512<T> b) => new(Vector512.Equals(a._v, b._v));
    public static bool Any(Lanes512<T> mask) => !Vector512.EqualsAll(mask._v.AsByte(), Vector512<byte>.Zero);
    public static Lanes512<T> Select(Lanes512<T> mask, Lanes512<T> ifSet, Lanes512<T> ifClear) =>
        new(Vector512.ConditionalSelect(mask._v, ifSet._v, ifClear._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> AddBits(Lanes512<T> a, Lanes512<T> b) => typeof(T) == typeof(float)
        ? new((a._v.AsInt32() + b._v.AsInt32()).As<int, T>())
        : new((a._v.AsInt64() + b._v.AsInt64()).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> SubtractBits(Lanes512<T> a, Lanes512<T> b) => typeof(T) == typeof(float)
        ? new((a._v.AsInt32() - b._v.AsInt32()).As<int, T>())
        : new((a._v.AsInt64() - b._v.AsInt64()).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> ShiftLeft(Lanes512<T> a, int bits) => typeof(T) == typeof(float)
        ? new((a._v.AsInt32() << bits).As<int, T>())
        : new((a._v.AsInt64() << bits).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> ShiftRight(Lanes512<T> a, int bits) => typeof(T) == typeof(float)
        ? new((a._v.AsInt32() >> bits).As<int, T>())
        : new((a._v.AsInt64() >> bits).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> BitsToNumber(Lanes512<T> a) => typeof(T) == typeof(float)
        ? new(Vector512.ConvertToSingle(a._v.AsInt32()).As<float, T>())
        : new(Vector512.ConvertToDouble(a._v.AsInt64()).As<double, T>());

    public static bool CanScale => Avx512F.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> Scale(Lanes512<T> a, Lanes512<T> k) => typeof(T) == typeof(float)
        ? new(Avx512F.Scale(a._v.AsSingle(), k._v.AsSingle()).As<float, T>())
        : new(Avx512F.Scale(a._v.AsDouble(), k._v.AsDouble()).As<double, T>());
}

/// <summary>256 bits.</summary>
internal readonly struct Lanes256<T>(Vector256<T> v) : ILanes<Lanes256<T>, T> where T : unmanaged
{
    private readonly Vector256<T> _v = v;

    public static int Count => Vector256<T>.Count;
    public static unsafe Lanes256<T> Load(T* source) => new(Vector256.Load(source));
    public static Lanes256<T> Create(T value) => new(Vector256.Create(value));
    public unsafe void Store(T* target) => _v.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Lanes256<T> LoadSome(T* source, int count)
    {
        if (!Avx2.IsSupported) return new(Partial.Load<Vector256<T>, T>(source, count));
        return sizeof(T) == 4
            ? new(Avx.MaskLoad((float*)source, First(count).AsSingle()).As<float, T>())
            : new(Avx.MaskLoad((double*)source, First(count).AsDouble()).As<double, T>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void StoreSome(T* target, int count)
    {
        if (!Avx2.IsSupported) Partial.Store(_v, target, count);
        else if (sizeof(T) == 4) Avx.MaskStore((float*)target, First(count).AsSingle(), _v.AsSingle());
        else Avx.MaskStore((double*)target, First(count).AsDouble(), _v.AsDouble());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Lanes256<T> LoadMask(byte* source)
    {
        if (!Avx2.IsSupported) return new(Partial.LoadMask<Vector256<T>, T>(source));
        return sizeof(T) == 4
            ? new((Vector256<int>.Zero - Avx2.ConvertToVector256Int32(Vector128.CreateScalar(*(long*)source).AsByte())).As<int, T>())
            : new((Vector256<long>.Zero - Avx2.ConvertToVector256Int64(Vector128.CreateScalar(*(int*)source).AsByte())).As<long, T>());
    }

    public unsafe void StoreMask(byte* target) => Partial.StoreMask<Vector256<T>, T>(_v, target);

    private static unsafe Vector256<T> First(int count) => sizeof(T) == 4
        ? Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(count)).As<int, T>()
        : Vector256.LessThan(Vector256<long>.Indices, Vector256.Create((long)count)).As<long, T>();

    public static Lanes256<T> operator +(Lanes256<T> a, Lanes256<T> b) => new(a._v + b._v);
    public static Lanes256<T> operator -(Lanes256<T> a, Lanes256<T> b) => new(a._v - b._v);
    public static Lanes256<T> operator *(Lanes256<T> a, Lanes256<T> b) => new(a._v * b._v);
    public static Lanes256<T> operator /(Lanes256<T> a, Lanes256<T> b) => new(a._v / b._v);
    public static Lanes256<T> operator &(Lanes256<T> a, Lanes256<T> b) => new(a._v & b._v);
    public static Lanes256<T> operator |(Lanes256<T> a, Lanes256<T> b) => new(a._v | b._v);
    public static Lanes256<T> operator ^(Lanes256<T> a, Lanes256<T> b) => new(a._v ^ b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> MulAdd(Lanes256<T> a, Lanes256<T> b, Lanes256<T> c) => typeof(T) == typeof(float)
        ? new(Vector256.MultiplyAddEstimate(a._v.AsSingle(), b._v.AsSingle(), c._v.AsSingle()).As<float, T>())
        : new(Vector256.MultiplyAddEstimate(a._v.AsDouble(), b._v.AsDouble(), c._v.AsDouble()).As<double, T>());

    public static bool Fuses => Fma.IsSupported;
    public static Lanes256<T> Sqrt(Lanes256<T> a) => new(Vector256.Sqrt(a._v));
    public static Lanes256<T> Abs(Lanes256<T> a) => new(Vector256.Abs(a._v));
    public static Lanes256<T> Max(Lanes256<T> a, Lanes256<T> b) => new(Vector256.MaxNative(a._v, b._v));
    public static Lanes256<T> Min(Lanes256<T> a, Lanes256<T> b) => new(Vector256.MinNative(a._v, b._v));
    public static Lanes256<T> Maximum(Lanes256<T> a, Lanes256<T> b) => new(Vector256.Max(a._v, b._v));
    public static Lanes256<T> Minimum(Lanes256<T> a, Lanes256<T> b) => new(Vector256.Min(a._v, b._v));
    public static Lanes256<T> LessOrEqual(Lanes256<T> a, Lanes256<T> b) => new(Vector256.LessThanOrEqual(a._v, b._v));
    public static Lanes256<T> Less(Lanes256<T> a, Lanes256<T> b) => new(Vector256.LessThan(a._v, b._v));
    public static Lanes256<T> Equal(Lanes256<T> a, Lanes256<T> b) => new(Vector256.Equals(a._v, b._v));
    public static bool Any(Lanes256<T> mask) => !Vector256.EqualsAll(mask._v.AsByte(), Vector256<byte>.Zero);
    public static Lanes256<T> Select(Lanes256<T> mask, Lanes256<T> ifSet, Lanes256<T> ifClear) =>
        new(Vector256.ConditionalSelect(mask._v, ifSet._v, ifClear._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> AddBits(Lanes256<T> a, Lanes256<T> b) => typeof(T) == typeof(float)
        ? new((a._v.AsInt32() + b._v.AsInt32()).As<int, T>())
        : new((a._v.AsInt64() + b._v.AsInt64()).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> SubtractBits(Lanes256<T> a, Lanes256<T> b) => typeof(T) == typeof(float)
        ? new((a._v.AsInt32() - b._v.AsInt32()).As<int, T>())
        : new((a._v.AsInt64() - b._v.AsInt64()).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> ShiftLeft(Lanes256<T> a, int bits) => typeof(T) == typeof(float)
        ? new((a._v.AsInt32() << bits).As<int, T>())
        : new((a._v.AsInt64() << bits).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> ShiftRight(Lanes256<T> a, int bits) => typeof(T) == typeof(float)
        ? new((a._v.AsInt32() >> bits).As<int, T>())
        : new((a._v.AsInt64() >> bits).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> BitsToNumber(Lanes256<T> a) => typeof(T) == typeof(float)
        ? new(Vector256.ConvertToSingle(a._v.AsInt32()).As<float, T>())
        : new(Vector256.ConvertToDouble(a._v.AsInt64()).As<double, T>());
}

/// <summary>128 bits.</summary>
internal readonly struct Lanes128<T>(Vector128<T> v) : ILanes<Lanes128<T>, T> where T : unmanaged
{
    private readonly Vector128<T> _v = v;

    public static int Count => Vector128<T>.Count;
    public static unsafe Lanes128<T> Load(T* source) => new(Vector128.Load(source));
    public static Lanes128<T> Create(T value) => new(Vector128.Create(value));
    public unsafe void Store(T* target) => _v.Store(target);

    public static unsafe Lanes128<T> LoadSome(T* source, int count) => new(Partial.Load<Vector128<T>, T>(source, count));
    public unsafe void StoreSome(T* target, int count) => Partial.Store(_v, target, count);
    public static unsafe Lanes128<T> LoadMask(byte* source) => new(Partial.LoadMask<Vector128<T>, T>(source));
    public unsafe void StoreMask(byte* target) => Partial.StoreMask<Vector128<T>, T>(_v, target);

    public static Lanes128<T> operator +(Lanes128<T> a, Lanes128<T> b) => new(a._v + b._v);
    public static Lanes128<T> operator -(Lanes128<T> a, Lanes128<T> b) => new(a._v - b._v);
    public static Lanes128<T> operator *(Lanes128<T> a, Lanes128<T> b) => new(a._v * b._v);
    public static Lanes128<T> operator /(Lanes128<T> a, Lanes128<T> b) => new(a._v / b._v);
    public static Lanes128<T> operator &(Lanes128<T> a, Lanes128<T> b) => new(a._v & b._v);
    public static Lanes128<T> operator |(Lanes128<T> a, Lanes128<T> b) => new(a._v | b._v);
    public static Lanes128<T> operator ^(Lanes128<T> a, Lanes128<T> b) => new(a._v ^ b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> MulAdd(Lanes128<T> a, Lanes128<T> b, Lanes128<T> c) => typeof(T) == typeof(float)
        ? new(Vector128.MultiplyAddEstimate(a._v.AsSingle(), b._v.AsSingle(), c._v.AsSingle()).As<float, T>())
        : new(Vector128.MultiplyAddEstimate(a._v.AsDouble(), b._v.AsDouble(), c._v.AsDouble()).As<double, T>());

    public static bool Fuses => Fma.IsSupported || AdvSimd.IsSupported;
    public static Lanes128<T> Sqrt(Lanes128<T> a) => new(Vector128.Sqrt(a._v));
    public static Lanes128<T> Abs(Lanes128<T> a) => new(Vector128.Abs(a._v));
    public static Lanes128<T> Max(Lanes128<T> a, Lanes128<T> b) => new(Vector128.MaxNative(a._v, b._v));
    public static Lanes128<T> Min(Lanes128<T> a, Lanes128<T> b) => new(Vector128.MinNative(a._v, b._v));
    public static Lanes128<T> Maximum(Lanes128<T> a, Lanes128<T> b) => new(Vector128.Max(a._v, b._v));
    public static Lanes128<T> Minimum(Lanes128<T> a, Lanes128<T> b) => new(Vector128.Min(a._v, b._v));
    public static Lanes128<T> LessOrEqual(Lanes128<T> a, Lanes128<T> b) => new(Vector128.LessThanOrEqual(a._v, b._v));
    public static Lanes128<T> Less(Lanes128<T> a, Lanes128<T> b) => new(Vector128.LessThan(a._v, b._v));
    public static Lanes128<T> Equal(Lanes128<T> a, Lanes128<T> b) => new(Vector128.Equals(a._v, b._v));
    public static bool Any(Lanes128<T> mask) => !Vector128.EqualsAll(mask._v.AsByte(), Vector128<byte>.Zero);
    public static Lanes128<T> Select(Lanes128<T> mask, Lanes128<T> ifSet, Lanes128<T> ifClear) =>
        new(Vector128.ConditionalSelect(mask._v, ifSet._v, ifClear._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> AddBits(Lanes128<T> a, Lanes128<T> b) => typeof(T) == typeof(float)
        ? new((a._v.AsInt32() + b._v.AsInt32()).As<int, T>())
        : new((a._v.AsInt64() + b._v.AsInt64()).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> SubtractBits(Lanes128<T> a, Lanes128<T> b) => typeof(T) == typeof(float)
        ? new((a._v.AsInt32() - b._v.AsInt32()).As<int, T>())
        : new((a._v.AsInt64() - b._v.AsInt64()).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> ShiftLeft(Lanes128<T> a, int bits) => typeof(T) == typeof(float)
        ? new((a._v.AsInt32() << bits).As<int, T>())
        : new((a._v.AsInt64() << bits).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> ShiftRight(Lanes128<T> a, int bits) => typeof(T) == typeof(float)
        ? new((a._v.AsInt32() >> bits).As<int, T>())
        : new((a._v.AsInt64() >> bits).As<long, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<T> BitsToNumber(Lanes128<T> a) => typeof(T) == typeof(float)
        ? new(Vector128.ConvertToSingle(a._v.AsInt32()).As<float, T>())
        : new(Vector128.ConvertToDouble(a._v.AsInt64()).As<double, T>());
}

/// <summary>Parts of vectors and masks where the machine has no instructions for them: element by element.</summary>
internal static unsafe class Partial
{
    public static V Load<V, T>(T* source, int count) where V : unmanaged where T : unmanaged
    {
        V value = default;
        for (int i = 0; i < count; i++) ((T*)&value)[i] = source[i];
        return value;
    }

    public static void Store<V, T>(V value, T* target, int count) where V : unmanaged where T : unmanaged
    {
        for (int i = 0; i < count; i++) target[i] = ((T*)&value)[i];
    }

    public static V LoadMask<V, T>(byte* source) where V : unmanaged where T : unmanaged
    {
        V value = default;
        for (int i = 0; i < sizeof(V) / sizeof(T); i++)
        {
            if (sizeof(T) == 4) ((int*)&value)[i] = -source[i];
            else ((long*)&value)[i] = -source[i];
        }
        return value;
    }

    public static void StoreMask<V, T>(V mask, byte* target) where V : unmanaged where T : unmanaged
    {
        for (int i = 0; i < sizeof(V) / sizeof(T); i++) target[i] = (byte)(((byte*)&mask)[i * sizeof(T)] & 1);
    }
}
