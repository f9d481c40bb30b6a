using System.Numerics;

namespace Nabla.Kernels;

public static unsafe partial class Linalg
{
    /// <summary>
    /// A = U·diag(s)·Vᵀ: singular values descending and ≥ 0, orthonormal columns of U and rows of Vᵀ; the first element of each column of U that comes
    /// within a tenth of its largest magnitude is positive. Shape: a <c>[batch..., m, n]</c>, any strides → u <c>[batch..., m, k]</c>, s
    /// <c>[batch..., k]</c>, vt <c>[batch..., k, n]</c> with k = min(m, n); u and vt both null for values only; contiguous, not overlapping a. f32
    /// (computed in f64 and rounded once) and f64. Cost of a square matrix about 8n³/3 flops for s, 20n³/3 more for u and vt; a matrix 1.5 times
    /// as long as wide or more first becomes a square one by QR. Error: ‖A − U·S·Vᵀ‖ ≤ c·max(m, n)·u·‖A‖, ‖I − Uᵀ·U‖ ≤ c·m·u.
    /// Method: reflections to bidiagonal form; then implicit QR, or divide and conquer for the vectors of 64 and more values.
    /// Values are the same with and without vectors. Sources: Golub and Van Loan, Matrix Computations, §8.6; T. Chan, An improved
    /// algorithm for computing the singular value decomposition (ACM TOMS 1982), for QR first. Devices turn rows by one-sided Jacobi rotations, in the type of a.
    /// </summary>
    /// <exception cref="NumericException">NB0610: a has an element that is not finite; NB0611: no convergence.</exception>
    /// <exception cref="ShapeException">NB0127: the shapes do not fit.</exception>
    /// <exception cref="DTypeException">NB0210: not f32 or f64, or not the same everywhere.</exception>
    public static void Svd(DenseTensor a, DenseTensor? u, DenseTensor s, DenseTensor? vt)
    {
        if (!FitsSvd(a, u, s, vt)) throw KernelErrors.FactorShapes("svd", "[batch..., m, k], [batch..., k] and [batch..., k, n]", a.Aval, s.Aval, (vt ?? s).Aval);
        if (!a.DType.IsFloat || a.DType != s.DType || (u is not null && (u.DType != a.DType || vt!.DType != a.DType)))
            throw KernelErrors.NoProduct("svd", a.Aval, s.Aval);
        if (s.Device is Accelerator)
        {
            DeviceSvd.Run(a, u, s, vt);
            return;
        }
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
        long work = (u is null ? 3 : 15) * k * k * k + 2 * m * n * k, perPart = Math.Max(1, GemmConfig.BatchPart / work);
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
            bool tall = 2 * m >= 3 * k && m > k;
            using var work = new Workspace<double>(m * k + k + (tall ? k * m + k * k : 0));
            double* matrix = work.Take(m * k), values = work.Take(k), basis = tall ? work.Take(k * m) : null;
            for (nint i = 0; i < m; i++)
                for (nint j = 0; j < k; j++) matrix[i * k + j] = double.CreateTruncating(source[i, j]);
            if (!ScaleToOne(matrix, m * k, out double scale))
            {
                Report(notFinite, entry);
                return;
            }
            if (tall)
            {
                double* triangle = work.Take(k * k);
                using var scratch = new Workspace<double>(QrKernel<double>.ScratchElements(m, k));
                QrKernel<double>.Factor(new MatrixView<double>(matrix, m, k, k, 1), basis, new MatrixView<double>(triangle, k, k, k, 1), scratch);
                matrix = triangle;
            }
            nint rows = tall ? k : m, stride = RowRotations.StrideFor(rows), rightStride = RowRotations.StrideFor(k);
            using var vectors = new Workspace<double>(u is null ? 0 : k * (stride + rightStride) + (tall ? k * m : 0));
            double* left = u is null ? null : vectors.Take(k * stride), right = u is null ? null : vectors.Take(k * rightStride);
            if (!SvdKernel.Decompose(matrix, rows, k, values, left, stride, right, rightStride)) Report(stuck, entry);
            if (tall && u is not null)
            {
                double* product = vectors.Take(k * m);
                new MatrixView<double>(product, k, m, m, 1).SetProduct(
                    new MatrixView<double>(left, k, k, stride, 1), new MatrixView<double>(basis, k, m, m, 1));
                left = product;
                stride = m;
            }
            var x = new MatrixView<double>(left, k, m, stride, 1);
            var y = new MatrixView<double>(right, k, k, rightStride, 1);
            Write(entry, values, scale, wide ? y : x, wide ? x : y);
        }

