using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Nabla.Kernels;

/// <summary>
/// Two tridiagonal blocks whose eigenvalues d and eigenvectors (rows; zero outside their block) are known, and the neighbour ρ that couples them:
/// joined, they are Xᵀ·(diag(d) + |ρ|·z·zᵀ)·X, with z the last column of the first block's vectors and the first of the second's. Eigenvalues
/// with negligible z, or so near to another that a rotation makes it negligible, are done ("deflated"); the others are the roots of a secular
/// equation. Its vectors are those of the z that has exactly the roots found, which makes them orthogonal to rounding. Source: Gu and
/// Eisenstat, A divide-and-conquer algorithm for the symmetric tridiagonal eigenproblem (SIAM J. Matrix Anal. Appl. 1995).
/// </summary>
internal unsafe struct TridiagonalPair
{
    /// <summary>Vectors of scratch beside two matrices.</summary>
    public const int Vectors = 5;

    private const double Epsilon = 1.1102230246251565e-16;
    private const int RootsAtOnce = 16;
    private const int ColumnsAtOnce = 128;
    private const int First = 0, Full = 1, Second = 2;

    private readonly double* _d, _rows, _solutions, _packed, _z, _poles, _weights, _roots, _kept;
    private readonly int* _order, _kind, _place;
    private readonly nint _stride, _n, _cut;
    private readonly double _rho;
    private nint _count;

    // How many vectors that are not done have elements in the first block's columns, in all, and in the second's.
    private nint _first, _full, _second;

    /// <summary>
    /// n eigenvalues d and rows, of which the first <paramref name="cut"/> belong to the first block; scratch: two n × n matrices,
    /// <see cref="Vectors"/>·n elements, 3·n numbers.
    /// </summary>
    public TridiagonalPair(
        double* d, double* rows, nint stride, nint n, nint cut, double coupling, double* matrices, double* vectors, int* numbers)
    {
        _d = d;
        _rows = rows;
        _stride = stride;
        _n = n;
        _cut = cut;
        _solutions = matrices;
        _packed = matrices + n * n;
        _z = vectors;
        _poles = vectors + n;
        _weights = vectors + 2 * n;
        _roots = vectors + 3 * n;
        _kept = vectors + 4 * n;
        _order = numbers;
        _kind = numbers + n;
        _place = numbers + 2 * n;
        // z has length √2: made 1.
        _rho = 2 * Math.Abs(coupling);
        double half = Math.Sqrt(0.5), sign = Math.CopySign(half, coupling);
        for (nint i = 0; i < n; i++) _z[i] = i < cut ? half * rows[i * stride + cut - 1] : sign * rows[i * stride + cut];
    }

    /// <summary>Replaces eigenvalues and rows by those of the whole block, in no order.</summary>
    public void Join()
    {
        Deflate();
        if (_count == 0) return;
        for (nint k = 0; k < _count; k++)
        {
            double z = _z[_order[k]];
            (_poles[k], _weights[k], _kept[k]) = (_d[_order[k]], _rho * z * z, z);
        }
        var job = new Job { Pair = this, Step = Step.Roots };
        Linalg.RunParts(ref job, Parts(_count, RootsAtOnce), RootsAtOnce * _count * 32);
        job.Step = Step.Coupling;
        Linalg.RunParts(ref job, Parts(_count, ColumnsAtOnce), ColumnsAtOnce * _count * 4);
        FindPlaces();
        job.Step = Step.Normalise;
        Linalg.RunParts(ref job, Parts(_count, RootsAtOnce), RootsAtOnce * _count * 8);
        Multiply();
    }

    private static int Parts(nint count, int atOnce) => (int)((count + atOnce - 1) / atOnce);

    // Order: what is kept, by ascending d, then what is done. While rows are compared, place holds what is done from its end on.
    private void Deflate()
    {
        for (int i = 0; i < _n; i++) (_order[i], _kind[i], _poles[i]) = (i, i < _cut ? First : Second, _d[i]);
        new Span<double>(_poles, (int)_n).Sort(new Span<int>(_order, (int)_n));
        double tolerance = 8 * Epsilon * Math.Max(VectorKernel<double>.MaxAbs(_d, _n), VectorKernel<double>.MaxAbs(_z, _n));
        nint done = _n;
        int pending = -1;
        for (nint p = 0; p < _n; p++)
        {
            int i = _order[p];
            if (_rho * Math.Abs(_z[i]) <= tolerance)
            {
                _place[--done] = i;
                continue;
            }
            if (pending >= 0 && Merge(pending, i, tolerance)) _place[--done] = pending;
            else if (pending >= 0) _order[_count++] = pending;
            pending = i;
        }
        if (pending >= 0) _order[_count++] = pending;
        new Span<int>(_place + _count, (int)(_n - _count)).CopyTo(new Span<int>(_order + _count, (int)(_n - _count)));
    }

