namespace Nabla.Kernels;

/// <summary>
/// How operations along one axis are cut into units of work. Where another axis is dense in both operands and the lines are not, a unit is
/// a band of neighbouring lines, walked row by row; else it is one line.
/// </summary>
internal readonly struct AxisLines
{
    /// <summary>Most lines in a band.</summary>
    public const int Band = 256;

    private const long PartSize = 1 << 14;

    private readonly StridedWalk _others;
    private readonly long _columns, _bands, _units, _unitsPerPart;

    /// <summary>
    /// Lines of x along <paramref name="axis"/>; y is dense, with x's shape (<see cref="TargetStride"/> is then the stride in it) or without the axis.
    /// </summary>
    public AxisLines(DenseTensor x, int axis, DenseTensor y)
    {
        ReadOnlySpan<int> dims = x.Shape.Dims;
        ReadOnlySpan<long> strides = x.Layout.Strides;
        Span<long> to = stackalloc long[y.Rank];
        Move.RowMajor(y.Shape.Dims, to);
        bool kept = y.Rank == x.Rank;
        (Size, Stride, TargetStride) = (dims[axis], strides[axis], kept ? to[axis] : 0);
        for (int i = 0, target = 0; i < dims.Length; i++)
        {
            if (i != axis) _others.Append(dims[i], strides[i], to[target]);
            if (kept || i != axis) target++;
        }
        bool dense = Stride != 1 && _others.Stride(0, 0) == 1 && _others.Stride(1, 0) == 1;
        _columns = dense ? _others.Dim(0) : 1;
        if (dense) _others.Remove(0);
        _bands = (_columns + Band - 1) / Band;
        _units = _others.Count * _bands;
        _unitsPerPart = Math.Max(1, PartSize / Math.Max(1, Size * Math.Min(_columns, Band)));
    }

    /// <summary>Elements of a line.</summary>
    public int Size { get; }

    /// <summary>Distance of neighbours of a line in x.</summary>
    public long Stride { get; }

    /// <summary>Distance of neighbours of a line in y, if y keeps the axis.</summary>
    public long TargetStride { get; }

    /// <summary>Parts for the worker threads.</summary>
    public int Parts => checked((int)((_units + _unitsPerPart - 1) / _unitsPerPart));

    /// <summary>The units of a part.</summary>
    public (long First, long End) Units(int part) =>
        (part * _unitsPerPart, Math.Min(_units, (part + 1) * _unitsPerPart));

    /// <summary>Offsets of a unit's first element in x and y, and how many neighbouring lines it has.</summary>
    public unsafe void Locate(long unit, out long from, out long to, out int columns)
    {
        (long outer, long band) = Math.DivRem(unit, _bands);
        _others.Seek(outer, 0, out StridedWalk.Cursor cursor);
        from = cursor.Offset[0] + band * Band;
        to = cursor.Offset[1] + band * Band;
        columns = (int)Math.Min(Band, _columns - band * Band);
    }
}
