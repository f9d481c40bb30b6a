namespace Nabla.Kernels;

/// <summary>Which operands of a row are one number for all its elements.</summary>
[Flags]
public enum Splats : byte
{
    /// <summary>None.</summary>
    None = 0,
    /// <summary>The first.</summary>
    A = 1,
    /// <summary>The second.</summary>
    B = 2,
    /// <summary>The third.</summary>
    C = 4,
}

/// <summary>
/// The operands of a row kernel: dense elements, or a single one where <see cref="Splats"/> says so. Operations of one or two operands
/// leave the others unused.
/// </summary>
public unsafe struct RowArgs
{
    /// <summary>First operand.</summary>
    public void* A;

    /// <summary>Second operand.</summary>
    public void* B;

    /// <summary>Third operand.</summary>
    public void* C;

    /// <summary>Result: dense; may be an operand itself if the element types have the same size.</summary>
    public void* Y;

    /// <summary>Number of elements, at least 1.</summary>
    public int Count;

    /// <summary>The operands that are one number.</summary>
    public Splats Splats;

    /// <summary>A number that the operation takes besides its operands, such as an exponent.</summary>
    public int Parameter;
}

/// <summary>
/// The code that computes a row of an element-wise operation on one element type: what drivers and fused programs call, whatever the
/// operation and its number of operands.
/// </summary>
public readonly unsafe struct RowKernel
{
    private readonly delegate*<RowArgs*, void> _body;

    internal RowKernel(delegate*<RowArgs*, void> body) => _body = body;

    /// <summary>No kernel: the operation is not defined on the element type.</summary>
    public static RowKernel None => default;

    /// <summary>True if there is no kernel.</summary>
    public bool IsNone => _body == null;

    /// <summary>Computes one row.</summary>
    public void Run(RowArgs* row) => _body(row);
}
