using System.Text;

namespace Nabla.Kernels;

/// <summary>
/// Element-wise operations on one shape as one kernel of a device, composed at run time from the translated bodies of the operations: each element of every operand is
/// read once, intermediate values stay in registers. Results have the bits of the operations run one after another.
/// </summary>
public sealed class DeviceLoop : ILoop
{
    /// <summary>Most operations of a kernel: what it reads and writes must fit into 1 KiB of parameters, which every driver takes.</summary>
    public const int MostOperations = 12;

    private const int GroupSize = 256;

    private readonly Accelerator _device;
    private readonly FusedTensor[] _tensors;
    private readonly (Steps Steps, Extents Extents)?[] _walks;
    private readonly KernelArguments _arguments = new();
    private readonly KernelProgram _program;
    private readonly LaunchSize _size;
    private readonly int _count;

    /// <summary>Prepares a kernel.</summary>
    /// <param name="device">Where it runs; <see cref="Accelerator.ComposesKernels"/> holds.</param>
    /// <param name="shape">Shape of all tensors.</param>
    /// <param name="element">f32 or f64: the type of all values that are not truth values.</param>
    /// <param name="tensors">What is read, in any layout, and written.</param>
    /// <param name="operations">In an order in which operands come before their uses.</param>
    public DeviceLoop(Accelerator device, Shape shape, DType element, FusedTensor[] tensors, LoopOperation[] operations)
    {
        (_device, _tensors, _count) = (device, tensors, checked((int)shape.Count));
        _size = LaunchSize.Linear(_count, GroupSize);
        _walks = Array.ConvertAll(tensors, t => WalkOf(t.Tensor));
        _program = DeviceLoopText.Program(element, tensors, Array.ConvertAll(_walks, w => w is not null), operations);
    }

    /// <summary>True if an operation has a function on devices and can be part of a loop.</summary>
    public static bool Supports(LaneForm form, DType element) => DeviceLoopText.Supports(form, element);

    /// <inheritdoc/>
    public void Run()
    {
        if (_count == 0) return;
        lock (_arguments)
        {
            _arguments.Clear();
            for (int i = 0; i < _tensors.Length; i++)
            {
                DeviceView view = DeviceView.Of(_tensors[i].Tensor);
                _arguments.View(view.Address, view.Length);
                if (_walks[i] is var (steps, extents)) _arguments.Value(steps).Value(extents);
            }
            _device.Launch(_program, _size, _arguments.Value(_count));
        }
    }

    // Null for an operand that lies densely.
    private static (Steps, Extents)? WalkOf(DenseTensor tensor)
    {
        if (tensor.IsContiguous) return null;
        var walk = new StridedWalk(tensor.Shape.Dims, tensor.Layout.Strides);
        return (Steps.Of(walk, 0, tensor.Layout.Offset - tensor.Layout.Reach.First), Extents.Of(walk));
    }
}

/// <summary>The text of a <see cref="DeviceLoop"/> in both languages.</summary>
internal static class DeviceLoopText
{
    private const string Name = "nabla_loop";

    public static bool Supports(LaneForm form, DType element) => form.Operation is not { } operation
        || ElementFunctions.Find(operation.Name, element == DType.F32 ? "f32" : "f64") is not null || TruthFunction(operation) is not null;

    /// <summary>The program of a loop; <paramref name="strided"/> says which tensors come with steps.</summary>
    public static KernelProgram Program(DType element, FusedTensor[] tensors, bool[] strided, LoopOperation[] operations)
    {
        var functions = new List<DeviceFunction> { ElementKernels.CopyParts.Steps, ElementKernels.CopyParts.Extents, ElementKernels.CopyParts.Steps_At };
        string body = Body(element, tensors, strided, operations, functions);
        return new KernelProgram
        {
            Name = Name,
            OpenCl = KernelTexts.Unit(DevicePrelude.OpenCl, functions, f => f.OpenCl, OpenClHead(element, tensors, strided), body.Replace("INDEX", "(int)get_global_id(0)")),
            Cuda = KernelTexts.Unit(DevicePrelude.Cuda, functions, f => f.Cuda, CudaHead(element, tensors, strided), body.Replace("INDEX", "(int)(blockIdx.x * blockDim.x + threadIdx.x)")),
            NeedsDouble = element == DType.F64 || functions.Any(f => f.NeedsDouble),
        };
    }

    private static string OpenClHead(DType element, FusedTensor[] tensors, bool[] strided)
    {
        var head = new StringBuilder($"__kernel __attribute__((reqd_work_group_size(256, 1, 1)))\nvoid {Name}(");
        for (int i = 0; i < tensors.Length; i++)
            head.Append($"__global {Stored(tensors[i], element, "uchar")}* t{i}_base, long t{i}_offset, int t{i}_length, ").Append(strided[i] ? $"Steps s{i}, Extents e{i}, " : "");
        head.Append("int count)\n{\n");
        for (int i = 0; i < tensors.Length; i++)
        {
            string type = Stored(tensors[i], element, "uchar");
            head.Append($"    __global {type}* t{i} = (__global {type}*)((__global char*)t{i}_base + t{i}_offset);\n");
        }
        return head.ToString();
    }

    private static string CudaHead(DType element, FusedTensor[] tensors, bool[] strided)
    {
        var head = new StringBuilder($"extern \"C\" __global__ void __launch_bounds__(256) {Name}(");
        for (int i = 0; i < tensors.Length; i++)
            head.Append($"{Stored(tensors[i], element, "unsigned char")}* t{i}, int t{i}_length, ").Append(strided[i] ? $"Steps s{i}, Extents e{i}, " : "");
        return head.Append("int count)\n{\n").ToString();
    }

    private static string Body(DType element, FusedTensor[] tensors, bool[] strided, LoopOperation[] operations, List<DeviceFunction> functions)
    {
        string number = element == DType.F32 ? "float" : "double";
        var body = new StringBuilder("    int i = INDEX;\n    if (i >= count)\n        return;\n");
        var isTruth = new List<bool>();
        for (int i = 0; i < tensors.Length; i++)
        {
            if (tensors[i].Use != FusedUse.Load) continue;
            bool truth = tensors[i].Tensor.DType == DType.Bool;
            string at = strided[i] ? $"t{i}[Steps_At(i, s{i}, e{i})]" : $"t{i}[i]";
            body.Append(truth ? $"    bool v{isTruth.Count} = {at} != 0;\n" : $"    {number} v{isTruth.Count} = {at};\n");
            isTruth.Add(truth);
        }
        foreach (LoopOperation operation in operations)
        {
            int result = isTruth.Count;
            (string expression, bool truth) = Expression(operation, element, number, isTruth, functions, body);
            body.Append($"    {(truth ? "bool" : number)} v{result} = {expression};\n");
            isTruth.Add(truth);
        }
        for (int i = 0; i < tensors.Length; i++)
            if (tensors[i].Use == FusedUse.Store) body.Append($"    t{i}[i] = v{tensors[i].Value};\n");
        return body.Append("}\n").ToString();
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

    private static string Stored(FusedTensor tensor, DType element, string truth) =>
        tensor.Tensor.DType == DType.Bool ? truth : element == DType.F32 ? "float" : "double";
}
