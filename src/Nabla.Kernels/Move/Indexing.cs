using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

public static unsafe partial class Move
{
    /// <summary>
    /// Rows by number: y[b, i, …] = x[b, indices[b, i], …]. Shape: x [B…, N, rest…], indices [B…, I…] → y [B…, I…, rest…], where B… are the first
    /// <paramref name="batchRank"/> axes. Negative indices count from the end. Indices are i32 or i64; x has any element type.
    /// </summary>
    /// <exception cref="ShapeException">NB0109: an index is outside [−N, N); the first one in row-major order is named.</exception>
    public static void Gather(DenseTensor x, DenseTensor indices, int batchRank, DenseTensor y)
    {
        Debug.Assert(y.IsContiguous && x.DType == y.DType, "gather: operands");
        if (indices.Count == 0) return;
        if (y.Device is Accelerator)
        {
            CheckOnHost("gather", x, indices, batchRank);
            DeviceIndexing.Gather(x, indices, batchRank, y);
            return;
        }
        var plan = new RowPlan(x, indices, batchRank);
        plan.CheckIndices("gather", indices);
        if (y.Count == 0) return;
        switch (x.DType.Size)
        {
            case 1: Gather(Start(x), Start(y), indices, plan); break;
            case 4: Gather((uint*)Start(x), (uint*)Start(y), indices, plan); break;
            default: Gather((ulong*)Start(x), (ulong*)Start(y), indices, plan); break;
        }
    }

    /// <summary>
    /// y = x, then y[b, indices[b, i], …] += updates[b, i, …] for i in row-major order, so that repeated indices add up in a fixed order.
    /// Shape: x [B…, N, rest…], indices [B…, I…], updates [B…, I…, rest…] → y like x. Element types: f32, f64, i32, i64.
    /// </summary>
    /// <remarks>The transpose of <see cref="Gather"/> when x is 0. Threads share batches and columns, never the additions to one element.</remarks>
    /// <exception cref="ShapeException">NB0109: an index is outside [−N, N).</exception>
    /// <exception cref="DTypeException">NB0204: the operands are bool.</exception>
    public static void ScatterAdd(DenseTensor x, DenseTensor indices, DenseTensor updates, int batchRank, DenseTensor y)
    {
        Debug.Assert(y.IsContiguous && x.Aval == y.Aval && updates.DType == x.DType, "scatter_add: operands");
        Copy(x, y);
        if (indices.Count == 0) return;
        if (y.Device is Accelerator)
        {
            CheckOnHost("scatter_add", y, indices, batchRank);
            DeviceIndexing.ScatterAdd(indices, updates, batchRank, y);
            return;
        }
        var plan = new RowPlan(y, indices, batchRank);
        plan.CheckIndices("scatter_add", indices);
        if (updates.Count == 0) return;
        switch (x.DType)
        {
            case DType.F32: ScatterAdd<float>(indices, updates, plan, batchRank, y); break;
            case DType.F64: ScatterAdd<double>(indices, updates, plan, batchRank, y); break;
            case DType.I32: ScatterAdd<int>(indices, updates, plan, batchRank, y); break;
            case DType.I64: ScatterAdd<long>(indices, updates, plan, batchRank, y); break;
            default: throw KernelErrors.NoKernel("scatter_add", x.Aval);
        }
    }

    private static void CheckOnHost(string operation, DenseTensor x, DenseTensor indices, int batchRank)
    {
        DenseTensor copy = indices.OnHost();
        new RowPlan(x, copy, batchRank).CheckIndices(operation, copy);
        GC.KeepAlive(copy);
    }

    private static void Gather<T>(T* source, T* target, DenseTensor indices, in RowPlan plan) where T : unmanaged
    {
        var job = new GatherJob<T>(source, target, indices, plan);
        Workers.Run(ref job, job.Parts);
    }

