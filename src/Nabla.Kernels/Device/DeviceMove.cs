using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Moves elements on a device, and between the host and devices.</summary>
internal static class DeviceMove
{
    /// <summary>y = x, from any layout to a dense one; at least one of them is not on the host.</summary>
    public static unsafe void Copy(DenseTensor x, DenseTensor y)
    {
        if (x.Device == y.Device)
        {
            Span<long> strides = stackalloc long[x.Rank];
            Move.RowMajor(x.Shape.Dims, strides);
            Run(x, 0, y, 0, new StridedWalk(x.Shape.Dims, x.Layout.Strides, strides));
            return;
        }
        if (!x.Device.IsHost && !y.Device.IsHost)
        {
            Copy(x.OnHost(), y);
            return;
        }
        // What lies densely crosses once; what does not is made dense where it is, unless it is on the host already.
        DenseTensor dense = x.IsContiguous ? x : DenseTensor.Allocate(x.Aval, x.Device);
        if (dense != x) Move.Copy(x, dense);
        long bytes = x.Aval.Bytes;
        nint from = Start(dense), to = Start(y);
        for (long done = 0; done < bytes; done += 1 << 30)
        {
            int chunk = (int)Math.Min(1 << 30, bytes - done);
            if (dense.Device.IsHost) y.Device.Upload(new ReadOnlySpan<byte>((byte*)from + done, chunk), to + (nint)done);
            else dense.Device.Download(from + (nint)done, new Span<byte>((byte*)to + done, chunk));
        }
        GC.KeepAlive(dense);
        GC.KeepAlive(y);
    }

    /// <summary>
    /// y[target + walk] = x[source + walk]: <paramref name="source"/> counts from the first element of x, <paramref name="target"/> from that of y, which is dense.
    /// </summary>
    public static void Run(DenseTensor x, long source, DenseTensor y, long target, in StridedWalk walk)
    {
        long count = walk.Count;
        if (count == 0 || x.Count == 0) return;
        var device = (Accelerator)y.Device;
        DeviceView from = DeviceView.Of(x), to = DeviceView.Of(y);
        var extents = Extents.Of(walk);
        Steps stepsX = Steps.Of(walk, 0, x.Layout.Offset - x.Layout.Reach.First + source), stepsY = Steps.Of(walk, 1, target);
        int groups = LaunchSize.Linear(count, ElementKernels.Size).GridX;
        switch (y.DType.Size)
        {
            case 4: ElementKernels.LaunchCopy<int>(device, groups, 1, 1, from, stepsX, extents, to, stepsY, (int)count); break;
            case 8: ElementKernels.LaunchCopy<long>(device, groups, 1, 1, from, stepsX, extents, to, stepsY, (int)count); break;
            default: ElementKernels.LaunchCopy<byte>(device, groups, 1, 1, from, stepsX, extents, to, stepsY, (int)count); break;
        }
    }

    /// <summary>All elements of y = the one of <paramref name="fill"/>.</summary>
    public static void Fill(DenseTensor fill, DenseTensor y) => Copy(fill.View(new Layout(y.Shape, new long[y.Rank], fill.Layout.Offset)), y);

    /// <summary>y[i₀, …] = i_axis.</summary>
    public static void Iota(int axis, DenseTensor y)
    {
        if (y.DType == DType.Bool) throw KernelErrors.NoKernel("iota", y.Aval);
        if (y.Count == 0) return;
        int inner = 1;
        for (int i = axis + 1; i < y.Rank; i++) inner *= y.Shape.Dims[i];
        switch (y.DType)
        {
            case DType.F32: Launch<float>(y, inner, y.Shape.Dims[axis]); break;
            case DType.F64: Launch<double>(y, inner, y.Shape.Dims[axis]); break;
            case DType.I32: Launch<int>(y, inner, y.Shape.Dims[axis]); break;
            default: Launch<long>(y, inner, y.Shape.Dims[axis]); break;
        }

        static void Launch<T>(DenseTensor y, int inner, int size) where T : unmanaged, INumber<T> => ElementKernels.LaunchIota<T>(
            (Accelerator)y.Device, LaunchSize.Linear(y.Count, ElementKernels.Size).GridX, 1, 1, inner, size, DeviceView.Of(y));
    }

    private static nint Start(DenseTensor x) => x.Buffer.Address + (nint)(x.Layout.Offset * x.DType.Size);
}
