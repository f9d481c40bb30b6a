using System.Globalization;
using System.Text;

namespace Nabla.Kernels;

/// <summary>The text of a <see cref="DeviceLoop"/> in both languages.</summary>
internal static class DeviceLoopText
{
    private const string Name = "nabla_loop";

    public static bool Supports(LaneForm form, DType element) => form.Operation is not { } operation
        || ElementFunctions.Find(operation.Name, element == DType.F32 ? "f32" : "f64") is not null || TruthFunction(operation) is not null;

    /// <summary>The program of a loop; <paramref name="byLines"/>: whether a work-item folds a chunk, or a group; null if nothing is folded.</summary>
    public static KernelProgram Program(DType element, FusedTensor[] tensors, LoopReading[] readings, LoopOperation[] operations, bool? byLines)
    {
        var functions = new List<DeviceFunction> { ElementKernels.CopyParts.Steps, ElementKernels.CopyParts.Extents, ElementKernels.CopyParts.Steps_At };
        string body = Body(element, tensors, readings, operations, byLines, functions), folds = byLines is null ? "int count" : "Steps kept, Extents keptExtents, Steps folded, Extents foldedExtents, int outputs, int chunk, int chunks, int count";
        return new KernelProgram
        {
            Name = Name,
            OpenCl = KernelTexts.Unit(DevicePrelude.OpenCl, functions, f => f.OpenCl, $"{OpenClHead(element, tensors, readings, folds)}{InOpenCl(body)}"),
            Cuda = KernelTexts.Unit(DevicePrelude.Cuda, functions, f => f.Cuda, $"{CudaHead(element, tensors, readings, folds)}{InCuda(body)}"),
            NeedsDouble = element == DType.F64 || functions.Any(f => f.NeedsDouble),
        };
    }

    private static string InOpenCl(string body) => body.Replace("@INDEX", "(int)get_global_id(0)").Replace("@GROUP", "(int)get_group_id(0)").Replace("@ITEM", "(int)get_local_id(0)")
        .Replace("@SHARED", "__local").Replace("@BARRIER", "barrier(CLK_LOCAL_MEM_FENCE)");

    private static string InCuda(string body) => body.Replace("@INDEX", "(int)(blockIdx.x * blockDim.x + threadIdx.x)").Replace("@GROUP", "(int)blockIdx.x").Replace("@ITEM", "(int)threadIdx.x")
        .Replace("@SHARED", "__shared__").Replace("@BARRIER", "__syncthreads()");

    private static string OpenClHead(DType element, FusedTensor[] tensors, LoopReading[] readings, string rest)
    {
        var head = new StringBuilder($"__kernel __attribute__((reqd_work_group_size(256, 1, 1)))\nvoid {Name}(");
        for (int i = 0; i < tensors.Length; i++)
            head.Append($"__global {Stored(tensors[i], element, "uchar")}* t{i}_base, long t{i}_offset, int t{i}_length, ").Append(readings[i] == LoopReading.Strided ? $"Steps s{i}, Extents e{i}, " : "");
        head.Append($"{rest})\n{{\n");
        for (int i = 0; i < tensors.Length; i++)
        {
            string type = Stored(tensors[i], element, "uchar");
            head.Append($"    __global {type}* t{i} = (__global {type}*)((__global char*)t{i}_base + t{i}_offset);\n");
        }
        return head.ToString();
    }

    private static string CudaHead(DType element, FusedTensor[] tensors, LoopReading[] readings, string rest)
    {
        var head = new StringBuilder($"extern \"C\" __global__ void __launch_bounds__(256) {Name}(");
        for (int i = 0; i < tensors.Length; i++)
            head.Append($"{Stored(tensors[i], element, "unsigned char")}* t{i}, int t{i}_length, ").Append(readings[i] == LoopReading.Strided ? $"Steps s{i}, Extents e{i}, " : "");
        return head.Append($"{rest})\n{{\n").ToString();
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

    /// <summary>
    /// What reads operands, computes and stores element i: what is the same for all elements, which is read first, and the rest. The tensor at <paramref name="product"/>, if any, is
    /// the variable <c>sum</c>.
    /// </summary>
    public static (string Once, string Each) Values(DType element, FusedTensor[] tensors, LoopReading[] readings, int product, LoopOperation[] operations, List<DeviceFunction> functions)
    {
        string number = element == DType.F32 ? "float" : "double";
        StringBuilder once = new(), each = new();
        var isTruth = new List<bool>();
        for (int i = 0; i < tensors.Length; i++)
        {
            if (tensors[i].Use != FusedUse.Load) continue;
            bool truth = tensors[i].Tensor.DType == DType.Bool;
            string at = i == product ? "sum" : readings[i] switch { LoopReading.Dense => $"t{i}[i]", LoopReading.Single => $"t{i}[0]", _ => $"t{i}[Steps_At(i, s{i}, e{i})]" };
            (readings[i] == LoopReading.Single ? once : each).Append(truth ? $"    bool v{isTruth.Count} = {at} != 0;\n" : $"    {number} v{isTruth.Count} = {at};\n");
            isTruth.Add(truth);
        }
        foreach (LoopOperation operation in operations)
        {
            int result = isTruth.Count;
            (string expression, bool truth) = Expression(operation, element, number, isTruth, functions, each);
            each.Append($"    {(truth ? "bool" : number)} v{result} = {expression};\n");
            isTruth.Add(truth);
        }
        for (int i = 0; i < tensors.Length; i++)
            if (tensors[i].Use == FusedUse.Store) each.Append($"    t{i}[i] = v{tensors[i].Value};\n");
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
            int item = @ITEM, group = @GROUP, output = group / chunks, low = (group - output * chunks) * chunk, high = count - low < chunk ? count : low + chunk;
            int start = Steps_At(output, kept, keptExtents);
            {{Each(folds, f => $"{number} total{f.Tensor} = {f.Identity};")}}
            for (int j = low + item; j < high; j += {{Text(ReduceKernels.Size)}})
            {
                int i = start + Steps_At(j, folded, foldedExtents);
        {{each}}
                {{Each(folds, f => $"total{f.Tensor} = {f.Combine($"total{f.Tensor}", $"v{f.Value}")};")}}
            }
            {{Each(folds, f => $"partial[item] = total{f.Tensor}; @BARRIER; for (int width = {Text(ReduceKernels.Size / 2)}; width > 0; width /= 2) {{ if (item < width) partial[item] = {f.Combine("partial[item]", "partial[item + width]")}; @BARRIER; }} if (item == 0) t{f.Tensor}[group] = partial[0]; @BARRIER;")}}
        }

        """;

    private static string Each(LoopFold[] folds, Func<LoopFold, string> text) => string.Join("\n    ", folds.Select(text));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    // A value that is folded into a tensor.
    private readonly record struct LoopFold(int Tensor, int Value, FusedUse Use, DType Element)
    {
        public string Identity => Use switch { FusedUse.Sum => "0", FusedUse.Max => "-INFINITY", _ => "INFINITY" };

        public string Combine(string a, string b) => Use == FusedUse.Sum ? $"{a} + {b}" : $"nabla_{(Use == FusedUse.Max ? "max" : "min")}_{(Element == DType.F32 ? "f32" : "f64")}({a}, {b})";
    }

    private static (string Text, bool IsTruth) Expression(
        LoopOperation operation, DType element, string number, List<bool> isTruth, List<DeviceFunction> functions, StringBuilder body)
    {
        LaneForm form = operation.Form;
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
