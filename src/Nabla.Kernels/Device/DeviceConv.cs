using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Launches convolutions and poolings: up to three spatial axes, any layout.</summary>
internal static class DeviceConv
{
    // Below so many rows or features a tile is mostly empty.
    private const int Small = 16;

    // With fewer tiles than this, sums of at least two chunks are shared between groups and added up afterwards.
    private const int FewTiles = 64, LeastChunk = 512;

    public static void Run(DenseTensor x, DenseTensor w, ConvDims dims, DenseTensor y)
    {
        ConvShape s = ShapeOf("conv", x, w.Shape.Dims[..dims.Rank], dims, y);
        ReadOnlySpan<long> by = w.Layout.Strides;
        s.StartW = checked((int)(w.Layout.Offset - w.Layout.Reach.First));
        (s.Window0, s.Window1, s.Window2) = (Of(by, dims.Rank, 0, 0), Of(by, dims.Rank, 1, 0), Of(by, dims.Rank, 2, 0));
        (s.GroupW, s.ChannelW, s.FeatureW) = (checked((int)by[^3]), checked((int)by[^2]), checked((int)by[^1]));
        s.Rows = checked((int)(y.Count / ((long)w.Shape.Dims[^3] * w.Shape.Dims[^1])));
        (s.Groups, s.Channels, s.Features) = (w.Shape.Dims[^3], w.Shape.Dims[^2], w.Shape.Dims[^1]);
        s.Depth = s.Chunk = checked(s.Win0 * s.Win1 * s.Win2 * s.Channels);
        if (y.DType == DType.F32) Run<float>(x, w, s, y);
        else Run<double>(x, w, s, y);
    }

    public static void MaxPool(DenseTensor x, ReadOnlySpan<int> window, ConvDims dims, DenseTensor y, DenseTensor indices)
    {
        ConvShape s = ShapeOf("max_pool", x, window, dims, y);
        s.Channels = x.Shape.Dims[^1];
        var device = (Accelerator)y.Device;
        int groups = LaunchSize.Linear(y.Count, ConvKernels.Size).GridX;
        if (y.DType == DType.F32) ConvKernels.LaunchMaxPool<float>(device, groups, 1, 1, DeviceView.Of(x), s, DeviceView.Of(y), DeviceView.Of(indices));
        else ConvKernels.LaunchMaxPool<double>(device, groups, 1, 1, DeviceView.Of(x), s, DeviceView.Of(y), DeviceView.Of(indices));
    }

    private static void Run<T>(DenseTensor x, DenseTensor w, ConvShape s, DenseTensor y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var device = (Accelerator)y.Device;
        if (Math.Min(s.Rows, s.Features) < Small)
        {
            ConvKernels.LaunchPlain<T>(device, LaunchSize.Linear(y.Count, ConvKernels.Size).GridX, 1, 1, DeviceView.Of(x), DeviceView.Of(w), s, DeviceView.Of(y));
            return;
        }
        int tilesX = Tiles(s.Rows), tilesY = Tiles(s.Features), chunks = Chunks((long)tilesX * tilesY * s.Groups, s.Depth);
        s.Chunk = (s.Depth + chunks - 1) / chunks;
        DenseTensor target = chunks == 1 ? y : DenseTensor.Allocate(new Aval(y.DType, [chunks, .. y.Shape.Dims]), device);
        ConvKernels.LaunchTiled<T>(device, tilesX, tilesY, s.Groups * chunks, DeviceView.Of(x), DeviceView.Of(w), s, DeviceView.Of(target));
        if (chunks > 1) DeviceReduce.Run<SumOp>(target, [0], y);
        GC.KeepAlive(target);
    }

    private static int Tiles(int size) => (size + ConvKernels.Tile - 1) / ConvKernels.Tile;

    // By sizes alone, so that results do not depend on the device.
    private static int Chunks(long tiles, int depth) => tiles >= FewTiles ? 1 : (int)Math.Clamp(FewTiles / tiles, 1, Math.Max(1, depth / LeastChunk));

    private static ConvShape ShapeOf(string operation, DenseTensor x, ReadOnlySpan<int> window, ConvDims dims, DenseTensor y)
    {
        int rank = dims.Rank;
        if (rank > 3) throw KernelErrors.NotOnDevice($"{operation} over {rank} axes", y.Device);
        ReadOnlySpan<int> windows = y.Shape.Dims[1..(rank + 1)], sizes = x.Shape.Dims[1..(rank + 1)];
        ReadOnlySpan<long> steps = x.Layout.Strides, spatial = steps[1..(rank + 1)];
        return new ConvShape
        {
            Out0 = Of(windows, rank, 0, 1),
            Out1 = Of(windows, rank, 1, 1),
            Out2 = Of(windows, rank, 2, 1),
            Win0 = Of(window, rank, 0, 1),
            Win1 = Of(window, rank, 1, 1),
            Win2 = Of(window, rank, 2, 1),
            Stride0 = Of(dims.Strides, rank, 0, 1),
            Stride1 = Of(dims.Strides, rank, 1, 1),
            Stride2 = Of(dims.Strides, rank, 2, 1),
            Low0 = Of(dims.Low, rank, 0, 0),
            Low1 = Of(dims.Low, rank, 1, 0),
            Low2 = Of(dims.Low, rank, 2, 0),
            Lhs0 = Of(dims.LhsDilation, rank, 0, 1),
            Lhs1 = Of(dims.LhsDilation, rank, 1, 1),
            Lhs2 = Of(dims.LhsDilation, rank, 2, 1),
            Rhs0 = Of(dims.RhsDilation, rank, 0, 1),
            Rhs1 = Of(dims.RhsDilation, rank, 1, 1),
            Rhs2 = Of(dims.RhsDilation, rank, 2, 1),
            Size0 = Of(sizes, rank, 0, 1),
            Size1 = Of(sizes, rank, 1, 1),
            Size2 = Of(sizes, rank, 2, 1),
            StartX = checked((int)(x.Layout.Offset - x.Layout.Reach.First)),
            BatchX = checked((int)steps[0]),
            Spatial0 = Of(spatial, rank, 0, 0),
            Spatial1 = Of(spatial, rank, 1, 0),
            Spatial2 = Of(spatial, rank, 2, 0),
            GroupX = checked((int)steps[^2]),
            ChannelX = checked((int)steps[^1]),
        };
    }

    // The entry of the last of three axes, the middle one, the first; the axes of an operand are the last ones.
    private static int Of<T>(ReadOnlySpan<T> list, int rank, int axis, int missing) where T : struct, INumber<T> =>
        axis < 3 - rank ? missing : int.CreateChecked(list[axis - (3 - rank)]);
}
