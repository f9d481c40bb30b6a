using Nabla.Tests.Accelerators;

namespace Nabla.Tests.Autograd;

[OnChosenDevice]
public sealed class SpecialPrimitiveTests
{
    private static Tensor V(params double[] values) => Tensor.From(values);

    private static void Near(double[] expected, Tensor actual, double tolerance = 1e-12) =>
        Assert.All(expected.Zip(actual.ToDoubles()), p => Assert.InRange(p.Second, p.First - tolerance, p.First + tolerance));

    [Fact]
    public void Inverses_undo_their_functions()
    {
        Tensor x = V(-2.5, -0.3, 1e-20, 0.7, 3);
        Near(x.ToDoubles(), x.NormalCdf().NormalQuantile());
        Near(x.ToDoubles(), x.Erf().ErfInv(), 1e-9);
        Near([-0.3, 0.7], V(-0.3, 0.7).Asin().Sin());
        Near([-0.3, 0.7], V(-0.3, 0.7).Acos().Cos());
        Near(x.ToDoubles(), (x.Sinh() + (1 + x.Sinh().Square()).Sqrt()).Log(), 1e-9);
    }

    [Fact]
    public void Log_gamma_differentiates_into_polygamma_to_any_order()
    {
        Func<Tensor, Tensor> third = Transforms.Grad((Tensor a) => Transforms.Grad((Tensor b) => Transforms.Grad((Tensor c) => c.LogGamma())(b))(a));
        // ψ″(1) = −2ζ(3), Apéry's constant.
        Assert.Equal(-2 * 1.2020569031595942, third(Tensor.Scalar(1.0, DType.F64)).ToDouble(), 12);
        Near([Math.PI * Math.PI / 6], V(1).Polygamma(1));
        Near([-0.57721566490153286], V(1).Digamma());
    }

    [Fact]
    public void Logic_works_on_truth_values_and_on_bits()
    {
        Tensor a = Tensor.From([true, true, false, false]), b = Tensor.From([true, false, true, false]);
        Assert.Equal([1.0, 0, 0, 0], (a & b).ToDoubles());
        Assert.Equal([1.0, 1, 1, 0], (a | b).ToDoubles());
        Assert.Equal([0.0, 1, 1, 0], (a ^ b).ToDoubles());
        Assert.Equal([0.0, 0, 1, 1], (!a).ToDoubles());
        Assert.Equal([8.0], (Tensor.From([12]) & Tensor.From([10])).ToDoubles());
        Assert.Equal([1.0, 0, 0, 0], V(1, double.NaN, double.PositiveInfinity, double.NegativeInfinity).IsFinite().ToDoubles());
        Assert.Equal([-1.5, 1.5], (V(-5.5, 5.5) % 2).ToDoubles());
    }

    [Fact]
    public void Activations_of_the_theory_have_their_multiplicity_and_support()
    {
        Assert.Equal([0, 0.25, 0, 0], V(-1, 0.5, 1, 2).SRelu().ToDoubles());
        Near([0, 0.125, 1.5, 0.125, 0], V(-1, 0.5 / Math.Sqrt(2) * Math.Sqrt(2) / Math.Sqrt(2), 1.5, 3 - 0.5 / Math.Sqrt(2), 4).QuadraticSpline());
        double x = 1e-3;
        Near([x * x], V(x).XTanh(), 1e-12);
        Near([x * x * x], V(x).XSquareTanh(), 1e-14);
        Near([Math.Tanh(Math.Log(1 + Math.E))], V(1).Mish());
    }
}