    private static void ScatterAdd<T>(DenseTensor indices, DenseTensor updates, in RowPlan plan, int batchRank, DenseTensor y)
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        var job = new ScatterJob<T>(indices, updates, plan, batchRank, y);
        Workers.Run(ref job, job.Parts);
    }

    /// <summary>How rows of a tensor [B…, N, rest…] are found from indices [B…, I…].</summary>
    private readonly struct RowPlan
    {
        /// <summary>Walk over [B…, I…]: operand 0 is the rows' tensor without its axis N, operand 1 the indices.</summary>
        public readonly StridedWalk Positions;

        /// <summary>Walk over rest…: operand 0 is the rows' tensor, operand 1 a dense row.</summary>
        public readonly StridedWalk Row;

        /// <summary>Size and stride of axis N; elements of a row; positions of one batch entry.</summary>
        public readonly long Size, Stride, RowCount, PerBatch;

        /// <summary>True if a row is one block of memory below 2 GiB.</summary>
        public readonly bool RowIsDense;

        private readonly nint _indices;
        private readonly bool _wide;

        public RowPlan(DenseTensor x, DenseTensor indices, int batchRank)
        {
            ReadOnlySpan<int> dims = x.Shape.Dims, indexDims = indices.Shape.Dims;
            ReadOnlySpan<long> strides = x.Layout.Strides, indexStrides = indices.Layout.Strides;
            PerBatch = 1;
            for (int i = 0; i < indexDims.Length; i++)
            {
                Positions.Append(indexDims[i], i < batchRank ? strides[i] : 0, indexStrides[i]);
                if (i >= batchRank) PerBatch *= indexDims[i];
            }
            (Size, Stride) = (dims[batchRank], strides[batchRank]);
            int rest = dims.Length - batchRank - 1;
            Span<long> dense = stackalloc long[rest];
            RowMajor(dims[(batchRank + 1)..], dense);
            Row = new StridedWalk(dims[(batchRank + 1)..], strides[(batchRank + 1)..], dense);
            RowCount = Row.Count;
            RowIsDense = Row.Rank == 1 && Row.Stride(0, 0) == 1 && RowCount <= int.MaxValue / sizeof(long);
            _wide = indices.DType == DType.I64;
            _indices = (nint)Start(indices);
        }

        /// <summary>The index at an offset, as stored.</summary>
        public long RawIndex(long offset) => _wide ? ((long*)_indices)[offset] : ((int*)_indices)[offset];

        /// <summary>Offset along axis N of the row that the index at an offset names.</summary>
        public long RowOffset(long offset)
        {
            long index = RawIndex(offset);
            return (index < 0 ? index + Size : index) * Stride;
        }

        public void CheckIndices(string operation, DenseTensor indices)
        {
            long inner = Positions.Dim(0), step = Positions.Stride(1, 0), outer = Positions.OuterCount(1);
            Positions.Seek(0, 1, out StridedWalk.Cursor cursor);
            for (long o = 0; o < outer; o++, Positions.Advance(1, ref cursor))
                for (long i = 0; i < inner; i++)
                {
                    long index = RawIndex(cursor.Offset[1] + i * step);
                    if (index < -Size || index >= Size)
                        throw KernelErrors.IndexOutOfRange(operation, index, o * inner + i, indices.Aval, Size);
                }
        }
    }

    private readonly struct GatherJob<T>(T* source, T* target, DenseTensor indices, in RowPlan plan) : IParallelJob where T : unmanaged
    {
        private const long ElementsPerPart = 1 << 14;
        private readonly RowPlan _plan = plan;
        private readonly long _count = indices.Count;
        private readonly long _perPart = Math.Max(1, ElementsPerPart / plan.RowCount);

        public int Parts => checked((int)((_count + _perPart - 1) / _perPart));

        public void Run(int part)
        {
            long start = part * _perPart, left = Math.Min(_perPart, _count - start);
            long inner = _plan.Positions.Dim(0), rowStep = _plan.Positions.Stride(0, 0), indexStep = _plan.Positions.Stride(1, 0);
            (long outer, long index) = Math.DivRem(start, inner);
            _plan.Positions.Seek(outer, 1, out StridedWalk.Cursor cursor);
            for (T* to = target + start * _plan.RowCount; left > 0; _plan.Positions.Advance(1, ref cursor))
            {
                long n = Math.Min(inner - index, left);
                for (long i = index; i < index + n; i++, to += _plan.RowCount)
                {
                    T* row = source + cursor.Offset[0] + i * rowStep + _plan.RowOffset(cursor.Offset[1] + i * indexStep);
                    if (_plan.RowCount == 1) *to = *row;
                    else if (_plan.RowIsDense) Unsafe.CopyBlockUnaligned(to, row, (uint)(_plan.RowCount * sizeof(T)));
                    else StridedCopy.Range(row, to, _plan.Row, 0, _plan.RowCount);
                }
                left -= n;
                index = 0;
            }
        }
    }

    // A part is one batch entry and one range of columns of its rows; it visits the indices in order.
    private readonly struct ScatterJob<T> : IParallelJob where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        private const long ColumnsPerPart = 64;
        private readonly RowPlan _plan;
        private readonly StridedWalk _updatePositions, _updateRow;
        private readonly T* _updates, _target;
        private readonly long _bands, _columns;
        private readonly int _batches;

        public ScatterJob(DenseTensor indices, DenseTensor updates, in RowPlan plan, int batchRank, DenseTensor y)
        {
            _plan = plan;
            int split = indices.Rank;
            ReadOnlySpan<int> dims = updates.Shape.Dims;
            _updatePositions = new StridedWalk(dims[..split], updates.Layout.Strides[..split]);
            _updateRow = new StridedWalk(dims[split..], updates.Layout.Strides[split..]);
            _updates = updates.Pointer<T>();
            _target = y.Pointer<T>();
            _batches = checked((int)(indices.Count / plan.PerBatch));
            // Whole rows while the work is small; then bands of columns, a multiple of the cache line.
            _columns = indices.Count * plan.RowCount <= 1 << 15 ? plan.RowCount : Math.Max(ColumnsPerPart, (plan.RowCount + 15) / 16);
            _bands = (plan.RowCount + _columns - 1) / _columns;
        }

        public int Parts => checked((int)(_batches * _bands));

        public void Run(int part)
        {
            (long batch, long band) = Math.DivRem((long)part, _bands);
            long first = band * _columns, end = Math.Min(_plan.RowCount, first + _columns);
            _plan.Positions.Seek(batch * _plan.PerBatch, 0, out StridedWalk.Cursor position);
            _updatePositions.Seek(batch * _plan.PerBatch, 0, out StridedWalk.Cursor update);
            for (long i = 0; i < _plan.PerBatch; i++)
            {
                AddRow(_target + position.Offset[0] + _plan.RowOffset(position.Offset[1]), _updates + update.Offset[0], first, end);
                _plan.Positions.Advance(0, ref position);
                _updatePositions.Advance(0, ref update);
            }
        }

        private void AddRow(T* row, T* update, long first, long end)
        {
            long inner = _updateRow.Dim(0), step = _updateRow.Stride(0, 0);
            (long outer, long index) = Math.DivRem(first, inner);
            _updateRow.Seek(outer, 1, out StridedWalk.Cursor cursor);
            while (first < end)
            {
                long n = Math.Min(inner - index, end - first);
                T* from = update + cursor.Offset[0] + index * step;
                if (step == 1 && n <= int.MaxValue) Fold<SumOp, T>.Into(from, row + first, (int)n);
                else for (long i = 0; i < n; i++) row[first + i] += from[i * step];
                first += n;
                index = 0;
                _updateRow.Advance(1, ref cursor);
            }
        }
    }
}
