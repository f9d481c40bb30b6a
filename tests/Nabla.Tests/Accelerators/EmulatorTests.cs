using System.Diagnostics;
using Nabla.Kernels;
using Nabla.Kernels.Language;

namespace Nabla.Tests.Accelerators;

/// <summary>The emulator: it finds what a device would silently get wrong, and computes what a device computes. The same kernels run on OpenCL where it is.</summary>
public sealed class EmulatorTests(ITestOutputHelper output)
{
    private static readonly Accelerator Emulator = new EmulatedDevice();

    public static TheoryData<string> Devices => ["emu", "opencl"];

    // Memory of a device, that is given back at the end.
    private sealed class Memory<T>(Accelerator device, params T[] elements) : IDisposable where T : unmanaged
    {
        private readonly nint _address = device.Place<T>(elements);

        public DeviceView View => new(_address, elements.Length);

        public T[] Values => device.Fetch<T>(_address, elements.Length);

        public void Dispose() => device.Free(_address);
    }

    private static Accelerator Open(string name) => name == "emu" ? Emulator : OpenClTexts.Device;

    private static string Fault(string code, Action launch)
    {
        DeviceException error = Assert.Throws<DeviceException>(launch);
        Assert.Equal(code, error.Code);
        return error.Message;
    }

    [Fact]
    public void Reading_outside_a_view_names_kernel_group_work_item_and_index()
    {
        using var x = new Memory<float>(Emulator, new float[12]);
        using var y = new Memory<float>(Emulator, new float[12]);
        string message = Fault("NB0320", () => EmulatorKernels.LaunchShift(Emulator, 3, 1, 1, x.View, y.View));
        Assert.Contains("12 at EmulatorKernels.Shift, group (2, 0, 0), work-item (3, 0, 0); expected 0 ≤ index < 12", message);
    }

    [Theory]
    [InlineData(0, 13)]
    [InlineData(13, 0)]
    [InlineData(-1, 2)]
    [InlineData(3, -1)]
    [InlineData(3, int.MaxValue)]
    public void A_part_outside_a_view_is_refused(int offset, int length)
    {
        using var x = new Memory<float>(Emulator, new float[12]);
        Assert.Contains("EmulatorKernels.Part, group (0, 0, 0), work-item (0, 0, 0)", Fault("NB0320", () => EmulatorKernels.LaunchPart(Emulator, 1, 1, 1, x.View, offset, length)));
    }

    [Fact]
    public void A_barrier_that_some_work_items_miss_is_an_error()
    {
        using var y = new Memory<int>(Emulator, new int[8]);
        string message = Fault("NB0321", () => EmulatorKernels.LaunchLeave(Emulator, 1, 1, 1, y.View));
        Assert.Contains("EmulatorKernels.Leave", message);
        Assert.Contains("4 of 8", message);
        Assert.Equal(new int[8], y.Values);
    }

    [Theory, MemberData(nameof(Devices))]
    public void Shared_memory_is_common_to_a_group_across_barriers(string name)
    {
        Accelerator device = Open(name);
        using var x = new Memory<int>(device, [.. Enumerable.Range(1, 150)]);
        using var y = new Memory<int>(device, new int[3]);
        EmulatorKernels.LaunchSums(device, 3, 1, 1, x.View, y.View);
        Assert.Equal([64 * 65 / 2, 128 * 129 / 2 - 64 * 65 / 2, 150 * 151 / 2 - 128 * 129 / 2], y.Values);
    }

    [Fact]
    public void Memory_that_was_not_written_reads_as_NaN_in_every_group()
    {
        using var y = new Memory<float>(Emulator, new float[6]);
        using var z = new Memory<double>(Emulator, new double[6]);
        EmulatorKernels.LaunchUnwritten(Emulator, 3, 1, 1, y.View, z.View);
        Assert.All(y.Values, v => Assert.True(float.IsNaN(v)));
        Assert.All(z.Values, v => Assert.True(double.IsNaN(v)));
    }

    [Theory, MemberData(nameof(Devices))]
    public void Atomic_operations_lose_nothing(string name)
    {
        Accelerator device = Open(name);
        int[] start = new int[133];
        (start[1], start[2]) = (-5, 5);
        using var i = new Memory<int>(device, start);
        using var u = new Memory<uint>(device, 0, 0, 99, 0);
        using var f = new Memory<float>(device, 0f);
        using var d = new Memory<double>(device, 0.0);
        EmulatorKernels.LaunchAtomics(device, 4, 1, 1, i.View, u.View, f.View, d.View);
        Assert.Equal([127 * 128 / 2, 127, -127], i.Values[..3]);
        // Where one runs after the other, each of 0, 1, … finds its own number; elsewhere the order is open.
        if (name == "emu") Assert.Equal(128, i.Values[3]);
        Assert.InRange(i.Values[3], 1, 128);
        Assert.Equal(Enumerable.Range(0, 128), i.Values[4..132].Order());
        Assert.Equal([127 * 128 / 2, 127u, 0, 7], u.Values);
        Assert.Equal(64, f.Values[0]);
        Assert.Equal(32, d.Values[0]);
    }

    [Theory, MemberData(nameof(Devices))]
    public void Indices_and_sizes_are_those_of_the_launch(string name)
    {
        Accelerator device = Open(name);
        const int Items = 24, Groups = 3 * 2 * 2;
        using var y = new Memory<int>(device, new int[4 * Items * Groups]);
        EmulatorKernels.LaunchWhere(device, 3, 2, 2, y.View);
        int[] found = y.Values;
        for (int i = 0; i < Items * Groups; i++)
        {
            int group = i / Items, item = i % Items;
            Assert.Equal([group % 3 + 10 * (group / 3 % 2) + 100 * (group / 6), item % 4 + 10 * (item / 4 % 2) + 100 * (item / 8), 223, 324], found[(4 * i)..(4 * i + 4)]);
        }
    }

    [Theory]
    [InlineData("emu", 128, 128, 128)]
    [InlineData("opencl", 128, 128, 128)]
    [InlineData("emu", 17, 33, 5)]
    [InlineData("opencl", 17, 33, 5)]
    public void A_matrix_product_in_tiles_is_right(string name, int m, int n, int k)
    {
        Accelerator device = Open(name);
        var random = new Random(1);
        float[] left = [.. Enumerable.Range(0, m * k).Select(_ => random.NextSingle() - 0.5f)], right = [.. Enumerable.Range(0, k * n).Select(_ => random.NextSingle() - 0.5f)];
        using var a = new Memory<float>(device, left);
        using var b = new Memory<float>(device, right);
        using var c = new Memory<float>(device, new float[m * n]);
        long start = Stopwatch.GetTimestamp();
        EmulatorKernels.LaunchMatMul(device, (n + 15) / 16, (m + 15) / 16, 1, a.View, b.View, c.View, m, n, k);
        float[] product = c.Values;
        output.WriteLine($"{name}: {m} × {n} × {k} in {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F1} ms, the kernel's translation or compilation included");
        for (int row = 0; row < m; row++)
        {
            for (int column = 0; column < n; column++)
            {
                double sum = 0, size = 0;
                for (int j = 0; j < k; j++)
                {
                    double term = (double)left[row * k + j] * right[j * n + column];
                    sum += term;
                    size += Math.Abs(term);
                }
                Assert.True(Math.Abs(product[row * n + column] - sum) <= k * 6e-8 * size, $"({row}, {column}): {product[row * n + column]} instead of {sum}");
            }
        }
    }
}
