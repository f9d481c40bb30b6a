using Nabla.Kernels;
using Nabla.Kernels.OpenCl;
using Nabla.Nn;
using static Nabla.Transforms;

namespace Nabla.Tests.Accelerators;

/// <summary>Compiled programs on a driver's device: chains and the folds that end them are one kernel, with the bits of the operations one by one.</summary>
public sealed class DeviceFusionTests
{
    [Theory]
    [InlineData(1, 7, 5)]
    [InlineData(3, 300, 40)]
    [InlineData(2, 17, 5000)]
    [InlineData(2, 5000, 17)]
    [InlineData(300, 20, 3)]
    [InlineData(1, 70, 700)]
    public void Folds_end_a_chain_with_the_bits_of_the_folds_alone(int batch, int rows, int columns)
    {
        using IDisposable _ = Device.Use(OpenClTexts.Device);
        foreach (DType dtype in new[] { DType.F32, DType.F64 })
        {
            Tensor x = new RandomKey(1).Normal([batch, rows, columns], dtype), u = new RandomKey(2).Normal([rows, 1], dtype), v = new RandomKey(3).Normal([columns], dtype);
            Func<(Tensor X, Tensor U, Tensor V), Tensor>[] functions =
            [
                a => (a.X * a.U + a.V).Tanh().Sum(0), a => (a.X * a.U + a.V).Square().Sum(1), a => (a.X * a.U + a.V).Sin().Sum(2), a => (a.X * a.U - a.V).Max(2),
                a => (a.X * a.U - a.V).Min(1), a => (a.X.T * a.V.ExpandDims(1)).Sum(1), a => (a.X + a.U).Relu().Sum(1, 2), a => (a.X - a.V).Abs().Sum(0, 1),
                a => (a.X * a.V).Mean(), a => (a.X * a.V + 1).Max(), a => (a.X * a.U).Sum(0, 2), a => a.X.Sum(1) * 2,
            ];
            foreach (Func<(Tensor X, Tensor U, Tensor V), Tensor> f in functions) Same(a => [f(a)], (x, u, v));
            // Several folds of one loop, and a value that is needed beside them.
            Same(((Tensor X, Tensor U, Tensor V) a) =>
            {
                Tensor y = (a.X * a.U + a.V).Relu();
                return [y.Sum(1), (y * a.U).Max(1), y, y.Square().Min(1)];
            }, (x, u, v));
        }
    }

    [Fact]
    public void A_fold_of_special_values_is_that_of_the_kernel()
    {
        using IDisposable _ = Device.Use(OpenClTexts.Device);
        double inf = double.PositiveInfinity;
        Tensor x = Tensor.From([1, double.NaN, 3, -0.0, -0.0, -0.0, 0.0, -0.0, 0, inf, -inf, 1, -inf, -inf, -inf], [5, 3]);
        Same(a => [(a * 1.5).Max(1), (a * 1.5).Min(1), (a * 1.5).Sum(1), (a > 0).To(DType.F64).Sum(1)], x);
    }

    [Fact]
    public void Softmax_and_cross_entropy_take_few_launches()
    {
        OpenClDevice device = Own();
        using IDisposable _ = Device.Use(device);
        Tensor logits = new RandomKey(1).Normal([64, 10]), labels = new RandomKey(2).Bits([64]) % 5 + 4;
        Func<Tensor, Tensor> softmax = x => x.Softmax(), logSumExp = x => x.LogSumExp();
        Assert.Equal(1, Launches(device, softmax, logits));
        Assert.Equal(1, Launches(device, logSumExp, logits));
        Func<Tensor, (Tensor, Tensor)> loss = x => ValueAndGrad((Tensor z) => Losses.CrossEntropy(z, labels))(x);
        long fused = Launches(device, loss, logits), plain = Off(() => Launches(device, loss, logits));
        Assert.True(fused <= 5 && plain >= 17, $"{fused} launches, {plain} without fusion");
    }

    // Beside them a few for the numbers that depend on the step alone, whatever the number of parameters: the step, and with Adam its type and 1 − β₁ᵗ and 1 − β₂ᵗ.
    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 4)]
    public void An_update_is_one_launch_that_writes_parameter_and_moments_in_place(bool isAdam, int numbers)
    {
        OpenClDevice device = Own();
        using IDisposable _ = Device.Use(device);
        Optim.Optimizer optimizer = isAdam ? Optim.Adam.W() : new Optim.Sgd(0.1, momentum: 0.9, weightDecay: 1e-4);
        foreach (int count in (int[])[1, 3])
        {
            Tensor[] p = [.. Enumerable.Range(0, count).Select(i => new RandomKey((ulong)i).Normal([40, 30 + i]))], g = Array.ConvertAll(p, x => x.Sin());
            Func<(Tensor[] P, Optim.OptimizerState O, Tensor[] G), (Tensor[] P, Optim.OptimizerState O)> step = a => optimizer.Update(a.P, a.G, a.O);
            (Tensor[] P, Optim.OptimizerState O) expected = Off(() => Compile(step).Call((p, optimizer.Init(p), g)));
            var update = Compile(step);
            (Tensor[] P, Optim.OptimizerState O) state = update.Call((p, optimizer.Init(p), g));
            foreach ((Tensor a, Tensor b) in Tree.Leaves(state).Zip(Tree.Leaves(expected))) Assert.Equal(b.ToDoubles(), a.ToDoubles());
            long before = device.Launches;
            update.Run((state.P, state.O, g), state);
            Assert.Equal(count + numbers, device.Launches - before);
            expected = Off(() => Compile(step).Call((expected.P, expected.O, g)));
            foreach ((Tensor a, Tensor b) in Tree.Leaves(state).Zip(Tree.Leaves(expected))) Assert.Equal(b.ToDoubles(), a.ToDoubles());
        }
    }

    [Fact]
    public void More_operands_than_a_kernel_has_parameters_for_are_several_kernels()
    {
        using IDisposable _ = Device.Use(OpenClTexts.Device);
        Tensor[] many = [.. Enumerable.Range(0, 40).Select(i => new RandomKey((ulong)i).Normal([30, 20]).T)];
        Same(a => [a.Aggregate((x, y) => x * 0.5 + y.Tanh()), a.Aggregate((x, y) => x.Maximum(y)).Sum(0)], many);
    }

    // Launches are counted for a device, and other tests run on the common one at the same time.
    private static OpenClDevice Own() => new("opencl:own", OpenClTexts.Device.Info, KernelCache.FromEnvironment());

    private static void Same<TIn>(Func<TIn, Tensor[]> f, TIn x)
    {
        Tensor[] expected = Off(() => Compile(f).Call(x)), actual = Compile(f).Call(x);
        Assert.Equal(expected.Length, actual.Length);
        foreach ((Tensor a, Tensor b) in actual.Zip(expected)) Assert.Equal(b.ToDoubles().Select(BitConverter.DoubleToInt64Bits), a.ToDoubles().Select(BitConverter.DoubleToInt64Bits));
    }

    // Of a second call: the first one compiles.
    private static long Launches<TIn, TOut>(OpenClDevice device, Func<TIn, TOut> f, TIn x)
    {
        Compiled<TIn, TOut> compiled = Compile(f);
        compiled.Call(x);
        long before = device.Launches;
        compiled.Call(x);
        return device.Launches - before;
    }

    private static T Off<T>(Func<T> make)
    {
        using IDisposable scope = NablaDebug.Scope(fusion: false);
        return make();
    }
}
