using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// y = A·x or y += A·x in floating point, A read through any strides, y dense. Bound by reading A once: rows that are dense are
/// multiplied as dot products, columns that are dense are added up as multiples. A row vector times a matrix is the same with A transposed.
/// </summary>
/// <remarks>
/// Rows are cut into parts for the threads, and a dot product is one sum over k in vector lanes with a fixed tree at its end, so the bits do
/// not depend on the number of threads. 2 flops for each element of A read.
/// </remarks>
internal static unsafe class Gemv
{
    /// <summary>y = A·x or y += A·x on the path in use, with threads if it is large.</summary>
    public static void Run<T>(T* a, long rowStride, long columnStride, T* x, long strideX, T* y, long rows, long columns, bool accumulate)
        where T : unmanaged, INumber<T>
    {
        var job = new GemvJob<T>(a, rowStride, columnStride, x, y, rows, columns, accumulate);
        Run(ref job, strideX);
    }

    /// <summary>Runs a prepared product whose x has this stride.</summary>
    public static void Run<T>(ref GemvJob<T> job, long strideX) where T : unmanaged, INumber<T>
    {
        if (strideX != 1 && job.Columns > 1)
        {
            T* x = job.X;
            job.X = Scratch.Get<T>(Scratch.Slot.Vector, job.Columns);
            for (nint i = 0; i < job.Columns; i++) job.X[i] = x[i * strideX];
        }
        if (job.Rows * job.Columns >= GemmConfig.ParallelFrom / 8) Workers.Run(ref job, job.Parts);
        else
            for (int part = 0; part < job.Parts; part++) job.Run(part);
    }
}

/// <summary>One product; a part is a range of rows.</summary>
internal unsafe struct GemvJob<T>(T* a, long rowStride, long columnStride, T* x, T* y, long rows, long columns, bool accumulate) : IParallelJob
    where T : unmanaged, INumber<T>
{
    private const int PartElements = 1 << 15;
    private readonly GemmPath _path = GemmConfig.Path;

    public T* A = a, X = x, Y = y;
    public nint RowStride = (nint)rowStride, ColumnStride = (nint)columnStride, Rows = (nint)rows, Columns = (nint)columns;
    public bool Accumulate = accumulate;

    /// <summary>Called for each part; y is a row of the output if <see cref="IsRow"/>, else a column of width one.</summary>
    public MatMulEpilogue? Epilogue;

    public long FirstRow;
    public bool IsRow;

    // Of at least 64 rows, so that a part reads whole cache lines when the columns are dense.
    private readonly nint PartRows => Math.Max(64, PartElements / Columns / 64 * 64);

    public readonly int Parts => (int)((Rows + PartRows - 1) / PartRows);

    public readonly void Run(int part)
    {
        nint from = part * PartRows, to = Math.Min(Rows, from + PartRows);
        if (_path == GemmPath.Avx512) GemvKernels<T, Vector512<T>, Simd512<T>>.Run(this, from, to);
        else if (_path == GemmPath.Avx2) GemvKernels<T, Vector256<T>, Simd256<T>>.Run(this, from, to);
        else GemvKernels<T, Vector128<T>, Simd128<T>>.Run(this, from, to);
        if (IsRow) Epilogue?.Run(FirstRow, 1, from, to - from);
        else Epilogue?.Run(FirstRow + from, to - from, 0, 1);
    }
}

