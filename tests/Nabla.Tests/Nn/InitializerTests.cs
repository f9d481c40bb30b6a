using Nabla.Nn;
using Nabla.Tests.Accelerators;
using static Nabla.Transforms;

namespace Nabla.Tests.Nn;

[OnChosenDevice]
public sealed class InitializerTests
{
    private static double OffIdentity(Tensor q) =>
        (q.T.MatMul(q) - Ops.Eye(q.Shape[1], DType.F64)).Abs().Max().ToDouble();

    [Fact]
    public void Orthogonal_initial_matrices_are_orthogonal_to_rounding()
    {
        Tensor q = Initializers.Orthogonal()(new RandomKey(5), [20, 12], DType.F64);
        Assert.InRange(OffIdentity(q), 0, 1e-14);
        Assert.InRange(OffIdentity(Initializers.Orthogonal()(new RandomKey(5), [12, 20], DType.F64).T), 0, 1e-14);
        Assert.InRange(OffIdentity(Initializers.Orthogonal(2)(new RandomKey(5), [3, 3, 2, 4], DType.F64).Reshape(18, 4) / 2), 0, 1e-14);
        Assert.Equal("NB0555", Assert.Throws<LayerException>(() => Initializers.Orthogonal()(new RandomKey(5), [4], DType.F64)).Code);
    }

    [Fact]
    public void Orthogonal_initial_matrices_are_uniformly_distributed()
    {
        // For Haar matrices of size n: E tr Q = 0, E (tr Q)² = 1, E Q₁₁² = 1/n, E Q₁₁⁴ = 3/(n(n + 2)). Without the sign rule E tr Q is far from 0.
        Tensor q = Vmap((RandomKey key) => Initializers.Orthogonal()(key, [4, 4], DType.F64))(new RandomKey(1).Split(20_000));
        Tensor trace = (q * Ops.Eye(4, DType.F64)).Sum(1, 2), corner = q.Slice(.., ..1, ..1);
        Assert.InRange(trace.Mean().ToDouble(), -0.035, 0.035); // five standard errors
        Assert.InRange(trace.Square().Mean().ToDouble(), 0.95, 1.05);
        Assert.InRange(corner.Square().Mean().ToDouble(), 0.245, 0.255);
        Assert.InRange(corner.Square().Square().Mean().ToDouble(), 0.12, 0.13);
    }

    [Theory]
    [InlineData(new[] { 3, 4, 6 }, new[] { 1 })]
    [InlineData(new[] { 4, 2, 2 }, new[] { 1 })]
    [InlineData(new[] { 3, 5, 4, 4 }, new[] { 1, 2 })]
    public void Delta_orthogonal_kernels_have_one_tap(int[] dims, int[] centre)
    {
        Tensor kernel = Initializers.DeltaOrthogonal(1.5)(new RandomKey(3), dims, DType.F64), tap = kernel;
        Assert.Equal<Shape>(dims, kernel.Shape);
        foreach (int c in centre) tap = tap.At(c);
        Assert.InRange(OffIdentity(tap.T / 1.5), 0, 1e-14);
        Assert.Equal((!tap.Equal(0)).Sum().ToDouble(), (!kernel.Equal(0)).Sum().ToDouble());
        Assert.Equal(tap.Count, (!tap.Equal(0)).Sum().ToDouble());
    }

    [Fact]
    public void Delta_orthogonal_kernels_cannot_lose_channels() => Assert.Equal(
        "NB0555", Assert.Throws<LayerException>(() => Initializers.DeltaOrthogonal()(new RandomKey(0), [3, 4, 2], DType.F32)).Code);

    [Fact]
    public void Kernels_count_their_taps_in_both_fans()
    {
        Initializer fans = Initializers.Scaled((fanIn, fanOut) => 1000 * fanIn + fanOut);
        double Scale(Shape shape) => fans(new RandomKey(0), shape, DType.F64).ToDoubles()[0] / new RandomKey(0).Normal(shape, DType.F64).ToDoubles()[0];
        Assert.Equal(3 * 1000 + 7, Scale([3, 7]), 1e-9);
        Assert.Equal(6 * 3 * 1000 + 6 * 7, Scale([2, 3, 3, 7]), 1e-9);
        Assert.Equal(5 * 1000 + 5, Scale([5]), 1e-9);
    }

    [Fact]
    public void Truncated_normals_end_at_two_sigma()
    {
        Tensor x = Initializers.TruncatedNormal(3)(new RandomKey(0), [200_000], DType.F32);
        Assert.InRange(x.Abs().Max().ToDouble(), 5.9, 6.000001);
        Assert.InRange(x.Mean().ToDouble(), -0.03, 0.03);
        Assert.InRange(x.Square().Mean().Sqrt().ToDouble() / 3, 0.875, 0.885);
    }
}
