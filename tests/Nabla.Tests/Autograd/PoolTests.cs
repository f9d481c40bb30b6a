using Nabla.Tests.Accelerators;
using static Nabla.Tests.Autograd.ConvReference;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

[OnChosenDevice]
public sealed class PoolTests
{
    private static readonly (int[] X, int[] Window, int[] Strides)[] Cases =
    [
        ([2, 6, 4, 3], [2, 2], [2, 2]), ([1, 7, 5, 20], [3, 2], [1, 2]), ([2, 3, 3, 1], [3, 3], [1, 1]), ([1, 5, 6, 2], [1, 1], [1, 1]),
        ([1, 5, 6, 2], [2, 1], [3, 4]), ([0, 4, 4, 2], [2, 2], [1, 1]), ([2, 9, 8, 33], [4, 3], [2, 1]), ([1, 1, 1, 1], [1, 1], [1, 1]),
    ];

    private static readonly Padding[] Paddings = [Padding.Valid, Padding.Same, Padding.Circular, Padding.Explicit((0, 1), (1, 0))];

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Sums_means_and_maxima_equal_nested_loops(DType dtype)
    {
        int compared = 0;
        foreach ((int[] shape, int[] window, int[] strides) in Cases)
            foreach (Padding padding in Paddings)
            {
                Tensor x = Random(shape, 1, dtype), y;
                try
                {
                    y = x.MaxPool([.. window], [.. strides], padding);
                }
                catch (ShapeException e) when (e.Code == "NB0136")
                {
                    continue;
                }
                compared++;
                var windows = new List<double>[y.Count];
                for (int i = 0; i < windows.Length; i++) windows[i] = Members(x, y.Shape, i, window, strides, padding);
                Assert.Equal(windows.Select(m => m.Max()), y.ToDoubles());
                double u = 4 * dtype.UnitRoundoff * window[0] * window[1];
                AssertClose(windows.Select(m => m.Sum()), x.SumPool([.. window], [.. strides], padding), u);
                AssertClose(windows.Select(m => m.Sum() / window[0] / window[1]), x.AveragePool([.. window], [.. strides], padding), u);
                AssertClose(windows.Select(m => m.Average()), x.AveragePool([.. window], [.. strides], padding, countPadding: false), u);
            }
        Assert.True(compared > 24, $"{compared} combinations had an element in each window");
    }

    [Fact]
    public void Of_equal_elements_the_first_wins_and_of_NaN_the_first()
    {
        foreach (int channels in new[] { 1, 40 })
        {
            Tensor Line(params double[] values) => Tensor.From(values, [1, values.Length, 1]).BroadcastTo([1, values.Length, channels]);
            (Tensor values, Tensor indices) = Line(2, 2, 1, 5, 5, 5).MaxPoolWithIndices([3]);
            Assert.Equal([2.0, 5.0], values.At(0).Slice(.., ..1).ToDoubles());
            Assert.Equal([0.0, 3.0], indices.At(0).Slice(.., ^1..).ToDoubles());
            (values, indices) = Line(1, double.NaN, double.PositiveInfinity, double.NaN, 0, 7).MaxPoolWithIndices([3], [1]);
            Assert.Equal([double.NaN, double.NaN, double.NaN, double.NaN], values.At(0).Slice(.., ..1).ToDoubles());
            Assert.Equal([1.0, 1.0, 3.0, 3.0], indices.At(0).Slice(.., ^1..).ToDoubles());
            (values, indices) = Line(double.NegativeInfinity, double.NegativeInfinity).MaxPoolWithIndices([3], [1], Padding.Explicit((1, 1)));
            Assert.Equal([double.NegativeInfinity, double.NegativeInfinity], values.At(0).Slice(.., ..1).ToDoubles());
            Assert.Equal([0.0, 0.0], indices.At(0).Slice(.., ..1).ToDoubles());
        }
    }

