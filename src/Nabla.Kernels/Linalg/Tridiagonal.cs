namespace Nabla.Kernels;

/// <summary>
/// A symmetric matrix to tridiagonal form by reflections, and the tridiagonal matrix to diagonal form by rotations. Sources: Dongarra, Sorensen
/// and Hammarling, Block reduction of matrices to condensed forms (J. Comput. Appl. Math. 1989); Golub and Van Loan, §8.3 (implicit QR with
/// Wilkinson's shift).
/// </summary>
internal static unsafe class Tridiagonal
{
    private const int Block = Reflections<double>.Block;
    private const int RowsAtOnce = 128;
    private const double Epsilon = 1.1102230246251565e-16;

    /// <summary>Elements of scratch that <see cref="Reduce"/> needs.</summary>
    public static long PanelElements(nint n) => 4L * Block * n + 2 * Block + SymmetricProduct.ScratchElements(n);

    /// <summary>
    /// T = Qᵀ·A·Q with diagonal d and neighbours e; only the upper triangle of a is read. Row c of a then holds the vector of reflection c right of
    /// the diagonal. A panel of columns is reduced with its changes kept aside as V·Wᵀ + W·Vᵀ: rows (vₚ, wₚ) on one side, (−wₚ, −vₚ) on the other.
    /// </summary>
    public static void Reduce(double* a, nint n, double* d, double* e, double* tau, double* panel)
    {
        RowPanel left = new(panel, n), right = new(panel + 2 * Block * n, n);
        double* inner = panel + 4 * Block * n;
        for (nint start = 0; start < n; start += Block)
        {
            nint end = Math.Min(n, start + Block), depth = 2 * (end - start);
            for (nint c = start; c < end; c++) ReduceColumn(a, n, c, 2 * (c - start), left, right, inner, d, e, tau);
            for (nint from = end; from < n; from += RowsAtOnce)
            {
                MatrixView<double> rows = left.Columns(depth, from);
                var target = new MatrixView<double>(a + from * n + from, Math.Min(RowsAtOnce, n - from), n - from, n, 1);
                target.AddProduct(rows.Block(0, 0, depth, target.Rows).Transposed, right.Columns(depth, from));
            }
        }
    }

    private static void ReduceColumn(
        double* a, nint n, nint c, nint depth, RowPanel left, RowPanel right, double* inner, double* d, double* e, double* tau)
    {
        double* row = a + c * n, x = left.Row(depth, c + 1), y = left.Row(depth + 1, c + 1);
        nint rest = n - c - 1;
        right.AddRows(depth, c, left.Row(0, c), n, row + c);
        d[c] = row[c];
        if (rest == 0) return;
        e[c] = Reflections<double>.Make(row + c + 1, rest, out tau[c]);
        new Span<double>(row + c + 1, (int)rest).CopyTo(new Span<double>(x, (int)rest));
        SymmetricProduct.Run(a + (c + 1) * n + c + 1, n, rest, x, y, inner + 2 * Block);
        right.Dots(depth, c + 1, x, inner);
        left.AddRows(depth, c + 1, inner, 1, y);
        for (nint i = 0; i < rest; i++) y[i] *= tau[c];
        VectorKernel<double>.AddMultiple(y, x, -0.5 * tau[c] * VectorKernel<double>.Dot(y, x, rest), rest);
        double* minusW = right.Row(depth, c + 1), minusV = right.Row(depth + 1, c + 1);
        for (nint i = 0; i < rest; i++) (minusW[i], minusV[i]) = (-y[i], -x[i]);
    }

    /// <summary>
    /// Diagonalises; d then holds the eigenvalues in no order, and the rotations have been applied to the rows that <paramref name="rows"/>
    /// knows. False if some eigenvalue took more than 60 sweeps on average.
    /// </summary>
    public static bool Diagonalise(double* d, double* e, nint n, ref RowRotations rows)
    {
        long sweeps = 0;
        for (nint high = n - 1; high > 0;)
        {
            nint low = high;
            while (low > 0 && Math.Abs(e[low - 1]) > Epsilon * (Math.Abs(d[low - 1]) + Math.Abs(d[low])) + double.Epsilon) low--;
            if (low == high) high--;
            else if (++sweeps > 60 * n) return false;
            else Sweep(d, e, low, high, ref rows);
        }
        rows.Flush();
        return true;
    }

    private static void Sweep(double* d, double* e, nint low, nint high, ref RowRotations rows)
    {
        double half = (d[high - 1] - d[high]) / 2, last = e[high - 1];
        double shift = d[high] - last * (last / (half + Math.CopySign(double.Hypot(half, last), half)));
        double x = d[low] - shift, z = e[low];
        rows.Begin(low, high - low);
        for (nint k = low; k < high; k++)
        {
            double length = Rotation.Make(x, z, out double c, out double s);
            if (k > low) e[k - 1] = length;
            double t = s * (d[k + 1] - d[k]) + 2 * c * e[k];
            d[k] += s * t;
            d[k + 1] -= s * t;
            x = c * t - e[k];
            e[k] = x;
            if (k + 1 < high)
            {
                z = s * e[k + 1];
                e[k + 1] *= c;
            }
            rows.Add(c, s);
        }
    }
}
