using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Nabla.Kernels.Cuda;

/// <summary>The kernels of one GPU: each is compiled once, by NVRTC or in an earlier process.</summary>
internal sealed unsafe partial class CudaPrograms
{
    private const int LogBytes = 1 << 14;

    private readonly CudaDevice _owner;
    private readonly CudaInfo _info;
    private readonly CudaQueue _queue;
    private readonly KernelCache _cache;
    private readonly string[] _options;
    private readonly bool _toBinary;
    private readonly Version _compiler;
    private readonly Lock _gate = new();
    private readonly ConditionalWeakTable<KernelProgram, CudaKernel> _kernels = [];
    private readonly Dictionary<(string Text, string Name), CudaKernel> _byText = [];

    /// <summary>None yet.</summary>
    public CudaPrograms(CudaDevice owner, CudaInfo info, CudaQueue queue, KernelCache cache)
    {
        (_owner, _info, _queue, _cache, _compiler) = (owner, info, queue, cache, Nvrtc.Version);
        int[] known = Nvrtc.Architectures;
        // Machine code for this GPU; else PTX, which the driver compiles: for GPUs that NVRTC does not know yet, and for drivers that do not know what this NVRTC makes.
        _toBinary = known.Contains(info.Architecture) && _compiler.Major <= info.Driver.Major;
        int target = known.Where(a => a <= info.Architecture).DefaultIfEmpty(info.Architecture).Max();
        _options = [$"--gpu-architecture={(_toBinary ? "sm" : "compute")}_{target}", .. Arithmetic];
    }

    // Products and sums are rounded one by one, division and roots correctly, and small numbers are kept.
    private static string[] Arithmetic => ["--fmad=false", "--prec-div=true", "--prec-sqrt=true", "--ftz=false", "--std=c++17"];

    [GeneratedRegex(@"^\.version \d+\.\d+", RegexOptions.Multiline)]
    private static partial Regex PtxVersion();

    [GeneratedRegex(@"^\.target sm_(\d+)", RegexOptions.Multiline)]
    private static partial Regex PtxTarget();

    /// <summary>The kernel of a program, compiled at its first use.</summary>
    public CudaKernel Kernel(KernelProgram program) => _kernels.TryGetValue(program, out CudaKernel? kernel) ? kernel : Build(program);

    /// <summary>Name under which a program's machine code is kept.</summary>
    internal string CacheKey(KernelProgram program) =>
        KernelCache.Key([program.Cuda, .. _options, _info.Name, $"CUDA {_info.Driver}", $"NVRTC {_compiler}"]);

    /// <summary>
    /// PTX that says it needs the lowest version of the language in which its target exists. The kernels use nothing newer; compilers write their own version, which older drivers refuse.
    /// </summary>
    internal static string Lowered(string ptx)
    {
        int target = PtxTarget().Match(ptx) is { Success: true } match ? int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) : 0;
        string version = target switch
        {
            < 70 => "5.0",
            < 75 => "6.0",
            < 80 => "6.3",
            80 => "7.0",
            < 89 => "7.4",
            <= 90 => "7.8",
            _ => "8.7",
        };
        return PtxVersion().Replace(ptx, $".version {version}", 1);
    }

    private CudaKernel Build(KernelProgram program)
    {
        lock (_gate)
        {
            if (_kernels.TryGetValue(program, out CudaKernel? kernel)) return kernel;
            if (!_byText.TryGetValue((program.Cuda, program.Name), out kernel))
            {
                long start = Stopwatch.GetTimestamp();
                _queue.Enter();
                string key = CacheKey(program);
                nint function = _cache.Read(key) is { } image ? FromImage(program, image) : 0;
                bool kept = function != 0;
                if (!kept) function = FromText(program, key);
                NablaDebug.Tell(1, $"{_owner}: kernel {program.Name} {(kept ? "read" : "compiled")} in {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F1} ms");
                _byText.Add((program.Cuda, program.Name), kernel = new CudaKernel(function, _info));
            }
            _kernels.Add(program, kernel);
            return kernel;
        }
    }

    // A driver may refuse what another version of it has taken: then 0, and the text is compiled again.
    private nint FromImage(KernelProgram program, byte[] image)
    {
        CuResult result = Load(image, out nint module, out _);
        return result == CuResult.CUDA_SUCCESS ? Entry(module, program, out _) : 0;
    }

    private nint FromText(KernelProgram program, string key)
    {
        byte[] image = Nvrtc.Compile(program.Cuda, program.Name, _options, _toBinary, out string status, out string log)
            ?? throw AcceleratorErrors.BuildFailed(_owner, program, status, log);
        CuResult result = Load(image, out nint module, out log);
        if (result == CuResult.CUDA_ERROR_UNSUPPORTED_PTX_VERSION && !_toBinary)
        {
            image = Encoding.ASCII.GetBytes(Lowered(Encoding.ASCII.GetString(image)));
            result = Load(image, out module, out log);
        }
        if (result != CuResult.CUDA_SUCCESS) throw AcceleratorErrors.BuildFailed(_owner, program, $"cuModuleLoadDataEx: {CudaErrors.Text(result)}", log);
        nint function = Entry(module, program, out result);
        if (function == 0) throw AcceleratorErrors.BuildFailed(_owner, program, $"cuModuleGetFunction: {CudaErrors.Text(result)}", log);
        _cache.Write(key, image);
        return function;
    }

    // The driver copies the image; PTX ends with a zero.
    private static CuResult Load(byte[] image, out nint module, out string log)
    {
        byte[] text = new byte[LogBytes];
        nint loaded = 0;
        int* options = stackalloc int[2] { Cu.JitErrorLogBuffer, Cu.JitErrorLogBufferSizeBytes };
        fixed (byte* from = image, to = text)
        {
            void** values = stackalloc void*[2] { to, (void*)LogBytes };
            CuResult result = Cu.cuModuleLoadDataEx(&loaded, from, 2, options, values);
            (module, log) = (loaded, Encoding.UTF8.GetString(text).Split('\0')[0]);
            return result;
        }
    }

    private static nint Entry(nint module, KernelProgram program, out CuResult result)
    {
        nint function = 0;
        fixed (byte* name = Encoding.UTF8.GetBytes(program.Name + '\0')) result = Cu.cuModuleGetFunction(&function, module, name);
        if (result == CuResult.CUDA_SUCCESS) return function;
        Cu.cuModuleUnload(module);
        return 0;
    }
}
