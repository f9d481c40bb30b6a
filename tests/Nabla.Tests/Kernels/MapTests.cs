using Nabla.Kernels;

namespace Nabla.Tests.Kernels;

public sealed class MapTests
{
    private static readonly int[][] Shapes = [[], [1], [0], [3, 0], [7], [131], [5, 3], [3, 67], [67, 5], [2, 3, 5, 7], [3, 1, 700]];

    // Larger than the part that one thread takes, in both orders of axes.
    private static readonly int[][] LargeShapes = [[257, 263], [13_001, 7]];

    private static readonly string[] Layouts = ["contiguous", "transposed", "slice", "reversed", "repeated rows", "repeated columns", "splat"];

    // A tensor of the given shape whose elements, in row-major order, differ from their neighbours; laid out in one of seven ways.
    internal static DenseTensor Sample(DType dtype, Shape shape, string layout, int seed)
    {
        int rank = shape.Rank;
        if (rank == 0 && layout is not ("contiguous" or "splat")) layout = "slice";
        int[] axes = [.. Enumerable.Range(0, rank)];
        switch (layout)
        {
            case "transposed":
                return Filled(dtype, Shape.Create([.. shape.Dims.ToArray().Reverse()]), seed) is var t
                    ? t.View(t.Layout.Transpose([.. axes.Reverse()])) : t;
            case "slice":
                DenseTensor larger = Filled(dtype, Shape.Create([.. shape.Select(d => 2 * d + 3)]), seed);
                return larger.View(larger.Layout.Slice([.. shape.Select(_ => 2)], [.. shape], [.. shape.Select(_ => 2)]));
            case "reversed":
                DenseTensor forward = Filled(dtype, shape, seed);
                return forward.View(forward.Layout.Slice([.. shape.Select(d => d - 1)], [.. shape], [.. shape.Select(_ => -1)]));
            case "repeated rows":
                DenseTensor row = Filled(dtype, [shape[^1]], seed);
                return row.View(row.Layout.BroadcastInDim(shape, [rank - 1]));
            case "repeated columns":
                DenseTensor column = Filled(dtype, [shape[0]], seed);
                return column.View(column.Layout.BroadcastInDim(shape, [0]));
            case "splat":
                return Tensor.Full(shape, 1 + seed % 2, dtype);
            default:
                return Filled(dtype, shape, seed);
        }
    }

    private static DenseTensor Filled(DType dtype, Shape shape, int seed)
    {
        var random = new Random(seed);
        int n = (int)shape.Count;
        double[] values = [.. Enumerable.Range(0, n).Select(_ => random.Next(-50, 50) + (dtype.IsFloat ? random.Next(4) / 4.0 : 0))];
        return dtype switch
        {
            DType.F32 => Tensor.From(Array.ConvertAll(values, v => (float)v), shape),
            DType.F64 => Tensor.From(values, shape),
            DType.I32 => Tensor.From(Array.ConvertAll(values, v => (int)v), shape),
            DType.I64 => Tensor.From(Array.ConvertAll(values, v => (long)v), shape),
            _ => Tensor.From(Array.ConvertAll(values, v => v > 0), shape),
        };
    }

    private static DenseTensor Output(DType dtype, Shape shape) => DenseTensor.Allocate(new Aval(dtype, shape), Device.Default);

    [Fact]
    public void Unary_operations_read_every_layout_of_every_number_type()
    {
        foreach (int[] shape in Shapes.Concat(LargeShapes))
            foreach (string layout in Layouts)
                foreach (DType dtype in DTypes.All.Where(d => d != DType.Bool))
                {
                    DenseTensor x = Sample(dtype, shape, layout, 1), y = Output(dtype, shape);
                    Map.Unary<SquareOp>(x, y);
                    Assert.True(x.ToDoubles().Select(v => v * v).SequenceEqual(y.ToDoubles()), $"{x.Aval} {layout}");
                }
    }

    [Fact]
    public void Binary_operations_read_every_pair_of_layouts()
    {
        foreach (int[] shape in Shapes)
            foreach (string first in Layouts)
                foreach (string second in Layouts)
                    foreach (DType dtype in DTypes.All.Where(d => d != DType.Bool))
                    {
                        DenseTensor a = Sample(dtype, shape, first, 1), b = Sample(dtype, shape, second, 2), y = Output(dtype, shape);
                        Map.Binary<SubOp>(a, b, y);
                        Assert.True(a.ToDoubles().Zip(b.ToDoubles(), (u, v) => u - v).SequenceEqual(y.ToDoubles()), $"{a.Aval} {first} {second}");
                    }
    }

