using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Nabla.Kernels;

/// <summary>The text of a <see cref="DeviceLoop"/> in both languages.</summary>
internal static class DeviceLoopText
{
    private const string Name = "nabla_loop";

    public static bool Supports(LaneForm form, DType element) => form.Operation is not { } operation
        || ElementFunctions.Find(operation.Name, element == DType.F32 ? "f32" : "f64") is not null || TruthFunction(operation) is not null;

    /// <summary>
    /// The program of a loop; <paramref name="byLines"/>: whether a work-item folds a chunk, or a group; null if nothing is folded, and then <paramref name="inFours"/>: a work-item has four neighbours.
    /// </summary>
    public static KernelProgram Program(DType element, FusedTensor[] tensors, LoopReading[] readings, LoopOperation[] operations, bool? byLines, bool inFours = false)
    {
        var functions = new List<DeviceFunction> { ElementKernels.CopyParts.Steps, ElementKernels.CopyParts.Extents, ElementKernels.CopyParts.Steps_At };
        string body = inFours ? Fours(element, tensors, readings, operations, functions) : Body(element, tensors, readings, operations, byLines, functions);
        string rest = inFours ? "int count, int fours" : byLines is null ? "int count" : "Steps kept, Extents keptExtents, Steps folded, Extents foldedExtents, int outputs, int width, int chunk, int chunks, int count";
        return new KernelProgram
        {
            Name = Name,
            OpenCl = KernelTexts.Unit(DevicePrelude.OpenCl, functions, f => f.OpenCl, $"{Head(Name, element, tensors, readings, rest, openCl: true)}{InOpenCl(body)}"),
            Cuda = KernelTexts.Unit(DevicePrelude.Cuda, functions, f => f.Cuda, $"{Head(Name, element, tensors, readings, rest, openCl: false)}{InCuda(body)}"),
            NeedsDouble = element == DType.F64 || functions.Any(f => f.NeedsDouble),
        };
    }

    /// <summary>A body with what is said differently in the two languages, in OpenCL C.</summary>
    public static string InOpenCl(string body) => Moves(body, "vstore4(vload4(0, $2), 0, $1)").Replace("@INDEX", "(int)get_global_id(0)").Replace("@GROUP", "(int)get_group_id(0)").Replace("@ITEM", "(int)get_local_id(0)")
        .Replace("@SHARED", "__local").Replace("@BARRIER", "barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)").Replace("@ALIGN ", "").Replace("@UNROLL4", "#pragma unroll 4").Replace("@UNROLL", "#pragma unroll");

    /// <summary>The same in CUDA C.</summary>
    public static string InCuda(string body) => Moves(body, "nabla_move4($1, $2)").Replace("@INDEX", "(int)(blockIdx.x * blockDim.x + threadIdx.x)").Replace("@GROUP", "(int)blockIdx.x").Replace("@ITEM", "(int)threadIdx.x")
        .Replace("@SHARED", "__shared__").Replace("@BARRIER", "__syncthreads()").Replace("@ALIGN ", "__align__(16) ").Replace("@UNROLL4", "#pragma unroll 4").Replace("@UNROLL", "#pragma unroll");

    private static string Moves(string body, string move) => Regex.Replace(body, @"@MOVE4\(([^,;]+), ([^,;]+)\);", $"{move};");

    /// <summary>The beginning of a kernel: its parameters, <paramref name="rest"/> after those of tensors, and where each tensor starts.</summary>
    public static string Head(string name, DType element, FusedTensor[] tensors, LoopReading[] readings, string rest, bool openCl)
    {
        string Type(int i) => Stored(tensors[i], element, openCl ? "uchar" : "unsigned char");
        var head = new StringBuilder(openCl ? $"__kernel __attribute__((reqd_work_group_size(256, 1, 1)))\nvoid {name}(" : $"extern \"C\" __global__ void __launch_bounds__(256) {name}(");
        for (int i = 0; i < tensors.Length; i++)
            head.Append(openCl ? $"__global {Type(i)}* t{i}_base, long t{i}_offset, int t{i}_length, " : $"{Type(i)}* t{i}, int t{i}_length, ").Append(readings[i] == LoopReading.Strided ? $"Steps s{i}, Extents e{i}, " : "");
        head.Append($"{rest})\n{{\n");
        for (int i = 0; openCl && i < tensors.Length; i++) head.Append($"    __global {Type(i)}* t{i} = (__global {Type(i)}*)((__global char*)t{i}_base + t{i}_offset);\n");
        return head.ToString();
    }