    [Fact]
    public void The_gradient_of_a_maximum_goes_to_the_winners()
    {
        Tensor x = Tensor.From([1.0, 4, 4, 2, 0, 3], [6, 1]);
        // Windows (1,4,4) (4,4,2) (4,2,0) (2,0,3): of the two fours the first.
        Assert.Equal([0, 2, 1, 0, 0, 1], Grad((Tensor u) => u.MaxPool([3], [1]).Sum())(x).ToDoubles());
        // d²/dx² of Σ max³ is 6·max at each winner.
        Tensor hessian = Jvp(Grad((Tensor u) => (u.MaxPool([3]) * u.MaxPool([3]) * u.MaxPool([3])).Sum()), x, x.OnesLike()).Tangent;
        Assert.Equal([0, 24, 0, 0, 0, 18], hessian.ToDoubles());
    }

    [Fact]
    public void Any_number_of_batch_and_spatial_axes_is_taken()
    {
        Tensor x = Random([2, 3, 4, 6, 2], 1, DType.F64);
        Assert.Equal([2, 3, 2, 3, 2], x.MaxPool([2, 2]).Shape.Dims.ToArray());
        Assert.Equal(x.At(1).At(2).MaxPool([2, 2]).ToDoubles(), x.MaxPool([2, 2]).At(1).At(2).ToDoubles());
        Assert.Equal(x.At(1).At(2).AveragePool([2, 2]).ToDoubles(), x.AveragePool([2, 2]).At(1).At(2).ToDoubles());
        AssertClose(x.Mean(2, 3).ToDoubles(), x.AveragePool([4, 6]), 1e-15);
        Assert.Equal([2, 1, 2, 3, 2], x.SumPool([3, 2, 2]).Shape.Dims.ToArray());
    }

    [Theory]
    [InlineData("NB0131", new[] { 3 }, new[] { 2 }, 1, 0)]
    [InlineData("NB0134", new[] { 1, 3, 2 }, new[] { 4 }, 1, 0)]
    [InlineData("NB0135", new[] { 1, 3, 2 }, new[] { 2 }, 0, 0)]
    [InlineData("NB0135", new[] { 1, 3, 2 }, new[] { 0 }, 1, 0)]
    [InlineData("NB0136", new[] { 1, 3, 2 }, new[] { 2 }, 1, 2)]
    public void Wrong_operands_are_refused_with_their_own_code(string code, int[] x, int[] window, int stride, int low)
    {
        ShapeException e = Assert.Throws<ShapeException>(() => Random(x, 1, DType.F32).MaxPool([.. window], [stride], Padding.Explicit((low, 0))));
        Assert.Equal(code, e.Code);
    }

    // The elements that lie in the window of element i of the result.
    private static List<double> Members(Tensor x, Shape result, int i, int[] window, int[] strides, Padding padding)
    {
        (int[] xs, int[] ys) = (x.Shape.Dims.ToArray(), result.Dims.ToArray());
        double[] values = x.ToDoubles();
        var members = new List<double>();
        int channel = i % ys[3], column = i / ys[3] % ys[2], row = i / ys[3] / ys[2] % ys[1], batch = i / ys[3] / ys[2] / ys[1];
        for (int k = 0; k < window[0] * window[1]; k++)
        {
            int h = row * strides[0] + k / window[1] - Amounts(padding, 0, xs[1], window[0], strides[0], 1).Low;
            int v = column * strides[1] + k % window[1] - Amounts(padding, 1, xs[2], window[1], strides[1], 1).Low;
            if (padding == Padding.Circular) (h, v) = ((h + xs[1]) % xs[1], (v + xs[2]) % xs[2]);
            if (h >= 0 && h < xs[1] && v >= 0 && v < xs[2]) members.Add(values[((batch * xs[1] + h) * xs[2] + v) * xs[3] + channel]);
        }
        return members;
    }

    private static void AssertClose(IEnumerable<double> expected, Tensor actual, double tolerance)
    {
        double[] values = actual.ToDoubles();
        foreach ((int i, double e) in expected.Index()) Assert.True(Math.Abs(e - values[i]) <= tolerance, $"{i}: {values[i]}, expected {e}");
    }
}
