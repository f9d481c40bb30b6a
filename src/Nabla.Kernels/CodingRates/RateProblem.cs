using System.Numerics;
using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

/// <summary>
/// One sum of coding rates: sort by class, Gram matrices of ranges of rows, factor and invert each matrix, then the gradient row by row. Rows are gathered a few at
/// a time, so the features are never stored in another order.
/// </summary>
internal unsafe struct RateProblem<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly int _n, _d;
    private readonly int* _labels;
    private readonly nint _labelStride;
    private readonly RateForm _form;
    private readonly T* _gradient;
    private MatrixView<T> _rows;
    private ClassTable _table;
    private T* _matrices;

    /// <summary>Rows [n, d]; the gradient is dense, or null if it is not wanted.</summary>
    public RateProblem(MatrixView<T> rows, int* labels, nint labelStride, in RateForm form, T* gradient)
    {
        (_n, _d, _rows) = (checked((int)rows.Rows), checked((int)rows.Columns), rows);
        _labels = labels;
        _gradient = gradient;
        (_labelStride, _form) = (labelStride, form);
    }

    /// <summary>Computes the value, and the gradient if it is wanted; false if something is not finite or a label is wrong.</summary>
    public bool Run(out T value)
    {
        value = T.Zero;
        if (_d == 0) return true;
        _table = new ClassTable(_n, _d, _form.Classes);
        if (!_table.Sort(_labels, _labelStride, _form, _form.SmallBelow<T>(_n, _d))) return false;
        if (_n == 0) return true;
        bool dense = _rows.ColumnStride == 1 || _d == 1;
        _matrices = Scratch.Get<T>(Scratch.Slot.RateMatrices, _table.Elements + (dense ? 0 : (long)_n * _d));
        if (!dense) CopyRows(_matrices + _table.Elements);

        bool shared = (double)_n * _d * Math.Min(_n, _d) >= GemmConfig.ParallelFrom;
        var grams = new GramJob(this);
        Do(ref grams, _table.GramCount, shared);
        AddGrams();
        var factors = new FactorJob(this);
        Do(ref factors, _form.Classes + 1, shared);
        double sum = 0;
        for (int j = 0; j <= _form.Classes; j++)
            if (!_table.Parts[j].Empty) sum += _table.Parts[j].Weight * 0.5 * _table.Parts[j].LogDet;
        if (!double.IsFinite(sum)) return false;
        value = T.CreateTruncating(sum);
        if (_gradient is null) return true;
        Fold();
        var products = new ProductJob(this);
        Do(ref products, _table.ProductCount, shared);
        return true;
    }

    private static void Do<TJob>(ref TJob job, int parts, bool shared) where TJob : struct, IParallelJob
    {
        if (shared) Workers.Run(ref job, parts);
        else
            for (int part = 0; part < parts; part++) job.Run(part);
    }

    private void CopyRows(T* target)
    {
        Pack.Panel(_rows.Address, _rows.ColumnStride, _rows.RowStride, _d, _n, target, _d);
        _rows = new MatrixView<T>(target, _n, _d, _d, 1);
    }

    private readonly MatrixView<T> Matrix(in RatePart part)
    {
        int size = part.Small ? part.Count : _d;
        return new MatrixView<T>(_matrices + part.Offset, size, size, size, 1);
    }

    // Samples at a range of the order: where they lie if they are neighbours, else gathered into the buffer.
    private readonly MatrixView<T> Rows(int start, int count, T* buffer)
    {
        int* order = _table.Order + start;
        if (AreNeighbours(start, count)) return _rows.Block(order[0], 0, count, _d);
        uint bytes = checked((uint)(_d * sizeof(T)));
        for (int i = 0; i < count; i++) Unsafe.CopyBlockUnaligned(buffer + (nint)i * _d, _rows.Address + order[i] * _rows.RowStride, bytes);
        return new MatrixView<T>(buffer, count, _d, _d, 1);
    }

    private readonly bool AreNeighbours(int start, int count)
    {
        if (_table.Order[start + count - 1] - _table.Order[start] != count - 1) return false;
        for (int i = 1; i < count; i++)
            if (_table.Order[start + i] != _table.Order[start + i - 1] + 1) return false;
        return true;
    }

    // Sums the ranges of each part, then the classes into the matrix of all samples.
    private readonly void AddGrams()
    {
        nint square = (nint)_d * _d;
        ref RatePart all = ref _table.All;
        for (int i = 0; i < _table.GramCount; i++)
        {
            RatePiece piece = _table.Grams[i];
            long own = _table.Parts[piece.Part].Offset;
            if (piece.Target != own) VectorKernel<T>.AddMultiple(_matrices + own, _matrices + piece.Target, T.One, square);
        }
        if (all.Empty || all.Small) return;
        bool started = false;
        for (int i = 0; i < _table.GramCount; i++) started |= _table.Grams[i].Part == _form.Classes;
        if (!started) new Span<T>(_matrices + all.Offset, checked((int)square)).Clear();
        for (int j = 0; j < _form.Classes; j++)
            if (!_table.Parts[j].Empty && !_table.Parts[j].Small) VectorKernel<T>.AddMultiple(_matrices + all.Offset, _matrices + _table.Parts[j].Offset, T.One, square);
    }

    // Each class takes in what it has in common with all samples, so that one product gives its rows of the gradient.
    private readonly void Fold()
    {
        ref RatePart all = ref _table.All;
        if (all.Empty) return;
        for (int j = 0; j < _form.Classes; j++)
        {
            ref RatePart part = ref _table.Parts[j];
            if (part.Empty) continue;
            if (all.Small)
            {
                MatrixView<T> own = Matrix(part), whole = Matrix(all);
                for (nint i = 0; i < part.Count; i++) VectorKernel<T>.AddMultiple(whole.Address + (part.Start + i) * _n + part.Start, own.Address + i * part.Count, T.One, part.Count);
            }
            else if (!part.Small) VectorKernel<T>.AddMultiple(_matrices + part.Offset, _matrices + all.Offset, T.One, (nint)_d * _d);
        }
    }

    /// <summary>YᵀY of a range.</summary>
    private readonly struct GramJob(in RateProblem<T> problem) : IParallelJob
    {
        private readonly RateProblem<T> _problem = problem;

        public void Run(int part)
        {
            RatePiece piece = _problem._table.Grams[part];
            int d = _problem._d, chunk = ClassTable.ChunkRows(d);
            T* buffer = Scratch.Get<T>(Scratch.Slot.RateRows, (long)chunk * d);
            var target = new MatrixView<T>(_problem._matrices + piece.Target, d, d, d, 1);
            for (int from = 0; from < piece.Count; from += chunk)
            {
                MatrixView<T> rows = _problem.Rows(piece.Start + from, Math.Min(chunk, piece.Count - from), buffer);
                RateMatrix<T>.Square(rows.Transposed, target, accumulate: from > 0);
            }
        }
    }

    /// <summary>Factors the matrix of a part; with gradients, inverts it.</summary>
    private readonly struct FactorJob(in RateProblem<T> problem) : IParallelJob
    {
        private readonly RateProblem<T> _problem = problem;

        public void Run(int part)
        {
            // The largest first.
            int index = part == 0 ? _problem._form.Classes : part - 1;
            ref RatePart own = ref _problem._table.Parts[index];
            if (own.Empty) return;
            MatrixView<T> matrix = _problem.Matrix(own);
            if (own.Small)
            {
                MatrixView<T> rows = _problem.Rows(own.Start, own.Count, Scratch.Get<T>(Scratch.Slot.RateRows, (long)own.Count * _problem._d));
                RateMatrix<T>.Square(rows, matrix, accumulate: false);
            }
            own.LogDet = RateMatrix<T>.Factor(matrix, own.Alpha);
            if (_problem._gradient is not null && !double.IsNaN(own.LogDet)) RateMatrix<T>.Invert(matrix, own.Weight * own.Alpha);
        }
    }

    /// <summary>The gradient of a range: its rows times the matrix of its class, or, for n_j×n_j matrices, the matrix times its rows.</summary>
    private readonly struct ProductJob(in RateProblem<T> problem) : IParallelJob
    {
        private readonly RateProblem<T> _problem = problem;

        public void Run(int part)
        {
            RatePiece piece = _problem._table.Products[part];
            int d = _problem._d;
            T* buffer = Scratch.Get<T>(Scratch.Slot.RateRows, 2L * _problem._table.LongestGather * d);
            MatrixView<T> rows = _problem.Rows(piece.Start, piece.Count, buffer);
            bool inPlace = _problem.AreNeighbours(piece.Start, piece.Count);
            T* target = inPlace ? _problem._gradient + (nint)_problem._table.Order[piece.Start] * d : buffer + (nint)_problem._table.LongestGather * d;
            var result = new MatrixView<T>(target, piece.Count, d, d, 1);
            Compute(_problem._table.Parts[piece.Part], rows, result);
            if (inPlace) return;
            uint bytes = checked((uint)(d * sizeof(T)));
            for (int i = 0; i < piece.Count; i++)
                Unsafe.CopyBlockUnaligned(_problem._gradient + (nint)_problem._table.Order[piece.Start + i] * d, target + (nint)i * d, bytes);
        }

        private void Compute(in RatePart own, MatrixView<T> rows, MatrixView<T> result)
        {
            ref RatePart all = ref _problem._table.All;
            if (!own.Small && !own.Empty)
            {
                RateMatrix<T>.Product(rows, _problem.Matrix(own), result, accumulate: false);
                return;
            }
            bool withAll = !all.Empty && !all.Small;
            if (withAll) RateMatrix<T>.Product(rows, _problem.Matrix(all), result, accumulate: false);
            if (!own.Empty) RateMatrix<T>.Product(_problem.Matrix(own), rows, result, accumulate: withAll);
            else if (!withAll) new Span<T>(result.Address, checked((int)(result.Rows * result.Columns))).Clear();
        }
    }
}
