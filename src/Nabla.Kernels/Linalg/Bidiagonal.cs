namespace Nabla.Kernels;

/// <summary>
/// A general matrix to upper bidiagonal form by reflections from both sides, and the bidiagonal matrix to diagonal form by rotations. Sources:
/// Dongarra, Sorensen and Hammarling, Block reduction of matrices to condensed forms (J. Comput. Appl. Math. 1989); Golub and Van Loan, §8.6;
/// Demmel and Kahan, Accurate singular values of bidiagonal matrices (SIAM J. Sci. Stat. Comput. 1990), for sweeps without shift.
/// </summary>
internal static unsafe class Bidiagonal
{
    private const int Block = Reflections<double>.Block;
    private const double Epsilon = 1.1102230246251565e-16;

    /// <summary>Elements of scratch that <see cref="Reduce"/> needs.</summary>
    public static long PanelElements(nint m, nint n) => 2L * Block * (m + n) + 2 * Block;

    /// <summary>
    /// B = Uᵀ·A·V for a [m, n] with dense rows, m ≥ n; d is the diagonal of B, e what lies right of it. Row c of <paramref name="left"/> [n, m] then
    /// holds the vector of left reflection c from column c on, row c of a that of right reflection c right of the diagonal. A panel of columns
    /// is reduced with its changes kept aside as the product of two sets of rows, left (uₚ, −xₚ) and right (−yₚ, vₚ).
    /// </summary>
    public static void Reduce(double* a, nint m, nint n, double* left, double* d, double* e, double* tauLeft, double* tauRight, double* panel)
    {
        var l = new RowPanel(panel, m);
        var r = new RowPanel(panel + 2 * Block * m, n);
        double* inner = panel + 2 * Block * (m + n);
        for (nint start = 0; start < n; start += Block)
        {
            nint end = Math.Min(n, start + Block);
            for (nint c = start; c < end; c++)
            {
                d[c] = LeftReflection(a, m, n, c, 2 * (c - start), left + c * m + c, out tauLeft[c], l, r, inner);
                if (c + 1 < n) e[c] = RightReflection(a, m, n, c, 2 * (c - start), out tauRight[c], l, r, inner);
            }
            var rest = new MatrixView<double>(a + end * n + end, m - end, n - end, n, 1);
            rest.AddProduct(l.Columns(2 * (end - start), end).Transposed, r.Columns(2 * (end - start), end));
        }
    }

    // Brings column c up to date and reflects it to the diagonal; y = τ·Aᵀ·u with the changes that are kept aside.
    private static double LeftReflection(
        double* a, nint m, nint n, nint c, nint depth, double* u, out double tau, RowPanel l, RowPanel r, double* inner)
    {
        nint rows = m - c, columns = n - c - 1;
        for (nint i = 0; i < rows; i++) u[i] = a[(c + i) * n + c];
        l.AddRows(depth, c, r.Row(0, c), n, u);
        double diagonal = Reflections<double>.Make(u, rows, out tau);
        new Span<double>(u, (int)rows).CopyTo(new Span<double>(l.Row(depth, c), (int)rows));
        if (columns == 0) return diagonal;
        double* y = r.Row(depth, c + 1);
        Gemv.Run(a + c * n + c + 1, 1, n, u, 1, y, columns, rows, accumulate: false);
        l.Dots(depth, c, u, inner);
        r.AddRows(depth, c + 1, inner, 1, y);
        for (nint j = 0; j < columns; j++) y[j] *= -tau;
        return diagonal;
    }

    // Brings row c up to date and reflects it to the neighbour of the diagonal; x = τ·A·v with the changes that are kept aside.
    private static double RightReflection(
        double* a, nint m, nint n, nint c, nint depth, out double tau, RowPanel l, RowPanel r, double* inner)
    {
        nint rows = m - c - 1, columns = n - c - 1;
        double* v = a + c * n + c + 1, x = l.Row(depth + 1, c + 1);
        r.AddRows(depth + 1, c + 1, l.Row(0, c), m, v);
        double neighbour = Reflections<double>.Make(v, columns, out tau);
        new Span<double>(v, (int)columns).CopyTo(new Span<double>(r.Row(depth + 1, c + 1), (int)columns));
        Gemv.Run(a + (c + 1) * n + c + 1, n, 1, v, 1, x, rows, columns, accumulate: false);
        r.Dots(depth + 1, c + 1, v, inner);
        l.AddRows(depth + 1, c + 1, inner, 1, x);
        for (nint i = 0; i < rows; i++) x[i] *= -tau;
        return neighbour;
    }

