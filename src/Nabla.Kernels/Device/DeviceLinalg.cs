using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Launches factorisations, solves and inverses of batches of matrices. A fault is one word that is read back, so these wait for the device, unless they become a part of a graph.</summary>
internal static class DeviceLinalg
{
    private const int Side = FactorKernels.Side, BlockRows = 256;

    /// <summary>l = the lower Cholesky factors of a.</summary>
    public static void Cholesky(DenseTensor a, DenseTensor l)
    {
        if (l.Count == 0) return;
        int n = l.Shape.Dims[^1];
        Aval matrices = a.Aval;
        DenseTensor fault = DeviceFaults.Words((Accelerator)l.Device, 1);
        if (l.DType == DType.F32) Factor<float>(Placed(a), l, fault, logs: null);
        else Factor<double>(Placed(a), l, fault, logs: null);
        DeviceFaults.Check(fault, (words, _) => KernelErrors.NotPositiveDefinite(matrices, words[0] / n, words[0] % n));
    }

    /// <summary>x with op(A)·x = b or x·op(A) = b.</summary>
    public static void TriangularSolve(DenseTensor a, DenseTensor b, DenseTensor x, bool leftSide, bool lower, bool transposeA, bool unitDiagonal)
    {
        if (a.Count == 0) return;
        a = Placed(a);
        if (!unitDiagonal) RefuseZeros("triangular_solve", a);
        if (x.Count == 0) return;
        Move.Copy(b, x);
        if (a.DType == DType.F32) Solve<float>(a, x, leftSide, lower, transposeA, unitDiagonal);
        else Solve<double>(a, x, leftSide, lower, transposeA, unitDiagonal);
    }

    /// <summary>x = the inverses of lower triangles, or (L·Lᵀ)⁻¹.</summary>
    public static void Invert(string operation, DenseTensor l, DenseTensor x, bool square)
    {
        if (l.Count == 0) return;
        l = Placed(l);
        RefuseZeros(operation, l);
        DenseTensor inverse = square ? DenseTensor.Allocate(x.Aval, x.Device) : x;
        if (l.DType == DType.F32) InvertLower<float>(l, inverse);
        else InvertLower<double>(l, inverse);
        if (square) SquareTransposed(inverse, x);
    }

