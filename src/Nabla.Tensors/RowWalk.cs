namespace Nabla;

/// <summary>
/// Visits the rows of a layout in row-major order: each row is the last axis, <see cref="Length"/> elements
/// <see cref="Stride"/> apart from <see cref="Position"/>, counted from the tensor's first element. A scalar is one row of one.
/// </summary>
internal struct RowWalk
{
    private readonly Layout _layout;
    private readonly int[] _index;
    private bool _started;

    public RowWalk(Layout layout)
    {
        _layout = layout;
        int rank = layout.Shape.Rank;
        _index = rank > 1 ? new int[rank - 1] : [];
        (Length, Stride) = rank > 0 ? (layout.Shape.Dims[^1], layout.Strides[^1]) : (1, 1);
    }

    /// <summary>Elements in a row.</summary>
    public int Length { get; }

    /// <summary>Elements of memory between neighbours in a row.</summary>
    public long Stride { get; }

    /// <summary>Where the row starts, relative to the tensor's first element.</summary>
    public long Position { get; private set; }

    /// <summary>Goes to the next row; false after the last.</summary>
    public bool MoveNext()
    {
        if (!_started)
        {
            _started = true;
            return _layout.Shape.Count > 0;
        }
        ReadOnlySpan<int> dims = _layout.Shape.Dims;
        ReadOnlySpan<long> strides = _layout.Strides;
        for (int axis = _index.Length - 1; axis >= 0; axis--)
        {
            Position += strides[axis];
            if (++_index[axis] < dims[axis]) return true;
            Position -= strides[axis] * dims[axis];
            _index[axis] = 0;
        }
        return false;
    }
}
