using Nabla.Optim;

namespace Nabla.Bench;

/// <summary>Training steps, compiled, whose launches are one CUDA graph, beside PyTorch step by step, by torch.compile, and as its CUDA graph. Losses are compared first.</summary>
internal static class GpuSteps
{
    private const int StepsPerCall = 100, Compared = 10, WarmUps = 3, Compiled = 1;

    // Variants of a step in PyTorch: the name, how it is made, and from which of its own steps on it gives losses.
    private static readonly (string Name, string Make, int First)[] Variants =
    [
        ("eager", "step = torch_train.step_of({0}, device)", 0),
        ("torch.compile", "step = torch_train.step_of({0}, device, True)", 0),
        ("CUDA graph", "step = torch_train.graph_of(torch_train.step_of({0}, device))", WarmUps),
    ];

    /// <summary>Prints the table.</summary>
    public static void Print(GpuRun run)
    {
        Table table = run.Table(["step", "Nabla µs (p10 – p90)", "kernel calls", .. Variants.Select(v => $"PyTorch, {v.Name}, µs"), "eager / Nabla", "best PyTorch / Nabla", "goal"]);
        TrainBench.Case[] cases = run.IsQuick ? [new([1, 20, 1], 8, false, 0), new([7, 16, 10], 8, true, 0.9)]
            : [new([1, 500, 1], 64, false, 0), new([1, 1000, 1], 1000, false, 0), new([784, 512, 512, 10], 128, true, 0.9), new([784, 2048, 2048, 10], 1024, true, 0.9)];
        for (int i = 0; i < cases.Length; i++)
        {
            TrainBench.Case c = cases[i];
            bool isGoal = i == 0;
            run.Row(c.ToString(), () => Row(run, table, c, isGoal));
        }
        table.Note($"Nabla: {StepsPerCall} steps are queued and waited for once, as PyTorch's are. Tensor cores are off in both.");
    }

    private static void Row(GpuRun run, Table table, TrainBench.Case c, bool isGoal)
    {
        TrainingLoop<TrainBench.State, Tensor> loop = TrainBench.Loop(c, fusion: true);
        double[] losses = [.. Enumerable.Range(0, Compared).Select(_ => TrainBench.LossOf(loop))];
        using (Device.Use(Device.Cpu))
        {
            TrainingLoop<TrainBench.State, Tensor> here = TrainBench.Loop(c, fusion: true);
            TrainBench.RequireClose(losses, [.. Enumerable.Range(0, Compared).Select(_ => TrainBench.LossOf(here))], "the CPU", 1e-3);
        }
        var statements = new string?[Variants.Length];
        // torch.compile takes long.
        for (int i = 0; i < Variants.Length; i++) statements[i] = i == Compiled && !isGoal ? null : Statement(run, c, i, losses);
        (Timing time, _, Timing?[] torch) = run.Race(c.ToString(), () => loop.Run(StepsPerCall), null, statements);
        Timing ours = time.Per(StepsPerCall);
        table.Row([c.ToString(), Cell.Micros(ours), loop.KernelCalls, .. torch.Select(Cell.Micros), Cell.Ratio(torch[0], ours), Cell.Ratio(GpuRun.Best(torch), ours), isGoal ? "≤ 15 µs, ≥ 10 × eager" : ""]);
    }

    // Each under a name of its own, since they take turns; null if PyTorch cannot.
    private static string? Statement(GpuRun run, TrainBench.Case c, int variant, double[] losses)
    {
        (string name, string make, int first) = Variants[variant];
        if (!run.Prepare($"{c}, {name}", $"import torch_train\n{string.Format(null, make, $"torch.get_num_threads(), {c.ToPython()}")}\nsteps{variant} = step")) return null;
        if (run.Values($"{c}, {name}", $"[steps{variant}().item() for _ in range({losses.Length - first})]") is not { } found) return null;
        TrainBench.RequireClose(losses[first..], found, $"PyTorch, {name}", 1e-3);
        return $"steps{variant}()";
    }
}
