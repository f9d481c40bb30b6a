using System.Numerics;

namespace Nabla.Kernels;

public static unsafe partial class Linalg
{
    /// <summary>
    /// A = U·diag(s)·Vᵀ: singular values descending and ≥ 0, orthonormal columns of U and rows of Vᵀ; the first element of each column of U that comes
    /// within a tenth of its largest magnitude is positive. Shape: a <c>[batch..., m, n]</c>, any strides → u <c>[batch..., m, k]</c>, s
    /// <c>[batch..., k]</c>, vt <c>[batch..., k, n]</c> with k = min(m, n); u and vt both null for values only; contiguous, not overlapping a. f32
    /// (computed in f64 and rounded once) and f64. Cost about 4mk² for QR, then some 6 to 10 sweeps of 4k³ flops (6k³ more each with vectors), on
    /// one thread a matrix. Error: ‖A − U·S·Vᵀ‖ ≤ c·max(m, n)·u·‖A‖, ‖I − Uᵀ·U‖ ≤ c·m·u.
    /// Method: QR, then one-sided Jacobi rotations of the rows of R. Sources: Hestenes (J. SIAM 1958); Drmač and Veselić, New fast and accurate
    /// Jacobi SVD algorithm I (SIAM J. Matrix Anal. Appl. 2008).
    /// </summary>
    /// <exception cref="NumericException">NB0610: a has an element that is not finite; NB0611: no convergence.</exception>
    /// <exception cref="ShapeException">NB0127: the shapes do not fit.</exception>
    /// <exception cref="DTypeException">NB0210: not f32 or f64, or not the same everywhere.</exception>
    public static void Svd(DenseTensor a, DenseTensor? u, DenseTensor s, DenseTensor? vt)
    {
        if (!FitsSvd(a, u, s, vt)) throw KernelErrors.FactorShapes("svd", "[batch..., m, k], [batch..., k] and [batch..., k, n]", a.Aval, s.Aval, (vt ?? s).Aval);
        if (!a.DType.IsFloat || a.DType != s.DType || (u is not null && (u.DType != a.DType || vt!.DType != a.DType)))
            throw KernelErrors.NoProduct("svd", a.Aval, s.Aval);
        long notFinite = long.MaxValue, stuck = long.MaxValue;
        if (a.DType == DType.F32) SvdAll<float>(a, u, s, vt, &notFinite, &stuck);
        else SvdAll<double>(a, u, s, vt, &notFinite, &stuck);
        if (notFinite != long.MaxValue) throw KernelErrors.NotFinite("svd", a.Aval, notFinite);
        if (stuck != long.MaxValue) throw KernelErrors.NoConvergence("svd", a.Aval, stuck);
    }

    private static bool FitsSvd(DenseTensor a, DenseTensor? u, DenseTensor s, DenseTensor? vt)
    {
        if (a.Rank < 2 || s.Rank != a.Rank - 1 || !s.IsContiguous || u is null != vt is null) return false;
        int k = Math.Min(a.Shape[^1], a.Shape[^2]);
        if (!s.Shape.Dims[..^1].SequenceEqual(a.Shape.Dims[..^2]) || s.Shape[^1] != k) return false;
        return u is null || FitsQr(a, u, vt!);
    }

