namespace Nabla.Kernels;

/// <summary>
/// Eigenvalues and eigenvectors of a symmetric tridiagonal matrix by <see cref="DivideAndConquer"/>; a unit is a row. A block is what is left when
/// the neighbours that couple it to others, and their magnitudes on the diagonal, are taken away: see <see cref="TridiagonalPair"/>.
/// </summary>
internal unsafe struct DividedTridiagonal : IDivided
{
    private double* _d, _e, _rows;
    private nint _n, _stride;

    public static int Matrices => 2;

    /// <summary>Elements of scratch for n rows.</summary>
    public static long ScratchElements(nint n) => DivideAndConquer.ScratchElements<DividedTridiagonal>(n);

    /// <summary>
    /// Diagonal d and n − 1 neighbours e, which are overwritten → eigenvalues in d, in no order, and their eigenvectors in dense rows,
    /// <paramref name="stride"/> apart. False if a block did not converge.
    /// </summary>
    public static bool Run(double* d, double* e, nint n, double* rows, nint stride, double* scratch)
    {
        for (nint i = 0; i < n; i++) new Span<double>(rows + i * stride, (int)n).Clear();
        var matrix = new DividedTridiagonal { _d = d, _e = e, _rows = rows, _n = n, _stride = stride };
        return DivideAndConquer.Run(ref matrix, n, scratch);
    }

    public readonly bool Solve(nint from, nint to)
    {
        if (from > 0) _d[from] -= Math.Abs(_e[from - 1]);
        if (to < _n) _d[to - 1] -= Math.Abs(_e[to - 1]);
        nint size = to - from;
        using var work = new Workspace<double>(SmallRows.Elements(size));
        var vectors = new SmallRows(size, work);
        RowRotations rotations = vectors.Rotations;
        bool converged = Tridiagonal.Diagonalise(_d + from, _e + from, size, ref rotations);
        vectors.CopyTo(_rows + from * _stride + from, _stride);
        return converged;
    }

    public readonly void Join(nint from, nint cut, nint to, DivideAndConquer.Room room) =>
        new TridiagonalPair(_d + from, _rows + from * _stride + from, _stride, to - from, cut - from, _e[cut - 1], room).Join();
}
