namespace Nabla.Kernels;

/// <summary>
/// What is to be done with a product C while it is still in the cache: bias, activation, masks. <see cref="Run"/> is called exactly once for each of
/// some rectangles that together cover C without overlap, whatever the path, also where the sum over k is empty.
/// </summary>
/// <remarks>
/// C is seen as one row-major matrix <c>[batch... · m, n]</c>: element (i, j) of entry e lies at row e·m + i, column j, at offset row·n + column of the
/// contiguous output. A rectangle is what one thread has just computed, for f32 and f64 at most a few hundred kilobytes; the cut depends on sizes alone. It may
/// span several entries of a batch.
/// </remarks>
public abstract class MatMulEpilogue
{
    /// <summary>
    /// All sums of the rectangle are complete. Called on the thread that computed it, at the same time as others on other threads; it may read and
    /// overwrite this rectangle of C and nothing else of C. An exception ends the product and is thrown to the caller.
    /// </summary>
    public abstract void Run(long row, nint rows, nint column, nint columns);
}
