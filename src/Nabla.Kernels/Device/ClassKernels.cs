using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Sizes of coding rates for <see cref="ClassKernels"/>.</summary>
internal struct ClassShape
{
    /// <summary>Samples of an entry, coordinates, classes, and tiles of samples.</summary>
    public int N, D, Classes, Tiles;

    /// <summary>Classes of fewer samples have n_j×n_j matrices.</summary>
    public int SmallBelow;

    /// <summary>1 if the rate of all samples counts, 1 if its matrix is n×n, 1 if the rate by class counts.</summary>
    public int All, AllSmall, ByClass;

    /// <summary>Samples of a d×d Gram matrix, the most Gram matrices and the most pieces of an entry.</summary>
    public int RowsOfTask, MostTasks, MostPieces;
}

/// <summary>
/// Samples in the order of their classes, and what <see cref="RateKernels"/> has to know of it, without the host: stable counting in three launches. How much there is of each class the host
/// never learns; it launches for the most that there can be, and what is not there is empty. Classes that are factored as d×d come first, so that the others lie together.
/// </summary>
internal static partial class ClassKernels
{
    /// <summary>Samples of a tile, and work-items of a group.</summary>
    public const int Tile = 256;

    // Samples of large classes, of small ones, Gram matrices of large ones, of small ones, pieces.
    private const int Sums = 5;

    /// <summary>
    /// How many samples of its tile are before a sample and have its label, and how many of each label there are in each tile: table[(entry·tiles + tile)·classes + label]. Group x has tile x of entry y.
    /// The first sample of all whose label names no class goes into fault[2], and counts as of class 0.
    /// </summary>
    [Kernel(Tile)]
    public static void CountLabels(ArrayView<int> labels, ClassShape s, ArrayView<int> ranks, ArrayView<int> table, ArrayView<int> fault)
    {
        var seen = SharedMemory.Allocate<int>(Tile);
        int item = Group.IdxX, i = Grid.IdxX * Tile + item, at = Grid.IdxY * s.N + i, row = (Grid.IdxY * s.Tiles + Grid.IdxX) * s.Classes, label = -1;
        for (int j = item; j < s.Classes; j += Tile) table[row + j] = 0;
        if (i < s.N)
        {
            if (!Names(labels[at], s)) Atomic.Min(ref fault[2], at);
            label = ClassOf(labels, at, s);
        }
        seen[item] = label;
        Group.Barrier();
        int before = 0, from = 0;
        for (int j = 0; j < Tile; j++)
        {
            if (seen[j] == label && j < item) before++;
            if (seen[j] == label && j >= item) from++;
        }
        if (i < s.N) ranks[at] = before;
        if (i < s.N && from == 1) table[row + label] = before + 1;
    }

