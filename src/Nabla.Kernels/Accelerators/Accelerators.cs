using Nabla.Kernels.Cuda;
using Nabla.Kernels.OpenCl;

namespace Nabla.Kernels;

/// <summary>The accelerators of this machine.</summary>
public static class Accelerators
{
    private static readonly Lazy<(List<Device> Devices, List<string> Absences)> Search = new(Look);

    /// <summary>Looks for devices, once, in the order in which they are listed.</summary>
    public static IReadOnlyList<Device> Find() => Search.Value.Devices;

    /// <summary>What was looked for and not found, and why: one sentence each.</summary>
    public static IReadOnlyList<string> NotFound => Search.Value.Absences;

    private static (List<Device>, List<string>) Look()
    {
        List<Device> devices = [];
        List<string> absences = [];
#if USE_ILGPU
        Ilgpu.IlgpuDevice.Find(devices);
#else
        devices.Add(new Language.EmulatedDevice());
#endif
        OpenClPlatforms.Find(devices, absences);
        CudaPlatform.Find(devices, absences);
        return (devices, absences);
    }
}
