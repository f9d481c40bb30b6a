using System.Diagnostics;
using System.Globalization;
using Nabla.Kernels;

namespace Nabla.Bench;

/// <summary>
/// Dense linear algebra beside LAPACK as OpenBLAS has it. Each result is verified before it is timed, by its own definition applied to a vector and
/// against the peers; contestants take turns. Words after the verb restrict it to operations, to f32 or f64, to a number of threads (1t), to
/// sizes (128) or to batches (batch).
/// </summary>
internal static class LinalgBench
{
    private const int MostTurns = 15;
    private const int LeastTurns = 3;
    private const double SecondsPerCase = 0.5;
    private const double SecondsPerTurn = 0.002;
    private const double WarmUpSeconds = 0.25;

    private static readonly int[] Sizes = [32, 64, 128, 256, 512, 1024];
    private static readonly (int Batch, int N)[] Batches = [(1000, 8), (1000, 16), (1000, 32), (200, 64), (10, 128)];

    /// <summary>Prints the tables: µs of ours, and how many times as long the fastest peer takes.</summary>
    public static void Print(Report report)
    {
        IReadOnlyList<string> words = report.Options.Rest;
        var peers = report.Options.Peers ? OpenBlasPeer.StartAll() : [];
        foreach ((string name, _) in peers) report.Uses(name);
        int previous = Workers.Count;
        if (!words.Contains("batch")) PrintTable(report, "linalg", peers, [.. Sizes.Where(n => Allows(words, Sizes, n)).Select(n => (1, n))]);
        if (words.Count == 0 || words.Contains("batch")) PrintTable(report, "linalg-batch", peers, [.. Batches.Where(b => Allows(words, Sizes, b.N))]);
        Workers.Count = previous;
        foreach ((_, Peer peer) in peers) peer.Dispose();
    }

    private static bool Allows(IReadOnlyList<string> words, int[] sizes, int n) =>
        !sizes.Append(8).Append(16).Any(size => words.Contains($"{size}")) || words.Contains($"{n}");

    private static void PrintTable(Report report, string name, List<(string Name, Peer Peer)> peers, (int Batch, int N)[] cases)
    {
        IReadOnlyList<string> words = report.Options.Rest;
        Table table = report.Table(name, ["operation", "type", "threads", .. cases.Select(c => (c.Batch > 1 ? $"{c.Batch} of " : "") + $"n = {c.N}")]);
        foreach ((string operation, string what) in LinalgCase.Operations.Where(o => !LinalgCase.Operations.Any(p => words.Contains(p.Name)) || words.Contains(o.Name)))
            foreach (DType dtype in new[] { DType.F64, DType.F32 }.Where(t => !(words.Contains("f32") || words.Contains("f64")) || words.Contains(t.Name)))
                foreach (int threads in new[] { 1, Environment.ProcessorCount }.Distinct().Where(n => !words.Any(w => w is "1t" or "2t") || words.Contains($"{n}t")))
                {
                    Workers.Count = threads;
                    foreach ((_, Peer peer) in peers) peer.Request($"threads {threads}");
                    table.Row([what, dtype.Name, threads, .. cases.Select(c => Measure(new LinalgCase(operation, dtype, c.N, c.Batch), threads, peers))]);
                }
        table.Note("µs of Nabla, then how many times as long the fastest setting of OpenBLAS takes in the same turns (medians); a batch is one call of ours and one call after another of LAPACK's.");
    }

    private static Cell Measure(LinalgCase c, int threads, List<(string Name, Peer Peer)> peers)
    {
        var work = new LinalgWork(c);
        work.Run();
        double[] check = work.Verify();
        foreach ((string name, Peer peer) in peers) c.RequireClose(check, peer.Turn(c.ToRequest()), work.Size, name);
        int batch = Math.Max(1, (int)(SecondsPerTurn / WarmUp(work.Run)));
        List<double> seconds = [], ratios = [];
        var watch = Stopwatch.StartNew();
        while (seconds.Count < LeastTurns || (seconds.Count < MostTurns && watch.Elapsed.TotalSeconds < SecondsPerCase))
        {
            seconds.Add(SecondsPerCall(work.Run, batch));
            if (peers.Count > 0) ratios.Add(peers.Min(p => OpenBlasPeer.Time(p.Peer)) / seconds[^1]);
        }
        double median = Timing.Summary(seconds).Median * 1e6;
        double? ratio = ratios.Count > 0 ? Timing.Summary(ratios).Median : null;
        string text = median.ToString(median >= 999.5 ? "F0" : "G3", CultureInfo.InvariantCulture);
        return new Cell(ratio is { } r ? string.Create(CultureInfo.InvariantCulture, $"{text} ({r:F2} ×)") : text, new { micros = median, ratio });
    }

    private static double WarmUp(Action action)
    {
        var watch = Stopwatch.StartNew();
        int calls = 0;
        for (; calls < 2 || watch.Elapsed.TotalSeconds < WarmUpSeconds; calls++) action();
        return watch.Elapsed.TotalSeconds / calls;
    }

    private static double SecondsPerCall(Action action, int calls)
    {
        var watch = Stopwatch.StartNew();
        for (int i = 0; i < calls; i++) action();
        return watch.Elapsed.TotalSeconds / calls;
    }
}

