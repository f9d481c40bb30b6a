using System.Runtime.InteropServices;
using System.Text;

namespace Nabla.Kernels.Cuda;

/// <summary>NVIDIA's compiler for CUDA C at run time, with the names of its header <c>nvrtc.h</c>. Results are numbers; 0 is success.</summary>
internal static unsafe partial class Nvrtc
{
    /// <summary>A name that <see cref="CudaLibraries"/> turns into a file: the number behind <c>.so</c> changes with the version.</summary>
    public const string Library = "libnvrtc";

    [LibraryImport(Library)]
    public static partial int nvrtcVersion(int* major, int* minor);

    [LibraryImport(Library)]
    public static partial byte* nvrtcGetErrorString(int result);

    [LibraryImport(Library)]
    public static partial int nvrtcGetNumSupportedArchs(int* count);

    [LibraryImport(Library)]
    public static partial int nvrtcGetSupportedArchs(int* architectures);

    [LibraryImport(Library)]
    public static partial int nvrtcCreateProgram(nint* program, byte* text, byte* name, int headerCount, byte** headers, byte** headerNames);

    [LibraryImport(Library)]
    public static partial int nvrtcDestroyProgram(nint* program);

    [LibraryImport(Library)]
    public static partial int nvrtcCompileProgram(nint program, int optionCount, byte** options);

    [LibraryImport(Library)]
    public static partial int nvrtcGetProgramLogSize(nint program, nuint* size);

    [LibraryImport(Library)]
    public static partial int nvrtcGetProgramLog(nint program, byte* log);

    [LibraryImport(Library)]
    public static partial int nvrtcGetPTXSize(nint program, nuint* size);

    [LibraryImport(Library)]
    public static partial int nvrtcGetPTX(nint program, byte* ptx);

    [LibraryImport(Library)]
    public static partial int nvrtcGetCUBINSize(nint program, nuint* size);

    [LibraryImport(Library)]
    public static partial int nvrtcGetCUBIN(nint program, byte* binary);

    /// <summary>The version, such as 13.0; 0.0 if it does not tell.</summary>
    public static Version Version
    {
        get
        {
            int major = 0, minor = 0;
            return nvrtcVersion(&major, &minor) == 0 ? new Version(major, minor) : new Version(0, 0);
        }
    }

    /// <summary>The architectures that it can make machine code for: 90 is <c>sm_90</c>.</summary>
    public static int[] Architectures
    {
        get
        {
            int count = 0;
            if (nvrtcGetNumSupportedArchs(&count) != 0 || count <= 0) return [];
            int[] architectures = new int[count];
            fixed (int* to = architectures) return nvrtcGetSupportedArchs(to) == 0 ? architectures : [];
        }
    }

    /// <summary>Compiles a text to PTX or, with <paramref name="toBinary"/>, to machine code. Null if it does not compile.</summary>
    public static byte[]? Compile(string text, string name, IReadOnlyList<string> options, bool toBinary, out string status, out string log)
    {
        nint program = 0;
        int result;
        fixed (byte* source = Encoding.UTF8.GetBytes(text + '\0'), file = Encoding.UTF8.GetBytes(name + ".cu\0"))
            result = nvrtcCreateProgram(&program, source, file, 0, null, null);
        log = "";
        if (result == 0)
        {
            result = Compile(program, options);
            log = Log(program);
        }
        status = $"NVRTC: {Marshal.PtrToStringUTF8((nint)nvrtcGetErrorString(result))}";
        byte[]? image = result == 0 ? Image(program, toBinary) : null;
        if (program != 0) nvrtcDestroyProgram(&program);
        return image;
    }

    private static int Compile(nint program, IReadOnlyList<string> options)
    {
        byte*[] texts = new byte*[options.Count];
        try
        {
            for (int i = 0; i < texts.Length; i++) texts[i] = (byte*)Marshal.StringToCoTaskMemUTF8(options[i]);
            fixed (byte** first = texts) return nvrtcCompileProgram(program, texts.Length, first);
        }
        finally
        {
            foreach (byte* text in texts) Marshal.FreeCoTaskMem((nint)text);
        }
    }

    private static string Log(nint program)
    {
        nuint size = 0;
        if (nvrtcGetProgramLogSize(program, &size) != 0 || size == 0) return "";
        byte[] log = new byte[size];
        fixed (byte* to = log) return nvrtcGetProgramLog(program, to) == 0 ? Encoding.UTF8.GetString(log).TrimEnd('\0', '\n', ' ') : "";
    }

    private static byte[]? Image(nint program, bool toBinary)
    {
        nuint size = 0;
        int result = toBinary ? nvrtcGetCUBINSize(program, &size) : nvrtcGetPTXSize(program, &size);
        if (result != 0 || size == 0) return null;
        byte[] image = new byte[size];
        fixed (byte* to = image) result = toBinary ? nvrtcGetCUBIN(program, to) : nvrtcGetPTX(program, to);
        return result == 0 ? image : null;
    }
}
