using Nabla.Kernels;

namespace Nabla.Tests.Kernels;

public sealed class ArgReduceTests
{
    [Fact]
    public void Positions_agree_with_the_definition_in_every_layout_with_many_ties()
    {
        foreach (int[] shape in LayoutCases.Shapes)
        {
            var random = new Random(7);
            ForAll(shape, _ => (float)random.Next(-3, 4));
            ForAll(shape, _ => random.NextDouble() < 0.02 ? double.NaN : random.Next(-3, 4));
            ForAll(shape, _ => random.Next(-3, 4));
            ForAll(shape, _ => (long)random.Next(-3, 4) << 40);
        }
    }

    [Fact]
    public void Zeros_of_both_signs_tie_and_the_first_NaN_wins()
    {
        DenseTensor y = LayoutCases.Output(DType.I32, []);
        ArgReduce.ArgMax(Tensor.From<float>([-0f, 0f, -1]), 0, y);
        Assert.Equal(0, y.Item<int>());
        ArgReduce.ArgMin(Tensor.From<float>([0f, -0f, 1]), 0, y);
        Assert.Equal(0, y.Item<int>());
        DenseTensor nans = LayoutCases.Dense([100], i => i is 61 or 80 ? float.NaN : i);
        ArgReduce.ArgMax(nans, 0, y);
        Assert.Equal(61, y.Item<int>());
        ArgReduce.ArgMin(nans, 0, y);
        Assert.Equal(61, y.Item<int>());
    }

    [Fact]
    public void An_empty_axis_is_refused_unless_there_is_no_result()
    {
        DenseTensor x = Tensor.Zeros([2, 0]);
        Assert.Equal("NB0111", Assert.Throws<ShapeException>(() => ArgReduce.ArgMax(x, 1, LayoutCases.Output(DType.I32, [2]))).Code);
        ArgReduce.ArgMax(x, 0, LayoutCases.Output(DType.I32, [0]));
        DenseTensor truths = Tensor.Zeros([2], DType.Bool);
        Assert.Equal("NB0204", Assert.Throws<DTypeException>(() => ArgReduce.ArgMin(truths, 0, LayoutCases.Output(DType.I32, []))).Code);
    }

    private static void ForAll<T>(int[] shape, Func<int, T> element) where T : unmanaged
    {
        foreach ((string layout, DenseTensor x) in LayoutCases.Of(shape, element))
            for (int axis = 0; axis < shape.Length; axis++)
            {
                if (shape[axis] == 0) continue;
                DenseTensor y = LayoutCases.Output(DType.I32, x.Shape.Without([axis]));
                string name = $"{x.Aval} {layout} axis {axis}";
                ArgReduce.ArgMax(x, axis, y);
                Assert.True(Reference(x, axis, (a, b) => a > b).SequenceEqual(y.ToArray<int>()), name);
                ArgReduce.ArgMin(x, axis, y);
                Assert.True(Reference(x, axis, (a, b) => a < b).SequenceEqual(y.ToArray<int>()), name);
            }
    }

    private static int[] Reference(DenseTensor x, int axis, Func<double, double, bool> better)
    {
        int[] shape = x.Shape.Dims.ToArray(), rest = [.. shape[..axis], .. shape[(axis + 1)..]];
        int stride = shape[(axis + 1)..].Aggregate(1, (n, d) => n * d);
        double[] elements = x.ToDoubles();
        return LayoutCases.Indices(rest).Select(index =>
        {
            int first = LayoutCases.Position([.. index[..axis], 0, .. index[axis..]], shape), best = 0;
            for (int i = 1; i < shape[axis]; i++)
            {
                double a = elements[first + i * stride], b = elements[first + best * stride];
                if (better(a, b) || (double.IsNaN(a) && !double.IsNaN(b))) best = i;
            }
            return best;
        }).ToArray();
    }
}
