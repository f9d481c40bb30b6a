using Nabla.Kernels;
using static Nabla.Tests.Kernels.LinalgSamples;
using static Nabla.Tests.Kernels.MatrixSamples;

namespace Nabla.Tests.Kernels;

[Collection(nameof(ProcessSettings))]
public sealed class QrTests : IDisposable
{
    private readonly int _threads = Workers.Count;

    public void Dispose() => Workers.Count = _threads;

    private static (double[] Q, double[] R) Factor(DenseTensor a)
    {
        (int m, int n) = (a.Shape[^2], a.Shape[^1]);
        int[] batch = a.Shape.Dims[..^2].ToArray();
        DenseTensor q = Stale(a.DType, [.. batch, m, Math.Min(m, n)]).On(a.Device), r = Stale(a.DType, [.. batch, Math.Min(m, n), n]).On(a.Device);
        Linalg.Qr(a, q, r);
        return (q.ToDoubles(), r.ToDoubles());
    }

    // ‖R − QᵀA‖₁ / (m·‖A‖₁·eps) and ‖I − QᵀQ‖₁ / (m·eps), and R is triangular with diagonal ≥ 0.
    internal static void Check(DenseTensor a, string which)
    {
        (int m, int n) = (a.Shape[0], a.Shape[1]);
        (double[] q, double[] r) = Factor(a);
        if (m == 0 || n == 0) return;
        int k = Math.Min(m, n);
        double largest = a.ToDoubles().Max(Math.Abs);
        double[] scaled = Array.ConvertAll(a.ToDoubles(), x => x / largest), triangle = Array.ConvertAll(r, x => x / largest);
        double unit = m * a.DType.UnitRoundoff;
        double residual = Distance(triangle, Product(Transposed(q, m, k), scaled, k, m, n), k, n) / (Norm1(scaled, m, n) * unit);
        double loss = LossOfOrthogonality(q, m, k) / unit;
        Assert.True(residual < 30 && loss < 30, $"{which}: {residual}, {loss}");
        for (int i = 0; i < k; i++)
        {
            Assert.True(r[i * n + i] >= 0, which);
            for (int j = 0; j < i; j++) Assert.Equal(0, r[i * n + j]);
        }
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Residual_and_orthogonality_stay_below_the_bounds_of_LAPACK_for_all_sizes_and_kinds(DType dtype)
    {
        foreach ((DenseTensor a, string name) in GeneralMatrices(dtype)) Check(a, name);
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void A_large_matrix_has_the_same_bits_for_one_and_more_threads(DType dtype)
    {
        DenseTensor a = Matrix(dtype, 400, 300, 7);
        Workers.Count = 1;
        (double[] q, double[] r) = Factor(a);
        Workers.Count = 2;
        (double[] q2, double[] r2) = Factor(a);
        Assert.Equal(q, q2);
        Assert.Equal(r, r2);
    }

    [Fact]
    public void Rank_deficient_and_zero_matrices_still_have_orthonormal_columns() => CheckDeficient(Device.Cpu);

    internal static void CheckDeficient(Device device)
    {
        Check(Matrix(DType.F64, 20, 12, 1, Placement.RepeatedRow).LaidOutOn(device), "equal rows");
        Check(Matrix(DType.F64, 20, 12, 1, Placement.RepeatedColumn).LaidOutOn(device), "equal columns");
        // What is left of a column after each reflection is soon subnormal.
        Check(Matrix(DType.F32, 20, 12, 1, Placement.RepeatedColumn).LaidOutOn(device), "equal columns of f32");
        (double[] q, double[] r) = Factor(Tensor.Zeros([7, 4], DType.F64, device).Dense);
        Assert.Equal(0, LossOfOrthogonality(q, 7, 4));
        Assert.All(r, x => Assert.Equal(0, x));
    }

    [Fact]
    public void Any_strides_will_do_and_each_entry_of_a_batch_is_factored_as_if_it_were_alone() => CheckBatch(Device.Cpu);

    internal static void CheckBatch(Device device)
    {
        foreach (Placement placement in Enum.GetValues<Placement>())
        {
            DenseTensor a = Matrix(DType.F32, 37, 21, 3, placement);
            (double[] q, double[] r) = Factor(a.LaidOutOn(device));
            (double[] q2, double[] r2) = Factor(From(DType.F32, a.ToDoubles(), a.Shape).On(device));
            Assert.Equal(q2, q);
            Assert.Equal(r2, r);
        }
        double[][] matrices = [.. Enumerable.Range(0, 40).Select(i => General(DType.F64, 9, 5, Kind.Cond2, i))];
        (double[] together, _) = Factor(Tensor.From([.. matrices.SelectMany(x => x)], [4, 10, 9, 5]).On(device));
        for (int i = 0; i < 40; i++) Assert.Equal(Factor(Tensor.From(matrices[i], [9, 5]).On(device)).Q, together[(45 * i)..(45 * (i + 1))]);
    }

    [Fact]
    public void Shapes_and_element_types_that_do_not_fit_are_refused()
    {
        DenseTensor a = Tensor.Zeros([3, 2], DType.F64);
        Assert.Equal("NB0127", Assert.Throws<ShapeException>(() => Linalg.Qr(a, Stale(DType.F64, [3, 3]), Stale(DType.F64, [2, 2]))).Code);
        Assert.Equal("NB0210", Assert.Throws<DTypeException>(() => Linalg.Qr(a, Stale(DType.F32, [3, 2]), Stale(DType.F32, [2, 2]))).Code);
    }
}
