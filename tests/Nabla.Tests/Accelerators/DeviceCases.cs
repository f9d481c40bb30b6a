namespace Nabla.Tests.Accelerators;

/// <summary>The devices that kernels are tested on, and tensors of them.</summary>
internal static class DeviceCases
{
    /// <summary>The emulator, which is always there, the first OpenCL device, and the first GPU with CUDA if there is one.</summary>
    public static TheoryData<string> Names => Device.All.Any(d => d.Name == "cuda:0") ? ["emu", "opencl:0", "cuda:0"] : ["emu", "opencl:0"];

    /// <summary>A device by name; without an OpenCL driver the test is skipped.</summary>
    public static Device Find(string name) => name.StartsWith("opencl", StringComparison.Ordinal) ? OpenClTexts.Device : Device.Parse(name);

    /// <summary>The tensor on a device, with the same strides.</summary>
    public static DenseTensor Place(this DenseTensor x, Device device)
    {
        (long first, long last) = x.Layout.Reach;
        Layout stored = Layout.RowMajor([(int)Math.Max(0, last - first + 1)]);
        DenseTensor copy = DenseTensor.Allocate(new Aval(x.DType, stored.Shape), device);
        if (copy.Count > 0) Nabla.Kernels.Move.Copy(x.View(new Layout(stored.Shape, stored.Strides, first)), copy);
        return copy.View(new Layout(x.Shape, x.Layout.Strides, x.Layout.Offset - first));
    }

    /// <summary>A tensor for results.</summary>
    public static DenseTensor Output(DType dtype, Shape shape, Device device) => DenseTensor.Allocate(new Aval(dtype, shape), device);
}
