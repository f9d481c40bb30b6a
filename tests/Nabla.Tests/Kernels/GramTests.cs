using Nabla.Kernels;
using static Nabla.Tests.Kernels.MatrixSamples;

namespace Nabla.Tests.Kernels;

[Collection(nameof(ProcessSettings))]
public sealed class GramTests : IDisposable
{
    private readonly int _threads = Workers.Count;

    public void Dispose()
    {
        GemmConfig.Path = GemmConfig.Best;
        Workers.Count = _threads;
    }

    [Theory]
    [MemberData(nameof(GemmTests.Paths), MemberType = typeof(GemmTests))]
    public void A_Gram_matrix_is_accurate_symmetric_and_the_same_on_more_threads(string path, DType dtype)
    {
        GemmConfig.Path = Enum.Parse<GemmPath>(path);
        foreach ((int m, int k) in new[] { (1, 5), (2, 70), (5, 0), (5, 3), (17, 33), (33, 20), (64, 64), (100, 9), (150, 2), (190, 40), (300, 50), (450, 20) })
            foreach (Placement placement in new[] { Placement.Contiguous, Placement.Transposed, Placement.Strided, Placement.Reversed })
            {
                DenseTensor a = Matrix(dtype, m, k, m + k, placement), c = Stale(dtype, [m, m]), again = Stale(dtype, [m, m]);
                Workers.Count = 1;
                Gram.Run(a, c);
                Workers.Count = 3;
                Gram.Run(a, again);
                double[] x = c.ToDoubles();
                Assert.Equal(x, again.ToDoubles());
                for (int i = 0; i < m; i++)
                    for (int j = 0; j < i; j++) Assert.Equal(x[i * m + j], x[j * m + i]);
                DenseTensor transposed = a.View(a.Layout.Transpose([1, 0]));
                Assert.True(WorstRatio(a, transposed, c) < Math.Max(16, 4 * Math.Sqrt(k)), $"{m} × {k} {placement}");
            }
    }

    [Fact]
    public void Slabs_below_the_first_know_where_the_diagonal_is()
    {
        int m = GemmConfig.SlabRows + 70;
        DenseTensor a = Matrix(DType.F32, m, 6, 1), c = Stale(DType.F32, [m, m]), full = Stale(DType.F32, [m, m]);
        Gram.Run(a, c);
        MatMul.Run(a, a.View(a.Layout.Transpose([1, 0])), full);
        Assert.True(c.Span<float>().SequenceEqual(full.Span<float>()));
    }

    [Theory]
    [InlineData(3, 4)]
    [InlineData(1, 6)]
    [InlineData(130, 120)]
    public void Each_entry_of_a_batch_is_its_own_Gram_matrix(int m, int k)
    {
        DenseTensor flat = Matrix(DType.F64, 6 * m, k, 3), c = Stale(DType.F64, [2, 3, m, m]);
        DenseTensor a = flat.View(new Layout([2, 3, m, k], [m * k, 2 * m * k, k, 1], 0));
        Gram.Run(a, c);
        for (int entry = 0; entry < 6; entry++)
        {
            DenseTensor one = flat.View(new Layout([m, k], [k, 1], (entry / 3 + 2 * (entry % 3)) * m * k)), expected = Stale(DType.F64, [m, m]);
            Gram.Run(one, expected);
            Assert.Equal(expected.ToDoubles(), c.ToDoubles().Skip(entry * m * m).Take(m * m));
        }
    }

    [Fact]
    public void Integers_are_exact_and_wrong_shapes_are_refused()
    {
        DenseTensor a = Tensor.From([1, 2, 3, 4, 5, 6], [2, 3]), c = Tensor.From(new int[4], [2, 2]);
        Gram.Run(a, c);
        Assert.Equal([14, 32, 32, 77], c.ToArray<int>());
        Assert.Equal("NB0120", Assert.Throws<ShapeException>(() => Gram.Run(a, Tensor.From(new int[9], [3, 3]))).Code);
    }

    [Fact]
    public unsafe void The_lower_triangle_can_be_added_to_what_is_there()
    {
        const int m = 75, k = 30;
        DenseTensor a = Matrix(DType.F64, m, k, 1), c = From(DType.F64, [.. Enumerable.Range(0, m * (m + 2)).Select(i => (double)i)], [m, m + 2]), plain = Stale(DType.F64, [m, m]);
        Gram.Run(a, plain);
        Gram.Lower(a.Pointer<double>(), k, 1, c.Pointer<double>(), m + 2, m, k, accumulate: true);
        double[] x = c.ToDoubles(), p = plain.ToDoubles();
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j <= i; j++) Assert.Equal(i * (m + 2) + j + p[i * m + j], x[i * (m + 2) + j], 1e-11);
            for (int j = m; j < m + 2; j++) Assert.Equal(i * (m + 2) + j, x[i * (m + 2) + j]);
        }
    }
}
