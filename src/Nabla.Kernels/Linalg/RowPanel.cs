namespace Nabla.Kernels;

/// <summary>
/// Dense vectors, one a row, that a reduction to condensed form keeps aside: changes of the rest of a matrix that are not made yet.
/// </summary>
internal readonly unsafe struct RowPanel(double* address, nint length)
{
    /// <summary>Row <paramref name="row"/> from column <paramref name="from"/> on.</summary>
    public double* Row(nint row, nint from) => address + row * length + from;

    /// <summary>The columns from <paramref name="from"/> on of all <paramref name="rows"/> rows.</summary>
    public MatrixView<double> Columns(nint rows, nint from) => new(address + from, rows, length - from, length, 1);

    /// <summary>results[p] = (row p)·x, from column <paramref name="from"/> on.</summary>
    public void Dots(nint rows, nint from, double* x, double* results)
    {
        if (rows > 0 && from < length) Gemv.Run(address + from, length, 1, x, 1, results, rows, length - from, accumulate: false);
        else new Span<double>(results, (int)rows).Clear();
    }

    /// <summary>y += Σₚ factors[p]·(row p), from column <paramref name="from"/> on; the factors are <paramref name="stride"/> apart.</summary>
    public void AddRows(nint rows, nint from, double* factors, nint stride, double* y)
    {
        if (rows > 0 && from < length) Gemv.Run(address + from, 1, length, factors, stride, y, length - from, rows, accumulate: true);
    }
}