    private static void SvdAll<T>(DenseTensor a, DenseTensor? u, DenseTensor s, DenseTensor? vt, long* notFinite, long* stuck)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        long m = a.Shape.Dims[^2], n = a.Shape.Dims[^1], k = Math.Min(m, n), entries = Entries(a);
        if (k == 0 || entries == 0) return;
        long work = (u is null ? 16 : 40) * k * k * k + 2 * m * n * k, perPart = Math.Max(1, GemmConfig.BatchPart / work);
        var job = new SvdJob<T>(a, u, s, vt, entries, perPart, notFinite, stuck);
        RunParts(ref job, checked((int)((entries + perPart - 1) / perPart)), work * perPart);
    }

    private readonly struct SvdJob<T>(
        DenseTensor a, DenseTensor? u, DenseTensor s, DenseTensor? vt, long entries, long perPart, long* notFinite, long* stuck) : IParallelJob
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Run(int part)
        {
            long end = Math.Min(entries, (part + 1) * perPart);
            for (long entry = part * perPart; entry < end; entry++) RunEntry(entry);
        }

        // A wide matrix is decomposed as its transpose; left and right vectors then change places.
        private void RunEntry(long entry)
        {
            MatrixView<T> source = MatrixView<T>.Of(a, entry);
            bool wide = source.Rows < source.Columns;
            if (wide) source = source.Transposed;
            nint m = source.Rows, k = source.Columns;
            using var work = new Workspace<double>(3 * m * k + 3 * k * k + 2 * k);
            double* matrix = work.Take(m * k), basis = work.Take(k * m), left = work.Take(k * m);
            double* right = work.Take(k * k), turns = work.Take(k * k), values = work.Take(k), order = work.Take(k);
            for (nint i = 0; i < m; i++)
                for (nint j = 0; j < k; j++) matrix[i * k + j] = double.CreateTruncating(source[i, j]);
            if (!ScaleToOne(matrix, m * k, out double scale))
            {
                Report(notFinite, entry);
                return;
            }
            using (var scratch = new Workspace<double>(QrKernel<double>.ScratchElements(m, k)))
                QrKernel<double>.Factor(new MatrixView<double>(matrix, m, k, k, 1), basis, new MatrixView<double>(right, k, k, k, 1), scratch);
            if (u is null) turns = null;
            if (!JacobiSvd.Orthogonalise(right, k, turns, values)) Report(stuck, entry);
            JacobiSvd.Sort(values, order, k);
            T* target = s.Pointer<T>() + entry * k;
            for (nint i = 0; i < k; i++) target[i] = T.CreateTruncating(values[(nint)order[i]] / scale);
            if (u is null) return;
            JacobiSvd.Normalise(right, k, values);
            for (nint i = 0; i < k; i++) new Span<double>(left + i * m, (int)m).Clear();
            new MatrixView<double>(left, k, m, m, 1).AddProduct(
                new MatrixView<double>(turns, k, k, k, 1), new MatrixView<double>(basis, k, m, m, 1));
            MatrixView<T> columns = MatrixView<T>.Of(u, entry), rows = MatrixView<T>.Of(vt!, entry);
            if (wide) Write(right, k, left, m, order, columns, rows);
            else Write(left, m, right, k, order, columns, rows);
        }

        // Left vectors become columns of U, right ones rows of Vᵀ, in descending order of the values and with the sign of the convention.
        private static void Write(double* left, nint m, double* right, nint n, double* order, MatrixView<T> columns, MatrixView<T> rows)
        {
            for (nint j = 0; j < columns.Columns; j++)
            {
                double* x = left + (nint)order[j] * m, y = right + (nint)order[j] * n;
                double sign = VectorKernel<double>.PointsBackward(x, m) ? -1 : 1;
                for (nint i = 0; i < m; i++) columns[i, j] = T.CreateTruncating(sign * x[i]);
                for (nint i = 0; i < n; i++) rows[j, i] = T.CreateTruncating(sign * y[i]);
            }
        }
    }
}

/// <summary>Rotations of rows until all are orthogonal: G = J·R, whose row norms are the singular values of R.</summary>
internal static unsafe class JacobiSvd
{
    private const int MaxSweeps = 60;
    private const double Epsilon = 1.1102230246251565e-16;

    // Rows this much shorter than the longest (whose elements are near 1) count as zero: their squares would lose accuracy.
    private const double TinySquare = 1e-280;

