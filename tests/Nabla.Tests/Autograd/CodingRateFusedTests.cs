using Nabla.Kernels;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

/// <summary>The primitive behind the rates of labelled samples: against numbers from elsewhere, against the composition, and in every way that it can be called.</summary>
public sealed class CodingRateFusedTests
{
    private const double EpsilonSquared = 0.4;

    private static Tensor Waves(int d, int n)
    {
        var z = new double[d, n];
        for (int r = 0; r < d; r++)
            for (int i = 0; i < n; i++) z[r, i] = Math.Sin(0.37 * (r + 1) * (i + 1)) + 0.3 * Math.Cos(1.7 * r - 0.9 * i);
        return Tensor.From(z);
    }

    private static int[] Mixed(int n, int k) => [.. Enumerable.Range(0, n).Select(i => (int)(((long)i * i + i / 3) % k))];

    private static double At(Tensor x, int row, int column) => x.At(row).At(column).ToDouble();

    private static void Near(double expected, double actual, double tolerance) => Assert.InRange(actual, expected - tolerance * Math.Abs(expected), expected + tolerance * Math.Abs(expected));

    private static void Near(Tensor expected, Tensor actual, double tolerance) => Assert.InRange(Distance(actual, expected), 0, tolerance);

    private static double Distance(Tensor actual, Tensor expected) =>
        (expected.To(DType.F64) - actual.To(DType.F64)).Norm().ToDouble() / expected.To(DType.F64).Norm().ToDouble();

    // Computed with mpmath 1.3 at 40 digits from Z[r, i] = sin(0.37(r + 1)(i + 1)) + 0.3 cos(1.7r − 0.9i), labels (i² + ⌊i/3⌋) mod k:
    // log det and inverse of I + αZΠZᵀ, R = ½ log det, ∂R/∂Z = α(I + αZZᵀ)⁻¹Z, the same by class weighted by n_j/n; C[r, i] = cos(1 + rn + i).
    [Theory]
    [InlineData(6, 40, 3, 0.5, 6.048040414572233, 5.375439662718184, 0.6726007518540484, 0.2522069630013156, -0.12386594911006812, -0.014658338360103027, -0.017920254040598854)]
    [InlineData(12, 8, 2, 0.25, 14.62969681176278, 9.150248713453387, 5.479448098309394, 0.6465062305631978, -0.4871383614777488, 0.048414142760836346, -0.01631027524041695)]
    [InlineData(20, 64, 5, 0.05, 39.50861133915847, 29.514668412788637, 9.993942926369833, 2.322176156979421, -0.4608634130701683, -0.07608247097871201, 0.05063963555432227)]
    public void Values_and_gradients_agree_with_an_independent_computation(
        int d, int n, int k, double e2, double rate, double byClass, double reduction, double length, double along, double first, double last)
    {
        Tensor z = Waves(d, n), labels = Tensor.From(Mixed(n, k)), c = (1 + Ops.Arange(d * n, DType.F64).Reshape(d, n)).Cos();
        Near(rate, CodingRate.Rate(z, e2).ToDouble(), 1e-9);
        Near(byClass, CodingRate.ClassRate(z, labels, k, e2).ToDouble(), 1e-9);
        Near(reduction, CodingRate.Reduction(z, labels, k, e2).ToDouble(), 1e-9);
        (Tensor value, Tensor gradient) = CodingRate.ReductionWithGradient(z, labels, k, e2);
        Tensor hard = CodingRate.Memberships(Mixed(n, k), k, DType.F64);
        Tensor[] gradients =
        [
            gradient, Grad((Tensor x) => CodingRate.Reduction(x, labels, k, e2))(z), CodingRate.RateGradient(z, e2) - CodingRate.ClassRateGradient(z, hard, e2),
        ];
        Near(reduction, value.ToDouble(), 1e-9);
        Assert.All(gradients, g =>
        {
            Near(length, g.Norm().ToDouble(), 1e-9);
            Near(along, g.Dot(c).ToDouble(), 1e-9);
            Near(first, At(g, 0, 0), 1e-9);
            Near(last, At(g, d - 1, n - 1), 1e-9);
        });
    }

