using System.Runtime.CompilerServices;
using Nabla.Kernels.Cuda;
using Nabla.Nn;
using Nabla.Optim;
using static Nabla.Transforms;

namespace Nabla.Tests.Cuda;

/// <summary>Compiled programs as CUDA graphs: one launch instead of many, with the bits of launches one by one.</summary>
[Collection(nameof(FakeCuda))]
public sealed class CudaGraphTests
{
    private static (long Launches, long Graphs) Counts => (FakeCuda.Get(FakeCuda.Place.Launches), FakeCuda.Get(FakeCuda.Place.GraphLaunches));

    private static (long Launches, long Graphs) Done(Action work)
    {
        (long launches, long graphs) = Counts;
        work();
        return (Counts.Launches - launches, Counts.Graphs - graphs);
    }

    // Kernel calls that somebody watches are done one by one.
    private static IDisposable OneByOne() => NablaDebug.Scope(level: 1, output: TextWriter.Null);

    private static TrainingLoop<(Tensor[] P, OptimizerState S, RandomKey Key), Tensor> Loop()
    {
        Sequential net = Sequential.Mlp([16, 1], Activation.Tanh, Initializers.Xavier);
        (Tensor[] parameters, _, _) = net.Init(new RandomKey(0), [3]);
        var optimizer = new Adam(1e-2);
        return new(state =>
        {
            Tensor x = state.Key.Normal([300, 3]);
            (Tensor loss, Tensor[] gradient) = ValueAndGrad((Tensor[] p) => Losses.MeanSquaredError(net.Apply(p, x), x.Sin().Sum(1).ExpandDims(1)))(state.P);
            (Tensor[] next, OptimizerState optimizerState) = optimizer.Update(state.P, gradient, state.S);
            return ((next, optimizerState, state.Key.FoldIn(1)), loss);
        }, (parameters, optimizer.Init(parameters), new RandomKey(7)));
    }

    private static DenseTensor Filled(int count, float value) => Tensor.From(Enumerable.Repeat(value, count).ToArray());

    private static DenseTensor Scalar() => Tensor.From([0f], []);

    private static double[] LossesOf(int steps)
    {
        var loop = Loop();
        double[] losses = new double[steps];
        for (int i = 0; i < steps; i++)
        {
            loop.Step();
            losses[i] = loop.Metrics.ToDouble();
        }
        return losses;
    }

    [Fact]
    public void A_training_step_is_one_launch_with_the_bits_of_many()
    {
        using IDisposable device = Device.Use(FakeCuda.Devices[0]);
        double[] expected;
        using (OneByOne()) expected = LossesOf(12);
        Assert.Equal(expected, LossesOf(12));
        Assert.Equal(12, expected.Distinct().Count());
        var loop = Loop();
        for (int i = 0; i < 6; i++) loop.Step();
        Assert.Equal((0, 20), Done(() => loop.Run(20)));
        Assert.True(Done(() =>
        {
            using IDisposable _ = OneByOne();
            loop.Step();
        }) is { Launches: > 10, Graphs: 0 });
    }

    [Fact]
    public void Temporaries_belong_to_the_graph()
    {
        CudaDevice device = FakeCuda.Devices[0];
        using IDisposable scope = Device.Use(device);
        // Sums of long rows and running sums take memory for their pieces.
        Compiled<Tensor, Tensor> compiled = Compile((Tensor x) => x.CumSum(0).Square().Sum() + (x * x).Sum());
        Tensor x = new RandomKey(1).Normal([60_000]), y = Scalar();
        double expected = compiled.Call(x).ToDouble();
        for (int i = 0; i < 6; i++)
        {
            (_, long graphs) = Done(() => compiled.Run(x, y));
            Assert.Equal(i < 2 ? 0 : 1, graphs);
            Assert.Equal(expected, y.ToDouble());
            // What others leave behind in memory that was given back.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Tensor[] others = [.. Enumerable.Range(0, 20).Select(n => Filled(1 << n % 16, float.NaN))];
            device.Synchronize();
            GC.KeepAlive(others);
        }
    }

