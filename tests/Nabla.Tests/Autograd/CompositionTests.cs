using Nabla.Proof;
using Nabla.Tests.Accelerators;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

[OnChosenDevice]
public sealed class CompositionTests
{
    public static TheoryData<string> Functions => [.. Compositions.Functions];

    [Theory]
    [MemberData(nameof(Functions))]
    public void All_sequences_of_three_transformations_agree_with_nested_forward_mode(string function)
    {
        ContractResult result = Compositions.Check(function);
        Assert.True(result.Passed, result.ToString());
        // Three derivatives, and 5 + 25 + 125 sequences.
        Assert.Equal(158, result.Comparisons);
    }

    [Fact]
    public void The_hessian_of_a_sum_is_exactly_zero() =>
        Assert.All(Hessian(x => x.Sum())(Tensor.From([0.3, -1.0, 2.0])).ToDoubles(), h => Assert.Equal(0.0, h));

    [Fact]
    public void A_function_that_ignores_its_argument_has_an_exactly_zero_gradient_of_the_right_type()
    {
        Tensor gradient = Grad<Tensor>(_ => Tensor.Scalar(3))(Tensor.From([1f, 2f]));
        Assert.Equal(new Aval(DType.F32, [2]), gradient.Aval);
        Assert.All(gradient.ToDoubles(), g => Assert.Equal(0.0, g));
    }

    [Theory]
    [InlineData("abs", 0.0, 0.0)]
    [InlineData("sqrt", 0.0, double.PositiveInfinity)]
    [InlineData("max with 0", 0.0, 0.5)]
    [InlineData("clamp", 1.0, 0.5)]
    [InlineData("max of ties", 2.0, 0.5)]
    public void Derivatives_at_kinks_are_the_documented_ones(string function, double at, double slope)
    {
        Func<Tensor, Tensor> f = function switch
        {
            "abs" => x => x.Abs(),
            "sqrt" => x => x.Sqrt(),
            "max with 0" => x => x.Maximum(0),
            "clamp" => x => x.Clamp(-1, 1),
            _ => x => Ops.Stack([x, Tensor.Scalar(2, DType.F64)]).Max(),
        };
        Tensor x = Tensor.Scalar(at, DType.F64);
        Assert.Equal(slope, Grad(f)(x).ToDouble());
        Assert.Equal(slope, Jvp(f, x, x.OnesLike()).Tangent.ToDouble());
    }
}
