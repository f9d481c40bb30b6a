namespace Nabla.Kernels;

/// <summary>Launches draws of random numbers.</summary>
internal static class DeviceRandom
{
    private delegate void Launcher(
        Accelerator device, int gridX, int gridY, int gridZ, DeviceView keys, Steps steps, Extents extents, int second, int perKey, int blocks, int count, DeviceView y);

    public static void Bits(DenseTensor keys, DenseTensor y) => Draw(DrawKernels.LaunchBits, 4, keys, y);

    public static void Uniform(DenseTensor keys, DenseTensor y)
    {
        if (y.DType == DType.F32) Draw(DrawKernels.LaunchUniform32, 4, keys, y);
        else Draw(DrawKernels.LaunchUniform64, 2, keys, y);
    }

    public static void Normal(DenseTensor keys, DenseTensor y)
    {
        if (y.DType == DType.F32) Draw(DrawKernels.LaunchNormal32, 4, keys, y);
        else Draw(DrawKernels.LaunchNormal64, 2, keys, y);
    }

    public static void FoldIn(DenseTensor keys, DenseTensor data, DenseTensor y)
    {
        if (data.Count == 0) return;
        var device = (Accelerator)y.Device;
        int count = checked((int)data.Count), groups = LaunchSize.Linear(count, DrawKernels.Size).GridX, second = (int)keys.Layout.Strides[^1];
        var walk = new StridedWalk(data.Shape.Dims, keys.Layout.Strides[..^1], data.Layout.Strides);
        Steps steps = Steps.Of(walk, 0, Start(keys)), stepsData = Steps.Of(walk, 1, Start(data));
        var extents = Extents.Of(walk);
        if (data.DType == DType.I64) DrawKernels.LaunchFoldIn<long>(device, groups, 1, 1, DeviceView.Of(keys), steps, extents, second, DeviceView.Of(data), stepsData, count, DeviceView.Of(y));
        else DrawKernels.LaunchFoldIn<int>(device, groups, 1, 1, DeviceView.Of(keys), steps, extents, second, DeviceView.Of(data), stepsData, count, DeviceView.Of(y));
    }

    public static void Split(DenseTensor keys, DenseTensor y)
    {
        if (y.Count == 0) return;
        int children = y.Shape.Dims[^2], count = checked((int)(y.Count / 2));
        (Steps steps, Extents extents) = KeysOf(keys);
        DrawKernels.LaunchSplit((Accelerator)y.Device, LaunchSize.Linear(count, DrawKernels.Size).GridX, 1, 1,
            DeviceView.Of(keys), steps, extents, (int)keys.Layout.Strides[^1], children, count, DeviceView.Of(y));
    }

    /// <summary>The places of sorted 64-bit words; the sort is stable, so equal words stay in the order of their numbers.</summary>
    public static void Permutation(DenseTensor keys, DenseTensor y)
    {
        if (y.Count == 0) return;
        DenseTensor words = DenseTensor.Allocate(new Aval(DType.I64, y.Shape), y.Device), sorted = DenseTensor.Allocate(words.Aval, y.Device);
        Draw(DrawKernels.LaunchWords, 2, keys, words);
        DeviceSort.Last(words, false, sorted, y);
        GC.KeepAlive(words);
        GC.KeepAlive(sorted);
    }

    private static void Draw(Launcher launch, int perBlock, DenseTensor keys, DenseTensor y)
    {
        if (y.Count == 0) return;
        int perKey = checked((int)(y.Count / (keys.Count / 2))), blocks = (perKey + perBlock - 1) / perBlock, count = checked((int)(keys.Count / 2) * blocks);
        (Steps steps, Extents extents) = KeysOf(keys);
        launch((Accelerator)y.Device, LaunchSize.Linear(count, DrawKernels.Size).GridX, 1, 1,
            DeviceView.Of(keys), steps, extents, (int)keys.Layout.Strides[^1], perKey, blocks, count, DeviceView.Of(y));
    }

    private static (Steps, Extents) KeysOf(DenseTensor keys)
    {
        var walk = new StridedWalk(keys.Shape.Dims[..^1], keys.Layout.Strides[..^1]);
        return (Steps.Of(walk, 0, Start(keys)), Extents.Of(walk));
    }

    private static long Start(DenseTensor x) => x.Layout.Offset - x.Layout.Reach.First;
}
