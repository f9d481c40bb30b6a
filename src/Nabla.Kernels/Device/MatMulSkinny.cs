using System.Numerics;

namespace Nabla.Kernels;

/// <summary>A number that is a constant of a kernel.</summary>
internal interface ISize
{
    /// <summary>The number.</summary>
    static abstract int Value { get; }
}

/// <inheritdoc cref="ISize"/>
internal readonly struct Size1 : ISize
{
    /// <inheritdoc/>
    public static int Value => 1;
}

/// <inheritdoc cref="ISize"/>
internal readonly struct Size8 : ISize
{
    /// <inheritdoc/>
    public static int Value => 8;
}

/// <inheritdoc cref="ISize"/>
internal readonly struct Size16 : ISize
{
    /// <inheritdoc/>
    public static int Value => 16;
}

/// <inheritdoc cref="ISize"/>
internal readonly struct Size32 : ISize
{
    /// <inheritdoc/>
    public static int Value => 32;
}

internal static partial class MatMulKernels
{
    /// <summary>Lines of a that a group of <see cref="DeepLines"/> multiplies, and one of <see cref="WideLines"/>.</summary>
    public const int LinesDeep = 8, LinesWide = 32;

    private const int SmallDepth = 16;

    /// <summary>
    /// For at most <typeparamref name="TCount"/> columns, where rows of a are dense: a warp reads a row once, 512 neighbouring bytes of f32 at a time, and multiplies it with all columns. A work-item
    /// sums every 32nd four, in ascending order, then all of the warp as a tree.
    /// </summary>
    [Kernel(256), Instances(typeof(float), typeof(double)), Instances(typeof(Size1), typeof(Size8))]
    public static void DeepLines<T, TCount>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c)
        where T : unmanaged, IFloatingPointIeee754<T> where TCount : struct, ISize
    {
        var partial = SharedMemory.Allocate<T>(256 * TCount.Value);
        var left = LocalMemory.Allocate<T>(4);
        var right = LocalMemory.Allocate<T>(4);
        var sum = LocalMemory.Allocate<T>(TCount.Value);
        int item = Group.IdxX, lane = item % 32, groups = (s.M + LinesDeep - 1) / LinesDeep, entry = Grid.IdxX / groups, line = (Grid.IdxX - entry * groups) * LinesDeep + item / 32;
        int skipped = entry % s.Parts * s.Depth, depth = Math.Min(s.Depth, s.K - skipped);
        int startA = Steps.At(entry / s.Parts, stepsA, batch) + skipped * s.ColumnA + line * s.RowA, startB = Steps.At(entry / s.Parts, stepsB, batch) + skipped * s.RowB;
        for (int j = 0; j < TCount.Value; j++) sum[j] = T.Zero;
        if (line < s.M)
        {
            for (int p = 4 * lane; p < depth; p += 128)
            {
                Quad(a, startA + p * s.ColumnA, s.ColumnA, depth - p, s.ColumnA == 1 ? s.FoursA : 0, left);
                for (int j = 0; j < TCount.Value; j++)
                {
                    if (j < s.N)
                    {
                        Quad(b, startB + p * s.RowB + j * s.ColumnB, s.RowB, depth - p, s.RowB == 1 ? s.FoursB : 0, right);
                        for (int i = 0; i < 4; i++) sum[j] = T.FusedMultiplyAdd(left[i], right[i], sum[j]);
                    }
                }
            }
        }
        for (int j = 0; j < TCount.Value; j++) partial[j * 256 + item] = sum[j];
        Group.Barrier();
        for (int half = 16; half > 0; half /= 2)
        {
            if (lane < half)
                for (int j = 0; j < TCount.Value; j++) partial[j * 256 + item] = partial[j * 256 + item] + partial[j * 256 + item + half];
            Group.Barrier();
        }
        if (line < s.M && lane < TCount.Value && lane < s.N) Store(c, entry * s.M * s.N + line * s.RowC + lane * s.ColumnC, partial[lane * 256 + item - lane]);
    }

    /// <summary>
    /// For at most <typeparamref name="TCount"/> columns, where columns of a are dense: 32 rows for the lanes of each of 8 warps, which take every 8th column of a, in ascending order, and are then
    /// added as a tree.
    /// </summary>
    [Kernel(256), Instances(typeof(float), typeof(double)), Instances(typeof(Size1), typeof(Size8))]
    public static void WideLines<T, TCount>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c)
        where T : unmanaged, IFloatingPointIeee754<T> where TCount : struct, ISize
    {
        var partial = SharedMemory.Allocate<T>(256 * TCount.Value);
        var sum = LocalMemory.Allocate<T>(TCount.Value);
        int item = Group.IdxX, slice = item / 32, groups = (s.M + LinesWide - 1) / LinesWide, entry = Grid.IdxX / groups, line = (Grid.IdxX - entry * groups) * LinesWide + item % 32;
        int skipped = entry % s.Parts * s.Depth, depth = Math.Min(s.Depth, s.K - skipped);
        int startA = Steps.At(entry / s.Parts, stepsA, batch) + skipped * s.ColumnA + line * s.RowA, startB = Steps.At(entry / s.Parts, stepsB, batch) + skipped * s.RowB;
        for (int j = 0; j < TCount.Value; j++) sum[j] = T.Zero;
        if (line < s.M)
        {
            for (int p = slice; p < depth; p += 8)
            {
                T left = a[startA + p * s.ColumnA];
                for (int j = 0; j < TCount.Value; j++)
                    if (j < s.N) sum[j] = T.FusedMultiplyAdd(left, b[startB + p * s.RowB + j * s.ColumnB], sum[j]);
            }
        }
        for (int j = 0; j < TCount.Value; j++) partial[j * 256 + item] = sum[j];
        Group.Barrier();
        for (int half = 4; half > 0; half /= 2)
        {
            if (slice < half)
                for (int j = 0; j < TCount.Value; j++) partial[j * 256 + item] = partial[j * 256 + item] + partial[j * 256 + item + 32 * half];
            Group.Barrier();
        }
        if (line < s.M && slice < TCount.Value && slice < s.N) Store(c, entry * s.M * s.N + line * s.RowC + slice * s.ColumnC, partial[slice * 256 + item % 32]);
    }

    /// <summary>
    /// For batches of matrices of at most <typeparamref name="TSide"/> rows and columns: a group multiplies as many entries as it has work-items for, each with 2 × 2 elements, 16 deep at a time from
    /// shared memory.
    /// </summary>
    [Kernel(256), Instances(typeof(float), typeof(double)), Instances(typeof(Size8), typeof(Size16), typeof(Size32))]
    public static void Small<T, TSide>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c)
        where T : unmanaged, IFloatingPointIeee754<T> where TSide : struct, ISize
    {
        var tileA = SharedMemory.Allocate<T>(SmallEntries<TSide>() * SmallDepth * (TSide.Value + 1));
        var tileB = SharedMemory.Allocate<T>(SmallEntries<TSide>() * SmallDepth * (TSide.Value + 1));
        int own = Group.IdxX / SmallItems<TSide>(), item = Group.IdxX % SmallItems<TSide>(), entry = Grid.IdxX * SmallEntries<TSide>() + own;
        int x = item % (TSide.Value / 2), y = item / (TSide.Value / 2), from = own * (SmallDepth * (TSide.Value + 1));
        bool inside = entry < c.IntLength / (s.M * s.N);
        int skipped = entry % s.Parts * s.Depth, depth = inside ? Math.Min(s.Depth, s.K - skipped) : 0, startA = 0, startB = 0;
        if (inside)
        {
            startA = Steps.At(entry / s.Parts, stepsA, batch) + skipped * s.ColumnA;
            startB = Steps.At(entry / s.Parts, stepsB, batch) + skipped * s.RowB;
        }
        T sum00 = T.Zero, sum01 = T.Zero, sum10 = T.Zero, sum11 = T.Zero;
        for (int first = 0; first < s.Depth; first += SmallDepth)
        {
            for (int i = 0; i < 64 / TSide.Value; i++)
            {
                int e = i * SmallItems<TSide>() + item, line = s.ColumnA == 1 ? e / SmallDepth : e % TSide.Value, d = s.ColumnA == 1 ? e % SmallDepth : e / TSide.Value;
                tileA[from + d * (TSide.Value + 1) + line] = line < s.M && first + d < depth ? a[startA + line * s.RowA + (first + d) * s.ColumnA] : T.Zero;
                line = s.RowB == 1 ? e / SmallDepth : e % TSide.Value;
                d = s.RowB == 1 ? e % SmallDepth : e / TSide.Value;
                tileB[from + d * (TSide.Value + 1) + line] = line < s.N && first + d < depth ? b[startB + line * s.ColumnB + (first + d) * s.RowB] : T.Zero;
            }
            Group.Barrier();
            for (int p = 0; p < SmallDepth; p++)
            {
                int at = from + p * (TSide.Value + 1);
                T left = tileA[at + y], lower = tileA[at + y + TSide.Value / 2], right = tileB[at + x], farther = tileB[at + x + TSide.Value / 2];
                sum00 = T.FusedMultiplyAdd(left, right, sum00);
                sum01 = T.FusedMultiplyAdd(left, farther, sum01);
                sum10 = T.FusedMultiplyAdd(lower, right, sum10);
                sum11 = T.FusedMultiplyAdd(lower, farther, sum11);
            }
            Group.Barrier();
        }
        int r = y + TSide.Value / 2, q = x + TSide.Value / 2, to = entry * s.M * s.N;
        if (inside && y < s.M && x < s.N) Store(c, to + y * s.N + x, sum00);
        if (inside && y < s.M && q < s.N) Store(c, to + y * s.N + q, sum01);
        if (inside && r < s.M && x < s.N) Store(c, to + r * s.N + x, sum10);
        if (inside && r < s.M && q < s.N) Store(c, to + r * s.N + q, sum11);
    }

    /// <summary>c = the sum of the parts of a product that was divided along the depth: a holds, for each entry of c, s.Parts matrices, which are added in their order.</summary>
    [Kernel(256), Instances(typeof(float), typeof(double))]
    public static void Joined<T>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents batch, ProductShape s, ArrayView<T> c) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int index = Grid.IdxX * Group.DimX + Group.IdxX;
        if (index >= c.IntLength) return;
        int size = s.M * s.N, entry = index / size, at = Steps.At(0, stepsA, batch) + entry * s.Parts * size + index - entry * size;
        T sum = a[at];
        for (int part = 1; part < s.Parts; part++) sum = sum + a[at + part * size];
        Store(c, index, sum);
    }

    /// <summary>Entries that a group of <see cref="Small"/> multiplies.</summary>
    public static int SmallEntries<TSide>() where TSide : struct, ISize => 1024 / (TSide.Value * TSide.Value);

    private static int SmallItems<TSide>() where TSide : struct, ISize => TSide.Value * TSide.Value / 4;

    // Four elements at steps, zeros beyond what is there.
    private static void Quad<T>(ArrayView<T> from, int at, int step, int there, int fours, ArrayView<T> to) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (fours != 0) Vectors.Move4(from, at, to, 0);
        else
            for (int i = 0; i < 4; i++) to[i] = i < there ? from[at + i * step] : T.Zero;
    }

    /// <inheritdoc cref="BlockedOf"/>
    public static KernelProgram DeepLinesOf<T, TCount>() where T : unmanaged, IFloatingPointIeee754<T> where TCount : struct, ISize => DeepLinesProgram<T, TCount>.Instance;

    /// <inheritdoc cref="BlockedOf"/>
    public static KernelProgram WideLinesOf<T, TCount>() where T : unmanaged, IFloatingPointIeee754<T> where TCount : struct, ISize => WideLinesProgram<T, TCount>.Instance;

    /// <inheritdoc cref="BlockedOf"/>
    public static KernelProgram SmallOf<T, TSide>() where T : unmanaged, IFloatingPointIeee754<T> where TSide : struct, ISize => SmallProgram<T, TSide>.Instance;

    /// <inheritdoc cref="BlockedOf"/>
    public static KernelProgram JoinedOf<T>() where T : unmanaged, IFloatingPointIeee754<T> => JoinedProgram<T>.Instance;
}
