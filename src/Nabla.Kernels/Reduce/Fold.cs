using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// Folds a line of elements to one value in a fixed order: blocks of <see cref="Block"/> elements in four vectors of partial results, and a
/// balanced tree over the blocks.
/// </summary>
/// <remarks>
/// A sum passes through at most 16 + log₂k additions on its way, so |error| ≤ (16 + log₂k)·u·Σ|x| + O(u²) for k elements
/// (Higham, "The accuracy of floating point summation", SIAM J. Sci. Comput. 14, 1993, §3: pairwise summation). Vectors are
/// 512 bits wide in the code whatever the processor has, so that the order is the same on all.
/// </remarks>
internal static unsafe class Fold<TOp, T>
    where TOp : struct, IReduceOp
    where T : unmanaged, INumber<T>, IMinMaxValue<T>
{
    /// <summary>Elements folded without recursion.</summary>
    public const int Block = 512;

    /// <summary>The same where elements are not neighbours: eight scalar partial results.</summary>
    private const int StridedBlock = 128;

    /// <summary>Folds n ≥ 1 elements <paramref name="stride"/> apart.</summary>
    public static T Line(T* x, long n, long stride)
    {
        int block = stride == 1 ? Block : StridedBlock;
        if (n <= block) return stride == 1 ? DenseBlock(x, (int)n) : StridedLine(x, (int)n, stride);
        long half = (n / 2 + block - 1) / block * block;
        return TOp.Combine(Line(x, half, stride), Line(x + half * stride, n - half, stride));
    }

    /// <summary>Folds <paramref name="count"/> lines of n &lt; 16 elements each, <paramref name="from"/> apart, element by element.</summary>
    public static void ShortLines(T* x, long from, int n, long stride, T* y, long to, long count)
    {
        for (long i = 0; i < count; i++, x += from, y += to) *y = Sequential(x, n, stride);
    }

    /// <summary>Folds <paramref name="count"/> neighbouring lines of n ≥ 1 elements <paramref name="stride"/> apart, each as <see cref="Line"/> does.</summary>
    public static void Lines(T* x, long n, long stride, T* y, long count)
    {
        long done = n <= StridedBlock ? SideBySide(x, (int)n, stride, y, count) : 0;
        for (; done < count; done++) y[done] = Line(x + done, n, stride);
    }

    // A vector of lines at a time, in the order of StridedLine; returns how many are done.
    private static long SideBySide(T* x, int n, long stride, T* y, long count)
    {
        const int Sums = 8;
        int width = Vector512<T>.Count, chains = n < 16 ? 1 : Sums;
        Vector512<T>* s = stackalloc Vector512<T>[Sums];
        long line = 0;
        for (; line + width <= count; line += width)
        {
            for (int k = 0; k < chains; k++) s[k] = Vector512.Load(x + line + k * stride);
            int i = chains, whole = n / chains * chains;
            for (; i < whole; i++) s[i % chains] = TOp.Combine(s[i % chains], Vector512.Load(x + line + i * stride));
            Vector512<T> folded = chains == 1 ? s[0]
                : TOp.Combine(TOp.Combine(TOp.Combine(s[0], s[1]), TOp.Combine(s[2], s[3])), TOp.Combine(TOp.Combine(s[4], s[5]), TOp.Combine(s[6], s[7])));
            if (i < n)
            {
                Vector512<T> rest = Vector512.Load(x + line + i * stride);
                for (i++; i < n; i++) rest = TOp.Combine(rest, Vector512.Load(x + line + i * stride));
                folded = TOp.Combine(folded, rest);
            }
            folded.Store(y + line);
        }
        return line;
    }

    private static T DenseBlock(T* x, int n)
    {
        int width = Vector512<T>.Count;
        if (n < width) return Sequential(x, n, 1);
        Vector512<T> a;
        int i = width;
        if (n >= 4 * width)
        {
            a = Vector512.Load(x);
            Vector512<T> b = Vector512.Load(x + width), c = Vector512.Load(x + 2 * width), d = Vector512.Load(x + 3 * width);
            for (i = 4 * width; i + 4 * width <= n; i += 4 * width)
            {
                a = TOp.Combine(a, Vector512.Load(x + i));
                b = TOp.Combine(b, Vector512.Load(x + i + width));
                c = TOp.Combine(c, Vector512.Load(x + i + 2 * width));
                d = TOp.Combine(d, Vector512.Load(x + i + 3 * width));
            }
            a = TOp.Combine(TOp.Combine(a, b), TOp.Combine(c, d));
        }
        else
        {
            a = Vector512.Load(x);
        }
        for (; i + width <= n; i += width) a = TOp.Combine(a, Vector512.Load(x + i));
        if (i < n) a = TOp.Combine(a, LastLanes(x + n - width, n - i));
        return Across(a);
    }

    // The last `count` of the elements at x, the others replaced by what changes nothing.
    private static Vector512<T> LastLanes(T* x, int count)
    {
        Vector512<T> taken = Vector512.GreaterThanOrEqual(Vector512<T>.Indices,
            Vector512.Create(T.CreateTruncating(Vector512<T>.Count - count)));
        return Vector512.ConditionalSelect(taken, Vector512.Load(x), Vector512.Create(TOp.Identity<T>()));
    }

    // Halves onto each other; only the first lanes of what is left count.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Across(Vector512<T> a)
    {
        a = TOp.Combine(a, a.GetUpper().ToVector512Unsafe());
        a = TOp.Combine(a, a.GetLower().GetUpper().ToVector256Unsafe().ToVector512Unsafe());
        for (int i = 16 / sizeof(T) / 2; i >= 1; i /= 2)
        {
            Vector128<byte> first = a.GetLower().GetLower().AsByte();
            Vector128<byte> moved = Vector128.Shuffle(first, Vector128<byte>.Indices + Vector128.Create((byte)(i * sizeof(T))));
            a = TOp.Combine(a, moved.As<byte, T>().ToVector256Unsafe().ToVector512Unsafe());
        }
        return a.ToScalar();
    }

    private static T StridedLine(T* x, int n, long stride)
    {
        if (n < 16) return Sequential(x, n, stride);
        T a = x[0], b = x[stride], c = x[2 * stride], d = x[3 * stride];
        T e = x[4 * stride], f = x[5 * stride], g = x[6 * stride], h = x[7 * stride];
        int i = 8;
        for (; i + 8 <= n; i += 8)
        {
            T* p = x + i * stride;
            a = TOp.Combine(a, p[0]);
            b = TOp.Combine(b, p[stride]);
            c = TOp.Combine(c, p[2 * stride]);
            d = TOp.Combine(d, p[3 * stride]);
            e = TOp.Combine(e, p[4 * stride]);
            f = TOp.Combine(f, p[5 * stride]);
            g = TOp.Combine(g, p[6 * stride]);
            h = TOp.Combine(h, p[7 * stride]);
        }
        T folded = TOp.Combine(TOp.Combine(TOp.Combine(a, b), TOp.Combine(c, d)), TOp.Combine(TOp.Combine(e, f), TOp.Combine(g, h)));
        return i < n ? TOp.Combine(folded, Sequential(x + i * stride, n - i, stride)) : folded;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Sequential(T* x, int n, long stride)
    {
        T folded = x[0];
        for (int i = 1; i < n; i++) folded = TOp.Combine(folded, x[i * stride]);
        return folded;
    }

    /// <summary>target = a ∘ target for n neighbouring elements.</summary>
    public static void Into(T* a, T* target, int n)
    {
        int i = 0, width = Vector512<T>.Count;
        for (; i + width <= n; i += width)
            TOp.Combine(Vector512.Load(a + i), Vector512.Load(target + i)).Store(target + i);
        for (; i < n; i++) target[i] = TOp.Combine(a[i], target[i]);
    }

    /// <summary>
    /// target[c] = fold over the rows of x[row offset + c], for n ≥ one vector of neighbouring columns and up to 16 rows. The columns of
    /// the last, overlapping vector are computed twice, to the same bits.
    /// </summary>
    public static void Rows(T* x, long* offsets, int rows, T* target, int n)
    {
        int width = Vector512<T>.Count, column = 0;
        for (; column + 4 * width <= n; column += 4 * width)
        {
            T* first = x + offsets[0] + column;
            Vector512<T> a = Vector512.Load(first), b = Vector512.Load(first + width);
            Vector512<T> c = Vector512.Load(first + 2 * width), d = Vector512.Load(first + 3 * width);
            for (int row = 1; row < rows; row++)
            {
                T* p = x + offsets[row] + column;
                a = TOp.Combine(a, Vector512.Load(p));
                b = TOp.Combine(b, Vector512.Load(p + width));
                c = TOp.Combine(c, Vector512.Load(p + 2 * width));
                d = TOp.Combine(d, Vector512.Load(p + 3 * width));
            }
            a.Store(target + column);
            b.Store(target + column + width);
            c.Store(target + column + 2 * width);
            d.Store(target + column + 3 * width);
        }
        while (column < n)
        {
            column = Math.Min(column, n - width);
            Vector512<T> a = Vector512.Load(x + offsets[0] + column);
            for (int row = 1; row < rows; row++) a = TOp.Combine(a, Vector512.Load(x + offsets[row] + column));
            a.Store(target + column);
            column += width;
        }
    }
}

/// <summary>
/// Folds a sequence of equally wide partial results as a balanced tree, keeping one of them for each power of two: the binary
/// counter form of pairwise summation.
/// </summary>
internal unsafe struct PairwiseTree<TOp, T>(T* levels, int width)
    where TOp : struct, IReduceOp
    where T : unmanaged, INumber<T>, IMinMaxValue<T>
{
    private long _pushed;

    /// <summary>Elements that the tree needs for <paramref name="count"/> results of this width, the incoming one included.</summary>
    public static long Scratch(long count, int width) => (BitOperations.Log2((ulong)Math.Max(1, count)) + 2L) * width;

    /// <summary>Where the next partial result is to be written before <see cref="Push"/>; the final one is there after <see cref="Finish"/>.</summary>
    public readonly T* Incoming => levels;

    /// <summary>Takes the incoming result into the tree.</summary>
    public void Push()
    {
        T* level = levels + width;
        for (long bits = _pushed; (bits & 1) != 0; bits >>= 1, level += width) Fold<TOp, T>.Into(level, levels, width);
        Unsafe.CopyBlockUnaligned(level, levels, (uint)(width * sizeof(T)));
        _pushed++;
    }

    /// <summary>Folds what the tree holds, at least one result, and empties it.</summary>
    public void Finish()
    {
        T* level = levels + width;
        bool first = true;
        for (long bits = _pushed; bits != 0; bits >>= 1, level += width)
        {
            if ((bits & 1) == 0) continue;
            if (first) Unsafe.CopyBlockUnaligned(levels, level, (uint)(width * sizeof(T)));
            else Fold<TOp, T>.Into(level, levels, width);
            first = false;
        }
        _pushed = 0;
    }
}
