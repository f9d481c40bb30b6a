using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Launches symmetric eigendecompositions.</summary>
internal static class DeviceEigen
{
    /// <summary>Eigenvalues and, unless v is null, eigenvectors of the symmetric matrices whose lower triangles are those of a.</summary>
    public static void Run(DenseTensor a, DenseTensor w, DenseTensor? v)
    {
        if (a.Count == 0) return;
        int[] faults = a.DType == DType.F32 ? Run<float>(a, w, v) : Run<double>(a, w, v);
        if (faults[0] != int.MaxValue) throw KernelErrors.NotFinite("eigh", a.Aval, faults[0]);
        if (faults[1] != int.MaxValue) throw KernelErrors.NoConvergence("eigh", a.Aval, faults[1]);
    }

    // The rows of the eigenvectors are turned beside the matrix even if values alone are wanted, so that these do not depend on it.
    private static int[] Run<T>(DenseTensor a, DenseTensor w, DenseTensor? v) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var device = (Accelerator)a.Device;
        int n = a.Shape.Dims[^1], entries = DeviceLinalg.Entries(a);
        DenseTensor matrix = DenseTensor.Allocate(a.Aval, device), rows = DenseTensor.Allocate(a.Aval, device), vectors = v ?? DenseTensor.Allocate(a.Aval, device);
        DenseTensor rotations = DenseTensor.Allocate(new Aval(a.DType, [entries, n + n % 2]), device), order = DenseTensor.Allocate(new Aval(DType.I32, [entries, n]), device);
        DenseTensor exponents = DenseTensor.Allocate(new Aval(DType.I32, [entries]), device), faults = DenseTensor.Allocate(new Aval(DType.I32, [2]), device);
        faults.Write<int>([int.MaxValue, int.MaxValue]);
        var walk = new StridedWalk(a.Shape.Dims, a.Layout.Strides);
        EigenKernels.LaunchMirror<T>(device, LaunchSize.Linear(a.Count, EigenKernels.Size).GridX, 1, 1,
            DeviceView.Of(a), Steps.Of(walk, 0, a.Layout.Offset - a.Layout.Reach.First), Extents.Of(walk), n, DeviceView.Of(matrix));
        T tolerance = T.CreateTruncating(a.DType.UnitRoundoff / 2);
        EigenKernels.LaunchJacobi<T>(device, entries, 1, 1, DeviceView.Of(matrix), n, tolerance, DeviceView.Of(rows), DeviceView.Of(exponents), DeviceView.Of(rotations), DeviceView.Of(faults));
        int[] found = faults.CopyToArray<int>();
        if (found[0] == int.MaxValue)
            EigenKernels.LaunchWrite<T>(device, entries, 1, 1, DeviceView.Of(matrix), n, DeviceView.Of(exponents), DeviceView.Of(rows), DeviceView.Of(order), DeviceView.Of(w), DeviceView.Of(vectors));
        GC.KeepAlive(matrix);
        GC.KeepAlive(rows);
        GC.KeepAlive(rotations);
        GC.KeepAlive(order);
        GC.KeepAlive(exponents);
        GC.KeepAlive(vectors);
        return found;
    }
}
