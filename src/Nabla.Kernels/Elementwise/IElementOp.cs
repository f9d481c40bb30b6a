using System.Numerics;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// An operation y = f(x) on each element. A struct implements one of the derived contracts, which say on which element types:
/// <see cref="IFloatUnaryOp{TSelf}"/>, <see cref="INumericUnaryOp{TSelf}"/>, <see cref="ILogicalUnaryOp{TSelf}"/>.
/// </summary>
public interface IUnaryOp
{
    /// <summary>Cost of one element.</summary>
    static virtual WorkClass Work => WorkClass.Light;

    /// <summary>The kernel for one row of elements of type <paramref name="dtype"/>; <see cref="RowKernel.None"/> if there is none.</summary>
    static abstract RowKernel Row(DType dtype);

    /// <summary>Puts the kernel for elements of type <paramref name="dtype"/> into the queue of a device; false if there is none.</summary>
    internal static abstract bool Launch(in DeviceMap.Call call, DType dtype);
}

/// <summary>A unary operation on f32 and f64.</summary>
public interface IFloatUnaryOp<TSelf> : IUnaryOp where TSelf : struct, IFloatUnaryOp<TSelf>
{
    /// <summary>f of one element.</summary>
    static abstract T Invoke<T>(T x) where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>f of one element in a kernel of a device, if <see cref="Invoke{T}(T)"/> is not in the kernel subset.</summary>
    static virtual T OnDevice<T>(T x) where T : unmanaged, IFloatingPointIeee754<T> => TSelf.Invoke(x);

    /// <summary>f of each element; <paramref name="y"/> may be <paramref name="x"/> itself, but not overlap it otherwise.</summary>
    static abstract void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T>;

    static unsafe RowKernel IUnaryOp.Row(DType dtype) => dtype switch
    {
        DType.F32 => new(&Rows.FloatUnary<TSelf, float>),
        DType.F64 => new(&Rows.FloatUnary<TSelf, double>),
        _ => RowKernel.None,
    };

    static bool IUnaryOp.Launch(in DeviceMap.Call call, DType dtype)
    {
        switch (dtype)
        {
            case DType.F32: ElementKernels.LaunchFloatUnary<TSelf, float>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, call.Y); return true;
            case DType.F64: ElementKernels.LaunchFloatUnary<TSelf, double>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, call.Y); return true;
            default: return false;
        }
    }
}

/// <summary>A unary operation on f32, f64, i32 and i64; integers wrap around.</summary>
public interface INumericUnaryOp<TSelf> : IUnaryOp where TSelf : struct, INumericUnaryOp<TSelf>
{
    /// <inheritdoc cref="IFloatUnaryOp{TSelf}.Invoke{T}(T)"/>
    static abstract T Invoke<T>(T x) where T : unmanaged, INumber<T>;

    /// <inheritdoc cref="IFloatUnaryOp{TSelf}.OnDevice{T}(T)"/>
    static virtual T OnDevice<T>(T x) where T : unmanaged, INumber<T> => TSelf.Invoke(x);

    /// <inheritdoc cref="IFloatUnaryOp{TSelf}.Invoke{T}(ReadOnlySpan{T}, Span{T})"/>
    static abstract void Invoke<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, INumber<T>;

    static unsafe RowKernel IUnaryOp.Row(DType dtype) => dtype switch
    {
        DType.F32 => new(&Rows.NumericUnary<TSelf, float>),
        DType.F64 => new(&Rows.NumericUnary<TSelf, double>),
        DType.I32 => new(&Rows.NumericUnary<TSelf, int>),
        DType.I64 => new(&Rows.NumericUnary<TSelf, long>),
        _ => RowKernel.None,
    };

    static bool IUnaryOp.Launch(in DeviceMap.Call call, DType dtype)
    {
        switch (dtype)
        {
            case DType.F32: ElementKernels.LaunchNumericUnary<TSelf, float>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, call.Y); return true;
            case DType.F64: ElementKernels.LaunchNumericUnary<TSelf, double>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, call.Y); return true;
            case DType.I32: ElementKernels.LaunchNumericUnary<TSelf, int>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, call.Y); return true;
            case DType.I64: ElementKernels.LaunchNumericUnary<TSelf, long>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, call.Y); return true;
            default: return false;
        }
    }
}

/// <summary>A unary operation on bool, stored as bytes 0 and 1.</summary>
public interface ILogicalUnaryOp<TSelf> : IUnaryOp where TSelf : struct, ILogicalUnaryOp<TSelf>
{
    /// <summary>f of one element.</summary>
    static abstract bool Invoke(bool x);

