using Nabla.Autograd;

namespace Nabla.Proof;

/// <summary>The same elements stored in other ways.</summary>
internal static class Layouts
{
    /// <summary>Layouts of a shape that kernels can meet, each with the number of elements that its buffer needs.</summary>
    public static IEnumerable<(string Name, Layout Layout, int Length)> Of(Shape shape)
    {
        int rank = shape.Rank;
        int count = checked((int)shape.Count);
        yield return Spread(shape);
        if (rank == 0 || count == 0) yield break;
        yield return ("negative strides", new Layout(shape, Array.ConvertAll(shape.RowMajorStrides(), s => -s), count - 1), count);
        yield return Repeated(shape, 0);
        if (rank < 2) yield break;
        yield return Repeated(shape, rank - 1);
        long[] columnMajor = new long[rank];
        for (int i = 0, stride = 1; i < rank; stride *= shape.Dims[i++]) columnMajor[i] = stride;
        yield return ("transposed", new Layout(shape, columnMajor, 0), count);
    }

    /// <summary>A contiguous tensor with the given elements, rounded to its type.</summary>
    public static DenseTensor Dense(ReferenceArray values)
    {
        DenseTensor tensor = DenseTensor.Allocate(values.Aval, Device.Default);
        values.CopyTo(tensor);
        return tensor;
    }

    /// <summary>The elements in a layout. Places of the buffer between them hold NaN, or 1 in integers.</summary>
    public static DenseTensor Store(ReferenceArray values, Layout layout, int length)
    {
        var buffer = new ReferenceArray(new Aval(values.Aval.DType, [length]));
        Array.Fill(buffer.Data, values.Aval.DType.IsFloat ? double.NaN : 1);
        long i = 0;
        foreach (int[] index in ReferenceArray.Indices(values.Shape))
        {
            long position = layout.Offset;
            for (int axis = 0; axis < index.Length; axis++) position += index[axis] * layout.Strides[axis];
            buffer.Data[position] = values.Data[i++];
        }
        return Dense(buffer).View(layout);
    }

    // Every second element of a larger tensor, beginning at 1 along each axis.
    private static (string, Layout, int) Spread(Shape shape)
    {
        Shape larger = Shape.Create([.. shape.Dims.ToArray().Select(d => 2 * d + 1)]);
        long[] strides = larger.RowMajorStrides();
        long offset = shape.Rank == 0 ? 1 : shape.Count == 0 ? 0 : strides.Sum();
        return ("offset slice", new Layout(shape, Array.ConvertAll(strides, s => 2 * s), offset), checked((int)larger.Count) + 1);
    }

    private static (string, Layout, int) Repeated(Shape shape, int axis)
    {
        Shape line = shape.With(axis, 1);
        long[] strides = line.RowMajorStrides();
        strides[axis] = 0;
        return ($"stride 0 on axis {axis}", new Layout(shape, strides, 0), checked((int)line.Count));
    }
}
