using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

public static unsafe partial class Linalg
{
    /// <summary>
    /// P·A = L·U with partial pivoting. Shape: a <c>[batch..., n, n]</c>, any strides → lu <c>[batch..., n, n]</c> with L below the diagonal (its own
    /// diagonal is 1) and U on and above it; permutation <c>[batch..., n]</c> of i32: row i of P·A is row permutation[i] of A. Both contiguous,
    /// not overlapping a. f32 and f64. A singular matrix has zeros on the diagonal of U; NaN spreads. Cost 2n³/3 flops.
    /// Error: ‖L·U − P·A‖ ≤ c·n·u·‖A‖, in practice. Source: Golub and Van Loan, §3.4 and §3.2.11 (blocks).
    /// </summary>
    /// <exception cref="ShapeException">NB0125: not square; NB0127: the shapes do not fit.</exception>
    /// <exception cref="DTypeException">NB0210: not f32 or f64, or not the same everywhere.</exception>
    public static void Lu(DenseTensor a, DenseTensor lu, DenseTensor permutation)
    {
        CheckSquare("lu", a);
        if (lu.Shape != a.Shape || !lu.IsContiguous || !permutation.IsContiguous || !permutation.Shape.Dims.SequenceEqual(a.Shape.Dims[..^1]))
            throw KernelErrors.FactorShapes("lu", "[batch..., n, n] and [batch..., n]", a.Aval, lu.Aval, permutation.Aval);
        if (!a.DType.IsFloat || a.DType != lu.DType || permutation.DType != DType.I32) throw KernelErrors.NoProduct("lu", a.Aval, lu.Aval);
        if (lu.Device is Accelerator)
        {
            DeviceFactors.Lu(a, lu, permutation);
            return;
        }
        if (a.DType == DType.F32) RunLu<float>(new LuTask(a, Lu: lu, Permutation: permutation));
        else RunLu<double>(new LuTask(a, Lu: lu, Permutation: permutation));
    }

    /// <summary>
    /// X with A·X = B for general square A, by LU with partial pivoting. Shape: a <c>[batch..., n, n]</c>, b <c>[batch..., n, m]</c>, any strides →
    /// x, shaped like b, contiguous, not overlapping. f32 and f64. Cost 2n³/3 + 2n²m flops.
    /// Error: ‖B − A·X‖ ≤ c·n·u·‖A‖‖X‖, in practice.
    /// </summary>
    /// <exception cref="NumericException">NB0612: A is singular: a pivot is exactly zero; x is then undefined.</exception>
    /// <exception cref="ShapeException">NB0125: not square; NB0127: the shapes do not fit.</exception>
    /// <exception cref="DTypeException">NB0210: not f32 or f64, or not the same everywhere.</exception>
    public static void Solve(DenseTensor a, DenseTensor b, DenseTensor x)
    {
        CheckSquare("solve", a);
        if (!FitsSolve(a, b, leftSide: true) || b.Shape != x.Shape || !x.IsContiguous)
            throw KernelErrors.FactorShapes("solve", "[batch..., n, m] for both", a.Aval, b.Aval, x.Aval);
        if (!a.DType.IsFloat || a.DType != b.DType || a.DType != x.DType) throw KernelErrors.NoProduct("solve", a.Aval, b.Aval);
        if (x.Device is Accelerator)
        {
            DeviceFactors.Solve(a, b, x);
            return;
        }
        long n = a.Shape.Dims[^1], failure = long.MaxValue;
        var task = new LuTask(a, RightSides: b, Solution: x);
        if (a.DType == DType.F32) RunLu<float>(task, &failure);
        else RunLu<double>(task, &failure);
        if (failure != long.MaxValue) throw KernelErrors.Singular(a.Aval, failure / n, failure % n);
    }

    /// <summary>
    /// Sign (−1, 0 or 1) and log|det A| of general square A, by LU; a singular matrix has 0 and −∞, an empty one 1 and 0. Shape: a
    /// <c>[batch..., n, n]</c>, any strides → sign and log <c>[batch...]</c>, contiguous. f32 and f64. NaN spreads. Cost 2n³/3 flops.
    /// </summary>
    /// <exception cref="ShapeException">NB0125: not square; NB0127: the shapes do not fit.</exception>
    /// <exception cref="DTypeException">NB0210: not f32 or f64, or not the same everywhere.</exception>
    public static void SlogDet(DenseTensor a, DenseTensor sign, DenseTensor log)
    {
        CheckSquare("slogdet", a);
        if (!sign.IsContiguous || !log.IsContiguous || sign.Shape != log.Shape || !sign.Shape.Dims.SequenceEqual(a.Shape.Dims[..^2]))
            throw KernelErrors.FactorShapes("slogdet", "[batch...] for both", a.Aval, sign.Aval, log.Aval);
        if (!a.DType.IsFloat || a.DType != sign.DType || a.DType != log.DType) throw KernelErrors.NoProduct("slogdet", a.Aval, sign.Aval);
        if (sign.Device is Accelerator)
        {
            DeviceFactors.SlogDet(a, sign, log);
            return;
        }
        var task = new LuTask(a, Sign: sign, Log: log);
        if (a.DType == DType.F32) RunLu<float>(task);
        else RunLu<double>(task);
    }

