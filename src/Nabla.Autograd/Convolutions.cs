using Nabla.Autograd;
using Nabla.Kernels;

namespace Nabla;

/// <summary>What lies beyond the borders of the spatial axes of a convolution or pooling, and how much of it.</summary>
/// <remarks>With n the size of an axis, k the extent of the window ((size − 1)·dilation + 1) and s the stride:</remarks>
public readonly record struct Padding
{
    private enum Kind { Explicit, Same, Circular }

    private readonly Kind _kind;
    private readonly Axes _low, _high;

    private Padding(Kind kind, Axes low = default, Axes high = default) => (_kind, _low, _high) = (kind, low, high);

    /// <summary>Nothing: windows inside the input only. Size of the result ⌊(n − k)/s⌋ + 1.</summary>
    public static Padding Valid => default;

    /// <summary>Zeros, so that the size of the result is ⌈n/s⌉: max((⌈n/s⌉ − 1)·s + k − n, 0) of them, the odd one after the end.</summary>
    public static Padding Same => new(Kind.Same);

    /// <summary>The input itself, repeated: as many elements as <see cref="Same"/> has zeros. Size of the result ⌈n/s⌉.</summary>
    public static Padding Circular => new(Kind.Circular);

    /// <summary>
    /// Zeros before and after: one pair for each spatial axis, or one for all; negative numbers remove elements. Size of the result
    /// ⌊(n + low + high − k)/s⌋ + 1.
    /// </summary>
    public static Padding Explicit(params (int Low, int High)[] amounts) =>
        new(Kind.Explicit, Array.ConvertAll(amounts, a => a.Low), Array.ConvertAll(amounts, a => a.High));

    internal bool IsCircular => _kind == Kind.Circular;

    internal bool IsSame => _kind == Kind.Same;

    /// <summary>Elements before and after each spatial axis.</summary>
    internal (int[] Low, int[] High) Amounts(string operation, ReadOnlySpan<int> sizes, ReadOnlySpan<int> extents, ReadOnlySpan<int> strides)
    {
        if (_kind == Kind.Explicit) return (Windowing.PerAxis(operation, _low, sizes.Length, 0), Windowing.PerAxis(operation, _high, sizes.Length, 0));
        (int[] low, int[] high) = (new int[sizes.Length], new int[sizes.Length]);
        for (int i = 0; i < low.Length; i++)
        {
            int windows = (sizes[i] + strides[i] - 1) / strides[i], total = Math.Max((windows - 1) * strides[i] + extents[i] - sizes[i], 0);
            (low[i], high[i]) = (total / 2, total - total / 2);
        }
        return (low, high);
    }
}

/// <summary>How a convolution moves: lists have one entry for each spatial axis, or one for all.</summary>
public sealed record ConvOptions
{
    /// <summary>Distance between neighbouring windows; 1 if empty.</summary>
    public Axes Strides { get; init; }

    /// <summary>What lies beyond the borders.</summary>
    public Padding Padding { get; init; }

    /// <summary>Distance between neighbouring elements of a window; 1 if empty.</summary>
    public Axes Dilation { get; init; }

    /// <summary>Number of groups: features of group g see the channels of group g alone. As many as channels: depthwise.</summary>
    public int Groups { get; init; } = 1;
}

/// <summary>What convolutions and poolings share.</summary>
internal static class Windowing
{
    /// <summary>A list with one entry for each spatial axis, from one that has that, or one entry, or none.</summary>
    public static int[] PerAxis(string operation, Axes list, int rank, int otherwise)
    {
        if (list.Length == rank) return [.. list];
        if (list.Length > 1) throw KernelErrors.ConvRanks($"{operation} over {rank} spatial axes: {list.Length} entries in {list}; expected {rank}, or one for all");
        int entry = list.Length == 0 ? otherwise : list[0];
        return [.. Enumerable.Repeat(entry, rank)];
    }

    /// <summary>Refuses sizes and steps less than 1.</summary>
    public static int[] AtLeastOne(string operation, string what, int[] steps) => Array.TrueForAll(steps, s => s >= 1)
        ? steps : throw KernelErrors.ConvSteps(operation, $"{what} ({string.Join(',', steps)})");

    /// <summary>
    /// The input with circular padding made real, and the windows over it. x is [batch…, spatial…, channels]; windows have at least one place.
    /// </summary>
    public static (Tensor X, ConvDims Dims) Over(string operation, Tensor x, int[] window, int[] strides, int[] dilation, Padding padding)
    {
        int rank = window.Length, batch = x.Rank - rank - 1;
        int[] extents = [.. window.Select((k, i) => ConvDims.Extent(k, dilation[i]))];
        (int[] low, int[] high) = padding.Amounts(operation, x.Shape.Dims.Slice(batch, rank), extents, strides);
        for (int i = 0; i < rank; i++)
        {
            int padded = x.Shape.Dims[batch + i] + low[i] + high[i];
            if (padded < extents[i]) throw AutogradErrors.ConvWindow(operation, i, extents[i], padded, x.Aval);
        }
        int[] ones = Array.ConvertAll(window, _ => 1), none = new int[rank];
        if (!padding.IsCircular) return (x, new ConvDims(strides, low, high, ones, dilation));
        for (int i = 0; i < rank; i++) x = Wrap(x, batch + i, low[i], high[i]);
        return (x, new ConvDims(strides, none, none, ones, dilation));
    }

