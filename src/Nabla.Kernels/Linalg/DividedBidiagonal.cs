namespace Nabla.Kernels;

/// <summary>
/// Singular values and vectors of an upper bidiagonal matrix by <see cref="DivideAndConquer"/>. A block of k units is k − 1 rows and, but for the
/// last block, k columns: the row between two blocks couples them, see <see cref="BidiagonalPair"/>. A block with a column more than rows has a
/// right vector more, which it maps to 0. Source: Gu and Eisenstat, A divide-and-conquer algorithm for the bidiagonal SVD (SIAM J. Matrix Anal.
/// Appl. 1995).
/// </summary>
internal unsafe struct DividedBidiagonal : IDivided
{
    private double* _d, _e, _left, _right;
    private nint _n, _leftStride, _rightStride;

    public static int Matrices => 3;

    /// <summary>Elements of scratch for n rows.</summary>
    public static long ScratchElements(nint n) => DivideAndConquer.ScratchElements<DividedBidiagonal>(n + 1);

    /// <summary>
    /// Diagonal d and n − 1 neighbours e, which are overwritten → singular values ≥ 0 in d, in no order, and their vectors in dense rows of left and
    /// right. False if a block did not converge.
    /// </summary>
    public static bool Run(double* d, double* e, nint n, double* left, nint leftStride, double* right, nint rightStride, double* scratch)
    {
        for (nint i = 0; i < n; i++)
        {
            new Span<double>(left + i * leftStride, (int)n).Clear();
            new Span<double>(right + i * rightStride, (int)n).Clear();
        }
        var matrix = new DividedBidiagonal { _d = d, _e = e, _left = left, _right = right, _n = n, _leftStride = leftStride, _rightStride = rightStride };
        return DivideAndConquer.Run(ref matrix, n + 1, scratch);
    }

    public readonly bool Solve(nint from, nint to)
    {
        nint size = to - 1 - from, columns = to <= _n ? size + 1 : size;
        if (size == 0)
        {
            if (columns > 0) _right[from * _rightStride + from] = 1;
            return true;
        }
        using var work = new Workspace<double>(SmallRows.Elements(size) + SmallRows.Elements(columns));
        SmallRows left = new(size, work), right = new(columns, work);
        RowRotations leftRotations = left.Rotations, rightRotations = right.Rotations;
        double* d = _d + from, e = _e + from;
        bool converged;
        if (columns == size) converged = Bidiagonal.Diagonalise(d, e, size, ref leftRotations, ref rightRotations);
        else
        {
            DropColumn(d, e, size, ref rightRotations);
            converged = Bidiagonal.Diagonalise(d, e, size, ref rightRotations, ref leftRotations);
        }
        for (nint i = 0; i < size; i++)
        {
            if (d[i] < 0) right.Negate(i);
            d[i] = Math.Abs(d[i]);
        }
        left.CopyTo(_left + from * _leftStride + from, _leftStride);
        right.CopyTo(_right + from * _rightStride + from, _rightStride);
        return converged;
    }

    // Rotates the last column away; what is left is lower bidiagonal: the transpose of an upper one, whose left vectors are the right ones here.
    private static void DropColumn(double* d, double* e, nint size, ref RowRotations right)
    {
        right.Begin(0, size);
        for (nint i = 0; i < size; i++)
        {
            d[i] = Rotation.Make(d[i], e[i], out double c, out double s);
            right.Add(c, s);
            if (i + 1 == size) break;
            e[i] = s * d[i + 1];
            d[i + 1] *= c;
        }
    }

    public readonly void Join(nint from, nint cut, nint to, DivideAndConquer.Room room)
    {
        nint row = cut - 1, n = to - 1 - from;
        new BidiagonalPair(_d + from, n, row - from, _e[row], to <= _n,
            _left + from * _leftStride + from, _leftStride, _right + from * _rightStride + from, _rightStride, room).Join();
    }
}