    // Turns two vectors so that z of the first is 0, if what that puts beside the diagonal is negligible.
    private readonly bool Merge(int i, int j, double tolerance)
    {
        double length = double.Hypot(_z[i], _z[j]), s = _z[i] / length, c = _z[j] / length;
        if (Math.Abs((_d[j] - _d[i]) * c * s) > tolerance) return false;
        (_z[i], _z[j]) = (0, length);
        (_d[i], _d[j]) = (_d[i] * c * c + _d[j] * s * s, _d[i] * s * s + _d[j] * c * c);
        if (_kind[i] != _kind[j]) _kind[i] = _kind[j] = Full;
        double* x = _rows + i * _stride, y = _rows + j * _stride;
        for (nint k = 0; k < _n; k++) (x[k], y[k]) = (c * x[k] - s * y[k], c * y[k] + s * x[k]);
        return true;
    }

    // Vectors of one kind become neighbours, so that a product meets no zeros of the other block.
    private void FindPlaces()
    {
        var counts = stackalloc nint[3] { 0, 0, 0 };
        for (nint k = 0; k < _count; k++) _place[k] = (int)counts[_kind[_order[k]]]++;
        (_first, _full, _second) = (counts[First], counts[Full], counts[Second]);
        for (nint k = 0; k < _count; k++) _place[k] += (int)(_kind[_order[k]] switch { First => 0, Full => _first, _ => _first + _full });
    }

    private readonly void Multiply()
    {
        nint left = _first + _full, right = _full + _second, rest = _n - _cut, done = _n - _count;
        double* other = _packed + left * _cut, finished = other + right * rest;
        for (nint k = 0; k < _count; k++)
        {
            double* row = _rows + _order[k] * _stride;
            if (_place[k] < left) Copy(row, _packed + _place[k] * _cut, _cut);
            if (_place[k] >= _first) Copy(row + _cut, other + (_place[k] - _first) * rest, rest);
        }
        for (nint k = 0; k < done; k++)
        {
            Copy(_rows + _order[_count + k] * _stride, finished + k * _n, _n);
            _roots[_count + k] = _d[_order[_count + k]];
        }
        Product(0, left, _packed, 0, _cut);
        Product(_first, right, other, _cut, rest);
        for (nint k = 0; k < done; k++) Copy(finished + k * _n, _rows + (_count + k) * _stride, _n);
        Copy(_roots, _d, _n);
    }

    // The solutions' columns from one on, times as many packed rows, are columns of the result.
    private readonly void Product(nint from, nint depth, double* packed, nint column, nint columns)
    {
        var target = new MatrixView<double>(_rows + column, _count, columns, _stride, 1);
        if (depth > 0) target.SetProduct(new MatrixView<double>(_solutions + from, _count, depth, _count, 1), new MatrixView<double>(packed, depth, columns, columns, 1));
        else
            for (nint k = 0; k < _count; k++) new Span<double>(_rows + k * _stride + column, (int)columns).Clear();
    }

    private static void Copy(double* from, double* to, nint count) => new Span<double>(from, (int)count).CopyTo(new Span<double>(to, (int)count));

    // Rows of the solutions: the differences dⱼ − λ of one root.
    private readonly void FindRoots(nint from, nint to)
    {
        for (nint i = from; i < to; i++) _roots[i] = SecularEquation.Solve(_poles, _weights, _count, i, _solutions + i * _count);
    }

    // Loewner: zⱼ² ∝ −Πᵢ(dⱼ − λᵢ) / Πᵢ≠ⱼ(dⱼ − dᵢ) has the roots λ; the sign is that of the z given.
    private readonly void FindCoupling(nint from, nint to)
    {
        double* squares = stackalloc double[ColumnsAtOnce];
        for (nint j = from; j < to; j++) squares[j - from] = -_solutions[j * _count + j];
        for (nint i = 0; i < _count; i++)
        {
            nint before = Math.Clamp(i, from, to), after = Math.Clamp(i + 1, from, to);
            MultiplyQuotients(squares, _solutions + i * _count + from, _poles + from, _poles[i], before - from);
            MultiplyQuotients(squares + (after - from), _solutions + i * _count + after, _poles + after, _poles[i], to - after);
        }
        for (nint j = from; j < to; j++) _kept[j] = Math.CopySign(Math.Sqrt(squares[j - from]), _kept[j]);
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

    // A root's vector is zⱼ / (dⱼ − λ), of length 1, in the order of the places.
    private readonly void Normalise(nint from, nint to)
    {
        double* vector = Scratch.Get<double>(Scratch.Slot.Linalg, _count);
        for (nint i = from; i < to; i++)
        {
            double* row = _solutions + i * _count;
            for (nint j = 0; j < _count; j++) vector[j] = _kept[j] / row[j];
            double inverse = 1 / Math.Sqrt(VectorKernel<double>.Dot(vector, vector, _count));
            for (nint j = 0; j < _count; j++) row[_place[j]] = vector[j] * inverse;
        }
    }

    private enum Step
    {
        Roots,
        Coupling,
        Normalise,
    }

    private struct Job : IParallelJob
    {
        public TridiagonalPair Pair;
        public Step Step;

        public readonly void Run(int part)
        {
            int size = Step == Step.Coupling ? ColumnsAtOnce : RootsAtOnce;
            nint from = (nint)part * size, to = Math.Min(Pair._count, from + size);
            if (Step == Step.Roots) Pair.FindRoots(from, to);
            else if (Step == Step.Coupling) Pair.FindCoupling(from, to);
            else Pair.Normalise(from, to);
        }
    }
}
