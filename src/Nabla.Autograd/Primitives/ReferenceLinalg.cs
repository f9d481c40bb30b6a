using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>Plain dense linear algebra on row-major doubles, for the references of the decompositions: short, slow, accurate.</summary>
internal static class ReferenceLinalg
{
    /// <summary>Runs once for each matrix of a batch, with its elements.</summary>
    public static void ForEach(ReferenceArray x, Action<int, double[]> body)
    {
        int size = x.Shape[^2] * x.Shape[^1];
        for (int entry = 0; size > 0 && entry * size < x.Data.Length; entry++) body(entry, x.Data[(entry * size)..((entry + 1) * size)]);
    }

    /// <summary>
    /// Eigenvalues, ascending, and eigenvectors as columns of a symmetric matrix, by cyclic Jacobi rotations (Golub and Van Loan, §8.5).
    /// </summary>
    public static (double[] Values, double[] Vectors) Eigen(double[] a, int n)
    {
        (double[] t, double[] v) = ([.. a], Identity(n));
        for (int sweep = 0; sweep < 40; sweep++)
            for (int p = 0; p < n; p++)
                for (int q = p + 1; q < n; q++)
                {
                    if (t[p * n + q] == 0) continue;
                    (double c, double s) = Rotation(t[p * n + p], t[p * n + q], t[q * n + q]);
                    for (int k = 0; k < n; k++) Rotate(ref t[k * n + p], ref t[k * n + q], c, s);
                    for (int k = 0; k < n; k++) Rotate(ref t[p * n + k], ref t[q * n + k], c, s);
                    for (int k = 0; k < n; k++) Rotate(ref v[k * n + p], ref v[k * n + q], c, s);
                    t[p * n + q] = t[q * n + p] = 0;
                }
        int[] order = [.. Enumerable.Range(0, n).OrderBy(i => t[i * n + i])];
        double[] vectors = Columns(v, n, n, order);
        for (int j = 0; j < n; j++)
            if (PointsBackward(vectors, n, n, j)) Scale(vectors, n, n, j, -1);
        return ([.. order.Select(i => t[i * n + i])], vectors);
    }

    /// <summary>Refuses elements that are not finite, as the kernels do.</summary>
    public static void RequireFinite(string operation, ReferenceArray x) => ForEach(x, (entry, a) =>
    {
        if (!Array.TrueForAll(a, double.IsFinite)) throw KernelErrors.NotFinite(operation, x.Aval, entry);
    });

    /// <summary>Runs once for each matrix of a batch, of which the lower triangle is read, with its size, eigenvalues and eigenvectors.</summary>
    public static void OnEigenvectors(ReferenceArray x, Action<int, double[], double[], int> body)
    {
        int n = x.Shape[^1];
        RequireFinite("eigh", x);
        ForEach(x, (entry, a) =>
        {
            for (int at = 0; at < n * n; at++)
                if (at % n > at / n) a[at] = a[at % n * n + at / n];
            (double[] w, double[] v) = Eigen(a, n);
            body(entry, w, v, n);
        });
    }

    /// <summary>Q [m, k], R [k, n] with k = min(m, n) and positive diagonal, by Gram–Schmidt done twice.</summary>
    public static (double[] Q, double[] R) Qr(double[] a, int m, int n)
    {
        int k = Math.Min(m, n);
        (double[] q, double[] r) = (new double[m * k], new double[k * n]);
        for (int j = 0; j < n; j++)
        {
            double[] v = Columns(a, m, n, [j]);
            for (int pass = 0; pass < 2; pass++)
                for (int p = 0; p < Math.Min(j, k); p++)
                {
                    double along = 0;
                    for (int i = 0; i < m; i++) along += q[i * k + p] * v[i];
                    for (int i = 0; i < m; i++) v[i] -= along * q[i * k + p];
                    r[p * n + j] += along;
                }
            if (j >= k) continue;
            double norm = Math.Sqrt(v.Sum(x => x * x));
            r[j * n + j] = norm;
            for (int i = 0; i < m; i++) q[i * k + j] = v[i] / norm;
        }
        return (q, r);
    }

    /// <summary>P·A = L·U with partial pivoting, row by row; the permutation, and its sign.</summary>
    public static (double[] Factors, int[] Permutation, double Sign) Lu(double[] a, int n)
    {
        (double[] lu, int[] permutation, double sign) = ([.. a], [.. Enumerable.Range(0, n)], 1.0);
        for (int c = 0; c < n; c++)
        {
            int best = c;
            for (int i = c + 1; i < n; i++)
                if (Math.Abs(lu[i * n + c]) > Math.Abs(lu[best * n + c])) best = i;
            if (best != c)
            {
                sign = -sign;
                (permutation[c], permutation[best]) = (permutation[best], permutation[c]);
                for (int j = 0; j < n; j++) (lu[c * n + j], lu[best * n + j]) = (lu[best * n + j], lu[c * n + j]);
            }
            for (int i = c + 1; i < n && lu[c * n + c] != 0; i++)
            {
                lu[i * n + c] /= lu[c * n + c];
                for (int j = c + 1; j < n; j++) lu[i * n + j] -= lu[i * n + c] * lu[c * n + j];
            }
        }
        return (lu, permutation, sign);
    }

