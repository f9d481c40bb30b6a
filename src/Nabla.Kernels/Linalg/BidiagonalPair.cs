namespace Nabla.Kernels;

/// <summary>
/// Two upper bidiagonal blocks with known singular values d and vectors, and the row between them: joined, they are Uᵀ·M·V with M diagonal but for
/// one row z, the middle row in terms of the right vectors of both. The middle row stands for d = 0. M's singular values are the square roots of the
/// roots of 1 + Σⱼ zⱼ²/(dⱼ² − λ); right vectors zⱼ/(dⱼ² − λ), left ones dⱼ·zⱼ/(dⱼ² − λ), and −1 for the middle row. Source: Gu and Eisenstat, A
/// divide-and-conquer algorithm for the bidiagonal SVD (SIAM J. Matrix Anal. Appl. 1995).
/// </summary>
internal unsafe struct BidiagonalPair
{
    private const double Epsilon = 1.1102230246251565e-16;

    private readonly double* _d, _z, _left, _right, _solutions, _leftSolutions, _packed;
    private readonly nint _n, _middle, _leftStride, _rightStride, _columns;
    private readonly double _tolerance;
    private RankOneUpdate _update;

    /// <summary>
    /// n rows, of which <paramref name="middle"/> couples: d there is the diagonal element, <paramref name="neighbour"/> what is right of it. The block
    /// has n columns or, if <paramref name="wide"/>, one more, whose right vector is row n.
    /// </summary>
    public BidiagonalPair(double* d, nint n, nint middle, double neighbour, bool wide, double* left, nint leftStride, double* right, nint rightStride,
        DivideAndConquer.Room room)
    {
        _d = d;
        _left = left;
        _right = right;
        _z = room.Vectors;
        _solutions = room.Matrices;
        _leftSolutions = room.Matrices + n * n;
        _packed = room.Matrices + 2 * n * n;
        (_n, _middle, _leftStride, _rightStride, _columns) = (n, middle, leftStride, rightStride, wide ? n + 1 : n);
        _update = new RankOneUpdate(n, room.Vectors + n + 1, room.Numbers);
        double diagonal = d[middle];
        for (nint i = 0; i < n; i++)
        {
            _z[i] = i <= middle ? diagonal * right[i * rightStride + middle] : neighbour * right[i * rightStride + middle + 1];
            _update.SetKind(i, i <= middle ? RankOneUpdate.Kind.First : RankOneUpdate.Kind.Second);
        }
        d[middle] = 0;
        left[middle * leftStride + middle] = 1;
        _tolerance = 8 * Epsilon * Math.Max(VectorKernel<double>.MaxAbs(d, n), Math.Max(Math.Abs(diagonal), Math.Abs(neighbour)));
        if (wide) DropLast(neighbour * right[n * rightStride + middle + 1]);
        if (Math.Abs(_z[middle]) < _tolerance) _z[middle] = _tolerance;
    }

    // Each block has a right vector that it maps to 0. Turned so that the middle row sees only one of them, the other is that of the whole.
    private readonly void DropLast(double last)
    {
        double length = double.Hypot(_z[_middle], last);
        _update.SetKind(_middle, RankOneUpdate.Kind.Full);
        if (length == 0) return;
        Rotation.Turn(_right + _middle * _rightStride, _right + _n * _rightStride, _columns, _z[_middle] / length, last / length);
        _z[_middle] = length;
    }

    /// <summary>Replaces values and rows by those of the whole block, in no order.</summary>
    public void Join()
    {
        if (_tolerance == 0) return;
        Deflate();
        nint count = _update.Count;
        for (nint k = 0; k < count; k++)
        {
            int i = _update.Order[k];
            (_update.Poles[k], _update.Weights[k], _update.Coupling[k]) = (_d[i] * _d[i], _z[i] * _z[i], _z[i]);
        }
        _update.Solve(_solutions);
        var job = new NormaliseJob { Update = _update, Solutions = _solutions, LeftSolutions = _leftSolutions };
        Linalg.RunParts(ref job, _update.Parts(RankOneUpdate.RootsAtOnce), RankOneUpdate.RootsAtOnce * count * 16);
        for (nint k = 0; k < count; k++) _update.Roots[k] = Math.Sqrt(_update.Roots[k]);
        for (nint k = count; k < _n; k++) _update.Roots[k] = _d[_update.Order[k]];
        new Span<double>(_update.Roots, (int)_n).CopyTo(new Span<double>(_d, (int)_n));
        _update.Turn(_solutions, _right, _rightStride, _middle + 1, _middle + 1, _columns, _packed);
        _update.Turn(_leftSolutions, _left, _leftStride, _middle, _middle + 1, _n, _packed);
        // The column between the blocks: only the middle row, the first of all, has an element there.
        nint place = _update.PlaceOf(0);
        for (nint k = 0; k < count; k++) _left[k * _leftStride + _middle] = _leftSolutions[k * count + place];
    }

    // The middle row takes part in any case, as the first.
    private void Deflate()
    {
        _update.Sort(_d);
        int pending = (int)_middle;
        for (nint p = 0; p < _n; p++)
        {
            int i = _update.Order[p];
            if (i == _middle) continue;
            if (Math.Abs(_z[i]) <= _tolerance)
            {
                _update.Finish(i);
                continue;
            }
            if (pending == _middle && _d[i] <= _tolerance)
            {
                MergeWithMiddle(i);
                _update.Finish(i);
                continue;
            }
            if (pending != _middle && Merge(pending, i)) _update.Finish(pending);
            else _update.Keep(pending);
            pending = i;
        }
        _update.Keep(pending);
    }

    // A value that is 0 to rounding: right vectors alone are turned.
    private readonly void MergeWithMiddle(int i)
    {
        double length = double.Hypot(_z[_middle], _z[i]);
        Rotation.Turn(_right + _middle * _rightStride, _right + i * _rightStride, _columns, _z[_middle] / length, _z[i] / length);
        (_z[_middle], _z[i], _d[i]) = (length, 0, 0);
        _update.Mix(_middle, i);
    }

    private readonly bool Merge(int i, int j)
    {
        if (!_update.Merges(_d, _z, i, j, _tolerance, out double c, out double s)) return false;
        Rotation.Turn(_left + j * _leftStride, _left + i * _leftStride, _n, c, s);
        Rotation.Turn(_right + j * _rightStride, _right + i * _rightStride, _columns, c, s);
        return true;
    }

    private struct NormaliseJob : IParallelJob
    {
        public RankOneUpdate Update;
        public double* Solutions, LeftSolutions;

        public readonly void Run(int part)
        {
            nint count = Update.Count, from = (nint)part * RankOneUpdate.RootsAtOnce, to = Math.Min(count, from + RankOneUpdate.RootsAtOnce);
            double* right = Scratch.Get<double>(Scratch.Slot.Linalg, 2 * count), left = right + count;
            for (nint i = from; i < to; i++)
            {
                double* row = Solutions + i * count;
                for (nint j = 0; j < count; j++)
                {
                    right[j] = Update.Coupling[j] / row[j];
                    left[j] = Math.Sqrt(Update.Poles[j]) * right[j];
                }
                left[0] = -1;
                Update.Normalise(right, row);
                Update.Normalise(left, LeftSolutions + i * count);
            }
        }
    }
}
