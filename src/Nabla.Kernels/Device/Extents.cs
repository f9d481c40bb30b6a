namespace Nabla.Kernels;

/// <summary>
/// Sizes of up to six axes for a kernel, the innermost first; 1 beyond the rank. Made from a joint walk over the operands, so neighbouring axes are already merged.
/// </summary>
internal struct Extents
{
    /// <summary>Axes that a kernel can walk.</summary>
    public const int MaxRank = 6;

    /// <summary>Number of axes.</summary>
    public int Rank;

    /// <summary>Size of the innermost axis.</summary>
    public int D0;

    /// <summary>Sizes of the others.</summary>
    public int D1, D2, D3, D4, D5;

    /// <summary>The sizes of a walk.</summary>
    /// <exception cref="ShapeException">NB0110: it has more than six axes.</exception>
    public static Extents Of(in StridedWalk walk)
    {
        if (walk.Rank > MaxRank) throw KernelErrors.TooManyAxes(MaxRank);
        return new Extents
        {
            Rank = walk.Rank,
            D0 = (int)walk.Dim(0),
            D1 = (int)walk.Dim(1),
            D2 = (int)walk.Dim(2),
            D3 = (int)walk.Dim(3),
            D4 = (int)walk.Dim(4),
            D5 = (int)walk.Dim(5),
        };
    }
}

/// <summary>Where the elements of one operand lie: steps along the axes of <see cref="Extents"/>, from <see cref="Start"/> in its view.</summary>
internal struct Steps
{
    /// <summary>Position of the first element.</summary>
    public int Start;

    /// <summary>Step along the innermost axis.</summary>
    public int S0;

    /// <summary>Steps along the others.</summary>
    public int S1, S2, S3, S4, S5;

    /// <summary>The steps of an operand of a walk.</summary>
    public static Steps Of(in StridedWalk walk, int operand, long start) => new()
    {
        Start = checked((int)start),
        S0 = checked((int)walk.Stride(operand, 0)),
        S1 = checked((int)walk.Stride(operand, 1)),
        S2 = checked((int)walk.Stride(operand, 2)),
        S3 = checked((int)walk.Stride(operand, 3)),
        S4 = checked((int)walk.Stride(operand, 4)),
        S5 = checked((int)walk.Stride(operand, 5)),
    };

    /// <summary>True if every position is a multiple of a number.</summary>
    public readonly bool IsMultipleOf(int number) => (Start % number, S0 % number, S1 % number, S2 % number, S3 % number, S4 % number, S5 % number) == (0, 0, 0, 0, 0, 0, 0);

    /// <summary>Position of element i in row-major order.</summary>
    public static int At(int i, Steps steps, Extents extents)
    {
        if (extents.Rank <= 1) return steps.Start + i * steps.S0;
        int rest = i / extents.D0;
        int at = steps.Start + (i - rest * extents.D0) * steps.S0;
        if (extents.Rank == 2) return at + rest * steps.S1;
        i = rest;
        rest = i / extents.D1;
        at += (i - rest * extents.D1) * steps.S1;
        i = rest;
        rest = i / extents.D2;
        at += (i - rest * extents.D2) * steps.S2;
        i = rest;
        rest = i / extents.D3;
        at += (i - rest * extents.D3) * steps.S3;
        i = rest;
        rest = i / extents.D4;
        return at + (i - rest * extents.D4) * steps.S4 + rest * steps.S5;
    }
}
