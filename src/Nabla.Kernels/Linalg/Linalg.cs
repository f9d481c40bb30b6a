using System.Numerics;

namespace Nabla.Kernels;

/// <summary>Dense linear algebra on the CPU, batched over the leading axes.</summary>
public static unsafe partial class Linalg
{
    // What a factorisation or solve spends beside its multiply-adds, in multiply-adds for each element: copies, and waiting for pivots.
    private const int FixedCost = 16;

    // Rows that become columns together: a cache line of a column's neighbours.
    private const int LinesAtOnce = 8;

    private static long Entries(DenseTensor x)
    {
        long count = 1;
        foreach (int dim in x.Shape.Dims[..^2]) count *= dim;
        return count;
    }

    private static void CheckSquare(string operation, DenseTensor a)
    {
        if (a.Rank < 2 || a.Shape.Dims[^1] != a.Shape.Dims[^2]) throw KernelErrors.NotSquare(operation, a.Aval);
    }

    // Threads take whole parts if there are several and they are worth waking threads for; a single part may use all threads itself.
    internal static void RunParts<TJob>(ref TJob job, int parts, long workPerPart) where TJob : struct, IParallelJob
    {
        if (parts * workPerPart >= GemmConfig.ParallelFrom) Workers.Run(ref job, parts);
        else
            for (int part = 0; part < parts; part++) job.Run(part);
    }

    // Keeps the failure with the smallest index, so that the message does not depend on the order in which threads run.
    internal static void Report(long* failure, long index)
    {
        long known = Volatile.Read(ref *failure);
        while (index < known)
        {
            long seen = Interlocked.CompareExchange(ref *failure, index, known);
            if (seen == known) return;
            known = seen;
        }
    }

    // Column j of the target = signs[j] · row order[j].
    private static void WriteColumns<T>(MatrixView<double> rows, ReadOnlySpan<int> order, double* signs, MatrixView<T> target)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        double** lines = stackalloc double*[LinesAtOnce];
        for (int from = 0; from < order.Length; from += LinesAtOnce)
        {
            int count = Math.Min(LinesAtOnce, order.Length - from);
            for (int j = 0; j < count; j++) lines[j] = rows.Address + order[from + j] * rows.RowStride;
            for (nint i = 0; i < rows.Columns; i++)
                for (int j = 0; j < count; j++) target[i, from + j] = T.CreateTruncating(signs[from + j] * lines[j][i]);
        }
    }

    // Multiplies by a power of two that brings the largest magnitude near 1; false if an element is not finite.
    private static bool ScaleToOne(double* x, nint count, out double scale)
    {
        double largest = VectorKernel<double>.MaxAbs(x, count);
        scale = 1;
        if (!double.IsFinite(largest)) return false;
        if (largest == 0) return true;
        scale = Math.ScaleB(1, Math.Min(1000, -Math.ILogB(largest)));
        for (nint i = 0; i < count; i++) x[i] *= scale;
        return true;
    }
}
