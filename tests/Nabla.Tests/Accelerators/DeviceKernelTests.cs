using Nabla.Kernels;
using Nabla.Tests.Kernels;

namespace Nabla.Tests.Accelerators;

/// <summary>Kernels of devices against those of the CPU: empty, single, prime sizes beyond two work-groups, every layout.</summary>
public sealed class DeviceKernelTests
{
    private static readonly int[][] Shapes = [[0], [1], [5], [521], [1031], [0, 3], [3, 521], [521, 3], [2, 7, 31]];

    public static TheoryData<string> Devices => DeviceCases.Names;

    [Theory, MemberData(nameof(Devices))]
    public void Integer_division_looks_at_the_divisors_alone(string name)
    {
        Device device = DeviceCases.Find(name);
        Tensor tens = Tensor.From([10, 20, 30], device: device), padded = Tensor.From([1, 0, 2, 0, 3], device: device);
        Assert.Equal([10, 10, 10], (tens / padded.Slice([0], [3], [2])).ToArray<int>());
        Tensor pair = Tensor.From([5L, 0], [1, 2], device: device).BroadcastTo([3, 2]);
        Assert.Equal([2L, 2, 2], (Tensor.Full([3, 1], 10, DType.I64, device) / pair.Slice([0, 0], [3, 1])).ToArray<long>());
        Assert.Equal("NB0603", Assert.Throws<NumericException>(() => Tensor.Full([3, 2], 10, DType.I64, device) / pair).Code);
    }

    // One after another in the order of the positions, whether they are compared or sorted; some indices count from the end, most are repeated.
    [Theory, MemberData(nameof(Devices))]
    public void Rows_are_added_in_order_however_many_there_are(string name)
    {
        Device device = DeviceCases.Find(name);
        foreach (int each in (int[])[1, 127, 128, 523])
        {
            Func<int, double> noise = LayoutCases.Noise(each);
            foreach (((string layout, DenseTensor indices), (_, DenseTensor updates)) in LayoutCases.Of([2, each], i => i * 7919 % 23 - 11).Zip(LayoutCases.Of([2, each, 3], i => (float)noise(i)).Reverse()))
            {
                Added(indices, updates, layout);
                Added(LayoutCases.Dense([2, each], i => (long)(i % 5)), updates, layout);
            }
        }

        void Added(DenseTensor indices, DenseTensor updates, string layout)
        {
            int each = indices.Shape[1];
            var x = LayoutCases.Dense([2, 13, 3], i => (float)i);
            DenseTensor y = DeviceCases.Output(DType.F32, x.Shape, device);
            Nabla.Kernels.Move.ScatterAdd(x.Place(device), indices.Place(device), updates.Place(device), 1, y);
            double[] at = indices.ToDoubles(), terms = updates.ToDoubles();
            float[] expected = x.ToArray<float>();
            for (int p = 0; p < 2 * each; p++)
                for (int r = 0; r < 3; r++) expected[(p / each * 13 + ((int)at[p] + 13) % 13) * 3 + r] += (float)terms[3 * p + r];
            Assert.True(expected.SequenceEqual(y.ToArray<float>()), $"{layout} {updates.Aval}");
        }
    }

    [Theory, MemberData(nameof(Devices))]
    public void The_first_of_the_largest_and_smallest_is_found_in_long_and_short_lines(string name)
    {
        Device device = DeviceCases.Find(name);
        foreach (int[] shape in (int[][])[[1, 1], [3, 2], [3, 31], [300, 40], [1, 5000], [7, 257], [5, 256], [4, 1028]])
            foreach (int axis in (int[])[0, 1])
            {
                Func<int, double> noise = LayoutCases.Noise(shape[1]);
                Found(i => (float)Math.Round(3 * noise(i)));
                Found(i => i % 1009 == 1008 ? double.NaN : i % 2 == 0 ? 0.0 : -0.0);
                Found(i => (int)(9 * noise(i)));

                void Found<T>(Func<int, T> element) where T : unmanaged
                {
                    foreach ((string layout, DenseTensor x) in LayoutCases.Of(shape, element))
                    {
                        Shape result = x.Shape.Without([axis]);
                        foreach (bool largest in (bool[])[true, false])
                        {
                            DenseTensor here = LayoutCases.Output(DType.I32, result), there = DeviceCases.Output(DType.I32, result, device);
                            foreach ((DenseTensor from, DenseTensor to) in ((DenseTensor, DenseTensor)[])[(x, here), (x.Place(device), there)])
                            {
                                if (largest) ArgReduce.ArgMax(from, axis, to);
                                else ArgReduce.ArgMin(from, axis, to);
                            }
                            Assert.True(here.ToArray<int>().SequenceEqual(there.ToArray<int>()), $"{x.Aval} {layout} axis {axis}");
                        }
                    }
                }
            }
    }

