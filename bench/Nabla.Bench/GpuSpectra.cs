using Nabla.Kernels;

namespace Nabla.Bench;

/// <summary>
/// Eigenvectors of symmetric matrices and singular vectors, all by Jacobi's method but PyTorch's, beside cuSOLVER's syevj and gesvdj, which get a copy each time since they work in place.
/// </summary>
internal static class GpuSpectra
{
    /// <summary>Prints the table.</summary>
    public static void Print(GpuRun run)
    {
        Table table = run.Table("what", "type", "Nabla µs (p10 – p90)", "cuSOLVER µs", "PyTorch µs", "PyTorch / Nabla", "best peer / Nabla");
        (int Batch, int N)[] eigen = run.IsQuick ? [(3, 6), (1, 20)] : [(10_000, 8), (1000, 32), (100, 128), (1, 128), (1, 256)];
        (int Batch, int N)[] singular = run.IsQuick ? [(3, 6), (1, 12)] : [(10_000, 8), (1000, 32), (1, 128), (1, 256)];
        foreach (DType type in (DType[])[DType.F32, DType.F64])
        {
            foreach ((int batch, int n) in eigen) run.Row($"eigh {batch} × {n}×{n} {type.Name}", () => Eigen(run, table, type, batch, n));
            foreach ((int batch, int n) in singular) run.Row($"svd {batch} × {n}×{n} {type.Name}", () => Singular(run, table, type, batch, n));
        }
        table.Note("With vectors. We and PyTorch ask the device whether all went well; cuSOLVER's time holds a copy of the matrices, but not that question.");
    }

    private static void Eigen(GpuRun run, Table table, DType type, int batch, int n)
    {
        double[] entries = Entries(batch, n);
        for (long entry = 0; entry < batch; entry++)
            for (int i = 0; i < n; i++)
                for (int j = 0; j < i; j++) entries[(entry * n + j) * n + i] = entries[(entry * n + i) * n + j];
        DenseTensor a = DeviceBench.From(type, entries, [batch, n, n], run.Device), w = New(a, batch, n), v = New(a, batch, n, n);
        void Ours() => Linalg.SymmetricEigen(a, w, v);
        Ours();
        RequirePairs(entries, Turned(v.ToDoubles(), n), w.ToDoubles(), Turned(v.ToDoubles(), n), type, batch, n, "Nabla");
        Action? library = null;
        if (run.Cusolver is { } cusolver)
        {
            DenseTensor work = New(a, batch, n, n), values = New(a, batch, n), faults = DenseTensor.Allocate(new Aval(DType.I32, [batch]), run.Device);
            Action call = cusolver.Eigenvectors(work, values, faults);
            library = () =>
            {
                Move.Copy(a, work);
                call();
            };
            library();
            RequirePairs(entries, work.ToDoubles(), values.ToDoubles(), work.ToDoubles(), type, batch, n, "cuSOLVER");
        }
        Race(run, table, "eigh", type, batch, n, entries, Ours, library, "torch.linalg.eigh(a)");
    }

    private static void Singular(GpuRun run, Table table, DType type, int batch, int n)
    {
        double[] entries = Entries(batch, n);
        DenseTensor a = DeviceBench.From(type, entries, [batch, n, n], run.Device), u = New(a, batch, n, n), s = New(a, batch, n), vt = New(a, batch, n, n);
        void Ours() => Linalg.Svd(a, u, s, vt);
        Ours();
        RequirePairs(entries, vt.ToDoubles(), s.ToDoubles(), Turned(u.ToDoubles(), n), type, batch, n, "Nabla");
        Action? library = null;
        if (run.Cusolver is { } cusolver && (batch == 1 || n <= Cusolver.LargestOfBatch))
        {
            DenseTensor work = New(a, batch, n, n), left = New(a, batch, n, n), values = New(a, batch, n), right = New(a, batch, n, n), faults = DenseTensor.Allocate(new Aval(DType.I32, [batch]), run.Device);
            Action call = cusolver.SingularVectors(work, left, values, right, faults);
            library = () =>
            {
                Move.Copy(a, work);
                call();
            };
            library();
            RequirePairs(entries, left.ToDoubles(), values.ToDoubles(), right.ToDoubles(), type, batch, n, "cuSOLVER");
        }
        Race(run, table, "svd", type, batch, n, entries, Ours, library, "torch.linalg.svd(a, full_matrices=False)");
    }

