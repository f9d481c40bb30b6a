using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// Singular values on devices: pairs of rows of w [k, k] are turned until all are orthogonal (one-sided Jacobi); their lengths are then the singular values. A team of work-items
/// takes a pair, rounds are those of <see cref="EigenKernels"/>. One group for each dense matrix, in global memory. Sources: Golub and Van Loan, Matrix Computations, §8.6.3; Drmač
/// and Veselić, New fast and accurate Jacobi SVD algorithm (SIAM J. Matrix Anal. Appl. 2008), for turning rows of R after QR: few sweeps whatever the condition.
/// </summary>
internal static partial class SvdKernels
{
    /// <summary>Work-items of a group.</summary>
    public const int Size = Teams * Lanes;

    private const int Teams = 8, Lanes = 32, MostSweeps = 30;

    /// <summary>x := 2⁻ᵉ·x, whose largest element is near 1, entries having <paramref name="count"/> elements; the first that is not finite is the fault.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Scale<T>(ArrayView<T> x, int count, ArrayView<int> exponents, ArrayView<int> fault) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var partial = SharedMemory.Allocate<T>(Size);
        int item = Group.IdxX, entry = Grid.IdxX, start = entry * count;
        T largest = T.Zero;
        for (int i = item; i < count; i += Size) largest = T.Max(largest, T.Abs(x[start + i]));
        partial[item] = largest;
        Group.Barrier();
        for (int half = Size / 2; half > 0; half /= 2)
        {
            if (item < half) partial[item] = T.Max(partial[item], partial[item + half]);
            Group.Barrier();
        }
        int exponent = EigenKernels.Exponent(partial[0]);
        for (int i = item; i < count; i += Size) x[start + i] = T.ScaleB(x[start + i], -exponent);
        if (item == 0)
        {
            exponents[entry] = exponent;
            if (!T.IsFinite(partial[0])) Atomic.Min(ref fault[0], entry);
        }
    }

    /// <summary>
    /// Turns rows of w until they are orthogonal; rows of v := the rotations, if <paramref name="withVectors"/> is 1. Two rows are orthogonal when their product is at most
    /// tolerance times that of their lengths; one no longer than <paramref name="least"/> is as good as zero. When a sweep turns nothing, it is the last. Faults: at 1, the first
    /// entry that did not converge.
    /// </summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Rotate<T>(ArrayView<T> w, int k, T tolerance, T least, int withVectors, ArrayView<T> v, ArrayView<int> faults) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var squareP = SharedMemory.Allocate<T>(Size);
        var squareQ = SharedMemory.Allocate<T>(Size);
        var product = SharedMemory.Allocate<T>(Size);
        var turned = SharedMemory.Allocate<int>(1);
        int item = Group.IdxX, team = item / Lanes, lane = item % Lanes, entry = Grid.IdxX, start = entry * k * k, players = k + k % 2, pairs = players / 2;
        bool active = true;
        for (int i = item; i < withVectors * k * k; i += Size) v[start + i] = i / k == i % k ? T.One : T.Zero;
        for (int sweep = 0; sweep < MostSweeps && active; sweep++)
        {
            if (item == 0) turned[0] = 0;
            Group.Barrier();
            for (int round = 0; round < players - 1; round++)
                for (int first = 0; first < pairs; first += Teams)
                {
                    int pair = first + team, p = EigenKernels.First(pair, round, players), q = EigenKernels.Second(pair, round, players);
                    bool exists = pair < pairs && p < k;
                    T pp = T.Zero, qq = T.Zero, pq = T.Zero;
                    for (int i = lane; exists && i < k; i += Lanes)
                    {
                        T x = w[start + p * k + i], y = w[start + q * k + i];
                        pp = T.FusedMultiplyAdd(x, x, pp);
                        qq = T.FusedMultiplyAdd(y, y, qq);
                        pq = T.FusedMultiplyAdd(x, y, pq);
                    }
                    squareP[item] = pp;
                    squareQ[item] = qq;
                    product[item] = pq;
                    Group.Barrier();
                    for (int half = Lanes / 2; half > 0; half /= 2)
                    {
                        if (lane < half)
                        {
                            squareP[item] = squareP[item] + squareP[item + half];
                            squareQ[item] = squareQ[item] + squareQ[item + half];
                            product[item] = product[item] + product[item + half];
                        }
                        Group.Barrier();
                    }
                    pp = squareP[team * Lanes];
                    qq = squareQ[team * Lanes];
                    pq = product[team * Lanes];
                    T sizeP = T.Sqrt(pp), sizeQ = T.Sqrt(qq);
                    if (exists && sizeP > least && sizeQ > least && T.Abs(pq) > tolerance * sizeP * sizeQ)
                    {
                        T tangent = EigenKernels.Tangent((qq - pp) / (pq + pq)), cosine = T.One / T.Sqrt(tangent * tangent + T.One), sine = tangent * cosine;
                        for (int i = lane; i < k; i += Lanes) EigenKernels.Turn(w, start + p * k + i, start + q * k + i, cosine, sine);
                        for (int i = lane; i < withVectors * k; i += Lanes) EigenKernels.Turn(v, start + p * k + i, start + q * k + i, cosine, sine);
                        turned[0] = 1;
                    }
                    Group.Barrier();
                }
            active = turned[0] != 0;
            Group.Barrier();
        }
        if (item == 0 && active) Atomic.Min(ref faults[1], entry);
    }

    /// <summary>
    /// sizes = the lengths of the rows of w, and rows of length 1 in their place. Rows of at most <paramref name="least"/> become a completing orthonormal basis: of the unit
    /// vectors the one farthest from all rows so far, less its projection onto them, twice, so that rounding does not show.
    /// </summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Normalise<T>(ArrayView<T> w, int k, T least, ArrayView<T> sizes, ArrayView<T> scratch) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var partial = SharedMemory.Allocate<T>(Size);
        var places = SharedMemory.Allocate<int>(Size);
        int item = Group.IdxX, entry = Grid.IdxX, start = entry * k * k, own = entry * k;
        for (int row = 0; row < k; row++)
        {
            T sum = T.Zero;
            for (int i = item; i < k; i += Size) sum = T.FusedMultiplyAdd(w[start + row * k + i], w[start + row * k + i], sum);
            partial[item] = sum;
            Group.Barrier();
            for (int half = Size / 2; half > 0; half /= 2)
            {
                if (item < half) partial[item] = partial[item] + partial[item + half];
                Group.Barrier();
            }
            T size = T.Sqrt(partial[0]);
            Group.Barrier();
            if (item == 0) sizes[own + row] = size;
            for (int i = item; size > least && i < k; i += Size) w[start + row * k + i] = w[start + row * k + i] / size;
        }
        Group.Barrier();
        for (int row = 0; row < k; row++)
            if (!(sizes[own + row] > least))
            {
                T nearest = T.CreateTruncating(2);
                int place = k;
                for (int i = item; i < k; i += Size)
                {
                    T inside = T.Zero;
                    for (int other = 0; other < k; other++)
                        if (other < row || sizes[own + other] > least) inside = T.FusedMultiplyAdd(w[start + other * k + i], w[start + other * k + i], inside);
                    if (inside < nearest)
                    {
                        nearest = inside;
                        place = i;
                    }
                }
                partial[item] = nearest;
                places[item] = place;
                Group.Barrier();
                for (int half = Size / 2; half > 0; half /= 2)
                {
                    if (item < half && (partial[item + half] < partial[item] || partial[item + half] == partial[item] && places[item + half] < places[item]))
                    {
                        partial[item] = partial[item + half];
                        places[item] = places[item + half];
                    }
                    Group.Barrier();
                }
                for (int i = item; i < k; i += Size) w[start + row * k + i] = i == places[0] ? T.One : T.Zero;
                Group.Barrier();
                for (int pass = 0; pass < 2; pass++)
                {
                    for (int other = item; other < k; other += Size)
                    {
                        T inner = T.Zero;
                        bool counts = other < row || sizes[own + other] > least;
                        for (int i = 0; counts && i < k; i++) inner = T.FusedMultiplyAdd(w[start + other * k + i], w[start + row * k + i], inner);
                        scratch[own + other] = inner;
                    }
                    Group.Barrier();
                    for (int i = item; i < k; i += Size)
                    {
                        T rest = w[start + row * k + i];
                        for (int other = 0; other < k; other++)
                            if (other < row || sizes[own + other] > least) rest = T.FusedMultiplyAdd(-scratch[own + other], w[start + other * k + i], rest);
                        w[start + row * k + i] = rest;
                    }
                    Group.Barrier();
                }
                T sum = T.Zero;
                for (int i = item; i < k; i += Size) sum = T.FusedMultiplyAdd(w[start + row * k + i], w[start + row * k + i], sum);
                partial[item] = sum;
                Group.Barrier();
                for (int half = Size / 2; half > 0; half /= 2)
                {
                    if (item < half) partial[item] = partial[item] + partial[item + half];
                    Group.Barrier();
                }
                T length = T.Sqrt(partial[0]);
                for (int i = item; i < k; i += Size) w[start + row * k + i] = w[start + row * k + i] / length;
                Group.Barrier();
            }
    }

    /// <summary>s = 2ᵉ·sizes in descending order, and the order; equal ones keep theirs.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Values<T>(ArrayView<T> sizes, int k, ArrayView<int> exponents, ArrayView<T> s, ArrayView<int> order) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= s.IntLength) return;
        int entry = i / k, first = entry * k, rank = 0;
        T size = sizes[i];
        for (int j = first; j < first + k; j++)
            if (sizes[j] > size || sizes[j] == size && j < i) rank++;
        s[first + rank] = T.ScaleB(size, exponents[entry]);
        order[first + rank] = i - first;
    }

    /// <summary>
    /// Columns of u [m, k] = rows of <paramref name="left"/> [k, m], rows of vt [k, n] = rows of <paramref name="right"/> [k, n], both in the order; each column with its first
    /// element within a tenth of the largest magnitude positive. One work-item for each pair of vectors.
    /// </summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Vectors<T>(ArrayView<T> left, int m, ArrayView<T> right, int n, int k, ArrayView<int> order, ArrayView<T> u, ArrayView<T> vt)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= order.IntLength) return;
        int entry = i / k, rank = i - entry * k, from = (entry * k + order[i]) * m, fromRight = (entry * k + order[i]) * n;
        T sign = EigenKernels.PointsBackward(left, from, m) ? -T.One : T.One;
        for (int j = 0; j < m; j++) u[(entry * m + j) * k + rank] = sign * left[from + j];
        for (int j = 0; j < n; j++) vt[i * n + j] = sign * right[fromRight + j];
    }
}