    // Numbers of work-items beyond the last element must not overflow.
    [Fact]
    public void Views_of_more_elements_than_a_kernel_counts_are_refused()
    {
        DenseTensor one = DeviceCases.Output(DType.F32, [1], DeviceCases.Find("emu"));
        Assert.Equal(DeviceView.MostElements, DeviceView.Of(one.View(new Layout([2], [DeviceView.MostElements - 1], 0))).Length);
        Assert.Equal("NB0322", Assert.Throws<DeviceException>(() => DeviceView.Of(one.View(new Layout([2], [DeviceView.MostElements], 0)))).Code);
        Assert.True((long)LaunchSize.Linear(DeviceView.MostElements, 1024).GridX * 1024 <= 1L << 31);
    }

    [Theory, MemberData(nameof(Devices))]
    public void A_tensor_goes_from_any_device_to_any_other(string name)
    {
        foreach (Device other in Device.All)
            Assert.Equal([1f, 2f], Tensor.From([1f, 2f], device: DeviceCases.Find(name)).ToDevice(other).ToArray<float>());
    }

    [Theory, MemberData(nameof(Devices))]
    public void Running_folds_are_those_of_the_CPU(string name)
    {
        Device device = DeviceCases.Find(name);
        foreach (int[] shape in Shapes)
        {
            Func<int, double> noise = LayoutCases.Noise(shape.Length);
            ForAll<SumOp, float>(device, shape, i => (float)noise(i), (n, y, sum) => Math.ScaleB(y, -23) + n * Math.ScaleB(sum, -52));
            ForAll<SumOp, double>(device, shape, noise, (n, _, sum) => n * Math.ScaleB(sum, -52));
            ForAll<ProdOp, double>(device, shape, i => 1 + noise(i) / 64, (n, y, _) => n * Math.ScaleB(y, -51));
            ForAll<ProdOp, float>(device, shape, i => (float)(1 + noise(i) / 64), (_, y, _) => Math.ScaleB(y, -23));
            ForAll<MaxOp, float>(device, shape, i => i % 97 == 96 ? float.NaN : (float)noise(i) + i / 1000, (_, _, _) => 0);
            ForAll<MinOp, double>(device, shape, i => noise(i) - i / 1000, (_, _, _) => 0);
            ForAll<SumOp, int>(device, shape, i => i * 1_000_003, (_, _, _) => 0);
            ForAll<ProdOp, long>(device, shape, i => 2 * i + 1, (_, _, _) => 0);
        }
    }

    [Theory, MemberData(nameof(Devices))]
    public void Sorted_lines_are_those_of_the_CPU(string name)
    {
        Device device = DeviceCases.Find(name);
        foreach (int[] shape in Shapes)
        {
            Func<int, double> noise = LayoutCases.Noise(shape.Length);
            // Many ties, some NaN, both zeros.
            Sorted(device, shape, i => i % 13 == 12 ? float.NaN : (float)Math.Round(4 * noise(i)));
            Sorted(device, shape, noise);
            Sorted(device, shape, i => (int)(50 * noise(i)));
            Sorted(device, shape, i => (long)(1e15 * noise(i)));
        }
    }

    [Theory, MemberData(nameof(Devices))]
    public void Searches_find_what_the_CPU_finds(string name)
    {
        Device device = DeviceCases.Find(name);
        foreach ((int n, int m) in ((int, int)[])[(0, 3), (1, 1), (521, 7), (7, 521)])
        {
            Func<int, double> noise = LayoutCases.Noise(n);
            DenseTensor sequence = LayoutCases.Dense([2, n], i => (float)(i % Math.Max(1, n) / 3));
            foreach ((string layout, DenseTensor values) in LayoutCases.Of([2, m], i => i % 11 == 10 ? float.NaN : (float)Math.Round(n / 3.0 * noise(i))))
                foreach (bool right in (bool[])[false, true])
                {
                    DenseTensor here = LayoutCases.Output(DType.I32, values.Shape), there = DeviceCases.Output(DType.I32, values.Shape, device);
                    Sort.Search(sequence, values, 1, right, here);
                    Sort.Search(sequence.Place(device), values.Place(device), 1, right, there);
                    Assert.True(here.ToArray<int>().SequenceEqual(there.ToArray<int>()), $"{n} {m} {layout}");
                }
        }
    }

    [Theory, MemberData(nameof(Devices))]
    public void Random_permutations_are_those_of_the_CPU(string name)
    {
        Device device = DeviceCases.Find(name);
        DenseTensor keys = LayoutCases.Dense([3, 2], i => 77 * i - 5);
        foreach (int n in (int[])[0, 1, 2, 63, 64, 65, 521, 1031])
        {
            DenseTensor here = LayoutCases.Output(DType.I32, [3, n]), there = DeviceCases.Output(DType.I32, [3, n], device);
            RandomKernels.Permutation(keys, here);
            RandomKernels.Permutation(keys.Place(device), there);
            Assert.Equal(here.ToArray<int>(), there.ToArray<int>());
        }
    }

