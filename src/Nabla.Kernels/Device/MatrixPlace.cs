namespace Nabla.Kernels;

/// <summary>Where the matrices of a batch lie in a view: element (i, j) of an entry is at <c>Start + entry·Entry + i·Row + j·Column</c>.</summary>
internal struct MatrixPlace
{
    /// <summary>Position of the first element, steps between rows and between columns, and between entries.</summary>
    public int Start, Row, Column, Entry;

    /// <summary>The matrices of a tensor, if one step leads from each entry to the next.</summary>
    public static MatrixPlace? Of(DenseTensor x)
    {
        StridedWalk batch = default;
        for (int axis = 0; axis < x.Rank - 2; axis++) batch.Append(x.Shape.Dims[axis], x.Layout.Strides[axis]);
        if (batch.Rank > 1) return null;
        return new MatrixPlace
        {
            Start = checked((int)(x.Layout.Offset - x.Layout.Reach.First)),
            Row = checked((int)x.Layout.Strides[^2]),
            Column = checked((int)x.Layout.Strides[^1]),
            Entry = checked((int)batch.Stride(0, 0)),
        };
    }

    /// <summary>Rows for columns.</summary>
    public readonly MatrixPlace Transposed => this with { Row = Column, Column = Row };

    /// <summary>Rows in reverse order.</summary>
    public readonly MatrixPlace RowsReversed(int rows) => this with { Start = Start + (rows - 1) * Row, Row = -Row };

    /// <summary>Rows and columns of n×n matrices in reverse order: an upper triangle becomes a lower one.</summary>
    public readonly MatrixPlace Reversed(int n) => RowsReversed(n).Transposed.RowsReversed(n).Transposed;

    /// <summary>The block that starts at an element.</summary>
    public readonly MatrixPlace Block(int row, int column) => this with { Start = Start + row * Row + column * Column };

    /// <summary>Position of element (i, j) of an entry.</summary>
    public static int At(MatrixPlace place, int entry, int i, int j) => place.Start + entry * place.Entry + i * place.Row + j * place.Column;
}
