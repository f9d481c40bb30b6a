namespace Nabla.Kernels;

/// <summary>A view as an argument of a launch: where its elements start on the device, and how many there are.</summary>
/// <param name="Address">Address of the first element.</param>
/// <param name="Length">Number of elements.</param>
internal readonly record struct DeviceView(nint Address, int Length)
{
    /// <summary>All elements that a tensor reaches, from the first in memory to the last.</summary>
    /// <exception cref="DeviceException">NB0322: there are more than 2³¹ − 1.</exception>
    public static DeviceView Of(DenseTensor tensor)
    {
        (long first, long last) = tensor.Layout.Reach;
        long length = last - first + 1;
        if (length > int.MaxValue) throw KernelErrors.TooLargeForDevice(tensor.Aval, tensor.Device);
        return new DeviceView(tensor.Buffer.Address + (nint)(first * tensor.DType.Size), (int)length);
    }
}
