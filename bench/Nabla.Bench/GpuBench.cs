using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Nabla.Kernels;
using Nabla.Optim;

namespace Nabla.Bench;

/// <summary>
/// The goals for GPUs: products, a chain of element-wise operations, batched factorisations, and a training step, beside the memory's own copies and beside PyTorch, whose products are cuBLAS' and whose
/// factorisations are cuSOLVER's or MAGMA's. Results are compared first. Each sample queues work for at least 2 ms and waits once.
/// </summary>
internal static class GpuBench
{
    private const int StepsPerSample = 100;

    // How much work: the goals are set for the first of each, the others are for devices on which that would take minutes.
    private sealed record Sizes(int Product, int Chain, int Batch, int[] Matrices)
    {
        public static readonly Sizes Full = new(4096, 1 << 26, 1000, [32, 64, 128, 256]), Quick = new(256, 1 << 18, 10, [32, 64]);
    }

    private sealed record Bench(Device Device, Torch? Torch, Table Table, double CopyBytes);

    /// <summary>Prints the table. Words: the device, else <c>cuda:0</c>; <c>quick</c> for small sizes.</summary>
    public static void Print(Report report)
    {
        string name = report.Options.Rest.FirstOrDefault(word => word != "quick") ?? "cuda:0";
        Sizes sizes = report.Options.Rest.Contains("quick") ? Sizes.Quick : Sizes.Full;
        Device device = Device.Parse(name);
        using IDisposable _ = Device.Use(device);
        Table table = report.Table("gpu", "what", "type", "µs (p10 – p90)", "GFLOP/s or GB/s", "of a copy", "PyTorch µs", "PyTorch / Nabla", "goal");
        using Torch? torch = Torch.Find(report, table);
        torch?.Do("device = 'cuda' if torch.cuda.is_available() else 'cpu'\ntorch.backends.cuda.matmul.allow_tf32 = False");
        var bench = new Bench(device, torch, table, CopyRate(device, sizes));
        Product(bench, DType.F32, sizes.Product, "≥ 0.9 ×");
        Product(bench, DType.F64, sizes.Product, "≥ 0.85 ×");
        Chain(bench, sizes.Chain);
        foreach (int n in sizes.Matrices) Cholesky(bench, sizes.Batch, n);
        Step(bench);
        table.Note(string.Create(CultureInfo.InvariantCulture, $"{device.Name}: {device.Description}; a copy on it moves {bench.CopyBytes / 1e9:F0} GB/s, read + write. {Clocks()}"));
        if (torch is not null && torch.Values("[1 if device == 'cuda' else 0]")[0] == 0) table.Note("This PyTorch has no GPU: its figures are of the CPU.");
    }

    private static double CopyRate(Device device, Sizes sizes)
    {
        DenseTensor x = Numbers([sizes.Chain], DType.F32), y = DenseTensor.Allocate(x.Aval, device);
        return 8.0 * sizes.Chain / Time(device, () => Move.Copy(x, y)).Median;
    }

    private static void Product(Bench bench, DType type, int n, string goal)
    {
        var product = new ProductCase(type, n, n, n);
        DenseTensor a = From(product.A(), [n, n], type), b = From(product.B(), [n, n], type), c = DenseTensor.Allocate(new Aval(type, [n, n]), bench.Device);
        var dims = new DotDims([1], [0], [], []);
        Contraction.DotGeneral(a, b, dims, c);
        product.RequireClose(product.Check(c.ToDoubles()), product.Expected(), "A·(B·t)");
        string torchType = type == DType.F32 ? "torch.float32" : "torch.float64";
        // Other numbers than ours, as large; the library is not what is tested here.
        bench.Torch?.Do($"a = torch.rand({n}, {n}, dtype={torchType}, device=device) * 2 - 1\nb = torch.rand({n}, {n}, dtype={torchType}, device=device) * 2 - 1\nc = torch.empty_like(a)");
        Row(bench, $"product {n}×{n}×{n}", type, product.Flops, isBytes: false, () => Contraction.DotGeneral(a, b, dims, c), "torch.mm(a, b, out=c)", goal);
    }

    private static void Chain(Bench bench, int count)
    {
        DenseTensor x = Numbers([count], DType.F32), y = DenseTensor.Allocate(x.Aval, bench.Device);
        Compiled<Tensor, Tensor> compiled = Transforms.Compile((Tensor v) => (v * v + 1).Sqrt() * v - v);
        compiled.Run(x, y);
        double[] some = y.Slice(..1000).ToDoubles(), of = x.Slice(..1000).ToDoubles();
        for (int i = 0; i < some.Length; i++)
            if (!(Math.Abs(some[i] - (Math.Sqrt(of[i] * of[i] + 1) * of[i] - of[i])) <= 1e-6)) throw new InvalidDataException($"chain: element {i} is {some[i]}");
        bench.Torch?.Do($"x = torch.rand({count}, device=device)");
        Row(bench, $"√(x² + 1)·x − x, {count:N0} elements, compiled", DType.F32, 8.0 * count, isBytes: true, () => compiled.Run(x, y), "(x * x + 1).sqrt() * x - x", "≥ 85 % of a copy");
    }