    // What a factorisation is for: the factors themselves, a solution, or a determinant.
    private readonly record struct LuTask(
        DenseTensor A, DenseTensor? Lu = null, DenseTensor? Permutation = null, DenseTensor? RightSides = null, DenseTensor? Solution = null,
        DenseTensor? Sign = null, DenseTensor? Log = null);

    private static void RunLu<T>(LuTask task, long* failure = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        long n = task.A.Shape.Dims[^1], entries = Entries(task.A), columns = task.Solution?.Shape.Dims[^1] ?? 0;
        long work = Math.Max(1, n * n * (n / 3 + columns + FixedCost)), perPart = Math.Max(1, GemmConfig.BatchPart / work);
        var job = new LuJob<T>(task, entries, perPart, failure);
        RunParts(ref job, checked((int)((entries + perPart - 1) / perPart)), work * perPart);
    }

    private readonly struct LuJob<T>(LuTask task, long entries, long perPart, long* failure) : IParallelJob
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Run(int part)
        {
            nint n = task.A.Shape.Dims[^1];
            using var work = new Workspace<T>(task.Lu is null ? n * n : 0);
            using var rows = new Workspace<int>(2 * n);
            T* factors = task.Lu is null ? work.Take(n * n) : null;
            int* permutation = rows.Take(n), pivots = rows.Take(n);
            long end = Math.Min(entries, (part + 1) * perPart);
            for (long entry = part * perPart; entry < end; entry++)
                RunEntry(entry, task.Lu is null ? factors : task.Lu.Pointer<T>() + entry * n * n, permutation, pivots);
        }

        private void RunEntry(long entry, T* target, int* permutation, int* pivots)
        {
            MatrixView<T> source = MatrixView<T>.Of(task.A, entry);
            nint n = source.Rows;
            if (task.Permutation is not null) permutation = task.Permutation.Pointer<int>() + entry * n;
            source.CopyTo(target, negate: false);
            var factors = new MatrixView<T>(target, n, n, n, 1);
            bool odd = LuKernel<T>.Factor(factors, permutation, pivots);
            if (task.Solution is not null) Solve(entry, factors, permutation);
            if (task.Log is not null) Determinant(entry, factors, odd);
        }

        private void Solve(long entry, MatrixView<T> factors, int* permutation)
        {
            for (nint i = 0; i < factors.Rows; i++)
            {
                if (factors[i, i] != T.Zero) continue;
                Report(failure, entry * factors.Rows + permutation[i]);
                return;
            }
            MatrixView<T> given = MatrixView<T>.Of(task.RightSides!, entry), wanted = MatrixView<T>.Of(task.Solution!, entry);
            for (nint i = 0; i < given.Rows; i++)
                for (nint j = 0; j < given.Columns; j++) wanted[i, j] = given[permutation[i], j];
            TriangularKernel<T>.SolveLeft(factors, wanted, lower: true, unitDiagonal: true);
            TriangularKernel<T>.SolveLeft(factors, wanted, lower: false, unitDiagonal: false);
        }

        private void Determinant(long entry, MatrixView<T> factors, bool odd)
        {
            T sign = odd ? -T.One : T.One;
            double log = 0;
            for (nint i = 0; i < factors.Rows; i++)
            {
                T pivot = factors[i, i];
                sign *= T.IsNaN(pivot) ? pivot : pivot == T.Zero ? T.Zero : pivot < T.Zero ? -T.One : T.One;
                log += Math.Log(Math.Abs(double.CreateTruncating(pivot)));
            }
            task.Sign!.Pointer<T>()[entry] = sign + T.Zero; // never −0
            task.Log!.Pointer<T>()[entry] = T.CreateTruncating(log);
        }
    }
}

