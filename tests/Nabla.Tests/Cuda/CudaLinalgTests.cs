using Nabla.Tests.Kernels;

namespace Nabla.Tests.Cuda;

/// <summary>Cholesky factors on a GPU whose kernels are the generated CUDA C, run on the CPU: one panel and several, alone and with others in a group, and blocks of larger matrices.</summary>
[Collection(nameof(FakeCuda))]
public sealed class CudaLinalgTests
{
    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Cholesky_factors_have_small_residuals(DType dtype)
    {
        CholeskyTests.CheckResiduals(FakeCuda.Devices[0], dtype, [1, 31, 32, 33, 64, 100, 129]);
        CholeskyTests.CheckLarge(FakeCuda.Devices[0], dtype, 256);
        CholeskyTests.CheckLarge(FakeCuda.Devices[0], dtype, 289);
    }

    [Fact]
    public void Matrices_of_a_batch_that_share_a_group_are_factored_as_if_they_were_alone()
    {
        CholeskyTests.CheckLowerAndStrides(FakeCuda.Devices[0], 36);
        CholeskyTests.CheckBatch(FakeCuda.Devices[0], 20, 30);
        CholeskyTests.CheckBatch(FakeCuda.Devices[0], 33, 20);
    }

    [Fact]
    public void The_first_row_that_fails_is_named()
    {
        CholeskyTests.CheckZeroRows(FakeCuda.Devices[0], 129);
        CholeskyTests.CheckIndefinite(FakeCuda.Devices[0]);
    }
}
