namespace Nabla.Kernels;

/// <summary>
/// Two tridiagonal blocks whose eigenvalues d and eigenvectors (rows; zero outside their block) are known, and the neighbour ρ that couples them:
/// joined, they are Xᵀ·(diag(d) + |ρ|·z·zᵀ)·X, with z the last column of the first block's vectors and the first of the second's. Eigenvalues
/// with negligible z, or so near to another that a rotation makes it negligible, are done ("deflated"). Source: Gu and Eisenstat, A
/// divide-and-conquer algorithm for the symmetric tridiagonal eigenproblem (SIAM J. Matrix Anal. Appl. 1995).
/// </summary>
internal unsafe struct TridiagonalPair
{
    private const double Epsilon = 1.1102230246251565e-16;

    private readonly double* _d, _z, _rows, _solutions, _packed;
    private readonly nint _stride, _n, _cut;
    private readonly double _rho;
    private RankOneUpdate _update;

    /// <summary>n eigenvalues d and rows, of which the first <paramref name="cut"/> belong to the first block.</summary>
    public TridiagonalPair(double* d, double* rows, nint stride, nint n, nint cut, double coupling, DivideAndConquer.Room room)
    {
        _d = d;
        _rows = rows;
        _solutions = room.Matrices;
        _packed = room.Matrices + n * n;
        _z = room.Vectors;
        (_stride, _n, _cut) = (stride, n, cut);
        _update = new RankOneUpdate(n, room.Vectors + n, room.Numbers);
        // z has length √2: made 1.
        _rho = 2 * Math.Abs(coupling);
        double half = Math.Sqrt(0.5), sign = Math.CopySign(half, coupling);
        for (nint i = 0; i < n; i++)
        {
            _z[i] = i < cut ? half * rows[i * stride + cut - 1] : sign * rows[i * stride + cut];
            _update.SetKind(i, i < cut ? RankOneUpdate.Kind.First : RankOneUpdate.Kind.Second);
        }
    }

    /// <summary>Replaces eigenvalues and rows by those of the whole block, in no order.</summary>
    public void Join()
    {
        Deflate();
        nint count = _update.Count;
        if (count == 0) return;
        for (nint k = 0; k < count; k++)
        {
            int i = _update.Order[k];
            (_update.Poles[k], _update.Weights[k], _update.Coupling[k]) = (_d[i], _rho * _z[i] * _z[i], _z[i]);
        }
        _update.Solve(_solutions);
        for (nint k = count; k < _n; k++) _update.Roots[k] = _d[_update.Order[k]];
        var job = new NormaliseJob { Update = _update, Solutions = _solutions };
        Linalg.RunParts(ref job, _update.Parts(RankOneUpdate.RootsAtOnce), RankOneUpdate.RootsAtOnce * count * 8);
        _update.Turn(_solutions, _rows, _stride, _cut, _cut, _n, _packed);
        new Span<double>(_update.Roots, (int)_n).CopyTo(new Span<double>(_d, (int)_n));
    }

    private void Deflate()
    {
        _update.Sort(_d);
        double tolerance = 8 * Epsilon * Math.Max(VectorKernel<double>.MaxAbs(_d, _n), VectorKernel<double>.MaxAbs(_z, _n));
        int pending = -1;
        for (nint p = 0; p < _n; p++)
        {
            int i = _update.Order[p];
            if (_rho * Math.Abs(_z[i]) <= tolerance)
            {
                _update.Finish(i);
                continue;
            }
            if (pending >= 0 && Merge(pending, i, tolerance)) _update.Finish(pending);
            else if (pending >= 0) _update.Keep(pending);
            pending = i;
        }
        if (pending >= 0) _update.Keep(pending);
    }

    private readonly bool Merge(int i, int j, double tolerance)
    {
        if (!_update.Merges(_d, _z, i, j, tolerance, out double c, out double s)) return false;
        Rotation.Turn(_rows + j * _stride, _rows + i * _stride, _n, c, s);
        return true;
    }

    // Root i's vector is zⱼ / (pⱼ − λᵢ).
    private struct NormaliseJob : IParallelJob
    {
        public RankOneUpdate Update;
        public double* Solutions;

        public readonly void Run(int part)
        {
            nint count = Update.Count, from = (nint)part * RankOneUpdate.RootsAtOnce, to = Math.Min(count, from + RankOneUpdate.RootsAtOnce);
            double* vector = Scratch.Get<double>(Scratch.Slot.Linalg, count);
            for (nint i = from; i < to; i++)
            {
                double* row = Solutions + i * count;
                for (nint j = 0; j < count; j++) vector[j] = Update.Coupling[j] / row[j];
                Update.Normalise(vector, row);
            }
        }
    }
}
