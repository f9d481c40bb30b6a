using System.Diagnostics;
using System.Text;
using Nabla.Kernels;
using Nabla.Kernels.Cuda;
using Nabla.Tests.Accelerators;

namespace Nabla.Tests.Cuda;

/// <summary>
/// Every generated text compiles by NVIDIA's own NVRTC to machine code, where <c>NABLA_NVRTC</c> names one; it needs no GPU. Run it alone: beside the stand-in, that is what would compile.
/// <c>NABLA_NVRTC=/usr/lib/x86_64-linux-gnu/libnvrtc.so.11.2 dotnet Nabla.Tests.dll -class '*NvrtcTests'</c>
/// </summary>
public sealed class NvrtcTests(ITestOutputHelper output)
{
    private static readonly string[] Options = ["--gpu-architecture=sm_90", "--fmad=false", "--prec-div=true", "--prec-sqrt=true", "--ftz=false", "--std=c++17"];

    [Fact]
    public void All_CUDA_texts_compile_by_NVRTC()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("NABLA_NVRTC") is not { Length: > 0 } || Environment.GetEnvironmentVariable("NABLA_LIBCUDA") is { Length: > 0 }, "NABLA_NVRTC names no NVRTC.");
        Assert.Null(CudaLibraries.LoadCompiler());
        long start = Stopwatch.GetTimestamp();
        var faults = new StringBuilder();
        int compiled = 0;
        long bytes = 0;
        foreach ((string name, KernelProgram program) in KernelPrograms.All)
        {
            byte[]? image = Nvrtc.Compile(program.Cuda, program.Name, Options, toBinary: true, out string status, out string log);
            if (image is null) faults.AppendLine($"{name}: {status}\n{log}");
            else bytes += image.Length;
            compiled++;
        }
        output.WriteLine($"{compiled} kernels by NVRTC {Nvrtc.Version} in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s, {bytes:N0} bytes");
        Assert.True(faults.Length == 0, faults.ToString());
        Assert.True(compiled >= 200);
    }
}
