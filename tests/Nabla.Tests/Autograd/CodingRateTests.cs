using Nabla.Nn;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

public sealed class CodingRateTests
{
    private const double EpsilonSquared = 0.3;
    private static readonly int[] Labels = [0, 2, 2, 0, 3, 2, 0, 3, 3, 2, 2, 0];

    // d, n: more samples than dimensions, and fewer.
    public static TheoryData<int, int> Sizes => new() { { 5, 12 }, { 12, 12 }, { 20, 12 } };

    private static Tensor Features(int d, int n) => Tensor.From([.. Enumerable.Range(0, d * n).Select(i => Math.Sin(1.3 * i * i + 0.7) + 0.2 * Math.Cos(3.1 * i))], [d, n]);

    private static Tensor Soft(int k, int n)
    {
        Tensor raw = Tensor.From([.. Enumerable.Range(0, k * n).Select(i => 1.1 + Math.Cos(2.7 * i))], [k, n]);
        return raw / raw.Sum(0);
    }

    // ½ log det(I + α Z Π Zᵀ) by Gaussian elimination with pivots on plain arrays, always on the d side.
    private static double HalfLogDet(Tensor z, Func<int, double> weight, double alpha)
    {
        (int d, int n) = (z.Shape[0], z.Shape[1]);
        double[] x = z.ToDoubles();
        var a = new double[d, d];
        for (int i = 0; i < d; i++)
            for (int j = 0; j < d; j++)
            {
                a[i, j] = i == j ? 1 : 0;
                for (int s = 0; s < n; s++) a[i, j] += alpha * x[i * n + s] * weight(s) * x[j * n + s];
            }
        double sum = 0;
        for (int p = 0; p < d; p++)
        {
            sum += Math.Log(a[p, p]);
            for (int i = p + 1; i < d; i++)
            {
                double factor = a[i, p] / a[p, p];
                for (int j = p; j < d; j++) a[i, j] -= factor * a[p, j];
            }
        }
        return 0.5 * sum;
    }

    private static double ExpectedRate(Tensor z) => HalfLogDet(z, _ => 1, z.Shape[0] / (z.Shape[1] * EpsilonSquared));

    private static double ExpectedClassRate(Tensor z, Tensor memberships)
    {
        (int d, int n) = (z.Shape[0], z.Shape[1]);
        double[] pi = memberships.ToDoubles();
        double sum = 0;
        for (int j = 0; j < memberships.Shape[0]; j++)
        {
            double size = pi.AsSpan(j * n, n).ToArray().Sum();
            if (size > 0) sum += size / n * HalfLogDet(z, i => pi[j * n + i], d / (size * EpsilonSquared));
        }
        return sum;
    }

