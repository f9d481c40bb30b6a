using System.Numerics;
using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

public static unsafe partial class Linalg
{
    /// <summary>
    /// y = exp(A) = Σ Aᵏ/k!. Shape: a <c>[batch..., n, n]</c>, any strides → y, shaped like a, contiguous, not overlapping a. f32 (computed in f64 and
    /// rounded once) and f64. Method: scaling and squaring with the Padé approximant of least cost of degree 3, 5, 7, 9 or 13, chosen for each matrix
    /// by its 1-norm; no bound on the norm. Cost 2n³ flops times 2 (small norm) to 6, plus log₂(‖A‖/5.4) squarings, plus one solution. Error: the backward
    /// error of the approximant is below u·‖A‖; each squaring may double the rounding error, as the problem itself does for large norms.
    /// Source: Higham, The scaling and squaring method for the matrix exponential revisited (SIAM J. Matrix Anal. Appl. 2005), alg. 2.3.
    /// </summary>
    /// <exception cref="NumericException">NB0610: a has an element, or a sum of a column's magnitudes, that is not finite.</exception>
    /// <exception cref="ShapeException">NB0125: the matrices are not square; NB0127: y is shaped otherwise.</exception>
    /// <exception cref="DTypeException">NB0210: not f32 or f64, or not the same everywhere.</exception>
    public static void MatrixExp(DenseTensor a, DenseTensor y) => RunExp(a, null, y);

    /// <summary>
    /// y = L(A, E), the derivative of exp at A along E: exp(A + tE) = exp(A) + t·L(A, E) + O(t²). Linear in E. Shapes, element types and errors as for
    /// <see cref="MatrixExp"/>; about three times its cost. Method: the same evaluation with a derivative carried along, and the smaller bounds on the norm
    /// that its error needs. Source: Al-Mohy and Higham, Computing the Fréchet derivative of the matrix exponential (SIAM J. Matrix Anal. Appl. 2009), alg. 6.4.
    /// </summary>
    public static void MatrixExpDerivative(DenseTensor a, DenseTensor e, DenseTensor y) => RunExp(a, e, y);

    private static void RunExp(DenseTensor a, DenseTensor? e, DenseTensor y)
    {
        CheckSquare("matrix_exp", a);
        if (y.Shape != a.Shape || !y.IsContiguous || (e is not null && e.Shape != a.Shape))
            throw KernelErrors.FactorShapes("matrix_exp", "[batch..., n, n] for all", a.Aval, (e ?? a).Aval, y.Aval);
        if (!a.DType.IsFloat || a.DType != y.DType || (e is not null && e.DType != a.DType)) throw KernelErrors.NoProduct("matrix_exp", a.Aval, y.Aval);
        long notFinite = long.MaxValue;
        if (y.Count == 0) return;
        if (y.Device is Accelerator)
        {
            DeviceExp.Run(a, e, y);
            return;
        }
        if (a.DType == DType.F32) RunExp<float>(a, e, y, &notFinite);
        else RunExp<double>(a, e, y, &notFinite);
        if (notFinite != long.MaxValue) throw KernelErrors.NotFinite("matrix_exp", a.Aval, notFinite);
    }

    private static void RunExp<T>(DenseTensor a, DenseTensor? e, DenseTensor y, long* notFinite) where T : unmanaged, IFloatingPointIeee754<T>
    {
        long n = a.Shape.Dims[^1], entries = Entries(a), work = (e is null ? 10 : 30) * n * n * n, perPart = Math.Max(1, GemmConfig.BatchPart / work);
        var job = new ExpJob<T>(a, e, y, entries, perPart, notFinite);
        RunParts(ref job, checked((int)((entries + perPart - 1) / perPart)), work * perPart);
    }

    private readonly struct ExpJob<T>(DenseTensor a, DenseTensor? e, DenseTensor y, long entries, long perPart, long* notFinite) : IParallelJob
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Run(int part)
        {
            long end = Math.Min(entries, (part + 1) * perPart);
            for (long entry = part * perPart; entry < end; entry++) RunEntry(entry);
        }

        private void RunEntry(long entry)
        {
            nint n = a.Shape.Dims[^1], size = n * n;
            int parts = e is null ? 1 : 2;
            using var work = new Workspace<double>((ExpKernel.Matrices * parts + 1) * size + n);
            var kernel = new ExpKernel(n, work.Take(ExpKernel.Matrices * parts * size), parts == 2, (int*)work.Take(n));
            Load(a, entry, kernel.Argument.Value);
            if (e is not null) Load(e, entry, kernel.Argument.Slope);
            if (!kernel.Run(out ExpKernel.Dual result))
            {
                Report(notFinite, entry);
                return;
            }
            double* source = e is null ? result.Value : result.Slope;
            T* target = y.Pointer<T>() + entry * size;
            for (nint i = 0; i < size; i++) target[i] = T.CreateTruncating(source[i]);
        }

