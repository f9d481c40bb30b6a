using System.Numerics;
using Nabla.Kernels;

namespace Nabla.Tests.Kernels;

public sealed class ReduceTests
{
    // Both passes of a nested reduction: 20 + 2·log₂k, as documented.
    private static double SumBound(long k, DType dtype) => (20 + 2 * Math.Log2(Math.Max(1, k))) * dtype.UnitRoundoff;

    [Fact]
    public void Sums_of_every_shape_axes_and_layout_stay_within_the_documented_bound()
    {
        foreach (int[] shape in LayoutCases.Shapes)
        {
            Func<int, double> noise = LayoutCases.Noise(shape.Length);
            ForAll(shape, i => (float)noise(i), CheckSum<float>);
            ForAll(shape, noise, CheckSum<double>);
            ForAll(shape, i => (int)(1e6 * noise(i)), CheckSum<int>);
            ForAll(shape, i => (long)(1e12 * noise(i)), CheckSum<long>);
        }
    }

    [Fact]
    public void Maxima_and_minima_are_exact_for_every_shape_axes_and_layout()
    {
        foreach (int[] shape in LayoutCases.Shapes)
        {
            Func<int, double> noise = LayoutCases.Noise(shape.Length);
            ForAll(shape, i => (float)noise(i), CheckExtremes<float>);
            ForAll(shape, i => (int)(1e6 * noise(i)), CheckExtremes<int>);
            ForAll(shape, noise, CheckExtremes<double>);
            ForAll(shape, i => (long)(1e12 * noise(i)), CheckExtremes<long>);
        }
    }

    [Fact]
    public void Products_agree_with_the_double_precision_product()
    {
        foreach (int[] shape in LayoutCases.Shapes)
        {
            Func<int, double> noise = LayoutCases.Noise(3);
            ForAll(shape, i => (float)Math.Exp(0.01 * noise(i)), (string name, DenseTensor x, int[] axes) =>
            {
                DenseTensor y = Reduce<ProdOp>(x, axes);
                double[] expected = Reference(x, axes, 1, (a, b) => a * b), actual = y.ToDoubles();
                double bound = FoldedCount(x, axes) * DType.F32.UnitRoundoff;
                for (int i = 0; i < actual.Length; i++) Assert.True(Math.Abs(actual[i] - expected[i]) <= bound * expected[i], name);
            });
        }
    }

    [Fact]
    public void Any_and_all_agree_with_the_definition()
    {
        foreach (int[] shape in LayoutCases.Shapes)
        {
            foreach (double share in (double[])[0, 0.03, 0.97, 1])
            {
                var random = new Random(5);
                ForAll(shape, _ => random.NextDouble() < share, (string name, DenseTensor x, int[] axes) =>
                {
                    Assert.Equal(Reference(x, axes, 0, Math.Max), Reduce<AnyOp>(x, axes).ToDoubles());
                    Assert.Equal(Reference(x, axes, 1, Math.Min), Reduce<AllOp>(x, axes).ToDoubles());
                });
            }
        }
    }

    [Fact]
    public void Folding_nothing_gives_the_identity()
    {
        foreach (DType dtype in (DType[])[DType.F32, DType.F64, DType.I32, DType.I64])
        {
            DenseTensor x = Tensor.Zeros([3, 0, 2], dtype);
            Assert.Equal(Enumerable.Repeat(0.0, 6), Reduce<SumOp>(x, [1]).ToDoubles());
            Assert.Equal(Enumerable.Repeat(1.0, 6), Reduce<ProdOp>(x, [1]).ToDoubles());
        }
        Assert.Equal(double.NegativeInfinity, Reduce<MaxOp>(Tensor.Zeros([0]), [0]).ToDouble());
        Assert.Equal(double.PositiveInfinity, Reduce<MinOp>(Tensor.Zeros([0], DType.F64), [0]).ToDouble());
        Assert.Equal(int.MinValue, Reduce<MaxOp>(Tensor.Zeros([0], DType.I32), [0]).Item<int>());
        Assert.Equal(long.MaxValue, Reduce<MinOp>(Tensor.Zeros([0], DType.I64), [0]).Item<long>());
    }

    [Theory]
    [InlineData(1), InlineData(15), InlineData(16), InlineData(17), InlineData(63), InlineData(65), InlineData(200), InlineData(1000)]
    public void Max_and_min_give_NaN_wherever_the_NaN_is(int n)
    {
        for (int at = 0; at < n; at += Math.Max(1, n / 50))
        {
            DenseTensor x = LayoutCases.Dense([n], i => i == at ? float.NaN : i), columns = LayoutCases.Dense([n, 20], i => i == at * 20 + 3 ? double.NaN : i);
            Assert.True(double.IsNaN(Reduce<MaxOp>(x, [0]).ToDouble()));
            Assert.True(double.IsNaN(Reduce<MinOp>(x, [0]).ToDouble()));
            Assert.Equal([3], Enumerable.Range(0, 20).Where(c => double.IsNaN(Reduce<MaxOp>(columns, [0]).ToDoubles()[c])));
        }
    }

    [Fact]
    public void A_long_sum_of_one_sign_keeps_almost_all_digits()
    {
        // Added one by one in f32, 0.1 would lose five digits here.
        DenseTensor x = LayoutCases.Dense([1 << 22], _ => 0.1f), columns = LayoutCases.Dense([1 << 18, 16], _ => 0.1f);
        double exact = (1 << 22) * (double)0.1f;
        Assert.InRange(Reduce<SumOp>(x, [0]).ToDouble() / exact, 1 - 1e-6, 1 + 1e-6);
        Assert.All(Reduce<SumOp>(columns, [0]).ToDoubles(), y => Assert.InRange(y / (exact / 16), 1 - 1e-6, 1 + 1e-6));
    }

