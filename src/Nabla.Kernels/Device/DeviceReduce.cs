using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Launches reductions: decides who folds what, and folds partial results until one is left for each output.</summary>
internal static class DeviceReduce
{
    // Places along a line, and what is added to them, stay below 2³¹.
    private const int MostOfLine = 1 << 30;

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

        static void Launch<T>(in Problem p, DenseTensor y) where T : unmanaged, INumber<T>, IMinMaxValue<T>
        {
            var device = (Accelerator)y.Device;
            (FoldCut cut, DeviceView view) = (p.Axes.Cut, DeviceView.Of(y));
            if (p.Axes.IsLine && !device.IsProcessor && cut.Count <= MostOfLine)
            {
                LineCut line = LineCut.Of(cut.Outputs, cut.Count);
                LineKernels.LaunchArg<TOp, T>(device, LaunchSize.Linear(y.Count, ReduceKernels.Size / line.Lanes).GridX, 1, 1, p.X, p.Axes.Kept, p.Axes.KeptExtents, cut.Count, line.Lanes, p.Fours, view);
            }
            else if (cut.Outputs >= ReduceKernels.Size || cut.Count <= 2 * ReduceKernels.Run)
                ReduceKernels.LaunchArg<TOp, T>(device, LaunchSize.Linear(y.Count, ReduceKernels.Size).GridX, 1, 1, p.X, p.Axes.Kept, p.Axes.KeptExtents, p.Axes.Folded.S0, cut.Count, view);
            else ReduceKernels.LaunchArgGroups<TOp, T>(device, cut.Outputs, 1, 1, p.X, p.Axes.Kept, p.Axes.KeptExtents, p.Axes.Folded.S0, cut.Count, view);
        }
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
        if (p.Axes.IsLine)
        {
            FoldLines<TOp, T>(p, y);
            return;
        }
        var device = (Accelerator)y.Device;
        FoldCut cut = p.Axes.Cut;
        DenseTensor target = cut.Chunks == 1 ? y : DenseTensor.Allocate(cut.Table(y.DType), device);
        DeviceView view = DeviceView.Of(target);
        if (cut.ByLines)
        {
            ReduceKernels.LaunchFoldLines<TOp, T>(device, cut.Groups, 1, 1,
                p.X, p.Axes.Kept, p.Axes.KeptExtents, p.Axes.Folded, p.Axes.FoldedExtents, cut.Outputs, cut.Count, cut.Chunk, view);
        }
        else
        {
            ReduceKernels.LaunchFoldGroups<TOp, T>(device, cut.Groups, 1, 1,
                p.X, p.Axes.Kept, p.Axes.KeptExtents, p.Axes.Folded, p.Axes.FoldedExtents, cut.Outputs, cut.Count, cut.Width, cut.Chunk, cut.Chunks, view);
        }
        if (cut.Chunks > 1) Fold<TOp, T>(new Problem(target, [cut.TableAxis]), y);
        GC.KeepAlive(target);
    }

    private static void FoldLines<TOp, T>(in Problem p, DenseTensor y) where TOp : struct, IReduceOp where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        LineCut cut = LineCut.Of(p.Axes.Cut.Outputs, p.Axes.Cut.Count);
        DenseTensor target = cut.Chunks == 1 ? y : DenseTensor.Allocate(cut.Table(y.DType), y.Device);
        LineKernels.LaunchFold<TOp, T>((Accelerator)y.Device, cut.Groups, 1, 1,
            p.X, p.Axes.Kept, p.Axes.KeptExtents, cut.Count, cut.Chunk, cut.Chunks, cut.Lanes, p.Fours, DeviceView.Of(target));
        if (cut.Chunks > 1) Fold<TOp, T>(new Problem(target, [1]), y);
        GC.KeepAlive(target);
    }

    /// <summary>A tensor, and the axes to fold.</summary>
    private readonly ref struct Problem(DenseTensor x, ReadOnlySpan<int> axes)
    {
        public DeviceView X { get; } = DeviceView.Of(x);

        public FoldAxes Axes { get; } = new(x.Layout, axes);

        /// <summary>1 if lines start at multiples of 16 bytes.</summary>
        public int Fours => X.Address % 16 == 0 && Axes.Kept.IsMultipleOf(4) ? 1 : 0;
    }
}