    [Fact]
    public void Comparisons_and_selections_read_every_pair_of_layouts_of_every_type()
    {
        foreach (int[] shape in Shapes)
            foreach (string first in Layouts)
                foreach (string second in Layouts)
                    foreach (DType dtype in DTypes.All)
                    {
                        DenseTensor a = Sample(dtype, shape, first, 1), b = Sample(dtype, shape, second, 2);
                        double[] u = a.ToDoubles(), v = b.ToDoubles();
                        DenseTensor less = Output(DType.Bool, shape), chosen = Output(dtype, shape);
                        Map.Compare<LtOp>(a, b, less);
                        Assert.True(u.Zip(v, (p, q) => p < q).SequenceEqual(less.ToArray<bool>()), $"{a.Aval} {first} {second}");
                        DenseTensor condition = Sample(DType.Bool, shape, second, 3);
                        Map.Select(condition, a, b, chosen);
                        IEnumerable<double> expected = condition.ToArray<bool>().Zip(u.Zip(v), (c, p) => c ? p.First : p.Second);
                        Assert.True(expected.SequenceEqual(chosen.ToDoubles()), $"{a.Aval} {first} {second}");
                    }
    }

    [Fact]
    public void Integers_and_booleans_follow_their_own_rules()
    {
        int[] a = [7, -7, 7, -7, int.MinValue, int.MinValue, 0], b = [2, 2, -2, -2, -1, 3, 5];
        Assert.Equal([3, -3, -3, 3, int.MinValue, -715827882, 0], Binary<DivOp>(a, b));
        Assert.Equal([1, -1, 1, -1, 0, -2, 0], Binary<RemOp>(a, b));
        Assert.Equal([7, 2, 7, -2, -1, 3, 5], Binary<MaximumOp>(a, b));
        Assert.Equal([9, -5, 5, -9, int.MaxValue, int.MinValue + 3, 5], Binary<AddOp>(a, b));
        Assert.Equal([2, 0, 6, -8, int.MinValue, 0, 0], Binary<AndOp>(a, b));
        bool[] p = [false, false, true, true], q = [false, true, false, true];
        Assert.Equal([false, false, false, true], Binary<AndOp>(p, q));
        Assert.Equal([false, true, true, true], Binary<OrOp>(p, q));
        Assert.Equal([false, true, true, false], Binary<XorOp>(p, q));
        Assert.Equal([true, true, false, false], Unary<NotOp, bool>(p));
        Assert.Equal([-1, 0, 1], Unary<SignOp, long>([long.MinValue, 0, 5]));
        Assert.Equal([long.MinValue, 0, 5], Unary<AbsOp, long>([long.MinValue, 0, -5]));
    }

    [Fact]
    public void Division_of_integers_by_zero_raises_NB0603()
    {
        foreach (int n in new[] { 1, 100, 100_000 })
        {
            DenseTensor ones = Tensor.Ones([n], DType.I32), y = Output(DType.I32, [n]);
            var divisors = new long[n];
            Array.Fill(divisors, 3);
            divisors[n / 2] = 0;
            DenseTensor wide = Tensor.Ones([n], DType.I64), zeros = Tensor.From(divisors), result = Output(DType.I64, [n]);
            Assert.Equal("NB0603", Assert.Throws<NumericException>(() => Map.Binary<DivOp>(ones, Tensor.Zeros([n], DType.I32), y)).Code);
            Assert.Equal("NB0603", Assert.Throws<NumericException>(() => Map.Binary<RemOp>(wide, zeros, result)).Code);
        }
    }