        // Rows of x become columns of U, those of y rows of Vᵀ, in descending order of the values and with the sign of the convention.
        private void Write(long entry, double* values, double scale, MatrixView<double> x, MatrixView<double> y)
        {
            nint k = x.Rows;
            using var work = new Workspace<int>(k);
            using var magnitudes = new Workspace<double>(2 * k);
            var order = new Span<int>(work.Take(k), (int)k);
            double* keys = magnitudes.Take(k);
            for (int i = 0; i < k; i++) (order[i], keys[i]) = (i, -Math.Abs(values[i]));
            new Span<double>(keys, (int)k).Sort(order);
            T* target = s.Pointer<T>() + entry * k;
            for (int j = 0; j < k; j++) target[j] = T.CreateTruncating(-keys[j] / scale);
            if (u is null) return;
            double* signs = magnitudes.Take(k);
            for (int j = 0; j < k; j++) signs[j] = VectorKernel<double>.PointsBackward(x.Address + order[j] * x.RowStride, x.Columns) ? -1 : 1;
            WriteColumns(x, order, signs, MatrixView<T>.Of(u, entry));
            MatrixView<T> rows = MatrixView<T>.Of(vt!, entry);
            for (int j = 0; j < k; j++)
            {
                double* from = y.Address + order[j] * y.RowStride;
                double sign = values[order[j]] < 0 ? -signs[j] : signs[j];
                for (nint i = 0; i < y.Columns; i++) rows[j, i] = T.CreateTruncating(sign * from[i]);
            }
        }
    }
}

/// <summary>The singular value decomposition of one matrix in double precision.</summary>
internal static unsafe class SvdKernel
{
    // From this size on vectors come from divide and conquer.
    private const int DivideFrom = 64;

    /// <summary>
    /// Decomposes a [m, k] with dense rows, m ≥ k, which is overwritten: values, of either sign and in no order; the vectors as rows of left [k, m]
    /// and right [k, k], unless both are null. False if the iteration did not converge.
    /// </summary>
    public static bool Decompose(double* a, nint m, nint k, double* values, double* left, nint leftStride, double* right, nint rightStride)
    {
        long scratchElements = Math.Max(Bidiagonal.PanelElements(m, k), Reflections<double>.BasisScratch(k));
        bool divide = left != null && k >= DivideFrom;
        scratchElements = Math.Max(scratchElements, divide ? DividedBidiagonal.ScratchElements(k) : 2 * RowRotations.ScratchElements(k));
        using var work = new Workspace<double>(k * m + 3 * k + scratchElements);
        double* vectors = work.Take(k * m), e = work.Take(k), tauLeft = work.Take(k), tauRight = work.Take(k), scratch = work.Take(scratchElements);
        Bidiagonal.Reduce(a, m, k, vectors, values, e, tauLeft, tauRight, scratch);
        if (divide)
        {
            bool converged = Divide(values, e, k, left, leftStride, right, rightStride, scratch);
            for (nint i = 0; i < k; i++) new Span<double>(left + i * leftStride + k, (int)(m - k)).Clear();
            Reflections<double>.Multiply(vectors, m, k, 0, tauLeft, left, k, m, leftStride, scratch);
            Reflections<double>.Multiply(a, k, k - 1, 1, tauRight, right, k, k, rightStride, scratch);
            return converged;
        }
        if (left != null)
        {
            Reflections<double>.FormBasis(vectors, m, k, 0, tauLeft, left, k, m, leftStride, scratch);
            Reflections<double>.FormBasis(a, k, k - 1, 1, tauRight, right, k, k, rightStride, scratch);
        }
        var leftRotations = new RowRotations(left, k, leftStride, scratch);
        var rightRotations = new RowRotations(right, k, rightStride, scratch + RowRotations.ScratchElements(k));
        return Bidiagonal.Diagonalise(values, e, k, ref leftRotations, ref rightRotations);
    }

    // Divide and conquer for the vectors. The values are those of the iteration without vectors, by rank, so that a value does not depend on whether its vectors are asked for.
    private static bool Divide(double* values, double* e, nint k, double* left, nint leftStride, double* right, nint rightStride, double* scratch)
    {
        using var work = new Workspace<double>(2 * k);
        using var numbers = new Workspace<int>(k);
        double* alone = work.Take(k), neighbours = work.Take(k);
        var ranks = new Span<int>(numbers.Take(k), (int)k);
        new Span<double>(values, (int)k).CopyTo(new Span<double>(alone, (int)k));
        new Span<double>(e, (int)k).CopyTo(new Span<double>(neighbours, (int)k));
        var none = new RowRotations(null, k, 0, scratch);
        if (!Bidiagonal.Diagonalise(alone, neighbours, k, ref none, ref none)) return false;
        for (nint i = 0; i < k; i++) alone[i] = Math.Abs(alone[i]);
        new Span<double>(alone, (int)k).Sort();
        if (!DividedBidiagonal.Run(values, e, k, left, leftStride, right, rightStride, scratch)) return false;
        for (int i = 0; i < k; i++) ranks[i] = i;
        new Span<double>(values, (int)k).Sort(ranks);
        for (int i = 0; i < k; i++) values[ranks[i]] = alone[i];
        return true;
    }
}
