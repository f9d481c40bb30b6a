using Nabla.Kernels;

namespace Nabla.Tests.Kernels;

public sealed class DotGeneralTests
{
    private static DenseTensor Counting(Shape shape) =>
        Tensor.From(Enumerable.Range(0, (int)shape.Count).Select(i => (i * 37 % 101 - 50) / 8.0).ToArray(), shape);

    private static DenseTensor Contract(DenseTensor a, DenseTensor b, DotDims dims)
    {
        DenseTensor c = DenseTensor.Allocate(new Aval(a.DType, dims.OutputShape(a.Shape, b.Shape)), a.Device);
        Contraction.DotGeneral(a, b, dims, c);
        return c;
    }

    [Fact]
    public void A_contraction_over_one_axis_with_a_batch_axis_in_the_middle_equals_the_sum_by_hand()
    {
        DenseTensor a = Counting([4, 2, 3]), b = Counting([3, 5, 2]);
        DenseTensor c = Contract(a, b, new DotDims([2], [0], [1], [2]));
        Assert.Equal("[2,4,5]", c.Shape.ToString());
        double[] x = a.ToDoubles(), y = b.ToDoubles(), z = c.ToDoubles();
        for (int t = 0; t < 2; t++)
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 5; j++)
                {
                    double sum = 0;
                    for (int p = 0; p < 3; p++) sum += x[(i * 2 + t) * 3 + p] * y[(p * 5 + j) * 2 + t];
                    Assert.Equal(sum, z[(t * 4 + i) * 5 + j]);
                }
    }

    [Fact]
    public void Axes_that_do_not_nest_are_contracted_through_a_copy()
    {
        DenseTensor a = Counting([3, 4, 5]), b = Counting([5, 3, 2]);
        DenseTensor c = Contract(a, b, new DotDims([2, 0], [0, 1]));
        double[] x = a.ToDoubles(), y = b.ToDoubles(), z = c.ToDoubles();
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 2; j++)
            {
                double sum = 0;
                for (int p = 0; p < 5; p++)
                    for (int q = 0; q < 3; q++) sum += x[(q * 4 + i) * 5 + p] * y[(p * 3 + q) * 2 + j];
                Assert.Equal(sum, z[i * 2 + j]);
            }
    }

    [Fact]
    public void Without_contracted_axes_the_result_is_the_outer_product()
    {
        DenseTensor a = Counting([3]), b = Counting([2]);
        double[] x = a.ToDoubles(), y = b.ToDoubles();
        Assert.Equal([x[0] * y[0], x[0] * y[1], x[1] * y[0], x[1] * y[1], x[2] * y[0], x[2] * y[1]],
            Contract(a, b, new DotDims([], [])).ToDoubles());
    }

    [Fact]
    public void Contracting_all_axes_gives_a_scalar()
    {
        DenseTensor a = Counting([3, 4]);
        DenseTensor c = Contract(a, a, new DotDims([0, 1], [0, 1]));
        Assert.Equal(Shape.Scalar, c.Shape);
        Assert.Equal(a.ToDoubles().Sum(x => x * x), c.ToDouble());
    }

    [Fact]
    public void An_empty_contracted_axis_gives_zeros_and_an_empty_free_axis_an_empty_result()
    {
        Assert.Equal(new double[6], Contract(Counting([2, 0]), Counting([0, 3]), DotDims.Matrix).ToDoubles());
        Assert.Equal(0, Contract(Counting([0, 4]), Counting([4, 3]), DotDims.Matrix).Count);
    }

    [Fact]
    public void Dims_are_compared_by_value_and_print_compactly()
    {
        var dims = new DotDims([1, 2], [0, 1], [0], [2]);
        Assert.Equal(dims, new DotDims([1, 2], [0, 1], [0], [2]));
        Assert.Equal(dims.GetHashCode(), new DotDims([1, 2], [0, 1], [0], [2]).GetHashCode());
        Assert.NotEqual(dims, new DotDims([1, 2], [0, 1]));
        Assert.Equal("contract=(1,2;0,1) batch=(0;2)", dims.ToString());
        Assert.Equal("contract=(1;0) batch=(;)", DotDims.Matrix.ToString());
    }

    [Fact]
    public void Each_misuse_has_its_own_code()
    {
        static string Code(Action action) => Assert.ThrowsAny<NablaException>(action).Code;
        Assert.Equal("NB0121", Code(() => DotDims.Matrix.OutputShape([2, 3], [4, 5])));
        Assert.Equal("NB0122", Code(() => new DotDims([2], [1], [0], [0]).OutputShape([2, 3, 4], [3, 4, 5])));
        Assert.Equal("NB0123", Code(() => _ = new DotDims([1], [0], [1], [1])));
        Assert.Equal("NB0123", Code(() => _ = new DotDims([1, 0], [0, 0])));
        Assert.Equal("NB0124", Code(() => _ = new DotDims([1, 0], [0])));
        Assert.Equal("NB0102", Code(() => DotDims.Matrix.OutputShape([2], [2, 2])));
        Assert.Equal("NB0210", Code(() => Contract(Counting([2, 2]), Tensor.Zeros([2, 2]), DotDims.Matrix)));
        Assert.Equal("NB0120", Code(() => MatMul.Run(Counting([2, 3]), Counting([2, 3]), Counting([2, 3]))));
    }
}
