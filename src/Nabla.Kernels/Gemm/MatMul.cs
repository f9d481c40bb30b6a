using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Batched matrix product on the CPU.</summary>
public static unsafe class MatMul
{
    /// <summary>
    /// C[…, i, j] = Σₚ A[…, i, p]·B[…, p, j]. Shape: a <c>[batch..., m, k]</c>, b <c>[batch..., k, n]</c> → c <c>[batch..., m, n]</c>.
    /// a and b may have any strides (a batch is broadcast by strides of 0); c is contiguous and does not overlap them, and its old content
    /// does not matter. An empty sum (k = 0) is 0; 0·NaN and 0·∞ are NaN. f32, f64, i32 and i64 (integers wrap around).
    /// Error of f32 and f64: at most (k + 1)·u·|A||B| componentwise. The bits depend on shapes and strides, not on threads. An epilogue, if there is
    /// one, is called for each part of c as soon as it is complete.
    /// </summary>
    /// <exception cref="ShapeException">NB0120: the shapes do not fit.</exception>
    /// <exception cref="DTypeException">NB0210: the element types differ, or are bool.</exception>
    public static void Run(DenseTensor a, DenseTensor b, DenseTensor c, MatMulEpilogue? epilogue = null)
    {
        CheckShapes(a, b, c);
        ReadOnlySpan<int> batch = c.Shape.Dims[..^2];
        ReadOnlySpan<long> sa = a.Layout.Strides, sb = b.Layout.Strides;
        int n = c.Shape.Dims[^1];
        var problem = new GemmProblem(c.Shape.Dims[^2], n, a.Shape.Dims[^1], sa[^2], sa[^1], sb[^2], sb[^1], Ldc: n);
        Run(a, b, c, problem, batch, sa[..^2], sb[..^2], epilogue);
    }

    /// <summary>One product without a batch.</summary>
    internal static void Run(DenseTensor a, DenseTensor b, DenseTensor c, in GemmProblem g, MatMulEpilogue? epilogue, MatMulPrecision precision = MatMulPrecision.Highest)
    {
        if (c.Device is Accelerator) Run(a, b, c, g, [], [], [], epilogue, precision);
        else if (a.DType == b.DType && a.DType == c.DType && a.DType == DType.F32) RunOne(a.Pointer<float>(), b.Pointer<float>(), c.Pointer<float>(), g, epilogue);
        else if (a.DType == b.DType && a.DType == c.DType && a.DType == DType.F64) RunOne(a.Pointer<double>(), b.Pointer<double>(), c.Pointer<double>(), g, epilogue);
        else Run(a, b, c, g, [], [], [], epilogue);
    }

    /// <summary>The same for operands whose axes were already sorted into batch, rows and columns.</summary>
    internal static void Run(
        DenseTensor a, DenseTensor b, DenseTensor c, in GemmProblem problem, ReadOnlySpan<int> batch, ReadOnlySpan<long> batchA, ReadOnlySpan<long> batchB,
        MatMulEpilogue? epilogue, MatMulPrecision precision = MatMulPrecision.Highest)
    {
        if (a.DType != b.DType || a.DType != c.DType) throw KernelErrors.NoProduct("matmul", a.Aval, b.Aval);
        if (a.DType == DType.Bool) throw KernelErrors.NoProduct("matmul", a.Aval, b.Aval);
        if (c.Device is Accelerator)
        {
            DeviceMatMul.Run(a, b, c, problem, batch, batchA, batchB, (DeviceEpilogue?)epilogue, precision);
            return;
        }
        GemmProblem g = FoldBatchIntoRows(problem, ref batch, batchA, batchB);
        int rank = batch.Length;
        long* axes = stackalloc long[3 * rank];
        long entries = 1;
        for (int i = 0; i < rank; i++)
        {
            (axes[3 * i], axes[3 * i + 1], axes[3 * i + 2]) = (batch[i], batchA[i], batchB[i]);
            entries *= batch[i];
        }
        if (entries * g.M * g.N == 0) return;
        switch (a.DType)
        {
            case DType.F32: RunAll(new FloatBatch<float>(a, b, c, g, axes, rank, entries, epilogue)); break;
            case DType.F64: RunAll(new FloatBatch<double>(a, b, c, g, axes, rank, entries, epilogue)); break;
            case DType.I32: RunAll(new IntegerBatch<int>(a, b, c, g, axes, rank, entries, epilogue)); break;
            default: RunAll(new IntegerBatch<long>(a, b, c, g, axes, rank, entries, epilogue)); break;
        }
    }

