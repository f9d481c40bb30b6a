using Nabla.Tests.Accelerators;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

[OnChosenDevice]
public sealed class VmapTests
{
    private static readonly Tensor A = new RandomKey(1).Normal([4, 3], DType.F64), B = new RandomKey(2).Normal([3, 4], DType.F64);

    [Fact]
    public void Axes_say_where_the_batch_lies()
    {
        Func<Tensor, Tensor, Tensor> dot = (a, b) => (a * b).Sum();
        Tensor expected = (A * B.T).Sum(1);
        Assert.Equal(expected.ToDoubles(), Vmap(dot, 0, 1)(A, B).ToDoubles());
        Assert.Equal(expected.ToDoubles(), Vmap(dot, -2, -1)(A, B).ToDoubles());
    }

    [Fact]
    public void An_argument_without_axis_is_shared_and_a_result_without_batch_is_repeated()
    {
        Tensor y = Vmap((Tensor a, Tensor b) => new[] { a.MatMul(b), b }, 0, null)(A, B)[0];
        Assert.Equal(A.MatMul(B).ToDoubles(), y.ToDoubles());
        Tensor repeated = Vmap((Tensor a) => B.At(0), 0, outAxes: 1)(A);
        Assert.Equal([4, 4], repeated.Shape.Dims.ToArray());
        Assert.Equal(B.At(0).At(2).ToDouble(), repeated.At(2).At(3).ToDouble());
    }

    [Fact]
    public void Results_go_where_asked()
    {
        Tensor y = Vmap((Tensor a) => a.Exp(), 0, outAxes: 1)(A);
        Assert.Equal(A.Exp().T.ToDoubles(), y.ToDoubles());
    }

    [Fact]
    public void Nested_maps_make_all_pairs()
    {
        Tensor table = Vmap((Tensor a) => Vmap((Tensor b) => (a * b).Sum())(B.T))(A);
        Assert.All(A.MatMul(B).ToDoubles().Zip(table.ToDoubles()), p => Assert.Equal(p.First, p.Second, 12));
    }

    [Fact]
    public void Keys_are_mapped_each_with_its_own_stream()
    {
        RandomKey keys = new RandomKey(3).Split(4);
        Tensor together = Vmap((RandomKey key) => key.Normal([5]))(keys);
        for (int i = 0; i < 4; i++) Assert.Equal(keys.At(i).Normal([5]).ToDoubles(), together.At(i).ToDoubles());
    }

    [Fact]
    public void A_batch_of_one_and_of_none_keep_their_shape()
    {
        Assert.Equal([1, 3], Vmap((Tensor a) => a.Sin())(A.Slice(..1)).Shape.Dims.ToArray());
        Assert.Equal([0], Vmap((Tensor a) => a.Sin().Sum())(A.Slice(..0)).Shape.Dims.ToArray());
    }

    [Fact]
    public void Batches_that_do_not_fit_are_refused()
    {
        Assert.Equal("NB0508", Assert.Throws<ShapeException>(() => Vmap((Tensor a, Tensor b) => a + b)(A, B)).Code);
        Assert.Equal("NB0509", Assert.Throws<ShapeException>(() => Vmap((Tensor a, Tensor b) => a + b, null, null)(A, A)).Code);
        Assert.Equal("NB0102", Assert.Throws<ShapeException>(() => Vmap((Tensor a) => a, 2)(A)).Code);
    }
}
