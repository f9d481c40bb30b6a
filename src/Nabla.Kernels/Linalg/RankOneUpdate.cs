using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// What joining two blocks has in common for tridiagonal and bidiagonal matrices: the roots of 1 + Σⱼ zⱼ²/(pⱼ − λ), the vectors that belong to
/// them, and the products of these with the vectors of the two blocks. The poles are numbered as the rows of the block; those that are "kept"
/// take part, the others are done. Vectors are those of the z that has exactly the roots found (Loewner), which makes them orthogonal to
/// rounding. Source: Gu and Eisenstat, A stable and efficient algorithm for the rank-one modification of the symmetric eigenproblem (SIAM J.
/// Matrix Anal. Appl. 1994).
/// </summary>
internal unsafe struct RankOneUpdate
{
    /// <summary>Vectors of scratch that <see cref="RankOneUpdate(nint, double*, int*)"/> needs.</summary>
    public const int Vectors = 4;

    /// <summary>Numbers of scratch for each row.</summary>
    public const int Numbers = 3;

    /// <summary>Roots that a thread takes at once.</summary>
    public const int RootsAtOnce = 16;

    private const int ColumnsAtOnce = 128;

    private readonly int* _kind, _place;
    private int _done;

    // How many of the kept vectors have elements in the first block's columns only, in all, and in the second's only.
    private nint _first, _full, _second;

    /// <summary>A block of n rows.</summary>
    public RankOneUpdate(nint n, double* vectors, int* numbers)
    {
        N = n;
        Poles = vectors;
        Weights = vectors + n;
        Roots = vectors + 2 * n;
        Coupling = vectors + 3 * n;
        Order = numbers;
        _kind = numbers + n;
        _place = numbers + 2 * n;
    }

    /// <summary>Which columns of a row are not zero.</summary>
    public enum Kind
    {
        First,
        Full,
        Second,
    }

    public readonly nint N;

    /// <summary>Poles and z² of the kept rows, ascending; the roots; z, later the z that has exactly these roots.</summary>
    public readonly double* Poles, Weights, Roots, Coupling;

    /// <summary>The rows that are kept, by ascending pole, then those that are done.</summary>
    public readonly int* Order;

    /// <summary>Rows that are kept.</summary>
    public nint Count { get; private set; }

    /// <summary>Starts with the rows in ascending order of d.</summary>
    public void Sort(double* d)
    {
        for (int i = 0; i < N; i++) (Order[i], Poles[i]) = (i, d[i]);
        new Span<double>(Poles, (int)N).Sort(new Span<int>(Order, (int)N));
        (Count, _done) = (0, (int)N);
    }

    /// <summary>Row i has elements in these columns.</summary>
    public readonly void SetKind(nint i, Kind kind) => _kind[i] = (int)kind;

    /// <summary>Rows i and j have been mixed.</summary>
    public readonly void Mix(nint i, nint j)
    {
        if (_kind[i] != _kind[j]) _kind[i] = _kind[j] = (int)Kind.Full;
    }

    /// <summary>
    /// If d of i and j are so near that what their rotation puts beside the diagonal is within the tolerance: makes z of i 0, and says by which c and s
    /// row j becomes c·(row j) + s·(row i), and row i c·(row i) − s·(row j).
    /// </summary>
    public readonly bool Merges(double* d, double* z, int i, int j, double tolerance, out double c, out double s)
    {
        double length = double.Hypot(z[i], z[j]);
        (c, s) = (z[j] / length, z[i] / length);
        if (Math.Abs((d[j] - d[i]) * c * s) > tolerance) return false;
        (z[i], z[j]) = (0, length);
        (d[i], d[j]) = (d[i] * c * c + d[j] * s * s, d[i] * s * s + d[j] * c * c);
        Mix(i, j);
        return true;
    }

    /// <summary>Row i takes part; rows are kept in the order of their poles, at most as many as were read from <see cref="Order"/>.</summary>
    public void Keep(int i) => Order[Count++] = i;

    /// <summary>Row i is an answer already. The place of these rows is not in use yet and holds their numbers.</summary>
    public void Finish(int i) => _place[--_done] = i;

    /// <summary>
    /// The roots of the kept rows, whose poles, weights and couplings have been set; <paramref name="differences"/>[i·Count + j] = pole j − root i.
    /// </summary>
    public void Solve(double* differences)
    {
        new Span<int>(_place + Count, (int)(N - Count)).CopyTo(new Span<int>(Order + Count, (int)(N - Count)));
        var job = new Job { Update = this, Differences = differences, Loewner = false };
        Linalg.RunParts(ref job, Parts(RootsAtOnce), RootsAtOnce * Count * 32);
        job.Loewner = true;
        Linalg.RunParts(ref job, Parts(ColumnsAtOnce), ColumnsAtOnce * Count * 4);
        FindPlaces();
    }

    /// <summary>Parts of that many of the kept rows.</summary>
    public readonly int Parts(int atOnce) => (int)((Count + atOnce - 1) / atOnce);

