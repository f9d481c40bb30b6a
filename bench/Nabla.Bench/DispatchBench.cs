using Nabla.Kernels;

namespace Nabla.Bench;

/// <summary>What an operation costs before it computes anything: one element, eager, traced and compiled, beside PyTorch; a parallel region; a compilation.</summary>
internal static class DispatchBench
{
    private const int Chain = 20;

    /// <summary>Prints the table.</summary>
    public static void Print(Report report)
    {
        Table table = report.Table("dispatch", "what", "µs", "bytes allocated", "PyTorch µs", "PyTorch / Nabla");
        using Torch? torch = Torch.Find(report, table);
        torch?.Do("torch_threads.use(1)\na = torch.ones(1)\nb = torch.ones(1, requires_grad=True)\nout = torch.ones(1)\n" +
            $"def add_many(y):\n for _ in range({Chain}):\n  y = y + y\n return y");
        if (torch is not null && torch.Values("(a + a).tolist()")[0] != 2) throw new InvalidDataException("PyTorch's sum is wrong");
        Tensor one = Tensor.From([1f]);
        Compiled<Tensor, Tensor> compiled = Transforms.Compile((Tensor v) => v + v);
        Tensor result = compiled.Call(one);
        Func<Tensor, Tensor> gradient = Transforms.Grad((Tensor v) => v.Square().Sum());
        if ((one + one).ToDouble() != 2 || result.ToDouble() != 2 || gradient(one).ToDouble() != 2) throw new InvalidDataException("one and one, or a slope, is wrong");
        void Row(string what, Action action, string? theirs = null, int parts = 1)
        {
            Timing[] times = torch is null || theirs is null ? [Timing.Of(action)] : Timing.InTurns(Timing.Sampler(action), torch.Sampler(theirs));
            Timing ours = times[0].Per(parts);
            Timing? peer = times.Length > 1 ? times[1].Per(parts) : null;
            table.Row(what, Cell.Micros(ours), BytesOf(action) / parts, Cell.Micros(peer), Cell.Ratio(peer, ours));
        }
        Row("add, one element, eager", () => Twice(one), "a + a");
        Row("add under Jvp, the transformation included", () => Transforms.Jvp((Tensor v) => v + v, one, one));
        Row($"add into a tape (Linearize), each of {Chain} and the transformation", () => Transforms.Linearize(AddMany, one), "add_many(b)", Chain);
        Row("gradient of a square, one element, eager", () => gradient(one), "torch.autograd.grad(b.square().sum(), b)");
        Row("compiled add, Call", () => compiled.Call(one));
        Row("compiled add, Run into the caller's tensor", () => compiled.Run(one, result), "torch.add(a, a, out=out)");
        var job = new Nothing();
        Row($"parallel region of {Workers.Count} threads", () => Workers.Run(ref job, Workers.Count));
    }

    private static long BytesOf(Action action)
    {
        const int calls = 20;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < calls; i++) action();
        return (GC.GetAllocatedBytesForCurrentThread() - before) / calls;
    }

    private static Tensor AddMany(Tensor y)
    {
        for (int i = 0; i < Chain; i++) y += y;
        return y;
    }

    private static Tensor Twice(Tensor x) => x + x;

    private struct Nothing : IParallelJob
    {
        public readonly void Run(int part)
        {
        }
    }
}
