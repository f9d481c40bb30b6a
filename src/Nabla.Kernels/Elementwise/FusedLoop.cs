using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

/// <summary>What a fused loop does with a tensor.</summary>
public enum FusedUse
{
    /// <summary>Reads it; its layout must be one that <see cref="FusedLoop.CanRead"/> allows.</summary>
    Load,

    /// <summary>Writes a value to it; it is contiguous, and may be an operand of the same layout.</summary>
    Store,

    /// <summary>Writes the sums of a value over the folded axes to it; it is contiguous, has the other axes, and is not an operand.</summary>
    Sum,

    /// <summary>The same with the largest value; in loops of accelerators.</summary>
    Max,

    /// <summary>The same with the smallest value; in loops of accelerators.</summary>
    Min,
}

/// <summary>A tensor of a fused loop; loads come first, their values are numbered 0 …, results of operations follow.</summary>
public readonly record struct FusedTensor(DenseTensor Tensor, FusedUse Use, int Value = -1);

/// <summary>
/// Element-wise operations on one shape, and sums that end them, as one pass over memory: intermediate values stay in registers. Bits are those of the
/// operations run one after another, sums included.
/// </summary>
/// <remarks>
/// Axes of the shape are merged where all tensors allow it. Tensors' addresses are read anew at every run, which allocates nothing. Parts for the threads have
/// a size that depends on the shape alone.
/// </remarks>
public abstract unsafe class FusedLoop : ILoop
{
    /// <summary>Light operations on elements that make a part.</summary>
    private protected const long PartWork = 1 << 17;

    /// <summary>Rows shorter than this run as blocks.</summary>
    private protected const int ShortRow = 256;

    private protected readonly FusedTensor[] Tensors;
    private protected readonly LoopText Text;
    private protected readonly int ElementSize;
    private protected readonly long[] Outer;
    private protected readonly nint[][] OuterStrides;
    private protected readonly long Columns;
    private protected readonly long WorkPerElement;

    // The last `inner` merged axes are for the loop itself, the ones before them are stepped through.
    private protected FusedLoop(DType element, FusedTensor[] tensors, LoopOperation[] operations, Merged merged, int inner)
    {
        (Tensors, ElementSize) = (tensors, element.Size);
        Outer = merged.Dims[..^inner];
        Columns = merged.Dims[^1];
        OuterStrides = [.. merged.Strides.Select(s => Array.ConvertAll(s[..^inner], v => (nint)v))];
        WorkPerElement = operations.Sum(o => o.Form.Work switch { WorkClass.Light => 1L, WorkClass.Medium => 8, _ => 64 });
        Text = new LoopText(element, [.. tensors.Select((t, i) => PlaceOf(t, merged.Strides[i], inner))], operations);
    }

    /// <summary>Most elements of a line that can be summed as part of a loop: it is kept in the first-level cache.</summary>
    public const int LongestLine = 4096;

    /// <summary>Fewest: shorter lines are added up in another order by <see cref="Reductions"/>.</summary>
    public const int ShortestLine = 16;

    internal const string Translates = "Loops are translated to machine code while the program runs.";

    /// <summary>True where loops can be translated on this machine.</summary>
    [FeatureGuard(typeof(RequiresDynamicCodeAttribute))]
    public static bool IsSupported => RuntimeFeature.IsDynamicCodeCompiled;

