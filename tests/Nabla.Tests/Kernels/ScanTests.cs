using Nabla.Kernels;

namespace Nabla.Tests.Kernels;

public sealed class ScanTests
{
    [Fact]
    public void Cumulative_sums_agree_with_the_definition_in_every_layout_axis_and_direction()
    {
        foreach (int[] shape in LayoutCases.Shapes)
        {
            Func<int, double> noise = LayoutCases.Noise(2);
            ForAll(shape, i => (float)noise(i), Math.Pow(2, -24), 0);
            ForAll(shape, noise, 0, Math.Pow(2, -53));
            ForAll(shape, i => (int)(1000 * noise(i)), 0, 0);
            ForAll(shape, i => (long)(1e9 * noise(i)), 0, 0);
        }
    }

    [Fact]
    public void Other_operations_come_by_their_struct()
    {
        DenseTensor x = Tensor.From<double>([2, 3, 1, 5]), y = LayoutCases.Output(DType.F64, [4]);
        Scan.Run<ProdOp>(x, 0, false, y);
        Assert.Equal([2, 6, 6, 30], y.ToDoubles());
        Scan.Run<MaxOp>(x, 0, false, y);
        Assert.Equal([2, 3, 3, 5], y.ToDoubles());
        Scan.Run<MinOp>(x, 0, true, y);
        Assert.Equal([1, 1, 1, 5], y.ToDoubles());
    }

    [Fact]
    public void The_bits_do_not_depend_on_the_number_of_threads()
    {
        int threads = Workers.Count;
        DenseTensor x = LayoutCases.Dense([301, 707], i => (float)Math.Sin(i)), one = LayoutCases.Output(DType.F32, x.Shape);
        DenseTensor three = LayoutCases.Output(DType.F32, x.Shape);
        try
        {
            for (int axis = 0; axis < 2; axis++)
            {
                Workers.Count = 1;
                Scan.CumSum(x, axis, false, one);
                Workers.Count = 3;
                Scan.CumSum(x, axis, false, three);
                Assert.Equal(one.ToArray<float>(), three.ToArray<float>());
            }
        }
        finally
        {
            Workers.Count = threads;
        }
    }

    [Fact]
    public void A_scan_allocates_nothing_and_refuses_bool()
    {
        DenseTensor x = LayoutCases.Dense([64, 100], i => (float)i), y = LayoutCases.Output(DType.F32, x.Shape);
        Scan.CumSum(x, 0, false, y);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++) Scan.CumSum(x, i % 2, false, y);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        DenseTensor truths = Tensor.Zeros([2], DType.Bool), target = LayoutCases.Output(DType.Bool, [2]);
        Assert.Equal("NB0204", Assert.Throws<DTypeException>(() => Scan.CumSum(truths, 0, false, target)).Code);
    }

    // |error| ≤ final·|y| + each·i·Σ|x|, plus what the reference itself may lose.
    private static void ForAll<T>(int[] shape, Func<int, T> element, double final, double each) where T : unmanaged
    {
        foreach ((string layout, DenseTensor x) in LayoutCases.Of(shape, element))
            for (int axis = 0; axis < shape.Length; axis++)
                foreach (bool reverse in (bool[])[false, true])
                {
                    DenseTensor y = LayoutCases.Output(x.DType, x.Shape);
                    Scan.CumSum(x, axis, reverse, y);
                    double[] elements = x.ToDoubles(), actual = y.ToDoubles();
                    double[] expected = Reference(shape, axis, reverse, elements), sizes = Reference(shape, axis, reverse, Array.ConvertAll(elements, Math.Abs));
                    for (int i = 0; i < actual.Length; i++)
                    {
                        double bound = final * Math.Abs(expected[i]) + (each + Math.Pow(2, -53)) * shape[axis] * sizes[i];
                        Assert.True(Math.Abs(actual[i] - expected[i]) <= bound, $"{x.Aval} {layout} axis {axis}: {actual[i]} instead of {expected[i]}");
                    }
                }
    }

    private static double[] Reference(int[] shape, int axis, bool reverse, double[] x)
    {
        var y = new double[x.Length];
        int stride = shape[(axis + 1)..].Aggregate(1, (n, d) => n * d);
        IEnumerable<int[]> indices = LayoutCases.Indices(shape);
        foreach (int[] index in reverse ? indices.Reverse() : indices)
        {
            int i = LayoutCases.Position(index, shape);
            bool first = index[axis] == (reverse ? shape[axis] - 1 : 0);
            y[i] = x[i] + (first ? 0 : y[reverse ? i + stride : i - stride]);
        }
        return y;
    }
}
