using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Nabla.Kernels;

namespace Nabla.Autograd;

/// <summary>What a primitive means when nobody is listening: allocate the outputs and call the kernel.</summary>
internal static class Evaluation
{
    public static Tensor[] Run(Primitive primitive, Tensor[] inputs, object? parameters)
    {
        AvalsOfFew few = default;
        Span<Aval> avals = inputs.Length <= AvalsOfFew.Length ? few[..inputs.Length] : new Aval[inputs.Length];
        for (int i = 0; i < inputs.Length; i++) avals[i] = inputs[i].Aval;
        ReadOnlySpan<DenseTensor> dense = AsDense(inputs);
        Device device = CommonDevice(primitive, dense);
        Aval[] results = primitive.AbstractEval(avals, parameters);
        if (dense.Length > 0 && primitive.View(dense[0].Layout, parameters) is { } layout) return [dense[0].View(layout)];
        var outputs = new DenseTensor[results.Length];
        for (int i = 0; i < results.Length; i++) outputs[i] = DenseTensor.Allocate(results[i], device);
        if (NablaDebug.Active) Watch.Evaluate(primitive, dense.ToArray(), outputs, parameters, device, source: null);
        else Execute(primitive, dense, outputs, parameters, device);
        GC.KeepAlive(inputs);
        return outputs;
    }

    /// <summary>Calls the kernel, or the reference on the reference device.</summary>
    public static void Execute(Primitive primitive, ReadOnlySpan<DenseTensor> inputs, DenseTensor[] outputs, object? parameters, Device device)
    {
        if (device == Device.Reference) RunReference(primitive, inputs.ToArray(), outputs, parameters);
        else if (device.IsHost) primitive.Evaluate(inputs, outputs, parameters);
        else RunOnAccelerator(primitive, inputs, outputs, parameters, device);
    }

    // A kernel that a device does not have shows when the host's is asked to read the device's memory.
    private static void RunOnAccelerator(Primitive primitive, ReadOnlySpan<DenseTensor> inputs, DenseTensor[] outputs, object? parameters, Device device)
    {
        try
        {
            primitive.Evaluate(inputs, outputs, parameters);
        }
        catch (DeviceException absent) when (absent.Code is "NB0304" or "NB0323")
        {
            if (!Fallback.IsAllowed) throw KernelErrors.NotOnDevice(primitive.Name, device);
            Fallback.Run(primitive, inputs, outputs, parameters, device);
        }
    }

    /// <summary>Evaluates by the double-precision reference and rounds to the output types.</summary>
    public static void RunReference(Primitive primitive, DenseTensor[] inputs, DenseTensor[] outputs, object? parameters)
    {
        ReferenceArray[] references = Array.ConvertAll(outputs, o => new ReferenceArray(o.Aval));
        primitive.Reference(Array.ConvertAll(inputs, ReferenceArray.From), references, parameters);
        for (int i = 0; i < outputs.Length; i++) references[i].CopyTo(outputs[i]);
    }

    // The same array, read as what its elements are: a stand-in among them is an error of the engine.
    private static ReadOnlySpan<DenseTensor> AsDense(Tensor[] inputs)
    {
        foreach (Tensor input in inputs) _ = (DenseTensor)input;
        return MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<Tensor, DenseTensor>(ref MemoryMarshal.GetArrayDataReference(inputs)), inputs.Length);
    }

    private static Device CommonDevice(Primitive primitive, ReadOnlySpan<DenseTensor> inputs)
    {
        if (inputs.Length == 0) return Device.Default;
        Device device = inputs[0].Device;
        for (int i = 1; i < inputs.Length; i++)
            if (inputs[i].Device != device) throw AutogradErrors.DevicesDiffer(primitive.Name, inputs[0], inputs[i]);
        return device;
    }

    [InlineArray(Length)]
    private struct AvalsOfFew
    {
        public const int Length = 4;

        private Aval _first;
    }
}
