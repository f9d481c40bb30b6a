using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

/// <summary>How an element-wise operation computes a row: what drivers of whole programs need to know of it.</summary>
/// <param name="Kernel">The kernel for its element types; none if it cannot be part of a fused program.</param>
/// <param name="Work">Cost of one element.</param>
/// <param name="Parameter">The number that the kernel takes besides its operands.</param>
/// <param name="ConditionFirst">True if the first operand is the kernel's third, as the condition of a select is.</param>
public readonly record struct RowForm(RowKernel Kernel, WorkClass Work = WorkClass.Light, int Parameter = 0, bool ConditionFirst = false);

/// <summary>One operation of a <see cref="FusedMap"/>; operands and result are numbers of places, −1 for an operand that it does not have.</summary>
public readonly record struct FusedOperation(RowForm Form, int A, int B, int C, int Result);

/// <summary>
/// A chain of element-wise operations on one shape, evaluated tile by tile: every operation of the chain runs on a tile before the next tile is touched, so that
/// what only the chain uses never leaves the first-level cache. Bits are those of the operations run one after another.
/// </summary>
/// <remarks>
/// Places 0 … are tensors of the shape, of any layout where they are only read, contiguous where they are written; behind them come registers, each a tile. The
/// tensors' addresses are read anew at every run. Long rows are cut into tiles; short rows are put together, and what does not lie densely in them is
/// gathered first. A run allocates nothing; parts for the threads have a fixed size.
/// </remarks>
public sealed unsafe class FusedMap
{
    private const int TileBudget = 32 << 10, LongestTile = 1024, ShortestTile = 128, ShortRow = 64;
    private const long PartWork = 1 << 16;

    private readonly FusedOperation[] _operations;
    private readonly Splats[] _splats;
    private readonly DenseTensor[] _tensors;
    private readonly Access[] _access;
    private readonly int _registers, _maxSize, _tileLength, _gathered;
    private readonly long _count, _tilesPerRow, _tiles, _tilesPerPart;
    private readonly bool _spansRows;

    // The shape with dense neighbouring axes merged, outermost first, and each tensor's strides along them.
    private readonly long[] _dims;
    private readonly long[][] _strides;

    /// <summary>Prepares a chain.</summary>
    /// <param name="shape">Shape of every tensor.</param>
    /// <param name="operations">In an order in which operands come before their uses.</param>
    /// <param name="tensors">The places that are tensors.</param>
    /// <param name="registers">Number of places behind them.</param>
    /// <param name="elementSize">Bytes of the largest element of any place.</param>
    public FusedMap(Shape shape, FusedOperation[] operations, DenseTensor[] tensors, int registers, int elementSize)
    {
        (_operations, _tensors, _registers, _count, _maxSize) = (operations, tensors, registers, shape.Count, elementSize);
        (_dims, _strides) = Merge(shape, tensors);
        long row = _dims.Length == 0 ? 1 : _dims[^1];
        _spansRows = _dims.Length > 1 && row < ShortRow;
        _access = [.. Enumerable.Range(0, tensors.Length).Select(AccessOf)];
        _gathered = _access.Count(a => a == Access.Gathered);
        int fits = TileBudget / Math.Max(1, (registers + _gathered) * _maxSize);
        int tile = Math.Clamp(fits / ShortestTile * ShortestTile, ShortestTile, LongestTile);
        _tileLength = _spansRows ? tile : (int)Math.Min(row, tile);
        _tilesPerRow = _spansRows ? 1 : (row + _tileLength - 1) / _tileLength;
        _tiles = _spansRows ? (_count + _tileLength - 1) / _tileLength : _tilesPerRow * (_count / Math.Max(1, row));
        long work = operations.Sum(o => (long)LightOperations(o.Form.Work)) * _tileLength;
        _tilesPerPart = Math.Max(1, PartWork / Math.Max(1, work));
        _splats = [.. operations.Select(o => SplatsOf(o.A, Splats.A) | SplatsOf(o.B, Splats.B) | SplatsOf(o.C, Splats.C))];
    }

    private enum Access : byte { Direct, Splat, Gathered }

    /// <summary>Runs the chain on what the tensors hold now.</summary>
    [SkipLocalsInit]
    public void Run()
    {
        if (_count == 0) return;
        nint* bases = stackalloc nint[_tensors.Length];
        for (int i = 0; i < _tensors.Length; i++)
            bases[i] = _tensors[i].Buffer.Address + (nint)(_tensors[i].Layout.Offset * _tensors[i].DType.Size);
        var job = new Job(this, bases);
        Workers.Run(ref job, checked((int)((_tiles + _tilesPerPart - 1) / _tilesPerPart)));
    }

    private readonly struct Job(FusedMap map, nint* bases) : IParallelJob
    {
        public void Run(int part) => map.RunPart(part, bases);
    }

    [SkipLocalsInit]
    private void RunPart(int part, nint* bases)
    {
        int tileBytes = (_tileLength * _maxSize + 63) & ~63;
        byte* memory = stackalloc byte[(_registers + _gathered) * tileBytes + 64];
        memory = (byte*)(((nint)memory + 63) & ~63);
        nint* places = stackalloc nint[_tensors.Length + _registers];
        nint* buffers = stackalloc nint[_tensors.Length];
        for (int i = 0; i < _registers; i++) places[_tensors.Length + i] = (nint)(memory + i * tileBytes);
        for (int i = 0, next = _registers; i < _tensors.Length; i++)
            if (_access[i] == Access.Gathered) buffers[i] = (nint)(memory + next++ * tileBytes);
        long first = part * _tilesPerPart, end = Math.Min(_tiles, first + _tilesPerPart);
        long* index = stackalloc long[_dims.Length];
        for (long tile = first; tile < end; tile++)
        {
            int length = _spansRows ? AcrossRows(tile, bases, buffers, places, index) : AlongRow(tile, bases, buffers, places);
            RunTile(places, length);
        }
    }

