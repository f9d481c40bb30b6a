namespace Nabla;

/// <summary>
/// An immutable n-dimensional array, or, inside a transformation, a stand-in for one. Operators and functions are added by
/// the primitives' own files; this class knows only what every tensor has.
/// </summary>
public abstract class Tensor
{
    private protected Tensor(Aval aval) => Aval = aval;

    /// <summary>Element type and shape.</summary>
    public Aval Aval { get; }

    /// <summary>The dimensions.</summary>
    public Shape Shape => Aval.Shape;

    /// <summary>The element type.</summary>
    public DType DType => Aval.DType;

    /// <summary>Number of axes.</summary>
    public int Rank => Aval.Shape.Rank;

    /// <summary>Number of elements.</summary>
    public long Count => Aval.Shape.Count;

    /// <summary>Where the elements are.</summary>
    public abstract Device Device { get; }

    /// <summary>
    /// The tensor with its elements. A stand-in inside a transformation has none and raises an error that says so.
    /// </summary>
    public abstract DenseTensor Dense { get; }

    /// <summary>A tensor of the given shape from elements in row-major order; without a shape, a vector.</summary>
    /// <exception cref="ShapeException">NB0105: the counts differ.</exception>
    public static DenseTensor From<T>(ReadOnlySpan<T> elements, Shape? shape = null, Device? device = null)
        where T : unmanaged
    {
        Shape target = shape ?? [elements.Length];
        if (target.Count != elements.Length) throw TensorErrors.ElementCount("from", elements.Length, target);
        DenseTensor tensor = DenseTensor.Allocate(new Aval(DTypes.Of<T>(), target), device ?? Device.Default);
        tensor.Write(elements);
        return tensor;
    }

    /// <inheritdoc cref="From{T}(ReadOnlySpan{T}, Shape?, Device?)"/>
    public static DenseTensor From<T>(T[] elements, Shape? shape = null, Device? device = null) where T : unmanaged =>
        From<T>(elements.AsSpan(), shape, device);

    /// <summary>A matrix from a rectangular array.</summary>
    public static DenseTensor From<T>(T[,] elements, Device? device = null) where T : unmanaged
    {
        var flat = new T[elements.Length];
        int i = 0;
        foreach (T element in elements) flat[i++] = element;
        return From<T>(flat, [elements.GetLength(0), elements.GetLength(1)], device);
    }

    /// <summary>A tensor of rank 0.</summary>
    public static DenseTensor Scalar(double value, DType dtype = DType.F32, Device? device = null) =>
        Full(Shape.Scalar, value, dtype, device);

    /// <summary>A tensor whose elements are all <paramref name="value"/>; it stores one number, whatever its shape.</summary>
    public static DenseTensor Full(Shape shape, double value, DType dtype = DType.F32, Device? device = null) =>
        DenseTensor.Splat(new Aval(dtype, shape), value, device ?? Device.Default);

    /// <summary>Zeros; see <see cref="Full"/>.</summary>
    public static DenseTensor Zeros(Shape shape, DType dtype = DType.F32, Device? device = null) => Full(shape, 0, dtype, device);

    /// <summary>Ones; see <see cref="Full"/>.</summary>
    public static DenseTensor Ones(Shape shape, DType dtype = DType.F32, Device? device = null) => Full(shape, 1, dtype, device);

    /// <summary>The elements in row-major order, copied to the host.</summary>
    /// <exception cref="DTypeException">NB0203: the element type is not <typeparamref name="T"/>.</exception>
    public T[] ToArray<T>() where T : unmanaged => Dense.CopyToArray<T>();

    /// <summary>The elements in row-major order as doubles, whatever the element type.</summary>
    public double[] ToDoubles() => Dense.CopyToDoubles();

    /// <summary>The only element.</summary>
    /// <exception cref="ShapeException">NB0106: there is more or less than one element.</exception>
    public T Item<T>() where T : unmanaged =>
        Count == 1 ? Dense.CopyToArray<T>()[0] : throw TensorErrors.NotOneElement(Aval);

    /// <summary>The only element as a double.</summary>
    /// <exception cref="ShapeException">NB0106: there is more or less than one element.</exception>
    public double ToDouble() => Count == 1 ? Dense.CopyToDoubles()[0] : throw TensorErrors.NotOneElement(Aval);
}
