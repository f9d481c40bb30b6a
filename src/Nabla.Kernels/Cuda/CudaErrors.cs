using System.Runtime.InteropServices;

namespace Nabla.Kernels.Cuda;

/// <summary>What goes wrong with CUDA alone.</summary>
internal static unsafe class CudaErrors
{
    /// <summary>The driver's name for a result, and its sentence.</summary>
    public static string Text(CuResult result)
    {
        byte* name = null, sentence = null;
        if (Cu.cuGetErrorName(result, &name) != CuResult.CUDA_SUCCESS || name == null) return $"error {(int)result}";
        return Cu.cuGetErrorString(result, &sentence) == CuResult.CUDA_SUCCESS && sentence != null
            ? $"{Marshal.PtrToStringUTF8((nint)name)} ({Marshal.PtrToStringUTF8((nint)sentence)})" : Marshal.PtrToStringUTF8((nint)name)!;
    }

    /// <summary>The exception for a call that failed.</summary>
    public static DeviceException Of(Device device, string call, CuResult result) =>
        IsFault(result) ? Faulted(device, call, result) : AcceleratorErrors.Failed(device, call, Text(result));

    /// <summary>True for what a kernel did while it ran: the driver then refuses everything else in this process.</summary>
    public static bool IsFault(CuResult result) => result is CuResult.CUDA_ERROR_ILLEGAL_ADDRESS or CuResult.CUDA_ERROR_LAUNCH_TIMEOUT or CuResult.CUDA_ERROR_ASSERT
        or (>= CuResult.CUDA_ERROR_HARDWARE_STACK_ERROR and <= CuResult.CUDA_ERROR_LAUNCH_FAILED);

    private static DeviceException Faulted(Device device, string call, CuResult result) => new("NB0350",
        $"{call}: a kernel that was queued before has faulted: {Text(result)} on {device} ({device.Description}); expected accesses inside the kernel's views. The device takes no more work " +
        "from this process. NABLA_DEVICE=emu runs the same kernels with every access checked.");
}
