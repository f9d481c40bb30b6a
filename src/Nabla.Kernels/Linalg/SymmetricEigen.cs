using System.Numerics;

namespace Nabla.Kernels;

public static unsafe partial class Linalg
{
    // From this size on vectors come from divide and conquer.
    private const int DivideFrom = 64;

    /// <summary>
    /// A = V·diag(w)·Vᵀ for symmetric A: eigenvalues ascending, eigenvectors as orthonormal columns, each with its first element that comes
    /// within a tenth of the largest magnitude positive. Shape: a <c>[batch..., n, n]</c>, any strides, of which only the lower triangle is read →
    /// w <c>[batch..., n]</c>, v <c>[batch..., n, n]</c> or null for values only; both contiguous, not overlapping a. f32 (computed in f64 and
    /// rounded once) and f64. Cost about 4n³/3 flops for w, 10n³/3 more for v. Error: ‖A − V·diag(w)·Vᵀ‖ ≤ c·n·u·‖A‖ and ‖I − Vᵀ·V‖ ≤ c·n·u.
    /// Method: reflections to tridiagonal form; then implicit QR, or divide and conquer for the vectors of 64 and more rows.
    /// Values alone may differ from those with vectors by c·u·‖A‖.
    /// </summary>
    /// <exception cref="NumericException">NB0610: a has an element that is not finite; NB0611: no convergence.</exception>
    /// <exception cref="ShapeException">NB0125: the matrices are not square, or w or v is shaped otherwise.</exception>
    /// <exception cref="DTypeException">NB0210: not f32 or f64, or not the same everywhere.</exception>
    public static void SymmetricEigen(DenseTensor a, DenseTensor w, DenseTensor? v)
    {
        CheckSquare("eigh", a);
        if (!a.DType.IsFloat || a.DType != w.DType || (v is not null && v.DType != a.DType)) throw KernelErrors.NoProduct("eigh", a.Aval, w.Aval);
        if (!w.IsContiguous || !w.Shape.Dims.SequenceEqual(a.Shape.Dims[..^1])) throw KernelErrors.NotSquare("eigh", w.Aval);
        if (v is not null && (!v.IsContiguous || v.Shape != a.Shape)) throw KernelErrors.NotSquare("eigh", v.Aval);
        if (w.Device is Accelerator)
        {
            DeviceEigen.Run(a, w, v);
            return;
        }
        long notFinite = long.MaxValue, stuck = long.MaxValue;
        if (a.DType == DType.F32) EigenAll<float>(a, w, v, &notFinite, &stuck);
        else EigenAll<double>(a, w, v, &notFinite, &stuck);
        if (notFinite != long.MaxValue) throw KernelErrors.NotFinite("eigh", a.Aval, notFinite);
        if (stuck != long.MaxValue) throw KernelErrors.NoConvergence("eigh", a.Aval, stuck);
    }

    private static void EigenAll<T>(DenseTensor a, DenseTensor w, DenseTensor? v, long* notFinite, long* stuck)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        long n = a.Shape.Dims[^1], entries = Entries(a);
        if (n == 0 || entries == 0) return;
        long work = (v is null ? 2 : 8) * n * n * n, perPart = Math.Max(1, GemmConfig.BatchPart / work);
        var job = new EigenJob<T>(a, w, v, entries, perPart, notFinite, stuck);
        RunParts(ref job, checked((int)((entries + perPart - 1) / perPart)), work * perPart);
    }

    private readonly struct EigenJob<T>(
        DenseTensor a, DenseTensor w, DenseTensor? v, long entries, long perPart, long* notFinite, long* stuck) : IParallelJob
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Run(int part)
        {
            long end = Math.Min(entries, (part + 1) * perPart);
            for (long entry = part * perPart; entry < end; entry++) RunEntry(entry);
        }

        private void RunEntry(long entry)
        {
            MatrixView<T> source = MatrixView<T>.Of(a, entry);
            nint n = source.Rows, stride = v is null ? 0 : RowRotations.StrideFor(n);
            bool divide = v is not null && n >= DivideFrom;
            long scratch = Math.Max(Math.Max(Tridiagonal.PanelElements(n), Reflections<double>.BasisScratch(n)),
                divide ? DividedTridiagonal.ScratchElements(n) : RowRotations.ScratchElements(n));
            using var work = new Workspace<double>(n * (n + stride + 3) + scratch);
            double* matrix = work.Take(n * n), rows = v is null ? null : work.Take(n * stride);
            double* d = work.Take(n), e = work.Take(n), tau = work.Take(n), panel = work.Take(scratch);
            if (!CopyScaled(source, matrix, out double scale))
            {
                Report(notFinite, entry);
                return;
            }
            Tridiagonal.Reduce(matrix, n, d, e, tau, panel);
            if (!(divide ? Divide(matrix, n, d, e, tau, rows, stride, panel) : Rotate(matrix, n, d, e, tau, rows, stride, panel))) Report(stuck, entry);
            Write(entry, d, scale, rows, stride, n);
        }

        private static bool Divide(double* matrix, nint n, double* d, double* e, double* tau, double* rows, nint stride, double* scratch)
        {
            bool converged = DividedTridiagonal.Run(d, e, n, rows, stride, scratch);
            Reflections<double>.Multiply(matrix, n, n - 1, 1, tau, rows, n, n, stride, scratch);
            return converged;
        }

        private static bool Rotate(double* matrix, nint n, double* d, double* e, double* tau, double* rows, nint stride, double* scratch)
        {
            if (rows != null) Reflections<double>.FormBasis(matrix, n, n - 1, 1, tau, rows, n, n, stride, scratch);
            var rotations = new RowRotations(rows, n, stride, scratch);
            return Tridiagonal.Diagonalise(d, e, n, ref rotations);
        }

        // The transpose of the lower triangle, times a power of two that brings the largest element near 1.
        private static bool CopyScaled(MatrixView<T> source, double* target, out double scale)
        {
            nint n = source.Rows;
            for (nint i = 0; i < n; i++) new Span<double>(target + i * n, (int)n).Clear();
            for (nint from = 0; from < n; from += LinesAtOnce)
            {
                nint to = Math.Min(n, from + LinesAtOnce);
                for (nint j = 0; j < to; j++)
                    for (nint i = Math.Max(from, j); i < to; i++) target[j * n + i] = double.CreateTruncating(source[i, j]);
            }
            return ScaleToOne(target, n * n, out scale);
        }

        private void Write(long entry, double* d, double scale, double* rows, nint stride, nint n)
        {
            using var work = new Workspace<int>(n);
            var order = new Span<int>(work.Take(n), (int)n);
            for (int i = 0; i < n; i++) order[i] = i;
            new Span<double>(d, (int)n).Sort(order);
            T* values = w.Pointer<T>() + entry * n;
            for (int j = 0; j < n; j++) values[j] = T.CreateTruncating(d[j] / scale);
            if (rows == null) return;
            using var scratch = new Workspace<double>(n);
            double* signs = scratch.Take(n);
            for (int j = 0; j < n; j++) signs[j] = VectorKernel<double>.PointsBackward(rows + order[j] * stride, n) ? -1 : 1;
            WriteColumns(new MatrixView<double>(rows, n, n, stride, 1), order, signs, MatrixView<T>.Of(v!, entry));
        }
    }
}
