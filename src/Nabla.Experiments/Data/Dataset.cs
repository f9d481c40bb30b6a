namespace Nabla.Experiments.Data;

/// <summary>Labelled samples, each a vector of features; immutable. The numbers are kept on the host, tensors are made on demand.</summary>
public sealed class Dataset
{
    // Keeps shuffling apart from everything else that the same seed is used for.
    private const ulong ShuffleDomain = 0x53_48_55_46_46_4C_45;

    private readonly float[] _features;
    private readonly int[] _labels;

    /// <summary>A data set from its numbers.</summary>
    /// <param name="name">Its name in reports.</param>
    /// <param name="features">Samples one after another, row-major.</param>
    /// <param name="labels">The class of each sample, in [0, classes).</param>
    /// <param name="sampleShape">The natural shape of a sample, such as <c>[8,8]</c>.</param>
    /// <param name="classes">Class names.</param>
    public Dataset(string name, float[] features, int[] labels, Shape sampleShape, IReadOnlyList<string> classes)
    {
        if (features.LongLength != labels.LongLength * sampleShape.Count)
            throw new ArgumentException($"{name}: {features.LongLength} numbers for {labels.Length} samples of shape {sampleShape}.", nameof(features));
        (Name, _features, _labels, SampleShape, Classes) = (name, features, labels, sampleShape, classes);
    }

    /// <summary>Its name in reports.</summary>
    public string Name { get; }

    /// <summary>Number of samples, n.</summary>
    public int Count => _labels.Length;

    /// <summary>Number of features of a sample, d.</summary>
    public int FeatureCount => (int)SampleShape.Count;

    /// <summary>The natural shape of a sample, such as <c>[8,8]</c>.</summary>
    public Shape SampleShape { get; }

    /// <summary>Class names; their number is k.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>The features as they are stored, f32[n, d].</summary>
    public DenseTensor Features => Tensor.From(_features, [Count, FeatureCount]);

    /// <summary>The classes, i32[n].</summary>
    public DenseTensor Labels => Tensor.From(_labels, [Count]);

    /// <summary>The class of each sample, on the host.</summary>
    public ReadOnlySpan<int> LabelSpan => _labels;

    /// <summary>The features of sample <paramref name="i"/>, on the host.</summary>
    public ReadOnlySpan<float> Sample(int i) => _features.AsSpan(checked(i * FeatureCount), FeatureCount);

    /// <summary>scale · features, [n, d].</summary>
    /// <param name="dtype">f32 or f64; the product is rounded once.</param>
    /// <param name="scale">Factor, such as 1/16 for digits or 1/255 for bytes.</param>
    public DenseTensor FeaturesAs(DType dtype, double scale = 1) => dtype == DType.F64
        ? Tensor.From(Array.ConvertAll(_features, x => x * scale), [Count, FeatureCount])
        : Tensor.From(Array.ConvertAll(_features, x => (float)(x * scale)), [Count, FeatureCount]);

    /// <summary>Labels as rows of the unit matrix, [n, k].</summary>
    public DenseTensor OneHot(DType dtype = DType.F32)
    {
        var rows = new double[Count, Classes.Count];
        for (int i = 0; i < Count; i++) rows[i, _labels[i]] = 1;
        if (dtype == DType.F64) return Tensor.From(rows);
        float[] flat = [.. rows.Cast<double>().Select(x => (float)x)];
        return Tensor.From(flat, [Count, Classes.Count]);
    }

    /// <summary>The samples at the given positions, in that order.</summary>
    public Dataset Select(ReadOnlySpan<int> positions)
    {
        var features = new float[checked(positions.Length * FeatureCount)];
        var labels = new int[positions.Length];
        for (int i = 0; i < positions.Length; i++)
        {
            Sample(positions[i]).CopyTo(features.AsSpan(i * FeatureCount));
            labels[i] = _labels[positions[i]];
        }
        return new Dataset(Name, features, labels, SampleShape, Classes);
    }

    /// <summary>Samples <paramref name="start"/> to <paramref name="start"/> + <paramref name="count"/> − 1.</summary>
    public Dataset Slice(int start, int count) => Select([.. Enumerable.Range(start, count)]);

    /// <summary>The first <paramref name="count"/> samples.</summary>
    public Dataset Take(int count) => Slice(0, count);

    /// <summary>The samples in random order; the same seed gives the same order everywhere.</summary>
    public Dataset Shuffle(ulong seed) => Select(Permutation(Count, seed));

    /// <summary>The same samples with other labels, such as corrupted ones.</summary>
    public Dataset WithLabels(int[] labels) => new(Name, _features, labels, SampleShape, Classes);

    /// <summary>Two disjoint parts in random order that hold each class in proportion; the split that all experiments share.</summary>
    /// <param name="train">Size of the first part; the second has the others.</param>
    /// <param name="seed">Seed of the order.</param>
    public (Dataset Train, Dataset Test) Split(int train, ulong seed)
    {
        int[] left = Shares(train);
        ILookup<bool, int> parts = Permutation(Count, seed).ToLookup(i => left[_labels[i]]-- > 0);
        return (Select([.. parts[true]]), Select([.. parts[false]]));
    }

    // Samples of each class among the given number: the whole part of its proportion, then one more where most is missing.
    private int[] Shares(int samples)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)samples, (uint)Count, nameof(samples));
        var products = new long[Classes.Count];
        foreach (int label in _labels) products[label] += samples;
        int[] shares = Array.ConvertAll(products, p => (int)(p / Count));
        foreach (int c in Enumerable.Range(0, shares.Length).OrderByDescending(c => products[c] % Count).Take(samples - shares.Sum())) shares[c]++;
        return shares;
    }

    /// <summary>
    /// A random order of 0 … n − 1. Source: Fisher and Yates 1938 in the form of Durstenfeld 1964, over Philox; integers below a bound
    /// without bias by Lemire 2019, "Fast random integer generation in an interval".
    /// </summary>
    public static int[] Permutation(int n, ulong seed)
    {
        var words = new WordStream(Philox.FoldIn((uint)seed, (uint)(seed >> 32), ShuffleDomain));
        int[] order = [.. Enumerable.Range(0, n)];
        for (int i = n - 1; i > 0; i--)
        {
            int j = (int)words.Below((uint)i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }

    private struct WordStream((uint K0, uint K1) key)
    {
        private readonly uint[] _block = new uint[4];
        private ulong _position;

        public uint Below(uint bound)
        {
            ulong product = (ulong)Next() * bound;
            if ((uint)product < bound)
            {
                uint threshold = (0u - bound) % bound;
                while ((uint)product < threshold) product = (ulong)Next() * bound;
            }
            return (uint)(product >> 32);
        }

        private uint Next()
        {
            int word = (int)(_position & 3);
            if (word == 0)
            {
                ulong block = _position >> 2;
                (_block[0], _block[1], _block[2], _block[3]) = Philox.Block((uint)block, (uint)(block >> 32), 0, 0, key.K0, key.K1);
            }
            _position++;
            return _block[word];
        }
    }
}
