using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// Symmetric eigenvalues on devices by Jacobi rotations: a round takes ⌊n/2⌋ pairs of rows that have none in common, a sweep takes every pair once. One group for each dense matrix,
/// in global memory. Source: Golub and Van Loan, Matrix Computations, §8.5.
/// </summary>
internal static partial class EigenKernels
{
    /// <summary>Work-items of a group.</summary>
    public const int Size = 256;

    private const int MostSweeps = 30;

    /// <summary>y = the symmetric matrices whose lower triangles are those of x.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Mirror<T>(ArrayView<T> x, Steps steps, Extents extents, int n, ArrayView<T> y) where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= y.IntLength) return;
        int row = i / n % n, column = i % n;
        y[i] = x[Steps.At(column <= row ? i : i + (column - row) * (n - 1), steps, extents)];
    }

    /// <summary>
    /// 2⁻ᵉ·a, whose largest element is near 1, becomes diag(w), rows of v its eigenvectors. Elements of at most tolerance times the largest are left as they are; when a sweep meets
    /// no other, it is the last. Faults: the first entry that is not finite, and the first that did not converge. Scratch: cosine and sine of each pair.
    /// </summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Jacobi<T>(ArrayView<T> a, int n, T tolerance, ArrayView<T> v, ArrayView<int> exponents, ArrayView<T> rotations, ArrayView<int> faults)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var partial = SharedMemory.Allocate<T>(Size);
        var turned = SharedMemory.Allocate<int>(1);
        int item = Group.IdxX, entry = Grid.IdxX, start = entry * n * n, players = n + n % 2, pairs = players / 2, scratch = entry * players;
        T largest = T.Zero;
        for (int i = item; i < n * n; i += Size)
        {
            largest = T.Max(largest, T.Abs(a[start + i]));
            v[start + i] = i / n == i % n ? T.One : T.Zero;
        }
        partial[item] = largest;
        Group.Barrier();
        for (int half = Size / 2; half > 0; half /= 2)
        {
            if (item < half) partial[item] = T.Max(partial[item], partial[item + half]);
            Group.Barrier();
        }
        largest = partial[0];
        bool finite = T.IsFinite(largest), active = finite;
        if (item == 0 && !finite) Atomic.Min(ref faults[0], entry);
        int exponent = Exponent(largest);
        T least = tolerance * T.ScaleB(largest, -exponent);
        if (item == 0) exponents[entry] = exponent;
        for (int i = item; i < n * n; i += Size) a[start + i] = T.ScaleB(a[start + i], -exponent);
        for (int sweep = 0; sweep < MostSweeps && active; sweep++)
        {
            if (item == 0) turned[0] = 0;
            Group.Barrier();
            for (int round = 0; round < players - 1; round++)
            {
                for (int pair = item; pair < pairs; pair += Size)
                {
                    int p = First(pair, round, players), q = Second(pair, round, players);
                    T cosine = T.One, sine = T.Zero;
                    if (p < n && T.Abs(a[start + p * n + q]) > least)
                    {
                        T cross = a[start + p * n + q], tangent = Tangent((a[start + q * n + q] - a[start + p * n + p]) / (cross + cross));
                        cosine = T.One / T.Sqrt(tangent * tangent + T.One);
                        sine = tangent * cosine;
                        turned[0] = 1;
                    }
                    rotations[scratch + 2 * pair] = cosine;
                    rotations[scratch + 2 * pair + 1] = sine;
                }
                Group.Barrier();
                for (int i = item; i < pairs * n; i += Size)
                {
                    int pair = i / n, p = First(pair, round, players) * n + i % n, q = Second(pair, round, players) * n + i % n;
                    T cosine = rotations[scratch + 2 * pair], sine = rotations[scratch + 2 * pair + 1];
                    if (sine != T.Zero)
                    {
                        Turn(a, start + p, start + q, cosine, sine);
                        Turn(v, start + p, start + q, cosine, sine);
                    }
                }
                Group.Barrier();
                for (int i = item; i < pairs * n; i += Size)
                {
                    int pair = i % pairs, row = i / pairs, p = First(pair, round, players), q = Second(pair, round, players);
                    T cosine = rotations[scratch + 2 * pair], sine = rotations[scratch + 2 * pair + 1];
                    if (sine != T.Zero)
                    {
                        Turn(a, start + row * n + p, start + row * n + q, cosine, sine);
                        if (row == p) a[start + row * n + q] = T.Zero;
                        if (row == q) a[start + row * n + p] = T.Zero;
                    }
                }
                Group.Barrier();
            }
            active = turned[0] != 0;
            Group.Barrier();
        }
        if (item == 0 && active) Atomic.Min(ref faults[1], entry);
    }

    /// <summary>The power of two nearest below a magnitude, give or take one; 0 for those that have none.</summary>
    internal static int Exponent<T>(T magnitude) where T : unmanaged, IFloatingPointIeee754<T> =>
        T.IsFinite(magnitude) && magnitude > T.Zero ? int.CreateTruncating(T.Floor(T.Log2(magnitude))) : 0;

    // A tournament: the last player stays, the others go round. With an odd number of rows the last one is missing: First ≥ n, and there is no rotation.
    internal static int First(int pair, int round, int players) => pair == 0 ? players - 1 : (round + pair) % (players - 1);

    internal static int Second(int pair, int round, int players) => (round + players - 1 - pair) % (players - 1);

    /// <summary>The tangent of the smaller angle that a rotation has to turn by whose double angle has the cotangent <paramref name="theta"/>. The square of a large one overflows.</summary>
    internal static T Tangent<T>(T theta) where T : unmanaged, IFloatingPointIeee754<T> =>
        T.Abs(theta) > T.CreateTruncating(1 << 30) ? T.One / (theta + theta) : T.CopySign(T.One, theta) / (T.Abs(theta) + T.Sqrt(theta * theta + T.One));

    internal static void Turn<T>(ArrayView<T> x, int p, int q, T cosine, T sine) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T first = x[p], second = x[q];
        x[p] = cosine * first - sine * second;
        x[q] = sine * first + cosine * second;
    }

    /// <summary>w = 2ᵉ times the diagonals in ascending order; rows of <paramref name="rows"/> become columns of v, each with its first element within a tenth of the largest magnitude positive.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Write<T>(ArrayView<T> a, int n, ArrayView<int> exponents, ArrayView<T> rows, ArrayView<int> order, ArrayView<T> w, ArrayView<T> v) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int item = Group.IdxX, entry = Grid.IdxX, start = entry * n * n;
        for (int i = item; i < n; i += Size)
        {
            T value = a[start + i * (n + 1)];
            int rank = 0;
            for (int j = 0; j < n; j++)
            {
                T other = a[start + j * (n + 1)];
                if (other < value || other == value && j < i) rank++;
            }
            w[entry * n + rank] = T.ScaleB(value, exponents[entry]);
            order[entry * n + rank] = i;
        }
        Group.Barrier();
        for (int j = item; j < n; j += Size)
        {
            int row = start + order[entry * n + j] * n;
            T sign = PointsBackward(rows, row, n) ? -T.One : T.One;
            for (int i = 0; i < n; i++) v[start + i * n + j] = sign * rows[row + i];
        }
    }

    internal static bool PointsBackward<T>(ArrayView<T> x, int start, int n) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T largest = T.Zero;
        for (int i = 0; i < n; i++) largest = T.Max(largest, T.Abs(x[start + i]));
        for (int i = 0; i < n; i++)
            if (T.CreateTruncating(10) * T.Abs(x[start + i]) >= T.CreateTruncating(9) * largest) return x[start + i] < T.Zero;
        return false;
    }
}
