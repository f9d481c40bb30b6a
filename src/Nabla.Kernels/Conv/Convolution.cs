using System.Diagnostics;
using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Convolution over any number of spatial axes on the CPU.</summary>
public static unsafe class Convolution
{
    /// <summary>Block of the matrix of windows that a thread works on: it is to stay in the L2 cache beside the operands of the product.</summary>
    private const int TileBytes = 192 << 10;

    /// <summary>A tile has at least this many rows where memory allows; wider matrices are cut by columns.</summary>
    private const int TileRows = 64;

    /// <summary>Sums over all windows are cut into at most this many parts, of at least <see cref="ChunkRows"/> windows, for the threads.</summary>
    private const int MaxChunks = 32, ChunkRows = 512;

    /// <summary>The partial results of those parts may take this much memory.</summary>
    private const long PartialBytes = 64 << 20;

    /// <summary>
    /// <c>y[b, o, g, f] = Σ_{k, c} x̃[b, o·stride + k·rhs, g, c]·w[k, g, c, f]</c>, see <see cref="ConvDims"/>. x and w may have any layout; y is
    /// contiguous and overlaps neither. f32 and f64.
    /// Cost: 2·y.Count·(window·in) flops; reads each element of x once for each place of a window that it takes. Windows of one element are a matrix
    /// product; groups of one channel and one feature are multiplied directly; all others go through blocks of the matrix of windows. Error as for
    /// <see cref="MatMul"/> with k = window·in. The bits depend on shapes and strides, not on threads.
    /// </summary>
    public static void Run(DenseTensor x, DenseTensor w, ConvDims dims, DenseTensor y)
    {
        Debug.Assert(y.IsContiguous && y.Shape == dims.OutputShape(x.Shape, w.Shape), "output of a convolution");
        if (y.Count == 0) return;
        if (x.Count == 0 || w.Count == 0) Move.Copy(DenseTensor.Splat(y.Aval, 0, y.Device), y);
        else if (IsMatrixProduct(x, w, dims)) Multiply(x, w, dims, y);
        else if (y.Device is Accelerator) DeviceConv.Run(x, w, dims, y);
        else if (y.DType == DType.F32) Run<float>(x, w, dims, y);
        else Run<double>(x, w, dims, y);
    }

    private static bool IsMatrixProduct(DenseTensor x, DenseTensor w, ConvDims dims)
    {
        bool single = x.Shape.Dims[^2] == 1;
        for (int i = 0; i < dims.Rank; i++)
            single &= w.Shape.Dims[i] == 1 && dims.Low[i] == 0 && dims.High[i] <= 0 && dims.LhsDilation[i] == 1;
        return single;
    }

    // [batch, spatial…, 1, in]·[1…, 1, in, out], the input cut down to the elements where windows begin.
    private static void Multiply(DenseTensor x, DenseTensor w, ConvDims dims, DenseTensor y)
    {
        int rank = dims.Rank;
        int[] sizes = [.. y.Shape.Dims[..^1], x.Shape.Dims[^1]];
        DenseTensor read = x.View(x.Layout.Slice(new int[rank + 3], sizes, [1, .. dims.Strides, 1, 1]));
        var product = new DotDims([rank + 2], [rank + 1]);
        Contraction.DotGeneral(read, w, product, y.View(y.Layout.TryReshape(product.OutputShape(read.Shape, w.Shape), out Layout flat) ? flat : y.Layout));
    }

    private static void Run<T>(DenseTensor x, DenseTensor w, ConvDims dims, DenseTensor y) where T : unmanaged, INumber<T>
    {
        WindowAxis* axes = stackalloc WindowAxis[dims.Rank];
        if (DirectConvolution.Suits(x, w)) DirectConvolution.Run<T>(x, w, dims, y, axes);
        else if (SumsOverWindows(x, w, y)) SumWindows<T>(x, w, dims, y, axes);
        else MultiplyWindows<T>(x, w, dims, y, axes);
    }

    // Which of the two channel-like axes can be copied in runs: the features, or the batch (as in a kernel gradient, where they change places).
    private static bool SumsOverWindows(DenseTensor x, DenseTensor w, DenseTensor y)
    {
        (int batch, int channels) = (x.Shape.Dims[0], x.Shape.Dims[^1]);
        int batchRun = batch == 1 || x.Layout.Strides[0] == 1 ? batch : 0, channelRun = channels == 1 || x.Layout.Strides[^1] == 1 ? channels : 0;
        if (batchRun != channelRun) return batchRun > channelRun;
        return Sizes(w.Shape.Dims[..^3]) * channels > Sizes(y.Shape.Dims[..^2]);
    }

    // Rows of the matrix are windows, and those of the product rows of y: [batch, out…] × [window…, in].
    private static void MultiplyWindows<T>(DenseTensor x, DenseTensor w, ConvDims dims, DenseTensor y, WindowAxis* axes) where T : unmanaged, INumber<T>
    {
        FillAxes(x, w.Shape.Dims[..dims.Rank], dims, y, axes, rowsAreWindows: true);
        KernelMatrix matrix = KernelMatrix.Of(w, featuresFirst: false);
        int features = w.Shape.Dims[^1], groups = x.Shape.Dims[^2];
        var job = new MultiplyJob<T>
        {
            Windows = new Windows<T>
            {
                X = x.Pointer<T>(),
                Axes = axes,
                Rank = dims.Rank,
                OuterStride = (nint)x.Layout.Strides[0],
                Inner = x.Shape.Dims[^1],
                InnerStride = (nint)x.Layout.Strides[^1],
            },
            GroupStride = (nint)x.Layout.Strides[^2],
            W = matrix.Tensor.Pointer<T>(),
            Matrix = matrix.Strides,
            Y = y.Pointer<T>(),
            Features = features,
            Ldc = (nint)features * groups,
            Rows = Sizes(y.Shape.Dims[..^2]),
            Blocks = (int)Sizes(w.Shape.Dims[..(dims.Rank - 1)]),
        };
        job.Cut(TileBytes / sizeof(T), TileRows);
        int parts = groups * job.Tiles;
        if (y.Count * job.Windows.Run * job.Blocks >= GemmConfig.ParallelFrom) Workers.Run(ref job, parts);
        else
            for (int part = 0; part < parts; part++) job.Run(part);
        GC.KeepAlive(x);
        GC.KeepAlive(matrix.Tensor);
    }