    [Theory, MemberData(nameof(Devices))]
    public void Pooling_finds_what_the_CPU_finds(string name)
    {
        Device device = DeviceCases.Find(name);
        Pool([2, 67, 5], [3], new ConvDims([2], [1], [2], [1], [1]));
        Pool([1, 521, 1], [4], new ConvDims([1], [0], [0], [1], [1]));
        Pool([2, 9, 11, 3], [2, 3], new ConvDims([2, 3], [0, 1], [1, 1], [1, 1], [1, 1]));
        Pool([1, 4, 5, 6, 7], [2, 2, 3], new ConvDims([1, 2, 1], [1, 0, 2], [0, 1, 0], [1, 1, 1], [1, 1, 1]));

        void Pool(int[] shape, int[] window, ConvDims dims)
        {
            Compare(i => i % 17 == 16 ? float.NaN : (float)(i * 7919 % 31));
            Compare(i => (double)(i * 7919 % 61));

            void Compare<T>(Func<int, T> element) where T : unmanaged
            {
                foreach ((string layout, DenseTensor x) in LayoutCases.Of(shape, element))
                {
                    Shape result = [shape[0], .. window.Select((size, i) => dims.OutputSize(i, shape[i + 1], size)), shape[^1]];
                    DenseTensor here = LayoutCases.Output(x.DType, result), place = LayoutCases.Output(DType.I32, result);
                    DenseTensor there = DeviceCases.Output(x.DType, result, device), placeThere = DeviceCases.Output(DType.I32, result, device);
                    MaxPooling.Run(x, window, dims, here, place);
                    MaxPooling.Run(x.Place(device), window, dims, there, placeThere);
                    Assert.True(here.ToDoubles().SequenceEqual(there.ToDoubles()), $"{x.Aval} {layout}");
                    Assert.True(place.ToArray<int>().SequenceEqual(placeThere.ToArray<int>()), $"{x.Aval} {layout}: places");
                }
            }
        }
    }

    [Fact]
    public void Windows_over_more_than_three_axes_are_refused()
    {
        DenseTensor x = DeviceCases.Output(DType.F32, [1, 2, 2, 2, 2, 1], DeviceCases.Find("emu"));
        var dims = new ConvDims([1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]);
        DenseTensor y = DeviceCases.Output(DType.F32, [1, 1, 1, 1, 1, 1], x.Device), places = DeviceCases.Output(DType.I32, y.Shape, x.Device);
        Assert.Equal("NB0323", Assert.Throws<DeviceException>(() => MaxPooling.Run(x, [2, 2, 2, 2], dims, y, places)).Code);
    }

    private static void ForAll<TOp, T>(Device device, int[] shape, Func<int, T> element, Func<int, double, double, double> bound)
        where TOp : struct, IReduceOp where T : unmanaged
    {
        foreach ((string layout, DenseTensor x) in LayoutCases.Of(shape, element))
        {
            DenseTensor placed = x.Place(device);
            for (int axis = 0; axis < shape.Length; axis++)
                foreach (bool reverse in (bool[])[false, true])
                {
                    DenseTensor here = LayoutCases.Output(x.DType, x.Shape), there = DeviceCases.Output(x.DType, x.Shape, device);
                    Scan.Run<TOp>(x, axis, reverse, here);
                    Scan.Run<TOp>(placed, axis, reverse, there);
                    double[] expected = here.ToDoubles(), actual = there.ToDoubles();
                    double sum = x.ToDoubles().Sum(Math.Abs);
                    for (int i = 0; i < expected.Length; i++)
                    {
                        bool near = double.IsNaN(expected[i]) ? double.IsNaN(actual[i]) : Math.Abs(actual[i] - expected[i]) <= bound(shape[axis], Math.Abs(expected[i]), sum);
                        Assert.True(near, $"{TOp.Name} {x.Aval} {layout} axis {axis} at {i}: {actual[i]:R} instead of {expected[i]:R}");
                    }
                }
        }
    }

    private static void Sorted<T>(Device device, int[] shape, Func<int, T> element) where T : unmanaged
    {
        foreach ((string layout, DenseTensor x) in LayoutCases.Of(shape, element))
            for (int axis = 0; axis < shape.Length; axis++)
                foreach (bool descending in (bool[])[false, true])
                {
                    DenseTensor here = LayoutCases.Output(x.DType, x.Shape), from = LayoutCases.Output(DType.I32, x.Shape);
                    DenseTensor there = DeviceCases.Output(x.DType, x.Shape, device), fromThere = DeviceCases.Output(DType.I32, x.Shape, device);
                    Sort.Along(x, axis, descending, here, from);
                    Sort.Along(x.Place(device), axis, descending, there, fromThere);
                    Assert.True(here.ToDoubles().SequenceEqual(there.ToDoubles()), $"{x.Aval} {layout} axis {axis}");
                    Assert.True(from.ToArray<int>().SequenceEqual(fromThere.ToArray<int>()), $"{x.Aval} {layout} axis {axis}: places");
                }
    }
}
