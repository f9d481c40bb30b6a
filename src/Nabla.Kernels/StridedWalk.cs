namespace Nabla.Kernels;

/// <summary>
/// The joint iteration space of up to four strided operands of one shape: axes of size 1 are dropped, and neighbouring axes that
/// lie densely inside each other in every operand are merged, so that most calls see one or two axes. The order stays row-major.
/// </summary>
/// <remarks>
/// It is a plain value without references, so that a job can carry it to the worker threads. Use: look at the innermost axes
/// (<see cref="Dim"/>, <see cref="Stride"/>), then visit the outer ones with <see cref="Seek"/> and <see cref="Advance"/>.
/// </remarks>
internal unsafe struct StridedWalk
{
    /// <summary>Axes that can remain after merging.</summary>
    public const int MaxRank = 16;

    /// <summary>Operands that can be walked together.</summary>
    public const int MaxOperands = 4;

    private fixed long _dims[MaxRank];
    private fixed long _strides[MaxRank * MaxOperands];

    /// <summary>A walk over <paramref name="dims"/>; one list of strides for each operand, missing ones count as 0.</summary>
    public StridedWalk(ReadOnlySpan<int> dims, ReadOnlySpan<long> a, ReadOnlySpan<long> b = default,
        ReadOnlySpan<long> c = default, ReadOnlySpan<long> d = default)
    {
        for (int i = 0; i < dims.Length; i++)
            Append(dims[i], a.IsEmpty ? 0 : a[i], b.IsEmpty ? 0 : b[i], c.IsEmpty ? 0 : c[i], d.IsEmpty ? 0 : d[i]);
    }

    /// <summary>Axes after merging; 0 if all sizes are 1.</summary>
    public int Rank { get; private set; }

    /// <summary>Product of all sizes.</summary>
    public readonly long Count => CountOf(Rank);

    /// <summary>Adds an axis inside those already there.</summary>
    /// <exception cref="ShapeException">NB0110: more than 16 axes remain after merging.</exception>
    public void Append(long dim, long a, long b = 0, long c = 0, long d = 0)
    {
        if (dim == 1) return;
        long* strides = stackalloc long[MaxOperands] { a, b, c, d };
        if (Rank > 0 && NestsInLast(dim, strides)) _dims[Rank - 1] *= dim;
        else if (Rank < MaxRank) _dims[Rank++] = dim;
        else throw KernelErrors.TooManyAxes(MaxRank);
        for (int i = 0; i < MaxOperands; i++) _strides[(Rank - 1) * MaxOperands + i] = strides[i];
    }

    /// <summary>Size of an axis counted from the innermost (0), 1 beyond the rank.</summary>
    public readonly long Dim(int fromLast) => fromLast < Rank ? _dims[Rank - 1 - fromLast] : 1;

    /// <summary>Stride of an operand along an axis counted from the innermost (0), 0 beyond the rank.</summary>
    public readonly long Stride(int operand, int fromLast) =>
        fromLast < Rank ? _strides[(Rank - 1 - fromLast) * MaxOperands + operand] : 0;

    /// <summary>Removes the axis counted from the innermost (0); callers treat it on their own.</summary>
    public void Remove(int fromLast)
    {
        for (int axis = Rank - 1 - fromLast; axis < Rank - 1; axis++)
        {
            _dims[axis] = _dims[axis + 1];
            for (int i = 0; i < MaxOperands; i++)
                _strides[axis * MaxOperands + i] = _strides[(axis + 1) * MaxOperands + i];
        }
        Rank--;
    }

    /// <summary>Positions visited when the <paramref name="inner"/> innermost axes are left to the caller.</summary>
    public readonly long OuterCount(int inner) => CountOf(Math.Max(0, Rank - inner));

    /// <summary>The cursor at position <paramref name="outer"/>, row-major, of the axes outside the <paramref name="inner"/> innermost.</summary>
    public readonly void Seek(long outer, int inner, out Cursor cursor)
    {
        cursor = default;
        for (int axis = Rank - inner - 1; axis >= 0; axis--)
        {
            (outer, long index) = Math.DivRem(outer, _dims[axis]);
            cursor.Index[axis] = index;
            for (int i = 0; i < MaxOperands; i++) cursor.Offset[i] += index * _strides[axis * MaxOperands + i];
        }
    }

    /// <summary>Moves to the next position, wrapping around after the last one.</summary>
    public readonly void Advance(int inner, ref Cursor cursor)
    {
        for (int axis = Rank - inner - 1; axis >= 0; axis--)
        {
            bool wraps = ++cursor.Index[axis] == _dims[axis];
            long steps = wraps ? 1 - _dims[axis] : 1;
            for (int i = 0; i < MaxOperands; i++) cursor.Offset[i] += steps * _strides[axis * MaxOperands + i];
            if (!wraps) return;
            cursor.Index[axis] = 0;
        }
    }

    private readonly long CountOf(int axes)
    {
        long count = 1;
        for (int axis = 0; axis < axes; axis++) count *= _dims[axis];
        return count;
    }

    private readonly bool NestsInLast(long dim, long* strides)
    {
        for (int i = 0; i < MaxOperands; i++)
            if (_strides[(Rank - 1) * MaxOperands + i] != dim * strides[i]) return false;
        return true;
    }

    /// <summary>A position in a walk: the index along each axis and each operand's offset in elements.</summary>
    internal struct Cursor
    {
        /// <summary>Index along each merged axis, outermost first.</summary>
        public fixed long Index[MaxRank];

        /// <summary>Offset of each operand from its first element.</summary>
        public fixed long Offset[MaxOperands];
    }
}