    [Fact]
    public void Operations_refuse_element_types_they_are_not_defined_on()
    {
        DenseTensor ints = Tensor.Ones([2], DType.I32), bools = Tensor.Ones([2], DType.Bool);
        Assert.Equal("NB0204", Assert.Throws<DTypeException>(() => Map.Unary<ExpOp>(ints, ints)).Code);
        Assert.Equal("NB0204", Assert.Throws<DTypeException>(() => Map.Unary<NegOp>(bools, bools)).Code);
        Assert.Equal("NB0204", Assert.Throws<DTypeException>(() => Map.Binary<AddOp>(bools, bools, bools)).Code);
        Assert.Equal("NB0204", Assert.Throws<DTypeException>(() => Map.Predicate<IsFiniteOp>(bools, bools)).Code);
        Assert.Equal("NB0204", Assert.Throws<DTypeException>(() => Map.IntegerPow(bools, 2, bools)).Code);
        Assert.Equal("NB0604", Assert.Throws<NumericException>(() => Map.IntegerPow(ints, -1, ints)).Code);
    }

    [Fact]
    public void Comparisons_treat_NaN_and_signed_zeros_as_IEEE_754_says()
    {
        float[] a = Repeated(1, 2, float.NaN, float.NaN, -0f, float.NegativeInfinity);
        float[] b = Repeated(2, 2, 1, float.NaN, 0f, float.NegativeInfinity);
        Assert.Equal(a.Zip(b, (u, v) => u == v), Compare<EqOp>(a, b));
        Assert.Equal(a.Zip(b, (u, v) => u != v), Compare<NeOp>(a, b));
        Assert.Equal(a.Zip(b, (u, v) => u < v), Compare<LtOp>(a, b));
        Assert.Equal(a.Zip(b, (u, v) => u <= v), Compare<LeOp>(a, b));
        Assert.Equal(a.Zip(b, (u, v) => u > v), Compare<GtOp>(a, b));
        Assert.Equal(a.Zip(b, (u, v) => u >= v), Compare<GeOp>(a, b));
        DenseTensor finite = Output(DType.Bool, [a.Length]);
        Map.Predicate<IsFiniteOp>(Tensor.From(a), finite);
        Assert.Equal(a.Select(float.IsFinite), finite.ToArray<bool>());

        static float[] Repeated(params float[] values) => [.. Enumerable.Range(0, 43).Select(i => values[i % values.Length])];
    }

    [Fact]
    public void Conversions_truncate_saturate_and_wrap_as_documented()
    {
        double[] x = [0, -0.0, 1.9, -1.9, 0.5, 1e10, -1e10, 1e30, double.NaN, double.PositiveInfinity, double.NegativeInfinity];
        Assert.Equal([0, 0, 1, -1, 0, int.MaxValue, int.MinValue, int.MaxValue, 0, int.MaxValue, int.MinValue], To<double, int>(x));
        Assert.Equal([0, 0, 1, -1, 0, 10_000_000_000, -10_000_000_000, long.MaxValue, 0, long.MaxValue, long.MinValue], To<double, long>(x));
        Assert.Equal(x.Select(v => v != 0), To<double, bool>(x));
        Assert.Equal(x.Select(v => (float)v), To<double, float>(x));
        Assert.Equal([0, 1, -1], To<long, int>([1L << 32, (1L << 32) + 1, -1]));
        Assert.Equal([16777216f, 16777220f], To<int, float>([16777217, 16777219]));
        Assert.Equal([1f, 0f], To<bool, float>([true, false]));
        foreach (string layout in Layouts)
            foreach (DType from in DTypes.All)
                foreach (DType to in DTypes.All)
                {
                    DenseTensor source = Sample(from, [13, 37], layout, 5), y = Output(to, [13, 37]);
                    Map.Convert(source, y);
                    Assert.Equal(source.ToDoubles().Select(v => to == DType.Bool ? (v != 0 ? 1 : 0) : to.IsFloat ? v : Math.Truncate(v)), y.ToDoubles());
                }
    }

    [Fact]
    public void Integer_powers_multiply_exactly_where_results_are_exact()
    {
        int[] x = [0, 1, -1, 2, -3, 7];
        foreach (int n in new[] { 0, 1, 2, 3, 4, 5, 8 })
        {
            Assert.Equal(x.Select(v => Math.Pow(v, n)), Pow(Tensor.From(x), n));
            Assert.Equal(x.Select(v => Math.Pow(v, n)), Pow(Tensor.From(Array.ConvertAll(x, v => (long)v)), n));
            Assert.Equal(x.Select(v => Math.Pow(v, n)), Pow(Tensor.From(Array.ConvertAll(x, v => (float)v)), n));
            Assert.Equal(x.Select(v => 1 / Math.Pow(v, n)), Pow(Tensor.From(Array.ConvertAll(x, v => (double)v)), -n));
        }

        static double[] Pow(DenseTensor x, int n)
        {
            DenseTensor y = Output(x.DType, x.Shape);
            Map.IntegerPow(x, n, y);
            return y.ToDoubles();
        }
    }

