using Nabla.Autograd;
using Nabla.Tests.Accelerators;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

[OnChosenDevice]
public sealed class LinalgGradientTests
{
    // Eigenvalues 1, 3, 3, turned so that no axis is an eigenvector.
    private static Tensor Repeated()
    {
        Tensor v = Tensor.From([1.0, 2, 3], [3, 1]) / Math.Sqrt(14);
        return 3 * Ops.Eye(3, DType.F64) - 2 * v.MatMul(v.T);
    }

    private static double Difference(Func<Tensor, Tensor> f, Tensor x, Tensor direction)
    {
        const double h = 1e-3;
        double At(double t) => f(x + t * direction).ToDouble();
        return (8 * (At(h) - At(-h)) - (At(2 * h) - At(-2 * h))) / (12 * h);
    }

    private static void GradientFits(Func<Tensor, Tensor> f, Tensor x, double tolerance = 1e-8)
    {
        Tensor direction = new SampleSource(3).Uniform(x.Shape);
        double slope = (Grad(f)(x) * direction).Sum().ToDouble();
        Assert.Equal(Difference(f, x, direction), slope, tolerance);
    }

    [Fact]
    public void Functions_of_whole_eigenspaces_have_the_right_gradient_where_eigenvalues_repeat()
    {
        Tensor b = new SampleSource(1).Uniform([3, 3]);
        GradientFits(a => a.EigenvaluesSymmetric().Pow(3).Sum(), Repeated());
        GradientFits(a => a.Eigh().Values.Exp().Sum(), Repeated());
        GradientFits(a =>
        {
            Tensor upper = a.Eigh().Vectors.Slice(.., 1..);
            return (upper.MatMul(upper.T) * b).Sum();
        }, Repeated());
        double[] gradient = Grad<Tensor>(a => a.Eigh().Vectors.Sum())(Ops.Eye(4, DType.F64)).ToDoubles();
        Assert.All(gradient, g => Assert.Equal(0, g));
    }

    [Fact]
    public void Eigenvalues_and_vectors_rebuild_the_matrix_in_a_batch_and_inside_vmap()
    {
        Tensor x = new SampleSource(2).Uniform([4, 5, 5]);
        Tensor symmetric = (x + x.T) * 0.5;
        (Tensor w, Tensor v) = symmetric.Eigh();
        Tensor rebuilt = (v * w.ExpandDims(-2)).MatMul(v.T);
        Assert.True((rebuilt - symmetric).Abs().Max().ToDouble() < 1e-14);
        Assert.Equal(w.ToDoubles(), Vmap((Tensor a) => a.Eigh().Values)(symmetric).ToDoubles());
        Assert.Equal(x.T.EigenvaluesSymmetric().ToDoubles(), x.EigenvaluesSymmetric().ToDoubles());
    }

    [Fact]
    public void Solutions_inverses_and_determinants_agree_with_each_other()
    {
        var source = new SampleSource(4);
        (Tensor a, Tensor b) = (source.Uniform([3, 4, 4]), source.Uniform([4]));
        Assert.True((a.MatMul(a.Inverse()) - Ops.Eye(4, DType.F64)).Abs().Max().ToDouble() < 1e-13);
        Assert.True((a.MatMul(a.Solve(b).ExpandDims(-1)).Squeeze(-1) - b).Abs().Max().ToDouble() < 1e-13);
        GradientFits(x => x.Inverse().Tanh().Sum(), a.At(0));
        GradientFits(x => x.Det() + x.SlogDet().LogAbs.Tanh(), a.At(0));
        double[] gradient = Grad<Tensor>(x => x.SlogDet().LogAbs)(a.At(1)).ToDoubles(), inverse = a.At(1).Inverse().T.ToDoubles();
        for (int i = 0; i < 16; i++) Assert.Equal(inverse[i], gradient[i], 1e-12 * (1 + Math.Abs(inverse[i])));
    }

    [Fact]
    public void A_least_squares_fit_through_qr_has_the_gradient_of_the_normal_equations()
    {
        var source = new SampleSource(5);
        (Tensor a, Tensor y) = (source.Uniform([7, 3]), source.Uniform([7, 1]));
        Tensor ByQr(Tensor x)
        {
            (Tensor q, Tensor r) = x.Qr();
            return r.SolveTriangular(q.T.MatMul(y), lower: false).Square().Sum();
        }
        Tensor ByNormalEquations(Tensor x) => x.T.MatMul(x).Solve(x.T.MatMul(y)).Square().Sum();
        double[] expected = Grad<Tensor>(ByNormalEquations)(a).ToDoubles(), gradient = Grad<Tensor>(ByQr)(a).ToDoubles();
        for (int i = 0; i < 21; i++) Assert.Equal(expected[i], gradient[i], 1e-11 * (1 + Math.Abs(expected[i])));
    }

