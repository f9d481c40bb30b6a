using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Cholesky factors, triangular systems and their inverses on devices, in tiles of <see cref="Side"/> rows. Faults go into one word: the smallest entry·n + row.</summary>
internal static partial class FactorKernels
{
    /// <summary>Rows and columns of a tile.</summary>
    public const int Side = 32;

    /// <summary>Right-hand sides that a group solves for.</summary>
    public const int Sides = 8;

    private const int Pitch = Side + 1;

    /// <summary>Looks for zeros on the diagonal.</summary>
    [Kernel(256), Instances(typeof(float), typeof(double))]
    public static void FindZeroPivot<T>(ArrayView<T> a, MatrixPlace place, int n, int count, ArrayView<int> fault) where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= count) return;
        int entry = i / n, row = i - entry * n;
        if (a[MatrixPlace.At(place, entry, row, row)] == T.Zero) Atomic.Min(ref fault[0], i);
    }

    /// <summary>
    /// L·X = X in place for lower triangles and few right-hand sides: upper ones, transposes and the other side are another <see cref="MatrixPlace"/>. A group has 32 rows by 8 right-hand sides:
    /// it takes away what the rows above contribute, tile by tile, then solves its 32 rows one after another, and goes on below. n²m multiply-adds.
    /// </summary>
    [Kernel(Side, Sides), Instances(typeof(float), typeof(double))]
    public static void SolveLower<T>(ArrayView<T> l, MatrixPlace placeL, ArrayView<T> x, MatrixPlace placeX, int n, int m, int unit) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var tile = SharedMemory.Allocate<T>(Side * Pitch);
        var known = SharedMemory.Allocate<T>(Sides * Pitch);
        int r = Group.IdxX, c = Group.IdxY, cuts = (m + Sides - 1) / Sides, entry = Grid.IdxX / cuts, column = (Grid.IdxX - entry * cuts) * Sides + c;
        for (int first = 0; first < n; first += Side)
        {
            int row = first + r;
            T sum = row < n && column < m ? x[MatrixPlace.At(placeX, entry, row, column)] : T.Zero;
            for (int done = 0; done < first; done += Side)
            {
                for (int i = c; i < Side; i += Sides) tile[i * Pitch + r] = first + i < n ? l[MatrixPlace.At(placeL, entry, first + i, done + r)] : T.Zero;
                known[c * Pitch + r] = column < m ? x[MatrixPlace.At(placeX, entry, done + r, column)] : T.Zero;
                Group.Barrier();
                for (int p = 0; p < Side; p++) sum = T.FusedMultiplyAdd(-tile[r * Pitch + p], known[c * Pitch + p], sum);
                Group.Barrier();
            }
            for (int i = c; i < Side; i += Sides)
                tile[i * Pitch + r] = first + i < n && (r < i || r == i && unit == 0) ? l[MatrixPlace.At(placeL, entry, first + i, row)] : T.One;
            Group.Barrier();
            int last = Math.Min(Side, n - first);
            for (int k = 0; k < last; k++)
            {
                if (r == k) known[c * Pitch + k] = sum / tile[k * Pitch + k];
                Group.Barrier();
                if (r > k) sum = T.FusedMultiplyAdd(-tile[r * Pitch + k], known[c * Pitch + k], sum);
            }
            if (row < n && column < m) x[MatrixPlace.At(placeX, entry, row, column)] = known[c * Pitch + r];
            Group.Barrier();
        }
    }
}