    [Fact]
    public void New_memory_is_launched_one_by_one_and_known_memory_by_its_own_graph()
    {
        using IDisposable _ = Device.Use(FakeCuda.Devices[0]);
        Compiled<Tensor, Tensor> compiled = Compile((Tensor x) => (x * 2).Sum() + x.CumSum(0).Max());
        DenseTensor[] xs = [.. Enumerable.Range(0, 3).Select(i => Filled(500, i + 1))], ys = [.. xs.Select(x => Scalar())];
        for (int round = 0; round < 5; round++)
            for (int i = 0; i < xs.Length; i++)
            {
                Assert.Equal(round < 2 ? 0 : 1, Done(() => compiled.Run(xs[i], ys[i])).Graphs);
                Assert.Equal((i + 1) * 1500, ys[i].ToDouble());
            }
        Assert.Equal(0, Done(() => compiled.Run(Filled(500, 9), ys[0])).Graphs);
        Assert.Equal(13_500, ys[0].ToDouble());
        for (int i = 0; i < 10; i++) Assert.Equal(1500 * i, compiled.Call(Filled(500, i)).ToDouble());
    }

    [Fact]
    public void Results_may_be_written_over_arguments()
    {
        using IDisposable _ = Device.Use(FakeCuda.Devices[0]);
        Compiled<Tensor, Tensor> compiled = Compile((Tensor x) => x * 2 + x.Max() - x.Max());
        Tensor x = Filled(100, 1);
        for (int i = 0; i < 8; i++) compiled.Run(x, x);
        Assert.All(x.ToDoubles(), value => Assert.Equal(256, value));
    }

    [Fact]
    public void A_loop_of_fixed_length_is_a_part_of_the_graph()
    {
        using IDisposable _ = Device.Use(FakeCuda.Devices[0]);
        Compiled<Tensor, Tensor> compiled = Compile((Tensor x) =>
            Control.Scan((Tensor c, Tensor e) => ((c * 0.5f + e).Sin() + c.Sum(), c), x.Slice(..1, ..).Reshape([40]), x).Carry);
        Tensor x = new RandomKey(3).Normal([6, 40]), y = Filled(40, 0);
        double[] expected;
        using (OneByOne()) expected = compiled.Call(x).ToDoubles();
        (long Launches, long Graphs)[] counts = new (long, long)[5];
        for (int i = 0; i < counts.Length; i++)
        {
            counts[i] = Done(() => compiled.Run(x, y));
            Assert.Equal(expected, y.ToDoubles());
            using IDisposable others = Device.Use(FakeCuda.Devices[0]);
            Assert.All(Filled(300, float.NaN).ToDoubles(), value => Assert.True(double.IsNaN(value)));
        }
        Assert.Equal((0, 1), counts[^1]);
    }

    [Fact]
    public void Work_that_reads_on_its_way_is_done_anew()
    {
        using IDisposable _ = Device.Use(FakeCuda.Devices[0]);
        // How often the loop runs is known only when it runs.
        Compiled<Tensor, Tensor> compiled = Compile((Tensor x) => Control.While((Tensor c) => c.Sum() < 100, (Tensor c) => c * 2, x * 1 + 0));
        DenseTensor x = Filled(4, 1), y = Filled(4, 0);
        foreach ((float start, double end) in ((float, double)[])[(1, 32), (1, 32), (1, 32), (3, 48), (3, 48), (60, 60)])
        {
            x.Write<float>([start, start, start, start]);
            compiled.Run(x, y);
            Assert.All(y.ToDoubles(), value => Assert.Equal(end, value));
        }
    }

    [Fact]
    public void A_graph_goes_with_its_program()
    {
        FakeCuda.Devices[0].Synchronize();
        Collect();
        long graphs = FakeCuda.Get(FakeCuda.Place.Graphs);
        Use();
        Assert.True(FakeCuda.Get(FakeCuda.Place.Graphs) > graphs);
        Collect();
        Assert.InRange(FakeCuda.Get(FakeCuda.Place.Graphs), 0, graphs);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Use()
        {
            using IDisposable _ = Device.Use(FakeCuda.Devices[0]);
            Compiled<Tensor, Tensor> compiled = Compile((Tensor x) => x.CumSum(0).Max() + x.Sum());
            Tensor x = Filled(100, 1), y = Scalar();
            for (int i = 0; i < 5; i++) compiled.Run(x, y);
        }

        static void Collect()
        {
            for (int i = 0; i < 3; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }
    }
}
