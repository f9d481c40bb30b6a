using System.Numerics;

namespace Nabla.Kernels;

/// <summary>What matrix exponentials need beside products and solutions. Matrices are dense.</summary>
internal static partial class ExpKernels
{
    /// <summary>Work-items of a group.</summary>
    public const int Size = 256;

    /// <summary>y[entry, j] = Σ_i |x[entry, i, j]|, one work-item a column.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void ColumnSums<T>(ArrayView<T> x, int n, ArrayView<T> y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int at = Grid.IdxX * Group.DimX + Group.IdxX;
        if (at >= y.IntLength) return;
        T sum = T.Zero;
        for (int i = 0; i < n; i++) sum = sum + T.Abs(x[(at / n * n + i) * n + at % n]);
        y[at] = sum;
    }

    /// <summary>y[entry] = factors[entry]·x[entry]; entries have <paramref name="count"/> elements. y may be x.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Scale<T>(ArrayView<T> x, int count, ArrayView<T> factors, ArrayView<T> y) where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength) y[i] = factors[i / count] * x[i];
    }

    /// <summary>y = keep·y + c6·x6 + c4·x4 + c2·x2 + c0·I; y is not read if keep is 0.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Combine<T>(ArrayView<T> x6, T c6, ArrayView<T> x4, T c4, ArrayView<T> x2, T c2, T c0, int n, int keep, ArrayView<T> y) where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= y.IntLength) return;
        T sum = c6 * x6[i] + c4 * x4[i] + c2 * x2[i];
        if (i / n % n == i % n) sum = sum + c0;
        y[i] = keep == 0 ? sum : y[i] + sum;
    }

    /// <summary>The denominator v − u into u and the numerator v + u into v.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Fraction<T>(ArrayView<T> u, ArrayView<T> v) where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= u.IntLength) return;
        T odd = u[i], even = v[i];
        u[i] = even - odd;
        v[i] = even + odd;
    }

    /// <summary>y[entry] = x[entry] where the entry is to be squared more than <paramref name="done"/> times.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Advance<T>(ArrayView<T> x, int count, ArrayView<int> squarings, int done, ArrayView<T> y) where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength && done < squarings[i / count]) y[i] = x[i];
    }
}
