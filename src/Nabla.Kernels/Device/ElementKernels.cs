using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Element-wise kernels of devices: one work-item for each element of the dense result; operands have any layout.</summary>
internal static partial class ElementKernels
{
    /// <summary>Work-items of a group.</summary>
    public const int Size = 256;

    /// <summary>y = f(x) on floats.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void FloatUnary<TOp, T>(ArrayView<T> x, Steps steps, Extents extents, ArrayView<T> y)
        where TOp : struct, IFloatUnaryOp<TOp> where T : unmanaged, IFloatingPointIeee754<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength) y[i] = TOp.OnDevice(x[Steps.At(i, steps, extents)]);
    }

    /// <summary>y = f(x) on numbers.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void NumericUnary<TOp, T>(ArrayView<T> x, Steps steps, Extents extents, ArrayView<T> y)
        where TOp : struct, INumericUnaryOp<TOp> where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength) y[i] = TOp.OnDevice(x[Steps.At(i, steps, extents)]);
    }

    /// <summary>y = f(x) on truth values.</summary>
    [Kernel(Size)]
    public static void Not(ArrayView<bool> x, Steps steps, Extents extents, ArrayView<bool> y)
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength) y[i] = !x[Steps.At(i, steps, extents)];
    }

    /// <summary>y = a question about x.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void Predicate<TOp, T>(ArrayView<T> x, Steps steps, Extents extents, ArrayView<bool> y)
        where TOp : struct, IPredicateOp where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength) y[i] = TOp.Invoke(x[Steps.At(i, steps, extents)]);
    }

    /// <summary>y = f(a, b) on floats.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void FloatBinary<TOp, T>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents extents, ArrayView<T> y)
        where TOp : struct, IFloatBinaryOp<TOp> where T : unmanaged, IFloatingPointIeee754<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength) y[i] = TOp.OnDevice(a[Steps.At(i, stepsA, extents)], b[Steps.At(i, stepsB, extents)]);
    }

    /// <summary>y = f(a, b) on numbers.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void NumericBinary<TOp, T>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents extents, ArrayView<T> y)
        where TOp : struct, INumericBinaryOp<TOp> where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength) y[i] = TOp.OnDevice(a[Steps.At(i, stepsA, extents)], b[Steps.At(i, stepsB, extents)]);
    }

    /// <summary>y = f(a, b) on bits; truth values are the bytes 0 and 1.</summary>
    [Kernel(Size), Instances(typeof(int), typeof(long), typeof(byte))]
    public static void BitwiseBinary<TOp, T>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents extents, ArrayView<T> y)
        where TOp : struct, IBitwiseBinaryOp<TOp> where T : unmanaged, IBinaryInteger<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength) y[i] = TOp.Invoke(a[Steps.At(i, stepsA, extents)], b[Steps.At(i, stepsB, extents)]);
    }

    /// <summary>y = whether a and b compare so.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double), typeof(int), typeof(long), typeof(byte))]
    public static void Compare<TOp, T>(ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents extents, ArrayView<bool> y)
        where TOp : struct, ICompareOp where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength) y[i] = TOp.Invoke(a[Steps.At(i, stepsA, extents)], b[Steps.At(i, stepsB, extents)]);
    }

    /// <summary>y = a where the condition holds, else b; elements are moved, so their size alone matters.</summary>
    [Kernel(Size), Instances(typeof(int), typeof(long), typeof(byte))]
    public static void Select<T>(ArrayView<bool> condition, Steps stepsC, ArrayView<T> a, Steps stepsA, ArrayView<T> b, Steps stepsB, Extents extents, ArrayView<T> y)
        where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength) y[i] = condition[Steps.At(i, stepsC, extents)] ? a[Steps.At(i, stepsA, extents)] : b[Steps.At(i, stepsB, extents)];
    }

    /// <summary>y = x in another number type.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double), typeof(int), typeof(long), typeof(byte)), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void Convert<TFrom, TTo>(ArrayView<TFrom> x, Steps steps, Extents extents, ArrayView<TTo> y)
        where TFrom : unmanaged, INumber<TFrom> where TTo : unmanaged, INumber<TTo>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength) y[i] = TTo.CreateTruncating(x[Steps.At(i, steps, extents)]);
    }

    /// <summary>y = x ≠ 0; NaN is true.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void IsTrue<T>(ArrayView<T> x, Steps steps, Extents extents, ArrayView<bool> y) where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength) y[i] = x[Steps.At(i, steps, extents)] != T.Zero;
    }

    /// <summary>y = xⁿ by squaring, as on the host.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void IntegerPower<T>(ArrayView<T> x, Steps steps, Extents extents, int n, ArrayView<T> y) where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i >= y.IntLength) return;
        T square = x[Steps.At(i, steps, extents)], power = T.One;
        uint rest = n < 0 ? 0u - (uint)n : (uint)n;
        while (true)
        {
            if ((rest & 1) != 0) power = power * square;
            rest >>= 1;
            if (rest == 0) break;
            square = square * square;
        }
        y[i] = n < 0 ? T.One / power : power;
    }

    /// <summary>y = ψ⁽ⁿ⁾(x), in double precision.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double))]
    public static void Polygamma<T>(ArrayView<T> x, Steps steps, Extents extents, int n, ArrayView<T> y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength) y[i] = T.CreateTruncating(Gamma.Polygamma(n, SpecialMath.Widen(x[Steps.At(i, steps, extents)])));
    }

    /// <summary>Elements of any layout, densely; elements are moved, so their size alone matters.</summary>
    [Kernel(Size), Instances(typeof(int), typeof(long), typeof(byte))]
    public static void Copy<T>(ArrayView<T> x, Steps stepsX, Extents extents, ArrayView<T> y, Steps stepsY, int count) where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < count) y[Steps.At(i, stepsY, extents)] = x[Steps.At(i, stepsX, extents)];
    }

    /// <summary>True, once and for all, if any of <paramref name="count"/> integers is 0.</summary>
    [Kernel(Size), Instances(typeof(int), typeof(long))]
    public static void FindZero<T>(ArrayView<T> x, Steps steps, Extents extents, int count, ArrayView<int> found) where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < count && x[Steps.At(i, steps, extents)] == T.Zero) found[0] = 1;
    }

    /// <summary>y[i₀, …] = i_axis, where <paramref name="inner"/> elements lie behind each step of the axis of size <paramref name="size"/>.</summary>
    [Kernel(Size), Instances(typeof(float), typeof(double), typeof(int), typeof(long))]
    public static void Iota<T>(int inner, int size, ArrayView<T> y) where T : unmanaged, INumber<T>
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < y.IntLength) y[i] = T.CreateTruncating(i / inner % size);
    }
}
