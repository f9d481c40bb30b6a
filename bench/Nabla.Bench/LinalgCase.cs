using System.Globalization;

namespace Nabla.Bench;

/// <summary>A factorisation or solve to be measured on <c>Batch</c> random matrices of n × n; the operations are those of <see cref="Operations"/>.</summary>
internal sealed record LinalgCase(string Operation, DType DType, int N, int Batch = 1)
{
    /// <summary>What is measured, and by which routines of LAPACK.</summary>
    public static readonly (string Name, string What)[] Operations =
    [
        ("cholesky", "Cholesky (potrf)"),
        ("trsm", "triangular solve, n right sides (trtrs)"),
        ("inverse", "inverse of a triangle (trtri)"),
        ("potri", "inverse from a Cholesky factor (potri)"),
        ("solve", "solve, 1 right side (gesv)"),
        ("solve-n", "solve, n right sides (gesv)"),
        ("qr", "QR with Q (geqrf, orgqr)"),
        ("eigh", "symmetric eigenvectors (syevd)"),
        ("svd", "singular vectors (gesdd)"),
    ];

    /// <summary>Columns of the right-hand side.</summary>
    public int Columns => Operation == "solve" ? 1 : N;

    /// <summary>The matrices in rows: symmetric for eigh, positive definite for cholesky, triangular for trsm, inverse and potri; far from
    /// singular for these and, with large elements away from the diagonal, for solves: else solutions differ by more than roundings explain.</summary>
    public double[] Matrices()
    {
        double[] a = Random((long)Batch * N * N, 1);
        for (long at = 0; at < a.Length; at += N * N)
            for (int i = 0; i < N; i++)
                for (int j = 0; j <= i; j++)
                {
                    if (Operation is "cholesky" or "eigh") a[at + j * N + i] = a[at + i * N + j];
                    else if (Operation is "trsm" or "inverse" or "potri" && j < i) a[at + j * N + i] = 0;
                    if (i == j && Operation is ("cholesky" or "trsm" or "inverse" or "potri")) a[at + i * N + i] += 2 * N;
                    else if (i == j && Operation is ("solve" or "solve-n")) a[at + i * N + (i + N / 2) % N] += 2 * N;
                }
        return a;
    }

    /// <summary>The right-hand sides in rows: the identity for inverses.</summary>
    public double[] RightSides()
    {
        double[] b = Random((long)Batch * N * Columns, 2);
        for (int i = 0; Operation is "inverse" or "potri" && i < b.Length; i++) b[i] = i / N % N == i % N ? 1 : 0;
        return b;
    }

    /// <summary>The line that asks a peer for it.</summary>
    public string ToRequest() => string.Create(CultureInfo.InvariantCulture, $"lapack {Operation} {DType.Name} {N} {Batch}");

    /// <summary>What the words after the name of a request describe.</summary>
    public static LinalgCase FromRequest(string[] words) => new(words[0], words[1] == DType.F32.Name ? DType.F32 : DType.F64,
        int.Parse(words[2], CultureInfo.InvariantCulture), int.Parse(words[3], CultureInfo.InvariantCulture));

    /// <summary>Sums of rows weighted by ±1, of matrices in rows.</summary>
    public static double[] RowSums(double[] x, int columns)
    {
        var sums = new double[x.Length / columns];
        for (int i = 0; i < x.Length; i++) sums[i / columns] += Sign(i % columns) * x[i];
        return sums;
    }

    /// <summary>x·t for a matrix [rows, columns] in rows.</summary>
    public static double[] Times(ReadOnlySpan<double> x, double[] t)
    {
        var y = new double[x.Length / t.Length];
        for (int i = 0; i < x.Length; i++) y[i / t.Length] += x[i] * t[i % t.Length];
        return y;
    }

    /// <summary>A vector of ±1.</summary>
    public static double[] Signs(int n) => [.. Enumerable.Range(0, n).Select(Sign)];

    /// <summary>Throws if two vectors differ by more than roundings explain, for matrices of numbers up to about <paramref name="size"/>.</summary>
    public void RequireClose(double[] ours, double[] others, double size, string what)
    {
        double tolerance = 100 * DType.UnitRoundoff * N * size;
        if (ours.Length != others.Length) throw new InvalidDataException($"{this}: {ours.Length} numbers beside {others.Length} of {what}");
        for (int i = 0; i < ours.Length; i++)
            if (!(Math.Abs(ours[i] - others[i]) <= tolerance)) throw new InvalidDataException($"{this}: number {i} is {ours[i]}, {what} has {others[i]}");
    }

    private static double Sign(int j) => (j * 7919 >> 3 & 1) == 0 ? 1 : -1;

    private static double[] Random(long count, int seed)
    {
        var random = new Random(seed);
        var x = new double[count];
        for (long i = 0; i < count; i++) x[i] = 2 * random.NextDouble() - 1;
        return x;
    }
}
