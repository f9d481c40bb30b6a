using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Launches factorisations and solves of batches of matrices. A fault is one word that is read back, so these wait for the device.</summary>
internal static class DeviceLinalg
{
    private const int Side = FactorKernels.Side;

    /// <summary>l = the lower Cholesky factors of a.</summary>
    public static void Cholesky(DenseTensor a, DenseTensor l)
    {
        if (l.Count == 0) return;
        int n = l.Shape.Dims[^1];
        long fault = l.DType == DType.F32 ? Factor<float>(a, l) : Factor<double>(a, l);
        if (fault != int.MaxValue) throw KernelErrors.NotPositiveDefinite(a.Aval, fault / n, fault % n);
    }

    /// <summary>x with op(A)·x = b or x·op(A) = b.</summary>
    public static void TriangularSolve(DenseTensor a, DenseTensor b, DenseTensor x, bool leftSide, bool lower, bool transposeA, bool unitDiagonal)
    {
        if (a.Count == 0) return;
        a = Placed(a);
        int n = a.Shape.Dims[^1];
        if (!unitDiagonal)
        {
            long fault = a.DType == DType.F32 ? ZeroPivot<float>(a) : ZeroPivot<double>(a);
            if (fault != int.MaxValue) throw KernelErrors.ZeroDiagonal(a.Aval, fault / n, fault % n);
        }
        if (x.Count == 0) return;
        Move.Copy(b, x);
        if (a.DType == DType.F32) Solve<float>(a, x, leftSide, lower, transposeA, unitDiagonal);
        else Solve<double>(a, x, leftSide, lower, transposeA, unitDiagonal);
    }

    private static int Factor<T>(DenseTensor a, DenseTensor l) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var device = (Accelerator)l.Device;
        int n = l.Shape.Dims[^1];
        DenseTensor fault = NoFault(device);
        if (n <= FactorKernels.WholeItems) FactorWhole<T>(Placed(a), l, fault);
        else
        {
            var walk = new StridedWalk(a.Shape.Dims, a.Layout.Strides);
            FactorKernels.LaunchCopyLower<T>(device, LaunchSize.Linear(l.Count, 256).GridX, 1, 1,
                DeviceView.Of(a), Steps.Of(walk, 0, a.Layout.Offset - a.Layout.Reach.First), Extents.Of(walk), n, DeviceView.Of(l));
            FactorBlocks<T>(l, fault);
        }
        return fault.CopyToArray<int>()[0];
    }

    /// <summary>Queues the factorisation of the lower triangles of contiguous matrices in place; the first fault goes into the word <paramref name="fault"/>.</summary>
    public static void FactorLower<T>(DenseTensor l, DenseTensor fault) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (l.Shape.Dims[^1] <= FactorKernels.WholeItems) FactorWhole<T>(l, l, fault);
        else FactorBlocks<T>(l, fault);
    }

    // Several small matrices share a group, but not where this would leave multiprocessors without one.
    private static void FactorWhole<T>(DenseTensor a, DenseTensor l, DenseTensor fault) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var device = (Accelerator)l.Device;
        int n = l.Shape.Dims[^1], entries = Entries(l), rows = FactorKernels.Side;
        while (rows < n || rows < FactorKernels.WholeItems && Parts(entries, FactorKernels.WholeItems / rows) < device.Multiprocessors) rows *= 2;
        MatrixPlace place = Place(a);
        DeviceView from = DeviceView.Of(a), to = DeviceView.Of(l);
        bool foursA = place.Column == 1 && (n | place.Start | place.Row | place.Entry) % 4 == 0 && from.Address % 16 == 0, foursL = n % 4 == 0 && to.Address % 16 == 0;
        FactorKernels.LaunchCholeskyWhole<T>(device, Parts(entries, FactorKernels.WholeItems / rows), 1, 1,
            from, place, foursA ? 1 : 0, n, entries, rows, to, foursL ? 1 : 0, DeviceView.Of(fault));
        GC.KeepAlive(a);
    }

    // Block columns: factor the block on the diagonal, solve for the rows below it, take their square off what is to the right.
    private static void FactorBlocks<T>(DenseTensor l, DenseTensor fault) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var device = (Accelerator)l.Device;
        int n = l.Shape.Dims[^1], entries = Entries(l);
        MatrixPlace place = Place(l);
        DeviceView view = DeviceView.Of(l);
        for (int first = 0; first < n; first += Side)
        {
            int below = n - first - Side;
            FactorKernels.LaunchCholeskyBlock<T>(device, entries, 1, 1, view, place, n, first, Math.Min(Side, n - first), DeviceView.Of(fault));
            if (below <= 0) break;
            FactorKernels.LaunchCholeskyPanel<T>(device, entries, Parts(below, FactorKernels.PanelRows), 1, view, place, n, first);
            FactorKernels.LaunchCholeskyUpdate<T>(device, entries, Parts(below, Side), Parts(below, Side), view, place, n, first);
        }
    }

    /// <summary>The first zero on a diagonal, as entry·n + row, or <see cref="int.MaxValue"/>.</summary>
    public static int ZeroPivot<T>(DenseTensor a) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var device = (Accelerator)a.Device;
        int n = a.Shape.Dims[^1], rows = checked(Entries(a) * n);
        DenseTensor fault = NoFault(device);
        FactorKernels.LaunchFindZeroPivot<T>(device, LaunchSize.Linear(rows, 256).GridX, 1, 1, DeviceView.Of(a), Place(a), n, rows, DeviceView.Of(fault));
        return fault.CopyToArray<int>()[0];
    }

    /// <summary>Solves in place; both tensors have a <see cref="MatrixPlace"/>, and no element of the diagonal is zero.</summary>
    public static void Solve<T>(DenseTensor a, DenseTensor x, bool leftSide, bool lower, bool transposeA, bool unitDiagonal) where T : unmanaged, IFloatingPointIeee754<T>
    {
        // From the right: op(A)ᵀ·Xᵀ = Bᵀ.
        bool transpose = transposeA == leftSide;
        int n = a.Shape.Dims[^1], m = x.Shape.Dims[leftSide ? ^1 : ^2];
        MatrixPlace triangle = transpose ? Place(a).Transposed : Place(a), sides = leftSide ? Place(x) : Place(x).Transposed;
        if (lower == transpose) (triangle, sides) = (triangle.Reversed(n), sides.RowsReversed(n));
        FactorKernels.LaunchSolveLower<T>((Accelerator)x.Device, checked(Entries(a) * Parts(m, FactorKernels.Sides)), 1, 1,
            DeviceView.Of(a), triangle, DeviceView.Of(x), sides, n, m, unitDiagonal ? 1 : 0);
        GC.KeepAlive(a);
    }

    /// <summary>The tensor itself, or a dense copy if its batch has no single step.</summary>
    public static DenseTensor Placed(DenseTensor x)
    {
        if (MatrixPlace.Of(x) is not null) return x;
        DenseTensor dense = DenseTensor.Allocate(x.Aval, x.Device);
        Move.Copy(x, dense);
        return dense;
    }

    private static MatrixPlace Place(DenseTensor x) => MatrixPlace.Of(x)!.Value;

    /// <summary>A word for faults.</summary>
    public static DenseTensor NoFault(Accelerator device) => DenseTensor.Splat(new Aval(DType.I32, Shape.Scalar), int.MaxValue, device);

    /// <summary>Matrices of a batch.</summary>
    public static int Entries(DenseTensor x)
    {
        int count = 1;
        foreach (int dim in x.Shape.Dims[..^2]) count = checked(count * dim);
        return count;
    }

    private static int Parts(int size, int part) => (size + part - 1) / part;
}