    private static void Race(GpuRun run, Table table, string what, DType type, int batch, int n, double[] entries, Action ours, Action? library, string statement)
    {
        string torch = type == DType.F32 ? "torch.float32" : "torch.float64";
        bool isReady = run.Prepare($"{what} {n}", $"i = torch.arange({n}, device=device, dtype=torch.float64)\n{(what == "eigh" ? "r, c = torch.maximum(i[:, None], i[None, :]), torch.minimum(i[:, None], i[None, :])"
            : "r, c = i[:, None], i[None, :]")}\na = torch.cos(1.3 * r + 0.7 * c * c + 0.9 * r * c).to({torch}).expand({batch}, {n}, {n}).contiguous()");
        (Timing time, Timing? peer, Timing?[] others) = run.Race($"{what} {n}", ours, library, isReady ? statement : null);
        table.Row($"{what}, {batch} × {n}×{n}", type.Name, Cell.Micros(time), Cell.Micros(peer), Cell.Micros(others[0]), Cell.Ratio(others[0], time), Cell.Ratio(GpuRun.Best(peer, others[0]), time));
    }

    private static double[] Entries(int batch, int n)
    {
        double[] matrix = [.. Enumerable.Range(0, n * n).Select(i => Math.Cos(1.3 * (i / n) + 0.7 * (i % n) * (i % n) + 0.9 * (i / n) * (i % n)))];
        double[] entries = new double[(long)batch * n * n];
        for (int entry = 0; entry < batch; entry++) matrix.CopyTo(entries, (long)entry * n * n);
        return entries;
    }

    private static DenseTensor New(DenseTensor like, params int[] shape) => DenseTensor.Allocate(new Aval(like.DType, shape), like.Device);

    // Columns of matrices as rows.
    private static double[] Turned(double[] x, int n)
    {
        double[] turned = new double[x.Length];
        for (int i = 0; i < x.Length; i++) turned[i / (n * n) * n * n + i % n * n + i / n % n] = x[i];
        return turned;
    }

    // A·from = value·to for all pairs of the first and the last matrix, with lengths of 1, and all of A's norm in the values.
    private static void RequirePairs(double[] a, double[] from, double[] values, double[] to, DType type, int batch, int n, string who)
    {
        foreach (int entry in (int[])[0, batch - 1])
        {
            int at = entry * n * n;
            double norm = Math.Sqrt(a.AsSpan(at, n * n).ToArray().Sum(x => x * x)), bound = 32 * n * type.UnitRoundoff, found = Math.Sqrt(values.AsSpan(entry * n, n).ToArray().Sum(x => x * x));
            if (!(Math.Abs(found - norm) <= bound * norm)) throw new InvalidDataException($"{who}, entry {entry}: values have the norm {found}, the matrix {norm}");
            for (int pair = 0; pair < n; pair++)
            {
                double length = 0, residual = 0;
                for (int i = 0; i < n; i++)
                {
                    double sum = -values[entry * n + pair] * to[at + pair * n + i];
                    for (int j = 0; j < n; j++) sum += a[at + i * n + j] * from[at + pair * n + j];
                    residual += sum * sum;
                    length += from[at + pair * n + i] * from[at + pair * n + i];
                }
                if (!(Math.Sqrt(residual) <= bound * norm && Math.Abs(length - 1) <= bound))
                    throw new InvalidDataException($"{who}, entry {entry}, pair {pair}: |A·v − value·u| is {Math.Sqrt(residual)}, |v|² is {length}");
            }
        }
    }
}
