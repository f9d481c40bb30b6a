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

    /// <summary>Products that are added up before they are added to the total, so that long sums, as in kernel gradients, stay accurate.</summary>
    private const int Chunk = 256;

    public Windows<T> Windows;
    public T* W, Y;
    public long* KernelStrides;
    public nint KernelInnerStride;
    public long Rows, PartRows;
    public int Groups, Blocks;

    // Where an element of x and its weight lie, for group 0.
    private readonly record struct Member(nint X, nint W);

    public readonly void Run(int part)
    {
        ref readonly WindowAxis last = ref Windows.Axes[Windows.Rank - 1];
        Member* members = Scratch.Get<Member>(Scratch.Slot.Windows, Chunk);
        (long heldLine, nint heldAt, int held) = (-1, 0, 0);
        long end = Math.Min(Rows, (part + 1) * PartRows);
        for (long row = part * PartRows; row < end; row++)
        {
            (long line, long from) = Math.DivRem(row, last.Rows);
            long start = from * last.RowStep - last.Low;
            bool inside = last.Undilated && start >= 0 && start + (last.Columns - 1L) * last.ColumnStep < last.Size;
            nint at = (nint)start * last.Stride;
            T* y = Y + row * Groups;
            if (inside && line == heldLine)
            {
                // The same window as before, some elements further along the line.
                Sum(members, held, at - heldAt, y, accumulate: false);
                continue;
            }
            bool complete = Collect(members, line, (int)from, y, out int count);
            Sum(members, count, 0, y, accumulate: !complete);
            (heldLine, heldAt, held) = (inside && complete ? line : -1, at, count);
        }
    }

    // The members of a window; those that do not fit in one chunk are added up on the way, and the result is false.
    private readonly bool Collect(Member* members, long line, int from, T* y, out int count)
    {
        ref readonly WindowAxis last = ref Windows.Axes[Windows.Rank - 1];
        int* index = last.Source + (nint)from * last.RowStep;
        bool complete = true;
        count = 0;
        for (int block = 0; block < Blocks; block++)
        {
            T* source = Windows.Locate(line, block);
            if (source == null) continue;
            nint x = (nint)(source - Windows.X), w = KernelOffset(block);
            for (int j = 0; j < last.Columns; j++)
            {
                int at = index[(nint)j * last.ColumnStep];
                if (at < 0) continue;
                for (int c = 0; c < Windows.Inner; c++)
                {
                    if (count == Chunk)
                    {
                        Sum(members, count, 0, y, accumulate: !complete);
                        (complete, count) = (false, 0);
                    }
                    members[count++] = new Member(x + at * last.Stride + c * Windows.InnerStride, w + j * (nint)KernelStrides[Windows.Rank - 1] + c * KernelInnerStride);
                }
            }
        }
        return complete;
    }

    private readonly nint KernelOffset(int block)
    {
        nint offset = 0;
        for (int axis = Windows.Rank - 2; axis >= 0; axis--)
        {
            (block, int j) = Math.DivRem(block, Windows.Axes[axis].Columns);
            offset += j * (nint)KernelStrides[axis];
        }
        return offset;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Sum(Member* members, int count, nint shift, T* y, bool accumulate)
    {
        int width = Vector512<T>.Count, g = 0;
        T* x = Windows.X + shift;
        for (; g + Vectors * width <= Groups; g += Vectors * width) Several(members, count, x + g, W + g, y + g, accumulate);
        for (; g + width <= Groups; g += width)
        {
            Vector512<T> sum = default;
            for (int i = 0; i < count; i++) sum += Vector512.Load(x + g + members[i].X) * Vector512.Load(W + g + members[i].W);
            (accumulate ? sum + Vector512.Load(y + g) : sum).Store(y + g);
        }
        for (; g < Groups; g++)
        {
            T sum = T.Zero;
            for (int i = 0; i < count; i++) sum += x[g + members[i].X] * W[g + members[i].W];
            y[g] = accumulate ? y[g] + sum : sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Several(Member* members, int count, T* x, T* w, T* y, bool accumulate)
    {
        int width = Vector512<T>.Count;
        Vector512<T> a = default, b = default, c = default, d = default;
        for (int i = 0; i < count; i++)
        {
            T* u = x + members[i].X, v = w + members[i].W;
            a += Vector512.Load(u) * Vector512.Load(v);
            b += Vector512.Load(u + width) * Vector512.Load(v + width);
            c += Vector512.Load(u + 2 * width) * Vector512.Load(v + 2 * width);
            d += Vector512.Load(u + 3 * width) * Vector512.Load(v + 3 * width);
        }
        (accumulate ? a + Vector512.Load(y) : a).Store(y);
        (accumulate ? b + Vector512.Load(y + width) : b).Store(y + width);
        (accumulate ? c + Vector512.Load(y + 2 * width) : c).Store(y + 2 * width);
        (accumulate ? d + Vector512.Load(y + 3 * width) : d).Store(y + 3 * width);
    }
}
