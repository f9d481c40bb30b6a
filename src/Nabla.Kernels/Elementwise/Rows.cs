using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Nabla.Kernels;

/// <summary>
/// Row kernels: what turns the span forms of an operation into one <see cref="RowKernel"/> for each element type. A row whose
/// operands are all splats is computed once and repeated, so that its bits are those of the dense row.
/// </summary>
internal static unsafe class Rows
{
    public static void FloatUnary<TOp, T>(RowArgs* row)
        where TOp : struct, IFloatUnaryOp<TOp> where T : unmanaged, IFloatingPointIeee754<T>
    {
        Span<T> y = Result<T>(row, Splats.A);
        TOp.Invoke(new ReadOnlySpan<T>(row->A, y.Length), y);
        Repeat(row, y);
    }

    public static void NumericUnary<TOp, T>(RowArgs* row) where TOp : struct, INumericUnaryOp<TOp> where T : unmanaged, INumber<T>
    {
        Span<T> y = Result<T>(row, Splats.A);
        TOp.Invoke(new ReadOnlySpan<T>(row->A, y.Length), y);
        Repeat(row, y);
    }

    public static void LogicalUnary<TOp>(RowArgs* row) where TOp : struct, ILogicalUnaryOp<TOp>
    {
        Span<byte> y = Result<byte>(row, Splats.A);
        TOp.Invoke(new ReadOnlySpan<byte>(row->A, y.Length), y);
        Repeat(row, y);
    }

    public static void FloatBinary<TOp, T>(RowArgs* row)
        where TOp : struct, IFloatBinaryOp<TOp> where T : unmanaged, IFloatingPointIeee754<T>
    {
        Span<T> y = Result<T>(row, Splats.A | Splats.B);
        if (row->Splats == Splats.A) TOp.Invoke(*(T*)row->A, new ReadOnlySpan<T>(row->B, y.Length), y);
        else if (row->Splats == Splats.B) TOp.Invoke(new ReadOnlySpan<T>(row->A, y.Length), *(T*)row->B, y);
        else TOp.Invoke(new ReadOnlySpan<T>(row->A, y.Length), new ReadOnlySpan<T>(row->B, y.Length), y);
        Repeat(row, y);
    }

    public static void NumericBinary<TOp, T>(RowArgs* row) where TOp : struct, INumericBinaryOp<TOp> where T : unmanaged, INumber<T>
    {
        Span<T> y = Result<T>(row, Splats.A | Splats.B);
        if (row->Splats == Splats.A) TOp.Invoke(*(T*)row->A, new ReadOnlySpan<T>(row->B, y.Length), y);
        else if (row->Splats == Splats.B) TOp.Invoke(new ReadOnlySpan<T>(row->A, y.Length), *(T*)row->B, y);
        else TOp.Invoke(new ReadOnlySpan<T>(row->A, y.Length), new ReadOnlySpan<T>(row->B, y.Length), y);
        Repeat(row, y);
    }

    public static void BitwiseBinary<TOp, T>(RowArgs* row)
        where TOp : struct, IBitwiseBinaryOp<TOp> where T : unmanaged, IBinaryInteger<T>
    {
        Span<T> y = Result<T>(row, Splats.A | Splats.B);
        if (row->Splats == Splats.A) TOp.Invoke(new ReadOnlySpan<T>(row->B, y.Length), *(T*)row->A, y);
        else if (row->Splats == Splats.B) TOp.Invoke(new ReadOnlySpan<T>(row->A, y.Length), *(T*)row->B, y);
        else TOp.Invoke(new ReadOnlySpan<T>(row->A, y.Length), new ReadOnlySpan<T>(row->B, y.Length), y);
        Repeat(row, y);
    }

    public static void Predicate<TOp, T>(RowArgs* row) where TOp : struct, IPredicateOp where T : unmanaged, INumber<T>
    {
        RowArgs pair = *row;
        pair.B = pair.A;
        if (pair.Splats == Splats.A) pair.Splats |= Splats.B;
        Compare<FirstOf<TOp>, T>(&pair);
    }

