using Nabla.Kernels;
using Nabla.Nn;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

/// <summary>Chains of element-wise operations run tile by tile: fewer calls, less memory, the same bits.</summary>
[Collection(nameof(Tensors.MemoryTestsRunAlone))]
public sealed class FusionTests
{
    [Fact]
    public void A_chain_is_one_call_and_only_its_result_reaches_memory()
    {
        Tensor x = new RandomKey(1).Normal([100, 300]);
        Func<Tensor, Tensor> f = v => ((v * 2 + 1).Tanh() * v).Exp().Square() - v;
        Compiled<Tensor, Tensor> plain = Off(() => Warm(f, x)), fused = Warm(f, x);
        Assert.Equal(7, plain.PlanFor(x).StepCount);
        Assert.Equal(1, fused.PlanFor(x).StepCount);
        Assert.Equal(0, fused.PlanFor(x).ArenaBytes);
        Assert.Equal(plain.Call(x).ToDoubles(), fused.Call(x).ToDoubles());
    }

    [Fact]
    public void Independent_chains_of_one_shape_run_together_and_a_reader_outside_closes_the_group()
    {
        Tensor x = new RandomKey(1).Normal([64, 32]);
        Compiled<Tensor, (Tensor, Tensor)> apart = Warm((Tensor v) => (v.Sin() * 2, v.Cos() + 1), x);
        Assert.Equal(1, apart.PlanFor(x).StepCount);
        Compiled<Tensor, Tensor> read = Warm((Tensor v) => v.Exp() / v.Exp().Sum(1).ExpandDims(1), x);
        Assert.Equal(3, read.PlanFor(x).StepCount);
    }

    [Fact]
    public void A_training_step_takes_less_than_half_of_the_calls()
    {
        var net = Sequential.Mlp([32, 32, 1], Activation.Tanh);
        Tensor[] p = net.Init(new RandomKey(0), [8]).Parameters;
        Tensor x = new RandomKey(1).Normal([16, 8]), y = x.Slice(.., ..1);
        var adam = new Optim.Adam(Optim.Schedules.Constant(1e-3));
        Func<(Tensor[] P, Optim.OptimizerState O), (Tensor[], Optim.OptimizerState)> step = s =>
            adam.Update(s.P, Grad((Tensor[] q) => Losses.MeanSquaredError(net.Apply(q, x), y))(s.P), s.O);
        (Tensor[], Optim.OptimizerState) at = (p, adam.Init(p));
        var plain = Off(() => Warm(step, at));
        var fused = Warm(step, at);
        Assert.InRange(fused.PlanFor(at).StepCount, 1, plain.PlanFor(at).StepCount / 2);
        foreach ((Tensor a, Tensor b) in Tree.Leaves(plain.Call(at)).Zip(Tree.Leaves(fused.Call(at)))) Assert.Equal(a.ToDoubles(), b.ToDoubles());
    }