    /// <summary>f of each element; <paramref name="y"/> may be <paramref name="x"/> itself.</summary>
    static abstract void Invoke(ReadOnlySpan<byte> x, Span<byte> y);

    static unsafe RowKernel IUnaryOp.Row(DType dtype) =>
        dtype == DType.Bool ? new(&Rows.LogicalUnary<TSelf>) : RowKernel.None;

    static bool IUnaryOp.Launch(in DeviceMap.Call call, DType dtype)
    {
        if (dtype != DType.Bool || typeof(TSelf) != typeof(NotOp)) return false;
        ElementKernels.LaunchNot(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.Extents, call.Y);
        return true;
    }
}

/// <summary>A question about each element of type f32 or f64 (an integer's answer is that of its value): y is bool.</summary>
public interface IPredicateOp
{
    /// <summary>The answer for one element.</summary>
    static abstract bool Invoke<T>(T x) where T : unmanaged, INumber<T>;

    /// <summary>The answers for a vector of elements, all bits set for yes.</summary>
    static abstract Vector128<T> Mask<T>(Vector128<T> x) where T : unmanaged, INumber<T>;
}

/// <summary>
/// An operation y = f(a, b) on pairs of elements of one type. A struct implements <see cref="IFloatBinaryOp{TSelf}"/>,
/// <see cref="INumericBinaryOp{TSelf}"/> or <see cref="IBitwiseBinaryOp{TSelf}"/>.
/// </summary>
public interface IBinaryOp
{
    /// <inheritdoc cref="IUnaryOp.Work"/>
    static virtual WorkClass Work => WorkClass.Light;

    /// <inheritdoc cref="IUnaryOp.Row"/>
    static abstract RowKernel Row(DType dtype);

    /// <inheritdoc cref="IUnaryOp.Launch"/>
    internal static abstract bool Launch(in DeviceMap.Call call, DType dtype);
}

/// <summary>A binary operation on f32 and f64.</summary>
public interface IFloatBinaryOp<TSelf> : IBinaryOp where TSelf : struct, IFloatBinaryOp<TSelf>
{
    /// <summary>f of one pair.</summary>
    static abstract T Invoke<T>(T a, T b) where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>f of one pair in a kernel of a device, if <see cref="Invoke{T}(T, T)"/> is not in the kernel subset.</summary>
    static virtual T OnDevice<T>(T a, T b) where T : unmanaged, IFloatingPointIeee754<T> => TSelf.Invoke(a, b);

    /// <summary>f of each pair; <paramref name="y"/> may be an operand itself, but not overlap one otherwise.</summary>
    static abstract void Invoke<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>f of each element of a with one b.</summary>
    static abstract void Invoke<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>f of one a with each element of b.</summary>
    static abstract void Invoke<T>(T a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T>;

    static unsafe RowKernel IBinaryOp.Row(DType dtype) => dtype switch
    {
        DType.F32 => new(&Rows.FloatBinary<TSelf, float>),
        DType.F64 => new(&Rows.FloatBinary<TSelf, double>),
        _ => RowKernel.None,
    };

    static bool IBinaryOp.Launch(in DeviceMap.Call call, DType dtype)
    {
        switch (dtype)
        {
            case DType.F32: ElementKernels.LaunchFloatBinary<TSelf, float>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.B, call.StepsB, call.Extents, call.Y); return true;
            case DType.F64: ElementKernels.LaunchFloatBinary<TSelf, double>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.B, call.StepsB, call.Extents, call.Y); return true;
            default: return false;
        }
    }
}

/// <summary>A binary operation on f32, f64, i32 and i64; integers wrap around.</summary>
public interface INumericBinaryOp<TSelf> : IBinaryOp where TSelf : struct, INumericBinaryOp<TSelf>
{
    /// <inheritdoc cref="IFloatBinaryOp{TSelf}.Invoke{T}(T, T)"/>
    static abstract T Invoke<T>(T a, T b) where T : unmanaged, INumber<T>;

    /// <inheritdoc cref="IFloatBinaryOp{TSelf}.OnDevice{T}(T, T)"/>
    static virtual T OnDevice<T>(T a, T b) where T : unmanaged, INumber<T> => TSelf.Invoke(a, b);

    /// <inheritdoc cref="IFloatBinaryOp{TSelf}.Invoke{T}(ReadOnlySpan{T}, ReadOnlySpan{T}, Span{T})"/>
    static abstract void Invoke<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T>;

