using Nabla.Kernels;

namespace Nabla.Bench;

/// <summary>What an operation costs before it computes anything: one element, eager, traced and compiled; a parallel region; a compilation.</summary>
internal static class DispatchBench
{
    /// <summary>Prints the table.</summary>
    public static void Print()
    {
        Tensor one = Tensor.From([1f]);
        Compiled<Tensor, Tensor> compiled = Transforms.Compile((Tensor v) => v + v);
        Tensor result = compiled.Call(one);
        Console.WriteLine("| what | µs | bytes allocated |");
        Console.WriteLine("|---|---|---|");
        Row("add, one element, eager", () => Twice(one));
        Row("the same under Jvp", () => Transforms.Jvp((Tensor v) => v + v, one, one));
        Row("gradient of a square, one element, eager", () => Transforms.Grad((Tensor v) => v.Square().Sum())(one));
        Row("compiled add, Call", () => compiled.Call(one));
        Row("compiled add, Run into the caller's tensor", () => compiled.Run(one, result));
        var job = new Nothing();
        Row($"parallel region of {Workers.Count} threads", () => Workers.Run(ref job, Workers.Count));
        Tensor x = new RandomKey(1).Normal([16, 8]);
        var net = Nn.Sequential.Mlp([32, 32, 32, 1], Nn.Activation.Tanh);
        Tensor[] p = net.Init(new RandomKey(0), [8]).Parameters;
        Row("trace and compile the gradient step of a network with three hidden layers", () =>
            Transforms.Compile((Tensor[] q) => Transforms.Grad((Tensor[] r) => net.Apply(r, x).Square().Mean())(q)).Call(p));
    }

    private static void Row(string what, Action action)
    {
        Timing t = Timing.Of(action);
        const int calls = 20;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < calls; i++) action();
        Console.WriteLine(FormattableString.Invariant($"| {what} | {t.Median * 1e6:G3} ({t.P10 * 1e6:G3} – {t.P90 * 1e6:G3}) | {(GC.GetAllocatedBytesForCurrentThread() - before) / calls} |"));
    }

    private static Tensor Twice(Tensor x) => x + x;

    private struct Nothing : IParallelJob
    {
        public readonly void Run(int part)
        {
        }
    }
}
