using Nabla.Kernels;
using Nabla.Kernels.Cuda;
using Nabla.Tests.Accelerators;
using static Nabla.Transforms;

namespace Nabla.Tests.Cuda;

/// <summary>
/// Products on a GPU whose kernels are the generated CUDA C, run on the CPU: sizes for which blocks of 128, tiles of 64, dot products and single elements are chosen, whole ones and cut ones.
/// </summary>
[Collection(nameof(FakeCuda))]
public sealed class CudaProductTests
{
    [Theory]
    [InlineData(384, 512, 24)]
    [InlineData(400, 300, 37)]
    [InlineData(129, 1030, 8)]
    [InlineData(70, 100, 45)]
    [InlineData(3, 50, 300)]
    [InlineData(20, 9, 5)]
    public void Products_and_layers_are_those_of_the_cpu(int m, int n, int k)
    {
        foreach (DType dtype in (DType[])[DType.F32, DType.F64])
        {
            double tolerance = (k + 1) * Math.ScaleB(1, dtype == DType.F32 ? -24 : -53);
            Tensor a = new RandomKey(1).Normal([m, k], dtype), b = new RandomKey(2).Normal([k, n], dtype), bias = new RandomKey(3).Normal([n], dtype), sizes = a.Abs().MatMul(b.Abs());
            Func<Tensor[], Tensor>[] functions =
                [p => p[0].MatMul(p[1]), p => p[0].T.MatMul(p[1].T).T, p => Ops.Stack([p[0], -p[0]]).MatMul(p[1]).At(1), Compile((Tensor[] p) => (p[0].MatMul(p[1]) + p[2]).Relu()).Call];
            Tensor[][] operands = [[a, b], [b, a], [a, b], [a, b, bias]];
            for (int i = 0; i < functions.Length; i++)
            {
                Tensor here = functions[i](operands[i]), there;
                using (Device.Use(FakeCuda.Devices[0])) there = functions[i](Array.ConvertAll(operands[i], x => x.ToDevice(FakeCuda.Devices[0]))).ToDevice(Device.Cpu);
                Assert.True(((here - there).Abs() <= 2 * tolerance * (sizes + 1)).All().ToDouble() == 1, $"{dtype} {m}×{n}×{k}, function {i}");
            }
        }
    }

    // Depths that are divided among groups, and added by a second launch; lines of both orders; small matrices, several to a group.
    [Theory]
    [InlineData(1, 1, 1, 5000)]
    [InlineData(1, 1, 300, 1000)]
    [InlineData(1, 300, 1, 1001)]
    [InlineData(2, 5, 70, 520)]
    [InlineData(2, 70, 5, 524)]
    [InlineData(1, 64, 65, 2003)]
    [InlineData(1, 30, 20, 1500)]
    [InlineData(37, 7, 5, 9)]
    [InlineData(9, 16, 12, 20)]
    [InlineData(3, 30, 32, 33)]
    public void Skinny_and_small_products_are_those_of_the_cpu(int batch, int m, int n, int k) => DeviceProductTests.CheckProducts(FakeCuda.Devices[0], batch, m, n, k);

    [Fact]
    public void Every_kernel_computes_the_product_in_CUDA_C() => DeviceProductTests.CheckEveryKernel(FakeCuda.Devices[0]);

    [Fact]
    public void Large_products_choose_their_kernel_by_measurement()
    {
        string folder = Directory.CreateTempSubdirectory("nabla-tuner-").FullName;
        try
        {
            CudaDevice device = FakeCuda.Open(new KernelCache(folder));
            const int n = 512;
            Tensor a = new RandomKey(1).Normal([n, n]), b = new RandomKey(2).Normal([n, n]);
            DenseTensor left = ((DenseTensor)a).Place(device), right = ((DenseTensor)b).Place(device);
            Tensor there = ((Tensor)left).MatMul(right).ToDevice(Device.Cpu), again = ((Tensor)left).MatMul(right).ToDevice(Device.Cpu);
            Tensor sizes = a.Abs().MatMul(b.Abs());
            Assert.True(((a.MatMul(b) - there).Abs() <= 2 * n * Math.ScaleB(1, -24) * sizes).All().ToDouble() == 1);
            Assert.Equal(there.ToDoubles(), again.ToDoubles());
            var of = new TuningClass("product", DType.F32, n, n, n, 1, 1 + 2 + 4);
            Assert.NotNull(device.Tuner!.Find(of));
            Assert.Empty(device.Tuner.Rejected);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
