using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Nabla.Kernels;
using Nabla.Kernels.Cuda;

namespace Nabla.Tests.Cuda;

/// <summary>
/// GPUs whose driver and compiler are stand-ins (<c>fake_cuda.cpp</c>, <c>fake_nvrtc.cpp</c>): they run the generated CUDA C on the CPU, and refuse what NVIDIA's documentation forbids. Without
/// a C++ compiler, or beside a real driver, the tests are skipped.
/// </summary>
internal static unsafe class FakeCuda
{
    // As in fake_cuda.cpp.
    internal enum Place { Blocks, Launches, GraphLaunches, Graphs, NodeUpdates, DriverVersion, Pools, MemoryBytes, Fault }

    private const string Folder = "tests/Nabla.Tests/Cuda";

    private static readonly string[] Variables = ["NABLA_LIBCUDA", "NABLA_NVRTC", "NABLA_KERNEL_CACHE"];

    private static readonly string[] Compilers = ["g++", "clang++-14", "clang++"], Sources = ["fake_cuda.cpp", "fake_nvrtc.cpp", "fake_cublas.cpp", "kernel.h"];

    private static readonly Lazy<(nint Library, CudaDevice[] Devices, string? Reason)> Found = new(Load);

    /// <summary>The GPUs, two of them.</summary>
    public static CudaDevice[] Devices
    {
        get
        {
            Assert.SkipWhen(Found.Value.Reason is not null, Found.Value.Reason ?? "");
            return Found.Value.Devices;
        }
    }

    /// <summary>The file of the stand-in, which has the parts of cuBLAS and cuSOLVER too that the benchmarks call.</summary>
    public static string LibraryFile => Environment.GetEnvironmentVariable(Variables[0]) is { Length: > 0 } chosen ? chosen : Kept;

    /// <summary>A device of its own on the first GPU.</summary>
    public static CudaDevice Open(KernelCache? cache = null, Func<CudaInfo, CudaInfo>? change = null) =>
        new("cuda:test", change is null ? Devices[0].Info : change(Devices[0].Info), cache ?? new KernelCache(null));

    /// <summary>A counter of the driver, or a switch.</summary>
    public static long Get(Place place) => ((delegate* unmanaged<int, long>)NativeLibrary.GetExport(Found.Value.Library, "fake_get"))((int)place);

    /// <summary>Sets a switch of the driver.</summary>
    public static void Set(Place place, long value) => ((delegate* unmanaged<int, long, void>)NativeLibrary.GetExport(Found.Value.Library, "fake_set"))((int)place, value);

    /// <summary>Kernel of views, declared as <c>element name</c>, and of values, declared as in C.</summary>
    public static KernelProgram Kernel(string name, string[] views, string[] values, string body, string before = "")
    {
        IEnumerable<string> parameters = [.. views.Select(view => view.Split(' ')).Select(p => $"{p[0]}* {p[1]}, int {p[1]}_length"), .. values];
        string text = $"{before}\nextern \"C\" __global__ void {name}({string.Join(", ", parameters)})\n{{\n    {body}\n}}\n";
        return new KernelProgram { Name = name, OpenCl = "", Cuda = text };
    }

    /// <summary>z = x + y, element by element.</summary>
    public static KernelProgram Add(string sign = "+") =>
        Kernel("add", ["float x", "float y", "float z"], [], $"int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < z_length) z[i] = x[i] {sign} y[i];");

    private static (nint, CudaDevice[], string?) Load()
    {
        // Listed before the stand-in is there: every other test sees the machine as it is, unless the environment names the stand-in.
        IReadOnlyList<Device> all = Device.All;
        if (Environment.GetEnvironmentVariable(Variables[0]) is { Length: > 0 } chosen) return (NativeLibrary.Load(chosen), [.. all.OfType<CudaDevice>()], null);
        if (all.OfType<CudaDevice>().Any()) return (0, [], "NVIDIA's own driver is loaded.");
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64) return (0, [], "The stand-in for CUDA is written for Linux on x64.");
        if (Build(out string reason) is not { } library) return (0, [], reason);
        string?[] before = [.. Variables.Select(Environment.GetEnvironmentVariable)];
        Set([library, library, Path.Combine(Path.GetDirectoryName(library)!, "kernels")]);
        try
        {
            List<Device> devices = [];
            List<string> absences = [];
            CudaPlatform.Find(devices, absences);
            return (NativeLibrary.Load(library), [.. devices.Cast<CudaDevice>()], devices.Count > 0 ? null : string.Join(' ', absences));
        }
        finally
        {
            Set(before);
        }
    }

    private static void Set(string?[] values)
    {
        for (int i = 0; i < values.Length; i++) Environment.SetEnvironmentVariable(Variables[i], values[i]);
    }

    private static string Kept => Path.Combine(Path.GetTempPath(),
        $"nabla-fake-cuda-{Environment.UserName}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(Sources.Select(s => Repository.Read($"{Folder}/{s}"))))))[..16]}", "libfakecuda.so");

    // Kept from run to run, with the kernels that it compiles, in a folder whose name its sources decide.
    private static string? Build(out string reason)
    {
        reason = "";
        string library = Kept, kept = Path.GetDirectoryName(library)!;
        Directory.CreateDirectory(kept);
        if (File.Exists(library)) return library;
        // The library names the header that its kernels include: a copy beside it, since the repository may be moved or removed.
        string header = Path.Combine(kept, "kernel.h"), folder = Path.Combine(Repository.Root, Folder);
        File.Copy(Path.Combine(folder, "kernel.h"), header, overwrite: true);
        foreach (string compiler in Compilers)
        {
            string made = $"{library}.{Environment.ProcessId}";
            string[] options = ["-O1", "-std=c++17", "-shared", "-fPIC", "-fvisibility=hidden", $"-DKERNEL_HEADER=\"{header}\"", $"-DKERNEL_COMPILER=\"{compiler}\"",
                "-o", made, $"{folder}/fake_cuda.cpp", $"{folder}/fake_nvrtc.cpp", $"{folder}/fake_cublas.cpp", "-ldl", "-pthread"];
            try
            {
                using Process process = Process.Start(new ProcessStartInfo(compiler, options) { RedirectStandardError = true })!;
                string log = process.StandardError.ReadToEnd();
                process.WaitForExit();
                Assert.True(process.ExitCode == 0, log);
                File.Move(made, library, overwrite: true);
                return library;
            }
            catch (Win32Exception)
            {
                reason = $"{string.Join(", ", Compilers)}: none is installed, so there is no stand-in for CUDA.";
            }
        }
        return null;
    }
}
