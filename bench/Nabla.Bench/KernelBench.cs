using System.Diagnostics;
using Nabla.Kernels;

namespace Nabla.Bench;

/// <summary>
/// Matrix products beside the machine's own roof and, where it is installed, OpenBLAS. Each result is verified before it is timed, against A·(B·t) and
/// against the peers; contestants take turns of at least 2 ms. Ratios and shares of the roof, which is measured in every turn, are medians over turns. The Gram matrix of ours is
/// mirrored, OpenBLAS' is not.
/// </summary>
internal static class KernelBench
{
    private const int MostTurns = 15;
    private const int LeastTurns = 5;
    private const double SecondsPerCase = 1;
    private const double SecondsPerTurn = 0.002;
    private const double WarmUpSeconds = 0.15;
    private const int RestMilliseconds = 150;

    private static readonly int[] Squares = [16, 24, 32, 48, 64, 96, 100, 128, 192, 256, 384, 512, 768, 1024, 2048];

    private static readonly (int M, int N, int K)[] Skinny =
    [
        (1, 1000, 1000), (1000, 1, 1000), (1000, 1000, 1), (4, 1000, 1000), (1000, 4, 1000), (1000, 1000, 4), (1000, 2, 1000),
        (64, 500, 1), (64, 1, 500), (500, 64, 1), (128, 512, 784), (128, 10, 512), (512, 10, 128), (64, 2, 64), (128, 3, 512), (64, 64, 50_000),
    ];

    private static readonly int[] Grams = [64, 128, 256, 512];

    /// <summary>Prints the table. Words that restrict it: <c>threads=N</c>, <c>f32</c>, <c>f64</c>, <c>square</c>, <c>skinny</c>, <c>transposed</c>, <c>batch</c>, <c>gram</c>.</summary>
    public static void Print(Report report)
    {
        var peers = report.Options.Peers ? OpenBlasPeer.StartAll() : [];
        foreach ((string name, _) in peers) report.Uses(name);
        Table table = report.Table("kernels", ["product", "threads", "µs (p10 – p90)", "GFLOP/s", "of the roof", .. peers.Select(p => $"{p.Name} / Nabla")]);
        int previous = Workers.Count;
        foreach (int count in new[] { 1, Environment.ProcessorCount }.Distinct().Where(n => Asked(report, $"threads={n}", "threads=")))
        {
            Workers.Count = count;
            foreach ((_, Peer peer) in peers) peer.Request($"threads {count}");
            foreach (DType dtype in new[] { DType.F32, DType.F64 }.Where(t => Asked(report, t.Name, "f")))
                foreach ((string set, IEnumerable<ProductCase> cases) in Sets(dtype))
                    foreach (ProductCase c in cases.Where(_ => SetAsked(report, set))) Row(table, c, count, peers);
        }
        Workers.Count = previous;
        foreach ((_, Peer peer) in peers) peer.Dispose();
    }

    private static bool Asked(Report report, string word, string kind)
    {
        string[] words = [.. report.Options.Rest.Where(w => w.StartsWith(kind, StringComparison.Ordinal))];
        return words.Length == 0 || words.Contains(word);
    }

    private static bool SetAsked(Report report, string set)
    {
        string[] words = [.. report.Options.Rest.Intersect(Sets(DType.F32).Select(s => s.Name))];
        return words.Length == 0 || words.Contains(set);
    }

    private static IEnumerable<(string Name, IEnumerable<ProductCase> Cases)> Sets(DType t) =>
    [
        ("square", Squares.Select(n => new ProductCase(t, n, n, n))),
        ("skinny", Skinny.Select(s => new ProductCase(t, s.M, s.N, s.K))),
        ("transposed", new[] { 32, 64, 128, 512 }.SelectMany(n => new[] { (false, true), (true, false), (true, true) }.Select(x => new ProductCase(t, n, n, n, x.Item1, x.Item2)))),
        ("batch", new[] { (500, 8, 8, 8), (500, 16, 16, 16), (200, 32, 32, 32), (50, 64, 64, 64) }.Select(x => new ProductCase(t, x.Item2, x.Item3, x.Item4, Batch: x.Item1))),
        ("gram", Grams.SelectMany(n => new[] { new ProductCase(t, n, n, n, Gram: true), new ProductCase(t, n, n, 4 * n, Gram: true) })),
    ];

