using System.Runtime.CompilerServices;

namespace Nabla.Kernels;

/// <summary>
/// Drives a row kernel over whole tensors. Dense and splat operands go to it directly, in parts of fixed size for the threads; other
/// layouts are walked row by row, and what does not lie densely in a row is gathered into a tile on the stack first.
/// </summary>
internal static unsafe class MapDriver
{
    // Elements of one part, by cost: work for at least some ten microseconds, so that waking a thread pays.
    private const int LightPart = 1 << 16;
    private const int MediumPart = 1 << 14;
    private const int HeavyPart = 1 << 10;

    /// <summary>y = kernel(a, b, c) element by element; b and c may be missing.</summary>
    public static void Run(
        RowKernel kernel, DenseTensor a, DenseTensor? b, DenseTensor? c, DenseTensor y, WorkClass work, int parameter = 0)
    {
        long count = y.Count;
        if (count == 0) return;
        RowArgs row = default;
        bool flat = IsFlat(a, Splats.A, ref row.Splats);
        flat &= b is null || IsFlat(b, Splats.B, ref row.Splats);
        flat &= c is null || IsFlat(c, Splats.C, ref row.Splats);
        row.A = Address(a);
        row.B = b is null ? null : Address(b);
        row.C = c is null ? null : Address(c);
        row.Y = Address(y);
        row.Parameter = parameter;
        int part = PartSize(work);
        if (!flat)
        {
            Strided(kernel, row, a, b, c, y, part);
        }
        else if (count <= part)
        {
            row.Count = (int)count;
            kernel.Run(&row);
        }
        else
        {
            var job = new FlatJob(kernel, row, Sizes(a, b, c, y), count, part);
            Workers.Run(ref job, Parts(count, part));
        }
    }

    /// <summary>Elements that one thread takes at a time.</summary>
    public static int PartSize(WorkClass work) => work switch
    {
        WorkClass.Light => LightPart,
        WorkClass.Medium => MediumPart,
        _ => HeavyPart,
    };

    private static bool IsFlat(DenseTensor x, Splats bit, ref Splats splats)
    {
        if (x.IsContiguous) return true;
        if (!x.Layout.IsSplat) return false;
        splats |= bit;
        return true;
    }

    private static void* Address(DenseTensor x) => x.HostStart;

    private static ElementSizes Sizes(DenseTensor a, DenseTensor? b, DenseTensor? c, DenseTensor y) =>
        new(a.DType.Size, b?.DType.Size ?? 0, c?.DType.Size ?? 0, y.DType.Size);

    private static int Parts(long count, long part) => checked((int)((count + part - 1) / part));

    // A method of its own, because the job holds the whole walk: small dense calls should not clear that much stack.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Strided(
        RowKernel kernel, in RowArgs row, DenseTensor a, DenseTensor? b, DenseTensor? c, DenseTensor y, int part)
    {
        var walk = new StridedWalk(y.Shape.Dims, a.Layout.Strides, b is null ? default : b.Layout.Strides,
            c is null ? default : c.Layout.Strides, y.Layout.Strides);
        var job = new StridedJob(kernel, row, Sizes(a, b, c, y), walk, part);
        Workers.Run(ref job, job.Parts);
    }

    /// <summary>Bytes of an element of each operand.</summary>
    internal readonly record struct ElementSizes(int A, int B, int C, int Y);

    /// <summary>Dense operands and splats, cut into parts of equal length.</summary>
    private readonly struct FlatJob(RowKernel kernel, RowArgs row, ElementSizes sizes, long count, int partSize) : IParallelJob
    {
        public void Run(int part)
        {
            long start = (long)part * partSize;
            RowArgs mine = row;
            mine.Count = (int)Math.Min(partSize, count - start);
            if ((row.Splats & Splats.A) == 0) mine.A = (byte*)row.A + start * sizes.A;
            if ((row.Splats & Splats.B) == 0) mine.B = (byte*)row.B + start * sizes.B;
            if ((row.Splats & Splats.C) == 0) mine.C = (byte*)row.C + start * sizes.C;
            mine.Y = (byte*)row.Y + start * sizes.Y;
            kernel.Run(&mine);
        }
    }
}
