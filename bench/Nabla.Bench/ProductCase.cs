using System.Globalization;

namespace Nabla.Peers;

/// <summary>
/// A matrix product to be measured, C[m, n] = A[m, k]·B[k, n] for each entry of a batch; a transposed operand lies in memory as its transpose. With
/// <c>Gram</c> it is C = A·Aᵀ, of which the lower triangle counts.
/// </summary>
internal sealed record ProductCase(DType DType, int M, int N, int K, bool TransposedA = false, bool TransposedB = false, int Batch = 1, bool Gram = false)
{
    /// <summary>Multiply-adds times two.</summary>
    public double Flops => (double)Batch * M * (Gram ? M + 1 : 2.0 * N) * K;

    /// <summary>A in memory order; the same numbers in every process.</summary>
    public double[] A() => Random(Batch * M * K, 1);

    /// <summary>B in memory order.</summary>
    public double[] B() => Random(Batch * K * N, 2);

    /// <summary>The line that asks a peer for this product.</summary>
    public string ToRequest() => string.Create(CultureInfo.InvariantCulture,
        $"{(Gram ? "syrk" : "gemm")} {DType.Name} {M} {N} {K} {(TransposedA ? 1 : 0)} {(TransposedB ? 1 : 0)} {Batch} {(Gram ? 1 : 0)}");

    /// <summary>The product that the words after the name of a request describe.</summary>
    public static ProductCase FromRequest(string[] words)
    {
        int[] n = [.. words.Skip(1).Select(w => int.Parse(w, CultureInfo.InvariantCulture))];
        return new ProductCase(words[0] == DType.F32.Name ? DType.F32 : DType.F64, n[0], n[1], n[2], n[3] == 1, n[4] == 1, n[5], n[6] == 1);
    }

    /// <summary>C·t for a vector t of ±1, of all entries; of the lower triangle alone for a Gram matrix.</summary>
    public double[] Check(double[] c)
    {
        var sums = new double[Batch * M];
        for (int i = 0; i < sums.Length; i++)
            for (int j = 0; j < (Gram ? i + 1 : N); j++) sums[i] += Sign(j) * c[(long)i * N + j];
        return sums;
    }

    /// <summary>A·(B·t), the numbers of <see cref="Check"/> without the product: O(n²) instead of O(n³). Not for a Gram matrix.</summary>
    public double[] Expected() => Expected(A(), B());

    /// <summary>The same, of operands that are there already.</summary>
    public double[] Expected(double[] a, double[] b)
    {
        double[] sums = new double[Batch * M], bt = new double[K];
        for (int entry = 0; entry < Batch; entry++)
        {
            for (int p = 0; p < K; p++)
            {
                bt[p] = 0;
                for (int j = 0; j < N; j++) bt[p] += Sign(j) * Rounded(b[((long)entry * K * N) + (TransposedB ? (long)j * K + p : (long)p * N + j)]);
            }
            for (int i = 0; i < M; i++)
                for (int p = 0; p < K; p++) sums[entry * M + i] += Rounded(a[((long)entry * M * K) + (TransposedA ? (long)p * M + i : (long)i * K + p)]) * bt[p];
        }
        return sums;
    }

    /// <summary>The largest |c − c'| / Σₚ|aₚ·bₚ| over a few rows of the first entry, where c' is added up in f64.</summary>
    public double Error(double[] a, double[] b, double[] c, int rows = 8)
    {
        double[] largest = new double[rows];
        Parallel.For(0, rows, at =>
        {
            int i = (int)((long)at * (M - 1) / Math.Max(1, rows - 1));
            double[] sums = new double[N], sizes = new double[N];
            for (int p = 0; p < K; p++)
            {
                double x = Rounded(a[TransposedA ? (long)p * M + i : (long)i * K + p]);
                for (int j = 0; j < N; j++)
                {
                    double term = x * Rounded(b[TransposedB ? (long)j * K + p : (long)p * N + j]);
                    (sums[j], sizes[j]) = (sums[j] + term, sizes[j] + Math.Abs(term));
                }
            }
            for (int j = 0; j < N; j++) largest[at] = Math.Max(largest[at], Math.Abs(c[(long)i * N + j] - sums[j]) / sizes[j]);
        });
        return largest.Max();
    }

    /// <summary>Throws if two checks differ by more than roundings explain.</summary>
    /// <param name="ours">One.</param>
    /// <param name="others">The other.</param>
    /// <param name="who">Whose it is.</param>
    /// <param name="roundoff">Of the operands, where they are rounded to less than their type.</param>
    public void RequireClose(double[] ours, double[] others, string who, double? roundoff = null)
    {
        double tolerance = (roundoff ?? DType.UnitRoundoff) * 16 * Math.Sqrt((double)K * N) * Math.Sqrt(K + N);
        for (int i = 0; i < ours.Length; i++)
            if (!(Math.Abs(ours[i] - others[i]) <= tolerance)) throw new InvalidDataException($"{this}: row {i} of C·t is {ours[i]}, {who} {others[i]}");
    }

    /// <inheritdoc/>
    public override string ToString() =>
        (Batch > 1 ? $"{Batch} × " : "") + (Gram ? $"A·Aᵀ {M}×{K}" : $"{M}×{N}×{K}") +
        (TransposedA || TransposedB ? $" {(TransposedA ? 'T' : 'N')}{(TransposedB ? 'T' : 'N')}" : "");

    private double Rounded(double x) => DType == DType.F32 ? (float)x : x;

    private static double[] Random(int count, int seed)
    {
        var random = new Random(seed);
        var x = new double[count];
        for (int i = 0; i < count; i++) x[i] = 2 * random.NextDouble() - 1;
        return x;
    }

    private static int Sign(int j) => (j * 7919 >> 3 & 1) == 0 ? 1 : -1;
}
