using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>Folds axes of a tensor away: sums, products, maxima, minima, any, all.</summary>
public static unsafe class Reductions
{
    /// <summary>
    /// y = x folded with <typeparamref name="TOp"/> over <paramref name="axes"/> (normalised and sorted). Shape: [...] → the same without these axes.
    /// Element types: f32, f64, i32, i64, kept; bool for <see cref="AnyOp"/> and <see cref="AllOp"/>.
    /// </summary>
    /// <remarks>
    /// Special values: folding nothing gives 0 for sums, 1 for products, −∞ / +∞ (integers: the smallest / largest) for max / min, false / true for any /
    /// all; max and min give NaN if any element is NaN. Error of a sum of k elements: at most (20 + 2·log₂k)·u·Σ|x|; of a product,
    /// k·u relative. Partial results of f32 sums stay f32 and may overflow where the total would not.
    /// Cost: reads each element once. Order: fixed by the shape and strides alone, not by the number of threads.
    /// </remarks>
    /// <exception cref="DTypeException">NB0204: there is no such reduction for this element type.</exception>
    public static void Run<TOp>(DenseTensor x, ReadOnlySpan<int> axes, DenseTensor y) where TOp : struct, IReduceOp
    {
        Debug.Assert(x.DType == y.DType && y.IsContiguous, "reduce: operands");
        if (TOp.IsLogical != (x.DType == DType.Bool)) throw KernelErrors.NoKernel(TOp.Name, x.Aval);
        if (y.Device is Accelerator)
        {
            DeviceReduce.Run<TOp>(x, axes, y);
            return;
        }
        switch (x.DType)
        {
            case DType.F32: Run<TOp, float>(x, x.Pointer<float>(), axes, y, y.Pointer<float>()); break;
            case DType.F64: Run<TOp, double>(x, x.Pointer<double>(), axes, y, y.Pointer<double>()); break;
            case DType.I32: Run<TOp, int>(x, x.Pointer<int>(), axes, y, y.Pointer<int>()); break;
            case DType.I64: Run<TOp, long>(x, x.Pointer<long>(), axes, y, y.Pointer<long>()); break;
            default: Run<TOp, byte>(x, (byte*)x.Pointer<bool>(), axes, y, (byte*)y.Pointer<bool>()); break;
        }
    }

    private static void Run<TOp, T>(DenseTensor x, T* from, ReadOnlySpan<int> axes, DenseTensor y, T* to)
        where TOp : struct, IReduceOp
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        if (y.Count == 0) return;
        if (x.Count == 0)
        {
            StridedCopy.Fill(to, TOp.Identity<T>(), y.Count);
            return;
        }
        var job = new ReduceJob<TOp, T>(x, from, axes, y, to);
        if (job.Chunks == 1)
        {
            Workers.Run(ref job, job.Parts);
            return;
        }
        // Few outputs, long folds: parts fold chunks into a table [chunk, output], which is folded in turn.
        T* table = Scratch.Get<T>(Scratch.Slot.PartialTable, job.Chunks * y.Count);
        job.Target = table;
        Workers.Run(ref job, job.Parts);
        Fold<TOp, T>.Lines(table, job.Chunks, y.Count, to, y.Count);
    }
}

