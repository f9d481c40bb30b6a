namespace Nabla.Kernels;

/// <summary>
/// Which axes of two operands a contraction pairs: <c>LhsContract[i]</c> is summed against <c>RhsContract[i]</c>, and
/// <c>LhsBatch[i]</c> runs along with <c>RhsBatch[i]</c>. Axes are counted from 0. Compared by value.
/// </summary>
/// <remarks>Source: the dimension numbers of <c>dot_general</c> in XLA's operation semantics.</remarks>
public sealed class DotDims : IEquatable<DotDims>
{
    private readonly int[] _lhsContract, _rhsContract, _lhsBatch, _rhsBatch;

    /// <summary>Pairs contracted and batch axes in the order given.</summary>
    /// <exception cref="ShapeException">NB0123: an axis is named twice; NB0124: the lists differ in length.</exception>
    public DotDims(ReadOnlySpan<int> lhsContract, ReadOnlySpan<int> rhsContract, ReadOnlySpan<int> lhsBatch = default, ReadOnlySpan<int> rhsBatch = default)
    {
        _lhsContract = lhsContract.ToArray();
        _rhsContract = rhsContract.ToArray();
        _lhsBatch = lhsBatch.ToArray();
        _rhsBatch = rhsBatch.ToArray();
        if (lhsContract.Length != rhsContract.Length) throw KernelErrors.AxisCounts("contracted", lhsContract.Length, rhsContract.Length);
        if (lhsBatch.Length != rhsBatch.Length) throw KernelErrors.AxisCounts("batch", lhsBatch.Length, rhsBatch.Length);
        CheckOnce("left", _lhsContract, _lhsBatch);
        CheckOnce("right", _rhsContract, _rhsBatch);
        IsSinglePair = lhsContract.Length == 1 && lhsBatch.Length == 0;
    }

    /// <summary>The product of two matrices: <c>[m, k]</c> times <c>[k, n]</c>.</summary>
    public static DotDims Matrix { get; } = new([1], [0]);

    /// <summary>Summed axes of the left operand.</summary>
    public ReadOnlySpan<int> LhsContract => _lhsContract;

    /// <summary>Summed axes of the right operand, paired with <see cref="LhsContract"/>.</summary>
    public ReadOnlySpan<int> RhsContract => _rhsContract;

    /// <summary>Batch axes of the left operand.</summary>
    public ReadOnlySpan<int> LhsBatch => _lhsBatch;

    /// <summary>Batch axes of the right operand, paired with <see cref="LhsBatch"/>.</summary>
    public ReadOnlySpan<int> RhsBatch => _rhsBatch;

    /// <summary>True if one pair of axes is contracted and none is a batch axis: between matrices, a plain product of one or both or their transposes.</summary>
    internal bool IsSinglePair { get; }

    /// <summary>Axes of a left operand of rank <paramref name="rank"/> that are neither contracted nor batch, in order.</summary>
    public int[] LhsFree(int rank) => LhsFree(stackalloc int[rank]).ToArray();

    /// <summary>Axes of a right operand of rank <paramref name="rank"/> that are neither contracted nor batch, in order.</summary>
    public int[] RhsFree(int rank) => RhsFree(stackalloc int[rank]).ToArray();

    /// <summary>The free axes of a left operand whose rank is the length of <paramref name="target"/>, written to its start.</summary>
    internal Span<int> LhsFree(Span<int> target) => Free(target, _lhsContract, _lhsBatch);

    /// <summary>The free axes of a right operand whose rank is the length of <paramref name="target"/>, written to its start.</summary>
    internal Span<int> RhsFree(Span<int> target) => Free(target, _rhsContract, _rhsBatch);

    /// <summary>The shape of the contraction: batch axes, free axes of the left operand, free axes of the right one.</summary>
    /// <exception cref="ShapeException">
    /// NB0102: an axis is out of range; NB0121: contracted sizes differ; NB0122: batch sizes differ.
    /// </exception>
    public Shape OutputShape(Shape a, Shape b)
    {
        Check(a, b);
        int[] lhsFree = LhsFree(a.Rank), rhsFree = RhsFree(b.Rank);
        var dims = new int[_lhsBatch.Length + lhsFree.Length + rhsFree.Length];
        int next = 0;
        foreach (int axis in _lhsBatch) dims[next++] = a.Dims[axis];
        foreach (int axis in lhsFree) dims[next++] = a.Dims[axis];
        foreach (int axis in rhsFree) dims[next++] = b.Dims[axis];
        return dims;
    }

    /// <inheritdoc/>
    public bool Equals(DotDims? other) => other is not null &&
        _lhsContract.AsSpan().SequenceEqual(other._lhsContract) && _rhsContract.AsSpan().SequenceEqual(other._rhsContract) &&
        _lhsBatch.AsSpan().SequenceEqual(other._lhsBatch) && _rhsBatch.AsSpan().SequenceEqual(other._rhsBatch);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as DotDims);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (int[] list in (ReadOnlySpan<int[]>)[_lhsContract, _rhsContract, _lhsBatch, _rhsBatch])
        {
            hash.Add(list.Length);
            foreach (int axis in list) hash.Add(axis);
        }
        return hash.ToHashCode();
    }

    /// <summary>The form used in IR text: <c>contract=(1;0) batch=(;)</c>, left axes before the semicolon.</summary>
    public override string ToString() =>
        $"contract=({string.Join(',', _lhsContract)};{string.Join(',', _rhsContract)}) " +
        $"batch=({string.Join(',', _lhsBatch)};{string.Join(',', _rhsBatch)})";

    /// <summary>Checks axes and sizes against the operands' shapes without allocating.</summary>
    internal void Check(Shape a, Shape b)
    {
        CheckRange(_lhsContract, a.Rank);
        CheckRange(_rhsContract, b.Rank);
        CheckRange(_lhsBatch, a.Rank);
        CheckRange(_rhsBatch, b.Rank);
        for (int i = 0; i < _lhsContract.Length; i++)
            if (a.Dims[_lhsContract[i]] != b.Dims[_rhsContract[i]])
                throw KernelErrors.ContractedSizes(a, _lhsContract[i], b, _rhsContract[i]);
        for (int i = 0; i < _lhsBatch.Length; i++)
            if (a.Dims[_lhsBatch[i]] != b.Dims[_rhsBatch[i]])
                throw KernelErrors.BatchSizes(a, _lhsBatch[i], b, _rhsBatch[i]);
    }

    private static void CheckRange(int[] axes, int rank)
    {
        foreach (int axis in axes)
            if ((uint)axis >= (uint)rank) throw TensorErrors.AxisOutOfRange("dot_general", axis, rank);
    }

    private void CheckOnce(string side, int[] contract, int[] batch)
    {
        for (int i = 0; i < contract.Length; i++)
            if (Array.IndexOf(contract, contract[i]) < i || batch.Contains(contract[i])) throw KernelErrors.AxisTwice(this, side, contract[i]);
        for (int i = 0; i < batch.Length; i++)
            if (Array.IndexOf(batch, batch[i]) < i) throw KernelErrors.AxisTwice(this, side, batch[i]);
    }

    private static Span<int> Free(Span<int> target, int[] contract, int[] batch)
    {
        int count = 0;
        for (int axis = 0; axis < target.Length; axis++)
            if (!contract.Contains(axis) && !batch.Contains(axis)) target[count++] = axis;
        return target[..count];
    }
}