/// <summary>Our side of one case: operands, results, and the proof that these are right.</summary>
internal sealed class LinalgWork
{
    private readonly LinalgCase _case;
    private readonly double[] _matrices, _rightSides;
    private readonly DenseTensor _a, _b, _x, _y, _values;

    public LinalgWork(LinalgCase c)
    {
        _case = c;
        (_matrices, _rightSides) = (c.Matrices(), c.RightSides());
        (_a, _b) = (From(_matrices, c.N, c.N), From(_rightSides, c.N, c.Columns));
        (_x, _y) = (From(new double[_rightSides.Length], c.N, c.Columns), From(new double[_matrices.Length], c.N, c.N));
        _values = c.DType == DType.F64 ? Tensor.From(new double[c.Batch * c.N], [c.Batch, c.N]) : Tensor.From(new float[c.Batch * c.N], [c.Batch, c.N]);
    }

    /// <summary>A bound for the numbers that <see cref="Verify"/> returns.</summary>
    public double Size { get; private set; }

    /// <summary>Computes.</summary>
    public void Run()
    {
        switch (_case.Operation)
        {
            case "cholesky": Linalg.Cholesky(_a, _x); break;
            case "trsm": Linalg.TriangularSolve(_a, _b, _x, leftSide: true, lower: true, transposeA: false, unitDiagonal: false); break;
            case "inverse": Linalg.TriangularInverse(_a, _x); break;
            case "potri": Linalg.CholeskyInverse(_a, _x); break;
            case "solve" or "solve-n": Linalg.Solve(_a, _b, _x); break;
            case "qr": Linalg.Qr(_a, _x, _y); break;
            case "eigh": Linalg.SymmetricEigen(_a, _values, _x); break;
            case "svd": Linalg.Svd(_a, _x, _values, _y); break;
            default: throw new InvalidOperationException($"no operation {_case.Operation}");
        }
    }

    /// <summary>Throws unless the definition holds for a vector of ±1; returns numbers that a peer must have too.</summary>
    public double[] Verify()
    {
        double[] x = _x.ToDoubles(), y = _y.ToDoubles(), values = _values.ToDoubles();
        Size = Math.Max(1, x.Max(Math.Abs)) * Math.Sqrt(_case.N);
        for (int entry = 0; entry < _case.Batch; entry++) VerifyEntry(entry, x, y, values);
        return _case.Operation switch
        {
            "cholesky" or "trsm" or "inverse" or "solve" or "solve-n" => LinalgCase.RowSums(x, _case.Columns),
            "qr" => Diagonals(y),
            "potri" => Diagonals(x),
            _ => values,
        };
    }

    private double[] Diagonals(double[] x) => [.. Enumerable.Range(0, _case.Batch * _case.N).Select(i => x[i * _case.N + i % _case.N])];

    private void VerifyEntry(int entry, double[] allX, double[] allY, double[] allValues)
    {
        int n = _case.N, columns = _case.Columns;
        ReadOnlySpan<double> a = _matrices.AsSpan(entry * n * n, n * n), b = _rightSides.AsSpan(entry * n * columns, n * columns);
        ReadOnlySpan<double> x = allX.AsSpan(entry * n * columns, n * columns), y = allY.AsSpan(entry * n * n, n * n), w = allValues.AsSpan(entry * n, n);
        double[] t = LinalgCase.Signs(n), s = LinalgCase.Signs(columns);
        (double[] left, double[] right) = _case.Operation switch
        {
            "cholesky" => (LinalgCase.Times(x, Transposed(x, t)), LinalgCase.Times(a, t)),
            "potri" => (LinalgCase.Times(a, Transposed(a, LinalgCase.Times(x, t))), t),
            "qr" => (LinalgCase.Times(x, LinalgCase.Times(y, t)), LinalgCase.Times(a, t)),
            "eigh" => (LinalgCase.Times(a, LinalgCase.Times(x, t)), LinalgCase.Times(x, Scaled(w, t))),
            "svd" => (LinalgCase.Times(a, Transposed(y, t)), LinalgCase.Times(x, Scaled(w, t))),
            _ => (LinalgCase.Times(a, LinalgCase.Times(x, s)), LinalgCase.Times(b, s)),
        };
        double norm = a.ToArray().Max(Math.Abs) * Math.Max(1, x.ToArray().Max(Math.Abs)) * Math.Sqrt(n * n);
        _case.RequireClose(left, right, norm, "the definition");
    }

    private static double[] Transposed(ReadOnlySpan<double> x, double[] t)
    {
        var y = new double[t.Length];
        for (int i = 0; i < x.Length; i++) y[i % t.Length] += x[i] * t[i / t.Length];
        return y;
    }

    private static double[] Scaled(ReadOnlySpan<double> w, double[] t)
    {
        double[] y = [.. t];
        for (int i = 0; i < y.Length; i++) y[i] *= w[i];
        return y;
    }

    private DenseTensor From(double[] x, int rows, int columns)
    {
        Shape shape = [_case.Batch, rows, columns];
        return _case.DType == DType.F64 ? Tensor.From(x, shape) : Tensor.From(Array.ConvertAll(x, v => (float)v), shape);
    }
}