/// <summary>The axes of a layout, sorted into those that stay and those that are folded.</summary>
internal readonly struct FoldAxes
{
    /// <summary>Sorts; <paramref name="axes"/> are folded.</summary>
    public FoldAxes(Layout layout, ReadOnlySpan<int> axes)
    {
        StridedWalk kept = default, folded = default;
        for (int axis = 0; axis < layout.Shape.Rank; axis++)
        {
            if (axes.Contains(axis)) folded.Append(layout.Shape.Dims[axis], layout.Strides[axis]);
            else kept.Append(layout.Shape.Dims[axis], layout.Strides[axis]);
        }
        IsLine = folded.Rank == 1 && folded.Stride(0, 0) == 1;
        Cut = FoldCut.Of(checked((int)kept.Count), checked((int)folded.Count), isDense: kept.Stride(0, 0) == 1);
        (Kept, KeptExtents) = (Steps.Of(kept, 0, layout.Offset - layout.Reach.First), Extents.Of(kept));
        (Folded, FoldedExtents) = (Steps.Of(folded, 0, 0), Extents.Of(folded));
    }

    /// <summary>Who folds what.</summary>
    public FoldCut Cut { get; }

    /// <summary>What an output folds are neighbours: a line.</summary>
    public bool IsLine { get; }

    /// <summary>Where each output starts.</summary>
    public Steps Kept { get; }

    /// <summary>Sizes of the axes that stay.</summary>
    public Extents KeptExtents { get; }

    /// <summary>Where the positions of an output lie from there.</summary>
    public Steps Folded { get; }

    /// <summary>Sizes of the axes that are folded.</summary>
    public Extents FoldedExtents { get; }
}

/// <summary>How a fold is cut into the work of work-items or groups: by sizes alone, so that the order in which elements are folded is fixed.</summary>
/// <param name="Outputs">Results.</param>
/// <param name="Count">Positions that are folded for each.</param>
/// <param name="Width">Outputs that a group folds, a power of two, with an equal share of its work-items for each; 0: each work-item folds a chunk of an output.</param>
/// <param name="Chunk">Positions of a chunk.</param>
/// <param name="Chunks">Chunks of an output; if there are several, their results are a table that is folded in turn.</param>
internal readonly record struct FoldCut(int Outputs, int Count, int Width, int Chunk, int Chunks)
{
    // Two levels of runs of 16.
    private const int LineChunk = ReduceKernels.Run * ReduceKernels.Run;

    // Runs that a work-item folds rather than leave them to another launch; groups that are enough for large GPUs.
    private const int FewRuns = 4, EnoughGroups = 256;

    /// <summary>The cut of a fold; <paramref name="isDense"/>: neighbouring outputs read neighbouring elements.</summary>
    public static FoldCut Of(int outputs, int count, bool isDense)
    {
        bool byLines = count <= LineChunk ? outputs >= ReduceKernels.Size || count <= 2 * ReduceKernels.Run : isDense && outputs >= ReduceKernels.Size;
        int width = byLines ? 0 : isDense ? (int)BitOperations.RoundUpToPowerOf2((uint)Math.Min(outputs, ReduceKernels.Size)) : 1;
        int chunk = byLines ? LineChunk : ReduceKernels.Run * Runs(count, ReduceKernels.Size / width);
        return new FoldCut(outputs, count, width, chunk, (int)(((long)count + chunk - 1) / chunk));
    }

    // What the slices of a group fold: so many runs each that there are enough groups, or that one does it all.
    private static int Runs(int count, int slices)
    {
        int of = ReduceKernels.Run * slices, all = (int)(((long)count + of - 1) / of);
        return slices * (slices == ReduceKernels.Size ? 1 : all <= FewRuns ? all : Math.Clamp(all / EnoughGroups, 1, ReduceKernels.Run));
    }

    /// <summary>A work-item folds a chunk; else a group does.</summary>
    public bool ByLines => Width == 0;

    /// <summary>Groups to launch.</summary>
    public int Groups => ByLines ? LaunchSize.Linear((long)Outputs * Chunks, ReduceKernels.Size).GridX : checked((Outputs + Width - 1) / Width * Chunks);

    /// <summary>The axis of the table along which chunks follow each other.</summary>
    public int TableAxis => ByLines ? 0 : 1;

    /// <summary>Shape and type of the table.</summary>
    public Aval Table(DType dtype) => new(dtype, ByLines ? [Chunks, Outputs] : [Outputs, Chunks]);
}
