using Nabla.Kernels;
using Nabla.Kernels.Language;

namespace Nabla.Tests.Accelerators;

/// <summary>The choice among kernels: by time on a clock that the tests turn, by bits, once for each class, kept on disk.</summary>
public sealed class DeviceTunerTests : IDisposable
{
    private static readonly TuningClass Work = new("test", DType.F32, 1, 2, 3, 4, 0);

    private readonly string _folder = Directory.CreateTempSubdirectory("nabla-tuner-").FullName;
    private readonly Accelerator _device = new EmulatedDevice();
    private readonly Clock _clock = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private DeviceTuner Tuner() => new(_device, new KernelCache(_folder), program => program.Name, _clock);

    [Fact]
    public void The_fastest_kernel_is_chosen_once_and_kept()
    {
        var work = new Runs(_device, _clock, usual: 1, (9, 0), (5, 0), (3, 0), (4, 0));
        DeviceTuner tuner = Tuner();
        Assert.Null(tuner.Find(Work));
        Assert.Equal(2, tuner.Tune(Work, work));
        Assert.Equal(2, tuner.Find(Work));
        int launches = work.Launches;
        Assert.Equal(2, tuner.Tune(Work, work));
        Assert.Equal(launches, work.Launches);
        // Another process finds it on disk; other work, or another order of the same kernels, is measured.
        Assert.Equal(2, Tuner().Tune(Work, work));
        Assert.Equal(launches, work.Launches);
        Assert.Equal(2, Tuner().Tune(Work with { D = 5 }, work));
        Assert.True(work.Launches > launches);
    }

    [Fact]
    public void The_usual_kernel_stays_unless_another_is_clearly_faster() =>
        Assert.Equal(0, Tuner().Tune(Work, new Runs(_device, _clock, usual: 0, (100, 0), (99, 0), (120, 0))));

    [Fact]
    public void A_kernel_with_other_bits_is_left_out_and_named()
    {
        DeviceTuner tuner = Tuner();
        Assert.Equal(2, tuner.Tune(Work, new Runs(_device, _clock, usual: 0, (9, 0), (1, 1), (5, 0))));
        Assert.Equal(["kernel 1"], tuner.Rejected);
    }

    [Fact]
    public void What_takes_too_long_ends_early_and_is_not_kept()
    {
        // Each run takes four seconds: the usual kernel, another one, a third; then it is over before anything was timed.
        var work = new Runs(_device, _clock, usual: 0, (4e6, 0), (4e6, 0), (4e6, 0), (1, 0));
        Assert.Equal(0, Tuner().Tune(Work, work));
        Assert.Equal(3, work.Launches);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void Nine_kernels_are_too_many()
    {
        var work = new Runs(_device, _clock, usual: 8, [.. Enumerable.Range(0, 9).Select(i => (i == 7 ? 1.0 : 5.0, 0))]);
        Assert.Equal(8, Tuner().Tune(Work, work));
        Assert.DoesNotContain(7, work.Seen);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 7)]
    [InlineData(100, 96)]
    [InlineData(4096, 4096)]
    [InlineData(5119, 4096)]
    [InlineData(5120, 5120)]
    public void Sizes_of_one_class_differ_by_a_quarter_at_most(long size, int coarse) => Assert.Equal(coarse, TuningClass.Coarse(size));

    // A clock that stands still but for the runs of kernels.
    private sealed class Clock : TimeProvider
    {
        public long Now { get; set; }

        public override long TimestampFrequency => 1_000_000_000;

        public override long GetTimestamp() => Now;
    }

    // Kernels by the microseconds that a run takes, and by what they write.
    private sealed class Runs(Accelerator device, Clock clock, int usual, params (double Micros, int Value)[] kernels) : Trial
    {
        public int Launches { get; private set; }

        public HashSet<int> Seen { get; } = [];

        public override IReadOnlyList<(string Name, KernelProgram Program)> Kernels { get; } =
            [.. kernels.Select((_, i) => ($"kernel {i}", new KernelProgram { Name = $"k{i}", OpenCl = "", Cuda = "" }))];

        public override int Usual => usual;

        public override Aval Result => new(DType.F32, [3]);

        public override void Launch(int kernel, DenseTensor result)
        {
            Launches++;
            Seen.Add(kernel);
            clock.Now += (long)(1000 * kernels[kernel].Micros);
            Nabla.Kernels.Move.Copy(DenseTensor.Splat(Result, kernels[kernel].Value, device), result);
        }
    }
}
