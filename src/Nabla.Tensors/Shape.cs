using System.Collections;
using System.Runtime.CompilerServices;

namespace Nabla;

/// <summary>
/// The dimensions of a tensor, outermost first; immutable, compared by value. Written as a collection expression:
/// <c>Shape s = [32, 10];</c>. The default value is the shape of a scalar, <c>[]</c>.
/// </summary>
[CollectionBuilder(typeof(Shape), nameof(Create))]
public readonly struct Shape : IEquatable<Shape>, IEnumerable<int>
{
    private readonly int[]? _dims;

    private Shape(int[] dims) => _dims = dims;

    /// <summary>The shape of a scalar: rank 0, one element.</summary>
    public static Shape Scalar => default;

    /// <summary>Makes a shape from its dimensions.</summary>
    /// <exception cref="ShapeException">
    /// NB0101: a dimension is negative, or the product of the dimensions that are not 0 exceeds 2⁶³ − 1.
    /// </exception>
    public static Shape Create(params ReadOnlySpan<int> dims)
    {
        if (dims.IsEmpty) return default;
        CheckCount(dims);
        return new Shape(dims.ToArray());
    }

    /// <summary>Number of axes.</summary>
    public int Rank => _dims?.Length ?? 0;

    /// <summary>The dimensions as a span.</summary>
    public ReadOnlySpan<int> Dims => _dims;

    /// <summary>Number of elements: the product of the dimensions, 1 for a scalar.</summary>
    public long Count
    {
        get
        {
            long count = 1;
            foreach (int dim in Dims) count *= dim;
            return count;
        }
    }

    /// <summary>The size of axis <paramref name="axis"/>; negative axes count from the end.</summary>
    public int this[int axis] => Dims[NormalizeAxis(axis, Rank, "shape")];

    /// <summary>The size of an axis counted from either end, such as <c>shape[^1]</c>.</summary>
    public int this[Index axis] => Dims[axis];

    /// <summary>Brings an axis in [−rank, rank) to [0, rank).</summary>
    /// <exception cref="ShapeException">NB0102: the axis is outside that range.</exception>
    public static int NormalizeAxis(int axis, int rank, string operation)
    {
        int normal = axis < 0 ? axis + rank : axis;
        return normal >= 0 && normal < rank ? normal : throw TensorErrors.AxisOutOfRange(operation, axis, rank);
    }

    /// <summary>Brings a list of axes to [0, rank), sorted, and refuses repetitions.</summary>
    /// <exception cref="ShapeException">NB0102: an axis is out of range; NB0103: an axis is named twice.</exception>
    public static int[] NormalizeAxes(ReadOnlySpan<int> axes, int rank, string operation)
    {
        var normal = new int[axes.Length];
        for (int i = 0; i < axes.Length; i++) normal[i] = NormalizeAxis(axes[i], rank, operation);
        Array.Sort(normal);
        for (int i = 1; i < normal.Length; i++)
            if (normal[i] == normal[i - 1]) throw TensorErrors.RepeatedAxis(operation, axes.ToArray());
        return normal;
    }

    /// <summary>
    /// NumPy broadcasting: aligns the shapes at their last axes; sizes must be equal or 1.
    /// </summary>
    /// <exception cref="ShapeException">NB0104: the shapes cannot be broadcast together.</exception>
    public static Shape Broadcast(Shape a, Shape b, string operation)
    {
        if (a.Equals(b)) return a;
        int rank = Math.Max(a.Rank, b.Rank);
        var dims = new int[rank];
        for (int i = 1; i <= rank; i++)
        {
            int x = i <= a.Rank ? a.Dims[^i] : 1, y = i <= b.Rank ? b.Dims[^i] : 1;
            if (x != y && x != 1 && y != 1) throw TensorErrors.CannotBroadcast(operation, a, b);
            dims[^i] = x == 1 ? y : x;
        }
        CheckCount(dims);
        return new Shape(dims);
    }

    /// <summary>This shape without the given (normalised, sorted) axes.</summary>
    public Shape Without(ReadOnlySpan<int> axes)
    {
        var dims = new List<int>(Rank);
        for (int i = 0; i < Rank; i++)
            if (!axes.Contains(i)) dims.Add(Dims[i]);
        return new Shape([.. dims]);
    }

    /// <summary>This shape with a new axis of size <paramref name="size"/> at position <paramref name="axis"/>.</summary>
    public Shape Insert(int axis, int size) => Create([.. Dims[..axis], size, .. Dims[axis..]]);

    /// <summary>This shape with the size of <paramref name="axis"/> replaced.</summary>
    public Shape With(int axis, int size)
    {
        int[] dims = Dims.ToArray();
        dims[axis] = size;
        return Create(dims);
    }

    /// <summary>Strides in elements of a dense row-major tensor of this shape.</summary>
    public long[] RowMajorStrides()
    {
        var strides = new long[Rank];
        long stride = 1;
        for (int i = Rank - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= Math.Max(1, Dims[i]);
        }
        return strides;
    }

    /// <inheritdoc/>
    public bool Equals(Shape other) => Dims.SequenceEqual(other.Dims);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (int dim in Dims) hash.Add(dim);
        return hash.ToHashCode();
    }

    /// <summary>True if both shapes have the same dimensions.</summary>
    public static bool operator ==(Shape a, Shape b) => a.Equals(b);

    /// <summary>True if the shapes differ.</summary>
    public static bool operator !=(Shape a, Shape b) => !a.Equals(b);

    /// <summary>A shape from an array of dimensions.</summary>
    public static implicit operator Shape(int[] dims) => Create(dims);

    /// <summary>The dimensions in brackets, such as <c>[32,10]</c>.</summary>
    public override string ToString() => $"[{string.Join(',', _dims ?? [])}]";

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)(_dims ?? [])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    // Zeros are left out of the product, so that strides and the shapes of reductions over empty axes stay in range too.
    private static void CheckCount(ReadOnlySpan<int> dims)
    {
        long count = 1;
        foreach (int dim in dims)
        {
            if (dim < 0 || Math.BigMul(count, Math.Max(1, dim), out count) != 0 || count < 0)
                throw TensorErrors.BadDimension(dims.ToArray());
        }
    }
}
