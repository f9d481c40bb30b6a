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
        // Two copies to the device: all integers, all factors.
        DenseTensor[] integers = Upload<int>(device, tables.Order, tables.Parts, [.. tables.Tasks], tables.Ranges, [.. tables.Pieces], [int.MaxValue, int.MaxValue]);
        (DenseTensor order, DenseTensor parts, DenseTensor tasks, DenseTensor ranges, DenseTensor pieces, DenseTensor faults) = (integers[0], integers[1], integers[2], integers[3], integers[4], integers[5]);
        DenseTensor[] reals = Upload<T>(device, [.. tables.Alphas.Select(T.CreateTruncating)], [.. tables.Weights.Select(T.CreateTruncating)],
            [.. tables.Weights.Zip(tables.Alphas, (weight, alpha) => T.CreateTruncating(weight * alpha))]);
        DenseTensor factors = DenseTensor.Allocate(new Aval(features.DType, [matrices, side, side]), device);
        DenseTensor grams = DenseTensor.Allocate(new Aval(features.DType, [Math.Max(1, tables.Tasks.Count / 3), side, side]), device);
        if (tables.Tasks.Count > 0)
            RateKernels.LaunchGram<T>(device, tables.Tasks.Count / 3, tiles, tiles, DeviceView.Of(x), d, DeviceView.Of(order), DeviceView.Of(tasks), side, DeviceView.Of(grams));
        DenseTensor sums = side <= FactorKernels.WholeItems ? factors : DenseTensor.Allocate(factors.Aval, device), logs = DenseTensor.Allocate(new Aval(features.DType, [DeviceLinalg.Panels(side), matrices]), device);
        RateKernels.LaunchAddGrams<T>(device, LaunchSize.Linear(sums.Count, 256).GridX, 1, 1, DeviceView.Of(grams), DeviceView.Of(ranges), DeviceView.Of(reals[0]), side, DeviceView.Of(sums));
        DeviceLinalg.Factor<T>(sums, factors, faults, logs);
        RateKernels.LaunchValues<T>(device, entries, 1, 1, DeviceView.Of(logs), matrices / entries, DeviceView.Of(reals[1]), DeviceView.Of(value), DeviceView.Of(faults));
        if (gradient is not null)
        {
            DenseTensor w = Inverses<T>(factors);
            RateKernels.LaunchProduct<T>(device, tables.Pieces.Count / 4, (d + RateKernels.Side - 1) / RateKernels.Side, 1,
                DeviceView.Of(x), d, DeviceView.Of(order), DeviceView.Of(parts), DeviceView.Of(pieces), DeviceView.Of(reals[2]), side, DeviceView.Of(w), DeviceView.Of(gradient));
            GC.KeepAlive(w);
        }
        int[] fault = faults.CopyToArray<int>();
        GC.KeepAlive(integers);
        GC.KeepAlive(reals);
        GC.KeepAlive(grams);
        GC.KeepAlive(sums);
        GC.KeepAlive(logs);
        GC.KeepAlive(factors);
        GC.KeepAlive(x);
        long failed = Math.Min(fault[0] == int.MaxValue ? int.MaxValue : fault[0] / side / (matrices / entries), fault[1]);
        return failed == int.MaxValue ? long.MaxValue : failed;
    }

    // (L·Lᵀ)⁻¹ through L⁻¹, as on the host.
    private static DenseTensor Inverses<T>(DenseTensor l) where T : unmanaged, IFloatingPointIeee754<T>
    {
        DenseTensor inverse = DenseTensor.Allocate(l.Aval, l.Device), w = DenseTensor.Allocate(l.Aval, l.Device);
        DeviceLinalg.InvertLower<T>(l, inverse);
        DeviceLinalg.SquareTransposed(inverse, w);
        return w;
    }

    // Views of one tensor, which is sent at once.
    private static DenseTensor[] Upload<T>(Accelerator device, params T[][] tables) where T : unmanaged
    {
        DenseTensor tensor = DenseTensor.Allocate(new Aval(DTypes.Of<T>(), [tables.Sum(table => table.Length)]), device);
        tensor.Write<T>([.. tables.SelectMany(table => table)]);
        int offset = 0;
        return Array.ConvertAll(tables, table =>
        {
            DenseTensor part = tensor.View(new Layout([table.Length], [1], offset));
            offset += table.Length;
            return part;
        });
    }

    /// <summary>What the kernels and the host know about the classes of each entry: see <see cref="RateKernels"/>.</summary>
    private sealed class Tables(int n, int d, int classes, int entries)
    {
        private const int LeastRows = 256, MostElements = 1 << 26;

        private readonly int _entries = entries;

        public int N { get; } = n;

        public int D { get; } = d;

        public int[] Order { get; } = new int[checked(entries * n)];

        public int[] Parts { get; } = new int[checked(3 * entries * (classes + 1))];

        public double[] Alphas { get; } = new double[entries * (classes + 1)];

        public double[] Weights { get; } = new double[entries * (classes + 1)];

        public List<int> Pieces { get; } = [];

        /// <summary>Gram matrices to be made: first sample, samples, 1 for n_j×n_j.</summary>
        public List<int> Tasks { get; } = [];

        /// <summary>Of each matrix the first and the last but one of its Gram matrices, and its rows.</summary>
        public int[] Ranges { get; } = new int[checked(3 * entries * (classes + 1))];

        // Long sums are made in parts, so that all of the device has work; but together the parts do not take more than some hundred megabytes.
        private int RowsOfTask => (int)Math.Max(LeastRows, (long)_entries * N * Math.Min(N, D) / MostElements * Math.Min(N, D));

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
                AddTasks(entry, form.Classes, table);
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

        // The Gram matrix of all samples is the sum of those of the classes, where it is d×d.
        private unsafe void AddTasks(int entry, int classes, in ClassTable table)
        {
            int first = entry * (classes + 1), from = Tasks.Count / 3;
            bool all = !table.All.Empty && !table.All.Small;
            for (int j = 0; j < Math.Max(1, classes); j++)
            {
                RatePart part = table.Parts[j];
                bool own = !part.Empty && !part.Small;
                int start = Tasks.Count / 3;
                for (int at = 0; at < part.Count && (all || own); at += RowsOfTask) Tasks.AddRange(entry * N + part.Start + at, Math.Min(RowsOfTask, part.Count - at), 0);
                if (own) SetRange(first + j, start, D);
            }
            if (all) SetRange(first + classes, from, D);
            for (int j = 0; j <= classes; j++)
            {
                RatePart part = table.Parts[j];
                if (part.Empty || !part.Small) continue;
                Tasks.AddRange(entry * N + part.Start, part.Count, 1);
                SetRange(first + j, Tasks.Count / 3 - 1, part.Count);
            }
        }

        private void SetRange(int matrix, int first, int rows) => (Ranges[3 * matrix], Ranges[3 * matrix + 1], Ranges[3 * matrix + 2]) = (first, Tasks.Count / 3, rows);
    }
}
