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
