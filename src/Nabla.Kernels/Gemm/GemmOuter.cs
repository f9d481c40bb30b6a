using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// C = A·B or C += A·B with a sum of at most four terms, as the outer product of two vectors: bound by writing C, so each row is written from its beginning to
/// its end while the rows of B stay in the L1 cache.
/// </summary>
/// <remarks>
/// 1000 × 1000 × 1, f32, one thread takes half the time of register tiles; below about 192 columns tiles win. Parts are ranges of rows cut by size alone;
/// each element is one chain of multiply-adds over k.
/// </remarks>
internal static unsafe class GemmOuter
{
    private const int MaxDepth = 4, MinColumns = 192;

    /// <summary>True if the sum is short and rows are worth a loop.</summary>
    public static bool Fits(in GemmProblem g) => g.K is > 0 and <= MaxDepth && g.N >= MinColumns && g.M >= 8;

    /// <summary>Runs one product, with threads if it is large.</summary>
    public static void Run<T>(T* a, T* b, T* c, in GemmProblem g, MatMulEpilogue? epilogue, long firstRow) where T : unmanaged, INumber<T>
    {
        var job = new OuterJob<T>(g) { A = a, B = b, C = c, Epilogue = epilogue, FirstRow = firstRow };
        if (g.ColumnStrideB != 1)
        {
            T* rows = Scratch.Get<T>(Scratch.Slot.Vector, g.N * g.K);
            for (nint p = 0; p < g.K; p++)
                for (nint j = 0; j < g.N; j++) rows[p * (nint)g.N + j] = b[p * (nint)g.RowStrideB + j * (nint)g.ColumnStrideB];
            job.B = rows;
            job.RowStrideB = (nint)g.N;
        }
        if (g.M * g.N >= GemmConfig.ParallelFrom / 8) Workers.Run(ref job, job.Parts);
        else
            for (int part = 0; part < job.Parts; part++) job.Run(part);
    }
}

/// <summary>One product; a part is a range of rows.</summary>
internal unsafe struct OuterJob<T>(in GemmProblem g) : IParallelJob where T : unmanaged, INumber<T>
{
    private const int PartElements = 1 << 15;
    private readonly GemmPath _path = GemmConfig.Path;
    private readonly nint _rows = (nint)g.M, _partRows = (nint)Math.Max(4, PartElements / g.N / 4 * 4);

    public T* A, B, C;
    public MatMulEpilogue? Epilogue;
    public long FirstRow;
    public nint RowStrideB = (nint)g.RowStrideB;
    public readonly nint Columns = (nint)g.N, RowStrideA = (nint)g.RowStrideA, ColumnStrideA = (nint)g.ColumnStrideA, Ldc = (nint)g.Ldc;
    public readonly int Depth = (int)g.K;
    public readonly bool Accumulate = g.Accumulate;

    public readonly int Parts => (int)((_rows + _partRows - 1) / _partRows);

    public readonly void Run(int part)
    {
        nint from = part * _partRows, to = Math.Min(_rows, from + _partRows);
        if (_path == GemmPath.Avx512) OuterKernels<T, Vector512<T>, Simd512<T>>.Run(this, from, to);
        else if (_path == GemmPath.Avx2) OuterKernels<T, Vector256<T>, Simd256<T>>.Run(this, from, to);
        else OuterKernels<T, Vector128<T>, Simd128<T>>.Run(this, from, to);
        Epilogue?.Run(FirstRow + from, to - from, 0, Columns);
    }
}

/// <summary>The loops of <see cref="GemmOuter"/> over a range of rows.</summary>
internal static unsafe class OuterKernels<T, V, S>
    where T : unmanaged, INumber<T> where V : unmanaged where S : struct, IGemmVector<T, V>
{
    private const int ColumnsAtOnce = 2048;

    public static void Run(in OuterJob<T> job, nint from, nint to)
    {
        for (nint column = 0; column < job.Columns; column += ColumnsAtOnce)
            for (nint row = from; row < to; row++)
            {
                nint columns = Math.Min(ColumnsAtOnce, job.Columns - column);
                T* a = job.A + row * job.RowStrideA, b = job.B + column, c = job.C + row * job.Ldc + column;
                if (job.Depth == 1) Row<One>(a, job.ColumnStrideA, b, job.RowStrideB, c, columns, job.Accumulate);
                else if (job.Depth == 2) Row<Two>(a, job.ColumnStrideA, b, job.RowStrideB, c, columns, job.Accumulate);
                else if (job.Depth == 3) Row<Three>(a, job.ColumnStrideA, b, job.RowStrideB, c, columns, job.Accumulate);
                else Row<Four>(a, job.ColumnStrideA, b, job.RowStrideB, c, columns, job.Accumulate);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row<K>(T* a, nint step, T* b, nint ldb, T* c, nint columns, bool accumulate) where K : struct, IRows
    {
        V x = S.Broadcast(a), y = K.Count > 1 ? S.Broadcast(a + step) : default;
        V z = K.Count > 2 ? S.Broadcast(a + 2 * step) : default, w = K.Count > 3 ? S.Broadcast(a + 3 * step) : default;
        T* b1 = b + ldb, b2 = b1 + ldb, b3 = b2 + ldb;
        nint j = 0;
        for (; j + S.Width <= columns; j += S.Width)
        {
            V sum = S.MultiplyAdd(x, S.Load(b + j), default);
            if (K.Count > 1) sum = S.MultiplyAdd(y, S.Load(b1 + j), sum);
            if (K.Count > 2) sum = S.MultiplyAdd(z, S.Load(b2 + j), sum);
            if (K.Count > 3) sum = S.MultiplyAdd(w, S.Load(b3 + j), sum);
            S.Store(c + j, accumulate ? S.Add(S.Load(c + j), sum) : sum);
        }
        if (j == columns) return;
        int last = (int)(columns - j);
        V mask = S.Mask(last), rest = S.MultiplyAdd(x, S.LoadPart(b + j, mask, last), default);
        if (K.Count > 1) rest = S.MultiplyAdd(y, S.LoadPart(b1 + j, mask, last), rest);
        if (K.Count > 2) rest = S.MultiplyAdd(z, S.LoadPart(b2 + j, mask, last), rest);
        if (K.Count > 3) rest = S.MultiplyAdd(w, S.LoadPart(b3 + j, mask, last), rest);
        S.StorePart(c + j, accumulate ? S.Add(S.LoadPart(c + j, mask, last), rest) : rest, mask, last);
    }

    private readonly struct One : IRows { public static int Count => 1; }
    private readonly struct Two : IRows { public static int Count => 2; }
    private readonly struct Three : IRows { public static int Count => 3; }
    private readonly struct Four : IRows { public static int Count => 4; }
}
