using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>Element-wise operations only: rows, or blocks of rows where rows are short.</summary>
internal sealed unsafe class PlainLoop : FusedLoop
{
    private const int LongestPiece = 1 << 15;

    private readonly LoopText.RowCode? _row;
    private readonly LoopText.BlockCode? _block;
    private readonly long _rows, _pieceLength, _piecesPerOuter, _pieces, _piecesPerPart;
    private readonly nint[] _rowStrides;

    [RequiresDynamicCode(FusedLoop.Translates), RequiresUnreferencedCode(FusedLoop.Translates)]
    public PlainLoop(DType element, FusedTensor[] tensors, LoopOperation[] operations, Merged merged)
        : base(element, tensors, operations, merged, InnerAxes(merged))
    {
        bool blocks = InnerAxes(merged) == 2;
        _rows = blocks ? merged.Dims[^2] : 1;
        _rowStrides = blocks ? [.. merged.Strides.Select(s => (nint)s[^2])] : [];
        if (blocks) _block = Text.ForBlock();
        else _row = Text.ForRow();
        // A piece is a range of rows of a block, or of elements of a row.
        long length = blocks ? _rows : Columns, unit = blocks ? Columns : 1;
        _pieceLength = Math.Clamp(LongestPiece / unit, 1, length);
        _piecesPerOuter = (length + _pieceLength - 1) / _pieceLength;
        _pieces = OuterCount * _piecesPerOuter;
        _piecesPerPart = Math.Max(1, PartWork / Math.Max(1, _pieceLength * unit * WorkPerElement));
    }

    private static int InnerAxes(Merged merged) => merged.Dims.Length > 1 && merged.Dims[^1] < ShortRow ? 2 : 1;

    public override void Run()
    {
        nint* bases = stackalloc nint[Tensors.Length];
        Addresses(bases);
        var job = new Job(this, bases);
        Workers.Run(ref job, checked((int)((_pieces + _piecesPerPart - 1) / _piecesPerPart)));
    }

    private readonly struct Job(PlainLoop loop, nint* bases) : IParallelJob
    {
        public void Run(int part) => loop.RunPart(part, bases);
    }

    [SkipLocalsInit]
    private void RunPart(int part, nint* bases)
    {
        nint* addresses = stackalloc nint[Tensors.Length];
        nint* shifted = stackalloc nint[Tensors.Length];
        long* index = stackalloc long[Outer.Length];
        new Span<nint>(bases, Tensors.Length).CopyTo(new Span<nint>(addresses, Tensors.Length));
        long first = part * _piecesPerPart, end = Math.Min(_pieces, first + _piecesPerPart);
        (long outer, long inner) = Math.DivRem(first, _piecesPerOuter);
        Seek(outer, index, addresses);
        fixed (nint* strides = _rowStrides)
        {
            for (long piece = first; piece < end; piece++)
            {
                RunPiece(inner, addresses, shifted, strides);
                if (++inner < _piecesPerOuter) continue;
                inner = 0;
                Advance(index, addresses);
            }
        }
    }

    private void RunPiece(long inner, nint* addresses, nint* shifted, nint* strides)
    {
        long start = inner * _pieceLength;
        if (start > 0)
        {
            for (int t = 0; t < Tensors.Length; t++)
            {
                nint step = _block is not null ? strides[t] : Text.Places[t].OneColumn ? 0 : Text.Places[t].IsBool ? 1 : ElementSize;
                shifted[t] = addresses[t] + (nint)start * step;
            }
            addresses = shifted;
        }
        if (_block is not null) _block(addresses, strides, (nint)Math.Min(_pieceLength, _rows - start), (nint)Columns);
        else _row!(addresses, (nint)Math.Min(_pieceLength, Columns - start));
    }
}

/// <summary>Element-wise operations on rectangles of a matrix product: the last merged axis counts its columns, the others its rows.</summary>
internal sealed unsafe class EpilogueLoop : FusedLoop
{
    private readonly LoopText.RowCode _row;