    // Large and small classes together, an empty one, ranges of more than 2,048 rows, gathers of more than a chunk; both layouts; sorted labels need no gather.
    [Theory]
    [InlineData(16, 5000, 3, false)]
    [InlineData(16, 5000, 3, true)]
    [InlineData(33, 70, 4, false)]
    [InlineData(130, 700, 7, false)]
    [InlineData(130, 700, 2, true)]
    [InlineData(40, 30, 4, false)]
    [InlineData(40, 30, 30, true)]
    public void The_primitive_equals_the_composition(int d, int n, int k, bool sorted)
    {
        int[] labels = Mixed(n, k);
        for (int i = 0; i < n; i++) labels[i] = i % 5 == 0 ? labels[i] : Math.Min(labels[i], 1);
        if (sorted) Array.Sort(labels);
        Tensor z = Waves(d, n), hard = CodingRate.Memberships(labels, k + 1, DType.F64), columns = Tensor.From(labels);
        Tensor gradient = CodingRate.RateGradient(z, EpsilonSquared) - CodingRate.ClassRateGradient(z, hard, EpsilonSquared);
        foreach (Tensor x in new[] { z, (z.T + 0).T })
        {
            (Tensor value, Tensor slope) = CodingRate.ReductionWithGradient(x, columns, k + 1, EpsilonSquared);
            Near(CodingRate.Reduction(z, hard, EpsilonSquared), value, 1e-11);
            Near(gradient, slope, 1e-11);
            (Tensor single, Tensor singleSlope) = CodingRate.ReductionWithGradient(x.To(DType.F32), columns, k + 1, EpsilonSquared);
            Near(value, single, 1e-4);
            // Not much worse than solving with Cholesky factors in f32: inverses by blocks of inverses would lose the square of the condition number.
            Tensor composed = CodingRate.RateGradient(z.To(DType.F32), EpsilonSquared) - CodingRate.ClassRateGradient(z.To(DType.F32), hard.To(DType.F32), EpsilonSquared);
            Assert.InRange(Distance(singleSlope, gradient), 0, 3 * Distance(composed, gradient));
        }
        const double gamma1 = 20, gamma2 = 0.05;
        Tensor expected = gamma2 * CodingRate.Rate(z, EpsilonSquared / gamma1) - CodingRate.ClassRate(z, hard, EpsilonSquared);
        Near(expected, CodingRate.Reduction(z, columns, k + 1, EpsilonSquared, gamma1, gamma2), 1e-11);
    }

    [Fact]
    public void With_fewer_samples_than_dimensions_single_precision_keeps_its_digits()
    {
        // At ε² = 0.05 the eigenvalues of I + αZZᵀ are 1 and above 10⁴; those of I + αZᵀZ lie together.
        Tensor z = new RandomKey(3).Normal([200, 50], DType.F64), rounded = z.To(DType.F32).To(DType.F64);
        Tensor single = Grad((Tensor x) => CodingRate.Rate(x, 0.05))(z.To(DType.F32));
        Near(CodingRate.RateGradient(rounded, 0.05), single, 3e-6);
        int[] labels = Mixed(50, 4);
        Tensor hard = CodingRate.Memberships(labels, 4, DType.F64);
        Near(CodingRate.ClassRateGradient(rounded, hard, 0.05), Grad((Tensor x) => CodingRate.ClassRate(x, labels, 4, 0.05))(z.To(DType.F32)), 3e-6);
    }

    [Theory]
    [InlineData(48, 6000, 5)]
    [InlineData(200, 900, 9)]
    public void Bits_do_not_depend_on_the_number_of_threads(int d, int n, int k)
    {
        Tensor z = Waves(d, n).To(DType.F32), labels = Tensor.From(Mixed(n, k));
        int previous = Workers.Count;
        var found = new List<double[]>();
        foreach (int threads in new[] { 1, 2, 3 })
        {
            Workers.Count = threads;
            (Tensor value, Tensor gradient) = CodingRate.ReductionWithGradient(z, labels, k, EpsilonSquared);
            found.Add([value.ToDouble(), .. gradient.ToDoubles()]);
        }
        Workers.Count = previous;
        Assert.Equal(found[0], found[1]);
        Assert.Equal(found[0], found[2]);
    }

