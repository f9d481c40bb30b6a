using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// Matrices, values and gradients of coding rates on devices. Samples are rows of dense x [.., d]; <c>order</c> names rows, sorted by class. Matrix number i belongs to samples
/// <c>parts[3i]</c> to <c>parts[3i] + parts[3i + 1]</c> of the order and is n_j×n_j if <c>parts[3i + 2]</c> is 1, else d×d; it stands in the upper left of a square of <c>side</c> rows.
/// </summary>
internal static partial class RateKernels
{
    /// <summary>Rows and columns of a tile, and the depth that is loaded at a time.</summary>
    public const int Side = 32;

    private const int Half = Side / 2, Pitch = Side + 1, ValueItems = 256;

    /// <summary>
    /// The lower triangles of YᵀY, or of YYᵀ, of the samples <c>tasks[3i]</c> to <c>tasks[3i] + tasks[3i + 1]</c>, YYᵀ if <c>tasks[3i + 2]</c> is 1. One tile a group, two rows and two columns of it a work-item. Nothing is made of no samples.
    /// </summary>
    [Kernel(Half, Half), Instances(typeof(float), typeof(double))]
    public static void Gram<T>(ArrayView<T> x, int d, ArrayView<int> order, ArrayView<int> tasks, int side, ArrayView<T> c) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var tileA = SharedMemory.Allocate<T>(Side * Pitch);
        var tileB = SharedMemory.Allocate<T>(Side * Pitch);
        int task = Grid.IdxX, row = Grid.IdxY * Side, column = Grid.IdxZ * Side, r = Group.IdxY, s = Group.IdxX, item = r * Half + s;
        int start = tasks[3 * task], count = tasks[3 * task + 1];
        bool small = tasks[3 * task + 2] != 0;
        int depth = column > row ? 0 : small ? d : count;
        T s00 = T.Zero, s01 = T.Zero, s10 = T.Zero, s11 = T.Zero;
        for (int first = 0; first < depth; first += Side)
        {
            // Neighbouring work-items read neighbours of one sample.
            for (int i = item; i < Side * Side; i += Half * Half)
            {
                int slow = i / Side, fast = i % Side, place = small ? slow * Pitch + fast : fast * Pitch + slow;
                tileA[place] = Sample(x, d, order, start, small ? row + slow : first + slow, count, small ? first + fast : row + fast);
                tileB[place] = Sample(x, d, order, start, small ? column + slow : first + slow, count, small ? first + fast : column + fast);
            }
            Group.Barrier();
            T p00 = T.Zero, p01 = T.Zero, p10 = T.Zero, p11 = T.Zero;
            for (int p = 0; p < Side; p++)
            {
                T a0 = tileA[r * Pitch + p], a1 = tileA[(r + Half) * Pitch + p], b0 = tileB[s * Pitch + p], b1 = tileB[(s + Half) * Pitch + p];
                p00 = T.FusedMultiplyAdd(a0, b0, p00);
                p01 = T.FusedMultiplyAdd(a0, b1, p01);
                p10 = T.FusedMultiplyAdd(a1, b0, p10);
                p11 = T.FusedMultiplyAdd(a1, b1, p11);
            }
            s00 = s00 + p00;
            s01 = s01 + p01;
            s10 = s10 + p10;
            s11 = s11 + p11;
            Group.Barrier();
        }
        if (count == 0) return;
        Store(c, task, side, row + r, column + s, s00);
        Store(c, task, side, row + r, column + s + Half, s01);
        Store(c, task, side, row + r + Half, column + s, s10);
        Store(c, task, side, row + r + Half, column + s + Half, s11);
    }

    private static T Sample<T>(ArrayView<T> x, int d, ArrayView<int> order, int start, int sample, int count, int coordinate) where T : unmanaged, INumber<T> =>
        sample < count && coordinate < d ? x[order[start + sample] * d + coordinate] : T.Zero;

    private static void Store<T>(ArrayView<T> c, int task, int side, int row, int column, T value) where T : unmanaged, INumber<T>
    {
        if (row < side && column <= row) c[(task * side + row) * side + column] = value;
    }

    /// <summary>The lower triangles of I + α·Σ of Gram matrices, number <c>ranges[3i]</c> up to <c>ranges[3i + 1]</c>, of which <c>ranges[3i + 2]</c> rows count; the identity goes on below. Added up in this order.</summary>
    [Kernel(256), Instances(typeof(float), typeof(double))]
    public static void AddGrams<T>(ArrayView<T> c, ArrayView<int> ranges, ArrayView<T> alphas, int side, ArrayView<T> y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= y.IntLength) return;
        int matrix = i / (side * side), place = i - matrix * side * side, row = place / side, column = place - row * side;
        T sum = T.Zero, one = row == column ? T.One : T.Zero;
        int last = column <= row && row < ranges[3 * matrix + 2] ? ranges[3 * matrix + 1] : 0;
        for (int task = ranges[3 * matrix]; task < last; task++) sum = sum + c[task * side * side + place];
        y[i] = T.FusedMultiplyAdd(alphas[matrix], sum, one);
    }

    /// <summary>
    /// value[entry] = Σ weight·logs of the matrices of an entry: ½ log det of each, weighted. The logarithms of a matrix come in parts, part after part for all matrices. A group for each entry; each work-item adds up
    /// every 256th matrix, then all of them as a tree. The smallest entry whose value is not finite goes into fault[1].
    /// </summary>
    [Kernel(ValueItems), Instances(typeof(float), typeof(double))]
    public static void Values<T>(ArrayView<T> logs, int matrices, ArrayView<T> weights, ArrayView<T> value, ArrayView<int> fault) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sums = SharedMemory.Allocate<T>(ValueItems);
        int item = Group.IdxX, entry = Grid.IdxX;
        T sum = T.Zero;
        for (int matrix = entry * matrices + item; matrix < (entry + 1) * matrices; matrix += ValueItems)
        {
            T log = T.Zero;
            for (int part = matrix; part < logs.IntLength; part += weights.IntLength) log = log + logs[part];
            sum = T.FusedMultiplyAdd(weights[matrix], log, sum);
        }
        sums[item] = sum;
        Group.Barrier();
        for (int half = ValueItems / 2; half > 0; half /= 2)
        {
            if (item < half) sums[item] = sums[item] + sums[item + half];
            Group.Barrier();
        }
        if (item == 0)
        {
            value[entry] = sums[0];
            if (!T.IsFinite(sums[0])) Atomic.Min(ref fault[1], entry);
        }
    }

    /// <summary>
    /// Rows of the gradient: those of a piece, up to 32 samples of one class, times weight·α·W of the class and of all samples, or the other way round for n_j×n_j matrices.
    /// A piece is four numbers: the matrix of its class, that of all samples (or −1), its first place in the order, and how many samples it has.
    /// </summary>
    [Kernel(Half, Half), Instances(typeof(float), typeof(double))]
    public static void Product<T>(
        ArrayView<T> x, int d, ArrayView<int> order, ArrayView<int> parts, ArrayView<int> pieces, ArrayView<T> alphas, ArrayView<T> weights, int side, ArrayView<T> w, ArrayView<T> gradient)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var tileA = SharedMemory.Allocate<T>(Side * Pitch);
        var tileB = SharedMemory.Allocate<T>(Side * Pitch);
        int piece = Grid.IdxX, column = Grid.IdxY * Side, r = Group.IdxY, s = Group.IdxX, item = r * Half + s;
        int from = pieces[4 * piece + 2], rows = pieces[4 * piece + 3];
        T s00 = T.Zero, s01 = T.Zero, s10 = T.Zero, s11 = T.Zero;
        for (int pass = 0; pass < 2; pass++)
        {
            int matrix = pieces[4 * piece + pass], at = Math.Max(0, matrix), start = parts[3 * at], count = parts[3 * at + 1];
            bool small = parts[3 * at + 2] != 0;
            T factor = weights[at] * alphas[at];
            int depth = matrix < 0 || factor == T.Zero ? 0 : small ? count : d;
            for (int first = 0; first < depth; first += Side)
            {
                for (int i = item; i < Side * Side; i += Half * Half)
                {
                    int slow = i / Side, fast = i % Side;
                    T sampleA = T.Zero, sampleB = T.Zero;
                    if (small)
                    {
                        if (slow < rows && first + fast < count) sampleA = w[(at * side + from - start + slow) * side + first + fast];
                        sampleB = Sample(x, d, order, start, first + slow, count, column + fast);
                    }
                    else
                    {
                        sampleA = Sample(x, d, order, from, slow, rows, first + fast);
                        if (first + slow < d && column + fast < d) sampleB = w[(at * side + first + slow) * side + column + fast];
                    }
                    tileA[slow * Pitch + fast] = sampleA;
                    tileB[slow * Pitch + fast] = sampleB;
                }
                Group.Barrier();
                T p00 = T.Zero, p01 = T.Zero, p10 = T.Zero, p11 = T.Zero;
                for (int p = 0; p < Side; p++)
                {
                    T a0 = tileA[r * Pitch + p], a1 = tileA[(r + Half) * Pitch + p], b0 = tileB[p * Pitch + s], b1 = tileB[p * Pitch + s + Half];
                    p00 = T.FusedMultiplyAdd(a0, b0, p00);
                    p01 = T.FusedMultiplyAdd(a0, b1, p01);
                    p10 = T.FusedMultiplyAdd(a1, b0, p10);
                    p11 = T.FusedMultiplyAdd(a1, b1, p11);
                }
                s00 = T.FusedMultiplyAdd(factor, p00, s00);
                s01 = T.FusedMultiplyAdd(factor, p01, s01);
                s10 = T.FusedMultiplyAdd(factor, p10, s10);
                s11 = T.FusedMultiplyAdd(factor, p11, s11);
                Group.Barrier();
            }
        }
        if (r < rows)
        {
            int target = order[from + r] * d + column;
            if (column + s < d) gradient[target + s] = s00;
            if (column + s + Half < d) gradient[target + s + Half] = s01;
        }
        if (r + Half < rows)
        {
            int target = order[from + r + Half] * d + column;
            if (column + s < d) gradient[target + s] = s10;
            if (column + s + Half < d) gradient[target + s + Half] = s11;
        }
    }
}
