using Nabla.Tests.Accelerators;

namespace Nabla.Tests.Cuda;

/// <summary>Loops over lines in the generated CUDA C, run on the CPU: written out for registers, and going through memory several times.</summary>
[Collection(nameof(FakeCuda))]
public sealed class CudaLineTests
{
    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Loops_over_lines_are_one_launch_with_the_bits_of_many(DType dtype)
    {
        foreach (int length in (int[])[5, 1025, .. dtype == DType.F32 ? (int[])[2, 129, 4100, 16_384] : [12_288, 12_289]])
            LineCases.Check(FakeCuda.Devices[0], dtype, length > 1000 ? 2 : 65, length, all: length == 5, Launches);

        // A second call of a graph is one launch of it.
        static long Launches(Func<Tensor[]> call)
        {
            using IDisposable _ = NablaDebug.Scope(level: 1, output: TextWriter.Null);
            long before = FakeCuda.Get(FakeCuda.Place.Launches);
            call();
            return FakeCuda.Get(FakeCuda.Place.Launches) - before;
        }
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Chains_in_fours_have_the_bits_of_their_operations(DType dtype) => LineCases.CheckFours(FakeCuda.Devices[0], dtype);

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Lines_that_registers_do_not_hold_are_gone_through_again(DType dtype)
    {
        LineCases.Check(FakeCuda.Devices[0], dtype, 64, 36_002, scales: true);
        LineCases.CheckSpecialValues(FakeCuda.Devices[0], dtype, 16_400, scales: true);
    }

    [Fact]
    public void Special_values_give_what_they_give_on_the_CPU() => LineCases.CheckSpecialValues(FakeCuda.Devices[0], DType.F32, 7);
}
