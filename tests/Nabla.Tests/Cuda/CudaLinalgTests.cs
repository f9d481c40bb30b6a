using Nabla.Tests.Accelerators;
using Nabla.Tests.Kernels;

namespace Nabla.Tests.Cuda;

/// <summary>Cholesky factors and inverses of triangles on a GPU whose kernels are the generated CUDA C, run on the CPU: one strip and several, alone and with others in a group, and blocks of larger matrices.</summary>
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
        CholeskyTests.CheckLarge(FakeCuda.Devices[0], dtype, 513);
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Inverses_of_triangles_have_small_residuals(DType dtype)
    {
        InverseTests.CheckRatios(FakeCuda.Devices[0], dtype, [1, 31, 32, 33, 128, 255, 256, 257, 300, 513]);
        InverseTests.CheckBatch(FakeCuda.Devices[0], dtype, 20, 10);
        InverseTests.CheckBatch(FakeCuda.Devices[0], dtype, 40, 3);
    }

    [Fact]
    public void Systems_of_many_right_hand_sides_are_solved()
    {
        foreach (bool left in new[] { true, false }) TriangularSolveTests.CheckResiduals(FakeCuda.Devices[0], DType.F32, left, [33, 300], 150);
        TriangularSolveTests.CheckBatch(FakeCuda.Devices[0], 40);
    }

    [Fact]
    public void Matrices_of_a_batch_that_share_a_group_are_factored_as_if_they_were_alone()
    {
        CholeskyTests.CheckLowerAndStrides(FakeCuda.Devices[0], 36);
        CholeskyTests.CheckBatch(FakeCuda.Devices[0], 20, 30);
        CholeskyTests.CheckBatch(FakeCuda.Devices[0], 33, 20);
        CholeskyTests.CheckBatch(FakeCuda.Devices[0], 257);
    }

    [Fact]
    public void Samples_are_sorted_by_class_as_on_the_host()
    {
        foreach ((int n, int d, int k, int entries) in new[] { (1, 1, 1, 1), (257, 20, 40, 2), (5000, 90, 11, 2), (50, 4, 600, 2), (3000, 2, 900, 1), (30, 60, 5, 3), (600, 5, 0, 2) })
            DeviceClassesTests.Check(FakeCuda.Devices[0], n, d, k, entries);
    }

    [Fact]
    public void The_first_row_that_fails_is_named()
    {
        CholeskyTests.CheckZeroRows(FakeCuda.Devices[0], 129);
        CholeskyTests.CheckZeroRows(FakeCuda.Devices[0], 300);
        InverseTests.CheckZeroDiagonal(FakeCuda.Devices[0]);
        CholeskyTests.CheckIndefinite(FakeCuda.Devices[0]);
    }
}
