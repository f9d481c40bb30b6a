using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// Coding rates on devices. The host sorts the labels; the device makes all matrices of all entries, each in a square as large as the largest, factors them together, adds up their
/// log-determinants, inverts and multiplies. The host waits once, at the end, for two words that tell of faults. Cost: (k + 1)·min(n, d)³ and 2·n·d·min(n, d) multiply-adds for the
/// value, about as much again for the gradient.
/// </summary>
internal static class DeviceRates
{
    /// <summary>Computes; returns the first entry that failed, or <see cref="long.MaxValue"/>.</summary>
    public static long Run<T>(DenseTensor features, DenseTensor? labels, in RateForm form, DenseTensor value, DenseTensor? gradient) where T : unmanaged, IFloatingPointIeee754<T>
    {
        (int n, int d) = (features.Shape.Dims[^2], features.Shape.Dims[^1]);
        int entries = checked((int)value.Count);
        if (features.Count == 0)
        {
            value.Write<T>(new T[entries]);
            return long.MaxValue;
        }
        var tables = new Tables(n, d, form.Classes, entries);
        return tables.Fill<T>(labels?.OnHost(), form) is var wrong && wrong != long.MaxValue ? wrong : Compute<T>(features, tables, value, gradient);
    }

    // All is queued before the device is asked for faults; a gradient from factors that do not exist is worth nothing, and nobody sees it.
    private static long Compute<T>(DenseTensor features, Tables tables, DenseTensor value, DenseTensor? gradient) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var device = (Accelerator)features.Device;
        int d = tables.D, side = Math.Min(tables.N, d), matrices = tables.Weights.Length, entries = (int)value.Count, tiles = (side + RateKernels.Side - 1) / RateKernels.Side;
        DenseTensor x = features.IsContiguous ? features : DenseTensor.Allocate(features.Aval, device);
        if (x != features) Move.Copy(features, x);
        DenseTensor order = Upload<int>(tables.Order, device), parts = Upload<int>(tables.Parts, device), faults = Upload<int>([int.MaxValue, int.MaxValue], device);
        DenseTensor alphas = Upload<T>(Array.ConvertAll(tables.Alphas, T.CreateTruncating), device), weights = Upload<T>(Array.ConvertAll(tables.Weights, T.CreateTruncating), device);
        DenseTensor factors = DenseTensor.Allocate(new Aval(features.DType, [matrices, side, side]), device);
        RateKernels.LaunchGram<T>(device, matrices, tiles, tiles,
            DeviceView.Of(x), d, DeviceView.Of(order), DeviceView.Of(parts), DeviceView.Of(alphas), side, DeviceView.Of(factors));
        DeviceLinalg.FactorLower<T>(factors, faults);
        RateKernels.LaunchValues<T>(device, entries, 1, 1, DeviceView.Of(factors), side, matrices / entries, DeviceView.Of(weights), DeviceView.Of(value), DeviceView.Of(faults));
        if (gradient is not null) Differentiate<T>(x, tables, order, parts, factors, gradient);
        int[] fault = faults.CopyToArray<int>();
        GC.KeepAlive(alphas);
        GC.KeepAlive(weights);
        GC.KeepAlive(x);
        long failed = Math.Min(fault[0] == int.MaxValue ? int.MaxValue : fault[0] / side / (matrices / entries), fault[1]);
        return failed == int.MaxValue ? long.MaxValue : failed;
    }

    private static void Differentiate<T>(DenseTensor x, Tables tables, DenseTensor order, DenseTensor parts, DenseTensor l, DenseTensor gradient)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var device = (Accelerator)x.Device;
        int d = tables.D, side = l.Shape.Dims[^1];
        DenseTensor inverse = DenseTensor.Allocate(l.Aval, device), w = DenseTensor.Allocate(l.Aval, device), pieces = Upload<int>([.. tables.Pieces], device);
        DenseTensor scales = Upload<T>([.. tables.Weights.Zip(tables.Alphas, (weight, alpha) => T.CreateTruncating(weight * alpha))], device);
        // (L·Lᵀ)⁻¹ through L⁻¹, as on the host.
        RateKernels.LaunchIdentity<T>(device, LaunchSize.Linear(inverse.Count, 256).GridX, 1, 1, side, DeviceView.Of(inverse));
        DeviceLinalg.Solve<T>(l, inverse, leftSide: true, lower: true, transposeA: false, unitDiagonal: false);
        long[] strides = [(long)side * side, 1, side];
        MatMul.Run(inverse.View(new Layout(inverse.Shape, strides, inverse.Layout.Offset)), inverse, w);
        RateKernels.LaunchProduct<T>(device, tables.Pieces.Count / 4, (d + RateKernels.Side - 1) / RateKernels.Side, 1,
            DeviceView.Of(x), d, DeviceView.Of(order), DeviceView.Of(parts), DeviceView.Of(pieces), DeviceView.Of(scales), side, DeviceView.Of(w), DeviceView.Of(gradient));
        GC.KeepAlive(pieces);
        GC.KeepAlive(scales);
        GC.KeepAlive(w);
    }

    private static DenseTensor Upload<T>(T[] elements, Accelerator device) where T : unmanaged
    {
        DenseTensor tensor = DenseTensor.Allocate(new Aval(DTypes.Of<T>(), [elements.Length]), device);
        tensor.Write<T>(elements);
        return tensor;
    }

    /// <summary>What the kernels and the host know about the classes of each entry: see <see cref="RateKernels"/>.</summary>
    private sealed class Tables(int n, int d, int classes, int entries)
    {
        private readonly int _entries = entries;

        public int N { get; } = n;

        public int D { get; } = d;

        public int[] Order { get; } = new int[checked(entries * n)];

        public int[] Parts { get; } = new int[checked(3 * entries * (classes + 1))];

        public double[] Alphas { get; } = new double[entries * (classes + 1)];

        public double[] Weights { get; } = new double[entries * (classes + 1)];

        public List<int> Pieces { get; } = [];

        /// <summary>Sorts all entries; returns the first with a wrong label, or <see cref="long.MaxValue"/>.</summary>
        public unsafe long Fill<T>(DenseTensor? labels, in RateForm form)
        {
            for (int entry = 0; entry < _entries; entry++)
            {
                var table = new ClassTable(N, D, form.Classes);
                int* own = labels is null ? null : CodingRates.LabelsOf(labels, entry);
                if (!table.Sort(own, labels is null ? 0 : (nint)labels.Layout.Strides[^1], form, form.SmallBelow<T>(N, D))) return entry;
                for (int i = 0; i < N; i++) Order[entry * N + i] = entry * N + table.Order[i];
                for (int j = 0; j <= form.Classes; j++) AddPart(entry, j, form.Classes, table.Parts[j]);
            }
            GC.KeepAlive(labels);
            return long.MaxValue;
        }

        private void AddPart(int entry, int j, int classes, in RatePart part)
        {
            int matrix = entry * (classes + 1) + j, all = entry * (classes + 1) + classes, start = entry * N + part.Start;
            (Parts[3 * matrix], Parts[3 * matrix + 1], Parts[3 * matrix + 2]) = (start, part.Empty ? 0 : part.Count, part.Small ? 1 : 0);
            if (!part.Empty) (Alphas[matrix], Weights[matrix]) = (part.Alpha, part.Weight);
            // Samples get their gradient with their class; without classes, with all samples.
            for (int from = 0; from < part.Count && (j < classes || classes == 0); from += RateKernels.Side)
                Pieces.AddRange(classes == 0 ? -1 : matrix, all, start + from, Math.Min(RateKernels.Side, part.Count - from));
        }
    }
}
