using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// Cholesky factors, inverses of triangles and their squares for matrices that stay in the caches near the core, by blocks of rows. A block of rows takes in all rows above it
/// by one matrix product; the few steps inside a block are all that waits for square roots and for the row before. Only lower triangles are read and written.
/// </summary>
internal static unsafe class SmallTriangle<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Rows of a matrix at most; larger ones are cut into halves.</summary>
    public const int Largest = 128;

    // Whole cache lines, so that blocks begin at one.
    private const int BlockRows = 16;

    // A cache line, in elements.
    private static int Line => 64 / sizeof(T);

    private static int Padded(nint n) => ((int)n + Line - 1) / Line * Line;

    // An odd number of lines more than a power of two, so that a column does not fall into few sets of the cache.
    private static nint Stride(nint n) => Padded(n) + Line;

    /// <summary>A → L with L·Lᵀ = A, in place; returns the row whose pivot is not a finite number above zero, or −1.</summary>
    public static nint Factor(MatrixView<T> a) => GemmConfig.Path switch
    {
        GemmPath.Avx512 => Factor<Vector512<T>, Simd512<T>>(a),
        GemmPath.Avx2 => Factor<Vector256<T>, Simd256<T>>(a),
        _ => Factor<Vector128<T>, Simd128<T>>(a),
    };

    /// <summary>L → L⁻¹ in place, row by row by substitution. No diagonal element is 0.</summary>
    public static void Invert(MatrixView<T> l)
    {
        if (GemmConfig.Path == GemmPath.Avx512) Invert<Vector512<T>, Simd512<T>>(l);
        else if (GemmConfig.Path == GemmPath.Avx2) Invert<Vector256<T>, Simd256<T>>(l);
        else Invert<Vector128<T>, Simd128<T>>(l);
    }

    /// <summary>L → the lower triangle of Lᵀ·L; the upper one is undefined afterwards.</summary>
    public static void SquareTransposed(MatrixView<T> l)
    {
        const int rowsAtOnce = 14;
        nint n = l.Rows, ld = Stride(n);
        T* x = Scratch.Get<T>(Scratch.Slot.Linalg, n * ld);
        CopyLower(l, x, ld);
        for (nint i = 0; i < n; i += rowsAtOnce)
        {
            nint rows = Math.Min(rowsAtOnce, n - i);
            GemmSmall.Run(x + i * ld + i, x + i * ld, l.Address + i * l.RowStride, new GemmProblem(rows, i + rows, n - i, 1, ld, ld, 1, l.RowStride));
        }
    }

    // As Uᵀ·U = A with U in rows, on a transposed copy, so that every inner loop runs along whole vectors. A second copy of the rows is negated.
    private static nint Factor<V, S>(MatrixView<T> a) where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        nint n = a.Rows, padded = Padded(n), ld = Stride(n);
        T* u = Scratch.Get<T>(Scratch.Slot.Linalg, 2 * n * ld), minus = u + n * ld;
        for (nint k = 0; k < n; k += BlockRows)
        {
            int rows = (int)Math.Min(BlockRows, n - k);
            T* block = u + k * ld + k, place = a.Address + k * a.RowStride + k;
            Pack.Panel(place, a.RowStride, 1, (int)(n - k), rows, block, ld);
            for (nint r = 0; n < padded && r < rows; r++) new Span<T>(block + r * ld + n - k, (int)(padded - n)).Clear();
            if (k > 0) GemmSmall.Run(minus + k, u + k, block, new GemmProblem(rows, padded - k, k, 1, ld, ld, 1, ld, Accumulate: true));
            if (FactorBlock<V, S>(block, minus + k * ld + k, rows, ld, padded - k) is >= 0 and nint failed) return k + failed;
            Pack.Panel(block, ld, 1, rows, n - k, place, a.RowStride);
        }
        return -1;
    }

    // Each row: minus its products with the rows above in the block, then divided by its pivot.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static nint FactorBlock<V, S>(T* u, T* minus, nint rows, nint ld, nint length) where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        for (nint r = 0; r < rows; r++)
        {
            T* row = u + r * ld, negative = minus + r * ld;
            AddRows<V, S>(row, u, ld, minus + r, ld, r, length);
            T pivot = row[r];
            if (!(pivot > T.Zero) || T.IsPositiveInfinity(pivot)) return r;
            pivot = T.Sqrt(pivot);
            T inverse = T.One / pivot, minusInverse = -inverse;
            V factor = S.Broadcast(&inverse), minusFactor = S.Broadcast(&minusInverse);
            for (nint i = 0; i < length; i += S.Width)
            {
                V x = S.Load(row + i);
                S.Store(row + i, S.MultiplyAdd(x, factor, default));
                S.Store(negative + i, S.MultiplyAdd(x, minusFactor, default));
            }
            row[r] = pivot;
        }
        return -1;
    }

    private static void Invert<V, S>(MatrixView<T> l) where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        nint n = l.Rows, ld = Stride(n), chunk = 4 * S.Width;
        T* x = Scratch.Get<T>(Scratch.Slot.Linalg, 2 * n * ld), minus = x + n * ld;
        Negate<V, S>(l, minus, ld);
        new Span<T>(x, checked((int)(n * ld))).Clear();
        for (nint k = 0; k < n; k += BlockRows)
        {
            nint rows = Math.Min(BlockRows, n - k), end = (k + S.Width - 1) / S.Width * S.Width;
            // The rows above are zero right of their diagonals: a chunk of columns begins at its own depth.
            for (nint c = 0; c < k; c += chunk)
                GemmSmall.Run(minus + k * ld + c, x + c * ld + c, x + k * ld + c, new GemmProblem(rows, Math.Min(chunk, end - c), k - c, ld, 1, ld, 1, ld));
            InvertBlock<V, S>(l.Address + k * l.RowStride + k, l.RowStride + 1, x + k * ld, minus + k * ld + k, k, rows, ld);
        }
        Return<V, S>(x, ld, l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void InvertBlock<V, S>(T* pivots, nint pivotStep, T* x, T* minus, nint start, nint rows, nint ld) where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        for (nint r = 0; r < rows; r++, pivots += pivotStep)
        {
            nint length = (start + r + S.Width - 1) / S.Width * S.Width;
            T* row = x + r * ld;
            AddRows<V, S>(row, x, ld, minus + r * ld, 1, r, length);
            T inverse = T.One / *pivots;
            V factor = S.Broadcast(&inverse);
            for (nint i = 0; i < length; i += S.Width) S.Store(row + i, S.MultiplyAdd(S.Load(row + i), factor, default));
            row[start + r] = inverse;
        }
    }

    // target += Σ_q factors[q·step]·rows[q], whole vectors, four at a time.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRows<V, S>(T* target, T* rows, nint ld, T* factors, nint step, nint count, nint length) where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        nint i = 0;
        for (; i + 4 * S.Width <= length; i += 4 * S.Width)
        {
            V a = S.Load(target + i), b = S.Load(target + i + S.Width), c = S.Load(target + i + 2 * S.Width), d = S.Load(target + i + 3 * S.Width);
            T* row = rows + i, factor = factors;
            for (nint q = 0; q < count; q++, row += ld, factor += step)
            {
                V x = S.Broadcast(factor);
                a = S.MultiplyAdd(x, S.Load(row), a);
                b = S.MultiplyAdd(x, S.Load(row + S.Width), b);
                c = S.MultiplyAdd(x, S.Load(row + 2 * S.Width), c);
                d = S.MultiplyAdd(x, S.Load(row + 3 * S.Width), d);
            }
            S.Store(target + i, a);
            S.Store(target + i + S.Width, b);
            S.Store(target + i + 2 * S.Width, c);
            S.Store(target + i + 3 * S.Width, d);
        }
        for (; i < length; i += S.Width)
        {
            V a = S.Load(target + i);
            T* row = rows + i, factor = factors;
            for (nint q = 0; q < count; q++, row += ld, factor += step) a = S.MultiplyAdd(S.Broadcast(factor), S.Load(row), a);
            S.Store(target + i, a);
        }
    }

    // What is left of the diagonal.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Negate<V, S>(MatrixView<T> l, T* minus, nint ld) where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        T minusOne = -T.One;
        V sign = S.Broadcast(&minusOne);
        for (nint i = 1; i < l.Rows; i++)
        {
            T* from = l.Address + i * l.RowStride, to = minus + i * ld;
            nint j = 0;
            for (; j + S.Width <= i; j += S.Width) S.Store(to + j, S.MultiplyAdd(S.Load(from + j), sign, default));
            if (j == i) continue;
            int left = (int)(i - j);
            S.Store(to + j, S.MultiplyAdd(S.LoadPart(from + j, S.Mask(left), left), sign, default));
        }
    }

    // The diagonal and what is left of it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Return<V, S>(T* x, nint ld, MatrixView<T> l) where V : unmanaged where S : struct, IGemmVector<T, V>
    {
        for (nint i = 0; i < l.Rows; i++)
        {
            T* from = x + i * ld, to = l.Address + i * l.RowStride;
            nint j = 0;
            for (; j + S.Width <= i + 1; j += S.Width) S.Store(to + j, S.Load(from + j));
            int left = (int)(i + 1 - j);
            if (left > 0) S.StorePart(to + j, S.Load(from + j), S.Mask(left), left);
        }
    }

    // With zeros up to the end of the padded row.
    private static void CopyLower(MatrixView<T> l, T* x, nint ld)
    {
        for (nint i = 0; i < l.Rows; i++)
        {
            new Span<T>(l.Address + i * l.RowStride, (int)i + 1).CopyTo(new Span<T>(x + i * ld, (int)i + 1));
            new Span<T>(x + i * ld + i + 1, (int)(ld - i - 1)).Clear();
        }
    }
}
