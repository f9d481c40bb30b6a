namespace Nabla.Kernels;

/// <summary>
/// Element-wise operations that finish a product on a device, such as bias and activation: composed at run time into the text of the product's kernel, where each
/// sum passes through them on its way from the register to memory.
/// </summary>
public sealed class DeviceEpilogue : MatMulEpilogue
{
    /// <summary>Most tensors that are read besides the product, and most operations: with the product's own arguments what they read and write fits into <see cref="DeviceLoop.MostParameterBytes"/>.</summary>
    public const int MostOperands = 6, MostOperations = 12;

    private readonly FusedTensor[] _tensors;
    private readonly LoopOperation[] _operations;
    private readonly int _product;
    private readonly int[] _places;
    private readonly DType _element;
    private readonly LoopReading[] _readings;
    private readonly (Steps Steps, Extents Extents)[] _walks;
    private readonly Dictionary<KernelProgram, KernelProgram> _programs = [];

    /// <summary>Prepares what follows a product.</summary>
    /// <param name="element">f32 or f64: the type of the product and of all values that are not truth values.</param>
    /// <param name="tensors">What is read, in any layout, and written, as for a <see cref="DeviceLoop"/> without folds; all have the shape of the product.</param>
    /// <param name="product">The place among <paramref name="tensors"/> of the product itself, which is read from the register.</param>
    /// <param name="operations">In an order in which operands come before their uses.</param>
    public DeviceEpilogue(DType element, FusedTensor[] tensors, int product, LoopOperation[] operations)
    {
        (_element, _tensors, _product, _operations) = (element, tensors, product, operations);
        _places = [.. Enumerable.Range(0, tensors.Length).Where(i => i != product)];
        _readings = Array.ConvertAll(tensors, t => DeviceLoop.ReadingOf(t.Tensor));
        _walks = [.. tensors.Select((t, i) => _readings[i] == LoopReading.Strided ? DeviceLoop.WalkOf(t.Tensor) : default)];
    }

    /// <summary>Not for a device: there the operations are a part of the kernel.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override void Run(long row, nint rows, nint column, nint columns) => throw new NotSupportedException("An epilogue of a device runs in the kernel of its product.");

    /// <summary>The kernel of a product with these operations in place of its stores.</summary>
    internal KernelProgram Finish(KernelProgram kernel)
    {
        lock (_programs)
        {
            if (_programs.TryGetValue(kernel, out KernelProgram? program)) return program;
            var functions = new List<DeviceFunction>();
            (string once, string each) = DeviceLoopText.Values(_element, _tensors, _readings, _product, _operations, functions);
            return _programs[kernel] = new KernelProgram
            {
                Name = kernel.Name,
                OpenCl = Text(kernel.OpenCl, functions, once + each, openCl: true),
                Cuda = Text(kernel.Cuda, functions, once + each, openCl: false),
                NeedsDouble = kernel.NeedsDouble || functions.Any(f => f.NeedsDouble),
            };
        }
    }

    /// <summary>The arguments after those of the product.</summary>
    internal void Append(KernelArguments arguments)
    {
        foreach (int i in _places)
        {
            DeviceView view = DeviceView.Of(_tensors[i].Tensor);
            arguments.View(view.Address, view.Length);
            if (_readings[i] == LoopReading.Strided) arguments.Value(_walks[i].Steps).Value(_walks[i].Extents);
        }
    }

    // A store becomes a call of a function that runs the operations on the sum; it stands before the kernel, whose parameters grow by the tensors.
    private string Text(string unit, List<DeviceFunction> functions, string body, bool openCl)
    {
        string Type(int i) => DeviceLoopText.Stored(_tensors[i], _element, openCl ? "uchar" : "unsigned char");
        string Walk(int i, string text) => _readings[i] == LoopReading.Strided ? text : "";
        string names = string.Concat(_places.Select(i => $", t{i}{Walk(i, $", s{i}, e{i}")}"));
        string views = string.Concat(_places.Select(i => $", {(openCl ? "__global " : "")}{Type(i)}* t{i}{Walk(i, $", Steps s{i}, Extents e{i}")}"));
        string parameters = string.Concat(_places.Select(i =>
            $", {(openCl ? $"__global {Type(i)}* t{i}_base, long t{i}_offset, int t{i}_length" : $"{Type(i)}* t{i}, int t{i}_length")}{Walk(i, $", Steps s{i}, Extents e{i}")}"));
        string pointers = openCl ? string.Concat(_places.Select(i => $"    __global {Type(i)}* t{i} = (__global {Type(i)}*)((__global char*)t{i}_base + t{i}_offset);\n")) : "";
        string end = KernelTexts.Unit($"#undef nabla_store\n#define nabla_store(c, at, value) nabla_end(value, at{names})\n", functions, f => openCl ? f.OpenCl : f.Cuda,
            $"{(openCl ? "static inline" : "static __device__ __forceinline__")} void nabla_end({(_element == DType.F32 ? "float" : "double")} sum, int i{views})\n{{\n{body}}}\n");
        // The kernel stands last; its parameters end where its body begins.
        int kernel = unit.LastIndexOf(openCl ? "__kernel" : "extern \"C\"", StringComparison.Ordinal), open = unit.IndexOf(")\n{\n", kernel, StringComparison.Ordinal);
        return $"{unit[..kernel]}{end}\n{unit[kernel..open]}{parameters}{unit[open..(open + 4)]}{pointers}{unit[(open + 4)..]}";
    }
}
