using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// One spatial axis of a convolution: positions row·RowStep + column·ColumnStep of the padded input, and which element of x lies there.
/// </summary>
internal unsafe struct WindowAxis
{
    /// <summary>Sizes and steps of the two indices whose sum is a position.</summary>
    public int Rows, RowStep, Columns, ColumnStep;

    /// <summary>Padding before the first element, and number of elements.</summary>
    public int Low, Size;

    /// <summary>Stride of x in elements.</summary>
    public nint Stride;

    /// <summary>For each position the index of the element there, or −1 for a zero.</summary>
    public int* Source;

    /// <summary>True if neighbouring positions inside the input are neighbouring elements.</summary>
    public bool Undilated;
}

/// <summary>
/// The matrix of windows that turns a convolution into a matrix product (im2col), never stored as a whole: <see cref="Fill"/> writes a block of it.
/// Row (a, i…), column (j…, c): x at spatial positions i·RowStep + j·ColumnStep, outer index a, inner index c; zero outside.
/// </summary>
/// <remarks>
/// Windows and their elements enter a position alike, so the same matrix serves forward (rows are windows) and, read column by column, the sums of
/// the kernel gradient. Source: K. Chellapilla, S. Puri and P. Simard, High performance convolutional neural networks for document processing (IWFHR
/// 2006), §3.1.
/// </remarks>
internal unsafe struct Windows<T> where T : unmanaged
{
    public T* X;
    public WindowAxis* Axes;
    public int Rank;
    public nint OuterStride, InnerStride;
    public int Inner;

    /// <summary>Columns of the last spatial axis with all inner indices: what is filled at a time.</summary>
    public readonly int Run => Axes[Rank - 1].Columns * Inner;

    /// <summary>Writes rows [row, end) of column blocks [block, blockEnd), each of <see cref="Run"/> columns, to a tile whose rows are ld apart.</summary>
    public readonly void Fill(T* tile, nint ld, long row, long end, int block, int blockEnd)
    {
        int width = Axes[Rank - 1].Rows, run = Run;
        while (row < end)
        {
            (long line, long from) = Math.DivRem(row, width);
            int count = (int)Math.Min(width - from, end - row);
            for (int b = block; b < blockEnd; b++)
            {
                T* target = tile + (nint)(b - block) * run, source = Locate(line, b);
                if (source != null) FillLine(source, (int)from, count, target, ld);
                else
                    for (nint i = 0; i < count; i++) new Span<T>(target + i * ld, run).Clear();
            }
            tile += count * ld;
            row += count;
        }
    }

    /// <summary>The line of x along the last spatial axis that a line of rows reads in a block of columns; null: zeros only.</summary>
    public readonly T* Locate(long line, int block)
    {
        nint offset = 0;
        for (int axis = Rank - 2; axis >= 0; axis--)
        {
            ref readonly WindowAxis a = ref Axes[axis];
            (line, long i) = Math.DivRem(line, a.Rows);
            (block, int j) = Math.DivRem(block, a.Columns);
            int at = a.Source[i * a.RowStep + j * a.ColumnStep];
            if (at < 0) return null;
            offset += at * a.Stride;
        }
        return X + (nint)line * OuterStride + offset;
    }

    private readonly void FillLine(T* source, int from, int count, T* target, nint ld)
    {
        WindowAxis a = Axes[Rank - 1];
        if (InnerStride != 1) FillSpread(source, a, from, count, target, ld);
        else if (a.Undilated && a.ColumnStep == 1 && a.Stride == Inner) FillDense(source, a, from, count, target, ld);
        else FillPieces(source, a, from, count, target, ld);
    }

    // The elements of a window are neighbours in memory: one copy for each window, cut at the borders.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void FillDense(T* source, in WindowAxis a, int from, int count, T* target, nint ld)
    {
        int run = a.Columns * Inner, start = from * a.RowStep - a.Low;
        for (int i = 0; i < count; i++, start += a.RowStep, target += ld)
        {
            if (start >= 0 && start <= a.Size - a.Columns)
            {
                Copy(source + (nint)start * Inner, target, run);
                continue;
            }
            int first = Math.Clamp(-start, 0, a.Columns) * Inner, last = Math.Clamp(a.Size - start, 0, a.Columns) * Inner;
            new Span<T>(target, Math.Min(first, run)).Clear();
            if (last > first) Copy(source + (nint)start * Inner + first, target + first, last - first);
            if (last < run) new Span<T>(target + Math.Max(first, last), run - Math.Max(first, last)).Clear();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void FillPieces(T* source, in WindowAxis a, int from, int count, T* target, nint ld)
    {
        for (int i = 0; i < count; i++, target += ld)
        {
            int* index = a.Source + (nint)(from + i) * a.RowStep;
            T* to = target;
            for (int j = 0; j < a.Columns; j++, to += Inner, index += a.ColumnStep)
            {
                if (*index >= 0) Copy(source + *index * a.Stride, to, Inner);
                else new Span<T>(to, Inner).Clear();
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void FillSpread(T* source, in WindowAxis a, int from, int count, T* target, nint ld)
    {
        for (int i = 0; i < count; i++, target += ld)
        {
            int* index = a.Source + (nint)(from + i) * a.RowStep;
            T* to = target;
            for (int j = 0; j < a.Columns; j++, index += a.ColumnStep)
            {
                T* x = source + *index * a.Stride;
                if (*index >= 0)
                    for (int c = 0; c < Inner; c++, x += InnerStride) *to++ = *x;
                else
                    for (int c = 0; c < Inner; c++) *to++ = default;
            }
        }
    }

    // The last vector overlaps the one before it instead of leaving a remainder.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(T* from, T* to, int n)
    {
        if (n >= Vector512<T>.Count)
        {
            int last = n - Vector512<T>.Count;
            for (int i = 0; i < last; i += Vector512<T>.Count) Vector512.Load(from + i).Store(to + i);
            Vector512.Load(from + last).Store(to + last);
        }
        else if (n >= Vector128<T>.Count)
        {
            int last = n - Vector128<T>.Count;
            for (int i = 0; i < last; i += Vector128<T>.Count) Vector128.Load(from + i).Store(to + i);
            Vector128.Load(from + last).Store(to + last);
        }
        else
        {
            for (int i = 0; i < n; i++) to[i] = from[i];
        }
    }
}
