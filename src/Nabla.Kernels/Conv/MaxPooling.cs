using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>Maxima over moving windows on the CPU.</summary>
public static unsafe class MaxPooling
{
    /// <summary>
    /// y = the largest element of each window, and in <paramref name="indices"/> (i32) where it is: its row-major position among the spatial axes of x.
    /// Of equal ones the first wins, of NaN the first, over all numbers; padding never does. Shape: x [batch, spatial…, channels] → y and indices
    /// [batch, spatial′…, channels], contiguous. x may have any layout; f32 and f64. Each window holds an element at least; <paramref name="dims"/> has
    /// no dilation. Cost: one comparison for each element of a window; vectors run across the channels.
    /// </summary>
    public static void Run(DenseTensor x, ReadOnlySpan<int> window, ConvDims dims, DenseTensor y, DenseTensor indices)
    {
        Debug.Assert(y.IsContiguous && indices.IsContiguous && indices.DType == DType.I32 && y.Shape == indices.Shape, "outputs of a pooling");
        if (y.Count == 0) return;
        if (y.Device is Accelerator)
        {
            DeviceConv.MaxPool(x, window, dims, y, indices);
            return;
        }
        DenseTensor dense = x;
        if (!x.IsContiguous) Move.Copy(x, dense = DenseTensor.Allocate(x.Aval, x.Device));
        if (x.DType == DType.F32) Run<float>(dense, window, dims, y, indices);
        else Run<double>(dense, window, dims, y, indices);
        GC.KeepAlive(dense);
    }

    private static void Run<T>(DenseTensor x, ReadOnlySpan<int> window, ConvDims dims, DenseTensor y, DenseTensor indices) where T : unmanaged, INumber<T>
    {
        WindowAxis* axes = stackalloc WindowAxis[dims.Rank];
        Convolution.FillAxes(x, window, dims, y, axes, rowsAreWindows: true);
        int channels = x.Shape.Dims[^1];
        var job = new Job<T>
        {
            Windows = new Windows<T> { X = x.Pointer<T>(), Axes = axes, Rank = dims.Rank, OuterStride = (nint)(x.Count / x.Shape.Dims[0]), Inner = 1, InnerStride = 1 },
            Y = y.Pointer<T>(),
            Indices = indices.Pointer<int>(),
            Channels = channels,
            Rows = y.Count / channels,
            Blocks = 1,
        };
        for (int i = 0; i < dims.Rank - 1; i++) job.Blocks *= window[i];
        long work = y.Count * job.Blocks * job.Windows.Run;
        job.PartRows = Math.Max(1, GemmConfig.BatchPart * job.Rows / work);
        int parts = checked((int)((job.Rows + job.PartRows - 1) / job.PartRows));
        if (work >= GemmConfig.ParallelFrom) Workers.Run(ref job, parts);
        else
            for (int part = 0; part < parts; part++) job.Run(part);
    }

    /// <summary>A part is a range of windows, each for all channels.</summary>
    private struct Job<T> : IParallelJob where T : unmanaged, INumber<T>
    {
        public Windows<T> Windows;
        public T* Y;
        public int* Indices;
        public long Rows, PartRows;
        public int Channels, Blocks;

        public readonly void Run(int part)
        {
            long end = Math.Min(Rows, (part + 1) * PartRows);
            int* members = Scratch.Get<int>(Scratch.Slot.Windows, (long)Blocks * Windows.Run);
            int width = Vector512<T>.Count;
            for (long row = part * PartRows; row < end; row++)
            {
                T* image = Windows.X + (nint)(row / RowsPerImage) * Windows.OuterStride;
                int count = Collect(row, image, members), c = 0;
                // Numbers up to 2²⁴ are exact in f32.
                for (; c + width <= Channels && count <= 1 << 24; c += width) Several(image + c, members, count, row * Channels + c);
                for (; c < Channels; c++) One(image + c, members, count, row * Channels + c);
            }
        }

        private readonly long RowsPerImage
        {
            get
            {
                long rows = 1;
                for (int axis = 0; axis < Windows.Rank; axis++) rows *= Windows.Axes[axis].Rows;
                return rows;
            }
        }

        // The spatial positions in a window that lie inside the input.
        private readonly int Collect(long row, T* image, int* members)
        {
            int count = 0;
            ref readonly WindowAxis last = ref Windows.Axes[Windows.Rank - 1];
            (long line, long from) = Math.DivRem(row, last.Rows);
            for (int block = 0; block < Blocks; block++)
            {
                T* source = Windows.Locate(line, block);
                if (source == null) continue;
                int start = (int)((source - image) / Channels);
                for (int j = 0; j < last.Columns; j++)
                {
                    int at = last.Source[from * last.RowStep + j];
                    if (at >= 0) members[count++] = start + at;
                }
            }
            return count;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Several(T* image, int* members, int count, long target)
        {
            int width = Vector512<T>.Count;
            Vector512<T> best = Vector512.Load(image + (nint)members[0] * Channels), winner = default, number = default;
            for (int i = 1; i < count; i++)
            {
                Vector512<T> x = Vector512.Load(image + (nint)members[i] * Channels);
                number += Vector512<T>.One;
                // Also true for a NaN against a number, and never against a NaN.
                Vector512<T> beats = Vector512.Equals(best, best) & ~Vector512.LessThanOrEqual(x, best);
                best = Vector512.ConditionalSelect(beats, x, best);
                winner = Vector512.ConditionalSelect(beats, number, winner);
            }
            best.Store(Y + target);
            T* numbers = stackalloc T[width];
            winner.Store(numbers);
            for (int lane = 0; lane < width; lane++) Indices[target + lane] = members[int.CreateTruncating(numbers[lane])];
        }

        private readonly void One(T* image, int* members, int count, long target)
        {
            int winner = members[0];
            T best = image[(nint)winner * Channels];
            for (int i = 1; i < count; i++)
            {
                T x = image[(nint)members[i] * Channels];
                if (!(x > best || (T.IsNaN(x) && !T.IsNaN(best)))) continue;
                (best, winner) = (x, members[i]);
            }
            (Y[target], Indices[target]) = (best, winner);
        }
    }
}
