using Nabla.Autograd;
using Nabla.Nn;
using Nabla.Proof;
using Nabla.Tests.Accelerators;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

/// <summary>Batching is one pass, not a loop: the number of kernel calls does not depend on the number of members.</summary>
[OnChosenDevice]
public sealed class BatchingTests
{
    public static TheoryData<string> Primitives => [.. PrimitiveCatalog.All.Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(Primitives))]
    public void A_batch_of_64_takes_the_equations_of_a_batch_of_1(string name)
    {
        Primitive primitive = PrimitiveCatalog.Find(name)!;
        int compared = 0;
        foreach (Sample sample in primitive.Samples(new SampleSource(1)))
        {
            if (sample.Inputs.Length == 0) continue;
            object? parameters = sample.ParametersFor is { } make ? make(DType.F64) : sample.Parameters;
            int Equations(int members) => Count(Trace(
                (Tensor[] x) => VmapRun([.. x.Select(t => (t, (int?)0))], 0, inputs => primitive.Bind(parameters, inputs)), Members(sample.Inputs, members)));
            Assert.Equal(Equations(1), Equations(64));
            compared++;
        }
        Assert.True(compared > 0 || name is "iota" or "random_bits", name);
    }

    [Fact]
    public void Per_example_gradients_of_a_network_take_as_many_kernel_calls_for_64_examples_as_for_2()
    {
        var net = Sequential.Mlp([16, 16, 4], Activation.Tanh);
        (Tensor[] parameters, _, _) = net.Init(new RandomKey(0), [8]);
        Func<Tensor[], Tensor, Tensor, Tensor> loss = (p, x, y) => Losses.CrossEntropy(net.Apply(p, x), y);
        Compiled<(Tensor[], Tensor, Tensor), Tensor[]> perExample = Compile(
            ((Tensor[] P, Tensor X, Tensor Y) a) => Vmap(Grad(loss), null, 0, 0)(a.P, a.X, a.Y));
        int Calls(int n) => perExample.PlanFor((parameters, Tensor.Zeros([n, 8]), Tensor.Zeros([n], DType.I32))).StepCount;
        Assert.Equal(Calls(2), Calls(64));
        Assert.Equal(2, perExample.CompileCount);
    }

    [Fact]
    public void An_ensemble_trains_as_one_program_each_with_its_own_key_rate_and_scale()
    {
        var net = Sequential.Mlp([12, 1], Activation.Tanh);
        Tensor x = new RandomKey(7).Normal([32, 3]), y = x.Slice(.., ..1).Sin();
        Tensor Trained(RandomKey key, Tensor rate, Tensor scale)
        {
            Tensor[] start = [.. net.Init(key, [3]).Parameters.Select(p => p * scale)];
            return Control.Scan((Tensor[] p) =>
            {
                (Tensor value, Tensor[] gradient) = ValueAndGrad((Tensor[] q) => Losses.MeanSquaredError(net.Apply(q, x), y))(p);
                return (Tree.Map((a, g) => a - rate * g, p, gradient), value);
            }, start, 20).Ys;
        }
        Compiled<(RandomKey, Tensor, Tensor), Tensor> together = Compile(((RandomKey K, Tensor R, Tensor S) m) => Vmap<RandomKey, Tensor, Tensor, Tensor>(Trained)(m.K, m.R, m.S));
        int Equations(int n) => Count(together.ProgramFor((new RandomKey(1).Split(n), Tensor.Ones([n]), Tensor.Ones([n]))));
        Assert.Equal(Equations(2), Equations(64));
        (RandomKey keys, Tensor rates, Tensor scales) = (new RandomKey(1).Split(5), Tensor.From([0.01f, 0.05f, 0.1f, 0.2f, 0.3f]), Tensor.From([1f, 0.5f, 2f, 0.1f, 1f]));
        Tensor losses = together.Call((keys, rates, scales));
        for (int i = 0; i < 5; i++)
        {
            double[] alone = Trained(keys.At(i), rates.At(i), scales.At(i)).ToDoubles(), among = losses.At(i).ToDoubles();
            Assert.All(alone.Zip(among), p => Assert.Equal(p.First, p.Second, 1e-5));
        }
    }

    [Fact]
    public void Dense_hessians_in_blocks_and_products_in_all_orders_agree()
    {
        var net = Sequential.Mlp([5, 1], Activation.Tanh);
        Tensor[] p = net.Init(new RandomKey(3), [3], DType.F64).Parameters;
        Tensor x = new RandomKey(4).Normal([10, 3], DType.F64), y = x.Slice(.., 1..2);
        Func<Tensor[], Tensor> loss = q => Losses.MeanSquaredError(net.Apply(q, x), y);
        Tensor whole = Hessian(loss, p, block: 1000);
        Assert.Equal([26, 26], whole.Shape.Dims.ToArray());
        Assert.All(whole.ToDoubles().Zip(whole.T.ToDoubles()), e => Assert.Equal(e.First, e.Second, 13));
        foreach (int block in (int[])[1, 7, 26])
            Assert.All(whole.ToDoubles().Zip(Hessian(loss, p, block).ToDoubles()), e => Assert.Equal(e.First, e.Second, 13));
        Tensor[] v = [.. p.Select((t, i) => new RandomKey((ulong)i).Normal(t.Shape, DType.F64))];
        double[] expected = whole.MatMul(Ops.Concatenate([.. v.Select(t => t.Reshape([(int)t.Count]))], 0)).ToDoubles();
        foreach (HvpOrder order in Enum.GetValues<HvpOrder>())
            Assert.All(expected.Zip(Hvp(loss, p, v, order).SelectMany(t => t.ToDoubles())), e => Assert.Equal(e.First, e.Second, 12));
    }

    private static Tensor[] Members(Tensor[] inputs, int count) => Array.ConvertAll(inputs, x => Ops.Stack([.. Enumerable.Repeat(x.ToDevice(Device.Default), count)]));

    // Equations with those of the programs inside them.
    private static int Count(Program program) => program.Equations.Sum(e => 1 + Inner(e.Parameters).Sum(s => Count(s.Program)));

    private static IEnumerable<Subprogram> Inner(object? parameters) => parameters?.GetType().GetProperties()
        .Where(p => p.PropertyType == typeof(Subprogram)).Select(p => (Subprogram)p.GetValue(parameters)!) ?? [];
}
