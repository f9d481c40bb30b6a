namespace Nabla.Kernels;

/// <summary>
/// Eigenvalues and eigenvectors of a symmetric tridiagonal matrix from those of its two halves, which differ from it by a matrix of rank one:
/// blocks of at most 32 rows by rotations, then pairs of neighbours joined, level by level, by <see cref="TridiagonalPair"/>. Most of the work is
/// matrix products. Source: Cuppen, A divide and conquer method for the symmetric tridiagonal eigenproblem (Numer. Math. 1981).
/// </summary>
internal static unsafe class DivideAndConquer
{
    private const int Leaf = 32;

    // Joins of pairs up to this size are spread over threads, one a part; those of larger ones use all threads themselves.
    private const int JoinedAlone = 256;

    /// <summary>Elements of scratch for n rows.</summary>
    public static long ScratchElements(nint n) => (2L * n + TridiagonalPair.Vectors + 2) * n;

    /// <summary>
    /// Diagonal d and neighbours e, which are overwritten → eigenvalues in d, in no order, and their eigenvectors in the dense
    /// <paramref name="rows"/>, <paramref name="stride"/> apart. False if a block did not converge.
    /// </summary>
    public static bool Run(double* d, double* e, nint n, double* rows, nint stride, double* scratch)
    {
        int levels = 0;
        while (n > (nint)Leaf << levels) levels++;
        for (nint b = 1; b < (nint)1 << levels; b++)
        {
            nint cut = Start(n, levels, b);
            d[cut - 1] -= Math.Abs(e[cut - 1]);
            d[cut] -= Math.Abs(e[cut - 1]);
        }
        for (nint i = 0; i < n; i++) new Span<double>(rows + i * stride, (int)n).Clear();
        long stuck = long.MaxValue;
        var job = new Job { D = d, E = e, Rows = rows, Scratch = scratch, N = n, Stride = stride, Level = levels, Stuck = &stuck };
        Linalg.RunParts(ref job, 1 << levels, 8L * Leaf * Leaf * Leaf);
        job.Joins = true;
        for (job.Level = levels - 1; job.Level >= 0 && stuck == long.MaxValue; job.Level--)
        {
            nint size = n >> job.Level;
            if (size <= JoinedAlone) Linalg.RunParts(ref job, 1 << job.Level, size * size * size);
            else
                for (int part = 0; part < 1 << job.Level; part++) job.Run(part);
        }
        return stuck == long.MaxValue;
    }

    // Blocks of a level have sizes that differ by one at most; two blocks of a level are one of the level above.
    private static nint Start(nint n, int level, nint block) => (nint)((long)n * block >> level);

    private struct Job : IParallelJob
    {
        public double* D, E, Rows, Scratch;
        public nint N, Stride;
        public int Level;
        public bool Joins;
        public long* Stuck;

        public readonly void Run(int part)
        {
            nint from = Start(N, Level, part), to = Start(N, Level, part + 1);
            if (Joins) Join(from, Start(N, Level + 1, 2 * part + 1), to);
            else if (!Solve(from, to - from)) Linalg.Report(Stuck, part);
        }

        private readonly bool Solve(nint from, nint size)
        {
            nint stride = RowRotations.StrideFor(size);
            using var work = new Workspace<double>(size * stride + RowRotations.ScratchElements(size));
            double* vectors = work.Take(size * stride);
            new Span<double>(vectors, (int)(size * stride)).Clear();
            for (nint i = 0; i < size; i++) vectors[i * stride + i] = 1;
            var rotations = new RowRotations(vectors, size, stride, work.Take(RowRotations.ScratchElements(size)));
            bool converged = Tridiagonal.Diagonalise(D + from, E + from, size, ref rotations);
            for (nint i = 0; i < size; i++)
                new Span<double>(vectors + i * stride, (int)size).CopyTo(new Span<double>(Rows + (from + i) * Stride + from, (int)size));
            return converged;
        }

        private readonly void Join(nint from, nint cut, nint to)
        {
            nint size = to - from;
            double* vectors = Scratch + 2 * N * N;
            int* numbers = (int*)(vectors + TridiagonalPair.Vectors * N);
            new TridiagonalPair(D + from, Rows + from * Stride + from, Stride, size, cut - from, E[cut - 1], Scratch + 2 * from * N,
                vectors + TridiagonalPair.Vectors * from, numbers + 3 * from).Join();
        }
    }
}