    private static string Body(DType element, FusedTensor[] tensors, LoopReading[] readings, LoopOperation[] operations, bool? byLines, List<DeviceFunction> functions)
    {
        string number = element == DType.F32 ? "float" : "double";
        (string once, string each) = Values(element, tensors, readings, -1, operations, functions);
        LoopFold[] folds = [.. tensors.Index().Where(t => DeviceLoop.IsFold(t.Item.Use)).Select(t => new LoopFold(t.Index, t.Item.Value, t.Item.Use, element))];
        return once + byLines switch
        {
            null => $"    int i = @INDEX;\n    if (i >= count)\n        return;\n{each}}}\n",
            true => FoldLines(each, number, folds),
            false => FoldGroups(each, number, folds),
        };
    }

    // Elements beyond the last are computed from others, and not stored.
    private static string Fours(DType element, FusedTensor[] tensors, LoopReading[] readings, LoopOperation[] operations, List<DeviceFunction> functions)
    {
        (string once, string each) = Values(element, tensors, readings, -1, operations, functions, inFours: true);
        var body = new StringBuilder($"{once}    int j = 4 * @INDEX, left = count - j;\n    if (left <= 0)\n        return;\n");
        for (int i = 0; i < tensors.Length; i++)
            if (IsFour(tensors[i], readings[i]) || tensors[i].Use == FusedUse.Store) body.Append($"    @ALIGN {Stored(tensors[i], element, "bool")} l{i}[4];\n");
        for (int i = 0; i < tensors.Length; i++)
            if (tensors[i].Use == FusedUse.Load && IsFour(tensors[i], readings[i])) body.Append(Move($"l{i}", $"t{i} + j", $"l{i}[k] = k < left ? t{i}[j + k] : 0", true));
        body.Append($"    @UNROLL\n    for (int k = 0; k < 4; k++)\n    {{\n    int i = k < left ? j + k : j;\n{each}    }}\n");
        for (int i = 0; i < tensors.Length; i++)
            if (tensors[i].Use == FusedUse.Store) body.Append(Move($"t{i} + j", $"l{i}", $"if (k < left) t{i}[j + k] = l{i}[k]", IsFour(tensors[i], readings[i])));
        return Indented(body.Append("}\n"));

        static string Move(string to, string from, string one, bool isFour) =>
            $"{(isFour ? $"    if (fours != 0 && left >= 4) {{ @MOVE4({to}, {from}); }}\n    else\n" : "")}    {{\n    @UNROLL\n    for (int k = 0; k < 4; k++) {one};\n    }}\n";
    }

    /// <summary>True for numbers at their own places, which move in fours where their addresses allow it.</summary>
    public static bool IsFour(FusedTensor tensor, LoopReading reading) => reading == LoopReading.Dense && tensor.Tensor.DType != DType.Bool;

    /// <summary>Lines below the opening brace of a kernel, each as deep as the braces around it.</summary>
    public static string Indented(StringBuilder text)
    {
        var result = new StringBuilder();
        int depth = 1;
        foreach (string line in text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            int change = line.Count(c => c == '{') - line.Count(c => c == '}');
            if (change < 0) depth += change;
            result.Append(' ', 4 * depth).Append(line).Append('\n');
            if (change > 0) depth += change;
        }
        return result.ToString();
    }

