using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// Gram matrices C = A·Aᵀ: a matrix product that computes the tiles on and below the diagonal, half the arithmetic, and mirrors them. As <c>syrk</c> of the BLAS.
/// </summary>
public static unsafe class Gram
{
    /// <summary>
    /// C = A·Aᵀ for each entry of a batch. Shape: a <c>[batch..., m, k]</c> with any strides → c <c>[batch..., m, m]</c>, contiguous, not overlapping a;
    /// c is symmetric bit for bit. Types, rounding errors and special values as in <see cref="MatMul"/>. m²·k flops and m² copies; integers take twice that.
    /// </summary>
    /// <exception cref="ShapeException">NB0120: the shapes do not fit.</exception>
    /// <exception cref="DTypeException">NB0210: the element types differ, or are bool.</exception>
    public static void Run(DenseTensor a, DenseTensor c)
    {
        ReadOnlySpan<int> dims = a.Shape.Dims;
        ReadOnlySpan<long> strides = a.Layout.Strides;
        bool fits = dims.Length >= 2 && c.Rank == dims.Length && c.IsContiguous && c.Shape.Dims[..^1].SequenceEqual(dims[..^1]) && c.Shape.Dims[^1] == dims[^2];
        if (!fits) throw KernelErrors.MatMulShapes(a.Aval, a.Aval, c.Aval);
        int m = dims[^2];
        var g = new GemmProblem(m, m, dims[^1], strides[^2], strides[^1], strides[^1], strides[^2], Ldc: m, Lower: true);
        MatMul.Run(a, a, c, g, dims[..^2], strides[..^2], strides[..^2], epilogue: null);
        if (c.Count == 0) return;
        if (c.DType == DType.F32) Mirror(c.Pointer<float>(), m, m, c.Count / ((long)m * m));
        else if (c.DType == DType.F64) Mirror(c.Pointer<double>(), m, m, c.Count / ((long)m * m));
        GC.KeepAlive(a);
        GC.KeepAlive(c);
    }

    /// <summary>
    /// C = A·Aᵀ or C += A·Aᵀ of one matrix in its lower triangle; what lies above is undefined until it is mirrored. Element (i, p) of A is at
    /// <c>a[i·rowStride + p·columnStride]</c>, row i of C at <c>c + i·ldc</c>.
    /// </summary>
    internal static void Lower<T>(T* a, long rowStride, long columnStride, T* c, long ldc, long m, long k, bool accumulate = false) where T : unmanaged, INumber<T> =>
        MatMul.RunOne(a, a, c, new GemmProblem(m, m, k, rowStride, columnStride, columnStride, rowStride, ldc, accumulate, Lower: true));

    /// <summary>Copies what is below the diagonals of <paramref name="entries"/> matrices, one behind the other, to above them.</summary>
    internal static void Mirror<T>(T* c, long m, long ldc, long entries = 1) where T : unmanaged
    {
        var job = new MirrorJob<T>(c, m, ldc);
        int parts = checked((int)(job.PartsPerEntry * entries));
        if (m * m * entries >= GemmConfig.ParallelFrom / 4) Workers.Run(ref job, parts);
        else
            for (int part = 0; part < parts; part++) job.Run(part);
    }
}

/// <summary>A part is a range of columns above the diagonal, read as rows below it in blocks that stay in the L1 cache.</summary>
internal readonly unsafe struct MirrorJob<T>(T* matrices, long m, long ldc) : IParallelJob where T : unmanaged
{
    private const int Block = 32;

    public long PartsPerEntry => (m + Block - 1) / Block;

    public void Run(int part)
    {
        (long entry, long block) = Math.DivRem(part, PartsPerEntry);
        T* c = matrices + entry * m * ldc;
        nint step = (nint)ldc, row = (nint)block * Block, end = Math.Min((nint)m, row + Block);
        for (nint column = 0; column < row; column += Block)
            Pack.Panel(c + row * step + column, step, 1, (int)(end - row), Block, c + column * step + row, step);
        for (nint i = row; i < end; i++)
            for (nint j = row; j < i; j++) c[j * step + i] = c[i * step + j];
    }
}
