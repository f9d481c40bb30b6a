namespace Nabla.InfiniteWidth;

/// <summary>A window that slides along one axis: its size, its steps, and how much it sees before and after the axis: zeros, or the other end.</summary>
internal readonly record struct Window(int Size, int Stride, int Low, int High, bool Circular)
{
    /// <summary>One window for each spatial axis.</summary>
    public static Window[] For(string layer, Shape sizes, Shape? strides, Padding padding, Shape input)
    {
        int rank = sizes.Rank;
        bool fits = input.Rank == rank + 1 && (strides is not { } given || given.Rank == rank) && sizes.All(s => s > 0) && (strides?.All(s => s > 0) ?? true);
        if (!fits) throw Misfit(layer, sizes, input);
        int[] steps = strides?.Dims.ToArray() ?? [.. Enumerable.Repeat(1, rank)];
        (int[] low, int[] high) = padding.Amounts(layer, input.Dims[..rank], sizes.Dims, steps);
        var windows = new Window[rank];
        for (int d = 0; d < rank; d++)
        {
            windows[d] = new Window(sizes[d], steps[d], low[d], high[d], padding.IsCircular);
            bool inside = low[d] >= 0 && high[d] >= 0 && (!padding.IsCircular || (low[d] <= input[d] && high[d] <= input[d]));
            if (!inside || input[d] + low[d] + high[d] < sizes[d]) throw Misfit(layer, sizes, input);
        }
        return windows;
    }

    /// <summary>Number of places of the window on an axis of size n.</summary>
    public int Places(int n) => (n + Low + High - Size) / Stride + 1;

    /// <summary>The input with what the windows see beyond its edges.</summary>
    public Tensor Padded(Tensor x, int axis)
    {
        if (Low == 0 && High == 0) return x;
        int n = x.Shape[axis];
        if (Circular) return Ops.Concatenate([Part(x, axis, n - Low, Low, 1), x, Part(x, axis, 0, High, 1)], axis);
        (int[] before, int[] after) = (new int[x.Rank], new int[x.Rank]);
        (before[axis], after[axis]) = (Low, High);
        return x.Pad(before, after);
    }

    /// <summary>What tap t of the window sees at each of its places, from the padded input; n is the size of the axis without padding.</summary>
    public Tensor Tap(Tensor padded, int axis, int n, int t) => Part(padded, axis, t, Places(n), Stride);

    /// <summary>The sum over the taps.</summary>
    public Tensor Sum(Tensor x, int axis)
    {
        int n = x.Shape[axis];
        Tensor padded = Padded(x, axis), sum = Tap(padded, axis, n, 0);
        for (int t = 1; t < Size; t++) sum += Tap(padded, axis, n, t);
        return sum;
    }

    /// <summary>The sum over taps that move along two axes of one size together.</summary>
    public Tensor SumTogether(Tensor x, int axis, int other)
    {
        int n = x.Shape[axis];
        Tensor padded = Padded(Padded(x, axis), other);
        Tensor? sum = null;
        for (int t = 0; t < Size; t++)
        {
            Tensor tap = Tap(Tap(padded, axis, n, t), other, n, t);
            sum = sum is null ? tap : sum + tap;
        }
        return sum!;
    }

    /// <summary>
    /// What the windows see at each place, taps before channels. Shape: [batch, spatial…, c] → [batch, places…, taps·c].
    /// </summary>
    public static Tensor Patches(ReadOnlySpan<Window> windows, Tensor x)
    {
        var parts = new List<Tensor> { x };
        for (int d = 0; d < windows.Length; d++)
        {
            var next = new List<Tensor>();
            foreach (Tensor part in parts)
            {
                Tensor padded = windows[d].Padded(part, d + 1);
                for (int t = 0; t < windows[d].Size; t++) next.Add(windows[d].Tap(padded, d + 1, x.Shape[d + 1], t));
            }
            parts = next;
        }
        return parts.Count == 1 ? parts[0] : Ops.Concatenate(parts, -1);
    }

    /// <summary>The spatial sizes after the windows, with the given channels behind.</summary>
    public static Shape Output(ReadOnlySpan<Window> windows, Shape input, int channels)
    {
        var dims = new int[windows.Length + 1];
        for (int d = 0; d < windows.Length; d++) dims[d] = windows[d].Places(input[d]);
        dims[^1] = channels;
        return Shape.Create(dims);
    }

    private static ShapeException Misfit(string layer, Shape sizes, Shape input) => InfiniteWidthErrors.Misfit(layer,
        $"window {sizes} on inputs {input}; expected one positive size and stride for each spatial axis, and windows not above the padded size");

    private static Tensor Part(Tensor x, int axis, int start, int size, int step)
    {
        (int[] starts, int[] sizes, int[] steps) = (new int[x.Rank], x.Shape.Dims.ToArray(), new int[x.Rank]);
        Array.Fill(steps, 1);
        (starts[axis], sizes[axis], steps[axis]) = (start, size, step);
        return x.Slice(starts, sizes, steps);
    }
}
