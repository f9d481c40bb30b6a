namespace Nabla.Kernels;

/// <summary>
/// Element-wise operations on lines of neighbouring elements, folds of them over the lines, and operations on what the folds give, for the elements too, as one kernel of a device, such as a softmax.
/// A group, or a part of one, has a line. Between the folds elements stay in registers; lines too long for that are read again, from the cache or from memory. Results have the bits of the
/// operations run one after another: lines are folded as <see cref="LineCut"/> says. Only sums of e^(x − largest) over such long lines are rounded otherwise: they are formed with the largest
/// (<see cref="LinePlan.Scaled"/>; source: Milakov and Gimelshein 2018, arXiv:1805.02867).
/// </summary>
public sealed class DeviceLines : ILoop
{
    /// <summary>Bytes of parameters beside those of tensors.</summary>
    public const int OwnBytes = 5 * sizeof(int);

    private readonly Accelerator _device;
    private readonly LineTensor[] _tensors;
    private readonly DenseTensor?[] _tables;
    private readonly LineCut _cut;
    private readonly KernelArguments _arguments = new();
    private readonly KernelProgram _program;

    /// <summary>Prepares a kernel.</summary>
    /// <param name="device">Where it runs; <see cref="Accelerator.ComposesKernels"/> holds.</param>
    /// <param name="shape">Shape of the elements; none of its axes is 0.</param>
    /// <param name="kept">The number of first axes that count lines; the others, of two positions or more, are a line.</param>
    /// <param name="element">f32 or f64: the type of all values that are not truth values.</param>
    /// <param name="tensors">What is read, in any layout, and written (<see cref="FusedUse.Store"/>): with an element for each of the shape, or for each line.</param>
    /// <param name="steps">What is done, in an order in which operands come before their uses; their values follow those that are read.</param>
    public DeviceLines(Accelerator device, Shape shape, int kept, DType element, FusedTensor[] tensors, LineStep[] steps)
    {
        int lines = 1;
        foreach (int size in shape.Dims[..kept]) lines *= size;
        (_device, _cut) = (device, LineCut.Of(lines, checked((int)(shape.Count / lines))));
        _tensors = Array.ConvertAll(tensors, t => LineTensor.Of(t, shape, kept));
        _tables = new DenseTensor?[tensors.Length];
        FusedUse[] folds = [.. tensors.Select(t => t.Use == FusedUse.Store && FoldOf(t) is { } fold ? fold : FusedUse.Store)];
        if (_cut.Chunks > 1)
            for (int i = 0; i < tensors.Length; i++)
                if (folds[i] != FusedUse.Store) _tables[i] = DenseTensor.Allocate(_cut.Table(element), device);
        Folds = folds;
        _program = DeviceLinesText.Program(element, _tensors, steps, _cut, device.IsProcessor);

        FusedUse? FoldOf(FusedTensor t)
        {
            int reads = tensors.Count(u => u.Use == FusedUse.Load);
            return t.Value < reads ? null : steps[t.Value - reads].Fold;
        }
    }

    // For each tensor, the fold whose results it takes; Store for others.
    private FusedUse[] Folds { get; }

    /// <summary>
    /// True if lines of a shape can be more than folded: if a group goes through a whole line. Few long lines are cut, for several groups, and folded by launches of their own.
    /// </summary>
    /// <param name="shape">The shape.</param>
    /// <param name="kept">The number of its first axes that count lines.</param>
    public static bool AreWhole(Shape shape, int kept)
    {
        long lines = 1;
        foreach (int size in shape.Dims[..kept]) lines *= size;
        return shape.Count <= DeviceView.MostElements && LineCut.Of((int)lines, (int)(shape.Count / lines)).Chunks == 1;
    }

    /// <summary>The text that runs.</summary>
    internal KernelProgram Program => _program;

    /// <inheritdoc/>
    public void Run()
    {
        lock (_arguments)
        {
            _arguments.Clear();
            bool fours = _cut.Count % 4 == 0;
            for (int i = 0; i < _tensors.Length; i++)
            {
                DeviceView view = DeviceView.Of(_tables[i] ?? _tensors[i].Tensor.Tensor);
                fours &= !_tensors[i].IsDenseNumber || view.Address % 16 == 0;
                _arguments.View(view.Address, view.Length);
                if (_tensors[i].Reading == LoopReading.Strided) _arguments.Value(_tensors[i].Steps).Value(_tensors[i].Extents);
            }
            _arguments.Value(_cut.Outputs).Value(_cut.Count).Value(_cut.Chunk).Value(_cut.Chunks).Value(fours ? 1 : 0);
            _device.Launch(_program, new LaunchSize(_cut.Groups, 1, 1, ReduceKernels.Size), _arguments);
            for (int i = 0; i < _tensors.Length; i++)
                if (_tables[i] is { } table) DeviceLoop.FoldTable(Folds[i], table, 1, _tensors[i].Tensor.Tensor);
        }
    }
}

/// <summary>A tensor of a loop over lines.</summary>
/// <param name="Tensor">It, and what is done with it.</param>
/// <param name="IsOfLine">It has one element for each line, or is the same along each.</param>
/// <param name="Reading">Where its elements are, by the number of the element, or of the line.</param>
/// <param name="Steps">Where they lie if that is along steps.</param>
/// <param name="Extents">Along how many.</param>
internal readonly record struct LineTensor(FusedTensor Tensor, bool IsOfLine, LoopReading Reading, Steps Steps, Extents Extents)
{
    /// <summary>True if elements come in fours where lines and addresses allow it.</summary>
    public bool IsDenseNumber => !IsOfLine && Reading == LoopReading.Dense && Tensor.Tensor.DType != DType.Bool;

    /// <summary>How a tensor is read; <paramref name="kept"/>: the number of first axes that count lines.</summary>
    public static LineTensor Of(FusedTensor tensor, Shape shape, int kept)
    {
        DenseTensor x = tensor.Tensor;
        bool ofLine = x.Count != shape.Count;
        LoopReading reading = DeviceLoop.ReadingOf(x);
        if (tensor.Use == FusedUse.Load && !ofLine && reading != LoopReading.Dense)
        {
            ofLine = reading == LoopReading.Single || !Enumerable.Range(kept, shape.Rank - kept).Any(axis => shape.Dims[axis] > 1 && x.Layout.Strides[axis] != 0);
            if (ofLine && reading == LoopReading.Strided)
            {
                x = x.View(new Layout(Shape.Create(shape.Dims[..kept]), x.Layout.Strides[..kept], x.Layout.Offset));
                reading = DeviceLoop.ReadingOf(x);
            }
        }
        (Steps steps, Extents extents) = reading == LoopReading.Strided ? DeviceLoop.WalkOf(x) : default;
        return new LineTensor(tensor with { Tensor = x }, ofLine, reading, steps, extents);
    }
}
