using Nabla.Peers;
using Nabla.Kernels.Cuda;

namespace Nabla.Tests.Cuda;

/// <summary>The benchmarks' calls of cuBLAS and cuSOLVER, through stand-ins that compute with columns one after another as the documentation says.</summary>
[Collection(nameof(FakeCuda))]
public sealed class NvidiaLibraryTests
{
    private static T Open<T>(Func<CudaDevice, T?> open) where T : class
    {
        CudaDevice device = FakeCuda.Devices[0];
        Environment.SetEnvironmentVariable("NABLA_CUBLAS", FakeCuda.LibraryFile);
        Environment.SetEnvironmentVariable("NABLA_CUSOLVER", FakeCuda.LibraryFile);
        try
        {
            return open(device) ?? throw new InvalidOperationException("the stand-in was not loaded");
        }
        finally
        {
            Environment.SetEnvironmentVariable("NABLA_CUBLAS", null);
            Environment.SetEnvironmentVariable("NABLA_CUSOLVER", null);
        }
    }

    private static DenseTensor There(double[] numbers, Shape shape, DType type)
    {
        Tensor here = type == DType.F64 ? Tensor.From(numbers, shape) : Tensor.From(Array.ConvertAll(numbers, x => (float)x), shape);
        return here.ToDevice(FakeCuda.Devices[0]).Dense;
    }

    [Theory]
    [InlineData(false, false, 1)]
    [InlineData(true, false, 1)]
    [InlineData(false, true, 3)]
    [InlineData(true, true, 3)]
    public void Products_have_their_rows_where_ours_have_them(bool transposedA, bool transposedB, int batch)
    {
        using Cublas cublas = Open(Cublas.Open);
        foreach (DType type in (DType[])[DType.F32, DType.F64])
        {
            var product = new ProductCase(type, 5, 7, 4, transposedA, transposedB, batch);
            DenseTensor c = DenseTensor.Allocate(new Aval(type, [batch, 5, 7]), FakeCuda.Devices[0]);
            cublas.Product(product, There(product.A(), [batch * 20], type), There(product.B(), [batch * 28], type), c);
            product.RequireClose(product.Check(c.ToDoubles()), product.Expected(), "cuBLAS");
        }
    }

    [Fact]
    public void Rounded_operands_are_rounded_and_the_next_product_is_exact_again()
    {
        using Cublas cublas = Open(Cublas.Open);
        var product = new ProductCase(DType.F32, 2, 2, 2);
        double fine = 1 + Math.ScaleB(1, -11), coarse = 1 + Math.ScaleB(1, -10);
        DenseTensor a = There([fine, 0, 0, fine], [2, 2], DType.F32), one = There([1, 0, 0, 1], [2, 2], DType.F32), c = DenseTensor.Allocate(new Aval(DType.F32, [2, 2]), FakeCuda.Devices[0]);
        cublas.Product(product, a, one, c, tf32: true);
        Assert.Equal([coarse, 0, 0, coarse], c.ToDoubles());
        cublas.Product(product, a, one, c);
        Assert.Equal([fine, 0, 0, fine], c.ToDoubles());
        DenseTensor x = Tensor.From(Cublas.Pack([1, 2 + Math.ScaleB(1, -8), 3, 4])).ToDevice(c.Device).Dense, y = Tensor.From(Cublas.Pack([1, 0, 0, -1])).ToDevice(c.Device).Dense;
        cublas.ProductOfBFloat16(product, x, y, c);
        Assert.Equal([1, -2, 3, -4], c.ToDoubles());
    }

    [Fact]
    public void A_call_that_is_refused_is_named_with_its_status()
    {
        using Cublas cublas = Open(Cublas.Open);
        DenseTensor small = There([1, 2, 3, 4], [2, 2], DType.F32);
        var error = Assert.Throws<InvalidOperationException>(() => cublas.Product(new ProductCase(DType.F32, 4000, 4000, 4000), small, small, small));
        Assert.Equal("cublasSgemm: ExecutionFailed", error.Message);
    }

