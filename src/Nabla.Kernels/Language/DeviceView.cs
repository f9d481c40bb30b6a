namespace Nabla.Kernels;

/// <summary>A view as an argument of a launch: where its elements start on the device, and how many there are.</summary>
/// <param name="Address">Address of the first element.</param>
/// <param name="Length">Number of elements.</param>
internal readonly record struct DeviceView(nint Address, int Length)
{
    /// <summary>Most elements, 2³¹ − 2¹⁰: the numbers of the work-items of the last group, too, are below 2³¹.</summary>
    public const int MostElements = int.MaxValue - 1023;

    /// <summary>All elements that a tensor reaches, from the first in memory to the last.</summary>
    /// <exception cref="DeviceException">NB0322: there are more than <see cref="MostElements"/>.</exception>
    public static DeviceView Of(DenseTensor tensor)
    {
        (long first, long last) = tensor.Layout.Reach;
        long length = last - first + 1;
        if (length > MostElements) throw KernelErrors.TooLargeForDevice(tensor.Aval, tensor.Device);
        return new DeviceView(tensor.Buffer.Address + (nint)(first * tensor.DType.Size), (int)length);
    }
}