    /// <inheritdoc cref="IFloatBinaryOp{TSelf}.Invoke{T}(ReadOnlySpan{T}, T, Span{T})"/>
    static abstract void Invoke<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, INumber<T>;

    /// <inheritdoc cref="IFloatBinaryOp{TSelf}.Invoke{T}(T, ReadOnlySpan{T}, Span{T})"/>
    static abstract void Invoke<T>(T a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, INumber<T>;

    static unsafe RowKernel IBinaryOp.Row(DType dtype) => dtype switch
    {
        DType.F32 => new(&Rows.NumericBinary<TSelf, float>),
        DType.F64 => new(&Rows.NumericBinary<TSelf, double>),
        DType.I32 => new(&Rows.NumericBinary<TSelf, int>),
        DType.I64 => new(&Rows.NumericBinary<TSelf, long>),
        _ => RowKernel.None,
    };

    static bool IBinaryOp.Launch(in DeviceMap.Call call, DType dtype)
    {
        switch (dtype)
        {
            case DType.F32: ElementKernels.LaunchNumericBinary<TSelf, float>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.B, call.StepsB, call.Extents, call.Y); return true;
            case DType.F64: ElementKernels.LaunchNumericBinary<TSelf, double>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.B, call.StepsB, call.Extents, call.Y); return true;
            case DType.I32: ElementKernels.LaunchNumericBinary<TSelf, int>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.B, call.StepsB, call.Extents, call.Y); return true;
            case DType.I64: ElementKernels.LaunchNumericBinary<TSelf, long>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.B, call.StepsB, call.Extents, call.Y); return true;
            default: return false;
        }
    }
}

/// <summary>A binary operation on bits: logical on bool (stored as bytes 0 and 1), bit by bit on i32 and i64.</summary>
public interface IBitwiseBinaryOp<TSelf> : IBinaryOp where TSelf : struct, IBitwiseBinaryOp<TSelf>
{
    /// <inheritdoc cref="IFloatBinaryOp{TSelf}.Invoke{T}(T, T)"/>
    static abstract T Invoke<T>(T a, T b) where T : unmanaged, IBinaryInteger<T>;

    /// <inheritdoc cref="IFloatBinaryOp{TSelf}.Invoke{T}(ReadOnlySpan{T}, ReadOnlySpan{T}, Span{T})"/>
    static abstract void Invoke<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, IBinaryInteger<T>;

    /// <summary>f of each element of a with one b; f(a, b) = f(b, a).</summary>
    static abstract void Invoke<T>(ReadOnlySpan<T> a, T b, Span<T> y) where T : unmanaged, IBinaryInteger<T>;

    static unsafe RowKernel IBinaryOp.Row(DType dtype) => dtype switch
    {
        DType.I32 => new(&Rows.BitwiseBinary<TSelf, int>),
        DType.I64 => new(&Rows.BitwiseBinary<TSelf, long>),
        DType.Bool => new(&Rows.BitwiseBinary<TSelf, byte>),
        _ => RowKernel.None,
    };

    static bool IBinaryOp.Launch(in DeviceMap.Call call, DType dtype)
    {
        switch (dtype)
        {
            case DType.I32: ElementKernels.LaunchBitwiseBinary<TSelf, int>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.B, call.StepsB, call.Extents, call.Y); return true;
            case DType.I64: ElementKernels.LaunchBitwiseBinary<TSelf, long>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.B, call.StepsB, call.Extents, call.Y); return true;
            case DType.Bool: ElementKernels.LaunchBitwiseBinary<TSelf, byte>(call.Device, call.Groups, 1, 1, call.A, call.StepsA, call.B, call.StepsB, call.Extents, call.Y); return true;
            default: return false;
        }
    }
}

/// <summary>A comparison of pairs of elements of one type, any of the five: y is bool. false &lt; true; NaN compares as in IEEE 754.</summary>
public interface ICompareOp
{
    /// <summary>The answer for one pair.</summary>
    static abstract bool Invoke<T>(T a, T b) where T : unmanaged, INumber<T>;

    /// <summary>The answers for vectors of elements, all bits set for yes.</summary>
    static abstract Vector128<T> Mask<T>(Vector128<T> a, Vector128<T> b) where T : unmanaged, INumber<T>;

    /// <inheritdoc cref="Mask{T}(Vector128{T}, Vector128{T})"/>
    static abstract Vector512<T> Mask<T>(Vector512<T> a, Vector512<T> b) where T : unmanaged, INumber<T>;
}
