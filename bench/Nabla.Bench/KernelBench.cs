using System.Diagnostics;
using System.Globalization;
using Nabla.Kernels;

namespace Nabla.Bench;

/// <summary>
/// Matrix products beside the machine's own roof and, where it is installed, OpenBLAS. Each result is verified before it is timed, against A·(B·t) and
/// against the peers; contestants take turns of at least 2 ms, and a ratio is the median over turns.
/// </summary>
internal static class KernelBench
{
    private const int Turns = 15;
    private const double SecondsPerTurn = 0.002;
    private const double WarmUpSeconds = 0.15;

    private static readonly int[] Squares = [16, 24, 32, 48, 64, 96, 100, 128, 192, 256, 384, 512, 768, 1024, 2048];

    private static readonly (int M, int N, int K)[] Skinny =
    [
        (1, 1000, 1000), (1000, 1, 1000), (1000, 1000, 1), (4, 1000, 1000), (1000, 4, 1000), (1000, 1000, 4), (1000, 2, 1000),
        (64, 500, 1), (64, 1, 500), (500, 64, 1), (128, 512, 784), (128, 10, 512), (512, 10, 128), (64, 64, 50_000),
    ];

    /// <summary>Prints the tables. Options: <c>--peers</c>, <c>--threads N</c>, <c>--dtype f32</c>, <c>--set square|skinny|transposed|batch</c>.</summary>
    public static int Print(string[] options)
    {
        var peers = options.Contains("--peers") ? OpenBlasPeer.StartAll() : [];
        string? dtypes = Option(options, "--dtype"), threads = Option(options, "--threads"), set = Option(options, "--set");
        int previous = Workers.Count;
        foreach (int count in new[] { 1, Environment.ProcessorCount }.Distinct().Where(n => threads is null || threads == $"{n}"))
            foreach (DType dtype in new[] { DType.F32, DType.F64 }.Where(t => dtypes is null || dtypes == t.Name)) Table(dtype, count, set, peers);
        Workers.Count = previous;
        foreach ((_, Peer peer) in peers) peer.Dispose();
        return 0;
    }

    private static string? Option(string[] options, string name) => options.SkipWhile(o => o != name).Skip(1).FirstOrDefault();

    private static void Table(DType dtype, int threads, string? set, List<(string Name, Peer Peer)> peers)
    {
        double roof = dtype == DType.F32 ? Roof.Flops<float>(threads) : Roof.Flops<double>(threads);
        Workers.Count = threads;
        foreach ((_, Peer peer) in peers) peer.Request($"threads {threads}");
        Console.WriteLine($"\nmatmul {dtype.Name}, {threads} thread(s), FMA roof {roof / 1e9:F0} GFLOP/s\n");
        Console.WriteLine("| product | Nabla µs (p10 – p90) | GFLOP/s | of roof |" + string.Concat(peers.Select(p => $" × {p.Name} |")));
        Console.WriteLine("|---|---|---|---|" + string.Concat(peers.Select(_ => "---|")));
        foreach ((string name, IEnumerable<ProductCase> cases) in Sets(dtype).Where(s => set is null || s.Name == set))
            foreach (ProductCase c in cases) Row(c, threads, roof, peers);
    }

    private static IEnumerable<(string Name, IEnumerable<ProductCase> Cases)> Sets(DType t) =>
    [
        ("square", Squares.Select(n => new ProductCase(t, n, n, n))),
        ("skinny", Skinny.Select(s => new ProductCase(t, s.M, s.N, s.K))),
        ("transposed", new[] { 32, 64, 128, 512 }.SelectMany(n => new[] { (false, true), (true, false), (true, true) }.Select(x => new ProductCase(t, n, n, n, x.Item1, x.Item2)))),
        ("batch", new[] { (500, 8, 8, 8), (500, 16, 16, 16), (200, 32, 32, 32), (50, 64, 64, 64) }.Select(x => new ProductCase(t, x.Item2, x.Item3, x.Item4, Batch: x.Item1))),
    ];

    private static void Row(ProductCase c, int threads, double roof, List<(string Name, Peer Peer)> peers)
    {
        Action ours = Prepare(c, out DenseTensor result);
        ours();
        double[] check = c.Check(result.ToDoubles());
        c.RequireClose(check, c.Expected(), "A·(B·t)");
        foreach ((string name, Peer peer) in peers) c.RequireClose(check, peer.Request(c.ToRequest()), name);
        if (threads > 1 && peers.Count > 0) OpenBlasPeer.Time(peers[0].Peer, threads);
        int batch = Math.Max(1, (int)(SecondsPerTurn / WarmUp(ours)));
        double[] seconds = new double[Turns];
        double[][] ratios = [.. peers.Select(_ => new double[Turns])];
        for (int turn = 0; turn < Turns; turn++)
        {
            seconds[turn] = SecondsPerCall(ours, batch);
            for (int i = 0; i < peers.Count; i++) ratios[i][turn] = OpenBlasPeer.Time(peers[i].Peer, threads) / seconds[turn];
        }
        Array.Sort(seconds);
        double flops = c.Flops / seconds[Turns / 2];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {c} | {Us(seconds[Turns / 2])} ({Us(seconds[Turns / 10])} – {Us(seconds[Turns * 9 / 10])}) | {flops / 1e9:G3} | {flops / roof:F2} |")
            + string.Concat(ratios.Select(r => string.Create(CultureInfo.InvariantCulture, $" {r.Order().ElementAt(Turns / 2):F2} |"))));
    }

    private static Action Prepare(ProductCase p, out DenseTensor c)
    {
        int batch = p.Batch > 1 ? 1 : 0;
        DenseTensor a = From(p.DType, p.A(), p.TransposedA ? [p.K, p.M] : [p.M, p.K], p.Batch), b = From(p.DType, p.B(), p.TransposedB ? [p.N, p.K] : [p.K, p.N], p.Batch);
        DenseTensor result = DenseTensor.Allocate(new Aval(p.DType, p.Batch > 1 ? [p.Batch, p.M, p.N] : [p.M, p.N]), a.Device);
        var dims = new DotDims([batch + (p.TransposedA ? 0 : 1)], [batch + (p.TransposedB ? 1 : 0)], p.Batch > 1 ? [0] : [], p.Batch > 1 ? [0] : []);
        c = result;
        return () => Contraction.DotGeneral(a, b, dims, result);
    }

    private static DenseTensor From(DType dtype, double[] x, int[] dims, int batch)
    {
        Shape shape = batch > 1 ? [batch, .. dims] : dims;
        return dtype == DType.F64 ? Tensor.From(x, shape) : Tensor.From(Array.ConvertAll(x, v => (float)v), shape);
    }

    private static double WarmUp(Action action)
    {
        var watch = Stopwatch.StartNew();
        int calls = 0;
        for (; calls < 3 || watch.Elapsed.TotalSeconds < WarmUpSeconds; calls++) action();
        return watch.Elapsed.TotalSeconds / calls;
    }

    private static double SecondsPerCall(Action action, int calls)
    {
        action();
        var watch = Stopwatch.StartNew();
        for (int i = 0; i < calls; i++) action();
        return watch.Elapsed.TotalSeconds / calls;
    }

    private static string Us(double seconds) => (seconds * 1e6).ToString("G3", CultureInfo.InvariantCulture);
}
