namespace Nabla;

/// <summary>
/// Where the elements of a tensor lie in its buffer: element (i₀, …, iᵣ₋₁) is at
/// <c>Offset + Σ iₖ·Strides[k]</c>, in elements. Strides may be 0 (broadcast) or negative (reversed). Immutable.
/// </summary>
public sealed class Layout
{
    private static readonly long[] VectorStrides = [1];

    private readonly long[] _strides;

    /// <summary>A layout from its parts; one stride per axis.</summary>
    public Layout(Shape shape, ReadOnlySpan<long> strides, long offset)
    {
        if (strides.Length != shape.Rank)
            throw new ArgumentException($"{strides.Length} strides for shape {shape}.", nameof(strides));
        Shape = shape;
        _strides = strides.ToArray();
        Offset = offset;
        IsContiguous = CheckContiguous();
    }

    private Layout(Shape shape)
    {
        Shape = shape;
        _strides = shape.Rank == 1 ? VectorStrides : shape.RowMajorStrides();
        IsContiguous = true;
    }

    /// <summary>The dense row-major layout at offset 0.</summary>
    public static Layout RowMajor(Shape shape) => new(shape);

    /// <summary>The layout in which every element of <paramref name="shape"/> is the element at offset 0.</summary>
    public static Layout Splat(Shape shape) => new(shape, new long[shape.Rank], 0);

    /// <summary>The dimensions.</summary>
    public Shape Shape { get; }

    /// <summary>Distance in elements between neighbours along each axis.</summary>
    public ReadOnlySpan<long> Strides => _strides;

    /// <summary>Position of the first element in the buffer, in elements.</summary>
    public long Offset { get; }

    /// <summary>
    /// True if the elements lie densely in row-major order, at any offset. Axes of size 1 are ignored; no elements are contiguous.
    /// </summary>
    public bool IsContiguous { get; }

    /// <summary>True if all elements are one and the same stored number; a scalar is.</summary>
    public bool IsSplat
    {
        get
        {
            for (int i = 0; i < _strides.Length; i++)
                if (_strides[i] != 0 && Shape.Dims[i] != 1) return false;
            return true;
        }
    }

    /// <summary>Positions in the buffer of the first and the last element that the layout reaches, in elements; (0, −1) if it has none.</summary>
    internal (long First, long Last) Reach
    {
        get
        {
            if (Shape.Count == 0) return (0, -1);
            long first = Offset, last = Offset;
            for (int i = 0; i < _strides.Length; i++)
            {
                long span = _strides[i] * (Shape.Dims[i] - 1);
                if (span < 0) first += span;
                else last += span;
            }
            return (first, last);
        }
    }

    /// <summary>The layout with axes reordered: axis i of the result is axis <c>permutation[i]</c>.</summary>
    public Layout Transpose(ReadOnlySpan<int> permutation)
    {
        var dims = new int[permutation.Length];
        var strides = new long[permutation.Length];
        for (int i = 0; i < permutation.Length; i++)
            (dims[i], strides[i]) = (Shape.Dims[permutation[i]], _strides[permutation[i]]);
        return new Layout(dims, strides, Offset);
    }

    /// <summary>The layout of elements <c>starts[k] + j·steps[k]</c>, j &lt; <c>sizes[k]</c>, of each axis; steps may be negative.</summary>
    public Layout Slice(ReadOnlySpan<int> starts, ReadOnlySpan<int> sizes, ReadOnlySpan<int> steps)
    {
        var strides = new long[Shape.Rank];
        long offset = Offset;
        for (int i = 0; i < strides.Length; i++)
        {
            strides[i] = _strides[i] * steps[i];
            if (sizes[i] > 0) offset += _strides[i] * starts[i];
        }
        return new Layout(Shape.Create(sizes), strides, offset);
    }

    /// <summary>
    /// The layout broadcast to <paramref name="shape"/>: axis k of this layout becomes axis <c>axes[k]</c> (its size equal
    /// or 1), all other axes repeat.
    /// </summary>
    public Layout BroadcastInDim(Shape shape, ReadOnlySpan<int> axes)
    {
        var strides = new long[shape.Rank];
        for (int i = 0; i < axes.Length; i++)
            strides[axes[i]] = Shape.Dims[i] == 1 ? 0 : _strides[i];
        return new Layout(shape, strides, Offset);
    }

    /// <summary>
    /// A view of the same elements in row-major order with another shape, if strides can express it.
    /// </summary>
    /// <exception cref="ShapeException">NB0105: the shapes hold different numbers of elements.</exception>
    public bool TryReshape(Shape shape, out Layout layout)
    {
        if (shape.Count != Shape.Count) throw TensorErrors.ElementCount("reshape", Shape.Count, shape);
        if (IsContiguous)
        {
            layout = new Layout(shape, shape.RowMajorStrides(), Offset);
            return true;
        }
        var strides = new long[shape.Rank];
        int from = 0, to = 0;
        while (from < Shape.Rank || to < shape.Rank)
        {
            // Grow one group of old axes and one group of new axes until they hold equally many elements.
            int fromEnd = from, toEnd = to;
            long fromCount = 1, toCount = 1;
            do
            {
                if (fromCount <= toCount && fromEnd < Shape.Rank) fromCount *= Shape.Dims[fromEnd++];
                else if (toEnd < shape.Rank) toCount *= shape.Dims[toEnd++];
                else if (fromEnd < Shape.Rank) fromCount *= Shape.Dims[fromEnd++];
            }
            while (fromCount != toCount);
            if (!TryMergeAxes(from, fromEnd, out long stride))
            {
                layout = this;
                return false;
            }
            for (int i = toEnd - 1; i >= to; i--)
            {
                strides[i] = stride;
                stride *= shape.Dims[i];
            }
            (from, to) = (fromEnd, toEnd);
        }
        layout = new Layout(shape, strides, Offset);
        return true;
    }

    /// <summary>Shape, strides and offset as text.</summary>
    public override string ToString() => $"{Shape} strides ({string.Join(',', _strides)}) offset {Offset}";

    // The stride of axes [start, end) read as one axis, if they are nested densely (axes of size 1 do not matter).
    private bool TryMergeAxes(int start, int end, out long stride)
    {
        stride = 1;
        long expected = 0;
        bool first = true;
        for (int i = end - 1; i >= start; i--)
        {
            if (Shape.Dims[i] == 1) continue;
            if (first) (stride, first) = (_strides[i], false);
            else if (_strides[i] != expected) return false;
            expected = _strides[i] * Shape.Dims[i];
        }
        return true;
    }

    private bool CheckContiguous()
    {
        if (Shape.Dims.Contains(0)) return true;
        long expected = 1;
        for (int i = _strides.Length - 1; i >= 0; i--)
        {
            int dim = Shape.Dims[i];
            if (dim == 1) continue;
            if (_strides[i] != expected) return false;
            expected *= dim;
        }
        return true;
    }
}
