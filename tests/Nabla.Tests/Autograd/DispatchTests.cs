using System.Diagnostics;
using Nabla.Optim;
using static Nabla.Transforms;

namespace Nabla.Tests.Autograd;

/// <summary>
/// What an operation costs besides its arithmetic, as counts and ratios within one run: bounds leave room above what is measured, and a benchmark
/// (<c>bench dispatch</c>) tells the times.
/// </summary>
public sealed class DispatchTests
{
    private const int Chain = 100;

    [Fact]
    public void Eager_operation_allocates_handles_of_its_result_and_the_list_of_operands()
    {
        Tensor one = Tensor.From([1f]);
        Assert.InRange(BytesOf(() => _ = one + one), 1, 340);
        Assert.InRange(BytesOf(() => _ = one.Exp()), 1, 340);
    }

    [Fact]
    public void Traced_operations_allocate_in_proportion()
    {
        Tensor one = Tensor.From([1f]);
        Assert.InRange(BytesOf(() => Jvp((Tensor v) => v + v, one, one)), 1, 1200);
        Assert.InRange(BytesOf(() => Linearize(AddMany, one)) / Chain, 1, 1200);
        Assert.InRange(BytesOf(() => Trace(AddMany, one)) / Chain, 1, 700);
    }

    [Fact]
    public void Compiled_chain_of_small_operations_is_one_kernel_call_and_allocates_nothing()
    {
        Tensor one = Tensor.From([1f, 2f, 3f]), result = one.ZerosLike() + 0;
        Compiled<Tensor, Tensor> compiled = Compile((Tensor x) => AddMany(x));
        Assert.InRange(compiled.PlanFor(one).StepCount, 1, 10);
        Assert.Equal(0, BytesOf(() => compiled.Run(one, result)));
        Assert.Equal(AddMany(one).ToDoubles(), result.ToDoubles());
    }

    [Fact]
    public void Compiled_step_of_a_network_allocates_nothing()
    {
        Tensor x = new RandomKey(1).Normal([16, 8]);
        var loop = new TrainingLoop<Tensor[], Tensor>(p =>
        {
            (Tensor loss, Tensor[] g) = ValueAndGrad((Tensor[] q) => x.MatMul(q[0]).Relu().MatMul(q[1]).Square().Mean())(p);
            return ([.. p.Zip(g, (a, b) => a - 0.01 * b)], loss);
        }, [new RandomKey(2).Normal([8, 16]), new RandomKey(3).Normal([16, 1])]);
        loop.Run(3);
        Assert.Equal(0, BytesOf(loop.Step));
    }

    [Fact]
    public void Replaying_operations_takes_less_than_half_of_dispatching_them()
    {
        using IDisposable scope = NablaDebug.Scope(fusion: false);
        Tensor one = Tensor.From([1f]), result = one.ZerosLike() + 0;
        Compiled<Tensor, Tensor> compiled = Compile((Tensor x) => AddMany(x));
        Assert.Equal(Chain, compiled.PlanFor(one).StepCount);
        Assert.InRange(RatioOfFastest(() => compiled.Run(one, result), () => AddMany(one), 0.5), 0, 0.5);
    }

    private static Tensor AddMany(Tensor y)
    {
        for (int i = 0; i < Chain; i++) y = y + y;
        return y;
    }

    private static long BytesOf(Action action)
    {
        const int calls = 64;
        for (int i = 0; i < 200; i++) action();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < calls; i++) action();
        return (GC.GetAllocatedBytesForCurrentThread() - before) / calls;
    }

    // The fastest turns of each, taken in turns: other work of this process or machine only adds to a time, and code is fast only when the compiler's
    // last tier has come to it. So turns are taken until the bound holds, for ten seconds at most.
    private static double RatioOfFastest(Action numerator, Action denominator, double bound)
    {
        double least = double.PositiveInfinity, other = double.PositiveInfinity;
        long start = Stopwatch.GetTimestamp();
        for (int turn = 0; turn < 20 || (least > bound * other && Stopwatch.GetElapsedTime(start).TotalSeconds < 10); turn++)
        {
            least = Math.Min(least, Ticks(numerator));
            other = Math.Min(other, Ticks(denominator));
        }
        return least / other;
    }

    private static double Ticks(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < 50; i++) action();
        return Stopwatch.GetTimestamp() - start;
    }
}
