using Nabla.Autograd;
using Nabla.Iterative;

namespace Nabla.Tests.Autograd;

public sealed class IterativeTests
{
    // A dense symmetric matrix with the given eigenvalues and random eigenvectors.
    private static Tensor WithSpectrum(double[] values, ulong seed = 1)
    {
        Tensor q = new SampleSource(seed).Uniform([values.Length, values.Length]).Qr().Q;
        return (q * Tensor.From(values)).MatMul(q.T);
    }

    private static Func<Tensor, Tensor> Operator(Tensor a) => v => a.MatMul(v);

    private static double Gap(Tensor a, Tensor b) => (a - b).Abs().Max().ToDouble();

    private static double[] Range(int n, Func<int, double> f) => [.. Enumerable.Range(0, n).Select(f)];

    [Fact]
    public void Conjugate_gradients_solve_as_the_dense_method_does()
    {
        Tensor a = WithSpectrum(Range(40, i => Math.Pow(100, i / 39.0))), b = new SampleSource(2).Uniform([40]);
        ConjugateGradientResult result = ConjugateGradient.Solve(Operator(a), b, 1e-12);
        Assert.True(result.Converged);
        Assert.Null(result.NegativeCurvature);
        Assert.True(Gap(a.Solve(b), result.X) < 1e-10);
        Assert.Equal((b - a.MatMul(result.X)).Norm().ToDouble(), result.ResidualNorm, 1e-13);
        Tensor damped = a + 3 * Ops.Eye(40, DType.F64);
        Assert.True(Gap(damped.Solve(b), ConjugateGradient.Solve(Operator(a), b, 1e-12, damping: 3).X) < 1e-10);
        ConjugateGradientResult single = ConjugateGradient.Solve(Operator(a.To(DType.F32)), b.To(DType.F32), 1e-4);
        Assert.True(single.Converged && single.X.DType == DType.F32);
        Assert.True(Gap(a.Solve(b), single.X) < 1e-3);
    }

    [Fact]
    public void Conjugate_gradients_need_a_step_for_each_distinct_eigenvalue_and_fewer_with_a_preconditioner()
    {
        Tensor three = WithSpectrum(Range(30, i => 1 + i % 3)), b = new SampleSource(3).Uniform([30]);
        Assert.Equal(3, ConjugateGradient.Solve(Operator(three), b, 1e-10).Iterations);
        Tensor scales = Tensor.From(Range(30, i => Math.Pow(10, i / 8.0))), rough = three * scales.ExpandDims(1) * scales;
        ConjugateGradientResult plain = ConjugateGradient.Solve(Operator(rough), b, 1e-8, 1000);
        ConjugateGradientResult helped = ConjugateGradient.Solve(Operator(rough), b, 1e-8, 1000, preconditioner: r => r / scales.Square());
        Assert.True(helped.Converged && 3 * helped.Iterations < plain.Iterations, $"{helped.Iterations}, {plain.Iterations}");
        Tensor exact = three.Solve(b);
        Assert.Equal(0, ConjugateGradient.Solve(Operator(three), b, 1e-10, start: exact).Iterations);
        ConjugateGradientResult limited = ConjugateGradient.Solve(Operator(three), b, 1e-10, 2);
        Assert.False(limited.Converged);
        Assert.Equal(2, limited.Iterations);
        ConjugateGradientResult zero = ConjugateGradient.Solve(Operator(three), b * 0);
        Assert.True(zero.Converged && zero.Iterations == 0 && zero.X.Abs().Max().ToDouble() == 0);
    }

    [Fact]
    public void Negative_curvature_stops_conjugate_gradients_and_is_shown()
    {
        Tensor a = WithSpectrum(Range(20, i => i - 4.5)), b = new SampleSource(4).Uniform([20]);
        ConjugateGradientResult result = ConjugateGradient.Solve(Operator(a), b, 1e-12);
        Assert.False(result.Converged);
        Tensor d = result.NegativeCurvature!;
        Assert.Equal(1, d.Norm().ToDouble(), 1e-12);
        Assert.True(d.Dot(a.MatMul(d)).ToDouble() <= 0);
        Assert.Null(ConjugateGradient.Solve(Operator(a), b, 1e-8, damping: 5).NegativeCurvature);
    }

