using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Launches sorts and searches.</summary>
internal static class DeviceSort
{
    // Lines that are sorted by counting.
    private const int Short = 64;

    public static void Along(DenseTensor x, int axis, bool descending, DenseTensor values, DenseTensor indices)
    {
        if (axis == x.Rank - 1)
        {
            Last(x, descending, values, indices);
            return;
        }
        // Moved to the end and back.
        var order = new int[x.Rank];
        var back = new int[x.Rank];
        for (int i = 0; i < order.Length; i++) order[i] = i < axis ? i : i < order.Length - 1 ? i + 1 : axis;
        for (int i = 0; i < order.Length; i++) back[order[i]] = i;
        DenseTensor lines = x.View(x.Layout.Transpose(order));
        DenseTensor sorted = DenseTensor.Allocate(lines.Aval, x.Device), places = DenseTensor.Allocate(new Aval(DType.I32, lines.Shape), x.Device);
        Last(lines, descending, sorted, places);
        Move.Copy(sorted.View(sorted.Layout.Transpose(back)), values);
        Move.Copy(places.View(places.Layout.Transpose(back)), indices);
    }

    /// <summary>The same along the last axis.</summary>
    public static void Last(DenseTensor x, bool descending, DenseTensor values, DenseTensor indices)
    {
        switch (x.DType)
        {
            case DType.F32: Last<float>(x, descending, values, indices); break;
            case DType.F64: Last<double>(x, descending, values, indices); break;
            case DType.I32: Last<int>(x, descending, values, indices); break;
            default: Last<long>(x, descending, values, indices); break;
        }
    }

    /// <summary>Both operands are dense.</summary>
    public static void Search(DenseTensor sequence, DenseTensor values, int batch, bool right, DenseTensor y)
    {
        switch (values.DType)
        {
            case DType.F32: Launch<float>(sequence, values, batch, right, y); break;
            case DType.F64: Launch<double>(sequence, values, batch, right, y); break;
            case DType.I32: Launch<int>(sequence, values, batch, right, y); break;
            default: Launch<long>(sequence, values, batch, right, y); break;
        }

        static void Launch<T>(DenseTensor sequence, DenseTensor values, int batch, bool right, DenseTensor y) where T : unmanaged, INumber<T>
        {
            int each = 1;
            foreach (int dim in values.Shape.Dims[batch..]) each *= dim;
            // Nothing to search: a view of what is there instead, which is not read.
            DeviceView from = DeviceView.Of(sequence.Count == 0 ? values : sequence);
            SortKernels.LaunchSearch<T>((Accelerator)y.Device, LaunchSize.Linear(y.Count, SortKernels.Size).GridX, 1, 1,
                from, DeviceView.Of(values), sequence.Shape.Dims[batch], each, right ? 1 : 0, DeviceView.Of(y));
        }
    }

    private static void Last<T>(DenseTensor x, bool descending, DenseTensor values, DenseTensor indices) where T : unmanaged, INumber<T>
    {
        var walk = new StridedWalk(x.Shape.Dims[..^1], x.Layout.Strides[..^1]);
        Steps lines = Steps.Of(walk, 0, x.Layout.Offset - x.Layout.Reach.First);
        var extents = Extents.Of(walk);
        var device = (Accelerator)values.Device;
        int n = x.Shape.Dims[^1], step = checked((int)x.Layout.Strides[^1]), down = descending ? 1 : 0;
        int groups = LaunchSize.Linear(values.Count, SortKernels.Size).GridX, blocks = (n + SortKernels.Block - 1) / SortKernels.Block;
        if (n <= Short)
        {
            SortKernels.LaunchCount<T>(device, groups, 1, 1, DeviceView.Of(x), lines, extents, step, n, down, DeviceView.Of(values), DeviceView.Of(indices));
            return;
        }
        // Passes alternate between two pairs of tensors so that the last one writes the results.
        int passes = 32 - BitOperations.LeadingZeroCount((uint)(blocks - 1));
        DenseTensor spareValues = passes == 0 ? values : DenseTensor.Allocate(values.Aval, device), sparePlaces = passes == 0 ? indices : DenseTensor.Allocate(indices.Aval, device);
        (DenseTensor, DenseTensor) to = passes % 2 == 0 ? (values, indices) : (spareValues, sparePlaces), from = passes % 2 == 0 ? (spareValues, sparePlaces) : (values, indices);
        SortKernels.LaunchBlocks<T>(device, checked((int)(values.Count / n * blocks)), 1, 1,
            DeviceView.Of(x), lines, extents, step, n, blocks, down, DeviceView.Of(to.Item1), DeviceView.Of(to.Item2));
        for (int pass = 0, width = SortKernels.Block; pass < passes; pass++, width *= 2)
        {
            (to, from) = (from, to);
            SortKernels.LaunchMerge<T>(device, groups, 1, 1,
                DeviceView.Of(from.Item1), DeviceView.Of(from.Item2), n, width, down, DeviceView.Of(to.Item1), DeviceView.Of(to.Item2));
        }
        GC.KeepAlive(spareValues);
        GC.KeepAlive(sparePlaces);
    }
}