    /// <summary>Prepares a loop.</summary>
    /// <param name="shape">Shape of all tensors but sums; no axis is 0.</param>
    /// <param name="element">f32 or f64: the type of all values that are not truth values.</param>
    /// <param name="tensors">What is read and written.</param>
    /// <param name="operations">In an order in which operands come before their uses.</param>
    /// <param name="folded">The axes that are summed over: some first or some last axes, or neighbours in between; empty if there are no sums.</param>
    [RequiresDynamicCode(FusedLoop.Translates), RequiresUnreferencedCode(FusedLoop.Translates)]
    public static FusedLoop Create(Shape shape, DType element, FusedTensor[] tensors, LoopOperation[] operations, Range folded)
    {
        (int first, int count) = folded.GetOffsetAndLength(shape.Rank);
        if (count == 0) return new PlainLoop(element, tensors, operations, Merged.Of(shape, tensors, []));
        return first + count == shape.Rank
            ? new LineSumLoop(element, tensors, operations, Merged.Of(shape, tensors, [first]))
            : new RowSumLoop(element, tensors, operations, Merged.Of(shape, tensors, [first, first + count]));
    }

    /// <summary>Prepares a loop without sums that runs on the parts of a matrix product as they are finished.</summary>
    /// <param name="shape">The shape of the product.</param>
    /// <param name="element">f32 or f64: its type.</param>
    /// <param name="tensors">What is read (the product is one of them) and written.</param>
    /// <param name="operations">In an order in which operands come before their uses.</param>
    /// <param name="rowAxes">How many axes of the shape are rows of the product or count its entries; the others, more than one position, are its columns.</param>
    [RequiresDynamicCode(FusedLoop.Translates), RequiresUnreferencedCode(FusedLoop.Translates)]
    public static MatMulEpilogue CreateEpilogue(Shape shape, DType element, FusedTensor[] tensors, LoopOperation[] operations, int rowAxes) =>
        new EpilogueLoop(element, tensors, operations, Merged.Of(shape, tensors, [rowAxes])).Epilogue;

    /// <summary>
    /// The axes that a loop over this shape folds to sum over the given ones, with axes of size 1 beside them; null if it cannot with the bits of
    /// <see cref="Reductions"/>. It can sum over neighbouring axes with more than one position in all, if these are long enough lines, or rows of at least a vector.
    /// </summary>
    public static Range? FoldedFor(Shape shape, DType element, ReadOnlySpan<int> axes)
    {
        if (Neighbours(shape, element, axes) is not { } range) return null;
        (long folded, long columns) = (1, 1);
        foreach (int axis in axes) folded *= shape.Dims[axis];
        foreach (int size in shape.Dims[range.End..]) columns *= size;
        bool can = range.End.Value == shape.Rank ? folded is >= ShortestLine and <= LongestLine : columns >= RowSumLoop.FewestColumns;
        return can ? range : null;
    }

    // Neighbouring axes with more than one position in all, with axes of size 1 beside them; null for others.
    internal static Range? Neighbours(Shape shape, DType element, ReadOnlySpan<int> axes)
    {
        if (axes.Length == 0 || !element.IsFloat || shape.Count == 0) return null;
        (int start, int end) = (axes[0], axes[^1] + 1);
        for (int axis = start; axis < end; axis++)
            if (shape.Dims[axis] != 1 && !axes.Contains(axis)) return null;
        while (start > 0 && shape.Dims[start - 1] == 1) start--;
        while (end < shape.Rank && shape.Dims[end] == 1) end++;
        foreach (int axis in axes)
            if (shape.Dims[axis] > 1) return start..end;
        return null;
    }

    /// <summary>
    /// True if an operand of this layout can be read: in each of the parts into which the folded axes divide the shape it advances by one stride, in the last
    /// one by 1 or 0. Others are to be copied first.
    /// </summary>
    public static bool CanRead(Layout layout, Range folded)
    {
        (int first, int count) = folded.GetOffsetAndLength(layout.Shape.Rank);
        int[] cuts = count == 0 ? [] : first + count == layout.Shape.Rank ? [first] : [first, first + count];
        return Merged.Advances(layout, cuts);
    }

    /// <inheritdoc/>
    public abstract void Run();

    private protected void Addresses(nint* addresses)
    {
        for (int i = 0; i < Tensors.Length; i++)
            addresses[i] = Tensors[i].Tensor.Buffer.Address + (nint)(Tensors[i].Tensor.Layout.Offset * Tensors[i].Tensor.DType.Size);
    }

