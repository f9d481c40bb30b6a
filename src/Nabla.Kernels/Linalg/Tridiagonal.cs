using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// A symmetric matrix to tridiagonal form by reflections, and the tridiagonal matrix to diagonal form by rotations. Sources: Dongarra, Sorensen
/// and Hammarling, Block reduction of matrices to condensed forms (J. Comput. Appl. Math. 1989); Golub and Van Loan, §8.3 (implicit QR with
/// Wilkinson's shift).
/// </summary>
internal static unsafe class Tridiagonal
{
    private const int Block = Reflections<double>.Block;
    private const double Epsilon = 1.1102230246251565e-16;

    /// <summary>Elements of scratch that <see cref="Reduce"/> and <see cref="FormTransposedBasis"/> need.</summary>
    public static long PanelElements(nint n) => 4L * Block * n + Block * Block;

    /// <summary>
    /// T = Qᵀ·A·Q with diagonal d and neighbours e. Row c of a then holds the vector of reflection c right of the diagonal. A panel of columns
    /// is reduced with the changes of the earlier ones kept aside as V·Wᵀ + W·Vᵀ, which the rest of the matrix receives as products.
    /// </summary>
    public static void Reduce(double* a, nint n, double* d, double* e, double* tau, double* panel)
    {
        double* v = panel, w = panel + Block * n;
        for (nint start = 0; start < n; start += Block)
        {
            nint end = Math.Min(n, start + Block);
            for (nint c = start; c < end; c++) ReduceColumn(a, n, c, start, v, w, d, e, tau);
            nint rest = n - end;
            var trailing = new MatrixView<double>(a + end * n + end, rest, rest, n, 1);
            var left = new MatrixView<double>(v + end, Block, rest, n, 1);
            var right = new MatrixView<double>(w + end, Block, rest, n, 1);
            trailing.SubtractProduct(left.Transposed, right);
            trailing.SubtractProduct(right.Transposed, left);
        }
    }

    private static void ReduceColumn(double* a, nint n, nint c, nint start, double* v, double* w, double* d, double* e, double* tau)
    {
        double* row = a + c * n;
        nint rest = n - c - 1, depth = c - start;
        for (nint p = 0; p < depth; p++)
        {
            VectorKernel<double>.AddMultiple(row + c, v + p * n + c, -w[p * n + c], rest + 1);
            VectorKernel<double>.AddMultiple(row + c, w + p * n + c, -v[p * n + c], rest + 1);
        }
        d[c] = row[c];
        if (rest == 0) return;
        e[c] = Reflections<double>.Make(row + c + 1, rest, out tau[c]);
        double* x = v + depth * n + c + 1, y = w + depth * n + c + 1;
        new Span<double>(row + c + 1, (int)rest).CopyTo(new Span<double>(x, (int)rest));
        // y = A·x with the changes that the panel keeps aside.
        Gemv.Run(a + (c + 1) * n + c + 1, n, 1, x, 1, y, rest, rest, accumulate: false);
        for (nint p = 0; p < depth; p++)
        {
            double* vp = v + p * n + c + 1, wp = w + p * n + c + 1;
            double alongW = VectorKernel<double>.Dot(wp, x, rest), alongV = VectorKernel<double>.Dot(vp, x, rest);
            VectorKernel<double>.AddMultiple(y, vp, -alongW, rest);
            VectorKernel<double>.AddMultiple(y, wp, -alongV, rest);
        }
        for (nint i = 0; i < rest; i++) y[i] *= tau[c];
        VectorKernel<double>.AddMultiple(y, x, -0.5 * tau[c] * VectorKernel<double>.Dot(y, x, rest), rest);
    }

