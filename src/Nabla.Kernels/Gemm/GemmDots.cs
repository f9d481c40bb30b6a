using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// C = A·B or C += A·B with few columns (or rows: the same with everything transposed) and a long sum: dot products of the dense rows of A with the columns of
/// B, four rows by two to four columns at a time. A register tile would use a part of its vectors only.
/// </summary>
/// <remarks>
/// 1000 × 4 × 1000 and 1000 × 2 × 1000 (A larger than the L2 cache, f32, one thread) take 0.44 and 0.36 of the time of masked register tiles.
/// Parts are ranges of rows cut by size alone, each dot product is one sum in vector lanes, so the bits do not depend on the number of threads.
/// </remarks>
internal static unsafe class GemmDots
{
    private const int MaxColumns = 4, MinDepth = 64, MostColumns = 11, MinBytesOfDepth = 1024;

    /// <summary>True if A has dense rows and C few columns.</summary>
    public static bool Fits(in GemmProblem g, int elementSize) => g.ColumnStrideA == 1 && Fits(g.M, g.N, g.K, elementSize);

    /// <summary>True if B has dense columns and C few rows.</summary>
    public static bool FitsTransposed(in GemmProblem g, int elementSize) => g.RowStrideB == 1 && Fits(g.N, g.M, g.K, elementSize);

    // Between 4 and 12 columns dot products win where neither 4 nor 8 lanes are full and sums are long enough to pay for adding up lanes.
    private static bool Fits(long rows, long columns, long depth, int elementSize) => rows > Math.Max(columns, MaxColumns) && columns > 1 &&
        (columns <= MaxColumns ? depth >= MinDepth : columns <= MostColumns && columns % 4 != 0 && depth * elementSize >= MinBytesOfDepth);

    /// <summary>Runs one product, with threads if it is large.</summary>
    public static void Run<T>(T* a, T* b, T* c, in GemmProblem g, MatMulEpilogue? epilogue, long firstRow) where T : unmanaged, INumber<T>
    {
        bool transposed = !Fits(g, sizeof(T));
        GemmProblem p = transposed ? new GemmProblem(g.N, g.M, g.K, g.ColumnStrideB, g.RowStrideB, g.ColumnStrideA, g.RowStrideA, g.Ldc, g.Accumulate) : g;
        var job = new DotsJob<T>(p, transposed) { A = transposed ? b : a, B = transposed ? a : b, C = c, Epilogue = epilogue, FirstRow = firstRow };
        if (p.RowStrideB != 1)
        {
            T* columns = Scratch.Get<T>(Scratch.Slot.Vector, p.N * p.K);
            Pack.Panel(job.B, (nint)p.RowStrideB, (nint)p.ColumnStrideB, checked((int)p.K), (nint)p.N, columns, (nint)p.K);
            job.B = columns;
            job.ColumnStrideB = (nint)p.K;
        }
        if (g.M * g.N * g.K >= GemmConfig.ParallelFrom / 4) Workers.Run(ref job, job.Parts);
        else
            for (int part = 0; part < job.Parts; part++) job.Run(part);
    }
}

/// <summary>One product; a part is a range of rows.</summary>
internal unsafe struct DotsJob<T>(in GemmProblem g, bool transposed) : IParallelJob where T : unmanaged, INumber<T>
{
    private const int PartElements = 1 << 15;
    private readonly GemmPath _path = GemmConfig.Path;
    private readonly nint _rows = (nint)g.M, _partRows = (nint)Math.Max(64, PartElements / g.K / 64 * 64);

    public T* A, B, C;
    public MatMulEpilogue? Epilogue;
    public long FirstRow;
    public nint ColumnStrideB = (nint)g.ColumnStrideB;
    public readonly nint Columns = (nint)g.N, Depth = (nint)g.K, RowStrideA = (nint)g.RowStrideA;
    public readonly nint RowStrideC = transposed ? 1 : (nint)g.Ldc, ColumnStrideC = transposed ? (nint)g.Ldc : 1;
    public readonly bool Accumulate = g.Accumulate;

