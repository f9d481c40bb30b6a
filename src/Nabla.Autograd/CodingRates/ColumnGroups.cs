namespace Nabla;

/// <summary>Which columns belong to which class; classes without columns are left out.</summary>
internal sealed class ColumnGroups
{
    private readonly int[] _positions;
    private readonly double[] _present;

    private ColumnGroups(int[] classes, int[] counts, int[] positions, double[] present) =>
        (Classes, Counts, _positions, _present) = (classes, counts, positions, present);

    /// <summary>The classes that have columns, ascending.</summary>
    public int[] Classes { get; }

    /// <summary>Their sizes, all above 0.</summary>
    public int[] Counts { get; }

    public static ColumnGroups Of(Tensor z, ReadOnlySpan<int> labels, int classes)
    {
        if (z.Rank != 2 || !z.DType.IsFloat) throw RateErrors.Features(z.Aval);
        if (labels.Length != z.Shape[1] || classes < 1) throw RateErrors.Labels(z.Aval, $"{labels.Length} labels", classes);
        CodingRate.CheckRange(labels, classes);
        var members = new List<int>[classes];
        for (int j = 0; j < classes; j++) members[j] = [];
        for (int i = 0; i < labels.Length; i++) members[labels[i]].Add(i);
        int[] kept = [.. Enumerable.Range(0, classes).Where(j => members[j].Count > 0)];
        int[] counts = [.. kept.Select(j => members[j].Count)];
        int size = counts.DefaultIfEmpty(0).Max();
        var (positions, present) = (new int[kept.Length * size], new double[kept.Length * size]);
        for (int j = 0; j < kept.Length; j++)
            for (int i = 0; i < counts[j]; i++) (positions[j * size + i], present[j * size + i]) = (members[kept[j]][i], 1);
        return new ColumnGroups(kept, counts, positions, present);
    }

    /// <summary>The columns of each class, and zeros behind them up to the largest class. Shape: [d, n] → [classes, d, size].</summary>
    public Tensor Columns(Tensor z)
    {
        Shape shape = [Counts.Length, _positions.Length / Counts.Length];
        Tensor rows = z.T.Take(Tensor.From(_positions, shape, z.Device));
        // Classes of one size need no mask.
        if (Array.IndexOf(_present, 0.0) >= 0) rows *= Tensor.From(_present, shape, z.Device).To(z.DType).ExpandDims(2);
        return rows.T;
    }
}