    /// <summary>Z = Qᵀ, so that eigenvectors come out as rows; z has <paramref name="stride"/> elements a row, those beyond n set to 0.</summary>
    public static void FormTransposedBasis(double* a, nint n, double* tau, double* z, nint stride, double* panel)
    {
        for (nint i = 0; i < n; i++)
        {
            new Span<double>(z + i * stride, (int)stride).Clear();
            z[i * stride + i] = 1;
        }
        for (nint start = (n - 1) / Block * Block; start >= 0; start -= Block)
        {
            // Columns from the last panel to the first: what lies above and left of start is still the identity.
            nint count = Math.Min(Block, n - 1 - start), rest = n - start - 1;
            if (count <= 0) continue;
            var v = new MatrixView<double>(panel, count, rest, rest, 1);
            for (nint j = 0; j < count; j++)
            {
                new Span<double>(panel + j * rest, (int)j).Clear();
                var vector = new Span<double>(a + (start + j) * n + start + j + 1, (int)(rest - j));
                vector.CopyTo(new Span<double>(panel + j * rest + j, (int)(rest - j)));
            }
            double* triangle = panel + Block * n, scratch = triangle + Block * Block;
            MatrixView<double> s = Reflections<double>.NegatedTriangle(v, tau + start, triangle);
            var block = new MatrixView<double>(z + (start + 1) * stride + start + 1, rest, rest, stride, 1);
            Reflections<double>.ApplyRight(block, v, s.Transposed, scratch);
        }
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
            double length = double.Hypot(x, z), c = length == 0 ? 1 : x / length, s = length == 0 ? 0 : z / length;
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

/// <summary>
/// Rotations of neighbouring rows, collected and applied together: many sweeps over a strip of columns that stays in the cache, each row
/// loaded and stored once in a sweep. Threads take strips. Source: the wavefront idea of Van Zee, van de Geijn and Quintana-Ortí,
/// Restructuring the tridiagonal and bidiagonal QR algorithms for performance (ACM TOMS 2014).
/// </summary>
internal unsafe struct RowRotations
{
    private const int MaxSweeps = 256;
    private const int FullSweeps = 64;
    private const int Strip = 16;

    private readonly double* _matrix, _pairs;
    private readonly nint* _sweeps;
    private readonly nint _stride, _capacity;
    private nint _count, _sweepCount;

    /// <summary>Rotations of the rows of a matrix, whose stride is a multiple of 16; null: rotations are dropped.</summary>
    public RowRotations(double* matrix, nint rows, nint stride, double* scratch)
    {
        _matrix = matrix;
        _stride = stride;
        _capacity = FullSweeps * rows;
        _pairs = scratch;
        _sweeps = (nint*)(scratch + 2 * _capacity);
    }

    /// <summary>Elements of scratch for matrices of that many rows.</summary>
    public static long ScratchElements(nint rows) => 2L * FullSweeps * rows + 2 * MaxSweeps;

    /// <summary>Elements from row to row: a multiple of a strip, and not of 512 bytes, which would put rows into few sets of the caches.</summary>
    public static nint StrideFor(nint columns)
    {
        nint stride = (columns + Strip - 1) / Strip * Strip;
        return stride % 64 == 0 && stride > 64 ? stride + Strip : stride;
    }

    /// <summary>Announces <paramref name="count"/> rotations, of rows (first, first + 1), (first + 1, first + 2), ….</summary>
    public void Begin(nint first, nint count)
    {
        if (_matrix == null) return;
        if (_sweepCount == MaxSweeps || _count + count > _capacity) Flush();
        _sweeps[2 * _sweepCount] = first;
        _sweeps[2 * _sweepCount++ + 1] = count;
    }

    /// <summary>The next rotation: (upper, lower) := (c·upper + s·lower, c·lower − s·upper).</summary>
    public void Add(double c, double s)
    {
        if (_matrix == null) return;
        _pairs[2 * _count] = c;
        _pairs[2 * _count++ + 1] = s;
    }

    /// <summary>Applies what has been collected.</summary>
    public void Flush()
    {
        if (_count == 0) return;
        var job = new StripJob(_matrix, _stride, _pairs, _sweeps, _sweepCount);
        Linalg.RunParts(ref job, (int)(_stride / Strip), _count * Strip);
        _count = _sweepCount = 0;
    }

    private readonly struct StripJob(double* matrix, nint stride, double* pairs, nint* sweeps, nint count) : IParallelJob
    {
        public void Run(int part)
        {
            double* pair = pairs;
            for (nint sweep = 0; sweep < count; sweep++)
            {
                ApplySweep(matrix + sweeps[2 * sweep] * stride + part * Strip, stride, pair, sweeps[2 * sweep + 1]);
                pair += 2 * sweeps[2 * sweep + 1];
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void ApplySweep(double* row, nint stride, double* pair, nint rotations)
        {
            Vector256<double> a = Vector256.Load(row), b = Vector256.Load(row + 4), c = Vector256.Load(row + 8), d = Vector256.Load(row + 12);
            for (nint k = 0; k < rotations; k++, row += stride, pair += 2)
            {
                Vector256<double> cosine = Vector256.Create(pair[0]), sine = Vector256.Create(pair[1]);
                double* next = row + stride;
                Turn(ref a, Vector256.Load(next), cosine, sine).Store(row);
                Turn(ref b, Vector256.Load(next + 4), cosine, sine).Store(row + 4);
                Turn(ref c, Vector256.Load(next + 8), cosine, sine).Store(row + 8);
                Turn(ref d, Vector256.Load(next + 12), cosine, sine).Store(row + 12);
            }
            a.Store(row);
            b.Store(row + 4);
            c.Store(row + 8);
            d.Store(row + 12);
        }

        // Returns the finished upper row; the lower one is carried on as the upper row of the next rotation.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<double> Turn(ref Vector256<double> upper, Vector256<double> lower, Vector256<double> c, Vector256<double> s)
        {
            Vector256<double> done = c * upper + s * lower;
            upper = c * lower - s * upper;
            return done;
        }
    }
}