    /// <summary>Writes a vector of the kept rows, divided by its length, in the order in which <see cref="Turn"/> takes its elements.</summary>
    public readonly void Normalise(double* vector, double* target)
    {
        double inverse = 1 / Math.Sqrt(VectorKernel<double>.Dot(vector, vector, Count));
        for (nint j = 0; j < Count; j++) target[_place[j]] = vector[j] * inverse;
    }

    /// <summary>Where <see cref="Normalise"/> put the element of kept row j.</summary>
    public readonly nint PlaceOf(nint j) => _place[j];

    /// <summary>
    /// rows := the solutions [Count, Count] times the kept rows, then the rows that are done. The first block has the columns below
    /// <paramref name="cut"/>, the second those from <paramref name="second"/> to <paramref name="width"/>; scratch: N·width elements.
    /// </summary>
    public readonly void Turn(double* solutions, double* rows, nint stride, nint cut, nint second, nint width, double* scratch)
    {
        nint left = _first + _full, right = _full + _second, rest = width - second, done = N - Count;
        double* other = scratch + left * cut, finished = other + right * rest;
        for (nint k = 0; k < Count; k++)
        {
            double* row = rows + Order[k] * stride;
            if (_place[k] < left) Copy(row, scratch + _place[k] * cut, cut);
            if (_place[k] >= _first) Copy(row + second, other + (_place[k] - _first) * rest, rest);
        }
        for (nint k = 0; k < done; k++) Copy(rows + Order[Count + k] * stride, finished + k * width, width);
        Product(solutions, left, scratch, rows, stride, cut);
        Product(solutions + _first, right, other, rows + second, stride, rest);
        for (nint k = 0; k < done; k++) Copy(finished + k * width, rows + (Count + k) * stride, width);
    }

    private readonly void Product(double* solutions, nint depth, double* packed, double* target, nint stride, nint columns)
    {
        if (columns == 0) return;
        if (depth > 0) new MatrixView<double>(target, Count, columns, stride, 1).SetProduct(
            new MatrixView<double>(solutions, Count, depth, Count, 1), new MatrixView<double>(packed, depth, columns, columns, 1));
        else
            for (nint k = 0; k < Count; k++) new Span<double>(target + k * stride, (int)columns).Clear();
    }

    private static void Copy(double* from, double* to, nint count) => new Span<double>(from, (int)count).CopyTo(new Span<double>(to, (int)count));

    // Vectors of one kind become neighbours, so that a product meets no zeros of the other block.
    private void FindPlaces()
    {
        nint* counts = stackalloc nint[3];
        new Span<nint>(counts, 3).Clear();
        for (nint k = 0; k < Count; k++) _place[k] = (int)counts[_kind[Order[k]]]++;
        (_first, _full, _second) = (counts[(int)Kind.First], counts[(int)Kind.Full], counts[(int)Kind.Second]);
        for (nint k = 0; k < Count; k++)
            _place[k] += (int)((Kind)_kind[Order[k]] switch { Kind.First => 0, Kind.Full => _first, _ => _first + _full });
    }

    // zⱼ² = −Πᵢ(pⱼ − λᵢ) / Πᵢ≠ⱼ(pⱼ − pᵢ) has the roots λ; the sign is that of the z given.
    private readonly void FindCoupling(double* differences, nint from, nint to)
    {
        double* squares = stackalloc double[ColumnsAtOnce];
        for (nint j = from; j < to; j++) squares[j - from] = -differences[j * Count + j];
        for (nint i = 0; i < Count; i++)
        {
            nint before = Math.Clamp(i, from, to), after = Math.Clamp(i + 1, from, to);
            MultiplyQuotients(squares, differences + i * Count + from, Poles + from, Poles[i], before - from);
            MultiplyQuotients(squares + (after - from), differences + i * Count + after, Poles + after, Poles[i], to - after);
        }
        for (nint j = from; j < to; j++) Coupling[j] = Math.CopySign(Math.Sqrt(squares[j - from]), Coupling[j]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyQuotients(double* products, double* differences, double* poles, double pole, nint count)
    {
        Vector256<double> wide = Vector256.Create(pole);
        nint j = 0;
        for (; j + Vector256<double>.Count <= count; j += Vector256<double>.Count)
            (Vector256.Load(products + j) * (Vector256.Load(differences + j) / (Vector256.Load(poles + j) - wide))).Store(products + j);
        for (; j < count; j++) products[j] *= differences[j] / (poles[j] - pole);
    }

    private struct Job : IParallelJob
    {
        public RankOneUpdate Update;
        public double* Differences;
        public bool Loewner;

        public readonly void Run(int part)
        {
            nint size = Loewner ? ColumnsAtOnce : RootsAtOnce, from = part * size, to = Math.Min(Update.Count, from + size);
            if (Loewner) Update.FindCoupling(Differences, from, to);
            else
                for (nint i = from; i < to; i++)
                    Update.Roots[i] = SecularEquation.Solve(Update.Poles, Update.Weights, Update.Count, i, Differences + i * Update.Count);
        }
    }
}
