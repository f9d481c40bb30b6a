using System.Numerics;
using Nabla.Kernels;
using Nabla.Kernels.Language;

namespace Nabla.Bench;

/// <summary>What an accelerator can do at most, measured by kernels that do nothing else.</summary>
/// <param name="FlopsF32">flop/s of fused multiply-adds in registers.</param>
/// <param name="FlopsF64">The same in f64; 0 if it has none.</param>
/// <param name="Bytes">Bytes/s read and written by a copy.</param>
/// <param name="Launch">A launch that does nothing, with the wait for it.</param>
/// <param name="Queued">The same when a hundred are waited for together.</param>
internal sealed record DeviceRoof(double FlopsF32, double FlopsF64, double Bytes, Timing Launch, Timing Queued)
{
    private const double SecondsPerRun = 0.01;
    private const int Launches = 100;

    /// <summary>Measures it. Kernels for GPUs and for processors are tried; the better one counts.</summary>
    public static DeviceRoof Of(Accelerator device)
    {
        DenseTensor one = DenseTensor.Allocate(new Aval(DType.F32, [1]), device);
        void Empty() => RoofKernels.LaunchEmpty(device, 1, 1, 1, DeviceView.Of(one), 0);
        Timing launch = Timing.Of(() =>
        {
            Empty();
            device.Synchronize();
        });
        Timing queued = Timing.Of(() =>
        {
            for (int i = 0; i < Launches; i++) Empty();
        }, device.Synchronize).Per(Launches);
        return new DeviceRoof(Flops<float>(device), device.HasDouble ? Flops<double>(device) : 0, CopyBytes(device), launch, queued);
    }

    /// <summary>flop/s for a type.</summary>
    public double Flops(DType type) => type == DType.F32 ? FlopsF32 : FlopsF64;

    private static double Flops<T>(Accelerator device) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T half = T.CreateTruncating(0.5);
        int chains = 16 * device.Multiprocessors, lanes = 4 * device.Multiprocessors;
        DenseTensor sink = DenseTensor.Allocate(new Aval(DTypes.Of<T>(), [chains * 256]), device);
        return Math.Max(
            Rate(device, 2.0 * RoofKernels.Chains * 256 * chains, steps => RoofKernels.LaunchScalars(device, chains, 1, 1, half, steps, DeviceView.Of(sink))),
            Rate(device, 2.0 * RoofKernels.VectorChains * RoofKernels.Width * lanes, steps => RoofKernels.LaunchLanes(device, lanes, 1, 1, half, steps, DeviceView.Of(sink))));
    }

    // Work per second, with steps enough for a measurable run.
    private static double Rate(Accelerator device, double workPerStep, Action<int> run)
    {
        int steps = 16;
        while (true)
        {
            int now = steps;
            Timing time = Timing.Quick(() => run(now), device.Synchronize);
            if (time.P10 >= SecondsPerRun || steps >= 1 << 24) return workPerStep * steps / time.P10;
            steps *= 4;
        }
    }

    private static double CopyBytes(Accelerator device)
    {
        // Far beyond the caches of a fast device, and little enough for one that is slow.
        int count = 1 << 12;
        while (true)
        {
            DenseTensor from = DenseTensor.Allocate(new Aval(DType.F32, [count]), device), to = DenseTensor.Allocate(from.Aval, device);
            Timing ones = Timing.Quick(() => RoofKernels.LaunchCopy(device, count / 256, 1, 1, DeviceView.Of(from), DeviceView.Of(to)), device.Synchronize);
            Timing fours = Timing.Quick(() => RoofKernels.LaunchCopyFours(device, count / 1024, 1, 1, DeviceView.Of(from), DeviceView.Of(to)), device.Synchronize);
            double seconds = Math.Min(ones.Median, fours.Median);
            if (count == 1 << 28 || (seconds >= SecondsPerRun && count >= 1 << 24) || seconds > 0.5) return 8.0 * count / seconds;
            count *= 4;
        }
    }
}

/// <summary>Kernels that use one resource alone.</summary>
internal static partial class RoofKernels
{
    /// <summary>Independent sums of a work-item, and vectors of them.</summary>
    public const int Chains = 16, VectorChains = 12, Width = 16;

    /// <summary>Multiply-adds on scalars, for GPUs.</summary>
    [Kernel(256), Instances(typeof(float), typeof(double))]
    public static void Scalars<T>(T x, int steps, ArrayView<T> sink) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sum = LocalMemory.Allocate<T>(Chains);
        for (int i = 0; i < Chains; i++) sum[i] = T.CreateTruncating(i);
        for (int step = 0; step < steps; step++)
            for (int i = 0; i < Chains; i++) sum[i] = T.FusedMultiplyAdd(sum[i], x, x);
        T total = T.Zero;
        for (int i = 0; i < Chains; i++) total = total + sum[i];
        sink[Grid.IdxX * Group.DimX + Group.IdxX] = total;
    }

    /// <summary>Multiply-adds on vectors, for processors.</summary>
    [Kernel(1), Instances(typeof(float), typeof(double))]
    public static void Lanes<T>(T x, int steps, ArrayView<T> sink) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sum = LocalMemory.Allocate<T>(VectorChains * Width);
        for (int i = 0; i < VectorChains; i++)
            for (int j = 0; j < Vectors.Lanes(Width); j++) sum[i * Width + j] = x;
        for (int step = 0; step < steps; step++)
            for (int i = 0; i < VectorChains; i++)
                for (int j = 0; j < Vectors.Lanes(Width); j++) sum[i * Width + j] = T.FusedMultiplyAdd(sum[i * Width + j], x, x);
        for (int j = 0; j < Width; j++)
        {
            T total = T.Zero;
            for (int i = 0; i < VectorChains; i++) total = total + sum[i * Width + j];
            sink[Grid.IdxX * Width + j] = total;
        }
    }

    /// <summary>A copy, one element for each work-item.</summary>
    [Kernel(256)]
    public static void Copy(ArrayView<float> from, ArrayView<float> to)
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        to[i] = from[i];
    }

    /// <summary>A copy, four elements for each work-item.</summary>
    [Kernel(256)]
    public static void CopyFours(ArrayView<float> from, ArrayView<float> to)
    {
        int i = 4 * (Grid.IdxX * Group.DimX + Group.IdxX);
        Vectors.Move4(from, i, to, i);
    }

    /// <summary>Nothing.</summary>
    [Kernel(1)]
    public static void Empty(ArrayView<float> x, int writes)
    {
        if (writes > 0) x[0] = 1;
    }
}
