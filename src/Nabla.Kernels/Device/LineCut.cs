using System.Numerics;

namespace Nabla.Kernels;

/// <summary>
/// How dense lines are folded: how many work-items share one, and whether it is cut into chunks. By sizes alone, so that every kernel that folds a line of this length adds in the same order.
/// </summary>
/// <remarks>
/// Work-item l of a line has the fours of neighbours l, l + lanes, l + 2·lanes …: it folds 16 fours place by place, folds those results likewise, then the four places as a tree; the results of the
/// lanes are folded 16 at a time.
/// </remarks>
/// <param name="Outputs">Lines.</param>
/// <param name="Count">Elements of a line.</param>
/// <param name="Lanes">Work-items that share a chunk: a power of two.</param>
/// <param name="Chunk">Elements of a chunk.</param>
/// <param name="Chunks">Chunks of a line; if there are several, their results are a table [line, chunk], whose lines are folded in turn.</param>
internal readonly record struct LineCut(int Outputs, int Count, int Lanes, int Chunk, int Chunks)
{
    /// <summary>Fours that a work-item folds before it folds the results.</summary>
    public const int Run = 16;

    /// <summary>Lanes whose results one work-item folds.</summary>
    public const int Radix = 16;

    /// <summary>Elements of a chunk, where lines are cut.</summary>
    public const int Longest = 4 * Run * ReduceKernels.Size;

    // With this many lines, all multiprocessors have work without cutting. Lines beyond the second number would add too many results one after another.
    private const int EnoughLines = 64, MostWhole = 1 << 18;

    /// <summary>The cut of lines of <paramref name="count"/> elements.</summary>
    public static LineCut Of(int outputs, int count)
    {
        bool whole = count <= Longest || (outputs >= EnoughLines && count <= MostWhole);
        int chunk = whole ? count : Longest;
        return new LineCut(outputs, count, LanesOf(chunk), chunk, (int)(((long)count + chunk - 1) / chunk));
    }

    /// <summary>Fours of each work-item.</summary>
    public int Fours => (Chunk + 4 * Lanes - 1) / (4 * Lanes);

    /// <summary>Groups to launch.</summary>
    public int Groups => LaunchSize.Linear((long)Outputs * Chunks, ReduceKernels.Size / Lanes).GridX;

    /// <summary>Shape and type of the table.</summary>
    public Aval Table(DType dtype) => new(dtype, [Outputs, Chunks]);

    // A four each up to a warp; then eight fours each up to a group.
    private static int LanesOf(int count)
    {
        int few = Math.Min(32, (count + 3) / 4), many = (count + 31) / 32;
        return (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(many, few, ReduceKernels.Size));
    }
}
