namespace Nabla.Tests.Tensors;

public sealed class DTypeTests
{
    [Fact]
    public void Names_sizes_and_types_agree()
    {
        Assert.Equal(["f32", "f64", "i32", "i64", "bool"], DTypes.All.Select(d => d.Name));
        Assert.Equal([4, 8, 4, 8, 1], DTypes.All.Select(d => d.Size));
        Assert.Equal(DTypes.All, [DTypes.Of<float>(), DTypes.Of<double>(), DTypes.Of<int>(), DTypes.Of<long>(), DTypes.Of<bool>()]);
        Assert.All(DTypes.All, d => Assert.Equal(d, DTypes.Parse(d.Name)));
        Assert.Equal([true, true, false, false, false], DTypes.All.Select(d => d.IsFloat));
        Assert.Equal([false, false, true, true, false], DTypes.All.Select(d => d.IsInteger));
    }

    [Fact]
    public void Unit_roundoff_is_half_the_gap_above_one()
    {
        Assert.Equal(MathF.BitIncrement(1) - 1.0, 2 * DType.F32.UnitRoundoff);
        Assert.Equal(Math.BitIncrement(1) - 1, 2 * DType.F64.UnitRoundoff);
        Assert.Equal(0, DType.I64.UnitRoundoff);
    }

    [Fact]
    public void Promotion_is_a_total_order()
    {
        DType[] order = [DType.Bool, DType.I32, DType.I64, DType.F32, DType.F64];
        for (int i = 0; i < order.Length; i++)
            for (int j = 0; j < order.Length; j++)
                Assert.Equal(order[Math.Max(i, j)], DTypes.Promote(order[i], order[j]));
    }

    [Fact]
    public void Other_types_and_names_are_errors()
    {
        Assert.Equal("NB0201", Assert.Throws<DTypeException>(() => DTypes.Of<short>()).Code);
        Assert.Equal("NB0202", Assert.Throws<DTypeException>(() => DTypes.Parse("float")).Code);
        Assert.Equal("NB0203", Assert.Throws<DTypeException>(() => Tensor.From([1f]).ToArray<double>()).Code);
    }

    [Fact]
    public void Elements_can_be_read_back_in_every_type()
    {
        Assert.Equal([1f, 2f], Tensor.From([1f, 2f]).ToArray<float>());
        Assert.Equal([1L, long.MinValue], Tensor.From([1, long.MinValue]).ToArray<long>());
        Assert.Equal([1.0, 0.0], Tensor.From([true, false]).ToDoubles());
        Assert.Equal([1.0, 2, 3, 4], Tensor.From(new[,] { { 1, 2 }, { 3, 4 } }).ToDoubles());
        Assert.Equal(2.5, Tensor.Scalar(2.5).ToDouble());
        Assert.All(DTypes.All, d => Assert.Equal([1.0, 1.0, 1.0], Tensor.Ones([3], d).ToDoubles()));
        Assert.Equal("NB0106", Assert.Throws<ShapeException>(() => Tensor.Ones([2]).ToDouble()).Code);
        Assert.Equal("NB0106", Assert.Throws<ShapeException>(() => Tensor.Ones([0]).Item<float>()).Code);
        Assert.Equal("NB0105", Assert.Throws<ShapeException>(() => Tensor.From([1f, 2f], [3])).Code);
    }
}
