using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Rows of a table by their indices: where the rows lie, where the indices lie, and how long a row is.</summary>
internal struct RowShape
{
    /// <summary>Rows of the table, and the step between them.</summary>
    public int Size, Stride;

    /// <summary>Elements of a row, and indices for each entry of the batch.</summary>
    public int RowCount, PerBatch;
}

/// <summary>Kernels that read and add rows by index. Indices were checked; negative ones count from the end.</summary>
internal static partial class IndexKernels
{
    /// <summary>Work-items of a group.</summary>
    public const int Size = 256;

    /// <summary>y[position, r] = x[batch, index of the position, r]; elements are moved, so their size alone matters.</summary>
    [Kernel(Size), Instances(typeof(int), typeof(long), typeof(byte)), Instances(typeof(int), typeof(long))]
    public static void Gather<T, TIndex>(
        ArrayView<T> x, Steps batch, ArrayView<TIndex> indices, Steps stepsIndex, Extents positions, Steps row, Extents rowExtents, RowShape s, ArrayView<T> y)
        where T : unmanaged, INumber<T> where TIndex : unmanaged, INumber<TIndex>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= y.IntLength) return;
        int p = i / s.RowCount, r = i - p * s.RowCount;
        int index = int.CreateTruncating(indices[Steps.At(p, stepsIndex, positions)]);
        if (index < 0) index += s.Size;
        y[i] = x[Steps.At(p, batch, positions) + index * s.Stride + Steps.At(r, row, rowExtents)];
    }

    /// <summary>
    /// y[batch, index, r] += the sum of the updates with this index, in the order of the positions: the work-item of the first position with an index
    /// adds up all of them. For few positions: PerBatch² comparisons a row.
    /// </summary>
    [Kernel(Size), Instances(typeof(float), typeof(double), typeof(int), typeof(long)), Instances(typeof(int), typeof(long))]
    public static void ScatterAdd<T, TIndex>(
        ArrayView<TIndex> indices, Steps stepsIndex, Extents positions, ArrayView<T> updates, Steps stepsUpdate, Steps row, Extents rowExtents, RowShape s, int count, ArrayView<T> y)
        where T : unmanaged, INumber<T> where TIndex : unmanaged, INumber<TIndex>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= count) return;
        int p = i / s.RowCount, r = i - p * s.RowCount, entry = p / s.PerBatch, first = entry * s.PerBatch;
        int index = int.CreateTruncating(indices[Steps.At(p, stepsIndex, positions)]);
        if (index < 0) index += s.Size;
        for (int q = first; q < p; q++)
        {
            int other = int.CreateTruncating(indices[Steps.At(q, stepsIndex, positions)]);
            if (other == index || other + s.Size == index) return;
        }
        int at = (entry * s.Size + index) * s.RowCount + r, own = Steps.At(r, row, rowExtents);
        T sum = y[at];
        for (int q = p; q < first + s.PerBatch; q++)
        {
            int other = int.CreateTruncating(indices[Steps.At(q, stepsIndex, positions)]);
            if (other == index || other + s.Size == index) sum = sum + updates[Steps.At(q, stepsUpdate, positions) + own];
        }
        y[at] = sum;
    }

    /// <summary>y = indices counted from the start, densely.</summary>
    [Kernel(Size), Instances(typeof(int), typeof(long))]
    public static void FromStart<TIndex>(ArrayView<TIndex> indices, Steps stepsIndex, Extents positions, int size, ArrayView<int> y) where TIndex : unmanaged, INumber<TIndex>
    {
        int p = Grid.IdxX * Group.DimX + Group.IdxX;
        if (p >= y.IntLength) return;
        int index = int.CreateTruncating(indices[Steps.At(p, stepsIndex, positions)]);
        y[p] = index < 0 ? index + size : index;
    }

    /// <summary>
    /// The same sums from sorted <paramref name="indices"/> [batch, position] and the <paramref name="places"/> that they had, equal ones in order: the work-item of the first
    /// of equal indices adds up all of them.
    /// </summary>
    [Kernel(Size), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void ScatterSorted<T>(
        ArrayView<int> indices, ArrayView<int> places, ArrayView<T> updates, Steps stepsUpdate, Extents positions, Steps row, Extents rowExtents, RowShape s, int count, ArrayView<T> y)
        where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= count) return;
        int p = i / s.RowCount, r = i - p * s.RowCount, entry = p / s.PerBatch, first = entry * s.PerBatch, end = first + s.PerBatch, index = indices[p];
        if (p > first && indices[p - 1] == index) return;
        int at = (entry * s.Size + index) * s.RowCount + r, own = Steps.At(r, row, rowExtents);
        T sum = y[at];
        for (int q = p; q < end && indices[q] == index; q++) sum = sum + updates[Steps.At(first + places[q], stepsUpdate, positions) + own];
        y[at] = sum;
    }
}
