using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

/// <summary>
/// Operands of any layout. The result is dense, so a tile is a range of its elements. Long rows are cut into tiles, and an operand
/// that is dense or repeated along the row is used where it lies; short rows are put together into tiles that span several. Every
/// other operand is gathered into a buffer on the stack.
/// </summary>
internal unsafe struct StridedJob : IParallelJob
{
    private const int GatheredTile = 512;
    private const int DirectTile = 2048;
    private const int ShortRow = 64;
    private const int Result = 3;

    private readonly RowKernel _kernel;
    private readonly RowArgs _row;
    private readonly MapDriver.ElementSizes _sizes;
    private readonly StridedWalk _walk;
    private readonly long _tileLength, _tilesPerRow, _tiles, _tilesPerPart;
    private readonly bool _spansRows;

    public StridedJob(RowKernel kernel, in RowArgs row, MapDriver.ElementSizes sizes, in StridedWalk walk, int partSize)
    {
        (_kernel, _row, _sizes, _walk) = (kernel, row, sizes, walk);
        long rowLength = walk.Dim(0);
        _spansRows = rowLength < ShortRow;
        bool direct = !_spansRows && IsDirect(0) && IsDirect(1) && IsDirect(2);
        _tileLength = _spansRows ? GatheredTile : Math.Min(rowLength, direct ? DirectTile : GatheredTile);
        _tilesPerRow = _spansRows ? 1 : (rowLength + _tileLength - 1) / _tileLength;
        _tiles = _spansRows ? (walk.Count + _tileLength - 1) / _tileLength : _tilesPerRow * walk.OuterCount(1);
        _tilesPerPart = Math.Max(1, partSize / _tileLength);
    }

    /// <summary>Number of parts.</summary>
    public readonly int Parts => checked((int)((_tiles + _tilesPerPart - 1) / _tilesPerPart));

    /// <inheritdoc/>
    [SkipLocalsInit]
    public readonly void Run(int part)
    {
        byte* buffers = stackalloc byte[3 * GatheredTile * sizeof(long)];
        long first = part * _tilesPerPart, end = Math.Min(_tiles, first + _tilesPerPart);
        if (_spansRows) RunAcrossRows(first, end, buffers);
        else RunAlongRows(first, end, buffers);
    }

    private readonly void RunAlongRows(long first, long end, byte* buffers)
    {
        (long outer, long tileInRow) = Math.DivRem(first, _tilesPerRow);
        _walk.Seek(outer, inner: 1, out StridedWalk.Cursor cursor);
        RowArgs row = _row;
        for (long tile = first; tile < end; tile++)
        {
            long start = tileInRow * _tileLength;
            row.Count = (int)Math.Min(_tileLength, _walk.Dim(0) - start);
            row.Splats = Splats.None;
            row.A = Along(0, _row.A, _sizes.A, ref row, cursor.Offset[0], start, buffers);
            row.B = Along(1, _row.B, _sizes.B, ref row, cursor.Offset[1], start, buffers);
            row.C = Along(2, _row.C, _sizes.C, ref row, cursor.Offset[2], start, buffers);
            row.Y = (byte*)_row.Y + (cursor.Offset[Result] + start) * _sizes.Y;
            _kernel.Run(&row);
            if (++tileInRow < _tilesPerRow) continue;
            tileInRow = 0;
            _walk.Advance(inner: 1, ref cursor);
        }
    }

    // The operand's elements [start, start + Count) of the row at offset: where they lie, or gathered.
    private readonly void* Along(int operand, void* first, int size, ref RowArgs row, long offset, long start, byte* buffers)
    {
        if (size == 0) return null;
        long stride = _walk.Stride(operand, 0);
        if (stride == 0)
        {
            row.Splats |= (Splats)(1 << operand);
            return (byte*)first + offset * size;
        }
        byte* source = (byte*)first + (offset + start * stride) * size;
        if (stride == 1) return source;
        byte* target = buffers + operand * GatheredTile * sizeof(long);
        Gather(source, stride, size, target, row.Count);
        return target;
    }

    private readonly void RunAcrossRows(long first, long end, byte* buffers)
    {
        RowArgs row = _row;
        for (long tile = first; tile < end; tile++)
        {
            long start = tile * _tileLength;
            row.Count = (int)Math.Min(_tileLength, _walk.Count - start);
            row.A = Across(0, _row.A, _sizes.A, row.Count, start, buffers);
            row.B = Across(1, _row.B, _sizes.B, row.Count, start, buffers);
            row.C = Across(2, _row.C, _sizes.C, row.Count, start, buffers);
            row.Y = (byte*)_row.Y + start * _sizes.Y;
            _kernel.Run(&row);
        }
    }

    // The operand's elements [start, start + count) in row-major order: where they lie, or gathered row by row.
    private readonly void* Across(int operand, void* first, int size, int count, long start, byte* buffers)
    {
        if (size == 0 || (_row.Splats & (Splats)(1 << operand)) != 0) return first;
        if (IsDense(operand)) return (byte*)first + start * size;
        byte* target = buffers + operand * GatheredTile * sizeof(long);
        (long outer, long position) = Math.DivRem(start, _walk.Dim(0));
        _walk.Seek(outer, inner: 1, out StridedWalk.Cursor cursor);
        long stride = _walk.Stride(operand, 0);
        for (int done = 0; done < count;)
        {
            int run = (int)Math.Min(count - done, _walk.Dim(0) - position);
            Gather((byte*)first + (cursor.Offset[operand] + position * stride) * size, stride, size, target + (long)done * size, run);
            done += run;
            position = 0;
            if (done < count) _walk.Advance(inner: 1, ref cursor);
        }
        return target;
    }

    private readonly bool IsDirect(int operand) => _walk.Stride(operand, 0) is 0 or 1;

    private readonly bool IsDense(int operand)
    {
        long expected = 1;
        for (int axis = 0; axis < _walk.Rank; axis++)
        {
            if (_walk.Stride(operand, axis) != expected) return false;
            expected *= _walk.Dim(axis);
        }
        return true;
    }

    /// <summary>Elements of a given size at a stride, made dense.</summary>
    public static void Gather(byte* source, long stride, int size, byte* target, int count)
    {
        if (size == 4) Gather((int*)source, stride, (int*)target, count);
        else if (size == 8) Gather((long*)source, stride, (long*)target, count);
        else Gather(source, stride, target, count);
    }

    private static void Gather<T>(T* source, long stride, T* target, int count) where T : unmanaged
    {
        if (stride == 1) new ReadOnlySpan<T>(source, count).CopyTo(new Span<T>(target, count));
        else if (stride == 0) new Span<T>(target, count).Fill(*source);
        else for (int i = 0; i < count; i++) target[i] = source[i * stride];
    }
}