    /// <summary>
    /// What reads operands, computes and stores element i: what is the same for all elements, which is read first, and the rest. The tensor at <paramref name="product"/>, if any, is
    /// the variable <c>sum</c>. <paramref name="inFours"/>: numbers come from, and results go to, place k of <c>l</c>.
    /// </summary>
    public static (string Once, string Each) Values(DType element, FusedTensor[] tensors, LoopReading[] readings, int product, LoopOperation[] operations, List<DeviceFunction> functions, bool inFours = false)
    {
        string number = element == DType.F32 ? "float" : "double";
        StringBuilder once = new(), each = new();
        var isTruth = new List<bool>();
        for (int i = 0; i < tensors.Length; i++)
        {
            if (tensors[i].Use != FusedUse.Load) continue;
            bool truth = tensors[i].Tensor.DType == DType.Bool;
            string at = i == product ? "sum" : inFours && IsFour(tensors[i], readings[i]) ? $"l{i}[k]" : readings[i] switch { LoopReading.Dense => $"t{i}[i]", LoopReading.Single => $"t{i}[0]", _ => $"t{i}[Steps_At(i, s{i}, e{i})]" };
            (readings[i] == LoopReading.Single ? once : each).Append(truth ? $"    bool v{isTruth.Count} = {at} != 0;\n" : $"    {number} v{isTruth.Count} = {at};\n");
            isTruth.Add(truth);
        }
        foreach (LoopOperation operation in operations)
        {
            int result = isTruth.Count;
            (string expression, bool truth) = Expression(operation, element, isTruth, functions, each);
            each.Append($"    {(truth ? "bool" : number)} v{result} = {expression};\n");
            isTruth.Add(truth);
        }
        for (int i = 0; i < tensors.Length; i++)
            if (tensors[i].Use == FusedUse.Store) each.Append($"    {(inFours ? $"l{i}[k]" : $"t{i}[i]")} = v{tensors[i].Value};\n");
        return (once.ToString(), each.ToString());
    }

    // As ReduceKernels.FoldLines, with values that are computed instead of read.
    private static string FoldLines(string each, string number, LoopFold[] folds) => $$"""
            int own = @INDEX;
            if (own >= outputs * chunks)
                return;
            int part = own / outputs, low = part * chunk, high = count - low < chunk ? count : low + chunk;
            int start = Steps_At(own - part * outputs, kept, keptExtents);
            {{Each(folds, f => $"{number} total{f.Tensor} = {f.Identity};")}}
            for (int first = low; first < high; first += {{Text(ReduceKernels.Run)}})
            {
                int end = high - first < {{Text(ReduceKernels.Run)}} ? high : first + {{Text(ReduceKernels.Run)}};
                {{Each(folds, f => $"{number} sum{f.Tensor} = 0;")}}
                for (int j = first; j < end; j++)
                {
                    int i = start + Steps_At(j, folded, foldedExtents);
        {{each}}
                    {{Each(folds, f => $"sum{f.Tensor} = j == first ? v{f.Value} : {f.Combine($"sum{f.Tensor}", $"v{f.Value}")};")}}
                }
                {{Each(folds, f => $"total{f.Tensor} = {f.Combine($"total{f.Tensor}", $"sum{f.Tensor}")};")}}
            }
            {{Each(folds, f => $"t{f.Tensor}[own] = total{f.Tensor};")}}
        }

        """;

    // As ReduceKernels.FoldGroups; folds take the shared memory one after another.
    private static string FoldGroups(string each, string number, LoopFold[] folds) => $$"""
            @SHARED {{number}} partial[{{Text(ReduceKernels.Size)}}];
            int item = @ITEM, slices = {{Text(ReduceKernels.Size)}} / width, tile = @GROUP / chunks, part = @GROUP - tile * chunks, output = tile * width + item % width, low = part * chunk, length = 0, start = 0;
            if (output < outputs)
            {
                length = count - low < chunk ? count - low : chunk;
                start = Steps_At(output, kept, keptExtents);
            }
            {{Each(folds, f => $"{number} total{f.Tensor} = {f.Identity};")}}
            for (int first = item / width; first < length; first += {{Text(ReduceKernels.Run)}} * slices)
            {
                int end = length - first < {{Text(ReduceKernels.Run)}} * slices ? length : first + {{Text(ReduceKernels.Run)}} * slices;
                {{Each(folds, f => $"{number} sum{f.Tensor} = {f.Identity};")}}
                for (int j = first; j < end; j += slices)
                {
                    int i = start + Steps_At(low + j, folded, foldedExtents);
        {{each}}
                    {{Each(folds, f => $"sum{f.Tensor} = {f.Combine($"sum{f.Tensor}", $"v{f.Value}")};")}}
                }
                {{Each(folds, f => $"total{f.Tensor} = {f.Combine($"total{f.Tensor}", $"sum{f.Tensor}")};")}}
            }
            {{Each(folds, f => $"partial[item] = total{f.Tensor}; @BARRIER; for (int step = {Text(ReduceKernels.Size / 2)}; step >= width; step /= 2) {{ if (item < step) partial[item] = {f.Combine("partial[item]", "partial[item + step]")}; @BARRIER; }} if (item < width && output < outputs) t{f.Tensor}[output * chunks + part] = partial[item]; @BARRIER;")}}
        }

        """;

