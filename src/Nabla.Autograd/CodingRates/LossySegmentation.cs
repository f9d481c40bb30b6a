namespace Nabla;

/// <summary>The segments that a <see cref="LossySegmentation"/> has found.</summary>
/// <param name="Labels">The segment of each sample, 0, 1, … in the order of their first samples.</param>
/// <param name="Segments">How many there are.</param>
/// <param name="Bits">The coding length of the samples after each merge, from single samples on; the last is the result's.</param>
public sealed record Segmentation(int[] Labels, int Segments, double[] Bits);

/// <summary>
/// Samples on several subspaces of unknown number and dimensions, told apart by coding: segments are merged as long as that shortens the description. The distortion ε²
/// is the only parameter. Source: Ma, Derksen, Hong, Wright, "Segmentation of multivariate mixed data via lossy data coding and compression", PAMI 29, 2007, §3.
/// </summary>
public static class LossySegmentation
{
    /// <summary>
    /// L(W) = (n + d)/2·log₂ det(I + d/(ε² n)·W Wᵀ): bits for n samples W [d, n] of mean zero up to the squared error ε². Shape: [.., d, n] → [..].
    /// It can be differentiated. Source: PAMI 2007, eq. 2.
    /// </summary>
    /// <exception cref="ShapeException">NB0580, NB0581 as for <see cref="CodingRate.Rate"/>.</exception>
    public static Tensor CodingLength(Tensor w, double epsilonSquared)
    {
        Tensor rate = CodingRate.Rate(w, epsilonSquared);
        return (w.Shape[^1] + w.Shape[^2]) / Math.Log(2) * rate;
    }

    /// <summary>
    /// Bits for samples that are coded segment by segment: Σ_j L(W_j) − n_j·log₂(n_j/n), the second part saying to which segment each sample belongs.
    /// Source: PAMI 2007, eq. 4.
    /// </summary>
    /// <param name="w">W [d, n].</param>
    /// <param name="labels">The segment of each column, in [0, segments).</param>
    /// <param name="segments">How many; empty ones cost nothing.</param>
    /// <param name="epsilonSquared">ε².</param>
    /// <exception cref="ShapeException">NB0580, NB0581, NB0582 as for <see cref="CodingRate.ClassRate(Tensor, Tensor, int, double)"/>.</exception>
    /// <exception cref="NumericException">NB0680: a label outside [0, segments); NB0681: a sample is not finite.</exception>
    public static double CodingLength(Tensor w, ReadOnlySpan<int> labels, int segments, double epsilonSquared)
    {
        CodingRate.CheckPrecision(epsilonSquared);
        var groups = ColumnGroups.Of(w, labels, segments);
        double bits = 0;
        foreach (int segment in groups.Classes)
        {
            int[] members = [.. Enumerable.Range(0, labels.Length).Where(Members(labels, segment))];
            bits += CodingLength(w.Take(Tensor.From(members), 1), epsilonSquared).ToDouble() - members.Length * Math.Log2((double)members.Length / labels.Length);
        }
        return bits;
    }

    /// <summary>
    /// Starts from one segment a sample and merges the pair that shortens the description most, until no pair does. In f64. A heap holds the gains: about n² log-dets
    /// of d×d matrices, n²·d³/6 multiply-adds, and n²/2 entries of memory at most.
    /// </summary>
    /// <param name="w">W [d, n], f32 or f64.</param>
    /// <param name="epsilonSquared">ε².</param>
    /// <exception cref="ShapeException">NB0580, NB0581 as for <see cref="CodingRate.Rate"/>; NB0584: more than 46,340 samples or dimensions.</exception>
    /// <exception cref="NumericException">NB0681: a sample is not finite.</exception>
    public static Segmentation Run(Tensor w, double epsilonSquared)
    {
        if (w.Rank != 2 || !w.DType.IsFloat) throw RateErrors.Features(w.Aval);
        CodingRate.CheckPrecision(epsilonSquared);
        (int d, int n) = (w.Shape[0], w.Shape[1]);
        if ((long)n * n > int.MaxValue) throw RateErrors.TooLarge($"the pairs of {n} samples", (Int128)n * n);
        if ((long)d * d > int.MaxValue) throw RateErrors.TooLarge($"the Gram matrix of {w.Aval}", (Int128)d * d);
        return new Merging(w.T.ToDoubles(), n, d, epsilonSquared).Run();
    }

