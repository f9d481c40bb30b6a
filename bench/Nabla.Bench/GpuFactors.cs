using Nabla.Kernels;

namespace Nabla.Bench;

/// <summary>Cholesky factors of batches beside cuSOLVER, which gets a copy each time since it works in place, and beside torch.linalg.cholesky.</summary>
internal static class GpuFactors
{
    /// <summary>Prints the table.</summary>
    public static void Print(GpuRun run)
    {
        Table table = run.Table("Cholesky", "type", "Nabla µs (p10 – p90)", "GFLOP/s", "cuSOLVER µs", "PyTorch µs", "PyTorch / Nabla", "best peer / Nabla", "goal");
        (int Batch, int N)[] cases = run.IsQuick ? [(20, 32), (10, 40)] : [(1000, 32), (1000, 64), (1000, 128), (1000, 256), (10_000, 32), (4000, 128), (16, 1024)];
        foreach (DType type in (DType[])[DType.F32, DType.F64])
            foreach ((int batch, int n) in cases) run.Row($"{batch} × {n}×{n} {type.Name}", () => Row(run, table, type, batch, n));
        table.Note("n³/3 flop a matrix. We and PyTorch make a new matrix with zeros above the diagonal and ask the device whether all went well; cuSOLVER's time holds a copy of the matrices, but not that question.");
    }

    private static void Row(GpuRun run, Table table, DType type, int batch, int n)
    {
        double[] entries = new double[(long)batch * n * n], cosines = [.. Enumerable.Range(0, 2 * n).Select(i => 0.5 * Math.Cos(i))];
        for (int i = 0; i < entries.Length; i++) entries[i] = i / n % n == i % n ? n : cosines[i / n % n + i % n];
        DenseTensor a = DeviceBench.From(type, entries, [batch, n, n], run.Device), l = DenseTensor.Allocate(a.Aval, run.Device);
        void Ours() => Linalg.Cholesky(a, l);
        Ours();
        RequireFactor(l.ToDoubles(), entries, type, batch, n);
        string torch = type == DType.F32 ? "torch.float32" : "torch.float64";
        bool isReady = run.Prepare($"Cholesky {n}", $"i = torch.arange({n}, device=device)\nm = torch.cos((i[:, None] + i[None, :]).to({torch})) / 2\n" +
            $"m = torch.where(i[:, None] == i[None, :], torch.tensor({n}.0, device=device, dtype={torch}), m)\na = m.expand({batch}, {n}, {n}).contiguous()");
        (Timing time, Timing? library, Timing?[] peer) = run.Race($"Cholesky {n}", Ours, Library(run, a, entries), isReady ? "torch.linalg.cholesky(a)" : null);
        table.Row($"{batch} × {n}×{n}", type.Name, Cell.Micros(time), Cell.Number(batch * (double)n * n * n / 3 / time.Median / 1e9), Cell.Micros(library), Cell.Micros(peer[0]),
            Cell.Ratio(peer[0], time), Cell.Ratio(GpuRun.Best(library, peer[0]), time), batch >= 1000 ? "≥ 1 × PyTorch" : "");
    }

    private static Action? Library(GpuRun run, DenseTensor a, double[] entries)
    {
        if (run.Cusolver is not { } cusolver) return null;
        DenseTensor work = DenseTensor.Allocate(a.Aval, run.Device);
        (DenseTensor addresses, DenseTensor faults) = Cusolver.Places(work);
        void Factor()
        {
            Move.Copy(a, work);
            cusolver.Cholesky(work, addresses, faults);
        }
        Factor();
        RequireFactor(work.ToDoubles(), entries, a.DType, a.Shape.Dims[0], a.Shape.Dims[1]);
        return Factor;
    }

    // L·Lᵀ·t = A·t for the first and the last matrix; only the lower triangle of l is looked at.
    private static void RequireFactor(double[] l, double[] a, DType type, int batch, int n)
    {
        foreach (int entry in (int[])[0, batch - 1])
        {
            double[] w = new double[n];
            long at = (long)entry * n * n;
            for (int i = 0; i < n; i++)
                for (int j = 0; j <= i; j++) w[j] += l[at + i * n + j] * (i % 3 - 1);
            for (int i = 0; i < n; i++)
            {
                double sum = 0, expected = 0;
                for (int j = 0; j <= i; j++) sum += l[at + i * n + j] * w[j];
                for (int j = 0; j < n; j++) expected += a[at + i * n + j] * (j % 3 - 1);
                if (!(Math.Abs(sum - expected) <= 16 * n * n * type.UnitRoundoff)) throw new InvalidDataException($"entry {entry}, row {i} of L·Lᵀ·t is {sum} instead of {expected}");
            }
        }
    }
}
