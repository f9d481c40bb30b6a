using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Nabla.Kernels;

/// <summary>
/// Rotations of neighbouring rows of a matrix, collected and applied together. Four sweeps at a time pass over a strip of 16 columns that was
/// copied to dense memory: while sweep 0 turns rows (t, t + 1), sweep 1 turns (t − 1, t), and so on, so a row is loaded and stored once for four
/// sweeps. Threads take strips. Source: the wavefront of Van Zee, van de Geijn and Quintana-Ortí, Restructuring the tridiagonal and bidiagonal
/// QR algorithms for performance (ACM TOMS 2014).
/// </summary>
internal unsafe struct RowRotations
{
    private const int Together = 4;
    private const int Lag = Together - 1;
    private const int MaxGroups = 16;
    private const int Strip = 16;

    private readonly double* _matrix, _tables;
    private readonly nint* _ranges;
    private readonly nint _rows, _stride;
    private double* _next;
    private int _groups, _sweeps;

    /// <summary>Rotations of the rows of a matrix, whose stride is a multiple of 16; null: rotations are dropped.</summary>
    public RowRotations(double* matrix, nint rows, nint stride, double* scratch)
    {
        _matrix = matrix;
        _rows = rows;
        _stride = stride;
        _tables = scratch;
        _ranges = (nint*)(scratch + MaxGroups * TableElements(rows));
    }

    /// <summary>Elements of scratch for matrices of that many rows.</summary>
    public static long ScratchElements(nint rows) => MaxGroups * (TableElements(rows) + 2);

    /// <summary>Elements from row to row: a multiple of a strip, and not of 512 bytes, which would put rows into few sets of the caches.</summary>
    public static nint StrideFor(nint columns)
    {
        nint stride = (columns + Strip - 1) / Strip * Strip;
        return stride % 64 == 0 && stride > 64 ? stride + Strip : stride;
    }

    // A table has a line for each step t of a group: the cosine and sine of sweep j's rotation of rows (t − j, t − j + 1).
    private static nint TableElements(nint rows) => 2 * Together * (rows + Lag);

    /// <summary>Announces <paramref name="count"/> rotations, of rows (first, first + 1), (first + 1, first + 2), ….</summary>
    public void Begin(nint first, nint count)
    {
        if (_matrix == null) return;
        if (_groups == 0 || _sweeps == Together)
        {
            if (_groups == MaxGroups) Flush();
            StartGroup(first, first + count);
        }
        nint* range = _ranges + 2 * (_groups - 1);
        (range[0], range[1]) = (Math.Min(range[0], first), Math.Max(range[1], first + count));
        double* table = _tables + (_groups - 1) * TableElements(_rows);
        _next = table + 2 * Together * (first + _sweeps) + 2 * _sweeps;
        _sweeps++;
    }

    private void StartGroup(nint first, nint last)
    {
        nint elements = TableElements(_rows);
        double* table = _tables + _groups * elements;
        for (nint i = 0; i < elements; i += 2) (table[i], table[i + 1]) = (1, 0);
        (_ranges[2 * _groups], _ranges[2 * _groups + 1]) = (first, last);
        _groups++;
        _sweeps = 0;
    }

    /// <summary>The next rotation: (upper, lower) := (c·upper + s·lower, c·lower − s·upper).</summary>
    public void Add(double c, double s)
    {
        if (_matrix == null) return;
        (_next[0], _next[1]) = (c, s);
        _next += 2 * Together;
    }

    /// <summary>Applies what has been collected.</summary>
    public void Flush()
    {
        if (_groups == 0) return;
        (nint top, nint bottom, long work) = (_rows, 0, 0);
        for (int group = 0; group < _groups; group++)
        {
            (nint first, nint last) = (_ranges[2 * group], _ranges[2 * group + 1]);
            (top, bottom, work) = (Math.Min(top, first), Math.Max(bottom, last), work + Together * Strip * (last - first));
        }
        var job = new StripJob(_matrix + top * _stride, _stride, bottom - top + 1, _tables, TableElements(_rows), _ranges, _groups, top);
        Linalg.RunParts(ref job, (int)(_stride / Strip), work);
        _groups = 0;
    }