    private static Func<int, bool> Members(ReadOnlySpan<int> labels, int segment)
    {
        int[] all = labels.ToArray();
        return i => all[i] == segment;
    }

    // A segment is its Gram matrix and its size; merged ones get new numbers, so an entry of the heap whose segments are gone is known by them.
    private sealed class Merging
    {
        private readonly int _n, _d;
        private readonly double _epsilonSquared;
        private readonly List<double[]?> _grams = [];
        private readonly List<int> _counts = [], _parents = [];
        private readonly List<double> _bits = [];
        private readonly PriorityQueue<(int A, int B), (double Gain, int A, int B)> _heap = new();
        private readonly double[] _factor;

        public Merging(double[] rows, int n, int d, double epsilonSquared)
        {
            (_n, _d, _epsilonSquared, _factor) = (n, d, epsilonSquared, new double[d * d]);
            for (int i = 0; i < n; i++)
            {
                ReadOnlySpan<double> x = rows.AsSpan(i * d, d);
                for (int r = 0; r < d; r++)
                    if (!double.IsFinite(x[r])) throw Kernels.KernelErrors.RateFeatures(new Aval(DType.F64, [n, d]), i, r, x[r]);
                var gram = new double[d * d];
                for (int r = 0; r < d; r++)
                    for (int c = 0; c <= r; c++) gram[r * d + c] = x[r] * x[c];
                Add(gram, 1);
            }
        }

        public Segmentation Run()
        {
            double total = _bits.Sum();
            var lengths = new List<double> { total };
            while (_heap.TryDequeue(out (int A, int B) pair, out var entry))
            {
                if (_grams[pair.A] is not { } a || _grams[pair.B] is not { } b) continue;
                lengths.Add(total += entry.Gain);
                (_grams[pair.A], _grams[pair.B]) = (null, null);
                _parents[pair.A] = _parents[pair.B] = _grams.Count;
                Add([.. a.Zip(b, (x, y) => x + y)], _counts[pair.A] + _counts[pair.B]);
            }
            return Result(lengths);
        }

        private void Add(double[] gram, int count)
        {
            int own = _grams.Count;
            double bits = Bits(gram, null, count);
            for (int other = 0; other < own; other++)
                if (_grams[other] is { } known && Bits(gram, known, count + _counts[other]) - bits - _bits[other] is < 0 and var gain)
                    _heap.Enqueue((other, own), (gain, other, own));
            _grams.Add(gram);
            _counts.Add(count);
            _bits.Add(bits);
            _parents.Add(-1);
        }

        // L of a segment with the Gram matrix a + b, and the bits that name it, by Cholesky on lower triangles.
        private double Bits(double[] a, double[]? b, int count)
        {
            double alpha = _d / (_epsilonSquared * count), logDet = 0;
            for (int r = 0; r < _d; r++)
            {
                Span<double> row = _factor.AsSpan(r * _d, r + 1);
                for (int c = 0; c <= r; c++)
                {
                    ReadOnlySpan<double> above = _factor.AsSpan(c * _d, c);
                    double sum = alpha * (a[r * _d + c] + (b is null ? 0 : b[r * _d + c])) + (r == c ? 1 : 0);
                    for (int k = 0; k < c; k++) sum -= row[k] * above[k];
                    row[c] = r == c ? Math.Sqrt(sum) : sum / _factor[c * _d + c];
                }
                logDet += Math.Log2(row[r]);
            }
            return (count + _d) * logDet - count * Math.Log2((double)count / _n);
        }

        private Segmentation Result(List<double> lengths)
        {
            var numbers = new Dictionary<int, int>();
            var labels = new int[_n];
            for (int i = 0; i < _n; i++)
            {
                int root = i;
                while (_parents[root] >= 0) root = _parents[root];
                labels[i] = numbers.TryGetValue(root, out int known) ? known : numbers[root] = numbers.Count;
            }
            return new Segmentation(labels, numbers.Count, [.. lengths]);
        }
    }
}
