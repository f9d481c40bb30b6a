using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Launches gather and scatter-add. The host looks at the indices first, so that one out of range is the error that it is on the CPU.</summary>
internal static class DeviceIndexing
{
    // Positions of a batch entry from which on indices are sorted instead of compared with each other.
    private const int Many = 128;

    public static void Gather(DenseTensor x, DenseTensor indices, int batchRank, DenseTensor y)
    {
        if (y.Count == 0) return;
        if (indices.DType == DType.I64) Gather<long>(x, indices, batchRank, y);
        else Gather<int>(x, indices, batchRank, y);
    }

    public static void ScatterAdd(DenseTensor indices, DenseTensor updates, int batchRank, DenseTensor y)
    {
        if (updates.Count == 0) return;
        if (indices.DType == DType.I64) ScatterAdd<long>(indices, updates, batchRank, y);
        else ScatterAdd<int>(indices, updates, batchRank, y);
    }

    private static void Gather<TIndex>(DenseTensor x, DenseTensor indices, int batchRank, DenseTensor y) where TIndex : unmanaged, INumber<TIndex>
    {
        switch (x.DType.Size)
        {
            case 4: Launch<int>(x, indices, batchRank, y); break;
            case 8: Launch<long>(x, indices, batchRank, y); break;
            default: Launch<byte>(x, indices, batchRank, y); break;
        }

        static void Launch<T>(DenseTensor x, DenseTensor indices, int batchRank, DenseTensor y) where T : unmanaged, INumber<T>
        {
            var p = new Positions(x, indices, batchRank);
            StridedWalk row = RowOf(x, batchRank + 1);
            IndexKernels.LaunchGather<T, TIndex>((Accelerator)y.Device, LaunchSize.Linear(y.Count, IndexKernels.Size).GridX, 1, 1,
                DeviceView.Of(x), p.Other, DeviceView.Of(indices), p.Index, p.Extents, Steps.Of(row, 0, 0), Extents.Of(row), ShapeOf(x, indices, batchRank), DeviceView.Of(y));
        }
    }

    private static void ScatterAdd<TIndex>(DenseTensor indices, DenseTensor updates, int batchRank, DenseTensor y) where TIndex : unmanaged, INumber<TIndex>
    {
        switch (y.DType)
        {
            case DType.F32: Launch<float>(indices, updates, batchRank, y); break;
            case DType.F64: Launch<double>(indices, updates, batchRank, y); break;
            case DType.I32: Launch<int>(indices, updates, batchRank, y); break;
            case DType.I64: Launch<long>(indices, updates, batchRank, y); break;
            default: throw KernelErrors.NoKernel("scatter_add", y.Aval);
        }

        static void Launch<T>(DenseTensor indices, DenseTensor updates, int batchRank, DenseTensor y) where T : unmanaged, INumber<T>
        {
            var p = new Positions(updates, indices, indices.Rank);
            StridedWalk row = RowOf(updates, indices.Rank);
            RowShape shape = ShapeOf(y, indices, batchRank);
            int count = checked((int)updates.Count);
            if (shape.PerBatch >= Many)
            {
                (DenseTensor sorted, DenseTensor places) = Sorted<TIndex>(indices, p, shape);
                IndexKernels.LaunchScatterSorted<T>((Accelerator)y.Device, LaunchSize.Linear(count, IndexKernels.Size).GridX, 1, 1, DeviceView.Of(sorted), DeviceView.Of(places),
                    DeviceView.Of(updates), p.Other, p.Extents, Steps.Of(row, 0, 0), Extents.Of(row), shape, count, DeviceView.Of(y));
                GC.KeepAlive((sorted, places));
                return;
            }
            IndexKernels.LaunchScatterAdd<T, TIndex>((Accelerator)y.Device, LaunchSize.Linear(count, IndexKernels.Size).GridX, 1, 1,
                DeviceView.Of(indices), p.Index, p.Extents, DeviceView.Of(updates), p.Other, Steps.Of(row, 0, 0), Extents.Of(row), shape, count, DeviceView.Of(y));
        }
    }

    private static (DenseTensor Indices, DenseTensor Places) Sorted<TIndex>(DenseTensor indices, in Positions p, in RowShape shape) where TIndex : unmanaged, INumber<TIndex>
    {
        var device = (Accelerator)indices.Device;
        var lines = new Aval(DType.I32, [checked((int)(indices.Count / shape.PerBatch)), shape.PerBatch]);
        DenseTensor counted = DenseTensor.Allocate(lines, device), sorted = DenseTensor.Allocate(lines, device), places = DenseTensor.Allocate(lines, device);
        IndexKernels.LaunchFromStart<TIndex>(device, LaunchSize.Linear(counted.Count, IndexKernels.Size).GridX, 1, 1, DeviceView.Of(indices), p.Index, p.Extents, shape.Size, DeviceView.Of(counted));
        DeviceSort.Last(counted, false, sorted, places);
        GC.KeepAlive(counted);
        return (sorted, places);
    }

    // The axes of a row: those behind the indexed one.
    private static StridedWalk RowOf(DenseTensor x, int first) => new(x.Shape.Dims[first..], x.Layout.Strides[first..]);

    private static RowShape ShapeOf(DenseTensor x, DenseTensor indices, int batchRank)
    {
        long rowCount = 1, perBatch = 1;
        foreach (int dim in x.Shape.Dims[(batchRank + 1)..]) rowCount *= dim;
        foreach (int dim in indices.Shape.Dims[batchRank..]) perBatch *= dim;
        return new RowShape { Size = x.Shape.Dims[batchRank], Stride = checked((int)x.Layout.Strides[batchRank]), RowCount = (int)rowCount, PerBatch = (int)perBatch };
    }

    /// <summary>The positions of the indices, walked together with another tensor along its first axes.</summary>
    private readonly ref struct Positions
    {
        public Positions(DenseTensor other, DenseTensor indices, int sharedAxes)
        {
            StridedWalk walk = default;
            for (int i = 0; i < indices.Rank; i++)
                walk.Append(indices.Shape.Dims[i], i < sharedAxes ? other.Layout.Strides[i] : 0, indices.Layout.Strides[i]);
            Extents = Extents.Of(walk);
            Other = Steps.Of(walk, 0, other.Layout.Offset - other.Layout.Reach.First);
            Index = Steps.Of(walk, 1, indices.Layout.Offset - indices.Layout.Reach.First);
        }

        public Extents Extents { get; }

        public Steps Other { get; }

        public Steps Index { get; }
    }
}
