using Nabla.Kernels;

namespace Nabla.Tests.Kernels;

public sealed class SortTests
{
    [Fact]
    public void Sorting_is_stable_and_right_in_every_layout_axis_and_direction()
    {
        foreach (int[] shape in LayoutCases.Shapes)
        {
            Func<int, double> noise = LayoutCases.Noise(5);
            // Few different values: many ties.
            ForAll(shape, i => (float)Math.Round(4 * noise(i)));
            ForAll(shape, noise);
            ForAll(shape, i => (int)(5 * noise(i)));
            ForAll(shape, i => (long)(1e9 * noise(i)));
        }
    }

    [Fact]
    public void NaN_comes_last_in_both_directions_and_bool_is_refused()
    {
        double[] x = [.. Enumerable.Range(0, 40).Select(i => i % 7 == 3 ? double.NaN : (double)(i * 17 % 40))];
        foreach (bool descending in (bool[])[false, true])
        {
            (DenseTensor values, DenseTensor indices) = Run(Tensor.From(x), 0, descending);
            Assert.All(values.ToDoubles()[^6..], v => Assert.True(double.IsNaN(v)));
            Assert.Equal([3, 10, 17, 24, 31, 38], indices.ToArray<int>()[^6..]);
            Assert.Equal(x.Where(v => !double.IsNaN(v)).OrderBy(v => descending ? -v : v), values.ToDoubles()[..^6]);
        }
        Assert.Equal("NB0204", Assert.Throws<DTypeException>(() => Run(Tensor.Zeros([2], DType.Bool), 0, false)).Code);
    }

    [Fact]
    public void Long_lines_and_the_number_of_threads_make_no_difference()
    {
        var random = new Random(4);
        float[] x = [.. Enumerable.Range(0, 30_000).Select(_ => (float)random.Next(5000))];
        (DenseTensor values, DenseTensor indices) = Run(Tensor.From(x), 0, false);
        int[] order = [.. Enumerable.Range(0, x.Length).OrderBy(i => x[i])];
        Assert.Equal(order, indices.ToArray<int>());
        Assert.Equal(order.Select(i => x[i]), values.ToArray<float>());
    }

    [Fact]
    public void Searching_counts_what_stands_before()
    {
        DenseTensor sequence = Tensor.From<double>([1, 3, 3, 7]), values = Tensor.From([0, 1, 2, 3, 5, 7, 9, double.NaN]);
        DenseTensor y = LayoutCases.Output(DType.I32, values.Shape);
        Sort.Search(sequence, values, 0, false, y);
        Assert.Equal([0, 0, 1, 1, 3, 3, 4, 4], y.ToArray<int>());
        Sort.Search(sequence, values, 0, true, y);
        Assert.Equal([0, 1, 1, 3, 3, 4, 4, 4], y.ToArray<int>());
    }

    private static (DenseTensor Values, DenseTensor Indices) Run(DenseTensor x, int axis, bool descending)
    {
        DenseTensor values = LayoutCases.Output(x.DType, x.Shape), indices = LayoutCases.Output(DType.I32, x.Shape);
        Sort.Along(x, axis, descending, values, indices);
        return (values, indices);
    }

    private static void ForAll<T>(int[] shape, Func<int, T> element) where T : unmanaged
    {
        foreach ((string layout, DenseTensor x) in LayoutCases.Of(shape, element))
            for (int axis = 0; axis < shape.Length; axis++)
                foreach (bool descending in (bool[])[false, true])
                {
                    (DenseTensor values, DenseTensor indices) = Run(x, axis, descending);
                    Check(x, axis, descending, values.ToDoubles(), indices.ToArray<int>(), layout);
                }
    }

    private static void Check(DenseTensor x, int axis, bool descending, double[] values, int[] indices, string layout)
    {
        int[] shape = x.Shape.Dims.ToArray();
        double[] elements = x.ToDoubles();
        int stride = shape[(axis + 1)..].Aggregate(1, (n, d) => n * d);
        foreach (int[] index in LayoutCases.Indices(shape).Where(i => i[axis] == 0))
        {
            int start = LayoutCases.Position(index, shape);
            double At(int i) => elements[start + i * stride];
            int[] order = [.. Enumerable.Range(0, shape[axis]).OrderBy(i => descending ? -At(i) : At(i))];
            for (int i = 0; i < order.Length; i++)
            {
                Assert.True(indices[start + i * stride] == order[i], $"{x.Aval} {layout} axis {axis}: index {i}");
                Assert.Equal(At(order[i]), values[start + i * stride]);
            }
        }
    }
}