    private static void Cholesky(Bench bench, int batch, int n)
    {
        double[] entries = new double[(long)batch * n * n];
        for (int i = 0; i < entries.Length; i++) entries[i] = i / n % n == i % n ? n : 0.5 * Math.Cos(i / n % n + i % n);
        DenseTensor a = From(entries, [batch, n, n], DType.F32), l = DenseTensor.Allocate(a.Aval, bench.Device);
        Linalg.Cholesky(a, l);
        RequireFactor(l.ToDoubles(), entries, batch, n);
        bench.Torch?.Do($"i = torch.arange({n}, device=device)\nm = torch.cos((i[:, None] + i[None, :]).float()) / 2\nm = torch.where(i[:, None] == i[None, :], torch.tensor({n}.0, device=device), m)\na = m.expand({batch}, {n}, {n}).contiguous()");
        Row(bench, $"Cholesky {batch} × {n}×{n}", DType.F32, batch * (double)n * n * n / 3, isBytes: false, () => Linalg.Cholesky(a, l), "torch.linalg.cholesky(a)", "≥ 1 ×");
    }

    private static void Step(Bench bench)
    {
        TrainingLoop<TrainBench.State, Tensor> loop = TrainBench.OneHiddenLayer(500, 64);
        double[] losses = [.. Enumerable.Range(0, 10).Select(_ => TrainBench.LossOf(loop))];
        bench.Torch?.Do("import torch_train\nstep = torch_train.step_of(1, [1, 500, 1], 64, False, 0, device)");
        if (bench.Torch is { } torch) TrainBench.RequireClose(losses, torch.Values("[step().item() for _ in range(10)]"), "PyTorch", 1e-3);
        void Steps()
        {
            loop.Run(StepsPerSample);
            bench.Device.Synchronize();
        }
        Func<double[]> nothing = () => [double.NaN];
        Timing[] time = Timing.InTurns(Timing.Sampler(Steps), bench.Torch?.Sampler("step()") ?? nothing);
        Add(bench, $"step 1-500-1, batch 64, {loop.KernelCalls} kernel calls", DType.F32, time[0].Per(StepsPerSample), bench.Torch is null ? null : time[1], null, null, "≤ 15 µs, ≥ 10 ×");
    }

    private static void Row(Bench bench, string what, DType type, double work, bool isBytes, Action run, string torch, string goal)
    {
        run();
        bench.Device.Synchronize();
        Func<double[]> nothing = () => [double.NaN];
        int calls = CallsOf(bench.Device, run);
        Timing[] time = Timing.InTurns(Timing.Sampler(Many(bench.Device, run, calls)), bench.Torch?.Sampler(torch) ?? nothing);
        Timing ours = time[0].Per(calls);
        Add(bench, what, type, ours, bench.Torch is null ? null : time[1], work / ours.Median, isBytes ? work / ours.Median / bench.CopyBytes : null, goal);
    }

    private static void Add(Bench bench, string what, DType type, Timing ours, Timing? torch, double? rate, double? share, string goal) => bench.Table.Row(
        what, type.Name, Cell.Micros(ours), Cell.Number(rate / 1e9), Cell.Share(share), Cell.Micros(torch), Cell.Ratio(torch, ours), goal);

    private static Timing Time(Device device, Action run)
    {
        int calls = CallsOf(device, run);
        return Timing.Of(Many(device, run, calls)).Per(calls);
    }

    // As many as take 2 ms, so that the wait at the end does not count.
    private static int CallsOf(Device device, Action run)
    {
        for (int calls = 1; ; calls *= 4)
        {
            Action many = Many(device, run, calls);
            many();
            long start = Stopwatch.GetTimestamp();
            many();
            if (Stopwatch.GetElapsedTime(start).TotalSeconds >= 0.002 || calls > 4096) return calls;
        }
    }

    private static Action Many(Device device, Action run, int calls) => () =>
    {
        for (int i = 0; i < calls; i++) run();
        device.Synchronize();
    };

    // L·Lᵀ·t = A·t for the first and the last matrix.
    private static void RequireFactor(double[] l, double[] a, int batch, int n)
    {
        foreach (int entry in (int[])[0, batch - 1])
        {
            double[] w = new double[n];
            for (int i = 0; i < n; i++)
                for (int j = 0; j <= i; j++) w[j] += l[(long)entry * n * n + i * n + j] * (i % 3 - 1);
            for (int i = 0; i < n; i++)
            {
                double sum = 0, expected = 0;
                for (int j = 0; j <= i; j++) sum += l[(long)entry * n * n + i * n + j] * w[j];
                for (int j = 0; j < n; j++) expected += a[(long)entry * n * n + i * n + j] * (j % 3 - 1);
                if (!(Math.Abs(sum - expected) <= 1e-4 * n)) throw new InvalidDataException($"Cholesky {n}: row {i} of L·Lᵀ·t is {sum} instead of {expected}");
            }
        }
    }

    // NVIDIA's tool tells driver and clocks; while nothing runs they may be low.
    private static string Clocks()
    {
        const string asked = "name,driver_version,clocks.sm,clocks.max.sm,clocks.mem,power.limit";
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("nvidia-smi", $"--query-gpu={asked} --format=csv,noheader") { RedirectStandardOutput = true })!;
            string line = process.StandardOutput.ReadToEnd().Split('\n')[0].Trim();
            process.WaitForExit();
            return process.ExitCode == 0 ? $"nvidia-smi ({asked}): {line}." : "nvidia-smi fails.";
        }
        catch (Win32Exception)
        {
            return "nvidia-smi is not installed: clocks are not known.";
        }
    }

    private static DenseTensor Numbers(Shape shape, DType type) => From([.. Enumerable.Range(1, (int)shape.Count).Select(i => i * 0.6180339887498949 % 1)], shape, type);

    private static DenseTensor From(double[] numbers, Shape shape, DType type) =>
        type == DType.F64 ? Tensor.From(numbers, shape) : Tensor.From(Array.ConvertAll(numbers, v => (float)v), shape);
}