    // Points the addresses at position `outer` of the axes that are stepped through, from position 0.
    private protected void Seek(long outer, long* index, nint* addresses)
    {
        for (int axis = Outer.Length - 1; axis >= 0; axis--)
        {
            (outer, index[axis]) = Math.DivRem(outer, Outer[axis]);
            for (int t = 0; t < Tensors.Length; t++) addresses[t] += (nint)index[axis] * OuterStrides[t][axis];
        }
    }

    private protected void Advance(long* index, nint* addresses)
    {
        for (int axis = Outer.Length - 1; axis >= 0; axis--)
        {
            for (int t = 0; t < Tensors.Length; t++) addresses[t] += OuterStrides[t][axis];
            if (++index[axis] < Outer[axis]) return;
            index[axis] = 0;
            for (int t = 0; t < Tensors.Length; t++) addresses[t] -= (nint)Outer[axis] * OuterStrides[t][axis];
        }
    }

    private protected long OuterCount => Outer.Aggregate(1L, (a, b) => a * b);

    private static LoopPlace PlaceOf(FusedTensor t, long[] strides, int inner)
    {
        bool isBool = t.Tensor.DType == DType.Bool;
        return new LoopPlace(t.Use, t.Value, isBool, OneColumn: strides[^1] == 0 && t.Use == FusedUse.Load, OneRow: inner > 1 && strides[^2] == 0);
    }
}

/// <summary>A shape with neighbouring axes merged, outermost first, and each tensor's strides along them, in bytes; the last axis always exists.</summary>
internal sealed record Merged(long[] Dims, long[][] Strides)
{
    /// <summary>Merges the axes between the cuts as far as every tensor advances by one stride there. Where there are cuts, every part is one axis.</summary>
    public static Merged Of(Shape shape, FusedTensor[] tensors, int[] cuts)
    {
        var dims = new List<long>();
        List<long>[] strides = [.. tensors.Select(_ => new List<long>())];
        bool starts = true;
        for (int axis = 0; axis < shape.Rank; axis++)
        {
            starts |= cuts.Contains(axis);
            long size = shape.Dims[axis];
            if (size == 1) continue;
            bool nests = !starts && dims.Count > 0 && tensors.Index().All(t => strides[t.Index][^1] == size * Stride(t.Item, axis));
            if (nests) dims[^1] *= size;
            else dims.Add(size);
            for (int t = 0; t < tensors.Length; t++)
            {
                if (nests) strides[t][^1] = Stride(tensors[t], axis);
                else strides[t].Add(Stride(tensors[t], axis));
            }
            starts = false;
        }
        if (dims.Count > 0) return new Merged([.. dims], [.. strides.Select(s => s.ToArray())]);
        return new Merged([1], [.. strides.Select(_ => new long[1])]);
    }

    /// <summary>True if a layout advances by one stride in every part but the first, and in the last by 1 or 0.</summary>
    public static bool Advances(Layout layout, int[] cuts)
    {
        int[] ends = [.. cuts, layout.Shape.Rank];
        for (int part = 0; part < ends.Length; part++)
        {
            long inner = -1, size = 1;
            for (int axis = ends[part] - 1; axis >= (part == 0 ? 0 : ends[part - 1]); axis--)
            {
                int dim = layout.Shape.Dims[axis];
                if (dim == 1) continue;
                long stride = layout.Strides[axis];
                if (inner >= 0 && part > 0 && stride != inner * size) return false;
                if (inner < 0) inner = stride;
                if (part == ends.Length - 1 && size == 1 && stride is not (0 or 1)) return false;
                size *= dim;
            }
        }
        return true;
    }

    private static long Stride(FusedTensor t, int axis) => t.Use == FusedUse.Sum ? 0 : t.Tensor.Layout.Strides[axis] * t.Tensor.DType.Size;
}
