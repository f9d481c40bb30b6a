namespace Nabla.Tests.Tensors;

public sealed class ShapeTests
{
    [Fact]
    public void The_default_shape_is_that_of_a_scalar()
    {
        Shape shape = default;
        Assert.Equal(0, shape.Rank);
        Assert.Equal(1, shape.Count);
        Assert.Equal("[]", shape.ToString());
        Assert.Equal(Shape.Scalar, Shape.Create([]));
    }

    [Fact]
    public void Shapes_are_compared_by_value()
    {
        Shape a = [32, 10], b = new[] { 32, 10 }, c = [10, 32];
        Assert.True(a == b);
        Assert.Equal(a.GetHashCode(), b.GetHashCode());
        Assert.True(a != c);
        Assert.False(a.Equals((object?)null));
        Assert.NotEqual(a, [32, 10, 1]);
    }

    [Fact]
    public void A_shape_does_not_share_the_array_it_was_made_from()
    {
        int[] dims = [2, 3];
        Shape shape = dims;
        dims[0] = 7;
        Assert.Equal([2, 3], shape.Dims.ToArray());
    }

    [Fact]
    public void Axes_count_from_both_ends()
    {
        Shape shape = [4, 5, 6];
        Assert.Equal(6, shape[-1]);
        Assert.Equal(6, shape[^1]);
        Assert.Equal(4, shape[0]);
        Assert.Equal(4, shape[-3]);
    }

    [Theory]
    [InlineData(3, 3)]
    [InlineData(-4, 3)]
    [InlineData(0, 0)]
    [InlineData(-1, 0)]
    [InlineData(int.MinValue, 3)]
    [InlineData(int.MaxValue, 3)]
    public void An_axis_out_of_range_is_an_error(int axis, int rank)
    {
        ShapeException e = Assert.Throws<ShapeException>(() => Shape.NormalizeAxis(axis, rank, "sum"));
        Assert.Equal("NB0102", e.Code);
        Assert.Contains("sum", e.Message);
    }

    [Fact]
    public void Axes_are_sorted_and_named_once()
    {
        Assert.Equal([0, 2], Shape.NormalizeAxes([-1, 0], 3, "sum"));
        Assert.Equal("NB0103", Assert.Throws<ShapeException>(() => Shape.NormalizeAxes([1, -2], 3, "sum")).Code);
    }

    public static TheoryData<int[]> BadDimensions => new(
        [-1],
        [3, -2],
        [int.MaxValue, int.MaxValue, int.MaxValue],
        [1 << 21, 1 << 21, 1 << 21],
        [0, int.MaxValue, int.MaxValue, int.MaxValue],
        [int.MaxValue, int.MaxValue, int.MaxValue, 0],
        [int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue]);

    [Theory, MemberData(nameof(BadDimensions))]
    public void Negative_or_too_many_elements_are_an_error(int[] dims) =>
        Assert.Equal("NB0101", Assert.Throws<ShapeException>(() => Shape.Create(dims)).Code);

    [Fact]
    public void Large_counts_up_to_63_bits_are_exact()
    {
        Shape shape = [int.MaxValue, int.MaxValue, 2];
        Assert.Equal(2L * int.MaxValue * int.MaxValue, shape.Count);
        Assert.Equal([2L * int.MaxValue, 2, 1], shape.RowMajorStrides());
        Assert.Equal(0, Shape.Create([0, int.MaxValue, int.MaxValue]).Count);
    }

    [Fact]
    public void Broadcasting_follows_numpy()
    {
        Assert.Equal([3, 4], Shape.Broadcast([3, 1], [4], "add"));
        Assert.Equal([2, 3, 4], Shape.Broadcast([3, 1], [2, 1, 4], "add"));
        Assert.Equal([0, 4], Shape.Broadcast([0, 1], [1, 4], "add"));
        Assert.Equal([5], Shape.Broadcast(Shape.Scalar, [5], "add"));
        ShapeException e = Assert.Throws<ShapeException>(() => Shape.Broadcast([3], [4], "add"));
        Assert.Equal("NB0104", e.Code);
        Assert.Contains("[3] and [4]", e.Message);
        Assert.Equal("NB0104", Assert.Throws<ShapeException>(() => Shape.Broadcast([0], [2], "add")).Code);
    }

    [Fact]
    public void Broadcasting_to_too_many_elements_is_an_error()
    {
        Shape tall = [int.MaxValue, int.MaxValue, 1, 1], wide = [int.MaxValue, int.MaxValue];
        Assert.Equal("NB0101", Assert.Throws<ShapeException>(() => Shape.Broadcast(tall, wide, "add")).Code);
    }

    [Fact]
    public void Axes_can_be_removed_inserted_and_resized()
    {
        Shape shape = [2, 3, 4];
        Assert.Equal([3], shape.Without([0, 2]));
        Assert.Equal([2, 3, 9, 4], shape.Insert(2, 9));
        Assert.Equal([2, 3, 4, 9], shape.Insert(3, 9));
        Assert.Equal([2, 0, 4], shape.With(1, 0));
        Assert.Equal([2, 3, 4], shape);
    }
}
