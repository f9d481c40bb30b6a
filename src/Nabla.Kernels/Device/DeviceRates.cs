using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// Coding rates on devices. The device sorts the samples, makes all matrices of all entries, each in a square as large as the largest, factors them together, adds up their
/// log-determinants, inverts and multiplies; the host asks for faults when all is queued. Cost: (k + 1)·min(n, d)³ and 2·n·d·min(n, d) multiply-adds for the
/// value, about as much again for the gradient.
/// </summary>
internal static class DeviceRates
{
    /// <summary>Computes values and gradients; <paramref name="cause"/> makes an error of an entry that failed.</summary>
    public static void Run<T>(DenseTensor features, DenseTensor? labels, RateForm form, DenseTensor value, DenseTensor? gradient, Func<long, Exception> cause) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var device = (Accelerator)value.Device;
        int entries = checked((int)value.Count);
        if (features.Count == 0)
        {
            if (entries > 0) DeviceMove.Fill(DenseTensor.Splat(new Aval(value.DType, Shape.Scalar), 0, device), value);
            return;
        }
        (Aval x, Aval? names) = (features.Aval, labels?.Aval);
        (int n, int d) = (x.Shape[^2], x.Shape[^1]);
        DenseTensor faults = DeviceFaults.Words(device, 3);
        Compute<T>(Contiguous(features), labels is null ? null : Contiguous(labels), form, n, d, entries, value, gradient, faults);
        // A gradient from factors that do not exist is worth nothing, and nobody sees it.
        DeviceFaults.Check(faults, (words, late) =>
        {
            long matrix = words[0] / Math.Min(n, d), entry = words[2] != int.MaxValue ? words[2] / n : Math.Min(words[0] == int.MaxValue ? int.MaxValue : matrix / (form.Classes + 1), words[1]);
            if (!late) return cause(entry);
            return words[2] != int.MaxValue ? KernelErrors.RateLabel(names!.Value, words[2], null, form.Classes) : KernelErrors.RateOverflow(x, form.EpsilonSquared, isFinite: false);
        });
    }

    private static void Compute<T>(DenseTensor x, DenseTensor? labels, in RateForm form, int n, int d, int entries, DenseTensor value, DenseTensor? gradient, DenseTensor faults)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var device = (Accelerator)x.Device;
        int side = Math.Min(n, d), matrices = entries * (form.Classes + 1), tiles = (side + RateKernels.Side - 1) / RateKernels.Side;
        var classes = DeviceClasses.Make<T>(device, labels, n, d, entries, form, faults);
        (int tasks, int pieces) = (classes.Tasks.Shape[0] / 3, classes.Pieces.Shape[0] / 4);
        DenseTensor grams = DenseTensor.Allocate(new Aval(x.DType, [tasks, side, side]), device), factors = DenseTensor.Allocate(new Aval(x.DType, [matrices, side, side]), device);
        DenseTensor sums = side <= FactorKernels.WholeItems ? factors : DenseTensor.Allocate(factors.Aval, device), logs = DenseTensor.Allocate(new Aval(x.DType, [DeviceLinalg.Panels(side), matrices]), device);
        RateKernels.LaunchGram<T>(device, tasks, tiles, tiles, DeviceView.Of(x), d, DeviceView.Of(classes.Order), DeviceView.Of(classes.Tasks), side, DeviceView.Of(grams));
        RateKernels.LaunchAddGrams<T>(device, LaunchSize.Linear(sums.Count, 256).GridX, 1, 1, DeviceView.Of(grams), DeviceView.Of(classes.Ranges), DeviceView.Of(classes.Alphas), side, DeviceView.Of(sums));
        DeviceLinalg.Factor<T>(sums, factors, faults, logs);
        RateKernels.LaunchValues<T>(device, entries, 1, 1, DeviceView.Of(logs), form.Classes + 1, DeviceView.Of(classes.Weights), DeviceView.Of(value), DeviceView.Of(faults));
        if (gradient is not null)
        {
            DenseTensor w = Inverses<T>(factors);
            RateKernels.LaunchProduct<T>(device, pieces, (d + RateKernels.Side - 1) / RateKernels.Side, 1,
                DeviceView.Of(x), d, DeviceView.Of(classes.Order), DeviceView.Of(classes.Parts), DeviceView.Of(classes.Pieces), DeviceView.Of(classes.Alphas), DeviceView.Of(classes.Weights), side, DeviceView.Of(w), DeviceView.Of(gradient));
            GC.KeepAlive(w);
        }
        GC.KeepAlive(classes);
        GC.KeepAlive(grams);
        GC.KeepAlive(sums);
        GC.KeepAlive(logs);
        GC.KeepAlive(factors);
        GC.KeepAlive(x);
    }

    // (L·Lᵀ)⁻¹ through L⁻¹, as on the host.
    private static DenseTensor Inverses<T>(DenseTensor l) where T : unmanaged, IFloatingPointIeee754<T>
    {
        DenseTensor inverse = DenseTensor.Allocate(l.Aval, l.Device), w = DenseTensor.Allocate(l.Aval, l.Device);
        DeviceLinalg.InvertLower<T>(l, inverse);
        DeviceLinalg.SquareTransposed(inverse, w);
        return w;
    }

    private static DenseTensor Contiguous(DenseTensor x)
    {
        if (x.IsContiguous) return x;
        DenseTensor copy = DenseTensor.Allocate(x.Aval, x.Device);
        Move.Copy(x, copy);
        return copy;
    }
}
