using System.Globalization;
using Nabla.Kernels;
using Nabla.WorkedExample;

namespace Nabla.Bench;

/// <summary>
/// Kernels of an accelerator beside its own roof and beside our kernels for the CPU on the same machine. Results are compared first; then both take turns. Each
/// sample launches for at least 2 ms and waits once, at its end. What would take more than half a second at the roof is left out.
/// </summary>
internal static class DeviceBench
{
    private const double MostSeconds = 0.5;
    private const int StepsSize = 576;

    // Either flop or bytes count.
    private sealed record Case(string Set, string What, DType Type, double Flops, double Bytes, Func<Device, (Action Run, DenseTensor Result)> Prepare, ProductCase? Product = null);

    /// <summary>Prints the tables. Words restrict it: <c>product</c>, <c>skinny</c>, <c>transposed</c>, <c>batch</c>, <c>layer</c>, <c>chain</c>, <c>reduce</c>, <c>linalg</c>, <c>move</c>, <c>steps</c>.</summary>
    public static void Print(Report report, string name)
    {
        if (Device.Parse(name) is not Accelerator device) throw new ArgumentException($"{name} is not an accelerator; kernels of the CPU are measured without --device.");
        string kind = name.Split(':')[0];
        DeviceRoof roof = DeviceRoof.Of(device);
        Table table = report.Table($"device-{kind}", "what", "type", "µs (p10 – p90)", "GFLOP/s or GB/s", "of the roof", "CPU kernels µs", "CPU / device");
        foreach (Case c in Cases().Where(c => Asked(report, c.Set) && (c.Type == DType.F32 || device.HasDouble) && Least(c, roof) <= MostSeconds)) Row(table, c, device, roof);
        if (Asked(report, "steps")) Steps(report.Table($"steps-{kind}", "step", "µs (p10 – p90)", "GFLOP/s", "of the roof"), device, roof);
        table.Note(Describe(device, roof));
    }

    private static bool Asked(Report report, string set) => report.Options.Rest.Count == 0 || report.Options.Rest.Contains(set);

    private static string Describe(Accelerator device, DeviceRoof roof) => string.Create(CultureInfo.InvariantCulture,
        $"{device.Name}: {device.Description}; its roofs: f32 {roof.FlopsF32 / 1e9:G3} GFLOP/s, f64 {roof.FlopsF64 / 1e9:G3} GFLOP/s, copy {roof.Bytes / 1e9:G3} GB/s read + write, an empty launch {roof.Launch.Median * 1e6:G3} µs with the wait for it, {roof.Queued.Median * 1e6:G3} µs in a queue. CPU kernels on {Workers.Count} threads.");

    private static double Least(Case c, DeviceRoof roof) => c.Flops > 0 ? c.Flops / roof.Flops(c.Type) : c.Bytes / roof.Bytes;

    private static void Row(Table table, Case c, Accelerator device, DeviceRoof roof)
    {
        (Action there, DenseTensor result) = On(device, c.Prepare);
        (Action here, DenseTensor expected) = c.Prepare(Device.Cpu);
        there();
        here();
        RequireClose(c, result.ToDoubles(), expected.ToDoubles());
        Timing[] time = Timing.InTurns(Timing.Sampler(there, device.Synchronize), Timing.Sampler(here));
        double rate = (c.Flops > 0 ? c.Flops : c.Bytes) / time[0].Median;
        table.Row(c.What, c.Type.Name, Cell.Micros(time[0]), Cell.Number(rate / 1e9), Cell.Share(rate / (c.Flops > 0 ? roof.Flops(c.Type) : roof.Bytes)),
            Cell.Micros(time[1]), Cell.Ratio(time[1], time[0]));
    }

    private static (Action, DenseTensor) On(Device device, Func<Device, (Action, DenseTensor)> prepare)
    {
        using IDisposable _ = Device.Use(device);
        (Action run, DenseTensor result) = prepare(device);
        return (() =>
        {
            using IDisposable _ = Device.Use(device);
            run();
        }, result);
    }

