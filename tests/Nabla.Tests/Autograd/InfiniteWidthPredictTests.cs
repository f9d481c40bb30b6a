using Nabla.InfiniteWidth;
using Nabla.Nn;
using Nabla.Proof;
using static Nabla.Tests.Autograd.InfiniteWidthKernelTests;

namespace Nabla.Tests.Autograd;

public sealed class InfiniteWidthPredictTests
{
    private static readonly KernelFn Kernels = new(Mlp(() => new InfiniteWidth.Erf(), 2, 1.3, 0.3));
    private static readonly Tensor X = Inputs(21, 8, 4), Other = Inputs(22, 5, 4), Y = Inputs(23, 8, 2), F0 = 0.3 * Inputs(24, 8, 2), F0Other = 0.3 * Inputs(25, 5, 2);

    private static Tensor Scalar(double value) => Tensor.Scalar(value, DType.F64);

    [Theory]
    [InlineData(LossReduction.Mean)]
    [InlineData(LossReduction.Sum)]
    public void Closed_form_dynamics_agree_with_small_steps_of_gradient_descent(LossReduction reduction)
    {
        (Tensor k, Tensor cross) = (Kernels.Ntk(X), Kernels.Ntk(Other, X));
        double rate = 0.9, scale = reduction == LossReduction.Mean ? rate / 16 : rate;
        MseDynamics dynamics = Predict.GradientDescentMse(k, Y, rate, 0, reduction);
        // Heun's method with 4000 steps: error of order 10⁻⁸ here.
        const double end = 3;
        const int steps = 4000;
        double h = end / steps;
        (Tensor f, Tensor g) = (F0, F0Other);
        for (int i = 0; i < steps; i++)
        {
            Tensor slope = Y - f, middle = Y - (f + h * scale * k.MatMul(slope)), mean = 0.5 * (slope + middle);
            (f, g) = (f + h * scale * k.MatMul(mean), g + h * scale * cross.MatMul(mean));
        }
        Assert.InRange(Relative(f, dynamics.Train(end, F0)), 0, 1e-5);
        Assert.InRange(Relative(g, dynamics.Test(end, cross, F0, F0Other)), 0, 1e-5);
        // The reduction only rescales time.
        MseDynamics other = Predict.GradientDescentMse(k, Y, rate * (reduction == LossReduction.Mean ? 1.0 / 16 : 16), 0, 1 - reduction);
        Assert.InRange(Relative(dynamics.Train(end, F0), other.Train(end, F0)), 0, 1e-12);
    }

    [Fact]
    public void Dynamics_begin_at_the_start_and_end_at_kernel_regression()
    {
        (Tensor k, Tensor cross) = (Kernels.Ntk(X), Kernels.Ntk(Other, X));
        MseDynamics dynamics = Predict.GradientDescentMse(k, Y);
        Assert.InRange(Relative(F0, dynamics.Train(0, F0)), 0, 1e-14);
        Assert.InRange(Relative(F0Other, dynamics.Test(0, cross, F0, F0Other)), 0, 1e-14);
        Tensor regression = cross.MatMul(k.Solve(Y));
        Assert.InRange(Relative(regression, dynamics.Test(double.PositiveInfinity, cross)), 0, 1e-10);
        Assert.InRange(Relative(regression, dynamics.Test(1e9, cross)), 0, 1e-8);
        Assert.InRange(Relative(Y, dynamics.Train(1e9, F0)), 0, 1e-8);
        Assert.Equal(Y.ToDoubles(), dynamics.Train(double.PositiveInfinity, F0).ToDoubles());
        Tensor ridge = cross.MatMul((k + 0.1 * k.Trace() / 8 * Ops.Eye(8, DType.F64)).Solve(Y));
        Assert.InRange(Relative(ridge, Predict.GradientDescentMse(k, Y, diagReg: 0.1).Test(double.PositiveInfinity, cross)), 0, 1e-12);
    }