    [Fact]
    public void The_bits_do_not_depend_on_the_number_of_threads()
    {
        int threads = Workers.Count;
        try
        {
            foreach (int[] shape in (int[][])[[300_007], [3, 100_003], [100_003, 3], [1009, 331], [20_011, 40], [7, 211, 401], [65, 16, 33, 37]])
            {
                Func<int, double> noise = LayoutCases.Noise(11);
                foreach (DenseTensor x in LayoutCases.Of(shape, i => (float)noise(i)).Select(c => c.Tensor))
                    foreach (int[] axes in Subsets(shape.Length))
                    {
                        Workers.Count = 1;
                        float[] one = Reduce<SumOp>(x, axes).ToArray<float>();
                        Workers.Count = 3;
                        Assert.Equal(one, Reduce<SumOp>(x, axes).ToArray<float>());
                    }
            }
        }
        finally
        {
            Workers.Count = threads;
        }
    }

    [Fact]
    public void A_reduction_of_contiguous_operands_allocates_nothing()
    {
        DenseTensor x = LayoutCases.Dense([64, 100], i => (float)i), rows = LayoutCases.Output(DType.F32, [64]);
        DenseTensor columns = LayoutCases.Output(DType.F32, [100]), all = LayoutCases.Output(DType.F32, []);
        int[] first = [0], second = [1], both = [0, 1];
        void Once()
        {
            Reductions.Run<SumOp>(x, second, rows);
            Reductions.Run<MaxOp>(x, first, columns);
            Reductions.Run<SumOp>(x, both, all);
        }
        Once();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++) Once();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Element_types_without_the_reduction_are_refused()
    {
        Assert.Equal("NB0204", Assert.Throws<DTypeException>(() => Reduce<SumOp>(Tensor.Zeros([2], DType.Bool), [0])).Code);
        Assert.Equal("NB0204", Assert.Throws<DTypeException>(() => Reduce<AnyOp>(Tensor.Zeros([2]), [0])).Code);
    }

    private static DenseTensor Reduce<TOp>(DenseTensor x, int[] axes) where TOp : struct, IReduceOp
    {
        DenseTensor y = LayoutCases.Output(x.DType, x.Shape.Without(axes));
        Reductions.Run<TOp>(x, axes, y);
        return y;
    }

    private static void CheckSum<T>(string name, DenseTensor x, int[] axes) where T : unmanaged, INumber<T>
    {
        double[] expected = Reference(x, axes, 0, (a, b) => a + b), sizes = Reference(x, axes, 0, (a, b) => a + Math.Abs(b));
        double[] actual = Reduce<SumOp>(x, axes).ToDoubles();
        // The reference adds at most a few thousand doubles one by one: its own error is allowed for.
        double bound = SumBound(FoldedCount(x, axes), x.DType) + FoldedCount(x, axes) * Math.Pow(2, -53);
        if (x.DType == DType.I32) Array.ConvertAll(expected, e => (double)unchecked((int)(long)e)).CopyTo(expected, 0);
        for (int i = 0; i < actual.Length; i++)
            Assert.True(Math.Abs(actual[i] - expected[i]) <= bound * sizes[i], $"{name}: {actual[i]} instead of {expected[i]}");
    }

    private static void CheckExtremes<T>(string name, DenseTensor x, int[] axes) where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        double most = x.DType.IsFloat ? double.PositiveInfinity : double.CreateTruncating(T.MaxValue);
        double least = x.DType.IsFloat ? double.NegativeInfinity : double.CreateTruncating(T.MinValue);
        Assert.True(Reference(x, axes, least, Math.Max).SequenceEqual(Reduce<MaxOp>(x, axes).ToDoubles()), name);
        Assert.True(Reference(x, axes, most, Math.Min).SequenceEqual(Reduce<MinOp>(x, axes).ToDoubles()), name);
    }

    private static void ForAll<T>(int[] shape, Func<int, T> element, Action<string, DenseTensor, int[]> check) where T : unmanaged
    {
        foreach ((string layout, DenseTensor x) in LayoutCases.Of(shape, element))
            foreach (int[] axes in Subsets(shape.Length))
                check($"{x.Aval} {layout} over ({string.Join(',', axes)})", x, axes);
    }

    private static IEnumerable<int[]> Subsets(int rank) =>
        from mask in Enumerable.Range(0, 1 << rank) select Enumerable.Range(0, rank).Where(a => (mask >> a & 1) != 0).ToArray();

    private static long FoldedCount(DenseTensor x, int[] axes) => axes.Aggregate(1L, (n, a) => n * x.Shape.Dims[a]);

    private static double[] Reference(DenseTensor x, int[] axes, double identity, Func<double, double, double> fold)
    {
        int[] shape = x.Shape.Dims.ToArray();
        var strides = new int[shape.Length];
        int count = 1;
        for (int axis = shape.Length - 1; axis >= 0; axis--)
        {
            if (Array.IndexOf(axes, axis) >= 0) continue;
            strides[axis] = count;
            count *= shape[axis];
        }
        var result = new double[count];
        Array.Fill(result, identity);
        double[] elements = x.ToDoubles();
        for (int i = 0; i < elements.Length; i++)
        {
            int to = 0;
            for (int axis = shape.Length - 1, rest = i; axis >= 0; rest /= shape[axis--]) to += rest % shape[axis] * strides[axis];
            result[to] = fold(result[to], elements[i]);
        }
        return result;
    }
}
