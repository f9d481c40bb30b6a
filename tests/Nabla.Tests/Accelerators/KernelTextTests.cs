using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Nabla.Kernels;
using Nabla.Kernels.OpenCl;
using Nabla.Tests.Generator;

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

    // Every way of reading, every fold, both cuts.
    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Composed_loops_compile_to_PTX(DType element)
    {
        DenseTensor number = DenseTensor.Allocate(new Aval(element, [4, 3]), Device.Cpu), truth = DenseTensor.Allocate(new Aval(DType.Bool, [4, 3]), Device.Cpu);
        FusedTensor[] loads = [new(number, FusedUse.Load), new(number, FusedUse.Load), new(number, FusedUse.Load), new(truth, FusedUse.Load), new(truth, FusedUse.Load)];
        LoopReading[] readings = [LoopReading.Dense, LoopReading.Single, LoopReading.Strided, LoopReading.Dense, LoopReading.Single];
        LoopOperation[] operations =
        [
            new(LaneForm.Binary<AddOp>(), 0, 1, -1), new(LaneForm.Unary<TanhOp>(), 5, -1, -1), new(LaneForm.Select, 3, 6, 2), new(LaneForm.Power(-3), 7, -1, -1),
            new(LaneForm.Binary<LtOp>(), 8, 0, -1), new(LaneForm.FromBool, 9, -1, -1),
        ];
        FusedTensor[] stores = [new(number, FusedUse.Store, 8), new(truth, FusedUse.Store, 9)];
        FusedTensor[] folds = [new(number, FusedUse.Sum, 8), new(number, FusedUse.Max, 7), new(number, FusedUse.Min, 10)];
        foreach ((bool? byLines, bool inFours) in ((bool?, bool)[])[(null, false), (null, true), (true, false), (false, false)])
        {
            FusedTensor[] tensors = byLines is null ? [.. loads, .. stores] : [.. loads, .. stores, .. folds];
            KernelProgram program = DeviceLoopText.Program(element, tensors, [.. readings, .. new LoopReading[tensors.Length - loads.Length]], operations, byLines, inFours);
            (int status, string ptx, string log) = Compile(Repository.Read("tests/Nabla.Tests/Accelerators/clang-cuda.h") + program.Cuda, "-O3");
            Assert.True(status == 0, log);
            Assert.Contains(".visible .entry nabla_loop", ptx);
            Assert.DoesNotContain(".local", ptx);
            if (inFours) Assert.True(Regex.Count(ptx, @"\bld\.global\.v[24]\.f") > 0 && Regex.Count(ptx, @"\bst\.global\.v[24]\.f") > 0, ptx);
            if (Nabla.Kernels.Accelerators.Find().OfType<OpenClDevice>().FirstOrDefault() is { } device) WithoutCache(device).Compile(program);
        }
    }

    // Kept in registers, and read again; every way of reading.
    [Theory]
    [InlineData(DType.F32, 7)]
    [InlineData(DType.F32, 1024)]
    [InlineData(DType.F32, 16_384)]
    [InlineData(DType.F32, 100_000)]
    [InlineData(DType.F64, 1000)]
    [InlineData(DType.F64, 16_384)]
    public void Loops_over_lines_compile_to_PTX_and_keep_values_in_registers(DType element, int length)
    {
        DenseTensor Zero(params int[] shape) => DenseTensor.Splat(new Aval(element, shape), 0, Device.Cpu);
        Shape shape = [64, length];
        DenseTensor x = DenseTensor.Allocate(new Aval(element, shape), Device.Cpu), truth = DenseTensor.Allocate(new Aval(DType.Bool, shape), Device.Cpu), y = DenseTensor.Allocate(new Aval(element, [64]), Device.Cpu);
        DenseTensor turned = DenseTensor.Allocate(new Aval(element, [length, 64]), Device.Cpu), row = DenseTensor.Allocate(new Aval(element, [length]), Device.Cpu);
        FusedTensor[] tensors =
        [
            new(x, FusedUse.Load), new(truth, FusedUse.Load), new(y, FusedUse.Load), new(y.View(y.Layout.BroadcastInDim(shape, [0])), FusedUse.Load), new(row.View(row.Layout.BroadcastInDim(shape, [1])), FusedUse.Load),
            new(turned.View(turned.Layout.Transpose([1, 0])), FusedUse.Load), new(Zero(64, length), FusedUse.Load), new(x, FusedUse.Store, 12), new(truth, FusedUse.Store, 13), new(y, FusedUse.Store, 11),
        ];
        LineStep[] steps =
        [
            new(new LoopOperation(LaneForm.Select, 1, 0, 6)), new(new LoopOperation(default, 7), FusedUse.Max), new(new LoopOperation(LaneForm.Binary<SubOp>(), 7, 8)), new(new LoopOperation(default, 9), FusedUse.Sum),
            new(new LoopOperation(LaneForm.Binary<MulOp>(), 10, 2)), new(new LoopOperation(LaneForm.Binary<MulOp>(), 9, 11)), new(new LoopOperation(LaneForm.Binary<LtOp>(), 12, 3)),
            new(new LoopOperation(LaneForm.Binary<MulOp>(), 4, 5)), new(new LoopOperation(default, 14), FusedUse.Min),
        ];
        LineTensor[] lines = Array.ConvertAll(tensors, t => LineTensor.Of(t, shape, 1));
        Assert.Equal([false, false, true, true, false, false, true, false, false, true], lines.Select(t => t.IsOfLine));
        LineCut cut = LineCut.Of(64, length);
        Assert.Equal(1, cut.Chunks);
        KernelProgram program = DeviceLinesText.Program(element, lines, steps, cut, isProcessor: false);
        (int status, string ptx, string log) = Compile(Repository.Read("tests/Nabla.Tests/Accelerators/clang-cuda.h") + program.Cuda, "-O3");
        Assert.True(status == 0, log);
        Assert.Contains(".visible .entry nabla_lines", ptx);
        Assert.Matches(@"(?m)^\s*ld\.global\.v[24]\.f", ptx);
        Assert.Matches(@"(?m)^\s*st\.global\.v[24]\.f", ptx);
        Assert.DoesNotContain(".local", ptx);
        foreach (bool isProcessor in (bool[])[true, false])
            if (Nabla.Kernels.Accelerators.Find().OfType<OpenClDevice>().FirstOrDefault() is { } device) WithoutCache(device).Compile(DeviceLinesText.Program(element, lines, steps, cut, isProcessor));
    }

    [Fact]
    public void Products_with_operations_that_finish_them_compile_to_PTX_and_move_vectors()
    {
        DenseTensor Tensor(int rows) => DenseTensor.Allocate(new Aval(DType.F32, [rows, 4]), Device.Cpu);
        DenseTensor turned = DenseTensor.Allocate(new Aval(DType.F32, [4, 4]), Device.Cpu);
        var epilogue = new DeviceEpilogue(DType.F32, [new(Tensor(4), FusedUse.Load), new(turned.View(turned.Layout.Transpose([1, 0])), FusedUse.Load), new(Tensor(4), FusedUse.Store, 2)], 0,
            [new LoopOperation(LaneForm.Binary<AddOp>(), 0, 1)]);
        foreach (KernelProgram kernel in (KernelProgram[])[.. MatMulKernels.ProductsOf<float>(true).Select(p => p.Program), MatMulKernels.StripsOf<float>(), MatMulKernels.DotsOf<float>(), MatMulKernels.PlainOf<float>()])
        {
            KernelProgram finished = epilogue.Finish(kernel);
            Assert.Same(finished, epilogue.Finish(kernel));
            (int status, string ptx, string log) = Compile(Repository.Read("tests/Nabla.Tests/Accelerators/clang-cuda.h") + finished.Cuda, "-O3");
            Assert.True(status == 0, log);
            Assert.Contains($".visible .entry {kernel.Name}(", ptx);
            if (kernel.Name.Contains("Piped", StringComparison.Ordinal))
            {
                Assert.Contains("cp.async.cg.shared.global", ptx);
                Assert.Matches(@"(?m)^\s*ld\.shared\.v4\.f32", ptx);
                Assert.DoesNotContain(".local", ptx);
            }
            if (kernel != MatMulKernels.BlockedOf<float>()) continue;
            // What the kernel is built for: vectors from global and from shared memory, sums in registers. The declarations of this test are not NVRTC's: some fours are pairs.
            string moves = string.Join('\n', Regex.Matches(ptx, @"\b(ld|st)\.[\w.]+").GroupBy(m => m.Value).Select(g => $"{g.Key} × {g.Count()}").Order());
            output.WriteLine(moves);
            Assert.Matches(@"(?m)^ld\.global\.v[24]\.f32", moves);
            Assert.Matches(@"(?m)^ld\.shared\.v4\.f32", moves);
            Assert.Matches(@"(?m)^st\.shared\.v[24]\.f32", moves);
            Assert.DoesNotContain(".local", ptx);
        }
    }

    [Fact]
    public void Asynchronous_copies_are_instructions_where_there_are_some()
    {
        KernelProgram program = KernelPrograms.All.Single(p => p.Name == "EmulatorKernels.Reversed<Double>").Program;
        string text = Repository.Read("tests/Nabla.Tests/Accelerators/clang-cuda.h") + program.Cuda;
        (int status, string ptx, string log) = Compile(text);
        Assert.True(status == 0, log);
        Assert.Contains("cp.async.ca.shared.global", ptx);
        Assert.Matches(@"cp\.async\.cg\.shared\.global \[%r\d+\], \[%rd\d+\], 16, %r\d+;", ptx);
        Assert.Contains("cp.async.commit_group;", ptx);
        Assert.Contains("cp.async.wait_group 2;", ptx);
        (status, ptx, log) = Compile(text, "--cuda-gpu-arch=sm_70", "--no-cuda-gpu-arch=sm_80");
        Assert.True(status == 0, log);
        Assert.DoesNotContain("cp.async", ptx);
    }

    [Theory]
    [InlineData("Single, TensorTf32,", "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", 32, "cvt.rna.tf32.f32", 48)]
    [InlineData("Single, TensorTf32Split,", "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", 96, "cvt.rna.tf32.f32", 96)]
    [InlineData("Single, TensorBf16,", "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", 16, "cvt.rn.bf16x2.f32", 24)]
    [InlineData("Double, TensorF64,", "mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64", 64, "ld.shared.f64", 24)]
    [InlineData("Double, TensorF64,", "mma.sync.aligned.m16n8k8.row.col.f64.f64.f64.f64", 16, "ld.shared.f64", 24, "-U__CUDA_ARCH__", "-D__CUDA_ARCH__=900")]
    public void Products_on_tensor_cores_are_their_instructions_with_sums_in_registers(string arithmetic, string instruction, int instructions, string with, int others, params string[] options)
    {
        (string, KernelProgram Program)[] kernels = [.. KernelPrograms.All.Where(k => k.Name.StartsWith($"MatMulKernels.Tensor<{arithmetic} TensorBlock128x128", StringComparison.Ordinal))];
        Assert.Equal(4, kernels.Length);
        foreach ((_, KernelProgram program) in kernels)
        {
            (int status, string ptx, string log) = Compile(Repository.Read("tests/Nabla.Tests/Accelerators/clang-cuda.h") + program.Cuda, ["-O3", .. options]);
            Assert.True(status == 0, log);
            // Each stands once in the loop over the depth.
            Assert.Equal((instructions, others), (Regex.Count(ptx, Regex.Escape(instruction)), Regex.Count(ptx, Regex.Escape(with))));
            Assert.Contains("cp.async.cg.shared.global", ptx);
            // Only what is not finite goes through memory, 64 numbers of f32.
            Assert.Equal(arithmetic[0] == 'S' ? [".local .align 16 .b8 \t__local_depot0[256];"] : Array.Empty<string>(), Regex.Matches(ptx, @"\.local .*__local_depot.*").Select(m => m.Value));
        }
    }

    [Fact]
    public void Rows_of_factors_and_columns_of_solutions_stay_in_registers()
    {
        foreach ((_, KernelProgram program) in KernelPrograms.All.Where(k => k.Name.StartsWith("FactorKernels.CholeskyColumns", StringComparison.Ordinal) || k.Name.StartsWith("FactorKernels.SolveColumns", StringComparison.Ordinal)))
        {
            (int status, string ptx, string log) = Compile(Repository.Read("tests/Nabla.Tests/Accelerators/clang-cuda.h") + program.Cuda, "-O3");
            Assert.True(status == 0, log);
            Assert.Matches(program.NeedsDouble ? @"(?m)^\s*ld\.shared\.v2\.f64" : @"(?m)^\s*ld\.shared\.v4\.f32", ptx);
            Assert.DoesNotContain(".local", ptx);
        }
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
        OpenClDevice device = WithoutCache(OpenClTexts.Device);
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

    [Theory]
    [InlineData("float", true)]
    [InlineData("double", true)]
    [InlineData("int", false)]
    [InlineData("uint", false)]
    [InlineData("long", false)]
    [InlineData("ulong", false)]
    [InlineData("short", false)]
    [InlineData("ushort", false)]
    [InlineData("sbyte", false)]
    [InlineData("byte", false)]
    public async Task Every_library_function_and_conversion_compiles(string type, bool isFloat)
    {
        string[] one = "Sqrt Cbrt Exp Exp2 ExpM1 Log Log2 Log10 LogP1 Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Asinh Acosh Atanh Floor Ceiling Truncate Round".Split(' ');
        string[] two = "Atan2 Pow CopySign Hypot".Split(' '), common = "Max Min MaxNumber MinNumber".Split(' '), questions = "IsNegative IsFinite IsInfinity IsNaN".Split(' ');
        string[] numbers = "float double int uint long ulong short ushort sbyte byte".Split(' ');
        IEnumerable<string> lines =
        [
            .. isFloat ? one.Select(f => $"v += T.{f}(w);") : [], .. isFloat ? two.Select(f => $"v += T.{f}(v, w);") : [],
            .. isFloat ? ["v += T.FusedMultiplyAdd(v, w, v);", "v += T.ScaleB(v, 3);"] : Array.Empty<string>(),
            .. common.Select(f => $"v += T.{f}(v, w);"), .. questions.Select(f => $"if (T.{f}(v)) v += T.One;"),
            "v += T.Abs(w) + T.Clamp(v, w, T.One) + T.CreateTruncating(T.Sign(v));",
            .. numbers.Select(n => $"{{ {n} other = ({n})x[0]; v += T.CreateTruncating(other); }}"),
        ];
        string text = await KernelSource.Translate($$"""
            namespace Samples;

            static partial class Kernels
            {
                [Kernel(1), Instances(typeof({{type}}))]
                static void All<T>(ArrayView<{{type}}> x, ArrayView<T> y) where T : unmanaged, {{(isFloat ? "IFloatingPointIeee754<T>" : "INumber<T>")}}
                {
                    T v = y[0], w = y[1];
                    {{string.Join("\n        ", lines)}}
                    y[0] = v;
                }
            }
            """);
        string[] languages = text.Split("//// CUDA C");
        if (Nabla.Kernels.Accelerators.Find().OfType<OpenClDevice>().FirstOrDefault() is { } device)
        {
            string name = Regex.Match(languages[0], @"Kernels_All_\w+").Value;
            WithoutCache(device).Compile(new KernelProgram { Name = name, OpenCl = DevicePrelude.OpenCl + languages[0], Cuda = "", NeedsDouble = true });
        }
        (int status, string ptx, string log) = Compile(Repository.Read("tests/Nabla.Tests/Accelerators/clang-cuda.h") + DevicePrelude.Cuda + "//" + languages[1]);
        Assert.True(status == 0, log);
        Assert.Contains(".visible .entry Kernels_All", ptx);
    }

    // A driver that is asked for binaries makes machine code of every kernel.
    private static OpenClDevice WithoutCache(OpenClDevice device) => new(device.Name, device.Info, new KernelCache(null));

    // The text with another name of its kernel, that leaves no definitions behind.
    private static string Renamed(string text, string name, int number) =>
        $"{Regex.Replace(text, $@"\b{name}\b", $"{name}_{number}")}\n{string.Concat(Defined().Matches(text).Select(m => $"#undef {m.Groups[1].Value}\n"))}";

    private static (int Status, string Ptx, string Log) Compile(string text, params string[] more)
    {
        string folder = Directory.CreateTempSubdirectory("nabla-clang-").FullName;
        try
        {
            string source = Path.Combine(folder, "kernels.cu"), target = Path.Combine(folder, "kernels.ptx");
            File.WriteAllText(source, text);
            using Process clang = Process.Start(new ProcessStartInfo(Clang, [.. Options, .. more, "-o", target, source]) { RedirectStandardError = true })!;
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
