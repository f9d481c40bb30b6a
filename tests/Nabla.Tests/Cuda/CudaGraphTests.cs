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
    public void A_step_on_the_coding_rate_reduction_is_one_launch_with_the_bits_of_many()
    {
        using IDisposable device = Device.Use(FakeCuda.Devices[0]);
        double[] expected;
        using (OneByOne()) expected = Steps(Rates(), 8);
        Assert.Equal(expected, Steps(Rates(), 8));
        Assert.True(expected[^1] < expected[0]);
        TrainingLoop<Tensor[], Tensor> loop = Rates();
        for (int i = 0; i < 6; i++) loop.Step();
        Assert.Equal((0, 20), Done(() => loop.Run(20)));

        static double[] Steps(TrainingLoop<Tensor[], Tensor> loop, int steps) => [.. Enumerable.Range(0, steps).Select(_ =>
        {
            loop.Step();
            return loop.Metrics.ToDouble();
        })];

        static TrainingLoop<Tensor[], Tensor> Rates()
        {
            Sequential net = Sequential.Mlp([12, 6], Activation.Relu, Initializers.Xavier);
            (Tensor[] parameters, _, _) = net.Init(new RandomKey(0), [5]);
            Tensor x = new RandomKey(1).Normal([70, 5]), labels = Tensor.From([.. Enumerable.Range(0, 70).Select(i => i * i % 3)]);
            return new(state =>
            {
                (Tensor loss, Tensor[] gradient) = ValueAndGrad((Tensor[] p) => Losses.MaximalCodingRateReduction(net.Apply(p, x), labels, 3, 0.5))(state);
                return ([.. state.Zip(gradient, (p, g) => p - 0.05 * g)], loss);
            }, parameters);
        }
    }

    // The first runs wait and say all; of later ones the device is asked when somebody waits for it.
    [Fact]
    public void What_goes_wrong_in_a_graph_is_thrown_when_the_device_is_waited_for()
    {
        CudaDevice device = FakeCuda.Devices[0];
        using IDisposable _ = Device.Use(device);
        Compiled<(Tensor X, Tensor Labels), Tensor> rate = Compile(((Tensor X, Tensor Labels) p) => CodingRate.Reduction(p.X, p.Labels, 2, 0.5) * 2 + 1);
        DenseTensor x = new RandomKey(1).Normal([3, 6]).Dense, labels = Tensor.From([0, 1, 0, 1, 1, 0]), y = Scalar();
        void Run() => rate.Run((x, labels), y);
        for (int i = 0; i < 4; i++) Run();
        double expected = y.ToDouble();
        Assert.Equal((0, 1), Done(Run));
        labels.Write<int>([0, 1, 0, 5, 1, -1]);
        Run();
        Run();
        var error = Assert.Throws<NumericException>(device.Synchronize);
        Assert.Equal("NB0680", error.Code);
        Assert.Contains("position 3 of i32[6]", error.Message);
        labels.Write<int>([0, 1, 0, 1, 1, 0]);
        Run();
        Assert.Equal(expected, y.ToDouble());
        x.Write<float>([.. Enumerable.Repeat(float.NaN, 18)]);
        Run();
        Assert.Equal("NB0682", Assert.Throws<NumericException>(() => y.ToDouble()).Code);
        device.Synchronize();

        Compiled<Tensor, Tensor> solve = Compile((Tensor a) => a.LogDetPositiveDefinite() + a.Cholesky().SolveTriangular(Ops.Eye(2, DType.F32)).Sum());
        DenseTensor a = Tensor.From([4f, 0, 0, 16], [2, 2]);
        for (int i = 0; i < 4; i++) solve.Run(a, y);
        Assert.Equal((0, 1), Done(() => solve.Run(a, y)));
        Assert.Equal(0.75 + Math.Log(64), y.ToDouble(), 1e-5);
        a.Write<float>([4, 0, 0, -9]);
        solve.Run(a, y);
        Assert.Contains("f32[2,2], batch index 0, row 1;", Assert.Throws<NumericException>(() => y.ToDouble()).Message);
        // The run that is recorded, the second, says it at once, and so does the first of another program.
        a.Write<float>([4, 0, 0, 16]);
        Compiled<Tensor, Tensor> factor = Compile((Tensor a) => a.Cholesky().Sum());
        factor.Run(a, y);
        a.Write<float>([4, 0, 0, float.NaN]);
        Assert.Equal("NB0601", Assert.Throws<NumericException>(() => factor.Run(a, y)).Code);
        a.Write<float>([4, 0, 0, 16]);
        for (int i = 0; i < 2; i++) factor.Run(a, y);
        Assert.Equal((0, 1), Done(() => factor.Run(a, y)));
        Assert.Equal(6, y.ToDouble());
        a.Write<float>([4, 0, 0, -9]);
        Assert.Equal("NB0601", Assert.Throws<NumericException>(() => Compile((Tensor m) => m.Cholesky().Sum()).Run(a, y)).Code);
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
