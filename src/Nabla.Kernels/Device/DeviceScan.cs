using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// Launches cumulative folds. Sums and products of f32 go through f64, as on the host. Long lines are folded in chunks: a chunk's product that overflows or underflows does
/// so also where all before it would have balanced it.
/// </summary>
internal static class DeviceScan
{
    // Lines of at most two chunks, and lines of which there are enough, are not cut.
    private const int Chunk = 256, ManyLines = 1024;

    public static void Run<TOp>(DenseTensor x, int axis, bool reverse, DenseTensor y) where TOp : struct, IReduceOp
    {
        switch (x.DType)
        {
            case DType.F32 when typeof(TOp) == typeof(SumOp) || typeof(TOp) == typeof(ProdOp): ThroughDouble<TOp>(x, axis, reverse, y); break;
            case DType.F32: Run<TOp, float>(x, axis, reverse, y); break;
            case DType.F64: Run<TOp, double>(x, axis, reverse, y); break;
            case DType.I32: Run<TOp, int>(x, axis, reverse, y); break;
            default: Run<TOp, long>(x, axis, reverse, y); break;
        }
    }

    private static void ThroughDouble<TOp>(DenseTensor x, int axis, bool reverse, DenseTensor y) where TOp : struct, IReduceOp
    {
        DenseTensor wide = DenseTensor.Allocate(new Aval(DType.F64, x.Shape), y.Device), sums = DenseTensor.Allocate(wide.Aval, y.Device);
        DeviceMap.Convert(x, wide);
        Run<TOp, double>(wide, axis, reverse, sums);
        DeviceMap.Convert(sums, y);
        GC.KeepAlive(wide);
        GC.KeepAlive(sums);
    }

    private static void Run<TOp, T>(DenseTensor x, int axis, bool reverse, DenseTensor y)
        where TOp : struct, IReduceOp where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        ReadOnlySpan<int> dims = x.Shape.Dims;
        Span<long> to = stackalloc long[y.Rank];
        Move.RowMajor(dims, to);
        StridedWalk others = default;
        for (int i = 0; i < dims.Length; i++)
            if (i != axis) others.Append(dims[i], x.Layout.Strides[i], to[i]);
        int count = dims[axis], lines = checked((int)others.Count), sign = reverse ? -1 : 1;
        int chunk = count <= 2 * Chunk || lines >= ManyLines ? count : Chunk, chunks = (count + chunk - 1) / chunk;
        long step = x.Layout.Strides[axis], stepY = to[axis], first = reverse ? count - 1 : 0;
        var device = (Accelerator)y.Device;
        var extents = Extents.Of(others);
        Steps start = Steps.Of(others, 0, x.Layout.Offset - x.Layout.Reach.First + first * step), startY = Steps.Of(others, 1, first * stepY);
        int groups = LaunchSize.Linear((long)lines * chunks, ScanKernels.Size).GridX, by = checked((int)(sign * step));
        DenseTensor before = y;
        if (chunks > 1)
        {
            DenseTensor totals = DenseTensor.Allocate(new Aval(y.DType, [chunks, lines]), device);
            ScanKernels.LaunchTotals<TOp, T>(device, groups, 1, 1, DeviceView.Of(x), start, extents, by, lines, count, chunk, DeviceView.Of(totals));
            before = DenseTensor.Allocate(totals.Aval, device);
            Run<TOp, T>(totals, 0, false, before);
        }
        ScanKernels.LaunchChunks<TOp, T>(device, groups, 1, 1,
            DeviceView.Of(x), start, extents, by, DeviceView.Of(before), lines, count, chunk, lines * chunks, DeviceView.Of(y), startY, checked((int)(sign * stepY)));
        GC.KeepAlive(before);
    }
}
