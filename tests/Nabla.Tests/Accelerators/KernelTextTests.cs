using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Nabla.Kernels;
using Nabla.Kernels.OpenCl;

namespace Nabla.Tests.Accelerators;

/// <summary>
/// Every generated text compiles: CUDA C to PTX by Debian's clang, without any package of NVIDIA, and OpenCL C by the driver. Many kernels are one
/// translation unit, in which each has a name of its own, so that it takes seconds.
/// </summary>
public sealed partial class KernelTextTests(ITestOutputHelper output)
{
    private const string Clang = "clang-14";
    private const int KernelsOfUnit = 150;

    private static readonly string[] Options =
        ["-x", "cuda", "-nocudainc", "-nocudalib", "--cuda-device-only", "--cuda-gpu-arch=sm_80", "-Xclang", "-target-feature", "-Xclang", "+ptx71", "-fno-builtin", "-w", "-S"];

    [GeneratedRegex(@"^#define (\w+)", RegexOptions.Multiline)]
    private static partial Regex Defined();

    [Fact]
    public void All_CUDA_texts_compile_to_PTX()
    {
        int compiled = 0;
        long start = Stopwatch.GetTimestamp();
        foreach ((string Name, KernelProgram Program)[] chunk in KernelPrograms.All.Chunk(KernelsOfUnit))
        {
            var unit = new StringBuilder(Repository.Read("tests/Nabla.Tests/Accelerators/clang-cuda.h")).Append(DevicePrelude.Cuda);
            foreach ((string name, KernelProgram program) in chunk)
            {
                Assert.StartsWith(DevicePrelude.Cuda, program.Cuda);
                unit.Append($"\n// {name}\nnamespace k{compiled}\n{{\n{Renamed(program.Cuda[DevicePrelude.Cuda.Length..], program.Name, compiled++)}}}\n");
            }
            (int status, string ptx, string log) = Compile(unit.ToString());
            Assert.True(status == 0, log);
            // What a kernel calls and nobody declares would be an error above; what was not compiled at all would be missing here.
            Assert.Equal(chunk.Length, Regex.Count(ptx, @"^\.visible \.entry ", RegexOptions.Multiline));
        }
        Assert.True(compiled >= 200, $"{compiled} programs are too few: were they found?");
        output.WriteLine($"{compiled} kernels to PTX in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s");
    }

    [Fact]
    public void A_fault_in_CUDA_text_is_found()
    {
        (int status, _, string log) = Compile("__attribute__((global)) void Wrong(float* x) { x[0] = undeclared; }");
        Assert.NotEqual(0, status);
        Assert.Contains("undeclared", log);
    }

    [Fact]
    public void All_OpenCL_texts_compile_on_the_device()
    {
        // Without a cache: a driver that is asked for binaries makes machine code of every kernel.
        var device = new OpenClDevice("opencl:0", OpenClTexts.Device.Info, new KernelCache(null));
        int compiled = 0;
        long start = Stopwatch.GetTimestamp();
        foreach ((string Name, KernelProgram Program)[] chunk in KernelPrograms.All.Where(p => device.HasDouble || !p.Program.NeedsDouble).Chunk(KernelsOfUnit))
        {
            var functions = new List<string>();
            var kernels = new StringBuilder();
            foreach ((string name, KernelProgram program) in chunk)
            {
                Assert.StartsWith(DevicePrelude.OpenCl, program.OpenCl);
                // Functions, definitions and the kernel are parted by empty lines; functions of one name are one function.
                string[] pieces = program.OpenCl[DevicePrelude.OpenCl.Length..].Split("\n\n", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
                functions.AddRange(pieces[..^1].Where(piece => !piece.StartsWith('#') && !functions.Contains(piece)));
                kernels.Append($"\n// {name}\n{Renamed(string.Join('\n', pieces.Where(piece => piece.StartsWith('#')).Append(pieces[^1])), program.Name, compiled++)}");
            }
            var all = new KernelProgram
            {
                Name = $"{chunk[^1].Program.Name}_{compiled - 1}",
                OpenCl = $"{DevicePrelude.OpenCl}\n{string.Join("\n\n", functions)}\n{kernels}",
                Cuda = "",
                NeedsDouble = chunk.Any(p => p.Program.NeedsDouble),
            };
            device.Compile(all);
        }
        output.WriteLine($"{compiled} kernels by {device.Description} in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s");
    }

    // The text with another name of its kernel, that leaves no definitions behind.
    private static string Renamed(string text, string name, int number) =>
        $"{Regex.Replace(text, $@"\b{name}\b", $"{name}_{number}")}\n{string.Concat(Defined().Matches(text).Select(m => $"#undef {m.Groups[1].Value}\n"))}";

    private static (int Status, string Ptx, string Log) Compile(string text)
    {
        string folder = Directory.CreateTempSubdirectory("nabla-clang-").FullName;
        try
        {
            string source = Path.Combine(folder, "kernels.cu"), target = Path.Combine(folder, "kernels.ptx");
            File.WriteAllText(source, text);
            using Process clang = Process.Start(new ProcessStartInfo(Clang, [.. Options, "-o", target, source]) { RedirectStandardError = true })!;
            string log = clang.StandardError.ReadToEnd();
            clang.WaitForExit();
            return (clang.ExitCode, clang.ExitCode == 0 ? File.ReadAllText(target) : "", log);
        }
        catch (Win32Exception)
        {
            Assert.Skip($"{Clang} is not installed; the generated CUDA C was not compiled");
            throw;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
