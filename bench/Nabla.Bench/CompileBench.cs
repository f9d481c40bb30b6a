using Nabla.Autograd;
using Nabla.Nn;

namespace Nabla.Bench;

/// <summary>What a compilation costs and makes: recording the function; checking, passes, fusion and plan; the size of what comes out.</summary>
internal static class CompileBench
{
    /// <summary>Prints the table.</summary>
    public static void Print(Report report)
    {
        Table table = report.Table("compile", "program", "trace µs", "all µs", "equations traced", "after passes", "kernel calls", "arena bytes", "bytes allocated");
        Tensor x = new RandomKey(1).Normal([16, 8]);
        foreach ((string name, int[] widths) in new[] { ("one hidden layer", new[] { 32, 1 }), ("three hidden layers", [32, 32, 32, 1]) })
        {
            Sequential net = Sequential.Mlp(widths, Activation.Tanh);
            Tensor[] start = net.Init(new RandomKey(0), [8]).Parameters;
            Row(table, $"gradient step, {name}", GradientStep(p => net.Apply(p, x).Square().Mean()), start);
        }
        Tensor[] cell = [new RandomKey(2).Normal([8, 8]), new RandomKey(3).Normal([8, 8])];
        Row(table, "gradient step through a scan of 20 steps", GradientStep(p => Unrolled(p, x)), cell);
        Row(table, "Hessian of a network with 33 parameters", Transforms.Hessian((Tensor p) => Small(p, x).Square().Mean()), new RandomKey(4).Normal([33]));
    }

    private static void Row<T>(Table table, string name, Func<T, T> function, T example)
    {
        Action trace = () => Transforms.Trace(function, example), all = () => Transforms.Compile(function).ProgramFor(example);
        Timing[] t = Timing.InTurns(Timing.Sampler(trace), Timing.Sampler(all));
        var compiled = Transforms.Compile(function);
        long before = GC.GetAllocatedBytesForCurrentThread();
        compiled.ProgramFor(example);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Plan plan = compiled.PlanFor(example);
        table.Row(name, Cell.Micros(t[0]), Cell.Micros(t[1]), Transforms.Trace(function, example).Equations.Count, compiled.ProgramFor(example).Equations.Count,
            plan.StepCount, plan.ArenaBytes, allocated);
    }

    private static Func<Tensor[], Tensor[]> GradientStep(Func<Tensor[], Tensor> loss) => p => [.. p.Zip(Transforms.Grad(loss)(p), (a, g) => a - 0.1 * g)];

    private static Tensor Unrolled(Tensor[] p, Tensor x) =>
        Control.Scan((Tensor h) => ((h.MatMul(p[0]) + x.MatMul(p[1])).Tanh(), 0), x.ZerosLike(), 20).Carry.Square().Mean();

    // 8-3-1 with biases on the hidden layer and no output bias: 24 + 3 + 3 numbers, and three that scale the hidden units.
    private static Tensor Small(Tensor p, Tensor x) =>
        ((x.MatMul(p.Slice(..24).Reshape([8, 3])) + p.Slice(24..27)).Tanh() * p.Slice(30..33)).MatMul(p.Slice(27..30).Reshape([3, 1]));
}
