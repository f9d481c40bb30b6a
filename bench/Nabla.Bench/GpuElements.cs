using Nabla.Kernels;
using Nabla.Optim;

namespace Nabla.Bench;

/// <summary>What is bound by memory: chains of element-wise operations, reductions, softmax, updates of optimisers. Beside a copy on the same device, and beside PyTorch.</summary>
internal static class GpuElements
{
    private sealed record Case(string What, double Bytes, Func<Device, (Action Run, DenseTensor Result)> Prepare, string Setup, string Statement, string Goal = "");

    /// <summary>Prints the table.</summary>
    public static void Print(GpuRun run)
    {
        Table table = run.Table("what", "Nabla µs (p10 – p90)", "GB/s", "of a copy", "PyTorch µs", "PyTorch / Nabla", "goal");
        foreach (Case c in Cases(run.IsQuick)) run.Row(c.What, () => Row(run, table, c));
        table.Note("All in f32. Bytes are those that must be read and written once.");
    }

    private static void Row(GpuRun run, Table table, Case c)
    {
        (Action there, DenseTensor result) = c.Prepare(run.Device);
        there();
        double[] expected;
        using (Device.Use(Device.Cpu))
        {
            (Action here, DenseTensor exact) = c.Prepare(Device.Cpu);
            here();
            expected = exact.ToDoubles();
        }
        RequireClose(c, result.ToDoubles(), expected);
        (Timing time, _, Timing?[] torch) = run.Race(c.What, there, null, run.Prepare(c.What, c.Setup) ? c.Statement : null);
        double rate = c.Bytes / time.Median;
        table.Row(c.What, Cell.Micros(time), Cell.Number(rate / 1e9), Cell.Share(rate / run.Roof.Bytes), Cell.Micros(torch[0]), Cell.Ratio(torch[0], time), c.Goal);
    }

    private static void RequireClose(Case c, double[] found, double[] expected)
    {
        double bound = 1e-4 * expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
            if (!(Math.Abs(found[i] - expected[i]) <= bound)) throw new InvalidDataException($"element {i} is {found[i]}, on the CPU {expected[i]}");
    }

    private static IEnumerable<Case> Cases(bool isQuick)
    {
        int count = isQuick ? 1 << 16 : 1 << 26, few = count / 2, side = isQuick ? 256 : 8192;
        string vectors = $"x = torch.rand({few}, device=device)\ny = torch.rand({few}, device=device)\nz = torch.rand({few}, device=device)", matrix = $"x = torch.rand({side}, {side}, device=device)";
        double square = 4.0 * side * side;
        return
        [
            new($"copy, {count:N0} elements", 8.0 * count, device => Copy(device, count), $"x = torch.rand({count}, device=device)\ny = torch.empty_like(x)", "y.copy_(x)"),
            new($"√(x² + 1)·x − x, {count:N0} elements, compiled", 8.0 * count, device => Function((x, _, _) => (x * x + 1).Sqrt() * x - x, device, [count], [1], [count]),
                $"x = torch.rand({count}, device=device)", "(x * x + 1).sqrt() * x - x", "≥ 85 %"),
            new($"tanh(x·y + z), {few:N0} elements, compiled", 16.0 * few, device => Function((x, y, z) => (x * y + z).Tanh(), device, [few], [few], [few]), vectors, "(x * y + z).tanh()"),
            new($"Σ tanh(x·y + z), {few:N0} elements, compiled", 12.0 * few, device => Function((x, y, z) => (x * y + z).Tanh().Sum(), device, [few], [few], []), vectors, "(x * y + z).tanh().sum()"),
            new($"softmax of rows {side}×{side}, compiled", 2 * square, device => Function((x, _, _) => x.Softmax(), device, [side, side], [1], [side, side]), matrix, "torch.softmax(x, 1)"),
            new($"log-sum-exp of rows {side}×{side}, compiled", square, device => Function((x, _, _) => x.LogSumExp(1), device, [side, side], [1], [side]), matrix, "torch.logsumexp(x, 1)"),
            Sum("sum of all", [0, 1], "x.sum()"), Sum("sums of rows", [1], "x.sum(1)"), Sum("sums of columns", [0], "x.sum(0)"),
            new($"transpose {side}×{side}", 2 * square, device => Transpose(device, side), $"{matrix}\ny = torch.empty_like(x)", "y.copy_(x.t())"),
            new($"update by SGD with momentum, {few:N0} parameters, compiled", 20.0 * few, device => Update(new Sgd(0.01, momentum: 0.9), 1, device, few),
                $"p = torch.nn.Parameter(torch.rand({few}, device=device))\np.grad = torch.rand({few}, device=device)\no = torch.optim.SGD([p], lr=0.01, momentum=0.9)", "o.step()"),
            new($"update by Adam, {few:N0} parameters, compiled", 28.0 * few, device => Update(new Adam(1e-3), 2, device, few),
                $"p = torch.nn.Parameter(torch.rand({few}, device=device))\np.grad = torch.rand({few}, device=device)\no = torch.optim.Adam([p], lr=1e-3, fused=True)", "o.step()"),
        ];

        Case Sum(string what, int[] axes, string statement) => new($"{what} {side}×{side}", square, device =>
        {
            DenseTensor x = DeviceBench.Numbers([side, side], device), y = DenseTensor.Allocate(new Aval(DType.F32, x.Shape.Without(axes)), device);
            return (() => Reductions.Run<SumOp>(x, axes, y), y);
        }, matrix, statement);
    }

    private static (Action, DenseTensor) Function(Func<Tensor, Tensor, Tensor, Tensor> f, Device device, Shape first, Shape others, Shape result) =>
        DeviceBench.Compiled(f, DeviceBench.Numbers(first, device), DeviceBench.Numbers(others, device), DeviceBench.Numbers(others, device), result, device);

    private static (Action, DenseTensor) Copy(Device device, int count)
    {
        DenseTensor x = DeviceBench.Numbers([count], device), y = DenseTensor.Allocate(x.Aval, device);
        return (() => Move.Copy(x, y), y);
    }

    private static (Action, DenseTensor) Transpose(Device device, int side)
    {
        DenseTensor x = DeviceBench.Numbers([side, side], device), y = DenseTensor.Allocate(x.Aval, device);
        var turned = (DenseTensor)x.T;
        return (() => Move.Copy(turned, y), y);
    }

    // The same update again and again: what it gives does not change, so it can be compared.
    private static (Action, DenseTensor) Update(Optimizer optimizer, int moments, Device device, int count)
    {
        Compiled<Tensor[], Tensor[]> update = Transforms.Compile((Tensor[] s) =>
        {
            (Tensor parameter, OptimizerState state) = optimizer.Update(s[1], s[2], new OptimizerState(s[0], [.. s[3..].Select(moment => new[] { moment })]));
            return new[] { state.Step, parameter }.Concat(state.Slots.Select(slot => slot[0])).ToArray();
        });
        DenseTensor numbers = DeviceBench.Numbers([count], device);
        Tensor[] before = [Tensor.Scalar(3, DType.I32, device), numbers, .. Enumerable.Range(0, 1 + moments).Select(_ => DeviceBench.Numbers([count], device))];
        Tensor[] after = [DenseTensor.Allocate(new Aval(DType.I32, Shape.Scalar), device), .. Enumerable.Range(0, 1 + moments).Select(_ => DenseTensor.Allocate(numbers.Aval, device))];
        return (() => update.Run(before, after), after[1].Dense);
    }
}
