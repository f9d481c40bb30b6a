using Nabla.Autograd;
using Nabla.Kernels;
using Nabla.Tests.Kernels;

namespace Nabla.Tests.Accelerators;

/// <summary>Convolutions and Fourier transforms of devices against those of the CPU in f64, within the bounds that both state.</summary>
public sealed class DeviceTransformTests
{
    public static TheoryData<string> Devices => DeviceCases.Names;

    [Theory, MemberData(nameof(Devices))]
    public void Convolutions_keep_the_bound_of_a_sum(string name)
    {
        Device device = DeviceCases.Find(name);
        // Few windows or features; tiles, whole and cut; groups; steps of all kinds; three axes; a long sum that several groups share.
        Conv([2, 9, 1, 3], [3, 1, 3, 4], new ConvDims([1], [1], [1], [1], [1]));
        Conv([1, 7, 6, 3, 2], [3, 2, 3, 2, 5], new ConvDims([2, 1], [1, -1], [0, 2], [1, 2], [2, 1]));
        Conv([2, 11, 13, 1, 5], [3, 3, 1, 5, 67], new ConvDims([1, 1], [1, 1], [1, 1], [1, 1], [1, 1]));
        Conv([1, 12, 11, 2, 3], [2, 3, 2, 3, 17], new ConvDims([2, 3], [2, 1], [1, 0], [2, 3], [1, 2]));
        Conv([2, 4, 5, 6, 1, 2], [2, 3, 2, 1, 2, 16], new ConvDims([1, 2, 1], [0, 1, 1], [1, 1, 0], [1, 1, 1], [1, 1, 1]));
        Conv([2, 41, 1, 67], [23, 1, 67, 16], new ConvDims([2], [0], [0], [1], [1]));
        Conv([2, 5, 1, 0], [3, 1, 0, 2], new ConvDims([1], [0], [0], [1], [1]));

        void Conv(int[] shape, int[] kernel, ConvDims dims)
        {
            Func<int, double> noise = LayoutCases.Noise(shape.Length);
            Compare<float>(i => (float)noise(i), -24);
            Compare(noise, -53);

            void Compare<T>(Func<int, T> element, int roundoff) where T : unmanaged
            {
                foreach (((string layout, DenseTensor x), (_, DenseTensor w)) in LayoutCases.Of(shape, element).Zip(LayoutCases.Of(kernel, element).Reverse()))
                {
                    Shape result = dims.OutputShape(x.Shape, w.Shape);
                    DenseTensor there = DeviceCases.Output(x.DType, result, device);
                    Convolution.Run(x.Place(device), w.Place(device), dims, there);
                    double[] exact = InDouble(x, w, dims, v => v), sizes = InDouble(x, w, dims, Math.Abs), actual = there.ToDoubles();
                    int terms = w.Shape.Dims[..dims.Rank].ToArray().Aggregate(1, (n, d) => n * d) * shape[^1] + 1;
                    for (int i = 0; i < actual.Length; i++)
                        Assert.True(Math.Abs(actual[i] - exact[i]) <= 2 * terms * Math.ScaleB(sizes[i], roundoff), $"{x.Aval} {w.Aval} {layout} at {i}: {actual[i]:R} instead of {exact[i]:R}");
                }
            }
        }
    }

    // Over four axes there is no kernel.
    [Fact]
    public void What_a_device_cannot_do_the_CPU_does_only_if_it_may()
    {
        Tensor x = new RandomKey(1).Normal([1, 3, 3, 3, 3, 2], DType.F64), w = new RandomKey(2).Normal([2, 2, 2, 2, 2, 1], DType.F64);
        Tensor Convolve(Device device) => x.ToDevice(device).Conv(w.ToDevice(device));
        Device emulator = DeviceCases.Find("emu");
        bool before = Fallback.IsAllowed;
        try
        {
            Fallback.IsAllowed = false;
            Assert.Equal("NB0323", Assert.Throws<DeviceException>(() => Convolve(emulator)).Code);
            Fallback.IsAllowed = true;
            Tensor y = Convolve(emulator);
            Assert.Equal(emulator, y.Device);
            Assert.Equal(Convolve(Device.Cpu).ToDoubles(), y.ToDoubles());
            Assert.Contains("conv", Fallback.Used);
        }
        finally
        {
            Fallback.IsAllowed = before;
        }
    }

