namespace Nabla.Kernels;

/// <summary>One class, or all samples, of a coding rate.</summary>
internal struct RatePart
{
    /// <summary>Its samples are at these places of the order.</summary>
    public int Start, Count;

    /// <summary>Factored as n_j×n_j rather than d×d.</summary>
    public bool Small;

    /// <summary>Where its matrix lies.</summary>
    public long Offset;

    /// <summary>α and the factor of ½ log det(I + αG), and log det itself once it is known.</summary>
    public double Alpha, Weight, LogDet;

    /// <summary>Nothing to compute.</summary>
    public readonly bool Empty => Count == 0 || Weight == 0;
}

/// <summary>A range of the order that belongs to one part.</summary>
internal readonly record struct RatePiece(int Part, int Start, int Count, long Target);

/// <summary>
/// The samples of a coding rate sorted by class, by counting: classes that are factored as d×d come first, so that the others lie together. Beside the classes
/// there is one part for all samples, the last.
/// </summary>
internal unsafe struct ClassTable
{
    private readonly int _n, _d, _classes;

    /// <summary>One part a class, and one for all samples.</summary>
    public readonly RatePart* Parts;

    /// <summary>Indices of samples.</summary>
    public readonly int* Order;

    /// <summary>Ranges whose Gram matrices are needed, and ranges whose gradients are.</summary>
    public readonly RatePiece* Grams, Products;

    /// <summary>How many there are.</summary>
    public int GramCount, ProductCount;

    /// <summary>Elements that all matrices take together.</summary>
    public long Elements;

    /// <summary>The longest range that a thread gathers.</summary>
    public int LongestGather;

    public ClassTable(int n, int d, int classes)
    {
        (_n, _d, _classes) = (n, d, classes);
        long pieces = (long)classes + 2 + n / ChunkRows(d), bytes = (classes + 1L) * sizeof(RatePart) + 2 * pieces * sizeof(RatePiece) + (long)n * sizeof(int);
        byte* memory = Scratch.Get<byte>(Scratch.Slot.RateTables, bytes);
        Parts = (RatePart*)memory;
        Grams = (RatePiece*)(Parts + classes + 1);
        Products = Grams + pieces;
        Order = (int*)(Products + pieces);
    }

    /// <summary>Rows that are gathered at a time: they stay in the cache between gathering and product.</summary>
    public static int ChunkRows(int d) => Math.Clamp((1 << 15) / d, 128, 512);

    // Long enough that adding up the matrices of the ranges costs nothing, short enough for several threads.
    private readonly int RangeRows => Math.Max(2048, 4 * _d);

    /// <summary>All samples.</summary>
    public readonly ref RatePart All => ref Parts[_classes];

    /// <summary>Sorts; false if a label is outside [0, classes).</summary>
    /// <param name="labels">Labels; null if there are no classes.</param>
    /// <param name="stride">Their distance.</param>
    /// <param name="form">What is computed.</param>
    /// <param name="smallBelow">Classes with fewer samples are factored as n_j×n_j.</param>
    public bool Sort(int* labels, nint stride, in RateForm form, int smallBelow)
    {
        for (int j = 0; j <= _classes; j++) Parts[j] = default;
        All = new RatePart { Count = _n, Small = _n < _d, Alpha = form.Gain * _d / (_n * form.EpsilonSquared), Weight = form.All };
        if (_classes == 0)
            for (int i = 0; i < _n; i++) Order[i] = i;
        for (int i = 0; i < _n && _classes > 0; i++)
        {
            int label = labels[i * stride];
            if ((uint)label >= (uint)_classes) return false;
            Parts[label].Count++;
        }
        int start = 0;
        foreach (bool small in (ReadOnlySpan<bool>)[false, true])
            for (int j = 0; j < _classes; j++)
            {
                ref RatePart part = ref Parts[j];
                if (part.Count < smallBelow != small) continue;
                part = part with
                {
                    Start = start,
                    Small = small,
                    Weight = form.ByClass * part.Count / _n,
                    Alpha = part.Count == 0 ? 0 : _d / (part.Count * form.EpsilonSquared),
                };
                start += part.Count;
            }
        for (int j = 0; j < _classes; j++) Parts[j].Count = 0;
        for (int i = 0; i < _n && _classes > 0; i++)
        {
            ref RatePart part = ref Parts[labels[i * stride]];
            Order[part.Start + part.Count++] = i;
        }
        Plan();
        return true;
    }

    // Places for the matrices, and the ranges.
    private void Plan()
    {
        int large = 0, chunk = ChunkRows(_d);
        LongestGather = chunk;
        for (int j = 0; j <= _classes; j++)
        {
            ref RatePart part = ref Parts[j];
            if (part.Empty) continue;
            int size = part.Small ? part.Count : _d;
            part.Offset = Elements;
            Elements += (long)size * size;
            if (part.Small) LongestGather = Math.Max(LongestGather, part.Count);
            else if (j < _classes) large += part.Count;
        }
        for (int j = 0; j < _classes; j++)
            if (!Parts[j].Empty && !Parts[j].Small) AddGrams(j, Parts[j].Start, Parts[j].Count);
        bool all = !All.Empty;
        if (all && !All.Small) AddGrams(_classes, large, _n - large);
        if (all && All.Small) Products[ProductCount++] = new RatePiece(_classes, 0, _n, 0);
        else if (_classes == 0) AddProducts(_classes, 0, _n, chunk);
        else
            for (int j = 0; j < _classes; j++)
                if (Parts[j].Count > 0) AddProducts(j, Parts[j].Start, Parts[j].Count, Parts[j].Small ? Parts[j].Count : chunk);
    }

    // The first range of a part writes into its matrix, the others into matrices of their own.
    private void AddGrams(int part, int start, int count)
    {
        for (int from = 0; from < count; from += RangeRows)
        {
            Grams[GramCount++] = new RatePiece(part, start + from, Math.Min(RangeRows, count - from), from == 0 ? Parts[part].Offset : Elements);
            if (from > 0) Elements += (long)_d * _d;
        }
    }

    private void AddProducts(int part, int start, int count, int chunk)
    {
        for (int from = 0; from < count; from += chunk) Products[ProductCount++] = new RatePiece(part, start + from, Math.Min(chunk, count - from), 0);
    }
}