    /// <summary>
    /// Queues the lower Cholesky factors l of the lower triangles of a, which has a <see cref="MatrixPlace"/> and may be l up to <see cref="FactorKernels.WholeItems"/> rows. The first fault goes into the word
    /// <paramref name="fault"/>, Σ log of the diagonals into <see cref="Panels"/> numbers for each matrix.
    /// </summary>
    public static void Factor<T>(DenseTensor a, DenseTensor l, DenseTensor fault, DenseTensor? logs) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var device = (Accelerator)l.Device;
        int n = l.Shape.Dims[^1], entries = Entries(l);
        if (n <= FactorKernels.WholeItems)
        {
            // Several small matrices share a group, but not where this would leave multiprocessors without one.
            int rows = Side;
            while (rows < n || rows < FactorKernels.WholeItems && Parts(entries, FactorKernels.WholeItems / rows) < device.Multiprocessors) rows *= 2;
            FactorColumns<T>(a, null, l, 0, n, rows, fault, logs);
            return;
        }
        DenseTensor known = Matrices(l, Place(l), entries, n, n);
        for (int first = 0; first < n; first += FactorKernels.PanelColumns)
        {
            int columns = Math.Min(FactorKernels.PanelColumns, n - first);
            DenseTensor? less = first == 0 ? null : DenseTensor.Allocate(new Aval(l.DType, [entries, n - first, columns]), device);
            if (less is not null) MatMul.Run(Block(known, first, 0, n - first, first), Transposed(Block(known, first, 0, columns, first)), less);
            FactorColumns<T>(a, less, l, first, columns, FactorKernels.WholeItems, fault, logs);
        }
    }

    /// <summary>Logarithms that <see cref="Factor"/> leaves for each matrix of n rows.</summary>
    public static int Panels(int n) => n <= FactorKernels.WholeItems ? 1 : Parts(n, FactorKernels.PanelColumns);

    private static void FactorColumns<T>(DenseTensor a, DenseTensor? less, DenseTensor l, int first, int columns, int rows, DenseTensor fault, DenseTensor? logs)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int n = l.Shape.Dims[^1], entries = Entries(l), below = Math.Max(1, n - first - columns);
        MatrixPlace place = Place(a);
        DeviceView from = DeviceView.Of(a), to = DeviceView.Of(l);
        bool foursA = place.Column == 1 && (n | place.Start | place.Row | place.Entry) % 4 == 0 && from.Address % 16 == 0, foursL = n % 4 == 0 && to.Address % 16 == 0;
        FactorKernels.LaunchCholeskyColumns<T>((Accelerator)l.Device, Parts(entries, FactorKernels.WholeItems / rows), columns == n ? 1 : Parts(below, rows - columns), 1,
            from, place, foursA ? 1 : 0, less is null ? default : DeviceView.Of(less), n, first, columns, entries, rows, to, foursL ? 1 : 0, logs is null ? default : DeviceView.Of(logs), DeviceView.Of(fault));
        GC.KeepAlive(a);
        GC.KeepAlive(less);
    }

    private static void RefuseZeros(string operation, DenseTensor a)
    {
        int n = a.Shape.Dims[^1];
        Aval matrices = a.Aval;
        DenseTensor fault = DeviceFaults.Words((Accelerator)a.Device, 1);
        FindZeroPivot(a, fault);
        DeviceFaults.Check(fault, (words, _) => KernelErrors.ZeroDiagonal(matrices, words[0] / n, words[0] % n, operation));
    }

    /// <summary>The first zero on a diagonal, as entry·n + row, goes into a word.</summary>
    public static void FindZeroPivot(DenseTensor a, DenseTensor fault)
    {
        var device = (Accelerator)a.Device;
        int n = a.Shape.Dims[^1], rows = checked(Entries(a) * n), groups = LaunchSize.Linear(rows, 256).GridX;
        if (a.DType == DType.F32) FactorKernels.LaunchFindZeroPivot<float>(device, groups, 1, 1, DeviceView.Of(a), Place(a), n, rows, DeviceView.Of(fault));
        else FactorKernels.LaunchFindZeroPivot<double>(device, groups, 1, 1, DeviceView.Of(a), Place(a), n, rows, DeviceView.Of(fault));
    }

    /// <summary>Solves in place; both tensors have a <see cref="MatrixPlace"/>, and no element of the diagonal is zero.</summary>
    public static void Solve<T>(DenseTensor a, DenseTensor x, bool leftSide, bool lower, bool transposeA, bool unitDiagonal) where T : unmanaged, IFloatingPointIeee754<T>
    {
        // From the right: op(A)ᵀ·Xᵀ = Bᵀ.
        bool transpose = transposeA == leftSide;
        int n = a.Shape.Dims[^1], m = x.Shape.Dims[leftSide ? ^1 : ^2], entries = Entries(a);
        MatrixPlace triangle = transpose ? Place(a).Transposed : Place(a), sides = leftSide ? Place(x) : Place(x).Transposed;
        if (lower == transpose) (triangle, sides) = (triangle.Reversed(n), sides.RowsReversed(n));
        if (m >= Side) SolveBlocks<T>(Matrices(a, triangle, entries, n, n), Matrices(x, sides, entries, n, m), isInverse: false, unitDiagonal);
        else
            FactorKernels.LaunchSolveLower<T>((Accelerator)x.Device, checked(entries * Parts(m, FactorKernels.Sides)), 1, 1,
                DeviceView.Of(a), triangle, DeviceView.Of(x), sides, n, m, unitDiagonal ? 1 : 0);
        GC.KeepAlive(a);
    }

    /// <summary>Queues the inverses x, contiguous, of lower triangles, which have a <see cref="MatrixPlace"/> and no zero on the diagonal.</summary>
    public static void InvertLower<T>(DenseTensor l, DenseTensor x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int n = l.Shape.Dims[^1], entries = Entries(l);
        SolveBlocks<T>(Matrices(l, Place(l), entries, n, n), Matrices(x, Place(x), entries, n, n), isInverse: true, unitDiagonal: false);
    }

    /// <summary>y = xᵀ·x.</summary>
    public static void SquareTransposed(DenseTensor x, DenseTensor y) => MatMul.Run(Transposed(x), x, y);

    // Blocks of rows from top to bottom: what is known of the solution times the rows of the triangle is taken off, the rest is substitution.
    private static void SolveBlocks<T>(DenseTensor l, DenseTensor x, bool isInverse, bool unitDiagonal) where T : unmanaged, IFloatingPointIeee754<T>
    {
        (int n, int m, int entries) = (x.Shape.Dims[1], x.Shape.Dims[2], x.Shape.Dims[0]);
        for (int first = 0; first < n; first += BlockRows)
        {
            int rows = Math.Min(BlockRows, n - first), reach = isInverse ? first : m;
            DenseTensor? less = first == 0 ? null : DenseTensor.Allocate(new Aval(x.DType, [entries, rows, reach]), x.Device);
            if (less is not null) MatMul.Run(Block(l, first, 0, rows, first), Block(x, 0, 0, first, reach), less);
            DenseTensor triangle = Block(l, first, first, rows, rows), sides = Block(x, first, 0, rows, m);
            SolveColumns<T>(triangle, sides, less, isInverse ? first : -1, unitDiagonal);
        }
    }

    // As few work-items for each matrix as its right-hand sides need, as long as every multiprocessor has a group.
    private static void SolveColumns<T>(DenseTensor l, DenseTensor x, DenseTensor? less, int diagonal, bool unitDiagonal) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var device = (Accelerator)x.Device;
        (int n, int m, int entries, int columns) = (x.Shape.Dims[1], x.Shape.Dims[2], x.Shape.Dims[0], Side);
        while (columns < FactorKernels.ColumnItems && (columns < m || Parts(entries, FactorKernels.ColumnItems / columns) < device.Multiprocessors)) columns *= 2;
        FactorKernels.LaunchSolveColumns<T>(device, Parts(entries, FactorKernels.ColumnItems / columns), Parts(m, columns), 1, DeviceView.Of(l), Place(l), DeviceView.Of(x), Place(x),
            less is null ? default : DeviceView.Of(less), less is null ? 0 : less.Shape.Dims[2], n, m, diagonal, unitDiagonal ? 1 : 0, entries, columns);
        GC.KeepAlive(l);
        GC.KeepAlive(less);
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

    // Matrices of a tensor that lie at a place, as a tensor of three axes.
    private static DenseTensor Matrices(DenseTensor x, MatrixPlace place, int entries, int rows, int columns) =>
        x.View(new Layout([entries, rows, columns], [place.Entry, place.Row, place.Column], x.Layout.Reach.First + place.Start));

    private static DenseTensor Block(DenseTensor x, int row, int column, int rows, int columns)
    {
        ReadOnlySpan<long> strides = x.Layout.Strides;
        return x.View(new Layout([x.Shape.Dims[0], rows, columns], strides, x.Layout.Offset + row * strides[1] + column * strides[2]));
    }

    private static DenseTensor Transposed(DenseTensor x) => x.View(x.Layout.Transpose([.. Enumerable.Range(0, x.Rank - 2), x.Rank - 1, x.Rank - 2]));

    /// <summary>Matrices of a batch.</summary>
    public static int Entries(DenseTensor x)
    {
        int count = 1;
        foreach (int dim in x.Shape.Dims[..^2]) count = checked(count * dim);
        return count;
    }

    private static int Parts(int size, int part) => (size + part - 1) / part;
}