    private static void RequireClose(Case c, double[] actual, double[] expected)
    {
        if (c.Product is { } product)
        {
            product.RequireClose(product.Check(actual), product.Check(expected), "the CPU");
            return;
        }
        double largest = expected.Max(Math.Abs), bound = (c.Type == DType.F32 ? 1e-4 : 1e-12) * largest;
        for (int i = 0; i < expected.Length; i++)
            if (!(Math.Abs(actual[i] - expected[i]) <= bound)) throw new InvalidDataException($"{c.What}: element {i} is {actual[i]}, on the CPU {expected[i]}");
    }

    private static void Steps(Table table, Accelerator device, DeviceRoof roof)
    {
        const int n = StepsSize;
        double flops = 2.0 * n * n * n;
        if (flops / roof.FlopsF32 > MostSeconds / 10) return;
        var product = new ProductCase(DType.F32, n, n, n);
        (DenseTensor a, DenseTensor b) = (From(DType.F32, product.A(), [n, n], device), From(DType.F32, product.B(), [n, n], device));
        double[] expected = product.Expected();
        var samplers = new List<Func<double[]>>();
        foreach ((string name, MatMulSteps.Launch launch) in MatMulSteps.All)
        {
            DenseTensor c = DenseTensor.Allocate(a.Aval, device);
            void Run() => launch(device, DeviceView.Of(a), DeviceView.Of(b), DeviceView.Of(c), n);
            Run();
            product.RequireClose(product.Check(c.ToDoubles()), expected, name);
            samplers.Add(Timing.Sampler(Run, device.Synchronize));
        }
        foreach (((string name, _), Timing time) in MatMulSteps.All.Zip(Timing.InTurns([.. samplers])))
            table.Row($"{name}", Cell.Micros(time), Cell.Number(flops / time.Median / 1e9), Cell.Share(flops / time.Median / roof.FlopsF32));
        table.Note($"n = {n}, f32.");
    }

    private static IEnumerable<Case> Cases() =>
    [
        .. new[] { 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192 }.Select(n => Product("product", new ProductCase(DType.F32, n, n, n))),
        .. new[] { 64, 256, 512, 1000, 2048, 4096 }.Select(n => Product("product", new ProductCase(DType.F64, n, n, n))),
        .. new[] { (1, 1000, 1000), (1000, 1, 1000), (4, 1000, 1000), (1000, 4, 1000), (1000, 1000, 4), (64, 64, 50_000), (128, 512, 784), (1000, 1000, 1000) }
            .Select(s => Product("skinny", new ProductCase(DType.F32, s.Item1, s.Item2, s.Item3))),
        .. new[] { (false, true), (true, false), (true, true) }.Select(t => Product("transposed", new ProductCase(DType.F32, 512, 512, 512, t.Item1, t.Item2))),
        .. new[] { (500, 16), (200, 32), (50, 64), (16, 256) }.Select(s => Product("batch", new ProductCase(DType.F32, s.Item2, s.Item2, s.Item2, Batch: s.Item1))),
        Layer(128, 784, 512), Layer(512, 512, 512), Chain(1 << 22), Softmax(2048),
        Sum("sum of all", [2048, 2048], [0, 1]), Sum("sums of rows", [2048, 2048], [1]), Sum("sums of columns", [2048, 2048], [0]),
        Cholesky(1000, 32), Cholesky(100, 128), Turn(2048, DType.F32), Turn(2048, DType.F64),
    ];

    private static Case Product(string set, ProductCase p) => new(set, $"product {p}", p.DType, p.Flops, 0, device =>
    {
        int batch = p.Batch > 1 ? 1 : 0;
        Shape Of(int rows, int columns) => p.Batch > 1 ? [p.Batch, rows, columns] : [rows, columns];
        DenseTensor a = From(p.DType, p.A(), p.TransposedA ? Of(p.K, p.M) : Of(p.M, p.K), device), b = From(p.DType, p.B(), p.TransposedB ? Of(p.N, p.K) : Of(p.K, p.N), device);
        DenseTensor c = DenseTensor.Allocate(new Aval(p.DType, Of(p.M, p.N)), device);
        var dims = new DotDims([batch + (p.TransposedA ? 0 : 1)], [batch + (p.TransposedB ? 1 : 0)], p.Batch > 1 ? [0] : [], p.Batch > 1 ? [0] : []);
        return (() => Contraction.DotGeneral(a, b, dims, c), c);
    }, p);

