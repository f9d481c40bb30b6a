namespace Nabla.Kernels;

/// <summary>
/// Copies between two layouts of one shape; operand 0 of the walk is the source, operand 1 the target. Elements are moved as plain
/// 1-, 4- or 8-byte words. Source and target must not overlap.
/// </summary>
/// <remarks>
/// Where the innermost target axis is dense but the dense source axis is another one, the two are copied in square tiles as
/// wide as a cache line, so that each line of either side is used whole.
/// </remarks>
internal static unsafe class StridedCopy
{
    /// <summary>Elements that one part of a parallel copy moves.</summary>
    private const long PartSize = 1 << 15;

    /// <summary>Copies with all worker threads.</summary>
    public static void Run<T>(T* source, T* target, in StridedWalk walk) where T : unmanaged
    {
        long count = walk.Count;
        if (count == 0) return;
        int axis = TransposedAxis(walk);
        if (axis > 0)
        {
            var tiles = new TileJob<T>(source, target, walk, axis);
            Workers.Run(ref tiles, tiles.Parts);
            return;
        }
        if (count <= PartSize)
        {
            Range(source, target, walk, 0, count);
            return;
        }
        var job = new RangeJob<T>(source, target, walk, count);
        Workers.Run(ref job, checked((int)((count + PartSize - 1) / PartSize)));
    }

    /// <summary>Copies elements [<paramref name="start"/>, <paramref name="end"/>) in row-major order on the caller's thread.</summary>
    public static void Range<T>(T* source, T* target, in StridedWalk walk, long start, long end) where T : unmanaged
    {
        long inner = walk.Dim(0), from = walk.Stride(0, 0), to = walk.Stride(1, 0);
        (long outer, long index) = Math.DivRem(start, inner);
        walk.Seek(outer, 1, out StridedWalk.Cursor cursor);
        while (start < end)
        {
            long n = Math.Min(inner - index, end - start);
            Line(source + cursor.Offset[0] + index * from, from, target + cursor.Offset[1] + index * to, to, n);
            start += n;
            index = 0;
            walk.Advance(1, ref cursor);
        }
    }

    private static void Line<T>(T* source, long from, T* target, long to, long n) where T : unmanaged
    {
        if (to == 1 && from == 1)
        {
            System.Buffer.MemoryCopy(source, target, n * sizeof(T), n * sizeof(T));
        }
        else if (to == 1 && from == 0)
        {
            Fill(target, *source, n);
        }
        else
        {
            for (long i = 0; i < n; i++) target[i * to] = source[i * from];
        }
    }

    /// <summary>Sets n neighbouring elements.</summary>
    public static void Fill<T>(T* target, T value, long n) where T : unmanaged
    {
        for (long start = 0; start < n; start += int.MaxValue)
            new Span<T>(target + start, (int)Math.Min(int.MaxValue, n - start)).Fill(value);
    }

    // The axis, counted from the innermost, along which the source is dense while the target is dense along the innermost; 0 if
    // there is none or a tile would be mostly empty.
    private static int TransposedAxis(in StridedWalk walk)
    {
        if (walk.Rank < 2 || walk.Stride(1, 0) != 1 || walk.Stride(0, 0) is 0 or 1 || walk.Dim(0) < 4) return 0;
        for (int axis = 1; axis < walk.Rank; axis++)
            if (walk.Stride(0, axis) == 1 && walk.Dim(axis) >= 4) return axis;
        return 0;
    }

    private readonly struct RangeJob<T>(T* source, T* target, in StridedWalk walk, long count) : IParallelJob where T : unmanaged
    {
        private readonly StridedWalk _walk = walk;

        public void Run(int part) =>
            Range(source, target, _walk, part * PartSize, Math.Min(count, (part + 1) * PartSize));
    }

    // One unit of work is a band of four tiles along the dense source axis, at one position of the outer axes: a page of the source
    // that is opened for one tile serves its neighbours too.
    private readonly struct TileJob<T> : IParallelJob where T : unmanaged
    {
        private readonly T* _source, _target;
        private readonly StridedWalk _outer;
        private readonly long _rows, _columns, _rowTo, _columnFrom, _bands, _units, _unitsPerPart;

        public TileJob(T* source, T* target, in StridedWalk walk, int axis)
        {
            _source = source;
            _target = target;
            _outer = walk;
            (_rows, _rowTo) = (walk.Dim(axis), walk.Stride(1, axis));
            (_columns, _columnFrom) = (walk.Dim(0), walk.Stride(0, 0));
            _outer.Remove(axis);
            _outer.Remove(0);
            _bands = (_rows + BandRows - 1) / BandRows;
            _units = _outer.Count * _bands;
            _unitsPerPart = Math.Max(1, PartSize / (Math.Min(_rows, BandRows) * _columns));
        }

        private static int Tile => TransposeTile.Side<T>();

        private static int BandRows => 4 * Tile;

        public int Parts => checked((int)((_units + _unitsPerPart - 1) / _unitsPerPart));

        public void Run(int part)
        {
            long end = Math.Min(_units, (part + 1) * _unitsPerPart);
            for (long unit = part * _unitsPerPart; unit < end; unit++)
            {
                (long outer, long band) = Math.DivRem(unit, _bands);
                _outer.Seek(outer, 0, out StridedWalk.Cursor cursor);
                Band(_source + cursor.Offset[0], _target + cursor.Offset[1], band * BandRows);
            }
        }

        private void Band(T* source, T* target, long firstRow)
        {
            long end = Math.Min(_rows, firstRow + BandRows);
            for (long column = 0; column < _columns; column += Tile)
                for (long row = firstRow; row < end; row += Tile)
                    Square(source + row + column * _columnFrom, target + row * _rowTo + column,
                        Math.Min(Tile, end - row), Math.Min(Tile, _columns - column));
        }

        private void Square(T* from, T* to, long rows, long columns)
        {
            if (rows == Tile && columns == Tile)
            {
                TransposeTile.Run(from, _columnFrom, to, _rowTo);
                return;
            }
            for (long row = 0; row < rows; row++)
                for (long column = 0; column < columns; column++)
                    to[row * _rowTo + column] = from[row + column * _columnFrom];
        }
    }
}
