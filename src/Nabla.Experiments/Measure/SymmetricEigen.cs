namespace Nabla.Experiments.Measure;

/// <summary>
/// Eigenvalues and eigenvectors of a small symmetric matrix on the host, A = U·diag(λ)·Uᵀ, by cyclic Jacobi rotations: simple, accurate to rounding
/// even for tiny eigenvalues of well-scaled matrices, about 10·6n³ flops; meant for n up to a few hundred.
/// </summary>
/// <remarks>Source: Golub and Van Loan, Matrix Computations, 4th ed., §8.5 (the rotation of algorithm 8.5.1, in cyclic order).</remarks>
/// <param name="Values">λ, largest first.</param>
/// <param name="Vectors">Row i is the unit eigenvector of λ_i (the transpose of U).</param>
public sealed record SymmetricEigen(double[] Values, double[][] Vectors)
{
    private const int MaxSweeps = 60;
    private const double Ulp = 1.0 / (1L << 54);

    /// <summary>Eigenvalues and eigenvectors of a matrix [n, n]; its symmetric part is taken.</summary>
    /// <exception cref="ArgumentException">It is not square, or not finite.</exception>
    public static SymmetricEigen Of(Tensor matrix)
    {
        if (matrix.Rank != 2 || matrix.Shape[0] != matrix.Shape[1]) throw new ArgumentException($"Not a square matrix: {matrix.Aval}.", nameof(matrix));
        int n = matrix.Shape[0];
        double[] flat = matrix.ToDoubles();
        var rows = new double[n][];
        for (int i = 0; i < n; i++)
        {
            rows[i] = new double[n];
            for (int j = 0; j < n; j++) rows[i][j] = 0.5 * (flat[i * n + j] + flat[j * n + i]);
        }
        return Of(rows);
    }

    /// <summary>Eigenvalues and eigenvectors of a symmetric matrix given by its rows, which are overwritten.</summary>
    /// <exception cref="ArgumentException">It is not finite.</exception>
    public static SymmetricEigen Of(double[][] a)
    {
        int n = a.Length;
        var vectors = new double[n][];
        for (int i = 0; i < n; i++)
        {
            vectors[i] = new double[n];
            vectors[i][i] = 1;
            if (a[i].AsSpan().ContainsAnyExceptInRange(double.MinValue, double.MaxValue)) throw new ArgumentException($"Row {i} is not finite.", nameof(a));
        }
        for (int sweep = 0; sweep < MaxSweeps && Sweep(a, vectors); sweep++) { }
        double[] values = [.. Enumerable.Range(0, n).Select(i => a[i][i])];
        Array.Sort(values, vectors, Comparer<double>.Create((x, y) => y.CompareTo(x)));
        return new SymmetricEigen(values, vectors);
    }

    // True if something was rotated. An element is left alone once it changes neither of its diagonal elements by an ulp.
    private static bool Sweep(double[][] a, double[][] vectors)
    {
        bool rotated = false;
        for (int p = 0; p < a.Length - 1; p++)
            for (int q = p + 1; q < a.Length; q++)
            {
                double apq = a[p][q], first = Math.Abs(a[p][p]), second = Math.Abs(a[q][q]);
                if (Math.Abs(apq) <= Math.Max(Ulp * Math.Sqrt(first * second), Ulp * Ulp * Math.Max(first, second)) || Math.Abs(apq) < 1e-300) continue;
                rotated = true;
                double theta = (a[q][q] - a[p][p]) / (2 * apq);
                double t = (theta >= 0 ? 1 : -1) / (Math.Abs(theta) + Math.Sqrt(1 + theta * theta));
                double c = 1 / Math.Sqrt(1 + t * t), s = t * c;
                Rotate(a, p, q, c, s, t * apq);
                RotateRows(vectors[p], vectors[q], c, s);
            }
        return rotated;
    }

    // Rows p and q, then the columns from them by symmetry; the four elements where they cross are set directly.
    private static void Rotate(double[][] a, int p, int q, double c, double s, double change)
    {
        double app = a[p][p] - change, aqq = a[q][q] + change;
        RotateRows(a[p], a[q], c, s);
        (a[p][p], a[q][q], a[p][q], a[q][p]) = (app, aqq, 0, 0);
        for (int i = 0; i < a.Length; i++) (a[i][p], a[i][q]) = (a[p][i], a[q][i]);
    }

    private static void RotateRows(double[] x, double[] y, double c, double s)
    {
        for (int i = 0; i < x.Length; i++) (x[i], y[i]) = (c * x[i] - s * y[i], s * x[i] + c * y[i]);
    }
}
