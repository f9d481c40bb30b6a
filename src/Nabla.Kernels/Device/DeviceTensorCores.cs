using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Which kernel computes a large product on tensor cores.</summary>
internal static class DeviceTensorCores
{
    /// <summary>The kernel; null where the device has no tensor cores for the type, or the precision asks for none.</summary>
    public static KernelProgram? Program<T>(Accelerator device, MatMulPrecision precision, in ProductShape s) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (typeof(T) == typeof(double)) return device.HasDoubleTensorCores ? OfTiles<double, TensorF64>(s) : null;
        if (!device.HasTensorCores) return null;
        return precision switch
        {
            MatMulPrecision.High => OfTiles<float, TensorTf32Split>(s),
            MatMulPrecision.Medium => OfTiles<float, TensorTf32>(s),
            MatMulPrecision.Low => OfTiles<float, TensorBf16>(s),
            _ => null,
        };
    }

    /// <summary>The kernel for operands that lie so: each tile is like its operand, so that asynchronous copies take neighbours along.</summary>
    public static KernelProgram OfTiles<T, TMath>(in ProductShape s) where T : unmanaged, IFloatingPointIeee754<T> where TMath : struct, ITensorMath<T> => (s.ColumnA == 1, s.RowB == 1) switch
    {
        (true, true) => MatMulKernels.TensorOf<T, TMath, DeepTile, DeepTile>(),
        (true, false) => MatMulKernels.TensorOf<T, TMath, DeepTile, WideTile>(),
        (false, true) => MatMulKernels.TensorOf<T, TMath, WideTile, DeepTile>(),
        (false, false) => MatMulKernels.TensorOf<T, TMath, WideTile, WideTile>(),
    };
}
