using Nabla.Kernels;
using Nabla.Optim;

namespace Nabla.Bench;

/// <summary>Two ways to run many small steps as one program: networks side by side (Vmap), and steps one after another (Scan), beside a step at a time.</summary>
internal static class LoopBench
{
    private const int Networks = 64, Steps = 100;
    private const double Rate = 0.01;

    /// <summary>Prints the table for one thread and for all.</summary>
    public static void Print(Report report)
    {
        Table table = report.Table("loops", "what", "threads", "as one program µs", "one at a time µs", "gain");
        int previous = Workers.Count;
        foreach (int threads in new[] { 1, Environment.ProcessorCount }.Distinct())
        {
            Workers.Count = threads;
            foreach ((int width, int batch) in new[] { (16, 16), (32, 32), (50, 64) })
            {
                Row(table, $"a step of {Networks} networks 1-{width}-1, batch {batch}", threads, SideBySide(width, batch));
                Row(table, $"{Steps} steps of a network 1-{width}-1, batch {batch}", threads, OneAfterAnother(width, batch));
            }
        }
        Workers.Count = previous;
    }

    private static void Row(Table table, string what, int threads, (Action Whole, Action Apart) ways)
    {
        Timing[] t = Timing.InTurns(Timing.Sampler(ways.Whole), Timing.Sampler(ways.Apart));
        table.Row(what, threads, Cell.Micros(t[0]), Cell.Micros(t[1]), Cell.Ratio(t[1], t[0]));
    }

    private static (Action Whole, Action Apart) SideBySide(int width, int batch)
    {
        Func<Tensor[], (Tensor[] State, Tensor Loss)> step = Step(batch);
        Tensor[][] starts = [.. Enumerable.Range(0, Networks).Select(i => Start(width, i))];
        TrainingLoop<Tensor[], Tensor>[] apart = [.. starts.Select(s => new TrainingLoop<Tensor[], Tensor>(step, s))];
        var whole = new TrainingLoop<Tensor[], Tensor>(Transforms.Vmap(step), [.. Enumerable.Range(0, starts[0].Length).Select(i => Ops.Stack([.. starts.Select(s => s[i])]))]);
        whole.Run(10);
        foreach (TrainingLoop<Tensor[], Tensor> loop in apart) loop.Run(10);
        RequireClose(whole.Metrics.ToDoubles(), [.. apart.Select(loop => loop.Metrics.ToDouble())]);
        return (whole.Step, () => Array.ForEach(apart, loop => loop.Step()));
    }

    private static (Action Whole, Action Apart) OneAfterAnother(int width, int batch)
    {
        Func<Tensor[], (Tensor[] State, Tensor Loss)> step = Step(batch);
        Tensor[] start = Start(width, 0);
        var apart = new TrainingLoop<Tensor[], Tensor>(step, start);
        var whole = new TrainingLoop<Tensor[], Tensor>(s => Control.Scan(step, s, Steps), start);
        whole.Step();
        apart.Run(Steps);
        RequireClose([whole.Metrics.ToDoubles()[^1]], [apart.Metrics.ToDouble()]);
        return (whole.Step, () => apart.Run(Steps));
    }

    private static Func<Tensor[], (Tensor[] State, Tensor Loss)> Step(int batch)
    {
        Tensor x = new RandomKey(1).Normal([batch, 1]), target = (3 * x).Sin();
        Tensor Loss(Tensor[] p) => ((x.MatMul(p[0]) + p[1]).Tanh().MatMul(p[2]) + p[3] - target).Square().Mean();
        return p =>
        {
            (Tensor loss, Tensor[] gradient) = Transforms.ValueAndGrad((Func<Tensor[], Tensor>)Loss)(p);
            return ([.. p.Zip(gradient, (a, g) => a - Rate * g)], loss);
        };
    }

    private static Tensor[] Start(int width, int seed)
    {
        var key = new RandomKey((ulong)seed + 5);
        return [key.Normal([1, width]), Tensor.Zeros([width]), key.Normal([width, 1]) * (1 / Math.Sqrt(width)), Tensor.Zeros([1])];
    }

    private static void RequireClose(double[] ours, double[] theirs)
    {
        for (int i = 0; i < ours.Length; i++)
            if (!(Math.Abs(ours[i] - theirs[i]) <= 1e-4 * Math.Abs(theirs[i]))) throw new InvalidDataException($"loss {i}: {ours[i]} as one program, {theirs[i]} apart");
    }
}
