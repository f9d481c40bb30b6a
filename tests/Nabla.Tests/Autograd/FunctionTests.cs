using Nabla.Tests.Accelerators;

namespace Nabla.Tests.Autograd;

[OnChosenDevice]
public sealed class FunctionTests
{
    private static Tensor V(params double[] values) => Tensor.From(values);

    private static void Near(double[] expected, Tensor actual, double tolerance = 1e-12) =>
        Assert.All(expected.Zip(actual.ToDoubles()), p => Assert.InRange(p.Second, p.First - tolerance, p.First + tolerance));

    [Fact]
    public void Softmax_and_its_logarithm_survive_large_inputs()
    {
        Near([0.5, 0.5], V(1000, 1000).Softmax());
        Near([-1000, 0], V(0, 1000).LogSoftmax());
        Assert.Equal(double.NegativeInfinity, V(double.NegativeInfinity, double.NegativeInfinity).LogSumExp().ToDouble());
    }

    [Fact]
    public void Relu_keeps_nan_and_has_slope_zero_at_zero()
    {
        Assert.True(double.IsNaN(V(double.NaN).Relu().ToDouble()));
        Near([0, 0, 1], Transforms.Grad((Tensor x) => x.Relu().Sum())(V(-1, 0, 2)));
    }

    [Fact]
    public void The_norm_of_zero_has_a_finite_gradient()
    {
        Near([0, 0], Transforms.Grad((Tensor x) => x.Norm())(V(0, 0)));
        Near([0.6, 0.8], Transforms.Grad((Tensor x) => x.Norm())(V(3, 4)));
    }

    [Theory]
    [InlineData("ij,jk->ik")]
    [InlineData("bij,bjk->bik")]
    [InlineData("ij,kj->ik")]
    [InlineData("i,j->ij")]
    [InlineData("ij->ji")]
    [InlineData("ij->")]
    [InlineData("ii->i")]
    [InlineData("ii")]
    [InlineData("ij,jk,kl->il")]
    [InlineData("ijk,ilj->kl")]
    public void Einsum_is_the_sum_that_it_spells(string subscripts)
    {
        string[] sides = subscripts.Split("->");
        string[] inputs = sides[0].Split(',');
        var sizes = new Dictionary<char, int> { ['b'] = 2, ['i'] = 3, ['j'] = 4, ['k'] = 5, ['l'] = 2 };
        if (subscripts.StartsWith("ii", StringComparison.Ordinal)) sizes['j'] = 3;
        Tensor[] operands = [.. inputs.Select((s, n) => new RandomKey((ulong)n + 1).Normal([.. s.Select(c => sizes[c])], DType.F64))];
        Tensor result = Ops.Einsum(subscripts, operands);
        string output = sides.Length > 1 ? sides[1] : "";
        char[] letters = [.. inputs.SelectMany(s => s).Distinct()];
        var expected = new Dictionary<string, double>();
        foreach (int[] index in Nabla.Autograd.ReferenceArray.Indices([.. letters.Select(c => sizes[c])]))
        {
            int At(char c) => index[Array.IndexOf(letters, c)];
            double product = 1;
            for (int n = 0; n < operands.Length; n++)
                product *= inputs[n].Aggregate(operands[n], (t, c) => t.At(At(c))).ToDouble();
            string key = string.Join(',', output.Select(c => At(c)));
            expected[key] = expected.GetValueOrDefault(key) + product;
        }
        foreach ((string key, double value) in expected)
        {
            Tensor element = key.Length == 0 ? result : key.Split(',').Aggregate(result, (t, i) => t.At(int.Parse(i)));
            Assert.Equal(value, element.ToDouble(), 12);
        }
    }

    [Fact]
    public void Einsum_refuses_subscripts_that_do_not_fit() =>
        Assert.Equal("NB0108", Assert.Throws<ShapeException>(() => Ops.Einsum("ij,jk->ik", Tensor.Ones([2, 3]), Tensor.Ones([4, 2]))).Code);

    [Fact]
    public void Log_determinant_has_the_inverse_as_gradient()
    {
        Tensor g = new RandomKey(1).Normal([5, 5], DType.F64);
        Tensor a = g.MatMul(g.T) + Ops.Eye(5, DType.F64);
        Tensor gradient = Transforms.Grad((Tensor x) => x.LogDetPositiveDefinite())(a);
        Near(Ops.Eye(5, DType.F64).ToDoubles(), gradient.MatMul(a), 1e-10);
        Near([1, 2, 3, 4, 5], a.SolvePositiveDefinite(a.MatMul(V(1, 2, 3, 4, 5).ExpandDims(1))).Squeeze(-1), 1e-10);
    }

    [Fact]
    public void Negative_sizes_are_derived_and_wrong_ones_refused()
    {
        Assert.Equal([2, 3], Tensor.Ones([6]).Reshape(2, -1).Shape.Dims.ToArray());
        Assert.Equal("NB0108", Assert.Throws<ShapeException>(() => Tensor.Ones([6]).Reshape(4, -1)).Code);
    }

    [Fact]
    public void Take_along_any_axis_replaces_it_by_the_axes_of_the_indices()
    {
        Tensor x = Ops.Arange(24).Reshape(2, 3, 4), indices = Tensor.From([2, 0, 1, 1], [2, 2]);
        Tensor y = x.Take(indices, 1);
        Assert.Equal([2, 2, 2, 4], y.Shape.Dims.ToArray());
        Assert.Equal(x.At(1).At(0).At(3).ToDouble(), y.At(1).At(0).At(1).At(3).ToDouble());
    }

    [Fact]
    public void Operands_on_different_devices_are_refused_and_can_be_moved()
    {
        Tensor here = V(1, 2), there = here.ToDevice(Device.Reference);
        Assert.Same(here, here.ToDevice(here.Device));
        Assert.Equal("NB0303", Assert.Throws<DeviceException>(() => here + there).Code);
        Near([2, 4], here.ToDevice(Device.Reference) + there);
    }

    [Fact]
    public void Element_types_promote_and_numbers_take_the_type_of_their_tensor()
    {
        Tensor i = Tensor.From([1, 2]), f = Tensor.From([0.5f, 1f]), d = V(1, 2), b = Tensor.From([true, false]);
        Assert.Equal(DType.F32, (i + f).DType);
        Assert.Equal(DType.F64, (f * d).DType);
        Assert.Equal(DType.I32, (i * 2).DType);
        Assert.Equal(DType.F32, (i * 0.5).DType);
        Assert.Equal(DType.I32, (b + 1).DType);
        Assert.Equal(DType.F32, (1 / f).DType);
    }
}
