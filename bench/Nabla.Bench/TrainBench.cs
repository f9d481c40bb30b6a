using System.Globalization;
using Nabla.Kernels;
using Nabla.Nn;
using Nabla.Optim;

namespace Nabla.Bench;

/// <summary>
/// Full training steps, compiled, beside PyTorch (where a python has it), a loop fused by hand (the limit for two layers), and the same program without fusion.
/// Contestants take turns; losses of ten steps are compared before anything is timed.
/// </summary>
internal static class TrainBench
{
    private const double Rate = 0.01;

    internal sealed record Case(int[] Sizes, int Batch, bool Classes, double Momentum)
    {
        public override string ToString() => $"{string.Join('-', Sizes)}, batch {Batch}";

        /// <summary>As arguments of <c>torch_train.step_of</c>.</summary>
        public string ToPython() => string.Create(CultureInfo.InvariantCulture, $"[{string.Join(',', Sizes)}], {Batch}, {Classes}, {Momentum}");
    }

    private static readonly Case[] Cases =
    [
        new([1, 500, 1], 64, false, 0), new([1, 1000, 1], 256, false, 0), new([1, 1000, 1], 1000, false, 0), new([784, 512, 512, 10], 128, true, 0.9),
    ];

    /// <summary>Prints the table for one thread and for all.</summary>
    public static void Print(Report report)
    {
        Table table = report.Table("train", "step", "threads", "Nabla µs", "without fusion", "fused by hand", "PyTorch", "PyTorch / Nabla", "Nabla / by hand", "kernel calls", "bytes allocated");
        using Torch? torch = Torch.Find(report, table);
        int previous = Workers.Count;
        foreach (int threads in new[] { 1, Environment.ProcessorCount }.Distinct())
        {
            Workers.Count = threads;
            foreach (Case c in Cases) Row(table, c, threads, torch);
        }
        Workers.Count = previous;
    }

    private static void Row(Table table, Case c, int threads, Torch? torch)
    {
        TrainingLoop<State, Tensor> fused = Loop(c, fusion: true), plain = Loop(c, fusion: false);
        TwoLayerLoop? hand = c.Sizes.Length == 3 && threads == 1 ? new TwoLayerLoop(c.Sizes[1], c.Batch) : null;
        double[] losses = [.. Enumerable.Range(0, 10).Select(_ => LossOf(fused))];
        RequireClose(losses, [.. Enumerable.Range(0, 10).Select(_ => LossOf(plain))], "without fusion", 1e-5);
        if (hand is not null) RequireClose(losses, [.. Enumerable.Range(0, 10).Select(_ => (double)hand.Step())], "by hand", 1e-3);
        torch?.Do($"import torch_train\nstep = torch_train.step_of({threads}, {c.ToPython()})");
        if (torch is not null) RequireClose(losses, torch.Values("[step().item() for _ in range(10)]"), "PyTorch", 1e-3);
        Func<double[]> nothing = () => [double.NaN];
        Timing[] t = Timing.InTurns(Timing.Sampler(fused.Step), Timing.Sampler(plain.Step),
            hand is null ? nothing : Timing.Sampler(() => hand.Step()), torch?.Sampler("step()") ?? nothing);
        (Timing? byHand, Timing? peer) = (hand is null ? null : t[2], torch is null ? null : t[3]);
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        fused.Run(100);
        allocated = (GC.GetAllocatedBytesForCurrentThread() - allocated) / 100;
        table.Row(c.ToString(), threads, Cell.Micros(t[0]), Cell.Micros(t[1]), Cell.Micros(byHand), Cell.Micros(peer), Cell.Ratio(peer, t[0]), Cell.Ratio(t[0], byHand),
            fused.KernelCalls, allocated);
    }

    internal sealed record State(Tensor[] Parameters, Tensor[] Velocity);

    /// <summary>The loop of a network, on the default device.</summary>
    internal static TrainingLoop<State, Tensor> Loop(Case c, bool fusion)
    {
        Tensor x = Waves([c.Batch, c.Sizes[0]], 0.3, 1);
        Tensor target = c.Classes ? Tensor.From([.. Enumerable.Range(0, c.Batch).Select(i => i % c.Sizes[^1])]) : (3 * x.Slice(.., ..1)).Sin();
        Tensor[] start = [.. Enumerable.Range(0, c.Sizes.Length - 1).SelectMany(i => new[]
        {
            Waves([c.Sizes[i], c.Sizes[i + 1]], i + 1.0, Math.Sqrt(2.0 / c.Sizes[i])), Waves([c.Sizes[i + 1]], i + 5.0, 0.1),
        })];
        Tensor Loss(Tensor[] p)
        {
            Tensor h = x;
            for (int i = 0; i < p.Length; i += 2)
            {
                h = h.MatMul(p[i]) + p[i + 1];
                if (i + 2 < p.Length) h = h.Relu();
            }
            return c.Classes ? Losses.CrossEntropy(h, target) : Losses.MeanSquaredError(h, target);
        }
        using IDisposable scope = NablaDebug.Scope(fusion: fusion);
        var loop = new TrainingLoop<State, Tensor>(s =>
        {
            (Tensor loss, Tensor[] g) = Transforms.ValueAndGrad((Func<Tensor[], Tensor>)Loss)(s.Parameters);
            Tensor[] v = c.Momentum == 0 ? s.Velocity : [.. s.Velocity.Zip(g, (a, b) => c.Momentum * a + b)];
            return (new State([.. s.Parameters.Zip(c.Momentum == 0 ? g : v, (p, d) => p - Rate * d)], v), loss);
        }, new State(start, c.Momentum == 0 ? [] : [.. start.Select(p => p.ZerosLike())]));
        _ = loop.Program;
        return loop;
    }

    private static Tensor Waves(Shape shape, double phase, double scale) =>
        Tensor.From(Enumerable.Range(1, (int)shape.Count).Select(i => (float)(Math.Sin(phase + 1.7 * i) * scale)).ToArray(), shape);

    internal static double LossOf(TrainingLoop<State, Tensor> loop)
    {
        loop.Step();
        return loop.Metrics.ToDouble();
    }

    internal static void RequireClose(double[] ours, double[] theirs, string who, double tolerance)
    {
        for (int i = 0; i < ours.Length; i++)
            if (!(Math.Abs(ours[i] - theirs[i]) <= tolerance * Math.Abs(ours[i]))) throw new InvalidDataException($"step {i}: loss {ours[i]}, {who} {theirs[i]}");
    }
}