    [Fact]
    public void A_kernel_with_output_axes_gives_the_same_as_a_shared_one()
    {
        (Tensor k, Tensor cross) = (Kernels.Ntk(X), Kernels.Ntk(Other, X));
        Tensor identity = Ops.Eye(2, DType.F64), full = Ops.Einsum("ab,ij->abij", k, identity), fullCross = Ops.Einsum("ab,ij->abij", cross, identity);
        foreach (double t in (double[])[0.7, double.PositiveInfinity])
            Assert.InRange(Relative(Predict.GradientDescentMse(k, Y).Test(t, cross, F0, F0Other), Predict.GradientDescentMse(full, Y).Test(t, fullCross, F0, F0Other)), 0, 1e-10);
        Assert.Equal(Predict.MaxLearningRate(k, 2), Predict.MaxLearningRate(full), 1e-10);
        Assert.InRange(Relative(Predict.GpInference(k, Y).Mean(cross), Predict.GpInference(full, Y).Mean(fullCross)), 0, 1e-10);
        Func<Tensor, Tensor> loss = f => 0.5 * (f - Y).Square().Sum();
        Tensor shared = Predict.GradientDescent(loss, k, 0.2).At(1, F0, cross, F0Other).Test!;
        Assert.InRange(Relative(shared, Predict.GradientDescent(loss, full, 0.2).At(1, F0, fullCross, F0Other).Test!), 0, 1e-7);
    }

    [Fact]
    public void The_integrator_agrees_with_the_closed_form_and_with_cross_entropy_descent()
    {
        (Tensor k, Tensor cross) = (Kernels.Ntk(X), Kernels.Ntk(Other, X));
        MseDynamics closed = Predict.GradientDescentMse(k, Y, 0.5);
        LossDynamics flow = Predict.GradientDescent(f => 0.5 * (f - Y).Square().Mean(), k, 0.5);
        foreach (double t in (double[])[0, 0.5, 20])
        {
            (Tensor train, Tensor? test) = flow.At(t, F0, cross, F0Other);
            Assert.InRange(Relative(closed.Train(t, F0), train), 0, 1e-6);
            Assert.InRange(Relative(closed.Test(t, cross, F0, F0Other), test!), 0, 1e-6);
        }
        Tensor labels = Tensor.From<int>([0, 1, 1, 0, 1, 0, 0, 1]);
        Func<Tensor, Tensor> entropy = f => Losses.CrossEntropy(f, labels);
        Tensor after = Predict.GradientDescent(entropy, k, 1).At(4, F0).Train, expected = F0;
        for (int i = 0; i < 4000; i++)
        {
            Tensor slope = Transforms.Grad(entropy)(expected), middle = Transforms.Grad(entropy)(expected - 0.0005 * k.MatMul(slope));
            expected -= 0.001 * k.MatMul(middle);
        }
        Assert.InRange(Relative(expected, after), 0, 1e-6);
        Assert.True(entropy(after).ToDouble() < entropy(F0).ToDouble());
    }