/// <summary>
/// LU of one matrix in place by halving its columns: factor the left half, bring its exchanges, a triangular solve and a product to the right
/// half, factor what is left of that. Up to 32 columns are factored as dense columns. Source: S. Toledo, Locality of reference in LU
/// decomposition with partial pivoting (SIAM J. Matrix Anal. Appl. 1997).
/// </summary>
internal static unsafe class LuKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Base = 32;

    /// <summary>Factors; row i of the result belongs to row permutation[i] of the input. True if the permutation is odd. Scratch: n pivots.</summary>
    public static bool Factor(MatrixView<T> a, int* permutation, int* pivots)
    {
        int n = (int)a.Rows;
        bool odd = false;
        FactorColumns(a, pivots);
        for (int i = 0; i < n; i++) permutation[i] = i;
        for (int i = 0; i < n; i++)
        {
            odd ^= pivots[i] != i;
            (permutation[i], permutation[pivots[i]]) = (permutation[pivots[i]], permutation[i]);
        }
        return odd;
    }

    // Row i was exchanged with row pivots[i] ≥ i, one after another.
    private static void FactorColumns(MatrixView<T> a, int* pivots)
    {
        nint rows = a.Rows, columns = a.Columns;
        if (columns <= Base)
        {
            FactorPanel(a, pivots);
            return;
        }
        nint half = TriangularKernel<T>.Half(columns), rest = columns - half;
        MatrixView<T> right = a.Block(0, half, rows, rest), upper = right.Block(0, 0, half, rest), corner = a.Block(half, half, rows - half, rest);
        FactorColumns(a.Block(0, 0, rows, half), pivots);
        Exchange(right, pivots, half);
        TriangularKernel<T>.SolveLeft(a.Block(0, 0, half, half), upper, lower: true, unitDiagonal: true);
        corner.SubtractProduct(a.Block(half, 0, rows - half, half), upper);
        FactorColumns(corner, pivots + half);
        Exchange(a.Block(half, 0, rows - half, half), pivots + half, rest);
        for (nint i = half; i < columns; i++) pivots[i] += (int)half;
    }

    private static void Exchange(MatrixView<T> a, int* pivots, nint count)
    {
        for (nint i = 0; i < count; i++)
            if (pivots[i] != i) VectorKernel<T>.Swap(a.Address + i * a.RowStride, a.Address + pivots[i] * a.RowStride, a.Columns);
    }

    // On a transposed copy: columns are dense and padded to whole vectors.
    private static void FactorPanel(MatrixView<T> a, int* pivots)
    {
        nint rows = a.Rows, width = a.Columns, length = (rows + Padding - 1) / Padding * Padding;
        T* columns = Scratch.Get<T>(Scratch.Slot.Linalg, (width + 1) * length), factors = columns + width * length;
        for (nint c = 0; c <= width; c++) new Span<T>(columns + c * length + rows, (int)(length - rows)).Clear();
        Pack.Panel(a.Address, a.RowStride, 1, (int)rows, width, columns, length);
        for (nint c = 0; c < width; c++)
        {
            T* column = columns + c * length;
            nint best = Largest(column, c, rows);
            pivots[c] = (int)best;
            for (nint j = 0; best != c && j < width; j++)
                (columns[j * length + c], columns[j * length + best]) = (columns[j * length + best], columns[j * length + c]);
            T pivot = column[c];
            if (pivot == T.Zero) continue;
            VectorKernel<T>.Divide(column + c + 1, pivot, rows - c - 1);
            Eliminate(columns, length, c, width, rows, factors);
        }
        Pack.Panel(columns, length, 1, (int)width, rows, a.Address, a.RowStride);
    }

    private static int Padding => 64 / sizeof(T);

    // The first row of largest magnitude, or the first NaN.
    private static nint Largest(T* column, nint from, nint to)
    {
        nint best = from;
        T largest = T.Abs(column[from]);
        for (nint i = from + 1; i < to; i++)
        {
            T size = T.Abs(column[i]);
            if (size <= largest) continue;
            if (T.IsNaN(largest)) break;
            (best, largest) = (i, size);
        }
        return best;
    }

    // Subtracts column c times the element in row c from each later column, below row c.
    private static void Eliminate(T* columns, nint length, nint c, nint width, nint rows, T* factors)
    {
        nint from = c / Padding * Padding;
        for (nint i = from; i <= c; i++) factors[i] = T.Zero;
        for (nint i = c + 1; i < rows; i++) factors[i] = -columns[c * length + i];
        T* next = columns + (c + 1) * length;
        if (GemmConfig.Path == GemmPath.Avx512) AddMultiples<Vector512<T>, Simd512<T>>(next, length, width - c - 1, c, factors, from);
        else if (GemmConfig.Path == GemmPath.Avx2) AddMultiples<Vector256<T>, Simd256<T>>(next, length, width - c - 1, c, factors, from);
        else AddMultiples<Vector128<T>, Simd128<T>>(next, length, width - c - 1, c, factors, from);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddMultiples<V, S>(T* columns, nint length, nint count, nint row, T* factors, nint from)
        where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        for (nint j = 0; j < count; j++, columns += length)
        {
            V element = S.Broadcast(columns + row);
            for (nint i = from; i < length; i += S.Width) S.Store(columns + i, S.MultiplyAdd(element, S.Load(factors + i), S.Load(columns + i)));
        }
    }
}