    private static Case Layer(int m, int k, int n) => new("layer", $"relu(x·w + b) {m}×{n}×{k}, compiled", DType.F32, 2.0 * m * n * k, 0, device =>
        Compiled((x, w, b) => (x.MatMul(w) + b).Relu(), Numbers([m, k], device), Numbers([k, n], device), Numbers([n], device), [m, n], device));

    private static Case Chain(int count) => new("chain", $"tanh(x·y + z), {count} elements, compiled", DType.F32, 0, 16.0 * count, device =>
        Compiled((x, y, z) => (x * y + z).Tanh(), Numbers([count], device), Numbers([count], device), Numbers([count], device), [count], device));

    private static Case Softmax(int n) => new("reduce", $"softmax of rows {n}×{n}, compiled", DType.F32, 0, 8.0 * n * n, device =>
        Compiled((x, _, _) => x.Softmax(), Numbers([n, n], device), Numbers([1], device), Numbers([1], device), [n, n], device));

    private static Case Sum(string what, int[] shape, int[] axes) => new("reduce", $"{what}, {shape[0]}×{shape[1]}", DType.F32, 0, 4.0 * shape[0] * shape[1], device =>
    {
        DenseTensor x = Numbers(shape, device), y = DenseTensor.Allocate(new Aval(DType.F32, x.Shape.Without(axes)), device);
        return (() => Reductions.Run<SumOp>(x, axes, y), y);
    });

    private static Case Cholesky(int batch, int n) => new("linalg", $"Cholesky {batch} × {n}×{n}", DType.F32, batch * (double)n * n * n / 3, 0, device =>
    {
        double[] entries = new double[(long)batch * n * n];
        for (int i = 0; i < entries.Length; i++) entries[i] = i / n % n == i % n ? n : 0.5 * Math.Cos(i / n % n + i % n);
        DenseTensor a = From(DType.F32, entries, [batch, n, n], device), l = DenseTensor.Allocate(a.Aval, device);
        return (() => Linalg.Cholesky(a, l), l);
    });

    private static Case Turn(int n, DType type) => new("move", $"transpose {n}×{n}", type, 0, 2.0 * type.Size * n * n, device =>
    {
        DenseTensor x = From(type, [.. Enumerable.Range(0, n * n).Select(i => (double)(i % 8191))], [n, n], device), y = DenseTensor.Allocate(x.Aval, device);
        var turned = (DenseTensor)x.T;
        return (() => Move.Copy(turned, y), y);
    });

    /// <summary>A compiled function of three tensors that writes its result to the same place each time.</summary>
    internal static (Action, DenseTensor) Compiled(Func<Tensor, Tensor, Tensor, Tensor> f, DenseTensor x, DenseTensor y, DenseTensor z, Shape shape, Device device)
    {
        Compiled<(Tensor, Tensor, Tensor), Tensor> compiled = Transforms.Compile(((Tensor X, Tensor Y, Tensor Z) p) => f(p.X, p.Y, p.Z));
        DenseTensor result = DenseTensor.Allocate(new Aval(x.DType, shape), device);
        return (() => compiled.Run((x, y, z), result), result);
    }

    /// <summary>Numbers in (0, 1), the same on every device.</summary>
    internal static DenseTensor Numbers(Shape shape, Device device) => From(DType.F32, [.. Enumerable.Range(1, (int)shape.Count).Select(i => i * 0.6180339887498949 % 1)], shape, device);

    /// <summary>A tensor on a device.</summary>
    internal static DenseTensor From(DType type, double[] numbers, Shape shape, Device device)
    {
        Tensor host = type == DType.F64 ? Tensor.From(numbers, shape) : Tensor.From(Array.ConvertAll(numbers, v => (float)v), shape);
        DenseTensor there = DenseTensor.Allocate(host.Aval, device);
        Move.Copy((DenseTensor)host, there);
        return there;
    }
}