    [Theory, MemberData(nameof(Devices))]
    public void Fourier_transforms_keep_their_bound(string name)
    {
        Device device = DeviceCases.Find(name);
        foreach (int n in (int[])[1, 2, 3, 4, 5, 8, 30, 31, 37, 64, 74, 77, 128, 521, 1031])
        {
            Func<int, double> noise = LayoutCases.Noise(n);
            Transforms(device, n, i => (float)noise(i), -24);
            Transforms(device, n, noise, -53);
        }
    }

    [Fact]
    public void Empty_batches_transform_to_nothing()
    {
        DenseTensor x = DeviceCases.Output(DType.F32, [0, 6], DeviceCases.Find("emu")), y = DeviceCases.Output(DType.F32, [0, 6], x.Device);
        Fourier.Complex(x, x, false, 1, y, DeviceCases.Output(DType.F32, [0, 6], x.Device));
        Assert.Empty(y.ToDoubles());
    }

    private static void Transforms<T>(Device device, int n, Func<int, T> element, int roundoff) where T : unmanaged
    {
        int half = n / 2 + 1;
        bool smooth = Enumerable.Range(2, n).All(p => n % p != 0 || p <= 31 || Enumerable.Range(2, p - 2).Any(d => p % d == 0));
        double bound = (smooth ? 2 : 6) * Math.ScaleB(1 + Math.Log2(n), roundoff);
        foreach (((string layout, DenseTensor re), (_, DenseTensor im)) in LayoutCases.Of([3, n], element).Zip(LayoutCases.Of([3, n], element).Reverse()))
        {
            foreach (bool inverse in (bool[])[false, true])
                Check($"fft {n} {layout}", 2, (x, y) => Fourier.Complex(x[0], x[1], inverse, 0.5, y[0], y[1]), [re, im], [3, n]);
            Check($"rfft {n} {layout}", 2, (x, y) => Fourier.RealForward(x[0], 0.5, y[0], y[1]), [re], [3, half]);
        }
        foreach ((string layout, DenseTensor re) in LayoutCases.Of([3, half], element))
            Check($"irfft {n} {layout}", 1, (x, y) => Fourier.RealInverse(x[0], x[1], 0.5, y[0]), [re, LayoutCases.Dense([3, half], element)], [3, n]);

        void Check(string what, int results, Action<DenseTensor[], DenseTensor[]> transform, DenseTensor[] operands, Shape shape)
        {
            DenseTensor[] exact = [.. Enumerable.Range(0, results).Select(_ => LayoutCases.Output(DType.F64, shape))];
            DenseTensor[] there = [.. Enumerable.Range(0, results).Select(_ => DeviceCases.Output(operands[0].DType, shape, device))];
            transform(Array.ConvertAll(operands, Widen), exact);
            transform(Array.ConvertAll(operands, x => x.Place(device)), there);
            double[] expected = [.. exact.SelectMany(y => y.ToDoubles())], actual = [.. there.SelectMany(y => y.ToDoubles())];
            // The CPU's own error in f64 beside that of the device.
            double size = Math.Sqrt(expected.Sum(v => v * v)), error = Math.Sqrt(expected.Zip(actual, (a, b) => (a - b) * (a - b)).Sum());
            Assert.True(error <= (bound + 6 * Math.ScaleB(1 + Math.Log2(n), -53)) * size, $"{what}: error {error / size:G3} relative, bound {bound:G3}");
        }
    }

    private static double[] InDouble(DenseTensor x, DenseTensor w, ConvDims dims, Func<double, double> map)
    {
        DenseTensor a = Mapped(x, map), b = Mapped(w, map), y = LayoutCases.Output(DType.F64, dims.OutputShape(x.Shape, w.Shape));
        Convolution.Run(a, b, dims, y);
        return y.ToDoubles();
    }

    private static DenseTensor Widen(DenseTensor x) => Mapped(x, v => v);

    private static DenseTensor Mapped(DenseTensor x, Func<double, double> map)
    {
        double[] elements = x.ToDoubles();
        return LayoutCases.Dense(x.Shape.Dims.ToArray(), i => map(elements[i]));
    }
}
