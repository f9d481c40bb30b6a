namespace Nabla.Kernels;

/// <summary>The rows of a small identity, to be turned by rotations of neighbours.</summary>
internal readonly unsafe struct SmallRows
{
    private readonly double* _rows, _scratch;
    private readonly nint _size, _stride;

    public SmallRows(nint size, Workspace<double> work)
    {
        (_size, _stride) = (size, RowRotations.StrideFor(size));
        _rows = work.Take(size * _stride);
        _scratch = work.Take(RowRotations.ScratchElements(size));
        new Span<double>(_rows, checked((int)(size * _stride))).Clear();
        for (nint i = 0; i < size; i++) _rows[i * _stride + i] = 1;
    }

    /// <summary>Elements of one of that size in a workspace.</summary>
    public static long Elements(nint size) => size * RowRotations.StrideFor(size) + RowRotations.ScratchElements(size);

    public RowRotations Rotations => new(_rows, _size, _stride, _scratch);

    public void Negate(nint row)
    {
        for (nint j = 0; j < _size; j++) _rows[row * _stride + j] = -_rows[row * _stride + j];
    }

    public void CopyTo(double* target, nint stride)
    {
        for (nint i = 0; i < _size; i++) new Span<double>(_rows + i * _stride, (int)_size).CopyTo(new Span<double>(target + i * stride, (int)_size));
    }
}
