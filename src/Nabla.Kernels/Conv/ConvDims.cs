namespace Nabla.Kernels;

/// <summary>
/// How a window moves over the spatial axes of an input: for each of them the stride, the padding before and after (negative: elements removed), the
/// spacing of the input's elements (lhs dilation; zeros between them) and that of the window's (rhs dilation). Compared by value.
/// </summary>
/// <remarks>
/// Operands are laid out <c>x [batch, spatial…, groups, in]</c> and <c>w [window…, groups, in, out]</c>, the result
/// <c>y [batch, spatial…, groups, out]</c>, with
/// <c>y[b, o, g, f] = Σ_{k, c} x̃[b, o·stride + k·rhs, g, c]·w[k, g, c, f]</c>, where x̃ is x dilated, then padded with zeros. With the groups as an axis
/// of its own, both adjoints are the same operation on transposed views. Source: window arithmetic of <c>conv_general_dilated</c> in XLA's operation
/// semantics; V. Dumoulin and F. Visin, arXiv:1603.07285.
/// </remarks>
public sealed class ConvDims : IEquatable<ConvDims>
{
    private readonly int[] _strides, _low, _high, _lhsDilation, _rhsDilation;

    /// <summary>One entry of each list for each spatial axis.</summary>
    /// <exception cref="ShapeException">NB0131: the lists differ in length, or are empty; NB0135: a stride or dilation is less than 1.</exception>
    public ConvDims(ReadOnlySpan<int> strides, ReadOnlySpan<int> low, ReadOnlySpan<int> high, ReadOnlySpan<int> lhsDilation, ReadOnlySpan<int> rhsDilation)
    {
        (_strides, _low, _high) = (strides.ToArray(), low.ToArray(), high.ToArray());
        (_lhsDilation, _rhsDilation) = (lhsDilation.ToArray(), rhsDilation.ToArray());
        int rank = _strides.Length;
        if (rank == 0 || _low.Length != rank || _high.Length != rank || _lhsDilation.Length != rank || _rhsDilation.Length != rank)
            throw KernelErrors.ConvRanks($"{this} must have one entry for each spatial axis, and at least one");
        foreach (int[] steps in (ReadOnlySpan<int[]>)[_strides, _lhsDilation, _rhsDilation])
            if (Array.Exists(steps, s => s < 1)) throw KernelErrors.ConvSteps("conv", ToString());
    }

    /// <summary>Number of spatial axes.</summary>
    public int Rank => _strides.Length;

    /// <summary>Distance between neighbouring windows.</summary>
    public ReadOnlySpan<int> Strides => _strides;

    /// <summary>Zeros before the first element.</summary>
    public ReadOnlySpan<int> Low => _low;

    /// <summary>Zeros after the last element.</summary>
    public ReadOnlySpan<int> High => _high;

    /// <summary>Distance between neighbouring elements of the input.</summary>
    public ReadOnlySpan<int> LhsDilation => _lhsDilation;

    /// <summary>Distance between neighbouring elements of a window.</summary>
    public ReadOnlySpan<int> RhsDilation => _rhsDilation;

    /// <summary>Extent of elements that lie a dilation apart: (size − 1)·dilation + 1, or 0.</summary>
    public static int Extent(int size, int dilation) => size == 0 ? 0 : checked((size - 1) * dilation + 1);

    /// <summary>Number of windows along a spatial axis: ⌊(extent + low + high − window extent) / stride⌋ + 1, or 0.</summary>
    public int OutputSize(int axis, int size, int window)
    {
        int span = checked(Extent(size, _lhsDilation[axis]) + _low[axis] + _high[axis] - Extent(window, _rhsDilation[axis]));
        return span < 0 ? 0 : span / _strides[axis] + 1;
    }

    /// <summary>The shape of the result.</summary>
    /// <exception cref="ShapeException">NB0131: the ranks do not fit; NB0132: groups or channels differ.</exception>
    public Shape OutputShape(Shape x, Shape w)
    {
        if (x.Rank != Rank + 3 || w.Rank != Rank + 3)
            throw KernelErrors.ConvRanks($"{x} and {w}: expected [batch, {Rank} spatial, groups, in] and [{Rank} spatial, groups, in, out]");
        if (x.Dims[^2] != w.Dims[^3] || x.Dims[^1] != w.Dims[^2])
            throw KernelErrors.ConvChannels($"groups and channels {x.Dims[^2]}·{x.Dims[^1]} of {x} and {w.Dims[^3]}·{w.Dims[^2]} of the kernel {w}");
        var dims = new int[x.Rank];
        dims[0] = x.Dims[0];
        for (int i = 0; i < Rank; i++) dims[i + 1] = OutputSize(i, x.Dims[i + 1], w.Dims[i]);
        (dims[^2], dims[^1]) = (w.Dims[^3], w.Dims[^1]);
        return dims;
    }

    /// <inheritdoc/>
    public bool Equals(ConvDims? other) => other is not null && _strides.AsSpan().SequenceEqual(other._strides) &&
        _low.AsSpan().SequenceEqual(other._low) && _high.AsSpan().SequenceEqual(other._high) &&
        _lhsDilation.AsSpan().SequenceEqual(other._lhsDilation) && _rhsDilation.AsSpan().SequenceEqual(other._rhsDilation);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ConvDims);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (int[] list in (ReadOnlySpan<int[]>)[_strides, _low, _high, _lhsDilation, _rhsDilation])
            foreach (int entry in list) hash.Add(entry);
        return hash.ToHashCode();
    }

    /// <summary>The form used in IR text: <c>strides=(1,1) padding=((1,1),(1,1)) lhs_dilation=(1,1) rhs_dilation=(1,1)</c>.</summary>
    public override string ToString()
    {
        string padding = string.Join(',', _low.Zip(_high, (low, high) => $"({low},{high})"));
        return $"strides=({string.Join(',', _strides)}) padding=({padding}) lhs_dilation=({string.Join(',', _lhsDilation)}) " +
            $"rhs_dilation=({string.Join(',', _rhsDilation)})";
    }
}