    public readonly int Parts => (int)((_rows + _partRows - 1) / _partRows);

    public readonly void Run(int part)
    {
        nint from = part * _partRows, to = Math.Min(_rows, from + _partRows);
        if (_path == GemmPath.Avx512) DotsKernels<T, Vector512<T>, Simd512<T>>.Run(this, from, to);
        else if (_path == GemmPath.Avx2) DotsKernels<T, Vector256<T>, Simd256<T>>.Run(this, from, to);
        else DotsKernels<T, Vector128<T>, Simd128<T>>.Run(this, from, to);
        if (transposed) Epilogue?.Run(FirstRow, Columns, from, to - from);
        else Epilogue?.Run(FirstRow + from, to - from, 0, Columns);
    }
}

/// <summary>The loops of <see cref="GemmDots"/> over a range of rows.</summary>
internal static unsafe class DotsKernels<T, V, S>
    where T : unmanaged, INumber<T> where V : unmanaged where S : struct, IGemmVector<T, V>
{
    public static void Run(in DotsJob<T> job, nint from, nint to)
    {
        nint row = from;
        for (; row + 4 <= to; row += 4) Row<Four>(job, row);
        for (; row < to; row++) Row<One>(job, row);
    }

    // Five columns are three and two, so that none is left alone.
    private static void Row<R>(in DotsJob<T> job, nint row) where R : struct, IRows
    {
        for (nint column = 0; column < job.Columns;)
        {
            nint left = job.Columns - column;
            if (left is 2) Dots<R, Two>(job, row, column);
            else if (left is 3 or 5) Dots<R, Three>(job, row, column);
            else Dots<R, Four>(job, row, column);
            column += left is 3 or 5 ? 3 : Math.Min(left, 4);
        }
    }

    [SkipLocalsInit, MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dots<R, N>(in DotsJob<T> job, nint row, nint column) where R : struct, IRows where N : struct, IRows
    {
        T* a0 = job.A + row * job.RowStrideA, a1 = a0 + job.RowStrideA, a2 = a1 + job.RowStrideA, a3 = a2 + job.RowStrideA;
        T* b0 = job.B + column * job.ColumnStrideB, b1 = b0 + job.ColumnStrideB, b2 = b1 + job.ColumnStrideB, b3 = b2 + job.ColumnStrideB;
        V s00 = default, s01 = default, s02 = default, s03 = default, s10 = default, s11 = default, s12 = default, s13 = default;
        V s20 = default, s21 = default, s22 = default, s23 = default, s30 = default, s31 = default, s32 = default, s33 = default;
        nint p = 0, depth = job.Depth;
        for (; p + S.Width <= depth; p += S.Width)
        {
            V x = S.Load(b0 + p), y = S.Load(b1 + p), z = N.Count > 2 ? S.Load(b2 + p) : default, w = N.Count > 3 ? S.Load(b3 + p) : default, u;
            { u = S.Load(a0 + p); s00 = S.MultiplyAdd(u, x, s00); s01 = S.MultiplyAdd(u, y, s01); if (N.Count > 2) s02 = S.MultiplyAdd(u, z, s02); if (N.Count > 3) s03 = S.MultiplyAdd(u, w, s03); }
            if (R.Count > 1) { u = S.Load(a1 + p); s10 = S.MultiplyAdd(u, x, s10); s11 = S.MultiplyAdd(u, y, s11); if (N.Count > 2) s12 = S.MultiplyAdd(u, z, s12); if (N.Count > 3) s13 = S.MultiplyAdd(u, w, s13); }
            if (R.Count > 2) { u = S.Load(a2 + p); s20 = S.MultiplyAdd(u, x, s20); s21 = S.MultiplyAdd(u, y, s21); if (N.Count > 2) s22 = S.MultiplyAdd(u, z, s22); if (N.Count > 3) s23 = S.MultiplyAdd(u, w, s23); }
            if (R.Count > 3) { u = S.Load(a3 + p); s30 = S.MultiplyAdd(u, x, s30); s31 = S.MultiplyAdd(u, y, s31); if (N.Count > 2) s32 = S.MultiplyAdd(u, z, s32); if (N.Count > 3) s33 = S.MultiplyAdd(u, w, s33); }
        }
        if (p < depth)
        {
            int last = (int)(depth - p);
            V mask = S.Mask(last), x = S.LoadPart(b0 + p, mask, last), y = S.LoadPart(b1 + p, mask, last), u;
            V z = N.Count > 2 ? S.LoadPart(b2 + p, mask, last) : default, w = N.Count > 3 ? S.LoadPart(b3 + p, mask, last) : default;
            { u = S.LoadPart(a0 + p, mask, last); s00 = S.MultiplyAdd(u, x, s00); s01 = S.MultiplyAdd(u, y, s01); if (N.Count > 2) s02 = S.MultiplyAdd(u, z, s02); if (N.Count > 3) s03 = S.MultiplyAdd(u, w, s03); }
            if (R.Count > 1) { u = S.LoadPart(a1 + p, mask, last); s10 = S.MultiplyAdd(u, x, s10); s11 = S.MultiplyAdd(u, y, s11); if (N.Count > 2) s12 = S.MultiplyAdd(u, z, s12); if (N.Count > 3) s13 = S.MultiplyAdd(u, w, s13); }
            if (R.Count > 2) { u = S.LoadPart(a2 + p, mask, last); s20 = S.MultiplyAdd(u, x, s20); s21 = S.MultiplyAdd(u, y, s21); if (N.Count > 2) s22 = S.MultiplyAdd(u, z, s22); if (N.Count > 3) s23 = S.MultiplyAdd(u, w, s23); }
            if (R.Count > 3) { u = S.LoadPart(a3 + p, mask, last); s30 = S.MultiplyAdd(u, x, s30); s31 = S.MultiplyAdd(u, y, s31); if (N.Count > 2) s32 = S.MultiplyAdd(u, z, s32); if (N.Count > 3) s33 = S.MultiplyAdd(u, w, s33); }
        }
        T* c = job.C + row * job.RowStrideC + column * job.ColumnStrideC, sums = stackalloc T[16];
        // Where four sums lie together in C they go straight there.
        bool direct = !job.Accumulate && job.ColumnStrideC == 1 && (N.Count == 4 || (N.Count == 2 && R.Count == 4 && job.RowStrideC == 2));
        nint step = N.Count == 2 ? 4 : direct ? job.RowStrideC : 4;
        T* target = direct ? c : sums;
        if (N.Count == 2)
        {
            S.StoreSums(target, s00, s01, s10, s11);
            if (R.Count > 2) S.StoreSums(target + step, s20, s21, s30, s31);
        }
        else
        {
            S.StoreSums(target, s00, s01, s02, s03);
            if (R.Count > 1) S.StoreSums(target + step, s10, s11, s12, s13);
            if (R.Count > 2) S.StoreSums(target + 2 * step, s20, s21, s22, s23);
            if (R.Count > 3) S.StoreSums(target + 3 * step, s30, s31, s32, s33);
        }
        if (direct) return;
        for (int i = 0; i < R.Count; i++, c += job.RowStrideC, sums += N.Count == 2 ? 2 : 4) Put<N>(c, job.ColumnStrideC, sums, job.Accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<N>(T* c, nint step, T* sums, bool accumulate) where N : struct, IRows
    {
        Put(c, sums[0], accumulate);
        Put(c + step, sums[1], accumulate);
        if (N.Count > 2) Put(c + 2 * step, sums[2], accumulate);
        if (N.Count > 3) Put(c + 3 * step, sums[3], accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(T* c, T sum, bool accumulate) => *c = accumulate ? *c + sum : sum;

    private readonly struct One : IRows { public static int Count => 1; }
    private readonly struct Two : IRows { public static int Count => 2; }
    private readonly struct Three : IRows { public static int Count => 3; }
    private readonly struct Four : IRows { public static int Count => 4; }
}
