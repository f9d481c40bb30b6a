namespace Nabla.Kernels;

/// <summary>
/// A condensed matrix that falls into blocks. Its rows are counted in units: block b of level l has the units from n·b / 2ˡ to n·(b + 1) / 2ˡ, so
/// that two blocks of a level are one of the level above.
/// </summary>
internal unsafe interface IDivided
{
    /// <summary>Square matrices of scratch that joining takes.</summary>
    static abstract int Matrices { get; }

    /// <summary>Finds values and vectors of a block of at most 32 units; false if the iteration did not converge.</summary>
    bool Solve(nint from, nint to);

    /// <summary>Finds those of a block from those of its halves.</summary>
    void Join(nint from, nint cut, nint to, DivideAndConquer.Room room);
}

/// <summary>
/// Eigenvalues and singular values with their vectors from those of two halves, which differ from the whole by a matrix of rank one: small blocks
/// by rotations, then pairs of neighbours joined, level by level. Most of the work is matrix products. Source: Cuppen, A divide and conquer method
/// for the symmetric tridiagonal eigenproblem (Numer. Math. 1981).
/// </summary>
internal static unsafe class DivideAndConquer
{
    private const int Leaf = 32;
    private const int Vectors = 1 + RankOneUpdate.Vectors;

    // Joins of pairs up to this size are spread over threads, one a part; those of larger ones use all threads themselves.
    private const int JoinedAlone = 256;

    /// <summary>Scratch for the joining of one block: its square matrices, five vectors, and three numbers for each unit.</summary>
    public readonly struct Room(double* matrices, double* vectors, int* numbers)
    {
        public double* Matrices => matrices;
        public double* Vectors => vectors;
        public int* Numbers => numbers;
    }

    /// <summary>Elements of scratch.</summary>
    public static long ScratchElements<TMatrix>(nint units) where TMatrix : struct, IDivided =>
        ((long)TMatrix.Matrices * units + Vectors + (RankOneUpdate.Numbers + 1) / 2) * units;

    /// <summary>Solves all blocks and joins them. False if a block did not converge.</summary>
    public static bool Run<TMatrix>(ref TMatrix matrix, nint units, double* scratch) where TMatrix : struct, IDivided
    {
        int levels = 0;
        while (units > (nint)Leaf << levels) levels++;
        long stuck = long.MaxValue;
        var job = new Job<TMatrix> { Matrix = matrix, Scratch = scratch, Units = units, Level = levels, Stuck = &stuck };
        Linalg.RunParts(ref job, 1 << levels, 8L * Leaf * Leaf * Leaf);
        job.Joins = true;
        for (job.Level = levels - 1; job.Level >= 0 && stuck == long.MaxValue; job.Level--)
        {
            nint size = units >> job.Level;
            if (size <= JoinedAlone) Linalg.RunParts(ref job, 1 << job.Level, size * size * size);
            else
                for (int part = 0; part < 1 << job.Level; part++) job.Run(part);
        }
        return stuck == long.MaxValue;
    }

    /// <summary>First unit of a block.</summary>
    private static nint Start(nint units, int level, nint block) => (nint)((long)units * block >> level);

    private struct Job<TMatrix> : IParallelJob where TMatrix : struct, IDivided
    {
        public TMatrix Matrix;
        public double* Scratch;
        public nint Units;
        public int Level;
        public bool Joins;
        public long* Stuck;

        public readonly void Run(int part)
        {
            nint from = Start(Units, Level, part), to = Start(Units, Level, part + 1);
            if (Joins) Matrix.Join(from, Start(Units, Level + 1, 2 * part + 1), to, RoomOf(from));
            else if (!Matrix.Solve(from, to)) Linalg.Report(Stuck, part);
        }

        private readonly Room RoomOf(nint from)
        {
            double* vectors = Scratch + TMatrix.Matrices * Units * Units;
            var numbers = (int*)(vectors + Vectors * Units);
            return new Room(Scratch + TMatrix.Matrices * from * Units, vectors + Vectors * from, numbers + RankOneUpdate.Numbers * from);
        }
    }
}