    [Fact]
    public void Gaussian_process_inference_is_the_textbook_one()
    {
        (Tensor k, Tensor cross, Tensor own) = (Kernels.Nngp(X), Kernels.Nngp(Other, X), Kernels.Nngp(Other));
        GaussianProcess process = Predict.GpInference(k, Y, 1e-2);
        Tensor noisy = k + 1e-2 * k.Trace() / 8 * Ops.Eye(8, DType.F64);
        Assert.InRange(Relative(cross.MatMul(noisy.Solve(Y)), process.Mean(cross)), 0, 1e-12);
        Assert.InRange(Relative(own - cross.MatMul(noisy.Solve(cross.T)), process.Covariance(cross, own)), 0, 1e-12);
        (Tensor w, Tensor v) = noisy.Eigh();
        double likelihood = -0.5 * (v.T.MatMul(Y).Square() / w.ExpandDims(1)).Sum().ToDouble() - w.Log().Sum().ToDouble() - 8 * Math.Log(2 * Math.PI);
        Assert.Equal(likelihood, process.LogMarginalLikelihood.ToDouble(), 1e-10);
        // Permuted training points: the same predictions.
        Tensor order = Tensor.From<int>([3, 1, 7, 0, 5, 2, 6, 4]);
        (Tensor xp, Tensor yp) = (X.Take(order), Y.Take(order));
        Assert.InRange(Relative(process.Mean(cross), Predict.GpInference(Kernels.Nngp(xp), yp, 1e-2).Mean(Kernels.Nngp(Other, xp))), 0, 1e-12);
        Assert.InRange(Relative(Predict.GradientDescentMse(Kernels.Ntk(X), Y).Test(5, Kernels.Ntk(Other, X)),
            Predict.GradientDescentMse(Kernels.Ntk(xp), yp).Test(5, Kernels.Ntk(Other, xp))), 0, 1e-12);
    }

    [Fact]
    public void Marginal_likelihood_has_gradients_with_respect_to_weight_and_bias_scales()
    {
        Tensor Likelihood((Tensor W, Tensor B) s)
        {
            KernelFn kernels = new(new Serial(new InfiniteWidth.Dense(8, s.W, s.B), new InfiniteWidth.Relu(), new InfiniteWidth.Dense(1, s.W, s.B)));
            return Predict.GpInference(kernels.Nngp(X), Y, 0.1).LogMarginalLikelihood;
        }
        GradCheck.Require<(Tensor, Tensor), Tensor>(Likelihood, (Scalar(1.3), Scalar(0.4)));
    }

    [Fact]
    public void Ensembles_begin_at_the_prior_and_end_at_the_posterior()
    {
        EnsembleDynamics ensemble = Predict.GradientDescentMseEnsemble(Kernels, X, Y, diagReg: 1e-3);
        (Tensor k, Tensor cross, Tensor own) = (Kernels.Nngp(X), Kernels.Nngp(Other, X), Kernels.Nngp(Other));
        foreach (KernelKind kind in (KernelKind[])[KernelKind.Nngp, KernelKind.Ntk])
        {
            Prediction start = ensemble.At(0, Other, kind);
            Assert.Equal(0, start.Mean.Abs().Max().ToDouble());
            Assert.InRange(Relative(own, start.Covariance!), 0, 1e-14);
            Assert.Null(ensemble.At(1, Other, kind, covariance: false).Covariance);
        }
        GaussianProcess process = Predict.GpInference(k, Y, 1e-3);
        Prediction end = ensemble.At(double.PositiveInfinity, Other, KernelKind.Nngp);
        Assert.InRange(Relative(process.Mean(cross), end.Mean), 0, 1e-9);
        Assert.InRange(Relative(process.Covariance(cross, own), end.Covariance!), 0, 1e-9);
        Prediction tangent = Predict.GradientDescentMseEnsemble(Kernels, X, Y).At(double.PositiveInfinity, null, KernelKind.Ntk);
        Assert.InRange(Relative(Y, tangent.Mean), 0, 1e-8);
        Assert.InRange(tangent.Covariance!.Abs().Max().ToDouble(), 0, 1e-7);
        Assert.True(ensemble.Report().ConditionNumber > 1);
    }

