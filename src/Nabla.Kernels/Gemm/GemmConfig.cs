using System.Runtime.Intrinsics.X86;

namespace Nabla.Kernels;

/// <summary>The instruction sets for which the matrix kernels have a path.</summary>
internal enum GemmPath
{
    /// <summary>128-bit vectors as the machine has them.</summary>
    Portable,

    /// <summary>AVX2 with fused multiply-add.</summary>
    Avx2,

    /// <summary>AVX-512.</summary>
    Avx512,
}

/// <summary>
/// Block sizes, named as in BLIS: MR × NR is the register tile, a panel of B (KC × NR) stays in the L1 cache, a block of A (MC × KC) in L2,
/// a slab of B (KC × NC) in L3. NR is always two vectors.
/// </summary>
/// <remarks>Only speed depends on them, and the grouping of additions: a sum over k is cut into blocks of at most KC.</remarks>
internal readonly record struct GemmConfig(int MR, int MC, int NC, int KC)
{
    /// <summary>Rows of A that are packed at once, over all threads.</summary>
    public const int SlabRows = 4096;

    /// <summary>Columns of C in one part of a parallel region.</summary>
    public const int PartColumns = 256;

    /// <summary>From this number of columns on, packing A pays for itself.</summary>
    public const int PackAFromColumns = 192;

    /// <summary>From this number of bytes on B is packed, if it is read often enough; below, it stays in the caches as it is.</summary>
    public const long PackBFromBytes = 192 << 10;

    /// <summary>Rows of B read at a time when it is not packed and too large for the caches: as many streams as prefetchers follow.</summary>
    public const int StreamedDepth = 16;

    /// <summary>From this number of multiply-adds on, a product is shared between threads.</summary>
    public const long ParallelFrom = 1 << 20;

    /// <summary>Multiply-adds of a part when small products of a batch are shared between threads.</summary>
    public const long BatchPart = 1 << 17;

    /// <summary>The fastest path of this machine.</summary>
    public static GemmPath Best { get; } =
        Avx512F.IsSupported ? GemmPath.Avx512 : Avx2.IsSupported && Fma.IsSupported ? GemmPath.Avx2 : GemmPath.Portable;

    /// <summary>The path in use; tests choose slower ones.</summary>
    public static GemmPath Path { get; set; } = Best;

    /// <summary>Block sizes of a path for elements of this many bytes.</summary>
    public static GemmConfig For(GemmPath path, int elementSize) => path switch
    {
        GemmPath.Avx512 => elementSize == 4 ? new(MR: 14, MC: 168, NC: 4096, KC: 384) : new(MR: 14, MC: 168, NC: 2048, KC: 256),
        GemmPath.Avx2 => elementSize == 4 ? new(MR: 6, MC: 144, NC: 4096, KC: 320) : new(MR: 6, MC: 96, NC: 2048, KC: 256),
        _ => elementSize == 4 ? new(MR: 6, MC: 96, NC: 2048, KC: 256) : new(MR: 6, MC: 48, NC: 2048, KC: 256),
    };
}
