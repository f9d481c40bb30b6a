using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// What the kernels of coding rates know about the classes of all entries, made on the device: see <see cref="RateKernels"/>. The lists are as long as any labels could make them.
/// </summary>
internal sealed class DeviceClasses
{
    private const int LeastRows = 256, MostElements = 1 << 26;

    private DeviceClasses(DenseTensor[] integers, DenseTensor[] reals)
    {
        (Order, Parts, Ranges, Tasks, Pieces) = (integers[0], integers[1], integers[2], integers[3], integers[4]);
        (Alphas, Weights) = (reals[0], reals[1]);
    }

    /// <summary>Rows of samples, sorted by class.</summary>
    public DenseTensor Order { get; }

    /// <summary>Of each matrix its first sample, its samples, and whether it is n_j×n_j.</summary>
    public DenseTensor Parts { get; }

    /// <summary>Of each matrix the first and the last but one of its Gram matrices, and its rows.</summary>
    public DenseTensor Ranges { get; }

    /// <summary>Of each Gram matrix its first sample, its samples, and whether it is n_j×n_j.</summary>
    public DenseTensor Tasks { get; }

    /// <summary>Of each piece of the gradient the matrix of its class, that of all samples, its first sample, and its samples.</summary>
    public DenseTensor Pieces { get; }

    /// <summary>α of each matrix.</summary>
    public DenseTensor Alphas { get; }

    /// <summary>What its ½ log det is multiplied with.</summary>
    public DenseTensor Weights { get; }

    /// <summary>Queues them for contiguous labels [entries, n], null if there are no classes. The first sample whose label names no class goes into the third word of <paramref name="fault"/>.</summary>
    public static DeviceClasses Make<T>(Accelerator device, DenseTensor? labels, int n, int d, int entries, in RateForm form, DenseTensor fault) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ClassShape s = ShapeOf<T>(n, d, entries, form);
        int matrices = checked(entries * (s.Classes + 1)), samples = checked(entries * n), counts = checked(entries * s.Tiles * s.Classes);
        DenseTensor[] integers = Views(DType.I32, device, samples, checked(3 * matrices), 3 * matrices, checked(3 * entries * s.MostTasks), checked(4 * entries * s.MostPieces), samples, counts,
            2 * entries * Math.Max(1, s.Classes), 2 * entries);
        DenseTensor[] reals = Views(DTypes.Of<T>(), device, matrices, matrices);
        var made = new DeviceClasses(integers, reals);
        DeviceView names = labels is null ? default : DeviceView.Of(labels), order = DeviceView.Of(made.Order), parts = DeviceView.Of(made.Parts), tasks = DeviceView.Of(made.Tasks), pieces = DeviceView.Of(made.Pieces);
        DeviceView ranks = DeviceView.Of(integers[5]), table = s.Classes == 0 ? default : DeviceView.Of(integers[6]), firsts = DeviceView.Of(integers[7]), rest = DeviceView.Of(integers[8]);
        double ratio = d / form.EpsilonSquared;
        if (s.Classes > 0) ClassKernels.LaunchCountLabels(device, s.Tiles, entries, 1, names, s, ranks, table, DeviceView.Of(fault));
        ClassKernels.LaunchPlanClasses<T>(device, entries, 1, 1, table, s, T.CreateTruncating(ratio), T.CreateTruncating(form.ByClass / n), T.CreateTruncating(form.All == 0 ? 0 : form.Gain * ratio / n),
            T.CreateTruncating(form.All), parts, DeviceView.Of(made.Ranges), firsts, rest, tasks, pieces, DeviceView.Of(made.Alphas), DeviceView.Of(made.Weights));
        ClassKernels.LaunchPlaceSamples(device, s.Tiles, entries, 1, names, s, ranks, table, parts, firsts, rest, order, tasks, pieces);
        GC.KeepAlive(integers);
        GC.KeepAlive(labels);
        return made;
    }

    // A class has a Gram matrix for each RowsOfTask samples and one more; so have the samples of small classes together, of which each has one too; and all samples may have one.
    private static ClassShape ShapeOf<T>(int n, int d, int entries, in RateForm form) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int some = Math.Min(form.Classes, n), side = Math.Min(n, d);
        // Long sums are made in parts, so that all of the device has work; but together the parts do not take more than some hundred megabytes.
        int rows = (int)Math.Clamp((long)entries * n * side / MostElements * side, LeastRows, int.MaxValue / 2);
        return new ClassShape
        {
            N = n,
            D = d,
            Classes = form.Classes,
            Tiles = (n + ClassKernels.Tile - 1) / ClassKernels.Tile,
            SmallBelow = form.SmallBelow<T>(n, d),
            All = form.All == 0 ? 0 : 1,
            AllSmall = n < d ? 1 : 0,
            ByClass = form.ByClass == 0 ? 0 : 1,
            RowsOfTask = rows,
            MostTasks = n / rows + some + 1,
            MostPieces = n / RateKernels.Side + Math.Max(1, some),
        };
    }

    // Tensors of one memory.
    private static DenseTensor[] Views(DType type, Accelerator device, params int[] counts)
    {
        DenseTensor tensor = DenseTensor.Allocate(new Aval(type, [counts.Aggregate(0, (sum, count) => checked(sum + count))]), device);
        int offset = 0;
        return Array.ConvertAll(counts, count =>
        {
            DenseTensor part = tensor.View(new Layout([count], [1], offset));
            offset += count;
            return part;
        });
    }
}