    [Fact]
    public void Power_iteration_finds_the_largest_magnitude_or_says_that_it_did_not()
    {
        Tensor a = WithSpectrum([-5, 3, 2, 1, 0, -1, 2.5]);
        DominantEigenvalue top = Eigenvalues.Dominant(Operator(a), 7, new RandomKey(1), 1e-9, dtype: DType.F64);
        Assert.True(top.Converged && top.Iterations < 100);
        Assert.Equal(-5, top.Value, 1e-9);
        Assert.True(Gap(a.MatMul(top.Vector), -5 * top.Vector) < 1e-8);
        Assert.False(Eigenvalues.Dominant(Operator(WithSpectrum([2, -2, 1])), 3, new RandomKey(1), 1e-6, 200, DType.F64).Converged);
        DominantEigenvalue zero = Eigenvalues.Dominant(v => v * 0, 3, new RandomKey(1));
        Assert.True(zero.Converged && zero.Value == 0);
    }

    [Fact]
    public void A_complete_Lanczos_run_is_a_tridiagonalisation_with_an_orthonormal_basis()
    {
        double[] values = Range(50, i => i == 49 ? 1000 : i * 0.1 - 1);
        Tensor a = WithSpectrum(values), start = new SampleSource(5).Uniform([50]);
        LanczosResult result = Lanczos.Run(Operator(a), start, 50);
        Tensor q = result.Basis;
        Assert.True(Gap(q.MatMul(q.T), Ops.Eye(50, DType.F64)) < 1e-13);
        double[] t = q.MatMul(a).MatMul(q.T).ToDoubles();
        for (int i = 0; i < 50; i++)
            for (int j = 0; j < 50; j++)
            {
                double expected = i == j ? result.Diagonal[i] : Math.Abs(i - j) == 1 ? result.OffDiagonal[Math.Min(i, j)] : 0;
                Assert.Equal(expected, t[i * 50 + j], 1e-10);
            }
        double[] sorted = [.. values.Order()];
        for (int i = 0; i < 50; i++) Assert.Equal(sorted[i], result.RitzValues[i], 1e-10);
        Assert.Equal(1, result.Weights.Sum(), 1e-12);
    }

    [Fact]
    public void Each_Ritz_value_lies_within_its_residual_bound_of_an_eigenvalue()
    {
        double[] values = Range(60, i => i == 59 ? 400 : Math.Pow(i / 10.0, 3));
        Tensor a = WithSpectrum(values);
        LanczosResult result = Lanczos.Run(Operator(a), new SampleSource(6).Uniform([60]), 15);
        Assert.False(result.IsInvariant);
        Tensor vectors = result.RitzVectors;
        for (int i = 0; i < 15; i++)
        {
            double nearest = values.Min(v => Math.Abs(v - result.RitzValues[i]));
            Assert.True(nearest <= result.ResidualBounds[i] + 1e-10);
            double residual = (a.MatMul(vectors.At(i)) - result.RitzValues[i] * vectors.At(i)).Norm().ToDouble();
            Assert.Equal(result.ResidualBounds[i], residual, 1e-9);
        }
        // The eigenvalue far from the others is found first.
        Assert.True(result.ResidualBounds[14] < 1e-3 && result.ResidualBounds[7] > 1e-3);
    }

    [Fact]
    public void An_invariant_space_ends_a_Lanczos_run()
    {
        Tensor diagonal = Tensor.From(Range(20, i => i)), start = Tensor.From(Range(20, i => i is >= 3 and < 6 ? i - 1.5 : 0));
        LanczosResult result = Lanczos.Run(v => diagonal * v, start, 20);
        Assert.True(result.IsInvariant);
        Assert.Equal(3, result.Steps);
        for (int i = 0; i < 3; i++) Assert.Equal(3 + i, result.RitzValues[i], 1e-11);
        Assert.Equal(1, Lanczos.Run(x => 2 * x, Tensor.From([1f, 2, 3]), 3).Steps);
    }

