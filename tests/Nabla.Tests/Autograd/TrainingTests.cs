using Nabla.Nn;
using Nabla.Optim;
using Nabla.Tests.Tensors;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

[Collection(nameof(Tensors.MemoryTestsRunAlone))]
public sealed class TrainingTests
{
    private static readonly Sequential Net = Sequential.Mlp([64, 64, 1], Activation.Tanh, Initializers.Xavier);

    private static (Tensor X, Tensor Y) Data()
    {
        Tensor x = Ops.Linspace(-3, 3, 64).ExpandDims(1);
        return (x, x.Sin());
    }

    public static TheoryData<string> OptimizerNames => ["sgd", "momentum", "nesterov", "adam", "adamw"];

    private static Optimizer Make(string name) => name switch
    {
        "sgd" => new Sgd(0.05),
        "momentum" => new Sgd(0.01, 0.9),
        "nesterov" => new Sgd(0.01, 0.9, nesterov: true),
        "adam" => new Adam(2e-3),
        _ => Adam.W(2e-3, 1e-3),
    };

    private static TrainingLoop<(Tensor[] P, OptimizerState S), Tensor> Loop(Optimizer optimizer)
    {
        (Tensor x, Tensor y) = Data();
        (Tensor[] parameters, _, _) = Net.Init(new RandomKey(0), [1]);
        return new(state =>
        {
            (Tensor loss, Tensor[] gradient) = ValueAndGrad((Tensor[] p) => Losses.MeanSquaredError(Net.Apply(p, x), y))(state.P);
            return (optimizer.Update(state.P, gradient, state.S), loss);
        }, (parameters, optimizer.Init(parameters)));
    }

    [Theory]
    [MemberData(nameof(OptimizerNames))]
    public void Every_optimiser_fits_a_sine(string name)
    {
        var loop = Loop(Make(name));
        loop.Step();
        double first = loop.Metrics.ToDouble();
        loop.Run(1500);
        Assert.InRange(loop.Metrics.ToDouble(), 0, first / 20);
    }

    [Fact]
    public void A_compiled_loop_takes_the_same_steps_as_eager_code()
    {
        (Tensor x, Tensor y) = Data();
        Optimizer optimizer = new Adam(2e-3);
        (Tensor[] parameters, _, _) = Net.Init(new RandomKey(0), [1]);
        OptimizerState state = optimizer.Init(parameters);
        // In loops, products of matrices and vectors are added up in another order.
        using IDisposable scope = NablaDebug.Scope(fusion: false);
        var loop = Loop(optimizer);
        for (int step = 0; step < 5; step++)
        {
            Tensor[] gradient = Grad((Tensor[] p) => Losses.MeanSquaredError(Net.Apply(p, x), y))(parameters);
            (parameters, state) = optimizer.Update(parameters, gradient, state);
            loop.Step();
        }
        for (int i = 0; i < parameters.Length; i++) Assert.Equal(parameters[i].ToDoubles(), loop.State.P[i].ToDoubles());
    }

    [Fact]
    public void Metrics_may_be_a_tuple()
    {
        var loop = new TrainingLoop<Tensor, (Tensor Old, Tensor[] Square)>(x => (x + 1, (x, [x * x])), Tensor.Scalar(0));
        for (int step = 0; step < 5; step++)
        {
            loop.Step();
            Assert.Equal((step, step * step, step + 1), (loop.Metrics.Old.ToDouble(), loop.Metrics.Square[0].ToDouble(), loop.State.ToDouble()));
        }
    }

    [Fact]
    public void A_hundred_thousand_eager_steps_run_in_constant_memory()
    {
        Tensor w = new RandomKey(3).Normal([16, 16]), x = new RandomKey(4).Normal([8, 16]);
        Func<Tensor, Tensor> gradient = Grad((Tensor p) => x.MatMul(p).Square().Mean());
        for (int i = 0; i < 5_000; i++) w -= 0.01 * gradient(w);
        // What leaks grows in every window; a heap that finds its size, in some.
        long least = long.MaxValue;
        for (int window = 0; window < 5; window++)
        {
            GC.Collect();
            long before = Environment.WorkingSet;
            for (int i = 0; i < 19_000; i++) w -= 0.01 * gradient(w);
            least = Math.Min(least, Environment.WorkingSet - before);
        }
        Assert.InRange(least, long.MinValue, 8L << 20);
        Assert.True(double.IsFinite(w.Sum().ToDouble()));
    }

    [Fact]
    public void Many_networks_train_as_one_program()
    {
        (Tensor x, Tensor y) = Data();
        Tensor[] members = Vmap((RandomKey key) => Net.Init(key, [1]).Parameters)(new RandomKey(9).Split(5));
        Func<Tensor[], Tensor[]> step = p => [.. p.Zip(
            Grad((Tensor[] q) => Losses.MeanSquaredError(Net.Apply(q, x), y))(p), (w, g) => w - 0.05 * g)];
        Tensor[] together = Compile(Vmap(step)).Call(members);
        for (int i = 0; i < 5; i++)
        {
            Tensor[] alone = step([.. members.Select(m => m.At(i))]);
            for (int k = 0; k < alone.Length; k++)
                Assert.All(alone[k].ToDoubles().Zip(together[k].At(i).ToDoubles()), p => Assert.Equal(p.First, p.Second, 5));
        }
    }

    [Fact]
    public void Warmup_cosine_rises_falls_and_ends_at_zero()
    {
        Schedule rate = Schedules.WarmupCosine(0.1, 10, 110);
        double At(int step) => rate(Tensor.Scalar(step, DType.I32)).ToDouble();
        Assert.Equal(0.01, At(0), 12);
        Assert.Equal(0.1, At(9), 12);
        Assert.Equal(0.05, At(60), 12);
        Assert.Equal(0, At(110), 12);
    }
}

[Collection(nameof(MemoryTestsRunAlone))]
public sealed class LongTrainingTests
{
    [Fact]
    public void A_hundred_thousand_compiled_steps_of_a_network_with_three_hidden_layers_hold_resident_memory_within_5_percent()
    {
        var net = Sequential.Mlp([16, 16, 16, 1], Activation.Tanh);
        Tensor x = new RandomKey(1).Normal([16, 8]), y = x.Slice(.., ..1).Sin();
        var optimizer = new Adam(Schedules.Constant(1e-3));
        Tensor[] start = net.Init(new RandomKey(0), [8]).Parameters;
        var loop = new TrainingLoop<(Tensor[] P, OptimizerState O), Tensor>(s =>
        {
            (Tensor loss, Tensor[] gradient) = ValueAndGrad((Tensor[] p) => Losses.MeanSquaredError(net.Apply(p, x), y))(s.P);
            return (optimizer.Update(s.P, gradient, s.O), loss);
        }, (start, optimizer.Init(start)));
        loop.Run(5_000);
        GC.Collect();
        long before = Environment.WorkingSet, allocated = GC.GetAllocatedBytesForCurrentThread();
        loop.Run(95_000);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, 10_000);
        Assert.InRange(Environment.WorkingSet, 0, (long)(1.05 * before));
        Assert.Equal(100_000, loop.StepCount);
        Assert.InRange(loop.Metrics.ToDouble(), 0, 1e-3);
    }
}