    private void RunTile(nint* places, int length)
    {
        RowArgs row;
        row.Count = length;
        for (int i = 0; i < _operations.Length; i++)
        {
            ref readonly FusedOperation operation = ref _operations[i];
            row.A = (void*)places[operation.A];
            row.B = operation.B < 0 ? null : (void*)places[operation.B];
            row.C = operation.C < 0 ? null : (void*)places[operation.C];
            row.Y = (void*)places[operation.Result];
            row.Splats = _splats[i];
            row.Parameter = operation.Form.Parameter;
            operation.Form.Kernel.Run(&row);
        }
    }

    // Points the places at a piece of one row; returns its length.
    private int AlongRow(long tile, nint* bases, nint* buffers, nint* places)
    {
        (long outer, long inRow) = Math.DivRem(tile, _tilesPerRow);
        long start = inRow * _tileLength, rowLength = _dims.Length == 0 ? 1 : _dims[^1];
        int length = (int)Math.Min(_tileLength, rowLength - start);
        for (int t = 0; t < _tensors.Length; t++)
        {
            long[] strides = _strides[t];
            int size = _tensors[t].DType.Size;
            long stride = strides.Length == 0 ? 0 : strides[^1], offset = start * stride, rest = outer;
            for (int axis = _dims.Length - 2; axis >= 0 && rest > 0; axis--)
            {
                (rest, long at) = Math.DivRem(rest, _dims[axis]);
                offset += at * strides[axis];
            }
            nint source = bases[t] + (nint)(offset * size);
            places[t] = source;
            if (_access[t] != Access.Gathered) continue;
            places[t] = buffers[t];
            StridedJob.Gather((byte*)source, stride, size, (byte*)buffers[t], length);
        }
        return length;
    }

    // Points the places at a range of elements that covers several rows; returns its length.
    private int AcrossRows(long tile, nint* bases, nint* buffers, nint* places, long* index)
    {
        long start = tile * _tileLength, row = _dims[^1];
        int length = (int)Math.Min(_tileLength, _count - start);
        for (int t = 0; t < _tensors.Length; t++)
        {
            int size = _tensors[t].DType.Size;
            places[t] = _access[t] switch
            {
                Access.Direct => bases[t] + (nint)(start * size),
                Access.Splat => bases[t],
                _ => buffers[t],
            };
            if (_access[t] != Access.Gathered) continue;
            long[] strides = _strides[t];
            (long rest, long position) = Math.DivRem(start, row);
            long offset = 0;
            for (int axis = _dims.Length - 2; axis >= 0; axis--)
            {
                (rest, index[axis]) = Math.DivRem(rest, _dims[axis]);
                offset += index[axis] * strides[axis];
            }
            for (int done = 0; done < length;)
            {
                int run = (int)Math.Min(length - done, row - position);
                StridedJob.Gather((byte*)bases[t] + (offset + position * strides[^1]) * size, strides[^1], size, (byte*)buffers[t] + (long)done * size, run);
                done += run;
                position = 0;
                for (int axis = _dims.Length - 2; axis >= 0; axis--)
                {
                    offset += strides[axis];
                    if (++index[axis] < _dims[axis]) break;
                    offset -= strides[axis] * _dims[axis];
                    index[axis] = 0;
                }
            }
        }
        return length;
    }

    private Access AccessOf(int tensor)
    {
        long[] strides = _strides[tensor];
        if (!_spansRows) return strides.Length == 0 || strides[^1] == 1 ? Access.Direct : strides[^1] == 0 ? Access.Splat : Access.Gathered;
        if (Array.TrueForAll(strides, s => s == 0)) return Access.Splat;
        long expected = 1;
        for (int axis = _dims.Length - 1; axis >= 0; axis--)
        {
            if (strides[axis] != expected) return Access.Gathered;
            expected *= _dims[axis];
        }
        return Access.Direct;
    }

    private Splats SplatsOf(int place, Splats bit) => place >= 0 && place < _tensors.Length && _access[place] == Access.Splat ? bit : Splats.None;

    private static int LightOperations(WorkClass work) => work switch { WorkClass.Light => 1, WorkClass.Medium => 4, _ => 64 };

    private static (long[] Dims, long[][] Strides) Merge(Shape shape, DenseTensor[] tensors)
    {
        var dims = new List<long>();
        List<long>[] strides = [.. tensors.Select(_ => new List<long>())];
        for (int axis = 0; axis < shape.Rank; axis++)
        {
            long size = shape.Dims[axis];
            if (size == 1) continue;
            int at = axis;
            bool nests = dims.Count > 0 && tensors.Index().All(t => strides[t.Index][^1] == size * t.Item.Layout.Strides[at]);
            if (nests) dims[^1] *= size;
            else dims.Add(size);
            for (int t = 0; t < tensors.Length; t++)
            {
                if (nests) strides[t][^1] = tensors[t].Layout.Strides[axis];
                else strides[t].Add(tensors[t].Layout.Strides[axis]);
            }
        }
        return ([.. dims], [.. strides.Select(s => s.ToArray())]);
    }
}
