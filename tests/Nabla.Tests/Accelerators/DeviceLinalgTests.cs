using Nabla.Kernels;
using Nabla.Tests.Kernels;
using static Nabla.Tests.Kernels.LinalgSamples;
using static Nabla.Tests.Kernels.MatrixSamples;

namespace Nabla.Tests.Accelerators;

/// <summary>Linear algebra by generated kernels, held to the bounds that the CPU is held to, on every accelerator of this machine.</summary>
public sealed class DeviceLinalgTests
{
    private static readonly int[] Few = [0, 1, 2, 3, 5, 17, 33], Many = [0, 1, 2, 3, 5, 17, 32, 63, 64, 65, 129];

    /// <summary>The emulator, and the first OpenCL device.</summary>
    public static TheoryData<string> Devices => ["emu", "opencl"];

    private static Device Find(string name)
    {
        Device? device = Nabla.Kernels.Accelerators.Find().FirstOrDefault(d => d.Name.StartsWith(name, StringComparison.Ordinal));
        Assert.SkipWhen(device is null, string.Join(' ', Nabla.Kernels.Accelerators.NotFound));
        return device;
    }

    private static int[] SizesOf(Device device) => device.Name == "emu" ? Few : Many;

    [Theory, MemberData(nameof(Devices))]
    public void Cholesky_factors_have_small_residuals(string name)
    {
        Device device = Find(name);
        foreach (DType dtype in new[] { DType.F32, DType.F64 }) CholeskyTests.CheckResiduals(device, dtype, SizesOf(device));
    }

    [Theory, MemberData(nameof(Devices))]
    public void Cholesky_reads_the_lower_triangle_with_any_strides_and_each_entry_of_a_batch_alone(string name)
    {
        CholeskyTests.CheckLowerAndStrides(Find(name), 35);
        CholeskyTests.CheckBatch(Find(name), 33);
        // So many that they share groups.
        CholeskyTests.CheckBatch(Find(name), 20, 30);
        CholeskyTests.CheckBatch(Find(name), 40, 15);
    }

    [Theory, MemberData(nameof(Devices))]
    public void Cholesky_factors_of_more_rows_than_a_group_has_work_items_have_small_residuals(string name)
    {
        Device device = Find(name);
        CholeskyTests.CheckLarge(device, DType.F32, 256);
        CholeskyTests.CheckLarge(device, DType.F64, 289);
        if (device.Name == "emu") return;
        foreach (DType dtype in new[] { DType.F32, DType.F64 })
        {
            CholeskyTests.CheckResiduals(device, dtype, [257, 300]);
            CholeskyTests.CheckLarge(device, dtype, 513);
        }
        CholeskyTests.CheckLowerAndStrides(device, 300);
        CholeskyTests.CheckBatch(device, 257);
        CholeskyTests.CheckZeroRows(device, 300);
    }

    [Theory, MemberData(nameof(Devices))]
    public void A_matrix_that_is_not_positive_definite_is_named_with_its_row(string name)
    {
        Device device = Find(name);
        CholeskyTests.CheckZeroRows(device, 5);
        CholeskyTests.CheckZeroRows(device, device.Name == "emu" ? 34 : 129);
        CholeskyTests.CheckIndefinite(device);
    }

    [Theory, MemberData(nameof(Devices))]
    public void Triangular_systems_are_solved_from_both_sides_in_all_cases(string name)
    {
        Device device = Find(name);
        foreach (DType dtype in new[] { DType.F32, DType.F64 })
            foreach (bool left in new[] { true, false })
            {
                TriangularSolveTests.CheckResiduals(device, dtype, left, SizesOf(device));
                // More right-hand sides than a group has work-items, more rows than a block.
                if (device.Name != "emu") TriangularSolveTests.CheckResiduals(device, dtype, left, [300], 150);
            }
    }

    [Theory, MemberData(nameof(Devices))]
    public void Triangular_systems_of_a_batch_are_solved_and_a_zero_on_the_diagonal_is_named(string name)
    {
        TriangularSolveTests.CheckBatch(Find(name));
        TriangularSolveTests.CheckBatch(Find(name), 40);
        TriangularSolveTests.CheckZeroDiagonal(Find(name));
    }

