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
    private const int Rounds = 5;

    private sealed record Case(int[] Sizes, int Batch, bool Classes, double Momentum)
    {
        public override string ToString() => $"{string.Join('-', Sizes)}, batch {Batch}";
    }

    private static readonly Case[] Cases =
    [
        new([1, 500, 1], 64, false, 0), new([1, 1000, 1], 256, false, 0), new([1, 1000, 1], 1000, false, 0), new([784, 512, 512, 10], 128, true, 0.9),
    ];

    /// <summary>Prints the table for one thread and for all.</summary>
    /// <param name="python">A python with PyTorch, or null.</param>
    public static void Print(string? python)
    {
        Console.WriteLine("| step | threads | Nabla µs | without fusion | fused by hand | PyTorch | PyTorch / Nabla | Nabla / by hand | kernel calls | bytes allocated |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
        int previous = Workers.Count;
        foreach (int threads in new[] { 1, Environment.ProcessorCount }.Distinct())
        {
            Workers.Count = threads;
            foreach (Case c in Cases) Row(c, threads, python);
        }
        Workers.Count = previous;
        if (python is null) Console.WriteLine("\nPyTorch: not run; name a python that has it with --python.");
    }

    private static void Row(Case c, int threads, string? python)
    {
        TrainingLoop<State, Tensor> fused = Loop(c, fusion: true), plain = Loop(c, fusion: false);
        TwoLayerLoop? hand = c.Sizes.Length == 3 ? new TwoLayerLoop(c.Sizes[1], c.Batch) : null;
        double[] losses = [.. Enumerable.Range(0, 10).Select(_ => LossOf(fused))];
        RequireClose(losses, [.. Enumerable.Range(0, 10).Select(_ => LossOf(plain))], "without fusion", 0);
        if (hand is not null) RequireClose(losses, [.. Enumerable.Range(0, 10).Select(_ => (double)hand.Step())], "by hand", 1e-3);
        using Peer? torch = python is null ? null : Peer.Start(python, "torch_train.py", $"{threads} {string.Join(',', c.Sizes)} {c.Batch} {(c.Classes ? "crossentropy" : "mse")} {c.Momentum.ToString(CultureInfo.InvariantCulture)}");
        if (torch is not null) RequireClose(losses, torch.ReadNumbers(), "PyTorch", 1e-3);
        var (ours, unfused, byHand, peers) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        for (int round = 0; round < Rounds; round++)
        {
            ours.Add(Timing.Of(fused.Step).Median * 1e6);
            unfused.Add(Timing.Of(plain.Step).Median * 1e6);
            if (hand is not null && threads == 1) byHand.Add(Timing.Of(() => hand.Step()).Median * 1e6);
            if (torch is not null) peers.Add(torch.Ask());
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        fused.Run(100);
        allocated = (GC.GetAllocatedBytesForCurrentThread() - allocated) / 100;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {c} | {threads} | {Text(ours)} | {Text(unfused)} | {Text(byHand)} | {Text(peers)} | {Ratio(peers, ours)} | {Ratio(ours, byHand)} | {fused.KernelCalls} | {allocated} |"));
    }

    private sealed record State(Tensor[] Parameters, Tensor[] Velocity);

    private static TrainingLoop<State, Tensor> Loop(Case c, bool fusion)
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

    private static double LossOf(TrainingLoop<State, Tensor> loop)
    {
        loop.Step();
        return loop.Metrics.ToDouble();
    }

    private static void RequireClose(double[] ours, double[] theirs, string who, double tolerance)
    {
        for (int i = 0; i < ours.Length; i++)
            if (!(Math.Abs(ours[i] - theirs[i]) <= tolerance * Math.Abs(ours[i]))) throw new InvalidDataException($"step {i}: loss {ours[i]}, {who} {theirs[i]}");
    }

    private static string Text(List<double> values) => values.Count == 0 ? "–" : values.Order().ElementAt(values.Count / 2).ToString("G3", CultureInfo.InvariantCulture);

    private static string Ratio(List<double> a, List<double> b) => a.Count == 0 || b.Count == 0 ? "–"
        : (a.Order().ElementAt(a.Count / 2) / b.Order().ElementAt(b.Count / 2)).ToString("G3", CultureInfo.InvariantCulture);
}
