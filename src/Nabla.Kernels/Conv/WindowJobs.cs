using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Strides of a convolution kernel read as one matrix for each group, its columns (output features) dense.</summary>
internal readonly record struct MatrixStrides(nint Group, nint Row);

/// <summary>A convolution kernel as matrices: the tensor itself if its strides allow that, else a copy.</summary>
internal readonly record struct KernelMatrix(DenseTensor Tensor, MatrixStrides Strides)
{
    /// <summary>Reads w [window…, groups, in, out] with rows [window…, in], or with [in, window…] if the input features go first.</summary>
    public static KernelMatrix Of(DenseTensor w, bool featuresFirst)
    {
        int rank = w.Rank - 3;
        Span<int> order = stackalloc int[rank + 1];
        for (int i = 0; i < rank; i++) order[featuresFirst ? i + 1 : i] = i;
        order[featuresFirst ? 0 : rank] = rank + 1;
        if ((w.Shape.Dims[^1] == 1 || w.Layout.Strides[^1] == 1) && TryMerge(w, order, out long stride))
            return new KernelMatrix(w, new MatrixStrides((nint)w.Layout.Strides[rank], (nint)stride));
        DenseTensor view = w.View(w.Layout.Transpose([rank, .. order, rank + 2]));
        DenseTensor copy = DenseTensor.Allocate(view.Aval, view.Device);
        Move.Copy(view, copy);
        return new KernelMatrix(copy, new MatrixStrides((nint)copy.Layout.Strides[0], copy.Shape.Dims[^1]));
    }

    private static bool TryMerge(DenseTensor w, ReadOnlySpan<int> axes, out long stride)
    {
        (stride, long size) = (1, 1);
        for (int i = axes.Length - 1; i >= 0; i--)
        {
            int dim = w.Shape.Dims[axes[i]];
            long own = w.Layout.Strides[axes[i]];
            if (dim == 1) continue;
            if (size == 1) stride = own;
            else if (own != stride * size) return false;
            size *= dim;
        }
        return true;
    }
}

/// <summary>y = windows·kernel; a part is a tile of rows of one group.</summary>
internal unsafe struct MultiplyJob<T> : IParallelJob where T : unmanaged, INumber<T>
{
    public Windows<T> Windows;
    public T* W, Y;
    public MatrixStrides Matrix;
    public nint GroupStride, Ldc;
    public long Rows;
    public int Features, Blocks, Tiles;
    private long _tileRows;
    private int _tileBlocks;

    /// <summary>Chooses the tiles by size alone: all columns if enough rows fit beside them, and enough tiles to share.</summary>
    public void Cut(long elements, int fewestRows)
    {
        long run = Windows.Run, width = run * Blocks;
        _tileBlocks = width * fewestRows <= elements ? Blocks : (int)Math.Clamp(elements / (run * fewestRows), 1, Blocks);
        _tileRows = Math.Clamp(elements / (run * _tileBlocks), fewestRows, Math.Max(fewestRows, Rows / 16));
        Tiles = checked((int)((Rows + _tileRows - 1) / _tileRows));
        // Of nearly equal height.
        _tileRows = (Rows + Tiles - 1) / Tiles;
    }

    public readonly void Run(int part)
    {
        (int group, int tile) = Math.DivRem(part, Tiles);
        long row = tile * _tileRows, end = Math.Min(Rows, row + _tileRows);
        if (row >= end) return;
        Windows<T> windows = Windows;
        windows.X += group * GroupStride;
        T* w = W + group * Matrix.Group, y = Y + row * Ldc + group * Features;
        int run = windows.Run;
        T* buffer = Scratch.Get<T>(Scratch.Slot.Windows, (end - row) * run * _tileBlocks);
        for (int block = 0; block < Blocks; block += _tileBlocks)
        {
            int blockEnd = Math.Min(Blocks, block + _tileBlocks), depth = (blockEnd - block) * run;
            windows.Fill(buffer, depth, row, end, block, blockEnd);
            MatMul.RunOne(buffer, w + (nint)block * run * Matrix.Row, y,
                new GemmProblem(end - row, Features, depth, depth, 1, Matrix.Row, 1, Ldc, Accumulate: block > 0));
        }
    }
}

/// <summary>partial = windowsᵀ·kernel; a part is a chunk of the rows over which is summed, of one group.</summary>
internal unsafe struct SumJob<T> : IParallelJob where T : unmanaged, INumber<T>
{
    public Windows<T> Windows;
    public T* W, Partial;
    public MatrixStrides Matrix;
    public nint GroupStride;
    public long Rows, Columns;
    public int Features, Blocks, Groups, Chunks;
    private long _tileRows;
    private int _tileBlocks;

    /// <inheritdoc cref="MultiplyJob{T}.Cut"/>
    public void Cut(long elements, int fewestRows)
    {
        long run = Windows.Run;
        _tileBlocks = (int)Math.Clamp(elements / (run * fewestRows), 1, Blocks);
        _tileRows = Math.Max(fewestRows, elements / (run * _tileBlocks));
    }

    public readonly void Run(int part)
    {
        (int chunk, int group) = Math.DivRem(part, Groups);
        long first = Rows * chunk / Chunks, last = Rows * (chunk + 1) / Chunks;
        Windows<T> windows = Windows;
        windows.X += group * GroupStride;
        T* w = W + group * Matrix.Group, sums = Partial + part * Columns * Features;
        int run = windows.Run;
        T* buffer = Scratch.Get<T>(Scratch.Slot.Windows, Math.Min(_tileRows, last - first) * run * _tileBlocks);
        for (int block = 0; block < Blocks; block += _tileBlocks)
        {
            int blockEnd = Math.Min(Blocks, block + _tileBlocks), columns = (blockEnd - block) * run;
            for (long row = first; row < last; row += _tileRows)
            {
                long end = Math.Min(last, row + _tileRows);
                windows.Fill(buffer, columns, row, end, block, blockEnd);
                MatMul.RunOne(buffer, w + (nint)row * Matrix.Row, sums + (nint)block * run * Features,
                    new GemmProblem(columns, Features, end - row, 1, columns, Matrix.Row, 1, Features, Accumulate: row > first));
            }
        }
    }
}