    private readonly struct StripJob(double* matrix, nint stride, nint rows, double* tables, nint tableElements, nint* ranges, int groups, nint top)
        : IParallelJob
    {
        public void Run(int part)
        {
            // Sweeps that lag behind run over three rows beyond either end, which they leave as they are.
            double* strip = Scratch.Get<double>(Scratch.Slot.Linalg, (rows + 2 * Lag) * Strip);
            new Span<double>(strip, Lag * Strip).Clear();
            new Span<double>(strip + (Lag + rows) * Strip, Lag * Strip).Clear();
            double* from = matrix + part * Strip, dense = strip + Lag * Strip;
            for (nint i = 0; i < rows; i++) Unsafe.CopyBlock(dense + i * Strip, from + i * stride, Strip * sizeof(double));
            for (int group = 0; group < groups; group++)
            {
                (nint first, nint last) = (ranges[2 * group], ranges[2 * group + 1]);
                double* row = dense + (first - top) * Strip, table = tables + group * tableElements + 2 * Together * first;
                nint steps = last - first + Lag;
                if (GemmConfig.Path == GemmPath.Avx512) Pass<Vector512<double>, Turn512>(row, table, steps);
                else if (GemmConfig.Path == GemmPath.Avx2) Pass<Vector256<double>, Turn256>(row, table, steps);
                else Pass<Vector128<double>, Turn128>(row, table, steps);
            }
            for (nint i = 0; i < rows; i++) Unsafe.CopyBlock(from + i * stride, dense + i * Strip, Strip * sizeof(double));
        }

        private static void Pass<V, L>(double* row, double* table, nint steps) where V : unmanaged where L : struct, ITurn<V>
        {
            for (int column = 0; column < Strip; column += 2 * L.Width) Wavefront<V, L>(row + column, table, steps);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Wavefront<V, L>(double* row, double* table, nint steps) where V : unmanaged where L : struct, ITurn<V>
        {
            V a0 = L.Load(row), a1 = L.Load(row - Strip), a2 = L.Load(row - 2 * Strip), a3 = L.Load(row - 3 * Strip);
            row += L.Width;
            V b0 = L.Load(row), b1 = L.Load(row - Strip), b2 = L.Load(row - 2 * Strip), b3 = L.Load(row - 3 * Strip);
            for (nint t = 0; t < steps; t++, table += 2 * Together)
            {
                row += Strip;
                V x = L.Load(row - L.Width), y = L.Load(row);
                V c = L.Broadcast(table), s = L.Broadcast(table + 1);
                (x, y) = (L.Turn(ref a0, x, c, s), L.Turn(ref b0, y, c, s));
                (c, s) = (L.Broadcast(table + 2), L.Broadcast(table + 3));
                (x, y) = (L.Turn(ref a1, x, c, s), L.Turn(ref b1, y, c, s));
                (c, s) = (L.Broadcast(table + 4), L.Broadcast(table + 5));
                (x, y) = (L.Turn(ref a2, x, c, s), L.Turn(ref b2, y, c, s));
                (c, s) = (L.Broadcast(table + 6), L.Broadcast(table + 7));
                (x, y) = (L.Turn(ref a3, x, c, s), L.Turn(ref b3, y, c, s));
                L.Store(row - 4 * Strip - L.Width, x);
                L.Store(row - 4 * Strip, y);
            }
            L.Store(row, b0);
            L.Store(row - Strip, b1);
            L.Store(row - 2 * Strip, b2);
            L.Store(row - 3 * Strip, b3);
            row -= L.Width;
            L.Store(row, a0);
            L.Store(row - Strip, a1);
            L.Store(row - 2 * Strip, a2);
            L.Store(row - 3 * Strip, a3);
        }
    }

    /// <summary>Vectors of one instruction set.</summary>
    private interface ITurn<V> where V : unmanaged
    {
        static abstract int Width { get; }
        static abstract V Load(double* source);
        static abstract V Broadcast(double* source);
        static abstract void Store(double* target, V x);

        /// <summary>Returns the finished upper row c·upper + s·lower; the lower one, c·lower − s·upper, is the upper row of the next rotation.</summary>
        static abstract V Turn(ref V upper, V lower, V c, V s);
    }

    private readonly struct Turn512 : ITurn<Vector512<double>>
    {
        public static int Width => Vector512<double>.Count;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<double> Load(double* source) => Vector512.Load(source);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<double> Broadcast(double* source) => Vector512.Create(*source);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(double* target, Vector512<double> x) => x.Store(target);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<double> Turn(ref Vector512<double> upper, Vector512<double> lower, Vector512<double> c, Vector512<double> s)
        {
            Vector512<double> done = Avx512F.FusedMultiplyAdd(c, upper, s * lower);
            upper = Avx512F.FusedMultiplyAddNegated(s, upper, c * lower);
            return done;
        }
    }

    private readonly struct Turn256 : ITurn<Vector256<double>>
    {
        public static int Width => Vector256<double>.Count;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<double> Load(double* source) => Vector256.Load(source);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<double> Broadcast(double* source) => Vector256.Create(*source);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(double* target, Vector256<double> x) => x.Store(target);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<double> Turn(ref Vector256<double> upper, Vector256<double> lower, Vector256<double> c, Vector256<double> s)
        {
            Vector256<double> done = Fma.MultiplyAdd(c, upper, s * lower);
            upper = Fma.MultiplyAddNegated(s, upper, c * lower);
            return done;
        }
    }

    private readonly struct Turn128 : ITurn<Vector128<double>>
    {
        public static int Width => Vector128<double>.Count;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<double> Load(double* source) => Vector128.Load(source);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<double> Broadcast(double* source) => Vector128.Create(*source);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(double* target, Vector128<double> x) => x.Store(target);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<double> Turn(ref Vector128<double> upper, Vector128<double> lower, Vector128<double> c, Vector128<double> s)
        {
            Vector128<double> done = c * upper + s * lower;
            upper = c * lower - s * upper;
            return done;
        }
    }
}

/// <summary>One rotation of the plane.</summary>
internal static unsafe class Rotation
{
    /// <summary>(upper, lower) := (c·upper + s·lower, c·lower − s·upper).</summary>
    public static void Turn(double* upper, double* lower, nint count, double c, double s)
    {
        for (nint i = 0; i < count; i++) (upper[i], lower[i]) = (c * upper[i] + s * lower[i], c * lower[i] - s * upper[i]);
    }

    /// <summary>c and s with c·f + s·g = r and c·g − s·f = 0; returns r = √(f² + g²). The identity for f = g = 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Make(double f, double g, out double c, out double s)
    {
        double square = f * f + g * g, length = Math.Sqrt(square);
        if (!(square is > 1e-280 and < 1e300)) length = double.Hypot(f, g);
        (c, s) = length == 0 ? (1, 0) : (f / length, g / length);
        return length;
    }
}