    [RequiresDynamicCode(FusedLoop.Translates), RequiresUnreferencedCode(FusedLoop.Translates)]
    public EpilogueLoop(DType element, FusedTensor[] tensors, LoopOperation[] operations, Merged merged) : base(element, tensors, operations, merged, 1)
    {
        _row = Text.ForRow();
        Epilogue = new Caller(this);
    }

    /// <summary>What the product calls.</summary>
    public MatMulEpilogue Epilogue { get; }

    public override void Run() => Run(0, (nint)OuterCount, 0, (nint)Columns);

    [SkipLocalsInit]
    private void Run(long row, nint rows, nint column, nint columns)
    {
        nint* addresses = stackalloc nint[Tensors.Length];
        long* index = stackalloc long[Outer.Length];
        Addresses(addresses);
        Seek(row, index, addresses);
        for (int t = 0; t < Tensors.Length; t++)
            if (!Text.Places[t].OneColumn) addresses[t] += column * (Text.Places[t].IsBool ? 1 : ElementSize);
        for (nint i = 0; i < rows; i++, Advance(index, addresses)) _row(addresses, columns);
    }

    private sealed class Caller(EpilogueLoop loop) : MatMulEpilogue
    {
        public override void Run(long row, nint rows, nint column, nint columns) => loop.Run(row, rows, column, columns);
    }
}

/// <summary>
/// Sums along lines: every value to be summed is written to a line in the cache, which is folded as <see cref="Reductions"/> folds lines. Short lines are written several at a time.
/// </summary>
internal sealed unsafe class LineSumLoop : FusedLoop
{
    // Elements of lines that are written before they are folded.
    private const int CachedElements = 4096;

    private readonly LoopText.RowCode? _row;
    private readonly LoopText.BlockCode? _block;
    private readonly long _lines, _linesAtOnce, _groupsPerOuter, _groups, _groupsPerPart, _padded;
    private readonly nint[] _lineStrides;
    private readonly int[] _sums;

    [RequiresDynamicCode(FusedLoop.Translates), RequiresUnreferencedCode(FusedLoop.Translates)]
    public LineSumLoop(DType element, FusedTensor[] tensors, LoopOperation[] operations, Merged merged) : base(element, tensors, operations, merged, InnerAxes(merged))
    {
        _sums = [.. Enumerable.Range(0, tensors.Length).Where(i => tensors[i].Use == FusedUse.Sum)];
        _padded = (Columns + 15) & ~15;
        bool blocks = InnerAxes(merged) == 2;
        var text = new LoopText(element, [.. Text.Places.Select(p => p.Use == FusedUse.Sum ? p with { Use = FusedUse.Store, OneRow = false } : p)], operations);
        if (blocks) _block = text.ForBlock();
        else _row = text.ForRow();
        _lineStrides = blocks ? [.. merged.Strides.Select((s, i) => tensors[i].Use == FusedUse.Sum ? (nint)_padded * ElementSize : (nint)s[^2])] : [];
        _lines = blocks ? merged.Dims[^2] : 1;
        _linesAtOnce = Math.Clamp(CachedElements / (_padded * Math.Max(1, _sums.Length)), 1, _lines);
        _groupsPerOuter = (_lines + _linesAtOnce - 1) / _linesAtOnce;
        _groups = OuterCount * _groupsPerOuter;
        _groupsPerPart = Math.Max(1, PartWork / Math.Max(1, _linesAtOnce * Columns * (WorkPerElement + _sums.Length)));
    }

    private static int InnerAxes(Merged merged) => merged.Dims.Length > 1 && merged.Dims[^1] < ShortRow ? 2 : 1;

    public override void Run()
    {
        nint* bases = stackalloc nint[Tensors.Length];
        Addresses(bases);
        var job = new Job(this, bases);
        Workers.Run(ref job, checked((int)((_groups + _groupsPerPart - 1) / _groupsPerPart)));
    }

    private readonly struct Job(LineSumLoop loop, nint* bases) : IParallelJob
    {
        public void Run(int part)
        {
            if (loop.ElementSize == sizeof(float)) loop.RunPart<float>(part, bases);
            else loop.RunPart<double>(part, bases);
        }
    }