    [Theory, MemberData(nameof(Devices))]
    public void Inverses_of_triangles_and_from_factors_have_small_residuals(string name)
    {
        Device device = Find(name);
        foreach (DType dtype in new[] { DType.F32, DType.F64 })
        {
            InverseTests.CheckRatios(device, dtype, name == "emu" ? [0, 1, 31, 33, 65] : [0, 1, 31, 32, 33, 128, 255, 256, 257, 300, 513]);
            InverseTests.CheckBatch(device, dtype, 20, name == "emu" ? 2 : 10);
            InverseTests.CheckBatch(device, dtype, 33, 1);
        }
        InverseTests.CheckRatios(device, DType.F32, [257]);
        InverseTests.CheckZeroDiagonal(device);
    }

    [Theory, MemberData(nameof(Devices))]
    public void General_systems_are_factored_and_solved(string name)
    {
        Device device = Find(name);
        foreach (DType dtype in new[] { DType.F32, DType.F64 }) LuTests.CheckResiduals(device, dtype, SizesOf(device));
        LuTests.CheckBatch(device);
        LuTests.CheckZeroRows(device, 5);
        LuTests.CheckZeroRows(device, device.Name == "emu" ? 34 : 65);
    }

    [Theory, MemberData(nameof(Devices))]
    public void Determinants_have_their_sign_and_their_size(string name)
    {
        Assert.SkipWhen(name == "emu", "129 rows take too long in the emulator.");
        LuTests.CheckDeterminants(Find(name));
    }

    [Theory, MemberData(nameof(Devices))]
    public void QR_has_small_residuals_and_orthonormal_columns(string name)
    {
        Device device = Find(name);
        foreach (DType dtype in new[] { DType.F32, DType.F64 })
            foreach ((DenseTensor a, string which) in GeneralMatrices(dtype))
                if (a.Count < (device.Name == "emu" ? 400 : 20_000)) QrTests.Check(a.On(device), which);
        QrTests.CheckDeficient(device);
        QrTests.CheckBatch(device);
    }

    [Theory, MemberData(nameof(Devices))]
    public void Symmetric_eigenvectors_are_orthonormal_with_small_residuals(string name)
    {
        Device device = Find(name);
        foreach (DType dtype in new[] { DType.F32, DType.F64 }) SymmetricEigenTests.CheckResiduals(device, dtype, SizesOf(device));
        SymmetricEigenTests.CheckLowerAndStrides(device, 9);
        SymmetricEigenTests.CheckBatch(device, 5);
        SymmetricEigenTests.CheckSign(device);
        SymmetricEigenTests.CheckScale(device);
        foreach (double bad in new[] { double.NaN, double.PositiveInfinity }) SymmetricEigenTests.CheckNotFinite(device, bad);
    }

    [Theory, MemberData(nameof(Devices))]
    public void Singular_vectors_are_orthonormal_with_small_residuals(string name)
    {
        Device device = Find(name);
        foreach (DType dtype in new[] { DType.F32, DType.F64 })
            foreach ((DenseTensor a, string which) in GeneralMatrices(dtype))
                if (a.Count < (device.Name == "emu" ? 300 : 20_000)) SvdTests.Check(a.On(device), which);
        SvdTests.CheckBidiagonal(device, device.Name == "emu" ? 20 : 70);
        SvdTests.CheckDeficient(device);
        SvdTests.CheckScale(device);
        SvdTests.CheckBatch(device);
        SvdTests.CheckNotFinite(device);
    }

    // A batch has matrices that need no squarings and some that need several; the direction may be far larger than the matrix.
    [Theory, MemberData(nameof(Devices))]
    public void Matrix_exponentials_and_their_derivatives_are_those_of_the_host(string name)
    {
        Device device = Find(name);
        foreach (int n in name == "emu" ? new[] { 1, 5 } : [1, 5, 40])
            foreach (DType dtype in new[] { DType.F32, DType.F64 })
            {
                double[] a = [.. new[] { 0.0, 0.01, 1, 20 }.SelectMany((size, i) => Matrix(DType.F64, n, n, i).ToDoubles().Select(x => x * size / n))];
                DenseTensor x = From(dtype, a, [4, n, n]), e = From(dtype, [.. Matrix(DType.F64, 4 * n, n, 9).ToDoubles().Select(v => 1e6 * v)], [4, n, n]);
                foreach (bool derivative in new[] { false, true })
                {
                    double[] expected = Exponential(x, derivative ? e : null), found = Exponential(x.On(device), derivative ? e.On(device) : null);
                    for (int i = 0; i < 4; i++)
                    {
                        double gap = Relative(found[(i * n * n)..((i + 1) * n * n)], expected[(i * n * n)..((i + 1) * n * n)]);
                        Assert.True(gap <= 40 * 8 * n * dtype.UnitRoundoff, $"{dtype.Name} {n} {i} {derivative}: {gap}");
                    }
                }
            }
        DenseTensor bad = Tensor.From([1, 2, double.NaN, 4, 5, 6, 7, 8], [2, 2, 2]).On(device);
        Assert.Equal("NB0610", Assert.Throws<NumericException>(() => Exponential(bad, null)).Code);
    }

