using System.Text;

namespace Nabla.Kernels;

/// <summary>A C function of a device, or a struct, in both languages, and what it uses.</summary>
/// <param name="Name">Its name in C.</param>
/// <param name="NeedsDouble">True if it computes in f64.</param>
/// <param name="OpenCl">OpenCL C.</param>
/// <param name="Cuda">CUDA C.</param>
/// <param name="Uses">Functions and structs that must stand before it.</param>
internal sealed record DeviceFunction(string Name, bool NeedsDouble, string OpenCl, string Cuda, DeviceFunction[] Uses);

/// <summary>Puts translation units together: prelude, operations by name, functions in the order of their use, kernel.</summary>
internal static class KernelTexts
{
    /// <summary>
    /// The program of one kernel. Operations are type parameters of the kernel, called in its text as <c>TOp_OnDevice(x)</c>; the last type of the name says for
    /// which elements.
    /// </summary>
    public static KernelProgram Program(
        string name, string openCl, string cuda, bool needsDouble, DeviceFunction[] parts, Action<Accelerator, LaunchSize, KernelArguments> run, params ReadOnlySpan<(string Parameter, Type Operation)> operations)
    {
        var functions = new List<DeviceFunction>();
        var defines = new StringBuilder();
        string element = name[(name.LastIndexOf('_') + 1)..];
        foreach ((string parameter, Type operation) in operations)
        {
            DeviceFunction function = ElementFunctions.Find(operation.Name, element)
                ?? throw new NotSupportedException($"{operation.Name} has no device function for {element}.");
            functions.Add(function);
            defines.Append($"#define {parameter}_OnDevice {function.Name}\n#define {parameter}_Invoke {function.Name}\n");
            needsDouble |= function.NeedsDouble;
        }
        // Helpers of the kernel may call operations too.
        functions.AddRange(parts);
        return new KernelProgram
        {
            Name = name,
            OpenCl = Unit($"{DevicePrelude.OpenCl}\n{defines}", functions, f => f.OpenCl, openCl),
            Cuda = Cuda(Unit($"\n{defines}", functions, f => f.Cuda, cuda)),
            NeedsDouble = needsDouble,
            Run = run,
        };
    }

    // What only some kernels call stands before those alone.
    private static string Cuda(string text)
    {
        string Where(string name, string prelude) => text.Contains(name, StringComparison.Ordinal) ? "\n" + prelude : "";
        return $"{DevicePrelude.Cuda}{Where("nabla_copy_", DevicePrelude.CudaCopies)}{Where("nabla_tensor_", TensorPrelude.Cuda)}{text}";
    }

    /// <summary>A translation unit: the prelude, the functions and all that they use, each once, then the text.</summary>
    public static string Unit(string prelude, IEnumerable<DeviceFunction> functions, Func<DeviceFunction, string> textOf, params ReadOnlySpan<string> texts)
    {
        var unit = new StringBuilder(prelude);
        var written = new HashSet<string>();
        foreach (DeviceFunction function in functions) Add(function);
        foreach (string text in texts) unit.Append('\n').Append(text).Append('\n');
        return unit.ToString();

        void Add(DeviceFunction function)
        {
            if (!written.Add(function.Name)) return;
            foreach (DeviceFunction used in function.Uses) Add(used);
            unit.Append('\n').Append(textOf(function)).Append('\n');
        }
    }
}
