using System.Numerics;

namespace Nabla.Kernels;

public static unsafe partial class Linalg
{
    private const int ColumnsPerPart = 256;

    /// <summary>
    /// X with op(A)·X = B (left) or X·op(A) = B (right), op(A) = A or Aᵀ, A triangular. Shape: a <c>[batch..., n, n]</c>, of which only the
    /// named triangle is read, b <c>[batch..., n, m]</c> (left) or <c>[batch..., m, n]</c> (right), any strides → x, shaped like b, contiguous,
    /// not overlapping. With <paramref name="unitDiagonal"/> the diagonal is taken as 1 and not read. f32 and f64. Cost n²m flops.
    /// Error: ‖B − A·X‖ ≤ c·n·u·‖A‖‖X‖. Source: Golub and Van Loan, Matrix Computations, §3.1.
    /// </summary>
    /// <exception cref="NumericException">NB0602: a zero on the diagonal; x is then undefined.</exception>
    /// <exception cref="ShapeException">NB0125: a is not square; NB0126: a, b and x do not fit.</exception>
    /// <exception cref="DTypeException">NB0210: the types differ, or are not f32 or f64.</exception>
    public static void TriangularSolve(
        DenseTensor a, DenseTensor b, DenseTensor x, bool leftSide, bool lower, bool transposeA, bool unitDiagonal)
    {
        CheckSquare("triangular_solve", a);
        if (a.DType != b.DType || a.DType != x.DType || !a.DType.IsFloat) throw KernelErrors.NoProduct("triangular_solve", a.Aval, b.Aval);
        if (!FitsSolve(a, b, leftSide) || b.Shape != x.Shape || !x.IsContiguous) throw KernelErrors.SolveShapes(a.Aval, b.Aval, leftSide);
        if (x.Device is Accelerator)
        {
            DeviceLinalg.TriangularSolve(a, b, x, leftSide, lower, transposeA, unitDiagonal);
            return;
        }
        long n = a.Shape.Dims[^1], failure = long.MaxValue;
        var kind = new SolveKind(leftSide, lower, transposeA, unitDiagonal);
        if (a.DType == DType.F32) SolveAll<float>(a, b, x, kind, &failure);
        else SolveAll<double>(a, b, x, kind, &failure);
        if (failure != long.MaxValue) throw KernelErrors.ZeroDiagonal(a.Aval, failure / n, failure % n);
    }

    private readonly record struct SolveKind(bool LeftSide, bool Lower, bool TransposeA, bool UnitDiagonal);

    private static void SolveAll<T>(DenseTensor a, DenseTensor b, DenseTensor x, SolveKind kind, long* failure)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        long n = a.Shape.Dims[^1], m = b.Shape.Dims[kind.LeftSide ? ^1 : ^2];
        // Right-hand sides are independent: a piece is a range of them, of one entry of the batch, and a part some pieces.
        int cuts = (int)Math.Max(1, (m + ColumnsPerPart - 1) / ColumnsPerPart);
        long pieces = Entries(a) * cuts, work = Math.Max(1, n * (Math.Min(m, ColumnsPerPart) * (n / 2 + FixedCost) + n));
        long perPart = Math.Max(1, GemmConfig.BatchPart / work);
        var job = new SolveJob<T>(a, b, x, kind, cuts, pieces, perPart, failure);
        RunParts(ref job, checked((int)((pieces + perPart - 1) / perPart)), work * perPart);
    }

    private readonly struct SolveJob<T>(
        DenseTensor a, DenseTensor b, DenseTensor x, SolveKind kind, int cuts, long pieces, long perPart, long* failure) : IParallelJob
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Run(int part)
        {
            long end = Math.Min(pieces, (part + 1) * perPart);
            for (long piece = part * perPart; piece < end; piece++) RunPiece(piece / cuts, (int)(piece % cuts));
        }

        private void RunPiece(long entry, int cut)
        {
            MatrixView<T> triangle = MatrixView<T>.Of(a, entry), given = MatrixView<T>.Of(b, entry), wanted = MatrixView<T>.Of(x, entry);
            if (!kind.UnitDiagonal && ZeroOnDiagonal(triangle) is >= 0 and nint row)
            {
                Report(failure, entry * triangle.Rows + row);
                return;
            }
            bool lower = kind.Lower;
            if (kind.TransposeA) (triangle, lower) = (triangle.Transposed, !lower);
            given = Range(given, cut);
            wanted = Range(wanted, cut);
            given.CopyTo(wanted);
            if (kind.LeftSide) TriangularKernel<T>.SolveLeft(triangle, wanted, lower, kind.UnitDiagonal);
            else TriangularKernel<T>.SolveRight(triangle, wanted, lower, kind.UnitDiagonal);
        }

        private MatrixView<T> Range(MatrixView<T> whole, int cut)
        {
            nint count = kind.LeftSide ? whole.Columns : whole.Rows;
            nint from = count * cut / cuts, to = count * (cut + 1) / cuts;
            return kind.LeftSide ? whole.Block(0, from, whole.Rows, to - from) : whole.Block(from, 0, to - from, whole.Columns);
        }
    }

    private static nint ZeroOnDiagonal<T>(MatrixView<T> triangle) where T : unmanaged, INumber<T>
    {
        for (nint i = 0; i < triangle.Rows; i++)
            if (triangle[i, i] == T.Zero) return i;
        return -1;
    }

    private static bool FitsSolve(DenseTensor a, DenseTensor b, bool leftSide)
    {
        ReadOnlySpan<int> x = a.Shape.Dims, y = b.Shape.Dims;
        return x.Length == y.Length && x[..^2].SequenceEqual(y[..^2]) && x[^1] == (leftSide ? y[^2] : y[^1]);
    }
}