    [SkipLocalsInit]
    private void RunPart<T>(int part, nint* bases) where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        nint* addresses = stackalloc nint[Tensors.Length];
        nint* shifted = stackalloc nint[Tensors.Length];
        long* index = stackalloc long[Outer.Length];
        new Span<nint>(bases, Tensors.Length).CopyTo(new Span<nint>(addresses, Tensors.Length));
        long first = part * _groupsPerPart, end = Math.Min(_groups, first + _groupsPerPart);
        (long outer, long inner) = Math.DivRem(first, _groupsPerOuter);
        Seek(outer, index, addresses);
        T* buffer = Scratch.Get<T>(Scratch.Slot.Vector, _linesAtOnce * _padded * _sums.Length);
        fixed (nint* strides = _lineStrides)
        {
            for (long group = first; group < end; group++)
            {
                long start = inner * _linesAtOnce, count = Math.Min(_linesAtOnce, _lines - start);
                for (int t = 0; t < Tensors.Length; t++) shifted[t] = addresses[t] + (_block is null ? 0 : (nint)start * strides[t]);
                for (int s = 0; s < _sums.Length; s++) shifted[_sums[s]] = (nint)(buffer + s * _linesAtOnce * _padded);
                if (_block is not null) _block(shifted, strides, (nint)count, (nint)Columns);
                else _row!(shifted, (nint)Columns);
                for (int s = 0; s < _sums.Length; s++)
                {
                    T* lines = (T*)shifted[_sums[s]], sums = (T*)bases[_sums[s]] + outer * _lines + start;
                    for (long line = 0; line < count; line++) sums[line] = Fold<SumOp, T>.Line(lines + line * _padded, Columns, 1);
                }
                if (++inner < _groupsPerOuter) continue;
                (outer, inner) = (outer + 1, 0);
                Advance(index, addresses);
            }
        }
    }
}

/// <summary>Sums over rows, with other axes before them or not: blocks of rows in registers, blocks in the balanced tree of <see cref="Reductions"/>.</summary>
internal sealed unsafe class RowSumLoop : FusedLoop
{
    private const int MostColumns = 1024;

    private readonly LoopText.BlockCode _block;
    private readonly nint[] _rowStrides;
    private readonly int[] _sums;
    private readonly long _rows, _band, _bands, _units, _unitsPerPart;
    private readonly FoldChunks _chunks;

    [RequiresDynamicCode(FusedLoop.Translates), RequiresUnreferencedCode(FusedLoop.Translates)]
    public RowSumLoop(DType element, FusedTensor[] tensors, LoopOperation[] operations, Merged merged) : base(element, tensors, operations, merged, 2)
    {
        _block = Text.ForBlock();
        _rowStrides = [.. merged.Strides.Select(s => (nint)s[^2])];
        _sums = [.. Enumerable.Range(0, tensors.Length).Where(i => tensors[i].Use == FusedUse.Sum)];
        _rows = merged.Dims[^2];
        _chunks = FoldChunks.OfRows(OuterCount, _rows, Columns);
        _band = Math.Min(Columns, MostColumns);
        _bands = (Columns + _band - 1) / _band;
        _units = OuterCount * _bands * _chunks.Count;
        _unitsPerPart = Math.Max(1, PartWork / Math.Max(1, _chunks.Size * _band * (WorkPerElement + _sums.Length)));
    }

    /// <summary>Fewer columns are summed in another order by <see cref="Reductions"/>.</summary>
    public static int FewestColumns => Vector512<float>.Count;

