using Nabla.Kernels;
using static Nabla.Tests.Kernels.LinalgSamples;
using static Nabla.Tests.Kernels.MatrixSamples;

namespace Nabla.Tests.Kernels;

[Collection(nameof(ProcessSettings))]
public sealed class SvdTests : IDisposable
{
    private readonly int _threads = Workers.Count;

    public void Dispose() => (Workers.Count, GemmConfig.Path) = (_threads, GemmConfig.Best);

    private static (double[] U, double[] S, double[] Vt) Decompose(DenseTensor a)
    {
        (int m, int n, int[] batch) = (a.Shape[^2], a.Shape[^1], a.Shape.Dims[..^2].ToArray());
        int k = Math.Min(m, n);
        DenseTensor u = Stale(a.DType, [.. batch, m, k]).On(a.Device), s = Stale(a.DType, [.. batch, k]).On(a.Device), vt = Stale(a.DType, [.. batch, k, n]).On(a.Device);
        Linalg.Svd(a, u, s, vt);
        return (u.ToDoubles(), s.ToDoubles(), vt.ToDoubles());
    }

    private static double[] Values(DenseTensor a)
    {
        DenseTensor s = Stale(a.DType, [.. a.Shape.Dims[..^2], Math.Min(a.Shape[^2], a.Shape[^1])]).On(a.Device);
        Linalg.Svd(a, null, s, null);
        return s.ToDoubles();
    }