    // The same matrix transposed: rows are elements of a window, [in, window…], over which is summed; its columns, [out…, batch], are rows of y.
    private static void SumWindows<T>(DenseTensor x, DenseTensor w, ConvDims dims, DenseTensor y, WindowAxis* axes) where T : unmanaged, INumber<T>
    {
        FillAxes(x, w.Shape.Dims[..dims.Rank], dims, y, axes, rowsAreWindows: false);
        KernelMatrix matrix = KernelMatrix.Of(w, featuresFirst: true);
        int features = w.Shape.Dims[^1], groups = x.Shape.Dims[^2], batch = x.Shape.Dims[0];
        long rows = Sizes(w.Shape.Dims[..^3]) * x.Shape.Dims[^1], columns = Sizes(y.Shape.Dims[..^2]);
        long chunks = Math.Min(rows / ChunkRows, Math.Min(MaxChunks / groups, PartialBytes / (columns * features * groups * sizeof(T))));
        chunks = Math.Max(1, chunks);
        DenseTensor partial = DenseTensor.Allocate(new Aval(y.DType, [(int)chunks, groups, (int)(columns / batch), batch, features]), y.Device);
        var job = new SumJob<T>
        {
            Windows = new Windows<T>
            {
                X = x.Pointer<T>(),
                Axes = axes,
                Rank = dims.Rank,
                OuterStride = (nint)x.Layout.Strides[^1],
                Inner = batch,
                InnerStride = (nint)x.Layout.Strides[0],
            },
            GroupStride = (nint)x.Layout.Strides[^2],
            W = matrix.Tensor.Pointer<T>(),
            Matrix = matrix.Strides,
            Partial = partial.Pointer<T>(),
            Features = features,
            Rows = rows,
            Columns = columns,
            Blocks = (int)Sizes(y.Shape.Dims[1..dims.Rank]),
            Groups = groups,
            Chunks = (int)chunks,
        };
        job.Cut(TileBytes / sizeof(T), TileRows);
        int parts = groups * job.Chunks;
        if (rows * columns * features * groups >= GemmConfig.ParallelFrom) Workers.Run(ref job, parts);
        else
            for (int part = 0; part < parts; part++) job.Run(part);
        AddPartial(partial.Pointer<T>(), (int)chunks, y.Pointer<T>(), groups, columns / batch, batch, features);
        GC.KeepAlive(partial);
        GC.KeepAlive(matrix.Tensor);
        GC.KeepAlive(x);
    }

    // y[b, o, g, f] = Σ partial[chunk, g, o, b, f], in the order of the chunks.
    private static void AddPartial<T>(T* partial, int chunks, T* y, int groups, long windows, int batch, int features) where T : unmanaged, INumber<T>
    {
        long size = groups * windows * batch * features;
        for (int b = 0; b < batch; b++)
            for (long o = 0; o < windows; o++)
                for (int g = 0; g < groups; g++, y += features)
                {
                    T* from = partial + ((g * windows + o) * batch + b) * features;
                    new Span<T>(from, features).CopyTo(new Span<T>(y, features));
                    for (int chunk = 1; chunk < chunks; chunk++)
                    {
                        from += size;
                        for (int f = 0; f < features; f++) y[f] += from[f];
                    }
                }
    }

    /// <summary>Describes the spatial axes, with the tables of positions in scratch memory of the calling thread.</summary>
    internal static void FillAxes(DenseTensor x, ReadOnlySpan<int> window, ConvDims dims, DenseTensor y, WindowAxis* axes, bool rowsAreWindows)
    {
        int count = 0;
        for (int i = 0; i < dims.Rank; i++)
        {
            (int windows, int elements) = (y.Shape.Dims[i + 1], window[i]);
            (int stride, int spacing) = (dims.Strides[i], dims.RhsDilation[i]);
            axes[i] = new WindowAxis
            {
                Rows = rowsAreWindows ? windows : elements,
                RowStep = rowsAreWindows ? stride : spacing,
                Columns = rowsAreWindows ? elements : windows,
                ColumnStep = rowsAreWindows ? spacing : stride,
                Low = dims.Low[i],
                Size = x.Shape.Dims[i + 1],
                Stride = (nint)x.Layout.Strides[i + 1],
                Undilated = dims.LhsDilation[i] == 1,
            };
            count = checked(count + (windows - 1) * stride + (elements - 1) * spacing + 1);
        }
        int* table = Scratch.Get<int>(Scratch.Slot.Positions, count);
        for (int i = 0; i < dims.Rank; i++)
        {
            ref WindowAxis a = ref axes[i];
            a.Source = table;
            int positions = (a.Rows - 1) * a.RowStep + (a.Columns - 1) * a.ColumnStep + 1;
            for (int t = 0; t < positions; t++)
            {
                (int at, int rest) = Math.DivRem(t - a.Low, dims.LhsDilation[i]);
                *table++ = t >= a.Low && rest == 0 && at < a.Size ? at : -1;
            }
        }
    }

    private static long Sizes(ReadOnlySpan<int> dims)
    {
        long count = 1;
        foreach (int dim in dims) count *= dim;
        return count;
    }
}