    // diag(3, 1, 2) in turned axes, alone and with its double.
    [Theory]
    [InlineData(DType.F32, 1)]
    [InlineData(DType.F64, 1)]
    [InlineData(DType.F32, 2)]
    [InlineData(DType.F64, 2)]
    public void Rows_are_eigenvectors_with_ascending_values(DType type, int batch)
    {
        using Cusolver cusolver = Open(Cusolver.Open);
        double[] a = [2.28, 0.96, 0, 0.96, 1.72, 0, 0, 0, 2];
        DenseTensor matrices = There([.. a.Concat(a.Select(x => 2 * x)).Take(9 * batch)], [batch, 3, 3], type), values = There(new double[3 * batch], [batch, 3], type);
        cusolver.Eigenvectors(matrices, values, There(new double[batch], [batch], DType.F32))();
        double[] w = values.ToDoubles(), v = matrices.ToDoubles();
        for (int entry = 0; entry < batch; entry++)
            for (int i = 0; i < 3; i++)
            {
                Assert.Equal((i + 1) * (entry + 1), w[3 * entry + i], 1e-5);
                double[] row = v[(9 * entry + 3 * i)..(9 * entry + 3 * i + 3)], expected = i switch { 0 => [-0.6, 0.8, 0], 1 => [0, 0, 1], _ => [0.8, 0.6, 0] };
                Assert.Equal(1, Math.Abs(row.Zip(expected, (x, y) => x * y).Sum()), 1e-5);
            }
    }

    [Theory]
    [InlineData(DType.F32, 1)]
    [InlineData(DType.F64, 1)]
    [InlineData(DType.F32, 2)]
    [InlineData(DType.F64, 2)]
    public void Rows_are_singular_vectors_with_descending_values(DType type, int batch)
    {
        using Cusolver cusolver = Open(Cusolver.Open);
        // A takes (0.6, 0.8) to 2·(0, 1), and (0.8, −0.6) to 5·(1, 0).
        double[] a = [4, -3, 1.2, 1.6];
        DenseTensor matrices = There([.. a.Concat(a.Select(x => -x)).Take(4 * batch)], [batch, 2, 2], type), values = There(new double[2 * batch], [batch, 2], type);
        DenseTensor left = There(new double[4 * batch], [batch, 2, 2], type), right = There(new double[4 * batch], [batch, 2, 2], type);
        cusolver.SingularVectors(matrices, left, values, right, There(new double[batch], [batch], DType.F32))();
        (double[] from, double[] to) = (left.ToDoubles(), right.ToDoubles());
        for (int entry = 0; entry < batch; entry++)
            for (int i = 0; i < 2; i++)
            {
                int at = 4 * entry + 2 * i;
                double sign = entry == 0 ? 1 : -1;
                Assert.Equal(i == 0 ? 5 : 2, values.ToDoubles()[2 * entry + i], 1e-5);
                Assert.Equal(1, Math.Abs(i == 0 ? 0.8 * from[at] - 0.6 * from[at + 1] : 0.6 * from[at] + 0.8 * from[at + 1]), 1e-5);
                Assert.Equal(i == 0 ? sign * (0.8 * from[at] - 0.6 * from[at + 1]) : 0, to[at], 1e-5);
                Assert.Equal(i == 0 ? 0 : sign * (0.6 * from[at] + 0.8 * from[at + 1]), to[at + 1], 1e-5);
            }
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Lower_factors_in_rows_are_upper_ones_in_columns(DType type)
    {
        using Cusolver cusolver = Open(Cusolver.Open);
        // L = [[2, 0], [3, 1]] and twice that; what is above the diagonal is not looked at.
        DenseTensor a = There([4, 99, 6, 10, 16, 99, 24, 40], [2, 2, 2], type);
        (DenseTensor addresses, DenseTensor faults) = Cusolver.Places(a);
        cusolver.Cholesky(a, addresses, faults);
        Assert.Equal([2, 99, 3, 1, 4, 99, 6, 2], a.ToDoubles());
        Assert.Equal([0, 0], faults.CopyToArray<int>());
    }
}