        private static void Load(DenseTensor x, long entry, double* target)
        {
            MatrixView<T> view = MatrixView<T>.Of(x, entry);
            for (nint i = 0; i < view.Rows; i++)
                for (nint j = 0; j < view.Columns; j++) target[i * view.Columns + j] = double.CreateTruncating(view[i, j]);
        }
    }
}

/// <summary>The exponential of one matrix, and its derivative along another one if asked; permutation is scratch of 2n.</summary>
internal readonly unsafe struct ExpKernel(nint n, double* memory, bool withSlope, int* permutation)
{
    /// <summary>Matrices of memory, twice as many with a derivative.</summary>
    public const int Matrices = 8;

    // The largest 1-norms at which the approximants of degrees 3, 5, 7, 9 and 13 have a backward error below 2⁻⁵³, for exp (Higham 2005, table 2.3) and for its
    // derivative (Al-Mohy and Higham 2009, table 6.1).
    private static ReadOnlySpan<double> Bounds => [1.495585217958292e-2, 2.539398330063230e-1, 9.504178996162932e-1, 2.097847961257068, 5.371920351148152];

    private static ReadOnlySpan<double> SlopeBounds => [1.08e-2, 2.00e-1, 7.83e-1, 1.78, 4.74];

    private static ReadOnlySpan<double> Degree3 => [120, 60, 12, 1];

    private static ReadOnlySpan<double> Degree5 => [30240, 15120, 3360, 420, 30, 1];

    private static ReadOnlySpan<double> Degree7 => [17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1];

    private static ReadOnlySpan<double> Degree9 => [17643225600, 8821612800, 2075673600, 302702400, 30270240, 2162160, 110880, 3960, 90, 1];

    private static ReadOnlySpan<double> Degree13 =>
    [
        64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600, 670442572800, 33522128640, 1323241920,
        40840800, 960960, 16380, 182, 1,
    ];

    /// <summary>A matrix, and its derivative or null.</summary>
    public readonly struct Dual(double* value, double* slope)
    {
        public readonly double* Value = value, Slope = slope;
    }

    /// <summary>Where A and its direction are given; destroyed.</summary>
    public Dual Argument => Matrix(0);

    private Dual Matrix(int i) => withSlope ? new Dual(memory + 2 * i * n * n, memory + (2 * i + 1) * n * n) : new Dual(memory + i * n * n, null);

    /// <summary>exp(A), in some of the memory; false if the norm of A is not finite.</summary>
    public bool Run(out Dual result)
    {
        double norm = Norm();
        result = Matrix(7);
        if (!double.IsFinite(norm)) return false;
        ReadOnlySpan<double> bounds = withSlope ? SlopeBounds : Bounds;
        int degree = 0;
        while (degree < 4 && norm > bounds[degree]) degree++;
        int squarings = norm > bounds[4] ? (int)Math.Ceiling(Math.Log2(norm / bounds[4])) : 0;
        if (squarings > 0) Scale(Argument, Math.ScaleB(1, -squarings));
        if (degree == 4) HighDegree();
        else LowDegree(degree switch { 0 => Degree3, 1 => Degree5, 2 => Degree7, _ => Degree9 });
        Quotient(Matrix(5), Matrix(6), result);
        Dual other = Matrix(0);
        for (int i = 0; i < squarings; i++)
        {
            Multiply(result, result, other);
            (result, other) = (other, result);
        }
        return true;
    }

    private double Norm()
    {
        double* a = Argument.Value;
        double norm = 0;
        for (nint j = 0; j < n; j++)
        {
            double sum = 0;
            for (nint i = 0; i < n; i++) sum += Math.Abs(a[i * n + j]);
            norm = double.IsNaN(sum) || sum > norm ? sum : norm;
            if (double.IsNaN(norm)) return norm;
        }
        return norm;
    }

    // U = A·Σ b₂ₖ₊₁·A²ᵏ in matrix 5, V = Σ b₂ₖ·A²ᵏ in matrix 6; powers in 1 … 4.
    private void LowDegree(ReadOnlySpan<double> b)
    {
        int powers = b.Length / 2 - 1;
        Dual sum = Matrix(7), even = Matrix(6);
        for (int k = 1; k <= powers; k++) Multiply(Matrix(k == 1 ? 0 : 1), Matrix(k - 1), Matrix(k));
        Clear(sum, b[1]);
        Clear(even, b[0]);
        for (int k = 1; k <= powers; k++)
        {
            Add(sum, Matrix(k), b[2 * k + 1]);
            Add(even, Matrix(k), b[2 * k]);
        }
        Multiply(Matrix(0), sum, Matrix(5));
    }

    // The same for degree 13 with A⁶ taken out, so that six products suffice.
    private void HighDegree()
    {
        ReadOnlySpan<double> b = Degree13;
        Dual square = Matrix(1), fourth = Matrix(2), sixth = Matrix(3), sum = Matrix(4), product = Matrix(7), even = Matrix(6);
        Multiply(Matrix(0), Matrix(0), square);
        Multiply(square, square, fourth);
        Multiply(fourth, square, sixth);
        Half(b[13], b[11], b[9], 0);
        Multiply(sixth, sum, product);
        Half(b[7], b[5], b[3], b[1]);
        Add(product, sum, 1);
        Multiply(Matrix(0), product, Matrix(5));
        Half(b[12], b[10], b[8], 0);
        Multiply(sixth, sum, even);
        Half(b[6], b[4], b[2], b[0]);
        Add(even, sum, 1);
    }

    // Matrix 4 = c₆·A⁶ + c₄·A⁴ + c₂·A² + c₀·I.
    private void Half(double c6, double c4, double c2, double c0)
    {
        Clear(Matrix(4), c0);
        Add(Matrix(4), Matrix(3), c6);
        Add(Matrix(4), Matrix(2), c4);
        Add(Matrix(4), Matrix(1), c2);
    }

    // R = (V − U)⁻¹·(V + U): with Q = V − U and P = V + U, Q·R = P and Q·R′ = P′ − Q′·R.
    private void Quotient(Dual u, Dual v, Dual r)
    {
        Dual q = Matrix(1), p = Matrix(2);
        Copy(v, q);
        Copy(v, p);
        Add(q, u, -1);
        Add(p, u, 1);
        var factors = new MatrixView<double>(q.Value, n, n, n, 1);
        LuKernel<double>.Factor(factors, permutation, permutation + n);
        Solve(factors, p.Value, r.Value);
        if (!withSlope) return;
        Scale(new Dual(q.Slope, null), -1);
        Product(q.Slope, r.Value, p.Slope, accumulate: true);
        Solve(factors, p.Slope, r.Slope);
    }

    private void Solve(MatrixView<double> factors, double* given, double* wanted)
    {
        for (nint i = 0; i < n; i++) Unsafe.CopyBlockUnaligned(wanted + i * n, given + permutation[i] * n, (uint)(n * sizeof(double)));
        var view = new MatrixView<double>(wanted, n, n, n, 1);
        TriangularKernel<double>.SolveLeft(factors, view, lower: true, unitDiagonal: true);
        TriangularKernel<double>.SolveLeft(factors, view, lower: false, unitDiagonal: false);
    }

    private void Multiply(Dual a, Dual b, Dual c)
    {
        Product(a.Value, b.Value, c.Value, accumulate: false);
        if (!withSlope) return;
        Product(a.Value, b.Slope, c.Slope, accumulate: false);
        Product(a.Slope, b.Value, c.Slope, accumulate: true);
    }

    private void Product(double* a, double* b, double* c, bool accumulate) => MatMul.RunOne(a, b, c, new GemmProblem(n, n, n, n, 1, n, 1, n, accumulate));

    private void Clear(Dual x, double diagonal)
    {
        new Span<double>(x.Value, checked((int)(n * n))).Clear();
        if (x.Slope != null) new Span<double>(x.Slope, checked((int)(n * n))).Clear();
        for (nint i = 0; i < n; i++) x.Value[i * n + i] = diagonal;
    }

    private void Add(Dual x, Dual y, double factor)
    {
        VectorKernel<double>.AddMultiple(x.Value, y.Value, factor, n * n);
        if (x.Slope != null) VectorKernel<double>.AddMultiple(x.Slope, y.Slope, factor, n * n);
    }

    private void Copy(Dual from, Dual to)
    {
        long bytes = (long)n * n * sizeof(double);
        System.Buffer.MemoryCopy(from.Value, to.Value, bytes, bytes);
        if (from.Slope != null) System.Buffer.MemoryCopy(from.Slope, to.Slope, bytes, bytes);
    }

    private void Scale(Dual x, double factor)
    {
        for (nint i = 0; i < n * n; i++) x.Value[i] *= factor;
        if (x.Slope == null) return;
        for (nint i = 0; i < n * n; i++) x.Slope[i] *= factor;
    }
}
