using Nabla.Kernels;
using Nabla.Kernels.OpenCl;
using Nabla.Tests.Kernels;

namespace Nabla.Tests.Accelerators;

/// <summary>Lines of neighbouring elements on a driver's device: folds of every length, and loops that use the folds for the elements again.</summary>
public sealed class DeviceLineTests
{
    public static TheoryData<string> Devices => DeviceCases.Names;

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void Loops_over_lines_are_one_launch_with_the_bits_of_many(DType dtype)
    {
        OpenClDevice device = new("opencl:own", OpenClTexts.Device.Info, KernelCache.FromEnvironment());
        foreach (int length in (int[])[5, 1025, .. dtype == DType.F32 ? (int[])[2, 31, 64, 128, 129, 510, 1024, 4097, 8200, 16_384] : [12_288, 12_289]])
            LineCases.Check(device, dtype, length > 1000 ? 3 : 301, length, all: length is 5 or 1025, Launches);

        long Launches(Func<Tensor[]> call)
        {
            long before = device.Launches;
            call();
            return device.Launches - before;
        }
    }

    // The same driver, taken for a GPU: what registers keep is written out, and elements come in fours.
    [Fact]
    public void What_is_written_for_GPUs_has_the_same_bits_in_OpenCL_C()
    {
        OpenClDevice device = new("opencl:gpu", OpenClTexts.Device.Info with { IsProcessor = false }, KernelCache.FromEnvironment());
        LineCases.Check(device, DType.F32, 65, 130, all: true);
        LineCases.Check(device, DType.F64, 3, 4100);
        LineCases.Check(device, DType.F32, 64, 16_385, scales: true);
        LineCases.CheckFours(device, DType.F32);
        LineCases.CheckFours(device, DType.F64);
    }

    // A group goes through them several times. Fewer of them are cut, and take launches of their own.
    [Theory]
    [InlineData(64, 16_385)]
    [InlineData(70, 36_000)]
    [InlineData(1, 16_385)]
    [InlineData(2, 70_000)]
    public void Lines_that_registers_do_not_hold_are_gone_through_again(int lines, int length) => LineCases.Check(OpenClTexts.Device, DType.F32, lines, length, scales: lines >= 64);

    [Fact]
    public void Special_values_of_long_lines_give_what_they_give_on_the_CPU() => LineCases.CheckSpecialValues(OpenClTexts.Device, DType.F32, 16_400, scales: true);

    [Theory]
    [InlineData(DType.F32, 3)]
    [InlineData(DType.F32, 1030)]
    [InlineData(DType.F64, 5)]
    public void Special_values_give_what_they_give_on_the_CPU(DType dtype, int length) => LineCases.CheckSpecialValues(OpenClTexts.Device, dtype, length);

    // In f64, where only the order of the additions makes a difference.
    [Theory, MemberData(nameof(Devices))]
    public void Folds_of_lines_are_those_of_the_CPU(string name)
    {
        Device device = DeviceCases.Find(name);
        foreach (int length in name == "emu" ? [1, 3, 4, 129, 1025, 17_000] : LineCases.Lengths.Append(16_385).Append(40_000))
            foreach (int lines in (int[])[1, 5])
                foreach (int offset in (int[])[0, 1, 4])
                {
                    Func<int, double> noise = LayoutCases.Noise(length);
                    int pitch = length + (offset == 4 ? 4 - length % 4 : offset);
                    Folded<SumOp, double>(noise, 1e-13 * length);
                    Folded<SumOp, float>(i => (float)noise(i), 1e-6 * length);
                    Folded<MaxOp, float>(i => i % 1009 == 1008 ? float.NaN : (float)noise(i), 0);
                    Folded<MinOp, double>(i => noise(i), 0);
                    Folded<ProdOp, double>(i => 1 + noise(i) / 64, 1e-12);
                    Folded<SumOp, int>(i => i * 1_000_003, 0);
                    Folded<SumOp, long>(i => i * 1_000_000_007L, 0);

                    void Folded<TOp, T>(Func<int, T> element, double error) where TOp : struct, IReduceOp where T : unmanaged
                    {
                        DenseTensor x = LayoutCases.Dense([lines * pitch + offset], element).View(new Layout([lines, length], [pitch, 1], offset));
                        DenseTensor here = LayoutCases.Output(x.DType, [lines]), there = DeviceCases.Output(x.DType, [lines], device);
                        Reductions.Run<TOp>(x, [1], here);
                        Reductions.Run<TOp>(x.Place(device), [1], there);
                        foreach ((double a, double b) in there.ToDoubles().Zip(here.ToDoubles()))
                            Assert.True(a.Equals(b) || Math.Abs(a - b) <= error * Math.Max(1, Math.Abs(b)), $"{TOp.Name} of {lines} lines of {length} {x.DType.Name} from {offset}: {a}, on the CPU {b}");
                    }
                }
    }

    // Neighbouring columns share a group, or a work-item has one; one chunk of rows, several, and rows left over.
    [Theory, MemberData(nameof(Devices))]
    public void Folds_of_columns_are_those_of_the_CPU(string name)
    {
        Device device = DeviceCases.Find(name);
        int[][] shapes = name == "emu" ? [[70, 3], [300, 20], [600, 130]] : [[33, 2], [4097, 3], [30_011, 10], [2000, 64], [9000, 65], [257, 130], [3000, 255], [700, 256], [700, 1031], [16, 300], [5, 40, 7], [3, 5000, 2]];
        foreach (int[] shape in shapes)
        {
            Func<int, double> noise = LayoutCases.Noise(shape[0]);
            foreach ((string layout, DenseTensor x) in LayoutCases.Of(shape, noise).Where(l => l.Name is "contiguous" or "offset slice" or "every second" or "last two axes swapped"))
            {
                Folded<SumOp>(x, layout, 1e-13 * x.Count);
                Folded<MaxOp>(x, layout, 0);
            }
            Folded<ProdOp>(LayoutCases.Dense(shape, i => i * 7919 % 5 < 2 ? -1.0 : 1), "contiguous", 0);
        }

        void Folded<TOp>(DenseTensor x, string layout, double error) where TOp : struct, IReduceOp
        {
            int axis = x.Rank - 2;
            DenseTensor here = LayoutCases.Output(x.DType, x.Shape.Without([axis])), there = DeviceCases.Output(x.DType, here.Shape, device);
            Reductions.Run<TOp>(x, [axis], here);
            Reductions.Run<TOp>(x.Place(device), [axis], there);
            foreach ((double a, double b) in there.ToDoubles().Zip(here.ToDoubles())) Assert.True(Math.Abs(a - b) <= error, $"{TOp.Name} of {x.Aval} {layout}: {a}, on the CPU {b}");
        }
    }
}
