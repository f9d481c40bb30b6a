using Nabla.Kernels;

namespace Nabla.Bench;

/// <summary>
/// Elementary functions on a million elements beside PyTorch and beside copying as many: into a result that exists already. Every 997th result is compared
/// before anything is timed.
/// </summary>
internal static class FunctionsBench
{
    private const int Count = 1 << 20;
    private const int Stride = 997;

    private sealed record Case(string Name, Action<DenseTensor, DenseTensor, DenseTensor> Run, string Torch, double Low, double High);

    private static readonly Case[] Cases =
    [
        Of<ExpOp>("exp", "exp", -5, 5), Of<ExpM1Op>("expm1", "expm1", -5, 5), Of<LogOp>("log", "log", 0.1, 9), Of<Log1POp>("log1p", "log1p", -0.8, 9),
        Of<SinOp>("sin", "sin", -9, 9), Of<CosOp>("cos", "cos", -9, 9), Of<TanhOp>("tanh", "tanh", -5, 5), Of<LogisticOp>("sigmoid", "sigmoid", -9, 9),
        Of<ErfOp>("erf", "erf", -3, 3), Of<SqrtOp>("sqrt", "sqrt", 0.1, 9),
        new("pow", (a, b, y) => Map.Binary<PowOp>(a, b, y), "torch.pow(a, b, out=y)", 0.3, 3),
        new("atan2", (a, b, y) => Map.Binary<Atan2Op>(a, b, y), "torch.atan2(a, b, out=y)", -3, 3),
        new("add", (a, b, y) => Map.Binary<AddOp>(a, b, y), "torch.add(a, b, out=y)", -3, 3),
    ];

    /// <summary>Prints the table for f32 and f64, one and all threads. Names of functions restrict it to them.</summary>
    public static void Print(Report report)
    {
        Table table = report.Table("functions", "function", "type", "threads", "Nabla µs", "PyTorch µs", "PyTorch / Nabla", "of copying");
        using Torch? torch = Torch.Find(report, table);
        int previous = Workers.Count;
        foreach (int threads in new[] { 1, Environment.ProcessorCount }.Distinct())
        {
            Workers.Count = threads;
            torch?.Do($"torch_threads.use({threads})");
            foreach (DType dtype in (DType[])[DType.F32, DType.F64])
                foreach (Case c in Cases.Where(c => report.Options.Rest.Count == 0 || report.Options.Rest.Contains(c.Name))) Row(table, c, dtype, threads, torch);
        }
        Workers.Count = previous;
    }

    private static Case Of<TOp>(string name, string torch, double low, double high) where TOp : struct, IUnaryOp =>
        new(name, (x, _, y) => Map.Unary<TOp>(x, y), $"torch.{torch}(a, out=y)", low, high);

    private static void Row(Table table, Case c, DType dtype, int threads, Torch? torch)
    {
        DenseTensor a = Spread(dtype, c.Low, c.High, 0.6180339887498949), b = Spread(dtype, -2, 2, 0.7548776662466927);
        DenseTensor y = DenseTensor.Allocate(a.Aval, a.Device);
        c.Run(a, b, y);
        double[] ours = [.. y.ToDoubles().Where((_, i) => i % Stride == 0)];
        torch?.Do("i = torch.arange(1, 1048577, dtype=torch.float64)\n" +
            FormattableString.Invariant($"a = ({c.Low} + {c.High - c.Low} * (i * 0.6180339887498949 % 1)).to(torch.{(dtype == DType.F32 ? "float32" : "float64")})\n") +
            "b = (-2 + 4 * (i * 0.7548776662466927 % 1)).to(a.dtype)\ny = torch.empty_like(a)\n" + c.Torch);
        if (torch is not null) RequireClose(c.Name, ours, torch.Values($"y[::{Stride}].tolist()"), dtype);
        // Negation does no more than copying.
        Timing[] t = Timing.InTurns([Timing.Sampler(() => c.Run(a, b, y)), Timing.Sampler(() => Map.Unary<NegOp>(a, y)), .. torch is null ? [] : new[] { torch.Sampler(c.Torch) }]);
        Timing? peer = torch is null ? null : t[2];
        table.Row(c.Name, dtype.Name, threads, Cell.Micros(t[0]), Cell.Micros(peer), Cell.Ratio(peer, t[0]), Cell.Share(t[1].Median / t[0].Median));
    }

    private static DenseTensor Spread(DType dtype, double low, double high, double step)
    {
        double[] x = [.. Enumerable.Range(1, Count).Select(i => low + (high - low) * (i * step % 1))];
        return dtype == DType.F64 ? Tensor.From(x) : Tensor.From(Array.ConvertAll(x, v => (float)v));
    }

    private static void RequireClose(string name, double[] ours, double[] theirs, DType dtype)
    {
        double tolerance = 64 * dtype.UnitRoundoff;
        for (int i = 0; i < ours.Length; i++)
            if (!(Math.Abs(ours[i] - theirs[i]) <= tolerance * Math.Max(1, Math.Abs(ours[i])))) throw new InvalidDataException($"{name}: {ours[i]}, PyTorch {theirs[i]}");
    }
}
