using Nabla.Kernels;
using Nabla.Tests.Accelerators;

namespace Nabla.Tests.Cuda;

/// <summary>Copies to shared memory that go on while a kernel computes; the stand-in shows what was not waited for.</summary>
[Collection(nameof(FakeCuda))]
public sealed class CudaCopyTests
{
    private const int Rows = 5, Count = (Rows - 1) * 64 + 37;

    public static TheoryData<string> Devices => ["emu", "opencl", "fake"];

    private static Accelerator Open(string name) => name switch
    {
        "emu" => (Accelerator)Device.Parse("emu"),
        "fake" => FakeCuda.Devices[0],
        _ => OpenClTexts.Device,
    };

    // Rows in reverse order, as the kernel makes them, and as they should be.
    private static (double[] Actual, double[] Expected) Reverse<T>(Accelerator device, int fault) where T : unmanaged, System.Numerics.INumber<T>
    {
        T[] x = [.. Enumerable.Range(1, Count).Select(T.CreateTruncating)];
        nint from = device.Place<T>(x), to = device.Place<T>(new T[Rows * 64]);
        EmulatorKernels.LaunchReversed<T>(device, 1, 1, 1, new DeviceView(from, Count), new DeviceView(to, Rows * 64), Rows, fault);
        T[] actual = device.Fetch<T>(to, Rows * 64);
        device.Free(from, to);
        return ([.. actual.Select(double.CreateTruncating)], [.. Enumerable.Range(0, Rows * 64).Select(i => i / 64 * 64 + 64 - i % 64).Select(i => i <= Count ? (double)i : 0)]);
    }

    [Theory, MemberData(nameof(Devices))]
    public void Rows_arrive_whole_and_end_in_zeros(string name)
    {
        Accelerator device = Open(name);
        (double[] actual, double[] expected) = Reverse<float>(device, 0);
        Assert.Equal(expected, actual);
        if (!device.HasDouble) return;
        (actual, expected) = Reverse<double>(device, 0);
        Assert.Equal(expected, actual);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_missing_wait_or_barrier_shows(int fault)
    {
        (double[] actual, double[] expected) = Reverse<float>(FakeCuda.Devices[0], fault);
        Assert.Contains(double.NaN, actual);
        Assert.NotEqual(expected, actual);
    }
}