/// <summary>
/// One reduction cut into parts: a part is a range of outputs, or of lines of neighbouring outputs, times a chunk of the folded
/// positions. If the folded axes hold the dense one, each output is a line to fold; if a kept axis is dense, whole rows
/// are folded onto each other, column by column.
/// </summary>
internal unsafe struct ReduceJob<TOp, T> : IParallelJob
    where TOp : struct, IReduceOp
    where T : unmanaged, INumber<T>, IMinMaxValue<T>
{
    private const int ShortLine = 16, RowsPerBlock = FoldChunks.RowsPerBlock;

    private readonly StridedWalk _kept, _folded;
    private readonly T* _source;
    private readonly long _outputs, _foldedCount, _chunkSize, _units, _unitsPerPart;

    // Row folding only: the dense kept axis and how it is cut.
    private readonly long _columns, _columnTo;
    private readonly int _band;
    private readonly long _bands;

    public ReduceJob(DenseTensor x, T* from, ReadOnlySpan<int> axes, DenseTensor y, T* to)
    {
        Target = to;
        _outputs = y.Count;
        _source = from + SplitAxes(x, axes, y, ref _kept, ref _folded);
        _foldedCount = _folded.Count;
        int dense = DenseKeptAxis();
        if (dense >= 0)
        {
            (_columns, _columnTo) = (_kept.Dim(dense), _kept.Stride(1, dense));
            _kept.Remove(dense);
            _band = FoldChunks.Band(_foldedCount, _columns);
            _bands = (_columns + _band - 1) / _band;
        }
        _units = _kept.Count * (dense >= 0 ? _bands : 1);
        FoldChunks chunks = dense >= 0 ? FoldChunks.OfRows(_kept.Count, _foldedCount, _columns) : FoldChunks.OfLines(_kept.Count, _foldedCount);
        (_chunkSize, _unitsPerPart, Chunks) = (chunks.Size, chunks.UnitsPerPart, chunks.Count);
        Parts = checked((int)((_units + _unitsPerPart - 1) / _unitsPerPart * Chunks));
    }

    /// <summary>Where results go: the output, or the table [chunk, output].</summary>
    public T* Target { get; set; }

    public readonly long Chunks { get; }

    public readonly int Parts { get; }

    public readonly void Run(int part)
    {
        (long group, long chunk) = Math.DivRem(part, Chunks);
        long first = group * _unitsPerPart, end = Math.Min(_units, first + _unitsPerPart);
        long low = chunk * _chunkSize, high = Math.Min(_foldedCount, low + _chunkSize);
        T* target = Target + chunk * _outputs;
        if (_columns > 0) FoldRows(first, end, low, high, target);
        else FoldLines(first, end, low, high, target);
    }

    private readonly void FoldLines(long first, long end, long low, long high, T* target)
    {
        long inner = _kept.Dim(0), from = _kept.Stride(0, 0), to = _kept.Stride(1, 0), step = _folded.Stride(0, 0);
        (long outer, long index) = Math.DivRem(first, inner);
        _kept.Seek(outer, 1, out StridedWalk.Cursor cursor);
        T* levels = stackalloc T[(int)PairwiseTree<TOp, T>.Scratch(high - low, 1)];
        for (long left = end - first; left > 0; _kept.Advance(1, ref cursor))
        {
            long n = Math.Min(inner - index, left);
            T* x = _source + cursor.Offset[0] + index * from, y = target + cursor.Offset[1] + index * to;
            if (_folded.Rank > 1)
            {
                for (long i = 0; i < n; i++) y[i * to] = FoldNested(x + i * from, low, high, levels);
            }
            else if (high - low < ShortLine)
            {
                Fold<TOp, T>.ShortLines(x + low * step, from, (int)(high - low), step, y, to, n);
            }
            else
            {
                for (long i = 0; i < n; i++) y[i * to] = Fold<TOp, T>.Line(x + i * from + low * step, high - low, step);
            }
            left -= n;
            index = 0;
        }
    }

    // Several folded axes: the innermost as a line, the lines in a balanced tree.
    private readonly T FoldNested(T* x, long low, long high, T* levels)
    {
        long inner = _folded.Dim(0), stride = _folded.Stride(0, 0);
        (long outer, long index) = Math.DivRem(low, inner);
        _folded.Seek(outer, 1, out StridedWalk.Cursor cursor);
        var tree = new PairwiseTree<TOp, T>(levels, 1);
        for (long left = high - low; left > 0; _folded.Advance(1, ref cursor))
        {
            long n = Math.Min(inner - index, left);
            *tree.Incoming = Fold<TOp, T>.Line(x + cursor.Offset[0] + index * stride, n, stride);
            tree.Push();
            left -= n;
            index = 0;
        }
        tree.Finish();
        return *tree.Incoming;
    }

    private readonly void FoldRows(long first, long end, long low, long high, T* target)
    {
        long blocks = (high - low + RowsPerBlock - 1) / RowsPerBlock;
        T* levels = Scratch.Get<T>(Scratch.Slot.PartialRows, PairwiseTree<TOp, T>.Scratch(blocks, _band));
        for (long unit = first; unit < end; unit++)
        {
            (long outer, long band) = Math.DivRem(unit, _bands);
            _kept.Seek(outer, 0, out StridedWalk.Cursor cursor);
            long column = band * _band;
            int columns = (int)Math.Min(_band, _columns - column);
            // A last, narrow band moves left to a full vector; the columns it repeats belong to another part, so it skips them.
            int skip = Math.Max(0, Vector512<T>.Count - columns);
            FoldBand(_source + cursor.Offset[0] + column - skip, columns + skip, low, high, levels);
            T* results = target + cursor.Offset[1] + column * _columnTo;
            for (int i = 0; i < columns; i++) results[i * _columnTo] = levels[skip + i];
        }
    }

    [SkipLocalsInit]
    private readonly void FoldBand(T* x, int columns, long low, long high, T* levels)
    {
        long* offsets = stackalloc long[RowsPerBlock];
        var tree = new PairwiseTree<TOp, T>(levels, columns);
        _folded.Seek(low, 0, out StridedWalk.Cursor cursor);
        while (low < high)
        {
            int rows = (int)Math.Min(RowsPerBlock, high - low);
            for (int i = 0; i < rows; i++, _folded.Advance(0, ref cursor)) offsets[i] = cursor.Offset[0];
            Fold<TOp, T>.Rows(x, offsets, rows, tree.Incoming, columns);
            tree.Push();
            low += rows;
        }
        tree.Finish();
    }

    // The kept axis (from the innermost) along which rows lie densely, if whole vectors fit and no folded axis is dense; else −1.
    private readonly int DenseKeptAxis()
    {
        if (_folded.Stride(0, 0) == 1 && _folded.Rank > 0) return -1;
        for (int axis = 0; axis < _kept.Rank; axis++)
            if (_kept.Stride(0, axis) == 1 && _kept.Dim(axis) >= Vector512<T>.Count) return axis;
        return -1;
    }

    // Folded axes may be visited in any order and direction: outermost the largest stride, all strides made positive. Returns the
    // offset that this moves the first element by.
    private static long SplitAxes(DenseTensor x, ReadOnlySpan<int> axes, DenseTensor y, ref StridedWalk kept, ref StridedWalk folded)
    {
        ReadOnlySpan<int> dims = x.Shape.Dims;
        ReadOnlySpan<long> strides = x.Layout.Strides;
        Span<long> to = stackalloc long[y.Rank];
        Move.RowMajor(y.Shape.Dims, to);
        for (int axis = 0, target = 0; axis < dims.Length; axis++)
            if (!axes.Contains(axis)) kept.Append(dims[axis], strides[axis], to[target++]);
        long offset = 0;
        Span<long> sortedStrides = stackalloc long[axes.Length];
        Span<int> sortedDims = stackalloc int[axes.Length];
        for (int i = 0; i < axes.Length; i++)
        {
            long stride = strides[axes[i]];
            if (stride < 0) offset += stride * (dims[axes[i]] - 1L);
            (sortedStrides[i], sortedDims[i]) = (-Math.Abs(stride), dims[axes[i]]);
        }
        sortedStrides.Sort(sortedDims);
        for (int i = 0; i < axes.Length; i++) folded.Append(sortedDims[i], -sortedStrides[i]);
        return offset;
    }
}

