using Nabla.Kernels;

namespace Nabla.Bench;

/// <summary>Matrix products beside cuBLAS and PyTorch, with the error of each: the largest |c − c'| / Σ|a·b| over some rows, c' added up in f64.</summary>
internal static class GpuProducts
{
    private const int GoalSize = 4096;

    /// <summary>How products are computed, and what of cuBLAS and PyTorch they are held against.</summary>
    /// <param name="Name">In the table.</param>
    /// <param name="Type">Of operands and result.</param>
    /// <param name="Precision">What f32 products may lose.</param>
    /// <param name="Roundoff">Of the operands.</param>
    /// <param name="Goal">For n = 4096.</param>
    /// <param name="TensorsOfPyTorch">Whether PyTorch may round to TF32, and whether its operands are bf16.</param>
    private sealed record Mode(string Name, DType Type, MatMulPrecision Precision, double Roundoff, string Goal, (bool Tf32, bool BFloat16) TensorsOfPyTorch = default)
    {
        // A sum of two TF32 numbers has two bits less than f32.
        public static readonly Mode F32 = new("f32", DType.F32, MatMulPrecision.Highest, DType.F32.UnitRoundoff, "≥ 0.9 ×"),
            Split = new("3×TF32", DType.F32, MatMulPrecision.High, 4 * DType.F32.UnitRoundoff, "≥ 1.5 × SGEMM"),
            Tf32 = new("TF32", DType.F32, MatMulPrecision.Medium, Math.ScaleB(1, -11), "", (true, false)),
            BFloat16 = new("bf16", DType.F32, MatMulPrecision.Low, Math.ScaleB(1, -8), "", (false, true)),
            F64 = new("f64", DType.F64, MatMulPrecision.Highest, DType.F64.UnitRoundoff, "≥ 0.85 ×");
    }

    /// <summary>Prints the table.</summary>
    public static void Print(GpuRun run)
    {
        Table table = run.Table("product", "type", "Nabla µs (p10 – p90)", "TFLOP/s", "of the roof", "error", "cuBLAS µs", "its error", "PyTorch µs", "best peer / Nabla", "goal");
        foreach ((Mode mode, ProductCase product) in Cases(run.IsQuick)) run.Row($"{product} {mode.Name}", () => Row(run, table, mode, product));
        table.Note("Roofs are those of multiply-adds from registers, without tensor cores. Modes are those of `MatMulPrecision`: 3×TF32 stands beside cuBLAS' SGEMM, TF32 beside SGEMM that may round to TF32, bf16 beside GemmEx, whose " +
            "operands are bf16 already where ours are rounded on the way. PyTorch's products are cuBLAS', called through PyTorch; its product of bf16 is rounded to bf16.");
    }

    private static IEnumerable<(Mode, ProductCase)> Cases(bool isQuick)
    {
        int[] sizes = isQuick ? [64, 256] : [256, 512, 1024, 2048, 4096, 8192], doubles = isQuick ? [64, 256] : [256, 1024, 4096, 8192];
        // Few tiles are not worth a tensor core.
        ProductCase[] tensors = isQuick ? [new(DType.F32, 512, 512, 40)] : [.. sizes[4..].Select(n => new ProductCase(DType.F32, n, n, n))];
        int turned = isQuick ? 128 : GoalSize, batch = isQuick ? 1 : 10, wide = isQuick ? 300 : 10_000;
        (int M, int N, int K)[] skinny = [(1, wide, wide), (wide, 1, wide), (8, wide, wide), (wide, wide, 8), (64, 64, 10 * wide), (128, 512, 784)];
        (int Count, int Size)[] batches = [(500 * batch, 16), (200 * batch, 32), (50 * batch, 64), (10 * batch, 128)];
        return
        [
            .. sizes.Select(n => (Mode.F32, new ProductCase(DType.F32, n, n, n))),
            .. new[] { Mode.Split, Mode.Tf32, Mode.BFloat16 }.SelectMany(mode => tensors.Select(p => (mode, p))),
            .. doubles.Select(n => (Mode.F64, new ProductCase(DType.F64, n, n, n))),
            .. new[] { (false, true), (true, false), (true, true) }.Select(t => (Mode.F32, new ProductCase(DType.F32, turned, turned, turned, t.Item1, t.Item2))),
            .. skinny.Select(s => (Mode.F32, new ProductCase(DType.F32, s.M, s.N, s.K))),
            .. batches.Select(b => (Mode.F32, new ProductCase(DType.F32, b.Size, b.Size, b.Size, Batch: b.Count))),
            .. batches[2..].Select(b => (Mode.F64, new ProductCase(DType.F64, b.Size, b.Size, b.Size, Batch: b.Count))),
        ];
    }