    private static double[] Exponential(DenseTensor a, DenseTensor? e)
    {
        DenseTensor y = Stale(a.DType, a.Shape).On(a.Device);
        if (e is null) Linalg.MatrixExp(a, y);
        else Linalg.MatrixExpDerivative(a, e, y);
        return y.ToDoubles();
    }

    // Large and small classes, an empty one, fewer samples than dimensions, more than one tile, sums of more than one part, a batch.
    [Theory, MemberData(nameof(Devices))]
    public void Coding_rates_and_their_gradients_are_those_of_the_host(string name)
    {
        Device device = Find(name);
        (int, int, int)[] cases = [(1, 1, 1), (40, 6, 3), (70, 33, 4), (30, 40, 4), (600, 17, 0), (700, 6, 3), (320, 5, 290)];
        // Matrices that are factored in panels.
        if (name != "emu") cases = [.. cases, (300, 270, 2)];
        foreach ((int n, int d, int k) in cases)
            foreach (DType dtype in new[] { DType.F32, DType.F64 })
            {
                Tensor x = new RandomKey((uint)n).Normal([2, n, d], DType.F64).To(dtype);
                int[] labels = [.. Enumerable.Range(0, 2 * n).Select(i => i % 3 == 0 ? i * i % Math.Max(1, k) : 0)];
                var form = new RateForm(k == 0 ? 0 : k + 1, 0.4, ByClass: k == 0 ? 0 : -1, Gain: 2);
                Tensor[] inputs = k == 0 ? [x] : [x, Tensor.From(labels, [2, n])];
                Tensor[] there = [.. inputs.Select(i => i.ToDevice(device))];
                (double[] value, double[] gradient) = Rates(inputs, form);
                (double[] found, double[] slope) = Rates(there, form);
                double bound = 64 * d * dtype.UnitRoundoff;
                Assert.True(Relative(found, value) <= bound && Relative(slope, gradient) <= bound, $"{dtype.Name} {n} {d} {k}: {Relative(found, value)}, {Relative(slope, gradient)}");
                Assert.Equal(found, Value(there, form));
            }
    }

    [Theory, MemberData(nameof(Devices))]
    public void Coding_rates_refuse_wrong_labels_infinite_features_and_overflow(string name)
    {
        Device device = Find(name);
        Tensor labels = Tensor.From([0, 1, 2, 0], [2, 2]).ToDevice(device), x = Tensor.From([1.0, 2, 3, 4, 5, 6, 7, double.NaN], [2, 2, 2]).ToDevice(device);
        Assert.Equal("NB0680", Assert.Throws<NumericException>(() => Rates([x, labels], new RateForm(2, 0.5))).Code);
        Assert.Equal("NB0681", Assert.Throws<NumericException>(() => Rates([x], new RateForm(0, 0.5))).Code);
        Tensor large = Tensor.Full([3, 2], 1e30, DType.F32, device);
        Assert.Equal("NB0682", Assert.Throws<NumericException>(() => Rates([large], new RateForm(0, 0.5))).Code);
    }

    private static (double[] Value, double[] Gradient) Rates(Tensor[] inputs, RateForm form)
    {
        DenseTensor[] dense = Array.ConvertAll(inputs, i => i.Dense);
        DenseTensor value = Stale(inputs[0].DType, Shape.Create(inputs[0].Shape.Dims[..^2])).On(inputs[0].Device), gradient = Stale(inputs[0].DType, inputs[0].Shape).On(inputs[0].Device);
        CodingRates.Run(dense[0], dense.Length > 1 ? dense[1] : null, form, value, gradient);
        return (value.ToDoubles(), gradient.ToDoubles());
    }

    private static double[] Value(Tensor[] inputs, RateForm form)
    {
        DenseTensor value = Stale(inputs[0].DType, Shape.Create(inputs[0].Shape.Dims[..^2])).On(inputs[0].Device);
        CodingRates.Run(inputs[0].Dense, inputs.Length > 1 ? inputs[1].Dense : null, form, value, null);
        return value.ToDoubles();
    }

    private static double Relative(double[] x, double[] y) =>
        Math.Sqrt(x.Zip(y, (a, b) => (a - b) * (a - b)).Sum()) / Math.Max(double.Epsilon, Math.Sqrt(y.Sum(b => b * b)));
}
