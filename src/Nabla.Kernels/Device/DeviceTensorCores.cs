namespace Nabla.Kernels;

/// <summary>Which kernels compute large products on tensor cores.</summary>
internal static class DeviceTensorCores
{
    // For each way in which two operands can lie; the texts of kernels are put together when they are first needed.
    private static readonly Lazy<IReadOnlyList<TiledProduct>[]> High = Ways(MatMulKernels.TensorOf<float, TensorTf32Split, TensorBlock128x128>, MatMulKernels.TensorOf<float, TensorTf32Split, TensorBlock128x64>);
    private static readonly Lazy<IReadOnlyList<TiledProduct>[]> Medium =
        Ways(MatMulKernels.TensorOf<float, TensorTf32, TensorBlock256x128>, MatMulKernels.TensorOf<float, TensorTf32, TensorBlock128x128>, MatMulKernels.TensorOf<float, TensorTf32, TensorBlock128x64>);
    private static readonly Lazy<IReadOnlyList<TiledProduct>[]> Low =
        Ways(MatMulKernels.TensorOf<float, TensorBf16, TensorBlock256x128>, MatMulKernels.TensorOf<float, TensorBf16, TensorBlock128x128>, MatMulKernels.TensorOf<float, TensorBf16, TensorBlock128x64>);
    private static readonly Lazy<IReadOnlyList<TiledProduct>[]> Double = Ways(MatMulKernels.TensorOf<double, TensorF64, TensorBlock128x128>, MatMulKernels.TensorOf<double, TensorF64, TensorBlock128x64>);

    /// <summary>
    /// The kernels for products of a type, which all give the same bits, the one with the largest blocks first; null where the device has no tensor cores for the type, or the precision asks for none.
    /// </summary>
    public static IReadOnlyList<TiledProduct>? Products(DType type, Accelerator device, MatMulPrecision precision, in ProductShape s)
    {
        int way = (s.ColumnA == 1 ? 2 : 0) + (s.RowB == 1 ? 1 : 0);
        if (type == DType.F64) return device.HasDoubleTensorCores ? Double.Value[way] : null;
        if (!device.HasTensorCores) return null;
        return precision switch
        {
            MatMulPrecision.High => High.Value[way],
            MatMulPrecision.Medium => Medium.Value[way],
            MatMulPrecision.Low => Low.Value[way],
            _ => null,
        };
    }

    private static Lazy<IReadOnlyList<TiledProduct>[]> Ways(params Func<bool, bool, TiledProduct>[] kernels) => new(() => Array.ConvertAll(
        new[] { (false, false), (false, true), (true, false), (true, true) }, deep => (IReadOnlyList<TiledProduct>)Array.ConvertAll(kernels, kernel => kernel(deep.Item1, deep.Item2))));
}