    // ‖A − U·S·Vᵀ‖₁ / (‖A‖₁·max(m, n)·ulp), ‖I − UᵀU‖₁ / (m·ulp), ‖I − VᵀV‖₁ / (n·ulp); S sorted and ≥ 0; values alone are the same.
    internal static void Check(DenseTensor a, string which)
    {
        (int m, int n) = (a.Shape[0], a.Shape[1]);
        (double[] u, double[] s, double[] vt) = Decompose(a);
        if (m == 0 || n == 0) return;
        int k = Math.Min(m, n);
        double ulp = 2 * a.DType.UnitRoundoff, largest = a.ToDoubles().Max(Math.Abs), scale = largest == 0 ? 1 : largest;
        double[] scaled = Array.ConvertAll(a.ToDoubles(), x => x / scale), left = [.. u.Select((x, i) => x * (s[i % k] / scale))];
        double norm = largest == 0 ? 1 : Norm1(scaled, m, n);
        double residual = Distance(scaled, Product(left, vt, m, k, n), m, n) / (norm * Math.Max(m, n) * ulp);
        double loss = LossOfOrthogonality(u, m, k) / (m * ulp), lossRight = LossOfOrthogonality(Transposed(vt, k, n), n, k) / (n * ulp);
        Assert.True(residual < 50 && loss < 50 && lossRight < 50, $"{which}: {residual}, {loss}, {lossRight}");
        Assert.True(s.SequenceEqual(s.OrderDescending()) && s[^1] >= 0, which);
        Assert.Equal(s, Values(a));
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Residual_and_orthogonality_stay_below_the_bounds_of_LAPACK_for_all_sizes_and_kinds(DType dtype)
    {
        foreach ((DenseTensor a, string name) in GeneralMatrices(dtype)) Check(a, name);
    }

    [Fact]
    public void Graded_repeated_and_split_bidiagonal_matrices_are_decomposed() => CheckBidiagonal(Device.Cpu, 70);

    internal static void CheckBidiagonal(Device device, int n)
    {
        Check(Bidiagonal(i => Math.Pow(10, -i / 4.0), 0.5), "descending");
        Check(Bidiagonal(i => Math.Pow(10, i / 4.0 - 17), 0.5), "ascending");
        Check(Bidiagonal(i => 1, 1), "ones");
        Check(Bidiagonal(i => i % 9 == 4 ? 0 : 1, 0.3), "zeros on the diagonal");
        Check(Bidiagonal(i => i == n - 1 ? 0 : 1, 1), "zero at the end");
        Check(Bidiagonal(i => i / 10, 0), "repeated");
        Check(Bidiagonal(i => 1, 1e-17), "almost the identity");
        Check(Tensor.From(Enumerable.Repeat(1.0, n * n).ToArray(), [n, n]).On(device), "rank one");

        DenseTensor Bidiagonal(Func<int, double> diagonal, double neighbour)
        {
            var a = new double[n * n];
            for (int i = 0; i < n; i++)
            {
                a[i * n + i] = diagonal(i);
                if (i + 1 < n) a[i * n + i + 1] = neighbour * diagonal(i);
            }
            return Tensor.From(a, [n, n]).On(device);
        }
    }

    [Fact]
    public void Every_instruction_set_decomposes_a_larger_matrix_with_the_same_bits_for_one_and_more_threads()
    {
        DenseTensor a = From(DType.F64, General(DType.F64, 240, 200, Kind.CondRootOfEps, 1), [240, 200]);
        foreach (GemmPath path in Enum.GetValues<GemmPath>().Where(path => path <= GemmConfig.Best))
        {
            GemmConfig.Path = path;
            Workers.Count = 1;
            (double[] u, double[] s, double[] vt) = Decompose(a);
            Workers.Count = 3;
            Check(a, path.ToString());
            (double[] u2, double[] s2, double[] vt2) = Decompose(a);
            Assert.Equal(s, s2);
            Assert.Equal(u, u2);
            Assert.Equal(vt, vt2);
        }
    }

    [Fact]
    public void Very_large_and_very_small_elements_are_scaled() => CheckScale(Device.Cpu);

    [Fact]
    public void Prescribed_singular_values_are_found()
    {
        const int n = 50;
        double[] s = Values(Tensor.From(General(DType.F64, n, n, Kind.CondRootOfEps, 3), [n, n]));
        double cond = Math.Sqrt(0.1 / DType.F64.UnitRoundoff);
        for (int i = 0; i < n; i++) Assert.Equal(Math.Pow(cond, -(double)i / (n - 1)), s[i], 1e-14);
    }

    [Fact]
    public void Rank_deficient_and_zero_matrices_still_have_orthonormal_vectors() => CheckDeficient(Device.Cpu);

    internal static void CheckDeficient(Device device)
    {
        Check(Matrix(DType.F64, 20, 12, 1, Placement.RepeatedRow).LaidOutOn(device), "equal rows");
        Check(Matrix(DType.F32, 12, 20, 1, Placement.RepeatedColumn).LaidOutOn(device), "equal columns");
        Check(((DenseTensor)Tensor.Zeros([7, 4], DType.F64)).On(device), "zero");
        double[] sparse = new double[8 * 6];
        (sparse[0], sparse[9], sparse[20]) = (3, -2, 1e-200);
        Check(Tensor.From(sparse, [8, 6]).On(device), "three elements");
        Check(From(DType.F32, [1, 0, 0, 0, 0, 1e-30, 0, 2e-30], [4, 2]).On(device), "short columns");
    }

    // Squares of the elements are beyond the range of the type.
    internal static void CheckScale(Device device)
    {
        foreach ((DType dtype, double[] sizes) in new[] { (DType.F32, new[] { 1e37, 1e-30, 1e-41 }), (DType.F64, [1e306, 1e-300, 1e-317]) })
            foreach (double size in sizes)
            {
                double[] s = Values(From(dtype, [3 * size, 0, 4 * size, -4 * size, 0, 3 * size], [2, 3]).On(device));
                double[] expected = [5 * size, 5 * size];
                for (int i = 0; i < 2; i++) Assert.True(Math.Abs(s[i] - expected[i]) <= Math.Max(8 * dtype.UnitRoundoff * expected[i], dtype == DType.F32 ? 2e-45 : 1e-323), $"{dtype.Name} {size}: {s[i]}");
            }
    }

    [Fact]
    public void Any_strides_and_any_number_of_threads_give_the_same_bits_and_a_batch_those_of_its_entries()
    {
        foreach (Placement placement in Enum.GetValues<Placement>())
        {
            DenseTensor a = Matrix(DType.F32, 25, 17, 3, placement);
            (double[] u, double[] s, double[] vt) = Decompose(a);
            (double[] u2, double[] s2, double[] vt2) = Decompose(From(DType.F32, a.ToDoubles(), a.Shape));
            Assert.Equal(u2, u);
            Assert.Equal(s2, s);
            Assert.Equal(vt2, vt);
        }
        Workers.Count = 1;
        double[] together = CheckBatch(Device.Cpu);
        Workers.Count = 2;
        Assert.Equal(together, CheckBatch(Device.Cpu));
    }

    internal static double[] CheckBatch(Device device)
    {
        double[][] matrices = [.. Enumerable.Range(0, 6).Select(i => General(DType.F64, 30, 20, Kind.Cond2, i))];
        double[] together = Decompose(Tensor.From([.. matrices.SelectMany(x => x)], [2, 3, 30, 20]).On(device)).Vt;
        for (int i = 0; i < matrices.Length; i++) Assert.Equal(Decompose(Tensor.From(matrices[i], [30, 20]).On(device)).Vt, together[(400 * i)..(400 * (i + 1))]);
        return together;
    }

    internal static void CheckNotFinite(Device device)
    {
        double[] good = General(DType.F64, 5, 3, Kind.Cond2, 1), wrong = [.. good];
        wrong[7] = double.NaN;
        var error = Assert.Throws<NumericException>(() => Decompose(Tensor.From([.. good, .. wrong], [2, 5, 3]).On(device)));
        Assert.Equal("NB0610", error.Code);
        Assert.Contains("svd: needs finite elements: f64[2,5,3], batch index 1 ", error.Message);
    }

    [Fact]
    public void Elements_that_are_not_finite_and_shapes_that_do_not_fit_are_refused()
    {
        CheckNotFinite(Device.Cpu);
        Assert.Equal("NB0127", Assert.Throws<ShapeException>(() => Linalg.Svd(Tensor.Zeros([3, 2]), null, Stale(DType.F32, [3]), null)).Code);
        Assert.Equal("NB0210", Assert.Throws<DTypeException>(() => Linalg.Svd(Tensor.Zeros([3, 2]), null, Stale(DType.F64, [2]), null)).Code);
    }
}