    public static void Compare<TOp, T>(RowArgs* row) where TOp : struct, ICompareOp where T : unmanaged, INumber<T>
    {
        Span<byte> y = Result<byte>(row, Splats.A | Splats.B);
        bool oneA = row->Splats == Splats.A, oneB = row->Splats == Splats.B;
        T* a = (T*)row->A, b = (T*)row->B;
        Vector128<T> splat = Vector128.Create(oneA ? *a : *b);
        int i = typeof(T) == typeof(float) && Avx512F.IsSupported ? CompareWide<TOp>((float*)a, (float*)b, oneA, oneB, y) : 0;
        for (; i <= y.Length - 16; i += 16) (Sixteen(i) & Vector128<byte>.One).CopyTo(y[i..]);
        for (; i < y.Length; i++) y[i] = TOp.Invoke(a[oneA ? 0 : i], b[oneB ? 0 : i]) ? (byte)1 : (byte)0;
        Repeat(row, y);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector128<T> Mask(int at) => TOp.Mask(oneA ? splat : Vector128.Load(a + at), oneB ? splat : Vector128.Load(b + at));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector128<byte> Sixteen(int at)
        {
            if (sizeof(T) == 1) return Mask(at).AsByte();
            if (sizeof(T) == 4) return Narrow(Mask(at).AsUInt32(), Mask(at + 4).AsUInt32(), Mask(at + 8).AsUInt32(), Mask(at + 12).AsUInt32());
            return Narrow(Pair(at), Pair(at + 4), Pair(at + 8), Pair(at + 12));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector128<uint> Pair(int at) => Vector128.Narrow(Mask(at).AsUInt64(), Mask(at + 2).AsUInt64());
    }

    // Sixteen floats at a time; returns how many elements are done.
    private static int CompareWide<TOp>(float* a, float* b, bool oneA, bool oneB, Span<byte> y) where TOp : struct, ICompareOp
    {
        Vector512<float> splat = Vector512.Create(oneA ? *a : *b);
        int i = 0;
        fixed (byte* target = y)
        {
            for (; i <= y.Length - 16; i += 16)
            {
                Vector512<float> left = oneA ? splat : Vector512.Load(a + i), right = oneB ? splat : Vector512.Load(b + i);
                Avx512F.ConvertToVector128Byte(TOp.Mask(left, right).AsUInt32() & Vector512<uint>.One).Store(target + i);
            }
        }
        return i;
    }

    // Sixteen masks as bytes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Narrow(Vector128<uint> a, Vector128<uint> b, Vector128<uint> c, Vector128<uint> d) =>
        Vector128.Narrow(Vector128.Narrow(a, b), Vector128.Narrow(c, d));

    /// <summary>y = a where c, else b; T is any type of the size of the elements, because only bits move.</summary>
    public static void Select<T>(RowArgs* row) where T : unmanaged
    {
        byte* c = (byte*)row->C;
        T* a = (T*)row->A, b = (T*)row->B;
        var y = new Span<T>(row->Y, row->Count);
        bool oneA = (row->Splats & Splats.A) != 0, oneB = (row->Splats & Splats.B) != 0;
        if ((row->Splats & Splats.C) != 0)
        {
            T* source = *c != 0 ? a : b;
            if (*c != 0 ? oneA : oneB) y.Fill(*source);
            else new ReadOnlySpan<T>(source, row->Count).CopyTo(y);
            return;
        }
        Vector128<T> splatA = Vector128.Create(*a), splatB = Vector128.Create(*b);
        int i = sizeof(T) == 4 && Avx512F.IsSupported ? SelectWide((int*)a, (int*)b, c, oneA, oneB, (int*)row->Y, y.Length) : 0;
        for (; i <= y.Length - Vector128<T>.Count; i += Vector128<T>.Count)
        {
            Vector128<T> no = Vector128.Equals(Widen<T>(c + i), Vector128<T>.Zero);
            Vector128.ConditionalSelect(no, oneB ? splatB : Vector128.Load(b + i), oneA ? splatA : Vector128.Load(a + i)).CopyTo(y[i..]);
        }
        for (; i < y.Length; i++) y[i] = c[i] != 0 ? a[oneA ? 0 : i] : b[oneB ? 0 : i];
    }

    // Sixteen elements at a time; returns how many are done.
    private static int SelectWide(int* a, int* b, byte* c, bool oneA, bool oneB, int* y, int count)
    {
        Vector512<int> splatA = Vector512.Create(*a), splatB = Vector512.Create(*b);
        int i = 0;
        for (; i <= count - 16; i += 16)
        {
            Vector512<int> no = Vector512.Equals(Avx512F.ConvertToVector512Int32(Vector128.Load(c + i)), Vector512<int>.Zero);
            Vector512.ConditionalSelect(no, oneB ? splatB : Vector512.Load(b + i), oneA ? splatA : Vector512.Load(a + i)).Store(y + i);
        }
        return i;
    }

    // As many bytes as a vector has elements of T, each widened to the size of T.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<T> Widen<T>(byte* bytes) where T : unmanaged
    {
        if (sizeof(T) == 1) return Vector128.Load(bytes).As<byte, T>();
        uint some = sizeof(T) == 4 ? Unsafe.ReadUnaligned<uint>(bytes) : Unsafe.ReadUnaligned<ushort>(bytes);
        Vector128<uint> wide = Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalar(some).AsByte()));
        return sizeof(T) == 4 ? wide.As<uint, T>() : Vector128.WidenLower(wide).As<ulong, T>();
    }

    /// <summary>y = x^Parameter by squaring, 1/x^−Parameter if that is negative; integers wrap around.</summary>
    public static void IntegerPower<T>(RowArgs* row) where T : unmanaged, INumber<T>
    {
        Span<T> y = Result<T>(row, Splats.A);
        SimdMath.IntegerPower(new ReadOnlySpan<T>(row->A, y.Length), row->Parameter, y);
        Repeat(row, y);
    }

    /// <summary>y = ψ⁽ⁿ⁾(x) with n = Parameter.</summary>
    public static void Polygamma<T>(RowArgs* row) where T : unmanaged, INumber<T>
    {
        Span<T> y = Result<T>(row, Splats.A);
        SpecialMath.Polygamma(new ReadOnlySpan<T>(row->A, y.Length), row->Parameter, y);
        Repeat(row, y);
    }

    /// <summary>y = x in another element type; bool is given as byte.</summary>
    public static void Convert<TFrom, TTo>(RowArgs* row)
        where TFrom : unmanaged, INumber<TFrom> where TTo : unmanaged, INumber<TTo>
    {
        Span<TTo> y = Result<TTo>(row, Splats.A);
        var x = new ReadOnlySpan<TFrom>(row->A, y.Length);
        if (typeof(TTo) == typeof(byte))
            for (int i = 0; i < y.Length; i++) y[i] = x[i] == TFrom.Zero ? TTo.Zero : TTo.One;
        else if (typeof(TFrom) == typeof(byte) && typeof(TTo) == typeof(float) && Avx512F.IsSupported) BytesToFloats((byte*)row->A, (float*)row->Y, y.Length);
        else if (typeof(TFrom) == typeof(float) || typeof(TFrom) == typeof(double)) TensorPrimitives.ConvertSaturating(x, y);
        else TensorPrimitives.ConvertTruncating(x, y);
        Repeat(row, y);
    }

    private static void BytesToFloats(byte* x, float* y, int count)
    {
        int i = 0;
        for (; i <= count - 16; i += 16) Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load(x + i))).Store(y + i);
        for (; i < count; i++) y[i] = x[i];
    }

    /// <summary>The row kernel of a unary operation on elements of type <paramref name="dtype"/>.</summary>
    public static RowKernel UnaryFor<TOp>(DType dtype) where TOp : struct, IUnaryOp => TOp.Row(dtype);

    /// <summary>The row kernel of a predicate on elements of type <paramref name="dtype"/>.</summary>
    public static RowKernel PredicateFor<TOp>(DType dtype) where TOp : struct, IPredicateOp => dtype switch
    {
        DType.F32 => new(&Predicate<TOp, float>),
        DType.F64 => new(&Predicate<TOp, double>),
        DType.I32 => new(&Predicate<TOp, int>),
        DType.I64 => new(&Predicate<TOp, long>),
        _ => RowKernel.None,
    };

    /// <summary>The row kernel of a comparison of elements of type <paramref name="dtype"/>.</summary>
    public static RowKernel CompareFor<TOp>(DType dtype) where TOp : struct, ICompareOp => dtype switch
    {
        DType.F32 => new(&Compare<TOp, float>),
        DType.F64 => new(&Compare<TOp, double>),
        DType.I32 => new(&Compare<TOp, int>),
        DType.I64 => new(&Compare<TOp, long>),
        _ => new(&Compare<TOp, byte>),
    };

    /// <summary>The row kernel that selects elements of type <paramref name="dtype"/>: A where C, else B.</summary>
    public static RowKernel SelectFor(DType dtype) => dtype.Size switch
    {
        4 => new(&Select<int>),
        8 => new(&Select<long>),
        _ => new(&Select<byte>),
    };

    /// <summary>The row kernel of integer powers (the exponent is the parameter); none for bool.</summary>
    public static RowKernel IntegerPowerFor(DType dtype) => dtype switch
    {
        DType.F32 => new(&IntegerPower<float>),
        DType.F64 => new(&IntegerPower<double>),
        DType.I32 => new(&IntegerPower<int>),
        DType.I64 => new(&IntegerPower<long>),
        _ => RowKernel.None,
    };

    /// <summary>The row kernel of polygamma functions (the order is the parameter); none but for floats.</summary>
    public static RowKernel PolygammaFor(DType dtype) => dtype switch
    {
        DType.F32 => new(&Polygamma<float>),
        DType.F64 => new(&Polygamma<double>),
        _ => RowKernel.None,
    };

    /// <summary>The row kernel that converts between two element types.</summary>
    public static RowKernel ConvertFor(DType from, DType to) => from switch
    {
        DType.F32 => ConvertFrom<float>(to),
        DType.F64 => ConvertFrom<double>(to),
        DType.I32 => ConvertFrom<int>(to),
        DType.I64 => ConvertFrom<long>(to),
        _ => ConvertFrom<byte>(to),
    };

    private static RowKernel ConvertFrom<TFrom>(DType to) where TFrom : unmanaged, INumber<TFrom> => to switch
    {
        DType.F32 => new(&Convert<TFrom, float>),
        DType.F64 => new(&Convert<TFrom, double>),
        DType.I32 => new(&Convert<TFrom, int>),
        DType.I64 => new(&Convert<TFrom, long>),
        _ => new(&Convert<TFrom, byte>),
    };

    private static Span<T> Result<T>(RowArgs* row, Splats all) where T : unmanaged =>
        new(row->Y, row->Splats == all ? 1 : row->Count);

    private static void Repeat<T>(RowArgs* row, Span<T> computed) where T : unmanaged
    {
        if (computed.Length < row->Count) new Span<T>(row->Y, row->Count).Fill(computed[0]);
    }

    /// <summary>A predicate as a comparison that ignores its second operand.</summary>
    private readonly struct FirstOf<TOp> : ICompareOp where TOp : struct, IPredicateOp
    {
        public static bool Invoke<T>(T a, T b) where T : unmanaged, INumber<T> => TOp.Invoke(a);

        public static Vector128<T> Mask<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged, INumber<T> => TOp.Mask(a);

        public static Vector512<T> Mask<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T>
        {
            (Vector256<T> low, Vector256<T> high) = (a.GetLower(), a.GetUpper());
            return Vector512.Create(Vector256.Create(TOp.Mask(low.GetLower()), TOp.Mask(low.GetUpper())), Vector256.Create(TOp.Mask(high.GetLower()), TOp.Mask(high.GetUpper())));
        }
    }
}
