using System.Diagnostics;

namespace Nabla.Kernels;

/// <summary>General contraction of two tensors over paired axes.</summary>
public static class Contraction
{
    /// <summary>
    /// C = Σ A·B over the contracted axes, for each index of the batch axes. Shape: c is <see cref="DotDims.OutputShape"/>:
    /// <c>[batch..., free axes of a..., free axes of b...]</c>, contiguous, not overlapping a and b. Runs as a batched <see cref="MatMul"/>
    /// on views; an operand whose strides cannot express the matrix is first copied. The epilogue, if any, sees c as the matrix
    /// <c>[batch · free of a, free of b]</c>.
    /// </summary>
    /// <exception cref="ShapeException">NB0102, NB0121, NB0122: see <see cref="DotDims.OutputShape"/>.</exception>
    /// <exception cref="DTypeException">NB0210: the element types differ, or are bool.</exception>
    public static void DotGeneral(DenseTensor a, DenseTensor b, DotDims dims, DenseTensor c, MatMulEpilogue? epilogue = null)
    {
        bool plain = dims.IsSinglePair && a.Rank == 2 && b.Rank == 2;
        if (!plain) dims.Check(a.Shape, b.Shape);
        Debug.Assert(c.IsContiguous && c.Shape == dims.OutputShape(a.Shape, b.Shape), "output of a contraction");
        if (plain) Matrices(a, b, dims, c, epilogue);
        else General(a, b, dims, c, epilogue);
        GC.KeepAlive(a);
        GC.KeepAlive(b);
        GC.KeepAlive(c);
    }

    // The shortest way to the product: small ones take less time than looking at axes in general.
    private static void Matrices(DenseTensor a, DenseTensor b, DotDims dims, DenseTensor c, MatMulEpilogue? epilogue)
    {
        int kA = dims.LhsContract[0], kB = dims.RhsContract[0];
        if ((uint)kA > 1 || (uint)kB > 1 || a.Shape.Dims[kA] != b.Shape.Dims[kB]) dims.Check(a.Shape, b.Shape);
        (Axis m, Axis depthA) = (AxisOf(a, 1 - kA), AxisOf(a, kA));
        (Axis n, Axis depthB) = (AxisOf(b, 1 - kB), AxisOf(b, kB));
        MatMul.Run(a, b, c, new GemmProblem(m.Size, n.Size, depthA.Size, m.Stride, depthA.Stride, depthB.Stride, n.Stride, Ldc: n.Size), epilogue, MatMulPrecision.Default);
    }

    // The stride of an axis of size 1 decides nothing, so it must not: bits depend on it elsewhere.
    private static Axis AxisOf(DenseTensor x, int axis)
    {
        int size = x.Shape.Dims[axis];
        return new Axis(size, size == 1 ? 1 : x.Layout.Strides[axis]);
    }

    private static void General(DenseTensor a, DenseTensor b, DotDims dims, DenseTensor c, MatMulEpilogue? epilogue)
    {
        ReadOnlySpan<int> lhsFree = dims.LhsFree(stackalloc int[a.Rank]), rhsFree = dims.RhsFree(stackalloc int[b.Rank]);
        Span<long> batchA = stackalloc long[dims.LhsBatch.Length], batchB = stackalloc long[dims.RhsBatch.Length];
        Span<int> batch = stackalloc int[batchA.Length];
        for (int i = 0; i < batch.Length; i++) batch[i] = a.Shape.Dims[dims.LhsBatch[i]];

        (DenseTensor lhs, Axis m, Axis kA) = AsMatrices(a, dims.LhsBatch, lhsFree, dims.LhsContract, batchA);
        (DenseTensor rhs, Axis kB, Axis n) = AsMatrices(b, dims.RhsBatch, dims.RhsContract, rhsFree, batchB);
        var problem = new GemmProblem(m.Size, n.Size, kA.Size, m.Stride, kA.Stride, kB.Stride, n.Stride, Ldc: n.Size);
        MatMul.Run(lhs, rhs, c, problem, batch, batchA, batchB, epilogue, MatMulPrecision.Default);
        GC.KeepAlive(lhs);
        GC.KeepAlive(rhs);
    }

    private readonly record struct Axis(long Size, long Stride);

    // Reads several axes as rows and several as columns of matrices: by strides if the axes nest, else of a copy.
    private static (DenseTensor Tensor, Axis Rows, Axis Columns) AsMatrices(
        DenseTensor x, ReadOnlySpan<int> batch, ReadOnlySpan<int> rows, ReadOnlySpan<int> columns, Span<long> batchStrides)
    {
        if (TryMerge(x, rows, out Axis row) & TryMerge(x, columns, out Axis column))
        {
            for (int i = 0; i < batch.Length; i++) batchStrides[i] = x.Layout.Strides[batch[i]];
            return (x, row, column);
        }
        DenseTensor view = x.View(x.Layout.Transpose([.. batch, .. rows, .. columns]));
        DenseTensor copy = DenseTensor.Allocate(view.Aval, view.Device);
        Move.Copy(view, copy);
        copy.Layout.Strides[..batch.Length].CopyTo(batchStrides);
        return (copy, row with { Stride = column.Size }, column with { Stride = 1 });
    }

    private static bool TryMerge(DenseTensor x, ReadOnlySpan<int> axes, out Axis merged)
    {
        (long size, long stride, bool nested) = (1, 1, true);
        for (int i = axes.Length - 1; i >= 0; i--)
        {
            int dim = x.Shape.Dims[axes[i]];
            long own = x.Layout.Strides[axes[i]];
            if (dim != 1 && size == 1) stride = own;
            else if (dim != 1) nested &= own == stride * size;
            size *= dim;
        }
        merged = new Axis(size, stride);
        return nested || size == 0;
    }
}