    /// <summary>All batch axes of [batch…, spatial…, channels] as one.</summary>
    public static Tensor WithOneBatchAxis(Tensor x, int rank)
    {
        int batch = 1;
        foreach (int size in x.Shape.Dims[..^(rank + 1)]) batch *= size;
        return x.Reshape(Shape.Create([batch, .. x.Shape.Dims[^(rank + 1)..]]));
    }

    /// <summary>x continued periodically along an axis: low elements before its start, high ones after its end.</summary>
    public static Tensor Wrap(Tensor x, int axis, int low, int high)
    {
        int size = x.Shape.Dims[axis];
        var parts = new List<Tensor>();
        if (size == 0 || (low == 0 && high == 0)) return x;
        if (low % size > 0) parts.Add(Part(x, axis, size - low % size, size));
        for (int i = 0; i < low / size + 1 + high / size; i++) parts.Add(x);
        if (high % size > 0) parts.Add(Part(x, axis, 0, high % size));
        return Ops.Concatenate(parts, axis);
    }

    /// <summary>The adjoint of <see cref="Wrap"/>: what lies beyond the borders is added where it came from.</summary>
    public static Tensor Unwrap(Tensor y, int axis, int low, int high)
    {
        int size = y.Shape.Dims[axis] - low - high;
        if (size == 0 || (low == 0 && high == 0)) return y;
        Tensor? sum = null;
        (int[] before, int[] after) = (new int[y.Rank], new int[y.Rank]);
        // Period p of y covers [low + p·size, low + (p + 1)·size).
        for (int p = -((low + size - 1) / size); low + p * size < y.Shape.Dims[axis]; p++)
        {
            int start = low + p * size, from = Math.Max(start, 0), to = Math.Min(start + size, y.Shape.Dims[axis]);
            (before[axis], after[axis]) = (from - start, start + size - to);
            Tensor part = Part(y, axis, from, to).Pad(before, after);
            sum = sum is null ? part : sum + part;
        }
        return sum!;
    }

    private static Tensor Part(Tensor x, int axis, int from, int to)
    {
        (int[] starts, int[] sizes) = (new int[x.Rank], x.Shape.Dims.ToArray());
        (starts[axis], sizes[axis]) = (from, to - from);
        return x.Slice(starts, sizes);
    }
}

public static partial class Ops
{
    extension(Tensor x)
    {
        /// <summary>
        /// Convolution, as in neural networks without turning the kernel round: <c>y[b, o, f] = Σ_{k, c} x̃[b, o·stride + k·dilation, c]·w[k, c, f]</c>, x̃
        /// the padded input. Shape: [batch…, spatial…, in] and kernel [window…, in / groups, out] → [batch…, spatial′…, out]; the kernel has as many
        /// spatial axes as its rank says, one or more. Sizes: see <see cref="Padding"/>. Element types promote. 2·(result elements)·(window·in / groups)
        /// flops.
        /// </summary>
        /// <exception cref="ShapeException">
        /// NB0131: ranks or lists do not fit; NB0132: channels differ; NB0133: the groups do not divide them; NB0134: the window is larger than the
        /// padded input; NB0135: a stride, dilation or window size is less than 1.
        /// </exception>
        public Tensor Conv(Tensor kernel, ConvOptions? options = null)
        {
            const string name = "conv";
            options ??= new ConvOptions();
            (Tensor a, Tensor w, int[] strides, int[] dilation) = Prepare(name, x, kernel, options, transposed: false);
            int rank = w.Rank - 3;
            (a, ConvDims dims) = Windowing.Over(name, a, w.Shape.Dims[..rank].ToArray(), strides, dilation, options.Padding);
            Tensor y = ConvPrimitive.Instance.BindOne(dims, Grouped(a, rank, options.Groups), w);
            return y.Reshape(Shape.Create([.. x.Shape.Dims[..^(rank + 1)], .. y.Shape.Dims[1..(rank + 1)], kernel.Shape.Dims[^1]]));
        }

