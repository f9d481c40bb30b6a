using System.Reflection;

namespace Nabla.Kernels;

/// <summary>
/// Element-wise kernels: y[i] = f(a[i], …). All operands have the shape of y (broadcasting is a stride of 0) and any layout; y is
/// contiguous and may be one of the operands itself if that is contiguous and has elements of the same size. Nothing is allocated;
/// large operands are cut into parts by size alone and spread over the threads.
/// </summary>
public static class Map
{
    /// <summary>y = f(x). Shape: [...] → [...]; y has the element type of x.</summary>
    /// <exception cref="DTypeException">NB0204: the operation is not defined on this element type.</exception>
    public static void Unary<TOp>(DenseTensor x, DenseTensor y) where TOp : struct, IUnaryOp
    {
        RowKernel row = TOp.Row(x.DType).OrThrow<TOp>(x);
        if (y.Device is Accelerator) OnDevice(new DeviceMap.Call(x, null, null, y), x.DType);
        else MapDriver.Run(row, x, null, null, y, TOp.Work);

        static void OnDevice(in DeviceMap.Call call, DType dtype)
        {
            if (call.Count > 0) TOp.Launch(call, dtype);
        }
    }

    /// <summary>y = the answer of a predicate about each x. Shape: [...] → [...]; numbers → bool.</summary>
    /// <exception cref="DTypeException">NB0204: x is bool.</exception>
    public static void Predicate<TOp>(DenseTensor x, DenseTensor y) where TOp : struct, IPredicateOp
    {
        RowKernel row = Rows.PredicateFor<TOp>(x.DType).OrThrow<TOp>(x);
        if (y.Device is Accelerator) DeviceMap.Predicate<TOp>(x, y);
        else MapDriver.Run(row, x, null, null, y, WorkClass.Light);
    }

    /// <summary>y = f(a, b). Shape: [...], [...] → [...]; all of one element type.</summary>
    /// <exception cref="DTypeException">NB0204: the operation is not defined on this element type.</exception>
    /// <exception cref="NumericException">NB0603: an integer was divided by zero; y is then undefined.</exception>
    public static void Binary<TOp>(DenseTensor a, DenseTensor b, DenseTensor y) where TOp : struct, IBinaryOp
    {
        RowKernel row = TOp.Row(a.DType).OrThrow<TOp>(a);
        if (y.Device is Accelerator) OnDevice<TOp>(new DeviceMap.Call(a, b, null, y), b);
        else MapDriver.Run(row, a, b, null, y, TOp.Work);

        static void OnDevice<TBinary>(in DeviceMap.Call call, DenseTensor b) where TBinary : struct, IBinaryOp
        {
            if (call.Count == 0) return;
            if (typeof(TBinary) == typeof(DivOp) || typeof(TBinary) == typeof(RemOp)) DeviceMap.RefuseZero(NameOf<TBinary>(), b);
            TBinary.Launch(call, b.DType);
        }
    }

    /// <summary>y = whether a and b compare so. Shape: [...], [...] → [...]; a and b of one element type, y bool.</summary>
    public static void Compare<TOp>(DenseTensor a, DenseTensor b, DenseTensor y) where TOp : struct, ICompareOp
    {
        if (y.Device is Accelerator) DeviceMap.Compare<TOp>(a, b, y);
        else MapDriver.Run(Rows.CompareFor<TOp>(a.DType), a, b, null, y, WorkClass.Light);
    }

    /// <summary>y = a where the condition holds, else b. Shape: bool [...], [...], [...] → [...]; a, b and y of one element type.</summary>
    public static void Select(DenseTensor condition, DenseTensor a, DenseTensor b, DenseTensor y)
    {
        if (y.Device is Accelerator) DeviceMap.Select(condition, a, b, y);
        else MapDriver.Run(Rows.SelectFor(a.DType), a, b, condition, y, WorkClass.Light);
    }

    /// <summary>
    /// y = x in the element type of y. Shape: [...] → [...]. Floats become integers by truncation toward 0, saturating, NaN → 0;
    /// i64 → i32 keeps the low bits; anything but 0 (NaN too) is true; true is 1; other conversions round to nearest.
    /// </summary>
    public static void Convert(DenseTensor x, DenseTensor y)
    {
        if (y.Device is Accelerator) DeviceMap.Convert(x, y);
        else MapDriver.Run(Rows.ConvertFor(x.DType, y.DType), x, null, null, y, WorkClass.Light);
    }

    /// <summary>
    /// y = xⁿ by squaring; n &lt; 0 is 1/x⁻ⁿ, x⁰ = 1 also for NaN; integers wrap around. Error ≤ |n| ulp, plus 1 if n &lt; 0, while
    /// x⁻ⁿ neither overflows nor underflows. Shape: [...] → [...]; f32, f64, i32 or i64, kept.
    /// </summary>
    /// <exception cref="DTypeException">NB0204: x is bool.</exception>
    /// <exception cref="NumericException">NB0604: x has integers and n is negative.</exception>
    public static void IntegerPow(DenseTensor x, int n, DenseTensor y)
    {
        if (x.DType == DType.Bool) throw KernelErrors.NoKernel("integer_pow", x.Aval);
        if (n < 0 && x.DType.IsInteger) throw KernelErrors.NegativePower(x.Aval, n);
        if (y.Device is Accelerator) DeviceMap.IntegerPower(x, n, y);
        else MapDriver.Run(Rows.IntegerPowerFor(x.DType), x, null, null, y, WorkClass.Light, n);
    }

    /// <summary>
    /// y = ψ⁽ⁿ⁾(x), the n-th derivative of the digamma function, n ≥ 1. At 0, −1, −2, … +∞ for odd n, NaN for even n. Error ≤ 4 + n ulp for x &gt; 0.
    /// Shape: [...] → [...]; f32 or f64, kept.
    /// </summary>
    /// <exception cref="DTypeException">NB0204: x is not f32 or f64.</exception>
    public static void Polygamma(DenseTensor x, int n, DenseTensor y)
    {
        RowKernel kernel = Rows.PolygammaFor(x.DType);
        if (kernel.IsNone) throw KernelErrors.NoKernel("polygamma", x.Aval);
        if (y.Device is Accelerator) DeviceMap.Polygamma(x, n, y);
        else MapDriver.Run(kernel, x, null, null, y, WorkClass.Heavy, n);
    }

    private static RowKernel OrThrow<TOp>(this RowKernel kernel, DenseTensor operand) =>
        kernel.IsNone ? throw KernelErrors.NoKernel(NameOf<TOp>(), operand.Aval) : kernel;

    private static string NameOf<TOp>() =>
        typeof(TOp).GetCustomAttribute<ElementOpAttribute>()?.Name ?? typeof(TOp).Name;
}
