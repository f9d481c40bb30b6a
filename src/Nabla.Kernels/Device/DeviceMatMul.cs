using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Launches matrix products: chooses the kernel by the shape.</summary>
internal static class DeviceMatMul
{
    // Below these a tile of 64 × 64 is mostly empty.
    private const int Few = 8, Small = 32;

    public static void Run(
        DenseTensor a, DenseTensor b, DenseTensor c, in GemmProblem g, ReadOnlySpan<int> batch, ReadOnlySpan<long> batchA, ReadOnlySpan<long> batchB)
    {
        if (c.Count == 0) return;
        if (((Accelerator)c.Device).IsProcessor && g.ColumnStrideB != 1 && g.N > 1 && g.M > 1)
        {
            // Strips read dense rows; the copy is small beside the product.
            DenseTensor dense = Dense(b, g, batch, batchB);
            Span<long> steps = stackalloc long[batch.Length];
            dense.Layout.Strides[..batch.Length].CopyTo(steps);
            Run(a, dense, c, g with { RowStrideB = g.N, ColumnStrideB = 1 }, batch, batchA, steps);
            GC.KeepAlive(dense);
            return;
        }
        StridedWalk walk = default;
        for (int i = 0; i < batch.Length; i++) walk.Append(batch[i], batchA[i], batchB[i]);
        var call = new Call(a, b, c, g, walk);
        switch (c.DType)
        {
            case DType.F32: Float<float>(call); break;
            case DType.F64: Float<double>(call); break;
            case DType.I32: Plain<int>(call); break;
            default: Plain<long>(call); break;
        }
    }

    private static DenseTensor Dense(DenseTensor b, in GemmProblem g, ReadOnlySpan<int> batch, ReadOnlySpan<long> batchB)
    {
        int[] dims = [.. batch, (int)g.K, (int)g.N];
        var layout = new Layout(dims, [.. batchB, g.RowStrideB, g.ColumnStrideB], b.Layout.Offset);
        DenseTensor dense = DenseTensor.Allocate(new Aval(b.DType, dims), b.Device);
        Move.Copy(b.View(layout), dense);
        return dense;
    }

    private static void Float<T>(in Call p) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ProductShape s = p.Shape;
        if (Math.Min(s.M, s.N) <= Few && s.K >= 128)
            MatMulKernels.LaunchDots<T>(p.Device, checked((int)p.Count), 1, 1, p.A, p.StepsA, p.B, p.StepsB, p.Batch, s, p.C);
        else if (Math.Min(s.M, s.N) < (p.Device.IsProcessor ? MatMulKernels.StripRows : Small)) Plain<T>(p);
        else if (p.Device.IsProcessor)
        {
            MatMulKernels.LaunchStrips<T>(p.Device, Parts(s.N, MatMulKernels.StripColumns), Parts(s.M, MatMulKernels.StripRows), checked((int)(p.Count / ((long)s.M * s.N))),
                p.A, p.StepsA, p.B, p.StepsB, p.Batch, s, p.C);
        }
        else
        {
            MatMulKernels.LaunchTiled<T>(p.Device, Parts(s.N, MatMulKernels.Tile), Parts(s.M, MatMulKernels.Tile), checked((int)(p.Count / ((long)s.M * s.N))),
                p.A, p.StepsA, p.B, p.StepsB, p.Batch, s, p.C);
        }
    }

    private static void Plain<T>(in Call p) where T : unmanaged, INumber<T> => MatMulKernels.LaunchPlain<T>(
        p.Device, LaunchSize.Linear(p.Count, 256).GridX, 1, 1, p.A, p.StepsA, p.B, p.StepsB, p.Batch, p.Shape, p.C);

    private static int Parts(int size, int part) => (size + part - 1) / part;

    private readonly ref struct Call
    {
        public Call(DenseTensor a, DenseTensor b, DenseTensor c, in GemmProblem g, in StridedWalk walk)
        {
            Device = (Accelerator)c.Device;
            Count = c.Count;
            (A, B, C) = (DeviceView.Of(a), DeviceView.Of(b), DeviceView.Of(c));
            Batch = Extents.Of(walk);
            StepsA = Steps.Of(walk, 0, a.Layout.Offset - a.Layout.Reach.First);
            StepsB = Steps.Of(walk, 1, b.Layout.Offset - b.Layout.Reach.First);
            Shape = new ProductShape
            {
                M = (int)g.M,
                N = (int)g.N,
                K = (int)g.K,
                RowA = checked((int)g.RowStrideA),
                ColumnA = checked((int)g.ColumnStrideA),
                RowB = checked((int)g.RowStrideB),
                ColumnB = checked((int)g.ColumnStrideB),
            };
        }

        public Accelerator Device { get; }

        public long Count { get; }

        public DeviceView A { get; }

        public Steps StepsA { get; }

        public DeviceView B { get; }

        public Steps StepsB { get; }

        public DeviceView C { get; }

        public Extents Batch { get; }

        public ProductShape Shape { get; }
    }
}