    /// <summary>
    /// Diagonalises; d then holds the singular values, of either sign and in no order, and the rotations have been applied to the rows that
    /// <paramref name="left"/> and <paramref name="right"/> know. False if some value took more than 60 sweeps on average. A neighbour counts as
    /// zero where it is below u times the sum of its two diagonal elements, or u/1000 times the largest element of all.
    /// </summary>
    public static bool Diagonalise(double* d, double* e, nint n, ref RowRotations left, ref RowRotations right)
    {
        double floor = 1e-3 * Epsilon * Math.Max(VectorKernel<double>.MaxAbs(d, n), VectorKernel<double>.MaxAbs(e, n - 1));
        long sweeps = 0;
        for (nint high = n - 1; high > 0;)
        {
            nint low = high;
            while (low > 0 && Math.Abs(e[low - 1]) > Epsilon * (Math.Abs(d[low - 1]) + Math.Abs(d[low])) + floor) low--;
            if (low == high)
            {
                high--;
                continue;
            }
            if (++sweeps > 60 * n) return false;
            left.Begin(low, high - low);
            right.Begin(low, high - low);
            double shift = Shift(d, e, low, high);
            if (shift == 0) SweepUnshifted(d, e, low, high, ref left, ref right);
            else Sweep(d, e, low, high, shift, ref left, ref right);
        }
        left.Flush();
        right.Flush();
        return true;
    }

    // The smaller singular value of the last 2 × 2 block, or 0 where it would not change the first element, or that or another is 0.
    private static double Shift(double* d, double* e, nint low, nint high)
    {
        for (nint i = low; i <= high; i++)
            if (d[i] == 0) return 0;
        double f = Math.Abs(d[high - 1]), g = Math.Abs(e[high - 1]), h = Math.Abs(d[high]);
        double least = Math.Min(f, h), most = Math.Max(f, h), sum = 1 + least / most, difference = (most - least) / most;
        double shift;
        if (g < most)
        {
            double off = g / most * (g / most);
            shift = least * (2 / (Math.Sqrt(sum * sum + off) + Math.Sqrt(difference * difference + off)));
        }
        else
        {
            double ratio = most / g;
            shift = 2 * (least * (1 / (Math.Sqrt(1 + sum * ratio * (sum * ratio)) + Math.Sqrt(1 + difference * ratio * (difference * ratio))))) * ratio;
        }
        double share = shift / Math.Abs(d[low]);
        return share * share < Epsilon ? 0 : shift;
    }

    private static void Sweep(double* d, double* e, nint low, nint high, double shift, ref RowRotations left, ref RowRotations right)
    {
        double f = (Math.Abs(d[low]) - shift) * (Math.CopySign(1, d[low]) + shift / d[low]), g = e[low];
        for (nint i = low; i < high; i++)
        {
            double length = Rotation.Make(f, g, out double c, out double s);
            if (i > low) e[i - 1] = length;
            f = c * d[i] + s * e[i];
            e[i] = c * e[i] - s * d[i];
            g = s * d[i + 1];
            d[i + 1] *= c;
            right.Add(c, s);
            d[i] = Rotation.Make(f, g, out c, out s);
            f = c * e[i] + s * d[i + 1];
            d[i + 1] = c * d[i + 1] - s * e[i];
            if (i + 1 < high)
            {
                g = s * e[i + 1];
                e[i + 1] *= c;
            }
            left.Add(c, s);
        }
        e[high - 1] = f;
    }

    private static void SweepUnshifted(double* d, double* e, nint low, nint high, ref RowRotations left, ref RowRotations right)
    {
        double c = 1, lastC = 1, lastS = 0;
        for (nint i = low; i < high; i++)
        {
            double length = Rotation.Make(d[i] * c, e[i], out c, out double s);
            if (i > low) e[i - 1] = lastS * length;
            d[i] = Rotation.Make(lastC * length, d[i + 1] * s, out lastC, out lastS);
            right.Add(c, s);
            left.Add(lastC, lastS);
        }
        double last = d[high] * c;
        d[high] = last * lastC;
        e[high - 1] = last * lastS;
    }
}
