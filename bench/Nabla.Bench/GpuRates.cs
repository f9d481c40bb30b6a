using System.Globalization;

namespace Nabla.Bench;

/// <summary>Coding rate reduction with its gradient, and the construction of a ReduNet, beside the formulations in PyTorch on the same device. Compared with f64 on the CPU first.</summary>
internal static class GpuRates
{
    /// <summary>Prints the table.</summary>
    public static void Print(GpuRun run)
    {
        string[] formulations = CodingRateBench.Formulations;
        Table table = run.Table(["what", "Nabla µs (p10 – p90)", "compiled µs", .. formulations.Select(name => $"PyTorch, {name}, µs"), "best PyTorch / Nabla"]);
        foreach (CodingRateBench.Case c in run.IsQuick ? [new CodingRateBench.Case(16, 60, 3)] : CodingRateBench.Cases) run.Row($"ΔR {c}", () => Rate(run, table, c));
        run.Row("ReduNet", () => Net(run, table));
        table.Note("ΔR with gradient: d, n, k. The formulations are those of `bench/peers/torch_coding_rate.py`; a ReduNet is built there by class Gram matrices, one batched Cholesky and inverse, and one product.");
    }

    private static void Rate(GpuRun run, Table table, CodingRateBench.Case c)
    {
        double[] exact;
        using (Device.Use(Device.Cpu)) exact = CodingRateBench.Exact(c);
        Tensor rows = CodingRateBench.Waves(c.N, c.D), labels = Tensor.From([.. Enumerable.Range(0, c.N).Select(i => i % c.K)]);
        Compiled<Tensor, (Tensor, Tensor)> compiled = Transforms.Compile(Transforms.ValueAndGrad((Tensor y) => CodingRate.Reduction(y.T, labels, c.K, CodingRateBench.EpsilonSquared)));
        void Ours() => CodingRate.ReductionWithGradient(rows.T, labels, c.K, CodingRateBench.EpsilonSquared);
        (Tensor value, Tensor gradient) = CodingRate.ReductionWithGradient(rows.T, labels, c.K, CodingRateBench.EpsilonSquared);
        CodingRateBench.RequireClose(exact, CodingRateBench.Summary(value, gradient.T), "Nabla");
        (value, gradient) = compiled.Call(rows);
        CodingRateBench.RequireClose(exact, CodingRateBench.Summary(value, gradient), "compiled");
        bool isReady = run.Prepare($"ΔR {c}", string.Create(CultureInfo.InvariantCulture,
            $"import torch_coding_rate\nrates = torch_coding_rate.case(torch.get_num_threads(), {c.D}, {c.N}, {c.K}, {CodingRateBench.EpsilonSquared}, device)"));
        string?[] statements = Array.ConvertAll(CodingRateBench.Formulations, name => isReady ? Statement(name) : null);
        (Timing time, Timing? whole, Timing?[] torch) = run.Race($"ΔR {c}", Ours, () => compiled.Call(rows), statements);
        table.Row([$"ΔR {c}", Cell.Micros(time), Cell.Micros(whole), .. torch.Select(Cell.Micros), Cell.Ratio(GpuRun.Best(torch), time)]);

        string? Statement(string name)
        {
            if (run.Values(name, $"[int('{name}' in rates)]") is not [1]) return null;
            if (run.Values(name, $"torch_coding_rate.summary(rates['{name}'])") is not { } found) return null;
            CodingRateBench.RequireClose(exact, found, name);
            return $"rates['{name}']()";
        }
    }

    private static void Net(GpuRun run, Table table)
    {
        (int n, int d, int k, int layers) = run.IsQuick ? (60, 8, 3, 3) : (1000, 64, 10, 50);
        var options = new ReduNetOptions(layers, CodingRateBench.EpsilonSquared, Step: 0.5, Gate: 10);
        int[] labels = [.. Enumerable.Range(0, n).Select(i => i % k)];
        double[] exact;
        using (Device.Use(Device.Cpu)) exact = CodingRateBench.Summary(ReduNet.Build(CodingRateBench.Waves(n, d).To(DType.F64), labels, k, options, out Tensor z), z);
        DenseTensor x = CodingRateBench.Waves(n, d);
        CodingRateBench.RequireNear(exact, CodingRateBench.Summary(ReduNet.Build(x, labels, k, options, out Tensor there), there), "Nabla");
        string? statement = null;
        if (run.Prepare("ReduNet", string.Create(CultureInfo.InvariantCulture,
            $"import torch_coding_rate\nbuild = torch_coding_rate.redunet(torch.get_num_threads(), {d}, {n}, {k}, {layers}, {options.EpsilonSquared}, {options.Step}, {options.Gate}, device)"))
            && run.Values("ReduNet", "torch_coding_rate.redunet_summary(build)") is { } found)
        {
            CodingRateBench.RequireNear(exact, found, "ReduNet in PyTorch");
            statement = "build()";
        }
        (Timing time, _, Timing?[] torch) = run.Race("ReduNet", () => ReduNet.Build(x, labels, k, options), null, statement);
        // PyTorch builds in one way: it stands with the closed forms.
        Cell[] others = Array.ConvertAll(CodingRateBench.Formulations, name => Cell.Micros(name == "closed" ? torch[0] : null));
        table.Row([$"ReduNet, n = {n}, d = {d}, k = {k}, {layers} layers", Cell.Micros(time), Cell.Micros(null), .. others, Cell.Ratio(torch[0], time)]);
    }
}
