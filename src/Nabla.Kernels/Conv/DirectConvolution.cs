using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// Convolution in which each group has one output feature (depthwise, its gradients, sums over windows): too thin for a matrix product, but the groups
/// are neighbours, so that vectors run across them. Bound by reading x: a window's elements come from the caches.
/// </summary>
internal static unsafe class DirectConvolution
{
    /// <summary>True if groups have one feature each, and are neighbours in memory or can be made so.</summary>
    public static bool Suits(DenseTensor x, DenseTensor w) =>
        x.Shape.Dims[^2] > 1 && w.Shape.Dims[^1] == 1 && (x.Shape.Dims[^1] == 1 || x.Layout.Strides[^2] == 1);

    /// <summary>See <see cref="Convolution.Run"/>.</summary>
    public static void Run<T>(DenseTensor x, DenseTensor w, ConvDims dims, DenseTensor y, WindowAxis* axes) where T : unmanaged, INumber<T>
    {
        (x, w) = (WithDenseGroups(x, x.Rank - 2), WithDenseGroups(w, w.Rank - 3));
        Convolution.FillAxes(x, w.Shape.Dims[..dims.Rank], dims, y, axes, rowsAreWindows: true);
        long* strides = stackalloc long[dims.Rank];
        w.Layout.Strides[..dims.Rank].CopyTo(new Span<long>(strides, dims.Rank));
        var job = new DirectJob<T>
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
            W = w.Pointer<T>(),
            KernelStrides = strides,
            KernelInnerStride = (nint)w.Layout.Strides[^2],
            Y = y.Pointer<T>(),
            Groups = x.Shape.Dims[^2],
            Rows = y.Count / x.Shape.Dims[^2],
            Blocks = 1,
        };
        for (int i = 0; i < dims.Rank - 1; i++) job.Blocks *= w.Shape.Dims[i];
        long work = y.Count * job.Blocks * job.Windows.Run;
        // A part does about 2¹⁷ multiplications.
        job.PartRows = Math.Max(1, GemmConfig.BatchPart * job.Rows / work);
        int parts = checked((int)((job.Rows + job.PartRows - 1) / job.PartRows));
        if (work >= GemmConfig.ParallelFrom) Workers.Run(ref job, parts);
        else
            for (int part = 0; part < parts; part++) job.Run(part);
        GC.KeepAlive(x);
        GC.KeepAlive(w);
    }

    private static DenseTensor WithDenseGroups(DenseTensor x, int axis)
    {
        if (x.Layout.Strides[axis] == 1) return x;
        int[] order = [.. Enumerable.Range(0, x.Rank).Where(i => i != axis), axis];
        DenseTensor view = x.View(x.Layout.Transpose(order)), copy = DenseTensor.Allocate(view.Aval, view.Device);
        Move.Copy(view, copy);
        var back = new int[x.Rank];
        for (int i = 0; i < order.Length; i++) back[order[i]] = i;
        return copy.View(copy.Layout.Transpose(back));
    }
}

/// <summary>A part is a range of windows, each for all groups.</summary>
internal unsafe struct DirectJob<T> : IParallelJob where T : unmanaged, INumber<T>
{
    private const int Vectors = 4;

    public Windows<T> Windows;
    public T* W, Y;
    public long* KernelStrides;
    public nint KernelInnerStride;
    public long Rows, PartRows;
    public int Groups, Blocks;

    public readonly void Run(int part)
    {
        long end = Math.Min(Rows, (part + 1) * PartRows);
        int width = Vector512<T>.Count;
        for (long row = part * PartRows; row < end; row++)
        {
            T* y = Y + row * Groups;
            int g = 0;
            for (; g + Vectors * width <= Groups; g += Vectors * width) Several(row, g, y + g);
            for (; g + width <= Groups; g += width) One(row, g, y + g);
            for (; g < Groups; g++) y[g] = Scalar(row, g);
        }
    }

