using System.Numerics;

namespace Nabla.Kernels;

/// <summary>QR by Householder reflections on devices. One group for each dense m×n matrix; reflections H = I − τ·v·vᵀ, v₀ = 1, stand below the diagonal.</summary>
internal static partial class QrKernels
{
    /// <summary>Columns that a group reflects at a time, and parts of a column that its work-items sum.</summary>
    public const int Columns = 32, Parts = 8;

    private const int Size = Columns * Parts;

    /// <summary>a := R on and above the diagonal, reflections below it. Columns are scaled by their largest element, so squares neither overflow nor vanish.</summary>
    [Kernel(Columns, Parts), Instances(typeof(float), typeof(double))]
    public static void Factor<T>(ArrayView<T> a, int m, int n, ArrayView<T> taus) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var partial = SharedMemory.Allocate<T>(Size);
        int x = Group.IdxX, y = Group.IdxY, item = y * Columns + x, entry = Grid.IdxX, start = entry * m * n, k = Math.Min(m, n);
        for (int c = 0; c < k; c++)
        {
            T largest = T.Zero;
            for (int i = c + item; i < m; i += Size) largest = T.Max(largest, T.Abs(a[start + i * n + c]));
            partial[item] = largest;
            Group.Barrier();
            for (int half = Size / 2; half > 0; half /= 2)
            {
                if (item < half) partial[item] = T.Max(partial[item], partial[item + half]);
                Group.Barrier();
            }
            T scale = partial[0] == T.Zero ? T.One : partial[0], sum = T.Zero;
            Group.Barrier();
            for (int i = c + 1 + item; i < m; i += Size) sum = sum + a[start + i * n + c] / scale * (a[start + i * n + c] / scale);
            partial[item] = sum;
            Group.Barrier();
            for (int half = Size / 2; half > 0; half /= 2)
            {
                if (item < half) partial[item] = partial[item] + partial[item + half];
                Group.Barrier();
            }
            T rest = partial[0], first = a[start + c * n + c], tau = T.Zero;
            Group.Barrier();
            if (rest != T.Zero)
            {
                // Of the scaled column, so that a subnormal one is reflected with all digits too.
                T head = first / scale, beta = T.CopySign(T.Sqrt(rest + head * head), -head);
                tau = (beta - head) / beta;
                for (int i = c + 1 + item; i < m; i += Size) a[start + i * n + c] = a[start + i * n + c] / scale / (head - beta);
                if (item == 0) a[start + c * n + c] = beta * scale;
            }
            if (item == 0) taus[entry * k + c] = tau;
            Group.Barrier();
            for (int next = c + 1; next < n; next += Columns)
            {
                int j = next + x;
                partial[item] = j < n ? Inner(a, start + c, n, a, start + j, n, c + 1 + y, m) : T.Zero;
                Group.Barrier();
                T change = T.Zero;
                if (j < n) change = tau * (a[start + c * n + j] + Total(partial, x));
                Group.Barrier();
                if (j < n) Subtract(a, start + c, n, a, start + j, n, c, y, m, change);
            }
            Group.Barrier();
        }
    }

    /// <summary>q [m, min(m, n)] = H₀·H₁⋯ on the first columns of the identity, a column changing sign where R has a negative diagonal.</summary>
    [Kernel(Columns, Parts), Instances(typeof(float), typeof(double))]
    public static void Basis<T>(ArrayView<T> a, int m, int n, ArrayView<T> taus, ArrayView<T> q) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var partial = SharedMemory.Allocate<T>(Size);
        int x = Group.IdxX, y = Group.IdxY, item = y * Columns + x, entry = Grid.IdxX, k = Math.Min(m, n), from = entry * m * n, start = entry * m * k;
        for (int i = item; i < m * k; i += Size) q[start + i] = i / k == i % k ? T.One : T.Zero;
        Group.Barrier();
        for (int c = k - 1; c >= 0; c--)
        {
            T tau = taus[entry * k + c];
            for (int next = c; next < k; next += Columns)
            {
                int j = next + x;
                partial[item] = j < k ? Inner(a, from + c, n, q, start + j, k, c + 1 + y, m) : T.Zero;
                Group.Barrier();
                T change = T.Zero;
                if (j < k) change = tau * (q[start + c * k + j] + Total(partial, x));
                Group.Barrier();
                if (j < k) Subtract(a, from + c, n, q, start + j, k, c, y, m, change);
            }
            Group.Barrier();
        }
        for (int i = item; i < m * k; i += Size)
            if (a[from + i % k * (n + 1)] < T.Zero) q[start + i] = -q[start + i];
    }

    /// <summary>r = the upper triangles of a, a row changing sign where its diagonal is negative.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Triangle<T>(ArrayView<T> a, int m, int n, ArrayView<T> r) where T : unmanaged, INumber<T>
    {
        int at = Grid.IdxX * Group.DimX + Group.IdxX, k = Math.Min(m, n);
        if (at >= r.IntLength) return;
        int entry = at / (k * n), i = at / n % k, j = at % n, start = entry * m * n;
        T value = j < i ? T.Zero : a[start + i * n + j];
        r[at] = a[start + i * (n + 1)] < T.Zero && j >= i ? -value : value;
    }

    // Σ v[i]·x[i] over every 8th row from one on.
    private static T Inner<T>(ArrayView<T> v, int startV, int stepV, ArrayView<T> x, int startX, int stepX, int first, int m) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T sum = T.Zero;
        for (int i = first; i < m; i += Parts) sum = T.FusedMultiplyAdd(v[startV + i * stepV], x[startX + i * stepX], sum);
        return sum;
    }

    private static T Total<T>(ArrayView<T> partial, int x) where T : unmanaged, INumber<T>
    {
        T total = T.Zero;
        for (int part = 0; part < Parts; part++) total = total + partial[part * Columns + x];
        return total;
    }

    // x −= change·v, where v[c] is 1.
    private static void Subtract<T>(ArrayView<T> v, int startV, int stepV, ArrayView<T> x, int startX, int stepX, int c, int part, int m, T change)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (part == 0) x[startX + c * stepX] = x[startX + c * stepX] - change;
        for (int i = c + 1 + part; i < m; i += Parts) x[startX + i * stepX] = T.FusedMultiplyAdd(-change, v[startV + i * stepV], x[startX + i * stepX]);
    }
}
