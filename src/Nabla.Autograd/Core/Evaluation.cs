namespace Nabla.Autograd;

/// <summary>What a primitive means when nobody is listening: allocate the outputs and call the kernel.</summary>
internal static class Evaluation
{
    public static Tensor[] Run(Primitive primitive, Tensor[] inputs, object? parameters)
    {
        var dense = new DenseTensor[inputs.Length];
        var avals = new Aval[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            dense[i] = (DenseTensor)inputs[i];
            avals[i] = inputs[i].Aval;
        }
        Device device = CommonDevice(primitive, dense);
        Aval[] results = primitive.AbstractEval(avals, parameters);
        if (dense.Length > 0 && primitive.View(dense[0].Layout, parameters) is { } layout) return [dense[0].View(layout)];
        var outputs = new DenseTensor[results.Length];
        for (int i = 0; i < results.Length; i++) outputs[i] = DenseTensor.Allocate(results[i], device);
        if (NablaDebug.Active) Watch.Evaluate(primitive, dense, outputs, parameters, device, source: null);
        else Execute(primitive, dense, outputs, parameters, device);
        GC.KeepAlive(dense);
        return outputs;
    }

    /// <summary>Calls the kernel, or the reference on the reference device.</summary>
    public static void Execute(Primitive primitive, DenseTensor[] inputs, DenseTensor[] outputs, object? parameters, Device device)
    {
        if (device == Device.Reference) RunReference(primitive, inputs, outputs, parameters);
        else primitive.Evaluate(inputs, outputs, parameters);
    }

    /// <summary>Evaluates by the double-precision reference and rounds to the output types.</summary>
    public static void RunReference(Primitive primitive, DenseTensor[] inputs, DenseTensor[] outputs, object? parameters)
    {
        ReferenceArray[] references = Array.ConvertAll(outputs, o => new ReferenceArray(o.Aval));
        primitive.Reference(Array.ConvertAll(inputs, ReferenceArray.From), references, parameters);
        for (int i = 0; i < outputs.Length; i++) references[i].CopyTo(outputs[i]);
    }

    private static Device CommonDevice(Primitive primitive, DenseTensor[] inputs)
    {
        if (inputs.Length == 0) return Device.Default;
        Device device = inputs[0].Device;
        for (int i = 1; i < inputs.Length; i++)
            if (inputs[i].Device != device) throw AutogradErrors.DevicesDiffer(primitive.Name, inputs[0], inputs[i]);
        return device;
    }
}