    public override void Run()
    {
        nint* bases = stackalloc nint[Tensors.Length];
        nint* results = stackalloc nint[_sums.Length];
        Addresses(bases);
        for (int s = 0; s < _sums.Length; s++) results[s] = bases[_sums[s]];
        long outputs = OuterCount * Columns;
        if (_chunks.Count > 1)
        {
            byte* table = Scratch.Get<byte>(Scratch.Slot.PartialTable, _sums.Length * _chunks.Count * outputs * ElementSize);
            for (int s = 0; s < _sums.Length; s++) bases[_sums[s]] = (nint)(table + s * _chunks.Count * outputs * ElementSize);
        }
        var job = new Job(this, bases);
        Workers.Run(ref job, checked((int)((_units + _unitsPerPart - 1) / _unitsPerPart)));
        if (_chunks.Count == 1) return;
        for (int s = 0; s < _sums.Length; s++)
        {
            if (ElementSize == sizeof(float)) FoldTable<float>(bases[_sums[s]], results[s], outputs);
            else FoldTable<double>(bases[_sums[s]], results[s], outputs);
        }
    }

    private void FoldTable<T>(nint table, nint result, long outputs) where T : unmanaged, INumber<T>, IMinMaxValue<T> =>
        Fold<SumOp, T>.Lines((T*)table, _chunks.Count, outputs, (T*)result, outputs);

    private readonly struct Job(RowSumLoop loop, nint* bases) : IParallelJob
    {
        public void Run(int part)
        {
            if (loop.ElementSize == sizeof(float)) loop.RunPart<float>(part, bases);
            else loop.RunPart<double>(part, bases);
        }
    }

    [SkipLocalsInit]
    private void RunPart<T>(int part, nint* bases) where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        nint* addresses = stackalloc nint[Tensors.Length];
        long* index = stackalloc long[Outer.Length];
        long first = part * _unitsPerPart, end = Math.Min(_units, first + _unitsPerPart);
        long levels = PairwiseTree<SumOp, T>.Scratch(FoldChunks.Blocks(_chunks.Size), (int)_band);
        T* scratch = Scratch.Get<T>(Scratch.Slot.PartialRows, levels * _sums.Length);
        for (long unit = first; unit < end; unit++)
        {
            (long outer, long rest) = Math.DivRem(unit, _bands * _chunks.Count);
            (long chunk, long band) = Math.DivRem(rest, _bands);
            new Span<nint>(bases, Tensors.Length).CopyTo(new Span<nint>(addresses, Tensors.Length));
            Seek(outer, index, addresses);
            long column = band * _band, low = chunk * _chunks.Size;
            for (int t = 0; t < Tensors.Length; t++)
            {
                if (!Text.Places[t].OneColumn) addresses[t] += (nint)column * (Text.Places[t].IsBool ? 1 : ElementSize);
                addresses[t] += (nint)low * _rowStrides[t];
            }
            int columns = (int)Math.Min(_band, Columns - column);
            SumRows(addresses, Math.Min(_chunks.Size, _rows - low), columns, scratch, levels);
            long to = (chunk * OuterCount + outer) * Columns + column;
            for (int s = 0; s < _sums.Length; s++)
                Unsafe.CopyBlockUnaligned((T*)bases[_sums[s]] + to, scratch + s * levels, (uint)(columns * sizeof(T)));
        }
    }

    // Sums `rows` rows; each result is left at the start of its part of the scratch memory.
    [SkipLocalsInit]
    private void SumRows<T>(nint* addresses, long rows, int columns, T* scratch, long levels)
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        PairwiseTree<SumOp, T>* trees = stackalloc PairwiseTree<SumOp, T>[_sums.Length];
        for (int s = 0; s < _sums.Length; s++)
        {
            trees[s] = new PairwiseTree<SumOp, T>(scratch + s * levels, columns);
            addresses[_sums[s]] = (nint)trees[s].Incoming;
        }
        fixed (nint* strides = _rowStrides)
        {
            for (long row = 0; row < rows; row += FoldChunks.RowsPerBlock)
            {
                long block = Math.Min(FoldChunks.RowsPerBlock, rows - row);
                _block(addresses, strides, (nint)block, columns);
                for (int s = 0; s < _sums.Length; s++) trees[s].Push();
                for (int t = 0; t < Tensors.Length; t++) addresses[t] += (nint)block * strides[t];
            }
        }
        for (int s = 0; s < _sums.Length; s++) trees[s].Finish();
    }
}