        /// <summary>
        /// The adjoint of <see cref="Conv"/> with the same kernel and options: ⟨u.Conv(w), x⟩ = ⟨u, x.ConvTranspose(w)⟩. Shape: [batch…, spatial…, out] and
        /// kernel [window…, in / groups, out] → [batch…, spatial′…, in], from m elements along an axis
        /// <c>(m − 1)·stride − low − high + (window − 1)·dilation + 1 + outputPadding</c>, or m·stride where padding is Same or Circular.
        /// </summary>
        /// <param name="kernel">The kernel of the convolution: its last axis is that of x.</param>
        /// <param name="options">The options of the convolution.</param>
        /// <param name="outputPadding">Which of the sizes that the convolution maps to m is meant: 0 … stride − 1, for each spatial axis, or one for all.</param>
        /// <exception cref="ShapeException">As for <see cref="Conv"/>; NB0108: the output padding is not in its range.</exception>
        public Tensor ConvTranspose(Tensor kernel, ConvOptions? options = null, Axes outputPadding = default)
        {
            const string name = "conv_transpose";
            options ??= new ConvOptions();
            (Tensor a, Tensor w, int[] strides, int[] dilation) = Prepare(name, x, kernel, options, transposed: true);
            (int rank, Padding padding) = (w.Rank - 3, options.Padding);
            bool whole = padding.IsSame || padding.IsCircular;
            int[] extra = Windowing.PerAxis(name, outputPadding, rank, 0), windows = a.Shape.Dims[^(rank + 1)..^1].ToArray();
            int[] extents = [.. dilation.Select((d, i) => ConvDims.Extent(w.Shape.Dims[i], d))], sizes = [.. windows.Select((m, i) => m * strides[i])];
            (int[] low, int[] high) = padding.Amounts(name, sizes, extents, strides);
            for (int i = 0; i < rank; i++)
            {
                if (extra[i] < 0 || extra[i] >= (whole ? 1 : strides[i]))
                    throw AutogradErrors.BadParameter(name, $"output padding {extra[i]} must be at least 0 and below the stride {strides[i]}, and 0 with Same or Circular", x.Aval);
                if (whole) continue;
                sizes[i] = (windows[i] - 1) * strides[i] - low[i] - high[i] + extents[i] + extra[i];
                if (windows[i] == 0 || sizes[i] < 0) throw AutogradErrors.ConvWindow(name, i, low[i] + high[i], (windows[i] - 1) * strides[i] + extents[i], x.Aval);
            }
            int[] ones = Array.ConvertAll(strides, _ => 1), none = new int[rank];
            bool wrap = padding.IsCircular;
            var dims = new ConvDims(strides, wrap ? none : low, wrap ? none : high, ones, dilation);
            a = Grouped(a, rank, options.Groups);
            int[] padded = wrap ? [.. sizes.Select((n, i) => n + low[i] + high[i])] : sizes;
            Tensor y = ConvPrimitive.Instance.AdjointOfInput(a, Shape.Create([a.Shape.Dims[0], .. padded, .. w.Shape.Dims.Slice(rank, 2)]), w, dims);
            for (int i = 0; i < rank && wrap; i++) y = Windowing.Unwrap(y, i + 1, low[i], high[i]);
            return y.Reshape(Shape.Create([.. x.Shape.Dims[..^(rank + 1)], .. sizes, w.Shape.Dims[rank] * w.Shape.Dims[rank + 1]]));
        }
    }

    // Checks operands and lists; the kernel as [window…, groups, in, out].
    private static (Tensor X, Tensor Kernel, int[] Strides, int[] Dilation) Prepare(string name, Tensor x, Tensor kernel, ConvOptions options, bool transposed)
    {
        int rank = kernel.Rank - 2, groups = options.Groups;
        if (rank < 1 || x.Rank < rank + 1)
            throw KernelErrors.ConvRanks($"{name} of {x.Aval} with kernel {kernel.Aval}: expected [batch..., {Math.Max(1, rank)} spatial, channels] and [window..., in / groups, out]");
        (int channels, int inputs, int features) = (x.Shape.Dims[^1], kernel.Shape.Dims[^2], kernel.Shape.Dims[^1]);
        if (groups < 1 || features % groups != 0 || channels % groups != 0) throw AutogradErrors.ConvGroups(name, groups, x.Aval, kernel.Aval);
        if (channels != (transposed ? features : (long)inputs * groups))
            throw KernelErrors.ConvChannels($"{name} with {groups} groups: {channels} channels of {x.Aval} and {(transposed ? features : (long)inputs * groups)} of the kernel {kernel.Aval}");
        Windowing.AtLeastOne(name, "window", kernel.Shape.Dims[..rank].ToArray());
        int[] strides = Windowing.AtLeastOne(name, "strides", Windowing.PerAxis(name, options.Strides, rank, 1));
        int[] dilation = Windowing.AtLeastOne(name, "dilation", Windowing.PerAxis(name, options.Dilation, rank, 1));
        DType dtype = DTypes.Promote(x.DType, kernel.DType);
        Tensor split = kernel.To(dtype).Reshape(Shape.Create([.. kernel.Shape.Dims[..rank], inputs, groups, features / groups]));
        return (x.To(dtype), split.MoveAxis(rank + 1, rank), strides, dilation);
    }

    // [batch…, spatial…, channels] as [batch, spatial…, groups, in].
    private static Tensor Grouped(Tensor x, int rank, int groups)
    {
        Tensor flat = Windowing.WithOneBatchAxis(x, rank);
        return flat.Reshape(Shape.Create([.. flat.Shape.Dims[..^1], groups, flat.Shape.Dims[^1] / groups]));
    }
}
