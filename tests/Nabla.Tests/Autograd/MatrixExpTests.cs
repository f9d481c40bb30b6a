using Nabla.Autograd;
using Nabla.Tests.Accelerators;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

[OnChosenDevice]
public sealed class MatrixExpTests
{
    private static Tensor Random(ulong seed, params int[] shape) => new SampleSource(seed).Uniform(shape);

    private static double Gap(Tensor a, Tensor b) => (a - b).Abs().Max().ToDouble();

    private static Tensor Diagonal(params double[] values) => Tensor.From(values).ExpandDims(0) * Ops.Eye(values.Length, DType.F64);

    [Fact]
    public void Diagonal_matrices_and_zero_have_their_elements_exponentials()
    {
        double[] values = [-700, -3, -1e-9, 0, 1e-5, 0.3, 20, 300];
        double[] result = Diagonal(values).MatrixExp().Diagonal().ToDoubles();
        for (int i = 0; i < values.Length; i++) Assert.Equal(1, result[i] / Math.Exp(values[i]), 1e-11);
        Assert.Equal(Ops.Eye(3, DType.F64).ToDoubles(), Tensor.Zeros([3, 3], DType.F64).MatrixExp().ToDoubles());
        Assert.Equal([0, 0], Tensor.Zeros([0, 0]).MatrixExp().Shape);
    }

    [Fact]
    public void A_nilpotent_matrix_has_the_finite_series()
    {
        Tensor n = Random(1, 5, 5).Triu(1);
        foreach (double size in (double[])[0.001, 1, 100])
        {
            Tensor a = n * size, term = Ops.Eye(5, DType.F64), sum = term;
            for (int k = 1; k < 5; k++) sum += term = term.MatMul(a) / k;
            Assert.True(Gap(a.MatrixExp(), sum) <= 1e-13 * sum.Abs().Max().ToDouble());
        }
    }

    [Theory]
    [InlineData(0.01)]
    [InlineData(1.5)]
    [InlineData(700)]
    public void A_plane_is_turned_by_the_angle(double angle)
    {
        Tensor a = Tensor.From([0, -angle, angle, 0], [2, 2]);
        Tensor turn = Tensor.From([Math.Cos(angle), -Math.Sin(angle), Math.Sin(angle), Math.Cos(angle)], [2, 2]);
        Assert.True(Gap(a.MatrixExp(), turn) < 1e-15 * Math.Max(4, 4 * angle));
    }

    [Theory]
    [InlineData(4, 1)]
    [InlineData(30, 1e3)]
    public void A_skew_matrix_gives_an_orthogonal_one(int n, double norm)
    {
        Tensor g = Random(2, n, n), skew = g - g.T;
        skew *= norm / skew.Abs().Sum(0).Max().ToDouble();
        Tensor q = skew.MatrixExp();
        // A backward error of u·‖A‖ turns by as much.
        Assert.True(Gap(q.MatMul(q.T), Ops.Eye(n, DType.F64)) < 1e-15 * n * Math.Max(4, norm));
    }

    [Fact]
    public void Inverses_eigenvalues_and_determinants_agree()
    {
        foreach (double size in (double[])[0.002, 0.05, 0.2, 0.5, 1, 4])
        {
            Tensor a = Random(3, 6, 6) * size, y = a.MatrixExp(), back = (-a).MatrixExp(), eye = Ops.Eye(6, DType.F64);
            double scale = y.Abs().Max().ToDouble() * back.Abs().Max().ToDouble();
            Assert.True(Gap(y.MatMul(back), eye) < 1e-14 * scale * 6);
            Assert.Equal(a.Trace().ToDouble(), y.SlogDet().LogAbs.ToDouble(), 1e-12 * Math.Max(1, scale));
            Tensor symmetric = a + a.T;
            (Tensor w, Tensor v) = symmetric.Eigh();
            Tensor expected = (v * w.Exp().ExpandDims(-2)).MatMul(v.T);
            Assert.True(Gap(symmetric.MatrixExp(), expected) < 2e-14 * expected.Abs().Max().ToDouble());
        }
    }

    [Fact]
    public void Members_of_a_batch_of_very_different_norms_get_what_they_get_alone()
    {
        Tensor a = Random(4, 3, 4, 4) * Tensor.From([0.001, 1, 50.0], [3, 1, 1]), y = a.MatrixExp();
        for (int i = 0; i < 3; i++) Assert.Equal(a.At(i).MatrixExp().ToDoubles(), y.At(i).ToDoubles());
        Assert.Equal(y.ToDoubles(), Vmap((Tensor x) => x.MatrixExp())(a).ToDoubles());
        Assert.Equal(y.ToDoubles(), Compile((Tensor x) => x.MatrixExp()).Call(a).ToDoubles());
        Tensor single = a.To(DType.F32), exact = single.To(DType.F64).MatrixExp().To(DType.F32);
        Assert.Equal(exact.ToDoubles(), single.MatrixExp().ToDoubles());
    }

    [Fact]
    public void Derivatives_hold_to_second_order_for_all_degrees_and_for_the_adjoint_in_a_batch()
    {
        Tensor weights = Random(5, 3, 3);
        foreach (double size in (double[])[0.002, 0.05, 0.2, 0.5, 4])
            Proof.GradCheck.Require((Tensor x) => (x.MatrixExp() * weights).Sum(), Random(6, 3, 3) * size);
        // tr exp has the gradient exp(A)ᵀ.
        Tensor a = Random(7, 2, 5, 5) * 2, gradient = Vmap(Grad<Tensor>(x => x.MatrixExp().Trace()))(a);
        Assert.True(Gap(gradient, a.MatrixExp().T) < 1e-12 * gradient.Abs().Max().ToDouble());
    }

    [Fact]
    public void Matrices_that_are_not_square_or_not_finite_are_refused_by_name()
    {
        Assert.Equal("NB0108", Assert.ThrowsAny<NablaException>(() => Random(1, 2, 3).MatrixExp()).Code);
        NablaException error = Assert.ThrowsAny<NablaException>(() => (Random(1, 2, 3, 3) / Tensor.From([1.0, 0], [2, 1, 1])).MatrixExp());
        Assert.Equal("NB0610", error.Code);
        Assert.Contains("batch index 1", error.Message, StringComparison.Ordinal);
    }
}