    [Fact]
    public void Ensembles_describe_networks_that_start_at_random_functions()
    {
        // Functions drawn from the prior on both sets, each moved by its own closed-form dynamics: mean and covariance of the result.
        const int draws = 4000;
        (Tensor k, Tensor all) = (Kernels.Ntk(X), Kernels.Nngp(Ops.Concatenate([X, Other])));
        Tensor f0 = all.Cholesky().MatMul(new RandomKey(5).Normal([13, draws], DType.F64));
        Tensor y = Y.Slice(.., ..1), targets = y.BroadcastTo([8, draws]);
        Tensor f = Predict.GradientDescentMse(k, targets, 1, 0, LossReduction.Sum).Test(0.4, Kernels.Ntk(Other, X), f0.Slice(..8), f0.Slice(8..));
        Prediction expected = Predict.GradientDescentMseEnsemble(Kernels, X, y, 1, 0, LossReduction.Sum).At(0.4, Other);
        Tensor variance = expected.Covariance!.Diagonal(), mean = f.Mean(1);
        Assert.InRange(((mean - expected.Mean.Squeeze(1)) / (variance / draws).Sqrt()).Abs().Max().ToDouble(), 0, 4);
        Tensor spread = (f - mean.ExpandDims(1)).Square().Mean(1);
        Assert.InRange(((spread / variance - 1) / Math.Sqrt(2.0 / draws)).Abs().Max().ToDouble(), 0, 4);
    }

    [Fact]
    public void The_largest_rate_separates_convergence_from_divergence()
    {
        Tensor k = Kernels.Ntk(X);
        foreach (LossReduction reduction in (LossReduction[])[LossReduction.Mean, LossReduction.Sum])
        {
            double limit = Predict.MaxLearningRate(k, 2, reduction), scale = reduction == LossReduction.Mean ? 1.0 / 16 : 1;
            double Error(double rate)
            {
                Tensor f = F0;
                for (int i = 0; i < 400; i++) f -= rate * scale * k.MatMul(f - Y);
                return (f - Y).Norm().ToDouble();
            }
            double start = (F0 - Y).Norm().ToDouble();
            Assert.True(Error(0.98 * limit) < start);
            Assert.True(Error(1.05 * limit) > 1e3 * start);
        }
    }

    [Fact]
    public void Singular_kernels_get_a_jitter_that_is_reported()
    {
        Tensor half = Inputs(26, 8, 3), singular = half.MatMul(half.T), good = singular + Ops.Eye(8, DType.F64);
        KernelReport report = Predict.Condition(singular);
        Assert.InRange(report.Jitter, 1e-17, 1e-12 * report.MaxEigenvalue);
        Assert.Contains("positive definite", report.Warning, StringComparison.Ordinal);
        Assert.Equal(report.Jitter, Predict.GpInference(singular, Y).Jitter);
        KernelReport healthy = Predict.Condition(good);
        Assert.Equal(0, healthy.Jitter);
        Assert.Null(healthy.Warning);
        Assert.Equal(1, healthy.MinEigenvalue, 1e-12);
        Assert.Contains("nearly singular", Predict.Condition(singular + 1e-13 * Ops.Eye(8, DType.F64)).Warning ?? "", StringComparison.Ordinal);
        Assert.Equal("NB0601", Assert.Throws<NumericException>(() => Predict.GpInference(-good, Y)).Code);
    }

    [Fact]
    public void Arguments_that_do_not_fit_are_refused()
    {
        Tensor k = Kernels.Ntk(X);
        void Refused(string code, Action call) => Assert.Equal(code, Assert.ThrowsAny<NablaException>(call).Code);
        Refused("NB0541", () => Predict.GradientDescentMse(k, Y.Slice(..7)));
        Refused("NB0541", () => Predict.GpInference(k.Slice(..7), Y));
        Refused("NB0541", () => Predict.GpInference(k, Y.At(0)));
        Refused("NB0541", () => Predict.GpInference(k, Y, -1));
        Refused("NB0541", () => Predict.MaxLearningRate(Y.At(0)));
        Refused("NB0540", () => Predict.GradientDescentMse(k, Y).Train(-1));
        Refused("NB0540", () => Predict.GradientDescent(f => f.Sum(), k).At(double.PositiveInfinity, F0));
        Refused("NB0542", () => Predict.GradientDescent(f => (f - 1e300).Square().Square().Sum(), k).At(1, F0));
    }
}