    [Fact]
    public void Norms_of_singular_values_have_the_right_gradients_also_where_these_repeat()
    {
        var source = new SampleSource(6);
        Tensor a = source.Uniform([2, 5, 3]), repeated = 2 * Ops.Eye(3, DType.F64);
        (Tensor u, Tensor s, Tensor vt) = a.Svd();
        Assert.True(((u * s.ExpandDims(-2)).MatMul(vt) - a).Abs().Max().ToDouble() < 1e-14);
        GradientFits(x => x.NuclearNorm() + x.SpectralNorm() + x.ConditionNumber(), a.At(0));
        GradientFits(x => x.T.NuclearNorm() + x.T.Svd().S.Square().Sum(), a.At(1));
        GradientFits(x => x.SingularValues().Pow(4).Sum(), repeated);
        GradientFits(x =>
        {
            Tensor upper = x.Svd().U.Slice(.., ..2);
            return upper.MatMul(upper.T).Slice(1.., ..2).Sum();
        }, a.At(0));
        Assert.Equal([3, 1], Ops.Stack([a.At(0), a.At(0).Slice(.., ..1) * Ops.Arange(3, DType.F64)]).MatrixRank().ToDoubles());
        double[] gradient = Grad<Tensor>(x => x.Svd().U.Sum() + x.Svd().Vt.Sum())(repeated * 0).ToDoubles();
        Assert.All(gradient, g => Assert.True(double.IsFinite(g)));
    }

    [Fact]
    public void The_pseudo_inverse_obeys_the_four_conditions_of_Penrose_for_any_rank()
    {
        var source = new SampleSource(7);
        Tensor full = source.Uniform([3, 6, 4]), low = source.Uniform([3, 6, 2]).MatMul(source.Uniform([3, 2, 4]));
        foreach (Tensor a in new[] { full, full.T, low, low.T })
        {
            Tensor p = a.PseudoInverse(), left = a.MatMul(p), right = p.MatMul(a);
            foreach (Tensor gap in new[] { left.MatMul(a) - a, right.MatMul(p) - p, left - left.T, right - right.T })
                Assert.True(gap.Abs().Max().ToDouble() < 1e-12);
        }
        (Tensor x, Tensor b) = (full.At(0), source.Uniform([6, 1]));
        Tensor expected = x.T.MatMul(x).Solve(x.T.MatMul(b));
        Assert.True((x.LeastSquares(b) - expected).Abs().Max().ToDouble() < 1e-12);
        GradientFits(t => t.LeastSquares(b).Square().Sum(), x);
    }

    [Fact]
    public void A_symmetric_square_root_squares_to_the_matrix_and_has_the_right_gradient_where_eigenvalues_repeat()
    {
        Tensor g = new SampleSource(8).Uniform([2, 4, 4]), a = g.MatMul(g.T);
        Tensor root = a.SymmetricSqrt();
        Assert.True((root.MatMul(root) - a).Abs().Max().ToDouble() < 1e-14);
        Assert.True((root - root.T).Abs().Max().ToDouble() < 1e-14);
        // At the identity the derivative is half the (symmetrised) direction.
        Tensor weights = g.At(0), expected = (weights + weights.T) * 0.25;
        Tensor gradient = Grad<Tensor>(x => (x.SymmetricSqrt() * weights).Sum())(Ops.Eye(4, DType.F64));
        Assert.True((gradient - expected).Abs().Max().ToDouble() < 1e-14);
        Tensor singular = Tensor.From([1.0, 1, 1, 1], [2, 2]), half = singular.SymmetricSqrt();
        Assert.True((half.MatMul(half) - singular).Abs().Max().ToDouble() < 1e-14);
        Assert.True(double.IsNaN((-Ops.Eye(2, DType.F64)).SymmetricSqrt().Sum().ToDouble()));
    }

    [Theory]
    [InlineData(5, 3)]
    [InlineData(3, 5)]
    [InlineData(4, 4)]
    [InlineData(4, 0)]
    public void The_full_decomposition_completes_the_thin_one(int m, int n)
    {
        Tensor x = new SampleSource(6).Uniform([2, m, n]);
        (Tensor u, Tensor s, Tensor vt) = x.SvdFull();
        Assert.Equal((m, n), (u.Shape[^1], vt.Shape[^2]));
        Assert.True((u.T.MatMul(u) - Ops.Eye(m, DType.F64)).Abs().Sum().ToDouble() < 1e-13);
        if (n == 0) return;
        Assert.True((vt.MatMul(vt.T) - Ops.Eye(n, DType.F64)).Abs().Max().ToDouble() < 1e-14);
        int k = Math.Min(m, n);
        Tensor rebuilt = (u.Slice(.., .., ..k) * s.ExpandDims(-2)).MatMul(vt.Slice(.., ..k, ..));
        Assert.True((rebuilt - x).Abs().Max().ToDouble() < 1e-14);
        // The projection onto what is left depends on no choice of basis.
        Tensor b = new SampleSource(7).Uniform([Math.Max(m, n), Math.Max(m, n)]);
        GradientFits(a =>
        {
            (Tensor left, _, Tensor right) = a.SvdFull();
            Tensor rest = m > n ? left.Slice(.., k..) : right.T.Slice(.., k..);
            return (rest.MatMul(rest.T) * b.Slice(..rest.Shape[0], ..rest.Shape[0])).Sum() + rest.Square().Sum();
        }, x.At(0));
    }
}
