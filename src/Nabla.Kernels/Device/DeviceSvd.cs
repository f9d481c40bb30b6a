using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Launches singular value decompositions.</summary>
internal static class DeviceSvd
{
    /// <summary>Singular values of a and, unless u and vt are null, its singular vectors.</summary>
    public static void Run(DenseTensor a, DenseTensor? u, DenseTensor s, DenseTensor? vt)
    {
        if (a.Count == 0) return;
        int[] faults = a.DType == DType.F32 ? Run<float>(a, u, s, vt) : Run<double>(a, u, s, vt);
        if (faults[0] != int.MaxValue) throw KernelErrors.NotFinite("svd", a.Aval, faults[0]);
        if (faults[1] != int.MaxValue) throw KernelErrors.NoConvergence("svd", a.Aval, faults[1]);
    }

    // The longer side first: X = Q·R for the matrix or its transpose, then J·R = S·Wᵀ with rotations J and orthonormal W, so X = (Q·Jᵀ)·S·Wᵀ.
    private static int[] Run<T>(DenseTensor a, DenseTensor? u, DenseTensor s, DenseTensor? vt) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var device = (Accelerator)a.Device;
        bool wide = a.Shape.Dims[^2] < a.Shape.Dims[^1];
        DenseTensor source = wide ? Transposed(a) : a;
        int m = source.Shape.Dims[^2], k = source.Shape.Dims[^1], entries = DeviceLinalg.Entries(a);
        DenseTensor x = New(a.DType, entries, m, k), q = New(a.DType, entries, m, k), rows = New(a.DType, entries, k, k), rotations = New(a.DType, entries, u is null ? 1 : k, k);
        DenseTensor sizes = New(a.DType, entries, k), scratch = New(a.DType, entries, k), exponents = New(DType.I32, entries), order = New(DType.I32, entries, k), faults = New(DType.I32, 2);
        faults.Write<int>([int.MaxValue, int.MaxValue]);
        Move.Copy(source, x.View(Layout.RowMajor(source.Shape)));
        SvdKernels.LaunchScale<T>(device, entries, 1, 1, DeviceView.Of(x), m * k, DeviceView.Of(exponents), DeviceView.Of(faults));
        DeviceFactors.Qr(x, q, rows);
        T unit = T.CreateTruncating(a.DType.UnitRoundoff), least = unit * unit;
        SvdKernels.LaunchRotate<T>(device, entries, 1, 1,
            DeviceView.Of(rows), k, unit * T.CreateTruncating(Math.Max(2, Math.Sqrt(k))), least, u is null ? 0 : 1, DeviceView.Of(rotations), DeviceView.Of(faults));
        int[] found = faults.CopyToArray<int>();
        // NaNs have no order.
        if (found[0] != int.MaxValue) return found;
        SvdKernels.LaunchNormalise<T>(device, entries, 1, 1, DeviceView.Of(rows), k, least, DeviceView.Of(sizes), DeviceView.Of(scratch));
        int groups = LaunchSize.Linear(s.Count, SvdKernels.Size).GridX;
        SvdKernels.LaunchValues<T>(device, groups, 1, 1, DeviceView.Of(sizes), k, DeviceView.Of(exponents), DeviceView.Of(s), DeviceView.Of(order));
        if (u is not null && vt is not null)
        {
            DenseTensor basis = New(a.DType, entries, k, m);
            MatMul.Run(rotations, Transposed(q), basis);
            (DenseTensor left, DenseTensor right) = wide ? (rows, basis) : (basis, rows);
            SvdKernels.LaunchVectors<T>(device, groups, 1, 1, DeviceView.Of(left), wide ? k : m, DeviceView.Of(right), wide ? m : k, k, DeviceView.Of(order), DeviceView.Of(u), DeviceView.Of(vt));
            GC.KeepAlive(basis);
        }
        GC.KeepAlive((x, rows, rotations, sizes, scratch));
        GC.KeepAlive((exponents, order));
        return found;

        DenseTensor New(DType dtype, params int[] shape) => DenseTensor.Allocate(new Aval(dtype, shape), device);
    }

    private static DenseTensor Transposed(DenseTensor x) => x.View(x.Layout.Transpose([.. Enumerable.Range(0, x.Rank - 2), x.Rank - 1, x.Rank - 2]));
}