    [Fact]
    public void A_result_may_replace_an_operand()
    {
        foreach (int n in new[] { 1, 5, 100, 70_001 })
        {
            DenseTensor a = Sample(DType.F32, [n], "contiguous", 1), b = Sample(DType.F32, [n], "reversed", 2);
            double[] u = a.ToDoubles(), v = b.ToDoubles();
            Map.Binary<SubOp>(a, b, a);
            Assert.Equal(u.Zip(v, (p, q) => p - q), a.ToDoubles());
            Map.Binary<SubOp>(b, a, a);
            Assert.Equal(u.Zip(v, (p, q) => q - (p - q)), a.ToDoubles());
            DenseTensor expected = Output(DType.F32, [n]);
            Map.Unary<TanhOp>(a, expected);
            Map.Unary<TanhOp>(a, a);
            Assert.Equal(expected.ToArray<float>(), a.ToArray<float>());
        }
    }

    [Fact]
    public void The_number_of_threads_does_not_change_a_bit()
    {
        int before = Workers.Count;
        try
        {
            foreach (string layout in Layouts)
            {
                DenseTensor x = Sample(DType.F32, [331, 337], layout, 1), b = Sample(DType.F32, [331, 337], "transposed", 2);
                Workers.Count = 1;
                float[] one = Results(x, b);
                Workers.Count = 2;
                Assert.Equal(one, Results(x, b));
            }
        }
        finally
        {
            Workers.Count = before;
        }

        static float[] Results(DenseTensor x, DenseTensor b)
        {
            DenseTensor y = Output(DType.F32, x.Shape), z = Output(DType.F32, x.Shape);
            Map.Unary<ErfOp>(x, y);
            Map.Binary<Atan2Op>(y, b, z);
            return z.ToArray<float>();
        }
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        foreach (string layout in Layouts)
        {
            DenseTensor x = Sample(DType.F32, [300, 301], layout, 1), y = Output(DType.F32, [300, 301]), mask = Output(DType.Bool, [300, 301]);
            Work();
            long before = GC.GetAllocatedBytesForCurrentThread();
            Work();
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

            void Work()
            {
                Map.Unary<TanhOp>(x, y);
                Map.Binary<MulOp>(x, y, y);
                Map.Compare<LtOp>(x, y, mask);
                Map.Select(mask, x, y, y);
                Map.IntegerPow(x, 3, y);
                Map.Convert(x, mask);
            }
        }
    }

    private static T[] Binary<TOp, T>(T[] a, T[] b) where TOp : struct, IBinaryOp where T : unmanaged
    {
        DenseTensor y = Output(DTypes.Of<T>(), [a.Length]);
        Map.Binary<TOp>(Tensor.From(a), Tensor.From(b), y);
        return y.ToArray<T>();
    }

    private static int[] Binary<TOp>(int[] a, int[] b) where TOp : struct, IBinaryOp => Binary<TOp, int>(a, b);

    private static bool[] Binary<TOp>(bool[] a, bool[] b) where TOp : struct, IBinaryOp => Binary<TOp, bool>(a, b);

    private static T[] Unary<TOp, T>(T[] x) where TOp : struct, IUnaryOp where T : unmanaged
    {
        DenseTensor y = Output(DTypes.Of<T>(), [x.Length]);
        Map.Unary<TOp>(Tensor.From(x), y);
        return y.ToArray<T>();
    }

    private static bool[] Compare<TOp>(float[] a, float[] b) where TOp : struct, ICompareOp
    {
        DenseTensor y = Output(DType.Bool, [a.Length]);
        Map.Compare<TOp>(Tensor.From(a), Tensor.From(b), y);
        return y.ToArray<bool>();
    }

    private static TTo[] To<TFrom, TTo>(TFrom[] x) where TFrom : unmanaged where TTo : unmanaged
    {
        DenseTensor y = Output(DTypes.Of<TTo>(), [x.Length]);
        Map.Convert(Tensor.From(x), y);
        return y.ToArray<TTo>();
    }
}