/// <summary>The loops of <see cref="Gemv"/> over a range of rows.</summary>
internal static unsafe class GemvKernels<T, V, S>
    where T : unmanaged, INumber<T> where V : unmanaged where S : struct, IGemmVector<T, V>
{
    private const int ColumnsAtOnce = 4;

    public static void Run(in GemvJob<T> job, nint from, nint to)
    {
        if (job.ColumnStride == 1 || job.Columns == 1) Rows(job, from, to);
        else if (job.RowStride == 1) Columns(job, from, to);
        else Strided(job, from, to);
    }

    private static void Rows(in GemvJob<T> job, nint from, nint to)
    {
        nint i = from;
        for (; i + 4 <= to; i += 4) FourDots(job.A + i * job.RowStride, job.RowStride, job.X, job.Columns, job.Y + i, job.Accumulate);
        for (; i < to; i++)
        {
            T sum = Dot(job.A + i * job.RowStride, job.X, job.Columns);
            job.Y[i] = job.Accumulate ? job.Y[i] + sum : sum;
        }
    }

    // Four sums in flight hide the latency of the additions.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static T Dot(T* a, T* x, nint columns)
    {
        V s0 = default, s1 = default, s2 = default, s3 = default;
        nint p = 0;
        for (; p + 4 * S.Width <= columns; p += 4 * S.Width)
        {
            s0 = S.MultiplyAdd(S.Load(a + p), S.Load(x + p), s0);
            s1 = S.MultiplyAdd(S.Load(a + p + S.Width), S.Load(x + p + S.Width), s1);
            s2 = S.MultiplyAdd(S.Load(a + p + 2 * S.Width), S.Load(x + p + 2 * S.Width), s2);
            s3 = S.MultiplyAdd(S.Load(a + p + 3 * S.Width), S.Load(x + p + 3 * S.Width), s3);
        }
        for (; p + S.Width <= columns; p += S.Width) s0 = S.MultiplyAdd(S.Load(a + p), S.Load(x + p), s0);
        if (p < columns)
        {
            int last = (int)(columns - p);
            V mask = S.Mask(last);
            s1 = S.MultiplyAdd(S.LoadPart(a + p, mask, last), S.LoadPart(x + p, mask, last), s1);
        }
        return S.Sum(S.Add(S.Add(s0, s1), S.Add(s2, s3)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourDots(T* a, nint stride, T* x, nint columns, T* y, bool accumulate)
    {
        T* a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride;
        V s0 = default, s1 = default, s2 = default, s3 = default, t0 = default, t1 = default, t2 = default, t3 = default;
        nint p = 0;
        for (; p + 2 * S.Width <= columns; p += 2 * S.Width)
        {
            V u = S.Load(x + p), v = S.Load(x + p + S.Width);
            s0 = S.MultiplyAdd(S.Load(a + p), u, s0);
            s1 = S.MultiplyAdd(S.Load(a1 + p), u, s1);
            s2 = S.MultiplyAdd(S.Load(a2 + p), u, s2);
            s3 = S.MultiplyAdd(S.Load(a3 + p), u, s3);
            t0 = S.MultiplyAdd(S.Load(a + p + S.Width), v, t0);
            t1 = S.MultiplyAdd(S.Load(a1 + p + S.Width), v, t1);
            t2 = S.MultiplyAdd(S.Load(a2 + p + S.Width), v, t2);
            t3 = S.MultiplyAdd(S.Load(a3 + p + S.Width), v, t3);
        }
        for (; p < columns; p += S.Width)
        {
            int last = (int)Math.Min(S.Width, columns - p);
            V mask = S.Mask(last), u = S.LoadPart(x + p, mask, last);
            s0 = S.MultiplyAdd(S.LoadPart(a + p, mask, last), u, s0);
            s1 = S.MultiplyAdd(S.LoadPart(a1 + p, mask, last), u, s1);
            s2 = S.MultiplyAdd(S.LoadPart(a2 + p, mask, last), u, s2);
            s3 = S.MultiplyAdd(S.LoadPart(a3 + p, mask, last), u, s3);
        }
        T y0 = S.Sum(S.Add(s0, t0)), y1 = S.Sum(S.Add(s1, t1)), y2 = S.Sum(S.Add(s2, t2)), y3 = S.Sum(S.Add(s3, t3));
        if (accumulate) (y[0], y[1], y[2], y[3]) = (y[0] + y0, y[1] + y1, y[2] + y2, y[3] + y3);
        else (y[0], y[1], y[2], y[3]) = (y0, y1, y2, y3);
    }

    // y[i] += Σ A[i, p]·x[p] for a few columns at a time: y stays in the L1 cache, the columns stream by.
    private static void Columns(in GemvJob<T> job, nint from, nint to)
    {
        T* y = job.Y + from;
        if (!job.Accumulate) new Span<T>(y, (int)(to - from)).Clear();
        for (nint p = 0; p < job.Columns; p += ColumnsAtOnce)
        {
            T* a = job.A + from + p * job.ColumnStride;
            if (p + ColumnsAtOnce <= job.Columns) FourColumns(a, job.ColumnStride, job.X + p, y, to - from);
            else
                for (nint q = p; q < job.Columns; q++, a += job.ColumnStride) OneColumn(a, job.X + q, y, to - from);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourColumns(T* a, nint stride, T* x, T* y, nint rows)
    {
        T* a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride;
        V x0 = S.Broadcast(x), x1 = S.Broadcast(x + 1), x2 = S.Broadcast(x + 2), x3 = S.Broadcast(x + 3);
        nint i = 0;
        for (; i + S.Width <= rows; i += S.Width)
        {
            V sum = S.MultiplyAdd(S.Load(a + i), x0, S.Load(y + i));
            sum = S.MultiplyAdd(S.Load(a1 + i), x1, sum);
            sum = S.MultiplyAdd(S.Load(a2 + i), x2, sum);
            S.Store(y + i, S.MultiplyAdd(S.Load(a3 + i), x3, sum));
        }
        if (i == rows) return;
        int last = (int)(rows - i);
        V mask = S.Mask(last);
        V rest = S.MultiplyAdd(S.LoadPart(a + i, mask, last), x0, S.LoadPart(y + i, mask, last));
        rest = S.MultiplyAdd(S.LoadPart(a1 + i, mask, last), x1, rest);
        rest = S.MultiplyAdd(S.LoadPart(a2 + i, mask, last), x2, rest);
        S.StorePart(y + i, S.MultiplyAdd(S.LoadPart(a3 + i, mask, last), x3, rest), mask, last);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneColumn(T* a, T* x, T* y, nint rows)
    {
        V factor = S.Broadcast(x);
        nint i = 0;
        for (; i + S.Width <= rows; i += S.Width) S.Store(y + i, S.MultiplyAdd(S.Load(a + i), factor, S.Load(y + i)));
        if (i == rows) return;
        int last = (int)(rows - i);
        V mask = S.Mask(last);
        S.StorePart(y + i, S.MultiplyAdd(S.LoadPart(a + i, mask, last), factor, S.LoadPart(y + i, mask, last)), mask, last);
    }

    // Neither rows nor columns are dense: one element after another, four sums in flight.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Strided(in GemvJob<T> job, nint from, nint to)
    {
        nint step = job.ColumnStride;
        for (nint i = from; i < to; i++)
        {
            T* a = job.A + i * job.RowStride;
            T s0 = default, s1 = default, s2 = default, s3 = default;
            nint p = 0;
            for (; p + 4 <= job.Columns; p += 4, a += 4 * step)
            {
                s0 += *a * job.X[p];
                s1 += a[step] * job.X[p + 1];
                s2 += a[2 * step] * job.X[p + 2];
                s3 += a[3 * step] * job.X[p + 3];
            }
            for (; p < job.Columns; p++, a += step) s0 += *a * job.X[p];
            T sum = (s0 + s1) + (s2 + s3);
            job.Y[i] = job.Accumulate ? job.Y[i] + sum : sum;
        }
    }
}
