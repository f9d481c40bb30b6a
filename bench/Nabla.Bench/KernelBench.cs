using Nabla.Kernels;

namespace Nabla.Bench;

/// <summary>Matrix products beside the machine's own roof; each result is verified before it is timed.</summary>
internal static class KernelBench
{
    private static readonly (int M, int N, int K)[] Square =
        [.. new[] { 16, 32, 64, 100, 128, 192, 256, 384, 512, 768, 1024 }.Select(n => (n, n, n))];

    private static readonly (int M, int N, int K)[] Skinny =
    [
        (1, 1000, 1000), (1000, 1, 1000), (1000, 1000, 1), (4, 1000, 1000), (1000, 4, 1000), (1000, 1000, 4),
        (64, 500, 1), (64, 1, 500), (500, 64, 1), (1000, 2, 1000), (128, 512, 784), (128, 10, 512), (64, 64, 50_000),
    ];

    /// <summary>Prints the table for f32 and f64, one and all threads.</summary>
    public static void Print()
    {
        foreach (int threads in new[] { 1, Environment.ProcessorCount }.Distinct())
        {
            Table(DType.F32, threads);
            Table(DType.F64, threads);
        }
    }

    private static void Table(DType dtype, int threads)
    {
        double roof = dtype == DType.F32 ? Roof.Flops<float>(threads) : Roof.Flops<double>(threads);
        Console.WriteLine($"\nmatmul {dtype.Name}, {threads} thread(s), FMA roof {roof / 1e9:F0} GFLOP/s");
        Console.WriteLine("      m     n     k        median    p10 – p90 µs         GFLOP/s   of roof");
        int previous = Workers.Count;
        Workers.Count = threads;
        foreach ((int m, int n, int k) in Square.Concat(Skinny)) Row(dtype, m, n, k, false, roof);
        Row(dtype, 512, 512, 512, true, roof);
        Workers.Count = previous;
    }

    private static void Row(DType dtype, int m, int n, int k, bool transposed, double roof)
    {
        DenseTensor a = Random(dtype, m, k, 1), b = transposed ? Random(dtype, n, k, 2) : Random(dtype, k, n, 2);
        DotDims dims = transposed ? new DotDims([1], [1]) : DotDims.Matrix;
        DenseTensor c = DenseTensor.Allocate(new Aval(dtype, [m, n]), a.Device);
        Contraction.DotGeneral(a, b, dims, c);
        if (!IsRight(a, b, c, transposed)) throw new InvalidDataException($"matmul {m}×{n}×{k} is wrong");
        Timing t = Timing.Of(() => Contraction.DotGeneral(a, b, dims, c));
        double flops = 2.0 * m * n * k / t.Median;
        string note = transposed ? "  B transposed" : "";
        Console.WriteLine($"{m,7}{n,6}{k,6}{t.Median * 1e6,11:F2} µs{t.P10 * 1e6,10:F2} – {t.P90 * 1e6,-10:F2}{flops / 1e9,10:F1}{flops / roof,9:P0}{note}");
    }

    private static DenseTensor Random(DType dtype, int rows, int columns, int seed)
    {
        var random = new Random(seed);
        double[] x = [.. Enumerable.Range(0, rows * columns).Select(_ => 2 * random.NextDouble() - 1)];
        Shape shape = [rows, columns];
        return dtype == DType.F64 ? Tensor.From(x, shape) : Tensor.From(Array.ConvertAll(x, v => (float)v), shape);
    }

    // Compares C·t with A·(B·t) for a vector t of ±1: O(n²).
    private static bool IsRight(DenseTensor a, DenseTensor b, DenseTensor c, bool transposed)
    {
        (int m, int n, int k) = (c.Shape.Dims[0], c.Shape.Dims[1], a.Shape.Dims[1]);
        double[] x = a.ToDoubles(), y = b.ToDoubles(), z = c.ToDoubles();
        var bt = new double[k];
        for (int p = 0; p < k; p++)
            for (int j = 0; j < n; j++) bt[p] += Sign(j) * (transposed ? y[(long)j * k + p] : y[(long)p * n + j]);
        double tolerance = c.DType.UnitRoundoff * 16 * Math.Sqrt((double)k * n) * Math.Sqrt(k + n);
        for (int i = 0; i < m; i++)
        {
            double left = 0, right = 0;
            for (int j = 0; j < n; j++) left += Sign(j) * z[(long)i * n + j];
            for (int p = 0; p < k; p++) right += x[(long)i * k + p] * bt[p];
            if (!(Math.Abs(left - right) <= tolerance)) return false;
        }
        return true;
    }

    private static int Sign(int j) => (j * 7919 >> 3 & 1) == 0 ? 1 : -1;
}
