namespace Nabla.Tests.Kernels;

/// <summary>Tensors of one shape in every kind of layout that a kernel can meet.</summary>
internal static class LayoutCases
{
    /// <summary>Sizes at and around vectors, blocks and tiles, empty axes, primes.</summary>
    public static readonly int[][] Shapes =
    [
        [], [0], [1], [7], [16], [31], [67], [513], [1031],
        [0, 5], [5, 0], [1, 1], [3, 5], [17, 67], [67, 17], [64, 64], [37, 131], [2, 523],
        [3, 1, 5], [4, 7, 33], [33, 7, 4], [2, 37, 41], [0, 3, 2], [2, 3, 5, 7], [1, 19, 1, 23], [3, 2, 17, 18], [2, 2, 3, 2, 3],
    ];

    /// <summary>The shape in all layouts; stored numbers come from <paramref name="element"/>.</summary>
    public static IEnumerable<(string Name, DenseTensor Tensor)> Of<T>(int[] shape, Func<int, T> element) where T : unmanaged
    {
        int[] ones = Array.ConvertAll(shape, _ => 1), last = Array.ConvertAll(shape, d => d - 1);
        int[] axes = Enumerable.Range(0, shape.Length).ToArray(), backwards = axes.Reverse().ToArray();
        yield return ("contiguous", Dense(shape, element));
        yield return ("offset slice", Sliced(Array.ConvertAll(shape, d => d + 3), Array.ConvertAll(shape, _ => 2), shape, ones, element));
        yield return ("every second", Sliced(Array.ConvertAll(shape, d => 2 * d + 1), ones, shape, Array.ConvertAll(shape, _ => 2), element));
        yield return ("reversed", Sliced(shape, last, shape, Array.ConvertAll(shape, _ => -1), element));
        if (shape.Length == 0) yield break;
        DenseTensor turned = Dense(shape.Reverse().ToArray(), element);
        yield return ("transposed", turned.View(turned.Layout.Transpose(backwards)));
        yield return ("first axis repeated", Repeated(shape, 0, element));
        yield return ("last axis repeated", Repeated(shape, shape.Length - 1, element));
        yield return ("one number", Dense(ones, element) is var one ? one.View(one.Layout.BroadcastInDim(shape, axes)) : one);
        if (shape.Length < 2) yield break;
        int[] swapped = [.. axes[..^2], axes[^1], axes[^2]];
        DenseTensor pair = Dense(Array.ConvertAll(swapped, a => shape[a]), element);
        yield return ("last two axes swapped", pair.View(pair.Layout.Transpose(swapped)));
    }

    /// <summary>A dense tensor with the elements 0, 1, … of a sequence.</summary>
    public static DenseTensor Dense<T>(int[] shape, Func<int, T> element) where T : unmanaged
    {
        var tensor = DenseTensor.Allocate(new Aval(DTypes.Of<T>(), shape), Device.Cpu);
        Span<T> elements = tensor.Span<T>();
        for (int i = 0; i < elements.Length; i++) elements[i] = element(i);
        return tensor;
    }

    /// <summary>A dense tensor for results, filled with a wrong value.</summary>
    public static DenseTensor Output(DType dtype, Shape shape)
    {
        var tensor = DenseTensor.Allocate(new Aval(dtype, shape), Device.Cpu);
        unsafe
        {
            new Span<byte>((void*)tensor.Buffer.Address, checked((int)(tensor.Count * dtype.Size))).Fill(0x5A);
        }
        return tensor;
    }

    /// <summary>Numbers in (−1, 1) that depend on the position and the seed.</summary>
    public static Func<int, double> Noise(int seed)
    {
        var random = new Random(seed);
        return _ => 2 * random.NextDouble() - 1;
    }

    /// <summary>The row-major positions of a shape as multi-indices.</summary>
    public static IEnumerable<int[]> Indices(int[] shape)
    {
        if (Array.IndexOf(shape, 0) >= 0) yield break;
        var index = new int[shape.Length];
        while (true)
        {
            yield return [.. index];
            int axis = shape.Length - 1;
            for (; axis >= 0 && ++index[axis] == shape[axis]; axis--) index[axis] = 0;
            if (axis < 0) yield break;
        }
    }

    /// <summary>The row-major position of a multi-index.</summary>
    public static int Position(ReadOnlySpan<int> index, ReadOnlySpan<int> shape)
    {
        int position = 0;
        for (int i = 0; i < shape.Length; i++) position = position * shape[i] + index[i];
        return position;
    }

    private static DenseTensor Sliced<T>(int[] stored, int[] starts, int[] sizes, int[] steps, Func<int, T> element) where T : unmanaged
    {
        DenseTensor whole = Dense(stored, element);
        return whole.View(whole.Layout.Slice(starts, sizes, steps));
    }

    private static DenseTensor Repeated<T>(int[] shape, int axis, Func<int, T> element) where T : unmanaged
    {
        int[] stored = [.. shape];
        stored[axis] = 1;
        DenseTensor line = Dense(stored, element);
        return line.View(line.Layout.BroadcastInDim(shape, Enumerable.Range(0, shape.Length).ToArray()));
    }
}
