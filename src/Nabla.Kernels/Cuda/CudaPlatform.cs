namespace Nabla.Kernels.Cuda;

/// <summary>Looks for GPUs with CUDA.</summary>
internal static unsafe class CudaPlatform
{
    /// <summary>
    /// Appends every usable GPU, named <c>cuda:0</c>, <c>cuda:1</c> … by the driver's numbers, and a sentence for everything that is absent or cannot be used. Throws nothing.
    /// </summary>
    public static void Find(List<Device> devices, List<string> absences)
    {
        if (CudaLibraries.LoadDriver() is { } missing)
        {
            absences.Add($"cuda: {missing}");
            return;
        }
        int version = 0, count = 0;
        CuResult result = Cu.cuInit(0);
        if (result == CuResult.CUDA_SUCCESS) result = Cu.cuDriverGetVersion(&version);
        if (result == CuResult.CUDA_SUCCESS) result = Cu.cuDeviceGetCount(&count);
        if (result != CuResult.CUDA_SUCCESS || count == 0)
        {
            absences.Add($"cuda: {(result == CuResult.CUDA_SUCCESS ? "the driver lists no GPU" : $"the driver reports {CudaErrors.Text(result)}")}.");
            return;
        }
        if (CudaLibraries.LoadCompiler() is { } noCompiler)
        {
            absences.Add($"cuda: {noCompiler}");
            return;
        }
        for (int i = 0; i < count; i++)
        {
            int device;
            if (Cu.cuDeviceGet(&device, i) != CuResult.CUDA_SUCCESS) continue;
            var info = new CudaInfo(device, version);
            if (info.Unfit is { } reason) absences.Add($"cuda: {info.Name} {reason}.");
            else devices.Add(new CudaDevice($"cuda:{i}", info, KernelCache.FromEnvironment()));
        }
    }
}