    private static void Row(Table table, ProductCase c, int threads, List<(string Name, Peer Peer)> peers)
    {
        Action ours = Prepare(c, out DenseTensor result);
        ours();
        double[] check = c.Check(result.ToDoubles());
        if (!c.Gram) c.RequireClose(check, c.Expected(), "A·(B·t)");
        foreach ((string name, Peer peer) in peers) c.RequireClose(check, peer.Turn(c.ToRequest()), name);
        int batch = Math.Max(1, (int)(SecondsPerTurn / WarmUp(ours)));
        List<double> seconds = [], shares = [];
        List<double>[] ratios = [.. peers.Select(_ => new List<double>())];
        var watch = Stopwatch.StartNew();
        while (seconds.Count < LeastTurns || (seconds.Count < MostTurns && watch.Elapsed.TotalSeconds < SecondsPerCase))
        {
            seconds.Add(SecondsPerCall(ours, batch));
            shares.Add(c.Flops / seconds[^1] / (c.DType == DType.F32 ? Roof.FlopsNow<float>(threads) : Roof.FlopsNow<double>(threads)));
            for (int i = 0; i < peers.Count; i++) ratios[i].Add(OpenBlasPeer.Time(peers[i].Peer) / seconds[^1]);
        }
        Timing time = Timing.Summary(seconds);
        table.Row([
            $"{c.DType.Name} {c}", threads, Cell.Micros(time), Cell.Number(c.Flops / time.Median / 1e9), Cell.Share(Timing.Summary(shares).Median),
            .. ratios.Select(r => Cell.Number(Timing.Summary(r).Median)),
        ]);
    }

    private static Action Prepare(ProductCase p, out DenseTensor c)
    {
        int batch = p.Batch > 1 ? 1 : 0;
        DenseTensor a = From(p.DType, p.A(), p.TransposedA ? [p.K, p.M] : [p.M, p.K], p.Batch);
        DenseTensor b = From(p.DType, p.B(), p.TransposedB ? [p.N, p.K] : [p.K, p.N], p.Batch);
        DenseTensor result = DenseTensor.Allocate(new Aval(p.DType, p.Batch > 1 ? [p.Batch, p.M, p.N] : [p.M, p.N]), a.Device);
        var dims = new DotDims([batch + (p.TransposedA ? 0 : 1)], [batch + (p.TransposedB ? 1 : 0)], p.Batch > 1 ? [0] : [], p.Batch > 1 ? [0] : []);
        c = result;
        if (p.Gram) return () => Gram.Run(a, result);
        return () => Contraction.DotGeneral(a, b, dims, result);
    }

    private static DenseTensor From(DType dtype, double[] x, int[] dims, int batch)
    {
        Shape shape = batch > 1 ? [batch, .. dims] : dims;
        return dtype == DType.F64 ? Tensor.From(x, shape) : Tensor.From(Array.ConvertAll(x, v => (float)v), shape);
    }

    // With a rest in which the compiler puts its next tier in place.
    private static double WarmUp(Action action)
    {
        Calls(action, out _);
        Thread.Sleep(RestMilliseconds);
        double seconds = Calls(action, out int calls);
        return seconds / calls;
    }

    private static double Calls(Action action, out int calls)
    {
        var watch = Stopwatch.StartNew();
        for (calls = 0; calls < 3 || watch.Elapsed.TotalSeconds < WarmUpSeconds; calls++) action();
        return watch.Elapsed.TotalSeconds;
    }

    private static double SecondsPerCall(Action action, int calls)
    {
        action();
        var watch = Stopwatch.StartNew();
        for (int i = 0; i < calls; i++) action();
        return watch.Elapsed.TotalSeconds / calls;
    }
}
