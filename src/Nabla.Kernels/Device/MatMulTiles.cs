namespace Nabla.Kernels;

/// <summary>How <see cref="MatMulKernels.Piped"/> divides a product. All numbers are constants of the kernel, which exists once for each tile.</summary>
internal interface ITile
{
    /// <summary>Groups of four rows that a work-item computes: 64 rows of the tile for each.</summary>
    static abstract int RowFours { get; }

    /// <summary>Groups of four columns that a work-item computes: 64 columns of the tile for each.</summary>
    static abstract int ColumnFours { get; }

    /// <summary>Bytes of each line that are multiplied between two barriers.</summary>
    static abstract int DepthBytes { get; }

    /// <summary>Tiles of shared memory: one is multiplied, the others are on their way.</summary>
    static abstract int Stages { get; }
}

/// <summary>128 × 128 elements, 8 f32 deep: the least registers and shared memory for its size, two groups a multiprocessor.</summary>
internal readonly struct Tile128x128 : ITile
{
    /// <inheritdoc/>
    public static int RowFours => 2;

    /// <inheritdoc/>
    public static int ColumnFours => 2;

    /// <inheritdoc/>
    public static int DepthBytes => 32;

    /// <inheritdoc/>
    public static int Stages => 4;
}

/// <summary>128 × 128 elements, 16 f32 deep: half the barriers.</summary>
internal readonly struct Tile128x128Deep : ITile
{
    /// <inheritdoc/>
    public static int RowFours => 2;

    /// <inheritdoc/>
    public static int ColumnFours => 2;

    /// <inheritdoc/>
    public static int DepthBytes => 64;

    /// <inheritdoc/>
    public static int Stages => 2;
}

/// <summary>256 × 128 elements, 8 f32 deep: the least loads for a multiply-add, with one group a multiprocessor. In f64 its sums need more registers than a work-item has.</summary>
internal readonly struct Tile256x128 : ITile
{
    /// <inheritdoc/>
    public static int RowFours => 4;

    /// <inheritdoc/>
    public static int ColumnFours => 2;

    /// <inheritdoc/>
    public static int DepthBytes => 32;

    /// <inheritdoc/>
    public static int Stages => 3;
}

/// <summary>128 × 64 elements, 16 f32 deep, for products of fewer tiles.</summary>
internal readonly struct Tile128x64 : ITile
{
    /// <inheritdoc/>
    public static int RowFours => 2;

    /// <inheritdoc/>
    public static int ColumnFours => 1;

    /// <inheritdoc/>
    public static int DepthBytes => 64;

    /// <inheritdoc/>
    public static int Stages => 3;
}

/// <summary>64 × 64 elements, 16 f32 deep, for products of the fewest tiles.</summary>
internal readonly struct Tile64x64 : ITile
{
    /// <inheritdoc/>
    public static int RowFours => 1;

    /// <inheritdoc/>
    public static int ColumnFours => 1;

    /// <inheritdoc/>
    public static int DepthBytes => 64;

    /// <inheritdoc/>
    public static int Stages => 3;
}

/// <summary>A kernel for products of many tiles. All of them give the same bits.</summary>
/// <param name="Name">Its name among them.</param>
/// <param name="Program">The kernel.</param>
/// <param name="Rows">Rows of a tile.</param>
/// <param name="Columns">Columns of a tile.</param>
/// <param name="Group">One group, with its work-items.</param>
internal sealed record TiledProduct(string Name, KernelProgram Program, int Rows, int Columns, LaunchSize Group)
{
    /// <summary>Groups for c of m × n elements.</summary>
    public long Groups(int m, int n) => (long)((m + Rows - 1) / Rows) * ((n + Columns - 1) / Columns);
}
