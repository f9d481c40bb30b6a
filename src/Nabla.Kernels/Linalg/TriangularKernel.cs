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
        int n = (int)t.Rows;
        T* dense = Scratch.Get<T>(Scratch.Slot.Linalg, Base * (Base + RowsAtOnce)), columns = dense + Base * Base;
        CopyTriangle(t.Transposed, dense);
        for (nint from = 0; from < x.Rows; from += RowsAtOnce)
        {
            int rows = (int)Math.Min(RowsAtOnce, x.Rows - from);
            T* block = x.Address + from * x.RowStride;
            Pack.Panel(block, x.RowStride, 1, rows, n, columns, rows);
            SolveDense(dense, n, columns, rows, rows, !lower, unitDiagonal);
            Pack.Panel(columns, rows, 1, n, rows, block, x.RowStride);
        }
    }

    private static void SolveSmall(MatrixView<T> t, MatrixView<T> x, bool lower, bool unitDiagonal)
    {
        T* dense = Scratch.Get<T>(Scratch.Slot.Linalg, Base * Base);
        CopyTriangle(t, dense);
        SolveDense(dense, (int)t.Rows, x.Address, x.RowStride, x.Columns, lower, unitDiagonal);
    }

    // Dense, and negative except for the diagonal, for kernels that add.
    private static void CopyTriangle(MatrixView<T> t, T* target)
    {
        nint n = t.Rows;
        if (t.RowStride == 1 && n > 1)
        {
            Pack.Panel(t.Address, t.ColumnStride, 1, (int)n, n, target, n);
            new MatrixView<T>(target, n, n, n, 1).CopyTo(target, negate: true);
        }
        else t.CopyTo(target, negate: true);
        for (nint i = 0; i < n; i++) target[i * n + i] = t[i, i];
    }

    private static void SolveDense(T* t, int n, T* x, nint stride, nint columns, bool lower, bool unitDiagonal)
    {
        if (GemmConfig.Path == GemmPath.Avx512) SolveVectors<Vector512<T>, Simd512<T>>(t, n, x, stride, columns, lower, unitDiagonal);
        else if (GemmConfig.Path == GemmPath.Avx2) SolveVectors<Vector256<T>, Simd256<T>>(t, n, x, stride, columns, lower, unitDiagonal);
        else SolveVectors<Vector128<T>, Simd128<T>>(t, n, x, stride, columns, lower, unitDiagonal);
    }

    // Right-hand sides in groups of four vectors, then one by one, the last one in part.
    private static void SolveVectors<V, S>(T* t, int n, T* x, nint stride, nint columns, bool lower, bool unitDiagonal)
        where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        if (columns == 1)
        {
            SolveColumn(t, n, x, stride, lower, unitDiagonal);
            return;
        }
        nint column = 0;
        for (; column + 4 * S.Width <= columns; column += 4 * S.Width) SolveFour<V, S>(t, n, x + column, stride, lower, unitDiagonal);
        for (; column < columns; column += S.Width)
            SolveOne<V, S>(t, n, x + column, stride, (int)Math.Min(S.Width, columns - column), lower, unitDiagonal);
    }

    // Row by row, minus the multiples of the rows that are known.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SolveFour<V, S>(T* t, int n, T* x, nint stride, bool lower, bool unitDiagonal)
        where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        for (int step = 0; step < n; step++)
        {
            int i = lower ? step : n - 1 - step, from = lower ? 0 : i + 1, to = lower ? i : n;
            T* row = x + i * stride;
            V a = S.Load(row), b = S.Load(row + S.Width), c = S.Load(row + 2 * S.Width), d = S.Load(row + 3 * S.Width);
            T* known = x + from * stride;
            for (int p = from; p < to; p++, known += stride)
            {
                V factor = S.Broadcast(t + i * n + p);
                a = S.MultiplyAdd(factor, S.Load(known), a);
                b = S.MultiplyAdd(factor, S.Load(known + S.Width), b);
                c = S.MultiplyAdd(factor, S.Load(known + 2 * S.Width), c);
                d = S.MultiplyAdd(factor, S.Load(known + 3 * S.Width), d);
            }
            if (!unitDiagonal)
            {
                V pivot = S.Broadcast(t + i * n + i);
                (a, b, c, d) = (Quotient(a, pivot), Quotient(b, pivot), Quotient(c, pivot), Quotient(d, pivot));
            }
            S.Store(row, a);
            S.Store(row + S.Width, b);
            S.Store(row + 2 * S.Width, c);
            S.Store(row + 3 * S.Width, d);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SolveOne<V, S>(T* t, int n, T* x, nint stride, int columns, bool lower, bool unitDiagonal)
        where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        V mask = S.Mask(columns);
        for (int step = 0; step < n; step++)
        {
            int i = lower ? step : n - 1 - step, from = lower ? 0 : i + 1, to = lower ? i : n, p = from;
            V a = S.LoadPart(x + i * stride, mask, columns), b = default;
            T* known = x + from * stride, row = t + i * n;
            for (; p + 2 <= to; p += 2, known += 2 * stride)
            {
                a = S.MultiplyAdd(S.Broadcast(row + p), S.LoadPart(known, mask, columns), a);
                b = S.MultiplyAdd(S.Broadcast(row + p + 1), S.LoadPart(known + stride, mask, columns), b);
            }
            if (p < to) a = S.MultiplyAdd(S.Broadcast(row + p), S.LoadPart(known, mask, columns), a);
            a = S.Add(a, b);
            S.StorePart(x + i * stride, unitDiagonal ? a : Quotient(a, S.Broadcast(row + i)), mask, columns);
        }
    }

    // On a copy, with four sums in flight.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SolveColumn(T* t, int n, T* x, nint stride, bool lower, bool unitDiagonal)
    {
        T* known = stackalloc T[Base];
        for (int step = 0; step < n; step++)
        {
            int i = lower ? step : n - 1 - step, p = lower ? 0 : i + 1, to = lower ? i : n;
            T* row = t + i * n;
            T a = x[i * stride], b = T.Zero, c = T.Zero, d = T.Zero;
            for (; p + 4 <= to; p += 4)
            {
                a += row[p] * known[p];
                b += row[p + 1] * known[p + 1];
                c += row[p + 2] * known[p + 2];
                d += row[p + 3] * known[p + 3];
            }
            for (; p < to; p++) a += row[p] * known[p];
            a = a + b + (c + d);
            known[i] = unitDiagonal ? a : a / row[i];
            x[i * stride] = known[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Quotient<V>(V x, V y) where V : unmanaged
    {
        if (sizeof(V) == 64) return Unsafe.BitCast<Vector512<T>, V>(Unsafe.BitCast<V, Vector512<T>>(x) / Unsafe.BitCast<V, Vector512<T>>(y));
        if (sizeof(V) == 32) return Unsafe.BitCast<Vector256<T>, V>(Unsafe.BitCast<V, Vector256<T>>(x) / Unsafe.BitCast<V, Vector256<T>>(y));
        return Unsafe.BitCast<Vector128<T>, V>(Unsafe.BitCast<V, Vector128<T>>(x) / Unsafe.BitCast<V, Vector128<T>>(y));
    }
}
