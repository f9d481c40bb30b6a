using Nabla.Experiments.Measure;

namespace Nabla.Tests.Experiments;

public sealed class SubspaceTests
{
    private const double Ulp = 1.0 / (1L << 52);

    public static TheoryData<int, string> Cases
    {
        get
        {
            var cases = new TheoryData<int, string>();
            foreach (int n in (int[])[0, 1, 2, 3, 5, 10, 50, 65])
                foreach (string kind in (string[])["zero", "identity", "even", "geometric", "clustered", "tiny", "huge", "full"]) cases.Add(n, kind);
            return cases;
        }
    }

    private static double[] Spectrum(int n, string kind) => [.. Enumerable.Range(0, n).Select(i => kind switch
    {
        "zero" => 0,
        "identity" => 1,
        "even" => 1 - 2.0 * i / n,
        "geometric" => Math.Pow(1e-12, (double)i / n),
        "clustered" => i == 0 ? 1 : 1e-14,
        "tiny" => 1e-150 * (i + 1),
        "huge" => 1e150 * (i + 1),
        _ => Math.Sin(i + 1.0),
    })];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Eigenvectors_meet_the_ratios_of_lapack(int n, string kind)
    {
        double[] expected = Spectrum(n, kind);
        Tensor q = n == 0 ? Tensor.Zeros([0, 0], DType.F64) : Nn.Initializers.Orthogonal()(new RandomKey(7), [n, n], DType.F64);
        Tensor a = q.MatMul(Tensor.From(expected, [n, 1]) * q.T);
        SymmetricEigen eigen = SymmetricEigen.Of(a);
        Assert.Equal(eigen.Values.OrderDescending(), eigen.Values);
        double largest = expected.Select(Math.Abs).DefaultIfEmpty(0).Max();
        Assert.All(expected.OrderDescending().Zip(eigen.Values), p => Assert.InRange(p.Second, p.First - 60 * n * Ulp * largest, p.First + 60 * n * Ulp * largest));
        if (n == 0) return;
        Tensor u = Tensor.From([.. eigen.Vectors.SelectMany(v => v)], [n, n]);
        Assert.InRange(OneNorm(u.MatMul(u.T) - Ops.Eye(n, DType.F64)), 0, 60 * n * Ulp);
        Assert.InRange(OneNorm(a - u.T.MatMul(Tensor.From(eigen.Values, [n, 1]) * u)), 0, 60 * n * Ulp * OneNorm(a));
    }

    private static double OneNorm(Tensor a) => a.Abs().Sum(0).Max().ToDouble();

    [Fact]
    public void Matrices_that_are_not_square_or_not_finite_are_refused()
    {
        Assert.Throws<ArgumentException>(() => SymmetricEigen.Of(Tensor.Zeros([2, 3])));
        Assert.Throws<ArgumentException>(() => SymmetricEigen.Of(Tensor.Full([2, 2], double.NaN, DType.F64)));
        Assert.Throws<ArgumentException>(() => SymmetricEigen.Of(Tensor.Full([2, 2], double.PositiveInfinity, DType.F64)));
    }

    [Fact]
    public void Samples_near_subspaces_are_given_to_them()
    {
        // Class 0 in the plane of e_0 and e_1, class 1 (nobody), class 2 in the plane of e_2 and e_3; a fifth direction is noise.
        int[] labels = [.. Enumerable.Range(0, 40).Select(i => i % 2 * 2)];
        var z = new double[5, 40];
        for (int i = 0; i < 40; i++) (z[labels[i], i], z[labels[i] + 1, i], z[4, i]) = (Math.Cos(i), Math.Sin(i), 0.1 * Math.Cos(9 * i));
        NearestSubspace rule = NearestSubspace.Fit(Tensor.From(z), labels, 3, rank: 2);
        Assert.Equal(labels, rule.Predict(Tensor.From(z)).ToArray<int>());
        Assert.Equal(1, rule.Accuracy(Tensor.From(z), labels));
        Assert.Equal([3, 2, 5], rule.Bases.Shape.Dims.ToArray());
        Assert.Equal(0, rule.Bases.At(1).Abs().Max().ToDouble());
        Assert.Equal(20.2, rule.Spectra[0].Sum(), 0.2);
    }
}
