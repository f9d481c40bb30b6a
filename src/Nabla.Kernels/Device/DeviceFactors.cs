using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Launches LU and QR factorisations, and what is solved by them.</summary>
internal static class DeviceFactors
{
    /// <summary>lu and permutation of a.</summary>
    public static void Lu(DenseTensor a, DenseTensor lu, DenseTensor permutation)
    {
        if (lu.Count == 0) return;
        Move.Copy(a, lu);
        if (lu.DType == DType.F32) FactorLu<float>(lu, permutation);
        else FactorLu<double>(lu, permutation);
    }

    /// <summary>x with a·x = b.</summary>
    public static void Solve(DenseTensor a, DenseTensor b, DenseTensor x)
    {
        if (a.Count == 0) return;
        int n = a.Shape.Dims[^1];
        DenseTensor lu = DenseTensor.Allocate(a.Aval, a.Device), permutation = DenseTensor.Allocate(new Aval(DType.I32, Shape.Create(a.Shape.Dims[..^1])), a.Device);
        Lu(a, lu, permutation);
        // The message names a row of the input, by the permutation: no graph can wait with it.
        DenseTensor word = DenseTensor.Splat(new Aval(DType.I32, Shape.Scalar), int.MaxValue, a.Device);
        DeviceLinalg.FindZeroPivot(lu, word);
        if (word.CopyToArray<int>()[0] is var fault && fault != int.MaxValue) throw KernelErrors.Singular(a.Aval, fault / n, permutation.CopyToArray<int>()[fault]);
        if (x.Count == 0) return;
        if (a.DType == DType.F32) Solve<float>(lu, permutation, DeviceLinalg.Placed(b), x);
        else Solve<double>(lu, permutation, DeviceLinalg.Placed(b), x);
    }

    /// <summary>Sign and log|det| of a.</summary>
    public static void SlogDet(DenseTensor a, DenseTensor sign, DenseTensor log)
    {
        if (sign.Count == 0) return;
        DenseTensor lu = DenseTensor.Allocate(a.Aval, a.Device);
        Move.Copy(a, lu);
        if (a.DType == DType.F32) SlogDet<float>(lu, sign, log);
        else SlogDet<double>(lu, sign, log);
    }

    /// <summary>q and r of a.</summary>
    public static void Qr(DenseTensor a, DenseTensor q, DenseTensor r)
    {
        if (a.Count == 0) return;
        DenseTensor work = DenseTensor.Allocate(a.Aval, a.Device);
        Move.Copy(a, work);
        if (a.DType == DType.F32) Qr<float>(work, q, r);
        else Qr<double>(work, q, r);
    }

    private static DenseTensor FactorLu<T>(DenseTensor lu, DenseTensor permutation) where T : unmanaged, IFloatingPointIeee754<T>
    {
        DenseTensor parity = DenseTensor.Allocate(new Aval(DType.I32, [DeviceLinalg.Entries(lu)]), lu.Device);
        LuKernels.LaunchFactor<T>((Accelerator)lu.Device, DeviceLinalg.Entries(lu), 1, 1, DeviceView.Of(lu), lu.Shape.Dims[^1], DeviceView.Of(permutation), DeviceView.Of(parity));
        return parity;
    }

    private static void Solve<T>(DenseTensor lu, DenseTensor permutation, DenseTensor b, DenseTensor x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        LuKernels.LaunchPermute<T>((Accelerator)x.Device, LaunchSize.Linear(x.Count, LuKernels.Size).GridX, 1, 1,
            DeviceView.Of(b), MatrixPlace.Of(b)!.Value, DeviceView.Of(permutation), x.Shape.Dims[^1], DeviceView.Of(x), x.Shape.Dims[^2]);
        DeviceLinalg.Solve<T>(lu, x, leftSide: true, lower: true, transposeA: false, unitDiagonal: true);
        DeviceLinalg.Solve<T>(lu, x, leftSide: true, lower: false, transposeA: false, unitDiagonal: false);
        GC.KeepAlive(b);
        GC.KeepAlive(permutation);
    }

    private static void SlogDet<T>(DenseTensor lu, DenseTensor sign, DenseTensor log) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var device = (Accelerator)lu.Device;
        if (lu.Count == 0)
        {
            DeviceMove.Fill(DenseTensor.Splat(new Aval(sign.DType, Shape.Scalar), 1, device), sign);
            DeviceMove.Fill(DenseTensor.Splat(new Aval(log.DType, Shape.Scalar), 0, device), log);
            return;
        }
        DenseTensor permutation = DenseTensor.Allocate(new Aval(DType.I32, Shape.Create(lu.Shape.Dims[..^1])), device), parity = FactorLu<T>(lu, permutation);
        LuKernels.LaunchDeterminant<T>(device, DeviceLinalg.Entries(lu), 1, 1, DeviceView.Of(lu), lu.Shape.Dims[^1], DeviceView.Of(parity), DeviceView.Of(sign), DeviceView.Of(log));
        GC.KeepAlive(lu);
        GC.KeepAlive(parity);
        GC.KeepAlive(permutation);
    }

    private static void Qr<T>(DenseTensor a, DenseTensor q, DenseTensor r) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var device = (Accelerator)a.Device;
        int m = a.Shape.Dims[^2], n = a.Shape.Dims[^1], entries = DeviceLinalg.Entries(a);
        DenseTensor taus = DenseTensor.Allocate(new Aval(a.DType, [entries, Math.Min(m, n)]), device);
        QrKernels.LaunchFactor<T>(device, entries, 1, 1, DeviceView.Of(a), m, n, DeviceView.Of(taus));
        QrKernels.LaunchBasis<T>(device, entries, 1, 1, DeviceView.Of(a), m, n, DeviceView.Of(taus), DeviceView.Of(q));
        QrKernels.LaunchTriangle<T>(device, LaunchSize.Linear(r.Count, 256).GridX, 1, 1, DeviceView.Of(a), m, n, DeviceView.Of(r));
        GC.KeepAlive(a);
        GC.KeepAlive(taus);
    }
}