    /// <summary>A⁻¹·B for b [n, m] and the factors of A.</summary>
    public static double[] Solve(double[] lu, int[] permutation, double[] b, int m)
    {
        int n = permutation.Length;
        var x = new double[n * m];
        for (int j = 0; j < m; j++)
        {
            for (int i = 0; i < n; i++)
            {
                x[i * m + j] = b[permutation[i] * m + j];
                for (int p = 0; p < i; p++) x[i * m + j] -= lu[i * n + p] * x[p * m + j];
            }
            for (int i = n - 1; i >= 0; i--)
            {
                for (int p = i + 1; p < n; p++) x[i * m + j] -= lu[i * n + p] * x[p * m + j];
                x[i * m + j] /= lu[i * n + i];
            }
        }
        return x;
    }

    /// <summary>U [m, k], s descending, Vᵀ [k, n] with k = min(m, n) for a matrix of full rank, by the eigenvectors of AᵀA.</summary>
    public static (double[] U, double[] S, double[] Vt) Svd(double[] a, int m, int n)
    {
        int k = Math.Min(m, n);
        (double[] u, double[] s, double[] v) = (new double[m * k], new double[k], new double[n * k]);
        if (m < n)
        {
            (double[] right, s, double[] left) = Svd(Transposed(a, m, n), n, m);
            (u, v) = (Transposed(left, k, m), right);
        }
        else
        {
            var gram = new double[n * n];
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n * n; j++) gram[j] += a[i * n + j / n] * a[i * n + j % n];
            (double[] squares, double[] vectors) = Eigen(gram, n);
            int[] order = [.. Enumerable.Range(0, n).Reverse()];
            (s, v) = ([.. order.Select(i => Math.Sqrt(Math.Max(0, squares[i])))], Columns(vectors, n, n, order));
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n; j++)
                    for (int p = 0; p < n; p++) u[i * n + j] += a[i * n + p] * v[p * n + j] / s[j];
        }
        for (int j = 0; j < k; j++)
        {
            double sign = PointsBackward(u, m, k, j) ? -1 : 1;
            Scale(u, m, k, j, sign);
            Scale(v, n, k, j, sign);
        }
        return (u, s, Transposed(v, n, k));
    }

    /// <summary>The transpose.</summary>
    public static double[] Transposed(double[] x, int rows, int columns)
    {
        var y = new double[x.Length];
        for (int i = 0; i < x.Length; i++) y[i % columns * rows + i / columns] = x[i];
        return y;
    }

    /// <summary>The rotation (c, s) that diagonalises [[a, b], [b, d]].</summary>
    public static (double Cosine, double Sine) Rotation(double a, double b, double d)
    {
        double ratio = (d - a) / (2 * b), tangent = Math.CopySign(1, ratio) / (Math.Abs(ratio) + double.Hypot(1, ratio));
        double cosine = 1 / double.Hypot(1, tangent);
        return (cosine, tangent * cosine);
    }

    /// <summary>(x, y) := (c·x − s·y, s·x + c·y).</summary>
    public static void Rotate(ref double x, ref double y, double c, double s) => (x, y) = (c * x - s * y, s * x + c * y);

    /// <summary>The identity.</summary>
    public static double[] Identity(int n)
    {
        var x = new double[n * n];
        for (int i = 0; i < n; i++) x[i * n + i] = 1;
        return x;
    }

    /// <summary>Chosen columns of a matrix.</summary>
    public static double[] Columns(double[] x, int rows, int columns, int[] order)
    {
        var y = new double[rows * order.Length];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < order.Length; j++) y[i * order.Length + j] = x[i * columns + order[j]];
        return y;
    }

    /// <summary>Multiplies a column.</summary>
    public static void Scale(double[] x, int rows, int columns, int column, double factor)
    {
        for (int i = 0; i < rows; i++) x[i * columns + column] *= factor;
    }

    /// <summary>The sign rule of eigen- and singular vectors: true if the first element within a tenth of the largest magnitude is negative.</summary>
    public static bool PointsBackward(double[] x, int rows, int columns, int column)
    {
        double largest = 0;
        for (int i = 0; i < rows; i++) largest = Math.Max(largest, Math.Abs(x[i * columns + column]));
        for (int i = 0; i < rows; i++)
            if (Math.Abs(x[i * columns + column]) >= 0.9 * largest) return x[i * columns + column] < 0;
        return false;
    }
}
