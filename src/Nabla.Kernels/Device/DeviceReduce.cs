using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Launches reductions: decides who folds what, and folds partial results until one is left for each output.</summary>
internal static class DeviceReduce
{
    // Two levels of runs of 16; a group's items fold 16 positions each before the tree.
    private const int LineChunk = ReduceKernels.Run * ReduceKernels.Run, GroupChunk = ReduceKernels.Run * ReduceKernels.Size;

    public static void Run<TOp>(DenseTensor x, ReadOnlySpan<int> axes, DenseTensor y) where TOp : struct, IReduceOp
    {
        if (y.Count == 0) return;
        switch (x.DType)
        {
            case DType.F32: Run<TOp, float>(x, axes, y); break;
            case DType.F64: Run<TOp, double>(x, axes, y); break;
            case DType.I32: Run<TOp, int>(x, axes, y); break;
            case DType.I64: Run<TOp, long>(x, axes, y); break;
            // On the bytes 0 and 1, any is the largest and all is the smallest.
            default:
                if (typeof(TOp) == typeof(AnyOp)) Run<MaxOp, byte>(x, axes, y);
                else Run<MinOp, byte>(x, axes, y);
                break;
        }
    }

    /// <summary>y = the first place of the largest or smallest element along an axis.</summary>
    public static void Arg<TOp>(DenseTensor x, int axis, DenseTensor y) where TOp : struct, IReduceOp
    {
        var problem = new Problem(x, [axis]);
        switch (x.DType)
        {
            case DType.F32: Launch<float>(problem, y); break;
            case DType.F64: Launch<double>(problem, y); break;
            case DType.I32: Launch<int>(problem, y); break;
            default: Launch<long>(problem, y); break;
        }

        static void Launch<T>(in Problem p, DenseTensor y) where T : unmanaged, INumber<T>, IMinMaxValue<T> => ReduceKernels.LaunchArg<TOp, T>(
            (Accelerator)y.Device, LaunchSize.Linear(y.Count, ReduceKernels.Size).GridX, 1, 1, p.X, p.Kept, p.KeptExtents, p.Folded.S0, (int)p.Count, DeviceView.Of(y));
    }

    private static void Run<TOp, T>(DenseTensor x, ReadOnlySpan<int> axes, DenseTensor y) where TOp : struct, IReduceOp where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        if (x.Count == 0)
        {
            double identity = y.DType == DType.Bool ? typeof(TOp) == typeof(MaxOp) ? 0 : 1 : double.CreateTruncating(TOp.Identity<T>());
            if (y.DType == DType.I64 && identity > 0 && identity != 1) throw KernelErrors.NotOnDevice(TOp.Name, y.Device);
            DeviceMove.Fill(DenseTensor.Splat(new Aval(y.DType, Shape.Scalar), identity, y.Device), y);
            return;
        }
        Fold<TOp, T>(new Problem(x, axes), y);
    }

    // One pass, into y if there is one chunk, else into a table that the next pass folds.
    private static void Fold<TOp, T>(in Problem p, DenseTensor y) where TOp : struct, IReduceOp where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        var device = (Accelerator)y.Device;
        int outputs = checked((int)y.Count), count = checked((int)p.Count);
        bool byLines = count <= LineChunk ? outputs >= ReduceKernels.Size || count <= 2 * ReduceKernels.Run : p.IsDense && outputs >= ReduceKernels.Size;
        int chunk = byLines ? LineChunk : GroupChunk, chunks = (count + chunk - 1) / chunk;
        DenseTensor target = chunks == 1 ? y : DenseTensor.Allocate(new Aval(y.DType, byLines ? [chunks, outputs] : [outputs, chunks]), device);
        DeviceView view = DeviceView.Of(target);
        if (byLines)
        {
            ReduceKernels.LaunchFoldLines<TOp, T>(device, LaunchSize.Linear((long)outputs * chunks, ReduceKernels.Size).GridX, 1, 1,
                p.X, p.Kept, p.KeptExtents, p.Folded, p.FoldedExtents, outputs, count, chunk, view);
        }
        else
        {
            ReduceKernels.LaunchFoldGroups<TOp, T>(device, checked(outputs * chunks), 1, 1,
                p.X, p.Kept, p.KeptExtents, p.Folded, p.FoldedExtents, count, chunk, chunks, view);
        }
        if (chunks > 1) Fold<TOp, T>(new Problem(target, [byLines ? 0 : 1]), y);
        GC.KeepAlive(target);
    }

    /// <summary>A tensor with its axes sorted into those that stay and those that are folded.</summary>
    private readonly ref struct Problem
    {
        public Problem(DenseTensor x, ReadOnlySpan<int> axes)
        {
            StridedWalk kept = default, folded = default;
            for (int axis = 0; axis < x.Rank; axis++)
            {
                if (axes.Contains(axis)) folded.Append(x.Shape.Dims[axis], x.Layout.Strides[axis]);
                else kept.Append(x.Shape.Dims[axis], x.Layout.Strides[axis]);
            }
            X = DeviceView.Of(x);
            Count = folded.Count;
            IsDense = kept.Stride(0, 0) == 1;
            (Kept, KeptExtents) = (Steps.Of(kept, 0, x.Layout.Offset - x.Layout.Reach.First), Extents.Of(kept));
            (Folded, FoldedExtents) = (Steps.Of(folded, 0, 0), Extents.Of(folded));
        }

        public DeviceView X { get; }

        /// <summary>Folded positions.</summary>
        public long Count { get; }

        /// <summary>Neighbouring outputs read neighbouring elements.</summary>
        public bool IsDense { get; }

        public Steps Kept { get; }

        public Extents KeptExtents { get; }

        public Steps Folded { get; }

        public Extents FoldedExtents { get; }
    }
}