    private static void Near(Tensor expected, Tensor actual, double tolerance) =>
        Assert.InRange((expected.To(DType.F64) - actual.To(DType.F64)).Norm().ToDouble(), 0, tolerance * expected.To(DType.F64).Norm().ToDouble());

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Rates_agree_with_elimination_on_plain_arrays(int d, int n)
    {
        Tensor z = Features(d, n), soft = Soft(3, n), hard = CodingRate.Memberships(Labels, 5, DType.F64);
        Assert.Equal(ExpectedRate(z), CodingRate.Rate(z, EpsilonSquared).ToDouble(), 1e-9);
        Assert.Equal(ExpectedClassRate(z, soft), CodingRate.ClassRate(z, soft, EpsilonSquared).ToDouble(), 1e-9);
        Assert.Equal(ExpectedClassRate(z, hard), CodingRate.ClassRate(z, hard, EpsilonSquared).ToDouble(), 1e-9);
        Assert.Equal(ExpectedClassRate(z, hard), CodingRate.ClassRate(z, Labels, 5, EpsilonSquared).ToDouble(), 1e-9);
        Assert.Equal(ExpectedRate(z) - ExpectedClassRate(z, soft), CodingRate.Reduction(z, soft, EpsilonSquared).ToDouble(), 1e-9);
        double loss = Losses.MaximalCodingRateReduction(z.T, Labels, 5, EpsilonSquared).ToDouble();
        Assert.Equal(ExpectedClassRate(z, hard) - ExpectedRate(z), loss, 1e-9);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Closed_form_gradients_agree_with_automatic_ones(int d, int n)
    {
        Tensor z = Features(d, n), soft = Soft(3, n), hard = CodingRate.Memberships(Labels, 5, DType.F64);
        Near(CodingRate.RateGradient(z, EpsilonSquared), Grad((Tensor x) => CodingRate.Rate(x, EpsilonSquared))(z), 1e-11);
        foreach (Tensor memberships in new[] { soft, hard })
        {
            Tensor closed = CodingRate.ClassRateGradient(z, memberships, EpsilonSquared);
            Near(closed, Grad((Tensor x) => CodingRate.ClassRate(x, memberships, EpsilonSquared))(z), 1e-11);
        }
        Near(CodingRate.ClassRateGradient(z, hard, EpsilonSquared), Grad((Tensor x) => CodingRate.ClassRate(x, Labels, 5, EpsilonSquared))(z), 1e-11);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Operators_applied_to_the_features_are_the_gradients(int d, int n)
    {
        Tensor z = Features(d, n), soft = Soft(3, n);
        Near(CodingRate.RateGradient(z, EpsilonSquared), CodingRate.Expansion(z, EpsilonSquared).MatMul(z), 1e-11);
        Tensor shares = soft.Mean(1).Reshape(-1, 1, 1), parts = CodingRate.Compression(z, soft, EpsilonSquared).MatMul(z * soft.ExpandDims(1));
        Near(CodingRate.ClassRateGradient(z, soft, EpsilonSquared), (shares * parts).Sum(0), 1e-11);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(20)]
    public void In_single_precision_values_and_gradients_stay_close(int d)
    {
        Tensor z = Features(d, 12), single = z.To(DType.F32), soft = Soft(3, 12);
        Assert.Equal(CodingRate.Reduction(z, soft, EpsilonSquared).ToDouble(), CodingRate.Reduction(single, soft.To(DType.F32), EpsilonSquared).ToDouble(), 1e-4);
        Near(CodingRate.RateGradient(z, EpsilonSquared), Grad((Tensor x) => CodingRate.Rate(x, EpsilonSquared))(single), 1e-5);
        Near(CodingRate.ClassRateGradient(z, soft, EpsilonSquared), CodingRate.ClassRateGradient(single, soft.To(DType.F32), EpsilonSquared), 1e-5);
    }

    [Fact]
    public void A_class_without_samples_costs_nothing_and_keeps_gradients_finite()
    {
        Tensor z = Features(5, 12), with = CodingRate.Memberships(Labels, 5, DType.F64), without = CodingRate.Memberships([.. Labels.Select(l => l == 0 ? 0 : l - 1)], 3, DType.F64);
        Assert.Equal(CodingRate.ClassRate(z, without, EpsilonSquared).ToDouble(), CodingRate.ClassRate(z, with, EpsilonSquared).ToDouble(), 1e-12);
        Assert.All(Grad((Tensor x) => CodingRate.ClassRate(x, with, EpsilonSquared))(z).ToDoubles(), g => Assert.True(double.IsFinite(g)));
        Assert.Equal(0, CodingRate.Compression(z, with, EpsilonSquared).At(1).Abs().Max().ToDouble());
        Assert.Equal([4, 0, 5, 3, 0], CodingRate.EffectiveRanks(Ops.Eye(12, DType.F64), Labels, 5).ToDoubles().Select(r => (int)Math.Round(r)));
        Assert.Equal(0, CodingRate.Rate(Tensor.Zeros([5, 0], DType.F64), EpsilonSquared).ToDouble());
        Assert.Equal(0, CodingRate.ClassRate(Tensor.Zeros([5, 0], DType.F64), [], 4, EpsilonSquared).ToDouble());
    }

    [Fact]
    public void Orthogonal_classes_with_flat_spectra_reach_the_ceiling()
    {
        // Columns e_0 … e_11, three times: four classes, each of three orthonormal directions.
        Tensor z = Ops.Concatenate([Ops.Eye(12, DType.F64), Ops.Eye(12, DType.F64), Ops.Eye(12, DType.F64)], 1);
        int[] labels = [.. Enumerable.Range(0, 36).Select(i => i % 12 / 3)];
        double ceiling = CodingRate.Ceiling(12, 4, EpsilonSquared);
        Assert.Equal(ceiling, CodingRate.Reduction(z, labels, 4, EpsilonSquared).ToDouble(), 1e-12);
        Assert.Equal(ceiling, CodingRate.OfSubspaces(12, [3, 3, 3, 3], [9, 9, 9, 9], EpsilonSquared), 1e-12);
        Assert.Equal([3, 3, 3, 3], CodingRate.EffectiveRanks(z, labels, 4).ToDoubles().Select(r => Math.Round(r, 12)));
    }

    [Fact]
    public void Known_values_of_the_optimum_are_reproduced()
    {
        Assert.Equal(15.8832, CodingRate.Ceiling(40, 10, 0.5), 5e-5);
        Assert.Equal(9.053457519, CodingRate.OfSubspaces(24, [8, 8, 8], [60, 60, 60], 0.25), 5e-10);
        Assert.Equal(9.031104143, CodingRate.OfSubspaces(24, [7, 8, 9], [60, 60, 60], 0.25), 5e-10);
    }

    [Fact]
    public void Rates_compile_batch_and_differentiate_twice()
    {
        Tensor z = Features(5, 12);
        Func<Tensor, Tensor> reduction = x => CodingRate.Reduction(x, Labels, 5, EpsilonSquared);
        Near(Grad(reduction)(z), Compile(Grad(reduction)).Call(z), 1e-13);
        Tensor pair = Ops.Stack([z, 2 * z]);
        Near(Ops.Stack([Grad(reduction)(z), Grad(reduction)(2 * z)]), Vmap(Grad(reduction))(pair), 1e-12);
        Near(Ops.Stack([CodingRate.Rate(z, 1), CodingRate.Rate(2 * z, 1)]), CodingRate.Rate(pair, 1), 1e-12);
        Tensor direction = Features(12, 5).T;
        const double step = 1e-4;
        Tensor difference = (Grad(reduction)(z + step * direction) - Grad(reduction)(z - step * direction)) / (2 * step);
        Near(difference, Hvp(reduction, z, direction), 1e-6);
    }

    [Fact]
    public void Arguments_that_do_not_fit_are_refused()
    {
        Tensor z = Features(5, 12), large = Tensor.Zeros([1, 1], DType.F32).BroadcastTo([60_000, 60_000]);
        void Refused<TError>(string code, Func<Tensor> call) where TError : NablaException => Assert.Equal(code, Assert.Throws<TError>(() => call()).Code);
        Refused<ShapeException>("NB0580", () => CodingRate.Rate(z.At(0), 1));
        Refused<ShapeException>("NB0580", () => CodingRate.Rate(Ops.Arange(4).Reshape(2, 2), 1));
        foreach (double precision in new[] { 0, -1, double.NaN, double.PositiveInfinity })
        {
            Refused<ShapeException>("NB0581", () => CodingRate.Rate(z, precision));
            Refused<ShapeException>("NB0581", () => CodingRate.ClassRate(z, Soft(3, 12), precision));
            Refused<ShapeException>("NB0581", () => CodingRate.Reduction(z, Labels, 5, precision));
        }
        Refused<ShapeException>("NB0582", () => CodingRate.ClassRate(z, Labels.AsSpan(1), 5, 1));
        Refused<ShapeException>("NB0582", () => CodingRate.ClassRate(z, [], 0, 1));
        Refused<ShapeException>("NB0582", () => CodingRate.EffectiveRanks(z, Labels.AsSpan(1), 5));
        Refused<ShapeException>("NB0583", () => CodingRate.ClassRate(z, Soft(3, 11), 1));
        Refused<ShapeException>("NB0584", () => CodingRate.Rate(large, 1));
        Refused<ShapeException>("NB0584", () => CodingRate.Memberships(new int[70_000], 70_000));
        Refused<NumericException>("NB0680", () => CodingRate.ClassRate(z, Labels, 3, 1));
        Refused<NumericException>("NB0680", () => CodingRate.Memberships([0, -1], 3));
        Refused<NumericException>("NB0680", () => CodingRate.ClassRate(z, Tensor.From(Labels), 3, 1));
        Tensor broken = Ops.Where(Ops.Arange(60).Reshape(5, 12).Equal(17), Tensor.Scalar(double.NaN, DType.F64), z);
        NumericException found = Assert.Throws<NumericException>(() => CodingRate.Reduction(broken, Labels, 5, 1));
        Assert.Equal("NB0681", found.Code);
        Assert.Contains("NaN in coordinate 1 of sample 5", found.Message, StringComparison.Ordinal);
        Refused<NumericException>("NB0682", () => CodingRate.Rate((1e30 * z).To(DType.F32), 1));
    }
}
