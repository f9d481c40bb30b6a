using Nabla.Kernels;

namespace Nabla.Bench;

/// <summary>Convolutions and Fourier transforms, eager, beside PyTorch; results are compared before anything is timed.</summary>
internal static class LayersBench
{
    private const int Stride = 997;

    /// <summary>Prints the table for one thread and for all.</summary>
    public static void Print(Report report)
    {
        Table table = report.Table("layers", "what", "threads", "Nabla µs", "GFLOP/s", "PyTorch µs", "PyTorch / Nabla");
        using Torch? torch = Torch.Find(report, table);
        int previous = Workers.Count;
        foreach (int threads in new[] { 1, Environment.ProcessorCount }.Distinct())
        {
            Workers.Count = threads;
            torch?.Do($"torch_threads.use({threads})");
            Convolution(table, threads, torch, batch: 32, size: 28, channels: 64);
            foreach (int n in (int[])[1024, 4096, 1 << 16, 1 << 20, 1000, 1023, 10_007]) Transform(table, threads, torch, n);
        }
        Workers.Count = previous;
    }

    private static void Convolution(Table table, int threads, Torch? torch, int batch, int size, int channels)
    {
        Tensor x = Waves([batch, size, size, channels], 0.7), w = Waves([3, 3, channels, channels], 0.9);
        var options = new ConvOptions { Padding = Padding.Same };
        torch?.Do(Definition + $"x = waves([{batch}, {size}, {size}, {channels}], 0.7).permute(0, 3, 1, 2).contiguous()\n" +
            $"w = waves([3, 3, {channels}, {channels}], 0.9).permute(3, 2, 0, 1).contiguous()\nconv = torch.nn.functional.conv2d");
        double[] ours = [.. x.Conv(w, options).ToDoubles().Where((_, i) => i % Stride == 0)];
        if (torch is not null) RequireClose("conv", ours, torch.Values($"conv(x, w, padding=1).permute(0, 2, 3, 1).reshape(-1)[::{Stride}].tolist()"), 1e-3);
        Row(table, $"conv 3×3, {channels} channels, {size}×{size}, batch {batch}, f32", threads, 2.0 * batch * size * size * 9 * channels * channels, torch,
            () => x.Conv(w, options), "conv(x, w, padding=1)");
    }

    private static void Transform(Table table, int threads, Torch? torch, int n)
    {
        int lines = Math.Max(1, (1 << 20) / n);
        Tensor re = Waves([lines, n], 0.7), im = Waves([lines, n], 0.9);
        torch?.Do(Definition + $"z = torch.complex(waves([{lines}, {n}], 0.7), waves([{lines}, {n}], 0.9))");
        double[] ours = [.. Ops.Fft(re, im).Re.ToDoubles().Where((_, i) => i % Stride == 0)];
        if (torch is not null) RequireClose($"fft {n}", ours, torch.Values($"torch.fft.fft(z).real.reshape(-1)[::{Stride}].tolist()"), 1e-5 * n);
        Row(table, $"complex FFT, n = {n}, {lines} lines, f32", threads, 5.0 * lines * n * Math.Log2(n), torch, () => Ops.Fft(re, im), "torch.fft.fft(z)");
    }

    private static void Row(Table table, string what, int threads, double flops, Torch? torch, Action run, string theirs)
    {
        Timing[] t = torch is null ? [Timing.Of(run)] : Timing.InTurns(Timing.Sampler(run), torch.Sampler(theirs));
        Timing? peer = torch is null ? null : t[1];
        table.Row(what, threads, Cell.Micros(t[0]), Cell.Number(flops / t[0].Median / 1e9), Cell.Micros(peer), Cell.Ratio(peer, t[0]));
    }

    private const string Definition =
        """
        def waves(shape, step):
            count = 1
            for size in shape:
                count *= size
            return torch.sin(torch.arange(count, dtype=torch.float64) * step).float().reshape(shape)

        """;

    private static Tensor Waves(Shape shape, double step) =>
        Tensor.From([.. Enumerable.Range(0, (int)shape.Count).Select(i => (float)Math.Sin(i * step))], shape);

    private static void RequireClose(string name, double[] ours, double[] theirs, double tolerance)
    {
        for (int i = 0; i < ours.Length; i++)
            if (!(Math.Abs(ours[i] - theirs[i]) <= tolerance)) throw new InvalidDataException($"{name}, element {i * Stride}: {ours[i]}, PyTorch {theirs[i]}");
    }
}