    // Sums over one block (a line of the window) are added to the total: long sums, as in kernel gradients, stay accurate.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Several(long row, int group, T* y)
    {
        int width = Vector512<T>.Count;
        Vector512<T> s0 = default, s1 = default, s2 = default, s3 = default;
        for (int block = 0; block < Blocks; block++)
        {
            if (!Find(row, block, out T* x, out T* w, out int* index)) continue;
            Vector512<T> t0 = default, t1 = default, t2 = default, t3 = default;
            for (Steps step = First(x + group, w + group, index); step.Left > 0; Next(ref step))
            {
                if (*step.Index < 0) continue;
                T* u = step.X + *step.Index * step.Stride, v = step.W;
                for (int c = 0; c < Windows.Inner; c++, u += Windows.InnerStride, v += KernelInnerStride)
                {
                    t0 += Vector512.Load(u) * Vector512.Load(v);
                    t1 += Vector512.Load(u + width) * Vector512.Load(v + width);
                    t2 += Vector512.Load(u + 2 * width) * Vector512.Load(v + 2 * width);
                    t3 += Vector512.Load(u + 3 * width) * Vector512.Load(v + 3 * width);
                }
            }
            (s0, s1, s2, s3) = (s0 + t0, s1 + t1, s2 + t2, s3 + t3);
        }
        s0.Store(y);
        s1.Store(y + width);
        s2.Store(y + 2 * width);
        s3.Store(y + 3 * width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void One(long row, int group, T* y)
    {
        Vector512<T> sum = default;
        for (int block = 0; block < Blocks; block++)
        {
            if (!Find(row, block, out T* x, out T* w, out int* index)) continue;
            Vector512<T> line = default;
            for (Steps step = First(x + group, w + group, index); step.Left > 0; Next(ref step))
            {
                if (*step.Index < 0) continue;
                T* u = step.X + *step.Index * step.Stride, v = step.W;
                for (int c = 0; c < Windows.Inner; c++, u += Windows.InnerStride, v += KernelInnerStride) line += Vector512.Load(u) * Vector512.Load(v);
            }
            sum += line;
        }
        sum.Store(y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly T Scalar(long row, int group)
    {
        T sum = T.Zero;
        for (int block = 0; block < Blocks; block++)
        {
            if (!Find(row, block, out T* x, out T* w, out int* index)) continue;
            T line = T.Zero;
            for (Steps step = First(x + group, w + group, index); step.Left > 0; Next(ref step))
            {
                if (*step.Index < 0) continue;
                T* u = step.X + *step.Index * step.Stride, v = step.W;
                for (int c = 0; c < Windows.Inner; c++, u += Windows.InnerStride, v += KernelInnerStride) line += *u * *v;
            }
            sum += line;
        }
        return sum;
    }

    // The line of x and of the kernel for one block of a window, and where along the last axis the window begins; false: zeros only.
    private readonly bool Find(long row, int block, out T* x, out T* w, out int* index)
    {
        ref readonly WindowAxis last = ref Windows.Axes[Windows.Rank - 1];
        (long line, long from) = Math.DivRem(row, last.Rows);
        x = Windows.Locate(line, block);
        index = last.Source + from * last.RowStep;
        w = W;
        for (int axis = Windows.Rank - 2; axis >= 0; axis--)
        {
            (block, int j) = Math.DivRem(block, Windows.Axes[axis].Columns);
            w += j * KernelStrides[axis];
        }
        return x != null;
    }

    private ref struct Steps
    {
        public T* X, W;
        public int* Index;
        public nint Stride, KernelStride;
        public int IndexStep, Left;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly Steps First(T* x, T* w, int* index)
    {
        ref readonly WindowAxis last = ref Windows.Axes[Windows.Rank - 1];
        return new Steps
        {
            X = x,
            W = w,
            Index = index,
            Stride = last.Stride,
            KernelStride = (nint)KernelStrides[Windows.Rank - 1],
            IndexStep = last.ColumnStep,
            Left = last.Columns,
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Next(ref Steps step)
    {
        step.Left--;
        step.Index += step.IndexStep;
        step.W += step.KernelStride;
    }
}
