using Nabla.Tests.Accelerators;

namespace Nabla.Tests.Autograd;

[OnChosenDevice]
public sealed class OrderTests
{
    private static Tensor V(params double[] values) => Tensor.From(values);

    [Fact]
    public void Gradients_go_back_to_where_the_elements_came_from()
    {
        Tensor x = V(3, 1, 2), weights = V(10, 20, 30);
        Assert.Equal([30.0, 10, 20], Transforms.Grad((Tensor t) => (t.Sort() * weights).Sum())(x).ToDoubles());
        Assert.Equal([10.0, 0, 20], Transforms.Grad((Tensor t) => (t.TopK(2).Values * weights.Slice(..2)).Sum())(x).ToDoubles());
        Assert.Equal([1, 2, 0], x.ArgSort().Dense.ToArray<int>());
        Assert.Equal([0, 2], x.TopK(2).Indices.Dense.ToArray<int>());
        Assert.Equal("NB0108", Assert.Throws<ShapeException>(() => x.TopK(4)).Code);
    }

    [Fact]
    public void Sorting_compiles_and_batches_over_any_axis()
    {
        Tensor x = new RandomKey(3).Normal([4, 5], DType.F64);
        Tensor rows = Ops.Stack([.. Enumerable.Range(0, 5).Select(i => x.T.At(i).Sort())]);
        Assert.Equal(rows.ToDoubles(), Transforms.Vmap((Tensor r) => r.Sort(), inAxes: 1)(x).ToDoubles());
        Assert.Equal(x.Sort(0, true).ToDoubles(), Transforms.Compile((Tensor t) => t.Sort(0, true)).Call(x).ToDoubles());
        Assert.Equal(x.Sort(0).ToDoubles(), x.TakeAlong(x.ArgSort(0), 0).ToDoubles());
    }

    [Fact]
    public void Running_products_differentiate_through_zeros()
    {
        // d/dx of a + ab + abc at (2, 0, 3): 1 + b + bc, a + ac, ab.
        Assert.Equal([1.0, 8, 0], Transforms.Grad((Tensor t) => t.CumProd().Sum())(V(2, 0, 3)).ToDoubles());
        Assert.Equal([0.0, 0, 3], V(2, 0, 3).CumProd(reverse: true).ToDoubles());
    }

    [Fact]
    public void Running_extrema_give_their_gradient_to_the_extremum()
    {
        Assert.Equal([1.0, 3, 3, 5], V(1, 3, 2, 5).CumMax().ToDoubles());
        Assert.Equal([1.0, 2, 0, 1], Transforms.Grad((Tensor t) => t.CumMax().Sum())(V(1, 3, 2, 5)).ToDoubles());
        Assert.Equal([1.0, 0, 2, 1], Transforms.Grad((Tensor t) => t.CumMin(reverse: true).Sum())(V(1, 3, 2, 5)).ToDoubles());
    }

    [Fact]
    public void Segments_add_up()
    {
        Tensor x = V(1, 2, 3, 4, 5, 6).Reshape(3, 2), segments = Tensor.From([2, 0, 2]);
        Assert.Equal([3.0, 4, 0, 0, 6, 8], x.SegmentSum(segments, 3).ToDoubles());
        Assert.Equal([1, 3], V(1, 2, 3).SearchSorted(V(1.5, 9)).Dense.ToArray<int>());
    }
}