    [Theory]
    [InlineData("separate", 4)]
    [InlineData("repeated", 5)]
    [InlineData("clustered", 3)]
    [InlineData("negative", 4)]
    [InlineData("zero", 2)]
    public void Extreme_eigenvalues_are_those_of_the_dense_method_with_their_multiplicities(string kind, int count)
    {
        double[] values = kind switch
        {
            "repeated" => Range(40, i => i < 3 ? 10 : i < 5 ? 7 : i < 8 ? -4 : Math.Sin(i)),
            "clustered" => Range(40, i => i < 3 ? 1 - 1e-4 * i : -0.02 * i),
            "negative" => Range(40, i => -1.5 - i * i),
            "zero" => new double[40],
            _ => Range(40, i => i),
        };
        Tensor a = WithSpectrum(values);
        foreach (SpectrumEnd end in Enum.GetValues<SpectrumEnd>())
        {
            Eigenpairs pairs = Eigenvalues.Extreme(Operator(a), 40, new RandomKey(7), count, end, 1e-9, dtype: DType.F64);
            double[] expected = [.. (end == SpectrumEnd.Largest ? values.OrderDescending() : values.Order()).Take(count)];
            Assert.True(pairs.Converged);
            double scale = values.Max(Math.Abs);
            for (int i = 0; i < count; i++)
            {
                Assert.Equal(expected[i], pairs.Values[i], 2e-9 * scale);
                Assert.True(pairs.Residuals[i] <= 2e-9 * scale);
            }
            Assert.True(Gap(pairs.Vectors.MatMul(pairs.Vectors.T), Ops.Eye(count, DType.F64)) < 1e-12);
        }
        if (kind != "separate") return;
        Assert.Equal(40, Eigenvalues.Extreme(Operator(a), 40, new RandomKey(8), 40, dtype: DType.F64).Values.Length);
        Assert.False(Eigenvalues.Extreme(Operator(a), 40, new RandomKey(8), 4, tolerance: 1e-9, maxSteps: 5, dtype: DType.F64).Converged);
    }

    [Fact]
    public void Quadrature_reproduces_the_moments_of_a_diagonal_operator()
    {
        double[] values = Range(200, i => Math.Sin(i) + 0.3);
        Tensor diagonal = Tensor.From(values);
        SpectralDensity density = SpectralDensity.Estimate(v => diagonal * v, 200, new RandomKey(2), 3, 10, DType.F64);
        Assert.Equal(30, density.Products);
        // Signs weigh all elements alike, so moments up to 2·10 − 1 are exact, the next is not.
        for (int k = 0; k <= 19; k++)
        {
            TraceEstimate moment = density.Trace(x => Math.Pow(x, k));
            double exact = values.Sum(x => Math.Pow(x, k));
            Assert.Equal(exact, moment.Value, 1e-11 * values.Sum(x => Math.Pow(Math.Abs(x), k)));
            Assert.True(moment.StandardError < 1e-10 * 200 * Math.Pow(1.3, k));
        }
        Assert.NotEqual(values.Sum(x => Math.Pow(x, 20)), density.Trace(x => Math.Pow(x, 20)).Value, 1e-9);
        double[] grid = density.Grid(2001, 1), smooth = density.Density(grid, 0.1);
        Assert.Equal(1, smooth.Sum() * (grid[1] - grid[0]), 1e-10);
        double[] exactly = Array.ConvertAll(grid, x => values.Average(v => Math.Exp(-50 * (x - v) * (x - v)) / (0.1 * Math.Sqrt(2 * Math.PI))));
        double[] fine = SpectralDensity.Estimate(v => diagonal * v, 200, new RandomKey(2), 2, 60, DType.F64).Density(grid, 0.1);
        for (int i = 0; i < grid.Length; i++) Assert.Equal(exactly[i], fine[i], 1e-6);
    }