    /// <summary>
    /// Rotates pairs of rows of g [k, k] until |gᵢ·gⱼ| ≤ √k·u·‖gᵢ‖‖gⱼ‖ for all; values receives the norms, turns (unless null) the product of
    /// all rotations. False if 60 sweeps were not enough.
    /// </summary>
    public static bool Orthogonalise(double* g, nint k, double* turns, double* values)
    {
        for (nint i = 0; turns != null && i < k * k; i++) turns[i] = i / k == i % k ? 1 : 0;
        double tolerance = Epsilon * Math.Sqrt(k);
        bool turned = true;
        for (int sweep = 0; turned && sweep < MaxSweeps; sweep++)
        {
            turned = false;
            for (nint i = 0; i < k; i++) values[i] = VectorKernel<double>.Dot(g + i * k, g + i * k, k);
            for (nint p = 0; p < k; p++)
                for (nint q = p + 1; q < k; q++) turned |= Turn(g, k, p, q, turns, values, tolerance);
        }
        for (nint i = 0; i < k; i++)
        {
            double square = VectorKernel<double>.Dot(g + i * k, g + i * k, k);
            values[i] = square > TinySquare ? Math.Sqrt(square) : 0;
        }
        return !turned;
    }

    private static bool Turn(double* g, nint k, nint p, nint q, double* turns, double* squares, double tolerance)
    {
        double a = squares[p], d = squares[q];
        if (!(a > TinySquare && d > TinySquare)) return false;
        double b = VectorKernel<double>.Dot(g + p * k, g + q * k, k);
        if (!(Math.Abs(b) > tolerance * Math.Sqrt(a) * Math.Sqrt(d))) return false;
        double ratio = (d - a) / (2 * b), tangent = Math.CopySign(1, ratio) / (Math.Abs(ratio) + double.Hypot(1, ratio));
        double cosine = 1 / double.Hypot(1, tangent), sine = tangent * cosine;
        VectorKernel<double>.Rotate(g + p * k, g + q * k, cosine, -sine, k);
        if (turns != null) VectorKernel<double>.Rotate(turns + p * k, turns + q * k, cosine, -sine, k);
        squares[p] = a - tangent * b;
        squares[q] = d + tangent * b;
        return true;
    }

    /// <summary>The indices of the values from the largest to the smallest, equal ones in their order.</summary>
    public static void Sort(double* values, double* order, nint k)
    {
        for (nint i = 0; i < k; i++)
        {
            nint at = i;
            for (; at > 0 && values[(nint)order[at - 1]] < values[i]; at--) order[at] = order[at - 1];
            order[at] = i;
        }
    }

    /// <summary>Divides the rows of g by their norms; rows without one become unit vectors orthogonal to all others.</summary>
    public static void Normalise(double* g, nint k, double* values)
    {
        for (nint i = 0; i < k; i++)
            for (nint j = 0; j < k; j++) g[i * k + j] = values[i] > 0 ? g[i * k + j] / values[i] : 0;
        for (nint i = 0; i < k; i++)
            if (values[i] == 0) Complete(g, k, i);
    }

    // The coordinate axis that the other rows cover least, made orthogonal to them twice.
    private static void Complete(double* g, nint k, nint row)
    {
        (nint axis, double least) = (0, double.PositiveInfinity);
        for (nint j = 0; j < k; j++)
        {
            double covered = 0;
            for (nint i = 0; i < k; i++) covered += g[i * k + j] * g[i * k + j];
            if (covered < least) (axis, least) = (j, covered);
        }
        double* x = g + row * k;
        x[axis] = 1;
        for (int pass = 0; pass < 2; pass++)
        {
            for (nint i = 0; i < k; i++)
                if (i != row) VectorKernel<double>.AddMultiple(x, g + i * k, -VectorKernel<double>.Dot(x, g + i * k, k), k);
            double norm = Math.Sqrt(VectorKernel<double>.Dot(x, x, k));
            for (nint j = 0; j < k; j++) x[j] /= norm;
        }
    }
}