    [Fact]
    public void Outer_products_join_the_chain_and_keep_their_bits_and_zeros()
    {
        Tensor x = new RandomKey(1).Normal([64, 1]), w = new RandomKey(2).Normal([1, 500]), b = new RandomKey(3).Normal([500]);
        Func<(Tensor X, Tensor W, Tensor B), Tensor> f = a => (a.X.MatMul(a.W) + a.B).Tanh();
        Assert.Equal(1, Warm(f, (x, w, b)).PlanFor((x, w, b)).StepCount);
        Assert.Equal(f((x, w, b)).ToDoubles(), Compile(f).Call((x, w, b)).ToDoubles());
        Func<(Tensor U, Tensor V), Tensor> g = a => Ops.Einsum("ik,jlk->ijl", a.U, a.V) * 2;
        Tensor u = Tensor.From([-1.0, 0, 2, double.NaN, double.PositiveInfinity], [5, 1]), v = Tensor.From([0.0, -0.0, 3, -5, 1e308, 7], [2, 3, 1]);
        double[] expected = g((u, v)).ToDoubles(), actual = Compile(g).Call((u, v)).ToDoubles();
        Assert.Equal(expected.Select(BitConverter.DoubleToInt64Bits), actual.Select(BitConverter.DoubleToInt64Bits));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Random_programs_give_the_same_bits_fused_and_not_on_one_thread_and_two(int seed)
    {
        int threads = Workers.Count;
        try
        {
            for (int i = 0; i < 40; i++)
            {
                var random = new Random(100 * seed + i);
                Tensor[] inputs = RandomInputs(random);
                int program = random.Next();
                Func<Tensor[], Tensor[]> f = x => RandomProgram(new Random(program), x);
                // Not the eager values: what is folded away may leave a reduction with another layout, and thus another order.
                double[][] expected = Off(() => Values(Compile(f).Call(inputs)));
                foreach (int count in (int[])[1, 2])
                {
                    Workers.Count = count;
                    Assert.Equal(expected, Values(Compile(f).Call(inputs)));
                    Assert.Equal(expected, Off(() => Values(Compile(f).Call(inputs))));
                }
            }
        }
        finally
        {
            Workers.Count = threads;
        }
    }

    [Fact]
    public void Views_of_the_arguments_in_every_layout_are_operands()
    {
        Tensor x = new RandomKey(2).Normal([6, 70], DType.F64), row = new RandomKey(3).Normal([70], DType.F64), column = new RandomKey(4).Normal([6, 1], DType.F64);
        Func<(Tensor X, Tensor R, Tensor C), Tensor> f = a => ((a.X.Reverse(1) + a.R) * a.C + a.X.T.Reverse(0).T).Tanh() * a.X.Slice(..1, ..) - a.R.Reverse(0);
        Assert.Equal(f((x, row, column)).ToDoubles(), Compile(f).Call((x, row, column)).ToDoubles());
        Tensor narrow = new RandomKey(5).Normal([500, 3], DType.F32), three = new RandomKey(6).Normal([3]), many = new RandomKey(7).Normal([500, 1]);
        Func<(Tensor X, Tensor R, Tensor C), Tensor> g = a => (a.X * a.R + a.C).Exp() - a.X.T.Reverse(1).T;
        Assert.Equal(g((narrow, three, many)).ToDoubles(), Compile(g).Call((narrow, three, many)).ToDoubles());
    }

    private static Compiled<TIn, TOut> Warm<TIn, TOut>(Func<TIn, TOut> f, TIn x)
    {
        Compiled<TIn, TOut> compiled = Compile(f);
        compiled.Call(x);
        return compiled;
    }

    private static T Off<T>(Func<T> make)
    {
        using IDisposable scope = NablaDebug.Scope(fusion: false);
        return make();
    }

    private static double[][] Values(Tensor[] tensors) => Array.ConvertAll(tensors, t => t.ToDoubles());

    private static Tensor[] RandomInputs(Random random)
    {
        int rows = random.Next(1, 90), columns = random.Next(4) == 0 ? random.Next(1, 3000) : random.Next(1, 90);
        var key = new RandomKey((ulong)random.Next());
        RandomKey keys = key.Split(4);
        DType dtype = random.Next(2) == 0 ? DType.F32 : DType.F64;
        return
        [
            keys.At(0).Normal([rows, columns], dtype), keys.At(1).Normal([columns, rows], dtype).T, keys.At(2).Normal([columns], dtype),
            keys.At(3).Normal([rows, 1], dtype),
        ];
    }

    // Thirty steps that combine earlier values: mostly element-wise, sometimes something that must see all of an operand.
    private static Tensor[] RandomProgram(Random random, Tensor[] inputs)
    {
        var values = new List<Tensor>(inputs.Select(x => x * 1));
        Tensor Any() => values[random.Next(values.Count)];
        for (int i = 0; i < 30; i++)
        {
            Tensor a = Any(), b = Any();
            values.Add(random.Next(16) switch
            {
                0 => a + b,
                1 => a * b.Tanh(),
                2 => a - b,
                3 => (a * 0.1).Exp().Log1p(),
                4 => Ops.Where(a > b, a, b * 0.5),
                5 => a.Maximum(b).Tanh(),
                6 => a.To(DType.F64).Tanh().To(a.DType),
                7 => a.Tanh().Pow(3) * 0.5,
                8 => (a > 0).To(a.DType) - (b <= 0.3).To(DType.I32).To(a.DType),
                9 => a / (b.Square() + 1),
                10 => a.Sum(-1).ExpandDims(-1) * 0.01,
                11 => a.Mean() + b * 0,
                12 => a.Reverse(0).Sin(),
                13 => a.Abs().Sqrt() * b.Sign(),
                14 => a.Floor() * 0.1 + b.Relu(),
                _ => -a,
            });
            if (!values[^1].Shape.Equals(inputs[0].Shape)) values[^1] = values[^1] * Tensor.Ones(inputs[0].Shape, values[^1].DType);
        }
        return [values[^1], values[^2], values[^5], values[^9]];
    }
}
