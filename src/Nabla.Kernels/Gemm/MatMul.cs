using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Batched matrix product on the CPU.</summary>
public static unsafe class MatMul
{
    /// <summary>
    /// C[…, i, j] = Σₚ A[…, i, p]·B[…, p, j]. Shape: a <c>[batch..., m, k]</c>, b <c>[batch..., k, n]</c> → c <c>[batch..., m, n]</c>.
    /// a and b may have any strides (a batch is broadcast by strides of 0); c is contiguous and does not overlap them, and its old content
    /// does not matter. An empty sum (k = 0) is 0; 0·NaN and 0·∞ are NaN. f32, f64, i32 and i64 (integers wrap around).
    /// </summary>
    /// <exception cref="ShapeException">NB0120: the shapes do not fit.</exception>
    /// <exception cref="DTypeException">NB0210: the element types differ, or are bool.</exception>
    public static void Run(DenseTensor a, DenseTensor b, DenseTensor c)
    {
        CheckShapes(a, b, c);
        ReadOnlySpan<int> batch = c.Shape.Dims[..^2];
        ReadOnlySpan<long> sa = a.Layout.Strides, sb = b.Layout.Strides;
        var problem = new GemmProblem(
            c.Shape.Dims[^2], c.Shape.Dims[^1], a.Shape.Dims[^1], sa[^2], sa[^1], sb[^2], sb[^1]);
        Run(a, b, c, problem, batch, sa[..^2], sb[..^2]);
    }

    /// <summary>The same for operands whose axes were already sorted into batch, rows and columns.</summary>
    internal static void Run(
        DenseTensor a, DenseTensor b, DenseTensor c, GemmProblem problem, ReadOnlySpan<int> batch, ReadOnlySpan<long> batchA, ReadOnlySpan<long> batchB)
    {
        if (a.DType != b.DType || a.DType != c.DType) throw KernelErrors.NoProduct("matmul", a.Aval, b.Aval);
        switch (a.DType)
        {
            case DType.F32: Loop<float>(a, b, c, problem, batch, batchA, batchB); break;
            case DType.F64: Loop<double>(a, b, c, problem, batch, batchA, batchB); break;
            case DType.I32: Loop<int>(a, b, c, problem, batch, batchA, batchB); break;
            case DType.I64: Loop<long>(a, b, c, problem, batch, batchA, batchB); break;
            default: throw KernelErrors.NoProduct("matmul", a.Aval, b.Aval);
        }
    }

    private static void Loop<T>(
        DenseTensor a, DenseTensor b, DenseTensor c, GemmProblem problem, ReadOnlySpan<int> batch, ReadOnlySpan<long> batchA, ReadOnlySpan<long> batchB)
        where T : unmanaged, INumber<T>
    {
        long count = 1;
        foreach (int dim in batch) count *= dim;
        for (long entry = 0; entry < count; entry++)
        {
            (long offsetA, long offsetB, long rest) = (0, 0, entry);
            for (int axis = batch.Length - 1; axis >= 0; axis--)
            {
                (rest, long index) = Math.DivRem(rest, batch[axis]);
                offsetA += index * batchA[axis];
                offsetB += index * batchB[axis];
            }
            Naive(a.Pointer<T>() + offsetA, b.Pointer<T>() + offsetB, c.Pointer<T>() + entry * problem.M * problem.N, problem);
        }
    }

    private static void Naive<T>(T* a, T* b, T* c, in GemmProblem g) where T : unmanaged, INumber<T>
    {
        for (nint i = 0; i < g.M; i++)
        {
            T* row = c + i * g.N;
            for (nint j = 0; j < g.N; j++) row[j] = T.Zero;
            for (nint p = 0; p < g.K; p++)
            {
                T x = a[i * g.RowStrideA + p * g.ColumnStrideA];
                T* y = b + p * g.RowStrideB;
                for (nint j = 0; j < g.N; j++) row[j] += x * y[j * g.ColumnStrideB];
            }
        }
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

/// <summary>One matrix product without its addresses: sizes, and strides in elements; C is row-major with n columns.</summary>
internal readonly record struct GemmProblem(
    long M, long N, long K, long RowStrideA, long ColumnStrideA, long RowStrideB, long ColumnStrideB);
