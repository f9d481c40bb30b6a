using System.Numerics;

namespace Nabla.Kernels;

public static unsafe partial class Linalg
{
    /// <summary>
    /// A = Q·R with orthonormal columns of Q and R upper triangular (trapezoidal if A is wide), its diagonal ≥ 0, which makes both unique if A has
    /// full rank. Shape: a <c>[batch..., m, n]</c>, any strides → q <c>[batch..., m, k]</c>, r <c>[batch..., k, n]</c> with k = min(m, n); both
    /// contiguous, not overlapping a. f32 and f64. NaN and infinities spread. Cost about 4mn² − 4n³/3 flops a tall matrix.
    /// Error: ‖A − Q·R‖ ≤ c·m·u·‖A‖, ‖I − Qᵀ·Q‖ ≤ c·m·u. Method: blocked Householder reflections.
    /// </summary>
    /// <exception cref="ShapeException">NB0127: the shapes do not fit.</exception>
    /// <exception cref="DTypeException">NB0210: not f32 or f64, or not the same everywhere.</exception>
    public static void Qr(DenseTensor a, DenseTensor q, DenseTensor r)
    {
        if (!FitsQr(a, q, r)) throw KernelErrors.FactorShapes("qr", "[batch..., m, k] and [batch..., k, n]", a.Aval, q.Aval, r.Aval);
        if (!a.DType.IsFloat || a.DType != q.DType || a.DType != r.DType) throw KernelErrors.NoProduct("qr", a.Aval, q.Aval);
        if (q.Device is Accelerator)
        {
            DeviceFactors.Qr(a, q, r);
            return;
        }
        if (a.DType == DType.F32) QrAll<float>(a, q, r);
        else QrAll<double>(a, q, r);
    }

    private static bool FitsQr(DenseTensor a, DenseTensor q, DenseTensor r)
    {
        if (a.Rank < 2 || q.Rank != a.Rank || r.Rank != a.Rank || !q.IsContiguous || !r.IsContiguous) return false;
        ReadOnlySpan<int> x = a.Shape.Dims, y = q.Shape.Dims, z = r.Shape.Dims;
        int k = Math.Min(x[^1], x[^2]);
        return x[..^2].SequenceEqual(y[..^2]) && x[..^2].SequenceEqual(z[..^2]) && y[^2] == x[^2] && y[^1] == k && z[^2] == k && z[^1] == x[^1];
    }

    private static void QrAll<T>(DenseTensor a, DenseTensor q, DenseTensor r) where T : unmanaged, IFloatingPointIeee754<T>
    {
        long m = a.Shape.Dims[^2], n = a.Shape.Dims[^1], entries = Entries(a);
        if (m == 0 || n == 0 || entries == 0) return;
        long work = 2 * m * n * Math.Min(m, n), perPart = Math.Max(1, GemmConfig.BatchPart / work);
        var job = new QrJob<T>(a, q, r, entries, perPart);
        RunParts(ref job, checked((int)((entries + perPart - 1) / perPart)), work * perPart);
    }

    private readonly struct QrJob<T>(DenseTensor a, DenseTensor q, DenseTensor r, long entries, long perPart) : IParallelJob
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Run(int part)
        {
            long end = Math.Min(entries, (part + 1) * perPart);
            for (long entry = part * perPart; entry < end; entry++)
            {
                MatrixView<T> source = MatrixView<T>.Of(a, entry);
                nint m = source.Rows, n = source.Columns, k = Math.Min(m, n);
                using var work = new Workspace<T>(QrKernel<T>.ScratchElements(m, n) + k * m);
                T* basis = work.Take(k * m);
                QrKernel<T>.Factor(source, basis, MatrixView<T>.Of(r, entry), work);
                MatrixView<T> target = MatrixView<T>.Of(q, entry);
                for (nint i = 0; i < m; i++)
                    for (nint j = 0; j < k; j++) target[i, j] = basis[j * m + i];
            }
        }
    }
}

/// <summary>
/// QR of one matrix. It works on the transpose, so that columns, and with them the vectors of the reflections, are dense: a panel of 32
/// columns is factored one by one, the rest receives their product in three matrix products.
/// </summary>
internal static unsafe class QrKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Block = Reflections<T>.Block;

    /// <summary>Elements of scratch for an m × n matrix.</summary>
    public static long ScratchElements(nint m, nint n) => 2 * n * m + Math.Min(m, n) + 2L * Block * Math.Max(m, n) + Block * Block;

    /// <summary>Writes Qᵀ [min(m, n), m] as dense rows, and R.</summary>
    public static void Factor(MatrixView<T> source, T* basis, MatrixView<T> r, Workspace<T> work)
    {
        nint m = source.Rows, n = source.Columns, k = Math.Min(m, n);
        T* columns = work.Take(n * m), vectors = work.Take(k * m), tau = work.Take(k);
        T* triangle = work.Take(Block * Block + 2 * Block * Math.Max(m, n)), scratch = triangle + Block * Block;
        source.Transposed.CopyTo(columns, negate: false);
        for (nint start = 0; start < k; start += Block)
        {
            nint end = Math.Min(k, start + Block);
            FactorPanel(columns, m, start, end, vectors, tau);
            if (end == n) break;
            var v = new MatrixView<T>(vectors + start * m + start, end - start, m - start, m, 1);
            MatrixView<T> s = Reflections<T>.NegatedTriangle(v, tau + start, triangle);
            Reflections<T>.ApplyRight(new MatrixView<T>(columns + end * m + start, n - end, m - start, m, 1), v, s, scratch);
        }
        Reflections<T>.FormBasis(vectors, m, k, 0, tau, basis, k, m, m, triangle);
        Write(columns, m, n, k, basis, r);
    }

    private static void FactorPanel(T* columns, nint m, nint start, nint end, T* vectors, T* tau)
    {
        for (nint c = start; c < end; c++)
        {
            T* column = columns + c * m, v = vectors + c * m;
            nint rest = m - c;
            new Span<T>(v, (int)c).Clear();
            new Span<T>(column + c, (int)rest).CopyTo(new Span<T>(v + c, (int)rest));
            column[c] = Reflections<T>.Make(v + c, rest, out tau[c]);
            for (nint other = c + 1; other < end; other++)
            {
                T* target = columns + other * m + c;
                VectorKernel<T>.AddMultiple(target, v + c, -tau[c] * VectorKernel<T>.Dot(target, v + c, rest), rest);
            }
        }
    }

    private static void Write(T* columns, nint m, nint n, nint k, T* basis, MatrixView<T> r)
    {
        for (nint i = 0; i < k; i++)
        {
            bool negate = columns[i * m + i] < T.Zero;
            for (nint j = 0; j < i; j++) r[i, j] = T.Zero;
            for (nint j = i; j < n; j++) r[i, j] = negate ? -columns[j * m + i] : columns[j * m + i];
            for (nint p = 0; negate && p < m; p++) basis[i * m + p] = -basis[i * m + p];
        }
    }
}