    [Fact]
    public void Traces_and_log_determinants_lie_within_their_standard_errors()
    {
        double[] values = Range(80, i => 100 * Math.Pow(0.8, i) + 0.01);
        Tensor a = WithSpectrum(values);
        TraceEstimate plain = Traces.Hutchinson(Operator(a), 80, new RandomKey(3), 60, DType.F64);
        TraceEstimate better = Traces.HutchPlusPlus(Operator(a), 80, new RandomKey(3), 60, DType.F64);
        Assert.True(Math.Abs(plain.Value - values.Sum()) < 4 * plain.StandardError && plain.StandardError > 1);
        Assert.Equal(60, better.Products);
        Assert.True(Math.Abs(better.Value - values.Sum()) < 5 * better.StandardError + 1e-9);
        Assert.True(10 * better.StandardError < plain.StandardError, $"{better}, {plain}");
        TraceEstimate log = SpectralDensity.Estimate(Operator(a), 80, new RandomKey(4), 30, 40, DType.F64).Trace(Math.Log);
        Assert.True(Math.Abs(log.Value - values.Sum(Math.Log)) < 4 * log.StandardError + 1e-6);
        // Nothing is left to chance for diagonal operators, and for ranks up to a third of the products.
        Tensor diagonal = Tensor.From(Range(30, i => i));
        TraceEstimate exact = Traces.Hutchinson(v => diagonal * v, 30, new RandomKey(1), 5, DType.F64);
        Assert.Equal(435, exact.Value, 1e-10);
        Assert.Equal(0, exact.StandardError, 1e-10);
        Tensor low = WithSpectrum(Range(30, i => i < 4 ? i + 1 : 0));
        Assert.Equal(10, Traces.HutchPlusPlus(Operator(low), 30, new RandomKey(1), 15, DType.F64).Value, 1e-10);
        Assert.True(double.IsNaN(Traces.Hutchinson(v => v, 3, new RandomKey(1), 1).StandardError));
    }

    [Fact]
    public void Wrong_arguments_and_operators_are_refused_by_name()
    {
        var key = new RandomKey(1);
        Tensor b = Tensor.From([1.0, 2, 3]);
        void Refuses(string code, Func<object> call) => Assert.Equal(code, Assert.ThrowsAny<NablaException>(call).Code);
        Refuses("NB0142", () => ConjugateGradient.Solve(v => v.Slice(1..), b));
        Refuses("NB0142", () => ConjugateGradient.Solve(v => v.To(DType.F32), b));
        Refuses("NB0142", () => ConjugateGradient.Solve(v => v, b, start: Tensor.From([1.0])));
        Refuses("NB0108", () => ConjugateGradient.Solve(v => v, b.Reshape(3, 1)));
        Refuses("NB0143", () => ConjugateGradient.Solve(v => v, b, maxIterations: 0));
        Refuses("NB0143", () => ConjugateGradient.Solve(v => v, b, tolerance: double.NaN));
        Refuses("NB0143", () => ConjugateGradient.Solve(v => v, b, preconditioner: v => -v));
        Refuses("NB0630", () => ConjugateGradient.Solve(v => v / 0, b));
        Refuses("NB0630", () => ConjugateGradient.Solve(v => v, b / 0));
        Refuses("NB0143", () => Lanczos.Run(v => v, b, 0));
        Refuses("NB0631", () => Lanczos.Run(v => v, b * 0, 2));
        Refuses("NB0630", () => Lanczos.Run(v => v * double.NaN, b, 2));
        Refuses("NB0143", () => Eigenvalues.Dominant(v => v, 3, key, maxIterations: 0));
        Refuses("NB0143", () => Eigenvalues.Extreme(v => v, 3, key, 4));
        Refuses("NB0143", () => Eigenvalues.Extreme(v => v, 0, key));
        Refuses("NB0205", () => Eigenvalues.Extreme(v => v, 3, key, dtype: DType.I32));
        Refuses("NB0143", () => Traces.Hutchinson(v => v, 3, key, 0));
        Refuses("NB0143", () => Traces.HutchPlusPlus(v => v, 3, key, 2));
        Refuses("NB0143", () => SpectralDensity.Estimate(v => v, 3, key, steps: 0));
        Refuses("NB0143", () => SpectralDensity.Estimate(v => v, 3, key).Density([0], 0));
    }
}
