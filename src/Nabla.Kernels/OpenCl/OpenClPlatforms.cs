using System.Runtime.InteropServices;

namespace Nabla.Kernels.OpenCl;

/// <summary>Looks for OpenCL devices.</summary>
internal static unsafe class OpenClPlatforms
{
    /// <summary>
    /// Appends every usable device of every platform, named <c>opencl:0</c>, <c>opencl:1</c> … in the order in which drivers list them, and a sentence for
    /// everything that is absent or cannot be used.
    /// </summary>
    public static void Find(List<Device> devices, List<string> absences, string library = Cl.Library)
    {
        if (!NativeLibrary.TryLoad(library, out _))
        {
            absences.Add($"opencl: {library} was not found; Debian: apt install ocl-icd-libopencl1 pocl-opencl-icd (OpenCL on the CPU), or the vendor's driver.");
            return;
        }
        nint[] platforms = Platforms();
        if (platforms.Length == 0) absences.Add($"opencl: {library} lists no driver; Debian: apt install pocl-opencl-icd (OpenCL on the CPU), or the vendor's driver.");
        int number = 0;
        foreach (nint platform in platforms)
        {
            nint[] found = Devices(platform);
            if (found.Length == 0) absences.Add($"opencl: the driver '{OpenClInfo.PlatformText(platform, Cl.PlatformName)}' finds no device.");
            foreach (nint device in found)
            {
                var info = new OpenClInfo(platform, device);
                if (info.Unfit is { } reason) absences.Add($"opencl: {info.Name} of '{info.PlatformName}' {reason}.");
                else devices.Add(new OpenClDevice($"opencl:{number++}", info, KernelCache.FromEnvironment()));
            }
        }
    }

    private static nint[] Platforms()
    {
        uint count = 0;
        if (Cl.clGetPlatformIDs(0, null, &count) != ClStatus.CL_SUCCESS || count == 0) return [];
        nint[] platforms = new nint[count];
        fixed (nint* to = platforms) return Cl.clGetPlatformIDs(count, to, null) == ClStatus.CL_SUCCESS ? platforms : [];
    }

    private static nint[] Devices(nint platform)
    {
        uint count = 0;
        if (Cl.clGetDeviceIDs(platform, Cl.DeviceTypeAll, 0, null, &count) != ClStatus.CL_SUCCESS || count == 0) return [];
        nint[] devices = new nint[count];
        fixed (nint* to = devices) return Cl.clGetDeviceIDs(platform, Cl.DeviceTypeAll, count, to, null) == ClStatus.CL_SUCCESS ? devices : [];
    }
}