    private static string Each(LoopFold[] folds, Func<LoopFold, string> text) => string.Join("\n    ", folds.Select(text));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    // A value that is folded into a tensor.
    private readonly record struct LoopFold(int Tensor, int Value, FusedUse Use, DType Element)
    {
        public string Identity => IdentityOf(Use);

        public string Combine(string a, string b) => DeviceLoopText.Combine(Use, Element, a, b);
    }

    /// <summary>What a fold starts with.</summary>
    public static string IdentityOf(FusedUse use) => use switch { FusedUse.Sum => "0", FusedUse.Max => "-INFINITY", _ => "INFINITY" };

    /// <summary>Two values folded.</summary>
    public static string Combine(FusedUse use, DType element, string a, string b) =>
        use == FusedUse.Sum ? $"{a} + {b}" : $"nabla_{(use == FusedUse.Max ? "max" : "min")}_{(element == DType.F32 ? "f32" : "f64")}({a}, {b})";

    /// <summary>
    /// The expression of an operation on values <c>v0</c>, <c>v1</c> …, whose result is the next of them, and whether it is a truth value; what must stand before it is appended to <paramref name="body"/>.
    /// </summary>
    public static (string Text, bool IsTruth) Expression(LoopOperation operation, DType element, List<bool> isTruth, List<DeviceFunction> functions, StringBuilder body)
    {
        LaneForm form = operation.Form;
        string number = element == DType.F32 ? "float" : "double";
        string a = $"v{operation.A}", b = $"v{operation.B}", c = $"v{operation.C}";
        if (form.IsPower) return (Power(operation, number, isTruth.Count, body), false);
        if (form.Operation is not { } type) return operation.C >= 0 ? ($"{a} ? {b} : {c}", isTruth[operation.B]) : ($"({number}){a}", false);
        bool onTruth = isTruth[operation.A];
        DeviceFunction function = (onTruth ? TruthFunction(type) : ElementFunctions.Find(type.Name, element == DType.F32 ? "f32" : "f64"))
            ?? throw new NotSupportedException($"{type.Name} has no device function.");
        functions.Add(function);
        bool truth = onTruth || type.IsAssignableTo(typeof(ICompareOp)) || type.IsAssignableTo(typeof(IPredicateOp));
        return (operation.B >= 0 ? $"{function.Name}({a}, {b})" : $"{function.Name}({a})", truth);
    }

    // By squaring, in the order of the kernel for powers.
    private static string Power(LoopOperation operation, string number, int result, StringBuilder body)
    {
        int n = operation.Form.Exponent;
        body.Append($"    {number} p{result} = 1, q{result} = v{operation.A};\n");
        uint rest = (uint)Math.Abs((long)n);
        while (true)
        {
            if ((rest & 1) != 0) body.Append($"    p{result} = p{result} * q{result};\n");
            if ((rest >>= 1) == 0) break;
            body.Append($"    q{result} = q{result} * q{result};\n");
        }
        return n < 0 ? $"1 / p{result}" : $"p{result}";
    }

    private static DeviceFunction? TruthFunction(Type operation) => ElementFunctions.Find(operation.Name, "bool") ?? ElementFunctions.Find(operation.Name, "u8");

    /// <summary>The C type of the elements of a tensor.</summary>
    public static string Stored(FusedTensor tensor, DType element, string truth) =>
        tensor.Tensor.DType == DType.Bool ? truth : element == DType.F32 ? "float" : "double";
}