/// <summary>How a fold is cut for the threads, which decides the order of its additions: by sizes alone.</summary>
/// <param name="Size">Folded positions in a chunk; chunks are folded apart, then folded with each other.</param>
/// <param name="Count">Number of chunks.</param>
/// <param name="UnitsPerPart">Lines, or bands of columns, that a part folds.</param>
internal readonly record struct FoldChunks(long Size, long Count, long UnitsPerPart)
{
    /// <summary>Rows that are folded one after another; blocks of rows are folded as a tree.</summary>
    public const int RowsPerBlock = 16;

    private const long PartSize = 1 << 15;
    private const long EnoughParts = 8;
    private const int MaxChunks = 64, MinColumns = 1024, MaxColumns = 16384;

    /// <summary>Folding rows onto each other, <paramref name="kept"/> times.</summary>
    public static FoldChunks OfRows(long kept, long rows, long columns)
    {
        int band = Band(rows, columns);
        return Of(kept * ((columns + band - 1) / band), band * rows, rows);
    }

    /// <summary>Folding lines.</summary>
    public static FoldChunks OfLines(long lines, long length) => Of(lines, length, length);

    /// <summary>Columns that are folded together.</summary>
    public static int Band(long rows, long columns) => (int)Math.Min(columns, Math.Clamp(PartSize / rows, MinColumns, MaxColumns));

    /// <summary>Blocks of rows.</summary>
    public static long Blocks(long rows) => (rows + RowsPerBlock - 1) / RowsPerBlock;

    private static FoldChunks Of(long units, long perUnit, long folded)
    {
        long perPart = Math.Max(1, PartSize / perUnit), groups = (units + perPart - 1) / perPart;
        bool chunked = groups < EnoughParts && perUnit >= 2 * PartSize && folded >= 2 * RowsPerBlock;
        long wanted = chunked ? Math.Min(MaxChunks, perUnit / PartSize) : 1, size = (folded + wanted - 1) / wanted;
        return new FoldChunks(size, (folded + size - 1) / size, perPart);
    }
}