    /// <summary>The definition, sequential and without any blocking: what the fast paths are tested against, and how integers are multiplied.</summary>
    internal static void Naive<T>(T* a, T* b, T* c, in GemmProblem g) where T : unmanaged, INumber<T>
    {
        for (nint i = 0; i < g.M; i++)
        {
            T* row = c + i * (nint)g.Ldc;
            if (!g.Accumulate)
                for (nint j = 0; j < g.N; j++) row[j] = T.Zero;
            for (nint p = 0; p < g.K; p++)
            {
                T x = a[i * g.RowStrideA + p * g.ColumnStrideA];
                T* y = b + p * g.RowStrideB;
                for (nint j = 0; j < g.N; j++) row[j] += x * y[j * g.ColumnStrideB];
            }
        }
    }

    /// <summary>
    /// One floating-point product, by the way that its shape asks for. For the epilogue, its first row is number
    /// <paramref name="firstRow"/> and Ldc is N.
    /// </summary>
    internal static void RunOne<T>(T* a, T* b, T* c, in GemmProblem g, MatMulEpilogue? epilogue = null, long firstRow = 0) where T : unmanaged, INumber<T>
    {
        if (g.K > 0 && (g.M == 1 || (g.N == 1 && g.Ldc == 1))) Vector(a, b, c, g, epilogue, firstRow);
        else if (GemmOuter.Fits(g)) GemmOuter.Run(a, b, c, g, epilogue, firstRow);
        else if (GemmDots.Fits(g, sizeof(T)) || GemmDots.FitsTransposed(g, sizeof(T))) GemmDots.Run(a, b, c, g, epilogue, firstRow);
        else if (GemmSmall.Fits(g, sizeof(T)))
        {
            GemmSmall.Run(a, b, c, g);
            epilogue?.Run(firstRow, (nint)g.M, 0, (nint)g.N);
        }
        else Gemm.Run(a, b, c, g, epilogue, firstRow);
    }

    private static void Vector<T>(T* a, T* b, T* c, in GemmProblem g, MatMulEpilogue? epilogue, long firstRow) where T : unmanaged, INumber<T>
    {
        bool isRow = g.N != 1;
        GemvJob<T> job = isRow
            ? new GemvJob<T>(b, g.ColumnStrideB, g.RowStrideB, a, c, g.N, g.K, g.Accumulate)
            : new GemvJob<T>(a, g.RowStrideA, g.ColumnStrideA, b, c, g.M, g.K, g.Accumulate);
        (job.Epilogue, job.FirstRow, job.IsRow) = (epilogue, firstRow, isRow);
        Gemv.Run(ref job, isRow ? g.ColumnStrideA : g.RowStrideB);
    }

    // [batch, m, k]·[k, n] with nested rows is one product with batch·m rows.
    private static GemmProblem FoldBatchIntoRows(
        GemmProblem g, ref ReadOnlySpan<int> batch, ReadOnlySpan<long> batchA, ReadOnlySpan<long> batchB)
    {
        while (batch.Length > 0 && g.M > 0 && !g.Lower)
        {
            int axis = batch.Length - 1;
            bool nested = g.M == 1 || batchA[axis] == g.M * g.RowStrideA;
            if (batch[axis] != 1 && (batchB[axis] != 0 || !nested)) break;
            if (batch[axis] != 1) g = g with { RowStrideA = g.M == 1 ? batchA[axis] : g.RowStrideA, M = g.M * batch[axis] };
            batch = batch[..axis];
        }
        return g;
    }

    private static void RunAll<TBatch>(TBatch job) where TBatch : struct, IBatch
    {
        if (job.SharesEntries) Workers.Run(ref job, job.Parts);
        else
            for (int part = 0; part < job.Parts; part++) job.Run(part);
    }

    private static void CheckShapes(DenseTensor a, DenseTensor b, DenseTensor c)
    {
        ReadOnlySpan<int> x = a.Shape.Dims, y = b.Shape.Dims, z = c.Shape.Dims;
        bool fits = x.Length >= 2 && y.Length == x.Length && z.Length == x.Length
            && x[..^2].SequenceEqual(y[..^2]) && x[..^2].SequenceEqual(z[..^2])
            && x[^1] == y[^2] && z[^2] == x[^2] && z[^1] == y[^1] && c.IsContiguous;
        if (!fits) throw KernelErrors.MatMulShapes(a.Aval, b.Aval, c.Aval);
    }
}
