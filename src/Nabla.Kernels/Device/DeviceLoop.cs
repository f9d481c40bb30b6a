namespace Nabla.Kernels;

/// <summary>
/// Element-wise operations on one shape, and folds that end them, as one kernel of a device, composed at run time from the translated bodies of the operations: each element of every
/// operand is read once, intermediate values stay in registers. Results have the bits of the operations run one after another, folds included: they are cut as
/// <see cref="FoldCut"/> says. What is cut into several chunks takes another launch or two, for the table of their results.
/// </summary>
public sealed class DeviceLoop : ILoop
{
    /// <summary>Most bytes of parameters: what every driver takes.</summary>
    public const int MostParameterBytes = 1024;

    /// <summary>Bytes of parameters for a tensor that lies densely or has one element, for one in any other layout, and for folds.</summary>
    public const int TensorBytes = 24, StridedBytes = 80, FoldBytes = 140;

    private const int GroupSize = 256;

    private readonly Accelerator _device;
    private readonly FusedTensor[] _tensors;
    private readonly LoopReading[] _readings;
    private readonly (Steps Steps, Extents Extents)[] _walks;
    private readonly DenseTensor?[] _tables;
    private readonly FoldAxes? _axes;
    private readonly KernelArguments _arguments = new();
    private readonly KernelProgram _program;
    private readonly LaunchSize _size;
    private readonly int _count;
    private readonly bool _inFours;

    /// <summary>Prepares a kernel.</summary>
    /// <param name="device">Where it runs; <see cref="Accelerator.ComposesKernels"/> holds.</param>
    /// <param name="shape">Shape of all tensors but folds.</param>
    /// <param name="element">f32 or f64: the type of all values that are not truth values.</param>
    /// <param name="tensors">What is read, in any layout, and written.</param>
    /// <param name="operations">In an order in which operands come before their uses.</param>
    /// <param name="folded">The axes that are folded; empty if there are no folds.</param>
    public DeviceLoop(Accelerator device, Shape shape, DType element, FusedTensor[] tensors, LoopOperation[] operations, Range folded)
    {
        (_device, _tensors, _count) = (device, tensors, checked((int)shape.Count));
        _readings = Array.ConvertAll(tensors, t => ReadingOf(t.Tensor));
        _walks = [.. tensors.Select((t, i) => _readings[i] == LoopReading.Strided ? WalkOf(t.Tensor) : default)];
        (int first, int axes) = folded.GetOffsetAndLength(shape.Rank);
        _axes = axes == 0 ? null : new FoldAxes(Layout.RowMajor(shape), [.. Enumerable.Range(first, axes)]);
        // Where every multiprocessor has a group of fours; those of a processor are its vectors already.
        _inFours = _axes is null && !device.IsProcessor && _count / (4 * GroupSize) >= device.Multiprocessors;
        _size = _axes is { Cut: var cut } ? new LaunchSize(cut.Groups, 1, 1, GroupSize) : LaunchSize.Linear(_inFours ? (_count + 3L) / 4 : _count, GroupSize);
        _tables = Array.ConvertAll(tensors, t => IsFold(t.Use) && _axes is { Cut: { Chunks: > 1 } several } ? DenseTensor.Allocate(several.Table(element), device) : null);
        _program = DeviceLoopText.Program(element, tensors, _readings, operations, _axes?.Cut.ByLines, _inFours);
    }

    /// <summary>True if an operation has a function on devices and can be part of a loop.</summary>
    public static bool Supports(LaneForm form, DType element) => DeviceLoopText.Supports(form, element);

    /// <summary>The axes that a loop over this shape folds for the given ones, with axes of size 1 beside them; null if it cannot: it folds neighbouring axes.</summary>
    public static Range? FoldedFor(Shape shape, DType element, ReadOnlySpan<int> axes) => FusedLoop.Neighbours(shape, element, axes);

    /// <summary>The text that runs.</summary>
    internal KernelProgram Program => _program;

    internal static bool IsFold(FusedUse use) => use is FusedUse.Sum or FusedUse.Max or FusedUse.Min;

    /// <inheritdoc/>
    public void Run()
    {
        if (_count == 0) return;
        lock (_arguments)
        {
            _arguments.Clear();
            bool fours = true;
            for (int i = 0; i < _tensors.Length; i++)
            {
                DeviceView view = DeviceView.Of(_tables[i] ?? _tensors[i].Tensor);
                fours &= !DeviceLoopText.IsFour(_tensors[i], _readings[i]) || view.Address % 16 == 0;
                _arguments.View(view.Address, view.Length);
                if (_readings[i] == LoopReading.Strided) _arguments.Value(_walks[i].Steps).Value(_walks[i].Extents);
            }
            if (_axes is { } axes)
            {
                _arguments.Value(axes.Kept).Value(axes.KeptExtents).Value(axes.Folded).Value(axes.FoldedExtents);
                _arguments.Value(axes.Cut.Outputs).Value(axes.Cut.Width).Value(axes.Cut.Chunk).Value(axes.Cut.Chunks).Value(axes.Cut.Count);
            }
            else _arguments.Value(_count);
            if (_inFours) _arguments.Value(fours ? 1 : 0);
            _device.Launch(_program, _size, _arguments);
            for (int i = 0; i < _tensors.Length; i++)
                if (_tables[i] is { } table) FoldTable(_tensors[i].Use, table, _axes!.Value.Cut.TableAxis, _tensors[i].Tensor);
        }
    }

    internal static void FoldTable(FusedUse use, DenseTensor table, int axis, DenseTensor y)
    {
        if (use == FusedUse.Sum) DeviceReduce.Run<SumOp>(table, [axis], y);
        else if (use == FusedUse.Max) DeviceReduce.Run<MaxOp>(table, [axis], y);
        else DeviceReduce.Run<MinOp>(table, [axis], y);
    }

    internal static LoopReading ReadingOf(DenseTensor tensor)
    {
        if (tensor.IsContiguous) return LoopReading.Dense;
        (long first, long last) = tensor.Layout.Reach;
        return first == last ? LoopReading.Single : LoopReading.Strided;
    }

    internal static (Steps, Extents) WalkOf(DenseTensor tensor)
    {
        var walk = new StridedWalk(tensor.Shape.Dims, tensor.Layout.Strides);
        return (Steps.Of(walk, 0, tensor.Layout.Offset - tensor.Layout.Reach.First), Extents.Of(walk));
    }
}

/// <summary>Where a loop finds an element of a tensor.</summary>
internal enum LoopReading
{
    /// <summary>At its own number.</summary>
    Dense,

    /// <summary>All are one.</summary>
    Single,

    /// <summary>Along steps.</summary>
    Strided,
}
