namespace Nabla.Autograd;

/// <summary>
/// The plainest possible tensor: row-major doubles on the host. References are written over it with simple loops, so that they can be
/// believed by reading. Integers up to 2⁵³ and booleans (0, 1) are exact.
/// </summary>
public sealed class ReferenceArray(Aval aval)
{
    /// <summary>Element type and shape of the tensor that this stands for.</summary>
    public Aval Aval { get; } = aval;

    /// <summary>The dimensions.</summary>
    public Shape Shape => Aval.Shape;

    /// <summary>The elements in row-major order.</summary>
    public double[] Data { get; } = new double[aval.Shape.Count];

    /// <summary>The element at a multi-index.</summary>
    public double this[ReadOnlySpan<int> index]
    {
        get => Data[Offset(index)];
        set => Data[Offset(index)] = value;
    }

    /// <summary>The elements of a tensor of any layout.</summary>
    public static ReferenceArray From(DenseTensor tensor)
    {
        var array = new ReferenceArray(tensor.Aval);
        tensor.ToDoubles().CopyTo(array.Data, 0);
        return array;
    }

    /// <summary>All multi-indices of a shape in row-major order. The yielded array is reused: copy it to keep it.</summary>
    public static IEnumerable<int[]> Indices(Shape shape)
    {
        var index = new int[shape.Rank];
        long count = shape.Count;
        for (long i = 0; i < count; i++)
        {
            yield return index;
            for (int axis = index.Length - 1; axis >= 0; axis--)
            {
                if (++index[axis] < shape.Dims[axis]) break;
                index[axis] = 0;
            }
        }
    }

    /// <summary>Rounds the elements to the type of a contiguous tensor and writes them there.</summary>
    internal void CopyTo(DenseTensor tensor)
    {
        switch (tensor.DType)
        {
            case DType.F32: tensor.Write<float>(Array.ConvertAll(Data, x => (float)x)); break;
            case DType.F64: tensor.Write<double>(Data); break;
            case DType.I32: tensor.Write<int>(Array.ConvertAll(Data, x => (int)(long)x)); break;
            case DType.I64: tensor.Write<long>(Array.ConvertAll(Data, x => (long)x)); break;
            default: tensor.Write<bool>(Array.ConvertAll(Data, x => x != 0)); break;
        }
    }

    /// <summary>The place of a multi-index in <see cref="Data"/>.</summary>
    internal long Offset(ReadOnlySpan<int> index)
    {
        long offset = 0;
        for (int i = 0; i < index.Length; i++) offset = offset * Shape.Dims[i] + index[i];
        return offset;
    }
}