    /// <summary>
    /// Of each class its samples' place, its matrix, its Gram matrices, α and weight: see <see cref="RateKernels"/>. One group for each entry. The table then says where a tile's samples of a class
    /// start in the order. α is <paramref name="ratio"/> / n_j and the weight <paramref name="share"/>·n_j; <paramref name="firsts"/> which Gram matrix and which piece of a class are the first; <paramref name="rest"/> how many samples have d×d matrices, and the first Gram matrix of the others.
    /// </summary>
    [Kernel(Tile), Instances(typeof(float), typeof(double))]
    public static void PlanClasses<T>(
        ArrayView<int> table, ClassShape s, T ratio, T share, T allAlpha, T allWeight,
        ArrayView<int> parts, ArrayView<int> ranges, ArrayView<int> firsts, ArrayView<int> rest, ArrayView<int> tasks, ArrayView<int> pieces, ArrayView<T> alphas, ArrayView<T> weights)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var counts = SharedMemory.Allocate<int>(Tile);
        var sums = SharedMemory.Allocate<int>(Sums * Tile);
        var own = LocalMemory.Allocate<int>(Sums);
        int item = Group.IdxX, entry = Grid.IdxX, first = entry * (s.Classes + 1), firstTask = entry * s.MostTasks, firstPiece = entry * s.MostPieces;
        // Work-items beside each other have classes beside each other, and where classes are few, several share the tiles.
        int width = 1;
        while (width < s.Classes && width < Tile) width *= 2;
        int lanes = Tile / width, lane = item / width, span = (s.Tiles + lanes - 1) / lanes, from = Math.Min(s.Tiles, lane * span), to = Math.Min(s.Tiles, from + span);
        for (int block = 0; block < s.Classes; block += width)
        {
            int j = block + item % width, count = 0;
            for (int t = from; t < to && j < s.Classes; t++) count += table[(entry * s.Tiles + t) * s.Classes + j];
            counts[item] = count;
            Group.Barrier();
            if (lane == 0 && j < s.Classes) parts[3 * (first + j) + 1] = Total(counts, item, width);
            Group.Barrier();
        }
        // Each work-item has a run of classes.
        int run = (s.Classes + Tile - 1) / Tile, last = Math.Min(s.Classes, (item + 1) * run);
        for (int i = 0; i < Sums; i++) own[i] = 0;
        for (int j = item * run; j < last; j++) Add(own, parts[3 * (first + j) + 1], s);
        for (int i = 0; i < Sums; i++) sums[i * Tile + item] = own[i];
        Group.Barrier();
        for (int step = 1; step < Tile; step *= 2)
        {
            for (int i = 0; i < Sums; i++) own[i] = item >= step ? sums[i * Tile + item - step] : 0;
            Group.Barrier();
            for (int i = 0; i < Sums; i++) sums[i * Tile + item] = sums[i * Tile + item] + own[i];
            Group.Barrier();
        }
        int large = sums[Tile - 1], largeTasks = sums[3 * Tile - 1], smallTasks = sums[4 * Tile - 1], usedPieces = s.Classes == 0 ? Parts(s.N, RateKernels.Side) : sums[5 * Tile - 1];
        int restTasks = s.All != 0 && s.AllSmall == 0 ? (s.N - large + s.RowsOfTask - 1) / s.RowsOfTask : 0, used = largeTasks + restTasks + smallTasks;
        for (int i = 0; i < Sums; i++) own[i] = item > 0 ? sums[i * Tile + item - 1] : 0;
        for (int j = item * run; j < last; j++)
        {
            int matrix = first + j, count = parts[3 * matrix + 1], size = count < s.SmallBelow ? 1 : Parts(count, s.RowsOfTask);
            bool small = count < s.SmallBelow, counted = count > 0 && s.ByClass != 0;
            int task = firstTask + (small ? largeTasks + restTasks + own[3] : own[2]);
            parts[3 * matrix] = entry * s.N + (small ? large + own[1] : own[0]);
            parts[3 * matrix + 2] = small ? 1 : 0;
            firsts[2 * (entry * s.Classes + j)] = task;
            firsts[2 * (entry * s.Classes + j) + 1] = firstPiece + own[4];
            SetRange(ranges, matrix, task, counted ? size : 0, small ? count : s.D);
            alphas[matrix] = counted ? ratio / T.CreateTruncating(count) : T.Zero;
            weights[matrix] = counted ? share * T.CreateTruncating(count) : T.Zero;
            Add(own, count, s);
        }
        if (item == 0)
        {
            int matrix = first + s.Classes;
            parts[3 * matrix] = entry * s.N;
            parts[3 * matrix + 1] = s.N;
            parts[3 * matrix + 2] = s.AllSmall;
            SetRange(ranges, matrix, firstTask + (s.AllSmall != 0 ? used : 0), s.All == 0 ? 0 : s.AllSmall != 0 ? 1 : largeTasks + restTasks, s.AllSmall != 0 ? s.N : s.D);
            alphas[matrix] = allAlpha;
            weights[matrix] = allWeight;
            rest[2 * entry] = large;
            rest[2 * entry + 1] = firstTask + largeTasks;
        }
        // What there is for all samples alone, and what there is not.
        for (int i = used + item; i < s.MostTasks; i += Tile)
        {
            bool isAll = i == used && s.All != 0 && s.AllSmall != 0;
            SetTask(tasks, firstTask + i, entry * s.N, isAll ? s.N : 0, isAll ? 1 : 0);
        }
        for (int i = usedPieces + item; i < s.MostPieces; i += Tile) SetPiece(pieces, firstPiece + i, -1, -1, 0, 0);
        Group.Barrier();
        for (int block = 0; block < s.Classes; block += width)
        {
            int j = block + item % width, at = 0;
            if (j < s.Classes) at = parts[3 * (first + j)] + Total(counts, item % width, width, lane);
            for (int t = from; t < to && j < s.Classes; t++)
            {
                int place = (entry * s.Tiles + t) * s.Classes + j, count = table[place];
                table[place] = at;
                at += count;
            }
        }
    }

    /// <summary>Puts each sample into the order; the first of a piece or of a Gram matrix writes that down too. Group x has tile x of entry y.</summary>
    [Kernel(Tile)]
    public static void PlaceSamples(
        ArrayView<int> labels, ClassShape s, ArrayView<int> ranks, ArrayView<int> table, ArrayView<int> parts, ArrayView<int> firsts, ArrayView<int> rest,
        ArrayView<int> order, ArrayView<int> tasks, ArrayView<int> pieces)
    {
        int i = Grid.IdxX * Tile + Group.IdxX, entry = Grid.IdxY, at = entry * s.N + i, all = entry * (s.Classes + 1) + s.Classes;
        if (i >= s.N) return;
        int label = s.Classes == 0 ? 0 : ClassOf(labels, at, s), matrix = s.Classes == 0 ? all : all - s.Classes + label;
        int place = s.Classes == 0 ? at : table[(entry * s.Tiles + Grid.IdxX) * s.Classes + label] + ranks[at];
        int rank = place - parts[3 * matrix], count = parts[3 * matrix + 1], piece = s.Classes == 0 ? entry * s.MostPieces : firsts[2 * (entry * s.Classes + label) + 1];
        order[place] = at;
        if (rank % RateKernels.Side == 0) SetPiece(pieces, piece + rank / RateKernels.Side, s.Classes == 0 ? -1 : matrix, all, place, Math.Min(RateKernels.Side, count - rank));
        bool small = s.Classes == 0 || parts[3 * matrix + 2] != 0;
        int task = s.Classes == 0 ? 0 : firsts[2 * (entry * s.Classes + label)], after = place - entry * s.N - rest[2 * entry];
        if (!small && rank % s.RowsOfTask == 0) SetTask(tasks, task + rank / s.RowsOfTask, place, Math.Min(s.RowsOfTask, count - rank), 0);
        if (small && s.Classes > 0 && s.ByClass != 0 && rank == 0) SetTask(tasks, task, place, count, 1);
        if (small && s.All != 0 && s.AllSmall == 0 && after % s.RowsOfTask == 0)
            SetTask(tasks, rest[2 * entry + 1] + after / s.RowsOfTask, place, Math.Min(s.RowsOfTask, s.N - rest[2 * entry] - after), 0);
    }

    private static bool Names(int label, ClassShape s) => label >= 0 && label < s.Classes;

    private static int ClassOf(ArrayView<int> labels, int at, ClassShape s) => Names(labels[at], s) ? labels[at] : 0;

    private static int Parts(int size, int part) => (size + part - 1) / part;

    private static int Total(ArrayView<int> counts, int start, int step) => Total(counts, start, step, Tile / step);

    // Of the first lanes.
    private static int Total(ArrayView<int> counts, int start, int step, int lanes)
    {
        int total = 0;
        for (int i = 0; i < lanes; i++) total += counts[start + i * step];
        return total;
    }

    private static void Add(ArrayView<int> sums, int count, ClassShape s)
    {
        bool small = count < s.SmallBelow;
        sums[0] = sums[0] + (small ? 0 : count);
        sums[1] = sums[1] + (small ? count : 0);
        sums[2] = sums[2] + (small ? 0 : Parts(count, s.RowsOfTask));
        sums[3] = sums[3] + (small && count > 0 && s.ByClass != 0 ? 1 : 0);
        sums[4] = sums[4] + Parts(count, RateKernels.Side);
    }

    private static void SetRange(ArrayView<int> ranges, int matrix, int task, int count, int rows)
    {
        ranges[3 * matrix] = count == 0 ? 0 : task;
        ranges[3 * matrix + 1] = count == 0 ? 0 : task + count;
        ranges[3 * matrix + 2] = count == 0 ? 0 : rows;
    }

    private static void SetTask(ArrayView<int> tasks, int task, int start, int count, int small)
    {
        tasks[3 * task] = start;
        tasks[3 * task + 1] = count;
        tasks[3 * task + 2] = small;
    }

    private static void SetPiece(ArrayView<int> pieces, int piece, int matrix, int all, int start, int count)
    {
        pieces[4 * piece] = matrix;
        pieces[4 * piece + 1] = all;
        pieces[4 * piece + 2] = start;
        pieces[4 * piece + 3] = count;
    }
}
