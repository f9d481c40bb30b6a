using System.Reflection;
using System.Runtime.InteropServices;
using Nabla.Kernels.Cuda;

namespace Nabla.Peers;

/// <summary>NVIDIA's libraries as contestants: found where NVRTC is, or named by a variable, in versions that the driver knows.</summary>
internal static class NvidiaLibraries
{
    // The numbers of cuSOLVER and cuSPARSE lag behind.
    private static readonly (int Cuda, string Solver, string[] Needs)[] Versions =
    [
        (13, "libcusolver.so.12", ["libnvJitLink.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcusparse.so.12"]),
        (12, "libcusolver.so.11", ["libnvJitLink.so.12", "libcublasLt.so.12", "libcublas.so.12", "libcusparse.so.12"]),
        (11, "libcusolver.so.11", ["libcublasLt.so.11", "libcublas.so.11", "libcusparse.so.11"]),
    ];

    private static readonly string[] Wheels =
        ["nvidia/cu13/lib", "nvidia/cublas/lib", "nvidia/cusolver/lib", "nvidia/cusparse/lib", "nvidia/nvjitlink/lib"];

    private static readonly Dictionary<string, nint> Loaded = [];

    static NvidiaLibraries() => NativeLibrary.SetDllImportResolver(typeof(NvidiaLibraries).Assembly, Find);

    /// <summary>Loads cuBLAS for calls to <see cref="Cublas.Library"/>; false if there is none.</summary>
    public static bool LoadCublas(CudaDevice device) => Load(Cublas.Library, "NABLA_CUBLAS", device, cuda => $"libcublas.so.{cuda.Cuda}", cuda => cuda.Needs[..^2]);

    /// <summary>Loads cuSOLVER for calls to <see cref="Cusolver.Library"/>; false if there is none.</summary>
    public static bool LoadCusolver(CudaDevice device) => Load(Cusolver.Library, "NABLA_CUSOLVER", device, cuda => cuda.Solver, cuda => cuda.Needs);

    private static bool Load(string library, string variable, CudaDevice device,
        Func<(int Cuda, string Solver, string[] Needs), string> name, Func<(int Cuda, string Solver, string[] Needs), string[]> needs)
    {
        foreach ((int Cuda, string Solver, string[] Needs) version in Versions.Where(v => v.Cuda <= device.Info.Driver.Major))
            if (!Loaded.ContainsKey(library) && CudaLibraries.Load(variable, [name(version)], needs(version), Wheels) is not 0 and nint handle) Loaded[library] = handle;
        return Loaded.ContainsKey(library);
    }

    private static nint Find(string name, Assembly assembly, DllImportSearchPath? path) => Loaded.GetValueOrDefault(name);
}
