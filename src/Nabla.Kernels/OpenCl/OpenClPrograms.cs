using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;

namespace Nabla.Kernels.OpenCl;

/// <summary>The kernels of one device: each is compiled once, by the driver or in an earlier process.</summary>
internal sealed unsafe class OpenClPrograms
{
    private readonly OpenClDevice _owner;
    private readonly OpenClInfo _info;
    private readonly nint _context;
    private readonly KernelCache _cache;
    private readonly string _options;
    private readonly Lock _gate = new();
    private readonly ConditionalWeakTable<KernelProgram, OpenClKernel> _kernels = [];
    private readonly Dictionary<(string Text, string Name), OpenClKernel> _byText = [];

    /// <summary>None yet.</summary>
    public OpenClPrograms(OpenClDevice owner, OpenClInfo info, nint context, KernelCache cache)
    {
        (_owner, _info, _context, _cache) = (owner, info, context, cache);
        // Without warnings: compilers warn of every loop that they could not make what a pragma asks for, and of their own headers.
        _options = "-cl-std=CL1.2 -cl-kernel-arg-info -w" + (info.RoundsDivision ? " -cl-fp32-correctly-rounded-divide-sqrt" : "");
    }

    /// <summary>The kernel of a program, compiled at its first use.</summary>
    public OpenClKernel Kernel(KernelProgram program) => _kernels.TryGetValue(program, out OpenClKernel? kernel) ? kernel : Build(program);

    /// <summary>Name under which a program's binary is kept.</summary>
    internal string CacheKey(KernelProgram program) =>
        KernelCache.Key(program.OpenCl, _options, _info.PlatformName, _info.PlatformVersion, _info.Name, _info.Version, _info.Driver);

    private OpenClKernel Build(KernelProgram program)
    {
        lock (_gate)
        {
            if (_kernels.TryGetValue(program, out OpenClKernel? kernel)) return kernel;
            if (!_byText.TryGetValue((program.OpenCl, program.Name), out kernel))
            {
                long start = Stopwatch.GetTimestamp();
                string key = CacheKey(program);
                nint handle = _cache.Read(key) is { } binary ? FromBinary(program, binary) : 0;
                bool kept = handle != 0;
                if (!kept) handle = FromText(program, key);
                NablaDebug.Tell(1, $"{_owner}: kernel {program.Name} {(kept ? "read" : "compiled")} in {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F1} ms");
                _byText.Add((program.OpenCl, program.Name), kernel = new OpenClKernel(handle, _info));
            }
            _kernels.Add(program, kernel);
            return kernel;
        }
    }

    // A driver may refuse what another version of it has made: then 0, and the text is compiled again.
    private nint FromBinary(KernelProgram program, byte[] binary)
    {
        nint device = _info.Device;
        nuint size = (nuint)binary.Length;
        ClStatus status, each;
        nint handle;
        fixed (byte* bytes = binary) handle = Cl.clCreateProgramWithBinary(_context, 1, &device, &size, &bytes, &each, &status);
        if (status != ClStatus.CL_SUCCESS) return 0;
        nint kernel = Compile(handle) == ClStatus.CL_SUCCESS ? Entry(handle, program, out _) : 0;
        Cl.clReleaseProgram(handle);
        return kernel;
    }

    private nint FromText(KernelProgram program, string key)
    {
        ClStatus status;
        nint handle;
        fixed (byte* text = Encoding.UTF8.GetBytes(program.OpenCl + '\0')) handle = Cl.clCreateProgramWithSource(_context, 1, &text, null, &status);
        if (status != ClStatus.CL_SUCCESS) throw AcceleratorErrors.BuildFailed(_owner, program, $"clCreateProgramWithSource: {status}", "");
        try
        {
            status = Compile(handle);
            if (status != ClStatus.CL_SUCCESS) throw AcceleratorErrors.BuildFailed(_owner, program, status.ToString(), Log(handle));
            nint kernel = Entry(handle, program, out status);
            if (kernel == 0) throw AcceleratorErrors.BuildFailed(_owner, program, $"clCreateKernel: {status}", Log(handle));
            if (_cache.PathOf(key) is not null && Binary(handle) is { Length: > 0 } binary) _cache.Write(key, binary);
            return kernel;
        }
        finally
        {
            // The kernel keeps what it needs of the program.
            Cl.clReleaseProgram(handle);
        }
    }

    private ClStatus Compile(nint program)
    {
        nint device = _info.Device;
        fixed (byte* options = Encoding.UTF8.GetBytes(_options + '\0')) return Cl.clBuildProgram(program, 1, &device, options, null, null);
    }

    private static nint Entry(nint handle, KernelProgram program, out ClStatus status)
    {
        ClStatus result;
        nint kernel;
        fixed (byte* name = Encoding.UTF8.GetBytes(program.Name + '\0')) kernel = Cl.clCreateKernel(handle, name, &result);
        status = result;
        return result == ClStatus.CL_SUCCESS ? kernel : 0;
    }

    private static byte[] Binary(nint program)
    {
        nuint size = 0;
        if (Cl.clGetProgramInfo(program, Cl.ProgramBinarySizes, (nuint)sizeof(nuint), &size, null) != ClStatus.CL_SUCCESS || size == 0) return [];
        byte[] binary = new byte[size];
        fixed (byte* to = binary)
            return Cl.clGetProgramInfo(program, Cl.ProgramBinaries, (nuint)sizeof(byte*), &to, null) == ClStatus.CL_SUCCESS ? binary : [];
    }

    private string Log(nint program)
    {
        nuint size = 0;
        if (Cl.clGetProgramBuildInfo(program, _info.Device, Cl.ProgramBuildLog, 0, null, &size) != ClStatus.CL_SUCCESS) return "";
        byte[] log = new byte[size];
        fixed (byte* to = log) Cl.clGetProgramBuildInfo(program, _info.Device, Cl.ProgramBuildLog, size, to, null);
        return Encoding.UTF8.GetString(log).TrimEnd('\0', '\n', ' ');
    }
}
