using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// Triangular solves in place, by halving the triangle: solve with one half, subtract its product from the rest, solve with the other. The
/// right-hand sides have dense rows; the triangle may have any strides.
/// </summary>
internal static unsafe class TriangularKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Base = 32;
    private const int RowsAtOnce = 64;

    /// <summary>Where to cut a triangle: near the middle, at a multiple of the smallest block.</summary>
    public static nint Half(nint n) => n <= 2 * Base ? (n + 1) / 2 : (n / 2 + Base - 1) / Base * Base;

    /// <summary>X := T⁻¹·X.</summary>
    public static void SolveLeft(MatrixView<T> t, MatrixView<T> x, bool lower, bool unitDiagonal)
    {
        nint n = t.Rows;
        if (n <= Base)
        {
            SolveSmall(t, x, lower, unitDiagonal);
            return;
        }
        nint half = Half(n), rest = n - half;
        MatrixView<T> first = x.Block(0, 0, half, x.Columns), second = x.Block(half, 0, rest, x.Columns);
        if (lower)
        {
            SolveLeft(t.Block(0, 0, half, half), first, lower, unitDiagonal);
            second.SubtractProduct(t.Block(half, 0, rest, half), first);
            SolveLeft(t.Block(half, half, rest, rest), second, lower, unitDiagonal);
        }
        else
        {
            SolveLeft(t.Block(half, half, rest, rest), second, lower, unitDiagonal);
            first.SubtractProduct(t.Block(0, half, half, rest), second);
            SolveLeft(t.Block(0, 0, half, half), first, lower, unitDiagonal);
        }
    }

    /// <summary>X := X·T⁻¹.</summary>
    public static void SolveRight(MatrixView<T> t, MatrixView<T> x, bool lower, bool unitDiagonal)
    {
        nint n = t.Rows;
        if (n <= Base)
        {
            SolveSmallRight(t, x, lower, unitDiagonal);
            return;
        }
        nint half = Half(n), rest = n - half;
        MatrixView<T> first = x.Block(0, 0, x.Rows, half), second = x.Block(0, half, x.Rows, rest);
        if (lower)
        {
            SolveRight(t.Block(half, half, rest, rest), second, lower, unitDiagonal);
            first.SubtractProduct(second, t.Block(half, 0, rest, half));
            SolveRight(t.Block(0, 0, half, half), first, lower, unitDiagonal);
        }
        else
        {
            SolveRight(t.Block(0, 0, half, half), first, lower, unitDiagonal);
            second.SubtractProduct(first, t.Block(0, half, half, rest));
            SolveRight(t.Block(half, half, rest, rest), second, lower, unitDiagonal);
        }
    }

    // Some rows at a time are transposed, which makes them columns of a solve from the left: Tᵀ·Xᵀ = Bᵀ.
    private static void SolveSmallRight(MatrixView<T> t, MatrixView<T> x, bool lower, bool unitDiagonal)
    {
        T* columns = stackalloc T[Base * RowsAtOnce];
        for (nint from = 0; from < x.Rows; from += RowsAtOnce)
        {
            int rows = (int)Math.Min(RowsAtOnce, x.Rows - from), n = (int)t.Rows;
            T* block = x.Address + from * x.RowStride;
            Pack.Panel(block, x.RowStride, 1, rows, n, columns, rows);
            SolveSmall(t.Transposed, new MatrixView<T>(columns, n, rows, rows, 1), !lower, unitDiagonal);
            Pack.Panel(columns, rows, 1, n, rows, block, x.RowStride);
        }
    }

    private static void SolveSmall(MatrixView<T> t, MatrixView<T> x, bool lower, bool unitDiagonal)
    {
        int n = (int)t.Rows;
        T* dense = stackalloc T[Base * Base];
        t.CopyTo(dense, negate: false);
        int wide = 4 * Vector256<T>.Count;
        nint column = 0;
        for (; column + wide <= x.Columns; column += wide) SolveVectors(dense, n, x.Address + column, x.RowStride, lower, unitDiagonal);
        for (; column < x.Columns; column++) SolveColumn(dense, n, x.Address + column, x.RowStride, lower, unitDiagonal);
    }

    // Four vectors of right-hand sides: row by row, minus the multiples of the rows that are known.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SolveVectors(T* t, int n, T* x, nint stride, bool lower, bool unitDiagonal)
    {
        int width = Vector256<T>.Count;
        for (int step = 0; step < n; step++)
        {
            int i = lower ? step : n - 1 - step, from = lower ? 0 : i + 1, to = lower ? i : n;
            T* row = x + i * stride;
            Vector256<T> a = Vector256.Load(row), b = Vector256.Load(row + width);
            Vector256<T> c = Vector256.Load(row + 2 * width), d = Vector256.Load(row + 3 * width);
            T* known = x + from * stride;
            for (int p = from; p < to; p++, known += stride)
            {
                Vector256<T> factor = Vector256.Create(t[i * n + p]);
                a -= factor * Vector256.Load(known);
                b -= factor * Vector256.Load(known + width);
                c -= factor * Vector256.Load(known + 2 * width);
                d -= factor * Vector256.Load(known + 3 * width);
            }
            if (!unitDiagonal)
            {
                Vector256<T> pivot = Vector256.Create(t[i * n + i]);
                (a, b, c, d) = (a / pivot, b / pivot, c / pivot, d / pivot);
            }
            a.Store(row);
            b.Store(row + width);
            c.Store(row + 2 * width);
            d.Store(row + 3 * width);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SolveColumn(T* t, int n, T* x, nint stride, bool lower, bool unitDiagonal)
    {
        for (int step = 0; step < n; step++)
        {
            int i = lower ? step : n - 1 - step, from = lower ? 0 : i + 1, to = lower ? i : n;
            T sum = x[i * stride];
            for (int p = from; p < to; p++) sum -= t[i * n + p] * x[p * stride];
            x[i * stride] = unitDiagonal ? sum : sum / t[i * n + i];
        }
    }
}
