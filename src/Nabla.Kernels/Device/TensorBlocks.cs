namespace Nabla.Kernels;

/// <summary>
/// How a group of 8 warps divides its part of a product on tensor cores. All numbers are constants of the kernel, which exists once for each block; stages together are at most 48 KiB, which a group has
/// without asking for more.
/// </summary>
internal interface ITensorBlock
{
    /// <summary>Warps below each other; the 8 divided by them are beside each other.</summary>
    static abstract int WarpsDown { get; }

    /// <summary>Sixteens of rows of a warp.</summary>
    static abstract int Sixteens { get; }

    /// <summary>Eights of columns of a warp.</summary>
    static abstract int Eights { get; }

    /// <summary>Pairs of tiles in shared memory: one is multiplied, the others are on their way.</summary>
    static abstract int Stages { get; }
}

/// <summary>A block that an arithmetic uses.</summary>
internal interface ITensorBlock<TMath> : ITensorBlock;

/// <summary>128 × 128 elements, 64 × 32 for each warp.</summary>
internal readonly struct TensorBlock128x128 : ITensorBlock<TensorTf32>, ITensorBlock<TensorTf32Split>, ITensorBlock<TensorBf16>, ITensorBlock<TensorF64>
{
    /// <inheritdoc/>
    public static int WarpsDown => 2;

    /// <inheritdoc/>
    public static int Sixteens => 4;

    /// <inheritdoc/>
    public static int Eights => 4;

    /// <inheritdoc/>
    public static int Stages => 3;
}

/// <summary>
/// 256 × 128 elements, 64 × 64 for each warp: the least loads for an instruction, from global and from shared memory. For the arithmetics that are so fast that loads are what they wait for; what others
/// keep besides sums would need more registers than a work-item has.
/// </summary>
internal readonly struct TensorBlock256x128 : ITensorBlock<TensorTf32>, ITensorBlock<TensorBf16>
{
    /// <inheritdoc/>
    public static int WarpsDown => 4;

    /// <inheritdoc/>
    public static int Sixteens => 4;

    /// <inheritdoc/>
    public static int Eights => 8;

    /// <inheritdoc/>
    public static int Stages => 2;
}

/// <summary>128 × 64 elements, 32 × 32 for each warp: for products of fewer blocks, and with the registers for more groups at a time.</summary>
internal readonly struct TensorBlock128x64 : ITensorBlock<TensorTf32>, ITensorBlock<TensorTf32Split>, ITensorBlock<TensorBf16>, ITensorBlock<TensorF64>
{
    /// <inheritdoc/>
    public static int WarpsDown => 4;

    /// <inheritdoc/>
    public static int Sixteens => 2;

    /// <inheritdoc/>
    public static int Eights => 4;

    /// <inheritdoc/>
    public static int Stages => 4;
}