    [Fact]
    public void Many_small_groups_are_a_batch()
    {
        Tensor groups = new RandomKey(5).Normal([70, 32, 10], DType.F32).Normalize(1);
        Tensor rates = CodingRate.Rate(groups, EpsilonSquared), joined = Ops.Concatenate([.. Enumerable.Range(0, 70).Select(g => groups.At(g))], 1);
        Assert.Equal([70], rates.Shape.Dims.ToArray());
        Near(CodingRate.Rate(groups.At(33), EpsilonSquared), rates.At(33), 1e-6);
        Tensor labels = Tensor.From([.. Enumerable.Range(0, 700).Select(i => i / 10)]);
        Near(CodingRate.ClassRate(joined, labels, 70, EpsilonSquared), rates.Mean(), 1e-6);
        Func<Tensor, Tensor> one = x => CodingRate.Rate(x, EpsilonSquared);
        Near(Grad((Tensor x) => one(x).Sum())(groups), Vmap(Grad(one))(groups), 1e-6);
    }

    [Fact]
    public void Labels_may_change_in_a_compiled_function()
    {
        Tensor z = Waves(6, 20);
        var compiled = Compile(((Tensor X, Tensor Labels) at) => Grad((Tensor y) => CodingRate.Reduction(y, at.Labels, 3, EpsilonSquared))(at.X));
        foreach (int shift in new[] { 0, 1, 2 })
        {
            int[] labels = Mixed(20 + shift, 3)[shift..];
            Near(Grad((Tensor y) => CodingRate.Reduction(y, labels, 3, EpsilonSquared))(z), compiled.Call((z, Tensor.From(labels))), 1e-13);
        }
        Tensor both = Vmap((Tensor labels) => CodingRate.Reduction(z, labels, 3, EpsilonSquared))(Tensor.From([.. Mixed(20, 3), .. Mixed(40, 3)[20..]], [2, 20]));
        Near(CodingRate.Reduction(z, Mixed(40, 3).AsSpan(20), 3, EpsilonSquared), both.At(1), 1e-13);
    }

    [Theory]
    [InlineData(4, 15)]
    [InlineData(9, 6)]
    public void Derivatives_of_any_order_are_those_of_the_composition(int d, int n)
    {
        Tensor z = Waves(d, n), direction = Waves(n, d).T, labels = Tensor.From(Mixed(n, 3)), hard = CodingRate.Memberships(Mixed(n, 3), 3, DType.F64);
        Func<Tensor, Tensor> fused = x => CodingRate.Reduction(x, labels, 3, EpsilonSquared), composed = x => Composition(x, hard);
        Near(Hvp(composed, z, direction), Hvp(fused, z, direction), 1e-10);
        Near(Hvp(composed, z, direction), Jvp(Grad(fused), z, direction).Tangent, 1e-10);
        Func<Func<Tensor, Tensor>, Tensor> third = f => Grad((Tensor x) => Hvp(f, x, direction).Dot(direction))(z);
        Near(third(composed), third(fused), 1e-9);
    }

    // ΔR by elementary operations on dense memberships, always d×d.
    private static Tensor Composition(Tensor z, Tensor hard)
    {
        (int d, int n) = (z.Shape[0], z.Shape[1]);
        Tensor HalfLogDet(Tensor weights, double alpha) => 0.5 * (Ops.Eye(d, DType.F64) + alpha * (z * weights).MatMul(z.T)).LogDetPositiveDefinite();
        Tensor sum = HalfLogDet(Tensor.Full([n], 1, DType.F64), d / (n * EpsilonSquared));
        for (int j = 0; j < hard.Shape[0]; j++)
        {
            double count = hard.At(j).Sum().ToDouble();
            sum -= count / n * HalfLogDet(hard.At(j), d / (count * EpsilonSquared));
        }
        return sum;
    }

    [Fact]
    public void Classes_are_scaled_to_one_squared_unit_a_sample()
    {
        int[] labels = [0, 2, 2, 0, 2, 3];
        Tensor z = Waves(3, 6) * Tensor.From([1.0, 1, 1, 1, 1, 0]), scaled = CodingRate.NormalizeClasses(z, labels, 4);
        double[] squares = scaled.Square().Sum(0).ToDoubles();
        Assert.Equal([2, 0, 3, 0], Enumerable.Range(0, 4).Select(j => Math.Round(squares.Where((_, i) => labels[i] == j).Sum(), 12)));
        Near(At(z, 0, 1) / At(z, 0, 2), At(scaled, 0, 1) / At(scaled, 0, 2), 1e-12);
    }
}