    private static void Row(GpuRun run, Table table, Mode mode, ProductCase p)
    {
        double[] a = p.A(), b = p.B(), expected = p.Expected(a, b);
        int axis = p.Batch > 1 ? 1 : 0;
        Shape Of(int rows, int columns) => p.Batch > 1 ? [p.Batch, rows, columns] : [rows, columns];
        DenseTensor left = DeviceBench.From(p.DType, a, p.TransposedA ? Of(p.K, p.M) : Of(p.M, p.K), run.Device);
        DenseTensor right = DeviceBench.From(p.DType, b, p.TransposedB ? Of(p.N, p.K) : Of(p.K, p.N), run.Device);
        DenseTensor c = DenseTensor.Allocate(new Aval(p.DType, Of(p.M, p.N)), run.Device), d = DenseTensor.Allocate(c.Aval, run.Device);
        var dims = new DotDims([axis + (p.TransposedA ? 0 : 1)], [axis + (p.TransposedB ? 1 : 0)], axis == 1 ? [0] : [], axis == 1 ? [0] : []);
        void Ours() => Contraction.DotGeneral(left, right, dims, c);
        Action? theirs = Library(run, mode, p, a, b, left, right, d);
        using IDisposable _ = MatMulPrecision.Use(mode.Precision);
        double error = Verify(Ours, c, "Nabla");
        double? other = theirs is null ? null : Verify(theirs, d, "cuBLAS");
        (Timing time, Timing? library, Timing?[] torch) = run.Race($"{p}", Ours, theirs, run.Prepare($"{p}", Operands(p, mode)) ? p.Batch > 1 ? "torch.bmm(a, b, out=c)" : "torch.mm(a, b, out=c)" : null);
        double rate = p.Flops / time.Median;
        bool isGoal = p is { M: GoalSize, N: GoalSize, K: GoalSize, TransposedA: false, TransposedB: false };
        table.Row($"{p}", mode.Name, Cell.Micros(time), Cell.Number(rate / 1e12), Cell.Share(rate / run.Roof.Flops(p.DType)), Cell.Number(error), Cell.Micros(library), Cell.Number(other),
            Cell.Micros(torch[0]), Cell.Ratio(GpuRun.Best(library, torch[0]), time), isGoal ? mode.Goal : "");

        double Verify(Action product, DenseTensor result, string who)
        {
            product();
            double[] found = result.ToDoubles();
            p.RequireClose(p.Check(found), expected, $"{who}, against A·(B·t),", mode.Roundoff);
            return p.Error(a, b, found);
        }
    }

    private static Action? Library(GpuRun run, Mode mode, ProductCase p, double[] a, double[] b, DenseTensor left, DenseTensor right, DenseTensor result)
    {
        if (run.Cublas is not { } cublas) return null;
        if (mode != Mode.BFloat16) return () => cublas.Product(p, left, right, result, tf32: mode == Mode.Tf32);
        Tensor x = Tensor.From(Cublas.Pack(a)), y = Tensor.From(Cublas.Pack(b));
        return () => cublas.ProductOfBFloat16(p, x.Dense, y.Dense, result);
    }

    // Other numbers than ours, as large: the library is not what is tested here.
    private static string Operands(ProductCase p, Mode mode)
    {
        string type = mode.TensorsOfPyTorch.BFloat16 ? "torch.bfloat16" : p.DType == DType.F32 ? "torch.float32" : "torch.float64", batch = p.Batch > 1 ? $"{p.Batch}, " : "";
        string Random(int rows, int columns, bool turned) =>
            turned ? $"(torch.rand({batch}{columns}, {rows}, device=device).to({type}) * 2 - 1).mT" : $"torch.rand({batch}{rows}, {columns}, device=device).to({type}) * 2 - 1";
        return $"torch.backends.cuda.matmul.allow_tf32 = {mode.TensorsOfPyTorch.Tf32}\na = {Random(p.M, p.K, p.TransposedA)}\nb = {Random(p.K, p.N, p.TransposedB)}\n" +
            $"c = torch.empty({batch}{p.M}, {p.N}, dtype={type}, device=device)";
    }
}
